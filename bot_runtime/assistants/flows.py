"""Compiles the rules and stories of a project into the policies that its config.yml names."""

from typing import Any

from bot_runtime.assistants.config_reader import policy_name
from bot_runtime.assistants.ensemble import Ensemble
from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.memoization import MemoizationPolicy, MemoizationSettings
from bot_runtime.assistants.nlu_data import Component
from bot_runtime.assistants.project import CONFIG, Project
from bot_runtime.assistants.rule_keys import examples
from bot_runtime.assistants.rule_learning import Learned, learn_rules
from bot_runtime.assistants.rule_policy import RuleSettings
from bot_runtime.assistants.states import View
from bot_runtime.assistants.story_paths import paths

_MEMORIES = ("MemoizationPolicy", "AugmentedMemoizationPolicy", "TEDPolicy")
"""TED is learned by gradient and is not here. What authors rely on it for is that a story's later part is found again
after a detour or after the story's end; in its place, with its priority, stands a memory that forgets the oldest turns."""

_TED_HISTORY = 5


def compile_flows(project: Project, findings: Findings) -> tuple[View, Ensemble]:
    """How the assistant sees conversations, and what decides them."""
    domain = project.domain
    plain = View(domain)
    rules = paths([story for story in project.stories if story.is_rule], plain, findings)
    stories = paths([story for story in project.stories if not story.is_rule], plain, findings)
    findings.raise_if_any()  # what cannot be followed cannot be learned from
    components = {policy_name(component): component for component in project.config.policies}
    learned: Learned | None = None
    if "RulePolicy" in components:
        settings = _rule_settings(components["RulePolicy"], project, findings)
        learned = learn_rules(rules, stories, plain, settings, findings)
    elif domain.forms:
        findings.error(CONFIG, 1, "The domain has forms, which need the RulePolicy.")
    elif rules:
        findings.warn(CONFIG, 1, "The project has rules but no RulePolicy: they do nothing.")
    taught = [example for path in stories for example in examples(path, plain)]
    memories = [
        MemoizationPolicy(_memory_settings(name, component, findings), taught)
        for name, component in components.items()
        if name in _MEMORIES
    ]
    view = plain if learned is None else View(domain, learned.rule_only_slots, learned.rule_only_loops)
    return view, Ensemble(learned.policy if learned else None, memories, domain.action_index)


def _rule_settings(component: Component, project: Project, findings: Findings) -> RuleSettings:
    read = _Settings(component, findings)
    fallback = read.of("core_fallback_action_name", str, "action_default_fallback")
    if fallback not in project.domain.action_index:
        findings.error(CONFIG, 1, f"The fallback action `{fallback}` of the RulePolicy is not in the domain.")
    return RuleSettings(
        read.of("priority", int, 4),
        read.of("core_fallback_threshold", float, 0.3),
        fallback if read.of("enable_fallback_prediction", bool, True) else None,
        read.of("restrict_rules", bool, True),
        read.of("check_for_contradictions", bool, True),
        read.of("use_nlu_confidence_as_score", bool, False),
    )


def _memory_settings(name: str, component: Component, findings: Findings) -> MemoizationSettings:
    read = _Settings(component, findings)
    ted = name == "TEDPolicy"
    return MemoizationSettings(
        name,
        read.of("priority", int, 1 if ted else 3),
        read.of("max_history", int, _TED_HISTORY if ted else None),
        name != "MemoizationPolicy",
        read.of("use_nlu_confidence_as_score", bool, False),
    )


class _Settings:
    """Reads the settings of one policy; what has a wrong type is an error and reads as the default."""

    def __init__(self, component: Component, findings: Findings) -> None:
        self._component = component
        self._findings = findings

    def of(self, name: str, kind: type, default: Any) -> Any:
        value = self._component.settings.get(name)
        if value is None:
            return default
        accepted = (int, float) if kind is float else kind
        if isinstance(value, accepted) and (kind is bool or not isinstance(value, bool)):
            return value
        message = f"`{name}` of the {self._component.name} must be a {kind.__name__}."
        self._findings.error(CONFIG, 1, message)
        return default
