"""The headers of every answer, errors included (C-18), and the content security policy of pages (C-19).

A page may run only the scripts that the server marked with this answer's nonce; nothing inline, nothing from elsewhere,
no string becomes script. Everything that is not a page may do nothing at all.
"""

import secrets

from aiohttp import web

from foundation.web.keys import NONCE, ROUTE, SETTINGS
from foundation.web.origin import is_secure

_YEAR_S = 31_536_000

_PLAIN_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

_PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone", "midi",
        "payment", "publickey-credentials-get", "serial", "usb", "xr-spatial-tracking",
    )
)  # fmt: skip

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": _PERMISSIONS,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def nonce_of(request: web.Request) -> str:
    """This answer's nonce: 128 random bits, made at first use."""
    if NONCE not in request:
        request[NONCE] = secrets.token_urlsafe(16)
    return request[NONCE]


def page_csp(nonce: str) -> dict[str, str]:
    """The policy of a page, directive by directive."""
    return {
        "default-src": "'none'",
        "script-src": f"'nonce-{nonce}'",
        "style-src": f"'self' 'nonce-{nonce}'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def set_csp(response: web.StreamResponse, policy: str | None = None, **directives: str | None) -> None:
    """Replace or extend the policy of one answer.

    `policy` replaces it whole (L-18). Each keyword is a directive with underscores for hyphens and replaces that one;
    `None` removes it: `set_csp(response, frame_ancestors="https://shop.example")` on a rendered page.
    """
    current = policy if policy is not None else response.headers.get("Content-Security-Policy", _PLAIN_CSP)
    parts = dict(part.strip().partition(" ")[::2] for part in current.split(";") if part.strip())
    for name, value in directives.items():
        directive = name.replace("_", "-")
        if value is None:
            parts.pop(directive, None)
        elif set(value) & set(";,\r\n"):
            raise ValueError(f"{directive}: a value must not end its directive")
        else:
            parts[directive] = value
    response.headers["Content-Security-Policy"] = join_csp(parts)


def join_csp(directives: dict[str, str]) -> str:
    """The header's value."""
    return "; ".join(f"{name} {value}".strip() for name, value in directives.items())


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer, just before it leaves. What a handler has set itself stays."""
    settings, route = request.config_dict[SETTINGS], request.get(ROUTE)
    put_headers(response, store=route is not None and route.kind == "file", hsts=settings.hsts and is_secure(request))


def put_headers(response: web.StreamResponse, *, store: bool, hsts: bool) -> None:
    """The same for an answer outside of any route: whether it may be stored, and whether it travels over https."""
    headers = response.headers
    headers.popall("Server", None)
    for name, value in _FIXED.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", _PLAIN_CSP)
    if not store:
        headers.setdefault("Cache-Control", "no-store")
    if hsts:
        headers.setdefault("Strict-Transport-Security", f"max-age={_YEAR_S}")
