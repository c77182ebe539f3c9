"""Entities learned from annotated examples: their places, kinds, roles and groups, in Rasa's form."""

import pytest

from bot_runtime.assistants.nlu_data import Component, TrainingData
from bot_runtime.assistants.understanding import Model
from bot_runtime.assistants.understanding.chain import best_path, certainty
from tests.bot_runtime.understanding.conftest import TRAVEL, entities, model_of, project


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("book from Hamburg to Rome", [("city#from", "Hamburg"), ("city#to", "Rome")]),
        ("a ticket from Rome to Lisbon, please", [("city#from", "Rome"), ("city#to", "Lisbon")]),
        ("I need two tickets to Prague", [("number", "2"), ("city#to", "Prague")]),
        ("hello", []),
        ("", []),
    ],
)
def test_places_and_roles_are_learned(model: Model, text: str, expected: list[tuple[str, str]]) -> None:
    assert entities(model, text) == expected


def test_an_entity_has_rasas_form(model: Model) -> None:
    (entity,) = model.parse("travel to Paris").entities

    assert 0 < entity.pop("confidence_entity") <= 1
    assert entity == {
        "entity": "city",
        "start": 10,
        "end": 15,
        "value": "Paris",
        "extractor": "DIETClassifier",
        "role": "to",
    }


def test_a_synonym_gives_the_value_and_the_place_stays(model: Model) -> None:
    entity = next(e for e in model.parse("I need three tickets to London").entities if e["entity"] == "number")

    assert (entity["value"], entity["start"], entity["end"]) == ("3", 7, 12)
    assert entity["processors"] == ["EntitySynonymMapper"]


def test_groups_are_learned() -> None:
    def line(first: str, second: str) -> str:
        return (
            f'one [{first}]{{"entity": "size", "group": "1"}} pizza and '
            f'one [{second}]{{"entity": "size", "group": "2"}} pizza'
        )

    sizes = ("small", "large", "huge", "tiny")
    model = model_of(project({"order": [line(a, b) for a in sizes for b in sizes if a != b], "greet": ["hello", "hi"]}))

    assert entities(model, "one large pizza and one small pizza") == [("size#1", "large"), ("size#2", "small")]


def test_two_entities_side_by_side_stay_two() -> None:
    toppings = ("ham", "tuna", "olives", "corn")
    lines = [f"pizza with [{a}](topping) [{b}](topping)" for a in toppings for b in toppings if a != b]
    model = model_of(project({"order": lines, "greet": ["hello", "hi"]}))

    assert entities(model, "pizza with corn ham") == [("topping", "corn"), ("topping", "ham")]


def test_entities_of_several_words_are_one() -> None:
    dishes = ("fish and chips", "apple pie", "ham and eggs", "pea soup", "roast beef")
    lines = [f"I would like [{dish}](dish) please" for dish in dishes]
    model = model_of(project({"order": lines, "greet": ["hello", "hi"]}))

    assert entities(model, "I would like ham and eggs please") == [("dish", "ham and eggs")]


def test_lookups_and_expressions_join_in() -> None:
    data = project(
        TRAVEL,
        lookups=(("city", ("Ulan Bator", "Paris")), ("airline", ("Air One",))),
        regexes=(("booking", r"\b[A-Z]{2}\d{4}\b"),),
        entities=("city", "number", "airline", "booking"),
    )
    model = model_of(data)

    found = {
        (entity["value"], entity["entity"]): entity
        for entity in model.parse("cancel AB1234 with air one from Paris to Ulan Bator").entities
    }

    assert set(found) == {
        ("AB1234", "booking"),
        ("air one", "airline"),
        ("Paris", "city"),
        ("Ulan Bator", "city"),
    }
    assert found["AB1234", "booking"]["extractor"] == "RegexEntityExtractor"
    assert found["Paris", "city"]["role"] == "from"
    starts = [entity["start"] for entity in model.parse("Air One from Paris to Ulan Bator").entities]
    assert starts == sorted(starts)


@pytest.mark.parametrize(
    ("components", "extractor"),
    [
        ((), "DIETClassifier"),
        ((Component("DIETClassifier"),), "DIETClassifier"),
        ((Component("DIETClassifier", {"entity_recognition": False}),), None),
        (
            (Component("DIETClassifier", {"entity_recognition": False}), Component("CRFEntityExtractor")),
            "CRFEntityExtractor",
        ),
        ((Component("LogisticRegressionClassifier"),), None),
    ],
)
def test_the_pipeline_says_whether_entities_are_learned(
    components: tuple[Component, ...], extractor: str | None
) -> None:
    model = model_of(project(TRAVEL, pipeline=components))

    assert [entity["extractor"] for entity in model.parse("travel to Paris").entities] == (
        [extractor] if extractor else []
    )


def test_characters_of_unspaced_scripts_are_tagged() -> None:
    cities = ("北京", "上海", "广州", "深圳", "成都")
    lines = [f"我想去[{city}](city)" for city in cities] + [f"从[{city}](city)出发" for city in cities]
    model = model_of(project({"book": lines, "greet": ["你好", "早上好"]}))

    assert entities(model, "从上海出发") == [("city", "上海")]


def test_a_project_without_entities_has_no_tagger() -> None:
    data = project({"a": ["hello"], "b": ["bye"]})

    assert model_of(data).learned.tagger is None
    assert model_of(data).parse("hello").entities == ()


def brute(scores: list[list[float]], steps: list[list[float]]) -> list[int]:
    from itertools import product

    def total(path: tuple[int, ...]) -> float:
        own = sum(scores[at][label] for at, label in enumerate(path))
        return own + sum(steps[a][b] for a, b in zip((0, *path), (*path, 0), strict=True))

    return list(max(product(range(len(steps)), repeat=len(scores)), key=total))


def test_the_search_finds_the_best_sequence() -> None:
    from random import Random

    random = Random(7)  # noqa: S311
    for _ in range(200):
        count, length = random.randint(2, 4), random.randint(1, 5)
        scores = [[random.gauss(0, 2) for _ in range(count)] for _ in range(length)]
        steps = [[random.gauss(0, 1) for _ in range(count)] for _ in range(count)]
        candidates = [list(range(count)) for _ in range(length)]

        path = best_path(scores, candidates, steps, before=True, behind=True)

        assert path == brute(scores, steps)
        assert all(0 < certainty(scores, candidates, steps, path, at) <= 1 for at in range(length))


def test_leaving_out_labels_that_cannot_win_changes_no_result(travel: TrainingData) -> None:
    """The same tagger that may leave out nothing finds the same."""
    import numpy as np

    from bot_runtime.assistants.understanding.text import tokens_of

    tagger = model_of(travel).learned.tagger
    assert tagger is not None
    texts = [example.text for example in travel.examples] + [
        "to Rome from Oslo",
        "for two to New Delhi",
        "Paris Rome Oslo",
    ]
    pruned = [tagger.find(tokens_of(text), (), "book") for text in texts]

    tagger._slack = np.full_like(tagger._slack, np.inf)
    tagger._slack[0] = -np.inf
    everything = [tagger.find(tokens_of(text), (), "book") for text in texts]

    assert any(pruned)
    assert [[found[:3] for found in one] for one in pruned] == [[found[:3] for found in one] for one in everything]
