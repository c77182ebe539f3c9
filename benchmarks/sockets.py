"""Ten thousand visitors who say nothing: memory for each, and how long one of them waits for an answer.

The product in a process of its own; the visitors in another, on bare sockets that do no more than to answer pings. Each
greets, accepts the notice and then has a conversation. Beside it, in the same run, aiohttp alone: the same upgrade, the
same heartbeat, a handler that waits. Memory is what the serving process grew by, over the number of sockets; what the
kernel holds for a connection is the same for both and not in it.

    .venv/bin/python benchmarks/sockets.py [--visitors 10000] [--answers 200] [--json]
"""

import argparse
import asyncio
import base64
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from aiohttp import web

from benchmarks import turns

PER_ADDRESS = 100
"""Sockets from one loopback address: the product lets one address begin 120 chats in an hour."""
AT_ONCE = 32
LIMITS = {"FRONTDESK_WEB__SOCKETS_IN_ALL": "100000"}


class Line(asyncio.Protocol):
    """A client's end of one WebSocket: masks what it sends, answers pings, hands over texts."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._data = b""
        self._upgraded = False
        self._waiting: asyncio.Future[str] | None = None
        self._texts: list[str] = []
        self.lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def connection_lost(self, _: Exception | None) -> None:
        self.lost = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError("the server closed a socket"))

    def upgrade(self, base: str, path: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {urlsplit(base).netloc}",
            f"Origin: {base}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        )
        self._transport.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    def send(self, frame: dict[str, Any]) -> None:
        self._write(0x81, json.dumps(frame).encode())

    async def text(self) -> str:
        if not self._texts:
            self._waiting = self._loop.create_future()
            await self._waiting
        return self._texts.pop(0)

    async def until(self, *parts: str) -> str:
        while True:
            text = await self.text()
            if all(part in text for part in parts):
                return text
            if '"type":"error"' in text:
                raise RuntimeError(text)

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._upgraded:
            head, found, rest = self._data.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(head.decode())
            self._upgraded, self._data = True, rest
        while self._take():
            pass

    def _take(self) -> bool:
        data = self._data
        if len(data) < 2:
            return False
        length, at = data[1] & 0x7F, 2
        if length == 126:
            length, at = int.from_bytes(data[2:4]), 4
        if len(data) < at + length:
            return False
        kind, body, self._data = data[0] & 0x0F, data[at : at + length], data[at + length :]
        if kind == 9:
            self._write(0x8A, body)
        elif kind == 1:
            self._texts.append(body.decode())
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result("")
        return True

    def _write(self, first: int, body: bytes) -> None:
        size = len(body)
        header = bytes((first, 0x80 | size)) if size < 126 else bytes((first, 0xFE)) + size.to_bytes(2)
        self._transport.write(header + b"\0\0\0\0" + body)  # a mask of zeros changes nothing


async def connect(base: str, path: str, number: int) -> Line:
    parts = urlsplit(base)
    source = f"127.0.{1 + number // PER_ADDRESS // 250}.{1 + number // PER_ADDRESS % 250}"
    loop = asyncio.get_running_loop()
    _, line = await loop.create_connection(Line, "127.0.0.1", parts.port, local_addr=(source, 0))
    line.upgrade(base, path)
    return line


async def greet(base: str, bot: str, number: int) -> Line:
    """A visitor with a conversation; without a bot, somebody at the bare peer."""
    if not bot:
        line = await connect(base, "/", number)
        line.send({"type": "hello"})
        await line.text()
        return line
    line = await connect(base, "/ws/visitor", number)
    line.send({"type": "hello", "bot": bot, "device": None, "since": 0, "locale": "en"})
    welcome = json.loads(await line.until('"type":"welcome"'))
    device = (uuid.uuid4().hex + uuid.uuid4().hex)[:43]
    line.send({"type": "consent", "notice": welcome["notice"]["version"], "device": device})
    await line.until('"type":"welcome"', '"consented":true')
    return line


async def visit(base: str, bot: str, visitors: int, answers: int, offset: int = 0) -> None:
    """Open all sockets and say so; when told, have some of them ask something; end with the standard input."""
    lines: list[Line] = []
    started = time.perf_counter()
    for first in range(0, visitors, AT_ONCE):
        numbers = range(offset + first, offset + min(first + AT_ONCE, visitors))
        lines += await asyncio.gather(*(greet(base, bot, number) for number in numbers))
    print(json.dumps({"open_s": round(time.perf_counter() - started, 1)}), flush=True)
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.readline)
    waits = []
    for line in random.sample(lines, min(answers, visitors)):
        asked = time.perf_counter()
        if bot:
            line.send({"type": "message", "client_id": str(uuid.uuid4()), "text": "hi", "payload": "/greet"})
            await line.until('"by":"bot"', '"kind":"message"')
        else:
            line.send({"type": "message", "text": "hi"})
            await line.text()
        waits.append(time.perf_counter() - asked)
    cut = statistics.quantiles(waits, n=100)
    lost = sum(line.lost for line in lines)
    print(json.dumps({"p50_ms": round(cut[49] * 1e3, 2), "p95_ms": round(cut[94] * 1e3, 2), "lost": lost}), flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)


async def serve_bare() -> None:
    """The peer: aiohttp's WebSocket with a heartbeat, and a handler that echoes."""

    async def socket(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse(heartbeat=20.0, compress=False)
        await response.prepare(request)
        async for message in response:
            await response.send_str(message.data)
        return response

    app = web.Application()
    app.router.add_get("/", socket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def child(*arguments: str) -> subprocess.Popen[str]:
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, __file__, *arguments], cwd=turns.ROOT, **pipes)


