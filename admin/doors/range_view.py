"""An account's ranges as pages and API show them: list by list and page by page, with overlaps and warnings."""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from aiohttp import web

from admin.bots import Bots
from admin.enabled_lists import ACCOUNT_SCOPE
from admin.overlaps import Overlaps
from admin.principals import principal
from admin.range_lists import AddressRange, RangeList
from admin.ranges import Span, number_of, read_address, read_cidr, warnings_of
from admin.whitelists import Whitelists
from foundation.errors import Invalid, NotFound
from foundation.web import CLOCK, SETTINGS, client_address, parse_address, peer_of

State = Literal["all", "live", "expired", "overlapping"]

NAMED_OVERLAPS = 20
"""Overlaps that are named with a range; how many there are is said in any case, and all of them can be listed."""


class ShownRange(msgspec.Struct, frozen=True):
    """A range with the ranges that overlap it and may count together with it; `overlaps` names some of them."""

    range: AddressRange
    overlaps: tuple[AddressRange, ...]
    overlap_count: int
    warnings: tuple[str, ...]
    expired: bool


class ShownList(msgspec.Struct, frozen=True):
    """A list: the account's, or a bot's with its name. `ranges` is the asked part of the `matching` ones among all
    `total`. `holds_you`: whether a range that counts holds the address of who asks."""

    scope: str
    name: str
    enabled: bool
    version: int
    total: int
    expired: int
    matching: int
    ranges: tuple[ShownRange, ...]
    holds_you: bool


class Wanted(msgspec.Struct, frozen=True):
    """Which ranges to show. `q`: part of a label or comment, or an address or block that they share an address with.
    `overlaps`: the id of a range that they overlap."""

    q: str = ""
    state: State = "all"
    overlaps: str = ""
    offset: int = 0
    limit: int = 100_000


class Ranges:
    """All ranges of an account, ready for showing."""

    def __init__(self, request: web.Request, lists: Mapping[str, RangeList], names: Mapping[str, str]) -> None:
        self._lists = lists
        self._names = names
        self._now = request.config_dict[CLOCK].now()
        self._trusts = bool(request.config_dict[SETTINGS].trusted_proxies)
        self._you = number_of_client(request)
        self._by_scope = {
            scope: Overlaps((one.span, one) for one in known.ranges) for scope, known in lists.items() if known.ranges
        }

    @property
    def scopes(self) -> Sequence[str]:
        """The account's own list first, then one for each bot."""
        return tuple(self._names)

    def part(self, scope: str, wanted: Wanted) -> ShownList:
        """The wanted part of a list. Raises `NotFound`."""
        if scope not in self._names:
            raise NotFound("There is no such list.")
        known = self._lists.get(scope, RangeList(scope))
        keep = self._filter(wanted)
        matching = [one for one in known.ranges if keep(one)]
        live = [one for one in known.ranges if one.is_live(self._now)]
        you = self._you
        return ShownList(
            scope=scope,
            name=self._names[scope],
            enabled=known.enabled,
            version=known.version,
            total=len(known.ranges),
            expired=len(known.ranges) - len(live),
            matching=len(matching),
            ranges=tuple(self.show(one) for one in matching[wanted.offset : wanted.offset + wanted.limit]),
            holds_you=you is not None and any(one.span.first <= you <= one.span.last for one in live),
        )

    def show(self, one: AddressRange) -> ShownRange:
        """A range with what overlaps it."""
        around = self._around(one.scope)
        named: list[AddressRange] = []
        for overlaps in around:
            named += overlaps.find(one.span, NAMED_OVERLAPS + 1)
        others = [other for other in named if other.id != one.id]
        return ShownRange(
            one,
            tuple(others[:NAMED_OVERLAPS]),
            sum(overlaps.count(one.span) for overlaps in around) - 1,
            tuple(warnings_of(one.span, trusts_proxies=self._trusts)),
            not one.is_live(self._now),
        )

    def get(self, id: str) -> AddressRange:
        """The range with this id. Raises `NotFound`."""
        for known in self._lists.values():
            for one in known.ranges:
                if one.id == id:
                    return one
        raise NotFound("There is no such range.")

    def _around(self, scope: str) -> list[Overlaps[AddressRange]]:
        """The lists that count together with this one. Lists of two bots never do, so their ranges do not overlap in
        any sense that matters."""
        if scope == ACCOUNT_SCOPE:
            return list(self._by_scope.values())
        return [self._by_scope[one] for one in (scope, ACCOUNT_SCOPE) if one in self._by_scope]

    def _filter(self, wanted: Wanted) -> Callable[[AddressRange], bool]:
        tests: list[Callable[[AddressRange], bool]] = []
        if wanted.state in ("live", "expired"):
            tests.append(lambda one: one.is_live(self._now) == (wanted.state == "live"))
        elif wanted.state == "overlapping":
            tests.append(lambda one: sum(near.count(one.span) for near in self._around(one.scope)) > 1)
        if wanted.overlaps:
            middle = self.get(wanted.overlaps)
            tests.append(lambda one: one.span.overlaps(middle.span))
        if wanted.q:
            tests.append(_search(wanted.q))
        return lambda one: all(test(one) for test in tests)


async def ranges_of(request: web.Request, whitelists: Whitelists, bots: Bots) -> Ranges:
    """The ranges of the asking person's account."""
    account = principal(request).account
    names = {ACCOUNT_SCOPE: "Account"} | {bot.id: bot.body.name for bot in await bots.list(account)}
    lists = await whitelists.lists(account)
    return Ranges(request, {scope: known for scope, known in lists.items() if scope in names}, names)


def as_json(shown: ShownRange) -> dict[str, Any]:
    """A range as the API says it."""
    one = shown.range
    return {
        **_short(one),
        "comment": one.comment,
        "addresses": one.span.size if one.span.size < 2**53 else str(one.span.size),
        "version": one.version,
        "expires_at": one.expires_at,
        "expired": shown.expired,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "overlaps": [_short(other) for other in shown.overlaps],
        "overlap_count": shown.overlap_count,
        "warnings": list(shown.warnings),
    }


def your_address(request: web.Request) -> tuple[str | None, str | None]:
    """The address of who asks as we see it, and the trusted proxy it came through."""
    address, peer = client_address(request), parse_address(peer_of(request))
    seen = None if address is None else str(address)
    through = None if peer is None or peer == address else str(peer)
    return seen, through


def number_of_client(request: web.Request) -> int | None:
    """The address of who asks as a number."""
    return number_of(client_address(request))


def require_one_form(*, span: bool, cidr: bool) -> None:
    """Raise `Invalid` unless a range is given by exactly one of start with end, or block."""
    if span == cidr:
        raise Invalid("Give start and end, or a block as cidr, and not both.", field="start")


def _search(q: str) -> Callable[[AddressRange], bool]:
    """Whether a range has this in its label or comment, or shares an address with it."""
    span = _span_in(q.strip())
    if span is not None:
        return lambda one: one.span.overlaps(span)
    words = _folded(q).split()
    return lambda one: _has_all(words, (one.label, one.comment, one.span.start, one.span.end, one.span.block))


def _has_all(words: Iterable[str], texts: Iterable[str]) -> bool:
    said = _folded(" ".join(texts))
    return all(word in said for word in words)


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _span_in(text: str) -> Span | None:
    try:
        if "/" in text:
            return read_cidr(text)
        number = read_address(text)
    except Invalid:
        return None
    return Span(number, number)


def _short(one: AddressRange) -> dict[str, Any]:
    return {"id": one.id, "scope": one.scope, "start": one.span.start, "end": one.span.end, "label": one.label}
