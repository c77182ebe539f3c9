"""A model as bytes: one msgpack document of numbers and names behind a magic word and a SHA-256 of what follows.

Reading one cannot run anything: there is no pickle in it, and it is not CRFsuite's own format, whose reader trusts its
input. A file that is cut, changed, or of another version is `NotAModelError`, and whoever keeps models trains anew.
"""

import hashlib
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from bot_runtime.assistants.nlu_data import TrainingData
from bot_runtime.assistants.understanding.features import Features
from bot_runtime.assistants.understanding.head import Head
from bot_runtime.assistants.understanding.model import Bin, Group, Learned, Model
from bot_runtime.assistants.understanding.tag_features import Known
from bot_runtime.assistants.understanding.tagger import Label, Tagger

VERSION = 1
"""Goes up whenever features or training change: older models are then trained anew."""

MAGIC = b"frontdesk understanding\n"


class NotAModelError(Exception):
    """These bytes are no model, or not one of these training data."""


class _Tagger(msgspec.Struct, array_like=True):
    labels: list[tuple[str, str | None, str | None, bool]]
    features: list[str]
    weights: bytes
    scale: bytes
    transitions: bytes
    words: list[tuple[str, str, int]]
    values: list[tuple[list[str], str, int]]


class _Document(msgspec.Struct, array_like=True):
    version: int
    digest: str
    words: list[str]
    stems: list[str]
    grams: list[str]
    idf: bytes
    classes: int
    weights: bytes
    scale: bytes
    bias: bytes
    intents: Group
    selectors: dict[str, Group]
    verbatim: dict[int, tuple[int, int]]
    tagger: _Tagger | None
    reaches: dict[str, int]
    reliability: tuple[Bin, ...]
    notes: tuple[str, ...]


def to_bytes(learned: Learned, data: TrainingData) -> bytes:
    """The model for a file; `data` is what it was trained on."""
    features, head = learned.features, learned.head
    document = _Document(
        VERSION,
        data.digest(),
        list(features.words),
        list(features.stems),
        list(features.grams),
        features.idf.tobytes(),
        len(head.bias),
        head.weights.tobytes(),
        head.scale.tobytes(),
        head.bias.tobytes(),
        learned.intents,
        learned.selectors,
        learned.verbatim,
        None if learned.tagger is None else _packed(learned.tagger),
        learned.reaches,
        learned.reliability,
        learned.notes,
    )
    body = msgspec.msgpack.encode(document)
    return MAGIC + hashlib.sha256(body).digest() + body


def from_bytes(stored: bytes, data: TrainingData) -> Model:
    """The model of these training data. Raises `NotAModelError` for anything else."""
    start = len(MAGIC) + hashlib.sha256().digest_size
    body = stored[start:]
    if stored[:start] != MAGIC + hashlib.sha256(body).digest():
        raise NotAModelError("the file is damaged or not a model")
    try:
        document = msgspec.msgpack.decode(body, type=_Document)
        if (document.version, document.digest) != (VERSION, data.digest()):
            raise NotAModelError("the model is of another version or of other training data")
        return Model(data, _learned(document))
    except (msgspec.DecodeError, ValueError, KeyError, IndexError) as error:
        raise NotAModelError(f"the model does not fit together: {error}") from error


def _learned(document: _Document) -> Learned:
    features = Features(document.words, document.stems, document.grams, _array(document.idf, np.float32, -1))
    head = Head(
        _array(document.weights, np.int8, features.width, document.classes),
        _array(document.scale, np.float32, document.classes),
        _array(document.bias, np.float32, document.classes),
    )
    groups = [document.intents, *document.selectors.values()]
    if any(not 0 <= group.first <= group.behind <= document.classes for group in groups):
        raise ValueError("a group of classes is outside the head")
    return Learned(
        features,
        head,
        document.intents,
        document.selectors,
        document.verbatim,
        None if document.tagger is None else _unpacked(document.tagger),
        document.reaches,
        document.reliability,
        document.notes,
    )


def _packed(tagger: Tagger) -> _Tagger:
    return _Tagger(
        [(label.entity, label.role, label.group, label.begins) for label in tagger.labels],
        list(tagger.features),
        tagger.weights.tobytes(),
        tagger.scale.tobytes(),
        tagger.transitions.tobytes(),
        [(word, kind, times) for (word, kind), times in tagger.known.words.items()],
        [(list(key), kind, times) for (key, kind), times in tagger.known.values.items()],
    )


def _unpacked(stored: _Tagger) -> Tagger:
    count = len(stored.labels)
    return Tagger(
        [Label(*label) for label in stored.labels],
        stored.features,
        weights=_array(stored.weights, np.int8, len(stored.features), count),
        scale=_array(stored.scale, np.float32, count),
        transitions=_array(stored.transitions, np.float32, count, count),
        known=Known(
            {(word, kind): times for word, kind, times in stored.words},
            {(tuple(key), kind): times for key, kind, times in stored.values},
        ),
    )


def _array(stored: bytes, kind: Any, *shape: int) -> NDArray[Any]:
    return np.frombuffer(stored, kind).reshape(shape)
