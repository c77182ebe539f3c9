"""From a message to the events that answer it: the assistant's turn, or what is said when there is none (BR-5).

An answer is made for a state and appended to it, or forgotten: nothing here is stored or remembered by itself.
"""

import logging
from collections.abc import Sequence

import msgspec

from bot_runtime.bots import RunningBots
from bot_runtime.fallbacks import CALL_PERSON, at_a_loss, failed, handoff
from bot_runtime.minds import Mind, Minds
from bot_runtime.phrases import say
from bot_runtime.thinking import Thinker, Thought
from bot_runtime.trackerlog import words
from foundation.clock import Clock
from transcripts.control import change
from transcripts.events import AnyEvent, BotStateChanged, ControlChanged, MessageSent
from transcripts.state import State

log = logging.getLogger(__name__)


class Draft(msgspec.Struct, frozen=True):
    """What the bot came to, before it is known on which state it is stored.

    `answers` is the seq of the visitor's message, 0 when the bot is not ready and will answer later. Without `thought`
    the turn failed, so many times in a row before (`failures`). `calls`: the visitor pressed the button for a person.
    `carries_on`: no message caused the turn; it stands only right behind the log that it knew.
    """

    answers: int
    thought: Thought | None = None
    mind: Mind | None = None
    failures: int = 0
    calls: bool = False
    carries_on: bool = False

    @property
    def wants_mail(self) -> bool:
        """Whether a mail is to be sent once this is stored."""
        return self.thought is not None and bool(self.thought.wishes.mail or self.thought.wishes.address)

    @property
    def address(self) -> str:
        """The address that the visitor wrote to a form."""
        return self.thought.wishes.address if self.thought else ""


class Answerer:
    """Makes drafts, and events of them."""

    def __init__(self, bots: RunningBots, minds: Minds, thinker: Thinker, clock: Clock) -> None:
        self._bots = bots
        self._minds = minds
        self._thinker = thinker
        self._clock = clock

    async def draft(self, state: State, message: MessageSent, seq: int) -> Draft:
        """The bot's turn for a message, which has or will have the number `seq`. Whatever goes wrong in the assistant is
        a draft that says so. Does not wait unless a custom action or the log has to be asked."""
        text = words(message)
        if text == CALL_PERSON:
            return Draft(seq, calls=True)
        bot = self._bots.of(state.account, state.bot)
        if bot is None or bot.assistant is None:
            return Draft(0) if bot is None or bot.is_loading else await self.failed(state, seq)
        mind: Mind | None = None
        try:
            mind = await self._minds.of(state, bot.assistant)
            thought = await self._thinker.think(
                bot.assistant, bot.actions, state, mind, text=text, seq=seq, at=self._clock.now()
            )
        except Exception:
            log.exception("a turn of bot %s failed", state.bot)
            return Draft(seq, mind=mind, failures=mind.failures) if mind else await self.failed(state, seq)
        return Draft(seq, None if thought.failed else thought, mind, mind.failures)

    async def carry_on(self, state: State) -> Draft | None:
        """The turn of a form that waited for an address or its proof and has it now; `None` when none did."""
        bot = self._bots.of(state.account, state.bot)
        if bot is None or bot.assistant is None or not bot.assistant.domain.proofs:
            return None
        try:
            mind = await self._minds.of(state, bot.assistant)
            thought = await self._thinker.carry_on(bot.assistant, bot.actions, state, mind, at=self._clock.now())
        except Exception:
            log.exception("a form of bot %s could not go on", state.bot)
            return None
        if thought is None or thought.failed:
            return None
        return Draft(0, thought, mind, carries_on=True)

    async def failed(self, state: State, seq: int) -> Draft:
        """The draft in place of one that could not be had."""
        return Draft(seq, failures=await self._minds.failures(state))

    def events(self, draft: Draft, state: State) -> Sequence[AnyEvent]:
        """The events of a draft on this state, in which the bot has control."""
        now = self._clock.now()
        if not draft.answers and not draft.carries_on:
            return _not_ready(state, now)
        thought = draft.thought
        turn = BotStateChanged(at=now, answers=draft.answers, events=thought.events if thought else ())
        if draft.calls:
            return [turn, *handoff(state, now)]
        if thought is None:
            return [turn, *failed(state, now, failures=draft.failures + 1)]
        events: list[AnyEvent] = [turn, *thought.replies]
        if thought.wishes.handoff:
            events.append(change(state, "queue", reason="handoff_requested", actor="bot", at=now))
        elif draft.mind is not None and thought.is_a_loss and not draft.carries_on:
            events += at_a_loss(state, now, losses=draft.mind.losses + 1, silent=thought.is_silent)
        return events

    def stored(self, draft: Draft, conversation: str, events: Sequence[AnyEvent], seq: int) -> None:
        """The events of a draft are stored, nothing came in between, and the log ends with `seq`."""
        mind, thought = draft.mind, draft.thought
        if mind is None:
            return
        for event in events:
            if isinstance(event, BotStateChanged):
                mind.count(event, is_a_loss=thought is not None and thought.is_a_loss)
            elif isinstance(event, ControlChanged):
                mind.forgive()
        self._minds.keep(conversation, mind, thought.tracker if thought else mind.tracker, seq)

    def dropped(self, conversation: str) -> None:
        """A draft was not stored, or not right behind what it knew: what the log says counts."""
        self._minds.forget(conversation)


def _not_ready(state: State, at: int) -> Sequence[AnyEvent]:
    """Said once, not after every message."""
    text = say(state.locale, "not_ready")
    said = state.last_by == "system" and state.last_text == text
    return () if said else [MessageSent(at=at, by="system", text=text)]
