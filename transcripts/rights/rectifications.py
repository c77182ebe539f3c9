"""Rectification, with history: a name, an address, the text of a message stands right from now on (MS-12, Art. 16, E-9).

Readers get the new value everywhere; the log keeps the old one, sealed, with who corrected it, when and why, for admins
(`history`). A corrected address is another mailbox: whatever was proven about the old one does not prove the new one.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from admin import AuditBook, By
from foundation.clock import Clock
from foundation.errors import Conflict, Invalid
from transcripts.addresses import normal_address
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, DataCorrected, EmailSupplied, MessageSent, NameGiven, Numbered, Role
from transcripts.messages import mask_cards
from transcripts.state import State

What = Literal["name", "address", "message"]

MAX_NAME = 200
MAX_TEXT = 4_000


class Correction(msgspec.Struct, frozen=True):
    """One correction as admins see it: what stood there, what stands there now, who, when and why."""

    at: int
    what: What
    message: int
    old: str
    new: str
    by: Role
    author: str
    reason: str


class Rectifications:
    """Whoever calls has established who may correct what: the visitor his own, staff what they may see."""

    def __init__(self, conversations: Conversations, contacts: Contacts, audit: AuditBook, clock: Clock) -> None:
        self._conversations = conversations
        self._contacts = contacts
        self._audit = audit
        self._clock = clock

    async def correct(
        self,
        account: str,
        conversation: str,
        what: What,
        value: str,
        *,
        by: By,
        role: Role,
        message: int = 0,
        reason: str = "",
    ) -> State:
        """Put a value right. `message` is the number of the message whose text it is; a visitor corrects his own only.

        Raises `NotFound`, `Invalid` for a value that cannot stand there, `Conflict` for what was redacted.
        """
        state = await self._conversations.state(account, conversation)
        value = _checked(what, value)
        contact = ""
        if what == "message":
            await self._require_message(state, message, role)
        elif what == "address":
            contact = (await self._contacts.supply(account, value, role)).contact
        corrected = DataCorrected(
            at=self._clock.now(),
            what=what,
            value=value,
            message=message if what == "message" else 0,
            contact=contact,
            by=role,
            author=by.person if role == "agent" else "",
            reason=" ".join(reason.split())[:500],
        )
        async with self._audit.recording(account, by, "data.corrected", conversation, what=what, message=message):
            outcome = await self._conversations.update(
                account, conversation, lambda now: () if _stands(now, corrected) else [corrected]
            )
        return outcome.state

    async def history(self, account: str, conversation: str) -> Sequence[Correction]:
        """Every correction with what stood there before, oldest first; for admins. What was redacted stays empty."""
        return corrections_of(await self._conversations.history(account, conversation))

    async def _require_message(self, state: State, message: int, role: Role) -> None:
        edit = state.edits.get(message)
        if edit is not None and edit.text is None:
            raise Conflict("This message was redacted; there is nothing to correct.")
        events = await self._conversations.events(state.account, state.id, message - 1) if message >= 1 else []
        found = events[0].event if events else None
        if not isinstance(found, MessageSent) or (role == "visitor" and found.by != "visitor"):
            raise Invalid("There is no message of the visitor with this number.", field="message")


def corrections_of(events: Sequence[Numbered]) -> list[Correction]:
    """The corrections in stored events, each with the value that it replaced."""
    known: dict[tuple[str, int], str] = {}
    found: list[Correction] = []
    for one in events:
        event: AnyEvent = one.event
        if isinstance(event, MessageSent):
            known["message", one.seq] = event.text
        elif isinstance(event, NameGiven):
            known["name", 0] = event.name
        elif isinstance(event, EmailSupplied):
            known["address", 0] = event.address
        elif isinstance(event, DataCorrected):
            place = (event.what, event.message)
            found.append(
                Correction(
                    event.at,
                    event.what,
                    event.message,
                    known.get(place, ""),
                    event.value,
                    event.by,
                    event.author,
                    event.reason,
                )
            )
            known[place] = event.value
    return found


def _checked(what: What, value: str) -> str:
    words = value.strip()
    if what == "address":
        return normal_address(words)
    if what == "name":
        words = " ".join(words.split())
        if not 1 <= len(words) <= MAX_NAME or not words.isprintable():
            raise Invalid(f"A name has 1 to {MAX_NAME} characters on one line.", field="value")
        return words
    if not 1 <= len(words) <= MAX_TEXT:
        raise Invalid(f"A message has 1 to {MAX_TEXT} characters.", field="value")
    return mask_cards(words)


def _stands(state: State, corrected: DataCorrected) -> bool:
    """Whether it is so already; sent twice, a correction is made once."""
    if corrected.what == "name":
        return state.name == corrected.value
    if corrected.what == "address":
        return state.address == corrected.value
    edit = state.edits.get(corrected.message)
    return edit is not None and edit.text == corrected.value
