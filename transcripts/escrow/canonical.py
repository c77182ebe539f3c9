"""One spelling for each JSON value, so that hashes of it can be compared: RFC 8785 without fractions.

Members are ordered by their names' UTF-16 units, nothing is spaced, and only what JSON demands is escaped. Numbers are
whole and within 2^53, where every reader agrees on them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_SAFE = 2**53


def canonical(value: Any) -> bytes:
    """The bytes. Raises `TypeError` for what has no such form."""
    return _spelled(value).encode()


def _spelled(value: Any) -> str:
    if value is None or isinstance(value, bool | str):
        return msgspec.json.encode(value).decode()
    if isinstance(value, int) and -_SAFE < value < _SAFE:
        return str(value)
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        names = sorted(value, key=lambda name: name.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(f"{_spelled(name)}:{_spelled(value[name])}" for name in names) + "}"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return "[" + ",".join(_spelled(one) for one in value) + "]"
    raise TypeError(f"{type(value).__name__} has no canonical form")
