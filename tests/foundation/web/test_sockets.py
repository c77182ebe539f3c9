"""C-8 … C-11, Z-3, Z-4, Z-6: the live socket, with clients that behave and clients that do not."""

import asyncio
import json
import socket
import ssl
import struct

import pytest
import uvloop
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError, web

from foundation.errors import Conflict, Forbidden, NotFound, Unauthenticated
from foundation.web import (
    METRICS,
    PUBLIC,
    LiveSocket,
    Route,
    SocketClosed,
    WebSettings,
    build_app,
    is_secure,
    origin_of,
    serve,
)
from foundation.web.room import ROOM

from .certificates import make_certificate
from .conftest import Hello, House, RawSocket, Say, masked, talk, until

HELLO = '{"type": "hello", "name": "mia"}'


def socket_route(handler=talk, **options) -> Route:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request, **options)

    return Route("GET", "/ws", handle, PUBLIC, "socket")


async def greeted(here) -> RawSocket:
    client = await RawSocket.connect(here)
    client.say(HELLO)
    assert json.loads((await client.receive())[1]) == {"type": "welcome", "name": "mia"}
    return client


async def test_a_hello_a_welcome_and_frames_in_order(house) -> None:
    here = await house(socket_route())
    async with here.socket() as client:
        await client.send_str(HELLO)
        assert await client.receive_json() == {"type": "welcome", "name": "mia"}
        for number in range(20):
            await client.send_json({"type": "say", "text": str(number)})
        assert [(await client.receive_json())["text"] for _ in range(20)] == [str(number) for number in range(20)]


async def test_frames_that_come_with_the_upgrade_are_read(house) -> None:
    here = await house(socket_route())
    client = await RawSocket.connect(here, early=masked(1, HELLO.encode()) + masked(1, b'{"type":"say","text":"x"}'))
    assert b"welcome" in (await client.receive())[1]
    assert json.loads((await client.receive())[1])["text"] == "x"
    await client.leave()


