"""Blobs in a MongoDB database, in GridFS's form: `files.files` names them, `files.chunks` holds their frames in order.

The chunks are written first and the file's document last, so a blob is there when it is whole and not before. What an
upload that was cut off left are chunks that no document names; the next `open` removes those older than a day. The form
is kept with plain operations, so both drivers serve it alike; any GridFS tool lists what is there, and sees ciphertext.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from foundation.errors import Unavailable
from foundation.files.port import BlobName, NoBlob, require_frame
from foundation.ids import new_id
from foundation.records.mongo.engine import closed, connected
from foundation.records.mongo.failures import translated
from foundation.records.mongo.places import database_of, without_password
from foundation.records.sealing import Damaged

FILES, CHUNKS = "files.files", "files.chunks"
_OLD = timedelta(days=1)


class GridFsBlobs:
    """`url` is that of a records store; the blobs lie in the same database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None
        self._database: Any = None
        self._opening = asyncio.Lock()

    async def open(self) -> None:
        """Connect, declare the indexes, remove what was never finished. Raises `Unavailable`."""
        async with self._opening:
            if self._client is not None:
                return
            client = await connected(self._url)
            try:
                database = database_of(client, self._url)
                with translated(without_password(self._url)):
                    await database[FILES].create_index([("filename", 1), ("uploadDate", 1)])
                    await database[FILES].create_index([("metadata.group", 1)])
                    await database[CHUNKS].create_index([("files_id", 1), ("n", 1)], unique=True)
                    await _sweep(database)
            except BaseException:
                await closed(client)
                raise
            self._client, self._database = client, database

    async def close(self) -> None:
        async with self._opening:
            client, self._client, self._database = self._client, None, None
            if client is not None:
                await closed(client)

    async def put(self, name: BlobName, frames: AsyncIterable[bytes]) -> None:
        files, chunks = self._of(FILES), self._of(CHUNKS)
        made, size, length, number, now = new_id(), 0, 0, 0, datetime.now(UTC)
        try:
            async for frame in frames:
                require_frame(frame)
                with translated():
                    await chunks.insert_one({"files_id": made, "n": number, "data": frame, "at": now})
                size, length, number = size or len(frame), length + len(frame), number + 1
            with translated():
                before = [one["_id"] async for one in files.find({"filename": _filename(name)}, {"_id": 1})]
                await files.insert_one(
                    {
                        "_id": made,
                        "length": length,
                        "chunkSize": size,
                        "uploadDate": now,
                        "filename": _filename(name),
                        "metadata": {"group": name.group, "frames": number},
                    }
                )
        except BaseException:
            await asyncio.shield(self._drop([made]))
            raise
        await self._drop(before)

    async def read(self, name: BlobName) -> AsyncIterator[bytes]:
        with translated():
            found = await self._of(FILES).find_one({"filename": _filename(name)})
            if found is None:
                raise NoBlob
            number = 0
            async for chunk in self._of(CHUNKS).find({"files_id": found["_id"]}).sort([("n", 1)]):
                if chunk["n"] != number:
                    raise Damaged
                number += 1
                yield bytes(chunk["data"])
        if number != found["metadata"]["frames"]:
            raise Damaged

    async def delete(self, name: BlobName) -> bool:
        with translated():
            found = [one["_id"] async for one in self._of(FILES).find({"filename": _filename(name)}, {"_id": 1})]
        await self._drop(found)
        return bool(found)

    async def of(self, group: str) -> list[BlobName]:
        with translated():
            return sorted([_name(one) async for one in self._of(FILES).find({"metadata.group": group})])

    async def names(self) -> AsyncIterator[BlobName]:
        with translated():
            async for one in self._of(FILES).find({}).sort([("filename", 1)]):
                yield _name(one)

    async def _drop(self, ids: list[str]) -> None:
        """The document first: from then on it is not there for anybody."""
        with translated():
            for one in ids:
                await self._of(FILES).delete_one({"_id": one})
                await self._of(CHUNKS).delete_many({"files_id": one})

    def _of(self, collection: str) -> Any:
        if self._database is None:
            raise Unavailable("Files cannot be stored or read at the moment.")
        return self._database[collection]


async def _sweep(database: Any) -> None:
    """First chunks older than a day without a document."""
    before = datetime.now(UTC) - _OLD
    async for chunk in database[CHUNKS].find({"n": 0, "at": {"$lt": before}}, {"files_id": 1}):
        if await database[FILES].find_one({"_id": chunk["files_id"]}) is None:
            await database[CHUNKS].delete_many({"files_id": chunk["files_id"]})


def _filename(name: BlobName) -> str:
    return f"{name.group}/{name.id}"


def _name(found: dict[str, Any]) -> BlobName:
    group, _, blob = found["filename"].partition("/")
    return BlobName(group, blob)
