"""A TCP proxy that can lose one direction, as a network does: what is sent that way does not arrive, and nobody is told."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Literal

Way = Literal["up", "down"]
"""From the client to the server, and back."""
_PATIENCE = 30


class Proxy:
    """Stands before one server on loopback, in a thread of its own, so that tests of both kinds can use it.

    TCP does not lose what it has taken: while a way is stopped its bytes wait, and they arrive when it is healed. When the
    outage outlived a connection, `heal(cut=True)` resets those that were open.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self._target = target
        self._loop = asyncio.new_event_loop()
        self._open: dict[Way, asyncio.Event] = {"up": asyncio.Event(), "down": asyncio.Event()}
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(_PATIENCE)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive()

    def lose(self, way: Way) -> None:
        """From now on nothing arrives that is sent this way, new connections included."""
        self._there(self._open[way].clear)

    def heal(self, *, cut: bool = False) -> None:
        """Both ways are there again; with `cut`, what was open until now is reset."""

        def heal() -> None:
            for writer in self._writers if cut else ():
                writer.transport.abort()
            for way in self._open.values():
                way.set()

        self._there(heal)

    def _there(self, work: Callable[[], object]) -> None:
        """Do it in the proxy's thread, and return when it was done."""
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (work(), done.set()))
        assert done.wait(_PATIENCE)

    def _run(self) -> None:
        with contextlib.closing(self._loop) as loop:
            loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        for way in self._open.values():
            way.set()
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._end.wait()
        server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        ways = ((reader, back, self._open["up"]), (there, writer, self._open["down"]))
        pumps = {asyncio.create_task(self._pump(*way)) for way in ways}
        self._pumps |= pumps
        await asyncio.gather(*pumps, return_exceptions=True)
        self._pumps -= pumps
        for one in (writer, back):
            one.transport.abort()
        self._writers -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_open: asyncio.Event) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65_536):
                await is_open.wait()
                writer.write(data)
                await writer.drain()
            await is_open.wait()
            writer.write_eof()


@contextlib.contextmanager
def before(port: int) -> Iterator[Proxy]:
    """A proxy before the server that listens, or will listen, on this port."""
    proxy = Proxy(port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
