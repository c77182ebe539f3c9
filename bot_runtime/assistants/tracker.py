"""A conversation as an assistant sees it: a fold over its events in Rasa's JSON form (`trackers.py`).

Two things are folded side by side. The *live* state is what actions and forms look at. The *applied* events are what
policies look at: without what was rewound or undone, without what lies before a restart or a session's start, and
with the repeated runs of a loop on its happy path left out, for else a form of five questions would match no story.

Every event costs the same however long the conversation is. Entries are linked backwards and never changed, so an
undo moves a pointer, and `fork` copies a dozen references: a turn works on a fork, and to throw its events away is to
forget the fork.

A conversation may be long, and its state does not need its beginning: `let_go` drops the oldest events from memory. What
policies remember of them stays. `missing` says which those are; an action that is to see them gets them from their log.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bot_runtime.assistants.domain import Domain
from bot_runtime.assistants.fold import Event, Fold, applied
from bot_runtime.assistants.states import START, History, View

_NO_PARSE: Mapping[str, Any] = {"intent": {}, "entities": [], "text": None, "message_id": None, "metadata": {}}
_TURNS = ("action", "user", "user_featurization")


class Entry:
    """An applied event, the state after it, and the entry before it. `memory` is a policy's own, kept with actions."""

    __slots__ = ("before", "event", "fold", "history", "kind", "memory")

    def __init__(self, event: Event, fold: Fold, before: "Entry | None") -> None:
        self.event = event
        self.kind: str = event["event"]
        self.fold = fold
        self.before = before
        self.history: History | None = None
        self.memory: Any = None


