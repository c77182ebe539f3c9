"""Finding rows: conditions, order, pages and cursors."""

import base64
from itertools import pairwise

import msgspec
import pytest

from foundation.errors import Invalid, Malformed
from foundation.records import Engine, Where
from tests.contracts.cast import ITEM, WORDS, filled, ids, row, walk

SIZES = [None, 3, 1, None, 2, 3, -5, None, 2**63 - 1, -(2**63), 3]
COLOURS = [None, "red", "Red", "r", "", "é", "z", "\U0001f600", "￿", "red", "red\0"]


async def fill(engine: Engine) -> None:
    for n, (size, colour) in enumerate(zip(SIZES, COLOURS, strict=True)):
        await engine.insert(ITEM, row(f"i{n:02}", account="blue" if n % 2 else "green", size=size, colour=colour))


async def test_rows_come_whole(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", colour="red", body=b"\0\1"))
    page = await engine.find(ITEM)
    assert list(page.rows) == [filled(ITEM, row("a", colour="red", body=b"\0\1"))]
    assert page.next is None


async def test_an_empty_store_is_an_empty_page(engine: Engine) -> None:
    page = await engine.find(ITEM, order="-size")
    assert (list(page.rows), page.next, await engine.count(ITEM)) == ([], None, 0)


async def test_conditions_are_joined_by_and(engine: Engine) -> None:
    await fill(engine)
    where = [Where("size", "=", 3), Where("account", "=", "blue")]
    assert await ids(engine, *where) == ["i01", "i05"]
    assert await engine.count(ITEM, where) == 2
    assert await ids(engine, *where, Where("colour", "=", "red")) == ["i01"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Where("size", "=", None), {0, 3, 7}),
        (Where("size", "=", 3), {1, 5, 10}),
        (Where("size", "<", 2), {2, 6, 9}),
        (Where("size", "<=", 2), {2, 4, 6, 9}),
        (Where("size", ">", 3), {8}),
        (Where("size", ">=", 3), {1, 5, 8, 10}),
        (Where("size", ">", 2**63 - 1), set()),
        (Where("size", ">=", -(2**63)), {1, 2, 4, 5, 6, 8, 9, 10}),
        (Where("size", "<", None), set()),
        (Where("size", "<=", None), set()),
        (Where("size", ">", None), set()),
        (Where("size", ">=", None), set()),
        (Where("size", "in", (3, 2, 99)), {1, 4, 5, 10}),
        (Where("size", "in", (None, 1)), {0, 2, 3, 7}),
        (Where("size", "in", (None,)), {0, 3, 7}),
        (Where("size", "in", ()), set()),
        (Where("size", "in", ("3",)), set()),
        (Where("size", "=", "3"), set()),
        (Where("size", ">", "2"), set()),
        (Where("size", "<", "2"), set()),
        (Where("colour", "<", 5), set()),
        (Where("colour", ">", 5), set()),
        (Where("colour", ">=", ""), {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}),
        (Where("colour", "=", ""), {4}),
        (Where("colour", "=", "red"), {1, 9}),
        (Where("colour", ">", "red"), {5, 6, 7, 8, 10}),
        (Where("colour", "<=", "r"), {2, 3, 4}),
        (Where("account", "=", "blue"), {1, 3, 5, 7, 9}),
        (Where("account", "in", ("blue", "green")), set(range(11))),
        (Where("account", ">", "blue"), {0, 2, 4, 6, 8, 10}),
    ],
)
async def test_each_comparison_finds_its_rows(engine: Engine, condition: Where, expected: set[int]) -> None:
    await fill(engine)
    assert {int(one[1:]) for one in await ids(engine, condition)} == expected
    assert await engine.count(ITEM, [condition]) == len(expected)


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("order", ["id", "size", "colour", "account"])
async def test_pages_follow_each_other_in_order_with_ties_and_nothings(engine: Engine, order: str, limit: int) -> None:
    await fill(engine)
    values = {"size": SIZES, "colour": COLOURS, "account": ["green", "blue"] * 6}.get(order, [None] * 11)
    least = 0 if order == "size" else ""
    places = sorted((value is not None, value or least, n) for n, value in enumerate(values[:11]))
    expected = [f"i{n:02}" for _, _, n in places]
    assert await walk(engine, ITEM, [], order=order, limit=limit) == expected
    assert await walk(engine, ITEM, [], order="-" + order, limit=limit) == expected[::-1]


async def test_numbers_come_before_text(engine: Engine) -> None:
    for n, value in enumerate(["b", 7, None, "", -1, "7"]):
        await engine.insert(ITEM, row(f"i{n}", colour=value))
    assert await walk(engine, ITEM, [], order="colour", limit=2) == ["i2", "i4", "i1", "i3", "i5", "i0"]
    assert await walk(engine, ITEM, [], order="-colour", limit=2) == ["i0", "i5", "i3", "i1", "i4", "i2"]


