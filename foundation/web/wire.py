"""WebSockets at the level of bytes: clients are held to masking (RFC 6455, 5.1), which aiohttp's server does not do.

An unmasked frame comes from no browser; it is how bytes of an attacker's choice are smuggled past a proxy that
takes them for HTTP. The guard follows the frame boundaries in the byte stream and hands everything on unchanged.
"""

import asyncio
from typing import Any

from aiohttp import WebSocketError, WSCloseCode, web


class MaskGuard:
    """Stands before aiohttp's frame reader and ends the stream with 1002 at the first frame without a mask."""

    def __init__(self, reader: Any, queue: Any, gone: asyncio.Event) -> None:
        self._reader = reader
        self._queue = queue
        self._gone = gone
        self._head = b""
        self._skip = 0
        self._broken = False

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Look at the headers in `data`, then let the reader have it."""
        if self._broken:
            return True, b""
        if not self._follow(data):
            self._broken = True
            self._queue.set_exception(WebSocketError(WSCloseCode.PROTOCOL_ERROR, "a client must mask its frames"))
            return True, b""
        answer: tuple[bool, bytes] = self._reader.feed_data(data)
        return answer

    def feed_eof(self) -> None:
        self._reader.feed_eof()
        self._gone.set()

    def _follow(self, data: bytes) -> bool:
        """Whether every frame that begins in `data` is masked."""
        at = self._skip
        if self._head:
            data = self._head + data
            self._head = b""
            at = 0
        size = len(data)
        while at < size:
            if size - at < 2:
                self._head = data[at:]
                self._skip = 0
                return True
            second = data[at + 1]
            if not second & 0x80:
                return False
            length = second & 0x7F
            extra = 0 if length < 126 else 2 if length == 126 else 8
            if size - at < 2 + extra:
                self._head = data[at:]
                self._skip = 0
                return True
            if extra:
                length = int.from_bytes(data[at + 2 : at + 2 + extra])
            at += 6 + extra + length
        self._skip = at - size
        return True


class GuardedWebSocket(web.WebSocketResponse):
    """aiohttp's WebSocket behind a `MaskGuard`, which leaves politely.

    A connection that is closed with bytes unread is reset, and a reset may overtake the close frame. So closing ends
    our direction only; what still comes is dropped until the peer ends its own. `gone` is set when the connection is
    lost.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.gone = asyncio.Event()

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        connection = request.protocol
        # Bytes that came along with the upgrade must pass the guard too; aiohttp has no public way in.
        early, connection._message_tail = connection._message_tail, b""  # noqa: SLF001
        super()._post_start(request, protocol, writer)
        connection._payload_parser = MaskGuard(self._parser, self._reader, self.gone)  # noqa: SLF001
        if early:
            connection.data_received(early)

    def _close_transport(self) -> None:
        transport = self._req.transport if self._req is not None else None
        if transport is None:
            self.gone.set()
        elif transport.is_closing() or not transport.can_write_eof():
            transport.close()
        else:
            try:
                transport.write_eof()
            except OSError:  # the peer has reset the connection already
                transport.abort()


def text_header(length: int) -> bytes:
    """The header of an unmasked, unfragmented text frame (RFC 6455, 5.2)."""
    if length < 126:
        return bytes((0x81, length))
    if length < 65_536:
        return b"\x81\x7e" + length.to_bytes(2)
    return b"\x81\x7f" + length.to_bytes(8)
