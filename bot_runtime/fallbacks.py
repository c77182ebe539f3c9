"""What a visitor is told when the bot has no answer, and when a person is called instead (BR-5, Z-11).

- The bot failed (an exception, too slow, nothing to say): an honest sentence and a button that calls a person. The
  second failure in a row calls one.
- The bot answered, but did not understand three times in a row: a person is offered. After six times one is called.

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
MISUNDERSTOOD_TO_OFFER = 3
MISUNDERSTOOD_TO_HANDOFF = 6


def no_answer(state: State, at: int, *, phrase: str, failures: int) -> Sequence[AnyEvent]:
    """The events in place of an answer. `failures` in a row, this one included."""
    if failures >= FAILURES_TO_HANDOFF:
        return [
            MessageSent(at=at, by="bot", text=say(state.locale, "bot_gives_up")),
            change(state, "queue", reason="bot_failed", actor="bot", at=at),
        ]
    return [MessageSent(at=at, by="bot", text=say(state.locale, phrase), buttons=(_button(state),))]


def way_out(state: State, at: int, *, misunderstood: int) -> Sequence[AnyEvent]:
    """What is added to an answer when the visitor was not understood, so many times in a row."""
    if misunderstood >= MISUNDERSTOOD_TO_HANDOFF:
        return [
            MessageSent(at=at, by="bot", text=say(state.locale, "bot_gives_up")),
            change(state, "queue", reason="not_understood", actor="bot", at=at),
        ]
    if misunderstood == MISUNDERSTOOD_TO_OFFER:
        return [MessageSent(at=at, by="bot", text=say(state.locale, "offer_person"), buttons=(_button(state),))]
    return ()


def handoff(state: State, at: int) -> Sequence[AnyEvent]:
    """A person is called, because the visitor pressed the button."""
    return [
        MessageSent(at=at, by="bot", text=say(state.locale, "handoff")),
        change(state, "queue", reason="handoff_requested", actor="visitor", at=at),
    ]


def _button(state: State) -> Button:
    return Button(title=say(state.locale, "person_button"), payload=CALL_PERSON)
