"""Requests as no polite library would send them: byte for byte, with any header lines, from any loopback address."""

import asyncio
from dataclasses import dataclass
from urllib.parse import urlsplit

PATIENCE = 20.0
"""Seconds until an answer that must come is given up."""


@dataclass(frozen=True)
class Answer:
    """What came back, up to the end of the connection."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str:
        """All lines of one header, joined; empty when there is none."""
        return ", ".join(value for key, value in self.headers if key == name.lower())

    def without(self, *names: str) -> "Answer":
        """The same without headers that may differ from one answer to the next."""
        return Answer(self.status, tuple(pair for pair in self.headers if pair[0] not in names), self.body)


async def knock(
    base: str,
    method: str,
    path: str,
    *lines: str | bytes,
    body: bytes = b"",
    host: str | None = None,
    source: str = "127.0.0.1",
) -> Answer:
    """Send exactly these header lines (with `Host` unless `host` is empty, and the body's length) and read the answer."""
    at = urlsplit(base)
    names = {_bytes(line).partition(b":")[0].lower() for line in lines}
    head = [f"{method} {path} HTTP/1.1".encode()]
    if host != "":
        head.append(f"Host: {host or at.netloc}".encode())
    head += [_bytes(line) for line in lines]
    if (body or method != "GET") and not {b"content-length", b"transfer-encoding"} & names:
        head.append(f"Content-Length: {len(body)}".encode())
    if b"connection" not in names:
        head.append(b"Connection: close")
    reader, writer = await asyncio.open_connection(at.hostname, at.port, local_addr=(source, 0))
    try:
        writer.write(b"\r\n".join(head) + b"\r\n\r\n" + body)
        async with asyncio.timeout(PATIENCE):
            return await _answer(reader, bodiless=method == "HEAD")
    finally:
        writer.close()


async def upgrade(base: str, path: str, *lines: str | bytes, host: str | None = None) -> Answer:
    """Ask for a socket with exactly these lines beside the handshake's own; 101 when it was opened, and then closed."""
    handshake = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    return await knock(base, "GET", path, *handshake, *lines, host=host)


async def _answer(reader: asyncio.StreamReader, *, bodiless: bool) -> Answer:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError(f"no answer: {error.partial!r}") from error
    first, *lines = head.rstrip("\r\n").split("\r\n")
    status = int(first.split(" ", 2)[1])
    headers = tuple((name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = dict(headers).get("content-length")
    if bodiless or status in {101, 204, 304}:
        return Answer(status, headers, b"")
    return Answer(status, headers, await (reader.read() if length is None else reader.readexactly(int(length))))


def _bytes(line: str | bytes) -> bytes:
    return line.encode("latin-1") if isinstance(line, str) else line
