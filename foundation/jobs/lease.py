"""A lease: for a time a job is one holder's, who may write to it. Held by compare-and-set on the record's version."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import Any

from foundation.clock import SECOND, Clock
from foundation.errors import Problem
from foundation.jobs.job import Stored
from foundation.records import Collection, Record, Stale
from foundation.tasks import ended

log = logging.getLogger("frontdesk.jobs")


class Lease:
    """A job in the hands of its holder. A lock keeps a renewal and the end from writing at once.

    A holder whose lease ran out and was taken by another finds out at its next write, which is then dropped: the new
    holder's word counts.
    """

    def __init__(self, records: Collection[Stored], record: Record[Stored], clock: Clock, length_ms: int) -> None:
        self.record = record
        self._records = records
        self._clock = clock
        self._length_ms = length_ms
        self._lock = asyncio.Lock()
        self._ended = False

    @contextlib.asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Renew it at half-time for as long as the block lasts."""
        renewing = asyncio.create_task(self._renew(), name="lease")
        try:
            yield
        finally:
            await ended(renewing)

    async def end(self, **changes: Any) -> None:
        """Let go of the job, writing these changes. Nothing is written when the lease was lost.

        What was done and is not noted is done again. So a store that fails is asked again, for as long as a lease; raises
        its `Problem` after that.
        """
        async with self._lock:
            await self._insist(lambda: self._write(lease_until=None, **changes))
            self._ended = True

    async def end_for_good(self) -> None:
        """Remove the job, as insistently."""
        async with self._lock:
            if not self._ended:
                self._ended = True
                await self._insist(lambda: self._records.delete(self.record.account, self.record.id))

    async def give_back(self, **changes: Any) -> None:
        """Let go of the job when the process ends, which waits for nobody."""
        async with self._lock:
            await self._write(lease_until=None, **changes)
            self._ended = True

    async def _insist(self, write: Callable[[], Awaitable[object]]) -> None:
        until = self._clock.monotonic() + self._length_ms / SECOND
        while True:
            try:
                await write()
            except Problem as problem:
                if problem.status < HTTPStatus.INTERNAL_SERVER_ERROR or self._clock.monotonic() >= until:
                    raise
            else:
                return
            await self._clock.sleep(min(SECOND, self._length_ms // 8))

    async def _renew(self) -> None:
        while not self._ended:
            await self._clock.sleep(self._length_ms // 2)
            until = self._clock.now() + self._length_ms
            async with self._lock:
                with contextlib.suppress(Problem):
                    await self._write(due=until, lease_until=until)

    async def _write(self, **changes: Any) -> None:
        while not self._ended:
            try:
                self.record = await self._records.replace(self.record, **changes)
            except Stale:
                await self._look_again()
            else:
                return

    async def _look_again(self) -> None:
        """Somebody wrote: another holder, who counted his try, or we ourselves, in a write that the store answered with an
        error and kept all the same."""
        found = await self._records.get(self.record.account, self.record.id)
        mine = self.record.body.tries
        if found is not None and found.fields["lease_until"] is not None and found.body.tries == mine:
            self.record = found
            return
        self._ended = True
        log.warning("job %s of kind %s: the lease was lost", self.record.id, self.record.fields["name"])
