"""Heads of logs: only what changed is written, and what is stored is always what was given last."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.records import Kind
from foundation.records.schema import Table
from foundation.records.writer import Writer
from foundation.records.writes import Append, delete, insert

TALK = Kind("talk", fields=("at", "name"), indexes=(("account", "at"), ("account", "name")))
TABLE = Table(TALK)


class Store:
    """A writer, what it told SQLite, and what is stored."""

    def __init__(self, file: Path) -> None:
        self.writer = Writer(file, [TABLE], max_bytes=None)
        self.writer.start()
        self.statements: list[str] = []
        db = self.writer._db
        assert db is not None
        self.db = db
        db.set_trace_callback(self.statements.append)

    def append(
        self, log: str, first: int, at: int, name: str | None, *, head: str = "h", account: str = "blue"
    ) -> None:
        values = (head, first, account, "key", b"body%d" % first, at, name)
        assert self.writer.run([Append(log, first, first, "key", b"sealed", TABLE, values)]) == [None]

    def head(self, id: str = "h") -> tuple[Any, ...] | None:
        found = self.db.execute("SELECT version, account, key, body, f_at, f_name FROM k_talk WHERE id = ?", (id,))
        row: tuple[Any, ...] | None = found.fetchone()
        return row


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "records.db")
    yield store
    store.writer.stop()


def test_a_head_that_was_written_before_names_only_the_columns_that_changed(store: Store) -> None:
    store.append("log", 1, 10, "ann")
    store.statements.clear()
    store.append("log", 2, 20, "ann")
    (update,) = [text for text in store.statements if text.startswith("UPDATE")]
    assert "f_at" in update
    assert "f_name" not in update
    assert store.head() == (2, "blue", "key", b"body2", 20, "ann")
    store.append("log", 3, 20, None)
    assert store.head() == (3, "blue", "key", b"body3", 20, None)


def test_several_appends_to_one_log_in_one_group_leave_the_last_head(store: Store) -> None:
    store.append("log", 1, 10, "ann")
    heads = [("h", first, "blue", "key", b"b", first * 10, name) for first, name in ((2, "bo"), (3, "bo"), (4, None))]
    group = [Append("log", head[1], head[1], "key", b"sealed", TABLE, head) for head in heads]
    assert store.writer.run(group) == [None, None, None]
    assert store.head() == (4, "blue", "key", b"b", 40, None)


def test_a_row_that_somebody_else_wrote_meanwhile_is_written_whole(store: Store) -> None:
    store.append("log", 1, 10, "ann")
    row = ("h", 1, "blue", "other", b"", 0, "somebody else")
    assert store.writer.run([delete(TABLE, "h"), insert(TABLE, row)]) == [True, None]
    store.append("log", 2, 20, "ann")
    assert store.head() == (2, "blue", "key", b"body2", 20, "ann")
    assert store.writer.run([delete(TABLE, "h")]) == [True]
    store.append("log", 3, 20, "ann")
    assert store.head() == (3, "blue", "key", b"body3", 20, "ann")


def test_a_head_that_could_not_be_written_is_not_remembered(store: Store) -> None:
    store.append("log", 1, 10, "ann")
    store.append("twin", 1, 99, "zoe")  # the same head at the same version: what stands there stays
    assert store.head() == (1, "blue", "key", b"body1", 10, "ann")
    store.append("twin", 2, 99, "zoe")
    assert store.head() == (2, "blue", "key", b"body2", 99, "zoe")


def test_another_accounts_head_of_the_same_id_stays(store: Store) -> None:
    store.append("log", 1, 10, "ann")
    store.append("theirs", 1, 1, "eve", account="red")
    store.append("theirs", 2, 1, "eve", account="red")
    assert store.head() == (1, "blue", "key", b"body1", 10, "ann")
    store.append("log", 2, 10, "bo")
    assert store.head() == (2, "blue", "key", b"body2", 10, "bo")


def test_what_was_taken_back_is_not_remembered(store: Store) -> None:
    store.append("log", 1, 10, "ann")
    stale = Append("log", 9, 9, "key", b"sealed", TABLE, ("h", 9, "blue", "key", b"", 90, "nobody"))
    store.writer.run([stale])
    store.append("log", 2, 20, "ann")
    assert store.head() == (2, "blue", "key", b"body2", 20, "ann")
