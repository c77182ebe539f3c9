"""Signed heads of the audit books: how many entries there were at a moment, and the hash of the last one (G-1).

A chain alone cannot tell that its end was cut off, or that all of it was written anew by somebody who has the store and
its keys. A head that lies elsewhere can: a book that was whole still has the entry of that number with that hash. The
signature says that this installation stated it, so that a head from elsewhere can be believed.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Literal, TypeVar

import msgspec

from admin.accounts import Accounts
from admin.audit import AuditBook
from admin.chain import GENESIS
from foundation.clock import Clock
from foundation.errors import Invalid
from foundation.keys import Damaged, Keyring, Signatures, is_signed

T = TypeVar("T")

PURPOSE = "audit head"

MAX_FILE = 16 * 1024 * 1024


class SignedHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A head as it is printed, noted and mailed: one line of JSON. Key and signature are base64url without padding."""

    account: str
    entries: int
    hash: str
    at: int
    public_key: str
    signature: str

    def as_line(self) -> str:
        """One line, without its end."""
        return msgspec.json.encode(self).decode()


class Finding(msgspec.Struct, frozen=True):
    """What comparing a book with an earlier head shows. `entry` is the first one that is missing or different."""

    account: str
    fault: Literal["signature", "stranger", "cut", "different", "damaged"]
    entry: int
    head_at: int

    @property
    def words(self) -> str:
        """The finding as a sentence."""
        said = {
            "signature": "the head is not what this installation signed",
            "stranger": "there is no such account here",
            "cut": f"the end is cut off: entry {self.entry} is missing",
            "different": f"entry {self.entry} or one before it is not what it was",
            "damaged": f"entry {self.entry} cannot be read",
        }
        return said[self.fault]


class Heads:
    """Makes the heads of all accounts and compares books with earlier ones."""

    def __init__(self, audit: AuditBook, accounts: Accounts, keyring: Keyring, clock: Clock) -> None:
        self._audit = audit
        self._accounts = accounts
        self._signatures = Signatures(keyring, PURPOSE)
        self._clock = clock

    async def sign(self, account: str) -> SignedHead:
        """The head of this moment. Raises `Damaged`."""
        entries, hash_ = await self._audit.tail(account)
        at = self._clock.now()
        signature = await self._signatures.sign(_message(account, entries, hash_, at))
        return SignedHead(account, entries, hash_, at, _text(await self._signatures.public_key()), _text(signature))

    async def sign_all(self) -> list[SignedHead]:
        """Of every account, the installation's own book (the account "") first. Raises `Damaged`."""
        return [await self.sign(account) for account in await self._all()]

    async def compare(self, heads: Iterable[SignedHead]) -> list[Finding]:
        """What is wrong with the books in the light of earlier heads; nothing when all agree.

        Only heads that this installation signed are believed.
        """
        heads = list(heads)
        if not heads:
            return []
        known, ours = set(await self._all()), _text(await self._signatures.public_key())
        findings = [await self._compare(head, known, ours) for head in heads]
        return [finding for finding in findings if finding is not None]

    async def _compare(self, head: SignedHead, known: set[str], ours: str) -> Finding | None:
        if head.public_key != ours or not is_genuine(head):
            return Finding(head.account, "signature", head.entries, head.at)
        if head.account not in known:
            return Finding(head.account, "stranger", 1, head.at)
        if head.entries == 0:
            return None if head.hash == GENESIS else Finding(head.account, "different", 1, head.at)
        try:
            last = await self._audit.last(head.account)
            entries = await self._audit.read(head.account, head.entries - 1, 1)
        except Damaged as error:
            return Finding(head.account, "damaged", int(error.data.get("number", head.entries)), head.at)
        if not entries:
            return Finding(head.account, "cut", last + 1, head.at)
        if entries[0][1].hash != head.hash:
            return Finding(head.account, "different", head.entries, head.at)
        return None

    async def _all(self) -> list[str]:
        return ["", *[account.id async for account in self._accounts.all()]]


def is_genuine(head: SignedHead) -> bool:
    """Whether the head is signed by the key that it names; whose key that is, is for the reader to know."""
    message = _message(head.account, head.entries, head.hash, head.at)
    return is_signed(PURPOSE, message, _bytes(head.signature), _bytes(head.public_key))


def read_heads(text: str) -> list[SignedHead]:
    """The heads of a file: one JSON object a line, or a list of them. Raises `Invalid` with the line."""
    if text.lstrip().startswith("["):
        return _decoded(text, list[SignedHead], 1)
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise Invalid("There is no head in the file.", field="head")
    return [_decoded(line, SignedHead, number) for number, line in lines]


def _decoded(text: str, type: type[T], line: int) -> T:
    try:
        return msgspec.json.decode(text, type=type)
    except (msgspec.DecodeError, UnicodeError):
        raise Invalid(f"Line {line} is not a signed head.", field="head", line=line) from None


def _message(account: str, entries: int, hash: str, at: int) -> bytes:
    return msgspec.json.encode({"account": account, "at": at, "entries": entries, "hash": hash}, order="sorted")


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return b""
