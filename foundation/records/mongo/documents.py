"""Rows and batches as documents, and the indexes that their kinds declare.

    a collection `k_<kind>`   {_id: id, v: version, a: account, k: key, b: body, f_<field>: value …, u<n>: …}
    the collection `batches`  {log, first, last, k: key, b: body, w: …, h: …}

Whole numbers are 64 bits wide, a field without a value is null. A unique group of fields is one value more in the document
(`u0`, `u1` …): the group's values, or, where one of them is missing, the row's own id, which collides with nothing.
(Partial and sparse indexes would say that too, but not on every server of the protocol.)
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from foundation.records.port import Batch, Kind, Row, Value

Document = dict[str, Any]

BATCHES = "batches"
FORMAT = 1
ABOUT = "about"
"""The collection with one document that says whose database this is."""


def collection_of(kind: Kind) -> str:
    """The name of a kind's collection."""
    return f"k_{kind.name}"


def column(field: str) -> str:
    """A field's name in the documents."""
    return {"id": "_id", "account": "a"}.get(field, f"f_{field}")


def wide(value: Value) -> Any:
    """A value as it is stored: numbers are 64 bits wide whatever their size, so that they compare alike."""
    from bson.int64 import Int64  # noqa: PLC0415 - an extra

    return Int64(value) if isinstance(value, int) else value


def document(kind: Kind, row: Row, fields: Mapping[str, Value]) -> Document:
    """A row as a document; `fields` are all of the kind's."""
    made: Document = {
        "_id": row.id,
        "v": wide(row.version),
        "a": row.account,
        "k": row.key,
        "b": row.body,
        **{f"f_{name}": wide(value) for name, value in fields.items()},
    }
    for place, claim in enumerate(claims(kind, row.account, fields)):
        made[f"u{place}"] = claim or b"\0" + row.id.encode()
    return made


def claims(kind: Kind, account: str, fields: Mapping[str, Value]) -> list[bytes | None]:
    """For each unique group its values as bytes, or nothing where one of them is missing."""
    made: list[bytes | None] = []
    for group in kind.unique:
        values = [account if name == "account" else fields.get(name) for name in group]
        made.append(None if None in values else b"\1" + hashlib.sha256(msgspec.msgpack.encode(values)).digest())
    return made


def row_of(kind: Kind, found: Document) -> Row:
    """The row from its document."""
    fields: dict[str, Value] = {}
    for name in kind.fields:
        value = found.get(f"f_{name}")
        fields[name] = int(value) if isinstance(value, int) else value
    return Row(found["_id"], int(found["v"]), found["a"], found["k"], fields, bytes(found["b"]))


def batch_of(found: Document) -> Batch:
    """The batch from its document."""
    first = int(found["first"])
    return Batch(first, int(found["last"]) - first + 1, found["k"], bytes(found["b"]))


def batch_document(log: str, batch: Batch) -> Document:
    """A batch as a document."""
    return {"log": log, "first": wide(batch.first), "last": wide(batch.last), "k": batch.key, "b": batch.body}


def indexes_of(kind: Kind) -> dict[str, tuple[list[tuple[str, int]], bool]]:
    """The indexes of a kind: name → keys and whether unique. The name changes when the meaning does."""
    made: dict[str, tuple[list[tuple[str, int]], bool]] = {}
    for place, group in enumerate(kind.unique):
        made[_name("u", place, group)] = ([(f"u{place}", 1)], True)
    for place, group in enumerate(kind.indexes):
        keys = [*((column(field), 1) for field in group), ("_id", 1)]
        made[_name("i", place, group)] = (keys, False)
    return made


BATCH_INDEXES: dict[str, tuple[list[tuple[str, int]], bool]] = {
    "fd_log": ([("log", 1), ("first", 1)], True),
    "fd_waiting": ([("w", 1)], False),
}


def _name(sort: str, place: int, group: Sequence[str]) -> str:
    return f"fd_{sort}{place}_{hashlib.sha256(' '.join(group).encode()).hexdigest()[:12]}"
