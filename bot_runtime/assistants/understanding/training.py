"""Training: everything that is learned from a project's NLU data, in one function without randomness.

Runs in the training process (`train`); benchmarks and tests call it directly. One sentence is made from each intent's
name and learned from like an example: authors name intents by what they mean.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.nlu_data import Example, TrainingData
from bot_runtime.assistants.understanding.exact import Patterns, problem_of
from bot_runtime.assistants.understanding.features import Features
from bot_runtime.assistants.understanding.fitting import Fitted, fit_group
from bot_runtime.assistants.understanding.head import Head, shares
from bot_runtime.assistants.understanding.model import Bin, Group, Learned, digest_of, entity_extractor
from bot_runtime.assistants.understanding.tagger import Tagger
from bot_runtime.assistants.understanding.tagging import fit_tagger
from bot_runtime.assistants.understanding.text import MAX_CHARACTERS, tokens_of, words_of, words_of_name

NAMELESS = frozenset({"none", "oos", "out_of_scope", "nlu_fallback"})
"""Intents whose name says nothing about what their examples say."""

BINS = 10


def train(data: TrainingData, reaches: Mapping[str, int] | None = None) -> Learned:
    """Learn to understand. `reaches` says how far slow expressions may look (`exact.reaches`)."""
    examples = _distinct(data.examples)
    texts = [example.text for example in examples]
    features = Features.of([*texts, *map(words_of_name, _telling(data.intents))])
    number_of = {intent: number for number, intent in enumerate(data.intents)}
    learns_entities = entity_extractor(data) is not None and any(example.entities for example in examples)
    classes = [number_of[example.base_intent] for example in examples]
    fitted = [_fit(features, texts, classes, data.intents, judge_all=learns_entities)]
    selectors: dict[str, Group] = {}
    first = len(data.intents)
    for intent, keys in data.retrieval.items():
        own = [example for example in examples if example.base_intent == intent and example.intent in keys]
        own_classes = [keys.index(example.intent) for example in own]
        fitted.append(_fit(features, [example.text for example in own], own_classes, keys, judge_all=False))
        selectors[intent] = Group(first, first + len(keys), fitted[-1].temperature)
        first += len(keys)
    head = Head.of(np.hstack([group.weights for group in fitted]), np.concatenate([group.bias for group in fitted]))
    held_out = fitted[0].held_out
    return Learned(
        features,
        head,
        Group(0, len(data.intents), fitted[0].temperature),
        selectors,
        _verbatim(examples, data, selectors),
        _tagger(examples, data, held_out, reaches) if learns_entities else None,
        dict(reaches or {}),
        _reliability(held_out, classes, fitted[0].temperature),
        tuple(_notes(data, reaches or {})),
    )


def _distinct(examples: Sequence[Example]) -> list[Example]:
    """Each sentence once per intent, so that none is held out from a fold and learned from in it."""
    seen: dict[tuple[str, str], Example] = {}
    for example in examples:
        key = (" ".join(example.text.lower().split()), example.intent)
        if key not in seen or len(example.entities) > len(seen[key].entities):
            seen[key] = example
    return list(seen.values())


def _telling(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.lower() not in NAMELESS]


def _fit(
    features: Features, texts: Sequence[str], classes: Sequence[int], names: Sequence[str], *, judge_all: bool
) -> Fitted:
    if not names or not texts:
        return Fitted(np.zeros((features.width, len(names))), np.zeros(len(names)), 1.0, np.zeros((0, len(names))))
    telling = _telling(names)
    rows = features.rows([*texts, *(words_of_name(name.rpartition("/")[2]) for name in telling)])
    labels = [*classes, *map(list(names).index, telling)]
    return fit_group(rows, features.width, labels, len(names), real=len(texts), judge_all=judge_all)


def _verbatim(
    examples: Sequence[Example], data: TrainingData, selectors: Mapping[str, Group]
) -> dict[int, tuple[int, int]]:
    """The sentences that stand under one intent only."""
    intents = {intent: number for number, intent in enumerate(data.intents)}
    keys = {
        key: selectors[intent].first + number
        for intent, names in data.retrieval.items()
        for number, key in enumerate(names)
    }
    found: dict[int, set[tuple[int, int]]] = {}
    for example in examples:
        words = words_of(example.text[:MAX_CHARACTERS].lower())
        if words:
            meant = (intents[example.base_intent], keys.get(example.intent, -1))
            found.setdefault(digest_of(words), set()).add(meant)
    return {digest: meant.pop() for digest, meant in found.items() if len({intent for intent, _ in meant}) == 1}


def _tagger(
    examples: Sequence[Example],
    data: TrainingData,
    held_out: NDArray[np.float64],
    reaches: Mapping[str, int] | None,
) -> Tagger:
    patterns = Patterns(data, reaches)
    matches = [patterns.matches(example.text, tokens_of(example.text[:MAX_CHARACTERS])) for example in examples]
    guesses = [data.intents[int(np.argmax(scores))] for scores in np.nan_to_num(held_out)]
    return fit_tagger(examples, matches, guesses)


def _reliability(held_out: NDArray[np.float64], classes: Sequence[int], temperature: float) -> tuple[Bin, ...]:
    judged = [(scores, right) for scores, right in zip(held_out, classes, strict=True) if not np.isnan(scores).any()]
    table: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for scores, right in judged:
        confidences = shares(scores, temperature)
        best = int(np.argmax(confidences))
        table[min(BINS - 1, int(confidences[best] * BINS))].append((float(confidences[best]), best == right))
    return tuple(
        Bin(
            number / BINS,
            (number + 1) / BINS,
            len(answers),
            sum(confidence for confidence, _ in answers) / len(answers),
            sum(right for _, right in answers) / len(answers),
        )
        for number, answers in enumerate(table)
        if answers
    )


def _notes(data: TrainingData, reaches: Mapping[str, int]) -> list[str]:
    notes = []
    for name, pattern in data.regexes:
        problem = problem_of(pattern)
        if problem is not None:
            notes.append(f"The expression `{pattern}` of `{name}` is not used: {problem}.")
        elif reaches.get(pattern) == 0:
            notes.append(f"The expression `{pattern}` of `{name}` is not used: on some texts it would run for ages.")
        elif pattern in reaches:
            notes.append(f"The expression `{pattern}` of `{name}` is slow; it sees {reaches[pattern]} characters only.")
    counts = Counter(example.base_intent for example in data.examples)
    notes += [f"The intent `{intent}` has one example only." for intent in data.intents if counts[intent] == 1]
    return notes
