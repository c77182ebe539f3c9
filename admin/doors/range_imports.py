"""Ranges as CSV, in and out: the page with the preview, and the same for programs; super admins only (YA-4, YA-7).

An import is looked at first. It is applied wholly or not at all, to the list as the preview saw it: if that changed in
between, the preview is shown anew.
"""

from typing import Any

import msgspec
from aiohttp import web

from admin.bots import Bots
from admin.doors.frame import AdminFrame
from admin.enabled_lists import ACCOUNT_SCOPE
from admin.principals import by_of, principal
from admin.range_csv import MOST_BYTES
from admin.range_imports import Plan, Planned, RangeImports
from admin.rules import Rules
from foundation.errors import Conflict, Invalid, NotFound, Problem
from foundation.web import Body, Route, read_form, read_json

_FORM_BYTES = 3 * MOST_BYTES + 4096
"""A form spells every comma and line end with three characters."""

_SHOWN = 300
_TOLD = 1_000

_ORDER = {"error": 0, "overlaps": 1, "added": 2, "there": 3}


class _Csv(Body, frozen=True):
    csv: str


class _Apply(Body, frozen=True):
    csv: str
    version: int
    confirm: bool = False


class _Form(Body, frozen=True):
    """`version` is there when the preview has been seen."""

    csv: str = ""
    version: int | None = None
    confirm: bool = False


class RangeImportDoor:
    """Import and export."""

    def __init__(self, frame: AdminFrame, *, imports: RangeImports, bots: Bots) -> None:
        self._frame = frame
        self._imports = imports
        self._bots = bots

    def routes(self, rules: Rules) -> list[Route]:
        api, page = "/api/admin/ranges/{scope}", "/admin/ranges/{scope}/import"
        rule = rules.super_admin
        return [
            Route("GET", f"{api}/export", self.export, rule, "api"),
            Route("POST", f"{api}/import/preview", self.preview, rule, "api", max_body=_FORM_BYTES),
            Route("POST", f"{api}/import", self.apply, rule, "api", max_body=_FORM_BYTES),
            Route("GET", page, self.show, rule, "page"),
            Route("POST", page, self.send, rule, "page", max_body=_FORM_BYTES),
        ]

    async def export(self, request: web.Request) -> web.Response:
        """A list as a file."""
        scope = request.match_info["scope"]
        text = await self._imports.export(principal(request).account, scope, by=by_of(request))
        name = "account" if scope == ACCOUNT_SCOPE else "bot"
        headers = {"Content-Disposition": f'attachment; filename="ranges-{name}.csv"'}
        return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)

    async def preview(self, request: web.Request) -> web.Response:
        """What an import would do; nothing is changed."""
        body = await read_json(request, _Csv)
        plan = await self._imports.preview(principal(request).account, request.match_info["scope"], body.csv)
        return _json(_told(plan))

    async def apply(self, request: web.Request) -> web.Response:
        """Do it, wholly or not at all. 409 for a stale `version`, and for what has to be confirmed."""
        body = await read_json(request, _Apply)
        plan = await self._imports.apply(
            principal(request).account,
            request.match_info["scope"],
            body.csv,
            version=body.version,
            confirm=body.confirm,
            by=by_of(request),
        )
        return _json({"added": len(plan.new), "there": plan.counts["there"]})

    async def show(self, request: web.Request) -> web.Response:
        """The empty form."""
        return await self._page(request, _Form())

    async def send(self, request: web.Request) -> web.Response:
        """The preview; or, when that has been seen, the import."""
        form, scope = await read_form(request, _Form), request.match_info["scope"]
        account = principal(request).account
        await self._name(request)
        problem: Problem | None = None
        if form.version is not None:
            try:
                plan = await self._imports.apply(
                    account, scope, form.csv, version=form.version, confirm=form.confirm, by=by_of(request)
                )
            except (Invalid, Conflict) as error:
                problem = error
            else:
                done = "ranges_imported" if plan.new else "ranges_there"
                return web.Response(status=303, headers={"Location": f"/admin/ranges?list={scope}&done={done}"})
        try:
            plan = await self._imports.preview(account, scope, form.csv)
        except Invalid as error:
            return await self._page(request, form, error)
        return await self._page(request, form, problem, plan)

    async def _page(
        self, request: web.Request, form: _Form, problem: Problem | None = None, plan: Plan | None = None
    ) -> web.Response:
        counts = plan.counts if plan else {}
        return await self._frame.render(
            request,
            "range_import",
            here="ranges",
            heading="Import ranges",
            problem=problem,
            scope=request.match_info["scope"],
            list_name=await self._name(request),
            csv=form.csv,
            plan=plan,
            counts=counts,
            rows=_sorted(plan)[:_SHOWN] if plan else [],
            must_confirm=isinstance(problem, Conflict) and problem.data.get("field") == "confirm",
        )

    async def _name(self, request: web.Request) -> str:
        scope = request.match_info["scope"]
        if scope == ACCOUNT_SCOPE:
            return "the account"
        bot = await self._bots.get(principal(request).account, scope)
        if bot is None:
            raise NotFound("There is no such list.")
        return bot.body.name


def _sorted(plan: Plan) -> list[Planned]:
    """What needs a look first."""
    return sorted(plan.rows, key=lambda one: (_ORDER[one.status], one.row.line))


def _told(plan: Plan) -> dict[str, Any]:
    rows = _sorted(plan)
    return {
        "version": plan.list.version,
        "counts": plan.counts,
        "rows": [_row(one) for one in rows[:_TOLD]],
        "left_off": max(0, len(rows) - _TOLD),
    }


def _row(one: Planned) -> dict[str, Any]:
    told: dict[str, Any] = {"line": one.row.line, "status": one.status}
    if one.row.range is None:
        return told | {"error": one.row.error, "field": one.row.field}
    made = one.row.range
    told |= {"start": made.span.start, "end": made.span.end, "label": made.label, "expires_at": made.expires_at}
    return told | {"comment": made.comment, "overlaps": one.overlaps, "overlap_count": one.overlap_count}


def _json(members: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(members), content_type="application/json")
