"""The widget's doors: the page for the iframe, the loader for host pages, and the visitor's socket. None sets a cookie.

Which sites may embed the page is said by `frame-ancestors`, bot by bot (F1): it stops browsers, not programs.
"""

import asyncio
import gzip
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from aiohttp import web

from admin import Bots
from bot_runtime.channels.widget.frames import AnyFrame, Hello
from bot_runtime.channels.widget.visit import Services, Visit
from bot_runtime.verification.opt_in_page import asker_of
from bot_runtime.verification.policy import Policies
from foundation.errors import NotFound
from foundation.ids import is_id
from foundation.web import PUBLIC, LiveSocket, Pages, Route, is_secure, limit_key, set_csp

STATIC = Path(__file__).parent / "static"
LOADER = "loader.js"

_SITE = re.compile(r"(https?://)?(\*\.)?[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?\Z")
_BOT_IMAGES = "'self' https: blob:"
"""`blob:` are pictures of this chat, which only a request with the browser's secret can fetch."""


class _Loader(NamedTuple):
    body: bytes
    packed: bytes
    etag: str


class WidgetDoors:
    """`rate` and `burst`: frames a visitor's socket may send in a second, sustained and at once (Z-6)."""

    def __init__(
        self,
        bots: Bots,
        services: Services,
        pages: Pages,
        *,
        rate: float = 10.0,
        burst: int = 30,
        policies: Policies | None = None,
    ) -> None:
        self._bots = bots
        self._services = services
        self._pages = pages
        self._policies = policies
        self._rate = rate
        self._burst = burst
        self._loader: _Loader | None = None

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/w/{bot}", self.page, PUBLIC, "page"),
            Route("GET", "/widget.js", self.loader, PUBLIC, "file"),
            Route("GET", "/ws/visitor", self.socket, PUBLIC, "socket"),
        ]

    async def page(self, request: web.Request) -> web.StreamResponse:
        """The page that runs inside the iframe; it holds nothing about the visitor."""
        bot = await self._bots.public(request.match_info["bot"]) if is_id(request.match_info["bot"]) else None
        if bot is None:
            raise NotFound("There is no such bot.")
        body = bot.body
        response = await self._pages.render(
            request,
            "widget/widget.html",
            bot=bot.id,
            name=body.name,
            language=body.language,
            accent=body.accent,
            greeting=body.greeting,
            contact=(await self._policies.of(bot.account)).contact if self._policies else "",
        )
        set_csp(response, frame_ancestors=frame_ancestors(body.sites), img_src=_BOT_IMAGES)
        # A host page that isolates itself (COEP) may embed only what says that it may be embedded.
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    async def loader(self, request: web.Request) -> web.StreamResponse:
        """The script that host pages load from another origin: the same for everybody, no secret in it (F1)."""
        if self._loader is None:
            self._loader = await asyncio.to_thread(_read_loader)
        script = self._loader
        headers = {
            "Cache-Control": "public, max-age=300",
            "ETag": script.etag,
            "Vary": "Accept-Encoding",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }
        if request.headers.get("If-None-Match") == script.etag:
            return web.Response(status=304, headers=headers)
        headers["Content-Type"] = "text/javascript; charset=utf-8"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return web.Response(body=script.packed, headers=headers)
        return web.Response(body=script.body, headers=headers)

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """The visitor's socket, frame by frame as `docs/http.md` says."""
        async with LiveSocket[Hello, AnyFrame].accept(
            request, hello_type=Hello, frame_type=AnyFrame, rate=self._rate, burst=self._burst
        ) as socket:
            bot = await self._bots.public(socket.hello.bot)
            if bot is None:
                raise NotFound("There is no such bot.")
            visit = Visit(
                socket,
                bot,
                self._services,
                asker=asker_of(request),
                client=limit_key(request),
                secure=is_secure(request),
            )
            await visit.run()
        return socket.response


def _read_loader() -> _Loader:
    body = (STATIC / LOADER).read_bytes()
    return _Loader(body, gzip.compress(body, 9, mtime=0), f'"{hashlib.sha256(body).hexdigest()[:22]}"')


def frame_ancestors(sites: tuple[str, ...]) -> str:
    """The directive's value: ourselves and the sites of the bot. What is no site (`javascript:`, a path, a `;`) is left
    out, because one bad entry would make browsers ignore the whole directive (C-13)."""
    return " ".join(("'self'", *(site for site in sites if _SITE.match(site))))
