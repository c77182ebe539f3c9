"""Z-1, Z-2, C-15: a connection that does not behave ends, and hurts nobody else meanwhile."""

import asyncio
import contextlib
import logging
import time
from ipaddress import ip_network

import pytest
from aiohttp import http_parser, web

from foundation.web import PUBLIC, Route, WebSettings, build_app, metrics_app, serve
from foundation.web.connection import Peers
from foundation.web.metrics import Metrics

from .conftest import until

QUICK = {"header_timeout_s": 0.3, "body_timeout_s": 0.3, "write_timeout_s": 0.3}


async def fine(_: web.Request) -> web.Response:
    return web.Response(text="fine")


FINE = Route("GET", "/fine", fine, PUBLIC, "api")


def test_C_15_the_compiled_parser_is_in_use() -> None:
    assert "_http_parser" in http_parser.HttpRequestParser.__module__


HOST = b"Host: 127.0.0.1:%d\r\n"


@pytest.mark.parametrize("head", [
    b"POST /fine HTTP/1.1\r\n%sContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /fine HTTP/1.1\r\n%sContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
    b"POST /fine HTTP/1.1\r\n%sTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST /fine HTTP/1.1\r\n%sTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"GET /fine HTTP/1.1\n%s\n",
    b"GET /fine HTTP/1.1\r\n%sX-A : b\r\n\r\n",
    b"GET /fine HTTP/1.1\r\n%sHost: evil.example\r\n\r\n",
    b"GET /fine HTTP/1.1\r\nX-A: b\r\n\r\n",
    b"GET /fine HTTP/1.1\r\n%sX-A: " + b"a" * 16_384 + b"\r\n\r\n",
    b"GET /" + b"a" * 16_384 + b" HTTP/1.1\r\n%s\r\n",
    b"GET /fine HTTP/1.1\r\n%s" + b"X-A: b\r\n" * 100 + b"\r\n",
    b"GET /fine HTTP/1.1\r\n%sX-A: a\x00b\r\n\r\n",
    b"GET /fine HTTP/1.1\r\n%s X-Folded: b\r\n\r\n",
    b"GET /fine HTTP/9.9\r\n%s\r\n",
    b"G\xc3\x84T /fine HTTP/1.1\r\n%s\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST /fine HTTP/1.1\r\n%sContent-Length: -1\r\n\r\n",
    b"POST /fine HTTP/1.1\r\n%sContent-Length: +3\r\n\r\nabc",
])  # fmt: skip
async def test_C_15_what_two_servers_could_read_differently_is_refused(house, head: bytes, caplog) -> None:
    here = await house(FINE, Route("POST", "/fine", fine, PUBLIC, "api", cross_site=True))
    with caplog.at_level(logging.DEBUG):
        answer = await here.raw(head.replace(b"%s", HOST % here.port).replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\n"))
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "Server" not in answer.headers
    assert "evil" not in caplog.text
    assert "127.0.0.1" not in caplog.text


async def test_Z_1_a_header_block_that_dribbles_is_cut(house) -> None:
    """One byte after another would keep the connection for ever; the deadline is for the whole block."""
    here = await house(FINE, settings=QUICK)
    reader, writer = await here.open()
    began = time.monotonic()
    end = asyncio.ensure_future(reader.read())
    for byte in here.get("/fine")[:-2]:
        writer.write(bytes((byte,)))
        done, _ = await asyncio.wait([end], timeout=0.02)
        if done:
            break
    assert await end == b""
    assert 0.2 < time.monotonic() - began < 3
    writer.close()


async def test_Z_1_a_connection_that_says_nothing_is_cut(house) -> None:
    here = await house(FINE, settings=QUICK)
    reader, writer = await here.open()
    assert await reader.read() == b""
    writer.close()


async def test_Z_1_the_second_request_has_a_deadline_too(house) -> None:
    here = await house(FINE, settings=QUICK)
    reader, writer = await here.open()
    whole = here.get("/fine").replace(b"Connection: close\r\n", b"")
    writer.write(whole)
    assert b"fine" in await reader.readuntil(b"fine")
    writer.write(whole[:30])
    assert await reader.read() == b""
    writer.close()


async def test_an_idle_connection_may_wait_longer_than_a_header(house) -> None:
    """Between two requests another patience holds; after it, the connection ends."""
    here = await house(FINE, settings=QUICK | {"keepalive_s": 1.0, "header_timeout_s": 0.2})
    reader, writer = await here.open()
    whole = here.get("/fine").replace(b"Connection: close\r\n", b"")
    writer.write(whole)
    await reader.readuntil(b"fine")
    began = time.monotonic()
    assert await reader.read() == b""
    assert time.monotonic() - began > 0.7
    writer.close()


async def test_a_handler_that_takes_its_time_is_not_cut(house) -> None:
    released = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await request.read()
        asyncio.get_running_loop().call_later(0.6, released.set)
        await released.wait()
        return web.Response(text="done")

    here = await house(Route("POST", "/slow", slow, PUBLIC, "api"), settings=QUICK | {"header_timeout_s": 0.1})
    reader, writer = await here.open()
    head = f"POST /slow HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nOrigin: {here.origin}\r\nContent-Length: 4\r\n\r\n"
    writer.write(head.encode() + b"ab")
    await writer.drain()
    writer.write(b"cd")
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_Z_1_500_slow_ones_do_not_slow_the_others(house) -> None:
    here = await house(FINE, settings={"header_timeout_s": 3.0, "max_connections_per_peer": 600})
    slow = [await here.open() for _ in range(500)]
    for _, writer in slow:
        writer.write(b"GET /fine HT")
    assert (await here.raw(here.get("/fine"))).status == 200
    assert not slow[-1][0].at_eof(), "answered while they still had time"
    assert await asyncio.gather(*(reader.read() for reader, _ in slow)) == [b""] * 500
    for _, writer in slow:
        writer.close()


async def test_headers_that_never_end_are_cut(house) -> None:
    here = await house(FINE, settings={"max_header_bytes": 4_096, "max_headers": 10_000})
    reader, writer = await here.open()
    writer.write(here.get("/fine")[:-2])
    for _ in range(100):
        writer.write(b"X-A: " + b"a" * 100 + b"\r\n")
        await asyncio.sleep(0)
    with contextlib.suppress(ConnectionResetError):
        assert await reader.read() == b""
    assert here.runner.server is not None
    await until(lambda: not here.runner.server.connections)
    writer.close()


async def test_Z_2_a_reader_that_does_not_read_is_cut(house) -> None:
    cut = asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 100_000)
        finally:
            cut.set()

    here = await house(Route("GET", "/endless", endless, PUBLIC, "api"), settings=QUICK)
    _, writer = await here.open()
    writer.transport.pause_reading()
    writer.write(here.get("/endless"))
    async with asyncio.timeout(5):
        await cut.wait()
    assert (await here.ask("GET", "/healthz")).status == 200
    writer.transport.abort()


