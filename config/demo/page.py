"""The demo's web page: a shop on which the widget runs, as it would on a customer's site; and where `/` leads."""

from aiohttp import web

from admin import Accounts, Bots
from foundation.errors import NotFound
from foundation.web import PUBLIC, Pages, Route, nonce_of, set_csp


def home_routes() -> list[Route]:
    """`/` of an installation that is no demo leads to the console, and so to the login."""
    return [_leads_to("/console")]


class DemoPage:
    """`/demo`, and `/` that leads there. It carries the widget of the first bot."""

    def __init__(self, pages: Pages, accounts: Accounts, bots: Bots) -> None:
        self._pages = pages
        self._accounts = accounts
        self._bots = bots

    def routes(self) -> list[Route]:
        return [_leads_to("/demo"), Route("GET", "/demo", self.show, PUBLIC, "page")]

    async def show(self, request: web.Request) -> web.Response:
        """The shop. Its policy is that of an ordinary site: it lets the loader style its bubble and open its frame."""
        page = await self._pages.render(request, "config/demo.html", bot=await self._first_bot(), loader="/widget.js")
        set_csp(
            page,
            script_src=f"'self' 'nonce-{nonce_of(request)}'",
            style_src="'self' 'unsafe-inline'",
            frame_src="'self'",
            require_trusted_types_for=None,
            trusted_types=None,
        )
        return page

    async def _first_bot(self) -> str:
        async for account in self._accounts.all():
            for bot in await self._bots.list(account.id):
                return bot.id
        raise NotFound("There is no bot yet. Make the demo: frontdesk serve --demo")


def _leads_to(path: str) -> Route:
    async def lead(_: web.Request) -> web.Response:
        raise web.HTTPSeeOther(path)

    return Route("GET", "/", lead, PUBLIC, "page")
