"""Predicts the next action from rules (Rasa 3.6 `rule_policy.py`), in this order:

1. a default intent: /restart, /back, /session_start;
2. the running loop: its action after each message, listening after its action, unless it has just rejected the
   message;
3. a rule on the words of the latest message, then a rule on its intent: the longest matching rule wins, and one that
   says "listen" while a loop runs means "back to the loop";
4. the fallback action, at its threshold, if it is switched on.

A rule matches when its states agree with the latest states of the conversation, newest first. A rule's state names
only what it cares about; a slot or loop that must not be set is `UNSET`. Rules are kept by the action and the
intent before them, so a prediction looks at a few of them whatever their number and the conversation's length.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from bot_runtime.assistants.domain import LISTEN
from bot_runtime.assistants.slots import UNSET
from bot_runtime.assistants.states import Past, State, rule_state_now, text_state_now
from bot_runtime.assistants.tracker import Tracker

DEFAULT_MAPPINGS = {"restart": "action_restart", "back": "action_back", "session_start": "action_session_start"}
INTERRUPTED = "loop_was_interrupted"
NOT_THE_LOOP = "do_not_predict_loop_action"
DEFAULT_SOURCE = "predicting default action with intent "
LOOP_SOURCE = "handling active loops and forms - "


class Rule(msgspec.Struct, frozen=True):
    """What to do after these states (oldest first). `key` is their text in Rasa's form: the longest key wins."""

    key: str
    states: tuple[State, ...]
    action: str

    @property
    def waits_for(self) -> str | None:
        """The intent that the latest message must have, if it matters."""
        user = self.states[-1].user
        return user[0] if user else None

    def matches(self, state: State, past: Past | None) -> bool:
        """Whether a conversation in `state`, with `past` behind it, is where this rule applies."""
        for wanted in reversed(self.states):
            if wanted.prev is None and state.prev is None:
                return True
            if not _agrees(wanted, state):
                return False
            if past is None:
                return True
            state, past = past.state, past.before
        return True


def _agrees(wanted: State, state: State) -> bool:
    if wanted.prev != state.prev:
        return False
    if wanted.user is not None:
        intent, text, entities = wanted.user
        has = state.user or (None, None, ())
        if (intent and intent != has[0]) or (text and text != has[1]) or (entities and entities != has[2]):
            return False
    if wanted.loop is not None and wanted.loop != state.loop and not (wanted.loop == UNSET and state.loop is None):
        return False
    return not wanted.slots or _slots_agree(wanted, state)


def _slots_agree(wanted: State, state: State) -> bool:
    has = dict(state.slots)
    for name, feature in wanted.slots:
        found = has.get(name)
        if found != feature and not (feature == UNSET and found is None):
            return False
    return True


class RulePrediction(msgspec.Struct, frozen=True):
    """What the rules say. `action` is None when they are silent; `source` is the key of the rule, for hiding turns."""

    action: str | None
    source: str | None = None
    interrupted: bool = False
    end_to_end: bool = False
    no_user: bool = False


class RuleSettings(msgspec.Struct, frozen=True):
    """The policy's settings, with Rasa's defaults. `fallback` is None when nothing is predicted without a rule."""

    priority: int = 4
    threshold: float = 0.3
    fallback: str | None = "action_default_fallback"
    restrict_rules: bool = True
    check_for_contradictions: bool = True
    use_nlu_confidence: bool = False


class RulePolicy:
    """The compiled rules of an assistant. Immutable; `hidden` are the sources of turns that no story has."""

    name = "RulePolicy"

    def __init__(
        self,
        settings: RuleSettings,
        rules: Iterable[Rule],
        unhappy: Iterable[Rule],
        hidden: frozenset[str] = frozenset(),
    ) -> None:
        self.settings = settings
        self.rules = tuple(rules)
        self._unhappy = tuple(unhappy)
        self.hidden = hidden
        self._index = _Index(self.rules)
        self._unhappy_index = _Index(self._unhappy)
        self._reads_text = any(state.user and state.user[1] for rule in self.rules for state in rule.states)

    def hiding(self, hidden: frozenset[str]) -> "RulePolicy":
        """The same rules, once it is known which of their turns occur in no story."""
        return RulePolicy(self.settings, self.rules, self._unhappy, hidden)

    def without(self, keys: frozenset[str]) -> "RulePolicy":
        """The same policy without these rules."""
        rules = [rule for rule in self.rules if rule.key not in keys]
        return RulePolicy(self.settings, rules, self._unhappy, self.hidden)

    def predict(self, tracker: Tracker) -> RulePrediction:
        """What the rules say in this moment of the conversation."""
        by_text = self._from_text(tracker)
        if by_text.action is None and (default := _default_action(tracker)) is not None:
            return default
        happy = _happy_path(tracker)
        if happy is not None:
            return happy
        if by_text.action is not None:
            return by_text
        found = self._from_rules(tracker, rule_state_now(tracker.policy_fold))
        return msgspec.structs.replace(found, interrupted=True) if by_text.interrupted else found

    def _from_text(self, tracker: Tracker) -> RulePrediction:
        if not self._reads_text or tracker.fold.action != LISTEN:
            return _SILENT
        found = self._from_rules(tracker, text_state_now(tracker.policy_fold))
        return msgspec.structs.replace(found, end_to_end=found.action is not None)

    def _from_rules(self, tracker: Tracker, state: State) -> RulePrediction:
        past = tracker.history.rules
        best = next((rule for rule in self._index.of(state) if rule.matches(state, past)), None)
        action = best.action if best else None
        source = best.key if best else None
        loop = tracker.active_loop
        if loop is None:
            return RulePrediction(action, source)
        unhappy = {rule.action for rule in self._unhappy_index.of(state) if rule.matches(state, past)}
        if best is not None and action == LISTEN and best.states[-1].loop in (None, UNSET):
            if NOT_THE_LOOP not in unhappy:
                return RulePrediction(loop, source)
            action = None
        return RulePrediction(action, source, interrupted=INTERRUPTED in unhappy)


_SILENT = RulePrediction(None)


class _Index:
    """Rules by the action before them and the intent they wait for, longest key first."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        following: dict[str | None, list[Rule]] = defaultdict(list)
        for rule in sorted(rules, key=lambda rule: len(rule.key), reverse=True):
            following[rule.states[-1].prev].append(rule)
        self._rules = {
            (prev, intent): [rule for rule in same if rule.waits_for in (None, intent)]
            for prev, same in following.items()
            for intent in {None, *(rule.waits_for for rule in same)}
        }

    def of(self, state: State) -> list[Rule]:
        """The rules that can match in this state."""
        intent = state.user[0] if state.user else None
        found = self._rules.get((state.prev, intent))
        return self._rules.get((state.prev, None), []) if found is None else found


def _default_action(tracker: Tracker) -> RulePrediction | None:
    fold = tracker.fold
    # a bot that was paused did not get to listen; /restart must reach it all the same
    if not (fold.action == LISTEN or fold.paused) or fold.intent not in DEFAULT_MAPPINGS:
        return None
    return RulePrediction(DEFAULT_MAPPINGS[fold.intent], DEFAULT_SOURCE + fold.intent)


def _happy_path(tracker: Tracker) -> RulePrediction | None:
    fold = tracker.fold
    loop = fold.active_loop
    if loop is None or fold.rejected:
        return None
    if fold.action == loop:
        return RulePrediction(LISTEN, f"{LOOP_SOURCE}{loop} - {LISTEN}", no_user=True)
    return RulePrediction(loop, LOOP_SOURCE + loop, no_user=True) if fold.action else None
