"""One live WebSocket, server side; the visitor's and the agents' channel both use it.

What it promises: the first frame is a `hello` within a deadline and a size (C-11); every further frame is a member of a
declared union, strictly read, or answered by an `error` frame; a sender that is too fast, too loud or not understood is
closed with a code that says so (Z-3, Z-6). Sending never waits: frames go into a bounded queue, whatever is queued
leaves in one write, and a peer that does not read is closed and comes back with `since`.

Close codes: 4400 malformed, 4401 no hello or session ended, 4403 not allowed, 4404 not there, 4408 too slow, 4429 too
many, 1001 the server goes away, 1003 binary, 1009 too large, 1011 an error of ours.
"""

import asyncio
import contextlib
from collections import Counter
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec
from aiohttp import WSMsgType, web

from foundation.errors import Malformed, Problem, TooMany
from foundation.web import strict
from foundation.web.address import limit_key
from foundation.web.keys import METRICS, ROUTE
from foundation.web.problems import unexpected
from foundation.web.room import GOING_AWAY, ROOM
from foundation.web.throttle import TokenBucket
from foundation.web.wire import GuardedWebSocket, text_header

BAD_FRAME = 4400
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
NOT_FOUND = 4404
TOO_SLOW = 4408
TOO_MANY = 4429
UNSUPPORTED = 1003
TOO_LARGE = 1009
INTERNAL = 1011

MAX_MALFORMED = 10
"""Frames that are not understood before the socket is closed: a bug shows itself, a fuzzer is sent away."""
MAX_REFUSED = 20
"""Frames over the rate, without a pause of a full bucket, before the socket is closed."""
QUEUE_BYTES = 4 * 1024 * 1024
"""Bytes that may wait for a slow reader."""
_LINGER_S = 2.0
"""How long a close handshake may take."""
_SLOW_LINGER_S = 20.0
"""The same for a slow reader, whose goodbye stands behind all that he has not read."""
_encode = msgspec.json.Encoder().encode

_CLOSE_CODES = {400: BAD_FRAME, 401: UNAUTHENTICATED, 403: FORBIDDEN, 404: NOT_FOUND, 410: NOT_FOUND, 429: TOO_MANY}

H = TypeVar("H")
F = TypeVar("F")


class SocketClosed(Exception):  # noqa: N818 - a state, not a fault
    """The socket ended before it was greeted; the frame takes its response from here."""

    def __init__(self, response: web.StreamResponse) -> None:
        super().__init__("the socket is closed")
        self.response = response


class _Peek(msgspec.Struct):
    """What can be said about a frame that was not understood."""

    type: Any = None
    client_id: Any = None


class Ping(strict.Frame, frozen=True):
    """Is anybody there? A page cannot send WebSocket's own ping. It is answered with `pong` and the handler does not see it."""


_PONG = b'{"type":"pong"}'


