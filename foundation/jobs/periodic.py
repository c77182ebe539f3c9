"""What has to be done once a period, by whichever process is there, and is made up for when none was.

Each period has a durable job of its own; the job of one period puts the next one *before* it works, so that neither a
failure nor a crash breaks the chain. `begin` at every start puts the present one, should the chain be missing.
"""

from collections.abc import Awaitable, Callable

import msgspec

from foundation.clock import Clock
from foundation.jobs.job import Job
from foundation.jobs.queue import Jobs


class Period(msgspec.Struct, frozen=True):
    """The job's body: which period it is for, counted from the epoch."""

    number: int


class Periodic:
    """`work` is done once in every `every_ms`; it may be begun again after a crash. Times are UTC."""

    def __init__(
        self, jobs: Jobs, clock: Clock, name: str, work: Callable[[], Awaitable[object]], *, every_ms: int
    ) -> None:
        self._jobs = jobs
        self._clock = clock
        self._name = name
        self._work = work
        self._every_ms = every_ms
        jobs.handle(name, self._run, body=Period)

    async def begin(self) -> None:
        """Make sure that this period's job is there."""
        await self._put(self._clock.now() // self._every_ms)

    async def _run(self, job: Job) -> None:
        present = self._clock.now() // self._every_ms
        await self._put(max(present, job.body.number) + 1)
        await self._work()

    async def _put(self, number: int) -> None:
        await self._jobs.put("", self._name, Period(number), due=number * self._every_ms, key=str(number))
