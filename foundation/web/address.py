"""The client's address, found in one place (SECURITY 2.2, rows I-1 … I-20).

Anyone may write a forwarding header. So only the headers that a *trusted* proxy passes on are read, from the right,
where the nearest proxy writes, to the left, where strangers do. The first hop that is not a trusted proxy is the
client; what cannot be read is nobody, and nobody is on no list.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import AF_INET, inet_pton

from aiohttp import web

from foundation.web.keys import SETTINGS
from foundation.web.settings import Network

Address = IPv4Address | IPv6Address

MAX_HOPS = 20
"""No honest chain of proxies is longer; an endless list costs no more than this many steps (I-8)."""


def parse_address(text: str) -> Address | None:
    """Read one address strictly, or give `None`.

    IPv4 only in dotted decimal without leading zeros, no port, no brackets, no scope id (I-10). An IPv4-mapped IPv6
    address is unwrapped once, because dual-stack sockets produce it (I-9); no other embedding is.
    """
    try:
        return IPv4Address(
            int.from_bytes(inet_pton(AF_INET, text))
        )  # as strict as `ip_address`, at a fifth of the time
    except (OSError, ValueError):
        pass
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_trusted(address: Address, trusted: Sequence[Network]) -> bool:
    """Whether this address is one of the trusted proxies."""
    return any(address in network for network in trusted)


def resolve_client(peer: str | None, header_lines: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """The client behind a connection, or `None` when it cannot be known (then no list matches, I-20).

    `header_lines` are all lines of the configured header, in the order received (I-4). At most `MAX_HOPS` hops are
    looked at.
    """
    address = parse_address(peer or "")
    if address is None or not is_trusted(address, trusted):
        return address
    for hop in reversed(",".join(header_lines).rsplit(",", MAX_HOPS)[-MAX_HOPS:]):
        address = parse_address(hop.strip(" "))
        if address is None or not is_trusted(address, trusted):
            return address
    return None


def peer_of(request: web.Request) -> str:
    """The socket's peer as text, empty on a Unix socket. For limits, when the client's address cannot be known."""
    return request.remote or ""


def client_address(request: web.Request) -> Address | None:
    """The client's address, through trusted proxies only; `None` when it cannot be known."""
    settings = request.config_dict[SETTINGS]
    lines = request.headers.getall(settings.forwarded_header, ()) if settings.trusted_proxies else ()
    return resolve_client(peer_of(request), lines, settings.trusted_proxies)


def limit_key(request: web.Request) -> str:
    """What a limit per client counts by: its address, or its peer when that cannot be known."""
    return str(client_address(request) or peer_of(request))


def from_trusted_proxy(request: web.Request) -> bool:
    """Whether the connection comes from a proxy whose headers are believed."""
    trusted = request.config_dict[SETTINGS].trusted_proxies
    peer = parse_address(peer_of(request)) if trusted else None
    return peer is not None and is_trusted(peer, trusted)
