"""How custom actions are run: the turn asks, the caller answers. The turn itself knows no process and no network."""

from typing import Any, Protocol

import msgspec

from bot_runtime.assistants.domain import Domain
from bot_runtime.assistants.tracker import Tracker


class ActResult(msgspec.Struct, frozen=True):
    """What an action server would answer: events, and responses still to be rendered (RASA.md 1.8)."""

    events: list[dict[str, Any]] = []
    responses: list[dict[str, Any]] = []


class ActionRejected(Exception):  # noqa: N818 - Rasa's word
    """The action declined to run (`ActionExecutionRejection`): something else is predicted in its place."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The action {name} declined to run.")
        self.name = name


class ActionFailed(Exception):  # noqa: N818 - what happened
    """The action could not be run, or not to its end. The turn goes on without its events."""


class Act(Protocol):
    """Runs a custom action.

    `tracker` is the conversation at that moment (for a validation the candidates are its trailing slot events); it
    must be packed before it leaves the process, and not be changed. Raises `ActionRejected` or `ActionFailed`.
    """

    async def __call__(self, name: str, tracker: Tracker, domain: Domain) -> ActResult:
        """What the action `name` did."""


async def no_actions(name: str, tracker: Tracker, domain: Domain) -> ActResult:  # noqa: ARG001 - an Act
    """An `Act` for assistants without custom actions: every call fails."""
    raise ActionFailed(f"There is nothing that could run the action {name}.")
