"""The port of blob storage: what an engine must do. It sees ids and frames of ciphertext, never a name, type or key.

Every engine passes `tests/contracts/test_blobs.py`. What the port promises:

- `put` is all or nothing: a blob is there, whole and durable, when it returns, and nothing of it when it raises.
- A blob is never changed. Putting one of a name that is there leaves the old one until the new one is complete.
- `read` gives the frames in the order in which they were put. Whether they are what was put is for the seal to say.
"""

from collections.abc import AsyncIterable, AsyncIterator
from typing import Protocol

import msgspec

from foundation.errors import NotFound
from foundation.ids import is_id

MAX_FRAME = 256 * 1024
"""Bytes of one frame; ours have 64 KiB and the seal around them. What claims to be longer is not read."""


class NoBlob(NotFound):
    """There is no blob of this name."""

    def __init__(self, detail: str = "There is no such file.") -> None:
        super().__init__(detail)


def require_frame(frame: bytes) -> None:
    """Raise `ValueError` unless it has a length that every engine takes."""
    if not 0 < len(frame) <= MAX_FRAME:
        raise ValueError(f"a frame has 1 to {MAX_FRAME} bytes")


class BlobName(msgspec.Struct, frozen=True, order=True):
    """Two ids: the group (a conversation) and the blob in it. Neither comes from a file's own name."""

    group: str
    id: str

    def __post_init__(self) -> None:
        if not is_id(self.group) or not is_id(self.id):
            raise ValueError("a blob is named by two ids")


class Blobs(Protocol):
    """A place for blobs."""

    async def open(self) -> None:
        """Make it ready, and remove what a crash left half written. Raises `Unavailable`."""

    async def close(self) -> None:
        """Let go of it."""

    async def put(self, name: BlobName, frames: AsyncIterable[bytes]) -> None:
        """Store what `frames` gives. What that raises, a full disk (`StorageFull`) or a cancellation leave nothing."""

    def read(self, name: BlobName) -> AsyncIterator[bytes]:
        """The frames. Raises `NoBlob`; `Damaged` for what is no sequence of frames."""

    async def delete(self, name: BlobName) -> bool:
        """Remove it; whether it was there. When this returns, it is not there for anybody."""

    async def of(self, group: str) -> list[BlobName]:
        """The blobs of a group, sorted."""

    def names(self) -> AsyncIterator[BlobName]:
        """All blobs, for backups and checks; what comes or goes meanwhile may be among them or not."""
