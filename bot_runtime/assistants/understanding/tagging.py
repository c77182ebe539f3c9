"""Training of the tagger by CRFsuite (passive-aggressive, averaged), and its model brought into plain arrays.

CRFsuite visits the examples in a random order; several runs are averaged, which is steadier than any of them. Its
random numbers are the C library's, which is seeded before each training, so that the same data give the same model.
"""

import ctypes
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from bot_runtime.assistants.nlu_data import EntitySpan, Example
from bot_runtime.assistants.understanding.exact import Match, hints_of
from bot_runtime.assistants.understanding.head import quantised
from bot_runtime.assistants.understanding.tag_features import Known, features_of
from bot_runtime.assistants.understanding.tagger import NOTHING, Label, Tagger, Token
from bot_runtime.assistants.understanding.text import MAX_CHARACTERS, tokens_of

PASSES = 10
RUNS = ((1_000, 8), (4_000, 4))
"""(up to so many examples, runs to average); above, two."""


def fit_tagger(examples: Sequence[Example], matches: Sequence[list[Match]], intents: Sequence[str | None]) -> Tagger:
    """Learn to find the entities of these examples.

    `matches` are what lookups and expressions find in each, `intents` what a classifier that had not seen the example
    takes it for: at serving time the intent is a guess too.
    """
    tokens = [tokens_of(example.text[:MAX_CHARACTERS]) for example in examples]
    labelled = [_labels(own, example.entities) for own, example in zip(tokens, examples, strict=True)]
    labels = [NOTHING, *sorted({label for own in labelled for label in own} - {NOTHING}, key=repr)]
    counted = [_counted(example) for example in examples]
    words: Counter[tuple[str, str]] = Counter()
    values: Counter[Any] = Counter()
    for own_words, own_values in counted:
        words.update(own_words)
        values.update(own_values)
    known = Known(words, values)
    features = []
    for own, found, intent, without in zip(tokens, matches, intents, counted, strict=True):
        kinds, hints = known.hints([token.lower() for token, _, _ in own], *without)
        for names, more in zip(hints, hints_of(own, found), strict=True):
            names.extend(more)
        features.append(features_of([token for token, _, _ in own], kinds, hints, intent))
    numbered = [[str(labels.index(label)) for label in own] for own in labelled]
    return _arrays(_runs(features, numbered), labels, known)


def _labels(tokens: Sequence[Token], spans: Sequence[EntitySpan]) -> list[Label]:
    labels = []
    before: EntitySpan | None = None
    for _, start, end in tokens:
        span = next((span for span in spans if span.start < end and start < span.end), None)
        if span is None:
            labels.append(NOTHING)
        else:
            same = before is not None and (before.entity, before.role, before.group) == (
                span.entity,
                span.role,
                span.group,
            )
            labels.append(Label(span.entity, span.role, span.group, begins=same and before is not span))
        before = span
    return labels


def _counted(example: Example) -> tuple[Counter[tuple[str, str]], Counter[Any]]:
    words: Counter[tuple[str, str]] = Counter()
    values: Counter[Any] = Counter()
    for span in example.entities:
        key = tuple(token.lower() for token, _, _ in tokens_of(example.text[span.start : span.end]))
        values[key, span.entity] += 1
        words.update((word, span.entity) for word in key)
    return words, values


def _runs(features: list[list[list[str]]], labels: list[list[str]]) -> list[tuple[dict[Any, float], dict[Any, float]]]:
    """(state weights, transition weights) of each run."""
    import pycrfsuite  # noqa: PLC0415 - training only

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).srand(1)
    models = []
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "model")
        for _ in range(next((runs for size, runs in RUNS if len(features) <= size), 2)):
            trainer = pycrfsuite.Trainer("pa", {"max_iterations": PASSES}, verbose=False)
            for own, of_it in zip(features, labels, strict=True):
                if own:
                    trainer.append(own, of_it)
            trainer.train(path)
            tagger = pycrfsuite.Tagger()
            with tagger.open(path):
                info = tagger.info()
                models.append((info.state_features, info.transitions))
    return models


def _arrays(models: list[tuple[dict[Any, float], dict[Any, float]]], labels: list[Label], known: Known) -> Tagger:
    names = sorted({feature for states, _ in models for feature, _ in states})
    rows = {name: row for row, name in enumerate(names)}
    weights = np.zeros((len(names), len(labels)), np.float32)
    transitions = np.zeros((len(labels), len(labels)), np.float32)
    for states, steps in models:
        for (feature, label), weight in states.items():
            weights[rows[feature], int(label)] += weight / len(models)
        for (before, label), weight in steps.items():
            transitions[int(before), int(label)] += weight / len(models)
    whole, scale = quantised(weights)
    telling = np.flatnonzero(whole.any(axis=1) | (np.array(names) == "bias"))
    return Tagger(
        labels,
        [names[row] for row in telling],
        weights=whole[telling],
        scale=scale,
        transitions=transitions,
        known=known,
    )
