"""Assistants: reads a project in Rasa's format, compiles it, and runs its dialogue.

    project = load(Path("bots/moodbot"))               # LoadFailed lists every error of every file
    assistant = assistants.compile(project, understanding)
    result = await assistant.turn(tracker, UserMessage("/greet", now=clock.now() / 1000), act)

What "runs unmodified" means is Rasa Open Source 3.6: its files, its events, its rules, memoized stories, forms and
default actions. Learned dialogue policies (TED, UnexpecTED) are accepted and left out. This package is pure: it reads
a folder when it loads one and touches nothing else; time, chance and custom actions are given to it.
"""

from bot_runtime.assistants.act import Act, ActionFailed, ActionRejected, ActResult, no_actions
from bot_runtime.assistants.assistant import Assistant, compile  # noqa: A004 - the word for it
from bot_runtime.assistants.domain import (
    CARD,
    EMAIL,
    EMAIL_VERIFIED,
    FRONTDESK_ACTIONS,
    REQUESTED_SLOT,
    TRANSCRIPT_URL,
    Domain,
)
from bot_runtime.assistants.errors import AssistantError, AssistantWarning, LoadFailed
from bot_runtime.assistants.nlu_data import Component, EntitySpan, Example, TrainingData
from bot_runtime.assistants.project import Project, load, load_stories
from bot_runtime.assistants.story_tests import StoryMistake, StoryReport, run_test_stories
from bot_runtime.assistants.tracker import Tracker
from bot_runtime.assistants.turn import Reply, TurnResult, UserMessage
from bot_runtime.assistants.understanding_port import ExactUnderstanding, Intent, Parse, Understanding

__all__ = [
    "CARD",
    "EMAIL",
    "EMAIL_VERIFIED",
    "FRONTDESK_ACTIONS",
    "REQUESTED_SLOT",
    "TRANSCRIPT_URL",
    "Act",
    "ActResult",
    "ActionFailed",
    "ActionRejected",
    "Assistant",
    "AssistantError",
    "AssistantWarning",
    "Component",
    "Domain",
    "EntitySpan",
    "ExactUnderstanding",
    "Example",
    "Intent",
    "LoadFailed",
    "Parse",
    "Project",
    "Reply",
    "StoryMistake",
    "StoryReport",
    "Tracker",
    "TrainingData",
    "TurnResult",
    "Understanding",
    "UserMessage",
    "compile",
    "load",
    "load_stories",
    "no_actions",
    "run_test_stories",
]
