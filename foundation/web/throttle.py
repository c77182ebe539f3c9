"""Limits over time, in bounded memory."""

import math
import time
from collections import OrderedDict, deque

from foundation.clock import SECOND, Clock
from foundation.errors import TooMany


class Throttle:
    """At most `limit` hits of a key in any `per_ms` milliseconds (A-3, D-11).

    Exact: each hit is remembered until it is too old. When `max_keys` are known, the key whose last hit is the oldest
    is forgotten first.
    """

    def __init__(self, clock: Clock, limit: int, per_ms: int, *, max_keys: int = 50_000) -> None:
        if limit < 1 or per_ms < 1:
            raise ValueError("a limit is at least one in at least one millisecond")
        self._clock = clock
        self._limit = limit
        self._per_s = per_ms / SECOND
        self._max_keys = max_keys
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, key: str) -> None:
        """Raise `TooMany` with `retry_after` in seconds when the key is used up; counts nothing."""
        hits = self._recent(key)
        if len(hits) >= self._limit:
            wait = hits[-self._limit] + self._per_s - self._clock.monotonic()
            raise TooMany("Too many attempts. Please wait.", retry_after=max(1, math.ceil(wait)))

    def hit(self, key: str) -> None:
        """Count one."""
        hits = self._recent(key)
        hits.append(self._clock.monotonic())
        self._hits[key] = hits
        self._hits.move_to_end(key)
        self._forget_stale()

    def reset(self, key: str) -> None:
        """Forget what was counted for the key, after it has proven itself."""
        self._hits.pop(key, None)

    def __len__(self) -> int:
        return len(self._hits)

    def _recent(self, key: str) -> deque[float]:
        hits = self._hits.get(key)
        if hits is None:
            return deque(maxlen=self._limit)
        horizon = self._clock.monotonic() - self._per_s
        while hits and hits[0] <= horizon:
            hits.popleft()
        return hits

    def _forget_stale(self) -> None:
        horizon = self._clock.monotonic() - self._per_s
        while self._hits:
            key, hits = next(iter(self._hits.items()))
            if len(self._hits) <= self._max_keys and hits and hits[-1] > horizon:
                return
            del self._hits[key]


class TokenBucket:
    """A token bucket: `rate` a second, `burst` at once."""

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = time.monotonic()
        self.refused = 0

    def take(self) -> bool:
        """Take one token, if there is one; a refusal is counted until the bucket was full again."""
        if self._tokens < 1.0:
            self._fill()
        if self._tokens < 1.0:
            self.refused += 1
            return False
        self._tokens -= 1.0
        return True

    def _fill(self) -> None:
        now = time.monotonic()
        self._tokens += (now - self._at) * self._rate
        self._at = now
        if self._tokens >= self._burst:
            self._tokens = self._burst
            self.refused = 0
