"""C-6, Z-5, N-5: what a body may be, how large and how slow."""

import asyncio
import gzip

import msgspec
import pytest
from aiohttp import web

from foundation.web import PUBLIC, Body, Route, read_form, read_json, read_query


class Order(Body):
    name: str
    count: int = 0
    sure: bool = False
    tags: tuple[str, ...] = ()


async def take_json(request: web.Request) -> web.Response:
    return web.json_response(msgspec.to_builtins(await read_json(request, Order)))


async def take_form(request: web.Request) -> web.Response:
    return web.json_response(msgspec.to_builtins(await read_form(request, Order)))


async def take_query(request: web.Request) -> web.Response:
    return web.json_response(msgspec.to_builtins(read_query(request, Order)))


ROUTES = [
    Route("POST", "/json", take_json, PUBLIC, "api"),
    Route("POST", "/small", take_json, PUBLIC, "api", max_body=20),
    Route("POST", "/form", take_form, PUBLIC, "page"),
    Route("GET", "/query", take_query, PUBLIC, "api"),
]
GOOD = b'{"name": "mia", "count": 2}'
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("kind", [
    "application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8",
    'application/json; charset="utf-8"',
])  # fmt: skip
async def test_C_6_json_is_taken_as_json(house, kind: str) -> None:
    here = await house(*ROUTES)
    answer = await here.ask("POST", "/json", data=GOOD, headers={"Content-Type": kind})
    assert (answer.status, answer.json()["count"]) == (200, 2)


@pytest.mark.parametrize("kind", [
    "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/json; charset=utf-7", "application/json; charset=utf-16", "application/json-patch+json",
    "text/json", "", "application/json; x=y",
    "application/json, text/plain",
])  # fmt: skip
async def test_C_6_any_other_type_is_refused(house, kind: str) -> None:
    here = await house(*ROUTES)
    answer = await here.ask("POST", "/json", data=GOOD, headers={"Content-Type": kind})
    assert answer.status == 415


async def test_C_6_no_type_at_all_is_refused(house) -> None:
    here = await house(*ROUTES)
    head = f"POST /json HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nOrigin: {here.origin}\r\nConnection: close\r\n"
    body = f"Content-Length: {len(GOOD)}\r\n\r\n".encode() + GOOD
    assert (await here.raw(head.encode(), body)).status == 415
    twice = b"Content-Type: application/json\r\n" * 2
    assert (await here.raw(head.encode(), twice, body)).status in {400, 415}


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity", "GZIP", ""])
async def test_Z_5_an_encoded_body_is_refused_unread(house, coding: str) -> None:
    here = await house(*ROUTES)
    packed = gzip.compress(b"") * 50_000 if coding == "gzip" else GOOD
    for path, kind in (("/json", JSON), ("/form", FORM)):
        answer = await here.ask("POST", path, data=packed[:60_000], headers=kind | {"Content-Encoding": coding})
        assert answer.status == 415


async def test_a_body_over_the_limit_is_refused_by_its_length(house) -> None:
    here = await house(*ROUTES)
    head = (
        f"POST /json HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nOrigin: {here.origin}\r\n"
        "Content-Type: application/json\r\nContent-Length: 65537\r\nConnection: close\r\n\r\n"
    )
    reader, writer = await here.open()
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413")
    writer.close()
    await writer.wait_closed()


async def test_a_body_over_the_limit_is_refused_as_it_comes(house) -> None:
    async def endless():
        for _ in range(10_000):
            yield b" " * 1_000

    here = await house(*ROUTES)
    answer = await here.ask("POST", "/small", data=b" " * 21, headers=JSON)
    assert (answer.status, answer.json()["limit"]) == (413, 20)
    try:
        answer = await here.ask("POST", "/json", data=endless(), headers=JSON)
    except OSError:
        return  # the server closed before the client had said everything
    assert answer.status == 413


async def test_a_body_at_the_limit_is_taken(house) -> None:
    here = await house(*ROUTES)
    answer = await here.ask("POST", "/json", data=GOOD + b" " * (65_536 - len(GOOD)), headers=JSON)
    assert answer.status == 200


async def test_Z_2_a_body_that_does_not_come_is_given_up(house) -> None:
    here = await house(*ROUTES, settings={"body_timeout_s": 0.2})
    head = (
        f"POST /json HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nOrigin: {here.origin}\r\n"
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"na'
    )
    async with asyncio.timeout(10):
        answer = await here.raw(head.encode())
    assert answer.status == 400
    assert "in time" in answer.json()["detail"]


