"""Who gets a waiting chat: among those who are available, whoever has been idle longest, up to a number at a time (YA-25).

The rule is in `handoff.choosing`. `Assigner` follows it for every account that gives its chats out by itself: it offers
a waiting chat to one person by an event in the chat's log, so that of all nodes and people one wins, as when a chat is
taken by hand. The chat stays in the queue until he takes it; nobody is told that he talks to a person who is not there.
An offer that is given back goes on to the next one; one that is not answered does too, and its person is set away.
"""

import asyncio
import logging
from collections.abc import Sequence

from admin import Account, Accounts, Bots, Grants, People, Person, Principal
from admin.roles import BY_GRANT, EVERY_BOT
from foundation.clock import SECOND, Clock
from foundation.errors import Problem
from foundation.live import Listener, Signals
from foundation.records import Record
from foundation.tasks import ended
from handoff.choosing import Free, Why, choose, fits, why_over
from handoff.presence import Presence, PresenceBody, in_flight, status_of
from transcripts import Conversations, State
from transcripts.events import AnyEvent, ChatOffered, OfferEnded

log = logging.getLogger(__name__)

SWEEP_EVERY = 3 * SECOND
"""What no signal told is found after this time, and offers end this late at most."""
PAUSE = SECOND // 4
"""Between two looks that signals asked for: a busy account is looked at four times a second, not at every word."""
LOOKED_AT = 200
"""Waiting chats of an account that are looked at, the longest waiting first."""


