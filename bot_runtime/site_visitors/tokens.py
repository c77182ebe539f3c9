"""The token by which a site says who its visitor is: a JWT (RFC 7519) in compact form, of one kind only.

The verifier is small on purpose. The algorithm is ours and not the token's to say (RFC 8725, 3.1): HMAC with SHA-256.
Anything that other libraries were fooled with is refused before a signature is looked at: another `alg`, headers that
bring or name a key, parts that are no canonical base64url, an audience that is a list. Nothing here reads a clock.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Annotated, Literal

import msgspec

from admin import texts
from foundation.errors import Invalid
from transcripts.addresses import normal_address

MAX_TOKEN = 2_048
LIFE_S = 600
"""The longest life of a token, from `iat` to `exp`."""
SKEW_S = 60
"""How far the site's clock may be ahead of ours."""

Why = Literal["malformed", "signature", "audience", "expired", "lifetime", "early", "name", "email"]

Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**40)]


class _Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`crit`, `jku`, `jwk`, `x5u` and their like are unknown here, and so refused."""

    alg: Literal["HS256"]
    typ: Literal["JWT"] = "JWT"
    kid: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Claims(msgspec.Struct, frozen=True):
    """What the site says. Claims that we do not know are ignored, as RFC 7519 (4) wants it."""

    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    aud: str
    iat: Seconds
    exp: Seconds
    jti: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    name: str = ""
    email: str = ""


class Refused(Exception):  # noqa: N818 - the outcome of a check
    """The token is not taken."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


_HEADER = msgspec.json.Decoder(_Header)
_CLAIMS = msgspec.json.Decoder(Claims)


def signed_claims(token: str, secrets: dict[str, str]) -> tuple[str, Claims]:
    """The claims of a token that is signed with one of these secrets (key id → secret), with the id of that key.

    Says nothing about time or audience: see `require_valid`. Raises `Refused`.
    """
    parts = token.split(".")
    if len(token) > MAX_TOKEN or not token.isascii() or len(parts) != 3:
        raise Refused("malformed")
    header, claims, signature = (_decoded(part) for part in parts)
    try:
        _HEADER.decode(header)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed") from error
    key = _key_of(token.rpartition(".")[0].encode(), signature, secrets)
    try:
        return key, _CLAIMS.decode(claims)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused("malformed") from error


def require_valid(claims: Claims, *, bot: str, now_s: int, used: bool = False) -> Claims:
    """The claims with name and address as they are shown, if they are for this bot and of this moment.

    `used`: the token was taken in time by this very page, which comes back after its line broke. Raises `Refused`.
    """
    if claims.aud != bot:
        raise Refused("audience")
    if not 0 < claims.exp - claims.iat <= LIFE_S:
        raise Refused("lifetime")
    if claims.iat > now_s + SKEW_S:
        raise Refused("early")
    if claims.exp <= now_s and not used:
        raise Refused("expired")
    if any(not one.isprintable() for one in claims.sub):
        raise Refused("malformed")
    return msgspec.structs.replace(claims, name=_name(claims.name), email=_email(claims.email))


def _key_of(message: bytes, signature: bytes, secrets: dict[str, str]) -> str:
    """The key that signed. All are tried, in the same time whichever it is."""
    found = ""
    for key, secret in secrets.items():
        right = hmac.new(secret.encode(), message, hashlib.sha256).digest()
        if hmac.compare_digest(right, signature):
            found = key
    if not found:
        raise Refused("signature")
    return found


def _decoded(part: str) -> bytes:
    """Base64url without padding, and the only spelling of its bytes."""
    try:
        plain = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise Refused("malformed") from error
    if base64.urlsafe_b64encode(plain).rstrip(b"=").decode() != part:
        raise Refused("malformed")
    return plain


def _name(name: str) -> str:
    try:
        return texts.line(name, "name", least=0)
    except Invalid as error:
        raise Refused("name") from error


def _email(email: str) -> str:
    try:
        return normal_address(email) if email else ""
    except Invalid as error:
        raise Refused("email") from error
