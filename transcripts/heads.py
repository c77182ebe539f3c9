"""How conversations are found: by the plain fields of their heads, without opening one.

A head is stored with the log's last append and holds nothing that was said. `visitor` is a keyed token, so that a stolen
store does not tell which conversations of two accounts were held in one browser.
"""

from collections.abc import AsyncIterator, Iterable, Sequence

import msgspec

from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Taken, Value, Where
from foundation.records import Row as StoredRow
from transcripts.events import Control
from transcripts.state import State

CONVERSATION = Kind(
    name="conversation",
    fields=("bot", "control", "holder", "visitor", "contact", "opened_at", "updated_at", "waiting_since"),
    indexes=(
        ("account", "updated_at"),
        ("account", "control", "waiting_since"),
        ("account", "visitor"),
        ("account", "holder"),
        ("account", "contact"),
    ),
)
"""The head of a conversation: what it is listed by."""

FORMER_CONTACT = Kind(
    name="former_contact",
    fields=("contact", "conversation"),
    unique=(("account", "contact", "conversation"),),
    indexes=(("account", "conversation"),),
)
"""That a conversation was linked to another contact before: its log still names him until he is erased."""

_OPEN: tuple[Control, ...] = ("bot", "queue", "agent")


class Row(msgspec.Struct, frozen=True):
    """A conversation in a list, from its plain fields alone."""

    id: str
    account: str
    bot: str
    control: Control
    holder: str | None
    opened_at: int
    updated_at: int
    waiting_since: int | None
    seq: int
    contact: str | None = None


class _Former(msgspec.Struct, frozen=True):
    """Nothing but that it was so."""


