"""The rule by which waiting chats are given out, without I/O (YA-25): who is free, who is next, when an offer is over."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from admin import Principal
from handoff.sight import may_see
from transcripts import State

Why = Literal["missed", "withdrawn"]


class Free(msgspec.Struct, frozen=True):
    """Somebody who is available. `chats` are those that he holds or is offered, `cap` is how many he may have."""

    person: Principal
    idle_since: int
    cap: int
    chats: frozenset[str] = frozenset()

    @property
    def has_room(self) -> bool:
        return len(self.chats) < self.cap


def choose(state: State, people: Iterable[Free]) -> Free | None:
    """Who is offered this waiting chat: longest idle first, of those who may see it, have room and did not give it back.

    Of two who are idle equally long the id decides, so that all nodes choose alike.
    """
    able = [one for one in people if one.has_room and fits(state, one.person)]
    return min(able, key=lambda one: (one.idle_since, one.person.person), default=None)


def fits(state: State, person: Principal) -> bool:
    """Whether this chat may be offered to this person, as it stands."""
    return (
        state.control == "queue"
        and state.offer is None
        and person.person not in state.declined
        and may_see(person, state)
    )


def why_over(state: State, people: Iterable[Free], now: int) -> Why | None:
    """Why the offer of this chat is to end now, or `None`: his time has passed, or he is no longer free for it."""
    offer = state.offer
    if offer is None:
        return None
    if now >= offer.until:
        return "missed"
    his = next((one for one in people if one.person.person == offer.person), None)
    return None if his is not None and may_see(his.person, state) else "withdrawn"
