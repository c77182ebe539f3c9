"""The port over a MongoDB database.

- Acknowledged means durable: majority, journalled. What is read was acknowledged by a majority.
- An append is one document under a unique (log, first). Before it, the log must end where the batch begins; of two that
  see the same end, the index lets one in. Its head follows as `heads` says.
- A log that is deleted while somebody appends to it stays deleted: an append that does not find its predecessor afterwards
  takes itself back.
- A replace is one step; for a server that reads first and writes then, `claims` keeps the others out meanwhile.
- Appends and deletes of one log, and replaces of one row, by one process go in the order in which they were asked for.
"""

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext
from typing import Any, TypeVar, cast

from foundation.clock import Clock, SystemClock
from foundation.errors import Unavailable
from foundation.records import rules
from foundation.records.mongo import claims, documents, queries
from foundation.records.mongo.failures import translated
from foundation.records.mongo.heads import Heads
from foundation.records.mongo.places import client_of, database_of, without_password
from foundation.records.mongo.setup import bring_up
from foundation.records.port import Batch, Kind, Page, Row, Stale, Stored, Taken, Value, Where

_DUMPED = 500
_DELETE_PASSES = 100


F = TypeVar("F", bound=Callable[..., Coroutine[Any, Any, Any]])


def _counted(work: F) -> F:
    """A call that `close` waits for."""

    @functools.wraps(work)
    async def counted(engine: "MongoEngine", *args: Any, **kwargs: Any) -> Any:
        with engine.under_way():
            return await work(engine, *args, **kwargs)

    return cast("F", counted)


