"""One run of a form (`forms.py`, `loops.py`): fill, validate, ask for what is missing, end.

A form begins by looking at what is filled already. After each message it lets `validate_<form>` see what the message
filled (the candidates are the trailing slot events of the tracker it is given), asks for the next slot that is empty,
and ends when none is or when a validation says so. A message that fills nothing is rejected, so that something else
may answer it.
"""

from typing import Any, Protocol

from bot_runtime.assistants.act import ActionRejected
from bot_runtime.assistants.domain import CARD, FRONTDESK_ACTIONS, LISTEN, REQUESTED_SLOT, Domain, Form
from bot_runtime.assistants.events import Event, Stamp, active_loop, executed, slot_set
from bot_runtime.assistants.tracker import Tracker


class Runner(Protocol):
    """What a form needs of the turn's actions."""

    domain: Domain
    stamp: Stamp

    async def run(self, name: str, tracker: Tracker) -> list[Event]:
        """Run any action."""

    async def custom(self, name: str, tracker: Tracker) -> list[Event]:
        """Run one of the author's actions."""

    async def extract(self, tracker: Tracker) -> list[Event]:
        """Fill slots from the latest message."""


class FormRun:
    """A form, run once. It may raise `ActionRejected` in its own name."""

    def __init__(self, form: Form, actions: Runner) -> None:
        self._form = form
        self._actions = actions
        self._domain = actions.domain
        validate = f"validate_{form.name}"
        self._validate = validate if validate in self._domain.action_index else None

    async def run(self, tracker: Tracker) -> list[Event]:
        """The events of this run, in Rasa's order."""
        events: list[Event] = []
        if tracker.active_loop != self._form.name:
            events += await self._activate(tracker)
        if not is_done(events):
            events += await self._go_on(tracker, events)
        if is_done(events):
            events.append(active_loop(None))
        return events

    async def _activate(self, tracker: Tracker) -> list[Event]:
        begun = active_loop(self._form.name)
        temporary = tracker.aside()
        self._apply(temporary, begun)
        extracted = await self._actions.extract(temporary)
        for event in extracted:
            self._apply(temporary, event)
        slots = [event for event in extracted if event["event"] == "slot"]
        if self._validate is None:
            return [begun, *slots]
        filled = {name: temporary.slots[name] for name in self._form.required if temporary.slots.get(name) is not None}
        validated = await self._validated(filled, temporary)
        decided = {event["name"] for event in validated if event["event"] == "slot"}
        return [begun, *validated, *(event for event in slots if event["name"] not in decided)]

    async def _go_on(self, tracker: Tracker, so_far: list[Event]) -> list[Event]:
        events: list[Event] = []
        if all(event["event"] == "active_loop" for event in so_far):
            events = await self._validated_if_needed(tracker)
        if not was_rejected(events):
            events = [*events, *await self._asked(tracker, [*so_far, *events])]
        return events

    async def _validated_if_needed(self, tracker: Tracker) -> list[Event]:
        fold = tracker.fold
        if fold.loop is not None and (fold.action != LISTEN or fold.interrupted):
            # back from an unhappy path: nothing was said to the form, but it may want another slot now
            return await self._validated({}, tracker)
        candidates = self._candidates(tracker)
        events = await self._validated(candidates, tracker)
        said_something = any(event["event"] == "slot" and event["name"] != REQUESTED_SLOT for event in events)
        if self._requested(tracker) and not candidates and not said_something and not was_rejected(events):
            raise ActionRejected(self._form.name)
        return events

    def _candidates(self, tracker: Tracker) -> dict[str, Any]:
        """What was filled since the latest message, of the slots that the form asks for."""
        asked = {*self._form.required, self._requested(tracker)}
        found: list[Event] = []
        for event in tracker.events_backwards(after_restart=True):
            if event["event"] == "user":
                break
            if event["event"] == "slot" and event["name"] in asked:
                found.append(event)
        return {event["name"]: event.get("value") for event in reversed(found)}

    def _requested(self, tracker: Tracker) -> str | None:
        """The slot that was asked for; what another form asked for does not count."""
        return tracker.slots.get(REQUESTED_SLOT) if tracker.active_loop == self._form.name else None

    async def _validated(self, candidates: dict[str, Any], tracker: Tracker) -> list[Event]:
        if self._validate is None:
            return []
        events = [slot_set(name, value) for name, value in candidates.items()]
        return await self._actions.custom(self._validate, self._temporary(tracker, events))

    def _temporary(self, tracker: Tracker, events: list[Event]) -> Tracker:
        temporary = tracker.aside()
        temporary.forget_before_restart()
        for event in (slot_set(REQUESTED_SLOT, self._requested(tracker)), executed(self._form.name), *events):
            self._apply(temporary, event)
        return temporary

    def _apply(self, tracker: Tracker, event: Event) -> None:
        tracker.apply(self._actions.stamp.on(dict(event)))

    async def _asked(self, tracker: Tracker, so_far: list[Event]) -> list[Event]:
        if is_done(so_far):
            return [slot_set(REQUESTED_SLOT, None)]
        events: list[Event] = []
        temporary = self._temporary(tracker, so_far)
        wanted = next((one.get("value") for one in so_far if _is_request(one)), None)
        if not wanted:
            missing = (name for name in self._form.required if self._domain.is_missing(name, temporary.slots.get(name)))
            wanted = next(missing, None)
            events.append(slot_set(REQUESTED_SLOT, wanted))
        if not wanted:
            return [slot_set(REQUESTED_SLOT, None)]
        return [*events, *await self._question_for(wanted, temporary)]

    async def _question_for(self, slot: str, tracker: Tracker) -> list[Event]:
        """What is said to ask for a slot. For a proof the widget's card comes with the author's words, or with ours."""
        question, proof = self._question(slot), self._domain.proofs.get(slot)
        asked = await self._actions.run(question, tracker) if question else []
        if proof is None or question == proof:
            return asked
        self._apply(tracker, slot_set(REQUESTED_SLOT, slot))
        return _with_card(asked, await self._actions.custom(proof, tracker))

    def _question(self, slot: str) -> str | None:
        form = self._form.name
        names = (f"action_ask_{form}_{slot}", f"utter_ask_{form}_{slot}", f"action_ask_{slot}", f"utter_ask_{slot}")
        return next((name for name in names if self._is_a_question(name)), None)

    def _is_a_question(self, name: str) -> bool:
        """Frontdesk's `action_ask_email` is none unless the domain lists it: a project may have an `utter_ask_email`."""
        domain = self._domain
        return name in domain.action_index and (name not in FRONTDESK_ACTIONS or name in domain.actions)


def _with_card(asked: list[Event], own: list[Event]) -> list[Event]:
    """The author's question with the card of our own; ours when he has none."""
    said = [event for event in asked if event["event"] == "bot"]
    if not said:
        return [*asked, *own]
    cards = [event["metadata"][CARD] for event in own if event["event"] == "bot" and CARD in event["metadata"]]
    if cards:
        said[-1]["metadata"] = {**said[-1]["metadata"], CARD: cards[-1]}
    return [*asked, *(event for event in own if event["event"] != "bot")]


def _is_request(event: Event) -> bool:
    return bool(event["event"] == "slot" and event["name"] == REQUESTED_SLOT)


def was_rejected(events: list[Event]) -> bool:
    """Whether a validation rejected the message by an event instead of by raising."""
    return any(event["event"] == "action_execution_rejected" for event in events)


def is_done(events: list[Event]) -> bool:
    """Whether these events end a form: the last word on the requested slot, or on the loop, is "none"."""
    if was_rejected(events):
        return False
    requests = [event.get("value") for event in events if _is_request(event)]
    loops = [event.get("name") for event in events if event["event"] == "active_loop"]
    return any(words and words[-1] is None for words in (requests, loops))
