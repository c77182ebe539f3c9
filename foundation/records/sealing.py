"""What a sealed record needs from the keys, and the two ways in which it cannot be read.

`foundation.keys` implements these protocols; records know nothing else about keys. A row is sealed together with
everything that an attacker with write access to the store would like to change: kind, account, id, version and every
plain field (SECURITY 3.1, K-2, K-9). A batch is sealed together with its log's kind, account, name, first number and
count.
"""

from collections.abc import Mapping
from typing import Protocol

from foundation.errors import Gone, Problem
from foundation.records.port import Value

Bound = str | int | bytes | None


class Damaged(Problem):
    """A sealed record is not what was written: changed, moved, cut, of another format, or sealed with another key.

    One error with one text for all of these, so that nobody learns which it was (K-1, K-6). Where a log is concerned,
    `data["number"]` is the first bad number and `data["fault"]` says `gap`, `duplicate`, `end`, `head`
    or `seal`.
    """

    status = 500
    code = "damaged"
    title = "A stored record is damaged"

    def __init__(self, detail: str = "", **data: object) -> None:
        super().__init__(detail or "A stored record is damaged and is not shown.", **data)


class KeyDestroyed(Gone):
    """The key of a record was destroyed (the record was erased), or there never was one of that name in the account."""

    title = "Erased"

    def __init__(self) -> None:
        super().__init__("This was erased and cannot be read any more.")


class Cipher(Protocol):
    """One data key, ready for use."""

    @property
    def key(self) -> str:
        """The key's id."""

    @property
    def account(self) -> str:
        """The account that the key belongs to."""

    def seal(self, plain: bytes, *bound: Bound) -> bytes:
        """Encrypt; the same `bound` values must be given to open it again."""

    def open(self, sealed: bytes, *bound: Bound) -> bytes:
        """Decrypt. Raises `Damaged`."""


class Keys(Protocol):
    """Where records find their keys; `foundation.keys.Keyring` is the one implementation."""

    async def account_key(self, account: str) -> str:
        """The id of the key for rows of this account that have none of their own."""

    async def cipher(self, account: str, key: str) -> Cipher:
        """The key, ready for use. Raises `KeyDestroyed`."""

    def cached(self, key: str) -> Cipher | None:
        """The same without waiting, when it is in memory."""


async def cipher_of(keys: Keys, account: str, key: str) -> Cipher:
    """The account's cipher of that id; a key of another account is answered like one that is gone."""
    found = keys.cached(key)
    if found is not None and found.account == account:
        return found
    return await keys.cipher(account, key)


def row_bounds(kind: str, account: str, id: str, version: int, fields: Mapping[str, Value]) -> tuple[Bound, ...]:
    """What a row's body is bound to.

    Fields without a value are left out, so that a field declared later does not make older rows unreadable.
    """
    bounds: list[Bound] = ["row", kind, account, id, version]
    for name, value in sorted(fields.items()):  # names differ, so values are never compared
        if value is not None:
            bounds += (name, value)
    return tuple(bounds)
