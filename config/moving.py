"""`frontdesk move`: a whole installation from one engine to another, records and keys each into a store of its own.

What is copied is what is stored, sealed as it is; neither the master key nor any other key is used. It may be interrupted
and begun again: what is there already stays. Afterwards both sides are counted and summed up, and only when they hold the
same is the move done. The source is left as it is.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from config import file_backup
from config.stores import DATABASE, FILES, KEY_STORE, Refused
from config.wiring import KINDS
from foundation.errors import Problem
from foundation.files import Blobs, DiskBlobs, GridFsBlobs
from foundation.keys import KINDS as KEY_KINDS
from foundation.records import Engine, MongoEngine, SqliteEngine, StoreInUse, Taken
from foundation.records.copying import Different, copy, require_same, summed
from foundation.records.mongo import check_url, is_mongo, without_password

Say = Callable[[str], None]

_EVERY = 10_000


class Place(NamedTuple):
    """Where an installation lies: a data folder, or two databases."""

    records: str
    keys: str

    @property
    def names(self) -> tuple[str, str]:
        return without_password(self.records), without_password(self.keys)

    def engine(self, *, of_keys: bool) -> Engine:
        """One of its two stores, not yet open."""
        place, kinds = (self.keys, KEY_KINDS) if of_keys else (self.records, KINDS)
        if is_mongo(place):
            return MongoEngine(place, kinds)
        return SqliteEngine(Path(place), kinds)

    def blobs(self) -> Blobs:
        """The store of its files, not yet open."""
        if is_mongo(self.records):
            return GridFsBlobs(self.records)
        return DiskBlobs(Path(self.records).parent / FILES)


def place_of(store: str, keys: str | None, option: str) -> Place:
    """A place as it is written on the command line: a folder, or a URL together with the keys' own. Raises `Refused`."""
    if not is_mongo(store):
        if keys is not None:
            raise Refused(f"--{option} is a folder, which has its keys within; leave out --{option}-keys.")
        return Place(str(Path(store) / DATABASE), str(Path(store) / KEY_STORE))
    if keys is None:
        raise Refused(f"--{option} is a database; name the keys' own with --{option}-keys.")
    for url in (store, keys):
        try:
            check_url(url)
        except ValueError as error:
            raise Refused(f"{without_password(url)}: {error}.") from error
    if store == keys:
        raise Refused("Records and keys need two databases: keys beside what they open protect nothing.")
    return Place(store, keys)


async def move(source: Place, target: Place, *, say: Say = print) -> None:
    """Copy and compare. Raises `Refused`; then the source is as it was, and the move can be begun again."""
    if set(source) & set(target):
        raise Refused("Source and target are the same.")
    for of_keys in (True, False):  # the keys first: what arrives can be opened at any time
        await _move(source, target, of_keys=of_keys, say=say)
    await _move_files(source.blobs(), target.blobs(), say=say)
    if is_mongo(target.records):
        say("Done. In frontdesk.toml: [storage] url = … and [keys] url = …; the master key and the data folder stay.")
    else:
        say(f"Done. Serve it: frontdesk serve --data {Path(target.records).parent}; put the master key there.")


async def _move(source: Place, target: Place, *, of_keys: bool, say: Say) -> None:
    what = "keys" if of_keys else "records"
    one, other = source.engine(of_keys=of_keys), target.engine(of_keys=of_keys)
    name, place = source.names[of_keys], target.names[of_keys]
    try:
        if not await one.begun():
            raise Refused(f"There is nothing in {name}.")
        await one.open()  # an embedded store is taken, so that nobody writes to it meanwhile
        await other.open()
        stored = await summed(one.dump())
        total = sum(one.number for one in stored.values())
        await copy(one, other, _progress(what, total, say))
        require_same(stored, await summed(other.dump()))
        say(f"{what}: {total:,} rows and batches, the same in both")
    except (StoreInUse, Different) as error:
        raise Refused(str(error)) from error
    except Taken as error:
        raise Refused(f"{place} holds something else already. Name an empty store.") from error
    except Problem as error:
        raise Refused(f"{error.detail} Begin the move again; what was copied stays.") from error
    finally:
        await asyncio.gather(one.close(), other.close())


async def _move_files(one: Blobs, other: Blobs, *, say: Say) -> None:
    try:
        await one.open()
        await other.open()
        copied = await file_backup.copy(one, other)
        if await file_backup.sum_of(other) != copied:
            raise Refused("The target holds other files already. Name an empty store.")
        say(f"files: {copied.count:,}, the same in both")
    except Problem as error:
        raise Refused(f"{error.detail} Begin the move again; what was copied stays.") from error
    finally:
        await asyncio.gather(one.close(), other.close())


def _progress(what: str, total: int, say: Say) -> Callable[[int], None]:
    said = 0

    def progress(done: int) -> None:
        nonlocal said
        if done - said >= _EVERY:
            said = done
            say(f"{what}: {done:,} of {total:,}")

    return progress
