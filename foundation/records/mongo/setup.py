"""A MongoDB database brought up to its kinds: collections, indexes, and the document that says whose it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from foundation.errors import Unavailable
from foundation.records.mongo import documents
from foundation.records.port import Kind

Wanted = Mapping[str, tuple[list[tuple[str, int]], bool]]


async def bring_up(database: Any, kinds: Sequence[Kind]) -> None:
    """Make what is missing, drop our indexes that are not declared any more.

    Raises `Unavailable` with a sentence for another program's database, a later format, rows that collide in a group of
    fields that is to be unique from now on. Two nodes may do it at the same moment.
    """
    await _check_format(database)
    for kind in kinds:
        await _indexes(database[documents.collection_of(kind)], documents.indexes_of(kind), kind.name)
    await _indexes(database[documents.BATCHES], documents.BATCH_INDEXES, "batches")


async def _check_format(database: Any) -> None:
    about = database[documents.ABOUT]
    found = await about.find_one({"_id": "frontdesk"})
    if found is None:
        if await database.list_collection_names():
            raise Unavailable(
                f"The database {database.name} holds something that is not Frontdesk's. Name an empty one."
            )
        said = {"$setOnInsert": {"format": documents.FORMAT}}
        await about.update_one({"_id": "frontdesk"}, said, upsert=True)
    elif int(found["format"]) > documents.FORMAT:
        raise Unavailable(f"The database {database.name} was written by a later version of Frontdesk.")


async def _indexes(collection: Any, wanted: Wanted, name: str) -> None:
    from pymongo import IndexModel  # noqa: PLC0415 - an extra
    from pymongo.errors import OperationFailure  # noqa: PLC0415

    try:
        there = {one for one in await collection.index_information() if one.startswith("fd_")}
    except OperationFailure:
        there = set()  # the collection is not there yet
    missing = [
        IndexModel(keys, name=index, unique=unique) for index, (keys, unique) in wanted.items() if index not in there
    ]
    for gone in sorted(there - wanted.keys()):
        await collection.drop_index(gone)
    if not missing:
        return
    try:
        await collection.create_indexes(missing)
    except OperationFailure as error:
        if error.code == 11000:
            raise Unavailable(f"Rows of {name} collide in fields that are declared unique now.") from error
        raise
