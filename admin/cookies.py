"""Signed cookies: the browser keeps them, and can neither make nor change one.

- `Returns` remembers for ten minutes where somebody wanted to go who had to log in first. The path is in the cookie and
  not in the URL, because it may hold the secret of a share link; only a path of our own is ever followed.
- `KnownDevices` tells a browser in which a person logged in before. It opens nothing; it only keeps strangers who try
  passwords from locking that person out (A-3).
"""

import base64
import hmac
import re
import secrets
from collections.abc import AsyncIterator

from aiohttp import web

from foundation.clock import DAY, MINUTE, SECOND, Clock
from foundation.keys import Keyring
from foundation.web import drop_cookie, read_cookie, set_cookie

RETURN_COOKIE = "return"
DEVICE_COOKIE = "known"

RETURN_LIFE = 10 * MINUTE
DEVICE_LIFE = 180 * DAY

RETURN_TO = web.RequestKey("admin_return_to", str)
_RETURN_TO = web.ResponseKey("admin_return_to", str)

_OUR_PATHS = re.compile(r"/(?:t/|console(?=[/?]|\Z)|search\Z|admin(?=[/?]|\Z))[A-Za-z0-9_\-./?=&%~]*\Z", re.ASCII)
_LONGEST = 1_000
_PURPOSE = "signed-cookie"


async def remember_return(response: web.StreamResponse, path: str) -> None:
    """Let the login lead back to this path of ours; the answer carries it in the cookie `__Host-return`.

    The cookie is signed and set when the answer leaves (`Returns.signing`). Another site's path, or one that is no page
    of ours, is not remembered.
    """
    if is_our_path(path):
        response[_RETURN_TO] = path


def is_our_path(path: str) -> bool:
    """Whether the login may lead there: a shared transcript, the console, the search or the admin pages, on this very host."""
    return len(path) <= _LONGEST and _OUR_PATHS.match(path) is not None and "/../" not in f"{path}/"


class Signer:
    """Signs short texts for a purpose, with a time after which they mean nothing."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock

    async def sign(self, purpose: str, text: str, life_ms: int) -> str:
        """The text with its end and its signature, fit for a cookie."""
        signed = f"{_pack(text.encode())}.{self._clock.now() + life_ms}"
        return f"{signed}.{await self._seal(purpose, signed)}"

    async def read(self, purpose: str, value: str | None) -> str | None:
        """The text that was signed, or `None` when it was not, or its time is over."""
        signed, _, seal = (value or "").rpartition(".")
        if not signed.isascii() or not hmac.compare_digest(seal.encode(), (await self._seal(purpose, signed)).encode()):
            return None
        packed, _, end = signed.partition(".")
        if self._clock.now() >= int(end):
            return None
        return base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode()

    async def _seal(self, purpose: str, signed: str) -> str:
        secret = await self._keyring.secret("", _PURPOSE)
        return _pack(hmac.digest(secret, f"{purpose}\n{signed}".encode(), "sha256"))


class Returns:
    """Where the login leads back to."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def signing(self, app: web.Application) -> AsyncIterator[None]:
        """Sign what requests and answers of this application want remembered (one of its `cleanup_ctx`)."""
        app.on_response_prepare.append(self._put)
        yield

    async def read(self, request: web.Request) -> str | None:
        """The path to return to, if this browser carries one that we signed."""
        path = await self._signer.read("return", read_cookie(request, RETURN_COOKIE))
        return path if path is not None and is_our_path(path) else None

    def forget(self, response: web.StreamResponse) -> None:
        """Let the browser forget the path, once it was followed."""
        drop_cookie(response, RETURN_COOKIE)

    async def _put(self, request: web.Request, response: web.StreamResponse) -> None:
        path = response.get(_RETURN_TO) or request.get(RETURN_TO)
        if path is None or response.status != 303 or not is_our_path(path):
            return
        # The frame has written the answer's own cookies by now, so this one is added as a header.
        value = await self._signer.sign("return", path, RETURN_LIFE)
        carrier = web.Response()
        set_cookie(carrier, RETURN_COOKIE, value, max_age=RETURN_LIFE // SECOND, same_site="Lax")
        for cookie in carrier.cookies.values():
            response.headers.add("Set-Cookie", cookie.OutputString())


class KnownDevices:
    """Browsers in which somebody logged in before."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    async def device_of(self, request: web.Request, person: str) -> str | None:
        """The name that this browser got when this person logged in here; `None` for everybody else."""
        text = await self._signer.read("device", read_cookie(request, DEVICE_COOKIE))
        device, _, owner = (text or "").partition(" ")
        return device if owner == person else None

    async def remember(self, response: web.StreamResponse, person: str, device: str | None) -> None:
        """Know the browser again for this person; a known one keeps its name."""
        name = device or secrets.token_urlsafe(16)
        value = await self._signer.sign("device", f"{name} {person}", DEVICE_LIFE)
        set_cookie(response, DEVICE_COOKIE, value, max_age=DEVICE_LIFE // SECOND, same_site="Lax")


def _pack(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
