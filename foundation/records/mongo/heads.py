"""The head of a log, which is written a moment after its batch and yet never lost.

There is no transaction over two documents here. An append writes one document, the batch, and in it (`h`) the head that goes
with it and (`w`) since when that waits. Then the head's own row is written, and then the batch is told that nothing waits
any more. Whoever dies in between leaves a batch that says what is to be done; the next who opens the store does it, and
every node looks for such batches of dead nodes from time to time. Doing it twice does no harm: a head gives way to a higher
version only.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from foundation.clock import Clock
from foundation.records.mongo import documents
from foundation.records.mongo.documents import Document
from foundation.records.port import Kind, Taken
from foundation.tasks import ended

_TOGETHER = 500
_LOOK_EVERY_MS = 30_000
_DEAD_AFTER_MS = 60_000


class Heads:
    """The heads of one open store."""

    def __init__(self, database: Any, kinds: Mapping[str, Kind], clock: Clock) -> None:
        self._database = database
        self._kinds = kinds
        self._clock = clock
        self._done: list[Any] = []
        self._telling: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Write the heads that dead nodes owe, and go on looking for them."""
        await self.settle(until=self._clock.now() + 1)
        self._looking = asyncio.create_task(self._look(), name="heads of dead nodes")

    async def stop(self) -> None:
        """Tell the batches what is still to be told."""
        if self._looking is not None:
            await ended(self._looking)
        if self._telling is not None:
            await asyncio.gather(self._telling, return_exceptions=True)
        await self._tell()

    def waiting(self, kind: Kind, head: Document) -> Document:
        """The members of a batch that say which head waits for it."""
        return {"w": documents.wide(self._clock.now()), "h": {"kind": kind.name, "row": head}}

    async def write(self, kind: Kind, head: Document, batch: Any) -> None:
        """Write a head and have its batch (the `_id`) told so, soon. Raises `Taken` for a unique group in use."""
        await self._put(kind, head)
        self._done.append(batch)
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_soon(), name="heads are written")

    async def settle(self, *, until: int) -> int:
        """Write all heads that wait since before `until`; how many."""
        batches = self._database[documents.BATCHES]
        settled = 0
        while True:
            waiting = batches.find({"w": {"$gt": documents.wide(0), "$lt": documents.wide(until)}}).limit(_TOGETHER)
            found = await waiting.to_list(_TOGETHER)
            await self.write_all(found)
            settled += len(found)
            if len(found) < _TOGETHER:
                return settled

    async def write_all(self, batches: list[Document]) -> None:
        """Write the heads that wait in these batches."""
        for batch in batches:
            head = batch["h"]
            kind = self._kinds.get(head["kind"])
            if kind is not None:
                with contextlib.suppress(Taken):
                    await self._put(kind, head["row"])
        await self._told([batch["_id"] for batch in batches])

    async def _put(self, kind: Kind, head: Document) -> None:
        from pymongo.errors import DuplicateKeyError  # noqa: PLC0415 - an extra

        rows = self._database[documents.collection_of(kind)]
        older = {"_id": {"$eq": head["_id"]}, "a": {"$eq": head["a"]}, "v": {"$lt": head["v"]}}
        try:
            await rows.replace_one(older, head, upsert=True)
        except DuplicateKeyError as error:
            if await rows.find_one({"_id": {"$eq": head["_id"]}}, {"_id": 1}) is None:
                raise Taken from error
            await self._replace_or_leave(rows, older, head)

    @staticmethod
    async def _replace_or_leave(rows: Any, older: Document, head: Document) -> None:
        """The row is there: another's, a higher version, or (two firsts at one moment) by now a lower one."""
        from pymongo.errors import DuplicateKeyError  # noqa: PLC0415 - an extra

        try:
            await rows.replace_one(older, head)
        except DuplicateKeyError as error:
            raise Taken from error

    async def _tell_soon(self) -> None:
        await asyncio.sleep(0.02)
        await self._tell()

    async def _tell(self) -> None:
        done, self._done = self._done, []
        try:
            await self._told(done)
        except Exception:  # noqa: BLE001 - they are told at the next start, which does no harm
            return

    async def _told(self, batches: list[Any]) -> None:
        if batches:
            told = {"$unset": {"w": "", "h": ""}}
            await self._database[documents.BATCHES].update_many({"_id": {"$in": batches}}, told)

    async def _look(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_EVERY_MS)
            with contextlib.suppress(Exception):  # the server is away; the next look finds them
                await self.settle(until=self._clock.now() - _DEAD_AFTER_MS)
