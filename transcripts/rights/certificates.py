"""Certificates of deletion: what went, by which rule or request, and from when on it is final in every backup.

A certificate names no person: subjects are keyed tokens that this installation can compute again when it is asked
"was this one deleted?", and nobody else can. Its exact bytes are hashed and signed (Ed25519, a key derived for the
account), so that a copy handed out can be checked against the public key on the page.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from foundation.clock import DAY, Clock
from foundation.errors import NotFound
from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken

CERTIFICATE = Kind("deletion_certificate", fields=("at", "cause"), indexes=(("account", "at"),))

Copies = Callable[[str, Sequence[str]], Awaitable[Sequence[str]]]
"""What still holds any of these ids of an account, in words: sealed exports (E-14)."""

Cause = Literal["erasure", "retention", "redaction"]

LIMITS = (
    "Not covered: mails already delivered, copies that people made, snapshots of machines and disks that the operator "
    "keeps outside of the declared backups."
)


class Finality(msgspec.Struct, frozen=True, kw_only=True):
    """What decides when an erasure is final: the length of a key epoch, and how long backups of the keys are kept."""

    epoch_ms: int = 30 * DAY
    backup_ms: int = 7 * DAY


class Certificate(msgspec.Struct, frozen=True):
    """A certificate as it is listed. `document` is what is signed, byte by byte."""

    id: str
    at: int
    cause: Cause
    document: bytes
    signature: bytes
    public_key: bytes

    @property
    def facts(self) -> dict[str, Any]:
        """What the document says."""
        facts: dict[str, Any] = msgspec.json.decode(self.document)
        return facts

    @property
    def hash(self) -> str:
        """SHA-256 of the document, hex."""
        return hashlib.sha256(self.document).hexdigest()

    def as_file(self) -> bytes:
        """For downloading: the document as text, and all that is needed to check it."""
        members = {
            "document": self.document.decode(),
            "sha256": self.hash,
            "signature": self.signature.hex(),
            "public_key": self.public_key.hex(),
            "algorithm": "Ed25519 over the UTF-8 bytes of document",
        }
        return msgspec.json.format(msgspec.json.encode(members), indent=2)


class _Body(msgspec.Struct, frozen=True):
    document: bytes
    signature: bytes
    public_key: bytes


class Certificates:
    """The certificates of all accounts. `residency` says where each store lies (MS-10)."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        finality: Finality | None = None,
        residency: Mapping[str, str] | None = None,
    ) -> None:
        self._rows: Collection[_Body] = Collection(engine, keyring, CERTIFICATE, _Body)
        self._keyring = keyring
        self._clock = clock
        self._finality = finality or Finality()
        self._residency = dict(residency or {})
        self.copies: Copies | None = None

    async def issue(
        self,
        account: str,
        cause: Cause,
        *,
        rule: str,
        by: str,
        counts: Mapping[str, int],
        subjects: Sequence[str] = (),
        keys: int = 0,
        kept: Sequence[str] = (),
        id: str | None = None,
        **more: object,
    ) -> Certificate:
        """Write one. `subjects` are ids, of which only tokens are kept; `kept` says what stays, and why. With the same
        `id` it is issued once."""
        made = id or new_id()
        known = await self._rows.get(account, made)
        if known is not None:
            return _certificate(known)
        copies = () if self.copies is None else await self.copies(account, subjects)
        now = self._clock.now()
        document = msgspec.json.encode(
            {
                "version": 1,
                "certificate": made,
                "cause": cause,
                "account": account,
                "at": now,
                "rule": rule,
                "by": by,
                "deleted": dict(counts),
                "subjects": [await self.subject(account, one) for one in subjects],
                "keys_destroyed": keys,
                "final_in_backups_at": await self.final_at(account),
                "kept": [*kept, *copies],
                "stores": self._residency,
                "limits": LIMITS,
                **more,
            },
            order="sorted",
        )
        signer = await self._signer(account)
        body = _Body(document, signer.sign(document), signer.public_key().public_bytes_raw())
        try:
            return _certificate(await self._rows.insert(account, made, body, at=now, cause=cause))
        except Taken:
            return await self.get(account, made)

    async def final_at(self, account: str) -> int:
        """From when on what is erased now is final in every backup: the wrapping key above it is replaced at the end
        of the epoch, and backups of the key store that still have both are gone after their life."""
        now = self._clock.now()
        epoch_ends = await self._keyring.final_at(account, epoch_ms=self._finality.epoch_ms)
        return max(now, epoch_ends) + self._finality.backup_ms

    async def get(self, account: str, id: str) -> Certificate:
        """Raises `NotFound`."""
        record = await self._rows.get(account, id) if is_id(id) else None
        if record is None:
            raise NotFound("There is no such certificate.")
        return _certificate(record)

    async def list(
        self, account: str, *, limit: int = 50, after: str | None = None
    ) -> tuple[Sequence[Certificate], str | None]:
        """A page of them, newest first, and the cursor of the next."""
        records, following = await self._rows.find(account, order="-at", limit=limit, after=after)
        return [_certificate(record) for record in records], following

    async def public_key(self, account: str) -> bytes:
        """With what the account's certificates are checked."""
        return (await self._signer(account)).public_key().public_bytes_raw()

    async def subject(self, account: str, id: str) -> str:
        """The token by which certificates name this id."""
        return await self._keyring.token(account, "certificate", id)

    async def _signer(self, account: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(await self._keyring.secret(account, "certificates"))


def is_genuine(certificate: Certificate, public_key: bytes) -> bool:
    """Whether the document is what this account signed."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(certificate.signature, certificate.document)
    except (InvalidSignature, ValueError):
        return False
    return True


def _certificate(record: Record[_Body]) -> Certificate:
    cause: Any = record.fields["cause"]
    body = record.body
    return Certificate(record.id, int(record.fields["at"] or 0), cause, body.document, body.signature, body.public_key)
