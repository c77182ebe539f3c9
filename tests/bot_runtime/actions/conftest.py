"""Bots made for one test each: a folder with the author's code, and a worker on it."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import pytest_asyncio

from bot_runtime.actions import ActionWorker

DOMAIN: dict[str, Any] = {
    "intents": ["greet"],
    "entities": ["city"],
    "slots": {"city": {"type": "text", "mappings": [{"type": "from_text"}]}},
    "responses": {"utter_wrong_city": [{"text": "No such city."}]},
    "actions": ["action_hello"],
    "forms": {"trip_form": {"required_slots": ["city"]}},
}

HEAD = """
import asyncio, os, sys, threading, time
from rasa_sdk import Action, FormValidationAction, Tracker
from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import ActionExecutionRejection
"""


def tracker(**slots: Any) -> dict[str, Any]:
    """A conversation in which these slots were just filled."""
    return {
        "sender_id": "visitor",
        "slots": slots,
        "latest_message": {"text": "hello", "intent": {"name": "greet", "confidence": 1.0}, "entities": []},
        "events": [{"event": "slot", "name": name, "value": value} for name, value in slots.items()],
        "paused": False,
        "followup_action": None,
        "active_loop": {},
        "latest_action_name": "action_listen",
        "latest_input_channel": "widget",
    }


def call(action: str, state: dict[str, Any] | None = None, domain: dict[str, Any] | None = None) -> dict[str, Any]:
    """What Rasa would post to an action server."""
    return {
        "next_action": action,
        "sender_id": "visitor",
        "tracker": state or tracker(),
        "domain": DOMAIN if domain is None else domain,
        "version": "3.6.21",
    }


def action(name: str, body: str, *, waits: bool = False) -> str:
    """The source of an action whose `run` has this body."""
    source = [
        f"class {''.join(part.capitalize() for part in name.split('_'))}(Action):",
        "    def name(self):",
        f"        return {name!r}",
        f"    {'async ' if waits else ''}def run(self, dispatcher, tracker, domain):",
        *(f"        {line}" for line in dedent(body).strip().splitlines()),
    ]
    return "\n".join(source)


def write_bot(folder: Path, *parts: str, head: str = HEAD) -> Path:
    """A bot whose `actions/actions.py` holds these parts."""
    package = folder / "actions"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "actions.py").write_text("\n\n\n".join([head, *map(dedent, parts)]))
    return folder


Worker = Callable[..., ActionWorker]


@pytest_asyncio.fixture
async def worker_on(tmp_path: Path) -> AsyncIterator[Worker]:
    """Starts workers and ends them after the test. Parts of source come first, or a folder by name."""
    workers: list[ActionWorker] = []

    def begin(*parts: str, folder: Path | None = None, **settings: Any) -> ActionWorker:
        if folder is None:
            folder = write_bot(tmp_path / f"bot{len(workers)}", *parts)
        workers.append(ActionWorker(folder, **settings))
        return workers[-1]

    yield begin
    await asyncio.gather(*(worker.close() for worker in workers))


@pytest.fixture
def lines() -> list[str]:
    """What the author's code wrote to the log."""
    return []


async def ended(pid: int) -> None:
    """Return when this process has ended, anybody's child."""
    loop = asyncio.get_running_loop()
    end = loop.create_future()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(descriptor, lambda: end.done() or end.set_result(None))
    try:
        await end
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def says(result: Any) -> list[str]:
    """The texts of a result."""
    return [response["text"] for response in result["responses"]]
