"""What the actions of `formbot` and `rules` do (data/assistants/README.md), as Python functions."""

from typing import Any

from bot_runtime.assistants.act import ActResult
from bot_runtime.assistants.tracker import Tracker

CUISINES = ("caribbean", "chinese", "french", "greek", "indian", "italian", "mexican")


def candidates(tracker: Tracker) -> dict[str, Any]:
    """What a validation is asked about: the trailing slot events, as rasa-sdk finds them."""
    found: dict[str, Any] = {}
    for event in reversed(tracker.events):
        if event["event"] != "slot":
            break
        found.setdefault(event["name"], event["value"])
    return dict(reversed(found.items()))


def says(response: str) -> dict[str, Any]:
    """`dispatcher.utter_message(response=…)` as rasa-sdk sends it."""
    message = {"text": "", "buttons": [], "elements": [], "custom": {}, "image": "", "attachment": ""}
    return {**message, "template": response, "response": response}


def validate_restaurant_form(tracker: Tracker) -> ActResult:
    """Accepts a cuisine from the list, a positive whole number of people, inside or outside."""
    events, responses = [], []
    for name, value in candidates(tracker).items():
        accepted = _ACCEPTED.get(name, lambda given: given)(value)
        if accepted is None:
            responses.append(says(f"utter_wrong_{name}"))
        events.append({"event": "slot", "timestamp": None, "name": name, "value": accepted})
    return ActResult(events, responses)


def _cuisine(value: Any) -> Any:
    return value if str(value).lower() in CUISINES else None


def _people(value: Any) -> Any:
    return value if str(value).isdigit() and int(value) > 0 else None


def _seating(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if "out" in value:
        return True
    return False if "in" in value else None


_ACCEPTED = {"cuisine": _cuisine, "num_people": _people, "outdoor_seating": _seating}
