"""BR-5, YA-26: who answers changes only as the table says. Written out here once more, from the mission's words."""

from itertools import product
from typing import get_args

import pytest

from foundation.errors import Conflict
from transcripts.control import TRANSITIONS, change, check
from transcripts.events import Control, ControlChanged, Role
from transcripts.state import State

CONTROLS = get_args(Control)
ROLES = get_args(Role)

LEGAL = {
    ("bot", "queue", "handoff_requested"): {"visitor", "bot", "agent"},
    ("bot", "queue", "not_understood"): {"bot", "system"},
    ("bot", "queue", "bot_failed"): {"bot", "system"},
    ("queue", "agent", "taken"): {"agent"},
    ("bot", "agent", "taken"): {"agent"},
    ("agent", "agent", "taken"): {"agent"},
    ("agent", "bot", "handed_back"): {"agent"},
    ("agent", "queue", "returned"): {"agent"},
    ("agent", "queue", "agent_silent"): {"system"},
    ("queue", "bot", "timed_out"): {"system"},
    ("queue", "bot", "cancelled"): {"visitor", "agent"},
    **{
        (was, "closed", reason): actors
        for was in ("bot", "queue", "agent")
        for reason, actors in {
            "resolved": {"agent"},
            "ended": {"visitor", "bot"},
            "withdrawn": {"visitor", "agent", "system"},
            "timed_out": {"system"},
            "erased": {"system"},
            "restricted": {"system"},
        }.items()
    },
}
REASONS = sorted({reason for _, _, reason in LEGAL} | {"", "because"})


def _state(control: str) -> State:
    return State(id="c", account="blue", control=control, holder="ann" if control == "agent" else None)


@pytest.mark.parametrize(("was", "now"), list(product(CONTROLS, CONTROLS)))
def test_BR_5_every_change_is_legal_exactly_when_the_table_says_so(was: str, now: str) -> None:
    for reason, actor in product(REASONS, ROLES):
        holder = "bob" if now == "agent" else ""
        wanted = actor in LEGAL.get((was, now, reason), ())
        try:
            event = change(
                _state(was), now, reason=reason, actor=actor, at=7, author="bob", holder=holder, holder_name="Bob"
            )
        except Conflict:
            assert not wanted, (was, now, reason, actor)
        else:
            assert wanted, (was, now, reason, actor)
            assert (event.was, event.now, event.reason, event.actor, event.holder) == (was, now, reason, actor, holder)


def test_the_table_has_nothing_more() -> None:
    told = {
        (was, now, reason): set(actors) for (was, now), all_ in TRANSITIONS.items() for reason, actors in all_.items()
    }
    assert told == LEGAL


def test_BR_5_from_closed_there_is_no_way() -> None:
    for now in CONTROLS:
        with pytest.raises(Conflict, match="closed"):
            change(_state("closed"), now, reason="taken", actor="agent", at=1, holder="ann")


def test_a_chat_with_a_person_has_a_holder_and_no_other_chat_has() -> None:
    with pytest.raises(Conflict):
        change(_state("queue"), "agent", reason="taken", actor="agent", at=1)
    with pytest.raises(Conflict):
        change(_state("agent"), "bot", reason="handed_back", actor="agent", at=1, holder="ann")


def test_taking_what_one_holds_is_no_change_but_another_person_may_take_it() -> None:
    with pytest.raises(Conflict, match="already"):
        change(_state("agent"), "agent", reason="taken", actor="agent", at=1, holder="ann")
    assert change(_state("agent"), "agent", reason="taken", actor="agent", at=1, holder="bob").holder == "bob"


def test_a_change_decided_on_an_old_state_is_refused_and_says_how_it_stands() -> None:
    taken = ControlChanged(at=1, was="queue", now="agent", reason="taken", actor="agent", holder="bob")
    with pytest.raises(Conflict) as refusal:
        check(_state("closed"), taken)
    assert refusal.value.data == {"control": "closed"}
    assert "Nothing was changed" in refusal.value.detail
