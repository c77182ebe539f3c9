"""One connection, watched: aiohttp waits for ever for headers and for readers; here every wait ends (Z-1, Z-2).

A connection is cut when its header block is not complete in time or grows too large, when the peer takes nothing from a
full buffer, and when closing itself does not come to an end. A peer holds a bounded number of connections. Bytes that
are no HTTP are answered in the frame's own form, and nothing that was sent reaches the log.
"""

import asyncio
from collections import Counter
from typing import Any, cast

from aiohttp import web
from aiohttp.streams import StreamReader

from foundation.errors import Malformed, Problem
from foundation.web.address import is_trusted, parse_address
from foundation.web.headers import put_headers
from foundation.web.keys import SETTINGS
from foundation.web.logs import log_access, log_failure
from foundation.web.problems import json_problem, unexpected
from foundation.web.settings import WebSettings

_LINGER_S = 2.0
"""How long the rest of a refused body is read and dropped, so that the refusal arrives before the connection ends."""
_CLOSE_S = 5.0
"""How long what is left in the buffer may take to leave when a connection is closed."""


class Peers:
    """How many connections each peer holds. Trusted proxies speak for many and are not counted."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._open: Counter[str] = Counter()

    def admit(self, peer: str) -> bool:
        """Count one more connection; whether it may stay."""
        address = parse_address(peer)
        if address is None or is_trusted(address, self._settings.trusted_proxies):
            return True
        if self._open[peer] >= self._settings.max_connections_per_peer:
            return False
        self._open[peer] += 1
        return True

    def release(self, peer: str) -> None:
        """Count one connection less."""
        if self._open[peer] > 1:
            self._open[peer] -= 1
        else:
            del self._open[peer]


class Connection(web.RequestHandler):
    """aiohttp's protocol of one connection, with the watches around it."""

    __slots__ = (
        "_admitted", "_body", "_header_bytes", "_header_timer", "_peer", "_peers", "_settings", "_wire", "_write_timer",
    )  # fmt: skip

    def __init__(self, manager: web.Server, settings: WebSettings, peers: Peers, **kwargs: Any) -> None:
        super().__init__(manager, **kwargs)
        self._settings = settings
        self._peers = peers
        self._peer = ""
        self._admitted = False
        self._wire: asyncio.Transport | None = None
        self._body: StreamReader | None = None
        self._header_bytes = 0
        self._header_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = cast("asyncio.Transport", transport)  # uvloop's has no such base class
        name = transport.get_extra_info("peername")
        self._peer = str(name[0]) if isinstance(name, tuple) else ""
        self._admitted = self._peers.admit(self._peer)
        super().connection_made(transport)
        if self._admitted:
            self._watch_header()
        else:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        for timer in (self._header_timer, self._write_timer):
            if timer is not None:
                timer.cancel()
        body = self._body
        self._header_timer = self._write_timer = self._wire = self._body = None
        if self._admitted:
            self._admitted = False
            self._peers.release(self._peer)
        super().connection_lost(exc)
        if body is not None and not body.is_eof():
            body.feed_eof()  # else aiohttp waits on for the rest of a body that cannot come

    def data_received(self, data: bytes) -> None:
        if self._upgraded:
            super().data_received(data)
            return
        in_body = self._body is not None and not self._body.is_eof()
        seen = self._request_count
        super().data_received(data)
        if self._request_count != seen:
            self._body = self._messages[-1][1] if self._messages else None
            self._unwatch_header()
        elif not in_body and data:
            self._header_bytes += len(data)
            if self._header_bytes > self._settings.max_header_bytes:
                self.force_close()
            elif self._header_timer is None:
                self._watch_header()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._wire is not None:
            self._write_timer = self._loop.call_later(self._settings.write_timeout_s, self._wire.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._write_timer is not None:
            self._write_timer.cancel()
            self._write_timer = None

    def force_close(self) -> None:
        wire = self._wire
        super().force_close()
        if wire is not None and self._write_timer is None:
            self._write_timer = self._loop.call_later(_CLOSE_S, wire.abort)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes what was sent
    ) -> web.StreamResponse:
        """Answer what never reached the frame: bytes that are no HTTP (400), or an error in aiohttp itself (500)."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        if status < 500:
            problem: Problem = Malformed("This is not a valid HTTP request.")
            log_access("-", "-", problem.status, 0.0)
            response = _Bare(json_problem(problem), self._settings)
        else:
            problem = unexpected(exc or RuntimeError(), "connection")
            response = _Bare(json_problem(problem), self._settings)
        response.force_close()
        return response

    def log_exception(self, *_: Any, **kw: Any) -> None:
        error = kw.get("exc_info")
        log_failure("-", "connection", error if isinstance(error, BaseException) else RuntimeError())

    def _watch_header(self) -> None:
        self._header_timer = self._loop.call_later(self._settings.header_timeout_s, self._header_late)

    def _unwatch_header(self) -> None:
        self._header_bytes = 0
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _header_late(self) -> None:
        self._header_timer = None
        if self._current_request is not None or self._messages:
            self._watch_header()
        elif self._wire is not None:
            self._wire.abort()


class _Bare(web.Response):
    """An answer to no request: adds the frame's headers itself."""

    def __init__(self, response: web.Response, settings: WebSettings) -> None:
        super().__init__(body=response.body, status=response.status, headers=response.headers)
        self._hsts = settings.hsts and settings.scheme == "https"

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        put_headers(self, store=False, hsts=self._hsts)


class _Server(web.Server):
    def __init__(self, base: web.Server, settings: WebSettings, **options: Any) -> None:
        super().__init__(base.request_handler, request_factory=base.request_factory)
        self._settings = settings
        self._peers = Peers(settings)
        self._options = options

    def __call__(self) -> Connection:
        return Connection(self, self._settings, self._peers, loop=self._loop, **self._options)


class Runner(web.AppRunner):
    """aiohttp's runner, serving watched connections."""

    async def _make_server(self) -> web.Server:
        settings = self.app[SETTINGS]
        return _Server(
            await super()._make_server(),
            settings,
            access_log=None,
            keepalive_timeout=settings.keepalive_s,
            max_line_size=settings.max_line_bytes,
            max_field_size=settings.max_line_bytes,
            max_headers=settings.max_headers,
            lingering_time=_LINGER_S,
            auto_decompress=False,
        )


async def serve(
    app: web.Application, host: str | None = None, port: int | None = None, *, sock: Any = None, ssl_context: Any = None
) -> Runner:
    """Serve an application made by `build_app` on `host` and `port` (0: any free one), or on an open listening socket.

    Returns when connections are accepted; `runner.addresses` says where, `await runner.cleanup()` ends it: no new
    connections, sockets closed with 1001, `shutdown_s` for what is under way. Raises `OSError` when the port is taken.
    """
    runner = Runner(app, handle_signals=False, shutdown_timeout=app[SETTINGS].shutdown_s)
    try:
        await runner.setup()
        if sock is not None:
            await web.SockSite(runner, sock, ssl_context=ssl_context, backlog=1024).start()
        else:
            await web.TCPSite(runner, host, port, ssl_context=ssl_context, backlog=1024).start()
    except BaseException:
        await runner.cleanup()
        raise
    return runner
