"""The loop that asks what was meant: affirm, rephrase, affirm once more, give up (`two_stage_fallback.py`)."""

import copy
from itertools import islice

from bot_runtime.assistants.domain import LISTEN
from bot_runtime.assistants.events import Event, active_loop, executed, rewound
from bot_runtime.assistants.forms import Runner
from bot_runtime.assistants.parsing import FALLBACK_INTENT
from bot_runtime.assistants.tracker import Tracker

NAME = "action_two_stage_fallback"
_OUT_OF_SCOPE = "out_of_scope"


class TwoStageFallback:
    """The fallback loop, run once."""

    def __init__(self, actions: Runner) -> None:
        self._actions = actions

    async def run(self, tracker: Tracker) -> list[Event]:
        """The events of this run, in Rasa's order."""
        begins = tracker.active_loop != NAME
        events: list[Event] = [active_loop(NAME)] if begins else []
        if _is_done(tracker):
            return [*events, active_loop(None), *await self._end(tracker)]
        asks = begins or tracker.fold.intent == FALLBACK_INTENT
        question = "action_default_ask_affirmation" if asks else "action_default_ask_rephrase"
        return [*events, *await self._actions.run(question, tracker)]

    async def _end(self, tracker: Tracker) -> list[Event]:
        if _failed(tracker):
            return await self._actions.run("action_default_fallback", tracker)
        return [rewound(), executed(LISTEN), _clarified(tracker)]


def _is_done(tracker: Tracker) -> bool:
    return tracker.fold.intent not in (FALLBACK_INTENT, _OUT_OF_SCOPE) or _failed(tracker)


def _failed(tracker: Tracker) -> bool:
    newest = _latest_intents(tracker)
    return newest[:2] == [FALLBACK_INTENT] * 2 or newest == [_OUT_OF_SCOPE, FALLBACK_INTENT, _OUT_OF_SCOPE]


def _latest_intents(tracker: Tracker) -> list[str | None]:
    """The intents of the last three messages since a restart, newest first; a rewind counts as one without intent."""
    told = (event for event in tracker.events_backwards(after_restart=True) if event["event"] in ("user", "rewind"))
    found = []
    for event in islice(told, 3):
        intent = (event.get("parse_data") or {}).get("intent") or {}
        found.append(intent.get("name") if event["event"] == "user" else "")
    return found


def _clarified(tracker: Tracker) -> Event:
    """The latest message once more, now that it is certain."""
    event = copy.deepcopy(tracker.fold.message or {"event": "user", "text": None})
    event.setdefault("parse_data", {}).setdefault("intent", {})["confidence"] = 1.0
    return event
