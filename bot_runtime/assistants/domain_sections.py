"""Checks the sections of one domain file against what Rasa 3.6 accepts (`schemas/domain.yml`, `domain.py`)."""

from typing import Any

from bot_runtime.assistants.checking import Checker, lined
from bot_runtime.assistants.responses_reader import check_responses
from bot_runtime.assistants.slots import TYPES
from bot_runtime.assistants.yaml_reader import YamlList, YamlMap

DOMAIN_KEYS = ("slots", "forms", "actions", "entities", "intents", "responses", "e2e_actions", "session_config")
_SLOT_KEYS = {
    "type",
    "influence_conversation",
    "initial_value",
    "mappings",
    "values",
    "min_value",
    "max_value",
    "value_reset_delay",
}
_NEEDED = {
    "from_entity": ("entity",),
    "from_intent": ("value",),
    "from_trigger_intent": ("value",),
    "from_text": (),
    "custom": (),
}


def check_domain(document: YamlMap, checker: Checker) -> None:
    """Report everything that is wrong in one domain file."""
    _check_named(document, "intents", "intent", checker, duplicates=True)
    _check_named(document, "entities", "entity", checker, duplicates=True)
    _check_actions(checker.section(document, "actions", list), checker)
    for name, slot in checker.section(document, "slots", dict).items():
        _check_slot(name, slot, document["slots"].line_of(name), checker)
    for name, form in checker.section(document, "forms", dict).items():
        _check_form(name, form, document["forms"].line_of(name), checker)
    check_responses(checker.section(document, "responses", dict), checker)
    session = checker.section(document, "session_config", dict)
    if checker.number(session, "session_expiration_time", "session_config") and session["session_expiration_time"] < 0:
        checker.error(session.line_of("session_expiration_time"), "`session_expiration_time` must not be negative.")
    checker.has(session, "carry_over_slots_to_new_session", bool, "session_config")
    checker.has(checker.section(document, "config", dict), "store_entities_as_slots", bool, "config")


def _check_named(document: YamlMap, key: str, what: str, checker: Checker, *, duplicates: bool) -> None:
    seen: set[str] = set()
    for item, line in lined(checker.section(document, key, list)):
        name = item_name(item)
        if name is None:
            checker.error(line, f"An {what} must be a name, or a name with settings.")
            continue
        if duplicates and name in seen:
            checker.error(line, f"The {what} `{name}` stands here a second time.")
        seen.add(name)
        if isinstance(item, YamlMap):
            _check_settings(what, name, item[name], line, checker)


def _check_settings(what: str, name: str, settings: Any, line: int, checker: Checker) -> None:
    if not isinstance(settings, YamlMap) or not settings:
        checker.error(line, f"The {what} `{name}` has a colon but no settings; take the colon away.")
        return
    for key in ("roles", "groups"):
        if what == "entity" and checker.has(settings, key, list, f"the entity `{name}`"):
            checker.words(settings, key, f"the entity `{name}`")


def _check_actions(actions: YamlList, checker: Checker) -> None:
    seen: set[str] = set()
    for item, line in lined(actions):
        name = item_name(item)
        if name is None:
            checker.error(line, "An action must be a name, or a name with settings.")
            continue
        if name in seen:
            checker.error(line, f"The action `{name}` stands here a second time.")
        seen.add(name)


def _check_slot(name: str, slot: Any, line: int, checker: Checker) -> None:
    what = f"the slot `{name}`"
    if not isinstance(slot, YamlMap):
        checker.error(line, f"The slot `{name}` needs at least `type` and `mappings`.")
        return
    kind = slot.get("type")
    if not isinstance(kind, str) or (kind not in TYPES and "." not in kind):
        checker.error(slot.line_of("type"), f"`type` of {what} must be one of {', '.join(TYPES)}.")
    elif "." in kind:
        checker.warn(
            slot.line_of("type"), f"The slot `{name}` is a class of your own: it is kept, but stories cannot see it."
        )
    else:
        checker.only(slot, _SLOT_KEYS, what)
    influences = checker.has(slot, "influence_conversation", bool, what) and slot["influence_conversation"]
    if kind == "any" and influences:
        checker.error(
            slot.line_of("influence_conversation"), f"The slot `{name}` is of type any, which cannot influence."
        )
    checker.has(slot, "values", list, what)
    _check_range(what, slot, checker)
    if slot.get("mappings") is None:
        checker.error(line, f"The slot `{name}` has no `mappings` (an empty list will do).")
    elif checker.has(slot, "mappings", list, what):
        for mapping, at in lined(slot["mappings"]):
            _check_mapping(what, mapping, at, checker)


def _check_range(what: str, slot: YamlMap, checker: Checker) -> None:
    low = slot["min_value"] if checker.number(slot, "min_value", what) else 0.0
    high = slot["max_value"] if checker.number(slot, "max_value", what) else 1.0
    if slot.get("type") == "float" and low >= high:
        checker.error(slot.line, f"`min_value` of {what} must be less than `max_value`.")


def _check_mapping(what: str, mapping: Any, line: int, checker: Checker) -> None:
    if not isinstance(mapping, YamlMap):
        checker.error(line, f"A mapping of {what} must be a mapping (`type: …`).")
        return
    kind = mapping.get("type")
    if kind not in _NEEDED:
        checker.error(mapping.line_of("type"), f"A mapping of {what} has the type `{kind}`, which is not known.")
        return
    for key in _NEEDED[kind]:
        if mapping.get(key) is None:
            checker.error(line, f"A `{kind}` mapping of {what} needs `{key}`.")
    for key in ("entity", "role", "group", "action"):
        checker.has(mapping, key, str, f"a mapping of {what}")
    for key in ("intent", "not_intent"):
        checker.words(mapping, key, f"a mapping of {what}")
    if checker.has(mapping, "conditions", list, f"a mapping of {what}"):
        for condition, at in lined(mapping["conditions"]):
            _check_condition(what, condition, at, checker)


def _check_condition(what: str, condition: Any, line: int, checker: Checker) -> None:
    if not isinstance(condition, YamlMap):
        checker.error(line, f"A condition of {what} must be a mapping (`active_loop: …`).")
        return
    checker.only(condition, ("active_loop", "requested_slot"), f"a condition of {what}")
    checker.has(condition, "active_loop", str, f"a condition of {what}")
    checker.has(condition, "requested_slot", str, f"a condition of {what}")


def _check_form(name: str, form: Any, line: int, checker: Checker) -> None:
    if form is None:
        return
    if not isinstance(form, YamlMap):
        checker.error(line, f"The form `{name}` must be a mapping with `required_slots`.")
        return
    checker.only(form, ("required_slots", "ignored_intents"), f"the form `{name}`")
    if checker.has(form, "required_slots", list, f"the form `{name}`"):
        checker.words(form, "required_slots", f"the form `{name}`")
    checker.words(form, "ignored_intents", f"the form `{name}`")
    if "ignored_intents" in form and "required_slots" not in form:
        checker.error(line, f"The form `{name}` has `ignored_intents` but no `required_slots`.")


def item_name(item: Any) -> str | None:
    """The name in `- name` or `- name: {…}`, None when it is neither."""
    if isinstance(item, str):
        return item or None
    return next(iter(item)) if isinstance(item, dict) and item else None
