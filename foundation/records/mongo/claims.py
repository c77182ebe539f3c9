"""One at a time, for servers that do not replace a document in one step.

MongoDB looks for a document and replaces it in one step, so of two processes that replace one version one wins. FerretDB
reads, then writes, and both may win; but of two that insert one `_id`, one wins there too. So who replaces a version there
first inserts a claim that names it, and takes the claim away afterwards: who is refused is too late, as if the version
were taken already. A process that dies in between leaves its claim, which the next one removes when it has grown old.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from foundation.clock import SECOND, Clock
from foundation.records.mongo.documents import wide
from foundation.records.port import Stale

COLLECTION = "claims"
ABANDONED_AFTER_MS = 10 * SECOND
"""Longer than a replace takes; the next to come removes a claim that is older."""


async def needed(database: Any) -> bool:
    """Whether this server is one of those."""
    return "ferretdbVersion" in await database.command("buildInfo")


class Claims:
    """The claims of one open store."""

    def __init__(self, database: Any, clock: Clock) -> None:
        self._claims = database[COLLECTION]
        self._clock = clock

    @contextlib.asynccontextmanager
    async def on(self, what: str) -> AsyncIterator[None]:
        """Nobody else has this claim while the block runs. Raises `Stale` when somebody has."""
        await self._take(what)
        try:
            yield
        finally:
            await asyncio.shield(self._claims.delete_one({"_id": {"$eq": what}}))

    async def _take(self, what: str) -> None:
        from pymongo.errors import DuplicateKeyError  # noqa: PLC0415 - an extra

        now = self._clock.now()
        try:
            await self._claims.insert_one({"_id": what, "at": wide(now)})
        except DuplicateKeyError:
            old = {"_id": {"$eq": what}, "at": {"$lte": wide(now - ABANDONED_AFTER_MS)}}
            if not (await self._claims.delete_one(old)).deleted_count:
                raise Stale from None
            await self._take(what)
