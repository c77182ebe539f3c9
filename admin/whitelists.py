"""Address ranges whose people read shared transcripts without a login: one list for the account, one for each bot.

A list counts only while it is enabled (off is the default), and the lists of a bot and of its account combine as a
union (YA-2, YA-4, YA-8). A change counts before its answer leaves, in other processes on its signal and after two
seconds at the latest (L-16), and stands in the audit book with before and after (YA-7). A change of many ranges is
made wholly or not at all, at one version of the list.
"""

from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv6Address
from types import EllipsisType

from msgspec.structs import replace

from admin.audit import SYSTEM, AuditBook, By
from admin.bots import Bots
from admin.changes import Changes
from admin.enabled_lists import ACCOUNT_SCOPE, Counted, EnabledLists, Match, Stand
from admin.range_checks import require_confirmed
from admin.range_facts import (
    changed_meanwhile,
    comment_of,
    facts_of,
    label_of,
    line_of,
    require_ahead,
    require_list_version,
    require_range,
    require_room,
    require_version,
    severity,
    with_these,
    without,
)
from admin.range_lists import AddressRange, RangeList, RangeLists
from admin.ranges import Span
from foundation.clock import Clock
from foundation.errors import NotFound, Unavailable
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Engine, Stale

_TRIES = 50
_TOGETHER = 100
"""Ranges in one entry of the audit book."""


