"""Group commit: whatever waits goes into one transaction, and statements do not grow with the group."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from foundation.records import Kind, Stale, Taken
from foundation.records.schema import Table
from foundation.records.workers import Threads
from foundation.records.writer import Writer
from foundation.records.writes import Append, DeleteLog, Scrub, insert

TALK = Kind("talk", fields=("at", "name"), unique=(("name",),))
TABLE = Table(TALK)


class Traced:
    """A writer and the statements that it ran."""

    def __init__(self, file: Path) -> None:
        self.writer = Writer(file, [TABLE], max_bytes=None)
        self.statements: list[str] = []
        self.writer.start()
        db = self.writer._db
        assert isinstance(db, sqlite3.Connection)
        db.set_trace_callback(lambda text: self.statements.append(text.split()[0]))


@pytest.fixture
def traced(tmp_path: Path):
    traced = Traced(tmp_path / "records.db")
    yield traced
    traced.writer.stop()


def append(log: str, first: int, *, name: str | None = None, head: bool = True) -> Append:
    values = (log, first, "blue", "", b"head", first, name)
    return Append(log, first, first, "", b"sealed", TABLE if head else None, values if head else ())


def test_a_group_of_appends_is_one_transaction_of_few_statements(traced: Traced) -> None:
    outcomes = traced.writer.run([append(f"log{n}", 1) for n in range(64)])
    assert outcomes == [None] * 64
    traced.statements.clear()
    outcomes = traced.writer.run([append(f"log{n}", 2) for n in range(64)])
    assert outcomes == [None] * 64
    assert traced.statements == ["BEGIN", "INSERT", "INSERT", "UPDATE", "UPDATE", "COMMIT"]


def test_a_mixed_group_is_one_transaction(traced: Traced) -> None:
    rows = [insert(TABLE, (f"r{n}", 1, "blue", "", b"", n, None)) for n in range(3)]
    group = [append("a", 1), *rows, append("a", 2), DeleteLog("b"), Scrub(), append("a", 2)]
    outcomes = traced.writer.run(group)
    assert outcomes[:7] == [None, None, None, None, None, 0, True]
    assert isinstance(outcomes[7], Stale)
    assert traced.statements.count("COMMIT") == 1
    assert traced.statements.index("COMMIT") < traced.statements.index("PRAGMA"), "a scrub follows the commit"


def test_a_collision_costs_a_second_pass_and_only_its_own_write(traced: Traced) -> None:
    group = [append("a", 1, name="n"), append("b", 1, name="n"), append("c", 1, name="m"), append("b", 1)]
    outcomes = traced.writer.run(group)
    assert [type(outcome) for outcome in outcomes] == [type(None), Taken, type(None), type(None)]
    assert traced.statements.count("COMMIT") == 1
    assert traced.statements.count("ROLLBACK") == 2  # the first pass, and the one append in its savepoint


def test_what_the_writer_remembers_follows_commits_only(traced: Traced) -> None:
    traced.writer.run([append("a", 1, name="n")])
    assert isinstance(traced.writer.run([append("b", 1, name="n")])[0], Taken)
    assert traced.writer.run([append("b", 1)]) == [None]
    assert traced.writer.run([DeleteLog("a"), append("a", 1)]) == [1, None]
    assert isinstance(traced.writer.run([append("a", 3)])[0], Stale)


class Slow:
    """A worker that holds its group until it is told to go on."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []

    def start(self) -> None:
        return None

    def run(self, group):
        self.groups.append(list(group))
        return [ValueError("odd") if one % 2 else one * 10 for one in group]

    def stop(self) -> None:
        self.groups.append([])


async def test_threads_answer_each_caller_and_stop_after_the_last() -> None:
    worker = Slow()
    threads: Threads[int] = Threads("slow", [worker], group=8)
    await threads.start()
    futures = [threads.submit(n) for n in range(100)]
    stopped = asyncio.ensure_future(threads.stop())
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    await stopped
    assert [one if isinstance(one, int) else str(one) for one in outcomes[:4]] == [0, "odd", 20, "odd"]
    assert [one for group in worker.groups for one in group] == list(range(100))
    assert max(len(group) for group in worker.groups) <= 8
    assert worker.groups[-1] == []


class Broken(Slow):
    def start(self) -> None:
        raise OSError("no such disk")


async def test_a_worker_that_cannot_start_is_reported_and_stops_the_others() -> None:
    good = Slow()
    threads: Threads[int] = Threads("some", [good, Broken()], group=8)
    with pytest.raises(OSError, match="no such disk"):
        await threads.start()
    assert good.groups == [[]]


class Clumsy(Slow):
    def run(self, group):
        raise RuntimeError("a mistake in our own code")


async def test_a_worker_that_fails_leaves_nobody_waiting() -> None:
    threads: Threads[int] = Threads("some", [Clumsy()], group=8)
    await threads.start()
    with pytest.raises(RuntimeError, match="mistake"):
        await threads.submit(1)
    with pytest.raises(RuntimeError, match="mistake"):
        await threads.submit(2)
    await threads.stop()
