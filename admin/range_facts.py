"""What a range must be, and what the audit book says of one. No I/O."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from admin import texts
from admin.moments import LATEST, moment_text
from admin.range_lists import AddressRange, RangeList
from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import is_id

MOST = 10_000
"""Ranges in one list; whole networks are written as blocks."""


def label_of(text: str) -> str:
    """A label as it is kept. Raises `Invalid`."""
    return texts.line(text, "label", least=0)


def comment_of(text: str) -> str:
    """A comment as it is kept. Raises `Invalid`."""
    return texts.line(text, "comment", least=0, most=200)


def facts_of(one: AddressRange) -> dict[str, Any]:
    """A range as the audit book has it."""
    facts: dict[str, Any] = {"scope": one.scope, "start": one.span.start, "end": one.span.end, "label": one.label}
    if one.comment:
        facts["comment"] = one.comment
    if one.expires_at is not None:
        facts["expires"] = moment_text(one.expires_at)
    return facts


def line_of(one: AddressRange) -> str:
    """A range as one line of an entry about many."""
    parts = [one.span.block or f"{one.span.start} – {one.span.end}", one.label]
    if one.expires_at is not None:
        parts.append(f"until {moment_text(one.expires_at)}")
    if one.comment:
        parts.append(f"({one.comment})")
    return " ".join(part for part in parts if part)


def severity(severe: bool) -> str:
    """How the audit book marks a change that had to be confirmed."""
    return "high" if severe else "normal"


def require_room(known: RangeList, more: int) -> RangeList:
    """The list, if so many ranges still go into it. Raises `Conflict`."""
    if len(known.ranges) + more > MOST:
        raise Conflict(f"A list holds {MOST:,} ranges. Write neighbouring ones as one. Nothing was changed.")
    return known


def require_list_version(known: RangeList, version: int | None) -> None:
    """Raise `Conflict` unless the list is at this version."""
    if version is not None and known.version != version:
        raise changed_meanwhile()


def require_range(lists: Mapping[str, RangeList], id: str) -> AddressRange:
    """The range with this id. Raises `NotFound`."""
    found = (one for known in lists.values() for one in known.ranges if one.id == id)
    one = next(found, None) if is_id(id) else None
    if one is None:
        raise NotFound("There is no such range.")
    return one


def require_version(one: AddressRange, version: int) -> None:
    """Raise `Conflict`, naming the version it has, unless the range is at this one."""
    if one.version != version:
        raise Conflict(
            "Somebody else changed this range just now. Look again; nothing was changed.",
            field="version",
            version=one.version,
        )


def require_ahead(expires_at: int | None, now: int) -> int | None:
    """The end of a range, if it is yet to come. Raises `Invalid`."""
    if expires_at is not None and not now < expires_at <= LATEST:
        raise Invalid("This moment is over already. Choose a later one, or none.", field="expires")
    return expires_at


def changed_meanwhile() -> Conflict:
    """The error of who changes a list that is not as he saw it."""
    return Conflict("Somebody else changed this list just now. Look again; nothing was changed.", field="version")


def with_these(known: RangeList, ranges: tuple[AddressRange, ...]) -> RangeList:
    """The list with more ranges at its end."""
    return replace(known, ranges=(*known.ranges, *ranges))


def without(known: RangeList, ids: set[str]) -> RangeList:
    """The list without those ranges."""
    return replace(known, ranges=tuple(one for one in known.ranges if one.id not in ids))
