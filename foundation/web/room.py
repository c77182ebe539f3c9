"""All live sockets of the process: how many there may be, and how they are asked to come back."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Protocol

from aiohttp import web

from foundation.errors import TooMany, Unavailable
from foundation.web.settings import WebSettings

GOING_AWAY = 1001


class Closable(Protocol):
    """What the room must be able to do with a socket."""

    async def close(self, code: int = 1000, reason: str = "") -> None: ...


class SocketRoom:
    """All sockets that are open, and how many each address may hold."""

    def __init__(self, settings: WebSettings) -> None:
        self._settings = settings
        self._sockets: set[Closable] = set()
        self._by_address: Counter[str] = Counter()
        self._taken = 0
        self._closing = False

    @contextlib.contextmanager
    def place(self, address: str) -> Iterator[None]:
        """A place for one socket. Raises `TooMany` or `Unavailable` before the upgrade."""
        limit = self._settings.sockets_per_address
        if limit and self._by_address[address] >= limit:
            raise TooMany("Too many open connections from this address.", retry_after=30)
        if self._closing or self._taken >= self._settings.sockets_total:
            raise Unavailable("No more connections can be taken at the moment.", retry_after=30)
        self._by_address[address] += 1
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
            self._by_address[address] -= 1
            if not self._by_address[address]:
                del self._by_address[address]

    def enter(self, socket: Closable) -> None:
        """From now on the socket is closed when the server goes away."""
        self._sockets.add(socket)

    def leave(self, socket: Closable) -> None:
        self._sockets.discard(socket)

    async def close_all(self) -> None:
        """Ask everybody to come back (1001), and let nobody in any more."""
        self._closing = True
        await asyncio.gather(*(socket.close(GOING_AWAY, "the server goes away") for socket in tuple(self._sockets)))

    def __len__(self) -> int:
        return len(self._sockets)


ROOM = web.AppKey("web_room", SocketRoom)
