"""Bodies of some size: taken in while they arrive, bounded in bytes, in time and in number (Z-2, Z-5, U-11).

What is taken stays in memory until it is sealed; no readable byte of it touches a disk. So only so many are taken at a
time, and one of each client. A body says its length before: one that ends early is told apart from one that is whole.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from foundation.errors import Malformed, TooLarge, TooMany, UnsupportedMedia
from foundation.web.address import limit_key
from foundation.web.bodies import invite

STALL_S = 30.0
"""A sender that does not bring 1 KiB in so long is cut."""
_PROGRESS = 1_024


class Uploads:
    """`limit`: bytes of one; `at_once`: how many are taken at a time; `stall_s`: see `STALL_S`."""

    def __init__(self, *, limit: int, at_once: int = 16, stall_s: float = STALL_S) -> None:
        self.limit = limit
        self._at_once = at_once
        self._stall_s = stall_s
        self._senders: set[str] = set()

    @asynccontextmanager
    async def taken(self, request: web.Request) -> AsyncIterator[bytes]:
        """The body, whole. Raises `TooLarge`, `TooMany`, `UnsupportedMedia`, `Malformed`; nothing is kept then."""
        length = self._length(request)
        sender = limit_key(request)
        if sender in self._senders or len(self._senders) >= self._at_once:
            raise TooMany("Another file is on its way. Please wait until it has arrived.", retry_after=5)
        self._senders.add(sender)
        try:
            await invite(request)
            yield await self._whole(request, length)
        finally:
            self._senders.discard(sender)

    def _length(self, request: web.Request) -> int:
        if "Content-Encoding" in request.headers:
            raise UnsupportedMedia("Send the file as it is, without Content-Encoding.")
        length = request.content_length
        if length is None:
            raise Malformed("Say the length of the file (Content-Length).")
        if length > self.limit:
            raise TooLarge(f"A file may have at most {self.limit // 1_000_000} MB. Nothing was kept.", limit=self.limit)
        return length

    async def _whole(self, request: web.Request, length: int) -> bytes:
        content, due = bytearray(), _PROGRESS
        try:
            while len(content) < length:
                async with asyncio.timeout(self._stall_s):
                    while len(content) < min(due, length):
                        part = await request.content.readany()
                        if not part:
                            raise Malformed("The file did not arrive whole. Nothing was kept.")
                        content += part
                due = len(content) + _PROGRESS
        except TimeoutError:
            request.protocol.close()
            raise Malformed("The file did not arrive in time. Nothing was kept.") from None
        return bytes(content)
