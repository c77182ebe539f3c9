"""Stories and rules as their author wrote them, and the paths through them that policies learn from.

A `Story` is a list of steps: one event, a choice of events (`or`), or a named checkpoint. A `Path` is one way through
one or several stories, in the events (Rasa's JSON form) that a conversation along it would leave behind.
"""

from typing import Any

import msgspec

Event = dict[str, Any]


class Step(msgspec.Struct, frozen=True):
    """One of these events happens next."""

    events: tuple[Event, ...]
    line: int


class Checkpoint(msgspec.Struct, frozen=True):
    """A place where stories meet. `slots` are conditions on going on from here."""

    name: str
    slots: dict[str, Any]
    line: int


class Story(msgspec.Struct, frozen=True):
    """A story or a rule of one file. `conditions` are a rule's, as events; a rule that does not wait lets go on."""

    name: str
    file: str
    line: int
    steps: tuple[Step | Checkpoint, ...]
    is_rule: bool = False
    conditions: tuple[Event, ...] = ()
    conversation_start: bool = False
    waits: bool = True


class Path(msgspec.Struct, frozen=True):
    """A linear conversation. `unpredictable` are places of actions that nothing comes before: not to be learned."""

    name: str
    events: tuple[Event, ...]
    is_rule: bool = False
    unpredictable: frozenset[int] = frozenset()
    file: str = ""
    line: int = 0
