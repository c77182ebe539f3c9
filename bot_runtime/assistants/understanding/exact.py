"""What the author listed: lookup tables and regular expressions find entities word for word, synonyms name their value.

Rasa's RegexEntityExtractor and EntitySynonymMapper, with three differences on purpose: of several entries of a lookup
table the longest wins, whichever stands first; an expression looks at the first `REGEX_CHARACTERS` characters only; one
that could hold up the server looks at fewer, or is not used at all when it can take exponential time (`reaches`, found
out in the training process).
"""

import re
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from re import _parser  # type: ignore[attr-defined]  # the standard library's own parser; it has no public door
from types import FrameType
from typing import Any, NamedTuple

from bot_runtime.assistants.nlu_data import TrainingData
from bot_runtime.assistants.understanding.phrases import Phrases, key_of

REGEX_CHARACTERS = 1_000
_REACHES = (REGEX_CHARACTERS, 250, 60)
PROBE_SECONDS = 0.1
"""Processor time that one search may take in the worst case."""

_EXTRACTOR = "RegexEntityExtractor"
_MAPPER = "EntitySynonymMapper"

Token = tuple[str, int, int]
"""A word or punctuation mark, its start and its end."""


class Match(NamedTuple):
    """A place that a lookup table or an expression of this name found."""

    name: str
    start: int
    end: int


class Patterns:
    """Lookup tables and expressions, ready to search."""

    def __init__(self, data: TrainingData, reaches: Mapping[str, int] | None = None) -> None:
        reaches = reaches or {}
        settings = settings_of(data, _EXTRACTOR) or {}
        self._exact_case = bool(settings.get("case_sensitive", False))
        flags = 0 if self._exact_case else re.IGNORECASE
        self._expressions = [
            (name, re.compile(pattern, flags), reaches.get(pattern, REGEX_CHARACTERS))
            for name, pattern in data.regexes
            if problem_of(pattern) is None and reaches.get(pattern, REGEX_CHARACTERS)
        ]
        self._phrases = Phrases(
            (key_of(word, exact_case=self._exact_case), name) for name, words in data.lookups for word in words
        )
        self._entities = _extracted_names(data, settings)

    def __bool__(self) -> bool:
        return bool(self._expressions or self._phrases)

    def matches(self, text: str, tokens: list[Token]) -> list[Match]:
        """Every place, in no promised order. Empty matches of an expression are no places."""
        found = []
        if self._phrases:
            words = [token if self._exact_case else token.lower() for token, _, _ in tokens]
            for first, behind, names in self._phrases.find(words):
                found += [Match(name, tokens[first][1], tokens[behind - 1][2]) for name in names]
        for name, expression, reach in self._expressions:
            hits = expression.finditer(text[:reach])
            found += [Match(name, hit.start(), hit.end()) for hit in hits if hit.group()]
        return found

    def entities(self, text: str, matches: list[Match]) -> list[dict[str, Any]]:
        """Those places as entities in Rasa's form; of overlapping places of one name the longest."""
        found: list[dict[str, Any]] = []
        taken: dict[str, list[Match]] = {}
        for match in sorted(matches, key=lambda match: (match.start - match.end, match.start)):
            others = taken.setdefault(match.name, [])
            if match.name in self._entities and not any(_overlap(match, other) for other in others):
                others.append(match)
                found.append(
                    {
                        "entity": match.name,
                        "start": match.start,
                        "end": match.end,
                        "value": text[match.start : match.end],
                        "confidence_entity": 1.0,
                        "extractor": _EXTRACTOR,
                    }
                )
        return found


class Synonyms:
    """Replaces the values of entities; what the author's surface text is does not depend on case."""

    def __init__(self, data: TrainingData) -> None:
        self._values: dict[str, str] = {}
        if data.pipeline and settings_of(data, _MAPPER) is None:
            return
        for example in data.examples:
            for span in example.entities:
                surface = example.text[span.start : span.end]
                if span.value != surface:
                    self._values[surface.lower()] = span.value
        self._values.update((surface.lower(), value) for surface, value in data.synonyms.items())

    def apply(self, entity: dict[str, Any]) -> None:
        """Put the synonym's value into the entity and note the processor, when there is one."""
        value = self._values.get(str(entity["value"]).lower())
        if value is not None:
            entity["value"] = value
            entity["processors"] = [_MAPPER]


