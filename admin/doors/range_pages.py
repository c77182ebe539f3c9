"""`/admin/ranges`: the ranges on a page; super admins only (YA-4 … YA-8).

The page says which address it sees and through which proxy, how the lists combine, and what is unusual about a range.
"""

from aiohttp import web

from admin.bots import Bots
from admin.doors.frame import AdminFrame, see_other
from admin.doors.range_view import lists_of, your_address
from admin.principals import by_of, principal
from admin.ranges import Span, read_cidr, read_span
from admin.rules import Rules
from admin.whitelists import Whitelists
from foundation.errors import Conflict, Invalid, NotFound, Problem
from foundation.web import SETTINGS, Body, Route, read_form, read_query

HERE = "/admin/ranges"


class _Query(Body, frozen=True):
    edit: str = ""
    done: str = ""


class _RangeForm(Body, frozen=True):
    scope: str = ""
    start: str = ""
    end: str = ""
    label: str = ""
    confirm: bool = False


class _Enabled(Body, frozen=True):
    enabled: bool = False


class _Nothing(Body, frozen=True):
    """A form without fields."""


class RangePages:
    """The ranges, for people."""

    def __init__(self, frame: AdminFrame, *, whitelists: Whitelists, bots: Bots) -> None:
        self._frame = frame
        self._whitelists = whitelists
        self._bots = bots

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", HERE, self.show, rules.super_admin, "page"),
            Route("POST", HERE, self.add, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{id}}", self.edit, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{id}}/delete", self.delete, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{scope}}/enabled", self.toggle, rules.super_admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """All lists; with `?edit=` one range stands as a form."""
        chosen = read_query(request, _Query).edit
        if not chosen:
            return await self._page(request, _RangeForm())
        one = await self._whitelists.get(principal(request).account, chosen)
        form = _RangeForm(one.scope, one.span.start, one.span.end, one.label)
        return await self._page(request, form, editing=chosen)

    async def add(self, request: web.Request) -> web.Response:
        """Add a range to the list that the form stands under."""
        form = await read_form(request, _RangeForm)
        try:
            await self._whitelists.add(
                principal(request).account,
                form.scope,
                _span(form),
                label=form.label,
                confirm=form.confirm,
                by=by_of(request),
            )
        except (Invalid, Conflict) as problem:
            return await self._page(request, form, problem)
        return see_other(HERE, "range_added")

    async def edit(self, request: web.Request) -> web.Response:
        """Change a range."""
        chosen, form = request.match_info["id"], await read_form(request, _RangeForm)
        try:
            await self._whitelists.edit(
                principal(request).account,
                chosen,
                span=_span(form),
                label=form.label,
                scope=form.scope or None,
                confirm=form.confirm,
                by=by_of(request),
            )
        except (Invalid, Conflict) as problem:
            return await self._page(request, form, problem, editing=chosen)
        return see_other(HERE, "range_edited")

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a range."""
        await read_form(request, _Nothing)
        await self._whitelists.delete(principal(request).account, request.match_info["id"], by=by_of(request))
        return see_other(HERE, "range_deleted")

    async def toggle(self, request: web.Request) -> web.Response:
        """Switch a list on or off."""
        form, scope = await read_form(request, _Enabled), request.match_info["scope"]
        await self._whitelists.toggle(principal(request).account, scope, enabled=form.enabled, by=by_of(request))
        return see_other(HERE, "list_on" if form.enabled else "list_off")

    async def _page(
        self, request: web.Request, form: _RangeForm, problem: Problem | None = None, *, editing: str = ""
    ) -> web.Response:
        lists = await lists_of(request, self._whitelists, self._bots)
        if problem is not None and form.scope not in {one.scope for one in lists}:
            raise NotFound("There is no such list.")
        address, via = your_address(request)
        return await self._frame.render(
            request,
            "ranges",
            here="ranges",
            heading="Transcript ranges",
            problem=problem,
            lists=lists,
            form=form,
            editing=editing,
            must_confirm=isinstance(problem, Conflict) and problem.data.get("field") == "confirm",
            address=address,
            via=via,
            trusts_proxies=bool(request.config_dict[SETTINGS].trusted_proxies),
        )


def _span(form: _RangeForm) -> Span:
    """What a person wrote: blanks around it are forgiven, a block may stand in place of the start, and without an end
    the start is the one address. Everything else is as strict as the API."""
    start, end = form.start.strip(" \t"), form.end.strip(" \t")
    if "/" in start:
        if end:
            raise Invalid("A block needs no end. Leave it empty.", field="end")
        try:
            return read_cidr(start)
        except Invalid as problem:
            raise Invalid(problem.detail, field="start") from None
    return read_span(start, end or start)
