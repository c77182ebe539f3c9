"""One turn: a visitor's message and everything that it causes, until the bot listens again (`processor.py:152`).

A turn is a function of (assistant, tracker, message) and of what custom actions answer. It works on a fork: the
tracker it was given stays as it was, so a caller whose append conflicts forgets the result and runs the turn again.

Nothing that goes wrong in an action ends the turn. A rejected action lets something else be predicted; a failed one
is logged without its events, and named in the result, so that the caller need not mistake it for silence. A turn of
more than ten actions is cut short; unlike Rasa, which stays deaf after that, the bot then listens again.
"""

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from bot_runtime.assistants.act import Act, ActionFailed, ActionRejected
from bot_runtime.assistants.actions import Actions
from bot_runtime.assistants.domain import LISTEN, SESSION_METADATA, SESSION_START
from bot_runtime.assistants.ensemble import FOLLOWUP, Prediction, next_action
from bot_runtime.assistants.events import Event, Stamp, executed, slot_set
from bot_runtime.assistants.parsing import parse_message
from bot_runtime.assistants.tracker import Tracker

if TYPE_CHECKING:
    from bot_runtime.assistants.assistant import Assistant

MOST_ACTIONS = 10
_log = logging.getLogger(__name__)


class UserMessage(msgspec.Struct, frozen=True):
    """What a visitor sent. `now` is the time in seconds since the epoch; `channel` chooses response variations.

    `known` is what is known of the visitor apart from his words; it fills the slots of these names.
    """

    text: str
    now: float
    message_id: str | None = None
    channel: str | None = None
    metadata: dict[str, Any] = {}
    known: dict[str, Any] = {}


class Reply(msgspec.Struct, frozen=True):
    """One message of the bot, ready to be shown. `event_index` is the place of its event in the turn's events.

    Whatever an action sent, the types here hold; custom content that is not a mapping comes as `{"data": …}`.
    """

    text: str | None
    buttons: tuple[dict[str, Any], ...]
    image: str | None
    custom: dict[str, Any] | None
    attachment: Any
    utter_action: str | None
    event_index: int
    quick_replies: tuple[dict[str, Any], ...] = ()
    elements: tuple[dict[str, Any], ...] = ()


class TurnResult(msgspec.Struct, frozen=True):
    """What a turn did. `tracker` is the conversation after it; `failed` names the actions whose events were lost."""

    events: list[Event]
    replies: list[Reply]
    tracker: Tracker
    failed: tuple[str, ...] = ()