def merged(learned: list[dict[str, Any]], listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One list in the order of the text.

    Where both found the same kind of entity in overlapping places, one stands: the learned one when it knows a role or
    group and is no shorter, else the longer, else the listed one. Different kinds may stand in the same place.
    """
    kept = list(learned)
    for entity in listed:
        rivals = [other for other in kept if other["entity"] == entity["entity"] and _same_place(other, entity)]
        if all(_beats(entity, rival) for rival in rivals):
            kept = [other for other in kept if other not in rivals]
            kept.append(entity)
    return sorted(kept, key=lambda entity: (entity["start"], -entity["end"]))


def hints_of(tokens: Sequence[Token], matches: Sequence[Match]) -> list[list[str]]:
    """For each token the names of the lookups and expressions that cover it."""
    hints: list[list[str]] = [[] for _ in tokens]
    for match in matches:
        for at, (_, start, end) in enumerate(tokens):
            if start < match.end and match.start < end and (name := f"r{match.name}") not in hints[at]:
                hints[at].append(name)
    return hints


def problem_of(pattern: str) -> str | None:
    """Why this is no regular expression, or None when it is one."""
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        return str(error)
    return None


def reaches(patterns: Iterable[str]) -> dict[str, int]:
    """How many characters each expression may look at, where that is fewer than `REGEX_CHARACTERS`; 0: none.

    Each is tried on texts made to be hard for it. Only for the main thread of a process of its own: a search that takes
    longer than `PROBE_SECONDS` is interrupted by a signal.
    """
    found = {pattern: _reach(pattern) for pattern in patterns if problem_of(pattern) is None}
    return {pattern: reach for pattern, reach in found.items() if reach < REGEX_CHARACTERS}


class _TooSlow(Exception):  # noqa: N818 - a signal, not an error
    pass


def _reach(pattern: str) -> int:
    expression = re.compile(pattern, re.IGNORECASE)
    return next((reach for reach in _REACHES if _is_quick(expression, reach)), 0)


def _is_quick(expression: re.Pattern[str], length: int) -> bool:
    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise _TooSlow

    before = signal.signal(signal.SIGVTALRM, interrupt)
    try:
        for text in _hard_texts(expression.pattern, length):
            signal.setitimer(signal.ITIMER_VIRTUAL, PROBE_SECONDS)
            for _ in expression.finditer(text):
                pass
    except _TooSlow:
        return False
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
    return True


def _hard_texts(pattern: str, length: int) -> Iterator[str]:
    """Long runs of what the expression repeats, with an end that it cannot match."""
    samples = sorted(set(_samples(_parser.parse(pattern))))[:12]
    runs = [*samples, *(one + other for one in samples[:6] for other in samples[:6] if one != other)]
    for run in runs:
        yield (run * length)[: length - 2] + "\x00!"


_CATEGORIES = {"DIGIT": "1", "WORD": "a", "SPACE": " ", "NOT_DIGIT": "a", "NOT_WORD": "-", "NOT_SPACE": "a"}


def _samples(parsed: Any) -> Iterator[str]:
    """One character for each thing in the expression that matches single characters."""
    for operation, argument in parsed:
        name = str(operation)
        if name in {"LITERAL", "NOT_LITERAL"}:
            yield chr(argument) if name == "LITERAL" else "a"
        elif name == "ANY":
            yield "a"
        elif name == "RANGE":
            yield chr(argument[0])
        elif name == "CATEGORY":
            yield _CATEGORIES.get(str(argument).removeprefix("CATEGORY_"), "a")
        else:
            for inner in _inner(argument):
                yield from _samples(inner)


def _inner(argument: Any) -> Iterator[Any]:
    """The expressions inside one operation's argument."""
    if isinstance(argument, _parser.SubPattern) or (
        isinstance(argument, list) and all(isinstance(item, tuple) for item in argument)
    ):
        yield argument
    elif isinstance(argument, list | tuple):
        for item in argument:
            yield from _inner(item)


def settings_of(data: TrainingData, name: str) -> dict[str, Any] | None:
    """The settings of a component of the pipeline, wherever it says that the class lives; None when it is not there."""
    return next((part.settings for part in data.pipeline if part.name.rpartition(".")[2] == name), None)


def _extracted_names(data: TrainingData, settings: dict[str, Any]) -> set[str]:
    """The entities that lookups and expressions may bring forth: named like one, and the pipeline wants it."""
    if data.pipeline and settings_of(data, _EXTRACTOR) is None:
        return set()
    names: set[str] = set()
    if settings.get("use_lookup_tables", True):
        names.update(name for name, _ in data.lookups)
    if settings.get("use_regexes", True):
        names.update(name for name, _ in data.regexes)
    annotated = {span.entity for example in data.examples for span in example.entities}
    return names & {*data.entities, *annotated}


def _overlap(one: Match, other: Match) -> bool:
    return one.start < other.end and other.start < one.end


def _same_place(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["start"] < other["end"] and other["start"] < one["end"])


def _beats(listed: dict[str, Any], learned: dict[str, Any]) -> bool:
    listed_length, learned_length = (entity["end"] - entity["start"] for entity in (listed, learned))
    knows_more = "role" in learned or "group" in learned
    return bool(listed_length > learned_length or (listed_length == learned_length and not knows_more))
