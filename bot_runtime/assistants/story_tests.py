"""Runs test stories against an assistant: does it do what they say (`rasa/core/test.py`)?

A test story is followed event by event. Before each of its actions the assistant is asked for the next one, and then
the story goes on as it is written, whatever the answer was: one mistake is counted once. No action is run, so a form
cannot reject a message by itself: where a story has something else than the running form, the form is taken to have
rejected it.
"""

from collections.abc import Iterable

import msgspec

from bot_runtime.assistants.assistant import Assistant
from bot_runtime.assistants.ensemble import next_action
from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.events import executed
from bot_runtime.assistants.parsing import parse_message
from bot_runtime.assistants.rule_keys import label
from bot_runtime.assistants.story_data import Event, Path, Story
from bot_runtime.assistants.story_paths import paths
from bot_runtime.assistants.tracker import Tracker


class StoryMistake(msgspec.Struct, frozen=True):
    """Where an assistant does something else: the story, its place in the file, and what was wanted and said."""

    story: str
    file: str
    line: int
    wanted: str
    said: str


class StoryReport(msgspec.Struct, frozen=True):
    """How a run went. Counts are of distinct stories, of actions, and of messages whose text was understood."""

    stories: int = 0
    actions: int = 0
    messages: int = 0
    mistakes: tuple[StoryMistake, ...] = ()
    misunderstood: tuple[StoryMistake, ...] = ()

    @property
    def correct(self) -> int:
        """The number of actions that were as the stories say."""
        return self.actions - len(self.mistakes)


def run_test_stories(assistant: Assistant, stories: Iterable[Story], *, understand: bool = False) -> StoryReport:
    """Follow these stories. With `understand`, texts of messages are parsed too and compared with their intents.

    Raises `LoadFailed` when the stories have more ways through them than can be followed.
    """
    findings = Findings()
    followed = paths(stories, assistant.view, findings)
    findings.raise_if_any()
    run = _Run(assistant)
    for path in followed:
        run.follow(path, understand=understand)
    return StoryReport(len(followed), run.actions, run.messages, tuple(run.mistakes), tuple(run.misunderstood))


class _Run:
    def __init__(self, assistant: Assistant) -> None:
        self._assistant = assistant
        self.actions = 0
        self.messages = 0
        self.mistakes: list[StoryMistake] = []
        self.misunderstood: list[StoryMistake] = []

    def follow(self, path: Path, *, understand: bool) -> None:
        tracker = self._assistant.tracker(path.name, path.events[:1])
        for event in path.events[1:]:
            if event["event"] == "action":
                self.actions += 1
                wanted = label(event)
                said = self._said(tracker, wanted)
                if said != wanted:
                    self.mistakes.append(StoryMistake(path.name, path.file, path.line, wanted, said))
                is_text = event["name"] is None
                tracker.apply(executed(None if is_text else wanted, action_text=wanted if is_text else None))
                continue
            if understand and event["event"] == "user" and event["text"]:
                self._understand(path, event)
            tracker.apply(event)

    def _said(self, tracker: Tracker, wanted: str) -> str:
        assistant = self._assistant
        said = next_action(assistant.domain, assistant.ensemble, tracker).action
        if said != wanted and said == tracker.active_loop and said in assistant.domain.forms:
            tracker.apply({"event": "action_execution_rejected", "name": said})
            said = next_action(assistant.domain, assistant.ensemble, tracker).action
        return said

    def _understand(self, path: Path, event: Event) -> None:
        assistant = self._assistant
        self.messages += 1
        parse = parse_message(event["text"], assistant.domain, assistant.understanding, assistant.fallback)
        wanted, said = str(event["parse_data"]["intent"]["name"]), str(parse["intent"]["name"])
        if said != wanted:
            self.misunderstood.append(StoryMistake(path.name, path.file, path.line, wanted, said))
