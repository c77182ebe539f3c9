"""The events of a conversation in Rasa's JSON form (RASA.md 1.7), made in one place.

Stories make them without time and metadata (`told`, `executed` …); a running conversation stamps them (`Stamp`), so
that they can be stored, sent to an action server and read by Rasa's own tools.
"""

from collections.abc import Mapping
from typing import Any

Event = dict[str, Any]

BOT_DATA = ("elements", "quick_replies", "buttons", "attachment", "image", "custom")


def told(text: str | None, intent: Mapping[str, Any], entities: list[dict[str, Any]]) -> Event:
    """A visitor's message as a story has it: what it means, and perhaps its text."""
    parse = {"intent": dict(intent), "entities": entities, "text": text}
    return {"event": "user", "text": text, "parse_data": parse}


def executed(
    name: str | None = None,
    *,
    policy: str | None = None,
    confidence: float | None = None,
    action_text: str | None = None,
    hide_rule_turn: bool = False,
) -> Event:
    """An action was run; an end-to-end answer has a text in place of a name."""
    return {
        "event": "action",
        "name": name,
        "policy": policy,
        "confidence": confidence,
        "action_text": action_text,
        "hide_rule_turn": hide_rule_turn,
    }


def slot_set(name: str, value: Any) -> Event:
    """A slot was given a value; None empties it."""
    return {"event": "slot", "name": name, "value": value}


def active_loop(name: str | None) -> Event:
    """A loop began; None: it ended."""
    return {"event": "active_loop", "name": name}


def rewound() -> Event:
    """Everything since before the visitor's last message is taken back."""
    return {"event": "rewind"}


def bot_message(message: Mapping[str, Any]) -> Event:
    """What the bot says. An image stands in for a missing attachment, as Rasa stores it; all else is metadata."""
    data = {key: message.get(key) for key in BOT_DATA}
    data["attachment"] = data["attachment"] or data["image"]
    metadata = {key: value for key, value in message.items() if key != "text" and key not in data}
    return {"event": "bot", "text": message.get("text"), "data": data, "metadata": metadata}


class Stamp:
    """Gives events the time of their turn (seconds since the epoch) and the assistant they come from."""

    def __init__(self, now: float, metadata: Mapping[str, str]) -> None:
        self._now = now
        self._metadata = metadata

    def on(self, event: Event) -> Event:
        """The same event with time and metadata added; what it says of itself stays."""
        own = event.get("metadata")
        event["timestamp"] = self._now
        if own is not self._metadata:
            event["metadata"] = {**own, **self._metadata} if own else self._metadata
        return event
