"""Blobs as files: `<folder>/<group>/<blob>`, both as hexadecimal ids, readable by the owner only.

A blob is written beside its place under a name that no blob has, synced, and then moved into it, so that a crash leaves
either the whole blob or a `.part` file, which the next start removes. Each frame stands behind its length (4 bytes).
Folder names tell which files belong to one conversation, and sizes tell sizes; nothing else can be read from them.
"""

import asyncio
import base64
import contextlib
import errno
import os
import re
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from pathlib import Path

from foundation.errors import StorageFull, Unavailable
from foundation.files.port import MAX_FRAME, BlobName, NoBlob, require_frame
from foundation.records.sealing import Damaged

_HEX = re.compile(r"[0-9a-f]{32}\Z")
_PART = ".part"
_LENGTH = 4
_OLD_S = 3_600
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class DiskBlobs:
    """`folder` is made at the first use."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def open(self) -> None:
        """Remove what a crash left half written; what is younger than an hour may be another process's work."""
        await asyncio.to_thread(self._sweep)

    async def close(self) -> None:
        """Nothing is kept open."""
        return

    async def put(self, name: BlobName, frames: AsyncIterable[bytes]) -> None:
        with _disk_errors():
            part = await asyncio.to_thread(_Part, self._path(name))
        try:
            async for frame in frames:
                with _disk_errors():
                    await asyncio.to_thread(part.add, frame)
            with _disk_errors():
                await asyncio.to_thread(part.finish)
        except BaseException:
            await asyncio.shield(asyncio.to_thread(part.drop))
            raise

    async def read(self, name: BlobName) -> AsyncIterator[bytes]:
        try:
            file = await asyncio.to_thread(self._path(name).open, "rb")
        except (FileNotFoundError, NotADirectoryError):
            raise NoBlob from None
        except OSError as error:
            raise _problem(error) from error
        try:
            while frame := await asyncio.to_thread(_frame, file.read):
                yield frame
        finally:
            file.close()

    async def delete(self, name: BlobName) -> bool:
        with _disk_errors():
            return await asyncio.to_thread(self._delete, name)

    async def of(self, group: str) -> list[BlobName]:
        folder = self._folder / _hex(group)
        return await asyncio.to_thread(lambda: sorted(_names_in(folder)))

    async def names(self) -> AsyncIterator[BlobName]:
        for group in await asyncio.to_thread(lambda: sorted(_folders(self._folder))):
            for name in await asyncio.to_thread(lambda folder: sorted(_names_in(folder)), group):
                yield name

    def _path(self, name: BlobName) -> Path:
        return self._folder / _hex(name.group) / _hex(name.id)

    def _delete(self, name: BlobName) -> bool:
        path = self._path(name)
        try:
            path.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return False
        _sync_folder(path.parent)
        with contextlib.suppress(OSError):  # others are in it, or come into it at this moment
            path.parent.rmdir()
        return True

    def _sweep(self) -> None:
        for folder in _folders(self._folder):
            for path in folder.glob(f"*{_PART}"):
                with contextlib.suppress(FileNotFoundError):
                    if path.stat().st_mtime < time.time() - _OLD_S:
                        path.unlink()


class _Part:
    """A blob that is being written. All of it blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{secrets.token_hex(16)}{_PART}")
        while True:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                break
            except FileNotFoundError:
                continue  # the last blob of the folder went, and the folder with it
        self._file = os.fdopen(handle, "wb")

    def add(self, frame: bytes) -> None:
        require_frame(frame)
        self._file.write(len(frame).to_bytes(_LENGTH, "big"))
        self._file.write(frame)

    def finish(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self._path)
        _sync_folder(self._path.parent)
        _sync_folder(self._path.parent.parent)

    def drop(self) -> None:
        with contextlib.suppress(OSError):  # what could not be written cannot be flushed either
            self._file.close()
        self._part.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._path.parent.rmdir()


def _frame(read: Callable[[int], bytes]) -> bytes:
    """The next frame; empty at the end."""
    head = read(_LENGTH)
    if not head:
        return b""
    length = int.from_bytes(head, "big")
    if len(head) != _LENGTH or not 0 < length <= MAX_FRAME:
        raise Damaged
    frame = read(length)
    if len(frame) != length:
        raise Damaged
    return frame


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.iterdir() if _HEX.match(path.name) and path.is_dir())


def _names_in(folder: Path) -> Iterator[BlobName]:
    if folder.is_dir():
        yield from (BlobName(_id(folder.name), _id(path.name)) for path in folder.iterdir() if _HEX.match(path.name))


def _hex(id: str) -> str:
    """Not the id as it is: file systems that do not tell `a` from `A` would take two for one."""
    return base64.urlsafe_b64decode(id + "==").hex()


def _id(name: str) -> str:
    return base64.urlsafe_b64encode(bytes.fromhex(name)).rstrip(b"=").decode()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _problem(error) from error


def _problem(error: OSError) -> Exception:
    if error.errno in _FULL:
        return StorageFull("There is no room for files at the moment. Nothing was kept.")
    return Unavailable("Files cannot be stored or read at the moment.")
