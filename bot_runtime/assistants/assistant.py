"""A project compiled into something that talks. Immutable: to change a file is to compile anew and swap.

project = load(Path("bots/moodbot"))               # raises LoadFailed, with every error of every file
assistant = compile(project, ExactUnderstanding(project.nlu))
tracker = assistant.tracker("visitor-1")
result = await assistant.turn(tracker, UserMessage("/greet", now), act)
tracker = result.tracker                            # once result.events are stored
"""

import random
from collections.abc import Iterable, Mapping
from typing import Any

from bot_runtime.assistants.act import Act
from bot_runtime.assistants.config_reader import Config, FallbackSettings
from bot_runtime.assistants.domain import LISTEN, REQUESTED_SLOT, Domain
from bot_runtime.assistants.ensemble import Ensemble
from bot_runtime.assistants.errors import AssistantWarning, Findings
from bot_runtime.assistants.events import Event
from bot_runtime.assistants.flows import compile_flows
from bot_runtime.assistants.project import Project
from bot_runtime.assistants.responses import Choose, Responses
from bot_runtime.assistants.states import View
from bot_runtime.assistants.tracker import Tracker
from bot_runtime.assistants.turn import Turn, TurnResult, UserMessage
from bot_runtime.assistants.understanding_port import Understanding


class Assistant:
    """A bot that can talk. `digest` names the content it was compiled from; `warnings` are what its author may read."""

    def __init__(
        self,
        project: Project,
        understanding: Understanding,
        *,
        view: View,
        ensemble: Ensemble,
        warnings: tuple[AssistantWarning, ...],
        choose: Choose,
    ) -> None:
        self.name = project.name
        self.digest = project.digest
        self.understanding = understanding
        self.warnings = warnings
        self.view = view
        self.domain: Domain = view.domain  # what can be meant, remembered, said and done
        self.ensemble = ensemble
        self.responses = Responses(project.domain.responses)
        self.choose = choose
        self._config: Config = project.config
        self.event_metadata = {"model_id": project.digest[:16]}
        if project.config.assistant_id:
            self.event_metadata["assistant_id"] = project.config.assistant_id

    @property
    def assistant_id(self) -> str:
        """What config.yml calls the assistant; may be empty."""
        return self._config.assistant_id

    @property
    def language(self) -> str:
        """The language of the assistant, as config.yml has it."""
        return self._config.language

    @property
    def custom_actions(self) -> frozenset[str]:
        """The names that a turn may ask its `Act` to run."""
        return self.domain.custom_actions

    @property
    def fallback(self) -> FallbackSettings | None:
        """When an understanding counts as none; None if it always counts."""
        return self._config.fallback

    def tracker(self, sender_id: str = "default", events: Iterable[Event] = ()) -> Tracker:
        """A conversation with this assistant: a new one, or the one that left these events."""
        return Tracker.from_events(events, self.view, sender_id)

    async def turn(self, tracker: Tracker, message: UserMessage, act: Act) -> TurnResult:
        """Answer a message. `tracker` stays as it is; the result has the one after the turn.

        A tracker of another assistant (an older version of this one) is read anew first.
        """
        return await self._begin(tracker, act, message.now, message.channel).answer(message)

    async def trigger(
        self, tracker: Tracker, intent: str, act: Act, *, now: float, entities: Iterable[dict[str, Any]] = ()
    ) -> TurnResult:
        """Go on as if the visitor had meant `intent` (a reminder that is due). See `turn`."""
        return await self._begin(tracker, act, now, tracker.input_channel).trigger(intent, list(entities))

    def waits_for(self, tracker: Tracker, known: Mapping[str, Any]) -> bool:
        """Whether the form that runs asked for one of these slots and could go on with its value. Not twice with the
        same: what a validation refused is not offered to it again."""
        loop, requested = tracker.active_loop, str(tracker.slots.get(REQUESTED_SLOT))
        if loop not in self.domain.forms or requested not in known or tracker.paused or tracker.fold.action != LISTEN:
            return False
        offered = (tracker.latest_message.get("metadata") or {}).get("known")
        return offered != known and not self.domain.is_missing(requested, known[requested])

    async def carry_on(self, tracker: Tracker, known: dict[str, Any], act: Act, *, now: float) -> TurnResult:
        """Let the form that waits for these slots go on. See `turn`."""
        return await self._begin(tracker, act, now, tracker.input_channel).carry_on(known)

    async def start_session(self, tracker: Tracker, act: Act, *, now: float, channel: str | None = None) -> TurnResult:
        """Begin a session if one is due, before the visitor has said anything; without events if none is."""
        turn = self._begin(tracker, act, now, channel)
        await turn.start_session({})
        return turn.result()

    def _begin(self, tracker: Tracker, act: Act, now: float, channel: str | None) -> Turn:
        if tracker.view is not self.view:
            tracker = self.tracker(tracker.sender_id, tracker.events)
        return Turn(self, tracker, act, now, channel)


def compile(  # noqa: A001 - the word for it
    project: Project, understanding: Understanding, *, choose: Choose = random.choice
) -> Assistant:
    """The assistant of a project. `choose` draws one of several variations of a response.

    Raises `LoadFailed` for what only shows when rules and stories are put together.
    """
    findings = Findings()
    view, ensemble = compile_flows(project, findings)
    findings.raise_if_any()
    warnings = tuple(sorted({*project.warnings, *findings.warnings}))
    return Assistant(project, understanding, view=view, ensemble=ensemble, warnings=warnings, choose=choose)
