"""All engines agree: the same operations in the same order give the same answers, whatever the operations are."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from foundation.errors import Problem
from foundation.records import Engine, Page, Row, Stale, Taken, Where
from tests.contracts.cast import HEAD, ITEM, KINDS, batch, row
from tests.contracts.places import ENGINES, Place

FEW = st.sampled_from(["a", "b", "c", "d"])
ACCOUNTS = st.sampled_from(["", "blue", "green"])
VALUES = st.one_of(st.none(), st.sampled_from(["", "x", "y", "é", "\0", 0, 1, -1, 2**63 - 1, -(2**63)]))
UNIQUE = st.one_of(st.none(), st.sampled_from(["u", "v", 1]))
FIELDS = st.sampled_from(["colour", "size", "slot", "token", "account"])
COMPARISONS = st.sampled_from(["=", "<", "<=", ">", ">="])
NUMBERS = st.integers(1, 5)

WHERE = st.one_of(
    st.builds(Where, FIELDS, COMPARISONS, VALUES),
    st.builds(Where, FIELDS, st.just("in"), st.lists(VALUES, max_size=4).map(tuple)),
)
ITEMS = st.builds(row, FEW, version=NUMBERS, account=ACCOUNTS, colour=VALUES, size=VALUES, slot=UNIQUE, token=UNIQUE)
HEADS = st.builds(row, FEW, version=NUMBERS, account=ACCOUNTS, at=VALUES, name=UNIQUE)
ORDER = st.sampled_from([sign + field for sign in ("", "-") for field in ("id", "account", "colour", "size", "token")])

STEPS = st.one_of(
    st.tuples(st.just("insert"), ITEMS.map(lambda one: Row(one.id, 1, one.account, one.key, one.fields, one.body))),
    st.tuples(st.just("replace"), ITEMS),
    st.tuples(st.just("delete"), FEW),
    st.tuples(st.just("get"), FEW),
    st.tuples(st.just("find"), st.lists(WHERE, max_size=3), ORDER, st.integers(1, 3)),
    st.tuples(st.just("count"), st.lists(WHERE, max_size=3)),
    st.tuples(st.just("append"), FEW, NUMBERS, st.integers(1, 3), st.one_of(st.none(), HEADS)),
    st.tuples(st.just("read"), FEW, st.integers(0, 6), st.integers(1, 3)),
    st.tuples(st.just("delete_log"), FEW),
)


async def take(engine: Engine, step: tuple[Any, ...]) -> Any:
    """One step's answer in a form that can be compared; a refusal is an answer too."""
    name, *rest = step
    try:
        return await ACTIONS[name](engine, *rest)
    except (Taken, Stale, Problem, ValueError) as refusal:
        return type(refusal).__name__


async def find(engine: Engine, where: Sequence[Where], order: str, limit: int) -> list[Row]:
    rows: list[Row] = []
    page = Page([], "")
    while page.next is not None:
        page = await engine.find(ITEM, where, order=order, limit=limit, after=page.next or None)
        rows += page.rows
    return rows


async def append(engine: Engine, log: str, first: int, count: int, head: Row | None) -> None:
    await engine.append(log, batch(first, count, b"%d" % count), head=None if head is None else (HEAD, head))


async def read(engine: Engine, log: str, since: int, limit: int) -> list[Any]:
    return [list(await engine.read(log, since=since, limit=limit)), await engine.get(HEAD, log)]


ACTIONS: dict[str, Any] = {
    "insert": lambda engine, one: engine.insert(ITEM, one),
    "replace": lambda engine, one: engine.replace(ITEM, one),
    "delete": lambda engine, one: engine.delete(ITEM, one),
    "get": lambda engine, one: engine.get(ITEM, one),
    "find": find,
    "count": lambda engine, where: engine.count(ITEM, where),
    "append": append,
    "read": read,
    "delete_log": lambda engine, log: engine.delete_log(log),
}


async def answers(place: Place, steps: list[tuple[Any, ...]]) -> list[Any]:
    engine = place.engine(KINDS)
    await engine.open()
    try:
        told = [await take(engine, step) for step in steps]
        told += [await find(engine, [], order, 2) for order in ("id", "-size", "colour")]
        told += [await read(engine, log, 0, 100) for log in "abcd"]
    finally:
        await engine.close()
    return told


@pytest.mark.parametrize("other", ENGINES[1:], ids=lambda place: place.name)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(steps=st.lists(STEPS, max_size=40))
def test_every_engine_answers_like_the_first(other: type[Place], steps: list[tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        first, second = ENGINES[0](Path(one)), other(Path(two))
        assert asyncio.run(answers(first, steps)) == asyncio.run(answers(second, steps))
