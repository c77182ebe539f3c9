"""Ranges as CSV: what spreadsheets write is read, and what is written does not run in one. No I/O.

Columns are `start,end,label,expires,comment`, or `cidr` in place of start and end; with a header they may come in any
order, without one they come in this. Cells are parted by commas or semicolons. A cell that a spreadsheet would take
for a formula is written with an apostrophe before it, and such an apostrophe is taken off again when it is read, so
that what was exported is imported as it was.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from admin.moments import moment_text, read_moment
from admin.range_lists import AddressRange
from admin.ranges import Span, read_cidr, read_span
from admin.texts import line
from foundation.errors import Invalid

COLUMNS = ("start", "end", "label", "expires", "comment")
_KNOWN = frozenset({*COLUMNS, "cidr"})

MOST_BYTES = 2 * 1024 * 1024
"""Of one import: about 10,000 ranges with long labels."""

MOST_ROWS = 10_000

_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_ESCAPED = re.compile(r"'+[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


class NewRange(msgspec.Struct, frozen=True):
    """A range as a row says it."""

    span: Span
    label: str = ""
    expires_at: int | None = None
    comment: str = ""


class Row(msgspec.Struct, frozen=True):
    """A row of an import: the number of the line it begins on, and its range or what is wrong with it."""

    line: int
    range: NewRange | None = None
    error: str = ""
    field: str = ""


def write(ranges: Iterable[AddressRange]) -> str:
    """The ranges with a header, lines ended by CRLF (RFC 4180)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for one in ranges:
        cells = (one.span.start, one.span.end, one.label, moment_text(one.expires_at), one.comment)
        writer.writerow([disarmed(cell) for cell in cells])
    return text.getvalue()


def read(text: str) -> list[Row]:
    """Every row that is not empty, in order. Raises `Invalid` for what is no such table, or too large a one."""
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        raise Invalid(f"At most {MOST_BYTES // 1024} kB at once, please. Nothing was changed.", field="csv")
    text = text.removeprefix("\ufeff")
    cells = _cells(text)
    first = next(cells, None)
    if first is None:
        raise Invalid("There is nothing in it. Give one range on a line.", field="csv")
    header = _header(first[1])
    rows: list[Row] = [] if header else [_row(*first, _positions(first[1]))]
    for number, values in cells:
        if len(rows) >= MOST_ROWS:
            raise Invalid(f"At most {MOST_ROWS:,} rows at once, please. Nothing was changed.", field="csv")
        rows.append(_row(number, values, header or _positions(values)))
    if not rows:
        raise Invalid("There is only a header in it. Give one range on a line.", field="csv")
    return rows


def disarmed(cell: str) -> str:
    """A cell that no spreadsheet runs (X-8)."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unescape(cell: str) -> str:
    return cell[1:] if _ESCAPED.match(cell) else cell


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with the number of the line that they begin on; rows without a value are left out."""
    begins = text.lstrip("\r\n ").partition("\n")[0]
    mark = ";" if begins.count(";") > begins.count(",") else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    ended = 0
    try:
        for values in reader:
            cleaned = [_unescape(value.strip(" ")) for value in values]
            if any(cleaned):
                yield ended + 1, cleaned
            ended = reader.line_num
    except csv.Error as error:
        raise Invalid(f"Line {ended + 1} is no CSV: {error}.", field="csv", line=ended + 1) from None


def _header(values: list[str]) -> dict[str, int]:
    """The places of the columns, if this is a header and not a range already. Raises `Invalid` for a bad one."""
    names = [value.lower() for value in values]
    if not _KNOWN & set(names) or names[0][:1].isdigit() or ":" in names[0]:
        return {}
    strange = [name for name in names if name not in _KNOWN and name]
    named = [name for name in names if name]
    if strange or len(set(named)) < len(named):
        which = strange[0] if strange else next(name for name in named if named.count(name) > 1)
        said = "is no column here" if strange else "stands there twice"
        raise Invalid(f"Line 1: {which[:40]!r} {said}. Columns are {', '.join(COLUMNS)}, or cidr.", field="csv", line=1)
    if "start" not in named and "cidr" not in named:
        raise Invalid("Line 1: there is no column start, and no cidr.", field="csv", line=1)
    return {name: place for place, name in enumerate(names) if name}


def _positions(values: list[str]) -> dict[str, int]:
    """The places of the columns where there is no header; a block in the first cell has no end beside it."""
    names = ("cidr", *COLUMNS[2:]) if "/" in values[0] and not _is_block_with_end(values) else COLUMNS
    return {name: place for place, name in enumerate(names)}


def _is_block_with_end(values: list[str]) -> bool:
    """Whether a block stands under start, with the cell for the end left empty."""
    return len(values) > 1 and not values[1]


def _row(number: int, values: list[str], places: Mapping[str, int]) -> Row:
    try:
        _require_no_more(values, places)
        given = {name: values[place] for name, place in places.items() if place < len(values)}
        return Row(number, _range(given))
    except Invalid as problem:
        return Row(number, error=problem.detail, field=str(problem.data.get("field", "")))


def _require_no_more(values: list[str], places: Mapping[str, int]) -> None:
    if any(values[max(places.values()) + 1 :]):
        raise Invalid("There are more cells than columns.", field="csv")


def _range(given: Mapping[str, str]) -> NewRange:
    return NewRange(
        _span(given.get("start", ""), given.get("end", ""), given.get("cidr", "")),
        line(given.get("label", ""), "label", least=0),
        read_moment(given.get("expires", ""), "expires"),
        line(given.get("comment", ""), "comment", least=0, most=200),
    )


def _span(start: str, end: str, block: str) -> Span:
    if block:
        if start or end:
            raise Invalid("Give start and end, or a block as cidr, and not both.", field="cidr")
        return read_cidr(block)
    if "/" in start and not end:
        return read_cidr(start)
    return read_span(start, end or start)
