"""What the web frame must be told: who we are, which proxies we believe, and the limits, each with its reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

Network = IPv4Network | IPv6Network

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """Settings of the frame. Raises `ValueError` with a sentence when one cannot be meant.

    `base_url` is the address people see (`https://chat.example`); links in mails are built from it and never from a
    request (C-14). `hosts` are further `Host` values that are served. `trusted_proxies` is empty by default, which
    means that forwarding headers are ignored (SECURITY 2.2).
    """

    base_url: str
    hosts: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    forwarded_header: str = "X-Forwarded-For"
    product: str = "Frontdesk"
    hsts: bool = True
    """Send Strict-Transport-Security, one year, on every answer that travels over https."""

    max_line_bytes: int = 8_190
    """Longest request line and longest single header: room for a full cookie, no room for a flood."""
    max_header_bytes: int = 32_768
    """All of one request's headers as they dribble in."""
    max_headers: int = 64
    header_timeout_s: float = 10.0
    """A header block that is not complete by then closes the connection (Z-1)."""
    body_timeout_s: float = 30.0
    """A body that is not complete by then is refused (Z-2)."""
    write_timeout_s: float = 30.0
    """A peer that takes nothing from a full buffer for so long is cut (Z-2)."""
    keepalive_s: float = 75.0
    """Idle time between requests; longer than the 60 s of common reverse proxies, so that they close first."""
    shutdown_s: float = 10.0
    """How long requests under way may take to end when the server goes away."""
    max_connections_per_peer: int = 512
    """Open connections of one peer address; trusted proxies are not counted."""
    sockets_per_address: int = 20
    """Open WebSockets of one client address (Z-6); 0 means no limit."""
    sockets_total: int = 10_000

    host_names: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"base_url must be scheme://host or scheme://host:port, not {self.base_url!r}")
        if parts.username or parts.fragment:
            raise ValueError("base_url must not carry a user name or a fragment")
        if self.forwarded_header.lower() == "forwarded":
            raise ValueError("forwarded_header must be a header that lists addresses, like X-Forwarded-For")
        object.__setattr__(self, "base_url", f"{parts.scheme}://{parts.netloc.lower()}")
        object.__setattr__(self, "host_names", frozenset(self._host_names()))

    @property
    def scheme(self) -> str:
        """`http` or `https`, as browsers see us."""
        return self.base_url.partition("://")[0]

    @property
    def base_hosts(self) -> Sequence[str]:
        """The `Host` values that mean `base_url`; on loopback, all three names of this machine."""
        parts = urlsplit(self.base_url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
        names = _LOOPBACK if host in _LOOPBACK else (host,)
        return [spelling for name in names for spelling in self._spellings(name, parts.port)]

    def _host_names(self) -> list[str]:
        names = list(self.base_hosts)
        base_port = urlsplit(self.base_url).port
        for host in self.hosts:
            parts = urlsplit(f"//{host}")
            if not parts.hostname or parts.netloc != host:
                raise ValueError(f"hosts: {host!r} is not a host or host:port")
            bare = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
            names += self._spellings(bare, parts.port if parts.port is not None else base_port)
        return names

    def _spellings(self, host: str, port: int | None) -> list[str]:
        """A host may be sent without the scheme's own port, or with it."""
        default = _DEFAULT_PORTS[self.scheme]
        return [host, f"{host}:{default}"] if port in (None, default) else [f"{host}:{port}"]
