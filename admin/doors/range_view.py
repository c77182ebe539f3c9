"""An account's ranges as pages and API show them: list by list, with overlaps and warnings."""

from collections.abc import Sequence
from typing import Any

import msgspec
from aiohttp import web

from admin.bots import Bots
from admin.enabled_lists import ACCOUNT_SCOPE
from admin.principals import principal
from admin.ranges import Span, overlaps_among, warnings_of
from admin.whitelists import AddressRange, Whitelists
from foundation.errors import Invalid
from foundation.web import SETTINGS, client_address, parse_address, peer_of


class ShownRange(msgspec.Struct, frozen=True):
    """A range with the ranges that overlap it and may count together with it."""

    range: AddressRange
    overlaps: tuple[AddressRange, ...]
    warnings: tuple[str, ...]


class ShownList(msgspec.Struct, frozen=True):
    """A list: the account's, or a bot's with its name. `holds_you`: whether it holds the address of who asks."""

    scope: str
    name: str
    enabled: bool
    ranges: tuple[ShownRange, ...]
    holds_you: bool


async def lists_of(request: web.Request, whitelists: Whitelists, bots: Bots) -> list[ShownList]:
    """The lists of the asking person's account: its own first, then one for each bot."""
    account = principal(request).account
    ranges, enabled = await whitelists.ranges(account), await whitelists.enabled(account)
    names = {ACCOUNT_SCOPE: "Account"} | {bot.id: bot.body.name for bot in await bots.list(account)}
    shown = show_all(request, ranges)
    you = number_of_client(request)
    lists = []
    for scope, name in names.items():
        mine = tuple(one for one in shown if one.range.scope == scope)
        holds = you is not None and any(one.range.span.first <= you <= one.range.span.last for one in mine)
        lists.append(ShownList(scope, name, scope in enabled, mine, holds))
    return lists


def show_all(request: web.Request, ranges: Sequence[AddressRange]) -> list[ShownRange]:
    """All ranges of an account with what overlaps them. Lists of two bots never count together, so their ranges do not
    overlap in any sense that matters."""
    known = {one.id: one for one in ranges}
    overlaps = overlaps_among([(one.span, one.id) for one in ranges])
    trusts = bool(request.config_dict[SETTINGS].trusted_proxies)
    return [
        ShownRange(
            one,
            tuple(known[other] for other in overlaps.get(one.id, ()) if _count_together(one, known[other])),
            tuple(warnings_of(one.span, trusts_proxies=trusts)),
        )
        for one in ranges
    ]


def as_json(shown: ShownRange) -> dict[str, Any]:
    """A range as the API says it."""
    one = shown.range
    return {
        **_short(one),
        "addresses": one.span.size,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "overlaps": [_short(other) for other in shown.overlaps],
        "warnings": list(shown.warnings),
    }


def your_address(request: web.Request) -> tuple[str | None, str | None]:
    """The address of who asks as we see it, and the trusted proxy it came through."""
    address, peer = client_address(request), parse_address(peer_of(request))
    seen = None if address is None else str(address)
    through = None if peer is None or peer == address else str(peer)
    return seen, through


def number_of_client(request: web.Request) -> int | None:
    """The IPv4 address of who asks as a number."""
    address = client_address(request)
    return int(address) if address is not None and address.version == 4 else None


def require_one_form(*, span: bool, cidr: bool) -> None:
    """Raise `Invalid` unless a range is given by exactly one of start with end, or block."""
    if span == cidr:
        raise Invalid("Give start and end, or a block as cidr, and not both.", field="start")


def _short(one: AddressRange) -> dict[str, Any]:
    span: Span = one.span
    return {"id": one.id, "scope": one.scope, "start": span.start, "end": span.end, "label": one.label}


def _count_together(one: AddressRange, other: AddressRange) -> bool:
    return one.scope == other.scope or ACCOUNT_SCOPE in {one.scope, other.scope}
