"""An installation of the records on real files, closed and opened again as often as a test wants."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import admin
from admin import By
from foundation import jobs, keys
from foundation.clock import ManualClock
from foundation.jobs import Jobs
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import Engine, SqliteEngine
from transcripts import KINDS, Consents, Contacts, Conversations, attachments, rights
from transcripts.events import EmailSupplied, MessageSent, NameGiven
from transcripts.rights import Rights

OLGA = By("olga", "192.0.2.7")
VISITOR = "hash-of-a-device-secret"
PERSONAL = ("canary-said", "Canarylady", "canary@example.org", "canary-page")


@dataclass
class Desk:
    """The stores of one installation and what is built on them."""

    clock: ManualClock
    engine: Engine
    keyring: Keyring
    signals: LocalSignals
    services: admin.Services
    outbox: Jobs
    conversations: Conversations
    contacts: Contacts
    consents: Consents
    rights: Rights
    account: str
    bot: str

    async def chat(self, said: str = "canary-said", *, contact: str | None = None, visitor: str = VISITOR) -> str:
        """A conversation with consent, words, and maybe a contact."""
        at = self.clock.now()
        made = await self.conversations.open(self.account, self.bot, visitor=visitor)
        notice = await self.consents.notice(self.account, self.bot, "en")
        await self.consents.give(
            self.account,
            self.bot,
            visitor=visitor,
            conversation=made,
            version=notice.version,
            page="https://x.example/canary-page",
        )
        await self.conversations.append(
            self.account, made, [MessageSent(at=at, by="visitor", text=said), NameGiven(at=at, name="Canarylady")], 1
        )
        if contact is not None:
            supplied = EmailSupplied(at=at, contact=contact, address="canary@example.org", by="visitor", outcome="new")
            await self.conversations.append(self.account, made, [supplied], 3)
        return made


Opener = Callable[[], AbstractAsyncContextManager[Desk]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def opened(folder: Path, clock: ManualClock) -> Opener:
    """Opens the installation in `folder`, each time under the same master key."""
    master = MasterKey(os.urandom(32))

    @asynccontextmanager
    async def open_desk() -> AsyncIterator[Desk]:
        store = SqliteEngine(folder / "keys.db", keys.KINDS)
        engine = SqliteEngine(
            folder / "frontdesk.db", [*jobs.KINDS, *admin.KINDS, *KINDS, *rights.KINDS, *attachments.KINDS]
        )
        await store.open()
        await engine.open()
        keyring, signals = Keyring(store, master, clock), LocalSignals()
        await keyring.open()
        yield await _desk(engine, keyring, signals, clock, folder)
        await engine.close()
        await store.close()

    return open_desk


async def _desk(engine: Engine, keyring: Keyring, signals: LocalSignals, clock: ManualClock, folder: Path) -> Desk:
    services = admin.build(engine, keyring, signals, clock, passwords=admin.Passwords(memory_kib=64, passes=1, lanes=1))
    outbox = Jobs(engine, keyring, clock)
    conversations = Conversations(engine, keyring, signals, clock)
    contacts = Contacts(engine, keyring, clock)
    consents = Consents(engine, keyring, clock, services.accounts, services.bots)
    accounts = [account async for account in services.accounts.all()]
    account = accounts[0] if accounts else await services.accounts.create("Blue Ltd")
    bots = await services.bots.list(account.id)
    bot = bots[0] if bots else await services.bots.create(account.id, "Shop bot", "demo")
    built = rights.build(
        engine=engine,
        keyring=keyring,
        clock=clock,
        conversations=conversations,
        contacts=contacts,
        consents=consents,
        accounts=services.accounts,
        bots=services.bots,
        audit=services.audit,
        jobs=outbox,
        signals=signals,
        ledger=folder / "erasures.jsonl",
        residency={"database": "Frankfurt"},
    )
    return Desk(
        clock,
        engine,
        keyring,
        signals,
        services,
        outbox,
        conversations,
        contacts,
        consents,
        built,
        account.id,
        bot.id,
    )
