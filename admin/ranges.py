"""IPv4 ranges as numbers: read strictly, shown, joined and searched. No I/O (YA-5, YA-6, I-10, I-13 … I-19).

A range is two whole numbers, both inclusive. What people write becomes numbers in one place: four decimal numbers with
dots and nothing else, because every other spelling (`010.0.0.1`, `0x0a.1`, `10.1`, a bare integer) means different
addresses to different programs.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from typing import Literal

import msgspec

from foundation.errors import Invalid

WIDEST = 2**24
"""Addresses in a /8. A range of more is added only when it is confirmed (I-16)."""

Warning = Literal["range_unreachable_or_shared", "range_is_wide"]  # noqa: A001 - the API's word

_NUMBER = r"(?:0|[1-9][0-9]{0,2})"
_QUAD = re.compile(rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})\.({_NUMBER})\Z", re.ASCII)
_PREFIX = re.compile(r"(?:0|[1-9][0-9]?)\Z", re.ASCII)

_HOW = "IPv4 only: four numbers from 0 to 255 with dots and without leading zeros, for example 192.0.2.7."

# Addresses that are the same in many networks, or never leave one (RFC 1918, 6598, 1122, 3927).
_SHARED = tuple(
    IPv4Network(block)
    for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")
)


class Span(msgspec.Struct, frozen=True, order=True):
    """The addresses from `first` to `last`, both included."""

    first: int
    last: int

    @property
    def start(self) -> str:
        """The first address in dotted form."""
        return str(IPv4Address(self.first))

    @property
    def end(self) -> str:
        """The last address in dotted form."""
        return str(IPv4Address(self.last))

    @property
    def size(self) -> int:
        """How many addresses there are."""
        return self.last - self.first + 1

    def overlaps(self, other: "Span") -> bool:
        """Whether an address is in both."""
        return self.first <= other.last and other.first <= self.last


def read_address(text: object, field: str = "address") -> int:
    """One IPv4 address as a number, from dotted decimal text only. Raises `Invalid` (I-10, I-15)."""
    quad = _QUAD.match(text) if isinstance(text, str) else None
    numbers = [int(part) for part in quad.groups()] if quad else []
    if not numbers or max(numbers) > 255:
        raise Invalid(_HOW, field=field)
    return int.from_bytes(bytes(numbers))


def read_span(start: object, end: object) -> Span:
    """The range between two addresses. Raises `Invalid` naming `start` or `end`, also when it ends before it starts."""
    first, last = read_address(start, "start"), read_address(end, "end")
    if last < first:
        raise Invalid("The end comes before the start. Exchange them.", field="end")
    return Span(first, last)


def read_cidr(text: object) -> Span:
    """The range that `192.0.2.0/24` means. Raises `Invalid` for masks, prefixes like `/08` and set host bits."""
    address, slash, prefix = text.partition("/") if isinstance(text, str) else ("", "", "")
    if not slash or not _PREFIX.match(prefix) or int(prefix) > 32:
        raise Invalid("A block looks like 192.0.2.0/24: an IPv4 address, a slash and 0 to 32.", field="cidr")
    size = 2 ** (32 - int(prefix))
    first = read_address(address, "cidr")
    if first % size:
        block = IPv4Address(first - first % size)
        raise Invalid(
            f"{text} does not begin its block. Write {block}/{prefix} for the block, or {address}/32 for this address.",
            field="cidr",
        )
    return Span(first, first + size - 1)


def number_of(address: IPv4Address | IPv6Address | None) -> int | None:
    """The number of a client's address if it is IPv4, or IPv4 in its mapped form (I-9); `None` is in no range."""
    if isinstance(address, IPv6Address):
        address = None if address.scope_id else address.ipv4_mapped
    return None if address is None else int(address)


def warnings_of(span: Span, *, trusts_proxies: bool) -> list[Warning]:
    """What an administrator should know about a range.

    Without trusted proxies the server sees the address of its socket's peer. A private range then means either nobody
    on the internet, or everybody behind an unconfigured proxy (I-17).
    """
    warnings: list[Warning] = []
    if not trusts_proxies and any(span.overlaps(_span_of(block)) for block in _SHARED):
        warnings.append("range_unreachable_or_shared")
    if span.size > WIDEST:
        warnings.append("range_is_wide")
    return warnings


class Segments:
    """A list of ranges laid out as sorted segments that do not touch twice: a look-up is one bisection (I-19).

    Each segment belongs to one of the ranges that hold it, so that a match can be explained.
    """

    def __init__(self, ranges: Iterable[tuple[Span, str]]) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self._ids: list[str] = []
        for span, name in sorted(ranges):
            first = max(span.first, self._lasts[-1] + 1) if self._lasts else span.first
            if first <= span.last:
                self._firsts.append(first)
                self._lasts.append(span.last)
                self._ids.append(name)

    def find(self, address: int) -> str | None:
        """The id of a range that holds the address."""
        place = bisect_right(self._firsts, address) - 1
        return self._ids[place] if place >= 0 and address <= self._lasts[place] else None

    def __len__(self) -> int:
        return len(self._firsts)


def overlaps_among(ranges: Sequence[tuple[Span, str]]) -> dict[str, list[str]]:
    """For each id the ids of the other ranges that share an address with it; ranges without overlap are left out."""
    found: dict[str, list[str]] = {}
    ordered = sorted(ranges)
    for place, (span, name) in enumerate(ordered):
        for other, other_name in ordered[place + 1 :]:
            if other.first > span.last:
                break
            found.setdefault(name, []).append(other_name)
            found.setdefault(other_name, []).append(name)
    return found


def _span_of(block: IPv4Network) -> Span:
    return Span(int(block.network_address), int(block.broadcast_address))
