"""One turn of a bot in its head: what it makes of a message, before anything of it is stored."""

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from bot_runtime import builtin_actions
from bot_runtime.actions import ActionError, Actions
from bot_runtime.actions import ActionRejected as Declined
from bot_runtime.assistants.act import ActionFailed, ActionRejected, ActResult
from bot_runtime.assistants.assistant import Assistant
from bot_runtime.assistants.domain import Domain
from bot_runtime.assistants.tracker import Tracker
from bot_runtime.assistants.turn import UserMessage
from bot_runtime.beginning import waiting
from bot_runtime.builtin_actions import Wishes
from bot_runtime.minds import NOT_UNDERSTOOD, Mind
from bot_runtime.trackerlog import message_of, stored
from bot_runtime.whispers import Typing
from foundation.clock import SECOND
from foundation.live import Signals
from transcripts.events import MessageSent
from transcripts.state import State

log = logging.getLogger(__name__)

CHANNEL = "frontdesk"
"""What we are called where a response has variations by channel."""

_RASA = "3.6.21"
"""The version of Rasa whose webhook we speak; action servers compare it with their own and warn."""

_TYPING = Typing(by="bot", name="", on=True).as_note()


class Thought(msgspec.Struct, frozen=True):
    """What a turn came to: tracker events ready for the log, messages, wishes, and the tracker for when it is stored.

    `broken`: an action failed. `understood` is False for a message that the assistant could make nothing of.
    """

    events: tuple[dict[str, Any], ...]
    replies: tuple[MessageSent, ...]
    wishes: Wishes
    tracker: Tracker
    broken: bool
    understood: bool

    @property
    def is_silent(self) -> bool:
        """Whether the visitor would be left without an answer."""
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
        hands = _Hands(actions, state, self._signals)
        message = UserMessage(text, at / SECOND, channel=CHANNEL)
        result = await assistant.turn(mind.tracker, message, hands.act)
        replies: list[MessageSent] = []
        places: dict[int, int] = {}
        for reply in result.replies:
            said = message_of(reply, result.events[reply.event_index].get("metadata") or {}, at)
            if said is not None:
                places[reply.event_index] = len(replies)
                replies.append(said)
        return Thought(
            events=stored(result.events, message=seq, replies=places),
            replies=tuple(replies),
            wishes=hands.wishes,
            tracker=result.tracker,
            broken=bool(result.failed),
            understood=result.tracker.fold.intent != NOT_UNDERSTOOD,
        )


class _Hands:
    """Runs the actions of one turn: ours at once, the author's in their worker."""

    def __init__(self, actions: Actions | None, state: State, signals: Signals) -> None:
        self._actions = actions
        self._state = state
        self._signals = signals
        self.wishes = Wishes()

    async def act(self, name: str, tracker: Tracker, domain: Domain) -> ActResult:
        if name in builtin_actions.ACTIONS:
            return builtin_actions.run(name, self._state, domain, self.wishes)
        if self._actions is None:
            raise ActionFailed(f"The project has no actions that could run {name}.")
        await waiting()
        self._signals.whisper(f"conversation/{self._state.id}", _TYPING)
        try:
            result = await self._actions.run(_call(name, tracker, domain))
        except Declined as declined:
            raise ActionRejected(name) from declined
        except ActionError as error:
            raise ActionFailed(str(error)) from error
        return ActResult(events=result["events"], responses=result["responses"])


def _call(name: str, tracker: Tracker, domain: Domain) -> Mapping[str, Any]:
    return {
        "next_action": name,
        "sender_id": tracker.sender_id,
        "tracker": tracker.snapshot(),
        "domain": domain.data,
        "version": _RASA,
    }
