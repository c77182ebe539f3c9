"""A transcript as a file: text, table, JSON, PDF. Each is made from the same lines and views as the page, so no format
shows what its reader may not see (YA-12, YA-14).

A table is opened by spreadsheets, which would run what looks like a formula: such cells begin with an apostrophe (X-8).
"""

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from aiohttp import web

from transcripts import render
from transcripts.pdf import as_pdf
from transcripts.render import Line, Transcript

FORMATS = ("txt", "csv", "json", "pdf")

VERSION = 1
"""Of the JSON document. It counts up when a member changes its meaning or goes; new members may come without."""

_COLUMNS = ("time_utc", "kind", "name", "role", "text", "buttons", "image")
_KINDS = {"visitor": "message", "house": "message", "note": "note", "course": "event"}
_FORMULA = frozenset("=+-@\t\r\n|%＝＋－＠")
_MANY = 500
"""Views from which a file is made in a thread: ten thousand take a quarter of a second."""


async def file_of(transcript: Transcript, form: str, *, stores: Mapping[str, str] | None = None) -> web.Response:
    """The file as an attachment, complete however long it is. Its name holds nothing that anybody wrote. `stores`: where
    each store lies, for the document of members (MS-10).

    Raises `Unavailable` when a PDF cannot be made now.
    """
    if form == "pdf":
        body = await as_pdf(transcript)
    elif form == "json":
        body = await asyncio.to_thread(as_json, transcript, stores)
    elif len(transcript.views) < _MANY:
        body = _MAKERS[form](transcript)
    else:
        body = await asyncio.to_thread(_MAKERS[form], transcript)
    response = web.Response(body=body, content_type=_TYPES[form], charset=_CHARSETS.get(form))
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name(transcript, form)}"'
    return response


def file_name(transcript: Transcript, form: str) -> str:
    """`transcript-2026-11-21.pdf`: the day on which the conversation began, UTC."""
    return f"transcript-{datetime.fromtimestamp(transcript.opened_at / 1000, UTC):%Y-%m-%d}.{form}"


def as_csv(transcript: Transcript) -> bytes:
    """RFC 4180 in UTF-8 with a mark that spreadsheets know it by; times in ISO 8601."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for line in render.lines(transcript):
        writer.writerow(_harmless(cell) for cell in _cells(line))
    return table.getvalue().encode("utf-8-sig")


def as_json(transcript: Transcript, stores: Mapping[str, str] | None = None) -> bytes:
    """The document that `docs/http.md` describes: the views, and what a reader of this kind may know around them."""
    document: dict[str, Any] = {
        "schema": "frontdesk.transcript",
        "version": VERSION,
        "view": transcript.reader,
        "bot": transcript.bot,
        "visitor": transcript.visitor,
        "opened_at": transcript.opened_at,
        "last_at": transcript.last_at,
        "control": transcript.control,
        "messages": transcript.messages,
    }
    if transcript.state is not None:
        document |= {
            "conversation": transcript.state.id,
            "address": transcript.state.address,
            "verification": transcript.state.verification,
        }
        if stores is not None:
            document["stores"] = dict(stores)
    return msgspec.json.format(msgspec.json.encode({**document, "events": transcript.views}), indent=2)


def as_text(transcript: Transcript) -> bytes:
    """Plain text in UTF-8."""
    return render.as_text(transcript).encode()


def _cells(line: Line) -> Sequence[str]:
    text = "\n".join(map(render.plain, line.text.splitlines()))
    buttons = " | ".join(map(render.plain, line.buttons))
    who, image = render.plain(line.who), render.plain(line.image)
    return (render.iso_time(line.at), _KINDS[line.side], who, line.tag, text, buttons, image)


def _harmless(cell: str) -> str:
    start = cell.lstrip()[:1] or cell[:1]
    return f"'{cell}" if start in _FORMULA or cell[:1] in _FORMULA else cell


_MAKERS = {"txt": as_text, "csv": as_csv}
_TYPES = {"txt": "text/plain", "csv": "text/csv", "json": "application/json", "pdf": "application/pdf"}
_CHARSETS = {"txt": "utf-8", "csv": "utf-8"}
