"""The pieces of work that the writing thread of an SQLite store knows."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from foundation.records.port import Batch, Stale
from foundation.records.schema import RESEAL_BATCH, Table


class Do(NamedTuple):
    """A write of one statement to one table; none: to the logs."""

    table: Table | None
    act: Callable[[sqlite3.Connection], Any]


class Append(NamedTuple):
    """An append, ready to be bound: the batch's columns, and the head's with the table it goes to."""

    log: str
    first: int
    last: int
    key: str
    body: bytes
    table: Table | None
    head: tuple[Any, ...]


class DeleteLog(NamedTuple):
    """Remove a log; a piece of work of its own because the writer's memory must learn of it."""

    log: str


class Load(NamedTuple):
    """Write rows and batches of a dump, all or none: statements with their values, and the logs they add to."""

    statements: Sequence[tuple[str, Sequence[Any]]]
    logs: frozenset[str]


class Scrub(NamedTuple):
    """Bring the write-ahead log back into the main file and cut it, so that what was deleted is in no file."""


Write = Append | DeleteLog | Load | Scrub | Do


def insert(table: Table, values: Sequence[Any]) -> Do:
    """Add a row."""

    def do(db: sqlite3.Connection) -> None:
        db.execute(table.insert, values)

    return Do(table, do)


def replace(table: Table, values: Sequence[Any]) -> Do:
    """Write a row over the version before it."""

    def do(db: sqlite3.Connection) -> None:
        if db.execute(table.replace, [*values[1:], values[0], values[1] - 1]).rowcount != 1:
            raise Stale

    return Do(table, do)


def delete(table: Table, id: str) -> Do:
    """Remove a row."""
    return Do(table, lambda db: db.execute(table.delete, (id,)).rowcount == 1)


def reseal(log: str, batch: Batch, was: str) -> Do:
    """Write a batch over the one that another key seals."""

    def do(db: sqlite3.Connection) -> None:
        if db.execute(RESEAL_BATCH, (batch.key, batch.body, log, batch.first, batch.last, was)).rowcount != 1:
            raise Stale

    return Do(None, do)