class Heads:
    """The conversations of all accounts, as lists. Another account's conversation is not there (M-1)."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._engine = engine
        self._keyring = keyring
        self._former: Collection[_Former] = Collection(engine, keyring, FORMER_CONTACT, _Former)

    # One conversation

    async def stored(self, account: str, id: str) -> StoredRow | None:
        """The head as it is stored, with its version and key."""
        row = await self._engine.get(CONVERSATION, id) if is_id(id) else None
        return row if row is not None and row.account == account else None

    async def get(self, account: str, id: str) -> Row | None:
        """What is known of a conversation without opening it."""
        row = await self.stored(account, id)
        return None if row is None else row_of(row)

    async def exists(self, account: str, id: str) -> bool:
        """Whether there is such a conversation, or what is left of one whose erasure was cut off."""
        return await self.stored(account, id) is not None

    # Of a browser

    async def visitor_token(self, account: str, visitor: str) -> str:
        """What stands in the head for a browser; `visitor` is the hash of its device secret."""
        return await self._keyring.token(account, "visitor", visitor)

    async def newest_of(self, account: str, bot: str, visitor: str, *, open: bool = False) -> str | None:
        """The newest conversation of this browser with this bot; `open`: the newest that is not closed."""
        also = [Where("control", "in", _OPEN)] if open else []
        rows = await self._of_visitor(account, visitor, bot, *also, limit=1)
        return rows[0].id if rows else None

    async def of_visitor(self, account: str, visitor: str, bot: str = "") -> list[Row]:
        """The conversations of this browser (with this bot), newest first; at most the last 500."""
        return [row_of(row) for row in await self._of_visitor(account, visitor, bot, limit=500)]

    async def ids_of_visitor(self, account: str, visitor: str) -> list[str]:
        """All conversations of a browser."""
        token = await self.visitor_token(account, visitor)
        return [row.id async for row in self._all(Where("account", "=", account), Where("visitor", "=", token))]

    # Of a contact

    async def of_contact(self, account: str, contact: str, *, limit: int = 500) -> list[Row]:
        """The conversations that are linked to a contact, newest first.

        That an address stands in a conversation does not prove it: look at its `verification`.
        """
        where = (Where("account", "=", account), Where("contact", "=", contact))
        page = await self._engine.find(CONVERSATION, where, limit=500)
        rows = sorted((row_of(row) for row in page.rows), key=lambda row: -row.opened_at)
        return rows[:limit]

    async def ids_of_contact(self, account: str, contact: str) -> list[str]:
        """All conversations that are linked to a contact now."""
        return [row.id async for row in self._all(Where("account", "=", account), Where("contact", "=", contact))]

    async def ids_once_of_contact(self, account: str, contact: str) -> list[str]:
        """The conversations that were linked to a contact before they were linked to another, or to none."""
        found = [record async for record in self._former.all(account, Where("contact", "=", contact))]
        return [str(record.fields["conversation"]) for record in found]

    async def remember_former(self, account: str, id: str, contacts: Iterable[str]) -> None:
        """Write down that a conversation was linked to these contacts. What is known is not written again."""
        for contact in contacts:
            try:
                await self._former.insert(account, new_id(), _Former(), contact=contact, conversation=id)
            except Taken:
                continue

    async def forget_former(self, account: str, id: str) -> None:
        """The conversation names none of its former contacts any more."""
        where = (Where("account", "=", account), Where("conversation", "=", id))
        for row in (await self._engine.find(FORMER_CONTACT, where, limit=1_000)).rows:
            await self._engine.delete(FORMER_CONTACT, row.id)

    # Lists

    async def rows(
        self,
        account: str,
        bots: frozenset[str] | None,
        *,
        control: Control | Sequence[Control] | None = None,
        holder: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> tuple[list[Row], str | None]:
        """Conversations of these bots (`None`: of all), the last changed first, and the cursor of the next page."""
        where = [Where("account", "=", account)]
        if bots is not None:
            where.append(Where("bot", "in", tuple(sorted(bots))))
        if control is not None:
            where.append(Where("control", "in", (control,) if isinstance(control, str) else tuple(control)))
        if holder is not None:
            where.append(Where("holder", "=", holder))
        if bots is not None and not bots:
            return [], None
        page = await self._engine.find(CONVERSATION, where, order="-updated_at", limit=limit, after=after)
        return [row_of(row) for row in page.rows], page.next

    async def recent(self, account: str, bots: frozenset[str] | None) -> AsyncIterator[Row]:
        """All conversations of these bots, the last changed first, read page by page."""
        after: str | None = None
        while True:
            rows, after = await self.rows(account, bots, after=after)
            for row in rows:
                yield row
            if after is None:
                return

    async def by_change(
        self,
        account: str,
        bot: str = "",
        *,
        since: int = 0,
        before: int | None = None,
        opened_before: int | None = None,
    ) -> AsyncIterator[Row]:
        """Conversations (of a bot) whose last event is of `since` or later and of earlier than `before`, the one that
        changed first first."""
        where = [Where("account", "=", account), Where("updated_at", ">=", since)]
        where += [Where("bot", "=", bot)] if bot else []
        where += [Where("updated_at", "<", before)] if before is not None else []
        where += [Where("opened_at", "<", opened_before)] if opened_before is not None else []
        async for row in self._all(*where, order="updated_at"):
            yield row_of(row)

    async def closed_with_contact(self, account: str, *, since: int) -> AsyncIterator[Row]:
        """Closed conversations that have a contact and changed since then, the last changed first."""
        where = (
            Where("account", "=", account),
            Where("control", "=", "closed"),
            Where("contact", ">", ""),
            Where("updated_at", ">=", since),
        )
        async for row in self._all(*where, order="-updated_at"):
            yield row_of(row)

    async def waiting(self, account: str, control: Control, *, until: int) -> AsyncIterator[Row]:
        """Conversations under this control whose visitor waits since `until` or longer, the longest first.

        With control `bot` these are the messages that no turn answered: after a crash they still want one.
        """
        where = (
            Where("account", "=", account),
            Where("control", "=", control),
            Where("waiting_since", "<=", until),
        )
        async for row in self._all(*where, order="waiting_since"):
            yield row_of(row)

    async def _all(self, *where: Where, order: str = "id") -> AsyncIterator[StoredRow]:
        after: str | None = None
        while True:
            page = await self._engine.find(CONVERSATION, where, order=order, limit=200, after=after)
            for row in page.rows:
                yield row
            after = page.next
            if after is None:
                return

    async def _of_visitor(self, account: str, visitor: str, bot: str, *also: Where, limit: int) -> Sequence[StoredRow]:
        where = [
            Where("account", "=", account),
            Where("visitor", "=", await self.visitor_token(account, visitor)),
            *([Where("bot", "=", bot)] if bot else []),
            *also,
        ]
        return (await self._engine.find(CONVERSATION, where, order="-opened_at", limit=limit)).rows


def head_of(state: State, visitor: str) -> dict[str, Value]:
    """The plain fields of a conversation in this state; `visitor` is the token of its browser."""
    return {
        "bot": state.bot,
        "control": state.control,
        "holder": state.holder,
        "visitor": visitor,
        "contact": state.contact,
        "opened_at": state.opened_at,
        "updated_at": state.last_at,
        "waiting_since": state.waiting_since,
    }


def row_of(row: StoredRow) -> Row:
    """A conversation in a list, from its stored head."""
    return msgspec.convert({**row.fields, "id": row.id, "account": row.account, "seq": row.version}, Row)
