"""From words to a parse (RASA.md 1.3): `/intent` shortcuts, the fallback, retrieval intents."""

from typing import Any

import pytest

from bot_runtime.assistants import Intent, Parse
from bot_runtime.assistants.config_reader import FallbackSettings
from bot_runtime.assistants.domain import DEFAULT_INTENTS, Domain
from bot_runtime.assistants.parsing import parse_message

DOMAIN = Domain(
    used_entities=dict.fromkeys((*DEFAULT_INTENTS, "inform", "faq"), frozenset({"city", "size"})),
    entities=("city", "size"),
)


class Says:
    """An understanding that gives the same ranking to every text."""

    def __init__(self, *ranking: tuple[str | None, float], **selector: Any) -> None:
        self._ranking = tuple(Intent(name, confidence) for name, confidence in ranking)
        self._selector = selector

    def parse(self, text: str) -> Parse:
        return Parse(text, self._ranking[0], (), self._ranking, self._selector)


def parse(text: str, understanding: Says | None = None, fallback: FallbackSettings | None = None) -> dict[str, Any]:
    return parse_message(text, DOMAIN, understanding or Says(("inform", 0.9)), fallback)


def test_a_shortcut_says_what_is_meant() -> None:
    assert parse("/inform") == {
        "intent": {"name": "inform", "confidence": 1.0},
        "entities": [],
        "text": "/inform",
        "intent_ranking": [{"name": "inform", "confidence": 1.0}],
    }


@pytest.mark.parametrize(
    ("text", "confidence", "values"),
    [
        ('/inform{"city":"Berlin"}', 1.0, [("city", "Berlin")]),
        ('/inform@0.7{"city":"Berlin"}', 0.7, [("city", "Berlin")]),
        ("/inform@3", 1.0, []),
        ("/inform@1.2.3", 0.0, []),
        ('/inform {"city":["Berlin","Bonn"],"size":3}', 1.0, [("city", "Berlin"), ("city", "Bonn"), ("size", 3)]),
        ('/inform{"unknown":1,"size":null}', 1.0, [("size", None)]),
        ('/inform{"city":}', 1.0, []),
        ("/inform{nonsense}", 1.0, []),
        ('/inform{"city":"Berlin"} and more', 1.0, [("city", "Berlin")]),
        ("/inform{" + "[" * 100_000 + "}", 1.0, []),
    ],
)
def test_shortcuts_with_entities(text: str, confidence: float, values: list[tuple[str, Any]]) -> None:
    found = parse(text)
    assert found["intent"] == {"name": "inform", "confidence": confidence}
    assert [(one["entity"], one["value"]) for one in found["entities"]] == values


def test_an_entity_of_a_shortcut_stands_where_its_braces_stand() -> None:
    """As recorded from Rasa: all entities span the JSON, and name the handler as their extractor."""
    assert parse('/inform{"size":4}')["entities"] == [
        {"entity": "size", "value": 4, "start": 7, "end": 17, "extractor": "RegexMessageHandler"}
    ]


@pytest.mark.parametrize("text", ["/unheard_of", "/", "/{}", "/faq/hours", "//inform"])
def test_what_is_no_intent_is_a_text(text: str) -> None:
    found = parse(text)
    assert (found["text"], found["intent"]) == (text, {"name": "inform", "confidence": 0.9})


@pytest.mark.parametrize("intent", DEFAULT_INTENTS)
def test_default_intents_need_not_be_in_the_domain(intent: str) -> None:
    assert parse(f"/{intent}")["intent"]["name"] == intent


@pytest.mark.parametrize(
    ("ranking", "name"),
    [
        ([("inform", 0.29)], "nlu_fallback"),
        ([("inform", 0.3)], "inform"),
        ([("inform", 0.5), ("faq", 0.45)], "nlu_fallback"),
        ([("inform", 0.5), ("faq", 0.25)], "inform"),
        ([(None, 0.0)], "nlu_fallback"),
    ],
)
def test_the_fallback(ranking: list[tuple[str | None, float]], name: str) -> None:
    found = parse("hm", Says(*ranking), FallbackSettings())
    assert found["intent"]["name"] == name
    if name == "nlu_fallback":
        assert found["intent"]["confidence"] == 0.3
        assert found["intent_ranking"][0] == {"name": "nlu_fallback", "confidence": 0.3}
        assert found["intent_ranking"][1]["name"] == ranking[0][0]


def test_without_a_fallback_what_is_found_counts() -> None:
    assert parse("hm", Says(("inform", 0.01)))["intent"]["name"] == "inform"


def test_a_shortcut_never_falls_back() -> None:
    assert parse("/inform@0.1", fallback=FallbackSettings())["intent"]["name"] == "inform"


def test_a_ranking_is_cut_at_ten() -> None:
    ranking = [(f"i{n}", 1.0 - n / 100) for n in range(30)]
    assert len(parse("hm", Says(*ranking))["intent_ranking"]) == 10


def test_a_selected_response_names_the_full_intent() -> None:
    selected = {"response": {"intent_response_key": "faq/hours", "utter_action": "utter_faq/hours"}}
    found = parse("open?", Says(("faq", 1.0), faq=selected))
    assert found["intent"] == {"name": "faq", "confidence": 1.0, "full_retrieval_intent_name": "faq/hours"}
    assert found["response_selector"] == {"faq": selected}
