"""Address ranges whose people read shared transcripts without a login: one list for the account, one for each bot.

A list counts only while it is enabled (off is the default), and the lists of a bot and of its account combine as a
union (YA-2, YA-4, YA-8). A change counts before its answer leaves, in other processes on its signal (L-16), and stands
in the audit book with before and after (YA-7).
"""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import msgspec

from admin import texts
from admin.audit import SYSTEM, AuditBook, By
from admin.bots import Bots
from admin.changes import Changes
from admin.enabled_lists import ACCOUNT_SCOPE, EnabledLists, Match
from admin.ranges import WIDEST, Span
from foundation.clock import Clock
from foundation.errors import Conflict, NotFound
from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Stale, Taken, Where

RANGE = Kind("address_range", fields=("scope", "created_at"), indexes=(("account", "scope"),))
LIST = Kind("whitelist", fields=("scope",), unique=(("account", "scope"),))

MOST = 1_000
"""Ranges in one list; whole networks are written as blocks."""


class AddressRange(msgspec.Struct, frozen=True):
    """One range of a list."""

    id: str
    scope: str
    span: Span
    label: str
    created_at: int
    created_by: str


class RangeBody(msgspec.Struct, frozen=True):
    first: int
    last: int
    label: str
    created_by: str


class ListBody(msgspec.Struct, frozen=True):
    enabled: bool
    changed_at: int
    changed_by: str