def said(process: subprocess.Popen[str], ask: str = "") -> Any:
    assert process.stdin is not None
    assert process.stdout is not None
    if ask:
        process.stdin.write(ask + "\n")
        process.stdin.flush()
    return json.loads(process.stdout.readline())


def hold(pid: int, base: str, bot: str, visitors: int, answers: int) -> dict[str, Any]:
    """The figures of one server with that many visitors."""
    warm = child("--visit=" + json.dumps([base, bot, 50, 50, 1_000_000]))
    said(warm)
    said(warm, "ask")
    end(warm)
    before = turns.memory_mb(pid)
    guests = child("--visit=" + json.dumps([base, bot, visitors, answers]))
    try:
        opened = said(guests)
        after = turns.memory_mb(pid)
        answered = said(guests, "ask")
    finally:
        end(guests)
    return {"kb_each": round((after - before) * 1024 / visitors, 1), "memory_mb": after, **opened, **answered}


def end(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def measure(visitors: int, answers: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        server, ready, _ = turns.serve(Path(folder) / "data", turns.MOODBOT if turns.MOODBOT.is_dir() else None, LIMITS)
        try:
            product = hold(server.pid, ready["base_url"], ready["bot"], visitors, answers)
        finally:
            server.terminate()
            server.wait()
    peer = child("--bare")
    try:
        bare = hold(peer.pid, f"http://127.0.0.1:{said(peer)}", "", visitors, answers)
    finally:
        end(peer)
    return {"visitors": visitors, "frontdesk": product, "bare_aiohttp": bare}


def table(figures: dict[str, Any]) -> str:
    lines = [
        f"{figures['visitors']:,} open sockets",
        f"{'':<14}{'kB each':>9}{'MB in all':>11}{'p50 ms':>8}{'p95 ms':>8}",
    ]
    for name in ("frontdesk", "bare_aiohttp"):
        row = figures[name]
        lines.append(
            f"{name:<14}{row['kb_each']:>9}{row['memory_mb']:>11}{row['p50_ms']:>8}{row['p95_ms']:>8}"
            f"   opened in {row['open_s']} s, {row['lost']} lost"
        )
    return "\n".join(
        [*lines, "ms: from a message of one of them to its answer (frontdesk: stored and by the bot; bare: echoed)"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--visitors", type=int, default=10_000)
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--visit", type=json.loads, help=argparse.SUPPRESS)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard < options.visitors + 500:
        parser.error(f"this user may open {hard} files; --visitors {hard - 500} is the most")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if options.bare or options.visit:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve_bare() if options.bare else visit(*options.visit))
        return
    figures = measure(options.visitors, options.answers)
    print(json.dumps(figures, indent=2) if options.json else table(figures))


if __name__ == "__main__":
    main()
