"""What a visitor is told when the bot has no answer, and when a person is called instead (BR-5, Z-11).

- The bot *failed* (an exception, too slow, an action that broke): an honest sentence and a button that calls a person.
  The second failure in a row calls one.
- The bot was *at a loss* (it did not understand, or had nothing to say): silence gets an honest sentence and the button;
  the third time in a row a person is offered in any case, the sixth time one is called.

Every step answers one message of the visitor, so nothing here can turn in a circle by itself. The counts follow from
the log: they survive a restart.
"""

from collections.abc import Sequence

from bot_runtime.phrases import say
from transcripts.control import change
from transcripts.events import AnyEvent, Button, MessageSent
from transcripts.state import State

CALL_PERSON = "/frontdesk_call_person"
"""What the button sends. It is answered by us and never reaches the assistant, which may have failed."""

FAILURES_TO_HANDOFF = 2
LOSSES_TO_OFFER = 3
LOSSES_TO_HANDOFF = 6


def failed(state: State, at: int, *, failures: int) -> Sequence[AnyEvent]:
    """The events in place of an answer, when the bot failed so many times in a row, this one included."""
    if failures >= FAILURES_TO_HANDOFF:
        return _give_up(state, at, "bot_failed")
    return [_offer(state, at, "bot_failed")]


def at_a_loss(state: State, at: int, *, losses: int, silent: bool) -> Sequence[AnyEvent]:
    """What is added to an answer that shows no understanding, or stands in its place when it is `silent`; `losses` in a
    row, this one included."""
    if losses >= LOSSES_TO_HANDOFF:
        return _give_up(state, at, "not_understood")
    if silent:
        return [_offer(state, at, "bot_silent")]
    return [_offer(state, at, "offer_person")] if losses == LOSSES_TO_OFFER else ()


def handoff(state: State, at: int) -> Sequence[AnyEvent]:
    """A person is called, because the visitor pressed the button."""
    return [
        MessageSent(at=at, by="bot", text=say(state.locale, "handoff")),
        change(state, "queue", reason="handoff_requested", actor="visitor", at=at),
    ]


def _give_up(state: State, at: int, reason: str) -> Sequence[AnyEvent]:
    return [
        MessageSent(at=at, by="bot", text=say(state.locale, "bot_gives_up")),
        change(state, "queue", reason=reason, actor="bot", at=at),
    ]


def _offer(state: State, at: int, phrase: str) -> MessageSent:
    button = Button(title=say(state.locale, "person_button"), payload=CALL_PERSON)
    return MessageSent(at=at, by="bot", text=say(state.locale, phrase), buttons=(button,))