class Whitelists:
    """The lists of all accounts. Call `load` before the first decision."""

    def __init__(
        self, engine: Engine, keyring: Keyring, clock: Clock, *, bots: Bots, audit: AuditBook, changes: Changes
    ) -> None:
        self._stored = RangeLists(engine, keyring, clock)
        self._clock = clock
        self._bots = bots
        self._audit = audit
        self._changes = changes
        self._enabled = EnabledLists(self._read_enabled, self._stored.mark, clock)
        changes.observe(self._enabled.reload)

    def allowed(self, account: str, bot: str, address: IPv4Address | IPv6Address | str | None) -> Match | None:
        """The range of an enabled list of this bot, or else of this account, that holds the address (YA-8).

        Answers from memory. Await `refresh` first wherever the answer opens something.
        """
        return self._enabled.allowed(account, bot, address)

    async def refresh(self, account: str) -> None:
        """Look whether the stored lists are those in memory, unless that was done within the last second."""
        await self._enabled.refresh(account)

    async def load(self) -> None:
        """Read the lists of all accounts, at start; clear away what a crash left behind."""
        await self._stored.adopt()
        await self._stored.sweep()
        for account in await self._stored.accounts():
            await self._enabled.reload(account)

    # Looking

    async def lists(self, account: str) -> dict[str, RangeList]:
        """The account's lists that were ever touched, by scope."""
        return await self._stored.all(account)

    async def list_of(self, account: str, scope: str) -> RangeList:
        """One list. Raises `NotFound` for a scope that is not of the account."""
        await self.require_scope(account, scope)
        return await self._stored.read(account, scope)

    async def ranges(self, account: str, scope: str | None = None) -> list[AddressRange]:
        """The ranges of a list, or of all lists of the account, oldest first."""
        if scope is not None:
            return [*(await self._stored.read(account, scope)).ranges]
        found = [one for known in (await self._stored.all(account)).values() for one in known.ranges]
        return sorted(found, key=lambda one: one.created_at)

    async def enabled(self, account: str) -> frozenset[str]:
        """The scopes of the account's lists that are enabled."""
        return await self._stored.enabled(account)

    async def get(self, account: str, id: str) -> AddressRange:
        """The account's range with this id. Raises `NotFound`."""
        return require_range(await self._stored.all(account), id)

    # Changing

    async def add(
        self,
        account: str,
        scope: str,
        span: Span,
        *,
        label: str = "",
        comment: str = "",
        expires_at: int | None = None,
        confirm: bool = False,
        by: By = SYSTEM,
    ) -> AddressRange:
        """Add a range to a list. Raises `NotFound` for a scope that is not of the account, `Invalid`, and `Conflict`
        for more than a /8 that is not confirmed (I-16)."""
        await self.require_scope(account, scope)
        now = self._clock.now()
        made = AddressRange(
            id=new_id(),
            scope=scope,
            span=span,
            label=label_of(label),
            created_at=now,
            created_by=by.person,
            comment=comment_of(comment),
            expires_at=require_ahead(expires_at, now),
        )
        before = await self._stored.all(account)
        require_room(before.get(scope, RangeList(scope)), 1)
        after = {**before, scope: with_these(before.get(scope, RangeList(scope)), (made,))}
        severe = require_confirmed(before, after, spans=[span], now=now, confirm=confirm)
        async with self._audit.recording(
            account, by, "range.added", made.id, after=facts_of(made), severity=severity(severe)
        ):
            await self._apply(account, scope, by, lambda known: with_these(require_room(known, 1), (made,)))
        await self._changes.announce(account, "ranges")
        return made

    async def edit(
        self,
        account: str,
        id: str,
        *,
        span: Span | None = None,
        label: str | None = None,
        comment: str | None = None,
        expires_at: int | EllipsisType | None = ...,
        scope: str | None = None,
        version: int | None = None,
        confirm: bool = False,
        you: int | None = None,
        by: By = SYSTEM,
    ) -> AddressRange:
        """Change a range, or move it to another list; what is not given stays.

        Raises like `add`, and `Conflict` when the range is not at `version` any more, or when it held the address `you`
        of who changes it and no enabled list would (not confirmed).
        """
        before = await self._stored.all(account)
        old, now = require_range(before, id), self._clock.now()
        require_version(old, old.version if version is None else version)
        new = replace(
            old,
            scope=old.scope if scope is None else scope,
            span=old.span if span is None else span,
            label=old.label if label is None else label_of(label),
            comment=old.comment if comment is None else comment_of(comment),
        )
        if not isinstance(expires_at, EllipsisType) and expires_at != old.expires_at:
            new = replace(new, expires_at=require_ahead(expires_at, now))
        if new == old:
            return old
        new = replace(new, version=old.version + 1)
        await self.require_scope(account, new.scope)
        after = dict(before)
        after[old.scope] = without(before[old.scope], {id})
        after[new.scope] = with_these(after.get(new.scope, RangeList(new.scope)), (new,))
        added = [new.span] if new.span != old.span else []
        severe = require_confirmed(before, after, spans=added, you=you, now=now, confirm=confirm)
        async with self._audit.recording(
            account, by, "range.edited", id, before=facts_of(old), after=facts_of(new), severity=severity(severe)
        ):
            await self._put(account, old, new, by)
        await self._changes.announce(account, "ranges")
        return new

    async def delete(
        self, account: str, id: str, *, confirm: bool = False, you: int | None = None, by: By = SYSTEM
    ) -> None:
        """Remove a range; it opens nothing any more when this returns (L-16). Raises `NotFound`, and `Conflict` when
        no enabled list would hold the address `you` any more (not confirmed)."""
        before = await self._stored.all(account)
        old = require_range(before, id)
        after = {**before, old.scope: without(before[old.scope], {id})}
        severe = require_confirmed(before, after, you=you, now=self._clock.now(), confirm=confirm)
        async with self._audit.recording(
            account, by, "range.deleted", id, before=facts_of(old), severity=severity(severe)
        ):
            await self._apply(account, old.scope, by, lambda known: without(known, {id}))
        await self._changes.announce(account, "ranges")

    async def toggle(
        self,
        account: str,
        scope: str,
        *,
        enabled: bool,
        confirm: bool = False,
        you: int | None = None,
        by: By = SYSTEM,
    ) -> None:
        """Switch a list on or off. Raises `NotFound` for a scope that is not of the account, and `Conflict` when no
        enabled list would hold the address `you` any more (not confirmed)."""
        await self.require_scope(account, scope)
        before = await self._stored.all(account)
        known = before.get(scope, RangeList(scope))
        if known.enabled == enabled:
            return
        after = {**before, scope: replace(known, enabled=enabled)}
        severe = require_confirmed(before, after, you=you, now=self._clock.now(), confirm=confirm)
        facts = {"enabled": not enabled}, {"enabled": enabled}
        async with self._audit.recording(
            account, by, "list.toggled", scope, before=facts[0], after=facts[1], severity=severity(severe)
        ):
            await self._apply(account, scope, by, lambda known: replace(known, enabled=enabled))
        await self._changes.announce(account, "ranges")

    async def delete_many(
        self,
        account: str,
        scope: str,
        ids: Sequence[str],
        *,
        version: int | None = None,
        confirm: bool = False,
        you: int | None = None,
        by: By = SYSTEM,
    ) -> int:
        """Remove ranges of one list, all of them or none; how many. Raises `NotFound` when one of them is not there,
        `Conflict` like `delete`, and when the list is not at `version` any more."""
        before = {**await self._stored.all(account), scope: await self.list_of(account, scope)}
        known, wanted = before[scope], set(ids)
        require_list_version(known, version)
        gone = [one for one in known.ranges if one.id in wanted]
        if len(gone) != len(wanted):
            raise NotFound("One of these ranges is not there any more. Nothing was deleted; look again.")
        if not gone:
            return 0
        after = {**before, scope: without(known, wanted)}
        severe = require_confirmed(before, after, you=you, now=self._clock.now(), confirm=confirm)
        await self.change_many(account, known, after[scope], "ranges.deleted", before=gone, severe=severe, by=by)
        return len(gone)

    # Shared with imports

    async def change_many(
        self,
        account: str,
        old: RangeList,
        new: RangeList,
        action: str,
        *,
        before: Sequence[AddressRange] = (),
        after: Sequence[AddressRange] = (),
        severe: bool,
        by: By,
    ) -> None:
        """Put a list in the place of another that is still at its version. Raises `Conflict` when it is not.

        The book has one entry for the change, and each range that went or came in the entries after it.
        """
        many = len(before) + len(after)
        async with self._audit.recording(
            account, by, action, old.scope, severity=severity(severe), ranges=many, version=old.version
        ) as number:
            for lines in _batches(before):
                facts = {"scope": old.scope, "ranges": lines}
                await self._audit.write(
                    account, by.person, action, old.scope, address=by.address, before=facts, part_of=number
                )
            for lines in _batches(after):
                facts = {"scope": old.scope, "ranges": lines}
                await self._audit.write(
                    account, by.person, action, old.scope, address=by.address, after=facts, part_of=number
                )
            try:
                await self._stored.write(account, old, by.person, ranges=new.ranges, enabled=new.enabled)
            except Stale:
                raise changed_meanwhile() from None
        await self._changes.announce(account, "ranges")

    async def write_down_export(self, account: str, known: RangeList, *, by: By) -> None:
        """Note in the book that somebody takes a list away, before he has it."""
        await self._audit.write(
            account, by.person, "ranges.exported", known.scope, address=by.address, ranges=len(known.ranges)
        )

    async def require_scope(self, account: str, scope: str) -> None:
        """Raise `NotFound` unless this names a list of the account."""
        if scope != ACCOUNT_SCOPE and await self._bots.get(account, scope) is None:
            raise NotFound("There is no such list: a scope is 'account' or the id of a bot.")

    async def _put(self, account: str, old: AddressRange, new: AddressRange, by: By) -> None:
        """Write a changed range where it stands, or into its new list first, so that it is never in none."""

        def changed(known: RangeList) -> RangeList:
            here = next((one for one in known.ranges if one.id == old.id), None)
            if here is None:
                raise changed_meanwhile()
            require_version(here, old.version)
            return replace(known, ranges=tuple(new if one is here else one for one in known.ranges))

        if new.scope == old.scope:
            await self._apply(account, old.scope, by, changed)
            return
        await self._apply(account, old.scope, by, lambda known: changed(known) and known)
        await self._apply(account, new.scope, by, lambda known: with_these(require_room(known, 1), (new,)))
        await self._apply(account, old.scope, by, lambda known: without(known, {old.id}))

    async def _apply(self, account: str, scope: str, by: By, change: Callable[[RangeList], RangeList]) -> None:
        """Change a list whoever else is changing it."""
        for _ in range(_TRIES):
            known = await self._stored.read(account, scope)
            new = change(known)
            if new == known:
                return
            try:
                await self._stored.write(account, known, by.person, ranges=new.ranges, enabled=new.enabled)
            except Stale:
                continue
            return
        raise Unavailable("The list is changing too fast. Nothing was changed; please try again.")

    async def _read_enabled(self, account: str) -> Stand:
        mark = await self._stored.mark(account)  # before the lists: a change in between is noticed at the next look
        lists = await self._stored.all(account, only_enabled=True)
        counted = {
            scope: [Counted(one.span, one.id, one.expires_at) for one in known.ranges] for scope, known in lists.items()
        }
        return Stand(mark, counted)


def _batches(ranges: Sequence[AddressRange]) -> list[list[str]]:
    lines = [line_of(one) for one in ranges]
    return [lines[begin : begin + _TOGETHER] for begin in range(0, len(lines), _TOGETHER)]