class Assigner:
    """Gives out the waiting chats. `run` is started once per process; `sweep` is one look at everything."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        bots: Bots,
        people: People,
        grants: Grants,
        conversations: Conversations,
        presence: Presence,
        signals: Signals,
        clock: Clock,
        accept_ms: int,
    ) -> None:
        self._accounts = accounts
        self._bots = bots
        self._people = people
        self._grants = grants
        self._conversations = conversations
        self._presence = presence
        self._signals = signals
        self._clock = clock
        self._accept_ms = accept_ms
        self._automatic: set[str] = set()
        self._topics: dict[str, str] = {}
        self._asked: set[str] = set()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Give out chats until cancelled: when a signal says that something changed, and every few seconds anyway."""
        async with self._signals.listen() as listener:
            works = [self._follow(listener), self._answer(), self._keep_sweeping(listener)]
            tasks = [asyncio.create_task(work) for work in works]
            try:
                await asyncio.gather(*tasks)
            finally:
                await ended(*tasks)

    async def sweep(self) -> int:
        """Look at every account once; how many chats were offered."""
        offered = 0
        async for account in self._accounts.all():
            offered += await self._look(account)
        return offered

    # When to look

    async def _keep_sweeping(self, listener: Listener) -> None:
        while True:
            try:
                await self.sweep()
                await self._listen_to(listener)
            except Problem:
                log.exception("the waiting chats could not be looked at; they will be again")
            await self._clock.sleep(SWEEP_EVERY)

    async def _listen_to(self, listener: Listener) -> None:
        """Hear of the chats of those accounts that give them out, and of no others."""
        wanted: dict[str, str] = {}
        for account in self._automatic:
            wanted[f"presence/{account}"] = account
            wanted |= {f"bot/{bot.id}": account for bot in await self._bots.list(account)}
        for topic in wanted.keys() - self._topics.keys():
            listener.add(topic)
        for topic in self._topics.keys() - wanted.keys():
            listener.drop(topic)
        self._topics = wanted

    async def _follow(self, listener: Listener) -> None:
        async for signal in listener:
            account = self._topics.get(signal.topic)
            if account is not None:
                self._asked.add(account)
                self._wake.set()

    async def _answer(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            asked, self._asked = self._asked, set()
            for one in asked:
                await self._look_or_leave(one)
            await self._clock.sleep(PAUSE)

    async def _look_or_leave(self, id: str) -> None:
        try:
            account = await self._accounts.get(id)
            if account is not None:
                await self._look(account)
        except Problem:
            log.exception("an account's waiting chats could not be looked at; they will be again")

    # One look

    async def _look(self, account: Account) -> int:
        if account.body.automatic:
            self._automatic.add(account.id)
            return await self._give_out(account)
        if account.id in self._automatic:  # it no longer is: what was offered is offered no more
            await self._give_out(account)
            self._automatic.discard(account.id)
        return 0

    async def _give_out(self, account: Account) -> int:
        """End the offers that are over, and offer each chat that waits; nobody is offered two in one look, because the
        second is decided on his row as it then stands."""
        waiting = await self._waiting(account.id)
        if not waiting:
            return 0
        rows = {row.id: row for row in await self._presence.here(account.id)} if account.body.automatic else {}
        free = await self._free(account, list(rows.values()), waiting)
        idle, offered = list(free), 0
        for state in waiting:
            why = why_over(state, free, self._clock.now())
            if why is not None:
                await self._end(state, why)
            elif (one := choose(state, idle)) is not None:
                idle.remove(one)
                offered += await self._offer(state, one.person, rows[one.person.person])
        return offered

    async def _waiting(self, account: str) -> list[State]:
        states: list[State] = []
        async for row in self._conversations.heads.waiting(account, "queue", until=self._clock.now()):
            state = await self._conversations.state(account, row.id, known=row.seq)
            if state.control == "queue" and state.restricted is None:
                states.append(state)
            if len(states) == LOOKED_AT:
                break
        return states

    async def _free(
        self, account: Account, read: Sequence[Record[PresenceBody]], waiting: Sequence[State]
    ) -> list[Free]:
        """Those who are available, with the rights that they have at this moment and the chats that they have."""
        free: list[Free] = []
        for row in read:
            person = await self._people.get(account.id, row.id)
            if person is None or not person.body.may_log_in(self._clock.now()):
                continue
            if status_of(row.body, person.body.role) != "available":
                continue
            cap = account.body.chats_at_once if person.body.chats_at_once is None else person.body.chats_at_once
            held, _ = await self._conversations.heads.rows(
                account.id, None, control="agent", holder=person.id, limit=cap + 1
            )
            chats = {chat.id for chat in held}
            chats |= {state.id for state in waiting if state.offer is not None and state.offer.person == person.id}
            chats |= {one.chat for one in in_flight(row.body, self._clock.now())}
            free.append(Free(await self._principal(person), row.body.idle_since, cap, frozenset(chats)))
        return free

    async def _principal(self, person: Person) -> Principal:
        bots: frozenset[str] | None = frozenset()
        if person.body.role in EVERY_BOT:
            bots = None
        elif person.body.role in BY_GRANT:
            bots = await self._grants.of(person.account, person.id)
        body = person.body
        return Principal(person.account, person.id, body.name, body.email, body.role, session="", bots=bots)

    async def _offer(self, state: State, person: Principal, read: Record[PresenceBody]) -> bool:
        if not await self._presence.reserve(read, state.id):
            return False

        def decide(fresh: State) -> Sequence[AnyEvent]:
            if not fits(fresh, person):
                return ()
            now = self._clock.now()
            return [ChatOffered(at=now, person=person.person, name=person.name, until=now + self._accept_ms)]

        outcome = await self._conversations.update(state.account, state.id, decide)
        return bool(outcome.events)

    async def _end(self, state: State, why: Why) -> None:
        ends = state.offer

        def decide(fresh: State) -> Sequence[AnyEvent]:
            if ends is None or fresh.offer != ends:
                return ()
            return [OfferEnded(at=self._clock.now(), person=ends.person, name=ends.name, reason=why)]

        outcome = await self._conversations.update(state.account, state.id, decide)
        if outcome.events and ends is not None and why == "missed":
            await self._presence.step_back(state.account, ends.person)