class Tracker:
    """One conversation. `sender_id` names it towards custom actions."""

    __slots__ = (
        "_aside",
        "_base",
        "_count",
        "_cut",
        "_first",
        "_log",
        "_loops",
        "_restarted",
        "fold",
        "input_channel",
        "last_user_time",
        "latest_event_time",
        "rejected",
        "sender_id",
        "top",
        "view",
    )

    def __init__(self, view: View, sender_id: str = "default") -> None:
        self.view = view
        self.sender_id = sender_id
        self.fold = view.blank
        self.top: Entry | None = None
        self.input_channel: str | None = None
        self.last_user_time: float | None = None
        self.latest_event_time: float | None = None
        self.rejected: str | None = None  # the action that declined to run, until another one does
        self._log: list[Event] = []  # shared by forks: each sees the events from `_cut` to `_count`
        self._count = 0
        self._cut = 0
        self._base = view.blank  # the state before the oldest applied event that is still here
        self._aside: list[Event] | None = None
        self._first = 0
        self._restarted = 0
        self._loops: frozenset[str] = frozenset()

    @classmethod
    def from_events(cls, events: Iterable[Event], view: View, sender_id: str = "default") -> "Tracker":
        """The conversation that left these events."""
        tracker = cls(view, sender_id)
        for event in events:
            tracker.apply(event)
        return tracker

    def fork(self) -> "Tracker":
        """A tracker that goes on from here without touching this one."""
        return self._copy(None if self._aside is None else list(self._aside))

    def aside(self) -> "Tracker":
        """A fork to look at and throw away: what it is given never gets into the log that forks share."""
        return self._copy(list(self._aside or ()))

    def _copy(self, aside: list[Event] | None) -> "Tracker":
        made = Tracker(self.view, self.sender_id)
        made.fold, made.top = self.fold, self.top
        made.input_channel, made.rejected = self.input_channel, self.rejected
        made.last_user_time, made.latest_event_time = self.last_user_time, self.latest_event_time
        made._log, made._count, made._cut, made._aside = self._log, self._count, self._cut, aside
        made._base = self._base
        made._first, made._restarted, made._loops = self._first, self._restarted, self._loops
        return made

    def forget_before_restart(self) -> None:
        """Let `events` begin after the latest restart, as those of Rasa's temporary trackers do."""
        self._first = max(self._first, self._restarted)

    def let_go(self, keep: int) -> None:
        """Drop all but the latest `keep` events from memory. What was decided so far, and what follows from it, stays."""
        cut = max(self._cut, self._count - keep)
        if cut == self._cut:
            return
        _ = self.history  # of all actions that are here: nobody will walk back beyond them
        self._log = self._log[cut - self._cut : self._count - self._cut]
        self._cut = cut
        entry, left = self.top, keep
        while entry is not None and left > 1:
            entry, left = entry.before, left - 1
        if entry is not None and entry.before is not None:
            self._base = entry.before.fold
            entry.before = None

    @property
    def missing(self) -> range:
        """Which of the conversation's events, counted from its first, belong before `events` and are not in memory."""
        return range(self._first, max(self._first, self._cut))

    # What the conversation has come to.

    @property
    def domain(self) -> Domain:
        """The domain of the assistant that this tracker belongs to."""
        return self.view.domain

    @property
    def slots(self) -> Mapping[str, Any]:
        """Every slot with its value."""
        return self.fold.slots

    @property
    def active_loop(self) -> str | None:
        """The name of the running form or other loop."""
        return self.fold.active_loop

    @property
    def latest_message(self) -> Mapping[str, Any]:
        """The parse of the latest message (intent, entities, text …); empty values before the first."""
        message = self.fold.message
        return _NO_PARSE if message is None else {"text": message.get("text"), **(message.get("parse_data") or {})}

    @property
    def latest_action(self) -> str | None:
        """The name of the latest action, or the text of an end-to-end one."""
        return self.fold.action_name

    @property
    def paused(self) -> bool:
        """Whether the bot was told to be silent (`pause`); then it only hears /restart."""
        return self.fold.paused

    def __len__(self) -> int:
        return self._count - max(self._first, self._cut) + len(self._aside or ())

    @property
    def events(self) -> list[Event]:
        """All events that are in memory, oldest first. A new list of the same dicts."""
        return self._log[max(self._first - self._cut, 0) : self._count - self._cut] + (self._aside or [])

    def events_backwards(self, *, after_restart: bool = False) -> Iterator[Event]:
        """The same, newest first, without making a list; `after_restart` stops at the latest restart."""
        yield from reversed(self._aside or ())
        last = max(self._first, self._restarted) if after_restart else self._first
        for index in range(self._count - 1, max(last, self._cut) - 1, -1):
            yield self._log[index - self._cut]

    def applied_events(self) -> list[Event]:
        """The events that policies look at, oldest first."""
        found = [entry.event for entry in self.applied_backwards()]
        found.reverse()
        return found

    def applied_backwards(self) -> Iterator[Entry]:
        """The entries that policies look at, newest first."""
        entry = self.top
        while entry is not None:
            yield entry
            entry = entry.before

    @property
    def answered(self) -> bool:
        """Whether the bot has said something since the latest message: then it fills no slot any more."""
        for entry in self.applied_backwards():
            if entry.kind in ("bot", "user"):
                return entry.kind == "bot"
        return False

    @property
    def policy_fold(self) -> Fold:
        """The state after the applied events."""
        return self._base if self.top is None else self.top.fold

    @property
    def history(self) -> History:
        """The states before each applied action; made once per action and kept with its entry."""
        pending: list[Entry] = []
        history = START
        entry = self.top
        while entry is not None:
            if entry.kind == "action":
                if entry.history is not None:
                    history = entry.history
                    break
                pending.append(entry)
            entry = entry.before
        for entry in reversed(pending):
            fold = self._base if entry.before is None else entry.before.fold
            history = entry.history = history.then(fold, self.view, hide=bool(entry.event.get("hide_rule_turn")))
        return history

    def snapshot(self, older: Iterable[Event] = ()) -> dict[str, Any]:
        """The tracker as an action server is given it (RASA.md 1.8). It shares the events: do not change them. `older`
        are those that are `missing`."""
        fold = self.fold
        loop: dict[str, Any] = {}
        if fold.loop is not None:
            flags = {"is_interrupted": fold.interrupted, "rejected": fold.rejected}
            loop = {"name": fold.loop, **flags, "trigger_message": fold.trigger}
        name = fold.action_name
        return {
            "sender_id": self.sender_id,
            "slots": dict(fold.slots),
            "latest_message": dict(self.latest_message),
            "latest_event_time": self.latest_event_time,
            "followup_action": fold.followup,
            "paused": fold.paused,
            "events": [*older, *self.events],
            "latest_input_channel": self.input_channel,
            "active_loop": loop,
            "latest_action": {} if name is None else {"action_name" if name == fold.action else "action_text": name},
            "latest_action_name": name,
        }

    # How events change it.

    def clear_followup(self) -> None:
        """Forget the action that was to come next, because it is being looked at."""
        if self.fold.followup is not None:
            self.fold = self.fold.copy()
            self.fold.followup = None

    def apply(self, event: Event) -> None:
        """Go on by one event. Unknown events are kept and change nothing."""
        kind = event["event"]
        self._remember(event, kind)
        if kind == "rewind":
            self._drop_to("user")
            self._drop_to("action")
            self.fold = self.policy_fold
        elif kind == "undo":
            self._drop_to("action")
            self.fold = self.policy_fold
        elif kind in ("restart", "session_started"):
            self.top = None
            self._base = self.view.blank
            self.last_user_time = None
            self.fold = applied(self.fold, event, self.domain, self.view.blank)
        elif kind == "action" and event.get("name") in self._loops and not self._starts_or_resumes(event["name"]):
            self._collapse(event["name"])
            self.fold = applied(self.fold, event, self.domain, self.view.blank)
        else:
            self._push(event, kind)
            if kind in ("active_loop", "form"):
                self._know_loop(event.get("name"))

    def _remember(self, event: Event, kind: str) -> None:
        if self._aside is not None:
            self._aside.append(event)
        else:
            if len(self._log) != self._count - self._cut:  # another fork went on from here: part ways
                self._log = self._log[: self._count - self._cut]
            self._log.append(event)
            self._count += 1
        self.latest_event_time = event.get("timestamp")
        if kind == "user":
            self.input_channel = event.get("input_channel")
            self.last_user_time = event.get("timestamp")
        elif kind == "action":
            self.rejected = None
        elif kind == "action_execution_rejected":
            self.rejected = event.get("name")
        elif kind == "restart":
            self._restarted = self._count

    def _push(self, event: Event, kind: str) -> None:
        base = self.policy_fold
        after = applied(base, event, self.domain, self.view.blank)
        if self.fold is base:
            self.fold = after
        else:
            self.fold = applied(self.fold, event, self.domain, self.view.blank)
            if kind in ("user", "action") and self.fold.same_as(after):
                self.fold = after
        self.top = Entry(event, after, self.top)

    def _drop_to(self, kind: str) -> None:
        """Forget applied entries up to and including the newest of `kind`; all of them when there is none."""
        while self.top is not None:
            entry, self.top = self.top, self.top.before
            if entry.kind == kind:
                return

    def _starts_or_resumes(self, loop: str) -> bool:
        """Whether this run of a loop is its first, or comes back to it from something else (`trackers.py:530`)."""
        following: str | None = None
        for entry in self.applied_backwards():
            name = entry.event.get("name")
            if entry.kind in ("active_loop", "form") and name is None:
                return True
            if entry.kind == "action_execution_rejected" and name == loop:
                return True
            if entry.kind == "user" and following is not None and following != loop:
                return True
            if entry.kind == "action":
                if name == loop:
                    return False
                following = name
        return True

    def _collapse(self, loop: str) -> None:
        """Leave out the turns since the loop's previous run, and keep what else happened in them."""
        kept: list[Event] = []
        while self.top is not None and not (self.top.kind == "action" and self.top.event.get("name") == loop):
            if self.top.kind not in _TURNS:
                kept.append(self.top.event)
            self.top = self.top.before
        for event in reversed(kept):
            after = applied(self.policy_fold, event, self.domain, self.view.blank)
            self.top = Entry(event, after, self.top)

    def _know_loop(self, name: str | None) -> None:
        if name is None or name in self._loops:
            return
        self._loops |= {name}
        runs = sum(1 for event in self.events_backwards() if event["event"] == "action" and event.get("name") == name)
        if runs > 1:  # it ran before anybody knew that it is a loop: what was applied must be worked out anew
            live = self.fold
            again = Tracker(self.view, self.sender_id)
            again._loops = self._loops
            again.fold = again._base = self._base
            for event in self.events:
                again.apply(event)
            self.top, self.fold = again.top, live
