"""Who answers now: the one table of legal changes of control, with their reasons and who may cause them.

    bot ──handoff_requested──▶ queue ──taken──▶ agent ──handed_back──▶ bot
     ▲                          │  ▲             │ ╰─taken (by another person)
     ╰──timed_out, cancelled────╯  ╰──returned───╯
    every state ──▶ closed, and from closed nowhere: who comes back opens a new conversation (BR-5, YA-26).

What is not in the table is refused with `Conflict`, whoever asks. `Conversations` checks each `ControlChanged` against
it once more when it appends.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from foundation.errors import Conflict
from transcripts.events import Control, ControlChanged, Role

_ENDS: Mapping[str, frozenset[Role]] = MappingProxyType(
    {
        "resolved": frozenset({"agent"}),
        "ended": frozenset({"visitor", "bot"}),
        "withdrawn": frozenset({"visitor", "agent", "system"}),
        "timed_out": frozenset({"system"}),
        "erased": frozenset({"system"}),
        "restricted": frozenset({"system"}),
    }
)

TRANSITIONS: Mapping[tuple[Control, Control], Mapping[str, frozenset[Role]]] = MappingProxyType(
    {
        ("bot", "queue"): {
            "handoff_requested": frozenset({"visitor", "bot", "agent"}),
            "not_understood": frozenset({"bot", "system"}),
            "bot_failed": frozenset({"bot", "system"}),
        },
        ("queue", "agent"): {"taken": frozenset({"agent"})},
        ("bot", "agent"): {"taken": frozenset({"agent"})},
        ("agent", "agent"): {"taken": frozenset({"agent"})},
        ("agent", "bot"): {"handed_back": frozenset({"agent"})},
        ("agent", "queue"): {"returned": frozenset({"agent"}), "agent_silent": frozenset({"system"})},
        ("queue", "bot"): {"timed_out": frozenset({"system"}), "cancelled": frozenset({"visitor", "agent"})},
        ("bot", "closed"): _ENDS,
        ("queue", "closed"): _ENDS,
        ("agent", "closed"): _ENDS,
    }
)
"""(was, now) → reason → who may cause it. A pair that is not here is not possible."""

_NAMES: Mapping[Control, str] = {
    "bot": "with the bot",
    "queue": "waiting in the queue",
    "agent": "with a person",
    "closed": "closed",
}


class Controlled(Protocol):
    """What the table needs to know of a conversation; `State` has it."""

    @property
    def control(self) -> Control: ...

    @property
    def holder(self) -> str | None: ...


def change(
    state: Controlled,
    to: Control,
    *,
    reason: str,
    actor: Role,
    at: int,
    author: str = "",
    holder: str = "",
    holder_name: str = "",
) -> ControlChanged:
    """The event that gives control to `to`, or `Conflict` when the table does not allow it now.

    `author` is the person who did it (his id; empty for visitor, bot and system); `holder` with `holder_name` is the
    agent who has it from now on, and needed exactly when `to` is `agent`.
    """
    event = ControlChanged(
        at=at,
        was=state.control,
        now=to,
        reason=reason,
        actor=actor,
        author=author,
        holder=holder,
        holder_name=holder_name,
    )
    check(state, event)
    return event


def check(state: Controlled, event: ControlChanged) -> None:
    """Raise `Conflict` unless this change is legal from this state."""
    if event.was != state.control:
        raise Conflict(f"The chat is {_NAMES[state.control]} by now. Nothing was changed.", control=state.control)
    reasons = TRANSITIONS.get((event.was, event.now))
    if reasons is None:
        raise Conflict(
            f"A chat that is {_NAMES[event.was]} cannot be {_NAMES[event.now]} next. Nothing was changed.",
            control=state.control,
        )
    if event.actor not in reasons.get(event.reason, ()):
        raise Conflict("This change of control is not foreseen. Nothing was changed.", control=state.control)
    if (event.now == "agent") != bool(event.holder):
        raise Conflict("A chat is held by a person exactly while it is with a person.", control=state.control)
    if event.now == event.was and event.holder == state.holder:
        raise Conflict("The chat is with this person already.", control=state.control)
