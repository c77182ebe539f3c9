"""The sealed envelope: AES-256-GCM, one binary format with a version, bound to the place where it belongs.

    magic "FD" | version 1 | algorithm 1 | key id (16 bytes) | nonce (12 bytes) | ciphertext and tag (16 bytes)

Associated data. The whole header, then the bound values as a MessagePack array in shortest form: number of values, and
for each its type, its length and its bytes. No two lists have one encoding: ("a|b", "c") is not ("a", "b|c"), and 1 is
not "1". A ciphertext that is moved, a header that names another version, algorithm or key, a bound value that differs:
all fail alike (K-1, K-2, K-8).

Nonces. 96 random bits from the operating system for each seal; nothing is counted, so neither a restart, a fork nor a
second process can repeat one except by chance. They are drawn a few at a time (`_Nonces`), each is handed out once, and
those not used within 20 ms, or by a forked child, are thrown away. By NIST SP 800-38D (8.3) a key may be used with
random nonces for 2^32 seals before that chance reaches 2^-32; a cipher refuses after 2^31 in one process. Keys are per
conversation and per contact, so that real use stays many orders below. A virtual machine put back to a snapshot gets
fresh bits too, once its kernel has reseeded (VM generation id) and those 20 ms are over; before that no user-space
scheme with random nonces is safe.

Lengths. The plaintext gets a byte 0x80 and zeros up to the next multiple of 64 bytes (up to 1 KiB) or of 256 bytes, so
that a length tells little about a text.

GCM does not commit to a key: somebody who holds two keys can make one ciphertext that opens under both. Nobody outside
of the server holds any, and the header names the one key with which a record is opened.
"""

import base64
import os
import re
import time

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from foundation.records.sealing import Bound, Damaged, KeyDestroyed

KEY_BYTES = 32
OVERHEAD = 2 + 1 + 1 + 16 + 12 + 16
MAX_SEALS = 2**31

_MAGIC = b"FD"
_VERSION = 1
_AES_256_GCM = 1
_NONCE = 12
_PREFIX = 20  # all before the nonce
_HEADER = _PREFIX + _NONCE
_DRAWN = 32  # nonces
_FRESH_S = 0.02
_encode = msgspec.msgpack.Encoder().encode
_ID = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]\Z")


class KeyWorn(Exception):  # noqa: N818
    """A key was used 2^31 times in this process; sealing more with it is refused."""


class _Nonces:
    """Nonces, drawn some at a time: each call into the operating system gives the interpreter to another thread.

    Any thread may call; `list.pop` hands a nonce to one of them only.
    """

    def __init__(self) -> None:
        self._drawn: list[bytes] = []
        self._fresh_until = 0.0
        os.register_at_fork(after_in_child=self._drawn.clear)

    def next(self) -> bytes:
        """A nonce that nobody else is given."""
        if time.monotonic() < self._fresh_until:
            try:
                return self._drawn.pop()
            except IndexError:
                pass
        return self._draw()

    def _draw(self) -> bytes:
        self._drawn.clear()
        fresh_until = time.monotonic() + _FRESH_S
        random = os.urandom(_DRAWN * _NONCE)
        first, *others = (random[at : at + _NONCE] for at in range(0, len(random), _NONCE))
        self._drawn.extend(others)
        self._fresh_until = fresh_until
        return first


_next_nonce = _Nonces().next


class Cipher:
    """One key, ready for use; the only place where it can be used. Never shows the key, and cannot be pickled."""

    __slots__ = ("__weakref__", "_gcm", "_prefix", "account", "key", "used")

    def __init__(self, key: str, secret: bytes, account: str, *, used: int = 0) -> None:
        """`key` is the key's id (as of `new_id`), `secret` its 32 bytes, `used` how often it sealed before."""
        if len(secret) != KEY_BYTES:
            raise ValueError("a key has 32 bytes")
        self.key = key
        self.account = account
        self.used = used
        self._prefix = _MAGIC + bytes((_VERSION, _AES_256_GCM)) + id_bytes(key)
        self._gcm: AESGCM | None = AESGCM(secret)

    def __repr__(self) -> str:
        return f"Cipher({self.key})"

    def __reduce__(self) -> str:
        raise TypeError("a key does not leave its process")

    def seal(self, plain: bytes, *bound: Bound) -> bytes:
        """Encrypt. Raises `KeyDestroyed` after `forget`, `KeyWorn` after 2^31 seals."""
        if self._gcm is None:
            raise KeyDestroyed
        if self.used >= MAX_SEALS:
            raise KeyWorn(f"key {self.key} was used {self.used} times")
        self.used += 1
        nonce = _next_nonce()
        header = self._prefix + nonce
        return header + self._gcm.encrypt(nonce, _pad(plain), header + bind(bound))

    def open(self, sealed: bytes, *bound: Bound) -> bytes:
        """Decrypt what was sealed with this key and these bound values; anything else raises `Damaged`."""
        if self._gcm is None:
            raise KeyDestroyed
        if len(sealed) < OVERHEAD or not sealed.startswith(self._prefix):
            raise Damaged
        header = sealed[:_HEADER]
        try:
            padded = self._gcm.decrypt(header[_PREFIX:], sealed[_HEADER:], header + bind(bound))
        except InvalidTag:
            raise Damaged from None
        return _unpad(padded)

    def forget(self) -> None:
        """Let go of the key: from now on this object neither seals nor opens."""
        self._gcm = None


def id_bytes(key: str) -> bytes:
    """The 16 bytes of a key's id; `ValueError` if it is not 22 characters of base64url in their one spelling."""
    if not _ID.match(key):
        raise ValueError("a key's id is 22 characters of base64url")
    return base64.urlsafe_b64decode(key + "==")


def bind(values: tuple[Bound, ...]) -> bytes:
    """The one encoding of a list of bound values: MessagePack, which has a type and a length before every value."""
    return _encode(values)


def sealed_with(sealed: bytes) -> str:
    """The id of the key that a header names; `Damaged` when there is no header of a known version."""
    if len(sealed) < OVERHEAD or sealed[:4] != _MAGIC + bytes((_VERSION, _AES_256_GCM)):
        raise Damaged
    return base64.urlsafe_b64encode(sealed[4:_PREFIX]).rstrip(b"=").decode()


def padded_length(length: int) -> int:
    """How long a plaintext of so many bytes becomes."""
    bucket = 64 if length < 1024 else 256
    return (length // bucket + 1) * bucket


def _pad(plain: bytes) -> bytes:
    return (plain + b"\x80").ljust(padded_length(len(plain)), b"\0")


def _unpad(padded: bytes) -> bytes:
    plain = padded.rstrip(b"\0")
    if not plain.endswith(b"\x80"):
        raise Damaged
    return plain[:-1]