class Turn:
    """A turn under way."""

    def __init__(self, assistant: "Assistant", tracker: Tracker, act: Act, now: float, channel: str | None) -> None:
        self._assistant = assistant
        self.tracker = tracker.fork()
        self._now = now
        self._channel = channel
        self._stamp = Stamp(now, assistant.event_metadata)
        self._events: list[Event] = []
        self._failed: list[str] = []
        self._actions = Actions(
            assistant.domain,
            assistant.responses,
            act,
            choose=assistant.choose,
            channel=channel,
            stamp=self._stamp,
        )

    async def answer(self, message: UserMessage) -> TurnResult:
        """Take a visitor's message in, and do what follows from it."""
        await self.start_session(message.metadata)
        self._log_event(self._told(message))
        for name, value in message.known.items():
            if self.tracker.slots.get(name) != value and not self._was_offered(name, value):
                self._log_event(_known(name, value))
        await self._extract()
        await self._until_listening()
        return self.result()

    async def carry_on(self, known: dict[str, Any]) -> TurnResult:
        """Let the form that runs go on, because what it asked for came in another way than by a message.

        To the form and its validation this is a turn like any: an external message, as Rasa has them, that says nothing
        but fills these slots. No other slot is filled by it."""
        metadata = {"is_external": True, "known": known}
        parse = {"intent": {"name": None, "confidence": 0.0}, "entities": [], "text": "", "metadata": metadata}
        event = {"event": "user", "text": "", "parse_data": parse, "input_channel": self.tracker.input_channel}
        self._log_event({**event, "message_id": None, "metadata": metadata})
        for name, value in known.items():
            self._log_event(_known(name, value))
        await self._until_listening()
        return self.result()

    async def trigger(self, intent: str, entities: list[dict[str, Any]]) -> TurnResult:
        """Go on as if the visitor had meant something, without his having said it (reminders, events from outside)."""
        await self.start_session({})
        parse = {"intent": {"name": intent}, "entities": entities, "text": f"EXTERNAL: {intent}", "message_id": None}
        event = {"event": "user", "text": parse["text"], "parse_data": {**parse, "metadata": {"is_external": True}}}
        channel = self.tracker.input_channel
        self._log_event({**event, "input_channel": channel, "message_id": None, "metadata": {"is_external": True}})
        await self._extract()
        await self._until_listening()
        return self.result()

    async def start_session(self, metadata: dict[str, Any]) -> bool:
        """Begin a session if none has begun, or if the visitor was silent for longer than a session lasts. Slots that
        were set before the first message begin none: a browser may be recognised when the chat opens."""
        fold = self.tracker.fold
        has_begun = self.tracker.top is not None and not (fold.action is None and fold.message is None)
        if has_begun and not self._has_expired():
            return False
        if metadata:
            self._log_event(slot_set(SESSION_METADATA, metadata))
        await self._run(Prediction(SESSION_START, 1.0, None))
        return True

    def result(self) -> TurnResult:
        """What came of it."""
        replies = [_reply(event, index) for index, event in enumerate(self._events) if event["event"] == "bot"]
        return TurnResult(self._events, replies, self.tracker, tuple(self._failed))

    def _was_offered(self, name: str, value: Any) -> bool:
        """Whether this value filled the slot before, and a validation or an action emptied it."""
        for event in self.tracker.events_backwards(after_restart=True):
            if event["event"] in ("session_started", "reset_slots"):
                return False
            if event["event"] == "slot" and event["name"] == name and (event.get("metadata") or {}).get("known"):
                return bool(event.get("value") == value)
        return False

    def _has_expired(self) -> bool:
        minutes = self._assistant.domain.session.expiration
        last = self.tracker.last_user_time
        return minutes > 0 and last is not None and self._now - last > minutes * 60

    def _told(self, message: UserMessage) -> Event:
        text = message.text.strip()
        assistant = self._assistant
        parse = parse_message(text, assistant.domain, assistant.understanding, assistant.fallback)
        parse["message_id"] = message.message_id
        parse["metadata"] = message.metadata
        return {
            "event": "user",
            "text": text,
            "parse_data": parse,
            "input_channel": message.channel,
            "message_id": message.message_id,
            "metadata": dict(message.metadata),
        }

    async def _extract(self) -> None:
        if self._assistant.domain.extracts:
            for event in await self._actions.extract(self.tracker):
                self._log_event(event)

    async def _until_listening(self) -> None:
        actions = rejections = 0
        while actions < MOST_ACTIONS and rejections < MOST_ACTIONS:
            fold = self.tracker.fold
            if fold.paused and fold.intent != "restart":
                return
            prediction = next_action(self._assistant.domain, self._assistant.ensemble, self.tracker)
            if prediction.end_to_end:
                await self._extract()
            if await self._run(prediction):
                actions += 1
            else:
                rejections += 1
            if prediction.action in (LISTEN, SESSION_START):
                return
        _log.warning("a turn was cut short after %d actions", MOST_ACTIONS)
        self._log_event(executed(LISTEN))

    async def _run(self, prediction: Prediction) -> bool:
        """Run an action and log it with all that it did; False when it declined to run."""
        before = self._decision(prediction)
        try:
            events = await self._actions.run(prediction.action, self._seen_by(prediction.action, before))
        except ActionRejected:
            self._log_event(_rejection(prediction))
            return False
        except ActionFailed as problem:
            _log.warning("action %s: %s", prediction.action, problem)
            self._failed.append(prediction.action)
            events = []
        kinds = [event["event"] for event in events]
        if "action_execution_rejected" not in kinds:
            for event in before:
                self._log_event(event)
            self._log_event(self._execution(prediction))
        for event in events:
            self._log_event(event)
        if "user" in kinds:
            await self._extract()
        return True

    def _seen_by(self, action: str, before: list[Event]) -> Tracker:
        """The conversation as an action sees it: with the decision for it, but aside, for it may be rejected."""
        if action == LISTEN or action.startswith("utter_"):
            return self.tracker  # they look at slots and at the message only
        temporary = self.tracker.aside()
        for event in before:
            temporary.apply(event)
        return temporary

    def _decision(self, prediction: Prediction) -> list[Event]:
        """What the choice of the action itself leaves in the log."""
        events: list[Event] = []
        if prediction.policy in (None, FOLLOWUP):
            return events
        if prediction.interrupted:
            events.append({"event": "loop_interrupted", "is_interrupted": True})
        if self.tracker.fold.action == LISTEN:
            events.append({"event": "user_featurization", "use_text_for_featurization": prediction.end_to_end})
        return [self._stamp.on(event) for event in events]

    def _execution(self, prediction: Prediction) -> Event:
        action = prediction.action
        said = action in self._assistant.domain.action_texts
        return executed(
            None if said else action,
            policy=prediction.policy,
            confidence=prediction.confidence,
            action_text=action if said else None,
            hide_rule_turn=prediction.hide,
        )

    def _log_event(self, event: Event) -> None:
        event = self._stamp.on(event)
        self.tracker.apply(event)
        self._events.append(event)


def _known(name: str, value: Any) -> Event:
    """A slot is filled with what is known apart from the visitor's words."""
    return {**slot_set(name, value), "metadata": {"known": True}}


def _rejection(prediction: Prediction) -> Event:
    return {
        "event": "action_execution_rejected",
        "name": prediction.action,
        "policy": prediction.policy,
        "confidence": prediction.confidence,
    }


def _reply(event: Event, index: int) -> Reply:
    data = event.get("data") or {}
    text, custom = event.get("text"), data.get("custom")
    image, attachment = data.get("image"), data.get("attachment")
    return Reply(
        text if text is None else str(text),
        _mappings(data.get("buttons")),
        image if isinstance(image, str) else None,
        custom if isinstance(custom, dict) else {"data": custom} if custom else None,
        None if attachment == image else attachment,
        (event.get("metadata") or {}).get("utter_action"),
        index,
        _mappings(data.get("quick_replies")),
        _mappings(data.get("elements")),
    )


def _mappings(items: Any) -> tuple[dict[str, Any], ...]:
    """Of what an action server sent in place of buttons, the buttons."""
    return tuple(item for item in items if isinstance(item, dict)) if isinstance(items, list | tuple) else ()
