"""Time as an argument: whoever needs the time is given a `Clock`.

Times are whole milliseconds since the Unix epoch, UTC. A clock may step backwards (NTP): orders and durations that matter
are kept by sequence numbers and `monotonic()`, never by comparing two readings of `now()`.
"""

import asyncio
import heapq
import time
from typing import Protocol

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Clock(Protocol):
    """Where times come from."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back; only differences mean something."""

    async def sleep(self, milliseconds: int) -> None:
        """Return after so much of this clock's time has passed."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, milliseconds: int) -> None:
        await asyncio.sleep(milliseconds / SECOND)


class ManualClock:
    """A clock that moves only when told to, for tests of time-outs and expiry.

    `await clock.advance(ms)` moves it and lets every sleeper that became due run before it returns.
    """

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self._now = now
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = 0

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._now / SECOND

    async def sleep(self, milliseconds: int) -> None:
        if milliseconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        self._order += 1
        heapq.heappush(self._sleepers, (self._now + milliseconds, self._order, woken))
        await woken

    async def advance(self, milliseconds: int) -> None:
        """Move the clock forward and wake, in order, the sleepers that are due."""
        target = self._now + milliseconds
        while self._sleepers and self._sleepers[0][0] <= target:
            due, _, woken = heapq.heappop(self._sleepers)
            self._now = max(self._now, due)
            if not woken.done():
                woken.set_result(None)
            await asyncio.sleep(0)
        self._now = target
        await asyncio.sleep(0)
