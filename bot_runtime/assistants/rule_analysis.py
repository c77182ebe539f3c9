"""Asks a rule policy about every action of its project's rules and stories (`rule_policy.py:365`, `:577`).

Out of the answers come three things: rules that give way to a story, rules whose turns occur in no story, and
warnings about what contradicts what. Rasa refuses to train on a contradiction; here it is a warning, since the bot
can still be run and its author sees where it is not what was meant.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping

import msgspec

from bot_runtime.assistants.domain import LISTEN, SNIPPET
from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.rule_keys import label, rule_key
from bot_runtime.assistants.rule_policy import (
    DEFAULT_MAPPINGS,
    DEFAULT_SOURCE,
    LOOP_SOURCE,
    RulePolicy,
    RulePrediction,
)
from bot_runtime.assistants.slots import UNSET
from bot_runtime.assistants.states import State, View, rule_state_now
from bot_runtime.assistants.story_data import Path
from bot_runtime.assistants.story_paths import walk
from bot_runtime.assistants.tracker import Tracker


class _Asked(msgspec.Struct, frozen=True):
    """What the rules say where a path has the action `wanted`. `source` is the rule, or the states if there is none."""

    path: Path
    wanted: str
    action: str | None
    source: str | None

    @property
    def built_in(self) -> bool:
        return self.source is not None and self.source.startswith((DEFAULT_SOURCE, LOOP_SOURCE))


class Analysis:
    """One pass over a project. `of` gives the policy as it is to be used."""

    def __init__(self, policy: RulePolicy, view: View, findings: Findings) -> None:
        self._policy = policy
        self._view = view
        self._findings = findings

    def of(self, rules: list[Path], stories: list[Path]) -> RulePolicy:
        """The policy without the rules that give way to stories, and with its hidden turns known."""
        said: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
        for asked in (asked for path in rules for asked in self._ask(path)):
            if asked.source is not None:
                name = asked.source if asked.built_in else asked.path.name
                said[asked.source].append((name, asked.action if asked.built_in else asked.wanted))
        used = set()
        for path in (*stories, *rules):
            for asked in self._ask(path):
                if asked.action == asked.wanted and not path.is_rule:
                    used.add(asked.source)
                elif asked.action not in (None, asked.wanted):
                    self._settle(asked, said)
        sources = set(said) | {DEFAULT_SOURCE + intent for intent in DEFAULT_MAPPINGS}
        for loop in self._view.domain.forms:
            sources |= {LOOP_SOURCE + loop, f"{LOOP_SOURCE}{loop} - {LISTEN}"}
        return self._policy.hiding(frozenset(sources - used))

    def _settle(self, asked: _Asked, said: Mapping[str, list[tuple[str, str | None]]]) -> None:
        """A rule and a path disagree: the rule gives way, or its author is told."""
        if asked.source is not None and self._gives_way(asked):
            self._policy = self._policy.without(frozenset({asked.source}))
        elif asked.source is not None:
            self._warn(asked, said.get(asked.source, []))

    def _gives_way(self, asked: _Asked) -> bool:
        """A rule that only says "listen" after an action gives way to a story that goes on there (`:640`)."""
        source = asked.source or ""
        if asked.path.is_rule or source.count("prev_action") > 1 or asked.action != LISTEN:
            return False
        return any(rule.key.startswith(source[:-2]) and rule.key != source for rule in self._policy.rules)

    def _warn(self, asked: _Asked, said: list[tuple[str, str | None]]) -> None:
        names = ", ".join(sorted({name for name, action in said if action != asked.wanted}))
        if names:
            path = asked.path
            message = (
                f"`{path.name}` goes on with `{asked.wanted}`, but {names} with `{asked.action}`: a contradiction."
            )
            self._findings.warn(path.file, path.line, message)

    def _ask(self, path: Path) -> Iterator[_Asked]:
        """What the rules say before each action of a path that they could know."""
        running = Tracker(self._view)
        unpredictable = {id(path.events[index]) for index in path.unpredictable}
        skip = True  # nothing comes before the first action, nor before one that follows `...`
        for event in Tracker.from_events(path.events, self._view).applied_events():
            if event["event"] == "action":
                if event["name"] == SNIPPET:
                    skip = True
                elif skip or id(event) in unpredictable:
                    skip = False
                else:
                    yield self._ask_once(running, path, label(event))
            running.apply(event)

    def _ask_once(self, running: Tracker, path: Path, wanted: str) -> _Asked:
        said = self._policy.predict(running)
        loop = running.active_loop
        if loop and said.action == loop != wanted:
            running.apply({"event": "action_execution_rejected", "name": loop})
            said = self._policy.predict(running)
        action = said.action
        if action is None and path.is_rule:
            action = self._policy.settings.fallback or LISTEN
        return _Asked(path, wanted, action, _source(said, running))


def _source(said: RulePrediction, running: Tracker) -> str | None:
    if said.source is not None:
        return said.source
    states = [rule_state_now(running.policy_fold)]
    past = running.history.rules
    while past is not None:
        states.insert(0, past.state)
        past = past.before
    keyed = rule_key(tuple(states))
    return keyed[0] if keyed else None


class _After(msgspec.Struct):
    """What an action is followed by in the rules: featured slots that are set, loops that begin or end."""

    slots: set[str] = msgspec.field(default_factory=set)
    loops: set[str] = msgspec.field(default_factory=set)


def warn_of_incomplete(rules: list[Path], view: View, findings: Findings) -> None:
    """Warn of a rule whose action does not set what the same action sets in another rule (`:365`)."""
    after = _after_actions(rules, view)
    for path in rules:
        states, actions = walk(path, view)
        for state, action in zip(states, [*map(label, actions), LISTEN], strict=True):
            if state.prev in (None, SNIPPET) or action == SNIPPET or state.prev not in after:
                continue
            lacking = _lacking(state, after[state.prev])
            if lacking:
                message = (
                    f"The rule `{path.name}` does not say that `{state.prev}` sets {lacking}, as another rule does."
                )
                findings.warn(path.file, path.line, message)


def _lacking(state: State, after: _After) -> str:
    slots = after.slots - {name for name, _ in state.slots}
    loops = after.loops if state.loop not in after.loops else set[str]()
    return ", ".join([*sorted(slots), *sorted(loop.replace(UNSET, "no loop") for loop in loops)])


def _after_actions(rules: list[Path], view: View) -> dict[str, _After]:
    found: dict[str, _After] = defaultdict(_After)
    for path in rules:
        action: str | None = None
        for event in path.events:
            if event["event"] in ("action", "user"):
                action = label(event) if event["event"] == "action" else None
            elif action and event["event"] == "slot" and event["name"] in view.domain.featured:
                found[action].slots.add(event["name"])
            elif action and event["event"] == "active_loop":
                found[action].loops.add(event["name"])
    return found
