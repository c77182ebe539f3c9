"""What the bot says: chooses a variation of a response and fills in the slots (`generator.py`, `interpolator.py`).

Variations with a matching condition for this channel come first, then the channel's others, then conditional ones
without a channel, then the rest; one of the best group is drawn. `{slot}` is replaced everywhere a visitor may read
it. An unset slot reads "None", an unknown name leaves the whole text as it is, `{{x}}` reads "{x}", and nothing in
braces is ever evaluated. A lone brace is an error: the action that wanted to say it fails.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Choose = Callable[[Sequence[Any]], Any]
Response = dict[str, Any]
_FILLED = ("text", "image", "custom", "buttons", "attachment", "quick_replies")


class LoneBraceError(ValueError):
    """A text has a brace without its partner."""


class Responses:
    """The responses of an assistant, ready to be said."""

    def __init__(self, responses: Mapping[str, tuple[Response, ...]]) -> None:
        self._variations = {name: tuple(map(_Variation, found)) for name, found in responses.items()}

    def render(self, name: str, variables: Mapping[str, Any], channel: str | None, choose: Choose) -> Response | None:
        """The response `name` for this channel, a dict of the caller's own; None when there is none to say.

        `variables` are the slots and whatever an action gave along. Raises `LoneBraceError`.
        """
        variations = self._variations.get(name)
        if not variations:
            return None
        fitting = (
            variations if len(variations) == 1 and variations[0].is_plain else _fitting(variations, variables, channel)
        )
        if not fitting:
            return None
        variation = fitting[0] if len(fitting) == 1 else choose(fitting)
        return variation.filled(variables)


class _Variation:
    """One way to say it. `is_plain` means for every channel and under every condition."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.channel = response.get("channel")
        self.conditions = response.get("condition")
        self.is_plain = self.channel is None and self.conditions is None
        self._filled = tuple(key for key in _FILLED if _has_braces(response.get(key)))

    def filled(self, variables: Mapping[str, Any]) -> Response:
        said = {key: _own(value) for key, value in self.response.items()}
        for key in self._filled:
            said[key] = fill(said[key], variables)
        return said

    def holds(self, variables: Mapping[str, Any]) -> bool:
        return all(_equal(variables.get(one["name"]), one["value"]) for one in self.conditions or ())


def _fitting(variations: Sequence[_Variation], variables: Mapping[str, Any], channel: str | None) -> list[_Variation]:
    conditional = [one for one in variations if one.conditions and one.holds(variables)]
    unconditional = [one for one in variations if one.conditions is None]
    for wanted in (channel, None):
        for group in (conditional, unconditional):
            found = [one for one in group if one.channel == wanted]
            if found:
                return found
    return []


def _equal(found: Any, wanted: Any) -> bool:
    if isinstance(found, str) and isinstance(wanted, str):
        return found.casefold() == wanted.casefold()
    return bool(found == wanted)


def _own(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _own(item) for key, item in value.items()}
    return [_own(item) for item in value] if isinstance(value, list) else value


def _has_braces(value: Any) -> bool:
    if isinstance(value, str):
        return "{" in value or "}" in value
    if isinstance(value, dict):
        return any(_has_braces(item) for item in value.values())
    return isinstance(value, list) and any(_has_braces(item) for item in value)


def fill(value: Any, variables: Mapping[str, Any]) -> Any:
    """`value` with `{name}` replaced in all its texts. Raises `LoneBraceError`."""
    if isinstance(value, str):
        return fill_text(value, variables)
    if isinstance(value, dict):
        return {key: fill(item, variables) for key, item in value.items()}
    return [fill(item, variables) for item in value] if isinstance(value, list) else value


def fill_text(text: str, variables: Mapping[str, Any]) -> str:
    """`text` with `{name}` replaced; the text as it is when it names something unknown. Raises `LoneBraceError`."""
    pieces: list[str] = []
    at = 0
    known = True
    while at < len(text):
        brace = text[at]
        if brace not in "{}":
            end = min((place for place in (text.find("{", at), text.find("}", at)) if place >= 0), default=len(text))
            pieces.append(text[at:end])
            at = end
        elif text.startswith(brace, at + 1):
            pieces.append(brace)
            at += 2
        else:
            name = _name_at(text, at)
            known = known and name in variables
            pieces.append(str(variables.get(name)))
            at += len(name) + 2
    return "".join(pieces) if known else text


def _name_at(text: str, at: int) -> str:
    end = text.find("}", at + 1)
    if text[at] == "}" or end < 0 or "{" in text[at + 1 : end]:
        raise LoneBraceError("A text has a brace without its partner.")
    return text[at + 1 : end]
