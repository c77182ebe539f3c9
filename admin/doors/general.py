"""`/admin`: the account's name, and how things stand at a glance."""

from aiohttp import web

from admin.accounts import Accounts
from admin.audit import AuditBook
from admin.bots import Bots
from admin.doors.frame import AdminFrame, see_other
from admin.people import People
from admin.principals import Principal, by_of, principal
from admin.rules import Rules
from admin.whitelists import Whitelists
from foundation.errors import Invalid, Problem
from foundation.web import Body, Route, read_form


class _Account(Body, frozen=True):
    name: str = ""


class GeneralDoor:
    """The first page of the admin."""

    def __init__(
        self,
        frame: AdminFrame,
        *,
        accounts: Accounts,
        people: People,
        bots: Bots,
        whitelists: Whitelists,
        audit: AuditBook,
    ) -> None:
        self._frame = frame
        self._accounts = accounts
        self._people = people
        self._bots = bots
        self._whitelists = whitelists
        self._audit = audit

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/admin", self.show, rules.admin, "page"),
            Route("POST", "/admin/account", self.rename, rules.super_admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The overview."""
        return await self._page(request)

    async def rename(self, request: web.Request) -> web.Response:
        """Give the account another name; super admins only."""
        form = await read_form(request, _Account)
        try:
            await self._accounts.rename(principal(request).account, form.name, by=by_of(request))
        except Invalid as problem:
            return await self._page(request, form.name, problem)
        return see_other("/admin", "account")

    async def _page(
        self, request: web.Request, typed: str | None = None, problem: Problem | None = None
    ) -> web.Response:
        me = principal(request)
        bots, people = await self._bots.list(me.account), await self._people.count(me.account)
        return await self._frame.render(
            request,
            "general",
            here="general",
            heading="General",
            problem=problem,
            typed=typed,
            bots=bots,
            people=people,
            ranges=await self._ranges(me),
            entries=await self._audit.last(me.account) if me.has("super_admin") else None,
        )

    async def _ranges(self, me: Principal) -> dict[str, int] | None:
        """How many ranges there are and how many lists are on; only super admins learn that (YA-7)."""
        if not me.has("super_admin"):
            return None
        enabled = await self._whitelists.enabled(me.account)
        ranges = await self._whitelists.ranges(me.account)
        return {"lists": len(enabled), "ranges": sum(one.scope in enabled for one in ranges)}
