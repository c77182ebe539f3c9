"""Makes the rule policy of a project from its rules and stories (`rule_policy.py:365`, `:577`).

Learning asks the rules about every action of every rule and story. That shows which rules' turns occur in no story (they
are hidden from memoization), and what contradicts what. Rasa refuses to train on a contradiction; here it is a warning,
since the bot can still be run and its author sees where it is not what was meant.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from bot_runtime.assistants.domain import LISTEN, SNIPPET
from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.fold import TEXT_MARK
from bot_runtime.assistants.rule_policy import (
    DEFAULT_MAPPINGS,
    DEFAULT_SOURCE,
    INTERRUPTED,
    LOOP_SOURCE,
    NOT_THE_LOOP,
    Rule,
    RulePolicy,
    RuleSettings,
)
from bot_runtime.assistants.slots import UNSET
from bot_runtime.assistants.states import State, View
from bot_runtime.assistants.story_data import Event, Path
from bot_runtime.assistants.story_paths import walk
from bot_runtime.assistants.tracker import Tracker


class Learned(msgspec.Struct, frozen=True):
    """The policy, and what it alone sees: slots and loops that occur in rules only."""

    policy: RulePolicy
    rule_only_slots: frozenset[str] = frozenset()
    rule_only_loops: frozenset[str] = frozenset()


Example = tuple[tuple[State, ...], str]


def learn_rules(
    rules: list[Path], stories: list[Path], view: View, settings: RuleSettings, findings: Findings
) -> Learned:
    """The rule policy of a project. Rules with more than one message of the visitor are errors (`restrict_rules`)."""
    if settings.restrict_rules:
        _refuse_long_rules(rules, findings)
    from_rules = [example for path in rules for example in examples(path, view, only_set=True)]
    from_stories = [example for path in stories for example in examples(path, view)]
    unhappy = {rule.key: rule for rule in _unhappy([*from_rules, *from_stories])}
    policy = RulePolicy(settings, _lookup(from_rules), unhappy.values())
    if not settings.check_for_contradictions:
        return Learned(policy)
    _warn_of_incomplete(rules, view, findings)
    policy = _analysed(policy, rules, stories, view, findings)
    slots_of_rules, loops_of_rules = _slots_and_loops(from_rules)
    slots_of_stories, loops_of_stories = _slots_and_loops(from_stories)
    return Learned(policy, slots_of_rules - slots_of_stories, loops_of_rules - loops_of_stories)


def examples(path: Path, view: View, *, only_set: bool = False) -> Iterator[Example]:
    """What a path teaches: the states up to an action, and the action. Unpredictable actions teach nothing."""
    states, actions = walk(path, view, only_set=only_set)
    untaught = {id(path.events[index]) for index in path.unpredictable}
    for number, action in enumerate(actions, start=1):
        if id(action) not in untaught:
            yield tuple(states[:number]), label(action)


def label(action: Event) -> str:
    """How an executed action is named in predictions: its name, or its text."""
    return str(action["name"] or action["action_text"])


def _refuse_long_rules(rules: list[Path], findings: Findings) -> None:
    for path in rules:
        if sum(event["event"] == "user" for event in path.events) > 1:
            message = f"The rule `{path.name}` has more than one message of the visitor; write a story for that."
            findings.error(path.file, path.line, message)


def rule_key(states: tuple[State, ...]) -> tuple[str, tuple[State, ...]] | None:
    """The states after the last `...`, and their text as Rasa writes it; None when nothing is left."""
    kept: list[State] = []
    for state in reversed(states):
        if state.prev == SNIPPET:
            break
        kept.insert(0, state)
    return (json.dumps([_as_rasa(state) for state in kept], sort_keys=True), tuple(kept)) if kept else None


def _as_rasa(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if state.user is not None:
        intent, text, entities = state.user
        user = {"intent": intent, "text": text, "entities": entities}
        found["user"] = {key: value for key, value in user.items() if value}
    if state.slots:
        found["slots"] = dict(state.slots)
    if state.prev is not None:
        is_text = state.prev.startswith(TEXT_MARK)
        found["prev_action"] = {"action_text" if is_text else "action_name": state.prev.removeprefix(TEXT_MARK)}
    if state.loop is not None:
        found["active_loop"] = {"name": state.loop}
    return found


def _lookup(taught: Iterable[Example]) -> list[Rule]:
    """The rules as look-ups. Two that say different things after the same states are both forgotten."""
    found: dict[str, Rule] = {}
    ambiguous: set[str] = set()
    for states, action in taught:
        keyed = rule_key(states)
        if keyed is None or keyed[0] in ambiguous:
            continue
        known = found.setdefault(keyed[0], Rule(*keyed, action))
        if known.action != action:
            ambiguous.add(keyed[0])
            del found[keyed[0]]
    return [rule for rule in found.values() if rule.action != SNIPPET]


def _unhappy(taught: Iterable[Example]) -> Iterator[Rule]:
    """What happens inside a loop off its happy path: whether it is come back to, and whether it may be predicted."""
    for states, action in taught:
        latest = states[-1]
        if latest.loop in (None, UNSET):
            continue
        before = states[-2] if len(states) > 1 and states[-2].prev else None
        shortened = (State(before.prev, None, (), None), latest) if before else (latest,)
        keyed = rule_key(shortened)
        if keyed is None:
            continue
        if latest.prev == LISTEN and action == latest.loop:
            yield Rule(*keyed, INTERRUPTED)
        elif latest.prev != LISTEN and action != latest.loop:
            yield Rule(*keyed, NOT_THE_LOOP)


def _slots_and_loops(taught: Iterable[Example]) -> tuple[frozenset[str], frozenset[str]]:
    states = [state for example, _ in taught for state in example]
    slots = frozenset(name for state in states for name, _ in state.slots)
    return slots, frozenset(state.loop for state in states if state.loop) - {UNSET}


class _Asked(msgspec.Struct, frozen=True):
    """What the rules said where a path has the action `wanted`."""

    path: Path
    wanted: str
    action: str | None
    source: str | None


def _ask(policy: RulePolicy, path: Path, view: View) -> Iterator[_Asked]:
    """What the rules say before each action of a path that they could know."""
    running = Tracker(view)
    skip = True  # nothing comes before the first action, nor before one that follows `...`
    unpredictable = {id(path.events[index]) for index in path.unpredictable}
    for event in Tracker.from_events(path.events, view).applied_events():
        if event["event"] == "action":
            if event["name"] == SNIPPET:
                skip = True
            elif skip or id(event) in unpredictable:
                skip = False
            else:
                yield _ask_once(policy, running, path, label(event))
        running.apply(event)


def _ask_once(policy: RulePolicy, running: Tracker, path: Path, wanted: str) -> _Asked:
    said = policy.predict(running)
    loop = running.active_loop
    if loop and said.action == loop != wanted:
        running.apply({"event": "action_execution_rejected", "name": loop})
        said = policy.predict(running)
    action = said.action
    if action is None and path.is_rule:
        action = policy.settings.fallback or LISTEN
    return _Asked(path, wanted, action, said.source)


def _analysed(policy: RulePolicy, rules: list[Path], stories: list[Path], view: View, findings: Findings) -> RulePolicy:
    sources: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for asked in (asked for path in rules for asked in _ask(policy, path, view)):
        if asked.source is not None:
            built_in = asked.source.startswith((DEFAULT_SOURCE, LOOP_SOURCE))
            name = asked.source if built_in else asked.path.name
            sources[asked.source].append((name, asked.action if built_in else asked.wanted))
    used: set[str | None] = set()
    for path in (*stories, *rules):
        dropped: set[str] = set()
        for asked in _ask(policy, path, view):
            if not path.is_rule and asked.action == asked.wanted:
                used.add(asked.source)
            elif asked.source is not None and asked.action not in (None, asked.wanted):
                if _gives_way(policy, asked):
                    dropped.add(asked.source)
                else:
                    _warn_of_contradiction(asked, sources[asked.source], findings)
        if dropped:
            policy = policy.without(frozenset(dropped))
    built_in = {DEFAULT_SOURCE + intent for intent in DEFAULT_MAPPINGS}
    for loop in view.domain.forms:
        built_in |= {LOOP_SOURCE + loop, f"{LOOP_SOURCE}{loop} - {LISTEN}"}
    return policy.hiding(frozenset((set(sources) | built_in) - used))


def _gives_way(policy: RulePolicy, asked: _Asked) -> bool:
    """Whether a rule that only says "listen" after an action gives way to a story that goes on there (`:640`)."""
    source = asked.source or ""
    if asked.path.is_rule or source.count("prev_action") > 1 or asked.action != LISTEN:
        return False
    return any(rule.key.startswith(source[:-2]) and rule.key != source for rule in policy.rules)


def _warn_of_contradiction(asked: _Asked, said: list[tuple[str, str | None]], findings: Findings) -> None:
    names = sorted({name for name, action in said if action != asked.wanted})
    if names:
        kind = "rule" if asked.path.is_rule else "story"
        message = f"The {kind} `{asked.path.name}` wants `{asked.wanted}` where `{asked.action}` is said by {', '.join(names)}."
        findings.warn(asked.path.file, asked.path.line, message)


def _warn_of_incomplete(rules: list[Path], view: View, findings: Findings) -> None:
    """Warn of a rule whose action does not set what the same action sets in another rule (`rule_policy.py:365`)."""
    after: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for path in rules:
        action: str | None = None
        for event in path.events:
            if event["event"] in ("action", "user"):
                action = label(event) if event["event"] == "action" else None
            elif action and event["event"] == "slot" and event["name"] in view.domain.featured:
                after[action][0].add(event["name"])
            elif action and event["event"] == "active_loop":
                after[action][1].add(event["name"])
    for path in rules:
        states, actions = walk(path, view)
        following = [label(action) for action in actions[1:]] + [LISTEN, LISTEN]
        for state, action in zip(states, [label(actions[0]), *following], strict=False):
            if state.prev in (None, SNIPPET) or action == SNIPPET or state.prev not in after:
                continue
            slots, loops = after[state.prev]
            lacking = slots - {name for name, _ in state.slots}
            if lacking or (loops and state.loop not in loops):
                what = ", ".join(sorted(lacking or {loop.replace(UNSET, "null") for loop in loops}))
                message = f"The rule `{path.name}` does not say that `{state.prev}` sets {what}, as another rule does."
                findings.warn(path.file, path.line, message)
