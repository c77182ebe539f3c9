"""Looks through the conversations that somebody may see, the last changed first, and hands out what it finds at once.

A scan has two steps. A quick one decrypts a log and decodes of it only what was said; it decides almost always. What it
finds is then read as every reader reads it, through `Access` and the member view, and must be found there again: what is
masked, redacted, erased or not for this person is not found (M-13, E-1). Neither step leaves anything in the caches, so
that a search does not drive out the conversations that are going on.

A scan ends after a number of findings or after its time, at the end of a page of rows, and says where to go on. It is
as complete as it is long: whoever goes on until the end has seen every conversation that did not change meanwhile.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any, get_args

import msgspec

from admin import Principal
from foundation.clock import Clock
from foundation.errors import Gone, Locked, NotFound
from foundation.keys import Damaged, Keyring
from foundation.records import Cipher, Engine, EventLog, Where
from transcripts.access import Access
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, DataCorrected, MessageSent, NoteWritten
from transcripts.heads import CONVERSATION, Row, row_of
from transcripts.search.folding import fold
from transcripts.search.matching import Matcher
from transcripts.search.query import Query
from transcripts.state import State
from transcripts.views import member_view

PAGE = 64
"""Rows read at a time; they are scanned together."""

SNIPPETS = 3
"""Messages shown of one conversation; how many there are is said beside them."""

Sight = Callable[[Principal, Row], bool]
"""Whether a person may see a conversation, by its row alone."""


class Snippet(msgspec.Struct, frozen=True):
    """A message that was found; `pieces` are its text around the place, each with whether it was looked for."""

    seq: int
    at: int
    by: str
    name: str
    pieces: Sequence[tuple[str, bool]]


class Found(msgspec.Struct, frozen=True):
    """A conversation that was found. `count`: how many of its messages; 0 when its own facts were asked for."""

    state: State
    count: int
    snippets: Sequence[Snippet]


class Progress(msgspec.Struct, frozen=True):
    """How far a scan is: conversations looked at, and the last change of the last one."""

    scanned: int
    reached: int


class End(msgspec.Struct, frozen=True):
    """The scan has ended; `next` is where to go on, `None` at the end of everything. `unreadable`: damaged ones."""

    scanned: int
    unreadable: int
    next: str | None


def _slim(event: Any) -> Any:
    """Of what was said the words; of every other kind of event only that it was there."""
    fields: list[Any] = []
    if event is MessageSent:
        fields = [("at", int), ("by", str), ("text", str, ""), ("author_name", str, "")]
    elif event is DataCorrected:
        fields = [("at", int), ("value", str)]
    elif event is NoteWritten:
        fields = [("at", int), ("text", str), ("author_name", str, "")]
    config = event.__struct_config__
    return msgspec.defstruct(
        f"Scanned{event.__name__}", fields, tag_field=config.tag_field, tag=config.tag, frozen=True, gc=False
    )


_SLIM = {event: _slim(event) for event in get_args(AnyEvent)}
_Message, _Note, _Correction = _SLIM[MessageSent], _SLIM[NoteWritten], _SLIM[DataCorrected]
_Any: Any = None
for _kind in _SLIM.values():
    _Any = _kind if _Any is None else _Any | _kind


class _Passing:
    """Keys for the reading of one log: taken from the memory where they are there, and else not put into it."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._last: Cipher | None = None
        self.account_key = keyring.account_key

    def cached(self, key: str) -> Cipher | None:
        return self._last if self._last is not None and self._last.key == key else self._keyring.cached(key)

    async def cipher(self, account: str, key: str) -> Cipher:
        self._last = await self._keyring.cipher(account, key, keep=False)
        return self._last


