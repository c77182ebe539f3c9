"""What is held about the person behind a browser, and how far that browser may see it (MS-11, E-8, M-2).

A browser that did not prove an address reaches its own conversations with this bot, and nothing else: an address that
somebody typed gives no right to what belongs to that address. A browser that proved a mailbox itself, by the code or the
link, reaches every conversation of the account in which that same contact is verified. That a person of the house vouched
for somebody is enough to talk to him and not enough to hand out data.
"""

from collections.abc import Sequence

import msgspec

from bot_runtime.channels.widget.chats import Browser
from bot_runtime.verification import Verification
from bot_runtime.verification.devices import Devices
from foundation.clock import DAY
from foundation.errors import Gone, NotFound
from transcripts.consent import Consent, Consents
from transcripts.contacts import Contact, Contacts
from transcripts.conversations import Conversations
from transcripts.heads import Row
from transcripts.links import Links
from transcripts.mail_records import MailRecords, TranscriptMail
from transcripts.state import State

PROVING = frozenset({"code", "link"})
"""The methods by which a browser itself proved that it reads a mailbox."""
MOST_CHATS = 500


class Chat(msgspec.Struct, frozen=True):
    """One conversation, with what hangs on it. `here`: it was held in this browser. `kept_until`: when it is deleted at
    the latest; `None` when it is kept without an end."""

    state: State
    here: bool
    links: int
    views: int
    mails: Sequence[TranscriptMail]
    opt_in_mails: Sequence[int]
    kept_until: int | None


class Holdings(msgspec.Struct, frozen=True):
    """All of it. `contact` is there only when this browser proved it; `address` may be a typed one, not proven."""

    contact: Contact | None
    address: str
    name: str
    chats: Sequence[Chat]
    consents: Sequence[Consent]

    @property
    def verified(self) -> bool:
        return self.contact is not None

    @property
    def conversations(self) -> tuple[str, ...]:
        return tuple(chat.state.id for chat in self.chats)


class HoldingsOf:
    """Finds what is held, as a browser."""

    def __init__(
        self,
        *,
        conversations: Conversations,
        consents: Consents,
        contacts: Contacts,
        links: Links,
        mails: MailRecords,
        devices: Devices,
        verification: Verification,
    ) -> None:
        self._conversations = conversations
        self._consents = consents
        self._contacts = contacts
        self._links = links
        self._mails = mails
        self._devices = devices
        self._verification = verification

    async def of(self, browser: Browser) -> Holdings:
        """Everything that this browser may see. Raises `NotFound` when nothing is held of it."""
        states = await self._own(browser)
        consents = [
            one for one in await self._consents.of_visitor(browser.account, browser.visitor) if one.bot == browser.bot
        ]
        if not states and not consents:
            raise NotFound("Nothing is held about this browser here.")
        contact = await self._proven(browser, states)
        if contact is not None:
            known = {state.id for state in states}
            states += [one for one in await self._of_contact(browser.account, contact) if one.id not in known]
        states.sort(key=lambda state: -state.opened_at)
        return Holdings(
            contact=contact,
            address=contact.address if contact else next((one.address for one in states if one.address), ""),
            name=next((one.name for one in states if one.name), ""),
            chats=[await self._chat(browser, state) for state in states[:MOST_CHATS]],
            consents=consents,
        )

    async def _own(self, browser: Browser) -> list[State]:
        rows = await self._conversations.heads.of_visitor(browser.account, browser.visitor, browser.bot)
        return [one for one in await self._states(rows) if one.visitor == browser.visitor]

    async def _of_contact(self, account: str, contact: Contact) -> list[State]:
        """Only those in which the address was proven: a stranger who typed it keeps his words to himself (D-8)."""
        rows = await self._conversations.heads.of_contact(account, contact.id)
        verified = [one for one in await self._states(rows) if one.verification.state == "verified"]
        return [one for one in verified if one.contact == contact.id and await self._proven_there(one, contact.id)]

    async def _proven_there(self, state: State, contact: str) -> bool:
        """Whether the browser of this conversation proved the mailbox itself, in it or before it."""
        if state.verification.method:
            return state.verification.method in PROVING
        proof = await self._devices.proof(state.account, state.visitor, contact, state.id)
        return proof is not None and proof.method in PROVING

    async def _proven(self, browser: Browser, own: Sequence[State]) -> Contact | None:
        """Whom this browser proved to be, in its latest chat or for as long as it stays recognised."""
        latest = max(own, key=lambda state: state.opened_at).id if own else ""
        newest = await self._devices.newest(browser.account, browser.visitor, latest)
        if newest is None or newest[1].method not in PROVING:
            return None
        return await self._contacts.get(browser.account, newest[0])

    async def _states(self, rows: Sequence[Row]) -> list[State]:
        found = []
        for row in rows:
            try:
                found.append(await self._conversations.state(row.account, row.id))
            except (NotFound, Gone):
                continue
        return found

    async def _chat(self, browser: Browser, state: State) -> Chat:
        links = await self._links.list(state.account, state.id)
        days = await self._consents.kept(state.account, state.bot)
        return Chat(
            state=state,
            here=state.visitor == browser.visitor,
            links=len(links),
            views=sum(link.views for link in links),
            mails=[one for one in await self._mails.of(state.account, state.id) if one.status == "sent"],
            opt_in_mails=await self._verification.mailed(state.account, state.id),
            kept_until=None if days is None else state.last_at + days * DAY,
        )
