"""`/admin/bots/{id}/identity`: the keys with which the site signs for its visitors (YA-29)."""

from aiohttp import web

from admin import AdminFrame, Bot, Bots, People, Rules, by_of, principal, see_other
from bot_runtime.site_visitors.keys import MOST, SiteKeys
from foundation.errors import Conflict, NotFound, Problem
from foundation.web import SETTINGS, Body, Route, read_form


class _Nothing(Body, frozen=True):
    """A form without fields."""


class SiteKeyPages:
    """The keys of a bot, for admins."""

    def __init__(self, frame: AdminFrame, *, keys: SiteKeys, bots: Bots, people: People) -> None:
        self._frame = frame
        self._keys = keys
        self._bots = bots
        self._people = people

    def routes(self, rules: Rules) -> list[Route]:
        one = "/admin/bots/{id}/identity"
        return [
            Route("GET", one, self.show, rules.admin, "page"),
            Route("POST", one, self.make, rules.admin, "page"),
            Route("POST", f"{one}/{{key}}/revoke", self.revoke, rules.admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The keys, without their secrets, and how a site signs."""
        return await self._page(request, await self._bot(request))

    async def make(self, request: web.Request) -> web.Response:
        """A new key. Its secret is on the page that answers, and on no other."""
        await read_form(request, _Nothing)
        bot = await self._bot(request)
        try:
            key = await self._keys.make(bot.account, bot.id, by=by_of(request))
        except Conflict as problem:
            return await self._page(request, bot, problem)
        return await self._page(request, bot, secret=key.body.secret)

    async def revoke(self, request: web.Request) -> web.Response:
        """Take no more tokens of a key."""
        await read_form(request, _Nothing)
        bot = await self._bot(request)
        await self._keys.revoke(bot.account, bot.id, request.match_info["key"], by=by_of(request))
        return see_other(f"/admin/bots/{bot.id}/identity", "site_key_revoked")

    async def _page(
        self, request: web.Request, bot: Bot, problem: Problem | None = None, *, secret: str = ""
    ) -> web.Response:
        keys = await self._keys.of(bot.account, bot.id)
        makers = {key.body.by: await self._people.get(bot.account, key.body.by) for key in keys}
        return await self._frame.render(
            request,
            "bot_runtime/site_keys",
            here="bots",
            heading="Visitors that the site knows",
            problem=problem,
            bot=bot,
            keys=keys,
            makers={by: person.body.name for by, person in makers.items() if person is not None},
            most=MOST,
            secret=secret,
            base_url=request.app[SETTINGS].base_url,
        )

    async def _bot(self, request: web.Request) -> Bot:
        bot = await self._bots.get(principal(request).account, request.match_info["id"])
        if bot is None:
            raise NotFound("There is no such bot.")
        return bot
