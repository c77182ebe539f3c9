"""What a bot can remember: slots, how messages fill them, and the little of them that stories and rules can see.

A slot's value is seen only through its feature (Rasa 3, `slots.py`): a text slot is set or not, a list is empty or
not, a bool is set with a value, a categorical is one-hot, a float is scaled into its range. Features are what states
are made of, so two values with one feature are the same to every policy.
"""

from typing import Any

import msgspec

UNSET = "should_not_be_set"  # Rasa's marker in rules for "must not be set"; stands where a feature would
OTHER = "__other__"

Feature = tuple[float, ...] | str
TYPES = ("text", "bool", "categorical", "float", "list", "any")


class Condition(msgspec.Struct, frozen=True):
    """When a mapping applies: while `active_loop` runs (None: while none runs), and asks for `requested_slot`."""

    active_loop: str | None
    requested_slot: str | None = None


class SlotMapping(msgspec.Struct, frozen=True):
    """One way to fill a slot. `key` is the mapping as written, in one canonical text: equal mappings, equal keys."""

    type: str
    key: str
    entity: str | None = None
    role: str | None = None
    group: str | None = None
    intents: tuple[str, ...] = ()
    not_intents: tuple[str, ...] = ()
    value: Any = None
    action: str | None = None
    conditions: tuple[Condition, ...] = ()


class Slot(msgspec.Struct, frozen=True):
    """A slot of the domain. `type` is one of `TYPES`; a class of the author's own is read as `any`."""

    name: str
    type: str = "any"
    influence: bool = False
    initial_value: Any = None
    values: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 1.0
    mappings: tuple[SlotMapping, ...] = ()

    def stored(self, value: Any) -> Any:
        """The value as the slot keeps it: a list slot keeps lists, everything else is kept as given."""
        if self.type == "list" and value and value != UNSET and not isinstance(value, list):
            return [value]
        return value

    def feature(self, value: Any) -> Feature | None:
        """What policies see of `value`, or None when they see nothing."""
        if not self.influence or value is None:
            return None
        if value == UNSET:
            return UNSET
        return _FEATURES[self.type](self, value)


def _text(_: Slot, __: Any) -> Feature | None:
    return (1.0,)


def _bool(_: Slot, value: Any) -> Feature | None:
    if isinstance(value, bool | int | float):
        return (1.0, float(value == 1))
    if not isinstance(value, str):
        return None
    word = value.strip().lower()
    if word in ("true", "false"):
        return (1.0, float(word == "true"))
    return (1.0, float(int(value) == 1)) if value.isdecimal() else None


def _float(slot: Slot, value: Any) -> Feature | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    covered = abs(slot.high - slot.low) or 1.0
    return (1.0, (max(slot.low, min(slot.high, number)) - slot.low) / covered)


def _categorical(slot: Slot, value: Any) -> Feature | None:
    word = str(value).lower()
    known = (*slot.values, OTHER) if OTHER not in slot.values else slot.values
    chosen = word if word in known else OTHER
    return tuple(1.0 if name == chosen else 0.0 for name in known)


def _list(_: Slot, value: Any) -> Feature | None:
    try:
        return (1.0,) if len(value) > 0 else None
    except TypeError:
        return None


def _any(_: Slot, __: Any) -> Feature | None:
    return None


_FEATURES = {"text": _text, "bool": _bool, "float": _float, "categorical": _categorical, "list": _list, "any": _any}
