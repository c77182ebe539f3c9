"""Finding entries in the audit book: by who, what, which object and days. A book is never read whole for a page.

Entries are sealed, so a look opens them one window after another, and stops after a number of entries that one request
may cost; it then says where to go on. Days are found by halving, because entries are in the order of time.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime

import msgspec

from admin.audit import AuditBook
from admin.chain import Entry
from foundation.clock import DAY
from foundation.errors import Invalid

WINDOW = 1_000
"""Entries opened at a time."""

MOST_LOOKED_AT = 20_000
"""Entries that one page may open: below a second."""

STRANGER = "nobody"
"""How a filter spells the empty actor."""

MAX_TEXT = 100


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries are wanted. `action` ending in a dot is a beginning; times are milliseconds, `until` excluded."""

    actor: str = ""
    action: str = ""
    object: str = ""
    since: int | None = None
    until: int | None = None

    @property
    def empty(self) -> bool:
        """Whether every entry is wanted."""
        return self == Filter()

    def fits(self, entry: Entry) -> bool:
        """Whether it is one of these; an object is also found where an entry names it beside its own."""
        if self.actor and entry.actor != ("" if self.actor == STRANGER else self.actor):
            return False
        if self.action and not (entry.action == self.action or _begins(self.action, entry.action)):
            return False
        if self.object and not (entry.object == self.object or self.object in _named(entry.data)):
            return False
        return self.in_time(entry)

    def in_time(self, entry: Entry) -> bool:
        return (self.since is None or entry.at >= self.since) and (self.until is None or entry.at < self.until)


class Looked(msgspec.Struct, frozen=True):
    """What was found, newest first; `next` is the entry before which to go on, `None` at the beginning of the book."""

    entries: list[tuple[int, Entry]]
    next: int | None


def filter_of(*, actor: str = "", action: str = "", object: str = "", since: str = "", until: str = "") -> Filter:
    """A filter as a form spells it; days as `2026-11-21`, UTC, both included. Raises `Invalid`."""
    for name, text in (("actor", actor), ("action", action), ("object", object)):
        if len(text) > MAX_TEXT:
            raise Invalid(f"At most {MAX_TEXT} characters, please.", field=name)
    begin, end = _day(since, "since"), _day(until, "until")
    if begin is not None and end is not None and begin > end:
        raise Invalid("The first day is after the last one.", field="since")
    return Filter(
        actor=actor.strip(),
        action=action.strip(),
        object=object.strip(),
        since=begin,
        until=None if end is None else end + DAY,
    )


async def look_back(audit: AuditBook, account: str, wanted: Filter, *, before: int | None, most: int) -> Looked:
    """At most `most` entries, from the one before `before` (default: the newest) backwards. Raises `Damaged`."""
    end = (await audit.last(account)) + 1
    end = end if before is None else min(before, end)
    if wanted.until is not None:
        end = min(end, await _first_from(audit, account, wanted.until, end))
    found: list[tuple[int, Entry]] = []
    lowest = max(1, end - MOST_LOOKED_AT)
    while end > lowest:
        begin = max(lowest, end - (most if wanted.empty else WINDOW))
        for number, entry in reversed(await audit.read(account, begin - 1, end - begin)):
            if wanted.since is not None and entry.at < wanted.since:
                return Looked(found, None)
            if wanted.fits(entry):
                found.append((number, entry))
                if len(found) == most:
                    return Looked(found, number if number > 1 else None)
        end = begin
    return Looked(found, end if end > 1 else None)


async def walk(audit: AuditBook, account: str, wanted: Filter, until: int) -> AsyncIterator[tuple[int, Entry]]:
    """Every wanted entry up to number `until`, oldest first. Raises `Damaged`."""
    since = 0
    if wanted.since is not None:
        since = await _first_from(audit, account, wanted.since, until + 1) - 1
    while since < until:
        entries = await audit.read(account, since, min(WINDOW, until - since))
        if not entries:
            return
        for number, entry in entries:
            if wanted.until is not None and entry.at >= wanted.until:
                return
            if wanted.fits(entry):
                yield number, entry
        since = entries[-1][0]


async def _first_from(audit: AuditBook, account: str, moment: int, end: int) -> int:
    """The number of the first entry at this moment or later, or `end`."""
    low, high = 1, end
    while low < high:
        middle = (low + high) // 2
        entries = await audit.read(account, middle - 1, 1)
        if entries and entries[0][1].at < moment:
            low = middle + 1
        else:
            high = middle
    return low


def _begins(wanted: str, action: str) -> bool:
    return wanted.endswith(".") and action.startswith(wanted)


def _named(data: Mapping[str, object]) -> set[str]:
    return {value for value in data.values() if isinstance(value, str)}


def _day(text: str, field: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(datetime.combine(date.fromisoformat(text.strip()), datetime.min.time(), UTC).timestamp()) * 1000
    except (ValueError, OverflowError):
        raise Invalid("Give a day such as 2026-11-21.", field=field) from None
