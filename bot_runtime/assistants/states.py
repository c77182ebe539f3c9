"""What policies see of a conversation: one state before each action, and the state now (`domain.py:1333`).

There are two views. The rules' view has every turn. The stories' view (Rasa's "ML" view, used by memoization) hides
the turns that only rules handle, and the slots and loops that occur only in rules: a conversation that wanders off
into an FAQ rule comes back to its story as if nothing had been. Both views are linked lists that grow with each
action and are kept with the events, so that neither a prediction nor an undo ever goes through the whole
conversation.
"""

from typing import Any

import msgspec

from bot_runtime.assistants.domain import LISTEN, Domain
from bot_runtime.assistants.fold import Fold, UserState
from bot_runtime.assistants.slots import Feature


class State(msgspec.Struct, frozen=True, gc=False):
    """One moment as policies see it. `prev` is the action before it; None only at the start of a conversation."""

    prev: str | None
    user: UserState | None
    slots: tuple[tuple[str, Feature], ...]
    loop: str | None


class Past:
    """A state and those before it. `node` is where a memoization policy keeps its place; nobody else's business."""

    __slots__ = ("before", "node", "state")

    def __init__(self, state: State, before: "Past | None") -> None:
        self.state = state
        self.before = before
        self.node: Any = None


class View:
    """How one assistant looks at conversations. `blank` is the empty one."""

    def __init__(
        self,
        domain: Domain,
        rule_only_slots: frozenset[str] = frozenset(),
        rule_only_loops: frozenset[str] = frozenset(),
    ) -> None:
        self.domain = domain
        self.blank = Fold(domain.initial_slots, domain.initial_features)
        self.rule_only_slots = rule_only_slots
        self.rule_only_loops = rule_only_loops


class History(msgspec.Struct, frozen=True, gc=False):
    """Both views of everything before the latest action, and what the stories' view must remember to go on."""

    rules: Past | None
    stories: Past | None
    action: str | None
    hidden: bool

    def then(self, fold: Fold, view: View, *, hide: bool) -> "History":
        """The history once an action was taken in the state `fold`; `hide` is that action's `hide_rule_turn`."""
        action = self.action if self.hidden else fold.action
        hidden = self._hides(fold, hide=hide)
        stories = self.stories if hidden else Past(_story_state(fold, action, self.stories, view), self.stories)
        return History(Past(rule_state(fold), self.rules), stories, action, hidden)

    def _hides(self, fold: Fold, *, hide: bool) -> bool:
        # a followed-up action and a loop's own turn change nothing about whether the turn is hidden
        return self.hidden if fold.followup or fold.action_name == fold.active_loop else hide

    def now(self, fold: Fold, view: View) -> Past | None:
        """The stories' view with the state of this moment in front; None when nothing of it may be seen."""
        if self._hides(fold, hide=False):
            return self.stories
        action = self.action if self.hidden else fold.action
        state = _story_state(fold, action, self.stories, view)
        if state.prev == LISTEN:
            state = State(state.prev, without_text(state.user), state.slots, state.loop)
        return Past(state, self.stories)


START = History(None, None, None, hidden=False)


def rule_state(fold: Fold) -> State:
    """The state of a moment in the rules' view."""
    return State(fold.action, fold.user, fold.features, fold.loop)


def rule_state_now(fold: Fold) -> State:
    """The state from which the next action is predicted by intent: right after listening a text does not count."""
    user = without_text(fold.user) if fold.action == LISTEN else fold.user
    return State(fold.action, user, fold.features, fold.loop)


def text_state_now(fold: Fold) -> State:
    """The state from which the next action is predicted by the words of the latest message."""
    return State(fold.action, (None, fold.text, ()) if fold.text else None, fold.features, fold.loop)


def without_text(user: UserState | None) -> UserState | None:
    """What remains of a message when its text is left out."""
    if user is None or user[1] is None:
        return user
    return (user[0], None, user[2]) if user[0] or user[2] else None


def _story_state(fold: Fold, action: str | None, before: Past | None, view: View) -> State:
    user = fold.user
    if before is not None and fold.action != LISTEN:
        user = before.state.user
    slots = fold.features
    if view.rule_only_slots:
        slots = tuple(pair for pair in slots if pair[0] not in view.rule_only_slots)
    loop = None if fold.loop in view.rule_only_loops else fold.loop
    return State(action or fold.action, user, slots, loop)
