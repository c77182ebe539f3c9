"""The audit book of an account: every change and every view of a transcript, in order, sealed and chained (G-1, YA-7).

An entry is durable before `write` returns, and `write` returns before the answer leaves. Writers that come together
are written together, in one append. Nothing here changes or removes an entry, and no route does (G-6). The account ""
is the book of the installation: what belongs to no account, such as a login with an unknown name.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from admin.chain import GENESIS, Entry, Facts, entry_of, first_break, link
from foundation.clock import Clock
from foundation.errors import Unavailable
from foundation.keys import Damaged, Keyring
from foundation.records import Collection, Engine, EventLog, Kind, Stale

AUDIT_BOOK = Kind("audit_book")

_TOGETHER = 500
"""Entries in one append, at most."""

_TRIES = 100

_AT_A_TIME = 2_000
"""Entries in memory while a book is checked."""


class By(msgspec.Struct, frozen=True):
    """Who makes a change, and from which address."""

    person: str
    address: str | None = None


SYSTEM = By("system")
"""The installation itself: a command, a job, the first start."""


class BookHead(msgspec.Struct, frozen=True):
    """The hash of the last entry, in the row that describes the log."""

    hash: str


@dataclass
class _Book:
    tail: tuple[int, str] | None = None
    waiting: list[tuple[Entry, asyncio.Future[int]]] = field(default_factory=list)
    writer: asyncio.Task[None] | None = None


class AuditBook:
    """The books of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._log: EventLog[Entry] = EventLog(engine, keyring, "audit", Entry, AUDIT_BOOK, BookHead)
        self._heads: Collection[BookHead] = Collection(engine, keyring, AUDIT_BOOK, BookHead)
        self._keyring = keyring
        self._clock = clock
        self._books: dict[str, _Book] = {}

    async def write(
        self,
        account: str,
        actor: str,
        action: str,
        object: str = "",
        *,
        address: str | None = None,
        before: Facts | None = None,
        after: Facts | None = None,
        **data: object,
    ) -> int:
        """Add an entry; its number. It is durable when this returns. Raises what storage raises, and then what was to
        be recorded must not happen (G-7).

        Give ids, never names, addresses or words of contacts. `before`, `after` and `data` hold plain values.
        """
        entry = entry_of(self._clock.now(), actor, action, object, address, before, after, data)
        book = self._books.setdefault(account, _Book())
        written: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        book.waiting.append((entry, written))
        if book.writer is None:
            book.writer = asyncio.create_task(self._write_all(account, book), name="audit book")
        return await written

    @asynccontextmanager
    async def recording(
        self,
        account: str,
        by: By,
        action: str,
        object: str = "",
        *,
        before: Facts | None = None,
        after: Facts | None = None,
        **data: object,
    ) -> AsyncIterator[int]:
        """Record a change, then make it in the block. A change that fails is followed by an entry that says so."""
        number = await self.write(
            account, by.person, action, object, address=by.address, before=before, after=after, **data
        )
        try:
            yield number
        except BaseException as error:
            with contextlib.suppress(Exception):
                why = type(error).__name__
                await self.write(
                    account, by.person, "change.failed", object, address=by.address, entry=number, error=why
                )
            raise

    async def read(self, account: str, since: int = 0, limit: int = 100) -> list[tuple[int, Entry]]:
        """At most `limit` entries after number `since`, with numbers, oldest first; no more than these are opened.
        Raises `Damaged` with the first bad one."""
        return await self._log.read(account, _name(account), since, most=limit) if limit > 0 else []

    async def tail(self, account: str) -> tuple[int, str]:
        """The number and the hash of the newest entry: what a signed head states. Raises `Damaged`."""
        return await self._find_tail(account)

    async def last(self, account: str) -> int:
        """The number of the newest entry; 0 in an empty book."""
        return (await self._find_tail(account))[0]

    async def verify(self, account: str) -> int | None:
        """Read the whole book; the number of the first entry that is not as it was written, or `None`.

        Changed, missing, added, moved and cut-off entries are noticed. Not noticed is a whole store that was put back
        to an earlier day; against that, compare with a signed head that lies elsewhere (`admin.heads`).
        """
        last, previous = 0, GENESIS
        while True:
            try:
                entries = await self.read(account, last, _AT_A_TIME)
            except Damaged as error:
                return await self._first_bad(account, last, previous, error)
            bad = first_break(account, previous, entries)
            if bad is not None or len(entries) < _AT_A_TIME:
                return bad
            last, previous = entries[-1][0], entries[-1][1].hash

    async def _first_bad(self, account: str, last: int, previous: str, error: Damaged) -> int:
        """The first bad entry of a part that cannot be read whole: maybe one that opens, before the one that does not."""
        broken = int(error.data["number"]) if "number" in error.data else last + 1
        try:
            readable = await self.read(account, last, broken - 1 - last)
        except Damaged:
            return broken
        return first_break(account, previous, readable) or broken

    async def _write_all(self, account: str, book: _Book) -> None:
        while book.waiting:
            batch, book.waiting = book.waiting[:_TOGETHER], book.waiting[_TOGETHER:]
            try:
                first = await self._append(account, book, [entry for entry, _ in batch])
            except BaseException as error:
                book.tail = None
                failure = error if isinstance(error, Exception) else Unavailable("The server is going away.")
                _fail(batch, failure)
                if not isinstance(error, Exception):
                    _fail(book.waiting, failure)
                    book.waiting, book.writer = [], None
                    raise
                continue
            for number, (_, written) in enumerate(batch, first):
                if not written.done():
                    written.set_result(number)
        book.writer = None

    async def _append(self, account: str, book: _Book, entries: Sequence[Entry]) -> int:
        """Add the entries after whatever is last, whoever else is writing; the number of the first."""
        key = await self._keyring.account_key(account)
        for _ in range(_TRIES):
            last, previous = book.tail or await self._find_tail(account)
            linked: list[Entry] = []
            for number, entry in enumerate(entries, last + 1):
                linked.append(link(account, number, previous, entry))
                previous = linked[-1].hash
            try:
                newest = await self._log.append(
                    account, _name(account), key, linked, last, head_fields={}, head_body=BookHead(previous)
                )
            except Stale:
                book.tail = None
                continue
            book.tail = (newest, previous)
            return last + 1
        raise Unavailable("The audit book is too busy. Nothing was changed; please try again.")

    async def _find_tail(self, account: str) -> tuple[int, str]:
        """Number and hash of the last entry. An engine may write the head after its log, so the log is asked too."""
        head = await self._heads.get(account, _name(account))
        last, previous = (head.version, head.body.hash) if head else (0, GENESIS)
        newer = await self._log.read(account, _name(account), last)
        return (newer[-1][0], newer[-1][1].hash) if newer else (last, previous)


def _fail(waiting: Sequence[tuple[Entry, asyncio.Future[int]]], error: Exception) -> None:
    for _, written in waiting:
        if not written.done():
            written.set_exception(error)


def _name(account: str) -> str:
    return f"audit/{account}"
