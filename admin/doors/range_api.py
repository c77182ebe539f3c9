"""`/api/admin/ranges`: the address ranges for programs; super admins only (YA-4 … YA-8, I-14 … I-18)."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from admin.bots import Bots
from admin.doors.range_view import as_json, lists_of, require_one_form, show_all, your_address
from admin.principals import by_of, principal
from admin.ranges import Span, read_cidr, read_span
from admin.rules import Rules
from admin.whitelists import AddressRange, Whitelists
from foundation.errors import Invalid
from foundation.web import Body, Route, read_json


class _New(Body, frozen=True):
    scope: str
    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    cidr: str | UnsetType = UNSET
    label: str = ""
    confirm: bool = False


class _Edit(Body, frozen=True):
    scope: str | UnsetType = UNSET
    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    cidr: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    confirm: bool = False


class _Enabled(Body, frozen=True):
    enabled: bool


class RangeApi:
    """The ranges, as JSON."""

    def __init__(self, *, whitelists: Whitelists, bots: Bots) -> None:
        self._whitelists = whitelists
        self._bots = bots

    def routes(self, rules: Rules) -> list[Route]:
        ranges = "/api/admin/ranges"
        return [
            Route("GET", ranges, self.list, rules.super_admin, "api"),
            Route("POST", ranges, self.add, rules.super_admin, "api"),
            Route("PATCH", f"{ranges}/{{id}}", self.edit, rules.super_admin, "api"),
            Route("DELETE", f"{ranges}/{{id}}", self.delete, rules.super_admin, "api"),
            Route("PUT", f"{ranges}/{{scope}}/enabled", self.toggle, rules.super_admin, "api"),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """All lists, and the asking client's address as the server sees it."""
        account, *bots = await lists_of(request, self._whitelists, self._bots)
        address, via = your_address(request)
        return _json(
            {
                "address": address,
                "via": via,
                "account": {"enabled": account.enabled, "ranges": [as_json(one) for one in account.ranges]},
                "bots": [
                    {
                        "bot": one.scope,
                        "name": one.name,
                        "enabled": one.enabled,
                        "ranges": [as_json(shown) for shown in one.ranges],
                    }
                    for one in bots
                ],
            }
        )

    async def add(self, request: web.Request) -> web.Response:
        """Add a range to a list. 409 for more than a /8 without `confirm`."""
        new, me = await read_json(request, _New), principal(request)
        added = await self._whitelists.add(
            me.account, new.scope, _span(new), label=new.label, confirm=new.confirm, by=by_of(request)
        )
        return _json(await self._shown(request, added), status=201)

    async def edit(self, request: web.Request) -> web.Response:
        """Change a range; what is not given stays."""
        edit, me = await read_json(request, _Edit), principal(request)
        edited = await self._whitelists.edit(
            me.account,
            request.match_info["id"],
            span=None if edit.start is edit.end is edit.cidr is UNSET else _span(edit),
            label=None if edit.label is UNSET else edit.label,
            scope=None if edit.scope is UNSET else edit.scope,
            confirm=edit.confirm,
            by=by_of(request),
        )
        return _json(await self._shown(request, edited))

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a range."""
        await self._whitelists.delete(principal(request).account, request.match_info["id"], by=by_of(request))
        return web.Response(status=204)

    async def toggle(self, request: web.Request) -> web.Response:
        """Switch a list on or off."""
        scope, account = request.match_info["scope"], principal(request).account
        wanted = await read_json(request, _Enabled)
        await self._whitelists.toggle(account, scope, enabled=wanted.enabled, by=by_of(request))
        is_empty = wanted.enabled and not await self._whitelists.ranges(account, scope)
        return _json({"scope": scope, "enabled": wanted.enabled, "warnings": ["list_is_empty"] if is_empty else []})

    async def _shown(self, request: web.Request, one: AddressRange) -> dict[str, Any]:
        shown = show_all(request, await self._whitelists.ranges(principal(request).account))
        return next(as_json(other) for other in shown if other.range.id == one.id)


def _span(body: _New | _Edit) -> Span:
    require_one_form(span=body.start is not UNSET or body.end is not UNSET, cidr=body.cidr is not UNSET)
    if body.cidr is not UNSET:
        return read_cidr(body.cidr)
    if body.start is UNSET or body.end is UNSET:
        missing = "start" if body.start is UNSET else "end"
        raise Invalid("A range has a start and an end; one address is the same value twice.", field=missing)
    return read_span(body.start, body.end)


def _json(members: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(members), status=status, content_type="application/json")
