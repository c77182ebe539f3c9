"""A visitor's message and what it causes: stored, understood, decided, acted on, answered. Every channel comes here.

- A message is acknowledged when it is durable, and stored once however often it is sent.
- Turns of one conversation run one after the other; those of different conversations do not wait for each other.
- A turn that needs nobody runs at once and is stored together with its message, in one append. A turn that needs a
  custom action is answered in a second append; the message is acknowledged before that, and further messages are taken
  meanwhile.
- Only the holder of control answers: the bot looks when it appends. What it thought while a person took over is
  dropped.
- A message whose turn was cut off by a crash is *unanswered* in the log; `resume` runs its turn, once.
- A failing bot never breaks a chat: the visitor gets an honest answer, and a person when it fails again (`fallbacks`).
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import Protocol
from weakref import WeakValueDictionary

import msgspec

from bot_runtime.answers import Answerer, Draft
from bot_runtime.beginning import Begun
from foundation.clock import Clock
from foundation.errors import Conflict, Forbidden, Problem, Unavailable
from foundation.records import Stale
from foundation.tasks import ended
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, ControlChanged, MessageSent, Role
from transcripts.messages import mask_cards
from transcripts.state import State

log = logging.getLogger(__name__)

TURN_LIMIT_S = 30.0
"""Seconds after which a turn that waits for its actions has failed."""

UNWRITABLE = (TypeError, ValueError, OverflowError, RecursionError)
"""What an author's data may be that no log can hold: an endless number, an object, a dict in itself."""

_TRIES = 100

_LATELY = 1_024
"""Rooms that are kept though nobody is in them: a visitor who writes again need not wait for one to be furnished."""


class Said(msgspec.Struct, frozen=True):
    """What a visitor said: `payload` is what a button sent in place of its title (`/intent{…}`)."""

    client_id: str
    text: str
    payload: str = ""


class Mailer(Protocol):
    """What a turn needs of the e-mail proof."""

    async def supply(self, account: str, conversation: str, address: str, *, by: Role) -> int:
        """Take the address that the visitor wrote to a form."""

    async def send(self, account: str, conversation: str, *, by: Role) -> int:
        """Send the mail that an assistant asks for."""


class _Room:
    """What is under way in one conversation. `lock` is held for quick things only, never while an action runs."""

    __slots__ = ("__weakref__", "again", "lock", "pending", "proven", "runner")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.pending: deque[int] = deque()
        self.runner: asyncio.Task[None] | None = None
        self.again = False
        self.proven = False


