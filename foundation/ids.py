"""Ids and secrets, all from the operating system's random source (SECURITY K-12, M-12).

An id is public: 128 random bits, so that it tells neither when nor as the how-manieth its object was made. A secret opens
something: 256 random bits, handed out once and stored only as its hash.
"""

import base64
import hashlib
import re
import secrets

_ID = re.compile(r"[A-Za-z0-9_-]{22}\Z")
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z")


def new_id() -> str:
    """A public id: 128 random bits, 22 characters of base64url."""
    return secrets.token_urlsafe(16)


def new_secret() -> str:
    """A secret: 256 random bits, 43 characters of base64url. Store `secret_hash(it)`, never the secret."""
    return secrets.token_urlsafe(32)


def new_code() -> str:
    """A code for a person to type: six decimal digits, leading zeros kept."""
    return f"{secrets.randbelow(1_000_000):06d}"


def is_id(text: object) -> bool:
    """Whether this is a string in the shape of `new_id()`."""
    return isinstance(text, str) and _ID.match(text) is not None


def is_secret(text: object) -> bool:
    """Whether this is a string in the shape of `new_secret()`: exactly 43 base64url characters."""
    return isinstance(text, str) and _SECRET.match(text) is not None


def secret_hash(secret: str) -> str:
    """SHA-256 of a secret as 43 characters of base64url.

    A plain hash suffices because a secret has 256 bits of its own; anything that people choose or type needs more
    (passwords: argon2id; codes: a keyed hash).
    """
    digest = hashlib.sha256(secret.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
