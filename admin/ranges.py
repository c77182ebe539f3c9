"""Address ranges as numbers: read strictly and shown. No I/O (YA-5, YA-6, I-10, I-13 … I-19).

A range is two whole numbers, both inclusive. What people write becomes numbers in one place, in one spelling: IPv4 as
four decimal numbers with dots and nothing else, because every other spelling (`010.0.0.1`, `0x0a.1`, `10.1`, a bare
integer) means different addresses to different programs; IPv6 in hexadecimal groups, without zone and without an IPv4
address inside.

IPv4 is the contract. `::ffff:192.0.2.7` is 192.0.2.7 in the form that dual-stack sockets write: a client with that
address counts as IPv4, and a range is written in the short form. No other form that carries an IPv4 address is equated
with it: NAT64, 6to4 and Teredo name somebody's gateway (SECURITY 2.2). IPv6 ranges lie among the addresses that hosts
have, 2000::/3 and fc00::/7. All of these are far above the IPv4 numbers, so one number names one address of either kind.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from socket import AF_INET, AF_INET6, inet_pton
from typing import Literal

import msgspec

from foundation.errors import Invalid

IPV4_END = 2**32
"""Numbers below are IPv4 addresses, all others IPv6."""

WIDEST = 2**24
"""Addresses in a /8. A range of more is added only when it is confirmed (I-16)."""

WIDEST_IPV6 = 2**96
"""Addresses in a /32, which is what a whole provider is given; more has to be confirmed."""

Warning = Literal["range_unreachable_or_shared", "range_is_wide"]  # noqa: A001 - the API's word

_PREFIX = re.compile(r"(?:0|[1-9][0-9]{0,2})\Z", re.ASCII)

_HOW = (
    "IPv4 only as four numbers from 0 to 255 with dots and without leading zeros, for example 192.0.2.7; "
    "IPv6 as in 2001:db8::7."
)
_HOW_IPV6 = "IPv6 is written in hexadecimal groups with colons, for example 2001:db8::7, without a zone or IPv4 in it."
_NOT_A_HOST = "These are not addresses that a client has. IPv6 ranges lie in 2000::/3 or in fc00::/7."


class Span(msgspec.Struct, frozen=True, order=True):
    """The addresses from `first` to `last`, both included and of one kind."""

    first: int
    last: int

    @property
    def start(self) -> str:
        """The first address as text."""
        return text_of(self.first)

    @property
    def end(self) -> str:
        """The last address as text."""
        return text_of(self.last)

    @property
    def size(self) -> int:
        """How many addresses there are."""
        return self.last - self.first + 1

    @property
    def is_ipv6(self) -> bool:
        """Whether these are IPv6 addresses."""
        return self.first >= IPV4_END

    @property
    def is_wide(self) -> bool:
        """Whether it is more than a /8, or a /32 of IPv6."""
        return self.size > (WIDEST_IPV6 if self.is_ipv6 else WIDEST)

    @property
    def block(self) -> str:
        """The same as `address/prefix`, or empty when no one block is exactly this."""
        if self.size & (self.size - 1) or self.first % self.size:
            return ""
        return f"{self.start}/{(128 if self.is_ipv6 else 32) - self.size.bit_length() + 1}"

    def overlaps(self, other: "Span") -> bool:
        """Whether an address is in both."""
        return self.first <= other.last and other.first <= self.last


def _span_of(block: str) -> Span:
    network = IPv6Network(block) if ":" in block else IPv4Network(block)
    return Span(int(network.network_address), int(network.broadcast_address))


_HOSTS = (_span_of("2000::/3"), _span_of("fc00::/7"))

# Addresses that are the same in many networks, or never leave one (RFC 1918, 6598, 1122, 3927, 4193).
_SHARED = tuple(
    map(
        _span_of,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "fc00::/7"),
    )
)


def read_address(text: object, field: str = "address") -> int:
    """One address as a number, from text in its one spelling. Raises `Invalid` (I-10, I-15)."""
    if isinstance(text, str):
        if ":" in text:
            return _read_ipv6(text, field)
        try:
            return int.from_bytes(inet_pton(AF_INET, text))  # refuses all other spellings, tested against a parser
        except (OSError, ValueError):
            pass
    raise Invalid(_HOW, field=field)


def read_span(start: object, end: object) -> Span:
    """The range between two addresses. Raises `Invalid` naming `start` or `end`, also when it ends before it starts."""
    first, last = read_address(start, "start"), read_address(end, "end")
    if (first < IPV4_END) != (last < IPV4_END):
        raise Invalid("Start and end are both IPv4 or both IPv6. IPv4 only goes with IPv4.", field="end")
    if last < first:
        raise Invalid("The end comes before the start. Exchange them.", field="end")
    if first >= IPV4_END and _hosts_of(first) != _hosts_of(last):
        raise Invalid(_NOT_A_HOST, field="end")
    return Span(first, last)


def read_cidr(text: object) -> Span:
    """The range that `192.0.2.0/24` means. Raises `Invalid` for masks, prefixes like `/08` and set host bits."""
    address, slash, prefix = text.partition("/") if isinstance(text, str) else ("", "", "")
    bits = 128 if ":" in address else 32
    if not slash or not _PREFIX.match(prefix) or int(prefix) > bits:
        said = "A block looks like 192.0.2.0/24: an IPv4 address, a slash and 0 to 32; or like 2001:db8::/48."
        raise Invalid(said, field="cidr")
    first = read_address(address, "cidr")
    size = 2 ** (bits - int(prefix))
    if first % size:
        block = text_of(first - first % size)
        raise Invalid(
            f"{text} does not begin its block. Write {block}/{prefix} for the block, or {address}/{bits} for this "
            "address.",
            field="cidr",
        )
    if bits == 128 and _hosts_of(first) != _hosts_of(first + size - 1):
        raise Invalid(_NOT_A_HOST, field="cidr")
    return Span(first, first + size - 1)


def number_of(address: IPv4Address | IPv6Address | None) -> int | None:
    """The number of a client's address; of IPv4 in its mapped form that of the IPv4 address (I-9). `None` is in no
    range: an address with a zone, or one that no client has."""
    if isinstance(address, IPv6Address):
        if address.scope_id:
            return None
        return _number_of_ipv6(int(address))
    return None if address is None else int(address)


def number_of_text(text: str) -> int | None:
    """The number of an address as a socket says it; the same as `number_of` of what it means, only faster."""
    try:
        return int.from_bytes(inet_pton(AF_INET, text))
    except (OSError, ValueError):
        pass
    try:
        return number_of(ip_address(text))
    except ValueError:
        return None


def text_of(number: int) -> str:
    """The one spelling of an address."""
    return str(IPv4Address(number) if number < IPV4_END else IPv6Address(number))


def warnings_of(span: Span, *, trusts_proxies: bool) -> list[Warning]:
    """What an administrator should know about a range.

    Without trusted proxies the server sees the address of its socket's peer. A private range then means either nobody
    on the internet, or everybody behind an unconfigured proxy (I-17).
    """
    warnings: list[Warning] = []
    if not trusts_proxies and any(span.overlaps(block) for block in _SHARED):
        warnings.append("range_unreachable_or_shared")
    if span.is_wide:
        warnings.append("range_is_wide")
    return warnings


def size_of_union(spans: Iterable[Span]) -> int:
    """How many addresses are in at least one of the spans."""
    total, reached = 0, -1
    for span in sorted(spans):
        total += max(0, span.last - max(span.first - 1, reached))
        reached = max(reached, span.last)
    return total


def _read_ipv6(text: str, field: str) -> int:
    if "." in text or "%" in text:
        raise Invalid(f"{_HOW} {_HOW_IPV6}", field=field)
    try:
        number = _number_of_ipv6(int.from_bytes(inet_pton(AF_INET6, text)))
    except (OSError, ValueError):
        raise Invalid(f"{_HOW} {_HOW_IPV6}", field=field) from None
    if number is None:
        raise Invalid(f"{_NOT_A_HOST} {_HOW}", field=field)
    if number < IPV4_END:
        raise Invalid(f"Write it as {text_of(number)}. {_HOW}", field=field)
    return number


def _number_of_ipv6(number: int) -> int | None:
    if number >> 32 == 0xFFFF:
        return number & 0xFFFFFFFF
    return None if _hosts_of(number) is None else number


def _hosts_of(number: int) -> Span | None:
    return next((block for block in _HOSTS if block.first <= number <= block.last), None)
