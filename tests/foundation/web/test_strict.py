"""Strict JSON: one spelling, one meaning (N-1 … N-4, M-6, M-7, section 0 finding 5)."""

import contextlib
import json
import time

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import Invalid, Malformed
from foundation.web import Body, Frame
from foundation.web.strict import MAX_DEPTH, decode, decoder


class Point(Body):
    x: int
    y: float = 0.0


class Order(Body):
    token: str
    count: int = 0
    open: bool = False
    point: Point | None = None
    tags: tuple[str, ...] = ()
    any: object = None


class TakeOver(Frame):
    conversation: str


class Close(Frame):
    pass


def test_a_whole_value_is_read() -> None:
    text = '{"token": "a", "count": 2, "open": true, "point": {"x": 1, "y": 2.5}, "tags": ["b", "\\ud83d\\ude00"]}'
    assert decode(text, Order) == Order("a", 2, True, Point(1, 2.5), ("b", "😀"))


@pytest.mark.parametrize("text", [
    '{"token": "a", "token": "b"}', '{"token": "a", "to\\u006ben": "b"}', '{"token": "a", "token": "a"}',
    '{"token": "a", "point": {"x": 1, "x": 2}}', '{"token": "a", "any": [{"b": {"c": 1, "c": 1}}]}',
    '{"token": "a", "tags": ["x", {"k": 1, "k": 2}]}', '{"token": 1, "token": "b"}',
])  # fmt: skip
def test_a_member_named_twice_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        decode(text, Order)


@pytest.mark.parametrize("text", [
    "", " ", "{", "{}}", '{"token": "a"} x', '{"token": "a",}', "{'token': 'a'}", '{"token": NaN}',
    '{"count": Infinity}',
    '{"token": "\\ud800"}', '{"token": "\\udc00\\ud800"}', '{"token": "\\ud800abcdefghi"}', '{"token": "a\nb"}',
    '\ufeff{"token": "a"}', '{"token": "a" /* c */}', '{"token": "\\x41"}', "nul", "[1,]", '{"token": "a", "any": 01}',
    '{"token": "a", "any": 1.}', '{"token": "a", "any": .5}', '{"token": "a", "any": +1}', '{"token": "a", "any": -}',
    '{"token": "a", "any": "\\u00g0"}', '{"token" "a"}', '{"any": ' + "9" * 5_000 + ', "token": "a"}', "\x00",
    '{"\\ud800": 1, "token": "a"}',
])  # fmt: skip
def test_what_is_no_json_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        decode(text, Order)


def test_depth_has_an_end() -> None:
    def nested(depth: int) -> str:
        return '{"token": "a", "any": ' + "[" * (depth - 1) + "]" * (depth - 1) + "}"

    assert decode(nested(MAX_DEPTH), Order).token == "a"
    for depth in (MAX_DEPTH + 1, 1_000, 30_000):
        with pytest.raises(Malformed, match="levels"):
            decode(nested(depth), Order)
    with pytest.raises(Malformed):
        decode("[" * 60_000, Order)
    with pytest.raises(Malformed):
        decode('{"any":' * 9_000, Order)


def test_brackets_in_strings_are_no_depth() -> None:
    text = json.dumps({"token": "[{" * 100 + '\\"[[' * 50, "tags": ["]" * 90, "\\", '"', "[" * 90]})
    assert decode(text, Order).tags[0] == "]" * 90


def test_many_flat_lists_are_no_depth() -> None:
    assert decode('{"token": "a", "any": [' + ",".join(["[]"] * 500) + "]}", Order).token == "a"


@pytest.mark.parametrize("text", [
    '"' * 60_000, '\\"' * 30_000, "[" * 40 + '"\\' * 20_000, "[" * 40 + '"' + "a" * 60_000, "[" * 40 + '"\\"' * 20_000,
    "[],[" * 15_000, '{"a' * 20_000,
])  # fmt: skip
def test_Z_9_no_input_is_slow(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(Malformed):
        decode(text, Order)
    assert time.perf_counter() - began < 0.05


@pytest.mark.parametrize(("value", "field"), [
    ('{"$ne": null}', "token"), ('{"$gt": ""}', "token"), ('{"$regex": "^a"}', "token"), ('{"$in": ["a"]}', "token"),
    ('["a"]', "token"), ("1", "token"), ("true", "token"), ("null", "token"),
])  # fmt: skip
def test_N_1_an_operator_has_nowhere_to_stand(value: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(f'{{"token": {value}}}', Order)
    assert caught.value.data["field"] == field


@pytest.mark.parametrize(("text", "field"), [
    ('{"token": "a", "count": true}', "count"), ('{"token": "a", "count": "1"}', "count"),
    ('{"token": "a", "count": 1.5}', "count"), ('{"token": "a", "open": 1}', "open"),
    ('{"token": "a", "point": {"x": "1"}}', "point.x"), ('{"token": "a", "tags": ["b", 1]}', "tags[1]"),
    ('{"token": "a", "role": "admin"}', ""), ('{"token": "a", "$where": "1"}', ""), ("{}", ""), ("[]", ""), ("1", ""),
    ('{"token": "a", "point": {"x": 1, "z": 1}}', "point"), ('{"token": "a", "y": 1e999}', ""),
])  # fmt: skip
def test_a_wrong_value_is_named(text: str, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        decode(text, Order)
    assert caught.value.data["field"] == field


def test_the_fields_of_a_frame_are_told_by_its_type() -> None:
    union = TakeOver | Close
    assert decode('{"type": "take_over", "conversation": "x"}', union) == TakeOver("x")
    assert decode('{"type": "close"}', union) == Close()
    for text in ('{"type": "TakeOver", "conversation": "x"}', '{"conversation": "x"}', '{"type": 1}'):
        with pytest.raises(Invalid):
            decode(text, union)
    with pytest.raises(Invalid):
        decode('{"type": "close", "sender": "agent"}', union)
    assert msgspec.json.encode(TakeOver("x")) == b'{"type":"take_over","conversation":"x"}'


class Loose(msgspec.Struct):
    a: int = 0


class Holder(Body):
    inner: tuple[Loose, ...] = ()


@pytest.mark.parametrize("loose", [Loose, Holder, dict[str, Loose], list[Loose | None]])
def test_M_6_a_type_that_would_let_members_pass_cannot_be_used(loose: object) -> None:
    with pytest.raises(TypeError, match="forbid_unknown_fields"):
        decoder(loose)


class Tree(Body):
    left: "Tree | None" = None


def test_a_type_may_contain_itself() -> None:
    assert decode('{"left": {"left": null}}', Tree) == Tree(Tree())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


class Anything(Body):
    value: object


@given(json_values, st.booleans())
def test_what_other_readers_read_is_read_the_same(value: object, ascii: bool) -> None:
    text = json.dumps({"value": value}, ensure_ascii=ascii)
    assert decode(text, Anything).value == value


@given(st.text(alphabet='{}[]",:\\ue10 tnfr', max_size=60))
def test_nothing_but_a_problem_is_raised(text: str) -> None:
    with contextlib.suppress(Malformed, Invalid):
        assert isinstance(decode(text, Order), Order)