async def test_a_peer_holds_so_many_connections_and_no_more(house) -> None:
    here = await house(FINE, settings={"max_connections_per_peer": 3})
    held = [await here.open("127.0.0.3") for _ in range(3)]
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await refused(here, "127.0.0.3")
    assert (await here.raw(here.get("/fine"), source="127.0.0.4")).status == 200
    held[0][1].close()
    await held[0][1].wait_closed()
    await until(lambda: len(here.runner.server.connections) <= 3)
    assert (await here.raw(here.get("/fine"), source="127.0.0.3")).status == 200
    for _, writer in held:
        writer.close()


async def refused(here, source: str) -> None:
    reader, writer = await here.open(source)
    try:
        writer.write(here.get("/fine"))
        await reader.readexactly(1)
    finally:
        writer.close()


def test_trusted_proxies_are_not_counted() -> None:
    peers = Peers(
        WebSettings(
            base_url="http://localhost", max_connections_per_peer=1, trusted_proxies=(ip_network("10.0.0.0/8"),)
        )
    )
    assert [peers.admit("10.1.2.3") for _ in range(5)] == [True] * 5
    assert [peers.admit("192.0.2.1"), peers.admit("192.0.2.1"), peers.admit("192.0.2.2")] == [True, False, True]
    peers.release("192.0.2.1")
    assert peers.admit("192.0.2.1")
    assert peers.admit("")


async def test_a_port_that_is_taken_is_an_error_and_leaves_nothing_open(house) -> None:
    here = await house(FINE)
    opened: list[str] = []

    async def resource(_: web.Application):
        opened.append("open")
        yield
        opened.append("closed")

    app = build_app([], settings=WebSettings(base_url="http://127.0.0.1:1"), cleanup_ctx=[resource])
    with pytest.raises(OSError, match="in use"):
        await serve(app, "127.0.0.1", here.port)
    assert opened == ["open", "closed"]


async def test_serving_on_any_port_says_which() -> None:
    app = build_app([FINE], settings=WebSettings(base_url="http://127.0.0.1:1"))
    runner = await serve(app, "127.0.0.1", 0)
    assert runner.addresses[0][1] > 0
    await runner.cleanup()


async def test_metrics_have_a_door_of_their_own(house) -> None:
    metrics = Metrics()
    here = await house(FINE, metrics=metrics)
    await here.ask("GET", "/fine")
    await here.ask("GET", "/nothing/canary-5f1c")
    runner = web.AppRunner(metrics_app(metrics), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with here.client.get(f"http://127.0.0.1:{site.port}/metrics") as answer:
        text = await answer.text()
        assert answer.headers["Content-Type"].startswith("text/plain")
        assert "Server" not in answer.headers
    assert 'frontdesk_requests_total{method="GET",route="/fine",status="200"} 1.0' in text
    assert 'frontdesk_requests_total{method="-",route="-",status="404"} 1.0' in text
    assert "canary" not in text
    assert "127.0.0.1" not in text
    await runner.cleanup()


async def test_requests_under_way_are_finished_when_the_server_goes_away(house) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        began.set()
        await go_on.wait()
        return web.Response(text="done")

    here = await house(Route("GET", "/slow", slow, PUBLIC, "api"))
    asking = asyncio.ensure_future(here.raw(here.get("/slow")))
    await began.wait()
    ending = asyncio.ensure_future(here.runner.cleanup())
    await asyncio.sleep(0)
    go_on.set()
    assert (await asking).body == b"done"
    await ending
