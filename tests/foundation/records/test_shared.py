"""Several workers on one SQLite file: what one wrote the others see, numbers have no gap, and nobody else gets in."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from foundation.records import Batch, Kind, Row, SqliteEngine, Stale, StoreInUse, StoreLock, Taken, scrub

TALK = Kind("talk", fields=("at", "name"), unique=(("name",),))
CHILD = "import sys; print('here', flush=True); sys.stdin.read()"


@pytest_asyncio.fixture
async def two(tmp_path: Path) -> AsyncIterator[tuple[SqliteEngine, SqliteEngine]]:
    """Two workers' engines; to SQLite, two connections are as far apart as two processes."""
    engines = [SqliteEngine(tmp_path / "records.db", [TALK], shared=True) for _ in range(2)]
    for engine in engines:
        await engine.open()
    yield engines[0], engines[1]
    for engine in engines:
        await engine.close()


def head(log: str, version: int, *, at: int, name: str | None = None) -> tuple[Kind, Row]:
    return TALK, Row(log, version, "blue", "", {"at": at, "name": name}, b"head")


async def append(engine: SqliteEngine, number: int, **fields: object) -> None:
    at = int(str(fields.pop("at", number)))
    await engine.append("a", Batch(number, 1, "", b"%d" % number), head=head("a", number, at=at, **fields))


async def test_a_number_that_another_worker_took_is_stale(two: tuple[SqliteEngine, SqliteEngine]) -> None:
    here, there = two
    await append(here, 1)
    await append(here, 2)
    with pytest.raises(Stale):
        await append(there, 2)
    await append(there, 3)
    with pytest.raises(Stale):
        await append(here, 3)
    await append(here, 4)
    assert [batch.first for batch in await there.read("a")] == [1, 2, 3, 4]


async def test_a_log_that_another_worker_removed_begins_again(two: tuple[SqliteEngine, SqliteEngine]) -> None:
    here, there = two
    await append(here, 1)
    assert await there.delete_log("a") == 1
    with pytest.raises(Stale):
        await append(here, 2)
    await append(here, 1)


async def test_what_another_worker_wrote_into_a_head_is_written_over_whole(
    two: tuple[SqliteEngine, SqliteEngine],
) -> None:
    """The writer names only the columns that changed since it wrote; another's columns would stay behind."""
    here, there = two
    await append(here, 1, at=1, name="one")
    await append(there, 2, at=7, name="two")
    await append(here, 3, at=1, name="one")
    row = await there.get(TALK, "a")
    assert row is not None
    assert (row.version, dict(row.fields)) == (3, {"at": 1, "name": "one"})


async def test_what_is_unique_is_unique_among_all_workers(two: tuple[SqliteEngine, SqliteEngine]) -> None:
    outcomes = await asyncio.gather(
        *(
            engine.insert(TALK, Row(f"{number}-{which}", 1, "blue", "", {"at": 1, "name": f"n{number}"}, b""))
            for number in range(50)
            for which, engine in enumerate(two)
        ),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Taken] * 50


async def test_both_write_at_once_and_lose_nothing(two: tuple[SqliteEngine, SqliteEngine]) -> None:
    """Each takes the next number as it sees it; who comes too late looks again. Deleted bytes are scrubbed meanwhile."""

    async def work(engine: SqliteEngine, share: int) -> int:
        tries = 0
        for _ in range(share):
            while True:
                tries += 1
                batches = await engine.read("a")
                try:
                    await append(engine, len(batches) + 1)
                    break
                except Stale:
                    continue
        return tries

    tries = await asyncio.gather(*(work(engine, 60) for engine in two), scrub(two[0]), scrub(two[1]))
    batches = await two[0].read("a")
    assert [batch.first for batch in batches] == list(range(1, 121))
    assert sum(int(one or 0) for one in tries) >= 120


async def test_nobody_else_opens_the_store_until_the_last_worker_has_ended(tmp_path: Path) -> None:
    """The lock goes with the open file: it holds while a worker lives, though its owner is gone."""
    file = tmp_path / "records.db"
    lock = StoreLock(file)
    lock.take()
    alone = SqliteEngine(file, [TALK])
    with pytest.raises(StoreInUse):
        await alone.open()
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[lock.fileno()]
    ) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        lock.release()
        with pytest.raises(StoreInUse):
            await alone.open()
        worker.kill()
        worker.wait()
    await alone.open()
    await alone.close()


def test_a_lock_that_is_not_held_is_given_to_nobody(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not held"):
        StoreLock(tmp_path / "records.db").fileno()
