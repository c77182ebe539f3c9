"""Reads the `stories:` and `rules:` sections (`yaml_story_reader.py`, `schemas/stories.yml`).

Names are checked against the domain: an action that does not exist is an error, as it is in Rasa's training; an
intent or a slot that does not exist is a warning, because a story with it can only never match.
"""

from collections.abc import Iterator
from typing import Any

from bot_runtime.assistants.checking import Checker, lined
from bot_runtime.assistants.domain import SNIPPET, Domain
from bot_runtime.assistants.entity_annotations import BadAnnotationError, read_annotations
from bot_runtime.assistants.events import active_loop, executed, slot_set, told
from bot_runtime.assistants.nlu_data import EntitySpan
from bot_runtime.assistants.story_data import Checkpoint, Event, Step, Story
from bot_runtime.assistants.yaml_reader import YamlList, YamlMap, plain

_RULE_KEYS = ("rule", "steps", "condition", "conversation_start", "wait_for_user_input", "metadata")
_STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("intent", ("intent", "user", "entities")),
    ("user", ("intent", "user", "entities")),
    ("or", ("or",)),
    ("action", ("action",)),
    ("bot", ("bot",)),
    ("checkpoint", ("checkpoint", "slot_was_set")),
    ("slot_was_set", ("slot_was_set",)),
    ("active_loop", ("active_loop",)),
    ("metadata", ("metadata",)),
)
_NOT_IN_RULES = ("bot", "checkpoint")


def action_texts(document: YamlMap) -> list[str]:
    """What the stories of a file let the bot say word for word (`- bot: …`), for the domain; nothing is checked."""
    items = [item for key in ("stories", "rules") for item in document.get(key) or () if isinstance(item, YamlMap)]
    steps = [step for item in items for step in item.get("steps") or () if isinstance(step, YamlMap)]
    return [step["bot"] for step in steps if isinstance(step.get("bot"), str)]


def read_stories(document: YamlMap, domain: Domain, checker: Checker) -> list[Story]:
    """The stories and rules of one file, in its order. What cannot be read goes to the checker."""
    reader = _StoryReader(domain, checker)
    stories = [reader.story(item, line) for item, line in lined(checker.section(document, "stories", list))]
    rules = [reader.rule(item, line) for item, line in lined(checker.section(document, "rules", list))]
    return [story for story in (*stories, *rules) if story is not None]


