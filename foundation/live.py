"""Live signals: hints that something changed. The log is the truth.

A signal says no more than "this topic is at number N" (or, of a subject under a topic, "something changed"). Numbers of
one topic and subject coalesce to the newest, so a listener that does not look for a while loses no signal and takes no
memory. Whispers (typing) carry bytes, are bounded and may be lost. Publishing never waits and never fails; whoever
hears a signal reads the log from where it is.
"""

import asyncio
from collections import deque
from types import TracebackType
from typing import Protocol, Self

import msgspec

MAX_WHISPERS = 64
"""Whispers that wait for one listener; older ones are dropped."""


class Signal(msgspec.Struct, frozen=True, gc=False):
    """One hint. A whisper has a `note` and no `number`."""

    topic: str
    number: int | None = None
    note: bytes | None = None
    subject: str = ""


class Listener(Protocol):
    """An async context manager and iterator; topics may be added and dropped while it listens."""

    def add(self, topic: str) -> None: ...
    def drop(self, topic: str) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> Signal: ...


class Signals(Protocol):
    """Where hints are published and heard."""

    def publish(self, topic: str, number: int, subject: str = "") -> None:
        """Say that a topic (or a subject under it) has reached a number. Never blocks, never fails."""

    def whisper(self, topic: str, note: bytes) -> None:
        """Say something that may be lost. Never blocks, never fails."""

    def listen(self, *topics: str) -> Listener:
        """Hear what is said on these topics from `async with` on."""


class LocalSignals:
    """Signals within one process."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[LocalListener]] = {}

    def publish(self, topic: str, number: int, subject: str = "") -> None:
        for listener in tuple(self._listeners.get(topic, ())):
            listener.hear(topic, number, subject)

    def whisper(self, topic: str, note: bytes) -> None:
        for listener in tuple(self._listeners.get(topic, ())):
            listener.overhear(topic, note)

    def listen(self, *topics: str) -> "LocalListener":
        return LocalListener(self._listeners, topics)

    def topics(self) -> int:
        """How many topics somebody listens to."""
        return len(self._listeners)


class LocalListener:
    """One listener's own copy of what it has not looked at yet."""

    def __init__(self, listeners: "dict[str, set[LocalListener]]", topics: tuple[str, ...]) -> None:
        self._listeners = listeners
        self._topics: set[str] = set(topics)
        self._open = False
        self._numbers: dict[tuple[str, str], int] = {}
        self._whispers: deque[Signal] = deque(maxlen=MAX_WHISPERS)
        self._waiter: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        self._open = True
        for topic in self._topics:
            self._listeners.setdefault(topic, set()).add(self)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        for topic in tuple(self._topics):
            self.drop(topic)
        self._wake()

    def add(self, topic: str) -> None:
        """Hear this topic too, from now on."""
        self._topics.add(topic)
        if self._open:
            self._listeners.setdefault(topic, set()).add(self)

    def drop(self, topic: str) -> None:
        """Hear this topic no more; what was said on it and not looked at yet is forgotten."""
        self._topics.discard(topic)
        around = self._listeners.get(topic)
        if around is not None:
            around.discard(self)
            if not around:
                del self._listeners[topic]
        for key in [key for key in self._numbers if key[0] == topic]:
            del self._numbers[key]
        kept = [signal for signal in self._whispers if signal.topic != topic]
        self._whispers = deque(kept, maxlen=MAX_WHISPERS)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Signal:
        """The next signal; numbers before whispers. Ends when the listener is closed."""
        while True:
            signal = self._next()
            if signal is not None:
                return signal
            if not self._open:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def hear(self, topic: str, number: int, subject: str) -> None:
        """Keep the highest number of this topic and subject."""
        key = (topic, subject)
        known = self._numbers.get(key)
        if known is None or known < number:
            self._numbers[key] = number
        self._wake()

    def overhear(self, topic: str, note: bytes) -> None:
        """Keep a whisper, if need be in place of the oldest."""
        self._whispers.append(Signal(topic, note=note))
        self._wake()

    def _next(self) -> Signal | None:
        if self._numbers:
            key = next(iter(self._numbers))
            return Signal(key[0], self._numbers.pop(key), subject=key[1])
        return self._whispers.popleft() if self._whispers else None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
