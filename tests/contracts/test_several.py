"""Two processes on one store at the same moment: of two who change one version of a row, one wins, on every engine."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from foundation import keys
from foundation.clock import ManualClock
from foundation.jobs import KINDS as JOB_KINDS
from foundation.jobs import Job, Jobs
from foundation.keys import Keyring, MasterKey
from foundation.records import Engine, MemoryEngine, MongoEngine, SqliteEngine, Stale
from foundation.records.mongo.claims import ABANDONED_AFTER_MS
from tests.contracts.cast import ITEM, KINDS, row
from tests.mongo import database_url

ROUNDS = 60


class Number(msgspec.Struct, frozen=True):
    number: int


@pytest_asyncio.fixture(params=["sqlite", "mongo", "motor"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Engine, Engine]]:
    """Two engines, each with connections of its own, as in two processes."""
    engines = [_engine(request.param, tmp_path) for _ in range(2)]
    for engine in engines:
        await engine.open()
    yield engines[0], engines[1]
    for engine in engines:
        await engine.close()


def _engine(name: str, folder: Path) -> Engine:
    if name == "sqlite":
        return SqliteEngine(folder / "records.db", (*KINDS, *JOB_KINDS), shared=True)
    url = database_url(folder, "mongodb" if name == "mongo" else "mongodb+motor")
    return MongoEngine(url, (*KINDS, *JOB_KINDS))


@pytest_asyncio.fixture
async def keyring() -> AsyncIterator[Keyring]:
    store = MemoryEngine(keys.KINDS)
    await store.open()
    ring = Keyring(store, MasterKey(bytes(range(32))), ManualClock())
    await ring.open()
    yield ring
    await store.close()


async def test_of_two_processes_that_replace_one_version_one_wins(two: tuple[Engine, Engine]) -> None:
    """What a lease is made of: who wins has it, and the other one knows that he has not."""
    await two[0].insert(ITEM, row("a"))
    for version in range(2, ROUNDS + 2):
        changed = [row("a", version=version, body=b"%d" % which) for which in range(2)]
        outcomes = await asyncio.gather(
            *(engine.replace(ITEM, one) for engine, one in zip(two, changed, strict=True)), return_exceptions=True
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "Stale"]
        found = await two[0].get(ITEM, "a")
        assert found is not None
        assert found.body == b"%d" % outcomes.index(None)


async def test_of_two_processes_that_insert_one_row_one_wins(two: tuple[Engine, Engine]) -> None:
    for number in range(ROUNDS):
        outcomes = await asyncio.gather(
            *(engine.insert(ITEM, row(f"i{number}")) for engine in two), return_exceptions=True
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", "Taken"]


async def test_two_processes_run_a_job_once(two: tuple[Engine, Engine], keyring: Keyring) -> None:
    """However often both look for what is due at the same moment."""
    clock, done = ManualClock(), Counter[int]()

    async def work(job: Job) -> None:
        done[job.body.number] += 1

    queues = [Jobs(engine, keyring, clock) for engine in two]
    for queue in queues:
        queue.handle("count", work, body=Number)
    for number in range(ROUNDS):
        await queues[0].put("account", "count", Number(number))
    while sum(await asyncio.gather(*(queue.run_due() for queue in (*queues, *queues)))):
        continue
    assert done == dict.fromkeys(range(ROUNDS), 1)


async def test_a_claim_that_a_dead_process_left_ends(tmp_path: Path) -> None:
    """Only servers that need claims have any; whoever died with one keeps others out for seconds, not for good."""
    from pymongo import AsyncMongoClient

    clock, url = ManualClock(), database_url(tmp_path)
    engine = MongoEngine(url, KINDS, clock=clock)
    await engine.open()
    await engine.insert(ITEM, row("a"))
    async with AsyncMongoClient(url) as client:
        if "ferretdbVersion" not in await client.admin.command("buildInfo"):
            pytest.skip("this server replaces in one step")
        claims = client.get_default_database()["claims"]
        await claims.insert_one({"_id": "k_item/a/2", "at": clock.now()})
        with pytest.raises(Stale):
            await engine.replace(ITEM, row("a", version=2))
        await clock.advance(ABANDONED_AFTER_MS)
        await engine.replace(ITEM, row("a", version=2))
        await engine.close()
        assert await claims.count_documents({}) == 0
