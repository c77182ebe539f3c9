"""What a trained model says: intents with honest confidences, the right retrieval key, and something sane for any text."""

import math
import time

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot_runtime.assistants.nlu_data import TrainingData
from bot_runtime.assistants.understanding import Model
from bot_runtime.assistants.understanding.text import MAX_CHARACTERS
from bot_runtime.assistants.understanding_port import Intent, Understanding
from tests.bot_runtime.understanding.conftest import TRAVEL, model_of, project


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hello there", "greet"),
        ("HI!", "greet"),
        ("goodbye then", "goodbye"),
        ("please cancel my trip", "cancel"),
        ("a ticket to Hamburg", "book"),
        ("may my dogs come along", "faq"),
        ("nice weather today", "chat"),
    ],
)
def test_sentences_like_the_examples_are_understood(model: Model, text: str, intent: str) -> None:
    assert model.parse(text).intent.name == intent


def test_it_is_an_understanding(model: Model) -> None:
    understanding: Understanding = model

    parse = understanding.parse("hello")

    assert parse.text == "hello"
    assert parse.intent == parse.intent_ranking[0]


def test_the_ranking_is_a_share_of_one_highest_first(model: Model) -> None:
    ranking = model.parse("I would like to travel with my dog").intent_ranking

    assert [intent.name for intent in ranking] == sorted(
        (intent.name for intent in ranking),
        key=lambda name: -next(intent.confidence for intent in ranking if intent.name == name),
    )
    assert {intent.name for intent in ranking} == {"greet", "goodbye", "book", "cancel", "faq", "chat"}
    assert math.isclose(sum(intent.confidence for intent in ranking), 1, rel_tol=1e-5)


def test_ten_intents_are_shown_of_many() -> None:
    words = ("apple", "bread", "cheese", "dates", "eggs", "figs", "grapes", "honey", "ice", "juice", "kale", "lemon")
    model = model_of(project({word: [f"I want {word}", f"give me {word}"] for word in words}))

    ranking = model.parse("some lemon").intent_ranking

    assert len(ranking) == 10
    assert ranking[0].name == "lemon"


def test_what_the_author_wrote_is_understood_as_written(model: Model) -> None:
    for intent, lines in TRAVEL.items():
        for line in lines:
            if "[" not in line:
                parse = model.parse(line.upper() + " .")
                assert parse.intent.name == intent.partition("/")[0]
                assert parse.intent.confidence >= 0.95
                assert math.isclose(sum(each.confidence for each in parse.intent_ranking), 1, rel_tol=1e-5)


def test_a_sentence_under_two_intents_is_no_certainty() -> None:
    model = model_of(project({"a": ["yes", "one thing"], "b": ["yes", "another"]}))

    assert model.parse("one thing").intent.confidence >= 0.95
    assert model.parse("yes").intent.confidence < 0.95


def test_nonsense_is_answered_with_little_confidence(model: Model) -> None:
    assert model.parse("hello").intent.confidence > 0.8
    for text in ("qwrtzpsdf", "kjhkjh 39 ## jjj"):
        assert model.parse(text).intent.confidence < 0.6


@pytest.mark.parametrize("text", ["", " ", "\n\t", "…", "ÄÖÜ漢字", "\ud800", "\x00"])
def test_a_text_in_which_nothing_is_known_has_no_intent(text: str) -> None:
    model = model_of(project({"a": ["hello"], "b": ["bye"]}))

    parse = model.parse(text)

    assert parse.intent == Intent(None, 0.0)
    assert (parse.intent_ranking, parse.entities) == ((), ())
    assert parse.text == text


def test_an_empty_project_understands_nothing() -> None:
    model = model_of(TrainingData())

    assert model.parse("hello").intent == Intent(None, 0.0)
    assert model.reliability == ()


def test_examples_without_any_word_train_too() -> None:
    model = model_of(project({"a": ["…"], "b": [""]}))

    assert model.parse("hello").intent.name in {None, "a", "b"}


def test_with_one_intent_confidence_is_what_is_known_of_the_words() -> None:
    model = model_of(project({"greet": ["hello there", "good morning"]}))

    assert model.parse("hello there").intent == Intent("greet", 1.0)
    assert model.parse("hello stranger").intent == Intent("greet", 0.5)
    assert model.parse("quantum entanglement").intent.confidence == 0


def test_one_example_per_intent_is_enough_to_begin() -> None:
    model = model_of(project({"greet": ["hello"], "goodbye": ["bye"], "order_pizza": ["a margherita please"]}))

    assert model.parse("hello").intent.name == "greet"
    assert model.parse("I want to order pizza").intent.name == "order_pizza"  # by the intent's name
    assert [note for note in model.notes if "`greet` has one example only" in note]