class _StoryReader:
    def __init__(self, domain: Domain, checker: Checker) -> None:
        self._domain = domain
        self._checker = checker

    def story(self, item: Any, line: int) -> Story | None:
        if not self._is_item("story", item, ("story", "steps", "metadata"), line):
            return None
        steps = tuple(self._steps(item["steps"], "story"))
        return Story(item["story"], self._checker.file, line, steps)

    def rule(self, item: Any, line: int) -> Story | None:
        if not self._is_item("rule", item, _RULE_KEYS, line):
            return None
        what = f"the rule `{item['rule']}`"
        conditions: list[Event] = []
        if self._checker.has(item, "condition", list, what):
            for step in self._steps(item["condition"], "condition"):
                conditions += step.events if isinstance(step, Step) else ()
        starts = self._checker.has(item, "conversation_start", bool, what) and item["conversation_start"]
        waits = not self._checker.has(item, "wait_for_user_input", bool, what) or item["wait_for_user_input"]
        steps = tuple(self._steps(item["steps"], "rule"))
        return Story(item["rule"], self._checker.file, line, steps, True, tuple(conditions), starts, waits)

    def _is_item(self, kind: str, item: Any, keys: tuple[str, ...], line: int) -> bool:
        if not isinstance(item, YamlMap) or kind not in item:
            self._checker.error(line, f"An item here must be a mapping that begins with `{kind}: …`.")
            return False
        self._checker.only(item, keys, f"a {kind}")
        if not self._checker.has(item, kind, str, f"a {kind}") or not item[kind]:
            self._checker.error(line, f"The {kind} needs a name.")
            return False
        if not self._checker.has(item, "steps", list, f"the {kind} `{item[kind]}`") or not item["steps"]:
            self._checker.warn(line, f"The {kind} `{item[kind]}` has no steps; it is skipped.")
            return False
        return True

    def _steps(self, steps: YamlList, place: str) -> Iterator[Step | Checkpoint]:
        for step, line in lined(steps):
            found = next((entry for entry in _STEPS if isinstance(step, YamlMap) and entry[0] in step), None)
            if found is None:
                self._checker.error(line, "This step is not known; a step is an intent, an action, a slot_was_set …")
                continue
            kind, keys = found
            self._checker.only(step, keys, f"a step with `{kind}`")
            if place != "story" and kind in _NOT_IN_RULES:
                self._checker.error(line, f"`{kind}` is for stories only.")
            elif place == "condition" and kind not in ("slot_was_set", "active_loop"):
                self._checker.error(line, "A condition of a rule is an `active_loop` or a `slot_was_set`.")
            elif kind == "checkpoint":
                yield from self._checkpoint(step, line)
            elif kind == "slot_was_set":
                yield from (Step((event,), line) for event in self._slots(step, line))
            elif kind != "metadata" and (events := self._events(kind, step, line)):
                yield Step(tuple(events), line)

    def _events(self, kind: str, step: YamlMap, line: int) -> list[Event]:
        if kind == "or":
            return self._choice(step, line)
        if kind in ("intent", "user"):
            return self._user(step, line)
        if kind == "active_loop":
            return self._loop(step, line)
        if not self._checker.has(step, kind, str, "a step") or not step[kind]:
            self._checker.error(line, f"`{kind}` needs a name.")
            return []
        return [executed(action_text=step["bot"])] if kind == "bot" else self._action(step["action"], line)

    def _action(self, name: str, line: int) -> list[Event]:
        if name not in self._domain.action_index:
            self._checker.error(line, f"The action `{name}` is not in the domain.")
            return []
        if name == SNIPPET:
            self._checker.error(line, f"`{SNIPPET}` is not an action to be written.")
            return []
        return [executed(name)]

    def _loop(self, step: YamlMap, line: int) -> list[Event]:
        name = step["active_loop"]
        if name is None or (self._checker.has(step, "active_loop", str, "a step") and name):
            if name is not None and name not in self._domain.action_index:
                self._checker.warn(line, f"The loop `{name}` is not in the domain.")
            return [active_loop(name)]
        return []

    def _choice(self, step: YamlMap, line: int) -> list[Event]:
        events: list[Event] = []
        if not self._checker.has(step, "or", list, "a step"):
            self._checker.error(line, "`or` needs a list.")
            return []
        for item, at in lined(step["or"]):
            if isinstance(item, YamlMap) and ("intent" in item or "user" in item):
                self._checker.only(item, _STEPS[0][1], "a choice of `or`")
                events += self._user(item, at)
            elif isinstance(item, YamlMap) and "slot_was_set" in item:
                events += self._slots(item, at)
            else:
                self._checker.error(at, "A choice of `or` is an intent or a `slot_was_set`.")
        return events

    def _user(self, step: YamlMap, line: int) -> list[Event]:
        for key in ("intent", "user"):
            if key in step and (not self._checker.has(step, key, str, "a step") or not step[key].strip()):
                self._checker.error(step.line_of(key), f"`{key}` of a step needs a text.")
                return []
        full = (step.get("intent") or "").strip().removeprefix("/")
        base, _, key = full.partition("/")
        if full and base not in self._domain.used_entities:
            self._checker.warn(line, f"The intent `{base}` is not in the domain.")
        text = None
        entities = list(self._entities(step))
        if "user" in step:
            try:
                text, spans = read_annotations(step["user"].strip())
            except BadAnnotationError as problem:
                self._checker.error(step.line_of("user"), str(problem))
                return []
            entities = [_entity(span) for span in spans]
        intent = {"name": base or None, "confidence": 1.0} | ({"full_retrieval_intent_name": full} if key else {})
        return [told(text, intent, entities)]

    def _entities(self, step: YamlMap) -> Iterator[dict[str, Any]]:
        if not self._checker.has(step, "entities", list, "a step"):
            return
        for item, line in lined(step["entities"]):
            if isinstance(item, str):
                yield {"entity": item, "value": ""}
            elif isinstance(item, YamlMap) and (names := [key for key in item if key not in ("role", "group")]):
                found = {"entity": names[-1], "value": plain(item[names[-1]])}
                found |= {key: item[key] for key in ("role", "group") if item.get(key) is not None}
                yield {key: value for key, value in found.items() if value is not None}
            else:
                self._checker.error(line, "An entity of a step is a name, or a name with a value.")

    def _slots(self, step: YamlMap, line: int) -> list[Event]:
        if not self._checker.has(step, "slot_was_set", list, "a step"):
            self._checker.error(line, "`slot_was_set` needs a list (`- name: value`).")
            return []
        events = []
        for item, at in lined(step["slot_was_set"]):
            if isinstance(item, str):
                events.append(slot_set(item, self._default(item, at)))
            elif isinstance(item, YamlMap):
                events += [slot_set(name, self._value(name, value, at)) for name, value in plain(item).items()]
            else:
                self._checker.error(at, "A slot here is a name, or a name with a value.")
        return events

    def _value(self, name: str, value: Any, line: int) -> Any:
        if name not in self._domain.slots:
            self._checker.warn(line, f"The slot `{name}` is not in the domain.")
        return value

    def _default(self, name: str, line: int) -> Any:
        slot = self._domain.slots.get(name)
        if slot is None:
            self._checker.error(line, f"The slot `{name}` is not in the domain.")
            return None
        if slot.influence and slot.type not in ("text", "list"):
            self._checker.warn(line, f"The slot `{name}` is of type {slot.type}: say with which value it was set.")
        return {"text": "filled", "list": ["filled"]}.get(slot.type)

    def _checkpoint(self, step: YamlMap, line: int) -> Iterator[Checkpoint]:
        if not self._checker.has(step, "checkpoint", str, "a step") or not step["checkpoint"]:
            self._checker.error(line, "`checkpoint` needs a name.")
            return
        slots: dict[str, Any] = {}
        for item, at in lined(step.get("slot_was_set") or YamlList(line)):
            if isinstance(item, YamlMap):
                slots |= plain(item)
            else:
                self._checker.error(at, "A slot of a checkpoint needs a value (`name: value`).")
        yield Checkpoint(step["checkpoint"], slots, line)


def _entity(span: EntitySpan) -> dict[str, Any]:
    entity: dict[str, Any] = {"start": span.start, "end": span.end, "value": span.value, "entity": span.entity}
    return entity | {key: value for key, value in (("role", span.role), ("group", span.group)) if value is not None}
