"""One turn of a bot in its head: what it makes of a message, before anything of it is stored."""

from typing import Any

import msgspec

from bot_runtime.actions import Actions
from bot_runtime.assistants import Assistant, Tracker, UserMessage
from bot_runtime.builtin_actions import Wishes
from bot_runtime.hands import Hands
from bot_runtime.minds import Mind, is_a_loss
from bot_runtime.trackerlog import message_of, stored
from foundation.clock import SECOND
from foundation.live import Signals
from transcripts.events import MessageSent
from transcripts.state import State

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
        return not (self.replies or self.wishes.handoff or self.wishes.mail)


class Thinker:
    """Runs turns. `signals` hears that the bot is typing while a custom action runs."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    async def think(
        self, assistant: Assistant, actions: Actions | None, state: State, mind: Mind, *, text: str, seq: int, at: int
    ) -> Thought:
        """The turn for a message with this text, number and time. Raises whatever the assistant raises.

        Does not wait unless a custom action is needed; then it says so first (`beginning.waiting`).
        """
        hands = Hands(actions, state, self._signals)
        message = UserMessage(text, at / SECOND, channel=CHANNEL)
        result = await assistant.turn(mind.tracker, message, hands.act)
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
