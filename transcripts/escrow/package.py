"""The two files of a case: `case.tar.age` and `index.age`, made in memory and nowhere else (K-10).

    seal.json        who, when, why, how many; SHA-256 of the manifest; Merkle root over its lines (RFC 6962)
    seal.sig         Ed25519 over "frontdesk escrow\\n" and the bytes of seal.json, hex
    manifest.jsonl   a canonical line for each item: name, sha256, size, conversation, time span, tags, legal basis …
    items/           each conversation as JSON and as text, as people of the house read it
    verify.py        checks all of it with Python's standard library alone

The index holds seal, signature and manifest as lines of text: what a case is about can be looked up by opening one small
file. Both are encrypted to every recipient (age v1, X25519); any one of them opens it, and this installation cannot.
"""

import hashlib
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyrage

from transcripts.escrow.canonical import canonical
from transcripts.escrow.merkle import root
from transcripts.escrow.recipients import Recipient

PURPOSE = "escrow"

VERIFIER = Path(__file__).with_name("verify.py")

_BLOCK = 512


class Item(msgspec.Struct, frozen=True):
    """A file of the case, and what the manifest says of it."""

    name: str
    data: bytes
    facts: Mapping[str, Any]

    def line(self) -> bytes:
        """Its line in the manifest, without the line's end."""
        digest = hashlib.sha256(self.data).hexdigest()
        return canonical({**self.facts, "name": self.name, "sha256": digest, "size": len(self.data)})


class Sealed(msgspec.Struct, frozen=True):
    """What was put together and waits for its signature."""

    items: Sequence[Item]
    manifest: bytes
    seal: bytes
    root: str


def put_together(items: Sequence[Item], facts: Mapping[str, Any], public_key: bytes) -> Sealed:
    """The manifest and the statement that is to be signed."""
    lines = [item.line() for item in items]
    manifest = b"".join(line + b"\n" for line in lines)
    top = root(lines).hex()
    seal = canonical(
        {
            **facts,
            "version": 1,
            "items": len(lines),
            "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
            "root": top,
            "public_key": public_key.hex(),
        }
    )
    return Sealed(items, manifest, seal, top)


def encrypt_case(sealed: Sealed, signature: bytes, at: int, recipients: Iterable[Recipient]) -> bytes:
    """`case.tar.age`. Blocks, a second for some 100 MB."""
    files = [
        ("seal.json", sealed.seal),
        ("seal.sig", signature.hex().encode() + b"\n"),
        ("manifest.jsonl", sealed.manifest),
        ("verify.py", VERIFIER.read_bytes()),
        *((item.name, item.data) for item in sealed.items),
    ]
    return _encrypt(_Stream(_tar(files, at // 1000)), recipients)


def encrypt_index(sealed: Sealed, signature: bytes, recipients: Iterable[Recipient]) -> bytes:
    """`index.age`: the seal, its signature and the manifest, a line each."""
    lines = (sealed.seal + b"\n", signature.hex().encode() + b"\n", sealed.manifest)
    return _encrypt(_Stream(iter(lines)), recipients)


def _encrypt(plain: io.RawIOBase, recipients: Iterable[Recipient]) -> bytes:
    keys = [pyrage.x25519.Recipient.from_str(one.key) for one in recipients]
    sealed = io.BytesIO()
    pyrage.encrypt_io(plain, sealed, keys)
    return sealed.getvalue()


def _tar(files: Iterable[tuple[str, bytes]], at: int) -> Iterator[bytes]:
    for name, data in files:
        member = tarfile.TarInfo(name)
        member.size, member.mtime, member.mode = len(data), at, 0o600
        yield member.tobuf(tarfile.PAX_FORMAT)
        yield data
        yield bytes(-len(data) % _BLOCK)
    yield bytes(2 * _BLOCK)


class _Stream(io.RawIOBase):
    """Pieces, read as a file: the whole is nowhere in one place."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count
