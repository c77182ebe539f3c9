"""Rows: adding, reading, replacing at a version, removing, and what may stand only once."""

import asyncio

import pytest

from foundation.errors import Unavailable
from foundation.records import Engine, Kind, Row, Stale, Taken, Where
from tests.contracts.cast import HEAD, ITEM, KINDS, WORDS, batch, filled, ids, row
from tests.contracts.places import Place


async def test_a_row_comes_back_as_it_was_written(engine: Engine) -> None:
    written = row("a", colour="red", size=3, body=bytes(range(256)))
    await engine.insert(ITEM, written)
    assert await engine.get(ITEM, "a") == filled(ITEM, written)


async def test_a_row_that_is_not_there_is_nothing(engine: Engine) -> None:
    assert await engine.get(ITEM, "a") is None
    assert await engine.delete(ITEM, "a") is False


async def test_kinds_are_apart(engine: Engine) -> None:
    await engine.insert(ITEM, row("a"))
    assert await engine.get(WORDS, "a") is None
    await engine.insert(WORDS, row("a", group="x"))
    assert await engine.delete(WORDS, "a") is True
    assert await engine.get(ITEM, "a") is not None


async def test_an_id_stands_once_whatever_the_account(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", account="blue", body=b"first"))
    with pytest.raises(Taken):
        await engine.insert(ITEM, row("a", account="green", body=b"second"))
    found = await engine.get(ITEM, "a")
    assert found is not None
    assert (found.account, found.body) == ("blue", b"first")


async def test_a_new_row_has_version_1(engine: Engine) -> None:
    with pytest.raises(ValueError, match="version"):
        await engine.insert(ITEM, row("a", version=2))
    assert await engine.get(ITEM, "a") is None


async def test_replace_writes_the_next_version_whole(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", colour="red", size=1, body=b"old"))
    changed = Row("a", 2, "blue", "key-2", {"colour": None, "size": 2}, b"new")
    await engine.replace(ITEM, changed)
    assert await engine.get(ITEM, "a") == filled(ITEM, changed)


@pytest.mark.parametrize("version", [1, 2, 4, 5])
async def test_replace_at_any_other_version_is_stale_and_changes_nothing(engine: Engine, version: int) -> None:
    await engine.insert(ITEM, row("a"))
    await engine.replace(ITEM, row("a", version=2, body=b"second"))
    with pytest.raises(Stale):
        await engine.replace(ITEM, row("a", version=version, body=b"wrong"))
    await engine.replace(ITEM, row("a", version=3, body=b"third"))
    found = await engine.get(ITEM, "a")
    assert found is not None
    assert (found.version, found.body) == (3, b"third")


async def test_replace_of_a_row_that_is_gone_is_stale(engine: Engine) -> None:
    with pytest.raises(Stale):
        await engine.replace(ITEM, row("a", version=2))
    await engine.insert(ITEM, row("a"))
    await engine.delete(ITEM, "a")
    with pytest.raises(Stale):
        await engine.replace(ITEM, row("a", version=2))
    assert await engine.get(ITEM, "a") is None


async def test_delete_says_whether_there_was_one(engine: Engine) -> None:
    await engine.insert(ITEM, row("a"))
    assert await engine.delete(ITEM, "a") is True
    assert await engine.delete(ITEM, "a") is False
    await engine.insert(ITEM, row("a", body=b"again"))
    assert await engine.get(ITEM, "a") == filled(ITEM, row("a", body=b"again"))


async def test_a_unique_field_stands_once_in_all_accounts(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", account="blue", token="t"))
    with pytest.raises(Taken):
        await engine.insert(ITEM, row("b", account="green", token="t"))
    assert await engine.get(ITEM, "b") is None


async def test_a_unique_group_with_the_account_stands_once_in_each(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", account="blue", slot="s"))
    await engine.insert(ITEM, row("b", account="green", slot="s"))
    with pytest.raises(Taken):
        await engine.insert(ITEM, row("c", account="blue", slot="s"))
    assert sorted(await ids(engine)) == ["a", "b"]


async def test_a_unique_group_with_nothing_in_it_never_collides(engine: Engine) -> None:
    await engine.insert(ITEM, row("a"))
    await engine.insert(ITEM, row("b"))
    assert await engine.count(ITEM, [Where("token", "=", None)]) == 2


async def test_text_and_number_are_two_values(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", token="1"))
    await engine.insert(ITEM, row("b", token=1))
    assert await ids(engine, Where("token", "=", 1)) == ["b"]
    assert await ids(engine, Where("token", "=", "1")) == ["a"]


async def test_replace_meets_unique_values_too(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", token="t"))
    await engine.insert(ITEM, row("b", token="u"))
    with pytest.raises(Taken):
        await engine.replace(ITEM, row("b", version=2, token="t"))
    found = await engine.get(ITEM, "b")
    assert found is not None
    assert (found.version, found.fields["token"]) == (1, "u")
    await engine.replace(ITEM, row("a", version=2, token="t"))  # its own value is no collision


async def test_a_unique_value_is_free_again_after_delete_and_after_replace(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", token="t"))
    await engine.delete(ITEM, "a")
    await engine.insert(ITEM, row("b", token="t"))
    await engine.replace(ITEM, row("b", version=2, token="u"))
    await engine.insert(ITEM, row("c", token="t"))
    assert await ids(engine) == ["b", "c"]


async def test_a_kind_that_was_not_declared_is_a_mistake(engine: Engine) -> None:
    with pytest.raises(ValueError, match="declared"):
        await engine.get(Kind("stranger"), "a")
    with pytest.raises(ValueError, match="declared"):
        await engine.insert(Kind("item", fields=("colour",)), row("a"))
    with pytest.raises(ValueError, match="weight"):
        await engine.insert(ITEM, row("a", weight=1))
    assert await engine.count(ITEM) == 0


async def test_two_kinds_of_one_name_are_a_mistake(place: Place) -> None:
    with pytest.raises(ValueError, match="name"):
        place.engine([ITEM, Kind("item")])


async def test_of_a_hundred_inserts_of_one_unique_value_one_wins(engine: Engine) -> None:
    outcomes = await asyncio.gather(
        *(engine.insert(ITEM, row(f"i{n}", token="t")) for n in range(100)), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [Taken] * 99
    assert await engine.count(ITEM) == 1


async def test_of_a_hundred_replaces_at_one_version_one_wins(engine: Engine) -> None:
    await engine.insert(ITEM, row("a"))
    outcomes = await asyncio.gather(
        *(engine.replace(ITEM, row("a", version=2, body=b"%d" % n)) for n in range(100)), return_exceptions=True
    )
    winners = [n for n, outcome in enumerate(outcomes) if outcome is None]
    assert len(winners) == 1
    assert all(isinstance(outcome, Stale) for outcome in outcomes if outcome is not None)
    found = await engine.get(ITEM, "a")
    assert found is not None
    assert (found.version, found.body) == (2, b"%d" % winners[0])


async def test_a_write_that_fails_costs_only_itself(engine: Engine) -> None:
    """Group commit: neighbours in one transaction do not fail with each other."""
    await engine.insert(ITEM, row("there", token="t"))
    await engine.append("log", batch(1))
    outcomes = await asyncio.gather(
        engine.insert(ITEM, row("a")),
        engine.insert(ITEM, row("b", token="t")),
        engine.replace(ITEM, row("there", version=9)),
        engine.append("log", batch(1)),
        engine.append("log", batch(2), head=(HEAD, row("log", version=2, name="n"))),
        engine.append("other", batch(1), head=(HEAD, row("other", name="n"))),
        engine.append("third", batch(1), head=(HEAD, row("third", name="m"))),
        engine.delete(ITEM, "nobody"),
        engine.insert(ITEM, row("c")),
        return_exceptions=True,
    )
    kinds = [type(outcome) if isinstance(outcome, Exception) else outcome for outcome in outcomes]
    assert kinds == [None, Taken, Stale, Stale, None, Taken, None, False, None]
    assert await ids(engine) == ["a", "c", "there"]
    assert [len(await engine.read(log)) for log in ("log", "other", "third")] == [2, 0, 1]
    assert await ids(engine, kind=HEAD) == ["log", "third"]


async def test_a_caller_who_leaves_does_not_disturb_the_others(engine: Engine) -> None:
    tasks = [asyncio.ensure_future(engine.insert(ITEM, row(f"i{n}"))) for n in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(outcome is None for outcome in outcomes[1::2])
    assert {f"i{n}" for n in range(1, 20, 2)} <= set(await ids(engine))
    await engine.insert(ITEM, row("after"))
    assert await engine.get(ITEM, "after") is not None


async def test_what_was_written_is_seen_by_every_read_after_it(engine: Engine) -> None:
    for n in range(20):
        await engine.insert(ITEM, row(f"i{n:02}", size=n))
        found, listed, counted = await asyncio.gather(
            engine.get(ITEM, f"i{n:02}"), ids(engine, Where("size", "=", n)), engine.count(ITEM)
        )
        assert found is not None
        assert (listed, counted) == ([f"i{n:02}"], n + 1)


async def test_a_store_that_is_closed_refuses_and_close_may_come_twice(place: Place) -> None:
    engine = place.engine(KINDS)
    with pytest.raises(Unavailable):
        await engine.get(ITEM, "a")
    await engine.open()
    await engine.close()
    await engine.close()
    with pytest.raises(Unavailable):
        await engine.insert(ITEM, row("a"))
    with pytest.raises(Unavailable):
        await engine.append("log", batch(1))
    with pytest.raises(Unavailable):
        await engine.find(ITEM)
    with pytest.raises(Unavailable):
        await engine.read("log")


async def test_close_finishes_the_writes_under_way(place: Place) -> None:
    engine = place.engine(KINDS)
    await engine.open()
    writes = [asyncio.ensure_future(engine.insert(ITEM, row(f"i{n}"))) for n in range(50)]
    await asyncio.sleep(0)
    await engine.close()
    outcomes = await asyncio.wait_for(asyncio.gather(*writes, return_exceptions=True), 10)
    assert set(outcomes) == {None}
