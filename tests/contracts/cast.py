"""The kinds and rows that the contract tests play with."""

from collections.abc import Sequence
from typing import Any

from foundation.records import Batch, Engine, Kind, Row, Value, Where

ITEM = Kind(
    "item",
    fields=("colour", "size", "slot", "token"),
    unique=(("account", "slot"), ("token",)),
    indexes=(("account", "colour"), ("size",)),
)
HEAD = Kind("head", fields=("state", "at", "name"), unique=(("name",),), indexes=(("account", "at"),))
WORDS = Kind("order", fields=("group", "select", "from", "value"), indexes=(("group", "select"),))
"""Its names are words of the query languages."""

KINDS = (ITEM, HEAD, WORDS)


def row(id: str, *, version: int = 1, account: str = "blue", body: bytes = b"sealed", **fields: Value) -> Row:
    return Row(id, version, account, "key-1", fields, body)


def filled(kind: Kind, one: Row) -> Row:
    """As it comes back: every declared field, with nothing where no value was given."""
    fields = {field: one.fields.get(field) for field in kind.fields}
    return Row(one.id, one.version, one.account, one.key, fields, one.body)


def batch(first: int, count: int = 1, body: bytes = b"sealed") -> Batch:
    return Batch(first, count, "key-1", body)


async def ids(engine: Engine, *where: Where, kind: Kind = ITEM, **how: Any) -> list[str]:
    return [one.id for one in (await engine.find(kind, where, **how)).rows]


async def walk(engine: Engine, kind: Kind, where: Sequence[Where], *, order: str, limit: int) -> list[str]:
    """All ids, page by page."""
    found: list[str] = []
    after: str | None = None
    while True:
        page = await engine.find(kind, where, order=order, limit=limit, after=after)
        assert len(page.rows) <= limit
        found += [one.id for one in page.rows]
        after = page.next
        if after is None:
            return found