class Search:
    """The search of this installation. `at_once`: how many pages are looked through at a time, all people's."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        conversations: Conversations,
        contacts: Contacts,
        access: Access,
        sight: Sight,
        at_once: int = 4,
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._conversations = conversations
        self._contacts = contacts
        self._access = access
        self._clock = clock
        self._sight = sight
        self._turns = asyncio.Semaphore(at_once)

    async def run(
        self, person: Principal, query: Query, *, after: str | None = None, most: int = 50, limit_ms: int = 10_000
    ) -> AsyncGenerator[Found | Progress | End, None]:
        """What `person` may see and asked for. Stop reading to stop the scan. Raises `Malformed` for a forged `after`.

        It ends with `End` at the first page of rows after `most` findings or `limit_ms`.
        """
        began = self._clock.monotonic()
        matcher = Matcher(query)
        scope = await self._scope(person, query)
        scanned = unreadable = found = 0
        while scope is not None:
            async with self._turns:
                page = await self._engine.find(CONVERSATION, scope, order="-updated_at", limit=PAGE, after=after)
                rows = [row for row in map(row_of, page.rows) if self._sight(person, row)]
                answers = await asyncio.gather(*(self._look(person, row, query, matcher) for row in rows))
            for answer in answers:
                if isinstance(answer, Found):
                    found += 1
                    yield answer
                unreadable += answer == "unreadable"
            scanned, after = scanned + len(rows), page.next
            if page.rows:
                yield Progress(scanned, int(page.rows[-1].fields["updated_at"] or 0))
            spent = (self._clock.monotonic() - began) * 1000
            if after is None or found >= most or spent >= limit_ms:
                break
        yield End(scanned, unreadable, after if scope is not None else None)

    async def _scope(self, person: Principal, query: Query) -> list[Where] | None:
        """What the plain fields say about where to look; `None` when there is nothing to look at."""
        scope = [Where("account", "=", person.account)]
        if person.bots is not None:
            if not person.bots:
                return None
            scope.append(Where("bot", "in", tuple(sorted(person.bots))))
        if query.controls:
            scope.append(Where("control", "in", query.controls))
        if query.since is not None:
            scope.append(Where("updated_at", ">=", query.since))
        if query.until is not None:
            scope.append(Where("opened_at", "<", query.until))
        if query.email:
            contact = await self._contacts.by_address(person.account, query.email)
            if contact is None:
                return None
            scope.append(Where("contact", "=", contact.id))
        return scope

    async def _look(self, person: Principal, row: Row, query: Query, matcher: Matcher) -> Found | str:
        try:
            if query.about_messages and not await self._may_have(row, query, matcher):
                return ""
            return await self._found(person, row, query, matcher) or ""
        except (NotFound, Gone, Locked):
            return ""  # erased, restricted, or no longer to be seen
        except Damaged:
            return "unreadable"

    async def _may_have(self, row: Row, query: Query, matcher: Matcher) -> bool:
        log: EventLog[Any] = EventLog(self._engine, _Passing(self._keyring), "conversation", _Any)
        for _, event in await log.read(row.account, row.id):
            kind = type(event)
            if kind is _Correction and matcher.text(event.value):
                return True
            if kind is _Message or kind is _Note:
                by = event.by if kind is _Message else "note"
                if _in_time(query, event.at) and matcher.text(event.text) and matcher.speaker(by, event.author_name):
                    return True
        return False

    async def _found(self, person: Principal, row: Row, query: Query, matcher: Matcher) -> Found | None:
        """The conversation as this person is shown it, if it is still what was asked for."""
        state, events = await self._conversations.passing(row.account, row.id)
        self._access.require_member(person, state)
        if not _fits(query, state):
            return None
        if not query.about_messages:
            inside = query.since is None and query.until is None
            return Found(state, 0, ()) if inside or any(_in_time(query, one.event.at) for one in events) else None
        snippets: list[Snippet] = []
        count = 0
        for one in events:
            view = member_view(one) if type(one.event) in (MessageSent, NoteWritten) else None
            if view is None or not _in_time(query, view["at"]):
                continue
            by, name, text = view.get("by", "note"), view["author_name"], view["text"]
            if text and matcher.text(text) and matcher.speaker(by, name):
                count += 1
                if count <= SNIPPETS:
                    snippets.append(Snippet(one.seq, view["at"], by, name, matcher.pieces(text)))
        return Found(state, count, snippets) if count else None


def _in_time(query: Query, at: int) -> bool:
    return (query.since is None or at >= query.since) and (query.until is None or at < query.until)


def _fits(query: Query, state: State) -> bool:
    """What is asked of the whole conversation."""
    return (
        query.tags <= state.tags
        and (not query.verified or state.verification.state == "verified")
        and (not query.name or query.name in fold(state.name))
    )
