"""Moments as people and files write them, UTC: `2026-12-31` (to the end of that day) or `2026-12-31T18:00Z`."""

import re
from datetime import UTC, datetime, timedelta

from foundation.errors import Invalid

_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{3})?)?Z?\Z", re.ASCII)
_HOW = "A day like 2026-12-31, or a moment like 2026-12-31T18:00Z in UTC."

LATEST = 253_402_300_799_999
"""The last millisecond of the year 9999."""


def read_moment(text: str, field: str) -> int | None:
    """The moment in milliseconds; `None` for an empty text. Raises `Invalid`."""
    text = text.strip(" ")
    if not text:
        return None
    try:
        if _DATE.match(text):
            moment = datetime.fromisoformat(text).replace(tzinfo=UTC) + timedelta(days=1)
        elif _MOMENT.match(text):
            moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
        else:
            raise Invalid(_HOW, field=field)
    except (ValueError, OverflowError):
        raise Invalid(_HOW, field=field) from None
    return (moment - datetime.fromtimestamp(0, UTC)) // timedelta(milliseconds=1)


def moment_text(at: int | None) -> str:
    """A moment in the form that `read_moment` reads to the same value; empty for `None`."""
    if at is None:
        return ""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00").removesuffix(".000") + "Z"
