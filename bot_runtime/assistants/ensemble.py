"""Decides between the policies (Rasa 3.6 `ensemble.py`): which action is next, and what the decision leaves in the log.

A running loop's own turn comes first, then predictions made from the words themselves, then the highest confidence,
then the highest priority. An action that has just rejected its execution counts for nothing. TED and UnexpecTED,
which learn by gradient, are not here; a memory that forgets stands in for TED (`flows`). Where all are silent the
fallback action is predicted, or, without one, listening, just as Rasa does with these policies only.
"""

import logging
from collections.abc import Mapping, Sequence

import msgspec

from bot_runtime.assistants.domain import LISTEN, Domain
from bot_runtime.assistants.memoization import MemoizationPolicy
from bot_runtime.assistants.rule_policy import RulePolicy, RulePrediction
from bot_runtime.assistants.tracker import Tracker

FOLLOWUP = "followup_action"
_log = logging.getLogger(__name__)


class Prediction(msgspec.Struct, frozen=True):
    """The next action. `hide` keeps its turn from the stories' view; `interrupted` tells the loop not to validate."""

    action: str
    confidence: float
    policy: str | None
    hide: bool = False
    interrupted: bool = False
    end_to_end: bool = False


class Ensemble:
    """The policies of an assistant, in the order of its config.yml."""

    def __init__(
        self, rules: RulePolicy | None, memories: Sequence[MemoizationPolicy], places: Mapping[str, int]
    ) -> None:
        self.rules = rules
        self.memories = tuple(memories)
        self._places = places

    def predict(self, tracker: Tracker) -> Prediction:
        """The next action of this conversation."""
        rejected = tracker.rejected
        if self.rules is None:
            said = RulePrediction(None)
            best, priority = Prediction(LISTEN, 0.0, None), -1
        else:
            said = self.rules.predict(tracker)
            best, priority = self._of_rules(self.rules, said, rejected, tracker), self.rules.settings.priority
        if not (said.no_user or said.end_to_end):
            for memory in self.memories:
                if (best.confidence, priority) >= (1.0, memory.settings.priority):
                    continue  # whatever it remembers could not win
                found = self._of_memory(memory, rejected, tracker)
                if (found.confidence, memory.settings.priority) > (best.confidence, priority):
                    best, priority = found, memory.settings.priority
        return msgspec.structs.replace(best, interrupted=True) if said.interrupted else best

    def _of_rules(self, policy: RulePolicy, said: RulePrediction, rejected: str | None, tracker: Tracker) -> Prediction:
        settings = policy.settings
        action, confidence = said.action, 0.0
        if action is not None:
            confidence = _score(tracker) if settings.use_nlu_confidence else 1.0
        if action is None or action == rejected or confidence <= settings.threshold:  # then the fallback has a say
            scores = {} if settings.fallback is None else {settings.fallback: settings.threshold}
            if action is not None:
                scores[action] = confidence
            action, confidence = self._highest(scores, rejected)
        return Prediction(
            action, confidence, policy.name, hide=said.source in policy.hidden, end_to_end=said.end_to_end
        )

    def _of_memory(self, policy: MemoizationPolicy, rejected: str | None, tracker: Tracker) -> Prediction:
        found = policy.predict(tracker)
        score = _score(tracker) if policy.settings.use_nlu_confidence else 1.0
        action, confidence = self._highest({} if found is None else {found: score}, rejected)
        return Prediction(action, confidence, policy.name)

    def _highest(self, scores: dict[str, float], rejected: str | None) -> tuple[str, float]:
        best = (LISTEN, 0.0)
        for action, score in sorted(scores.items(), key=lambda item: self._places.get(item[0], 0)):
            if action != rejected and score > best[1]:
                best = (action, score)
        return best


def _score(tracker: Tracker) -> float:
    return float((tracker.latest_message.get("intent") or {}).get("confidence", 1.0))


def next_action(domain: Domain, ensemble: Ensemble, tracker: Tracker) -> Prediction:
    """What comes next: the action that was asked to follow up, if it exists, or what the policies say."""
    followup = tracker.fold.followup
    if followup is not None:
        tracker.clear_followup()
        if followup in domain.action_index:
            return Prediction(followup, 1.0, FOLLOWUP)
        _log.warning("the follow-up action %s does not exist", followup)
    return ensemble.predict(tracker)
