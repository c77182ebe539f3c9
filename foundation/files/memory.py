"""Blobs in memory: for tests and trials; gone with the process."""

from collections.abc import AsyncIterable, AsyncIterator

from foundation.files.port import BlobName, NoBlob


class MemoryBlobs:
    """Passes the contract suite like every engine."""

    def __init__(self) -> None:
        self._blobs: dict[BlobName, tuple[bytes, ...]] = {}

    async def open(self) -> None:
        """Nothing has to be opened."""
        return

    async def close(self) -> None:
        """Nothing is kept open."""
        return

    async def put(self, name: BlobName, frames: AsyncIterable[bytes]) -> None:
        self._blobs[name] = tuple([frame async for frame in frames])

    async def read(self, name: BlobName) -> AsyncIterator[bytes]:
        if name not in self._blobs:
            raise NoBlob
        for frame in self._blobs[name]:
            yield frame

    async def delete(self, name: BlobName) -> bool:
        return self._blobs.pop(name, None) is not None

    async def of(self, group: str) -> list[BlobName]:
        return sorted(name for name in self._blobs if name.group == group)

    async def names(self) -> AsyncIterator[BlobName]:
        for name in sorted(self._blobs):
            yield name
