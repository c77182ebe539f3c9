"""Logs: atomic appends at the expected number, heads that go with them, reading from a number on."""

import asyncio

import pytest

from foundation.errors import Invalid
from foundation.records import Batch, Engine, Stale, Taken
from tests.contracts.cast import HEAD, ITEM, batch, filled, row


async def test_batches_come_back_in_order_as_they_were_written(engine: Engine) -> None:
    written = [Batch(1, 2, "key-1", b"\0\xff"), Batch(3, 1, "key-2", b""), Batch(4, 5, "", b"x" * 100_000)]
    for one in written:
        await engine.append("log", one)
    assert list(await engine.read("log")) == written
    assert [one.last for one in written] == [2, 3, 8]


async def test_a_log_that_is_not_there_is_empty(engine: Engine) -> None:
    assert list(await engine.read("log")) == []
    assert await engine.delete_log("log") == 0


@pytest.mark.parametrize("first", [1, 2, 3, 5, 9, 2**62])
async def test_an_append_anywhere_else_than_at_the_end_is_stale(engine: Engine, first: int) -> None:
    await engine.append("log", batch(1, 3))
    with pytest.raises(Stale):
        await engine.append("log", batch(first))
    await engine.append("log", batch(4))
    assert [one.first for one in await engine.read("log")] == [1, 4]


async def test_the_first_batch_has_number_1(engine: Engine) -> None:
    with pytest.raises(Stale):
        await engine.append("log", batch(2))
    for first, count in ((0, 1), (-1, 3), (1, 0), (1, -1), (2**63 - 1, 2)):
        with pytest.raises(ValueError, match="entries"):
            await engine.append("log", batch(first, count))
    assert list(await engine.read("log")) == []


async def test_logs_are_apart(engine: Engine) -> None:
    names = ["a", "A", "a ", "a\0", "ä", "a%", "_", "1"]
    for n, name in enumerate(names):
        await engine.append(name, batch(1, n + 1))
    assert [[one.count for one in await engine.read(name)] for name in names] == [[n + 1] for n in range(len(names))]
    assert await engine.delete_log("a") == 1
    assert [len(await engine.read(name)) for name in names] == [0, 1, 1, 1, 1, 1, 1, 1]


async def test_read_since_gives_every_batch_with_a_higher_number_in_it(engine: Engine) -> None:
    for first, count in ((1, 3), (4, 1), (5, 2)):
        await engine.append("log", batch(first, count))
    firsts = [[one.first for one in await engine.read("log", since=since)] for since in range(-1, 9)]
    assert firsts == [[1, 4, 5], [1, 4, 5], [1, 4, 5], [1, 4, 5], [4, 5], [5], [5], [], [], []]
    assert list(await engine.read("log", since=2**63 - 1)) == []


async def test_read_stops_at_the_limit(engine: Engine) -> None:
    for first in range(1, 6):
        await engine.append("log", batch(first))
    assert [one.first for one in await engine.read("log", limit=2)] == [1, 2]
    assert [one.first for one in await engine.read("log", since=2, limit=2)] == [3, 4]
    for limit in (0, -1, 10_001):
        with pytest.raises(Invalid):
            await engine.read("log", limit=limit)


async def test_of_a_hundred_appends_at_one_number_one_wins(engine: Engine) -> None:
    await engine.append("log", batch(1))
    outcomes = await asyncio.gather(
        *(
            engine.append("log", batch(2, 1 + n % 3, b"%d" % n), head=(HEAD, row("log", version=2 + n % 3, at=n)))
            for n in range(100)
        ),
        return_exceptions=True,
    )
    winners = [n for n, outcome in enumerate(outcomes) if outcome is None]
    assert len(winners) == 1
    assert all(isinstance(outcome, Stale) for outcome in outcomes if outcome is not None)
    assert [one.body for one in await engine.read("log")][1:] == [b"%d" % winners[0]]
    head = await engine.get(HEAD, "log")
    assert head is not None
    assert head.fields["at"] == winners[0]


async def test_callers_who_try_again_all_get_in_once_and_in_order(engine: Engine) -> None:
    """Many writers on a few logs: whoever is stale reads and tries again; nothing is lost, doubled or out of order."""

    async def write(name: str, who: int) -> None:
        while True:
            batches = await engine.read(name)
            last = batches[-1].last if batches else 0
            try:
                return await engine.append(name, batch(last + 1, body=b"%d" % who))
            except Stale:
                continue

    await asyncio.gather(*(write(f"log{who % 3}", who) for who in range(45)))
    for n in range(3):
        batches = await engine.read(f"log{n}")
        assert [one.first for one in batches] == list(range(1, 16))
        assert {int(one.body) for one in batches} == set(range(n, 45, 3))


async def test_appends_to_many_logs_at_once_all_succeed(engine: Engine) -> None:
    for first in range(1, 4):
        await asyncio.gather(
            *(
                engine.append(f"log{n}", batch(first), head=(HEAD, row(f"log{n}", version=first, at=n)))
                for n in range(150)
            )
        )
    assert await engine.count(HEAD) == 150
    for n in range(150):
        assert [one.first for one in await engine.read(f"log{n}")] == [1, 2, 3]


async def test_the_head_is_written_with_the_batch(engine: Engine) -> None:
    await engine.append("log", batch(1, 2), head=(HEAD, row("log", version=2, state="open", body=b"one")))
    assert await engine.get(HEAD, "log") == filled(HEAD, row("log", version=2, state="open", body=b"one"))
    await engine.append("log", batch(3), head=(HEAD, row("log", version=3, at=5, body=b"two")))
    assert await engine.get(HEAD, "log") == filled(HEAD, row("log", version=3, at=5, body=b"two"))


