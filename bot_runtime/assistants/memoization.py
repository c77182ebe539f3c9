"""Predicts the next action by looking the conversation up among the stories (Rasa 3.6 `memoization.py`).

The look-up is exact: the states of the whole conversation (or its last `max_history`) must be those of a story up to
some action; sequences after which stories disagree are forgotten. It goes by the stories' view, so turns that only
rules handle are not there. What is kept is a tree of states. A conversation's place in it is kept with its states: a
prediction is one step in the tree, however long the conversation is.

The augmented policy, when that fails, forgets the conversation's beginning action by action until what is left is a
story: slots and loops set in the forgotten part are forgotten too. These shortened conversations are followed along
with the real one; those that can match no story any more are dropped, and of those that have come to the same one is
kept.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from bot_runtime.assistants.domain import LISTEN
from bot_runtime.assistants.fold import Fold, applied
from bot_runtime.assistants.rule_keys import Example
from bot_runtime.assistants.states import START, History, Past, State, View
from bot_runtime.assistants.tracker import Entry, Tracker


class MemoizationSettings(msgspec.Struct, frozen=True):
    """The policy's settings, with Rasa's defaults. `max_history` counts states; None means all."""

    name: str = "MemoizationPolicy"
    priority: int = 3
    max_history: int | None = None
    augmented: bool = False
    use_nlu_confidence: bool = False


class _Node:
    """A place in the tree of states. `action` is what comes next there, if the stories agree."""

    __slots__ = ("action", "ambiguous", "children")

    def __init__(self) -> None:
        self.children: dict[State, _Node] = {}
        self.action: str | None = None
        self.ambiguous = False


_DEAD = _Node()
_Attempts = list[tuple[Fold, History]]


class MemoizationPolicy:
    """The stories of an assistant, to look conversations up in. Immutable once made."""

    def __init__(self, settings: MemoizationSettings, taught: Iterable[Example]) -> None:
        self.settings = settings
        self.name = settings.name
        self._root = _Node()
        for states, action in taught:
            self._learn(states[-settings.max_history :] if settings.max_history else states, action)

    def _learn(self, states: tuple[State, ...], action: str) -> None:
        node = self._root
        for state in states:
            node = node.children.setdefault(state, _Node())
        if node.action not in (None, action):
            node.ambiguous = True
        node.action = node.action or action

    def predict(self, tracker: Tracker) -> str | None:
        """The action that follows this conversation in the stories, or None."""
        fold = tracker.policy_fold
        found = self._recall(tracker.history.now(fold, tracker.view))
        if found is None and self.settings.augmented:
            return self._recall_shortened(tracker)
        return found

    def _recall(self, now: Past | None) -> str | None:
        if now is None:
            return None
        node = self._place(now) if self.settings.max_history is None else self._place_of_last(now)
        return None if node.ambiguous else node.action

    def _place(self, past: Past) -> _Node:
        """Where a conversation stands in the tree; every state remembers its place."""
        pending: list[Past] = []
        at: Past | None = past
        while at is not None and at.node is None:
            pending.append(at)
            at = at.before
        node: _Node = self._root if at is None else at.node
        for following in reversed(pending):
            node = following.node = node.children.get(following.state, _DEAD)
        return node

    def _place_of_last(self, past: Past) -> _Node:
        states: list[State] = []
        at: Past | None = past
        while at is not None and len(states) < (self.settings.max_history or 0):
            states.append(at.state)
            at = at.before
        node = self._root
        for state in reversed(states):
            node = node.children.get(state, _DEAD)
        return node

    def _recall_shortened(self, tracker: Tracker) -> str | None:
        """What the conversation would be told if it had begun later: the longest memory that knows something."""
        for fold, history in self._shortened(tracker.top, tracker.view):
            found = self._recall(history.now(fold, tracker.view))
            if found is not None:
                return found
        return None

    def _shortened(self, top: Entry | None, view: View) -> _Attempts:
        """The conversation as if it had begun at each of its actions, oldest first; hopeless ones are left out."""
        entries, attempts = self._entries(top)
        for entry in entries:
            if entry.kind == "action":
                attempts = [*attempts, (view.blank, START)]
            attempts = [_follow(fold, history, entry, view) for fold, history in attempts]
            if entry.kind == "action" and self.settings.max_history is None:
                attempts = entry.memory = self._promising(attempts)
        return attempts

    def _entries(self, top: Entry | None) -> tuple[list[Entry], _Attempts]:
        """The entries still to be followed, oldest first, and the attempts known before them."""
        found: list[Entry] = []
        known: _Attempts = []
        actions = 0
        while top is not None:
            if top.memory is not None:
                known = top.memory
                break
            found.append(top)
            actions += top.kind == "action"
            if self.settings.max_history and actions > self.settings.max_history and _is_listening(top):
                break
            top = top.before
        found.reverse()
        return found, known

    def _promising(self, attempts: _Attempts) -> _Attempts:
        seen: set[Any] = set()
        kept = []
        for fold, history in attempts:
            stories = history.stories
            if stories is not None and self._place(stories) is _DEAD:
                continue
            past = None if stories is None else (id(stories.node), stories.state)
            moment = (fold.features, fold.user, fold.action, fold.loop, fold.followup)
            decisive = (moment, history.action, history.hidden, past)  # what all that can still come depends on
            if decisive not in seen:
                seen.add(decisive)
                kept.append((fold, history))
        return kept


def _follow(fold: Fold, history: History, entry: Entry, view: View) -> tuple[Fold, History]:
    if entry.kind == "action":
        history = history.then(fold, view, hide=bool(entry.event.get("hide_rule_turn")))
    return applied(fold, entry.event, view.domain, view.blank), history


def _is_listening(entry: Entry) -> bool:
    return entry.kind == "action" and entry.event.get("name") == LISTEN
