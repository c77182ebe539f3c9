"""A conversation as one row of the console's list, made from its folded state."""

from typing import Any

from transcripts import State

PREVIEW = 120


def row_of(state: State, now: int) -> dict[str, Any]:
    """The row that `docs/http.md` describes. It is for staff: it names the contact and says how far he is proven. `offer` is
    to whom the waiting chat is offered, and for how many milliseconds from `now` (YA-25)."""
    verification, offer = state.verification, state.offer
    return {
        "id": state.id,
        "bot": state.bot,
        "control": state.control,
        "holder": state.holder,
        "holder_name": state.holder_name,
        "name": state.name,
        "address": state.address,
        "verification": {"state": verification.state, "method": verification.method, "why": verification.why},
        "last_text": state.last_text[:PREVIEW],
        "last_by": state.last_by,
        "opened_at": state.opened_at,
        "updated_at": state.last_at,
        "waiting_since": state.waiting_since,
        "seq": state.seq,
        "unread": state.unread,
        "site": state.site and {"sub": state.site.sub, "name": state.site.name, "email": state.site.email},
        "tags": sorted(state.tags),
        "offer": offer and {"to": offer.person, "name": offer.name, "left": max(offer.until - now, 0)},
    }