class Whitelists:
    """The lists of all accounts. Call `load` before the first decision."""

    def __init__(
        self, engine: Engine, keyring: Keyring, clock: Clock, *, bots: Bots, audit: AuditBook, changes: Changes
    ) -> None:
        self._ranges: Collection[RangeBody] = Collection(engine, keyring, RANGE, RangeBody)
        self._lists: Collection[ListBody] = Collection(engine, keyring, LIST, ListBody)
        self._clock = clock
        self._bots = bots
        self._audit = audit
        self._changes = changes
        self._enabled = EnabledLists(self._read_enabled)
        changes.observe(self._enabled.reload)

    def allowed(self, account: str, bot: str, address: IPv4Address | IPv6Address | None) -> Match | None:
        """The range of an enabled list of this bot, or else of this account, that holds the address (YA-8)."""
        return self._enabled.allowed(account, bot, address)

    async def load(self) -> None:
        """Read the lists of all accounts, at start."""
        after: str | None = None
        accounts: set[str] = set()
        while True:
            lists, after = await self._lists.find_anywhere(limit=1_000, after=after)
            accounts |= {one.account for one in lists}
            if after is None:
                break
        for account in accounts:
            await self._enabled.reload(account)

    # Looking

    async def ranges(self, account: str, scope: str | None = None) -> list[AddressRange]:
        """The ranges of a list, or of all lists of the account, oldest first."""
        where = [] if scope is None else [Where("scope", "=", scope)]
        found = [_range(record) async for record in self._ranges.all(account, *where)]
        return sorted(found, key=lambda one: (one.created_at, one.id))

    async def enabled(self, account: str) -> frozenset[str]:
        """The scopes of the account's lists that are enabled."""
        return frozenset([str(one.fields["scope"]) async for one in self._lists.all(account) if one.body.enabled])

    async def get(self, account: str, id: str) -> AddressRange:
        """The account's range with this id. Raises `NotFound`."""
        return _range(await self._require(account, id))

    # Changing

    async def add(
        self,
        account: str,
        scope: str,
        span: Span,
        *,
        label: str = "",
        confirm: bool = False,
        by: By = SYSTEM,
    ) -> AddressRange:
        """Add a range to a list. Raises `NotFound` for a scope that is not of the account, `Invalid`, and `Conflict`
        for more than a /8 that is not confirmed (I-16)."""
        await self._require_scope(account, scope)
        label = texts.line(label, "label", least=0)
        _require_confirmed(span, confirm=confirm)
        if await self._ranges.count(account, Where("scope", "=", scope)) >= MOST:
            raise Conflict(f"A list holds {MOST} ranges. Write neighbouring ones as one. Nothing was changed.")
        made, body = new_id(), RangeBody(span.first, span.last, label, by.person)
        async with self._audit.recording(
            account, by, "range.added", made, after=_facts(scope, body), severity=_severity(span)
        ):
            record = await self._ranges.insert(account, made, body, scope=scope, created_at=self._clock.now())
        await self._changes.announce(account, "ranges")
        return _range(record)

    async def edit(
        self,
        account: str,
        id: str,
        *,
        span: Span | None = None,
        label: str | None = None,
        scope: str | None = None,
        confirm: bool = False,
        by: By = SYSTEM,
    ) -> AddressRange:
        """Change a range, or move it to another list. Raises like `add`."""
        old = await self._require(account, id)
        to = str(old.fields["scope"]) if scope is None else scope
        span = Span(old.body.first, old.body.last) if span is None else span
        label = old.body.label if label is None else texts.line(label, "label", least=0)
        body = RangeBody(span.first, span.last, label, old.body.created_by)
        if body == old.body and to == old.fields["scope"]:
            return _range(old)
        await self._require_scope(account, to)
        if span != Span(old.body.first, old.body.last):
            _require_confirmed(span, confirm=confirm)
        before, after = _facts(str(old.fields["scope"]), old.body), _facts(to, body)
        async with self._audit.recording(
            account, by, "range.edited", id, before=before, after=after, severity=_severity(span)
        ):
            try:
                record = await self._ranges.replace(old, body=body, scope=to)
            except Stale:
                raise Conflict("Somebody else changed this range just now. Look again; nothing was changed.") from None
        await self._changes.announce(account, "ranges")
        return _range(record)

    async def delete(self, account: str, id: str, *, by: By = SYSTEM) -> None:
        """Remove a range; it opens nothing any more when this returns (L-16). Raises `NotFound`."""
        old = await self._require(account, id)
        before = _facts(str(old.fields["scope"]), old.body)
        async with self._audit.recording(account, by, "range.deleted", id, before=before):
            await self._ranges.delete(account, id)
        await self._changes.announce(account, "ranges")

    async def toggle(self, account: str, scope: str, *, enabled: bool, by: By = SYSTEM) -> None:
        """Switch a list on or off. Raises `NotFound` for a scope that is not of the account."""
        await self._require_scope(account, scope)
        was = scope in await self.enabled(account)
        if was == enabled:
            return
        before, after = {"enabled": was}, {"enabled": enabled}
        async with self._audit.recording(account, by, "list.toggled", scope, before=before, after=after):
            await self._set_enabled(account, scope, ListBody(enabled, self._clock.now(), by.person))
        await self._changes.announce(account, "ranges")

    async def _set_enabled(self, account: str, scope: str, body: ListBody) -> None:
        def change(_: Record[ListBody]) -> Mapping[str, Any]:
            return {"body": body}

        found, _ = await self._lists.find(account, Where("scope", "=", scope), limit=1)
        if not found:
            try:
                await self._lists.insert(account, new_id(), body, scope=scope)
                return
            except Taken:
                found, _ = await self._lists.find(account, Where("scope", "=", scope), limit=1)
        for one in found:
            await self._lists.update(account, one.id, change)

    async def _read_enabled(self, account: str) -> Mapping[str, list[tuple[Span, str]]]:
        enabled = await self.enabled(account)
        by_scope: dict[str, list[tuple[Span, str]]] = {scope: [] for scope in enabled}
        for one in await self.ranges(account):
            if one.scope in by_scope:
                by_scope[one.scope].append((one.span, one.id))
        return by_scope

    async def _require(self, account: str, id: str) -> Record[RangeBody]:
        record = await self._ranges.get(account, id) if is_id(id) else None
        if record is None:
            raise NotFound("There is no such range.")
        return record

    async def _require_scope(self, account: str, scope: str) -> None:
        if scope != ACCOUNT_SCOPE and await self._bots.get(account, scope) is None:
            raise NotFound("There is no such list: a scope is 'account' or the id of a bot.")


def _range(record: Record[RangeBody]) -> AddressRange:
    body = record.body
    return AddressRange(
        id=record.id,
        scope=str(record.fields["scope"]),
        span=Span(body.first, body.last),
        label=body.label,
        created_at=int(record.fields["created_at"] or 0),
        created_by=body.created_by,
    )


def _facts(scope: str, body: RangeBody) -> dict[str, Any]:
    span = Span(body.first, body.last)
    return {"scope": scope, "start": span.start, "end": span.end, "label": body.label}


def _severity(span: Span) -> str:
    return "high" if span.size > WIDEST else "normal"


def _require_confirmed(span: Span, *, confirm: bool) -> None:
    if span.size > WIDEST and not confirm:
        raise Conflict(
            f"These are {span.size:,} addresses, more than a /8: a large part of the internet could read shared "
            "transcripts without a login. Nothing was changed. If it is meant, confirm it and send it again.",
            field="confirm",
            addresses=span.size,
        )
