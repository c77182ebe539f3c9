"""How fast it could be at all: the same socket, the same disk, the same cipher, and nothing of the product in between.

A bare aiohttp WebSocket that echoes a visitor's frame; the same after one AES-GCM-sealed append that is durable (group
commit of everything that waits, SQLite, WAL, `synchronous=FULL`), and after two, one for the message and one for the
reply. A visitor sends its next frame when the echo is there. Server and visitors are two processes with uvloop, as in
`turns.py`, which prints the product's figures beside these. All code of the limit is in this file.

    .venv/bin/python benchmarks/limit.py [--visitors 1 8 32] [--seconds 3] [--json]
"""

import argparse
import asyncio
import json
import os
import queue
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import uvloop
from aiohttp import web
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MODES = {"echo": 0, "one_append": 1, "two_appends": 2}
CLIENT_ID = "8d1b1f0e-0c6c-4d0e-9c5e-7d9b0f0f2b11"
FRAME = json.dumps({"type": "message", "client_id": CLIENT_ID, "text": "hi there, so perfect"})
INSERT = "INSERT INTO log (body) VALUES "
SEALED = 256
"""Bytes of one append: a message of some words, padded as the product pads it."""


class RawLog:
    """The least that is durable: one thread, one table, one transaction for all that waits."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "limit.db"
        self._waiting: queue.SimpleQueue[tuple[asyncio.Future[None], bytes] | None] = queue.SimpleQueue()
        self._cipher = AESGCM(os.urandom(32))
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def append(self, plain: bytes) -> asyncio.Future[None]:
        nonce = os.urandom(12)
        done = self._loop.create_future()
        self._waiting.put((done, nonce + self._cipher.encrypt(nonce, plain, b"conversation")))
        return done

    def close(self) -> None:
        self._waiting.put(None)
        self._thread.join()

    def _write(self) -> None:
        db = sqlite3.connect(self._file, isolation_level=None, cached_statements=256)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 2000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("CREATE TABLE log (number INTEGER PRIMARY KEY, body BLOB)")
        while group := self._group():
            db.execute("BEGIN IMMEDIATE")
            for start in range(0, len(group), 64):
                part = group[start : start + 64]
                db.execute(INSERT + ", ".join(["(?)"] * len(part)), [body for _, body in part])
            db.execute("COMMIT")
            self._loop.call_soon_threadsafe(_finish, [done for done, _ in group])
        db.close()

    def _group(self) -> list[tuple[asyncio.Future[None], bytes]]:
        group = []
        item = self._waiting.get()
        while item is not None:
            group.append(item)
            try:
                item = self._waiting.get_nowait()
            except queue.Empty:
                return group
        return []


def _finish(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


async def measure_append_limit(directory: Path, callers: int, seconds: float) -> float:
    """Durable sealed appends a second with so many callers, each of whom waits for its own. `directory` is on the disk
    that is meant; files are left in it."""
    log = RawLog(directory)
    plain = bytes(SEALED)
    started = time.perf_counter()
    until = started + seconds

    async def caller() -> int:
        count = 0
        while time.perf_counter() < until:
            await log.append(plain)
            count += 1
        return count

    total = sum(await asyncio.gather(*(caller() for _ in range(callers))))
    elapsed = time.perf_counter() - started
    log.close()
    return total / elapsed


async def serve(appends: int, folder: Path) -> None:
    """An echo server with so many appends a turn; says its port and ends with its standard input."""
    log = RawLog(folder)

    async def socket(request: web.Request) -> web.WebSocketResponse:
        response = web.WebSocketResponse(compress=False)
        await response.prepare(request)
        async for message in response:
            text = message.data
            for _ in range(appends):
                await log.append(text.encode().ljust(SEALED, b"\0"))
            await response.send_str(text)
        return response

    app = web.Application()
    app.router.add_get("/", socket)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()
    log.close()


async def load(port: int, visitors: int, seconds: float) -> float:
    """Echoes a second that so many visitors get."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        started = time.perf_counter()
        until = started + seconds

        async def visitor() -> int:
            count = 0
            async with session.ws_connect(f"http://127.0.0.1:{port}/", max_msg_size=0) as socket:
                while time.perf_counter() < until:
                    await socket.send_str(FRAME)
                    await socket.receive_str()
                    count += 1
            return count

        total = sum(await asyncio.gather(*(visitor() for _ in range(visitors))))
        return total / (time.perf_counter() - started)


@contextmanager
def serving(appends: int, folder: Path) -> Iterator[int]:
    """A server in a process of its own; gives its port."""
    command = [sys.executable, __file__, "--serve", str(appends), str(folder)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


def measure_limits(visitors: Sequence[int], seconds: float, directory: Path | None = None) -> dict[int, dict[str, int]]:
    """For each number of visitors the echoes a second of each mode, and the appends a second without any socket.

    `directory`: where the files go while it runs (default: the system's folder for temporary files).
    """
    found: dict[int, dict[str, int]] = {count: {} for count in visitors}
    for mode, appends in MODES.items():
        with tempfile.TemporaryDirectory(dir=directory) as folder, serving(appends, Path(folder)) as port:
            for count in visitors:
                command = [sys.executable, __file__, "--load", str(port), str(count), str(seconds)]
                result = subprocess.run(command, check=True, capture_output=True, text=True)
                found[count][mode] = round(float(result.stdout))
    for count in visitors:
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            found[count]["appends"] = round(uvloop.run(measure_append_limit(Path(folder), count, seconds)))
    return found


def table(figures: dict[int, dict[str, int]]) -> str:
    """For people."""
    lines = [f"{'visitors':>8} {'echo/s':>10} {'+1 append':>10} {'+2 appends':>10} {'appends/s':>10}"]
    for count, row in figures.items():
        cells = " ".join(f"{row[name]:>10,}" for name in (*MODES, "appends"))
        lines.append(f"{count:>8} {cells}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--directory", type=Path, help="a folder on the disk that is meant")
    parser.add_argument("--serve", nargs=2, metavar=("APPENDS", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--load", nargs=3, metavar=("PORT", "VISITORS", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(int(options.serve[0]), Path(options.serve[1])))
    elif options.load:
        port, visitors, seconds = options.load
        print(uvloop.run(load(int(port), int(visitors), float(seconds))))
    else:
        figures: dict[int, Any] = measure_limits(options.visitors, options.seconds, options.directory)
        print(json.dumps(figures, indent=2) if options.json else table(figures))


if __name__ == "__main__":
    main()
