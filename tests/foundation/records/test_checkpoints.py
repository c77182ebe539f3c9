"""The write-ahead log goes into the main file beside the writer."""

import sqlite3
from pathlib import Path

import pytest

from foundation.records import Kind
from foundation.records.checkpoints import EVERY, Checkpointer
from foundation.records.schema import Table
from foundation.records.setup import connect_writer, create_file
from foundation.records.writer import Writer
from foundation.records.writes import Append, Scrub

TABLE = Table(Kind("talk"))
BODY = b"sealed" * 20
PIECE = 100


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "records.db"
    create_file(file)
    return file


def in_the_main_file(file: Path) -> int:
    """How many batches the file holds without its write-ahead log."""
    with sqlite3.connect(f"file:{file}?immutable=1", uri=True) as db:
        count = int(db.execute("SELECT count(*) FROM batches").fetchone()[0])
    db.close()
    return count


def appends(first: int, count: int = PIECE) -> list[Append]:
    return [Append(f"log{number}", 1, 1, "", BODY, None, ()) for number in range(first, first + count)]


def test_what_was_counted_often_enough_is_brought_in_while_the_writer_has_the_store_open(file: Path) -> None:
    db = connect_writer(file, [TABLE])
    checkpointer = Checkpointer(file)
    db.execute("INSERT INTO batches VALUES ('a', 1, 1, '', x'00')")
    checkpointer.count(EVERY - 1)
    checkpointer.count(1)
    checkpointer.stop()
    assert in_the_main_file(file) == 1
    db.close()


def test_what_was_not_counted_often_enough_waits(file: Path) -> None:
    db = connect_writer(file, [TABLE])
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    checkpointer = Checkpointer(file)
    db.execute("INSERT INTO batches VALUES ('a', 1, 1, '', x'00')")
    checkpointer.count(EVERY - 1)
    checkpointer.stop()
    assert in_the_main_file(file) == 0
    db.close()


def test_a_checkpoint_that_fails_does_not_end_the_thread(file: Path) -> None:
    db = connect_writer(file, [TABLE])
    checkpointer = Checkpointer(file)
    db.execute("INSERT INTO batches VALUES ('a', 1, 1, '', x'00')")
    with checkpointer.turn:
        checkpointer._db.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        checkpointer.count(EVERY)
    checkpointer.count(EVERY)
    checkpointer.stop()
    assert not checkpointer._thread.is_alive()
    db.close()


def test_the_writer_counts_what_it_commits_and_a_scrub_waits_for_a_checkpoint(file: Path) -> None:
    writer = Writer(file, [TABLE], max_bytes=None)
    writer.start()
    try:
        for first in range(0, EVERY, PIECE):
            assert writer.run(appends(first)) == [None] * PIECE
        assert writer.run([Scrub()]) == [True]
        assert in_the_main_file(file) == EVERY
        assert file.with_name(file.name + "-wal").stat().st_size == 0
    finally:
        writer.stop()