async def test_frames_may_come_byte_by_byte_and_in_fragments(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    long = json.dumps({"type": "say", "text": "é" * 2_000}).encode()
    for byte in masked(1, b'{"type":"say","text":"x"}') + masked(1, long)[:20]:
        client.send(bytes((byte,)))
        await client.writer.drain()
    client.send(masked(1, long)[20:])
    client.send(masked(1, b'{"type":"say",', fin=False) + masked(9, b"?") + masked(0, b'"text":"y"}'))
    texts, pongs = [], []
    while len(texts) < 3:
        kind, data = await client.receive()
        (texts if kind == 1 else pongs).append(json.loads(data)["text"] if kind == 1 else data)
    assert texts == ["x", "é" * 2_000, "y"]
    assert pongs == [b"?"]
    await client.leave()


@pytest.mark.parametrize("origin", [
    "https://evil.example", "null", "", "http://127.0.0.1.evil.example", "http://127.0.0.1:8443", "https://{host}",
    "http://{host}.evil.example", "http://localhost", "http://{host}/",
])  # fmt: skip
async def test_C_8_a_foreign_origin_is_refused_before_the_upgrade(house, origin: str) -> None:
    here = await house(socket_route())
    with pytest.raises(WSServerHandshakeError) as refused:
        await here.socket(Origin=origin.format(host=f"127.0.0.1:{here.port}"))
    assert refused.value.status == 403


async def test_C_8_no_origin_is_refused_even_with_a_browsers_word(house) -> None:
    here = await house(socket_route())
    for headers in ({}, {"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}):
        with pytest.raises(WSServerHandshakeError) as refused:
            await here.client.ws_connect("/ws", headers=headers)
        assert refused.value.status == 403
    with pytest.raises(WSServerHandshakeError) as refused:
        await here.socket(**{"Sec-Fetch-Site": "cross-site"})
    assert refused.value.status == 403


@pytest.mark.parametrize("query", ["?token=abc", "?", "?since=1", "?x"])
async def test_C_10_an_address_with_a_query_is_refused(house, query: str) -> None:
    here = await house(socket_route())
    client = await RawSocket.connect(here, path=f"/ws{query}")
    assert client.head.startswith(b"HTTP/1.1 400")
    await client.leave()


async def test_C_10_a_token_in_the_sub_protocol_is_refused_and_not_logged(house, caplog) -> None:
    here = await house(socket_route())
    caplog.set_level("DEBUG")
    client = await RawSocket.connect(here, "Sec-WebSocket-Protocol: canary-5f1c")
    assert client.head.startswith(b"HTTP/1.1 400")
    assert "canary" not in caplog.text
    await client.leave()


@pytest.mark.parametrize("path", ["/ws"])
async def test_a_request_that_is_no_upgrade_is_malformed(house, path: str) -> None:
    here = await house(socket_route())
    answer = await here.raw(here.get(path, f"Origin: {here.origin}"))
    assert (answer.status, answer.json()["code"]) == (400, "malformed")
    assert (await here.ask("HEAD", path)).status == 405


async def test_the_rule_speaks_before_the_upgrade(house) -> None:
    class Nobody:
        name = "nobody"

        async def admit(self, request: web.Request) -> None:
            raise Unauthenticated

    here = await house(Route("GET", "/ws", talk, Nobody(), "socket"))
    with pytest.raises(WSServerHandshakeError) as refused:
        await here.socket()
    assert refused.value.status == 401


async def test_C_11_no_hello_in_time_closes_with_4401(house) -> None:
    here = await house(socket_route(hello_timeout_s=0.1))
    client = await RawSocket.connect(here)
    assert await client.closing() == (4401, "no hello in time")
    await client.leave()


async def test_C_11_pings_do_not_stand_for_a_hello(house) -> None:
    here = await house(socket_route(hello_timeout_s=0.2))
    client = await RawSocket.connect(here)
    client.send(masked(9, b"a"))
    assert await client.receive() == (10, b"a")
    assert (await client.closing())[0] == 4401
    await client.leave()


async def test_C_11_a_second_hello_closes_with_4400(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    client.say(HELLO)
    assert (await client.closing())[0] == 4400
    await client.leave()


async def test_C_11_a_second_hello_that_the_union_knows_closes_too(house) -> None:
    async def loose(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say | Hello)
        async with live as socket:
            async for frame in socket:
                socket.send(frame)
        return live.response

    here = await house(socket_route(loose))
    client = await RawSocket.connect(here)
    client.say(HELLO)
    client.say(HELLO)
    assert (await client.closing())[0] == 4400
    await client.leave()


async def test_C_11_a_hello_over_4_KiB_closes_with_1009(house) -> None:
    here = await house(socket_route())
    client = await RawSocket.connect(here)
    client.say(json.dumps({"type": "hello", "name": "a" * 4_200}))
    assert (await client.closing())[0] == 1009
    await client.leave()
    at_the_limit = await RawSocket.connect(here)
    text = json.dumps({"type": "hello", "name": ""})
    at_the_limit.say(json.dumps({"type": "hello", "name": "a" * (4_096 - len(text))}))
    assert b"welcome" in (await at_the_limit.receive())[1]
    await at_the_limit.leave()


async def test_C_11_a_first_frame_of_4_MiB_closes_with_1009(house) -> None:
    here = await house(socket_route())
    client = await RawSocket.connect(here)
    client.send(masked(1, b"x" * 4_194_304))
    assert (await client.closing())[0] == 1009
    await client.leave()


@pytest.mark.parametrize("first", ['{"type": "say", "text": "x"}', "x", '{"type": "hello", "admin": true}', "[]", ""])
async def test_C_11_a_first_frame_that_is_no_hello_is_told_and_closed(house, first: str) -> None:
    here = await house(socket_route())
    client = await RawSocket.connect(here)
    client.say(first)
    assert json.loads((await client.receive())[1])["type"] == "error"
    assert (await client.closing())[0] == 4400
    await client.leave()


@pytest.mark.parametrize(("frame", "code"), [
    ("x", "malformed"), ('{"type": "say", "text": "a", "text": "b"}', "malformed"), ('{"type": "say"}', "invalid"),
    ('{"type": "say", "text": "a", "sender": "agent", "seq": 1}', "invalid"), ('{"type": "nothing"}', "invalid"),
    ('{"type": "say", "text": {"$ne": null}}', "invalid"), ('{"type": "say", "text": NaN}', "malformed"),
    ('{"type": "say", "text": "\\ud800"}', "malformed"), ("[" * 10_000, "malformed"), ("null", "invalid"),
])  # fmt: skip
async def test_M_7_a_frame_that_is_not_understood_is_answered_and_changes_nothing(house, frame: str, code: str) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    client.say(frame)
    error = json.loads((await client.receive())[1])
    assert (error["type"], error["code"]) == ("error", code)
    assert error["title"]
    assert error["detail"]
    client.say('{"type": "say", "text": "still here"}')
    assert json.loads((await client.receive())[1])["text"] == "still here"
    await client.leave()


async def test_an_error_names_the_frame_it_is_about(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    client.say('{"type": "say", "client_id": "abc", "text": 1}')
    assert json.loads((await client.receive())[1])["client_id"] == "abc"
    client.say('{"type": "say", "client_id": {"a": 1}, "text": 1}')
    assert "client_id" not in json.loads((await client.receive())[1])
    await client.leave()


async def test_the_eleventh_malformed_frame_closes_with_4400(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    for _ in range(11):
        client.say("x")
    answers = [await client.receive() for _ in range(10)]
    assert all(kind == 1 for kind, _ in answers)
    assert (await client.closing())[0] == 4400
    await client.leave()


SAY = json.dumps({"type": "say", "text": ""})


async def test_Z_3_a_frame_of_16_KiB_is_taken_and_one_byte_more_closes_with_1009(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    client.say(json.dumps({"type": "say", "text": "a" * (16_384 - len(SAY))}))
    assert len(json.loads((await client.receive())[1])["text"]) == 16_384 - len(SAY)
    client.say(json.dumps({"type": "say", "text": "a" * (16_385 - len(SAY))}))
    assert (await client.closing())[0] == 1009
    await client.leave()


@pytest.mark.parametrize(("data", "code"), [
    (masked(1, b"x" * 4_194_304), 1009),
    (b"\x81\xff" + struct.pack(">Q", 2**30) + b"\0\0\0\0", 1009),
    (b"\x81\xff" + struct.pack(">Q", 2**63) + b"\0\0\0\0", 1009),
    (masked(1, b"a" * 9_000, fin=False) + masked(0, b"a" * 9_000), 1009),
    (b"\x81\x05hello", 1002),
    (masked(1, b'{"type":"say",', fin=False) + b"\x80\x01x", 1002),
    (masked(1, b"\xff\xfe"), 1007),
    (masked(1, b"\xed\xa0\x80"), 1007),
    (masked(1, b"x", bits=0x40), 1002),
    (masked(1, b"x", bits=0x20), 1002),
    (masked(1, b"x", bits=0x10), 1002),
    (masked(0, b"x"), 1002),
    (masked(1, b"x", fin=False) + masked(1, b"y"), 1002),
    (masked(3, b"x"), 1002),
    (masked(11, b"x"), 1002),
    (masked(9, b"x" * 126), 1002),
    (masked(9, b"x", fin=False), 1002),
    (masked(8, b"x"), 1002),
    (masked(8, struct.pack(">H", 1005)), 1002),
    (masked(2, b"x"), 1003),
], ids=range(20))  # fmt: skip
async def test_Z_3_bytes_that_break_the_protocol_close_with_their_code(house, data: bytes, code: int) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    client.send(data)
    assert (await client.closing())[0] == code
    await client.leave()
    assert (await here.ask("GET", "/healthz")).status == 200


async def test_Z_3_an_unmasked_hello_is_refused_even_with_the_upgrade(house) -> None:
    here = await house(socket_route())
    client = await RawSocket.connect(here, early=b"\x81" + bytes((len(HELLO),)) + HELLO.encode())
    assert (await client.closing())[0] == 1002
    await client.leave()


async def test_Z_3_a_hundred_thousand_empty_fragments_cost_nothing(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    client.send(masked(1, b"", fin=False))
    for _ in range(100):
        client.send(masked(0, b"", fin=False) * 1_000)
        await client.writer.drain()
    client.send(masked(0, b'{"type":"say","text":"done"}'))
    assert json.loads((await client.receive())[1])["text"] == "done"
    await client.leave()


async def test_Z_3_a_flood_of_pings_closes_with_4429(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    client.send(masked(9, b"x") * 200)
    assert (await client.closing())[0] == 4429
    await client.leave()


async def test_a_page_may_ask_whether_anybody_is_there(house) -> None:
    """A page cannot send WebSocket's own ping. The handler does not see it, and it counts as a frame (Z-6)."""
    here = await house(socket_route(rate=1.0, burst=3))
    client = await greeted(here)
    client.say('{"type": "ping", "since": 1}')
    assert json.loads((await client.receive())[1])["code"] == "invalid"
    for _ in range(2):
        client.say('{"type": "ping"}')
        assert json.loads((await client.receive())[1]) == {"type": "pong"}
    client.say('{"type": "ping"}')
    assert json.loads((await client.receive())[1])["code"] == "too_many"
    await client.leave()


async def test_Z_4_compression_is_never_agreed_on(house) -> None:
    here = await house(socket_route())
    client = await RawSocket.connect(here, "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    assert client.head.startswith(b"HTTP/1.1 101")
    assert b"sec-websocket-extensions" not in client.head.lower()
    await client.leave()


async def test_Z_6_too_many_frames_are_told_then_closed_with_4429(house) -> None:
    here = await house(socket_route(rate=1.0, burst=5))
    client = await greeted(here)
    for _ in range(30):
        client.say('{"type": "say", "text": "x", "client_id": "me"}')
    answers = [json.loads((await client.receive())[1]) for _ in range(10)]
    assert [answer["type"] for answer in answers] == ["say"] * 5 + ["error"] * 5
    assert (answers[5]["code"], answers[5]["client_id"]) == ("too_many", "me")
    assert (await client.closing())[0] == 4429
    await client.leave()


async def test_Z_6_who_slows_down_stays(house) -> None:
    """Tokens come back: a bucket of five that fills fast enough refuses nobody."""
    here = await house(socket_route(rate=1_000_000.0, burst=5))
    client = await greeted(here)
    for number in range(100):
        client.say(json.dumps({"type": "say", "text": str(number)}))
    assert [json.loads((await client.receive())[1])["text"] for _ in range(100)] == [str(n) for n in range(100)]
    await client.leave()


async def test_Z_6_an_address_holds_so_many_sockets(house) -> None:
    here = await house(socket_route(), settings={"sockets_per_address": 2})
    first, second = await greeted(here), await greeted(here)
    third = await RawSocket.connect(here)
    assert third.head.startswith(b"HTTP/1.1 429")
    assert b"Retry-After: 30" in third.head
    await first.leave()
    await third.leave()
    while True:
        again = await RawSocket.connect(here)
        if again.head.startswith(b"HTTP/1.1 101"):
            break
        await again.leave()
    await again.leave()
    await second.leave()


async def test_Z_6_the_house_holds_so_many_sockets(house) -> None:
    here = await house(socket_route(), settings={"sockets_total": 1, "sockets_per_address": 0})
    first = await greeted(here)
    second = await RawSocket.connect(here)
    assert second.head.startswith(b"HTTP/1.1 503")
    await first.leave()
    await second.leave()


async def test_a_slow_reader_is_closed_with_4408_and_takes_no_memory(house) -> None:
    """The peer takes nothing; the queue fills; what is sent after that is dropped, and nobody waits."""
    done = asyncio.Event()
    codes: list[int | None] = []

    async def flood(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say, queue_max=16)
        async with live as socket:
            while socket.close_code is None:
                socket.send(b"x" * 100_000)
                await asyncio.sleep(0)
            codes.append(socket.close_code)
            done.set()
        return live.response

    here = await house(socket_route(flood))
    client = await RawSocket.connect(here)
    client.writer.transport.pause_reading()
    client.say(HELLO)
    await done.wait()
    assert codes == [4408]
    client.writer.transport.resume_reading()
    assert (await client.closing()) == (4408, "too slow: come back with since")
    await client.leave()


async def test_a_reader_that_is_slow_but_reads_gets_everything_in_order(house) -> None:
    async def stream(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say, queue_max=10_000)
        async with live as socket:
            for number in range(3_000):
                socket.send(b'{"n":%d,"pad":"%s"}' % (number, b"x" * 1_000))
                if number % 100 == 0:
                    await asyncio.sleep(0)
            async for _ in socket:
                pass
        return live.response

    here = await house(socket_route(stream))
    client = await RawSocket.connect(here)
    client.say(HELLO)
    assert [json.loads((await client.receive())[1])["n"] for _ in range(3_000)] == list(range(3_000))
    await client.leave()


async def test_a_large_frame_goes_out_whole(house) -> None:
    async def large(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
        async with live as socket:
            for size in (0, 125, 126, 65_535, 65_536, 1_000_000):
                socket.send(b"y" * size)
            async for _ in socket:
                pass
        return live.response

    here = await house(socket_route(large))
    client = await RawSocket.connect(here)
    client.say(HELLO)
    assert [len((await client.receive())[1]) for _ in range(6)] == [0, 125, 126, 65_535, 65_536, 1_000_000]
    await client.leave()


async def test_a_peer_that_answers_no_ping_is_gone(house) -> None:
    ended = asyncio.Event()

    async def wait(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say, heartbeat_s=0.2)
        async with live as socket:
            async for _ in socket:
                pass
        ended.set()
        return live.response

    here = await house(socket_route(wait))
    client = await RawSocket.connect(here)
    client.say(HELLO)
    assert (await client.receive())[0] == 9
    await asyncio.wait_for(ended.wait(), 5)
    await client.leave()


async def test_a_peer_that_answers_pings_stays(house) -> None:
    here = await house(socket_route(heartbeat_s=0.1))
    client = await greeted(here)
    for _ in range(5):
        kind, data = await client.receive()
        assert kind == 9
        client.send(masked(10, data))
    client.say('{"type": "say", "text": "here"}')
    while (answer := await client.receive())[0] == 9:
        client.send(masked(10, answer[1]))
    assert json.loads(answer[1])["text"] == "here"
    await client.leave()


@pytest.mark.parametrize(("problem", "code"), [
    (Unauthenticated(), 4401), (Forbidden(), 4403), (NotFound(), 4404), (Conflict(), 1011),
    (RuntimeError("canary"), 1011),
])  # fmt: skip
async def test_an_error_of_the_handler_is_told_and_closes(house, caplog, problem: Exception, code: int) -> None:
    async def fail(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
        async with live:
            raise problem
        return live.response

    here = await house(socket_route(fail))
    client = await RawSocket.connect(here)
    client.say(HELLO)
    _, data = await client.receive()
    error = json.loads(data)
    assert error["type"] == "error"
    assert (await client.closing())[0] == code
    assert ("reference" in error) is (code == 1011 and error["code"] == "internal")
    assert "canary" not in caplog.text + data.decode()
    await client.leave()


async def test_the_server_goes_away_with_1001(house) -> None:
    here = await house(socket_route())
    clients = [await greeted(here) for _ in range(3)]
    waiting = await RawSocket.connect(here)
    ending = asyncio.ensure_future(here.runner.cleanup())
    codes = [(await client.closing())[0] for client in (*clients, waiting)]
    assert codes == [1001] * 4
    for client in (*clients, waiting):
        await client.leave()
    await ending


async def test_a_handler_that_closes_gives_its_code_and_reason(house) -> None:
    async def revoke(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
        async with live as socket:
            socket.send(b'{"type":"last"}')
            await socket.close(4403, "right revoked")
            socket.send(b'{"type":"never"}')
            assert [frame async for frame in socket] == []
        return live.response

    here = await house(socket_route(revoke))
    async with here.socket() as client:
        await client.send_str(HELLO)
        assert await client.receive_json() == {"type": "last"}
        message = await client.receive()
        assert (message.type, message.data, message.extra) == (WSMsgType.CLOSE, 4403, "right revoked")


async def test_a_socket_can_be_closed_from_elsewhere(house) -> None:
    """A revoked right closes the socket from the task that hears of it."""
    opened: list[LiveSocket] = []
    here = await house(socket_route(lambda request: keep(request, opened)))
    client = await RawSocket.connect(here)
    client.say(HELLO)
    client.say('{"type": "say", "text": "x"}')
    await client.receive()
    closing = asyncio.ensure_future(opened[0].close(4403, "revoked"))
    assert await client.closing() == (4403, "revoked")
    await client.leave()
    await closing


async def keep(request: web.Request, opened: list[LiveSocket]) -> web.StreamResponse:
    live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
    async with live as socket:
        opened.append(socket)
        async for frame in socket:
            socket.send(frame)
    return live.response


async def test_a_client_that_closes_ends_the_iteration(house) -> None:
    ended: list[int | None] = []

    async def note(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
        async with live as socket:
            async for _ in socket:
                pass
            ended.append(socket.close_code)
        return live.response

    here = await house(socket_route(note))
    async with here.socket() as client:
        await client.send_str(HELLO)
        await client.close(code=1000)
    gone = await RawSocket.connect(here)
    gone.say(HELLO)
    gone.writer.transport.abort()
    await until(lambda: len(ended) == 2)
    assert ended[0] == 1000
    assert ended[1] is not None


async def test_what_was_not_greeted_never_reaches_the_handler(house) -> None:
    entered: list[str] = []

    async def note(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
        try:
            async with live:
                entered.append("in")
        except SocketClosed:
            entered.append("closed")
            raise
        return live.response

    here = await house(socket_route(note))
    client = await RawSocket.connect(here)
    client.send(masked(8, struct.pack(">H", 1000)))
    assert (await client.closing())[0] == 1000
    await client.leave()
    await until(lambda: entered)
    assert entered == ["closed"]


async def test_sockets_are_counted_and_forgotten(house) -> None:
    here = await house(socket_route())
    client = await greeted(here)
    metrics = here.app[METRICS]
    assert b'frontdesk_sockets_open{route="/ws"} 1.0' in metrics.text()
    assert len(here.app[ROOM]) == 1
    await client.leave()
    await until(lambda: not len(here.app[ROOM]))
    assert b'frontdesk_sockets_open{route="/ws"} 0.0' in metrics.text()


async def test_types_that_let_unknown_members_pass_cannot_be_used(house) -> None:
    import msgspec

    class Loose(msgspec.Struct, tag_field="type", tag="loose"):
        pass

    async def loose(request: web.Request) -> web.StreamResponse:
        async with LiveSocket.accept(request, hello_type=Loose, frame_type=Say) as socket:
            return socket.response

    here = await house(socket_route(loose))
    client = await RawSocket.connect(here)
    assert client.head.startswith(b"HTTP/1.1 500")
    await client.leave()


async def test_a_peer_that_resets_while_we_speak_is_no_error_of_ours(house, caplog) -> None:
    """The page is left in the middle of a reply: the browser resets the connection."""
    speaking = asyncio.Event()

    async def speak(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
        async with live as socket:
            for _ in range(100):
                socket.send(b"x" * 20_000)
            speaking.set()
            async for frame in socket:
                socket.send(frame)
        return live.response

    here = await house(socket_route(speak))
    for _ in range(20):
        speaking.clear()
        client = await RawSocket.connect(here)
        client.say(HELLO)
        client.say('{"type":"say","text":"x"}')
        await speaking.wait()
        client.send(masked(8, struct.pack(">H", 1001)))
        client.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.writer.transport.abort()
    await until(lambda: not len(here.app[ROOM]))
    assert [record for record in caplog.records if record.name == "frontdesk.error"] == []


async def test_a_peer_that_leaves_without_waiting_for_our_goodbye_is_no_error_of_ours(house, caplog) -> None:
    """A page that is left says 1001 and is gone: our close frame is answered by a reset."""
    here = await house(socket_route())
    for _ in range(20):
        client = await greeted(here)
        client.send(masked(8, struct.pack(">H", 1001)))
        await client.leave()
    await until(lambda: not len(here.app[ROOM]))
    assert [record.getMessage() for record in caplog.records if record.name == "frontdesk.error"] == []


async def test_an_error_after_the_goodbye_ends_quietly(house) -> None:
    """Sending after the close frame is dropped; a pong is not written any more."""

    async def speak(request: web.Request) -> web.StreamResponse:
        live = LiveSocket.accept(request, hello_type=Hello, frame_type=Say)
        async with live as socket:
            await socket.close(4403, "revoked")
            await socket.close(4404, "again")
            socket.send(b"x")
            raise NotFound
        return live.response

    here = await house(socket_route(speak))
    client = await RawSocket.connect(here)
    client.say(HELLO)
    assert await client.closing() == (4403, "revoked")
    await client.leave()


async def test_the_socket_over_tls_of_our_own(house, tmp_path) -> None:
    certificate = await asyncio.to_thread(make_certificate, tmp_path)
    here = await house(
        socket_route(),
        Route("GET", "/secure", secure, PUBLIC, "api"),
        settings={"base_url": "https://127.0.0.1:{port}"},
        ssl_context=certificate.context,
    )
    trust = await asyncio.to_thread(ssl.create_default_context, cafile=str(certificate.file))
    url = f"https://127.0.0.1:{here.port}"
    async with here.client.get(f"{url}/secure", ssl=trust) as answer:
        assert await answer.json() == [True, url]
        assert answer.headers["Strict-Transport-Security"]
    async with here.client.ws_connect(f"{url}/ws", ssl=trust, headers={"Origin": url}) as client:
        await client.send_str(HELLO)
        await client.receive_json()
        await client.send_str("x" * 20_000)
        assert (await client.receive()).data == 1009
    with pytest.raises(WSServerHandshakeError) as refused:
        await here.client.ws_connect(f"{url}/ws", ssl=trust, headers={"Origin": here.origin})
    assert refused.value.status == 403


async def secure(request: web.Request) -> web.Response:
    return web.json_response([is_secure(request), origin_of(request)])


def test_all_of_this_holds_on_uvloop_too() -> None:
    """The server runs on uvloop, whose transports are its own."""

    async def story() -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        settings = WebSettings(base_url=f"http://127.0.0.1:{port}", header_timeout_s=0.3)
        runner = await serve(build_app([socket_route(hello_timeout_s=0.2)], settings=settings), sock=listening)
        async with ClientSession(f"http://127.0.0.1:{port}") as session:
            here = House(runner.app, runner, port, session)
            client = await greeted(here)
            client.say('{"type": "say", "text": "x"}')
            assert b'"x"' in (await client.receive())[1]
            client.send(masked(1, b"x" * 100_000))
            assert (await client.closing())[0] == 1009
            await client.leave()
            silent = await RawSocket.connect(here)
            assert (await silent.closing())[0] == 4401
            await silent.leave()
            unmasked = await greeted(here)
            unmasked.send(b"\x81\x01x")
            assert (await unmasked.closing())[0] == 1002
            await unmasked.leave()
            reader, writer = await here.open()
            writer.write(b"GET /healthz HT")
            assert await reader.read() == b""
            writer.close()
            staying = await greeted(here)
            ending = asyncio.ensure_future(runner.cleanup())
            assert (await staying.closing())[0] == 1001
            await staying.leave()
            await ending

    uvloop.run(story())
