"""Time as an argument: whoever needs the time is given a `Clock`.

Times are whole milliseconds since the Unix epoch, UTC. Orders are kept by sequence numbers and waiting by `monotonic()`. What
is due, valid or shown at a time is stored and compared as `now()`, so the house's clock does not follow the machine's when
that is set back: it goes slower until the machine has caught up.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from typing import Protocol

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_log = logging.getLogger(__name__)


class Clock(Protocol):
    """Where times come from."""

    def now(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""

    def monotonic(self) -> float:
        """Seconds on a clock that never steps back; only differences mean something."""

    async def sleep(self, milliseconds: int) -> None:
        """Return after so much of this clock's time has passed."""


class ForwardTime:
    """The machine's time, which never runs back: the nanoseconds of `wall` as long as they go forward.

    When the machine's clock is set back (a first NTP answer, a person), what was due in five seconds would be due in an hour,
    and what is valid for ten minutes would be valid for seventy. So time goes on from where it was, at nine tenths of its
    pace, until the machine's clock is there as well. A step forward is believed at once: a machine that slept makes one.
    """

    def __init__(
        self,
        wall: Callable[[], int] = time.time_ns,
        steady: Callable[[], int] = time.monotonic_ns,
        *,
        tell_from_ns: int = 10**9,
    ) -> None:
        self._wall = wall
        self._steady = steady
        self._tell_from = tell_from_ns
        self._told, self._at = wall(), steady()
        self._is_behind = False

    def now_ns(self) -> int:
        wall, steady = self._wall(), self._steady()
        least = self._told + (steady - self._at) * 9 // 10
        if wall >= least:
            self._is_behind = False
        elif not self._is_behind and least - wall >= self._tell_from:
            self._is_behind = True
            _log.warning(
                "the clock of this machine was set back by %d s; time goes slower until it is there",
                (least - wall) // 10**9,
            )
        self._told, self._at = max(wall, least), steady
        return self._told


_THIS_MACHINE = ForwardTime()


class SystemClock:
    """The machine's clock; all of a process show the same time."""

    def now(self) -> int:
        return _THIS_MACHINE.now_ns() // 1_000_000

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
