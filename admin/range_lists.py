"""Lists of ranges as they are stored: a small row for each list, which names the set of ranges that counts.

A set is written once and never changed. A change writes a new set beside it, then moves the list's row on to it at the
row's version, then removes the old set. So every change, of one range or of thousands, is there wholly or not at all,
two changes never mix, and whether a list changed is seen from its row alone.
"""

import contextlib
from collections.abc import Hashable, Iterable, Sequence

import msgspec

from admin.ranges import IPV4_END, Span
from foundation.clock import HOUR, Clock
from foundation.errors import Unavailable
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Stale, Taken, Where

LIST = Kind("whitelist", fields=("scope",), unique=(("account", "scope"),))
RANGE_SET = Kind("range_set", fields=("created_at",), indexes=(("created_at",),))
RANGE = Kind("address_range", fields=("scope", "created_at"), indexes=(("account", "scope"),))
"""A row for each range: how ranges were stored before there were sets. `adopt` takes them over."""

KINDS = (LIST, RANGE_SET, RANGE)

_TRIES = 20


class AddressRange(msgspec.Struct, frozen=True):
    """One range of a list. `version` counts its changes; from `expires_at` on it opens nothing."""

    id: str
    scope: str
    span: Span
    label: str
    created_at: int
    created_by: str
    comment: str = ""
    expires_at: int | None = None
    version: int = 1

    def is_live(self, now: int) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or self.expires_at > now


class RangeList(msgspec.Struct, frozen=True):
    """A list at a version, oldest range first; version 0 is a list that was never touched."""

    scope: str
    version: int = 0
    enabled: bool = False
    ranges: tuple[AddressRange, ...] = ()


class ListBody(msgspec.Struct, frozen=True):
    """`set`: the id of the set that counts; empty for none."""

    enabled: bool
    changed_at: int
    changed_by: str
    set: str = ""


