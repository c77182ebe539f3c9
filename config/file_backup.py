"""The files of an installation in a backup: blobs as they are, in a folder of their own, and back.

    files-20261121T101500Z/<group>/<blob>    sealed; whoever has only these has nothing to read

They are taken between records and keys: a file that a taken record names is there, unless it was erased in between, and
the key of every file that is there is taken after it. A file whose conversation is younger than the records is removed
when the restored installation finds that no log names it.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from foundation.errors import Problem
from foundation.files import BlobName, Blobs, DiskBlobs


class Copied(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a folder holds: how many blobs, and the sum over their names and frames."""

    count: int = 0
    sha256: str = ""


async def copy(source: Blobs, target: Blobs) -> Copied:
    """Copy every blob, frame by frame; what is erased meanwhile is left out. Raises what the engines raise."""
    total, count = 0, 0
    async for name in source.names():
        digest = hashlib.sha256()
        try:
            await target.put(name, _watched(source, name, digest))
        except Problem as problem:
            if problem.status == 404:
                continue
            raise
        total = _added(total, name, digest)
        count += 1
    return Copied(count, f"{total:064x}")


async def save(source: Blobs, folder: Path) -> Copied:
    """Copy all of a store that is not open into a folder that is made when there is anything."""
    await source.open()
    try:
        return await copy(source, DiskBlobs(folder))
    finally:
        await source.close()


async def sum_of(blobs: Blobs) -> Copied:
    """What is there, to be compared with what was copied."""
    total, count = 0, 0
    async for name in blobs.names():
        digest = hashlib.sha256()
        async for _ in _watched(blobs, name, digest):
            pass
        total = _added(total, name, digest)
        count += 1
    return Copied(count, f"{total:064x}")


async def remove(folder: Path) -> None:
    """A folder of a backup that was not finished."""
    blobs = DiskBlobs(folder)
    async for name in blobs.names():
        await blobs.delete(name)
    if await asyncio.to_thread(folder.is_dir):
        await asyncio.to_thread(folder.rmdir)


def _added(total: int, name: BlobName, digest: "hashlib._Hash") -> int:
    """Engines list in orders of their own, so the sum is one in which the order does not count."""
    line = hashlib.sha256(f"{name.group}/{name.id} {digest.hexdigest()}".encode())
    return (total + int.from_bytes(line.digest(), "big")) % 2**256


async def _watched(source: Blobs, name: BlobName, digest: "hashlib._Hash") -> AsyncIterator[bytes]:
    async for frame in source.read(name):
        digest.update(len(frame).to_bytes(4, "big"))
        digest.update(frame)
        yield frame
