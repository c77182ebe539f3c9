"""Bringing many ranges into a list at once: looked at first, then all of them or none, at one version of the list."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Literal

import msgspec

from admin import range_csv
from admin.audit import SYSTEM, By
from admin.overlaps import Overlaps
from admin.range_checks import require_confirmed
from admin.range_csv import NewRange, Row
from admin.range_facts import require_list_version, require_room
from admin.range_lists import AddressRange, RangeList
from admin.ranges import Span
from admin.whitelists import Whitelists
from foundation.clock import Clock
from foundation.errors import Invalid
from foundation.ids import new_id

Status = Literal["error", "overlaps", "added", "there"]

_SHOWN_OVERLAPS = 3
_NAMED_ERRORS = 20


class Planned(msgspec.Struct, frozen=True):
    """What would become of a row. `overlaps` are some of the ranges of the list and of the other rows that share an
    address with it, and `overlap_count` how many there are."""

    row: Row
    status: Status
    overlaps: tuple[str, ...] = ()
    overlap_count: int = 0


class Plan(msgspec.Struct, frozen=True):
    """What an import would do to the list at this version."""

    list: RangeList
    rows: Sequence[Planned]

    @property
    def new(self) -> Sequence[NewRange]:
        """The ranges that would be added."""
        return [one.row.range for one in self.rows if one.status in ("added", "overlaps") and one.row.range]

    @property
    def counts(self) -> dict[Status, int]:
        """How many rows there are of each status; those that overlap are added all the same."""
        counted = Counter(one.status for one in self.rows)
        statuses: tuple[Status, ...] = ("added", "there", "overlaps", "error")
        return {status: counted[status] for status in statuses}


class RangeImports:
    """Imports into the lists, and the text that they can be imported from again."""

    def __init__(self, whitelists: Whitelists, clock: Clock) -> None:
        self._whitelists = whitelists
        self._clock = clock

    async def export(self, account: str, scope: str, *, by: By = SYSTEM) -> str:
        """A list as CSV; it is written down who took it away. Raises `NotFound`."""
        known = await self._whitelists.list_of(account, scope)
        await self._whitelists.write_down_export(account, known, by=by)
        return await asyncio.to_thread(range_csv.write, known.ranges)

    async def preview(self, account: str, scope: str, text: str) -> Plan:
        """What the import would do now. Raises `NotFound`, and `Invalid` for what is no table of ranges at all."""
        known = await self._whitelists.list_of(account, scope)
        return await asyncio.to_thread(plan, known, text)

    async def apply(
        self, account: str, scope: str, text: str, *, version: int, confirm: bool = False, by: By = SYSTEM
    ) -> Plan:
        """Add the rows that are not there yet, all of them or none.

        Raises `Conflict` when the list is not at the previewed `version` any more or the import has to be confirmed,
        `Invalid` when a row is wrong (`errors` names the first lines); then nothing was changed.
        """
        plan = await self.preview(account, scope, text)
        require_list_version(plan.list, version)
        _require_right(plan)
        now, old = self._clock.now(), plan.list
        made = [_made(one, scope, now, by) for one in plan.new]
        if not made:
            return plan
        new = msgspec.structs.replace(require_room(old, len(made)), ranges=(*old.ranges, *made))
        before = {**await self._whitelists.lists(account), scope: old}
        severe = require_confirmed(
            before, {**before, scope: new}, spans=[one.span for one in made], now=now, confirm=confirm
        )
        await self._whitelists.change_many(account, old, new, "ranges.imported", after=made, severe=severe, by=by)
        return plan


def plan(known: RangeList, text: str) -> Plan:
    """Compare the rows of a text with a list. Raises `Invalid` for what is no table of ranges at all."""
    rows = range_csv.read(text)
    left = Counter(_key(one.span, one.label, one.expires_at, one.comment) for one in known.ranges)
    here = Overlaps((one.span, _said(one.span, one.label)) for one in known.ranges)
    among = Overlaps((row.range.span, f"line {row.line}") for row in rows if row.range)
    planned = []
    for row in rows:
        one = row.range
        if one is None:
            planned.append(Planned(row, "error"))
            continue
        key = _key(one.span, one.label, one.expires_at, one.comment)
        if left[key] > 0:  # as often as it is there, so that a list with a range twice is exported and imported whole
            left[key] -= 1
            planned.append(Planned(row, "there"))
            continue
        count = here.count(one.span) + among.count(one.span) - 1
        names = [*here.find(one.span, _SHOWN_OVERLAPS), *among.find(one.span, _SHOWN_OVERLAPS + 1)]
        shown = tuple(name for name in names if name != f"line {row.line}")[:_SHOWN_OVERLAPS]
        planned.append(Planned(row, "overlaps" if count else "added", shown, count))
    return Plan(known, planned)


def _key(*facts: object) -> tuple[object, ...]:
    return facts


def _said(span: Span, label: str) -> str:
    return f"{span.block or f'{span.start} – {span.end}'}" + (f" ({label})" if label else "")


def _require_right(plan: Plan) -> None:
    wrong = [one.row for one in plan.rows if one.status == "error"]
    if wrong:
        errors = [{"line": row.line, "field": row.field, "error": row.error} for row in wrong[:_NAMED_ERRORS]]
        said = f"Line {wrong[0].line}: {wrong[0].error} " if len(wrong) == 1 else f"{len(wrong)} lines are wrong. "
        raise Invalid(f"{said}Nothing was changed.", field="csv", errors=errors)


def _made(one: NewRange, scope: str, now: int, by: By) -> AddressRange:
    return AddressRange(
        id=new_id(),
        scope=scope,
        span=one.span,
        label=one.label,
        created_at=now,
        created_by=by.person,
        comment=one.comment,
        expires_at=one.expires_at,
    )
