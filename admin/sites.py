"""Sites that may embed a bot's widget, as they go into `frame-ancestors` (PS-10, YA-27, C-13).

A site is a scheme, a host and perhaps a port: nothing that could begin another directive, no path, no wildcard but a
whole first label (`https://*.example.com`). Plain http is for this machine's own names only.
"""

import re
from urllib.parse import urlsplit

from foundation.errors import Invalid

MOST = 50
"""Sites of one bot; the header that lists them must stay short enough for every proxy."""

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:\*\.)?(?:{_LABEL}\.)*{_LABEL}\Z")
_OURSELVES = {"localhost", "127.0.0.1"}


def read_sites(text: str) -> tuple[str, ...]:
    """The sites in a text, one on a line or between blanks or commas. Raises `Invalid` quoting the first bad one."""
    sites = tuple(dict.fromkeys(read_site(part) for part in re.split(r"[\s,]+", text) if part))
    if len(sites) > MOST:
        raise Invalid(f"At most {MOST} sites, please; these are {len(sites)}.", field="sites")
    return sites


def read_site(text: str) -> str:
    """One site in its normal form: scheme and host in lower case, international names in ASCII. Raises `Invalid`."""
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, port = _host_of(parts.hostname or ""), parts.port
    except (ValueError, UnicodeError):
        raise _bad(text) from None
    extra = parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None
    if extra or not _HOST.match(host) or "?" in text or "#" in text:
        raise _bad(text)
    if parts.scheme != "https" and (parts.scheme != "http" or host not in _OURSELVES):
        raise Invalid(f"{text!r}: a site begins with https://, only localhost may begin with http://.", field="sites")
    if host.startswith("*.") and host.count(".") < 2:
        raise Invalid(f"{text!r} would be every site of a whole country or kind; name a domain.", field="sites")
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def _host_of(name: str) -> str:
    star, name = ("*.", name[2:]) if name.startswith("*.") else ("", name)
    return star + (name if name.isascii() else name.encode("idna").decode())


def _bad(text: str) -> Invalid:
    said = f"{text[:80]!r} is not a site. Write https://www.example.com, or https://*.example.com."
    return Invalid(said, field="sites")