class _Kept(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    id: str
    first: int | bytes
    last: int | bytes
    label: str
    created_at: int
    created_by: str
    comment: str = ""
    expires_at: int | None = None
    version: int = 1


class SetBody(msgspec.Struct, frozen=True):
    ranges: list[_Kept]


class OldBody(msgspec.Struct, frozen=True):
    first: int
    last: int
    label: str
    created_by: str


class RangeLists:
    """The lists of all accounts, in storage."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._engine = engine
        self._lists: Collection[ListBody] = Collection(engine, keyring, LIST, ListBody)
        self._sets: Collection[SetBody] = Collection(engine, keyring, RANGE_SET, SetBody)
        self._old: Collection[OldBody] = Collection(engine, keyring, RANGE, OldBody)
        self._clock = clock

    async def accounts(self) -> set[str]:
        """The accounts that have a list."""
        found: set[str] = set()
        after: str | None = None
        while True:
            lists, after = await self._lists.find_anywhere(limit=1_000, after=after)
            found |= {one.account for one in lists}
            if after is None:
                return found

    async def mark(self, account: str) -> Hashable:
        """Changes whenever a list of the account does. One look-up of small rows; nothing is opened."""
        marks: list[tuple[str, int]] = []
        after: str | None = None
        while True:
            page = await self._engine.find(LIST, (Where("account", "=", account),), limit=1_000, after=after)
            marks += [(row.id, row.version) for row in page.rows]
            after = page.next
            if after is None:
                return tuple(marks)

    async def read(self, account: str, scope: str) -> RangeList:
        """The list of this scope as it stands."""
        for _ in range(_TRIES):
            row = await self._row(account, scope)
            if row is None:
                return RangeList(scope)
            found = await self._opened(row)
            if found is not None:
                return found
        raise _busy()

    async def all(self, account: str, *, only_enabled: bool = False) -> dict[str, RangeList]:
        """The account's lists that were ever touched, by scope."""
        lists: dict[str, RangeList] = {}
        async for row in self._lists.all(account):
            if only_enabled and not row.body.enabled:
                continue
            found = await self._opened(row)
            one = found if found is not None else await self.read(account, str(row.fields["scope"]))
            if one.enabled or not only_enabled:
                lists[one.scope] = one
        return lists

    async def enabled(self, account: str) -> frozenset[str]:
        """The scopes of the lists that are enabled; no set is opened for that."""
        return frozenset([str(row.fields["scope"]) async for row in self._lists.all(account) if row.body.enabled])

    async def write(
        self, account: str, old: RangeList, by: str, *, ranges: Sequence[AddressRange], enabled: bool
    ) -> RangeList:
        """Put a list in the place of `old`. Raises `Stale` when that is not how the list stands any more."""
        row = await self._row(account, old.scope)
        if (row.version if row else 0) != old.version:
            raise Stale
        known = row.body.set if row else ""
        kept = known if row and tuple(ranges) == old.ranges else await self._write_set(account, ranges)
        body = ListBody(enabled, self._clock.now(), by, kept)
        try:
            if row is None:
                row = await self._lists.insert(account, new_id(), body, scope=old.scope)
            else:
                row = await self._lists.replace(row, body=body)
        except (Stale, Taken):
            await self._drop_set(account, kept, unless=known)
            raise Stale from None
        await self._drop_set(account, known, unless=kept)
        return RangeList(old.scope, row.version, enabled, tuple(ranges))

    async def sweep(self) -> int:
        """Remove sets that a crash left behind and no list names; how many went."""
        over = Where("created_at", "<=", self._clock.now() - HOUR)
        swept, after = 0, None
        while True:
            sets, after = await self._sets.find_anywhere(over, order="created_at", limit=100, after=after)
            for one in sets:
                named = {row.body.set async for row in self._lists.all(one.account)}
                if one.id not in named:
                    swept += await self._sets.delete(one.account, one.id)
            if after is None:
                return swept

    async def adopt(self) -> int:
        """Take over the ranges that are stored as rows of their own; how many there were. May be repeated."""
        adopted = 0
        while True:
            rows, _ = await self._old.find_anywhere(limit=1_000)
            if not rows:
                return adopted
            for account, scope in dict.fromkeys((row.account, str(row.fields["scope"])) for row in rows):
                mine = [row for row in rows if (row.account, row.fields["scope"]) == (account, scope)]
                await self._adopt(account, scope, [_adopted(row) for row in mine])
                for row in mine:
                    adopted += await self._old.delete(account, row.id)

    async def _adopt(self, account: str, scope: str, ranges: Iterable[AddressRange]) -> None:
        while True:
            old = await self.read(account, scope)
            known = {one.id for one in old.ranges}
            both = [*old.ranges, *(one for one in ranges if one.id not in known)]
            both.sort(key=lambda one: (one.created_at, one.id))
            with contextlib.suppress(Stale):
                await self.write(account, old, "system", ranges=both, enabled=old.enabled)
                return

    async def _row(self, account: str, scope: str) -> Record[ListBody] | None:
        found, _ = await self._lists.find(account, Where("scope", "=", scope), limit=1)
        return found[0] if found else None

    async def _opened(self, row: Record[ListBody]) -> RangeList | None:
        """The list of a row; `None` when somebody has just moved the row on and removed the set."""
        scope, kept = str(row.fields["scope"]), None
        if row.body.set:
            kept = await self._sets.get(row.account, row.body.set)
            if kept is None:
                return None
        ranges = tuple(_opened(one, scope) for one in kept.body.ranges) if kept else ()
        return RangeList(scope, row.version, row.body.enabled, ranges)

    async def _write_set(self, account: str, ranges: Sequence[AddressRange]) -> str:
        if not ranges:
            return ""
        made, body = new_id(), SetBody([_kept(one) for one in ranges])
        await self._sets.insert(account, made, body, created_at=self._clock.now())
        return made

    async def _drop_set(self, account: str, id: str, *, unless: str) -> None:
        """Remove a set that counts no more. If that fails, `sweep` does it another time."""
        if id and id != unless:
            with contextlib.suppress(Exception):
                await self._sets.delete(account, id)


def _kept(one: AddressRange) -> _Kept:
    first, last = (n if n < IPV4_END else n.to_bytes(16) for n in (one.span.first, one.span.last))
    return _Kept(
        one.id, first, last, one.label, one.created_at, one.created_by, one.comment, one.expires_at, one.version
    )


def _opened(one: _Kept, scope: str) -> AddressRange:
    first, last = (n if isinstance(n, int) else int.from_bytes(n) for n in (one.first, one.last))
    return AddressRange(
        id=one.id,
        scope=scope,
        span=Span(first, last),
        label=one.label,
        created_at=one.created_at,
        created_by=one.created_by,
        comment=one.comment,
        expires_at=one.expires_at,
        version=one.version,
    )


def _adopted(row: Record[OldBody]) -> AddressRange:
    body = row.body
    at = int(row.fields["created_at"] or 0)
    return AddressRange(row.id, str(row.fields["scope"]), Span(body.first, body.last), body.label, at, body.created_by)


def _busy() -> Unavailable:
    return Unavailable("The list is changing too fast. Nothing was changed; please try again.")
