"""Dump and load: a whole store as it is, out of one engine and into the same or another."""

import asyncio

import pytest

from foundation.records import Batch, Engine, Kind, Stored, Taken
from tests.contracts.cast import HEAD, ITEM, KINDS, batch, filled, row
from tests.contracts.places import Place


async def dumped(engine: Engine) -> list[Stored]:
    return [one async for part in engine.dump() for one in part]


async def fill(engine: Engine) -> list[Stored]:
    """Rows of several kinds and versions, logs with heads; what a dump of them holds."""
    rows = [row("a", colour="red", slot="s1"), row("b", size=7), row("ä", account="", body=b"\0\xff" * 500)]
    for one in rows:
        await engine.insert(ITEM, one)
    await engine.replace(ITEM, row("b", version=2, size=8, token="t"))
    await engine.append("log", batch(1, 3), head=(HEAD, row("log", version=3, state="open", at=1)))
    await engine.append("log", Batch(4, 2, "", b""), head=(HEAD, row("log", version=5, state="closed", at=2)))
    await engine.append("another log", batch(1))
    kept = [rows[0], row("b", version=2, size=8, token="t"), rows[2]]
    return [
        *(Stored("item", "", filled(ITEM, one)) for one in kept),
        Stored("head", "", filled(HEAD, row("log", version=5, state="closed", at=2))),
        Stored("", "another log", None, batch(1)),
        Stored("", "log", None, batch(1, 3)),
        Stored("", "log", None, Batch(4, 2, "", b"")),
    ]


def sorted_by_place(stored: list[Stored]) -> list[Stored]:
    return sorted(stored, key=lambda one: (one.kind, one.log, one.row.id if one.row else one.batch.first))


async def test_a_dump_is_all_that_is_stored(engine: Engine) -> None:
    assert await dumped(engine) == []
    stored = await fill(engine)
    found = await dumped(engine)
    assert sorted_by_place(found) == sorted_by_place(stored)
    kinds = [one.kind for one in found]
    assert kinds == sorted(kinds, key=lambda kind: kind == ""), "batches come last"
    assert [one for one in found if one.log] == [one for one in stored if one.log], "by log and number"


async def test_what_was_loaded_is_used_like_what_was_written(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first, second = place.engine(KINDS), type(place)(tmp_path_factory.mktemp("second")).engine(KINDS)
    await first.open()
    await second.open()
    stored = await fill(first)
    await second.load(stored)
    assert sorted_by_place(await dumped(second)) == sorted_by_place(stored)
    await second.append("log", batch(6), head=(HEAD, row("log", version=6, state="open")))
    await second.replace(ITEM, row("b", version=3, size=9, token="t"))
    with pytest.raises(Taken):
        await second.insert(ITEM, row("c", token="t"))
    assert [one.first for one in await second.read("log")] == [1, 4, 6]
    await first.close()
    await second.close()


async def test_what_is_there_already_is_left_as_it_is(engine: Engine) -> None:
    stored = await fill(engine)
    await engine.load(stored)
    changed = [
        Stored("item", "", row("a", colour="blue", version=9)),
        Stored("", "log", None, Batch(1, 1, "other", b"other")),
        Stored("item", "", row("new")),
        Stored("", "log", None, batch(6)),
    ]
    await engine.load(changed)
    expected = [*stored, Stored("item", "", filled(ITEM, row("new"))), Stored("", "log", None, batch(6))]
    assert sorted_by_place(await dumped(engine)) == sorted_by_place(expected)
    await engine.append("log", batch(7))


async def test_a_load_that_collides_is_refused_whole_or_begun_again(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", token="t"))
    with pytest.raises(Taken):
        await engine.load([Stored("item", "", row("b", token="t"))])
    with pytest.raises(ValueError, match="not declared"):
        await engine.load([Stored("unknown", "", row("c"))])
    assert [one.row.id for one in await dumped(engine) if one.row] == ["a"]


async def test_a_dump_while_others_write_shows_every_log_at_least_as_long_as_its_head(engine: Engine) -> None:
    logs = [f"log {n}" for n in range(5)]

    async def write(log: str) -> None:
        for n in range(1, 41):
            await engine.append(log, batch(n), head=(HEAD, row(log, version=n, at=n)))

    writing = asyncio.gather(*map(write, logs))
    for _ in range(4):
        found = await dumped(engine)
        heads = {one.row.id: one.row.version for one in found if one.row}
        for log in logs:
            numbers = [one.batch.first for one in found if one.log == log and one.batch]
            assert numbers == list(range(1, len(numbers) + 1))
            assert len(numbers) >= heads.get(log, 0)
    await writing


async def test_a_dump_needs_no_open_store(durable_place: Place) -> None:
    engine = durable_place.engine(KINDS)
    await engine.open()
    stored = await fill(engine)
    assert sorted_by_place(await dumped(durable_place.engine(KINDS))) == sorted_by_place(stored), "while it is open"
    await engine.close()
    assert sorted_by_place(await dumped(durable_place.engine(KINDS))) == sorted_by_place(stored)


async def test_kinds_that_the_store_does_not_have_yet_are_empty(durable_place: Place) -> None:
    engine = durable_place.engine([ITEM])
    await engine.open()
    await engine.insert(ITEM, row("a"))
    await engine.close()
    later = durable_place.engine([*KINDS, Kind("later")])
    assert [one.row.id for one in await dumped(later) if one.row] == ["a"]
