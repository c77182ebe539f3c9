"""Frontdesk's own actions, which any assistant may name in its rules and stories.

    action_handoff       a person is called; says the response `utter_handoff` if the domain has it
    action_ask_email     the widget shows the card that asks for an address
    action_verify_email  a mail with link and code goes to the address of this chat, and the widget asks for the code;
                         without an address it asks for one, with a verified one it only says so

They change nothing by themselves: what they want is noted, and carried out when the turn is stored. The slots `email`
and `email_verified`, if the domain has them, are set when the address is given and when it is proven. As the action of
a `custom` slot mapping the last two say that a form may ask for these slots (docs/assistants.md).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from bot_runtime.assistants import CARD, ActResult, Domain
from bot_runtime.phrases import say
from foundation.clock import MINUTE
from transcripts.masking import mask_address
from transcripts.state import State

CODE_WAITS = 10 * MINUTE
"""For so long after a mail its code is asked for again instead of another mail being sent: that would void the first."""


@dataclass
class Wishes:
    """What a turn's actions want to happen when it is stored. `address` is one that the visitor wrote to a form."""

    handoff: bool = False
    mail: bool = False
    address: str = ""


class Scene(msgspec.Struct, frozen=True):
    """Where one of our actions runs. `carried_on`: no message caused the turn, a change of the proof did. `asks_again`: a
    form asks for the proof, after each message that was something else."""

    state: State
    domain: Domain
    wishes: Wishes
    at: int
    carried_on: bool = False
    asks_again: bool = False


def run(name: str, scene: Scene) -> ActResult:
    """Run one of `ACTIONS`."""
    return ACTIONS[name](scene)


def _handoff(scene: Scene) -> ActResult:
    scene.wishes.handoff = True
    return ActResult(responses=[_said(scene, "utter_handoff", "handoff")])


def _ask_email(scene: Scene) -> ActResult:
    return ActResult(responses=[_said(scene, "utter_ask_email", "ask_email") | {CARD: "email"}])


def _verify_email(scene: Scene) -> ActResult:
    state, wishes = scene.state, scene.wishes
    if wishes.address:
        wishes.mail = True
        return ActResult()
    if not state.address:
        return _ask_email(scene)
    if state.verification.state == "verified":
        known = say(state.locale, "email_known", address=mask_address(state.address))
        slots = [_slot("email", state.address), _slot("email_verified", True)]
        return ActResult(events=slots, responses=[{"text": known}])
    if not scene.asks_again or scene.at - state.code_asked_at >= CODE_WAITS:
        wishes.mail = True
        return ActResult()
    if scene.carried_on:
        return ActResult()  # the card came just now, with the mail
    waiting = say(state.locale, "code_sent", address=mask_address(state.address))
    return ActResult(responses=[{"text": waiting, CARD: "code"}])


def _said(scene: Scene, response: str, phrase: str) -> dict[str, Any]:
    """The author's words if he has some, else ours."""
    if response in scene.domain.responses:
        return {"response": response}
    return {"text": say(scene.state.locale, phrase)}


def _slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


ACTIONS: Mapping[str, Callable[[Scene], ActResult]] = {
    "action_handoff": _handoff,
    "action_ask_email": _ask_email,
    "action_verify_email": _verify_email,
}
