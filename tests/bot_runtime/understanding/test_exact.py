"""Lookup tables, regular expressions and synonyms: what the author listed is found word for word."""

from typing import Any

import pytest

from bot_runtime.assistants.nlu_data import Component, EntitySpan, Example, TrainingData
from bot_runtime.assistants.understanding.exact import Patterns, Synonyms, merged, problem_of, reaches
from bot_runtime.assistants.understanding.text import MAX_CHARACTERS, tokens_of
from tests.bot_runtime.understanding.conftest import model_of, project

LOOKUPS = (("bike", ("city bike", "bike", "e-bike", "C++", "cargo-bike XL")), ("place", ("Pier 4",)))
DATA = TrainingData(
    lookups=LOOKUPS, regexes=(("zip", r"\b\d{5}\b"), ("order", r"[A-Z]{2}-\d+")), entities=("bike", "zip")
)


def found(data: TrainingData, text: str, reach: dict[str, int] | None = None) -> list[tuple[str, str]]:
    patterns = Patterns(data, reach)
    listed = patterns.entities(text, patterns.matches(text, tokens_of(text)))
    assert all(text[entity["start"] : entity["end"]] == entity["value"] for entity in listed)
    return sorted((entity["entity"], entity["value"]) for entity in listed)


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("a City Bike please", [("bike", "City Bike")]),
        ("an e-bike or a bike?", [("bike", "bike"), ("bike", "e-bike")]),
        ("bikes and biker", []),
        ("I know C++!", [("bike", "C++")]),
        ("the cargo-bike  XL", [("bike", "cargo-bike  XL")]),
        ("at Pier 4", []),
        ("28195 or 281950", [("zip", "28195")]),
        ("AB-12", []),
        ("", []),
    ],
)
def test_whole_words_are_found_and_the_longest_wins(text: str, entities: list[tuple[str, str]]) -> None:
    """`place` and `order` are no entities of the domain: they are features only, as in Rasa."""
    assert found(DATA, text) == entities


def with_pipeline(*components: Component) -> TrainingData:
    return TrainingData(lookups=LOOKUPS, regexes=DATA.regexes, entities=DATA.entities, pipeline=components)


@pytest.mark.parametrize(
    ("settings", "entities"),
    [
        (None, []),
        ({}, [("bike", "CITY BIKE"), ("zip", "28195")]),
        ({"use_lookup_tables": False}, [("zip", "28195")]),
        ({"use_regexes": False}, [("bike", "CITY BIKE")]),
        ({"case_sensitive": True}, [("zip", "28195")]),
    ],
)
def test_the_pipeline_decides(settings: dict[str, Any] | None, entities: list[tuple[str, str]]) -> None:
    named = [] if settings is None else [Component("rasa.nlu.extractors.RegexEntityExtractor", settings)]

    assert found(with_pipeline(Component("WhitespaceTokenizer"), *named), "CITY BIKE 28195") == entities


def test_lookups_work_without_spaces() -> None:
    data = TrainingData(lookups=(("city", ("北京", "上海")),), entities=("city",))

    assert found(data, "我想去北京和上海") == [("city", "上海"), ("city", "北京")]


def test_a_wrong_expression_is_left_out_and_said() -> None:
    data = project({"a": ["x"], "b": ["y"]}, regexes=(("zip", "[0-9"), ("zip", "[a]")), entities=("zip",))

    model = model_of(data)

    assert problem_of("[0-9") is not None
    assert found(data, "a 0") == [("zip", "a")]
    assert any("`[0-9` of `zip` is not used" in note for note in model.notes)


def test_expressions_that_could_hold_up_the_server_are_tamed() -> None:
    patterns = [r"\b\d{5}\b", r"(\d+)+$", r"(a|aa)+b", r"(\w+\s?)*\.$", r"\S+@\S+\.\S+", "[", r"\d+"]

    reach = reaches(patterns)

    assert {pattern for pattern, characters in reach.items() if characters == 0} == set(patterns[1:4])
    assert 60 <= reach[patterns[4]] < 1_000
    assert not {patterns[0], patterns[5], patterns[6]} & set(reach)


