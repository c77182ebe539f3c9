"""The demo's web page: a shop on which the widget runs, as it would on a customer's site."""

from aiohttp import web

from foundation.web import PUBLIC, Pages, Route, nonce_of, set_csp


class DemoPage:
    """`/demo`, and `/` that leads there."""

    def __init__(self, pages: Pages, bot: str) -> None:
        self._pages = pages
        self._bot = bot

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/", self.home, PUBLIC, "page"),
            Route("GET", "/demo", self.show, PUBLIC, "page"),
        ]

    async def home(self, _: web.Request) -> web.Response:
        raise web.HTTPSeeOther("/demo")

    async def show(self, request: web.Request) -> web.Response:
        """The shop. Its policy lets the widget's frame in, and the loader set its own styles, as host pages do."""
        page = await self._pages.render(request, "config/demo.html", bot=self._bot, loader="/widget.js")
        nonce = nonce_of(request)
        set_csp(
            page,
            script_src=f"'self' 'nonce-{nonce}'",
            style_src="'self' 'unsafe-inline'",
            frame_src="'self'",
            require_trusted_types_for=None,
            trusted_types=None,
        )
        return page
