"""Request bodies and queries, read strictly, within the route's size and the settings' time (C-6, Z-2, Z-5)."""

import asyncio
import re
from collections.abc import Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from foundation.errors import Malformed, TooLarge, UnsupportedMedia
from foundation.web import strict
from foundation.web.keys import ROUTE, SETTINGS
from foundation.web.routes import DEFAULT_MAX_BODY

T = TypeVar("T")

MAX_FIELDS = 200
"""Fields of one form."""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


async def read_json(request: web.Request, type: type[T]) -> T:
    """The body as `type`: `application/json`, UTF-8, strict (see `strict.decode`).

    Raises `UnsupportedMedia` 415 (another type or charset, any Content-Encoding), `TooLarge` 413, `Malformed` 400,
    `Invalid` 422.
    """
    _require_type(request, "application/json")
    return strict.decode(_text(await read_body(request)), type)


async def read_form(request: web.Request, type: type[T]) -> T:
    """The body as `type`: `application/x-www-form-urlencoded`, UTF-8, every field declared, each at most once.

    A field declared as a list may come several times. Numbers and `true`/`false` are read from their text. Raises like
    `read_json`.
    """
    _require_type(request, "application/x-www-form-urlencoded")
    return _from_pairs(_text(await read_body(request)), type)


def read_query(request: web.Request, type: type[T]) -> T:
    """The query string as `type`, under the rules of a form (N-5). Raises `Malformed` 400, `Invalid` 422."""
    return _from_pairs(request.raw_path.partition("?")[2], type)


async def read_body(request: web.Request) -> bytes:
    """The raw body within the route's `max_body`. Raises `TooLarge` 413, `UnsupportedMedia` 415, `Malformed` 400."""
    if "Content-Encoding" in request.headers:
        raise UnsupportedMedia("Send the body as it is, without Content-Encoding.")
    route = request.get(ROUTE)
    limit = route.max_body if route else DEFAULT_MAX_BODY
    if (request.content_length or 0) > limit:
        raise TooLarge(f"At most {limit} bytes are accepted. Nothing was kept.", limit=limit)
    await invite(request)
    try:
        async with asyncio.timeout(request.config_dict[SETTINGS].body_timeout_s):
            return await _collect(request, limit)
    except TimeoutError:
        request.protocol.close()
        raise Malformed("The body did not arrive in time. Nothing was kept.") from None


async def invite(request: web.Request) -> None:
    """Say that the body may come, to a client that waits for the word."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


async def _collect(request: web.Request, limit: int) -> bytes:
    parts = bytearray()
    async for part in request.content.iter_any():
        parts += part
        if len(parts) > limit:
            request.protocol.close()
            raise TooLarge(f"At most {limit} bytes are accepted. Nothing was kept.", limit=limit)
    return bytes(parts)


def _require_type(request: web.Request, wanted: str) -> None:
    types = request.headers.getall("Content-Type", ())
    media, _, parameter = (types[0] if len(types) == 1 else "").partition(";")
    charset = parameter.replace(" ", "").replace('"', "").lower()
    if media.strip().lower() != wanted or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMedia(f"Send {wanted} in UTF-8.")


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("The body is not UTF-8.") from None


def _from_pairs(text: str, type: type[T]) -> T:
    if _BAD_ESCAPE.search(text):
        raise Malformed("The form is not encoded correctly.")
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:
        raise Malformed("The form is not encoded correctly.") from None
    strict.decoder(type)
    try:
        return msgspec.convert(_gather(pairs, _lists(type)), type, strict=False)
    except msgspec.ValidationError as error:
        raise strict.invalid(error) from None


def _gather(pairs: Iterable[tuple[str, str]], lists: frozenset[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            values.setdefault(name, []).append(value)
        elif name in values:
            raise Malformed(f"The field {name!r} was sent twice.")
        else:
            values[name] = value
    return values


def _lists(type: Any) -> frozenset[str]:
    kinds = (msgspec.inspect.CollectionType, msgspec.inspect.TupleType)
    return frozenset(
        field.encode_name
        for field in getattr(msgspec.inspect.type_info(type), "fields", ())
        if isinstance(field.type, kinds)
    )
