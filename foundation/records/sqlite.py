"""The embedded engine: one SQLite file, one writing thread with group commit, a few reading threads.

- Acknowledged means durable: WAL with `synchronous=FULL`; the future of a write ends after the commit's sync.
- All waiting writes of all callers share one transaction (`writer`); reads run beside it on connections of their own
  and see every write that was acknowledged before they began.
- One process at a time, or the workers of one owner (`lock`); the file is readable by its owner only.
- Deleted bytes are overwritten (`secure_delete`), and `scrub` empties the write-ahead log, where they linger (E-3).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

from foundation.errors import Unavailable
from foundation.records import dumping, rules, schema, writes
from foundation.records.failures import as_problem
from foundation.records.port import Batch, Kind, Page, Row, Stored, Value, Where
from foundation.records.setup import connect_reader
from foundation.records.workers import Outcome, Threads
from foundation.records.writer import Writer

Query = Callable[[sqlite3.Connection], Any]

_READERS = 2
_GROUP_READ = 32
_GROUP_WRITE = 512
_SCRUB_TRIES = 3  # each waits up to five seconds for readers


class _Reader:
    """The worker of a reading thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def start(self) -> None:
        self._db = connect_reader(self._path)

    def run(self, group: Sequence[Query]) -> Sequence[Outcome]:
        return [self._answer(query) for query in group]

    def stop(self) -> None:
        if self._db is not None:
            self._db.close()

    def _answer(self, query: Query) -> Outcome:
        assert self._db is not None
        try:
            return query(self._db)
        except Exception as error:  # noqa: BLE001 - becomes the outcome of this query
            return as_problem(error)


