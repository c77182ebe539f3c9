"""What a bot has in mind of a conversation: its tracker, kept at hand between the turns, and rebuilt from the log.

A mind is never ahead of the log: the tracker of a turn is kept when the turn is stored, and forgotten when it is not.
It may be behind it, when another process or the e-mail proof has written; then it is made anew. The two counts that
decide about a handoff follow from the log as well.
"""

import itertools
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from bot_runtime.assistants import EMAIL, Assistant, Tracker
from bot_runtime.builtin_actions import ACTIONS as ANSWERS
from bot_runtime.trackerlog import restored
from transcripts.conversations import Conversations
from transcripts.events import BotStateChanged, ControlChanged, DataCorrected, MessageRedacted, Numbered
from transcripts.rights import Whose
from transcripts.state import State

NOT_UNDERSTOOD = "nlu_fallback"
_LATEST = 500
"""Events of a long conversation that are kept when it has twice as many: a hundred messages."""


class Mind:
    """`seq`: up to which event of the log it knows. `failures`: turns in a row that failed; `losses`: turns in a row in
    which the bot understood nothing or had nothing to say."""

    __slots__ = ("assistant", "failures", "losses", "seq", "tracker", "weight")

    def __init__(self, assistant: Assistant, tracker: Tracker, seq: int) -> None:
        self.assistant = assistant
        self.tracker = tracker
        self.seq = seq
        self.failures = 0
        self.losses = 0
        self.weight = 0  # as `Minds` counted it

    def count(self, turn: BotStateChanged, *, is_a_loss: bool) -> None:
        """Take a stored turn into the counts. One without events failed."""
        if not turn.answers:
            return
        if not turn.events:
            self.failures += 1
            return
        self.failures = 0
        self.losses = self.losses + 1 if is_a_loss else 0

    def forgive(self) -> None:
        """Control changed hands: counting begins anew."""
        self.failures = self.losses = 0


def is_a_loss(events: Sequence[Mapping[str, Any]]) -> bool:
    """Whether these events of a turn, as the log keeps them, show no understanding, or no answer of the assistant."""
    answered = False
    intent: Mapping[str, Any] | None = None
    for event in events:
        if event["event"] == "user":
            intent = (event.get("parse_data") or {}).get("intent")
        answered = answered or "reply" in event or event.get("name") in ANSWERS or _filled_proof(event)
    return not answered or (intent or {}).get("name") == NOT_UNDERSTOOD


def _filled_proof(event: Mapping[str, Any]) -> bool:
    """A form got an address, and the card for the code answers in place of the assistant."""
    known = (event.get("metadata") or {}).get("known") is True
    return event["event"] == "slot" and event.get("name") == EMAIL and known


class Minds:
    """The minds of the conversations that talked lately: at most `most`, with at most `most_events` tracker events in
    all, and of one conversation the latest 500 to 1,000. An event takes about a kilobyte; a mind that had to go is read
    from the log when its visitor writes again."""

    def __init__(self, conversations: Conversations, *, most: int = 20_000, most_events: int = 100_000) -> None:
        self._conversations = conversations
        self._most = most
        self._most_events = most_events
        self._events = 0
        self._minds: OrderedDict[str, Mind] = OrderedDict()

    async def of(self, state: State, assistant: Assistant) -> Mind:
        """The mind of this conversation at this state, for this assistant (which may be newer than the last turn's)."""
        mind = self._minds.get(state.id)
        if mind is not None and mind.assistant is assistant and await self._is_current(mind, state):
            self._minds.move_to_end(state.id)
            return mind
        return await self._rebuilt(state, assistant)

    def keep(self, conversation: str, mind: Mind, tracker: Tracker, seq: int) -> None:
        """The turn that made this tracker is stored; the log ends with `seq`."""
        if self._minds.get(conversation) is not mind:
            self.forget(conversation)
            mind.weight = 0
            self._minds[conversation] = mind
        self._minds.move_to_end(conversation)
        if len(tracker) >= 2 * _LATEST:
            tracker.let_go(keep=_LATEST)
        mind.tracker, mind.seq = tracker, seq
        self._events += len(tracker) - mind.weight
        mind.weight = len(tracker)
        while len(self._minds) > 1 and (len(self._minds) > self._most or self._events > self._most_events):
            self.forget(next(iter(self._minds)))

    def forget(self, conversation: str) -> None:
        """What was thought last is not what was stored."""
        mind = self._minds.pop(conversation, None)
        if mind is not None:
            self._events -= mind.weight

    async def older(self, state: State, tracker: Tracker) -> list[dict[str, Any]]:
        """The events that are `missing` from this conversation's tracker, as the log has them."""
        if not tracker.missing:
            return []
        events = restored(await self._conversations.events(state.account, state.id))
        return list(itertools.islice(events, tracker.missing.start, tracker.missing.stop))

    async def failures(self, state: State) -> int:
        """How many turns failed in a row, when there is no assistant that could have a mind."""
        failures = 0
        for one in await self._conversations.events(state.account, state.id):
            if isinstance(one.event, ControlChanged):
                failures = 0
            elif isinstance(one.event, BotStateChanged) and one.event.answers:
                failures = 0 if one.event.events else failures + 1
        return failures

    async def _is_current(self, mind: Mind, state: State) -> bool:
        if mind.seq == state.seq:
            return True
        if mind.seq > state.seq:
            return False
        since = await self._conversations.events(state.account, state.id, mind.seq)
        if any(
            isinstance(one.event, BotStateChanged | ControlChanged | MessageRedacted | DataCorrected) for one in since
        ):
            return False
        mind.seq = state.seq
        return True

    async def _rebuilt(self, state: State, assistant: Assistant) -> Mind:
        events = await self._conversations.events(state.account, state.id)
        log = [one for one in events if one.seq <= state.seq]
        mind = Mind(assistant, assistant.tracker(state.id, restored(log)), state.seq)
        _count(mind, log)
        self.keep(state.id, mind, mind.tracker, state.seq)
        return mind


class MindHolding:
    """A `Holding`: the trackers that are kept in memory."""

    name = "trackers in memory"

    def __init__(self, minds: Minds) -> None:
        self._minds = minds

    async def erase(self, whose: Whose) -> int:
        self.forget(whose)
        return 0

    def forget(self, whose: Whose) -> None:
        for conversation in (*whose.conversations, *whose.cleared):
            self._minds.forget(conversation)


def _count(mind: Mind, log: Sequence[Numbered]) -> None:
    for one in log:
        if isinstance(one.event, BotStateChanged):
            mind.count(one.event, is_a_loss=is_a_loss(one.event.events))
        elif isinstance(one.event, ControlChanged):
            mind.forgive()
