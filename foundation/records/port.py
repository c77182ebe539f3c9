"""The port of record storage: what an engine must do, and nothing that only one engine can.

A *row* has an id, a version, a few declared plain fields, and a body of sealed bytes. An engine sees ids, versions,
fields and ciphertext; it never sees a key. A *log* is a sequence of sealed batches, numbered without gaps.

Every engine passes the contract suite in `tests/contracts`. What the port promises:

- A returned write is durable: it survives `kill -9` and loss of power.
- `append` is atomic: the whole batch, with its head, or nothing (a second engine may write the head a moment later,
  but never a head ahead of its log).
- Values are data. No string or number given here reaches an operator position of the engine's query language.
- Full or broken storage raises `StorageFull` or `Unavailable`, and nothing was kept.
"""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

Value = str | int | None

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_RESERVED = {"id", "version", "body", "account", "key"}


class Kind(msgspec.Struct, frozen=True):
    """The declaration of a kind of row.

    `fields` are the plain columns that the engine may see, filter and order by; everything else is in the sealed body.
    `account` and `key` are always there and are not listed. `unique` lists groups of fields whose values may stand
    together only once (a group with a `None` in it never collides). `indexes` lists the groups that `find` uses.
    """

    name: str
    fields: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        known = {*self.fields, "account"}
        for name in (self.name, *self.fields):
            if not _NAME.match(name) or (name in _RESERVED and name in self.fields):
                raise ValueError(f"{name!r} cannot name a kind or a field")
        for group in (*self.unique, *self.indexes):
            if not group or not set(group) <= known:
                raise ValueError(f"{self.name}: {group!r} names a field that is not declared")


class Row(msgspec.Struct, frozen=True, gc=False):
    """One stored row. `version` starts at 1 and goes up with every replace."""

    id: str
    version: int
    account: str
    key: str
    fields: Mapping[str, Value]
    body: bytes


class Where(msgspec.Struct, frozen=True):
    """One condition on a declared field (or `account`); the conditions of a query are joined by *and*.

    `in` takes a tuple of values; all others one value. `=` with `None` finds rows without a value; the four
    comparisons never find those.
    """

    field: str
    is_: Literal["=", "<", "<=", ">", ">=", "in"]
    value: Value | tuple[Value, ...]


class Page(msgspec.Struct, frozen=True):
    """Some rows in order, and the cursor that continues after the last one (`None`: there is no more)."""

    rows: Sequence[Row]
    next: str | None


class Batch(msgspec.Struct, frozen=True, gc=False):
    """One atomic append: `count` entries, the first of which has number `first`; `key` names the key that sealed it."""

    first: int
    count: int
    key: str
    body: bytes

    @property
    def last(self) -> int:
        return self.first + self.count - 1


class Stored(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One thing that a store holds, as it is: a row of a kind, or a batch of a log."""

    kind: str
    """The kind's name; empty for a batch."""
    log: str
    """The log's name; empty for a row."""
    row: Row | None = None
    batch: Batch | None = None


class Taken(Exception):  # noqa: N818
    """A unique group of fields, or the id, is in use already. Nothing was written."""


class Stale(Exception):  # noqa: N818
    """The row's version, or the log's last number, is not the expected one. Nothing was written; read and try again."""


class Engine(Protocol):
    """A store of rows and logs. All methods may be called from one event loop, any number at a time."""

    async def open(self) -> None:
        """Open or create the store, bring its tables up to the declared kinds, check that nobody else holds it."""

    async def begun(self) -> bool:
        """Whether this store was opened before, now or earlier. It needs no `open`. Raises `Unavailable`."""

    async def close(self) -> None:
        """Finish the writes under way and let go. Idempotent."""

    async def insert(self, kind: Kind, row: Row) -> None:
        """Add a row at version 1. Raises `Taken`."""

    async def get(self, kind: Kind, id: str) -> Row | None:
        """The row, or `None`."""

    async def replace(self, kind: Kind, row: Row) -> None:
        """Write a row whose `version` is one above the stored one. Raises `Stale` (also when it is gone), `Taken`."""

    async def delete(self, kind: Kind, id: str) -> bool:
        """Remove a row; whether there was one."""

    async def find(
        self,
        kind: Kind,
        where: Sequence[Where] = (),
        *,
        order: str = "id",
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        """Rows that meet every condition, by a declared field (`-field`: descending) and then by id, both in the
        same direction. `after` takes a cursor of an earlier page of the same query; a forged one raises `Malformed`.
        `limit` is 1 … 1000. Rows without a value in the order field come first (last when descending)."""

    async def count(self, kind: Kind, where: Sequence[Where] = ()) -> int:
        """How many rows meet every condition."""

    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        """Add a batch to a log if `batch.first` is exactly the log's last number plus one, else raise `Stale`.

        `head` is a row that describes the log (fields to list it by); it is written with the batch, whatever version
        was stored, as long as that was lower than the new one. By convention its version is `batch.last`."""

    async def read(self, log: str, *, since: int = 0, limit: int = 10_000) -> Sequence[Batch]:
        """The batches that hold an entry with a number above `since`, in order; at most `limit` batches."""

    async def reseal(self, log: str, batch: Batch, *, was: str) -> None:
        """Put a batch in the place of the one with the same first number and count, if the key named `was` seals that
        one still; else raises `Stale`. Nothing of the log's numbers, and no head, changes by it."""

    async def delete_log(self, log: str) -> int:
        """Remove a log whole; how many batches went."""

    def dump(self) -> AsyncIterator[Sequence[Stored]]:
        """Everything that is stored, some at a time: rows by kind, then batches by log and number.

        For backups, moves and checks. It needs no `open` and takes the store from nobody: others write meanwhile. No log
        ends before the head that was dumped; an engine that can shows one moment of the whole store.
        """

    async def load(self, stored: Sequence[Stored]) -> None:
        """Write what a dump gave, as it is, into a store that nobody serves; durable when it returns.

        What has its id (or log and first number) there already is left as it stands, so that a load that was interrupted
        is begun again. Raises `ValueError` for a kind that was not declared, `Taken` when a unique group is in use.
        """
