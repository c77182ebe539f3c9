"""Makes the rule policy of a project from its rules and stories (`rule_policy.py:365`, `:577`).

Learning asks the rules about every action of every rule and story (`rule_analysis.py`). That shows which rules' turns
occur in no story, so that they are hidden from memoization, and what contradicts what.
"""

from collections.abc import Iterable, Iterator

import msgspec

from bot_runtime.assistants.domain import LISTEN, SNIPPET
from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.rule_analysis import Analysis, warn_of_incomplete
from bot_runtime.assistants.rule_keys import Example, examples, rule_key
from bot_runtime.assistants.rule_policy import INTERRUPTED, NOT_THE_LOOP, Rule, RulePolicy, RuleSettings
from bot_runtime.assistants.slots import UNSET
from bot_runtime.assistants.states import State, View
from bot_runtime.assistants.story_data import Path


class Learned(msgspec.Struct, frozen=True):
    """The policy, and what it alone sees: slots and loops that occur in rules only."""

    policy: RulePolicy
    rule_only_slots: frozenset[str] = frozenset()
    rule_only_loops: frozenset[str] = frozenset()


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
    warn_of_incomplete(rules, view, findings)
    policy = Analysis(policy, view, findings).of(rules, stories)
    slots_of_rules, loops_of_rules = _slots_and_loops(from_rules)
    slots_of_stories, loops_of_stories = _slots_and_loops(from_stories)
    return Learned(policy, slots_of_rules - slots_of_stories, loops_of_rules - loops_of_stories)


def _refuse_long_rules(rules: list[Path], findings: Findings) -> None:
    for path in rules:
        if sum(event["event"] == "user" for event in path.events) > 1:
            message = f"The rule `{path.name}` has more than one message of the visitor; write a story for that."
            findings.error(path.file, path.line, message)


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
