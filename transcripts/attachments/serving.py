"""A file on its way in and out of a request.

Out: always a download of its own kind, never a page (X-6, X-11): `Content-Disposition: attachment`, `nosniff`, and a
policy under which nothing in it runs, should a browser open it all the same. Pictures are shown in place when that was
asked for, if what is about to leave is still a picture of the type that it is served as.
"""

import re
from collections.abc import AsyncIterator
from urllib.parse import quote, unquote

from aiohttp import web

from foundation.errors import Malformed, UnsupportedMedia
from foundation.files.kinds import INLINE, recognise
from foundation.web import set_csp
from transcripts.attachments.attachments import Attachments, Upload
from transcripts.state import Shared, State

_CLIENT_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_MOST_NAME = 2_000
_CSP = "default-src 'none'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_SAFE = re.compile(r"[^A-Za-z0-9._ -]")


def upload_of(request: web.Request, content: bytes) -> Upload:
    """What a request says about the file in its body: `X-File-Name` (percent-encoded UTF-8), `X-Client-Id` (a UUID) and
    `Content-Type`. Raises `Malformed`, `UnsupportedMedia`."""
    client_id = _one(request, "X-Client-Id")
    if not _CLIENT_ID.match(client_id):
        raise Malformed("X-Client-Id is a UUID.")
    try:
        name = unquote(_one(request, "X-File-Name"), errors="strict")
    except UnicodeDecodeError:
        raise Malformed("X-File-Name is percent-encoded UTF-8.") from None
    types = request.headers.getall("Content-Type", [""])
    if len(types) != 1 or len(types[0]) > 200:
        raise UnsupportedMedia("A file has one type.")
    return Upload(name, types[0], content, client_id)


def wants_picture(request: web.Request) -> bool:
    """Whether it is to be shown in place: `?show=1`."""
    return request.query.get("show") == "1"


async def serve(
    request: web.Request, attachments: Attachments, state: State, shared: Shared, *, show: bool = False
) -> web.StreamResponse:
    """Hand the file out, chunk by chunk as it is opened; one that turns out damaged is cut, visibly."""
    chunks = await attachments.content(state, shared)
    first = await anext(chunks, b"")
    event = shared.event
    inline = show and event.media in INLINE and event.media == f"image/{recognise(first)}"
    response = web.StreamResponse()
    response.content_type = event.media
    if event.media.startswith("text/"):
        response.charset = "utf-8"
    response.content_length = event.size
    response.headers["Content-Disposition"] = "inline" if inline else _disposition(event.name or "file")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
    set_csp(response, _CSP)
    await response.prepare(request)
    if request.method != "HEAD":
        await _send(response, first, chunks)
    return response


async def _send(response: web.StreamResponse, first: bytes, rest: AsyncIterator[bytes]) -> None:
    await response.write(first)
    async for chunk in rest:
        await response.write(chunk)
    await response.write_eof()


def _one(request: web.Request, header: str) -> str:
    values = request.headers.getall(header, [])
    if len(values) != 1 or len(values[0]) > _MOST_NAME:
        raise Malformed(f"Say {header} once.")
    return values[0]


def _disposition(name: str) -> str:
    """RFC 6266: a plain name for old programs, and the name as it is, encoded."""
    return f"attachment; filename=\"{_SAFE.sub('_', name)}\"; filename*=UTF-8''{quote(name, safe='')}"
