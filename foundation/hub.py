"""Signals between the workers of one machine, through the process that started them.

Each worker has a socket of its own to the hub (`SOCK_SEQPACKET`: one packet, one hint), which nobody else can open: no
key and no port is needed. The hub passes on what one worker says to all others and keeps nothing. It waits for nobody:
what a worker does not take in time waits in a bounded queue, from which the oldest go first; the log is the truth, and
who reads it looks again from time to time.

The socket's end tells either side that the other is gone.
"""

import asyncio
import logging
import socket
from abc import ABC, abstractmethod
from collections import deque
from types import TracebackType
from typing import Self

from foundation.hints import LARGEST, Hint, Relay, decoded, encoded

MOST_WAITING = 10_000
"""Hints that wait for one worker."""
_AT_ONCE = 100
_log = logging.getLogger(__name__)


class _Line(ABC):
    """One end of a socket pair: packets in, packets out, nothing waited for."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._open = True
        self._loop.add_reader(end.fileno(), self._hear)

    @abstractmethod
    def heard(self, data: bytes) -> None: ...

    @abstractmethod
    def ended(self) -> None: ...

    def say(self, data: bytes) -> None:
        """Send, or queue; nothing when the other side is gone."""
        if not self._open:
            return
        if not self._waiting and self._sent(data):
            return
        if not self._waiting:
            self._loop.add_writer(self._end.fileno(), self._say_more)
        self._waiting.append(data)

    def close(self) -> None:
        """Idempotent."""
        if self._open:
            self._open = False
            self._waiting.clear()
            self._loop.remove_reader(self._end.fileno())
            self._loop.remove_writer(self._end.fileno())
            self._end.close()

    def _hear(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                data = self._end.recv(LARGEST + 1)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                data = b""
            if not data:
                self.close()
                self.ended()
                return
            self.heard(data)
            if not self._open:
                return

    def _sent(self, data: bytes) -> bool:
        """Whether no more needs to be done about it."""
        try:
            self._end.send(data)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            return True  # the other side is gone, and the reader will learn of it
        return True

    def _say_more(self) -> None:
        while self._waiting:
            if not self._sent(self._waiting[0]):
                return
            self._waiting.popleft()
        self._loop.remove_writer(self._end.fileno())


class Hub:
    """The side of the process that started the workers."""

    def __init__(self) -> None:
        self._seats: set[_Seat] = set()

    def join(self) -> socket.socket:
        """A place for one more worker: the end that it is to be given. Close it here when the worker has it."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._seats.add(_Seat(self, ours))
        return theirs

    def __len__(self) -> int:
        return len(self._seats)

    def close(self) -> None:
        """Leave them all; each notices."""
        for seat in tuple(self._seats):
            seat.close()
        self._seats.clear()

    def pass_on(self, data: bytes, by: "_Seat") -> None:
        for seat in self._seats:
            if seat is not by:
                seat.say(data)

    def leave(self, seat: "_Seat") -> None:
        self._seats.discard(seat)


class _Seat(_Line):
    def __init__(self, hub: Hub, end: socket.socket) -> None:
        super().__init__(end)
        self._hub = hub

    def heard(self, data: bytes) -> None:
        if len(data) <= LARGEST:
            self._hub.pass_on(data, self)

    def ended(self) -> None:
        self._hub.leave(self)


class HubSignals(Relay):
    """The side of a worker: `Signals` that the other workers hear too, inside `async with`.

    `left` is set when the process that started the workers is gone.
    """

    def __init__(self, end: socket.socket) -> None:
        super().__init__()
        self._end = end
        self._line: _WorkersLine | None = None
        self.left = asyncio.Event()
        self.dropped = 0
        """Packets that were heard and are no hints."""

    async def __aenter__(self) -> Self:
        self._line = _WorkersLine(self, self._end)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._line is not None:
            self._line.close()

    def hear(self, data: bytes) -> None:
        """A packet from the hub."""
        hint = decoded(data) if len(data) <= LARGEST else None
        if hint is None:
            self.dropped += 1
        else:
            self._take(hint)

    def _send(self, hint: Hint) -> None:
        data = encoded(hint)
        if self._line is not None and len(data) <= LARGEST:
            self._line.say(data)


class _WorkersLine(_Line):
    def __init__(self, signals: HubSignals, end: socket.socket) -> None:
        super().__init__(end)
        self._signals = signals

    def heard(self, data: bytes) -> None:
        self._signals.hear(data)

    def ended(self) -> None:
        _log.warning("the process that started this one is gone")
        self._signals.left.set()
