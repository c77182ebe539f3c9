"""`/api/admin/ranges`: the address ranges for programs; super admins only (YA-4 … YA-8, I-14 … I-18)."""

from typing import Any

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from admin.bots import Bots
from admin.doors.range_view import (
    Ranges,
    ShownList,
    State,
    Wanted,
    as_json,
    number_of_client,
    ranges_of,
    require_one_form,
    your_address,
)
from admin.enabled_lists import ACCOUNT_SCOPE
from admin.principals import by_of, principal
from admin.range_facts import MOST
from admin.range_lists import AddressRange
from admin.ranges import Span, read_cidr, read_span
from admin.rules import Rules
from admin.whitelists import Whitelists
from foundation.errors import Invalid
from foundation.web import Body, Route, read_json, read_query


class _Query(Body, frozen=True):
    """Without `scope` all lists are told. `limit` is 1 … 1000."""

    scope: str | UnsetType = UNSET
    q: str = ""
    state: State = "all"
    overlaps: str = ""
    offset: int = 0
    limit: int = 100


class _New(Body, frozen=True):
    scope: str
    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    cidr: str | UnsetType = UNSET
    label: str = ""
    comment: str = ""
    expires_at: int | None = None
    confirm: bool = False


class _Edit(Body, frozen=True):
    """`version`: the one that the edit was made from; another one by now is a conflict."""

    scope: str | UnsetType = UNSET
    start: str | UnsetType = UNSET
    end: str | UnsetType = UNSET
    cidr: str | UnsetType = UNSET
    label: str | UnsetType = UNSET
    comment: str | UnsetType = UNSET
    expires_at: int | UnsetType | None = UNSET
    version: int | None = None
    confirm: bool = False


class _Confirm(Body, frozen=True):
    confirm: bool = False


class _Enabled(Body, frozen=True):
    enabled: bool
    confirm: bool = False


class _Ids(Body, frozen=True):
    ids: list[str]
    version: int | None = None
    confirm: bool = False


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
            Route(
                "POST", f"{ranges}/{{scope}}/delete", self.delete_many, rules.super_admin, "api", max_body=512 * 1024
            ),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """All lists, or with `scope` a part of one; and the asking client's address as the server sees it."""
        query = read_query(request, _Query)
        ranges = await ranges_of(request, self._whitelists, self._bots)
        address, via = your_address(request)
        you = {"address": address, "via": via}
        if query.scope is not UNSET:
            return _json(you | _part(ranges, query.scope, query))
        account, *bots = [ranges.part(scope, Wanted()) for scope in ranges.scopes]
        lists = [{"bot": one.scope, "name": one.name, **_whole(one)} for one in bots]
        return _json({**you, "account": _whole(account), "bots": lists})

    async def add(self, request: web.Request) -> web.Response:
        """Add a range to a list. 409 for more than a /8 without `confirm`."""
        new, me = await read_json(request, _New), principal(request)
        added = await self._whitelists.add(
            me.account,
            new.scope,
            _span(new),
            label=new.label,
            comment=new.comment,
            expires_at=new.expires_at,
            confirm=new.confirm,
            by=by_of(request),
        )
        return _json(await self._shown(request, added), status=201)

    async def edit(self, request: web.Request) -> web.Response:
        """Change a range; what is not given stays. 409 for a stale `version`, and for what has to be confirmed."""
        edit, me = await read_json(request, _Edit), principal(request)
        edited = await self._whitelists.edit(
            me.account,
            request.match_info["id"],
            span=None if edit.start is edit.end is edit.cidr is UNSET else _span(edit),
            label=None if edit.label is UNSET else edit.label,
            comment=None if edit.comment is UNSET else edit.comment,
            expires_at=... if edit.expires_at is UNSET else edit.expires_at,
            scope=None if edit.scope is UNSET else edit.scope,
            version=edit.version,
            confirm=edit.confirm,
            you=number_of_client(request),
            by=by_of(request),
        )
        return _json(await self._shown(request, edited))

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a range. 409 if that locks out the asking client's address, without `?confirm=true`."""
        await self._whitelists.delete(
            principal(request).account,
            request.match_info["id"],
            confirm=read_query(request, _Confirm).confirm,
            you=number_of_client(request),
            by=by_of(request),
        )
        return web.Response(status=204)

    async def delete_many(self, request: web.Request) -> web.Response:
        """Remove ranges of one list, all of them or none."""
        wanted = await read_json(request, _Ids)
        if not 1 <= len(wanted.ids) <= MOST:
            raise Invalid(f"Name 1 to {MOST} ranges.", field="ids")
        deleted = await self._whitelists.delete_many(
            principal(request).account,
            request.match_info["scope"],
            wanted.ids,
            version=wanted.version,
            confirm=wanted.confirm,
            you=number_of_client(request),
            by=by_of(request),
        )
        return _json({"deleted": deleted})

    async def toggle(self, request: web.Request) -> web.Response:
        """Switch a list on or off. 409 if that locks out the asking client's address, without `confirm`."""
        scope, account = request.match_info["scope"], principal(request).account
        wanted = await read_json(request, _Enabled)
        await self._whitelists.toggle(
            account,
            scope,
            enabled=wanted.enabled,
            confirm=wanted.confirm,
            you=number_of_client(request),
            by=by_of(request),
        )
        is_empty = wanted.enabled and not await self._whitelists.ranges(account, scope)
        return _json({"scope": scope, "enabled": wanted.enabled, "warnings": ["list_is_empty"] if is_empty else []})

    async def _shown(self, request: web.Request, one: AddressRange) -> dict[str, Any]:
        return as_json((await ranges_of(request, self._whitelists, self._bots)).show(one))


def _whole(shown: ShownList) -> dict[str, Any]:
    return {
        "enabled": shown.enabled,
        "version": shown.version,
        "ranges": [as_json(one) for one in shown.ranges],
    }


def _part(ranges: Ranges, scope: str, query: _Query) -> dict[str, Any]:
    if not (query.offset >= 0 and 1 <= query.limit <= 1000):
        raise Invalid("offset is 0 or more, limit 1 to 1000.", field="limit")
    shown = ranges.part(scope, Wanted(query.q, query.state, query.overlaps, query.offset, query.limit))
    until = query.offset + len(shown.ranges)
    return {
        "scope": shown.scope,
        "name": "" if scope == ACCOUNT_SCOPE else shown.name,
        **_whole(shown),
        "total": shown.total,
        "expired": shown.expired,
        "matching": shown.matching,
        "next": until if until < shown.matching else None,
    }


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
