"""`/admin/audit/head` and `/admin/audit/export`: the signed head and the book as files (G-1, YA-7).

An export is written down in the book before its first line leaves, and holds what was there up to that entry. Cells
that a spreadsheet would run are disarmed (X-8); controls and line ends in values are escaped as JSON does (G-3).
"""

import csv
import io
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
from aiohttp import web

from admin.audit import AuditBook
from admin.audit_search import filter_of, walk
from admin.chain import Entry
from admin.doors.frame import iso
from admin.heads import Heads
from admin.principals import by_of, principal
from admin.range_csv import disarmed
from admin.rules import Rules
from foundation.errors import Invalid
from foundation.keys import Damaged
from foundation.web import Body, Route, read_form, read_query

FORMATS = ("csv", "json")

COLUMNS = ("number", "at", "actor", "action", "object", "address", "before", "after", "data", "hash")


class AuditQuery(Body, frozen=True):
    """The filters of the page, and where it goes on."""

    actor: str = ""
    action: str = ""
    object: str = ""
    since: str = ""
    until: str = ""
    before: int | None = None
    done: str = ""


class _Export(Body, frozen=True):
    format: str = "csv"
    actor: str = ""
    action: str = ""
    object: str = ""
    since: str = ""
    until: str = ""


class _Nothing(Body, frozen=True):
    """No parameters."""


class AuditFiles:
    """The doors, for super admins and auditors."""

    def __init__(self, *, audit: AuditBook, heads: Heads) -> None:
        self._audit = audit
        self._heads = heads

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/admin/audit/head", self.head, rules.audit, "file"),
            Route("POST", "/admin/audit/export", self.export, rules.audit, "file"),
        ]

    async def head(self, request: web.Request) -> web.Response:
        """The signed head of this moment, as `frontdesk audit verify --head` reads it."""
        read_query(request, _Nothing)
        head = await self._heads.sign(principal(request).account)
        name = f"audit-head-{iso(head.at)[:10]}-{head.entries}.json"
        return web.Response(
            text=head.as_line() + "\n", content_type="application/json", headers=_attachment(name) | _NO_STORE
        )

    async def export(self, request: web.Request) -> web.StreamResponse:
        """The entries that the filters name, oldest first; 422 for a format or filter that there is not."""
        asked = await read_form(request, _Export)
        if asked.format not in FORMATS:
            raise Invalid("The book is exported as csv or json.", field="format")
        filters = {"actor": asked.actor, "action": asked.action, "object": asked.object}
        wanted = filter_of(**filters, since=asked.since, until=asked.until)
        account, by = principal(request).account, by_of(request)
        said = {name: value for name, value in msgspec.to_builtins(wanted).items() if value not in {"", None}}
        last = await self._audit.write(
            account, by.person, "audit.exported", address=by.address, format=asked.format, filter=_json(said)
        )
        async with aclosing(_parts(walk(self._audit, account, wanted, last), asked.format)) as parts:
            first = await anext(parts)  # what is damaged at once is a refusal, not half of a file
            kind = "text/csv; charset=utf-8" if asked.format == "csv" else "application/x-ndjson"
            headers = {"Content-Type": kind} | _attachment(f"audit.{_ENDINGS[asked.format]}") | _NO_STORE
            response = web.StreamResponse(headers=headers)
            await response.prepare(request)
            await response.write(first)
            async for part in parts:
                await response.write(part)
        await response.write_eof()
        return response


_ENDINGS = {"csv": "csv", "json": "jsonl"}

_NO_STORE = {"Cache-Control": "no-store"}

_TOGETHER = 500
"""Lines written at a time."""


async def _parts(entries: AsyncIterator[tuple[int, Entry]], form: str) -> AsyncGenerator[bytes, None]:
    """The file, piece by piece. A bad entry ends it with a line that says so."""
    lines = [_csv(COLUMNS)] if form == "csv" else []
    spell = _row if form == "csv" else _line
    try:
        async for number, entry in entries:
            lines.append(spell(number, entry))
            if len(lines) >= _TOGETHER:
                yield "".join(lines).encode()
                lines.clear()
    except Damaged as error:
        said = f"Entry {error.data.get('number', 1)} is not as it was written; the export ends here."
        lines.append(_csv((said,)) if form == "csv" else _json({"error": said}) + "\n")
    yield "".join(lines).encode()


def _row(number: int, entry: Entry) -> str:
    facts = (_json(facts) if facts else "" for facts in (entry.before, entry.after, entry.data))
    cells = (
        str(number),
        iso(entry.at),
        entry.actor,
        entry.action,
        entry.object,
        entry.address or "",
        *facts,
        entry.hash,
    )
    return _csv(cells)


def _csv(cells: tuple[str, ...]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow([disarmed(cell) for cell in cells])
    return text.getvalue()


def _line(number: int, entry: Entry) -> str:
    return _json({"number": number, **msgspec.to_builtins(entry)}) + "\n"


def _json(value: Any) -> str:
    """One line; what is no ASCII is escaped, so that no reader finds a line's end or a direction mark in it."""
    text = msgspec.json.encode(value, order="sorted").decode()
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if one.isascii() and one.isprintable() else _escaped(one) for one in text)


def _escaped(one: str) -> str:
    units = one.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
