"""Reads the annotations in a training sentence: `[Berlin](city)`, `[home]{"entity": "city", "value": "Berlin"}` …"""

import json
import re
from typing import Any

from bot_runtime.assistants.nlu_data import EntitySpan

_ANNOTATION = re.compile(
    r"\[(?P<text>[^\]]+?)\]"
    r"(?:\((?P<entity>[^:)]+?)(?::(?P<value>[^)]+))?\)|(?P<one>\{[^}]+?\})|\[(?P<many>.*?)\])"
)
_OBJECT = re.compile(r"\{[^}]+?\}")


class BadAnnotationError(ValueError):
    """An annotation in braces is not JSON, or says what an annotation cannot say."""


def read_annotations(sentence: str) -> tuple[str, tuple[EntitySpan, ...]]:
    """The sentence without its annotations, and the entities at their places in it. Raises `BadAnnotationError`."""
    pieces: list[str] = []
    spans: list[EntitySpan] = []
    length = 0
    behind = 0
    for match in _ANNOTATION.finditer(sentence):
        before, words = sentence[behind : match.start()], match["text"]
        start = length + len(before)
        end = start + len(words)
        spans += [_span(start, end, words, settings) for settings in _settings(match)]
        pieces += (before, words)
        length, behind = end, match.end()
    return "".join(pieces) + sentence[behind:], tuple(spans)


def _settings(match: re.Match[str]) -> list[dict[str, Any]]:
    if match["entity"]:
        return [{"entity": match["entity"], "value": match["value"] or match["text"]}]
    texts = [match["one"]] if match["one"] else _OBJECT.findall(match["many"])
    return [_object(text) for text in texts]


def _object(text: str) -> dict[str, Any]:
    try:
        settings = json.loads(text)
    except json.JSONDecodeError as problem:
        raise BadAnnotationError(f"The annotation {text} is not valid JSON.") from problem
    if "entity" not in settings:
        raise BadAnnotationError(f"The annotation {text} does not say which `entity` it is.")
    if not all(isinstance(settings.get(key, ""), str) for key in ("entity", "role", "group")):
        raise BadAnnotationError(f"The annotation {text} must name its entity, role and group by texts.")
    return dict(settings)


def _span(start: int, end: int, words: str, settings: dict[str, Any]) -> EntitySpan:
    value = str(settings.get("value", words))
    return EntitySpan(start, end, value, settings["entity"], settings.get("role"), settings.get("group"))
