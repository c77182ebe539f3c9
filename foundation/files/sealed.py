"""Files, sealed: cut into chunks of 64 KiB, each bound to its place.

The associated data of a chunk is the account, the conversation, the file, the chunk's number and whether it is the last
one. A chunk that is changed, moved, left out, doubled or appended, and a file that was cut at any place, are `Damaged`
(SECURITY K-1, K-2, K-4). A file whose last chunk has not come is never taken for whole.

Each file has a data key of its own. It does not hang on the conversation's key, which is changed when words are redacted,
and it can be destroyed alone (YA-22). The key's id stands in every chunk's header, so a file can be erased by its blob.
"""

from collections.abc import AsyncIterator

from foundation.files.port import BlobName, Blobs, NoBlob
from foundation.keys import Keyring
from foundation.keys.envelope import Cipher, sealed_with
from foundation.records.sealing import Bound, Damaged, KeyDestroyed

CHUNK = 64 * 1024


class SealedFiles:
    """`group` is always the conversation that a file belongs to."""

    def __init__(self, blobs: Blobs, keyring: Keyring) -> None:
        self._blobs = blobs
        self._keyring = keyring

    async def put(self, account: str, group: str, id: str, content: bytes) -> str:
        """Seal and store; the id of the file's key. When it raises, neither blob nor key is left."""
        name, key = BlobName(group, id), await self._keyring.mint(account, "file")
        try:
            await self._blobs.put(name, _sealed(await self._keyring.cipher(account, key), account, name, content))
        except BaseException:
            await self._keyring.destroy(account, key)
            raise
        return key

    async def read(self, account: str, group: str, id: str) -> AsyncIterator[bytes]:
        """The content, chunk by chunk; each is checked before it is given. Raises `NoBlob`, `KeyDestroyed`, `Damaged`:
        the last perhaps after some chunks, and then what was given is not the whole file."""
        name, number, ended = BlobName(group, id), 0, False
        cipher: Cipher | None = None
        async for frame in self._blobs.read(name):
            cipher = cipher or await self._keyring.cipher(account, sealed_with(frame))
            if ended:
                raise Damaged
            last, chunk = _opened(cipher, account, name, number, frame)
            number, ended = number + 1, last
            if chunk:
                yield chunk
        if not ended:
            raise Damaged

    async def destroy(self, account: str, group: str, id: str) -> bool:
        """Destroy the file's key, then remove the blob; whether there was one. May be done again after a crash."""
        name = BlobName(group, id)
        key = await self.key_of(account, group, id)
        if key:
            await self._keyring.destroy(account, key)
        return await self._blobs.delete(name)

    async def erase(self, account: str, group: str, id: str, *, key: str) -> None:
        """The same by a key that is known: it goes even when the blob is damaged or gone."""
        await self._keyring.destroy(account, key)
        await self._blobs.delete(BlobName(group, id))

    async def destroy_all(self, account: str, group: str) -> int:
        """The same for all files of a conversation; how many went."""
        names = await self._blobs.of(group)
        return sum([await self.destroy(account, name.group, name.id) for name in names])

    async def key_of(self, account: str, group: str, id: str) -> str:
        """The id of the file's key, from its first chunk; empty when there is none. `account` must own it."""
        try:
            async for frame in self._blobs.read(BlobName(group, id)):
                key = sealed_with(frame)
                await self._keyring.cipher(account, key, keep=False)
                return key
        except (NoBlob, Damaged, KeyDestroyed):
            return ""
        return ""


async def _sealed(cipher: Cipher, account: str, name: BlobName, content: bytes) -> AsyncIterator[bytes]:
    count = max(1, -(-len(content) // CHUNK))
    for number in range(count):
        chunk = content[number * CHUNK : (number + 1) * CHUNK]
        yield cipher.seal(chunk, *_bounds(account, name, number, last=number == count - 1))


def _opened(cipher: Cipher, account: str, name: BlobName, number: int, frame: bytes) -> tuple[bool, bytes]:
    """Whether it is the last chunk, and its content. Which it is, the seal says: it opens in one way only."""
    try:
        return False, cipher.open(frame, *_bounds(account, name, number, last=False))
    except Damaged:
        return True, cipher.open(frame, *_bounds(account, name, number, last=True))


def _bounds(account: str, name: BlobName, number: int, *, last: bool) -> tuple[Bound, ...]:
    return ("file", account, name.group, name.id, number, int(last))
