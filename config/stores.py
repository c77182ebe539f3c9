"""The files of an installation and what opens them: the database, the key store beside it, the master key.

data/frontdesk.db    sealed records and logs
data/keys.db         wrapped keys; back it up apart and keep its backups shorter
data/master.key      the key that wraps them (0600), unless FRONTDESK_MASTER_KEY is set
data/frontdesk.toml  settings (optional)
data/restoring       a restore was begun and not finished: nothing is served
data/erasures.jsonl  what was erased, by ids alone; keep it when the others are put back from a backup
data/audit-heads.jsonl  signed heads of the audit books, a line for each day and book; keep a copy elsewhere
data/files/          what visitors and agents sent, sealed, under random ids
data/models/         trained understanding models; made anew when missing
"""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from config.settings import Settings
from foundation.clock import Clock
from foundation.errors import Unavailable
from foundation.files import Blobs, DiskBlobs, GridFsBlobs
from foundation.keys import KINDS as KEY_KINDS
from foundation.keys import Keyring, MasterKey, MasterKeyError, create_master_key, load_master_key
from foundation.records import Damaged, Engine, KeyDestroyed, Kind, MongoEngine, SqliteEngine, StoreInUse, StoreLock
from foundation.records.mongo import without_password

DATABASE = "frontdesk.db"
KEY_STORE = "keys.db"
RESTORING = "restoring"
LEDGER = "erasures.jsonl"
FILES = "files"
ENVIRONMENT_KEY = "FRONTDESK_MASTER_KEY"


class Refused(Exception):  # noqa: N818 - it is the answer
    """A command cannot do what it was asked; the message is a sentence that says what to do."""


@dataclass(frozen=True)
class Stores:
    """The open stores."""

    engine: Engine
    keyring: Keyring
    fresh: bool
    """Whether this start made the installation."""


@asynccontextmanager
async def open_stores(
    settings: Settings, kinds: Sequence[Kind], clock: Clock, *, beside: bool = False, shared: bool = False
) -> AsyncIterator[Stores]:
    """Open what `settings` name, or begin it when there is no database yet.

    The master key is made only together with the database: with a database and no key, what is stored could never be
    read again and a new key would hide that. `beside`: only for reading, while a server may be using it. `shared`: as one
    of several workers, under the `owned` of the process that started them. Raises `Refused`.
    """
    if not beside and (settings.data / RESTORING).exists():
        raise Refused(f"A restore into {settings.data} was not finished. Restore again into the same folder.")
    fresh = await is_fresh(settings)
    if fresh and beside:
        raise Refused(f"There is no installation in {settings.data}.")
    make_folder(settings.data)
    master = master_key(settings, fresh=fresh)
    engine, key_engine = engines(settings, kinds, read_only=beside, shared=shared)
    keyring = Keyring(key_engine, master, clock)
    try:
        await engine.open()
        await key_engine.open()
        await keyring.open()
        yield Stores(engine, keyring, fresh)
    except (StoreInUse, MasterKeyError) as error:
        raise Refused(str(error)) from error
    except (Unavailable, Damaged, KeyDestroyed) as error:
        if settings.storage.url:
            raise Refused(error.detail) from error
        raise Refused(
            f"The files in {settings.data} cannot be read: {error.detail} Restore frontdesk.db and keys.db from one backup."
        ) from error
    finally:
        await key_engine.close()
        await engine.close()


@contextmanager
def owned(settings: Settings) -> Iterator[list[StoreLock]]:
    """The files of the installation are this process's and its workers', who are given the locks; none for a database
    server, which knows many nodes. Raises `Refused`."""
    make_folder(settings.data)
    files = [] if settings.storage.url else [settings.data / DATABASE, settings.data / KEY_STORE]
    locks = [StoreLock(file.resolve()) for file in files]
    try:
        for lock in locks:
            lock.take()
        yield locks
    except StoreInUse as error:
        raise Refused(str(error)) from error
    finally:
        for lock in locks:
            lock.release()


def engines(
    settings: Settings, kinds: Sequence[Kind], *, read_only: bool = False, shared: bool = False
) -> tuple[Engine, Engine]:
    """The store of the records and the store of the keys, not yet open: databases of a server, or files."""
    if settings.storage.url:
        return MongoEngine(settings.storage.url, kinds), MongoEngine(settings.keys.url, KEY_KINDS)
    limit = settings.storage.max_megabytes * 1024 * 1024 or None
    records = SqliteEngine(settings.data / DATABASE, kinds, max_bytes=limit, read_only=read_only, shared=shared)
    return records, SqliteEngine(settings.data / KEY_STORE, KEY_KINDS, read_only=read_only, shared=shared)


def blobs_of(settings: Settings) -> Blobs:
    """The store of the files, not yet open: GridFS in the server's database, or the folder `files`."""
    return GridFsBlobs(settings.storage.url) if settings.storage.url else DiskBlobs(settings.data / FILES)


def names_of(settings: Settings) -> tuple[str, str]:
    """The two stores, as they may be shown."""
    if settings.storage.url:
        return without_password(settings.storage.url), without_password(settings.keys.url)
    return str(settings.data / DATABASE), str(settings.data / KEY_STORE)


async def is_fresh(settings: Settings) -> bool:
    """Whether an installation begins here. Half of one is refused: a new half would hide that the other is lost."""
    if (settings.data / RESTORING).exists():
        return False
    try:
        begun = [await engine.begun() for engine in engines(settings, ())]
    except Unavailable as error:
        raise Refused(error.detail) from error
    if any(begun) and not all(begun):
        there, missing = names_of(settings) if begun[0] else names_of(settings)[::-1]
        raise Refused(f"{there} is there, but {missing} is not. Restore {missing} from a backup; nothing was changed.")
    return not any(begun)


def master_key(settings: Settings, *, fresh: bool) -> MasterKey:
    """The master key; made when the installation begins and none is given. Raises `Refused`."""
    file = settings.master_key_file
    try:
        if fresh and ENVIRONMENT_KEY not in os.environ and not file.exists():
            return create_master_key(file)
        return load_master_key(file, os.environ)
    except MasterKeyError as error:
        raise Refused(str(error)) from error


def make_folder(folder: Path) -> None:
    """The data folder, readable by nobody else. Raises `Refused`."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Refused(f"The data folder {folder} cannot be made: {error.strerror}.") from error