async def test_a_page_keeps_to_its_conditions(engine: Engine) -> None:
    await fill(engine)
    where = [Where("account", "=", "blue"), Where("size", "in", (3, None))]
    assert await walk(engine, ITEM, where, order="-size", limit=1) == ["i05", "i01", "i07", "i03"]


async def test_the_last_page_has_no_cursor(engine: Engine) -> None:
    await fill(engine)
    assert (await engine.find(ITEM, limit=11)).next is None
    assert (await engine.find(ITEM, limit=10)).next is not None


async def test_rows_that_come_and_go_between_pages_do_not_shift_the_others(engine: Engine) -> None:
    for n in range(0, 10, 2):
        await engine.insert(ITEM, row(f"i{n}", size=n))
    first = await engine.find(ITEM, order="size", limit=2)
    await engine.delete(ITEM, "i2")
    await engine.insert(ITEM, row("i1", size=1))
    await engine.insert(ITEM, row("i5", size=5))
    second = await engine.find(ITEM, order="size", limit=100, after=first.next)
    assert [one.id for one in first.rows] + [one.id for one in second.rows] == ["i0", "i2", "i4", "i5", "i6", "i8"]


@pytest.mark.parametrize("limit", [0, -1, 1001, 10**30])
async def test_a_limit_out_of_bounds_is_refused(engine: Engine, limit: int) -> None:
    with pytest.raises(Invalid):
        await engine.find(ITEM, limit=limit)


async def test_a_page_may_have_a_thousand_rows(engine: Engine) -> None:
    for n in range(1001):
        await engine.insert(ITEM, row(f"i{n:04}"))
    page = await engine.find(ITEM, limit=1000)
    assert (len(page.rows), page.rows[-1].id) == (1000, "i0999")
    assert [one.id for one in (await engine.find(ITEM, limit=1000, after=page.next)).rows] == ["i1000"]


FORGED = [
    "",
    "x",
    "AAAA",
    "====",
    "'; DROP TABLE item; --",
    "\0",
    "\U0001f600",
    "A" * 100_000,
    base64.urlsafe_b64encode(msgspec.msgpack.encode([b"12345678", None, "a"])).decode(),
    base64.urlsafe_b64encode(msgspec.msgpack.encode({"$gt": ""})).decode(),
]


@pytest.mark.parametrize("cursor", FORGED, ids=range(len(FORGED)))
async def test_a_forged_cursor_is_refused(engine: Engine, cursor: str) -> None:
    await fill(engine)
    with pytest.raises(Malformed):
        await engine.find(ITEM, order="size", after=cursor)


async def test_a_cursor_serves_its_own_query_only(engine: Engine) -> None:
    await fill(engine)
    cursor = (await engine.find(ITEM, [Where("account", "=", "blue")], order="size", limit=1)).next
    assert cursor is not None
    blue, green = [Where("account", "=", "blue")], [Where("account", "=", "green")]
    for where, order in (([], "size"), (green, "size"), (blue, "-size"), (blue, "id")):
        with pytest.raises(Malformed):
            await engine.find(ITEM, where, order=order, after=cursor)
    with pytest.raises(Malformed):
        await engine.find(WORDS, [Where("account", "=", "blue")], order="account", after=cursor)


async def test_a_changed_cursor_is_refused_or_stays_inside_the_conditions(engine: Engine) -> None:
    """A cursor is a position, not a permission: whatever is done to it, only rows of the query come."""
    await fill(engine)
    where = [Where("account", "=", "blue")]
    cursor = (await engine.find(ITEM, where, order="size", limit=2)).next
    assert cursor is not None
    for place in range(len(cursor)):
        for letter in "AQz9-":
            changed = cursor[:place] + letter + cursor[place + 1 :]
            try:
                page = await engine.find(ITEM, where, order="size", after=changed)
            except Malformed:
                continue
            assert all(one.account == "blue" for one in page.rows)


async def test_names_that_are_words_of_the_query_language_are_names(engine: Engine) -> None:
    for n in range(4):
        values = {"group": n % 2, "select": str(n), "from": None, "value": 3 - n}
        await engine.insert(WORDS, row(f"w{n}", **values))
    assert await walk(engine, WORDS, [Where("group", "=", 1)], order="-select", limit=1) == ["w3", "w1"]
    assert await walk(engine, WORDS, [Where("from", "=", None)], order="value", limit=3) == ["w3", "w2", "w1", "w0"]


async def test_count_follows_every_change(engine: Engine) -> None:
    await fill(engine)
    red = [Where("colour", "=", "red")]
    assert await engine.count(ITEM, red) == 2
    await engine.delete(ITEM, "i01")
    assert await engine.count(ITEM, red) == 1
    await engine.replace(ITEM, row("i00", account="green", version=2, colour="red"))
    assert await engine.count(ITEM, red) == 2


def test_the_sample_has_ties_in_every_order() -> None:
    assert any(one == two for one, two in pairwise(sorted(size for size in SIZES if size is not None)))
    assert COLOURS.count("red") == 2
