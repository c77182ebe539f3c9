"""Values are data: no value, id, name or cursor that is given ever becomes part of a query (SECURITY N-1 … N-9)."""

from typing import Any

import pytest

from foundation.errors import Invalid
from foundation.records import Engine, Row, Where
from tests.contracts.cast import HEAD, ITEM, batch, filled, ids, row

OPERATORS_AS_VALUES: list[Any] = [
    {"$ne": None},
    {"$gt": ""},
    {"$exists": True},
    {"$type": 2},
    {"$regex": "^a"},
    {"$in": ["a", "b"]},
    {"$where": "sleep(5000)"},
    ["a", "b"],
    [],
    {},
    {"a"},
    ("a", "b"),
    1.5,
    float("nan"),
    b"bytes",
    object(),
]
"""N-1 … N-5: what a JSON body or a query string can turn into."""

TEXTS = [
    "' OR 1=1--",
    "'; DROP TABLE k_item; --",
    '" OR ""="',
    "1; ATTACH DATABASE '/tmp/x' AS x",
    "%",
    "_",
    "a\\",
    "*",
    "token[$ne]",
    "token.$ne",
    "$where",
    '{"$ne": null}',
    "a\0b",
    "\0",
    "",
    "é",
    "e\N{COMBINING ACUTE ACCENT}",
    "\U0001f469\u200d\U0001f4bb",
    "\u202etxt",
    "\ufeffx",
    "\r\nX: y",
    "x" * 50_000,
]
"""N-9 and the corners of Unicode: every one of them is a text like any other."""


@pytest.mark.parametrize(
    "value", OPERATORS_AS_VALUES, ids=lambda value: type(value).__name__ if type(value) is object else repr(value)
)
async def test_N_1_to_N_5_an_operator_as_a_value_is_refused(engine: Engine, value: Any) -> None:
    await engine.insert(ITEM, row("a", token="secret"))
    with pytest.raises(Invalid) as refusal:
        await engine.find(ITEM, [Where("token", "=", value)])
    assert refusal.value.data["field"] == "token"
    with pytest.raises(Invalid):
        await engine.count(ITEM, [Where("token", ">", value)])
    with pytest.raises(Invalid):
        await engine.insert(ITEM, row("b", token=value))
    with pytest.raises(Invalid):
        await engine.replace(ITEM, row("a", version=2, token=value))
    with pytest.raises(Invalid):
        await engine.append("log", batch(1), head=(HEAD, row("log", name=value)))
    assert await ids(engine) == ["a"]
    assert list(await engine.read("log")) == []


@pytest.mark.parametrize("value", [{"$ne": None}, ["a"], "a", None, 5, {"a": 1}, [{"$ne": 1}]], ids=repr)
async def test_N_4_in_takes_a_tuple_of_plain_values(engine: Engine, value: Any) -> None:
    with pytest.raises(Invalid):
        await engine.find(ITEM, [Where("token", "in", value)])
    with pytest.raises(Invalid):
        await engine.find(ITEM, [Where("token", "in", ("a", {"$ne": None}))])  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        await engine.find(ITEM, [Where("token", "in", tuple(range(1001)))])


@pytest.mark.parametrize("value", [{"$ne": None}, ["a"], None, 5, b"a", "", "x" * 513], ids=lambda one: repr(one)[:20])
async def test_N_4_ids_and_log_names_are_text(engine: Engine, value: Any) -> None:
    await engine.insert(ITEM, row("a"))
    with pytest.raises(Invalid):
        await engine.get(ITEM, value)
    with pytest.raises(Invalid):
        await engine.delete(ITEM, value)
    with pytest.raises(Invalid):
        await engine.insert(ITEM, row(value))
    with pytest.raises(Invalid):
        await engine.append(value, batch(1))
    with pytest.raises(Invalid):
        await engine.read(value)
    with pytest.raises(Invalid):
        await engine.delete_log(value)
    assert await ids(engine) == ["a"]


@pytest.mark.parametrize(
    "operator", ["!=", "<>", "like", "LIKE", "is", "$ne", "= '' OR 1=1 --", "regexp", "", None, ["="]], ids=repr
)
async def test_N_9_only_the_six_comparisons_exist(engine: Engine, operator: Any) -> None:
    with pytest.raises(Invalid):
        await engine.find(ITEM, [Where("token", operator, "a")])
    with pytest.raises(Invalid):
        await engine.count(ITEM, [Where("token", operator, "a")])


