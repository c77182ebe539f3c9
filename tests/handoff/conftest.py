"""The desk on stores in memory: two agents, a supervisor, a colleague without the bot, and a chat that waits."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest_asyncio

import admin
import transcripts
from admin import Accounts, AuditBook, Changes, Principal
from foundation import keys
from foundation.clock import MINUTE, ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import MemoryEngine
from handoff.desk import Desk
from handoff.queue import QueueKeeper
from transcripts import Conversations, State
from transcripts.control import change
from transcripts.events import Control, MessageSent

BOT = "bot-of-the-shop"
OTHER_BOT = "bot-of-another"


@dataclass
class House:
    """Everything a test of the desk touches."""

    account: str
    clock: ManualClock
    conversations: Conversations
    audit: AuditBook
    desk: Desk
    keeper: QueueKeeper
    people: dict[str, Principal] = field(default_factory=dict)

    def person(self, name: str, role: str = "agent", bot: str = BOT) -> Principal:
        everything = role in {"admin", "super_admin"}
        return Principal(
            account=self.account,
            person=name,
            name=name.title(),
            email=f"{name}@house.example",
            role=role,  # type: ignore[arg-type]
            session="s",
            bots=None if everything else frozenset({bot}),
        )

    async def chat(self, control: Control = "queue") -> str:
        """A conversation in which the visitor said something, under this control."""
        made = await self.conversations.open(self.account, BOT, visitor="a-browser")
        await self.visitor_says(made, "hello")
        if control != "bot":
            await self.conversations.update(
                self.account,
                made,
                lambda state: [
                    change(state, "queue", reason="handoff_requested", actor="visitor", at=self.clock.now())
                ],
            )
        return made

    async def visitor_says(self, conversation: str, text: str) -> None:
        said = MessageSent(at=self.clock.now(), by="visitor", text=text)
        await self.conversations.update(self.account, conversation, lambda _: [said])

    async def state(self, conversation: str) -> State:
        return await self.conversations.state(self.account, conversation)

    async def actions(self) -> list[str]:
        """What the audit book says was done."""
        return [entry.action for _, entry in await self.audit.read(self.account)]


@pytest_asyncio.fixture
async def house() -> AsyncIterator[House]:
    clock = ManualClock()
    engine, store = MemoryEngine((*admin.KINDS, *transcripts.KINDS)), MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    signals = LocalSignals()
    audit = AuditBook(engine, keyring, clock)
    accounts = Accounts(engine, keyring, clock, audit, Changes(signals))
    account = (await accounts.create("Blue")).id
    conversations = Conversations(engine, keyring, signals, clock)
    keeper = QueueKeeper(accounts, conversations, clock, wait_ms=15 * MINUTE, silent_ms=10 * MINUTE)
    yield House(account, clock, conversations, audit, Desk(conversations, audit, clock), keeper)
    await store.close()
    await engine.close()