async def test_a_client_that_leaves_in_the_middle_hurts_nobody(house, caplog) -> None:
    here = await house(*ROUTES)
    _, writer = await here.open()
    head = (
        f"POST /json HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nOrigin: {here.origin}\r\n"
        'Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"na'
    )
    writer.write(head.encode())
    await writer.drain()
    writer.transport.abort()
    assert (await here.ask("POST", "/json", data=GOOD, headers=JSON)).status == 200
    assert "Traceback" not in caplog.text


async def test_100_continue_comes_only_when_the_body_is_wanted(house) -> None:
    here = await house(*ROUTES)
    head = (
        f"POST /json HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nExpect: 100-continue\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(GOOD)}\r\n"
    )
    reader, writer = await here.open()
    writer.write(f"{head}Origin: {here.origin}\r\n\r\n".encode())
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(GOOD)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    await reader.read()
    writer.close()
    await writer.wait_closed()
    refused = await here.raw(f"{head}Origin: https://evil.example\r\n\r\n".encode(), GOOD)
    assert refused.status == 403


@pytest.mark.parametrize(("body", "status"), [
    (b'{"name": "mia", "name": "tom"}', 400), (b'{"name": NaN}', 400), (b'{"name": "\\ud800"}', 400), (b"\xff", 400),
    (b"", 400), (b'{"name": "a", "count": true}', 422), (b'{"name": {"$ne": null}}', 422),
    (b'{"name": "a", "x": 1}', 422), (b"[" * 60_000, 400), (b"[]", 422), (b'"name"', 422), (GOOD + b"\x00", 400),
    ('{"name": "a"}'.encode("utf-16"), 400),
])  # fmt: skip
async def test_N_1_a_bad_body_is_a_clear_refusal(house, body: bytes, status: int) -> None:
    here = await house(*ROUTES)
    answer = await here.ask("POST", "/json", data=body, headers=JSON)
    assert (answer.status, answer.json()["status"]) == (status, status)


@pytest.mark.parametrize(("form", "expected"), [
    ("name=mia&count=2&sure=true", {"name": "mia", "count": 2, "sure": True, "tags": []}),
    ("name=&tags=a&tags=b", {"name": "", "count": 0, "sure": False, "tags": ["a", "b"]}),
    ("name=M%C3%ADa+B%26C", {"name": "Mía B&C", "count": 0, "sure": False, "tags": []}),
    ("name=true", {"name": "true", "count": 0, "sure": False, "tags": []}),
])  # fmt: skip
async def test_a_form_is_read(house, form: str, expected: dict) -> None:
    here = await house(*ROUTES)
    assert (await here.ask("POST", "/form", data=form, headers=FORM)).json() == expected
    assert (await here.raw(here.get(f"/query?{form}"))).json() == expected


@pytest.mark.parametrize(("form", "status"), [
    ("name=a&name=b", 400), ("name=a&count=x", 422), ("name=a&role=admin", 422), ("count=1", 422), ("", 422),
    ("name=%ff", 400), ("name=%zz", 400), ("name=%", 400), ("name", 400), ("name[$ne]=1", 422), ("name.$ne=1", 422),
    ("name=a&" + "&".join("tags=x" for _ in range(201)), 400), ("name=a&&count=1", 400), ("name=a&count=1.0x", 422),
    ("name=%ed%a0%80", 400),
])  # fmt: skip
async def test_N_5_a_bad_form_or_query_is_a_clear_refusal(house, form: str, status: int) -> None:
    here = await house(*ROUTES)
    answer = await here.ask("POST", "/form", data=form, headers=FORM | {"Accept": "application/json"})
    assert answer.status == status
    assert (await here.raw(here.get(f"/query?{form}"))).status == status


async def test_C_6_a_form_is_nothing_else(house) -> None:
    here = await house(*ROUTES)
    for kind in ("multipart/form-data; boundary=x", "text/plain", "application/json"):
        answer = await here.ask("POST", "/form", data=b"name=a", headers={"Content-Type": kind})
        assert answer.status == 415


async def test_bytes_of_a_form_that_are_no_utf_8_are_refused(house) -> None:
    here = await house(*ROUTES)
    assert (await here.ask("POST", "/form", data=b"name=\xff", headers=FORM)).status == 400
