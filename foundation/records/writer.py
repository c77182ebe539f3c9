"""The one writer of an SQLite store: everything that waits goes into one transaction and is durable with one sync.

A write that fails inside a group costs only itself:

- `Stale` and a missing row are found before or by the statement, which then changed nothing.
- A unique value that is in use fails its one statement. Appends are written many to a statement, so there the whole
  group is taken back and done again with each append in a savepoint of its own.
- When the store itself fails (full, unreadable), the group is taken back and each write is tried alone, so that what
  still fits (a delete, a small record) is not refused because of its neighbour.

The writer remembers the last number of the logs it wrote to, and their heads (`heads`). It may, because nobody else can
write (`lock.StoreLock`); what it remembers changes only after a commit. With several workers on one store each has a
writer: they take turns (`lock.WriteTurn`), and one that sees that another has written since forgets what it remembered.
"""

import contextlib
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from foundation.records import schema
from foundation.records.checkpoints import Checkpointer
from foundation.records.failures import as_problem
from foundation.records.heads import PER_STATEMENT, Heads
from foundation.records.lock import StoreLock, WriteTurn
from foundation.records.port import Stale, Taken
from foundation.records.setup import connect_writer, create_file, make_folder
from foundation.records.workers import Outcome
from foundation.records.writes import Append, DeleteLog, Do, Load, Scrub, Write

_REMEMBERED = 20_000


class _Logs:
    """What a transaction under way knows of the logs' last numbers."""

    def __init__(self, db: sqlite3.Connection, known: OrderedDict[str, int]) -> None:
        self._db = db
        self._known = known
        self.moved: dict[str, int] = {}

    def last(self, log: str) -> int:
        found = self.moved.get(log)
        if found is None:
            found = self._known.get(log)
        if found is None:
            row = self._db.execute(schema.LAST_NUMBER, (log,)).fetchone()
            found = row[0] if row else 0
        return int(found)


