"""Acknowledged means durable; a full store keeps what it said it kept, and nothing else."""

import asyncio
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest

from foundation.errors import StorageFull
from foundation.records import Engine
from tests.contracts.cast import HEAD, ITEM, KINDS, batch, filled, ids, row, walk
from tests.contracts.places import Place

ROOT = Path(__file__).resolve().parents[2]


async def test_a_store_that_was_closed_has_everything(durable_place: Place) -> None:
    engine = durable_place.engine(KINDS)
    await engine.open()
    await engine.insert(ITEM, row("a", colour="red", body=b"body"))
    await engine.append("log", batch(1, 2), head=(HEAD, row("log", version=2, at=1)))
    await engine.close()
    again = durable_place.engine(KINDS)
    await again.open()
    assert await again.get(ITEM, "a") == filled(ITEM, row("a", colour="red", body=b"body"))
    assert list(await again.read("log")) == [batch(1, 2)]
    await again.append("log", batch(3), head=(HEAD, row("log", version=3, at=2)))
    await again.close()


async def test_one_engine_may_be_closed_and_opened_again(durable_place: Place) -> None:
    engine = durable_place.engine(KINDS)
    for first in range(1, 4):
        await engine.open()
        await engine.append("log", batch(first))
        await engine.close()
    await engine.open()
    assert len(await engine.read("log")) == 3
    await engine.close()


@pytest.mark.parametrize("lines", [40, 1500, 6000])
async def test_kill_9_in_a_burst_loses_nothing_that_was_acknowledged(
    durable_place: Place, tmp_path: Path, lines: int
) -> None:
    lines = max(60, lines // durable_place.slower)
    said = await burst_until_killed(durable_place.name, tmp_path, lines)
    assert len(said) >= lines
    engine = durable_place.engine(KINDS)
    await engine.open()
    try:
        await check_logs(engine, said)
        await check_rows(engine, said)
    finally:
        await engine.close()


async def burst_until_killed(engine: str, folder: Path, lines: int) -> list[list[str]]:
    """What the child acknowledged before it was killed."""
    command = [sys.executable, "-m", "tests.contracts.burst", engine, str(folder)]
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    said = [await child.stdout.readline() for _ in range(lines)]
    child.send_signal(signal.SIGKILL)
    said += (await child.stdout.read()).splitlines(keepends=True)
    assert await child.wait() == -signal.SIGKILL
    return [line.decode().split() for line in said if line.endswith(b"\n")]


async def check_logs(engine: Engine, said: list[list[str]]) -> None:
    acknowledged = {line[1]: int(line[2]) for line in said if line[0] == "log"}
    assert acknowledged
    for name, number in acknowledged.items():
        batches = await engine.read(name)
        assert [one.first for one in batches] == [1, *(one.last + 1 for one in batches[:-1])]
        assert all(one.body == b"%s from %d" % (name.encode(), one.first) for one in batches)
        last = batches[-1].last
        assert number <= last <= number + 3, "at most the one append that was under way"
        head = await engine.get(HEAD, name)
        assert head is not None
        assert (head.version, head.fields["at"]) == (last, last), "the head goes with its batch"


async def check_rows(engine: Engine, said: list[list[str]]) -> None:
    added = {line[1] for line in said if line[0] == "row"}
    gone = {line[1] for line in said if line[0] == "gone"}
    found = Counter(await walk(engine, ITEM, [], order="size", limit=500))
    assert set(found.values()) <= {1}
    assert not gone & found.keys()
    writers = {one.split("n")[0] for one in added | found.keys()}
    missing = added - gone - found.keys()
    surplus = found.keys() - added
    assert len(missing) + len(surplus) <= len(writers), "at most the one write of each writer that was under way"


async def test_a_full_store_says_so_and_keeps_what_it_had(limited_place: Place) -> None:
    engine = limited_place.engine(KINDS, max_bytes=400_000)
    await engine.open()
    kept = await fill(engine)
    assert len(kept) > 20
    with pytest.raises(StorageFull):
        await engine.append("log", batch(1, body=bytes(50_000)), head=(HEAD, row("log")))
    with pytest.raises(StorageFull):
        await engine.replace(ITEM, row("i000", version=2, body=bytes(50_000)))
    assert await ids(engine, limit=1000) == kept
    assert list(await engine.read("log")) == []
    assert await engine.get(HEAD, "log") is None
    first = await engine.get(ITEM, "i000")
    assert first is not None
    assert first.version == 1
    await engine.close()


async def test_a_full_store_can_delete_and_then_has_room(limited_place: Place) -> None:
    engine = limited_place.engine(KINDS, max_bytes=400_000)
    await engine.open()
    await fill(engine)
    for n in range(10):
        assert await engine.delete(ITEM, f"i{n:03}") is True
    await engine.insert(ITEM, row("after", body=bytes(4000)))
    await engine.append("log", batch(1, body=bytes(4000)))
    assert len(await engine.read("log")) == 1
    await engine.close()


async def test_in_a_full_store_a_large_write_does_not_fail_its_small_neighbours(limited_place: Place) -> None:
    engine = limited_place.engine(KINDS, max_bytes=400_000)
    await engine.open()
    await fill(engine)
    for n in range(5):
        await engine.delete(ITEM, f"i{n:03}")
    outcomes = await asyncio.gather(
        engine.insert(ITEM, row("small1", body=bytes(500))),
        engine.insert(ITEM, row("large", body=bytes(200_000))),
        engine.append("log", batch(1, body=bytes(200_000))),
        engine.append("other", batch(1, body=bytes(500))),
        engine.delete(ITEM, "i006"),
        engine.insert(ITEM, row("small2", body=bytes(500))),
        return_exceptions=True,
    )
    kinds = [type(outcome) if isinstance(outcome, Exception) else outcome for outcome in outcomes]
    assert kinds == [None, StorageFull, StorageFull, None, True, None]
    assert (await engine.get(ITEM, "small2")) is not None
    assert (len(await engine.read("log")), len(await engine.read("other"))) == (0, 1)
    await engine.close()


async def fill(engine: Engine) -> list[str]:
    """The rows that were acknowledged until the store was full."""
    kept: list[str] = []
    for n in range(1000):
        try:
            await engine.insert(ITEM, row(f"i{n:03}", body=bytes(4000)))
        except StorageFull:
            return kept
        kept.append(f"i{n:03}")
    raise AssertionError("the store never was full")
