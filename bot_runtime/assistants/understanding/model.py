"""A trained understanding: text in, `Parse` out, in Rasa's terms and in about a tenth of a millisecond.

What holds for every text, whatever a visitor sends: `parse` returns, its time is linear in the length up to
`MAX_CHARACTERS`, and nothing of the text is kept. A text in which nothing is known has no intent (None, 0.0). A
sentence that stands in the training data under one intent has that intent, with `VERBATIM` confidence or more: what
the author wrote down is not a matter of opinion.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.nlu_data import TrainingData
from bot_runtime.assistants.understanding.exact import Patterns, Synonyms, Token, hints_of, merged, settings_of
from bot_runtime.assistants.understanding.features import Features
from bot_runtime.assistants.understanding.head import Head, shares
from bot_runtime.assistants.understanding.tagger import Tagger
from bot_runtime.assistants.understanding.text import MAX_CHARACTERS, normalised, tokens_of, words_of
from bot_runtime.assistants.understanding_port import Intent, Parse

SHOWN = 10
"""Intents in a ranking, as in Rasa."""

VERBATIM = 0.95

REMEMBERED = 4_096
"""Examples of the author whose parse is kept: what visitors say most often (yes, no, hello) stands there word for word."""

_FEW = 32
"""Up to so many classes are sorted faster without numpy."""


class Bin(NamedTuple):
    """A line of the reliability table: of held-out examples answered with this confidence, how many were right."""

    above: float
    to: float
    examples: int
    confidence: float
    right: float


class Group(NamedTuple):
    """Classes of which a text has one: columns `first` up to before `behind` of the head."""

    first: int
    behind: int
    temperature: float


class Learned(NamedTuple):
    """What a training found out. Everything else that a model needs stands in the training data."""

    features: Features
    head: Head
    intents: Group
    selectors: dict[str, Group]
    """By retrieval intent; the classes are its full names in the order of the training data."""

    verbatim: dict[int, tuple[int, int]]
    """Digest of a sentence → column of its intent, column of its full name (or -1)."""

    tagger: Tagger | None
    reaches: dict[str, int]
    """How many characters an expression may look at, where that is fewer than usual."""

    reliability: tuple[Bin, ...]
    notes: tuple[str, ...]
    """What the author should know: an expression that is not used, an intent with too few examples."""


def digest_of(words: list[str]) -> int:
    """The number under which a sentence is remembered."""
    return int.from_bytes(blake2b(normalised(words).encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


def entity_extractor(data: TrainingData) -> str | None:
    """The component of the pipeline that learns entities, by the name that entities carry; None when none does."""
    if not data.pipeline:
        return "DIETClassifier"
    settings = settings_of(data, "DIETClassifier")
    if settings is not None and settings.get("entity_recognition", True):
        return "DIETClassifier"
    return "CRFEntityExtractor" if settings_of(data, "CRFEntityExtractor") is not None else None


class Model:
    """The understanding of one assistant. Immutable but for caches of the training data's own words."""

    def __init__(self, data: TrainingData, learned: Learned) -> None:
        if learned.intents.behind - learned.intents.first != len(data.intents):
            raise ValueError("the model was trained on other intents")
        if {name: group.behind - group.first for name, group in learned.selectors.items()} != {
            name: len(keys) for name, keys in data.retrieval.items()
        }:
            raise ValueError("the model was trained on other retrieval intents")
        self.learned = learned
        self.intents = data.intents
        self._retrieval = {name: keys for name, keys in data.retrieval.items() if keys}
        self._all_retrieval = sorted(self._retrieval)
        self._responses = data.responses
        self._patterns = Patterns(data, learned.reaches)
        self._synonyms = Synonyms(data)
        self._extractor = entity_extractor(data) or ""
        self._examples = frozenset(example.text for example in data.examples)
        self._remembered: dict[str, Parse] = {}

    @property
    def reliability(self) -> tuple[Bin, ...]:
        """How far confidences can be trusted, on examples that were held out; pick the fallback threshold by it."""
        return self.learned.reliability

    @property
    def notes(self) -> tuple[str, ...]:
        """What the training found that the author should know."""
        return self.learned.notes

    def parse(self, text: str) -> Parse:
        """What the text means."""
        known = self._remembered.get(text)
        if known is None:
            known = self._parsed(text)
            if text in self._examples and not known.response_selector and len(self._remembered) < REMEMBERED:
                self._remembered[text] = known
        return known

    def _parsed(self, text: str) -> Parse:
        seen = text[:MAX_CHARACTERS]
        lowered = seen.lower()
        words = words_of(lowered)
        vector = self.learned.features.vector(lowered, words)
        verbatim = self.learned.verbatim.get(digest_of(words)) if words else None
        ranking: tuple[Intent, ...] = ()
        selection: Mapping[str, Any] = {}
        if vector is not None:
            scores = self.learned.head.scores(vector)
            ranking = self._ranking(scores, words, verbatim)
            if self._retrieval:
                selection = self._selection(scores, ranking, verbatim)
        intent = ranking[0] if ranking else Intent(None, 0.0)
        return Parse(text, intent, tuple(self._entities(seen, intent.name)), ranking, selection)

    def _ranking(
        self, scores: NDArray[np.float32], words: list[str], verbatim: tuple[int, int] | None
    ) -> tuple[Intent, ...]:
        group = self.learned.intents
        if group.behind - group.first == 0:
            return ()
        if group.behind - group.first == 1:
            known = sum(map(self.learned.features.knows, words)) / max(1, len(words))
            return (Intent(self.intents[0], 1.0 if verbatim else known),)
        confidences = _confidences(scores, group, verbatim[0] if verbatim else -1)
        return tuple([Intent(self.intents[at], confidence) for at, confidence in _ranked(confidences)])

    def _selection(
        self, scores: NDArray[np.float32], ranking: tuple[Intent, ...], verbatim: tuple[int, int] | None
    ) -> Mapping[str, Any]:
        """Rasa's `response_selector`. `default` is that of the retrieval intent that ranks first."""
        selection: dict[str, Any] = {"all_retrieval_intents": self._all_retrieval}
        for name, keys in self._retrieval.items():
            confidences = _confidences(scores, self.learned.selectors[name], verbatim[1] if verbatim else -1)
            ranked = [
                {"confidence": confidence, "intent_response_key": keys[at]} for at, confidence in _ranked(confidences)
            ]
            key = str(ranked[0]["intent_response_key"])
            selection[name] = {
                "response": {
                    "responses": list(self._responses.get(f"utter_{key}", ())),
                    **ranked[0],
                    "utter_action": f"utter_{name}",
                },
                "ranking": ranked,
            }
        first = next((intent.name for intent in ranking if intent.name in self._retrieval), self._all_retrieval[0])
        selection["default"] = selection[first]
        return selection

    def _entities(self, text: str, intent: str | None) -> list[dict[str, Any]]:
        tagger = self.learned.tagger
        if tagger is None and not self._patterns:
            return []
        tokens = tokens_of(text)
        matches = self._patterns.matches(text, tokens)
        learned: list[dict[str, Any]] = []
        if tagger is not None:
            learned = self._learned_entities(tagger, text, tokens, hints_of(tokens, matches) if matches else (), intent)
        entities = merged(learned, self._patterns.entities(text, matches)) if matches else learned
        for entity in entities:
            self._synonyms.apply(entity)
        return entities

    def _learned_entities(
        self, tagger: Tagger, text: str, tokens: list[Token], hints: Any, intent: str | None
    ) -> list[dict[str, Any]]:
        entities = []
        for found in tagger.find(tokens, hints, intent):
            start, end = tokens[found.first][1], tokens[found.behind - 1][2]
            entity: dict[str, Any] = {"entity": found.label.entity, "start": start, "end": end}
            entity["value"] = text[start:end]
            entity["confidence_entity"] = found.confidence
            entity["extractor"] = self._extractor
            if found.label.role is not None:
                entity["role"] = found.label.role
            if found.label.group is not None:
                entity["group"] = found.label.group
            entities.append(entity)
        return entities


def _confidences(scores: NDArray[np.float32], group: Group, verbatim: int) -> NDArray[Any]:
    confidences = shares(scores[group.first : group.behind].astype(np.float64), group.temperature)
    at = verbatim - group.first
    if group.first <= verbatim < group.behind and confidences[at] < VERBATIM:
        confidences *= (1 - VERBATIM) / (1 - confidences[at])
        confidences[at] = VERBATIM
    return confidences


def _ranked(confidences: NDArray[Any]) -> list[tuple[int, float]]:
    """(class, confidence), highest first, at most `SHOWN`; of equals the one that the author wrote first."""
    if len(confidences) > _FEW:
        order = np.argsort(-confidences, kind="stable")[:SHOWN]
        return list(zip(order.tolist(), confidences[order].tolist(), strict=True))
    values = confidences.tolist()
    places = sorted(range(len(values)), key=values.__getitem__, reverse=True)  # keeps the order of equals too
    return [(at, values[at]) for at in places[:SHOWN]]
