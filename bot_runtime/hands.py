"""Runs the actions of a turn: our own at once, the author's where they live."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot_runtime import builtin_actions
from bot_runtime.actions import ActionError, ActionNotFound, Actions, ActionWorker, RemoteActions, has_code
from bot_runtime.actions import ActionRejected as Declined
from bot_runtime.assistants import (
    EMAIL_VERIFIED,
    REQUESTED_SLOT,
    Act,
    ActionFailed,
    ActionRejected,
    ActResult,
    Domain,
    Project,
    Tracker,
)
from bot_runtime.beginning import waiting
from bot_runtime.builtin_actions import Scene, Wishes
from bot_runtime.whispers import Typing
from foundation.clock import SystemClock
from foundation.live import LocalSignals, Signals
from transcripts.state import State

_RASA = "3.6.21"
"""The version of Rasa whose webhook we speak; action servers compare it with their own and warn."""

Event = dict[str, Any]
Older = Callable[[State, Tracker], Awaitable[Sequence[Event]]]
"""Gives the events that a tracker is `missing`."""

_TYPING = Typing(by="bot", name="", on=True).as_note()


class Hands:
    """An `Act` for one turn in one conversation. `wishes` is what our own actions noted.

    `at` is the time of the turn in milliseconds; `older` brings what the tracker has let go. An action of the author's
    wins over one of ours of the same name, as it does over Rasa's own. Before it waits for one it says so
    (`beginning.waiting`), and that the bot is typing.
    """

    def __init__(
        self,
        actions: Actions | None,
        state: State,
        signals: Signals,
        older: Older,
        *,
        at: int,
        carried_on: bool = False,
    ) -> None:
        self._actions = actions
        self._older = older
        self._state = state
        self._signals = signals
        self._at = at
        self._carried_on = carried_on
        self.wishes = Wishes()

    async def act(self, name: str, tracker: Tracker, domain: Domain) -> ActResult:
        """Run the action. Raises `ActionRejected`, `ActionFailed`."""
        ours = name in builtin_actions.ACTIONS
        if ours and (self._actions is None or name not in domain.actions):
            return self._own(name, tracker)
        if self._actions is None:
            raise ActionFailed(f"The project has no actions that could run {name}.")
        await waiting()
        self._signals.whisper(f"conversation/{self._state.id}", _TYPING)
        try:
            older = await self._older(self._state, tracker)
            result = await self._actions.run(_call(name, tracker, domain, older))
        except Declined as declined:
            raise ActionRejected(name) from declined
        except ActionNotFound as missing:
            if ours:
                return self._own(name, tracker)
            raise ActionFailed(str(missing)) from missing
        except ActionError as error:
            raise ActionFailed(str(error)) from error
        return ActResult(events=result["events"], responses=result["responses"])

    def _own(self, name: str, tracker: Tracker) -> ActResult:
        domain = tracker.domain
        asks = EMAIL_VERIFIED in domain.proofs and tracker.slots.get(REQUESTED_SLOT) == EMAIL_VERIFIED
        scene = Scene(self._state, domain, self.wishes, self._at, self._carried_on, asks_again=asks)
        return builtin_actions.run(name, scene)


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
        yield Hands(actions, State(id="shell", account=""), LocalSignals(), _nothing_older, at=SystemClock().now()).act
    finally:
        if actions is not None:
            await actions.close()


async def _nothing_older(_: State, __: Tracker) -> Sequence[Event]:
    return ()


def _call(name: str, tracker: Tracker, domain: Domain, older: Sequence[Event]) -> Mapping[str, Any]:
    return {
        "next_action": name,
        "sender_id": tracker.sender_id,
        "tracker": tracker.snapshot(older),
        "domain": domain.data,
        "version": _RASA,
    }