class MongoEngine:
    """`url` as `places` describes it. Several processes may have the same store open."""

    def __init__(self, url: str, kinds: Sequence[Kind], *, clock: Clock | None = None) -> None:
        self._kinds = {kind.name: kind for kind in kinds}
        if len(self._kinds) != len(kinds):
            raise ValueError("two kinds have the same name")
        self._url = url
        self._clock = clock or SystemClock()
        self._client: Any = None
        self._database: Any = None
        self._heads: Heads | None = None
        self._claims: claims.Claims | None = None
        self._turns: dict[str, asyncio.Lock] = {}
        self._opening = asyncio.Lock()
        self._calls = 0
        self._quiet = asyncio.Event()

    async def open(self) -> None:
        """Raises `Unavailable` with a sentence: no such server, no right to use it, another program's database."""
        async with self._opening:
            if self._client is not None:
                return
            client = await connected(self._url)
            try:
                database = database_of(client, self._url)
                with translated(without_password(self._url)):
                    await bring_up(database, list(self._kinds.values()))
                    claimed = claims.Claims(database, self._clock) if await claims.needed(database) else None
                    heads = Heads(database, self._kinds, self._clock)
                    await heads.start()
            except BaseException:
                await closed(client)
                raise
            self._client, self._database, self._heads, self._claims = client, database, heads, claimed

    async def begun(self) -> bool:
        client = await connected(self._url)
        try:
            with translated(without_password(self._url)):
                about = await database_of(client, self._url)[documents.ABOUT].find_one({"_id": "frontdesk"})
            return about is not None
        finally:
            await closed(client)

    async def close(self) -> None:
        async with self._opening:
            client, heads = self._client, self._heads
            if client is None or heads is None:
                return
            self._client = None
            try:
                while self._calls:
                    self._quiet.clear()
                    await self._quiet.wait()
                await heads.stop()
            finally:
                self._heads = self._database = self._claims = None
                await closed(client)

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """Something is asked of the database until the block ends."""
        if self._client is None:
            raise _closed()
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1
            if not self._calls:
                self._quiet.set()

    @_counted
    async def insert(self, kind: Kind, row: Row) -> None:
        rows = self._rows(kind)
        if row.version != 1:
            raise ValueError("a new row has version 1")
        made = documents.document(kind, row, rules.check_row(kind, row))
        with translated():
            await rows.insert_one(made)

    @_counted
    async def get(self, kind: Kind, id: str) -> Row | None:
        rows = self._rows(kind)
        rules.check_name("id", id)
        with translated():
            found = await rows.find_one({"_id": {"$eq": id}})
        return None if found is None else documents.row_of(kind, found)

    @_counted
    async def replace(self, kind: Kind, row: Row) -> None:
        rows = self._rows(kind)
        made = documents.document(kind, row, rules.check_row(kind, row))
        before = {"_id": {"$eq": row.id}, "v": {"$eq": documents.wide(row.version - 1)}}
        claim = f"{documents.collection_of(kind)}/{row.id}/{row.version}"
        async with self._turn(f"{kind.name} {row.id}"):
            with translated():
                try:
                    async with self._claims.on(claim) if self._claims else nullcontext():
                        done = await rows.replace_one(before, made)
                except Exception:
                    await self._require_free(kind, made)  # not every server says what kept it from writing
                    raise
        if done.matched_count != 1:
            raise Stale

    @_counted
    async def delete(self, kind: Kind, id: str) -> bool:
        rows = self._rows(kind)
        rules.check_name("id", id)
        with translated():
            done = await rows.delete_one({"_id": {"$eq": id}})
        return bool(done.deleted_count)

    @_counted
    async def find(
        self,
        kind: Kind,
        where: Sequence[Where] = (),
        *,
        order: str = "id",
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        rows = self._rows(kind)
        where = rules.check_where(kind, where)
        field, descending = rules.order_of(kind, order)
        rules.check_limit(limit)
        query = rules.fingerprint(kind, where, order)
        wanted = queries.filter_of(where)
        if after is not None:
            cursor = rules.read_cursor(query, after)
            wanted = queries.both(wanted, queries.beyond(field, cursor, descending=descending))
        with translated():
            looked_for = rows.find(wanted).sort(queries.sort_of(field, descending=descending)).limit(limit + 1)
            found = await looked_for.to_list(limit + 1)
        page = [documents.row_of(kind, one) for one in found[:limit]]
        if len(found) <= limit:
            return Page(page, None)
        return Page(page, rules.write_cursor(query, _order_value(page[-1], field), page[-1].id))

    @_counted
    async def count(self, kind: Kind, where: Sequence[Where] = ()) -> int:
        rows = self._rows(kind)
        where = rules.check_where(kind, where)
        with translated():
            return int(await rows.count_documents(queries.filter_of(where)))

    @_counted
    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        rules.check_batch(log, batch)
        made = documents.batch_document(log, batch)
        if head is None:
            async with self._turn(log):
                with translated():
                    await self._append(log, batch, made)
            return
        kind, row = head
        self._rows(kind)
        heading = documents.document(kind, row, rules.check_row(kind, row))
        async with AsyncExitStack() as turns:  # of two of this process with one unique value, the first gets it
            for claim in sorted(heading[f"u{place}"] for place in range(len(kind.unique))):
                if claim[:1] == b"\1":
                    await turns.enter_async_context(self._turn(f"{kind.name} {claim.hex()}"))
            await turns.enter_async_context(self._turn(log))
            with translated():
                await self._append_with_head(log, batch, made, kind, heading)

    @_counted
    async def read(self, log: str, *, since: int = 0, limit: int = 10_000) -> Sequence[Batch]:
        batches = self._batches()
        rules.check_name("log", log)
        rules.value_of("since", since)
        rules.check_limit(limit, rules.MAX_BATCHES)
        wanted = {"log": {"$eq": log}, "last": {"$gt": documents.wide(since)}}
        with translated():
            found = await batches.find(wanted).sort([("first", 1)]).limit(limit).to_list(limit)
            waiting = [one for one in found if "h" in one]
            if waiting and self._heads is not None:
                await self._heads.write_all(waiting)
        return [documents.batch_of(one) for one in found]

    @_counted
    async def reseal(self, log: str, batch: Batch, *, was: str) -> None:
        rules.check_batch(log, batch)
        rules.check_name("key", was, empty=True)
        made = documents.batch_document(log, batch)
        before = {name: {"$eq": made[name]} for name in ("log", "first", "last")} | {"k": {"$eq": was}}
        async with self._turn(log):
            with translated():
                done = await self._batches().update_one(before, {"$set": {"k": made["k"], "b": made["b"]}})
        if done.matched_count != 1:
            raise Stale

    @_counted
    async def delete_log(self, log: str) -> int:
        batches = self._batches()
        rules.check_name("log", log)
        went = 0
        async with self._turn(log):
            with translated():
                for _ in range(_DELETE_PASSES):  # a last pass that finds nothing: who appended meanwhile is gone too
                    done = int((await batches.delete_many({"log": {"$eq": log}})).deleted_count)
                    went += done
                    if not done:
                        return went
        raise Unavailable("The log is written to while it is deleted; try again.")

    async def dump(self) -> AsyncIterator[Sequence[Stored]]:
        """Each document as it is when it is reached; the heads before the logs, so that none is ahead of its log."""
        client = await connected(self._url)
        try:
            database = database_of(client, self._url)
            for kind in self._kinds.values():
                async for part in _parts(database[documents.collection_of(kind)], [("_id", 1)]):
                    yield [Stored(kind.name, "", documents.row_of(kind, one)) for one in part]
            async for part in _parts(database[documents.BATCHES], [("log", 1), ("first", 1)]):
                yield [Stored("", one["log"], None, documents.batch_of(one)) for one in part]
        finally:
            await closed(client)

    @_counted
    async def load(self, stored: Sequence[Stored]) -> None:
        batches = self._batches()
        with translated():
            for one in stored:
                if one.row is not None:
                    kind = rules.kind_of(self._kinds, one.kind)
                    made = documents.document(kind, one.row, rules.check_row(kind, one.row))
                    rest = {name: value for name, value in made.items() if name != "_id"}
                    await self._rows(kind).update_one({"_id": one.row.id}, {"$setOnInsert": rest}, upsert=True)
                elif one.batch is not None:
                    rules.check_batch(one.log, one.batch)
                    made = documents.batch_document(one.log, one.batch)
                    place = {"log": made.pop("log"), "first": made.pop("first")}
                    await batches.update_one(place, {"$setOnInsert": made}, upsert=True)

    async def _append_with_head(self, log: str, batch: Batch, made: documents.Document, kind: Kind, head: Any) -> None:
        heads = self._heads
        if heads is None:
            raise _closed()
        await self._require_free(kind, head)
        written = await self._append(log, batch, {**made, **heads.waiting(kind, head)})
        try:
            await heads.write(kind, head, written)
        except Exception as error:
            if not isinstance(error, Taken):
                await self._require_free(kind, head, then=written)
                raise
            # somebody took the value between the look and the write
            await self._batches().delete_one({"_id": {"$eq": written}})
            raise

    async def _append(self, log: str, batch: Batch, made: documents.Document) -> Any:
        """The `_id` of the batch that is now in the log. Raises `Stale`."""
        batches = self._batches()
        last = await batches.find({"log": {"$eq": log}}, {"last": 1}).sort([("first", -1)]).limit(1).to_list(1)
        if batch.first != (int(last[0]["last"]) if last else 0) + 1:
            raise Stale
        try:
            written = (await batches.insert_one(made)).inserted_id
        except Exception as error:
            if _is_duplicate(error):
                raise Stale from error
            raise
        if last and await batches.find_one({"_id": {"$eq": last[0]["_id"]}}, {"_id": 1}) is None:
            await batches.delete_one({"_id": {"$eq": written}})
            raise Stale
        return written

    async def _require_free(self, kind: Kind, head: documents.Document, *, then: Any = None) -> None:
        """Raise `Taken` when a unique value of this row is another's; `then`: a batch that is to go in that case."""
        for place in range(len(kind.unique)):
            claim = head[f"u{place}"]
            other = {f"u{place}": {"$eq": claim}, "_id": {"$ne": head["_id"]}}
            if claim[:1] == b"\1" and await self._rows(kind).find_one(other, {"_id": 1}) is not None:
                if then is not None:
                    await self._batches().delete_one({"_id": {"$eq": then}})
                raise Taken

    @asynccontextmanager
    async def _turn(self, log: str) -> AsyncIterator[None]:
        lock = self._turns.setdefault(log, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked() and not getattr(lock, "_waiters", None):
                self._turns.pop(log, None)

    def _rows(self, kind: Kind) -> Any:
        known = self._kinds.get(kind.name)
        if known is None or known != kind:
            raise ValueError(f"the kind {kind.name} was not declared to this store")
        if self._database is None:
            raise _closed()
        return self._database[documents.collection_of(kind)]

    def _batches(self) -> Any:
        if self._database is None:
            raise _closed()
        return self._database[documents.BATCHES]


async def connected(url: str) -> Any:
    """In a thread: packages are imported, and files with certificates are read."""
    try:
        return await asyncio.to_thread(client_of, url)
    except ValueError as error:
        raise Unavailable(f"The store cannot be opened: {error}.") from error


async def closed(client: Any) -> None:
    """Close a client of either driver."""
    if inspect.iscoroutinefunction(client.close):
        await client.close()
    else:  # Motor's blocks
        await asyncio.to_thread(client.close)


async def _parts(collection: Any, order: list[tuple[str, int]]) -> AsyncIterator[list[documents.Document]]:
    with translated():
        part: list[documents.Document] = []
        async for one in collection.find({}, {"h": 0, "w": 0}).sort(order):
            part.append(one)
            if len(part) == _DUMPED:
                yield part
                part = []
        if part:
            yield part


def _order_value(row: Row, field: str) -> Value:
    if field == "id":
        return row.id
    return row.account if field == "account" else row.fields[field]


def _is_duplicate(error: Exception) -> bool:
    return getattr(error, "code", None) == 11000


def _closed() -> Unavailable:
    return Unavailable("The store is not open.")
