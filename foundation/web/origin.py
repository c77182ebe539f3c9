"""Which host a request is for, which origin the browser sees, and whether another site caused it.

Cookies travel with requests that other sites cause. What changes something, and every socket, therefore has to prove
that one of our own pages sent it: by `Sec-Fetch-Site`, which scripts cannot set, or by `Origin` (C-4, C-8, C-9).
"""

from aiohttp import web

from foundation.errors import Forbidden, Malformed, Misdirected
from foundation.web.address import from_trusted_proxy
from foundation.web.keys import SETTINGS

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def require_known_host(request: web.Request) -> None:
    """Refuse a request for a host that is not ours with 421 (C-14)."""
    hosts = request.headers.getall("Host", ())
    if len(hosts) != 1:
        raise Malformed("A request names exactly one host.")
    if not request.raw_path.startswith("/"):
        raise Malformed("Only paths are served; this is not a proxy.")
    if hosts[0].lower() not in request.config_dict[SETTINGS].host_names:
        raise Misdirected("This host name is not served here. Check the address, or `base_url` in the settings.")


def is_secure(request: web.Request) -> bool:
    """Whether the browser's side of this request is https: our own TLS, a trusted proxy's word, or `base_url`'s."""
    return _scheme(request) == "https"


def origin_of(request: web.Request) -> str:
    """`scheme://host` of this request as the browser sees it, without the scheme's own port."""
    scheme = _scheme(request)
    host = request.headers.get("Host", "").lower()
    return f"{scheme}://{host.removesuffix(':443' if scheme == 'https' else ':80')}"


def require_same_origin(request: web.Request, *, socket: bool = False) -> None:
    """Refuse with 403 unless one of our own pages caused this request.

    Our pages send no referrer, which makes browsers write `Origin: null` on a form; `Sec-Fetch-Site: same-origin` then
    speaks for them. A socket always carries the true `Origin`, so that is demanded.
    """
    site = request.headers.getall("Sec-Fetch-Site", ())
    origin = request.headers.getall("Origin", ())
    own = origin == [origin_of(request)]
    vouched = list(site) == ["same-origin"]
    silent = not origin or list(origin) == ["null"]
    if (own and (not site or vouched)) or (vouched and silent and not socket):
        return
    raise Forbidden("This must be sent from a page of ours. Nothing was changed.")


def _scheme(request: web.Request) -> str:
    if request.transport is not None and request.transport.get_extra_info("sslcontext") is not None:
        return "https"
    settings = request.config_dict[SETTINGS]
    if from_trusted_proxy(request):
        said = ",".join(request.headers.getall("X-Forwarded-Proto", ())).rpartition(",")[2].strip().lower()
        if said in {"http", "https"}:
            return said
    host = request.headers.get("Host", "").lower()
    return settings.scheme if host in settings.base_hosts else "http"
