"""A frame on a real socket: `await house(routes…)` serves them on loopback and gives back who talks to them."""

import asyncio
import ipaddress
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest_asyncio
from aiohttp import web
from multidict import CIMultiDict

from foundation.web import Frame, LiveSocket, Pages, Route, Runner, WebSettings, build_app, serve


class Hello(Frame):
    name: str = ""


class Say(Frame):
    text: str
    client_id: str = ""


@dataclass
class Answer:
    status: int
    headers: CIMultiDict[str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class House:
    app: web.Application
    runner: Runner
    port: int
    client: aiohttp.ClientSession = field(repr=False)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, method: str, path: str, *, own: bool = True, **options: Any) -> Answer:
        """One request; `own`: from a page of ours."""
        headers = {"Origin": self.origin} if own and method not in {"GET", "HEAD"} else {}
        headers |= options.pop("headers", {})
        async with self.client.request(method, path, headers=headers, allow_redirects=False, **options) as answer:
            return Answer(answer.status, CIMultiDict(answer.headers), await answer.read())

    def socket(self, path: str = "/ws", **headers: str) -> Any:
        return self.client.ws_connect(path, headers={"Origin": self.origin} | headers)

    async def open(self, source: str = "127.0.0.1") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0))

    async def raw(self, *parts: bytes, source: str = "127.0.0.1") -> Answer:
        """Send bytes as they are and read one answer to the end of the connection."""
        reader, writer = await self.open(source)
        try:
            writer.write(b"".join(parts))
            return parse(await reader.read())
        finally:
            writer.close()
            await writer.wait_closed()

    def get(self, path: str, *lines: str, host: str | None = None) -> bytes:
        head = [f"GET {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{self.port}'}", "Connection: close", *lines]
        return ("\r\n".join(head) + "\r\n\r\n").encode("latin-1")


def parse(data: bytes) -> Answer:
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = CIMultiDict(line.split(": ", 1) for line in lines)
    return Answer(int(status.split()[1]) if status else 0, headers, body)


async def talk(request: web.Request, **options: Any) -> web.StreamResponse:
    """A socket that says everything back."""
    live: LiveSocket[Hello, Say] = LiveSocket.accept(request, hello_type=Hello, frame_type=Say, **options)
    async with live as socket:
        socket.send({"type": "welcome", "name": socket.hello.name})
        async for frame in socket:
            socket.send(frame)
    return live.response


def loopback_proxy(*addresses: str) -> tuple[Any, ...]:
    return tuple(ipaddress.ip_network(address) for address in addresses)


Build = Callable[..., Awaitable[House]]


@pytest_asyncio.fixture
async def house() -> AsyncIterator[Build]:
    """A function that serves routes; what it served ends with the test."""
    ended: list[Callable[[], Awaitable[None]]] = []
    opened: list[socket.socket] = []

    async def build(
        *routes: Route,
        pages: Pages | None = None,
        settings: dict[str, Any] | None = None,
        ssl_context: Any = None,
        **more: Any,
    ) -> House:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", 0))
        opened.append(listening)
        port = listening.getsockname()[1]
        chosen = {"base_url": f"http://127.0.0.1:{port}", "shutdown_s": 2.0} | (settings or {})
        chosen["base_url"] = chosen["base_url"].format(port=port)
        app = build_app(routes, settings=WebSettings(**chosen), pages=pages, **more)
        runner = await serve(app, sock=listening, ssl_context=ssl_context)
        client = aiohttp.ClientSession(f"http://127.0.0.1:{port}")
        ended.append(runner.cleanup)
        ended.append(client.close)
        return House(app, runner, port, client)

    yield build
    for end in reversed(ended):
        await end()
    for listening in opened:
        listening.close()


class RawSocket:
    """A WebSocket client that sends what no client should."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes) -> None:
        self.reader, self.writer, self.head = reader, writer, head

    @classmethod
    async def connect(cls, here: House, *lines: str, early: bytes = b"", path: str = "/ws") -> "RawSocket":
        reader, writer = await here.open()
        head = [
            f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{here.port}", f"Origin: {here.origin}", "Upgrade: websocket",
            "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", *lines,
        ]  # fmt: skip
        writer.write(("\r\n".join(head) + "\r\n\r\n").encode() + early)
        return cls(reader, writer, await reader.readuntil(b"\r\n\r\n"))

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    def say(self, text: str) -> None:
        self.send(masked(0x1, text.encode()))

    async def receive(self) -> tuple[int, bytes]:
        """One frame of the server: opcode and payload."""
        first, length = await self.reader.readexactly(2)
        assert not length & 0x80, "a server does not mask"
        if length == 126:
            length = int.from_bytes(await self.reader.readexactly(2))
        elif length == 127:
            length = int.from_bytes(await self.reader.readexactly(8))
        return first & 0xF, await self.reader.readexactly(length)

    async def closing(self) -> tuple[int, str]:
        """Read on until the close frame: its code and reason."""
        async with asyncio.timeout(10):
            while True:
                kind, data = await self.receive()
                if kind == 0x8:
                    return int.from_bytes(data[:2]), data[2:].decode()

    async def leave(self) -> None:
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return


def masked(opcode: int, payload: bytes, *, fin: bool = True, mask: bytes = b"\1\2\3\4", bits: int = 0) -> bytes:
    first = bytes(((0x80 if fin else 0) | bits | opcode,))
    size = len(payload)
    if size < 126:
        length = bytes((0x80 | size,))
    elif size < 65_536:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    return first + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)
