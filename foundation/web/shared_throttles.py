"""Limits that the processes of an installation count together: what one counts, the others are told.

The telling is a whisper: it may be lost, and then a limit is as many times as large as there are processes, never less.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Mapping

import msgspec

from foundation.live import Signals
from foundation.tasks import ended
from foundation.web.throttle import Throttle


class _Counted(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    process: str
    throttle: str
    key: str
    reset: bool = False


_decode = msgspec.msgpack.Decoder(_Counted).decode


class SharedThrottles:
    """Throttles by name. `topic` is theirs alone; keys are told to other processes, over a relay that seals them."""

    def __init__(self, topic: str, signals: Signals, throttles: Mapping[str, Throttle]) -> None:
        self._topic = topic
        self._signals = signals
        self._throttles = throttles
        self._process = secrets.token_urlsafe(9)

    def check(self, throttle: str, key: str) -> None:
        """Raise `TooMany` when the key is used up; counts nothing."""
        self._throttles[throttle].check(key)

    def hit(self, throttle: str, key: str) -> None:
        """Count one, here and everywhere."""
        self._throttles[throttle].hit(key)
        self._tell(_Counted(self._process, throttle, key))

    def reset(self, throttle: str, key: str) -> None:
        """Forget what was counted for the key, here and everywhere."""
        self._throttles[throttle].reset(key)
        self._tell(_Counted(self._process, throttle, key, reset=True))

    @contextlib.asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Count what other processes count, while the block lasts."""
        async with self._signals.listen(self._topic) as listener:

            async def follow() -> None:
                async for signal in listener:
                    self._hear(signal.note)

            follower = asyncio.create_task(follow(), name=f"limits of {self._topic}")
            try:
                yield
            finally:
                await ended(follower)

    def _hear(self, note: bytes | None) -> None:
        try:
            counted = _decode(note or b"")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        throttle = self._throttles.get(counted.throttle)
        if throttle is None or counted.process == self._process:
            return
        if counted.reset:
            throttle.reset(counted.key)
        else:
            throttle.hit(counted.key)

    def _tell(self, counted: _Counted) -> None:
        self._signals.whisper(self._topic, msgspec.msgpack.encode(counted))
