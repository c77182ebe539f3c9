"""A copy of a SQLite store at one moment, read from beginning to end. All of it blocks and belongs into a thread.

The copy is made by SQLite itself, in one go, while others go on reading and writing; afterwards nothing of the store is
held, so that a long dump does not keep the write-ahead log from being emptied. The copy lies beside the store, is as
private as it, holds the same ciphertext, and is removed when the dump ends. One that a killed process left is removed by
the next.
"""

import contextlib
import fcntl
import os
import secrets
import sqlite3
from collections.abc import Sequence
from pathlib import Path

from foundation.errors import Unavailable
from foundation.records import schema
from foundation.records.failures import as_problem
from foundation.records.port import Batch, Stored

_PART = 500


class Copy:
    """Made once, read in parts until there is no more, removed."""

    def __init__(self, store: Path, tables: Sequence[schema.Table]) -> None:
        self._store = store
        self._tables = list(tables)
        self._path = store.with_name(f"{store.name}.copy-{secrets.token_hex(6)}")
        self._lock: int | None = None
        self._db: sqlite3.Connection | None = None
        self._row = ""
        self._batch: tuple[str, int] | None = ("", 0)

    def make(self) -> None:
        """Copy the store. Raises `Unavailable`, `StorageFull`."""
        if not self._store.exists():
            raise Unavailable(f"There is no store {self._store}.")
        try:
            self._sweep()
            self._lock = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            with contextlib.closing(sqlite3.connect(f"file:{_quoted(self._store)}?mode=ro", uri=True)) as source:
                self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                source.backup(self._db, pages=-1)
            known = {name for (name,) in self._db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        except (OSError, sqlite3.Error) as error:
            raise as_problem(error) from error
        self._tables = [table for table in self._tables if table.name in known]

    def read(self) -> Sequence[Stored]:
        """The next part; nothing at the end."""
        assert self._db is not None
        try:
            while self._tables:
                table = self._tables[0]
                found = self._db.execute(table.all, (self._row, _PART)).fetchall()
                if found:
                    self._row = found[-1][0]
                    return [Stored(table.kind.name, "", schema.row_of(table.kind, one)) for one in found]
                self._tables.pop(0)
                self._row = ""
            found = self._db.execute(schema.ALL_BATCHES, (*self._batch, _PART)).fetchall() if self._batch else []
        except sqlite3.Error as error:
            raise as_problem(error) from error
        if not found:
            return []
        self._batch = (found[-1][0], found[-1][1])
        return [
            Stored("", log, None, Batch(first, last - first + 1, key, body)) for log, first, last, key, body in found
        ]

    def remove(self) -> None:
        """Close and remove the copy; again does no harm."""
        db, self._db = self._db, None
        if db is not None:
            db.close()
        for path in (
            self._path,
            *(self._path.with_name(self._path.name + end) for end in ("-wal", "-shm", "-journal")),
        ):
            path.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _sweep(self) -> None:
        for left in self._store.parent.glob(f"{self._store.name}.copy-*"):
            with contextlib.suppress(OSError):
                file = os.open(left, os.O_RDONLY | os.O_NOFOLLOW)
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    left.unlink(missing_ok=True)
                finally:
                    os.close(file)


def _quoted(path: Path) -> str:
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
