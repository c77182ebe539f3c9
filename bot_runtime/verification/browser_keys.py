"""What tells a browser from a copy of its storage (DD-7, SECURITY F3): a key that it cannot give away.

At the consent the widget makes an ECDSA key on P-256 whose private half no script can read, and registers the public
half with its device secret. From then on the secret alone is worth nothing: whoever opens a socket with it signs a
number that the server has just drawn. Who cannot is another browser, whatever he copied.

The doors beside the socket cannot ask for a signature, so each welcome brings a *ticket*: for some hours it stands for
the signature, and it lives in the page's memory only. A device without a key (a program, a browser without WebCrypto) is
known by its secret as before, but never *recognised*: what it proved holds in the one chat.
"""

import base64
import binascii
from collections.abc import Awaitable, Callable
from hmac import compare_digest

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from foundation.clock import DAY, HOUR, Clock
from foundation.errors import Conflict, Invalid
from foundation.ids import new_id, new_secret, secret_hash
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken, Where

KIND = Kind(
    name="browser_key",
    fields=("visitor", "expires"),
    unique=(("account", "visitor"),),
    indexes=(("expires",),),
)

KEPT = 800 * DAY
"""After its last signature. Longer than any proof holds, so that no proof outlives the key that guards it."""

TICKET_LIFE = 24 * HOUR

_SITE = "site."
Lives = Callable[[str, str], Awaitable[bool]]
"""How the tickets of those begin whom the site named; no hash of a device has a dot in it."""

COPIED = (
    "This browser came with a copy of another browser's storage, but without that browser's key. It is treated as "
    "another browser: no chat was opened by it, and nothing that was proven there counts here."
)
"""What the agent is told (DD-7)."""


class Registered(msgspec.Struct, frozen=True):
    """The public half: an uncompressed point, 65 bytes."""

    key: bytes
    at: int


class BrowserKeys:
    """The public keys of the browsers of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._rows: Collection[Registered] = Collection(engine, keyring, KIND, Registered)
        self._keyring = keyring
        self._clock = clock

    async def has(self, account: str, visitor: str) -> bool:
        """Whether this device registered a key."""
        return await self._row(account, visitor) is not None

    async def register(self, account: str, visitor: str, key: str) -> None:
        """Register a key with a device that has none. Raises `Invalid` for what is no point of P-256, `Conflict` when the
        device has another key."""
        point = _bytes(key)
        _public(point)
        row = await self._row(account, visitor)
        if row is None:
            now = self._clock.now()
            try:
                await self._rows.insert(account, new_id(), Registered(point, now), visitor=visitor, expires=now + KEPT)
            except Taken:
                row = await self._row(account, visitor)
        if row is not None and row.body.key != point:
            raise Conflict("This device is bound to another browser. Nothing was stored.")

    async def is_signed(self, account: str, visitor: str, *, bot: str, nonce: str, signature: str) -> bool:
        """Whether the browser of this device signed the number that was drawn for this very socket."""
        row = await self._row(account, visitor)
        if row is None:
            return False
        try:
            signed = _bytes(signature)
            half = len(signed) // 2
            pair = encode_dss_signature(int.from_bytes(signed[:half]), int.from_bytes(signed[half:]))
            _public(row.body.key).verify(pair, message(bot, nonce), ECDSA(SHA256()))
        except (Invalid, InvalidSignature):
            return False
        until = self._clock.now() + KEPT
        if int(row.fields["expires"] or 0) < until - DAY:  # once a day is enough, and not each time a line comes back
            await self._rows.update(account, row.id, lambda _: {"expires": until})
        return True

    async def ticket(self, account: str, visitor: str) -> str:
        """What stands for a signature at the doors beside the socket; empty for a device without a key."""
        if not await self.has(account, visitor):
            return ""
        until = self._clock.now() + TICKET_LIFE
        return f"{until}.{await self._token(account, visitor, until)}"

    async def site_ticket(self, account: str, visitor: str, key: str) -> str:
        """The same for a visitor whom the site has just named (YA-29): it says itself for whom it is, and by which key of
        the site."""
        until, whose = self._clock.now() + TICKET_LIFE, f"{_SITE}{visitor}.{key}"
        return f"{whose}.{until}.{await self._token(account, whose, until)}"

    async def visitor_of(self, account: str, device: str, ticket: str, lives: Lives) -> str:
        """The visitor for whom a door may act: the device's, or nobody's when it has a key and the ticket is none. `lives`
        says whether a key of the site has not been revoked."""
        visitor = secret_hash(device)
        if ticket.startswith(_SITE):
            visitor, key, ticket = (*ticket.removeprefix(_SITE).split(".", 2), "", "")[:3]
            is_his = await self._is_ticket(account, f"{_SITE}{visitor}.{key}", ticket) and await lives(account, key)
            return visitor if is_his else _nobody()
        if not await self.has(account, visitor):
            return visitor
        return visitor if await self._is_ticket(account, visitor, ticket) else _nobody()

    async def forget(self, account: str, visitor: str) -> int:
        """The device is nobody's any more; how many keys went."""
        row = await self._row(account, visitor)
        return 0 if row is None else int(await self._rows.delete(account, row.id))

    async def forget_old(self) -> int:
        """Remove keys that nobody used for long; how many went."""
        removed = 0
        while True:
            rows, more = await self._rows.find_anywhere(
                Where("expires", "<=", self._clock.now()), order="expires", limit=500
            )
            for row in rows:
                removed += await self._rows.delete(row.account, row.id)
            if more is None:
                return removed

    async def _is_ticket(self, account: str, whose: str, ticket: str) -> bool:
        until, _, token = ticket.partition(".")
        if not (until.isascii() and until.isdecimal() and len(until) < 20 and int(until) > self._clock.now()):
            return False
        right = await self._token(account, whose, int(until))
        return compare_digest(token.encode(), right.encode())

    async def _token(self, account: str, visitor: str, until: int) -> str:
        return await self._keyring.token(account, "browser_ticket", f"{visitor}.{until}")

    async def _row(self, account: str, visitor: str) -> Record[Registered] | None:
        rows, _ = await self._rows.find(account, Where("visitor", "=", visitor), limit=1)
        return rows[0] if rows else None


def message(bot: str, nonce: str) -> bytes:
    """What is signed: a purpose, so that the signature is good for nothing else, the bot, and the number drawn."""
    return f"frontdesk browser 1\n{bot}\n{nonce}".encode()


def _nobody() -> str:
    return secret_hash(new_secret())


def _public(point: bytes) -> EllipticCurvePublicKey:
    try:
        return EllipticCurvePublicKey.from_encoded_point(SECP256R1(), point)
    except ValueError as error:
        raise Invalid("This is no public key on P-256.", field="key") from error


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise Invalid("This is not base64url.", field="key") from error