class SqliteEngine:
    """`max_bytes` limits the size of the main file; beyond it writes raise `StorageFull`.

    `read_only`: a look at a store that another process may be serving; it takes no lock, and writes raise `Unavailable`.
    `shared`: one of several workers; whoever started them holds the store's lock (`StoreLock`) for all of them.
    """

    def __init__(
        self,
        path: Path,
        kinds: Sequence[Kind],
        *,
        max_bytes: int | None = None,
        read_only: bool = False,
        shared: bool = False,
    ) -> None:
        self._tables = {kind.name: schema.Table(kind) for kind in kinds}
        if len(self._tables) != len(kinds):
            raise ValueError("two kinds have the same name")
        path = path.absolute()
        self._path = path
        self._read_only = read_only
        writer = Writer(path, list(self._tables.values()), max_bytes=max_bytes, shared=shared)
        self._writer: Threads[writes.Write] = Threads("store writer", [writer], group=_GROUP_WRITE)
        readers = [_Reader(path) for _ in range(_READERS)]
        self._readers: Threads[Query] = Threads("store reader", readers, group=_GROUP_READ)
        self._open = False
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        """Raises `StoreInUse` while another process or engine has the file, `Unavailable` for one that is not ours."""
        async with self._turn:
            if self._open:
                return
            if not self._read_only:
                await self._writer.start()
            try:
                await self._readers.start()
            except BaseException:
                await self._writer.stop()
                raise
            self._open = True

    async def begun(self) -> bool:
        return await asyncio.to_thread(self._path.exists)

    async def close(self) -> None:
        async with self._turn:
            if not self._open:
                return
            self._open = False
            try:
                await self._readers.stop()
            finally:
                await self._writer.stop()

    async def scrub(self) -> None:
        """After deletes: leave no trace of them in the write-ahead log. `Unavailable` when readers never pause."""
        for _ in range(_SCRUB_TRIES):
            if await self._write(writes.Scrub()):
                return
        raise Unavailable("The store is too busy to empty its write-ahead log; deleted bytes may still be in it.")

    async def insert(self, kind: Kind, row: Row) -> None:
        table = self._table(kind)
        if row.version != 1:
            raise ValueError("a new row has version 1")
        await self._write(writes.insert(table, _values(kind, row)))

    async def get(self, kind: Kind, id: str) -> Row | None:
        table = self._table(kind)
        rules.check_name("id", id)

        def query(db: sqlite3.Connection) -> Row | None:
            found = db.execute(table.get, (id,)).fetchone()
            return schema.row_of(kind, found) if found else None

        return await self._read(query)  # type: ignore[no-any-return]

    async def replace(self, kind: Kind, row: Row) -> None:
        await self._write(writes.replace(self._table(kind), _values(kind, row)))

    async def delete(self, kind: Kind, id: str) -> bool:
        table = self._table(kind)
        rules.check_name("id", id)
        return bool(await self._write(writes.delete(table, id)))

    async def find(
        self,
        kind: Kind,
        where: Sequence[Where] = (),
        *,
        order: str = "id",
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        table = self._table(kind)
        where = rules.check_where(kind, where)
        field, descending = rules.order_of(kind, order)
        rules.check_limit(limit)
        query = rules.fingerprint(kind, where, order)
        cursor = None if after is None else rules.read_cursor(query, after)
        start = "top" if cursor is None else ("none" if cursor.value is None else "some")
        segments = table.find(tuple(schema.shape_of(one) for one in where), field, descending, start)
        values = schema.parameters_of(where)
        rows: list[Row] = await self._read(lambda db: _page(db, kind, segments, values, cursor, limit + 1))
        if len(rows) <= limit:
            return Page(rows, None)
        last = rows[limit - 1]
        return Page(rows[:limit], rules.write_cursor(query, _order_value(last, field), last.id))

    async def count(self, kind: Kind, where: Sequence[Where] = ()) -> int:
        table = self._table(kind)
        where = rules.check_where(kind, where)
        sql = table.count(tuple(schema.shape_of(one) for one in where))
        values = schema.parameters_of(where)
        return int(await self._read(lambda db: db.execute(sql, values).fetchone()[0]))

    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        rules.check_batch(log, batch)
        table, values = (None, ()) if head is None else (self._table(head[0]), _values(*head))
        await self._write(writes.Append(log, batch.first, batch.last, batch.key, batch.body, table, values))

    async def read(self, log: str, *, since: int = 0, limit: int = 10_000) -> Sequence[Batch]:
        rules.check_name("log", log)
        rules.value_of("since", since)
        rules.check_limit(limit, rules.MAX_BATCHES)

        def query(db: sqlite3.Connection) -> list[Batch]:
            found = db.execute(schema.READ_BATCHES, (log, since, limit))
            return [Batch(first, last - first + 1, key, body) for first, last, key, body in found]

        return await self._read(query)  # type: ignore[no-any-return]

    async def reseal(self, log: str, batch: Batch, *, was: str) -> None:
        rules.check_batch(log, batch)
        rules.check_name("key", was, empty=True)
        await self._write(writes.reseal(log, batch, was))

    async def delete_log(self, log: str) -> int:
        rules.check_name("log", log)
        return int(await self._write(writes.DeleteLog(log)))

    async def dump(self) -> AsyncIterator[Sequence[Stored]]:
        """One moment of the whole store, from a copy of its pages that is made beside it and removed afterwards."""
        copy = dumping.Copy(self._path, list(self._tables.values()))
        try:
            await asyncio.to_thread(copy.make)
            while part := await asyncio.to_thread(copy.read):
                yield part
        finally:
            await asyncio.to_thread(copy.remove)

    async def load(self, stored: Sequence[Stored]) -> None:
        logs = frozenset(one.log for one in stored if one.batch is not None)
        await self._write(writes.Load([self._loading(one) for one in stored], logs))

    def _loading(self, one: Stored) -> tuple[str, Sequence[Any]]:
        if one.row is not None:
            kind = rules.kind_of({name: table.kind for name, table in self._tables.items()}, one.kind)
            return self._tables[kind.name].load, _values(kind, one.row)
        assert one.batch is not None
        batch = one.batch
        rules.check_batch(one.log, batch)
        return schema.LOAD_BATCH, (one.log, batch.first, batch.last, batch.key, batch.body)

    def _table(self, kind: Kind) -> schema.Table:
        table = self._tables.get(kind.name)
        if table is None or not (table.kind is kind or table.kind == kind):
            raise ValueError(f"the kind {kind.name} was not declared to this store")
        return table

    def _write(self, work: writes.Write) -> asyncio.Future[Any]:
        if not self._open or self._read_only:
            raise Unavailable("The store is not open." if not self._open else "The store is open for reading only.")
        return self._writer.submit(work)

    def _read(self, query: Query) -> asyncio.Future[Any]:
        if not self._open:
            raise Unavailable("The store is not open.")
        return self._readers.submit(query)


def _values(kind: Kind, row: Row) -> tuple[Any, ...]:
    fields = rules.check_row(kind, row)
    return (row.id, row.version, row.account, row.key, row.body, *fields.values())


def _order_value(row: Row, field: str) -> Value:
    if field == "id":
        return row.id
    return row.account if field == "account" else row.fields[field]


def _page(  # noqa: PLR0917 - one query, all of it
    db: sqlite3.Connection,
    kind: Kind,
    segments: Sequence[schema.Segment],
    values: Sequence[Value],
    cursor: rules.Cursor | None,
    limit: int,
) -> list[Row]:
    rows: list[Row] = []
    for segment in segments:
        given = {"v": cursor.value, "i": cursor.id} if cursor else {}
        bound = [*values, *(given[one] for one in segment.takes), limit - len(rows)]
        rows += [schema.row_of(kind, found) for found in db.execute(segment.sql, bound)]
        if len(rows) >= limit:
            break
    return rows