class LiveSocket(Generic[H, F]):
    """Open it with `async with LiveSocket.accept(…) as socket`, then `async for frame in socket`.

    `hello` is the first frame. The handler returns `socket.response`. A `Problem` raised inside the block is sent as an
    error frame and closes the socket with its code.
    """

    def __init__(
        self,
        request: web.Request,
        *,
        hello_type: type[H],
        frame_type: Any,
        hello_timeout_s: float,
        hello_max: int,
        frame_max: int,
        queue_max: int,
        heartbeat_s: float,
        rate: float,
        burst: int,
    ) -> None:
        self.request = request
        self.hello: H
        self.close_code: int | None = None
        self._hello_type = hello_type
        self._frame_type = frame_type | Ping
        self._hello_tag = hello_type.__struct_config__.tag  # type: ignore[attr-defined]
        self._hello_timeout_s = hello_timeout_s
        self._hello_max = hello_max
        self._queue_max = queue_max
        self._bucket = TokenBucket(rate, burst)
        self._malformed = 0
        self._queue: list[bytes] = []
        self._queued_bytes = 0
        self._flushing = False
        self._linger_s = _LINGER_S
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._place = contextlib.ExitStack()
        self._route: str
        self._frames: Counter[str]
        strict.decoder(hello_type)
        strict.decoder(self._frame_type)
        self.response = GuardedWebSocket(
            timeout=_LINGER_S, heartbeat=heartbeat_s, autoping=False, compress=False, max_msg_size=frame_max + 1
        )

    @classmethod
    def accept(
        cls,
        request: web.Request,
        *,
        hello_type: type[H],
        frame_type: Any,
        hello_timeout_s: float = 5.0,
        hello_max: int = 4_096,
        frame_max: int = 16_384,
        queue_max: int = 256,
        heartbeat_s: float = 20.0,
        rate: float = 10.0,
        burst: int = 30,
    ) -> "LiveSocket[H, F]":
        """Prepare the upgrade of this request.

        `hello_type` and the members of the union `frame_type` derive from `strict.Frame`. Sizes in bytes; `rate` frames
        a second with `burst` at once. Entering it raises `TooMany`, `Unavailable` or `Malformed` before the upgrade.
        """
        return cls(
            request,
            hello_type=hello_type,
            frame_type=frame_type,
            hello_timeout_s=hello_timeout_s,
            hello_max=hello_max,
            frame_max=frame_max,
            queue_max=queue_max,
            heartbeat_s=heartbeat_s,
            rate=rate,
            burst=burst,
        )

    async def __aenter__(self) -> Self:
        request = self.request
        room, metrics = request.config_dict[ROOM], request.config_dict[METRICS]
        template = request[ROUTE].path
        self._route, self._frames = template, metrics.frames.counts
        if "Sec-WebSocket-Protocol" in request.headers:
            raise Malformed("This socket speaks no sub-protocol.")
        with contextlib.ExitStack() as place:
            place.enter_context(room.place(limit_key(request)))
            await self.response.prepare(request)
            transport = request.transport
            if transport is None:
                raise SocketClosed(self.response)
            self._transport = transport
            metrics.sockets.labels(template).inc()
            place.callback(metrics.sockets.labels(template).dec)
            room.enter(self)
            place.callback(room.leave, self)
            place.callback(self._abandon)
            self.hello = await self._greet()
            self._place = place.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        with self._place:
            if isinstance(error, asyncio.CancelledError):
                await self.close(GOING_AWAY, "the server goes away")
                return False
            if isinstance(error, Problem):
                self.send_problem(error)
                await self.close(_CLOSE_CODES.get(error.status, INTERNAL), error.code)
            elif isinstance(error, Exception):
                self.send_problem(unexpected(error, f"socket {self.request[ROUTE].path}"))
                await self.close(INTERNAL, "internal")
            elif error is None:
                await self.close()
            return isinstance(error, Exception)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> F:
        """The next frame that was understood. Others are answered here; a close ends the iteration."""
        while True:
            text = await self._receive()
            if text is None:
                raise StopAsyncIteration
            if not self._bucket.take():
                self._refuse_for_rate(text)
                continue
            try:
                frame: Any = strict.decode(text, self._frame_type)
            except Problem as problem:
                self._refuse(text, problem)
                continue
            if isinstance(frame, self._hello_type):
                self._close_soon(BAD_FRAME, "hello comes once")
                continue
            if isinstance(frame, Ping):
                self.send(_PONG)
                continue
            understood: F = frame
            return understood

    def send(self, frame: msgspec.Struct | bytes | dict[str, Any]) -> None:
        """Queue one frame: a struct, a dict, or JSON encoded already. Never waits.

        When the queue is full the socket is closed with 4408 and everything after it is dropped: the log has it all.
        """
        if self.close_code is not None:
            return
        data = frame if isinstance(frame, bytes) else _encode(frame)
        if len(self._queue) >= self._queue_max or self._queued_bytes > QUEUE_BYTES:
            self._queue.clear()
            self._linger_s = _SLOW_LINGER_S
            self._close_soon(TOO_SLOW, "too slow: come back with since")
            return
        self._queue.append(data)
        self._queued_bytes += len(data)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    async def drained(self) -> None:
        """Return when everything that was sent has left us, or the socket is closed: for who sends much in many frames."""
        while self.close_code is None and self._is_open() and (self._queue or self.request.protocol.writing_paused):
            with contextlib.suppress(ConnectionError):
                await self.request.writer.drain()
            await asyncio.sleep(0)

    def send_problem(self, problem: Problem, **members: Any) -> None:
        """Queue an `error` frame; `members` (`client_id`, `conversation`) say which frame it is about."""
        self.send({"type": "error", **problem.members(), **members})

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Send what is queued, then close; returns when the peer answered or after two seconds (twenty when it was
        too slow). Idempotent."""
        if code == GOING_AWAY:
            self._linger_s = _LINGER_S
        if self.close_code is None:
            self.close_code = code
            self._write_queue()
        if not self.response.closed:
            await self.response.close(code=self.close_code, message=reason.encode()[:120], drain=False)
        await self._linger()

    # Receiving

    async def _greet(self) -> H:
        deadline = self._loop.call_later(self._hello_timeout_s, self._close_soon, UNAUTHENTICATED, "no hello in time")
        try:
            text = await self._receive()
        finally:
            deadline.cancel()
        if text is None or self.close_code is not None:
            await self._linger()
            raise SocketClosed(self.response)
        if len(text.encode()) > self._hello_max:
            await self.close(TOO_LARGE, "hello too large")
            raise SocketClosed(self.response)
        try:
            return strict.decode(text, self._hello_type)
        except Problem as problem:
            self.send_problem(problem)
            await self.close(BAD_FRAME, "not a hello")
            raise SocketClosed(self.response) from None

    async def _receive(self) -> str | None:
        """The next text, or `None` when the socket is closed. Pings are answered and count like frames."""
        while True:
            message = await self.response.receive()
            if message.type is WSMsgType.TEXT:
                self._frames[self._route] += 1
                return str(message.data)
            if message.type is WSMsgType.PING or message.type is WSMsgType.PONG:
                self._control(message.type, message.data)
            elif message.type is WSMsgType.BINARY:
                await self.close(UNSUPPORTED, "text frames only")
                return None
            else:
                self.close_code = self.close_code or self.response.close_code or 1006
                return None

    def _control(self, kind: WSMsgType, data: bytes) -> None:
        if not self._bucket.take():
            if self._bucket.refused > MAX_REFUSED:
                self._close_soon(TOO_MANY, "too many frames")
        elif kind is WSMsgType.PING and self._is_open():
            self._transport.write(bytes((0x80 | WSMsgType.PONG, len(data))) + data)

    def _refuse_for_rate(self, text: str) -> None:
        if self._bucket.refused > MAX_REFUSED:
            self._close_soon(TOO_MANY, "too many frames")
        else:
            self.send_problem(TooMany("Too many frames; this one changed nothing."), **_about(_peek(text)))

    def _refuse(self, text: str, problem: Problem) -> None:
        peek = _peek(text)
        self._malformed += 1
        if self._hello_tag is not None and peek.type == self._hello_tag:
            self._close_soon(BAD_FRAME, "hello comes once")
        elif self._malformed > MAX_MALFORMED:
            self._close_soon(BAD_FRAME, "not understood")
        else:
            self.send_problem(problem, **_about(peek))

    # Sending

    def _flush(self) -> None:
        self._flushing = False
        if self.close_code is not None or not self._queue:
            return
        if self.request.protocol.writing_paused:
            self._flushing = True
            self._spawn(self._flush_when_drained())
        else:
            self._write_queue()

    async def _flush_when_drained(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self.request.writer.drain()
        self._flush()

    def _write_queue(self) -> None:
        queue, self._queue, self._queued_bytes = self._queue, [], 0
        if queue and self._is_open():
            self._transport.write(b"".join([part for data in queue for part in (text_header(len(data)), data)]))

    def _is_open(self) -> bool:
        """Whether frames may still be written: not after our close frame, nor on a lost connection."""
        return not self.response.closed and not self._transport.is_closing()

    def _close_soon(self, code: int, reason: str) -> None:
        if self.close_code is None:
            self._write_queue()
            self.close_code = code
            self._spawn(self.close(code, reason))

    def _spawn(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _linger(self) -> None:
        """Give the peer time to read our close frame and to leave; then cut."""
        try:
            async with asyncio.timeout(self._linger_s):
                await self.response.gone.wait()
        except TimeoutError:
            self._transport.abort()

    def _abandon(self) -> None:
        """Whatever way it ended: nothing is sent any more, and the connection does not stay."""
        self._queue.clear()
        if self.close_code is None:
            self.close_code = 1006
        self._loop.call_later(_LINGER_S, self._transport.abort)


def _peek(text: str) -> _Peek:
    try:
        return msgspec.json.decode(text, type=_Peek)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return _Peek()


def _about(peek: _Peek) -> dict[str, str]:
    return {"client_id": peek.client_id} if isinstance(peek.client_id, str) and len(peek.client_id) <= 64 else {}
