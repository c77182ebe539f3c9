"""Frontdesk's own actions, which any assistant may name in its rules and stories.

    action_handoff       a person is called; says the response `utter_handoff` if the domain has it
    action_ask_email     the widget shows the card that asks for an address
    action_verify_email  a mail with link and code goes to the address of this chat, and the widget asks for the code;
                         without an address it asks for one, with a verified one it only says so

They change nothing by themselves: what they want is noted, and carried out when the turn is stored. The slots `email`
and `email_verified`, if the domain has them, are set when the address is given and when it is proven.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot_runtime.assistants import ActResult, Domain
from bot_runtime.phrases import say
from transcripts.masking import mask_address
from transcripts.state import State

CARD = "frontdesk_card"
"""Under this name a response says which card the widget shows with it."""


@dataclass
class Wishes:
    """What a turn's actions want to happen when it is stored."""

    handoff: bool = False
    mail: bool = False


def run(name: str, state: State, domain: Domain, wishes: Wishes) -> ActResult:
    """Run one of `ACTIONS`."""
    return ACTIONS[name](state, domain, wishes)


def _handoff(state: State, domain: Domain, wishes: Wishes) -> ActResult:
    wishes.handoff = True
    if "utter_handoff" in domain.responses:
        return ActResult(responses=[{"response": "utter_handoff"}])
    return ActResult(responses=[{"text": say(state.locale, "handoff")}])


def _ask_email(state: State, _: Domain, __: Wishes) -> ActResult:
    return ActResult(responses=[{"text": say(state.locale, "ask_email"), CARD: "email"}])


def _verify_email(state: State, domain: Domain, wishes: Wishes) -> ActResult:
    if not state.address:
        return _ask_email(state, domain, wishes)
    if state.verification.state == "verified":
        known = say(state.locale, "email_known", address=mask_address(state.address))
        slots = [_slot("email", state.address), _slot("email_verified", True)]
        return ActResult(events=slots, responses=[{"text": known}])
    wishes.mail = True
    return ActResult()


def _slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


ACTIONS: Mapping[str, Callable[[State, Domain, Wishes], ActResult]] = {
    "action_handoff": _handoff,
    "action_ask_email": _ask_email,
    "action_verify_email": _verify_email,
}
