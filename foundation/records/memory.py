"""A store in memory with the whole contract of the port, for unit tests of everything above.

Nothing survives it, and that is its one difference from an engine with a file. Each call gives way to the event loop
once before it acts, so that callers meet the interleavings that a real engine causes.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from foundation.errors import StorageFull, Unavailable
from foundation.records import rules
from foundation.records.port import Batch, Kind, Page, Row, Stale, Stored, Taken, Value, Where

_Claim = tuple[tuple[str, ...], tuple[Value, ...]]


class MemoryEngine:
    """`max_bytes` limits the sealed bytes that it holds, to try out a full store."""

    def __init__(self, kinds: Sequence[Kind], *, max_bytes: int | None = None) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        if len(self._kinds) != len(kinds):
            raise ValueError("two kinds have the same name")
        self._rows: dict[str, dict[str, Row]] = {kind.name: {} for kind in kinds}
        self._unique: dict[str, dict[_Claim, str]] = {kind.name: {} for kind in kinds}
        self._logs: dict[str, list[Batch]] = {}
        self._open = False
        self._max_bytes = max_bytes
        self._bytes = 0

    async def open(self) -> None:
        self._open = True

    async def begun(self) -> bool:
        return self._open or bool(self._logs) or any(self._rows.values())

    async def close(self) -> None:
        self._open = False

    async def scrub(self) -> None:
        """Nothing lingers in here."""

    async def insert(self, kind: Kind, row: Row) -> None:
        rows = await self._rows_of(kind)
        if row.version != 1:
            raise ValueError("a new row has version 1")
        row = msgspec.structs.replace(row, fields=rules.check_row(kind, row))
        if row.id in rows:
            raise Taken
        self._put(kind, row)

    async def get(self, kind: Kind, id: str) -> Row | None:
        rows = await self._rows_of(kind)
        rules.check_name("id", id)
        return rows.get(id)

    async def replace(self, kind: Kind, row: Row) -> None:
        rows = await self._rows_of(kind)
        row = msgspec.structs.replace(row, fields=rules.check_row(kind, row))
        stored = rows.get(row.id)
        if stored is None or stored.version != row.version - 1:
            raise Stale
        self._put(kind, row)

    async def delete(self, kind: Kind, id: str) -> bool:
        rows = await self._rows_of(kind)
        rules.check_name("id", id)
        row = rows.pop(id, None)
        if row is None:
            return False
        self._bytes -= len(row.body)
        for claim in _claims(kind, row):
            del self._unique[kind.name][claim]
        return True

    async def find(
        self,
        kind: Kind,
        where: Sequence[Where] = (),
        *,
        order: str = "id",
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        rows = await self._rows_of(kind)
        where = rules.check_where(kind, where)
        field, descending = rules.order_of(kind, order)
        rules.check_limit(limit)
        query = rules.fingerprint(kind, where, order)
        placed = [(_place(_value(row, field), row.id), row) for row in rows.values() if _meets_all(row, where)]
        if after is not None:
            cursor = rules.read_cursor(query, after)
            start = _place(cursor.value, cursor.id)
            placed = [(place, row) for place, row in placed if (place < start if descending else place > start)]
        found = [row for _, row in sorted(placed, key=lambda one: one[0], reverse=descending)]
        page = found[:limit]
        last = page[-1] if len(found) > limit else None
        return Page(page, rules.write_cursor(query, _value(last, field), last.id) if last else None)

    async def count(self, kind: Kind, where: Sequence[Where] = ()) -> int:
        rows = await self._rows_of(kind)
        where = rules.check_where(kind, where)
        return sum(_meets_all(row, where) for row in rows.values())

    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        await self._turn()
        rules.check_batch(log, batch)
        batches = self._logs.get(log, [])
        if head is not None:
            kind, row = head
            row = msgspec.structs.replace(row, fields=rules.check_row(kind, row))
        if batch.first != (batches[-1].last if batches else 0) + 1:
            raise Stale
        self._fit(len(batch.body))
        if head is not None:
            stored = self._table(kind).get(row.id)
            if stored is None or (stored.version < row.version and stored.account == row.account):
                self._put(kind, row, besides=len(batch.body))
        self._bytes += len(batch.body)
        self._logs.setdefault(log, []).append(batch)

    async def read(self, log: str, *, since: int = 0, limit: int = 10_000) -> Sequence[Batch]:
        await self._turn()
        rules.check_name("log", log)
        rules.check_limit(limit, rules.MAX_BATCHES)
        return [batch for batch in self._logs.get(log, []) if batch.last > since][:limit]

    async def reseal(self, log: str, batch: Batch, *, was: str) -> None:
        await self._turn()
        rules.check_batch(log, batch)
        rules.check_name("key", was, empty=True)
        batches = self._logs.get(log, [])
        for place, old in enumerate(batches):
            if (old.first, old.count, old.key) == (batch.first, batch.count, was):
                self._fit(len(batch.body) - len(old.body))
                self._bytes += len(batch.body) - len(old.body)
                batches[place] = batch
                return
        raise Stale

    async def delete_log(self, log: str) -> int:
        await self._turn()
        rules.check_name("log", log)
        batches = self._logs.pop(log, [])
        self._bytes -= sum(len(batch.body) for batch in batches)
        return len(batches)

    async def dump(self) -> AsyncIterator[Sequence[Stored]]:
        rows = [Stored(name, "", row) for name, kept in self._rows.items() for _, row in sorted(kept.items())]
        batches = [Stored("", log, None, batch) for log, kept in sorted(self._logs.items()) for batch in kept]
        for start in range(0, len(rows) + len(batches), 1_000):
            await asyncio.sleep(0)
            yield (rows + batches)[start : start + 1_000]

    async def load(self, stored: Sequence[Stored]) -> None:
        await self._turn()
        for one in stored:
            if one.row is not None:
                kind = rules.kind_of(self._kinds, one.kind)
                if one.row.id not in self._rows[kind.name]:
                    self._put(kind, msgspec.structs.replace(one.row, fields=rules.check_row(kind, one.row)))
            elif one.batch is not None:
                rules.check_batch(one.log, one.batch)
                kept = self._logs.setdefault(one.log, [])
                if all(batch.first != one.batch.first for batch in kept):
                    self._fit(len(one.batch.body))
                    self._bytes += len(one.batch.body)
                    kept.append(one.batch)
                    kept.sort(key=lambda batch: batch.first)

    async def _turn(self) -> None:
        if not self._open:
            raise Unavailable("The store is not open.")
        await asyncio.sleep(0)

    async def _rows_of(self, kind: Kind) -> dict[str, Row]:
        await self._turn()
        return self._table(kind)

    def _table(self, kind: Kind) -> dict[str, Row]:
        if self._kinds.get(kind.name) != kind:
            raise ValueError(f"the kind {kind.name} was not declared to this store")
        return self._rows[kind.name]

    def _put(self, kind: Kind, row: Row, besides: int = 0) -> None:
        unique = self._unique[kind.name]
        if any(unique.get(claim, row.id) != row.id for claim in _claims(kind, row)):
            raise Taken
        old = self._rows[kind.name].get(row.id)
        more = len(row.body) - (len(old.body) if old else 0)
        self._fit(more + besides)
        if old is not None:
            for claim in _claims(kind, old):
                del unique[claim]
        unique.update(dict.fromkeys(_claims(kind, row), row.id))
        self._bytes += more
        self._rows[kind.name][row.id] = row

    def _fit(self, more: int) -> None:
        if self._max_bytes is not None and self._bytes + more > self._max_bytes:
            raise StorageFull("The store is full; this was not kept.")


def _value(row: Row, field: str) -> Value:
    if field == "id":
        return row.id
    return row.account if field == "account" else row.fields[field]


def _claims(kind: Kind, row: Row) -> list[_Claim]:
    claims = [(group, tuple(_value(row, field) for field in group)) for group in kind.unique]
    return [claim for claim in claims if None not in claim[1]]


def _place(value: Value, id: str) -> tuple[int, str | int, str]:
    """A sort key: nothing before numbers before text."""
    if value is None:
        return (0, 0, id)
    return (1 if isinstance(value, int) else 2, value, id)


def _meets_all(row: Row, where: Sequence[Where]) -> bool:
    return all(_meets(row, one) for one in where)


def _meets(row: Row, one: Where) -> bool:
    value = _value(row, one.field)
    if isinstance(one.value, tuple):
        return any(_same(value, other) for other in one.value)
    if one.is_ == "=":
        return _same(value, one.value)
    if isinstance(value, str) and isinstance(one.value, str):
        return _compare(value, one.is_, one.value)
    if isinstance(value, int) and isinstance(one.value, int):
        return _compare(value, one.is_, one.value)
    return False


def _same(one: Value, other: Value) -> bool:
    return type(one) is type(other) and one == other


def _compare(value: Any, is_: str, other: Any) -> bool:
    if is_ in {"<", "<="}:
        return bool(value < other or (is_ == "<=" and value == other))
    return bool(value > other or (is_ == ">=" and value == other))