class Writer:
    """The worker of the writing thread. `shared`: other workers write too; their owner holds the lock for all."""

    def __init__(
        self, path: Path, tables: Sequence[schema.Table], *, max_bytes: int | None, shared: bool = False
    ) -> None:
        self._path = path
        self._tables = tables
        self._max_bytes = max_bytes
        self._shared = shared
        self._lock: StoreLock | None = None
        self._turn: WriteTurn | None = None
        self._version = 0
        self._known: OrderedDict[str, int] = OrderedDict()
        self._heads = Heads()
        self._db: sqlite3.Connection | None = None
        self._checkpointer: Checkpointer | None = None

    def start(self) -> None:
        """Take the lock, open or make the store, bring it up to its kinds. Raises `StoreInUse`, `Unavailable`."""
        try:
            make_folder(self._path.parent)
            path = self._path.resolve()  # two names of one file are one store
            if self._shared:
                self._turn = WriteTurn(path)
            else:
                self._lock = StoreLock(path)
                self._lock.take()
            with self._my_turn():
                create_file(path)
                self._db = connect_writer(path, self._tables, max_bytes=self._max_bytes)
            self._checkpointer = Checkpointer(path)
        except (OSError, sqlite3.Error) as error:
            self.stop()
            problem = as_problem(error)
            raise type(problem)(f"The store {self._path} cannot be opened: {error}.") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Empty the write-ahead log into the store, close it, give the lock back."""
        self._known.clear()
        self._heads.forget()
        db, self._db = self._db, None
        checkpointer, self._checkpointer = self._checkpointer, None
        if checkpointer is not None:
            checkpointer.stop()
        try:
            if db is not None:
                try:
                    with self._my_turn():
                        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                finally:
                    db.close()
        except sqlite3.Error:
            return  # what was committed is safe in the write-ahead log and is brought in at the next start
        finally:
            if self._lock is not None:
                self._lock.release()
            turn, self._turn = self._turn, None
            if turn is not None:
                turn.close()

    def run(self, group: Sequence[Write]) -> Sequence[Outcome]:
        """One transaction for all writes of the group; scrubs come after it."""
        writes = [write for write in group if not isinstance(write, Scrub)]
        with self._my_turn():
            answers = iter(self._commit(writes) if writes else [])
            scrubbed = self._scrub() if len(writes) < len(group) else None
        return [scrubbed if isinstance(write, Scrub) else next(answers) for write in group]

    def _my_turn(self) -> contextlib.AbstractContextManager[None]:
        return self._turn or contextlib.nullcontext()

    def _commit(self, group: Sequence[Write]) -> list[Outcome]:
        try:
            return self._transaction(group, careful=False)
        except sqlite3.IntegrityError:
            return self._again(group)
        except Exception as error:  # noqa: BLE001 - becomes the outcome of the write that caused it
            return self._apart(group, error)

    def _again(self, group: Sequence[Write]) -> list[Outcome]:
        try:
            return self._transaction(group, careful=True)
        except Exception as error:  # noqa: BLE001
            return self._apart(group, error)

    def _apart(self, group: Sequence[Write], error: Exception) -> list[Outcome]:
        if len(group) == 1:
            return [as_problem(error)]
        return [outcome for write in group for outcome in self._commit([write])]

    def _transaction(self, group: Sequence[Write], *, careful: bool) -> list[Outcome]:
        db = self._db
        assert db is not None
        logs, heads = _Logs(db, self._known), self._heads
        outcomes: list[Outcome] = []
        if db.in_transaction:
            db.execute("ROLLBACK")  # the disk failed in the middle of taking something back
        db.execute("BEGIN IMMEDIATE")
        try:
            if self._turn is not None:
                self._forget_if_another_wrote(db)
            waiting: list[Append] = []
            for write in group:
                if isinstance(write, Append):
                    outcomes.append(
                        _accept(logs, write, waiting) if not careful else _append_alone(db, logs, heads, write)
                    )
                    continue
                _append_all(db, heads, waiting)
                waiting = []
                outcomes.append(_do(db, logs, heads, write))
            _append_all(db, heads, waiting)
            db.execute("COMMIT")
        except BaseException:
            heads.forget()
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        self._remember(logs.moved)
        if self._checkpointer is not None:
            self._checkpointer.count(len(group))
        return outcomes

    def _forget_if_another_wrote(self, db: sqlite3.Connection) -> None:
        version = int(db.execute("PRAGMA data_version").fetchone()[0])
        if version != self._version:
            self._version = version
            self._known.clear()
            self._heads.forget()

    def _remember(self, moved: dict[str, int]) -> None:
        known = self._known
        for log, last in moved.items():
            known[log] = last
            known.move_to_end(log)
        while len(known) > _REMEMBERED:
            known.popitem(last=False)

    def _scrub(self) -> Outcome:
        db, checkpointer = self._db, self._checkpointer
        assert db is not None
        assert checkpointer is not None
        try:
            with checkpointer.turn:
                busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            return as_problem(error)
        return not busy


def _accept(logs: _Logs, write: Append, waiting: list[Append]) -> Outcome:
    if logs.last(write.log) != write.first - 1:
        return Stale()
    logs.moved[write.log] = write.last
    waiting.append(write)
    return None


def _append_alone(db: sqlite3.Connection, logs: _Logs, heads: Heads, write: Append) -> Outcome:
    waiting: list[Append] = []
    before = logs.last(write.log)
    outcome = _accept(logs, write, waiting)
    db.execute("SAVEPOINT one")
    try:
        _append_all(db, heads, waiting)
    except sqlite3.IntegrityError:
        logs.moved[write.log] = before
        heads.forget()
        db.execute("ROLLBACK TO one")
        outcome = Taken()
    db.execute("RELEASE one")
    return outcome


def _append_all(db: sqlite3.Connection, heads: Heads, waiting: Sequence[Append]) -> None:
    """Many rows to a statement: each statement is one turn outside of the interpreter's lock, however many its rows."""
    for start in range(0, len(waiting), PER_STATEMENT):
        part = waiting[start : start + PER_STATEMENT]
        db.execute(schema.insert_batches(len(part)), [value for write in part for value in write[:5]])
    heads.write(db, [(write.table, write.head) for write in waiting if write.table is not None])


def _load(db: sqlite3.Connection, logs: _Logs, heads: Heads, write: Load) -> Outcome:
    heads.forget()
    db.execute("SAVEPOINT one")
    try:
        for sql, values in write.statements:
            db.execute(sql, values)
    except sqlite3.IntegrityError:
        db.execute("ROLLBACK TO one")
        db.execute("RELEASE one")
        return Taken()
    db.execute("RELEASE one")
    for log in write.logs:
        row = db.execute(schema.LAST_NUMBER, (log,)).fetchone()
        logs.moved[log] = row[0] if row else 0
    return None


def _do(db: sqlite3.Connection, logs: _Logs, heads: Heads, write: DeleteLog | Load | Scrub | Do) -> Outcome:
    try:
        if isinstance(write, Load):
            return _load(db, logs, heads, write)
        if isinstance(write, DeleteLog):
            logs.moved[write.log] = 0
            return db.execute(schema.DELETE_BATCHES, (write.log,)).rowcount
        assert not isinstance(write, Scrub)
        if write.table is not None:
            heads.forget(write.table)
        return write.act(db)
    except sqlite3.IntegrityError:
        return Taken()
    except Stale as stale:
        return stale
