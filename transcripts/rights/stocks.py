"""The port for kinds of data that are deleted by rule, and the kinds of this package.

A stock is one kind of data of an account. It can say exactly what is older than a moment, by the same look that deletion
uses, so that a dry run and a run at the same moment name the same records.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from foundation.keys import Keyring
from foundation.records import Engine, Where
from transcripts.consent import CONSENT
from transcripts.contacts import CONTACT, Contacts
from transcripts.conversations import Conversations
from transcripts.heads import Heads
from transcripts.rights.holdings import Whose
from transcripts.rights.holds import Covered

_PAGE = 200


class Old(msgspec.Struct, frozen=True):
    """A record that is older than its rule allows. `held`: a legal hold keeps it all the same."""

    id: str
    at: int
    held: bool = False


class Stock(Protocol):
    """A kind of data."""

    @property
    def data(self) -> str:
        """Its name in rules: `transcripts`."""

    @property
    def title(self) -> str:
        """Its name on pages."""

    @property
    def per_bot(self) -> bool:
        """Whether bots may have rules of their own for it."""

    @property
    def default_days(self) -> int:
        """For how long it is kept when nobody chose."""

    @property
    def keyed(self) -> bool:
        """Whether each record that `remove` removes has a key of its own, which is destroyed with it."""

    def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:
        """The records whose last use was before this moment, the oldest first. `bot` is empty for all of the account."""

    def whose(self, account: str, ids: Sequence[str]) -> Whose | None:
        """What an erasure of these is, if they are erased with keys and ledger; `None`: `remove` is enough."""

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:
        """Delete records that need no erasure, or of them what was there before this moment; how many. A step that
        removes nothing ends the run: what is left is tried again on the next day."""


class Transcripts:
    """Conversations, by their last event; open ones too."""

    data, title, per_bot, default_days, keyed = "transcripts", "Transcripts", True, 180, False

    def __init__(self, heads: Heads) -> None:
        self._heads = heads

    async def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:
        async for row in self._heads.by_change(account, bot, before=before):
            hold = covered.of(bot=row.bot, conversation=row.id, contact=row.contact)
            yield Old(row.id, row.updated_at, hold is not None)

    def whose(self, account: str, ids: Sequence[str]) -> Whose | None:
        return Whose(account=account, conversations=tuple(ids))

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:  # noqa: ARG002 - a Stock
        return 0


class ContactBook:
    """Contacts that no conversation is linked to any more, by the time they became complete."""

    data, title, per_bot, default_days, keyed = "contacts", "Contacts", False, 180, False

    def __init__(self, engine: Engine, contacts: Contacts, conversations: Conversations) -> None:
        self._engine = engine
        self._contacts = contacts
        self._conversations = conversations

    async def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:  # noqa: ARG002
        where = [Where("account", "=", account), Where("created_at", "<", before)]
        after: str | None = None
        while True:
            page = await self._engine.find(CONTACT, where, order="created_at", limit=_PAGE, after=after)
            for row in page.rows:
                contact = await self._contacts.get(account, row.id)
                last = max(int(row.fields["created_at"] or 0), (contact.completed_at or 0) if contact else 0)
                if last < before and not await self._conversations.heads.ids_of_contact(account, row.id):
                    yield Old(row.id, last, covered.of(contact=row.id) is not None)
            after = page.next
            if after is None:
                return

    def whose(self, account: str, ids: Sequence[str]) -> Whose | None:
        return Whose(account=account, contacts=tuple(ids))

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:  # noqa: ARG002 - a Stock
        return 0


class ConsentProofs:
    """Consent records, by their time, once their conversation is gone: the burden of proof outlives the chat."""

    data, title, per_bot, default_days, keyed = "consent records", "Consent records", False, 1_095, False

    def __init__(self, engine: Engine, keyring: Keyring, conversations: Conversations) -> None:
        self._engine = engine
        self._keyring = keyring
        self._conversations = conversations

    async def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:  # noqa: ARG002
        where = [Where("account", "=", account), Where("at", "<", before)]
        after: str | None = None
        while True:
            page = await self._engine.find(CONSENT, where, order="at", limit=_PAGE, after=after)
            for row in page.rows:
                conversation = str(row.fields["conversation"])
                if not await self._conversations.heads.exists(account, conversation):
                    held = covered.of(conversation=conversation) is not None
                    yield Old(row.id, int(row.fields["at"] or 0), held)
            after = page.next
            if after is None:
                return

    def whose(self, account: str, ids: Sequence[str]) -> Whose | None:  # noqa: ARG002 - a Stock
        return None

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:  # noqa: ARG002 - a Stock
        removed = 0
        for one in ids:
            row = await self._engine.get(CONSENT, one)
            removed += row is not None and row.account == account and await self._engine.delete(CONSENT, one)
        return removed