async def test_a_stale_append_leaves_the_head_alone(engine: Engine) -> None:
    await engine.append("log", batch(1), head=(HEAD, row("log", version=1, at=1)))
    with pytest.raises(Stale):
        await engine.append("log", batch(1), head=(HEAD, row("log", version=9, at=9)))
    head = await engine.get(HEAD, "log")
    assert head is not None
    assert (head.version, head.fields["at"]) == (1, 1)


async def test_a_head_gives_way_to_a_higher_version_only(engine: Engine) -> None:
    await engine.append("log", batch(1), head=(HEAD, row("log", version=7, at=1)))
    await engine.append("log", batch(2), head=(HEAD, row("log", version=7, at=2)))
    await engine.append("log", batch(3), head=(HEAD, row("log", version=6, at=3)))
    head = await engine.get(HEAD, "log")
    assert head is not None
    assert (head.version, head.fields["at"], len(await engine.read("log"))) == (7, 1, 3)


async def test_a_head_never_takes_the_place_of_another_accounts_row(engine: Engine) -> None:
    await engine.append("mine", batch(1), head=(HEAD, row("shared", account="blue", version=1)))
    await engine.append("other", batch(1), head=(HEAD, row("shared", account="green", version=5)))
    head = await engine.get(HEAD, "shared")
    assert head is not None
    assert (head.account, head.version) == ("blue", 1)


async def test_a_head_whose_unique_value_is_in_use_stops_its_append(engine: Engine) -> None:
    await engine.append("one", batch(1), head=(HEAD, row("one", version=1, name="n")))
    with pytest.raises(Taken):
        await engine.append("two", batch(1), head=(HEAD, row("two", version=1, name="n")))
    assert list(await engine.read("two")) == []
    assert await engine.get(HEAD, "two") is None
    await engine.append("two", batch(1), head=(HEAD, row("two", version=1, name="m")))


async def test_a_head_may_be_of_any_kind_and_be_replaced_and_deleted_like_a_row(engine: Engine) -> None:
    await engine.append("log", batch(1), head=(ITEM, row("log", version=1, colour="red")))
    await engine.replace(ITEM, row("log", version=2, colour="blue"))
    assert await engine.delete(ITEM, "log") is True
    await engine.append("log", batch(2), head=(ITEM, row("log", version=2, colour="green")))
    assert await engine.get(ITEM, "log") == filled(ITEM, row("log", version=2, colour="green"))


async def test_a_deleted_log_is_gone_and_begins_again_at_1(engine: Engine) -> None:
    for first in range(1, 4):
        await engine.append("log", batch(first))
    assert await engine.delete_log("log") == 3
    assert list(await engine.read("log")) == []
    with pytest.raises(Stale):
        await engine.append("log", batch(4))
    await engine.append("log", batch(1))
    assert len(await engine.read("log")) == 1


async def test_deletes_and_appends_of_one_log_in_one_group_keep_their_order(engine: Engine) -> None:
    await engine.append("log", batch(1))
    outcomes = await asyncio.gather(
        engine.append("log", batch(2)),
        engine.delete_log("log"),
        engine.append("log", batch(3)),
        engine.append("log", batch(1, body=b"new")),
        return_exceptions=True,
    )
    assert outcomes[:2] == [None, 2]
    assert isinstance(outcomes[2], Stale)
    assert outcomes[3] is None
    assert [one.body for one in await engine.read("log")] == [b"new"]


async def test_a_batch_gives_way_to_one_of_another_key_and_everything_else_stays(engine: Engine) -> None:
    """YA-21: words are written out of a log while readers and writers go on."""
    await engine.append("log", Batch(1, 2, "old", b"words"), head=(HEAD, row("log", version=2, at=5)))
    await engine.append("log", Batch(3, 1, "new", b"three"))
    await engine.reseal("log", Batch(1, 2, "new", b"x" * 9_000), was="old")
    assert list(await engine.read("log")) == [Batch(1, 2, "new", b"x" * 9_000), Batch(3, 1, "new", b"three")]
    head = await engine.get(HEAD, "log")
    assert head is not None
    assert (head.version, head.fields["at"]) == (2, 5)
    await engine.append("log", Batch(4, 1, "new", b"four"))


@pytest.mark.parametrize(
    ("name", "batch_", "was"),
    [
        ("log", Batch(1, 2, "new", b"x"), "another"),
        ("log", Batch(1, 1, "new", b"x"), "old"),
        ("log", Batch(2, 1, "new", b"x"), "old"),
        ("log", Batch(3, 2, "new", b"x"), "old"),
        ("other", Batch(1, 2, "new", b"x"), "old"),
    ],
)
async def test_a_batch_that_is_not_what_it_was_is_left_alone(
    engine: Engine, name: str, batch_: Batch, was: str
) -> None:
    written = Batch(1, 2, "old", b"words")
    await engine.append("log", written)
    with pytest.raises(Stale):
        await engine.reseal(name, batch_, was=was)
    assert list(await engine.read("log")) == [written]
    await engine.reseal("log", Batch(1, 2, "new", b"x"), was="old")
    with pytest.raises(Stale):
        await engine.reseal("log", Batch(1, 2, "newer", b"y"), was="old")