def test_emoji_and_other_scripts_are_words() -> None:
    model = model_of(
        project(
            {
                "happy": ["😀", "great 👍"],
                "sad": ["😢", "bad 👎"],
                "greet_zh": ["你好", "早上好", "您好吗"],
                "book_zh": ["我想订票", "预订一张去北京的票"],
                "greet_hi": ["नमस्ते", "शुभ प्रभात"],
            }
        )
    )

    for text, intent in (
        ("👍", "happy"),
        ("👎👎", "sad"),
        ("你好吗", "greet_zh"),
        ("想订去上海的票", "book_zh"),
        ("नमस्ते जी", "greet_hi"),
    ):
        assert model.parse(text).intent.name == intent


def test_the_selector_picks_the_key_of_every_retrieval_intent(model: Model) -> None:
    selection = model.parse("can I bring my dog with me").response_selector

    assert selection["all_retrieval_intents"] == ["chat", "faq"]
    response = selection["faq"]["response"]
    assert response["intent_response_key"] == "faq/pets"
    assert response["utter_action"] == "utter_faq"
    assert response["responses"] == [{"text": "Dogs are welcome."}, {"text": "Cats too."}]
    assert selection["faq"]["ranking"][0]["intent_response_key"] == "faq/pets"
    assert response["confidence"] == selection["faq"]["ranking"][0]["confidence"]
    assert math.isclose(sum(ranked["confidence"] for ranked in selection["faq"]["ranking"]), 1, rel_tol=1e-5)
    assert selection["default"] == selection["faq"]
    other = model.parse("who are you then").response_selector
    assert other["default"] == other["chat"]


def test_a_verbatim_example_selects_its_own_key(model: Model) -> None:
    response = model.parse("Luggage rules").response_selector["faq"]["response"]

    assert response["intent_response_key"] == "faq/luggage"
    assert response["confidence"] >= 0.95


def test_without_retrieval_intents_there_is_no_selection() -> None:
    assert model_of(project({"a": ["hello"], "b": ["bye"]})).parse("hello").response_selector == {}


def test_a_parse_can_be_stored_as_json(model: Model) -> None:
    parse = model.parse("from Rome to Oslo for two, and my dog")

    assert msgspec.json.decode(msgspec.json.encode(parse))["intent"]["name"] == parse.intent.name


def test_the_same_data_give_the_same_model(travel: TrainingData) -> None:
    one, two = model_of(travel), model_of(travel)

    for text in ("hello", "from Rome to Oslo for two", "can I take my suitcase", "mumble"):
        assert one.parse(text) == two.parse(text)


def test_the_reliability_table_adds_up(model: Model, travel: TrainingData) -> None:
    table = model.reliability

    assert sum(line.examples for line in table) == len(travel.examples)
    assert all(line.above <= line.confidence <= line.to + 1e-6 for line in table)
    assert all(0 <= line.right <= 1 for line in table)
    gap = sum(line.examples * abs(line.confidence - line.right) for line in table) / len(travel.examples)
    assert gap < 0.3


def test_a_long_text_costs_little_and_is_cut(model: Model) -> None:
    began = time.process_time()
    for text in ("from Rome to Oslo " * 5_000, "x" * 100_000, "a b " * 50_000, "é漢😀" * 20_000):
        parse = model.parse(text)
        assert all(entity["end"] <= MAX_CHARACTERS for entity in parse.entities)
    assert time.process_time() - began < 2

    assert model.parse("hello" + " " * MAX_CHARACTERS + "cancel my booking").intent.name == "greet"


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_every_text_has_a_parse(model: Model, text: str) -> None:
    parse = model.parse(text)

    assert parse.text == text
    assert 0 <= parse.intent.confidence <= 1.0000001
    for entity in parse.entities:
        assert 0 <= entity["start"] < entity["end"] <= len(text)
        assert 0 <= entity["confidence_entity"] <= 1.0000001


def test_nothing_of_a_visitors_text_is_kept(travel: TrainingData) -> None:
    model = model_of(travel)
    model.parse("hello")

    model.parse("my password is Xyzzy-4711 and I go to Zanzibar with Rumpelstilzchen")

    tagger = model.learned.tagger
    assert tagger is not None
    features = model.learned.features
    kept = [*tagger._words, *tagger._outlines, *features._grams_of, *features._stems_of]
    assert "hello" in kept
    assert not [word for word in kept if word.lower() in {"xyzzy", "4711", "zanzibar", "rumpelstilzchen", "xyzzy-4711"}]
