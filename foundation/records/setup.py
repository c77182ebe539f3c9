"""Making an SQLite store and bringing it up to the declared kinds.

The file is ours alone (mode 0600; SQLite gives its companions `-wal` and `-shm` the same). `application_id` says that
it is a Frontdesk store, `user_version` in which format. A kind may gain fields and indexes: they are added here, in one
transaction. A field that is declared no longer keeps its column, unread.
"""

import os
import sqlite3
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
    "PRAGMA wal_autocheckpoint = 2000",  # 8 MB
    "PRAGMA journal_size_limit = 16777216",
    "PRAGMA cache_size = -8000",
)
_EVERY = ("PRAGMA temp_store = MEMORY", "PRAGMA trusted_schema = OFF")
_READER = ("PRAGMA query_only = ON", "PRAGMA cache_size = -4000")


def make_folder(folder: Path) -> None:
    """Make the folder of a store, for its owner only; one that is there stays as it is."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def create_file(path: Path) -> None:
    """Make an empty store that only we may read, or take rights away from one that others may.

    Only while the store's lock is held: closing a file gives up every lock that this process has on it, SQLite's too.
    """
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        if os.fstat(file).st_mode & 0o077:
            os.fchmod(file, 0o600)
    finally:
        os.close(file)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def connect(path: Path, *, reader: bool = False) -> sqlite3.Connection:
    """A connection for one thread; transactions are begun and ended by us alone."""
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512, timeout=5)
    for pragma in (*_EVERY, *(_READER if reader else _WRITER)):
        db.execute(pragma).fetchall()
    return db


def bring_up(
    db: sqlite3.Connection, path: Path, tables: Sequence[schema.Table], *, max_bytes: int | None = None
) -> None:
    """Check that this is a store of ours in a format that we know, and make what is missing.

    Raises `Unavailable` with a sentence for another program's file, a later format, or rows that collide in a group of
    fields that is to be unique from now on.
    """
    _check_format(db, path)
    if max_bytes is not None:
        _limit(db, max_bytes)
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute(schema.CREATE_BATCHES)
        for table in tables:
            _bring_up_table(db, table)
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
