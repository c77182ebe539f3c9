"""A small travel assistant, the way an author would write one, and models trained on it."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from bot_runtime.assistants.entity_annotations import read_annotations
from bot_runtime.assistants.nlu_data import Example, TrainingData
from bot_runtime.assistants.understanding import Model
from bot_runtime.assistants.understanding.training import train

TRAVEL = {
    "greet": ["hi", "hello", "good morning", "hey there", "hello you", "good evening"],
    "goodbye": ["bye", "see you later", "good night", "goodbye for now", "that is all, bye"],
    "book": [
        'from [Rome]{"entity": "city", "role": "from"} to [Paris]{"entity": "city", "role": "to"} please',
        'a ticket from [Berlin]{"entity": "city", "role": "from"} to [Rome]{"entity": "city", "role": "to"}',
        'I want to go from [Madrid]{"entity": "city", "role": "from"} to [New York]{"entity": "city", "role": "to"}',
        'travel to [Paris]{"entity": "city", "role": "to"}',
        'book a trip to [Berlin]{"entity": "city", "role": "to"} for [two](number:2)',
        'book from [London]{"entity": "city", "role": "from"} to [Oslo]{"entity": "city", "role": "to"}',
        'go to [Vienna]{"entity": "city", "role": "to"} tomorrow',
        'tickets from [Oslo]{"entity": "city", "role": "from"} to [Madrid]{"entity": "city", "role": "to"}',
        'I must leave from [Vienna]{"entity": "city", "role": "from"}',
        'I need [three](number:3) tickets to [London]{"entity": "city", "role": "to"}',
    ],
    "cancel": ["cancel my booking", "I do not want to travel any more", "please cancel the ticket", "undo my booking"],
    "faq/luggage": ["how much luggage may I take", "what about my suitcases", "is a bag included", "luggage rules"],
    "faq/pets": ["can I take my dog", "do you carry pets", "is my cat allowed on board", "animals on the train"],
    "faq/refund": ["do I get my money back", "how do refunds work", "when is a ticket refunded"],
    "chat/weather": ["what a nice day", "is it raining there", "how is the weather"],
    "chat/name": ["what is your name", "who are you", "how are you called"],
}


def project(intents: dict[str, Iterable[str]], **more: Any) -> TrainingData:
    """Training data as the project's reader would make them of these annotated examples."""
    examples = []
    for intent, lines in intents.items():
        for line in lines:
            text, spans = read_annotations(line)
            examples.append(Example(text, intent, spans))
    names = list(dict.fromkeys(example.intent for example in examples))
    bases = dict.fromkeys(name.partition("/")[0] for name in names)
    keys = {base: tuple(name for name in names if name.startswith(f"{base}/")) for base in bases}
    kinds = sorted({span.entity for example in examples for span in example.entities})
    settings: dict[str, Any] = {
        "examples": tuple(examples),
        "intents": tuple(bases),
        "retrieval": {base: own for base, own in keys.items() if own},
        "entities": tuple(kinds),
    }
    return TrainingData(**(settings | more))


def model_of(data: TrainingData) -> Model:
    """Trained here and now, without the process in between."""
    return Model(data, train(data))


RESPONSES = {
    "utter_faq/luggage": ({"text": "Two bags."},),
    "utter_faq/pets": ({"text": "Dogs are welcome."}, {"text": "Cats too."}),
}


@pytest.fixture(scope="session")
def travel() -> TrainingData:
    return project(TRAVEL, responses=RESPONSES)


@pytest.fixture(scope="session")
def model(travel: TrainingData) -> Model:
    return model_of(travel)


Entities = Callable[[Model, str], list[tuple[str, str]]]


def entities(model: Model, text: str) -> list[tuple[str, Any]]:
    """(kind with role and group, value) of what the model finds."""
    return [
        ("#".join(filter(None, (found["entity"], found.get("role"), found.get("group")))), found["value"])
        for found in model.parse(text).entities
    ]
