"""A store in one file: what `dump` gave, whole or refused.

    FRONTDESK-STORE 1\\n                        the format
    length (4 bytes) | msgpack of some `Stored` … as often as needed
    0000 | SHA-256 of everything before

What is in it is as sealed as in the store. A file that was cut, changed or is something else is refused before anything
of it is used (`read` checks the sum first).
"""

import asyncio
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from foundation.records.port import Stored

_FORMAT = b"FRONTDESK-STORE 1\n"
_SUM = 32
_LARGEST = 256 * 1024 * 1024
_READ = 1024 * 1024

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Stored]).decode


class NoArchive(Exception):  # noqa: N818 - it is the answer
    """The file is not a whole archive; the message is a sentence that names it."""


class Written(msgspec.Struct, frozen=True):
    """What an archive holds: how many of each kind (batches under the empty name), its size and its sum."""

    counts: Mapping[str, int]
    size: int
    sha256: str


async def write(path: Path, dump: AsyncIterable[Sequence[Stored]]) -> Written:
    """Make the file, readable by its owner only, complete on the disk when this returns; what is there is not replaced.

    Raises `FileExistsError` and whatever the disk raises; then the half of a file is removed.
    """
    archive = await asyncio.to_thread(_Archive, path)
    try:
        async for part in dump:
            await asyncio.to_thread(archive.add, part)
        return await asyncio.to_thread(archive.finish)
    except BaseException:
        await asyncio.to_thread(archive.drop)
        raise


class _Archive:
    """An archive that is being written. All of it blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600), "wb")
        self._digest = hashlib.sha256()
        self._counts: Counter[str] = Counter()
        self._put(_FORMAT)

    def add(self, part: Sequence[Stored]) -> None:
        self._counts.update(one.kind for one in part)
        body = _encode(part)
        self._put(len(body).to_bytes(4, "big") + body)

    def finish(self) -> Written:
        self._put(bytes(4))
        self._file.write(self._digest.digest())
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        return Written(dict(self._counts), size, self._digest.hexdigest())

    def drop(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


def check(path: Path) -> str:
    """The sum of a whole archive. Raises `NoArchive`, `OSError`. Reads the file once; blocks."""
    digest = hashlib.sha256()
    left = path.stat().st_size - _SUM
    with path.open("rb") as file:
        if left < len(_FORMAT) + 4 or file.read(len(_FORMAT)) != _FORMAT:
            raise NoArchive(f"{path} is not a Frontdesk archive.")
        digest.update(_FORMAT)
        left -= len(_FORMAT)
        while left > 0:
            piece = file.read(min(_READ, left))
            digest.update(piece)
            left -= len(piece)
        if file.read() != digest.digest():
            raise NoArchive(f"{path} is not whole: it was cut or changed. Use another backup.")
    return digest.hexdigest()


def read(path: Path) -> Iterator[Sequence[Stored]]:
    """The parts of an archive, which is checked before the first one. Raises `NoArchive`, `OSError`. Blocks."""
    check(path)
    with path.open("rb") as file:
        file.seek(len(_FORMAT))
        while length := int.from_bytes(file.read(4), "big"):
            if length > _LARGEST:
                raise NoArchive(f"{path} cannot be read: one of its parts is too large.")
            try:
                yield _decode(file.read(length))
            except msgspec.DecodeError as error:
                raise NoArchive(f"{path} cannot be read: {error}.") from error
