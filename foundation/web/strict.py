"""Strict JSON: one spelling, one meaning.

Two readers of the same bytes must understand the same thing, so whatever parsers disagree about is refused: duplicate
keys, `NaN`, lone surrogates, deep nesting, trailing bytes, another encoding than UTF-8. Values then go into declared
structs that know all their fields (N-1 … N-4, M-6, M-7): a query operator, an extra member or `true` for a number has
nowhere to stand.
"""

import functools
import json
import re
from typing import Any, TypeVar

import msgspec

from foundation.errors import Invalid, Malformed, Problem

MAX_DEPTH = 32

T = TypeVar("T")

# An unterminated string swallows the rest and nothing is tried twice, so the walk is linear in the input (Z-9).
_TOKENS = re.compile(r'"(?>[^"\\]+|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_PATH = re.compile(r" - at `(?:key in )?\$(.*)`\Z", re.DOTALL)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of what a client may send in a JSON body or a form."""


class Frame(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag=_snake):
    """Base of a client's socket frames; `class TakeOver(Frame)` is spelled `"type": "take_over"`."""


_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def decoder(type: Any) -> msgspec.json.Decoder[Any]:
    """The decoder for a type, made once. Raises `TypeError` if a struct in it would let unknown fields pass."""
    known = _decoders.get(type)
    if known is None:
        _require_closed(msgspec.inspect.type_info(type), set())
        known = _decoders[type] = msgspec.json.Decoder(type)
    return known


def decode(text: str, type: type[T]) -> T:
    """Read strict JSON into a declared type.

    Raises `Malformed` (400) for what is no strict JSON, `Invalid` (422, `field` names the place) for values that the
    type does not allow.
    """
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _require_shallow(text)
    try:
        value: T = decoder(type).decode(text)
    except msgspec.ValidationError as error:
        _require_no_duplicates(text)
        raise invalid(error) from None
    except (msgspec.DecodeError, UnicodeError):
        raise Malformed("This is not valid JSON.") from None
    if not _names_once(text, value):
        _require_no_duplicates(text)
    return value


def invalid(error: msgspec.ValidationError) -> Problem:
    """What msgspec says about a value, as a problem that names the field."""
    message = str(error)
    path = _PATH.search(message)
    said = message[: path.start()] if path else message
    name = path[1].lstrip(".") if path else ""
    return Invalid(f"{said}." if not name else f"{name}: {said}.", field=name)


def _require_shallow(text: str) -> None:
    depth = 0
    for token in _TOKENS.finditer(text):
        mark = text[token.start()]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Malformed(f"JSON may be nested {MAX_DEPTH} levels deep, not more.")
        elif mark in "]}":
            depth -= 1


def _count_keys(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise Malformed("A JSON object names the same member twice.")


_scan = json.JSONDecoder(object_pairs_hook=_count_keys).decode


def _names_once(text: str, value: object) -> bool:
    """Whether it is plain that no member is named twice, without a second parse: one object, no escapes, and the name
    of each member that there may be stands there once at most."""
    if text.count("{") != 1 or "\\" in text or not isinstance(value, Frame):
        return False
    return max(map(text.count, _quoted_names(type(value)))) < 2


@functools.cache
def _quoted_names(type: type[Frame]) -> tuple[str, ...]:
    return ('"type"', *(f'"{name}"' for name in type.__struct_encode_fields__))


def _require_no_duplicates(text: str) -> None:
    try:
        _scan(text)
    except ValueError:
        raise Malformed("This is not valid JSON.") from None


def _require_closed(info: Any, seen: set[Any]) -> None:
    if isinstance(info, msgspec.inspect.StructType):
        if info.cls in seen:
            return
        seen.add(info.cls)
        if not info.forbid_unknown_fields:
            raise TypeError(f"{info.cls.__name__} must be declared with forbid_unknown_fields=True")
    for name in getattr(info, "__struct_fields__", ()):
        part = getattr(info, name)
        for item in part if isinstance(part, tuple) else (part,):
            if isinstance(item, msgspec.Struct):
                _require_closed(item, seen)
