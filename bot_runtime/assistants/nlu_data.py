"""What the understanding is trained on: the `nlu:` sections of a project, read and annotated, in one immutable value.

Everything here is plain data (frozen structs, tuples, strings): it can be hashed, sent to a training process and
kept. `TrainingData.digest()` changes when and only when something that matters for training changes.
"""

import hashlib
from typing import Any

import msgspec


class EntitySpan(msgspec.Struct, frozen=True, omit_defaults=True):
    """An annotated piece of an example, `text[start:end]`, and the value it stands for (itself or a synonym's)."""

    start: int
    end: int
    value: str
    entity: str
    role: str | None = None
    group: str | None = None


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """A training sentence, annotations taken out. `intent` is the full name: `faq/ask_hours` for a retrieval intent."""

    text: str
    intent: str
    entities: tuple[EntitySpan, ...] = ()

    @property
    def base_intent(self) -> str:
        """What the classifier sees: the part before the slash of a retrieval intent."""
        return self.intent.partition("/")[0]


class Component(msgspec.Struct, frozen=True, omit_defaults=True):
    """An entry of `pipeline:` or `policies:`: its name as written, and its settings."""

    name: str
    settings: dict[str, Any] = {}


class TrainingData(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of a project's NLU data, files merged in the order of their paths.

    `synonyms` maps a surface text to its value (as written, case kept). `regexes` are (name, pattern), `lookups` are
    (name, words). `intents` are the base intents that have examples, in order of first appearance. `retrieval` maps a
    base intent to its full names. `responses` are those of retrieval intents (`utter_faq/ask_hours` → variations).
    `entities` are the domain's entity names. `pipeline` is what config.yml says; empty means the default.
    """

    examples: tuple[Example, ...] = ()
    synonyms: dict[str, str] = {}
    regexes: tuple[tuple[str, str], ...] = ()
    lookups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    intents: tuple[str, ...] = ()
    retrieval: dict[str, tuple[str, ...]] = {}
    responses: dict[str, tuple[dict[str, Any], ...]] = {}
    entities: tuple[str, ...] = ()
    language: str = "en"
    pipeline: tuple[Component, ...] = ()

    def digest(self) -> str:
        """A stable name (64 hex digits) of this content, for a cache of trained models."""
        return hashlib.sha256(msgspec.json.encode(self, order="deterministic")).hexdigest()
