"""Somebody to talk to a small assistant, and actions for it that are plain Python functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bot_runtime.assistants.act import ActionFailed, ActResult
from bot_runtime.assistants.assistant import Assistant
from bot_runtime.assistants.domain import Domain
from bot_runtime.assistants.tracker import Tracker
from bot_runtime.assistants.turn import TurnResult, UserMessage

CONFIG = "assistant_id: tester\nlanguage: en\npipeline:\n- name: KeywordIntentClassifier\n"
Action = Callable[[Tracker], ActResult]


def first(variations: Sequence[Any]) -> Any:
    """Chooses the first variation: what a test needs of chance."""
    return variations[0]


class Actions:
    """An `Act` whose actions are Python functions of the tracker; it remembers what was asked of it."""

    def __init__(self, actions: Mapping[str, Action] | None = None) -> None:
        self._actions = dict(actions or {})
        self.asked: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, name: str, tracker: Tracker, domain: Domain) -> ActResult:
        self.asked.append((name, tracker.snapshot()))
        if name not in self._actions:
            raise ActionFailed(f"no action {name}")
        return self._actions[name](tracker)


class Chat:
    """A conversation with an assistant. `now` is moved by the tests."""

    def __init__(self, assistant: Assistant, act: Actions, channel: str | None = None) -> None:
        self.assistant = assistant
        self.act = act
        self.channel = channel
        self.now = 1_000.0
        self.tracker = assistant.tracker("visitor")
        self.events: list[dict[str, Any]] = []
        self.failed: tuple[str, ...] = ()

    async def say(self, text: str, **metadata: Any) -> list[str | None]:
        """Send a message; the texts of the replies."""
        message = UserMessage(
            text, self.now, message_id=f"m{len(self.events)}", channel=self.channel, metadata=metadata
        )
        return [reply.text for reply in self._take(await self.assistant.turn(self.tracker, message, self.act)).replies]

    async def trigger(self, intent: str, **entities: Any) -> list[str | None]:
        """Let something outside happen; the texts of the replies."""
        found = [{"entity": name, "value": value} for name, value in entities.items()]
        result = await self.assistant.trigger(self.tracker, intent, self.act, now=self.now, entities=found)
        return [reply.text for reply in self._take(result).replies]

    def _take(self, result: TurnResult) -> TurnResult:
        self.tracker = result.tracker
        self.failed = result.failed
        self.latest = result
        self.events += result.events
        return result

    def kinds(self) -> list[str]:
        """The events so far, short."""
        return [short(event) for event in self.events]

    def slot(self, name: str) -> Any:
        """A slot's value."""
        return self.tracker.slots[name]


def short(event: Mapping[str, Any]) -> str:
    """An event in a few words: `action utter_greet`, `slot name=value`."""
    kind = event["event"]
    if kind == "slot":
        return f"slot {event['name']}={event['value']}"
    if kind == "user":
        return f"user {event['text']}"
    return f"{kind} {event['name']}" if event.get("name") else kind