class Turns:
    """The turns of all conversations."""

    def __init__(
        self,
        conversations: Conversations,
        answerer: Answerer,
        mailer: Mailer,
        clock: Clock,
        *,
        limit_s: float = TURN_LIMIT_S,
    ) -> None:
        self._conversations = conversations
        self._answerer = answerer
        self._mailer = mailer
        self._clock = clock
        self._limit_s = limit_s
        self._rooms: WeakValueDictionary[str, _Room] = WeakValueDictionary()
        self._lately: deque[_Room] = deque(maxlen=_LATELY)
        self._runners: set[asyncio.Task[None]] = set()

    async def receive(self, account: str, conversation: str, said: Said) -> int:
        """Store what the visitor said, and answer it if the bot has control. Returns its seq, when it is durable.

        A `client_id` that is known gives the seq of then and does nothing else. Raises `Forbidden` without consent
        (PS-13), `Conflict` when the chat is over, `NotFound`, and what storage raises; nothing is kept then.
        """
        room = self._room(conversation)
        message = MessageSent(
            at=self._clock.now(),
            by="visitor",
            text=mask_cards(said.text),
            client_id=said.client_id,
            payload=said.payload and mask_cards(said.payload),
        )
        async with room.lock:
            for _ in range(_TRIES):
                state = await self._conversations.state(account, conversation)
                if said.client_id in state.client_ids:
                    return state.client_ids[said.client_id]
                _require_open(state)
                try:
                    return await self._take(room, state, message)
                except Stale:
                    self._answerer.dropped(conversation)
        raise Unavailable("This chat is written to by too many at once. Your message was not stored; please try again.")

    async def resume(self, account: str, conversation: str) -> None:
        """Run the turns that a crash, or a bot that was not ready, left out. Returns before they are run."""
        room = self._room(conversation)
        async with room.lock:
            if room.runner is not None:
                room.again = True  # it may be storing that the bot was not ready, and must not end with that
                return
            await self._gather_unanswered(room, account, conversation)
            if room.pending:
                self._run(room, account, conversation)

    async def proof_changed(self, account: str, conversation: str) -> None:
        """An address was given or proven, in whatever way: a form that asked for it goes on by itself. Called again, or
        for a chat in which nothing waits, it does nothing. Returns before the turn is run."""
        room = self._room(conversation)
        async with room.lock:
            state = await self._conversations.state(account, conversation)
            if state.control != "bot" or not state.address or state.consent is None:
                return
            room.proven = True
            if room.runner is None:
                self._run(room, account, conversation)

    async def recover(self, account: str, bot: str | None = None) -> int:
        """Resume all conversations of an account (or of one bot) that wait for the bot; how many. For the start, and
        for the moment at which an assistant is ready."""
        resumed = 0
        async for row in self._conversations.heads.waiting(account, "bot", until=self._clock.now()):
            if bot is None or row.bot == bot:
                await self.resume(account, row.id)
                resumed += 1
        return resumed

    async def idle(self) -> None:
        """Wait until no turn is under way."""
        while self._runners:
            await asyncio.gather(*self._runners, return_exceptions=True)

    async def close(self) -> None:
        """Cut off the turns under way; their messages stay unanswered in the log and are resumed at the next start."""
        await ended(*self._runners)

    # A message that arrives

    async def _take(self, room: _Room, state: State, message: MessageSent) -> int:
        """Append the message to this state, with its answer if that can be had at once. Raises `Stale`."""
        seq = state.seq + 1
        if state.control != "bot" or room.runner is not None:
            await self._conversations.append(state.account, state.id, [message], state.seq)
            if state.control == "bot":
                room.pending.append(seq)
            return seq
        if state.unanswered is not None:  # what has waited longer, for a bot that was not ready, is answered first
            await self._conversations.append(state.account, state.id, [message], state.seq)
            await self._gather_unanswered(room, state.account, state.id)
            self._run(room, state.account, state.id)
            return seq
        begun = Begun(self._answerer.draft(state, message, seq))
        try:
            if begun.ended:
                return await self._store_at_once(room, state, message, await begun.rest())
            await self._conversations.append(state.account, state.id, [message], state.seq)
        except BaseException:
            begun.abandon()
            self._answerer.dropped(state.id)
            raise
        self._run(room, state.account, state.id, (begun, seq))
        return seq

    async def _store_at_once(self, room: _Room, state: State, message: MessageSent, draft: Draft) -> int:
        answer = self._answerer.events(draft, state)
        try:
            last = await self._conversations.append(state.account, state.id, [message, *answer], state.seq)
        except UNWRITABLE:
            log.exception("what bot %s said cannot be written down", state.bot)
            draft = await self._answerer.failed(state, state.seq + 1)
            answer = self._answerer.events(draft, state)
            last = await self._conversations.append(state.account, state.id, [message, *answer], state.seq)
        self._answerer.stored(draft, state.id, answer, last)
        if draft.wants_mail:
            self._run(room, state.account, state.id, mail=draft)
        return state.seq + 1

    async def _gather_unanswered(self, room: _Room, account: str, conversation: str) -> None:
        state = await self._conversations.state(account, conversation)
        if state.control == "bot" and state.unanswered is not None:
            room.pending.extend(await self._unanswered(state))

    async def _unanswered(self, state: State) -> Sequence[int]:
        """The visitor's messages since the bot has control that no turn answered, oldest first."""
        waiting: list[int] = []
        for one in await self._conversations.events(state.account, state.id, state.answered):
            if isinstance(one.event, MessageSent) and one.event.by == "visitor":
                waiting.append(one.seq)
            elif isinstance(one.event, ControlChanged) and one.event.now == "bot":
                waiting.clear()
        return waiting

    # Turns that take longer than their message

    def _run(
        self,
        room: _Room,
        account: str,
        conversation: str,
        begun: tuple[Begun[Draft], int] | None = None,
        *,
        mail: Draft | None = None,
    ) -> None:
        work = self._work(room, account, conversation, begun, mail=mail)
        room.runner = asyncio.create_task(work, name=f"turns of {conversation}")
        self._runners.add(room.runner)
        room.runner.add_done_callback(self._runners.discard)

    async def _work(
        self,
        room: _Room,
        account: str,
        conversation: str,
        begun: tuple[Begun[Draft], int] | None,
        *,
        mail: Draft | None,
    ) -> None:
        """Finish the turn that was begun, then answer what came meanwhile, message by message; at last let a form go on
        that waited for a proof."""
        try:
            if mail is not None:
                await self._mail(account, conversation, mail)
            while True:
                if begun is not None:
                    await self._finish(account, conversation, *begun)
                async with room.lock:
                    if not room.pending and room.again:
                        room.again = False
                        await self._gather_unanswered(room, account, conversation)
                    if room.pending:
                        begun = await self._begin(account, conversation, room.pending.popleft())
                        continue
                    if not room.proven:
                        room.runner = None
                        return
                    room.proven, begun = False, None
                await self._carry_on(account, conversation)
        except Exception as error:  # noqa: BLE001 - the messages stay unanswered and are resumed
            _log_failure(conversation, error)
        finally:
            if room.runner is asyncio.current_task():
                room.runner = None
                room.pending.clear()

    async def _begin(self, account: str, conversation: str, seq: int) -> tuple[Begun[Draft], int] | None:
        state = await self._conversations.state(account, conversation)
        if state.control != "bot" or state.answered >= seq:
            return None
        events = await self._conversations.events(account, conversation, seq - 1)
        message = events[0].event
        assert isinstance(message, MessageSent)
        return Begun(self._answerer.draft(state, message, seq)), seq

    async def _finish(self, account: str, conversation: str, begun: Begun[Draft], seq: int) -> None:
        """Store the answer on whatever the conversation has become, unless it is not the bot's any more."""
        try:
            async with asyncio.timeout(self._limit_s):
                draft = await begun.rest()
        except TimeoutError:
            log.warning("a turn took longer than %g seconds", self._limit_s)
            draft = await self._failed(account, conversation, seq)
        try:
            await self._store(account, conversation, draft, seq)
        except UNWRITABLE:
            log.exception("what the bot of conversation %s said cannot be written down", conversation)
            await self._store(account, conversation, await self._failed(account, conversation, seq), seq)

    async def _carry_on(self, account: str, conversation: str) -> None:
        """Run the turn that a proof caused. What was written meanwhile makes it run again on the state of then."""
        for _ in range(_TRIES):
            state = await self._conversations.state(account, conversation)
            if state.control != "bot":
                return
            async with asyncio.timeout(self._limit_s):
                draft = await Begun(self._answerer.carry_on(state)).rest()
            if draft is None:
                return
            answer = self._answerer.events(draft, state)
            try:
                last = await self._conversations.append(account, conversation, answer, state.seq)
            except Stale:
                self._answerer.dropped(conversation)
                continue
            self._answerer.stored(draft, conversation, answer, last)
            if draft.wants_mail:
                await self._mail(account, conversation, draft)
            return

    async def _failed(self, account: str, conversation: str, seq: int) -> Draft:
        return await self._answerer.failed(await self._conversations.state(account, conversation), seq)

    async def _store(self, account: str, conversation: str, draft: Draft, seq: int) -> None:
        answer: Sequence[AnyEvent] = ()

        def decide(state: State) -> Sequence[AnyEvent]:
            nonlocal answer
            answer = self._answerer.events(draft, state) if state.control == "bot" and state.answered < seq else ()
            return answer

        before = draft.mind.seq if draft.mind else 0
        outcome = await self._conversations.update(account, conversation, decide)
        if outcome.events and outcome.first in (before + 1, seq + 1):
            self._answerer.stored(draft, conversation, answer, outcome.state.seq)
        else:
            self._answerer.dropped(conversation)
        if draft.wants_mail and outcome.events:
            await self._mail(account, conversation, draft)

    async def _mail(self, account: str, conversation: str, draft: Draft) -> None:
        """Take the address that was written, if one was. Send the mail, unless taking the address did."""
        try:
            if draft.address:
                await self._mailer.supply(account, conversation, draft.address, by="visitor")
                state = await self._conversations.state(account, conversation)
                if state.code_asked_at or state.verification.state == "verified":
                    return
            if draft.thought is not None and draft.thought.wishes.mail:
                await self._mailer.send(account, conversation, by="bot")
        except Problem as problem:
            log.warning("an assistant's mail was not sent: %s", problem.code)

    def _room(self, conversation: str) -> _Room:
        room = self._rooms.get(conversation)
        if room is None:
            room = self._rooms[conversation] = _Room()
            self._lately.append(room)
        return room


def _require_open(state: State) -> None:
    if state.closed:
        raise Conflict("This chat is over. Your message was not stored.")
    if state.consent is None:
        raise Forbidden("Please accept the notice first. Your message was not stored.")


def _log_failure(conversation: str, error: Exception) -> None:
    if isinstance(error, Problem):
        log.error("the turns of conversation %s were cut off: %s", conversation, error.code)
    else:
        log.error("the turns of conversation %s were cut off", conversation, exc_info=error)
