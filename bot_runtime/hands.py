"""Runs the actions of a turn: our own at once, the author's where they live."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot_runtime import builtin_actions
from bot_runtime.actions import ActionError, Actions, ActionWorker, RemoteActions, has_code
from bot_runtime.actions import ActionRejected as Declined
from bot_runtime.assistants import Act, ActionFailed, ActionRejected, ActResult, Domain, Project, Tracker
from bot_runtime.beginning import waiting
from bot_runtime.builtin_actions import Wishes
from bot_runtime.whispers import Typing
from foundation.live import LocalSignals, Signals
from transcripts.state import State

_RASA = "3.6.21"
"""The version of Rasa whose webhook we speak; action servers compare it with their own and warn."""

_TYPING = Typing(by="bot", name="", on=True).as_note()


class Hands:
    """An `Act` for one turn in one conversation. `wishes` is what our own actions noted.

    Before it waits for an action of the author it says so (`beginning.waiting`), and that the bot is typing.
    """

    def __init__(self, actions: Actions | None, state: State, signals: Signals) -> None:
        self._actions = actions
        self._state = state
        self._signals = signals
        self.wishes = Wishes()

    async def act(self, name: str, tracker: Tracker, domain: Domain) -> ActResult:
        """Run the action. Raises `ActionRejected`, `ActionFailed`."""
        if name in builtin_actions.ACTIONS:
            return builtin_actions.run(name, self._state, domain, self.wishes)
        if self._actions is None:
            raise ActionFailed(f"The project has no actions that could run {name}.")
        await waiting()
        self._signals.whisper(f"conversation/{self._state.id}", _TYPING)
        try:
            result = await self._actions.run(_call(name, tracker, domain))
        except Declined as declined:
            raise ActionRejected(name) from declined
        except ActionError as error:
            raise ActionFailed(str(error)) from error
        return ActResult(events=result["events"], responses=result["responses"])


def actions_for(project: Project, *, seconds: float = 10.0, private: tuple[Path, ...] = ()) -> Actions | None:
    """Where the custom actions of a project run: on the server that endpoints.yml names, else in a worker of their own,
    which cannot reach the `private` folders; `None` when it has none (BR-2). Reads the project's files; starts nothing.
    `seconds` is what one action may take."""
    endpoint = project.endpoints.get("action_endpoint")
    if isinstance(endpoint, dict) and endpoint.get("url"):
        return RemoteActions.of_endpoint(endpoint, time_limit_s=seconds)
    if has_code(project.root):
        return ActionWorker(project.root, time_limit_s=seconds, private=private)
    return None


@asynccontextmanager
async def acting(project: Project) -> AsyncIterator[Act]:
    """An `Act` for talking to a project outside of any conversation: a shell, a test of its stories."""
    actions = actions_for(project)
    try:
        yield Hands(actions, State(id="shell", account=""), LocalSignals()).act
    finally:
        if actions is not None:
            await actions.close()


def _call(name: str, tracker: Tracker, domain: Domain) -> Mapping[str, Any]:
    return {
        "next_action": name,
        "sender_id": tracker.sender_id,
        "tracker": tracker.snapshot(),
        "domain": domain.data,
        "version": _RASA,
    }
