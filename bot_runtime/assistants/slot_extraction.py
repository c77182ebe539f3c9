"""Fills slots from the latest message by the mappings of the domain (`action.py:1053-1309`).

Slots are filled in the order of the domain, and of a slot's mappings the first that yields a value counts. Inside a
form a `from_entity` mapping that could fill several of its slots fills only the one that was asked for. Afterwards
`action_validate_slot_mappings` has its say, if the domain has it; slots and messages are all that is taken from it.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from bot_runtime.assistants.act import ActionFailed, ActionRejected
from bot_runtime.assistants.domain import REQUESTED_SLOT, VALIDATE_MAPPINGS, mentions
from bot_runtime.assistants.events import Event, slot_set
from bot_runtime.assistants.slots import Slot, SlotMapping
from bot_runtime.assistants.tracker import Tracker

Run = Callable[[str, Tracker], Awaitable[list[Event]]]

_log = logging.getLogger(__name__)


async def extract_slots(tracker: Tracker, run: Run) -> list[Event]:
    """What the latest message fills, as slot events, with the messages that custom actions sent meanwhile.

    `run` runs a custom action and gives its events, messages first. What an action does that fails is left out.
    """
    domain = tracker.domain
    events: list[Event] = []
    done: set[str] = set()
    for slot in domain.mapped_slots:
        for mapping in slot.mappings:
            if slot.name in domain.proofs and mapping.type == "custom":
                continue  # the turn fills it, from what the e-mail proof knows
            if not _applies(slot, mapping, tracker):
                continue
            values = [] if mapping.type == "custom" else _values(mapping, tracker)
            if values:
                value = values if slot.type == "list" else values[-1]
                if value is not None or tracker.slots.get(slot.name) is not None:
                    events.append(slot_set(slot.name, value))
                    break
            if mapping.type == "custom" and mapping.action and mapping.action not in done:
                done.add(mapping.action)
                events += await _run_custom(mapping.action, tracker, run)
    return await _validated(events, tracker, run)


async def _validated(events: list[Event], tracker: Tracker, run: Run) -> list[Event]:
    if VALIDATE_MAPPINGS not in tracker.domain.actions:
        return events
    candidates = [event for event in events if event["event"] == "slot"]
    temporary = tracker.aside()
    temporary.forget_before_restart()
    for event in candidates:
        temporary.apply(event)
    validated = await _run_custom(VALIDATE_MAPPINGS, temporary, run)
    decided = {event["name"] for event in validated if event["event"] == "slot"}
    others = [event for event in events if event["event"] != "slot" or event["name"] not in decided]
    return [*validated, *others]


async def _run_custom(name: str, tracker: Tracker, run: Run) -> list[Event]:
    try:
        events = await run(name, tracker)
    except (ActionFailed, ActionRejected) as problem:
        _log.warning("slots: %s", problem)
        return []
    return [event for event in events if event["event"] in ("slot", "bot")]


def _applies(slot: Slot, mapping: SlotMapping, tracker: Tracker) -> bool:
    domain = tracker.domain
    if mapping.type == "from_entity" and mapping.entity not in domain.known_entities:
        return False
    if mapping.type == "from_intent" and any(name not in domain.used_entities for name in mapping.intents):
        return False
    return (
        _wants_intent(mapping, tracker)
        and (mapping.type == "from_trigger_intent" or _meets_conditions(slot, mapping, tracker))
        and not _is_ambiguous(slot, mapping, tracker)
    )


def _wants_intent(mapping: SlotMapping, tracker: Tracker) -> bool:
    intent = tracker.fold.intent
    if mapping.intents:
        return intent in mapping.intents
    return intent not in mapping.not_intents and intent not in _ignored(mapping, tracker)


def _ignored(mapping: SlotMapping, tracker: Tracker) -> tuple[str, ...]:
    loop = tracker.active_loop
    form = tracker.domain.forms.get(loop or "")
    if form is None or (mapping.conditions and all(one.active_loop != loop for one in mapping.conditions)):
        return ()
    return form.ignored


def _meets_conditions(slot: Slot, mapping: SlotMapping, tracker: Tracker) -> bool:
    if not mapping.conditions:
        return True
    requested = tracker.slots.get(REQUESTED_SLOT)
    if tracker.fold.rejected and requested == slot.name:
        return False
    loop = tracker.active_loop
    return any(
        condition.active_loop == loop and (loop is None or condition.requested_slot in (None, "", requested))
        for condition in mapping.conditions
    )


def _is_ambiguous(slot: Slot, mapping: SlotMapping, tracker: Tracker) -> bool:
    if mapping.type != "from_entity":
        return False
    form = tracker.domain.forms.get(tracker.active_loop or "")
    if form is None or slot.name not in form.required or tracker.slots.get(REQUESTED_SLOT) == slot.name:
        return False
    return mapping.key not in tracker.domain.unique_mappings[form.name]


def _values(mapping: SlotMapping, tracker: Tracker) -> list[Any]:
    if tracker.answered:
        return []  # the message was dealt with before the bot spoke
    if mapping.type == "from_entity":
        entities = tracker.latest_message.get("entities") or ()
        return [entity.get("value") for entity in entities if mentions(entity, mapping)]
    if mapping.type == "from_intent":
        return [mapping.value]
    if mapping.type == "from_text":
        return [tracker.fold.text]
    loop = tracker.active_loop
    loops = [condition.active_loop for condition in mapping.conditions]
    return [mapping.value] if loop is not None and (not loops or loop in loops) else []
