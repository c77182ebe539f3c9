"""The desk on stores in memory: two agents, a supervisor, a colleague without the bot, and a chat that waits."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import msgspec
import pytest_asyncio

import admin
import transcripts
from admin import AuditBook, Principal
from foundation import keys
from foundation.clock import MINUTE, SECOND, ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals, Signals
from foundation.records import MemoryEngine
from handoff.assignment import Assigner
from handoff.desk import Desk
from handoff.presence import PRESENCE, Presence
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
    staff: admin.Services
    presence: Presence
    signals: Signals
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

    async def member(self, name: str, role: str = "agent", *, bots: tuple[str, ...] | None = None) -> Principal:
        """A person who is really kept, with grants; he has the console open and the status that his role begins with."""
        made = await self.staff.people.create(
            self.account,
            f"{name}@house.example",
            name.title(),
            role,  # type: ignore[arg-type]
            "correct horse battery",
        )
        for bot in (BOT,) if bots is None else bots:
            await self.staff.grants.grant_to(self.account, made.id, bot)
        person = msgspec.structs.replace(
            self.person(name, role), person=made.id, bots=await self.staff.grants.of(self.account, made.id)
        )
        await self.presence.beat(person)
        return person

    def assigner(self) -> Assigner:
        """One node's."""
        return Assigner(
            accounts=self.staff.accounts,
            bots=self.staff.bots,
            people=self.staff.people,
            grants=self.staff.grants,
            conversations=self.conversations,
            presence=self.presence,
            signals=self.signals,
            clock=self.clock,
            accept_ms=30 * SECOND,
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
    engine, store = MemoryEngine((*admin.KINDS, *transcripts.KINDS, PRESENCE)), MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    signals = LocalSignals()
    hashing = admin.Passwords(memory_kib=64, passes=1, lanes=1)
    staff = admin.build(engine, keyring, signals, clock, passwords=hashing)
    audit, accounts = staff.audit, staff.accounts
    presence = Presence(engine, keyring, signals, clock, accounts=accounts, audit=audit)
    account = (await accounts.create("Blue")).id
    conversations = Conversations(engine, keyring, signals, clock)
    keeper = QueueKeeper(accounts, conversations, clock, wait_ms=15 * MINUTE, silent_ms=10 * MINUTE)
    desk = Desk(conversations, audit, clock)
    yield House(account, clock, conversations, audit, desk, keeper, staff, presence, signals)
    await store.close()
    await engine.close()
