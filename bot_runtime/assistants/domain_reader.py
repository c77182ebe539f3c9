"""Merges the domain files of a project and builds the `Domain`.

Files are merged in the order of their paths, as Rasa merges a directory (`domain.py:334`): lists lose what is
repeated, of two slots, responses or forms with one name the first wins, and the session settings come from the first
file that says something other than the default.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bot_runtime.assistants.checking import Checker, lined
from bot_runtime.assistants.domain import (
    DEFAULT_INTENTS,
    KNOWLEDGE_BASE_SLOTS,
    REQUESTED_SLOT,
    SESSION_METADATA,
    Domain,
    Form,
    SessionConfig,
)
from bot_runtime.assistants.domain_sections import item_name
from bot_runtime.assistants.slots import TYPES, Condition, Slot, SlotMapping
from bot_runtime.assistants.yaml_reader import YamlMap, plain

_LISTS = ("intents", "entities", "actions", "e2e_actions")
_MAPS = ("slots", "responses", "forms")
_DEFAULT_SESSION = {"session_expiration_time": 60, "carry_over_slots_to_new_session": True}

Parts = list[tuple[YamlMap, Checker]]


def merge_domains(parts: Parts) -> dict[str, Any]:
    """One domain from many files. Every part has been checked; what is defined twice is a warning."""
    merged: dict[str, Any] = {key: [] for key in _LISTS} | {key: {} for key in _MAPS} | {"config": {}}
    for document, checker in parts:
        for key in _LISTS:
            known = {item_name(item) for item in merged[key]}
            merged[key] += [item for item in document.get(key) or () if item_name(item) not in known]
        for key in _MAPS:
            for name, value in (document.get(key) or {}).items():
                if name in merged[key]:
                    line = document[key].line_of(name)
                    checker.warn(line, f"`{name}` in `{key}` is defined in another file too; the first one counts.")
                merged[key].setdefault(name, value)
        merged["config"] = {**(document.get("config") or {}), **merged["config"]}
        session = document.get("session_config")
        if session and merged.get("session_config", _DEFAULT_SESSION) == _DEFAULT_SESSION:
            merged["session_config"] = session
    return merged


def build_domain(
    merged: Mapping[str, Any],
    *,
    retrieval: Iterable[str] = (),
    responses: Mapping[str, tuple[dict[str, Any], ...]] | None = None,
    action_texts: Iterable[str] = (),
) -> Domain:
    """The domain of a project: the merged files, and what its NLU files and stories add to them.

    `retrieval` are base intents with full names (`faq/…`): each brings the action `utter_faq`. `responses` are those
    of NLU files, which win over the domain's. `action_texts` are what end-to-end stories let the bot say.
    """
    retrieval = sorted(set(retrieval))
    actions = [name for item in merged["actions"] if (name := item_name(item))]
    actions += [name for intent in retrieval if (name := f"utter_{intent}") not in actions]
    all_responses = {name: tuple(plain(variations)) for name, variations in merged["responses"].items()}
    all_responses |= responses or {}
    texts = tuple(dict.fromkeys([*map(str, merged["e2e_actions"]), *action_texts]))
    forms = {name: _form(name, settings) for name, settings in merged["forms"].items()}
    return Domain(
        used_entities=_used_entities(merged["intents"], merged["entities"], retrieval),
        entities=tuple(dict.fromkeys(name for item in merged["entities"] if (name := item_name(item)))),
        slots=_slots(merged["slots"], actions, has_forms=bool(forms)),
        responses=all_responses,
        actions=tuple(actions),
        forms=forms,
        session=_session(merged.get("session_config") or {}),
        action_texts=texts,
        retrieval_intents=frozenset(retrieval),
        store_entities_as_slots=merged["config"].get("store_entities_as_slots", True) is not False,
        data=_as_rasa_data(merged, actions, all_responses, texts),
    )


def _form(name: str, settings: Any) -> Form:
    settings = settings or {}
    ignored = settings.get("ignored_intents") or []
    ignored = [ignored] if isinstance(ignored, str) else ignored
    return Form(name, tuple(settings.get("required_slots") or ()), tuple(ignored))


def _session(settings: Mapping[str, Any]) -> SessionConfig:
    expiration = settings.get("session_expiration_time")
    carry_over = settings.get("carry_over_slots_to_new_session")
    return SessionConfig(60 if expiration is None else expiration, carry_over is not False)


def _used_entities(intents: list[Any], entities: list[Any], retrieval: list[str]) -> dict[str, frozenset[str]]:
    settings = {name: _settings(item, name) for item in entities if (name := item_name(item))}
    ignored = {name for name, of in settings.items() if of.get("influence_conversation") is False}
    used = {
        name: _labels_used(_settings(item, name), settings, ignored) for item in intents if (name := item_name(item))
    }
    for name in (*retrieval, *DEFAULT_INTENTS):
        used.setdefault(name, _labels_used({}, settings, ignored))
    return used


def _settings(item: Any, name: str) -> Mapping[str, Any]:
    return (item[name] if isinstance(item, dict) else None) or {}


def _labels_used(intent: Mapping[str, Any], entities: Mapping[str, Any], ignored: set[str]) -> frozenset[str]:
    wanted = intent.get("use_entities", True)
    unwanted = set(intent.get("ignore_entities", ignored) or ())
    if wanted is True:
        included = (set(entities) - ignored) | {label for name in entities for label in _sublabels(name, entities)}
    else:
        included = {label for name in wanted or () for label in (name, *_sublabels(name, entities))}
    excluded = {label for name in unwanted for label in (name, *_sublabels(name, entities))}
    return frozenset(included - excluded)


def _sublabels(name: str, entities: Mapping[str, Any]) -> list[str]:
    of = entities.get(name) or {}
    return [f"{name}#{label}" for label in (*(of.get("roles") or ()), *(of.get("groups") or ()))]


def _slots(definitions: Mapping[str, Any], actions: list[str], *, has_forms: bool) -> dict[str, Slot]:
    slots = {name: _slot(name, definition) for name, definition in definitions.items()}
    if has_forms:
        slots.setdefault(REQUESTED_SLOT, Slot(REQUESTED_SLOT, "text"))
    if "action_query_knowledge_base" in actions:
        for name in KNOWLEDGE_BASE_SLOTS:
            slots.setdefault(name, Slot(name, "text"))
    slots.setdefault(SESSION_METADATA, Slot(SESSION_METADATA, "any"))
    return slots


def _slot(name: str, definition: YamlMap) -> Slot:
    kind = definition["type"] if definition["type"] in TYPES else "any"
    influence = definition.get("influence_conversation")
    return Slot(
        name,
        kind,
        kind != "any" and influence is not False,
        plain(definition.get("initial_value")),
        tuple(str(value).lower() for value in definition.get("values") or () if value is not None),
        float(definition.get("min_value") or 0.0),
        float(1.0 if definition.get("max_value") is None else definition["max_value"]),
        tuple(_mapping(mapping) for mapping in definition["mappings"]),
    )


def _mapping(mapping: YamlMap) -> SlotMapping:
    return SlotMapping(
        mapping["type"],
        json.dumps(mapping, sort_keys=True, default=str),
        mapping.get("entity"),
        mapping.get("role"),
        mapping.get("group"),
        _names(mapping.get("intent")),
        _names(mapping.get("not_intent")),
        plain(mapping.get("value")),
        mapping.get("action"),
        tuple(Condition(at.get("active_loop"), at.get("requested_slot")) for at in mapping.get("conditions") or ()),
    )


def _names(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def _as_rasa_data(
    merged: Mapping[str, Any],
    actions: list[str],
    responses: dict[str, tuple[dict[str, Any], ...]],
    texts: tuple[str, ...],
) -> dict[str, Any]:
    data = {key: plain(value) for key, value in merged.items()}
    data["intents"].sort(key=item_name)
    listed = {item_name(item) for item in data["actions"]}
    data["actions"] += [name for name in actions if name not in listed]
    data["responses"] = {name: list(variations) for name, variations in responses.items()}
    data["e2e_actions"] = list(texts)
    data = {key: value for key, value in data.items() if value not in ({}, [], None)}
    data.setdefault("session_config", dict(_DEFAULT_SESSION))
    return {"version": "3.1", **data}


def warn_of_unknown_names(domain: Domain, parts: Parts) -> None:
    """Warn of slot mappings and forms that name what the domain does not have: they can never apply."""
    for document, checker in parts:
        for name, slot in (document.get("slots") or {}).items():
            for mapping, line in lined(slot["mappings"]):
                _warn_of_mapping(domain, f"The slot `{name}` waits for", mapping, line, checker)
        for name, form in (document.get("forms") or {}).items():
            for slot in (form or {}).get("required_slots") or ():
                if slot not in domain.slots:
                    line = document["forms"].line_of(name)
                    checker.warn(line, f"The form `{name}` asks for the slot `{slot}`, which is not in the domain.")


def _warn_of_mapping(domain: Domain, waits: str, mapping: YamlMap, line: int, checker: Checker) -> None:
    entity = mapping.get("entity")
    if mapping["type"] == "from_entity" and entity not in domain.known_entities:
        checker.warn(line, f"{waits} the entity `{entity}`, which is not in the domain.")
    for intent in _names(mapping.get("intent")):
        if intent not in domain.used_entities:
            checker.warn(line, f"{waits} the intent `{intent}`, which is not in the domain.")
