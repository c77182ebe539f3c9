"""The state of a conversation at one moment, and how one event changes it (Rasa 3 `Event.apply_to`).

A `Fold` is never changed once it is made: applying an event gives a new one that shares what stayed the same. That is
what makes undoing, forking and looking back free. What takes events back (`rewind`, `undo`) is the tracker's
business.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bot_runtime.assistants.domain import LISTEN, SESSION_START, Domain
from bot_runtime.assistants.slots import UNSET, Feature

Event = dict[str, Any]
UserState = tuple[str | None, str | None, tuple[str, ...]]
TEXT_MARK = "\x00"  # in front of an action that is a text, so that it cannot be taken for a name


class Fold(msgspec.Struct, gc=False):
    """What a conversation has come to. `action` is the latest action (a text behind `TEXT_MARK`).

    `gc=False`: what a fold holds leads to no other fold, so the collector need not look through the many that are kept.
    """

    slots: Mapping[str, Any]
    features: tuple[tuple[str, Feature], ...]
    message: Event | None = None
    intent: str | None = None
    text: str | None = None
    entities: tuple[str, ...] = ()
    by_text: bool = False
    action: str | None = None
    loop: str | None = None
    rejected: bool = False
    interrupted: bool = False
    trigger: Mapping[str, Any] | None = None
    followup: str | None = LISTEN
    paused: bool = False

    def copy(self) -> "Fold":
        """A fold that may still be changed, by the one who asked for it."""
        return self.__copy__()  # type: ignore[attr-defined,no-any-return]  # msgspec's own, of all fields at once

    def same_as(self, other: "Fold") -> bool:
        """Whether both say the same of the conversation."""
        return self == other

    @property
    def active_loop(self) -> str | None:
        """The running loop; a rule's "no loop" is none."""
        return None if self.loop == UNSET else self.loop

    @property
    def action_name(self) -> str | None:
        """The latest action's name, or the text of an end-to-end one."""
        return self.action.removeprefix(TEXT_MARK) if self.action else None

    @property
    def user(self) -> UserState | None:
        """What policies see of the latest message: (intent, text, entity labels); None when there is nothing to see.

        The text counts where there is no intent, or where an action was predicted from it.
        """
        if self.by_text:
            return (None, self.text, ()) if self.text else None
        return (self.intent, None, self.entities) if self.intent or self.entities else None


def applied(fold: Fold, event: Event, domain: Domain, blank: Fold) -> Fold:
    """The fold after `event`; the same object when the event changes nothing. `blank` is an empty conversation."""
    change = _CHANGES.get(event["event"])
    return fold if change is None else change(fold, event, domain, blank)


def _user(fold: Fold, event: Event, domain: Domain, _: Fold) -> Fold:
    made = fold.copy()
    parse = event.get("parse_data") or {}
    made.message = event
    made.text = event.get("text")
    made.intent = (parse.get("intent") or {}).get("name")
    entities = parse.get("entities")
    made.entities = labels(entities, made.intent, domain) if entities else ()
    made.by_text = bool(made.text and not made.intent)
    made.followup = None
    return made


def labels(entities: list[Event], intent: str | None, domain: Domain) -> tuple[str, ...]:
    """The entity labels of a message that count for its intent, sorted (`domain.py:1121`)."""
    found = set()
    for entity in entities:
        name = entity.get("entity")
        if name is not None:
            found.add(name)
            found |= {f"{name}#{entity[key]}" for key in ("role", "group") if entity.get(key) is not None}
    used = domain.used_entities.get(intent or "")
    return tuple(sorted(found if used is None else found & used))


def _featurization(fold: Fold, event: Event, _: Domain, __: Fold) -> Fold:
    if fold.action != LISTEN or fold.message is None:
        return fold
    made = fold.copy()
    made.by_text = bool(event.get("use_text_for_featurization"))
    return made


def _entities(fold: Fold, event: Event, domain: Domain, _: Fold) -> Fold:
    if fold.action != LISTEN or fold.message is None:
        return fold
    parse = fold.message.get("parse_data") or {}
    known = list(parse.get("entities") or ())
    more = [entity for entity in event.get("entities") or () if entity not in known]
    made = fold.copy()
    made.message = {**fold.message, "parse_data": {**parse, "entities": known + more}}
    made.entities = labels(known + more, fold.intent, domain)
    return made


def _slot(fold: Fold, event: Event, domain: Domain, _: Fold) -> Fold:
    name = event.get("name") or ""
    slot = domain.slots.get(name)
    if slot is None:
        return fold
    made = fold.copy()
    made.slots = {**fold.slots, name: slot.stored(event.get("value"))}
    if slot.influence:
        made.features = domain.features(made.slots)
    return made


def _reset_slots(fold: Fold, _: Event, domain: Domain, __: Fold) -> Fold:
    made = fold.copy()
    made.slots = domain.initial_slots
    made.features = domain.initial_features
    return made


def _action(fold: Fold, event: Event, _: Domain, __: Fold) -> Fold:
    made = fold.copy()
    text = event.get("action_text")
    made.action = event.get("name") or (TEXT_MARK + text if text else None)
    made.interrupted = False
    if made.action == fold.loop:
        made.rejected = False
    made.followup = None
    return made


def _loop(fold: Fold, event: Event, _: Domain, __: Fold) -> Fold:
    made = fold.copy()
    made.loop = event.get("name")
    made.rejected = made.interrupted = False
    made.trigger = (fold.message or {}).get("parse_data") if made.loop is not None else None
    return made


def _interrupted(fold: Fold, event: Event, _: Domain, __: Fold) -> Fold:
    if fold.loop is None:
        return fold
    made = fold.copy()
    if event["event"] == "form_validation":
        made.interrupted = not event.get("validate", True)
    else:
        made.interrupted = bool(event.get("is_interrupted"))
    return made


def _rejected(fold: Fold, event: Event, _: Domain, __: Fold) -> Fold:
    if fold.active_loop is None or event.get("name") != fold.active_loop:
        return fold
    made = fold.copy()
    made.rejected = True
    return made


def _followup(fold: Fold, event: Event, _: Domain, __: Fold) -> Fold:
    made = fold.copy()
    made.followup = event.get("name")
    return made


def _paused(fold: Fold, event: Event, _: Domain, __: Fold) -> Fold:
    made = fold.copy()
    made.paused = event["event"] == "pause"
    return made


def _session(_: Fold, __: Event, ___: Domain, blank: Fold) -> Fold:
    return blank


def _restart(_: Fold, __: Event, ___: Domain, blank: Fold) -> Fold:
    made = blank.copy()
    made.followup = SESSION_START
    return made


_CHANGES: Mapping[str, Callable[[Fold, Event, Domain, Fold], Fold]] = {
    "user": _user,
    "user_featurization": _featurization,
    "entities": _entities,
    "slot": _slot,
    "reset_slots": _reset_slots,
    "action": _action,
    "active_loop": _loop,
    "form": _loop,
    "loop_interrupted": _interrupted,
    "form_validation": _interrupted,
    "action_execution_rejected": _rejected,
    "followup": _followup,
    "pause": _paused,
    "resume": _paused,
    "session_started": _session,
    "restart": _restart,
}
