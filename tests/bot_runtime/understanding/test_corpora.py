"""Public corpora: as accurate as NLU.md says that this design is (BR-4). Larger ones are in `benchmarks/nlu.py`."""

import gzip
import json
from pathlib import Path
from statistics import mean, median
from time import process_time

import pytest

from bot_runtime.assistants.nlu_data import EntitySpan, Example, TrainingData
from bot_runtime.assistants.understanding import Model
from tests.bot_runtime.understanding.conftest import model_of


def read(path: Path) -> list[Example]:
    examples = []
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            item = json.loads(line)
            spans = tuple(
                EntitySpan(e["start"], e["end"], item["text"][e["start"] : e["end"]], e["entity"])
                for e in item.get("entities", ())
            )
            examples.append(Example(item["text"], item["intent"], spans))
    return examples


def trained_on(corpus: Path, train: str = "train", test: str = "test") -> tuple[Model, list[Example]]:
    examples = read(corpus / f"{train}.jsonl.gz")
    kinds = sorted({span.entity for example in examples for span in example.entities})
    data = TrainingData(
        examples=tuple(examples),
        intents=tuple(dict.fromkeys(example.intent for example in examples)),
        entities=tuple(kinds),
    )
    return model_of(data), read(corpus / f"{test}.jsonl.gz")


def accuracy(model: Model, tests: list[Example]) -> float:
    return 100 * mean(model.parse(example.text).intent.name == example.intent for example in tests)


@pytest.mark.parametrize(
    ("corpus", "intents", "entities"),
    [("braun_Chatbot", 99.0, 90.0), ("braun_AskUbuntu", 90.8, 82.0), ("braun_WebApplications", 79.6, 60.0)],
)
def test_BR_4_small_corpora(shared: Path, corpus: str, intents: float, entities: float) -> None:
    model, tests = trained_on(shared / "data" / "nlu" / corpus)

    hits = wrong = missed = 0
    for example in tests:
        found = {(e["start"], e["end"], e["entity"]) for e in model.parse(example.text).entities}
        true = {(span.start, span.end, span.entity) for span in example.entities}
        hits, wrong, missed = hits + len(found & true), wrong + len(found - true), missed + len(true - found)

    assert accuracy(model, tests) >= intents
    assert 200 * hits / (2 * hits + wrong + missed) >= entities


@pytest.mark.slow
def test_BR_4_sixty_four_intents_of_ten_examples(shared: Path) -> None:
    """Better than DIET (64.0), LUIS (67.3) and Dialogflow (64.0); calibrated; quick to ask."""
    model, tests = trained_on(shared / "data" / "nlu" / "dialoglue_HWU64", train="train_10")

    assert accuracy(model, tests) >= 72.6
    parses = [model.parse(example.text) for example in tests]
    right = [parse.intent.name == example.intent for parse, example in zip(parses, tests, strict=True)]
    assert abs(mean(parse.intent.confidence for parse in parses) - mean(right)) < 0.06
    sure = [correct for parse, correct in zip(parses, right, strict=True) if parse.intent.confidence > 0.9]
    assert mean(sure) > 0.9
    times = []
    for example in tests:
        began = process_time()
        model.parse(example.text)
        times.append(process_time() - began)
    assert median(times) < 500e-6  # about 60 µs on a quiet machine
