"""Making an SQLite store and bringing it up to the declared kinds.

The file is ours alone (mode 0600; SQLite gives its companions `-wal` and `-shm` the same). `application_id` says that
it is a Frontdesk store, `user_version` in which format. A kind may gain fields and indexes: they are added here, in one
transaction. A field that is declared no longer keeps its column, unread.
"""

import os
import sqlite3
import stat
from collections.abc import Sequence
from pathlib import Path

from foundation.errors import Unavailable
from foundation.records import schema

APPLICATION = 0x46444B31  # "FDK1"
FORMAT = 1

_WRITER = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL mode this is a sync at every commit: acknowledged means durable
    "PRAGMA fullfsync = ON",  # macOS: through the drive's cache too
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA wal_autocheckpoint = 16000",  # pages, 64 MB: until then the checkpointer has the work (`checkpoints`)
    "PRAGMA journal_size_limit = 67108864",  # as much: to write over a log costs less than to let it grow again
    "PRAGMA cache_size = -64000",  # KiB: the pages of some thousands of conversations that are written to
)
_EVERY = ("PRAGMA temp_store = MEMORY", "PRAGMA trusted_schema = OFF")
_CHECKPOINTER = ("PRAGMA synchronous = FULL", "PRAGMA fullfsync = ON", "PRAGMA checkpoint_fullfsync = ON")
_READER = ("PRAGMA query_only = ON", "PRAGMA cache_size = -4000")


def make_folder(folder: Path) -> None:
    """Make the folder of a store, for its owner only; one that is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def create_file(path: Path) -> None:
    """Make an empty file that only we may read, if there is none.

    Only while the store's lock is held: closing a file gives up every lock that this process has on it, SQLite's too.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection that only reads."""
    db = _connect(path)
    _set(db, (*_EVERY, *_READER))
    return db


def connect_checkpointer(path: Path) -> sqlite3.Connection:
    """A connection that brings the write-ahead log into the main file, and writes nothing else."""
    db = _connect(path)
    _set(db, (*_EVERY, *_CHECKPOINTER))
    return db


def connect_writer(path: Path, tables: Sequence[schema.Table], *, max_bytes: int | None = None) -> sqlite3.Connection:
    """The connection that writes, to a store that is brought up to its kinds.

    Raises `Unavailable` with a sentence for another program's file (which stays as it is), a later format, or rows that
    collide in a group of fields that is to be unique from now on.
    """
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o600)  # before SQLite opens it: the companions get the mode that the file has then
    db = _connect(path)
    try:
        try:
            _check_format(db, path)
        except BaseException:
            path.chmod(mode)
            raise
        _set(db, (*_EVERY, *_WRITER))
        if max_bytes is not None:
            _limit(db, max_bytes)
        _bring_up(db, tables)
    except BaseException:
        db.close()
        raise
    return db


def _connect(path: Path) -> sqlite3.Connection:
    """Transactions are begun and ended by us alone."""
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=5)


def _set(db: sqlite3.Connection, pragmas: Sequence[str]) -> None:
    for pragma in pragmas:
        db.execute(pragma).fetchall()


def _bring_up(db: sqlite3.Connection, tables: Sequence[schema.Table]) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(schema.CREATE_BATCHES)
        for table in tables:
            _bring_up_table(db, table)
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
            db.execute(schema.pragma("application_id", APPLICATION))
            db.execute(schema.pragma("user_version", FORMAT))
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _check_format(db: sqlite3.Connection, path: Path) -> None:
    application = db.execute("PRAGMA application_id").fetchone()[0]
    known = db.execute("PRAGMA user_version").fetchone()[0]
    empty = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if application != APPLICATION and not (empty and application == 0):
        raise Unavailable(f"{path} is not a Frontdesk store.")
    if known > FORMAT:
        raise Unavailable(f"{path} was written by a later version of Frontdesk (format {known}).")


def _limit(db: sqlite3.Connection, max_bytes: int) -> None:
    page = db.execute("PRAGMA page_size").fetchone()[0]
    db.execute(schema.pragma("max_page_count", max(1, max_bytes // page))).fetchall()


def _bring_up_table(db: sqlite3.Connection, table: schema.Table) -> None:
    db.execute(table.create())
    present = {name for (name,) in db.execute(schema.LIST_COLUMNS, (table.name,))}
    for statement in table.missing_columns(present):
        db.execute(statement)
    wanted = table.indexes()
    there = {name for (name,) in db.execute(schema.LIST_INDEXES, (table.name,))}
    for name in sorted(there - wanted.keys()):
        db.execute(table.drop_index(name))
    try:
        for name in sorted(wanted.keys() - there):
            db.execute(wanted[name])
    except sqlite3.IntegrityError as error:
        sentence = f"Rows of {table.kind.name} collide in fields that are declared unique now."
        raise Unavailable(sentence) from error
