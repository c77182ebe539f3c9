"""What the dialogue needs of custom actions, wherever they run: in a worker process of ours or on an action server."""

from collections.abc import Mapping
from typing import Any, Protocol, TypedDict

LARGEST_RESULT = 1024 * 1024
"""Bytes of one action's result. Whatever a bot has to say is far smaller; an endless list is a mistake."""


class ActionResult(TypedDict):
    """Events in rasa-sdk's JSON form, and responses as `dispatcher.utter_message` collects them."""

    events: list[dict[str, Any]]
    responses: list[dict[str, Any]]


class Actions(Protocol):
    """The custom actions of one bot."""

    async def run(self, call: Mapping[str, Any]) -> ActionResult:
        """Run `call["next_action"]` and return what it says.

        `call` is the body of Rasa's webhook: next_action, sender_id, tracker, domain, version. It is not changed.
        Raises an `ActionError` of one of five kinds, nothing else.
        """

    async def names(self) -> frozenset[str] | None:
        """The names of all actions, or None when that cannot be known. Raises `ActionsBroken`."""

    async def close(self) -> None:
        """End whatever runs. Nothing of it is left when this returns."""


def result_of(given: Any) -> ActionResult | None:
    """`given` as a result, or None when it is none."""
    if not isinstance(given, dict):
        return None
    events, responses = given.get("events") or [], given.get("responses") or []
    for listed in (events, responses):
        if not isinstance(listed, list) or not all(isinstance(item, dict) for item in listed):
            return None
    return {"events": events, "responses": responses}
