"""What paths teach, and the text of states by which rules are told apart (Rasa's feature keys)."""

import json
from collections.abc import Iterator
from typing import Any

from bot_runtime.assistants.domain import SNIPPET
from bot_runtime.assistants.fold import TEXT_MARK
from bot_runtime.assistants.states import State, View
from bot_runtime.assistants.story_data import Event, Path
from bot_runtime.assistants.story_paths import walk

Example = tuple[tuple[State, ...], str]


def examples(path: Path, view: View, *, only_set: bool = False) -> Iterator[Example]:
    """What a path teaches: the states up to an action, and the action. Unpredictable actions teach nothing."""
    states, actions = walk(path, view, only_set=only_set)
    untaught = {id(path.events[index]) for index in path.unpredictable}
    for number, action in enumerate(actions, start=1):
        if id(action) not in untaught:
            yield tuple(states[:number]), label(action)


def label(action: Event) -> str:
    """How an executed action is named in predictions: its name, or its text."""
    return str(action["name"] or action["action_text"])


def rule_key(states: tuple[State, ...]) -> tuple[str, tuple[State, ...]] | None:
    """The states after the last `...`, and their text as Rasa writes it; None when nothing is left."""
    kept: list[State] = []
    for state in reversed(states):
        if state.prev == SNIPPET:
            break
        kept.insert(0, state)
    return (json.dumps([_as_rasa(state) for state in kept], sort_keys=True), tuple(kept)) if kept else None


def _as_rasa(state: State) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if state.user is not None:
        intent, text, entities = state.user
        user = {"intent": intent, "text": text, "entities": entities}
        found["user"] = {key: value for key, value in user.items() if value}
    if state.slots:
        found["slots"] = dict(state.slots)
    if state.prev is not None:
        is_text = state.prev.startswith(TEXT_MARK)
        found["prev_action"] = {"action_text" if is_text else "action_name": state.prev.removeprefix(TEXT_MARK)}
    if state.loop is not None:
        found["active_loop"] = {"name": state.loop}
    return found
