"""One turn of a bot in its head: what it makes of a message, before anything of it is stored."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec

from bot_runtime.actions import Actions
from bot_runtime.assistants import (
    EMAIL,
    EMAIL_VERIFIED,
    REQUESTED_SLOT,
    TRANSCRIPT_URL,
    Assistant,
    Tracker,
    TurnResult,
    UserMessage,
)
from bot_runtime.beginning import waiting
from bot_runtime.builtin_actions import Wishes
from bot_runtime.hands import Event, Hands, Older
from bot_runtime.minds import Mind, is_a_loss
from bot_runtime.trackerlog import message_of, stored
from foundation.clock import SECOND
from foundation.errors import Invalid, Problem
from foundation.live import Signals
from transcripts.addresses import normal_address
from transcripts.events import MessageSent
from transcripts.state import State

log = logging.getLogger(__name__)

TranscriptUrl = Callable[[State], Awaitable[str]]
"""Makes the guarded link of a conversation. Raises `Problem` when it cannot."""

CHANNEL = "frontdesk"
"""What we are called where a response has variations by channel."""


class Thought(msgspec.Struct, frozen=True):
    """What a turn came to: tracker events ready for the log, messages, wishes, and the tracker for when it is stored.

    `failed`: an action broke, and nothing was said. `is_a_loss`: the assistant understood nothing or had nothing to say.
    `is_silent`: nothing was said or done that a visitor would notice.
    """

    events: tuple[dict[str, Any], ...]
    replies: tuple[MessageSent, ...]
    wishes: Wishes
    tracker: Tracker
    failed: bool
    is_a_loss: bool

    @property
    def is_silent(self) -> bool:
        return not (self.replies or self.wishes.handoff or self.wishes.mail or self.wishes.address)


class Thinker:
    """Runs turns. `older` brings the events that a tracker has let go; `signals` hears that the bot is typing while a
    custom action runs. `transcript_url` makes the link for the slot of this name, in the first turn of a conversation
    whose assistant has it."""

    def __init__(self, signals: Signals, older: Older, *, transcript_url: TranscriptUrl | None = None) -> None:
        self._signals = signals
        self._older = older
        self._transcript_url = transcript_url

    async def think(
        self, assistant: Assistant, actions: Actions | None, state: State, mind: Mind, *, text: str, seq: int, at: int
    ) -> Thought:
        """The turn for a message with this text, number and time. Raises whatever the assistant raises.

        Does not wait unless a custom action is needed; then it says so first (`beginning.waiting`).
        """
        hands = Hands(actions, state, self._signals, self._older, at=at)
        hands.wishes.address = _typed_address(assistant, mind.tracker, text)
        known = known_of(state, assistant, typed=hands.wishes.address)
        known |= await self._link(assistant, mind.tracker, state)
        message = UserMessage(text, at / SECOND, channel=CHANNEL, known=known)
        result = await assistant.turn(mind.tracker, message, hands.act)
        return _thought(result, hands, seq=seq, at=at)

    async def carry_on(
        self, assistant: Assistant, actions: Actions | None, state: State, mind: Mind, *, at: int
    ) -> Thought | None:
        """The turn of a form that asked for an address, or for its proof, and has it now; `None` when none did."""
        known = known_of(state, assistant)
        if not assistant.waits_for(mind.tracker, known):
            return None
        hands = Hands(actions, state, self._signals, self._older, at=at, carried_on=True)
        result = await assistant.carry_on(mind.tracker, known, hands.act, now=at / SECOND)
        return _thought(result, hands, seq=0, at=at)

    async def _link(self, assistant: Assistant, tracker: Tracker, state: State) -> dict[str, Any]:
        """The transcript's link, as it was made before in this conversation, or new."""
        if self._transcript_url is None or not assistant.domain.wants_transcript_url:
            return {}
        if tracker.slots.get(TRANSCRIPT_URL) is not None:
            return {}
        known = _latest_link(tracker.events_backwards())
        if known is None:
            await waiting()
            known = _latest_link(reversed(await self._older(state, tracker)))
        if known is not None:
            return {TRANSCRIPT_URL: known}
        try:
            return {TRANSCRIPT_URL: await self._transcript_url(state)}
        except Problem as problem:
            log.warning("a chat goes on without its transcript's link: %s", problem.code)
            return {}


def _latest_link(events: Iterable[Event]) -> Any:
    """The value that the link's slot was last given; `events` are newest first."""
    links = (event.get("value") for event in events if event["event"] == "slot" and event.get("name") == TRANSCRIPT_URL)
    return next(filter(None, links), None)


def known_of(state: State, assistant: Assistant, *, typed: str = "") -> dict[str, Any]:
    """What the slots of the e-mail proof are to hold, of those that the assistant leaves to us."""
    address = typed or state.address
    if not address:
        return {}
    proven = address == state.address and state.verification.state == "verified"
    values = {EMAIL: address, EMAIL_VERIFIED: proven}
    return {name: values[name] for name in assistant.domain.proofs}


def _typed_address(assistant: Assistant, tracker: Tracker, text: str) -> str:
    """The address that was written to a form that asks for one, in place of using the card; else nothing."""
    domain = assistant.domain
    asks = tracker.active_loop in domain.forms and tracker.slots.get(REQUESTED_SLOT) == EMAIL
    if not asks or EMAIL not in domain.proofs or "@" not in text:
        return ""
    try:
        return normal_address(text)
    except Invalid:
        return ""


def _thought(result: TurnResult, hands: Hands, *, seq: int, at: int) -> Thought:
    replies: list[MessageSent] = []
    places: dict[int, int] = {}
    for reply in result.replies:
        said = message_of(reply, result.events[reply.event_index].get("metadata") or {}, at)
        if said is not None:
            places[reply.event_index] = len(replies)
            replies.append(said)
    events = stored(result.events, message=seq, replies=places)
    return Thought(
        events=events,
        replies=tuple(replies),
        wishes=hands.wishes,
        tracker=result.tracker,
        failed=bool(result.failed) and not replies,
        is_a_loss=is_a_loss(events),
    )
