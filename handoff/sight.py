"""Who of the house sees which conversation (YA-24).

An agent sees the queue of the bots granted to him and the chats he holds; a supervisor sees every chat of the bots
granted to him; admins and super admins see all of the account. An auditor reads the audit book, not the chats. A chat whose
processing is restricted is shown to nobody here (Art. 18). Whatever
somebody may not see does not exist for him: the answer to a foreign id is the answer to an unknown one.
"""

from admin import Principal
from foundation.errors import NotFound
from transcripts import Row, State

SEES_ALL_OF_HIS_BOTS = frozenset({"super_admin", "admin", "supervisor"})
AT_THE_DESK = SEES_ALL_OF_HIS_BOTS | {"agent"}


def may_see(person: Principal, state: State | Row) -> bool:
    """Whether this conversation exists for this person, as it stands now."""
    if person.account != state.account or person.role not in AT_THE_DESK or not person.may_open(state.bot):
        return False
    if isinstance(state, State) and state.restricted is not None:
        return False
    if person.role in SEES_ALL_OF_HIS_BOTS:
        return True
    return state.control == "queue" or state.holder == person.person


def require_sight(person: Principal, state: State) -> None:
    """Raise `NotFound` unless `may_see`."""
    if not may_see(person, state):
        raise NotFound("There is no such conversation.")
