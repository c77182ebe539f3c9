"""Runs the actions of a turn: responses, forms, Rasa's default actions, and the author's own through `Act`.

An action is run on a tracker that nobody else sees, and gives events; it changes nothing itself. Which action a name
means follows Rasa (`action.py:162`): the author's action wins over a form and over a default action of the same name.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from bot_runtime.assistants.act import Act, ActionFailed, ActResult
from bot_runtime.assistants.domain import (
    DEFAULT_ACTIONS,
    LISTEN,
    REQUESTED_SLOT,
    Domain,
)
from bot_runtime.assistants.events import Event, Stamp, active_loop, bot_message, executed, rewound, slot_set
from bot_runtime.assistants.forms import FormRun
from bot_runtime.assistants.responses import Choose, LoneBraceError, Responses
from bot_runtime.assistants.slot_extraction import extract_slots
from bot_runtime.assistants.tracker import Tracker
from bot_runtime.assistants.two_stage_fallback import TwoStageFallback

_log = logging.getLogger(__name__)


class Actions:
    """The actions of one turn. `stamp` dates events that custom actions are shown before they are the turn's."""

    def __init__(
        self, domain: Domain, responses: Responses, act: Act, *, choose: Choose, channel: str | None, stamp: Stamp
    ) -> None:
        self.domain = domain
        self._responses = responses
        self._act = act
        self._choose = choose
        self._channel = channel
        self.stamp = stamp

    async def run(self, name: str, tracker: Tracker) -> list[Event]:
        """What the action does. Raises `ActionRejected`, and `ActionFailed` when its events are lost."""
        domain = self.domain
        overridden = name in domain.actions or name in domain.forms
        if name in DEFAULT_ACTIONS and not overridden:
            return await self._default(name, tracker)
        if name.startswith("utter_"):
            return (
                self.utter_retrieved(name, tracker)
                if name[6:] in domain.retrieval_intents
                else self.utter(name, tracker)
            )
        if name in domain.action_texts:
            return [bot_message({"text": name})]
        if name in domain.forms and name not in domain.actions:
            return await FormRun(domain.forms[name], self).run(tracker)
        return await self.custom(name, tracker)

    async def custom(self, name: str, tracker: Tracker) -> list[Event]:
        """What one of the author's actions does: its messages, then its events."""
        result = await self._act(name, tracker, self.domain)
        return [*self._said(result, tracker), *(_own_event(event) for event in result.events if _is_event(event))]

    def utter(self, name: str, tracker: Tracker, *, silent: bool = False) -> list[Event]:
        """Say a response. One that is missing says nothing; unless `silent`, that is logged."""
        message = self._render(name, tracker.slots)
        if message is None:
            if not silent:
                _log.warning("there is no response %s to say", name)
            return []
        return [bot_message({**message, "utter_action": name})]

    def utter_retrieved(self, name: str, tracker: Tracker) -> list[Event]:
        """Say the response that was selected for a retrieval intent (`utter_faq` says `utter_faq/ask_hours`)."""
        selector = tracker.latest_message.get("response_selector") or {}
        selected = selector.get(name[6:]) or selector.get("default")
        if selected is None:
            raise ActionFailed(
                f"No response was selected for {name}: the message did not go through the understanding."
            )
        return self.utter(f"utter_{selected['response']['intent_response_key']}", tracker)

    async def extract(self, tracker: Tracker) -> list[Event]:
        """Fill slots from the latest message."""
        return await extract_slots(tracker, self.custom)

    def _render(self, name: str, variables: Mapping[str, Any]) -> dict[str, Any] | None:
        try:
            return self._responses.render(name, variables, self._channel, self._choose)
        except LoneBraceError as problem:
            raise ActionFailed(f"{name}: {problem}") from problem

    def _said(self, result: ActResult, tracker: Tracker) -> list[Event]:
        events = []
        for response in result.responses:
            said = dict(response)
            name = said.pop("response", None)
            draft: dict[str, Any] = {}
            if name:
                rendered = self._render(name, {**tracker.slots, **said})
                if rendered is None:
                    _log.warning("an action wants to say %s, which is no response", name)
                    continue
                draft = {**rendered, "utter_action": name}
            buttons = said.pop("buttons", None)
            if buttons:
                draft["buttons"] = [*(draft.get("buttons") or ()), *buttons]
            events.append(bot_message(draft | {key: value for key, value in said.items() if value}))
        return events

    async def _default(self, name: str, tracker: Tracker) -> list[Event]:
        if name == "action_two_stage_fallback":
            return await TwoStageFallback(self).run(tracker)
        if name == "action_extract_slots":
            return await self.extract(tracker)
        run = _DEFAULTS.get(name)
        return run(self, tracker) if run else []


def _session_start(actions: Actions, tracker: Tracker) -> list[Event]:
    """A new session, with the slots of the old one if the domain says so. What is carried over is each slot's last."""
    events: list[Event] = [{"event": "session_started"}]
    if actions.domain.session.carry_over_slots:
        last: dict[str, Event] = {}
        for entry in tracker.applied_backwards():
            if entry.kind == "slot":
                last.setdefault(entry.event["name"], entry.event)
        events += [slot_set(name, event.get("value")) for name, event in reversed(last.items())]
    return [*events, executed(LISTEN)]


def _ask_affirmation(_: Actions, tracker: Tracker) -> list[Event]:
    parse = tracker.latest_message
    intent = (parse.get("intent") or {}).get("name")
    ranking = parse.get("intent_ranking") or []
    if intent == "nlu_fallback" and len(ranking) > 1:
        intent = ranking[1]["name"]
    buttons = [{"title": "Yes", "payload": f"/{intent}"}, {"title": "No", "payload": "/out_of_scope"}]
    message = {"text": f"Did you mean '{intent}'?", "buttons": buttons}
    return [bot_message({**message, "utter_action": "action_default_ask_affirmation"})]


_DEFAULTS: Mapping[str, Callable[[Actions, Tracker], list[Event]]] = {
    "action_session_start": _session_start,
    "action_restart": lambda run, at: [*run.utter("utter_restart", at, silent=True), {"event": "restart"}],
    "action_back": lambda run, at: [*run.utter("utter_back", at, silent=True), rewound(), rewound()],
    "action_default_fallback": lambda run, at: [*run.utter("utter_default", at, silent=True), rewound()],
    "action_deactivate_loop": lambda *_: [active_loop(None), slot_set(REQUESTED_SLOT, None)],
    "action_default_ask_affirmation": _ask_affirmation,
    "action_default_ask_rephrase": lambda run, at: run.utter("utter_ask_rephrase", at, silent=True),
    "action_send_text": lambda *_: [bot_message({"text": ""})],
}


def _is_event(event: Any) -> bool:
    """Whether an action server's event can be kept: what has no kind, or a slot without a name, is dropped."""
    if not isinstance(event, dict) or not isinstance(event.get("event"), str):
        return False
    return event["event"] != "slot" or isinstance(event.get("name"), str)


def _own_event(event: Event) -> Event:
    return {key: value for key, value in event.items() if key != "timestamp"}
