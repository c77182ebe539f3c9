"""What the dialogue needs of an understanding: one method that turns a text into a parse, without waiting.

`ExactUnderstanding` knows the training examples and nothing else. It needs no training, so a project can be talked to
before its model is there, and a dialogue can be tested without one.
"""

import re
from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from bot_runtime.assistants.nlu_data import EntitySpan, Example, TrainingData


class Intent(msgspec.Struct, frozen=True):
    """An intent and how sure the model is, 0 to 1. `name` is None when the model has nothing to say."""

    name: str | None
    confidence: float


class Parse(msgspec.Struct, frozen=True):
    """What a text means. `entities` are dicts in Rasa's form (entity, start, end, value, extractor, confidence_entity,
    role, group). `intent_ranking` begins with `intent`. `response_selector` is Rasa's member of that name, keyed by
    retrieval intent, empty when the assistant has none."""

    text: str
    intent: Intent
    entities: tuple[dict[str, Any], ...] = ()
    intent_ranking: tuple[Intent, ...] = ()
    response_selector: Mapping[str, Any] = {}


class Understanding(Protocol):
    """A trained model. `parse` is pure and quick (about a tenth of a millisecond): it is called inside a turn."""

    def parse(self, text: str) -> Parse:
        """The parse of a visitor's text; every text has one."""


_WORDS = re.compile(r"[^\w]+")


def normalise(text: str) -> str:
    """The form under which `ExactUnderstanding` compares: words only, case folded, single spaces."""
    return _WORDS.sub(" ", text.casefold()).strip()


class ExactUnderstanding:
    """Understands what stands in the training data, word for word; case, punctuation and spacing do not matter.

    Entities come back when the text is the example verbatim; in a text that differs the annotated words are looked
    for. What matches no example has no intent (None, 0.0).
    """

    def __init__(self, data: TrainingData) -> None:
        self._verbatim: dict[str, Example] = {}
        self._normalised: dict[str, Example] = {}
        self._intents = data.intents
        self._retrieval = data.retrieval
        self._responses = data.responses
        for example in data.examples:
            self._verbatim.setdefault(example.text, example)
            self._normalised.setdefault(normalise(example.text), example)

    def parse(self, text: str) -> Parse:
        """The parse of the example that `text` is; see the class for what happens when it is none."""
        example = self._verbatim.get(text) or self._normalised.get(normalise(text))
        if example is None:
            return Parse(text, Intent(None, 0.0))
        name = example.base_intent
        others = (Intent(other, 0.0) for other in self._intents if other != name)
        return Parse(
            text,
            Intent(name, 1.0),
            tuple(found for span in example.entities if (found := _locate(text, example, span)) is not None),
            (Intent(name, 1.0), *others),
            selection(example.intent, self._retrieval, self._responses) if "/" in example.intent else {},
        )


def _locate(text: str, example: Example, span: EntitySpan) -> dict[str, Any] | None:
    """The entity of `span` where it stands in `text`, or None when the words are not there."""
    words = example.text[span.start : span.end]
    start = span.start if text == example.text else text.casefold().find(words.casefold())
    if start < 0:
        return None
    entity: dict[str, Any] = {"entity": span.entity, "start": start, "end": start + len(words), "value": span.value}
    if span.role is not None:
        entity["role"] = span.role
    if span.group is not None:
        entity["group"] = span.group
    return {**entity, "confidence_entity": 1.0, "extractor": "ExactUnderstanding"}


def selection(
    full_intent: str,
    retrieval: Mapping[str, tuple[str, ...]],
    responses: Mapping[str, tuple[dict[str, Any], ...]],
    confidence: float = 1.0,
) -> dict[str, Any]:
    """Rasa's `response_selector` member saying that `full_intent` (`faq/ask_hours`) was selected."""
    base = full_intent.partition("/")[0]
    return {
        "all_retrieval_intents": sorted(retrieval),
        base: {
            "response": {
                "responses": list(responses.get(f"utter_{full_intent}", ())),
                "confidence": confidence,
                "intent_response_key": full_intent,
                "utter_action": f"utter_{full_intent}",
            },
            "ranking": [{"confidence": confidence, "intent_response_key": full_intent}],
        },
    }
