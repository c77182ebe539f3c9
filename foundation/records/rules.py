"""The rules of the port that do not depend on an engine: which values, conditions, orders and cursors are acceptable.

Every engine calls these before it touches its store, so that all of them refuse the same things with the same words.
Whatever may come from outside (a value, a field to sort by, a cursor) is refused with a `Problem`; what only a mistake
in our own code can cause (an undeclared field in a row, a version that is not 1) is a `ValueError`.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from foundation.errors import Invalid, Malformed
from foundation.records.port import Batch, Kind, Row, Value, Where

LOWEST = -(2**63)
HIGHEST = 2**63 - 1
MAX_NAME = 512
MAX_LIMIT = 1_000
MAX_BATCHES = 10_000
MAX_IN = 1_000
OPERATORS = frozenset({"=", "<", "<=", ">", ">=", "in"})

_CURSOR_MAX = 16_384


class Cursor(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """Where a page ended: the query it belongs to, the order value and the id of its last row."""

    query: bytes
    value: str | int | None
    id: str


def value_of(field: str, value: object) -> Value:
    """The value as every engine stores it: text, a whole number of 64 bits, or nothing; booleans become 0 and 1.

    Raises `Invalid` for anything else, above all for mappings and lists (SECURITY N-1 … N-4).
    """
    if value is None or (type(value) is str and value.isascii()):
        return value
    if type(value) is int and LOWEST <= value <= HIGHEST:
        return value
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Invalid("Text with half a surrogate pair cannot be stored.", field=field) from None
        return value if type(value) is str else str.__str__(value)
    if isinstance(value, int):
        if not LOWEST <= value <= HIGHEST:
            raise Invalid("A number must fit into 64 bits.", field=field)
        return int(value)
    raise Invalid("A value must be text, a whole number or nothing.", field=field)


class Checked(dict[str, Value]):
    """The fields of a row of `kind`, checked already: nobody need look at them again, and nobody changes them."""

    __slots__ = ("kind",)

    def __init__(self, kind: Kind) -> None:
        super().__init__()
        self.kind = kind


def fields_of(kind: Kind, fields: Mapping[str, Value]) -> dict[str, Value]:
    """All declared fields with their values (`None` where none is given); a name that is not declared is a mistake."""
    if type(fields) is Checked and fields.kind is kind:
        return fields
    values = Checked(kind)
    for name in kind.fields:
        value = fields.get(name)
        values[name] = None if value is None else value_of(name, value)
    if len(fields) > len(values) or not fields.keys() <= values.keys():
        unknown = ", ".join(sorted(set(fields) - set(values)))
        raise ValueError(f"{kind.name} declares no field {unknown}")
    return values


def check_name(what: str, text: object, *, empty: bool = False) -> None:
    """Ids, log names, accounts and key ids: text of 1 (or 0) … 512 characters."""
    if type(text) is str and text.isascii() and 0 < len(text) <= MAX_NAME:
        return
    value_of(what, text)
    if not isinstance(text, str) or len(text) > MAX_NAME or not (text or empty):
        raise Invalid(f"This must be text of 1 to {MAX_NAME} characters.", field=what)


def check_row(kind: Kind, row: Row) -> dict[str, Value]:
    """Check a row that is to be written and return its complete fields."""
    check_name("id", row.id)
    check_name("account", row.account, empty=True)
    check_name("key", row.key, empty=True)
    if not 1 <= row.version <= HIGHEST:
        raise ValueError(f"{row.version} cannot be the version of a row")
    if not isinstance(row.body, bytes):
        raise TypeError("the body of a row is bytes")
    return fields_of(kind, row.fields)


def kind_of(kinds: Mapping[str, Kind], name: str) -> Kind:
    """The declared kind of this name. Raises `ValueError`."""
    kind = kinds.get(name)
    if kind is None:
        raise ValueError(f"the kind {name} was not declared to this store")
    return kind


def check_batch(log: str, batch: Batch) -> None:
    """Check a batch that is to be appended."""
    check_name("log", log)
    check_name("key", batch.key, empty=True)
    if not 1 <= batch.first <= HIGHEST or not 1 <= batch.count <= HIGHEST - batch.first:
        raise ValueError(f"a batch cannot have {batch.count} entries from number {batch.first}")
    if not isinstance(batch.body, bytes):
        raise TypeError("the body of a batch is bytes")


def check_where(kind: Kind, where: Sequence[Where]) -> list[Where]:
    """The conditions with their values as stored. Raises `Invalid` for an unknown field or operator (N-7)."""
    known = {*kind.fields, "account"}
    checked = []
    for one in where:
        if not isinstance(one.field, str) or one.field not in known:
            raise Invalid("There is no such field to search by.", field=str(one.field))
        if not isinstance(one.is_, str) or one.is_ not in OPERATORS:
            raise Invalid("There is no such comparison.", field=one.field)
        checked.append(Where(one.field, one.is_, _operand(one)))
    return checked


def order_of(kind: Kind, order: str) -> tuple[str, bool]:
    """The field to order by, and whether it descends. Raises `Invalid` for a field that is not declared (N-7)."""
    descending = order.startswith("-")
    field = order[1:] if descending else order
    if field not in {*kind.fields, "account", "id"}:
        raise Invalid("There is no such field to order by.", field="order")
    return field, descending


def check_limit(limit: int, most: int = MAX_LIMIT) -> int:
    """Raises `Invalid` unless the limit is 1 … `most`."""
    if not 1 <= limit <= most:
        raise Invalid(f"The limit must be 1 to {most}.", field="limit")
    return limit


def fingerprint(kind: Kind, where: Sequence[Where], order: str) -> bytes:
    """Eight bytes that tell one query from another, so that a cursor is used only with its own."""
    return hashlib.blake2b(msgspec.msgpack.encode([kind.name, order, where]), digest_size=8).digest()


def write_cursor(query: bytes, value: Value, id: str) -> str:
    """The cursor that continues after the row with this order value and id."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(Cursor(query, value, id))).rstrip(b"=").decode()


def read_cursor(query: bytes, text: str) -> Cursor:
    """Raises `Malformed` when the text is no cursor of this query.

    A cursor is a position, not a permission: the conditions of the query hold wherever it starts.
    """
    cursor = _decoded(text) if len(text) <= _CURSOR_MAX else None
    if cursor is None or write_cursor(query, cursor.value, cursor.id) != text:
        raise Malformed("This is not the cursor of an earlier page of the same query.", field="after")
    return cursor


def _decoded(text: str) -> Cursor | None:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.msgpack.decode(raw, type=Cursor)
        value_of("after", cursor.value)
    except (ValueError, msgspec.DecodeError, Invalid):
        return None
    return cursor


def _operand(one: Where) -> Value | tuple[Value, ...]:
    if one.is_ != "in":
        return value_of(one.field, one.value)
    if not isinstance(one.value, tuple) or len(one.value) > MAX_IN:
        raise Invalid(f"This comparison takes a tuple of at most {MAX_IN} values.", field=one.field)
    return tuple(value_of(one.field, value) for value in one.value)
