"""What every engine for blobs does, and what the seal over it refuses (K-1, K-2, K-4)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from config import file_backup
from foundation.clock import SystemClock
from foundation.files import BlobName, Blobs, DiskBlobs, GridFsBlobs, MemoryBlobs, NoBlob, SealedFiles
from foundation.files.sealed import CHUNK
from foundation.ids import new_id
from foundation.keys import KINDS, Damaged, KeyDestroyed, Keyring, MasterKey
from foundation.records.memory import MemoryEngine
from tests.mongo import database_url

MAKERS: dict[str, Callable[[Path], Blobs]] = {
    "disk": lambda folder: DiskBlobs(folder / "files"),
    "memory": lambda _: MemoryBlobs(),
    "gridfs": lambda folder: GridFsBlobs(database_url(folder)),
    "gridfs by motor": lambda folder: GridFsBlobs(database_url(folder, "mongodb+motor")),
}


@pytest.fixture(params=MAKERS)
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    made = await asyncio.to_thread(MAKERS[request.param], tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
async def keyring() -> AsyncIterator[Keyring]:
    engine = MemoryEngine(KINDS)
    await engine.open()
    keyring = Keyring(engine, MasterKey(bytes(range(32))), SystemClock())
    await keyring.open()
    yield keyring
    await engine.close()


async def frames(*given: bytes) -> AsyncIterator[bytes]:
    for frame in given:
        yield frame


async def stored(blobs: Blobs, name: BlobName) -> list[bytes]:
    return [frame async for frame in blobs.read(name)]


async def test_what_was_put_is_read_in_order_until_it_is_deleted(blobs: Blobs) -> None:
    name, other = BlobName(new_id(), new_id()), BlobName(new_id(), new_id())
    await blobs.put(name, frames(b"one", b"two" * 20_000, b"3"))
    await blobs.put(other, frames(b"other"))
    assert await stored(blobs, name) == [b"one", b"two" * 20_000, b"3"]
    assert await blobs.of(name.group) == [name]
    assert {one async for one in blobs.names()} == {name, other}
    assert await blobs.delete(name) is True
    assert await blobs.delete(name) is False
    assert await blobs.of(name.group) == []
    with pytest.raises(NoBlob):
        await stored(blobs, name)
    assert await stored(blobs, other) == [b"other"]


async def test_nothing_of_a_blob_is_there_that_could_not_be_put(blobs: Blobs) -> None:
    name = BlobName(new_id(), new_id())

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put(name, broken())
    with pytest.raises(NoBlob):
        await stored(blobs, name)
    await blobs.put(name, frames(b"whole"))
    with pytest.raises(ConnectionResetError):
        await blobs.put(name, broken())
    assert await stored(blobs, name) == [b"whole"], "the old one stays"


def test_a_name_of_a_file_never_becomes_a_path() -> None:
    for bad in ("../../etc", "", "a" * 23, "a/b"):
        with pytest.raises(ValueError, match="two ids"):
            BlobName(new_id(), bad)


async def test_on_disk_only_the_owner_reads_and_no_half_file_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    blobs = DiskBlobs(folder)

    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await blobs.put(BlobName(new_id(), new_id()), broken())
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    await blobs.put(BlobName(new_id(), new_id()), frames(b"x"))
    (path,) = [path for path in folder.rglob("*") if path.is_file()]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


CONTENTS = [b"x", b"y" * CHUNK, b"z" * (CHUNK + 1), bytes(3 * CHUNK)]


@pytest.mark.parametrize("content", CONTENTS, ids=len)
async def test_a_sealed_file_comes_back_whole(blobs: Blobs, keyring: Keyring, content: bytes) -> None:
    files, group, file = SealedFiles(blobs, keyring), new_id(), new_id()
    await files.put("acme", group, file, content)
    assert b"".join([chunk async for chunk in files.read("acme", group, file)]) == content
    raw = b"".join(await stored(blobs, BlobName(group, file)))
    assert content[:50] not in raw or len(content) == 1


Change = Callable[[list[bytes]], list[bytes]]
TAMPERED: dict[str, Change] = {
    "the last chunk is gone": lambda f: f[:-1],
    "the first chunk is gone": lambda f: f[1:],
    "only the last is there": lambda f: f[-1:],
    "two are swapped": lambda f: [f[1], f[0], *f[2:]],
    "one comes twice": lambda f: [f[0], *f],
    "the last comes twice": lambda f: [*f, f[-1]],
    "a bit is changed": lambda f: [f[0][:-1] + bytes((f[0][-1] ^ 1,)), *f[1:]],
    "a chunk is cut": lambda f: [f[0][:-1], *f[1:]],
}


@pytest.mark.parametrize("how", TAMPERED)
async def test_K_4_a_file_that_is_not_what_was_stored_is_never_taken_for_whole(
    blobs: Blobs, keyring: Keyring, how: str
) -> None:
    files, group, file = SealedFiles(blobs, keyring), new_id(), new_id()
    await files.put("acme", group, file, bytes(3 * CHUNK))
    name = BlobName(group, file)
    await blobs.put(name, frames(*TAMPERED[how](await stored(blobs, name))))
    with pytest.raises(Damaged):
        [chunk async for chunk in files.read("acme", group, file)]


async def test_K_2_a_file_opens_at_its_own_place_only(blobs: Blobs, keyring: Keyring) -> None:
    files, group, file = SealedFiles(blobs, keyring), new_id(), new_id()
    await files.put("acme", group, file, b"words")
    sealed = await stored(blobs, BlobName(group, file))
    for place in (BlobName(group, new_id()), BlobName(new_id(), file)):
        await blobs.put(place, frames(*sealed))
        with pytest.raises(Damaged):
            [chunk async for chunk in files.read("acme", place.group, place.id)]
    with pytest.raises(KeyDestroyed):
        [chunk async for chunk in files.read("other", group, file)]


async def test_a_destroyed_file_cannot_be_read_even_from_a_copy(blobs: Blobs, keyring: Keyring) -> None:
    files, group, file = SealedFiles(blobs, keyring), new_id(), new_id()
    await files.put("acme", group, file, b"words")
    copy = await stored(blobs, BlobName(group, file))
    assert await files.destroy_all("acme", group) == 1
    assert await files.destroy("acme", group, file) is False
    await blobs.put(BlobName(group, file), frames(*copy))
    with pytest.raises(KeyDestroyed):
        [chunk async for chunk in files.read("acme", group, file)]


async def test_a_copy_on_any_engine_has_the_same_sum(blobs: Blobs, tmp_path: Path) -> None:
    """What a backup and a move compare; each engine lists in an order of its own."""
    for number in range(20):
        await blobs.put(BlobName(new_id(), new_id()), frames(b"x" * (number + 1), b"y"))
    copied = DiskBlobs(tmp_path / "copy")
    said = await file_backup.copy(blobs, copied)
    assert said.count == 20
    assert await file_backup.sum_of(copied) == await file_backup.sum_of(blobs) == said
    name = [one async for one in copied.names()][0]
    await copied.put(name, frames(b"other"))
    assert await file_backup.sum_of(copied) != said
