"""Checks the `responses:` of a domain or NLU file: what Rasa refuses is refused, with the line.

A variation needs a `text` or a `custom`; an image alone is not enough. Texts are strings: `text: 12` is an error.
"""

import re
from typing import Any

from bot_runtime.assistants.checking import Checker, lined
from bot_runtime.assistants.yaml_reader import YamlList, YamlMap

_KEYS = {
    "id": str,
    "text": str,
    "image": str,
    "custom": dict,
    "buttons": list,
    "button_type": str,
    "quick_replies": list,
    "attachment": dict,
    "elements": list,
    "channel": str,
    "metadata": None,
    "condition": list,
}
_PLACES = re.compile(r"\{\{|\}\}|\{[^{}\n]+\}|\{\}")


def check_responses(responses: YamlMap, checker: Checker) -> None:
    """Report everything that is wrong in a `responses:` section."""
    for name, variations in responses.items():
        line = responses.line_of(name)
        if not isinstance(variations, YamlList):
            checker.error(line, f"The response `{name}` must be a list of variations (`- text: …`).")
            continue
        if not variations:
            checker.warn(line, f"The response `{name}` has no variation, so nothing will be said.")
        for variation, at in lined(variations):
            if isinstance(variation, YamlMap):
                _check_variation(name, variation, checker)
            else:
                checker.error(at, f"A variation of `{name}` must be a mapping (`text: …`).")


def _check_variation(name: str, variation: YamlMap, checker: Checker) -> None:
    what = f"the response `{name}`"
    checker.only(variation, _KEYS, what)
    for key, kind in _KEYS.items():
        if kind is not None:
            checker.has(variation, key, kind, what)
    if variation.get("text") is None and not variation.get("custom"):
        checker.error(variation.line, f"A variation of `{name}` needs a `text` or a `custom`.")
    for key in ("buttons", "quick_replies"):
        _check_choices(what, variation, key, checker)
    for element in _items(variation, "elements"):
        if not isinstance(element, YamlMap):
            checker.error(variation.line_of("elements"), f"An element of {what} must be a mapping.")
    for condition in _items(variation, "condition"):
        if not isinstance(condition, YamlMap) or not {"type", "name", "value"} <= condition.keys():
            message = f"A condition of {what} needs `type`, `name` and `value`."
            checker.error(variation.line_of("condition"), message)
    text = variation.get("text")
    if isinstance(text, str) and not interpolates(text):
        checker.warn(variation.line_of("text"), f"A text of {what} has a lone brace: nothing will be said.")


def _check_choices(what: str, variation: YamlMap, key: str, checker: Checker) -> None:
    for choice in _items(variation, key):
        if not isinstance(choice, YamlMap):
            checker.error(variation.line_of(key), f"A button of {what} must be a mapping (`title`, `payload`).")
            continue
        checker.has(choice, "title", str, f"a button of {what}")
        checker.has(choice, "payload", str, f"a button of {what}")


def _items(variation: YamlMap, key: str) -> list[Any]:
    value = variation.get(key)
    return value if isinstance(value, list) else []


def interpolates(text: str) -> bool:
    """Whether the braces of a response text pair up, so that it can be filled in."""
    rest = _PLACES.sub("", text)
    return "{" not in rest and "}" not in rest
