"""Reads config.yml: who the assistant is, and which components and policies it was written for.

Every component name is accepted. What Frontdesk does not have is a warning: its understanding and its policies take
the place of the known ones, a class of the author's own cannot be run. Nothing is ever written back into the file.
"""

from typing import Any

import msgspec

from bot_runtime.assistants.checking import Checker, lined
from bot_runtime.assistants.nlu_data import Component
from bot_runtime.assistants.yaml_reader import YamlMap, plain

PIPELINE = frozenset(
    [
        *("WhitespaceTokenizer", "SpacyTokenizer", "JiebaTokenizer", "MitieTokenizer", "RegexFeaturizer"),
        *("LexicalSyntacticFeaturizer", "CountVectorsFeaturizer", "LanguageModelFeaturizer", "SpacyFeaturizer"),
        *("ConveRTFeaturizer", "MitieFeaturizer", "DIETClassifier", "LogisticRegressionClassifier"),
        *("SklearnIntentClassifier", "KeywordIntentClassifier", "MitieIntentClassifier", "FallbackClassifier"),
        *("CRFEntityExtractor", "RegexEntityExtractor", "SpacyEntityExtractor", "MitieEntityExtractor"),
        *("DucklingEntityExtractor", "EntitySynonymMapper", "ResponseSelector", "SpacyNLP", "MitieNLP"),
    ]
)
POLICIES = ("RulePolicy", "MemoizationPolicy", "AugmentedMemoizationPolicy", "TEDPolicy", "UnexpecTEDIntentPolicy")
_DEFAULT_POLICIES = (Component("MemoizationPolicy"), Component("TEDPolicy"), Component("RulePolicy"))


class FallbackSettings(msgspec.Struct, frozen=True):
    """When an understanding counts as none: too low, or too close to the second (Rasa's defaults)."""

    threshold: float = 0.3
    ambiguity_threshold: float = 0.1


class Config(msgspec.Struct, frozen=True):
    """What config.yml says. `fallback` is None when its pipeline has no FallbackClassifier."""

    assistant_id: str = ""
    language: str = "en"
    pipeline: tuple[Component, ...] = ()
    policies: tuple[Component, ...] = _DEFAULT_POLICIES
    fallback: FallbackSettings | None = FallbackSettings()


def read_config(document: YamlMap, checker: Checker) -> Config:
    """The settings of a project; what is wrong goes to the checker. A missing list means Rasa's default."""
    for key in ("recipe", "assistant_id", "language"):
        checker.has(document, key, str, "config.yml")
    if not document.get("assistant_id"):
        checker.warn(1, "`assistant_id` is missing; events will not say which assistant they come from.")
    if document.get("importers"):
        checker.warn(document.line_of("importers"), "`importers` is not followed; only this project is read.")
    pipeline = _components(document, "pipeline", checker)
    policies = _components(document, "policies", checker)
    for component, line in pipeline:
        if _class_name(component) not in PIPELINE:
            checker.warn(line, f"The component `{component.name}` is not one that Frontdesk knows; it is left out.")
    for component, line in policies:
        if _class_name(component) not in POLICIES:
            checker.warn(line, f"The policy `{component.name}` is not one that Frontdesk knows; it is left out.")
    return Config(
        document.get("assistant_id") or "",
        document.get("language") or "en",
        tuple(component for component, _ in pipeline),
        tuple(component for component, _ in policies) or _DEFAULT_POLICIES,
        _fallback(pipeline, checker),
    )


def _components(document: YamlMap, key: str, checker: Checker) -> list[tuple[Component, int]]:
    found = []
    for item, line in lined(checker.section(document, key, list)):
        if isinstance(item, YamlMap) and isinstance(item.get("name"), str):
            settings = {name: value for name, value in plain(item).items() if name != "name"}
            found.append((Component(item["name"], settings), line))
        else:
            checker.error(line, f"An entry under `{key}` needs a `name`.")
    return found


def _class_name(component: Component) -> str:
    return component.name.rpartition(".")[2]


def _fallback(pipeline: list[tuple[Component, int]], checker: Checker) -> FallbackSettings | None:
    if not pipeline:
        return FallbackSettings()
    for component, line in pipeline:
        if _class_name(component) == "FallbackClassifier":
            values = [component.settings.get(name, default) for name, default in _THRESHOLDS]
            if all(_is_number(value) for value in values):
                return FallbackSettings(*values)
            checker.error(line, "The thresholds of the FallbackClassifier must be numbers.")
    return None


_THRESHOLDS = (("threshold", 0.3), ("ambiguity_threshold", 0.1))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def policy_name(component: Component) -> str:
    """The name of the policy's class, wherever config.yml says that it lives."""
    return _class_name(component)