@pytest.mark.parametrize(
    "field",
    ["body", "version", "key", "password_hash", "1", "token; DROP TABLE x", "token, body", "$where", "", "f_size", 5],
    ids=repr,
)
async def test_N_7_only_declared_fields_can_be_searched_and_sorted_by(engine: Engine, field: Any) -> None:
    await engine.insert(ITEM, row("a"))
    with pytest.raises(Invalid):
        await engine.find(ITEM, [Where(field, "=", "a")])
    with pytest.raises(Invalid):
        await engine.find(ITEM, order=str(field))
    with pytest.raises(Invalid):
        await engine.find(ITEM, order=f"-{field}")
    with pytest.raises(Invalid):
        await engine.find(ITEM, order="--size")


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:30])
async def test_N_9_every_text_is_only_a_text(engine: Engine, text: str) -> None:
    await engine.insert(ITEM, row("other", colour="other", token="other"))
    written = Row("mine", 1, text[:500], text[:500], {"colour": text, "token": text}, text.encode())
    await engine.insert(ITEM, written)
    assert await engine.get(ITEM, "mine") == filled(ITEM, written)
    for where in (Where("colour", "=", text), Where("token", "in", (text,)), Where("account", "=", text[:500])):
        assert await ids(engine, where) == ["mine"]
    page = await engine.find(ITEM, order="colour", limit=1)
    after = await engine.find(ITEM, order="colour", limit=1, after=page.next)
    assert {one.id for one in (*page.rows, *after.rows)} == {"mine", "other"}


@pytest.mark.parametrize("text", [text[:500] for text in TEXTS if text], ids=lambda text: ascii(text)[:30])
async def test_N_9_ids_and_log_names_may_be_any_text(engine: Engine, text: str) -> None:
    await engine.insert(ITEM, row(text))
    await engine.insert(ITEM, row("other"))
    await engine.append(text, batch(1), head=(HEAD, row(text)))
    assert await engine.get(ITEM, text) == filled(ITEM, row(text))
    assert len(await engine.read(text)) == 1
    assert await engine.delete_log(text) == 1
    assert await engine.delete(ITEM, text) is True
    assert await ids(engine) == ["other"]


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**40], ids=str)
async def test_a_number_beyond_64_bits_is_refused(engine: Engine, number: int) -> None:
    with pytest.raises(Invalid, match="64 bits"):
        await engine.insert(ITEM, row("a", size=number))
    with pytest.raises(Invalid, match="64 bits"):
        await engine.find(ITEM, [Where("size", "<", number)])
    assert await engine.count(ITEM) == 0


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 0, -1], ids=str)
async def test_a_number_of_64_bits_is_kept_exactly(engine: Engine, number: int) -> None:
    await engine.insert(ITEM, row("a", size=number))
    found = await engine.get(ITEM, "a")
    assert found is not None
    assert found.fields["size"] == number
    assert await ids(engine, Where("size", "=", number)) == ["a"]


async def test_half_a_surrogate_pair_is_refused(engine: Engine) -> None:
    with pytest.raises(Invalid, match="surrogate"):
        await engine.insert(ITEM, row("a", colour="\ud800"))
    with pytest.raises(Invalid, match="surrogate"):
        await engine.find(ITEM, [Where("colour", "=", "\udfff")])
    with pytest.raises(Invalid, match="surrogate"):
        await engine.get(ITEM, "\ud800")
    assert await engine.count(ITEM) == 0


async def test_yes_and_no_are_1_and_0(engine: Engine) -> None:
    await engine.insert(ITEM, row("a", size=True, colour=False))
    found = await engine.get(ITEM, "a")
    assert found is not None
    assert [type(found.fields[field]) for field in ("size", "colour")] == [int, int]
    assert await ids(engine, Where("size", "=", 1), Where("colour", "=", False)) == ["a"]


async def test_a_body_is_bytes_and_nothing_else(engine: Engine) -> None:
    with pytest.raises(TypeError):
        await engine.insert(ITEM, Row("a", 1, "blue", "", {}, "text"))  # type: ignore[arg-type]
    assert await engine.count(ITEM) == 0