def test_a_tamed_expression_sees_its_part_only() -> None:
    data = TrainingData(regexes=(("mail", r"\S+@\S+\.\S+"), ("bad", r"(x+)+y")), entities=("mail", "bad"))
    text = f"a@b.de {'x ' * 200} c@d.de xxy"

    assert found(data, text) == [("bad", "xxy"), ("mail", "a@b.de"), ("mail", "c@d.de")]
    assert found(data, text, {r"\S+@\S+\.\S+": 60, r"(x+)+y": 0}) == [("mail", "a@b.de")]


def test_empty_matches_are_no_entities() -> None:
    assert found(TrainingData(regexes=(("any", "x*"),), entities=("any",)), "abx") == [("any", "x")]


def test_an_endless_text_is_searched_in_time() -> None:
    words = tuple(f"bike {number} of the house" for number in range(5_000))
    data = TrainingData(lookups=(("bike", words),), entities=("bike",))

    assert len(found(data, ("bike 7 of the " * MAX_CHARACTERS)[:MAX_CHARACTERS])) == 0
    assert len(found(data, "bike 7 of the house " * 200)) == 200


def entity(value: str, start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"entity": "city", "value": value, "start": start, "end": end, **more}


def test_synonyms_do_not_depend_on_case_and_leave_a_mark() -> None:
    example = Example("to NYC", "book", (EntitySpan(3, 6, "New York", "city"),))
    data = TrainingData(examples=(example,), synonyms={"Big Apple": "New York", "two": "2"})
    synonyms = Synonyms(data)

    for text, value in (("nyc", "New York"), ("BIG APPLE", "New York"), ("Two", "2"), ("Rome", "Rome")):
        one = entity(text, 0, len(text))
        synonyms.apply(one)
        assert one["value"] == value
        assert one.get("processors") == (None if value == text else ["EntitySynonymMapper"])


def test_without_the_mapper_in_the_pipeline_values_stay() -> None:
    for components, value in (((), "2"), (("EntitySynonymMapper",), "2"), (("DIETClassifier",), "two")):
        one = entity("two", 0, 3)
        Synonyms(TrainingData(synonyms={"two": "2"}, pipeline=tuple(map(Component, components)))).apply(one)
        assert one["value"] == value


@pytest.mark.parametrize(
    ("learned", "listed", "kept"),
    [
        ([("York", 4, 8, {})], [("New York", 0, 8, {})], ["New York"]),
        ([("New York", 0, 8, {})], [("York", 4, 8, {})], ["New York"]),
        ([("York", 4, 8, {"role": "to"})], [("York", 4, 8, {})], ["York to"]),
        ([("York", 4, 8, {"role": "to"})], [("New York", 0, 8, {})], ["New York"]),
        ([("York", 4, 8, {})], [("York", 4, 8, {"extractor": "listed"})], ["York listed"]),
        ([("Rome", 0, 4, {})], [("Oslo", 9, 13, {})], ["Rome", "Oslo"]),
        ([("b", 5, 6, {}), ("c", 7, 8, {})], [("a b c", 3, 8, {})], ["a b c"]),
    ],
)
def test_of_two_in_one_place_the_better_stands(learned: Any, listed: Any, kept: list[str]) -> None:
    def dicts(items: Any) -> list[dict[str, Any]]:
        return [entity(value, start, end, **more) for value, start, end, more in items]

    result = merged(dicts(learned), dicts(listed))

    assert [" ".join([one["value"], *(one[k] for k in ("role", "extractor") if k in one)]) for one in result] == kept


def test_different_kinds_may_stand_in_one_place() -> None:
    both = merged([entity("Rome", 0, 4)], [entity("Rome", 0, 4) | {"entity": "word"}])

    assert [one["entity"] for one in both] == ["city", "word"]
