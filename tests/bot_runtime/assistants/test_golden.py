"""Conversations recorded from Rasa 3.6.21, replayed turn by turn: same replies, same slots, same events.

Texts that do not begin with a slash went through a trained model when they were recorded; here they get the parse that
was recorded with them. The one thing left out is `action_unlikely_intent`, which only a learned policy predicts.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from bot_runtime import assistants
from bot_runtime.assistants.project import load
from bot_runtime.assistants.turn import Reply
from bot_runtime.assistants.understanding_port import Intent, Parse
from tests.bot_runtime.assistants.restaurant import validate_restaurant_form
from tests.bot_runtime.assistants.talking import Actions, Chat, first

CONVERSATIONS = {"moodbot": 8, "formbot": 13, "rules": 12}


class Recorded:
    """An understanding that knows what a recording says of its texts."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self._parses = {event["text"]: event["parse_data"] for event in events if event["event"] == "user"}

    def parse(self, text: str) -> Parse:
        parse = self._parses[text]
        intent = Intent(parse["intent"]["name"], parse["intent"]["confidence"])
        return Parse(text, intent, tuple(parse["entities"]), (intent,))


def said(reply: Reply) -> list[dict[str, Any]]:
    """A reply as the REST channel spells it: text with buttons, then the image."""
    text = {"text": reply.text, **({"buttons": list(reply.buttons)} if reply.buttons else {})}
    return [text, *([{"image": reply.image}] if reply.image else [])]


def comparable(event: dict[str, Any]) -> dict[str, Any]:
    """An event without time and model, and of a parse what was recorded of it."""
    found = {key: value for key, value in event.items() if key not in ("timestamp", "message_id")}
    found["metadata"] = {key: value for key, value in event["metadata"].items() if key != "model_id"}
    if event["event"] == "user":
        parse = event["parse_data"]
        found["parse_data"] = {"intent": parse["intent"], "entities": parse["entities"]}
    return found


@pytest.mark.parametrize(
    ("bot", "index"), [(bot, index) for bot, count in CONVERSATIONS.items() for index in range(count)]
)
async def test_a_recorded_conversation_goes_the_same_way(shared: Path, bot: str, index: int) -> None:
    folder = shared / "data" / "assistants"
    recorded = json.loads(await asyncio.to_thread((folder / "golden" / f"{bot}.json").read_text))[index]
    project = await asyncio.to_thread(load, folder / bot, {})
    assistant = assistants.compile(project, Recorded(recorded["events"]), choose=first)
    chat = Chat(assistant, Actions({"validate_restaurant_form": validate_restaurant_form}), "rest")
    for turn in recorded["turns"]:
        await chat.say(turn["user"])
        replies = [part for reply in chat.latest.replies for part in said(reply)]
        assert replies == [{key: one[key] for key in one if key != "recipient_id"} for one in turn["bot"]], turn["user"]
        assert chat.tracker.active_loop == turn["active_loop"]
        assert {name: value for name, value in chat.tracker.slots.items() if value is not None} == turn["slots"]
    expected = [event for event in recorded["events"] if event.get("name") != "action_unlikely_intent"]
    assert [comparable(event) for event in since_restart(chat.events)] == expected


def since_restart(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A recording begins after the latest restart."""
    places = [place for place, event in enumerate(events) if event["event"] == "restart"]
    return events[places[-1] + 1 :] if places else events
