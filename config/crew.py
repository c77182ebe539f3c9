"""`frontdesk serve --workers N`: one process that serves nothing itself, and N workers that do.

It holds what the workers share: the listening socket, from which each of them accepts (so that nobody who connects while
one of them goes is turned away), the locks of the stores, and the hub of their signals. A worker is a fresh interpreter
(`config.worker`). One that ends is replaced, after a pause that grows while that goes on.

SIGTERM and SIGINT end all of them in good order; SIGHUP, one after the other: each begins again, with the settings as
they are then, before the next one ends. Settings of what they share (`SHARED`) stay as they were at the start.
"""

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec

from config.installation import settings_of
from config.server import introduce, listen, log_to_stderr, say, tls_of
from config.settings import Settings
from config.stores import Refused, open_stores, owned
from config.wiring import KINDS, build
from config.worker import Order
from foundation.clock import SystemClock
from foundation.hub import Hub
from foundation.tasks import ended

READY_WITHIN = 120.0
"""Seconds that a worker may take until it accepts connections."""
STOP_WITHIN = 30.0
"""Seconds that it may take to end; then it is killed, as if it had crashed: nothing that was acknowledged is lost."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
"""Seconds before a worker that ended by itself is replaced: the first time, the next …"""
STEADY = 60.0
"""After so many seconds its next end counts as the first again."""

SHARED = ("storage.url", "keys.url", "signals.redis_url", "web.host", "web.port")
"""Settings that must be the same for all workers: two of them with different stores would be two installations."""

log = logging.getLogger("frontdesk")


async def serve(data: Path, overrides: Mapping[str, Any], *, workers: int, as_json: bool) -> None:
    """Serve with so many workers until SIGINT or SIGTERM. Raises `Refused`, as `config.server.serve` does."""
    log_to_stderr()
    if sys.platform != "linux":
        raise Refused("--workers needs Linux. Leave it out: one process serves everything.")
    settings = settings_of(data, overrides)
    tls_of(settings)
    with listen(settings) as listening, owned(settings) as locks:
        port = listening.getsockname()[1]
        said = await _prepare(settings, port, fresh_passwords=bool(overrides.get("demo")))

        def order(worker: int, line: int) -> Order:
            return Order(
                worker=worker,
                data=str(data),
                overrides={key: str(value) if isinstance(value, Path) else value for key, value in overrides.items()},
                port=port,
                listening=listening.fileno(),
                line=line,
                locks=tuple(lock.fileno() for lock in locks),
            )

        crew = Crew(workers, order)
        try:
            await crew.start()
            urls = [worker.metrics_url for worker in crew.workers if worker.metrics_url]
            say(said | {"workers": workers, "metrics_urls": urls}, settings, as_json=as_json)
            await _lead(crew, lambda: _checked(settings_of(data, overrides), settings))
        finally:
            await crew.stop()


async def _prepare(settings: Settings, port: int, *, fresh_passwords: bool) -> dict[str, Any]:
    """Make what is missing, before there are workers; what is said at the start."""
    clock = SystemClock()
    async with open_stores(settings, KINDS, clock, shared=True) as stores:
        return await introduce(build(settings, stores, clock=clock, port=port), fresh_passwords=fresh_passwords)


def _checked(changed: Settings, began: Settings) -> None:
    """Raises `Refused` for settings with which no worker may begin beside those that go on."""
    tls_of(changed)
    for name in SHARED:
        if attrgetter(name)(changed) != attrgetter(name)(began):
            raise Refused(f"{name} is another one now. Stop the server and start it for that.")


async def _lead(crew: "Crew", check: Callable[[], None]) -> None:
    """Do what signals ask, until the end is asked for."""
    stopping, again = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    for how in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(how, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, again.set)
    renewing = asyncio.create_task(_renew(crew, check, again), name="renewing")
    try:
        await stopping.wait()
    finally:
        await ended(renewing)


async def _renew(crew: "Crew", check: Callable[[], None], again: asyncio.Event) -> None:
    while True:
        await again.wait()
        again.clear()
        try:
            check()
        except Refused as refusal:
            log.warning("the workers go on as they are: %s", refusal)
            continue
        await crew.renew()


class Worker:
    """One place in the crew, and the process that fills it now. Only for `Crew`."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: asyncio.subprocess.Process | None = None
        self.ready = asyncio.Event()
        self.metrics_url: str | None = None
        self.asked_to_end = False


class Crew:
    """The workers. `order` writes the order of one, given its number and its line's open file."""

    def __init__(self, size: int, order: Callable[[int, int], Order]) -> None:
        self.workers = [Worker(number) for number in range(size)]
        self._order = order
        self._hub = Hub()
        self._keeping: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Returns when every worker accepts connections. Raises `Refused` when one cannot; its reason is in the log."""
        for worker in self.workers:
            await self._begin(worker)
        for worker in self.workers:
            if not await self._greeted(worker):
                raise Refused(f"Worker {worker.number} could not begin to serve; what it said stands above.")
        self._keeping = [asyncio.create_task(self._keep(one), name=f"worker {one.number}") for one in self.workers]

    async def renew(self) -> None:
        """One after the other: end it in good order, begin it again, wait until it serves. Stops at one that does not."""
        log.info("the workers begin again, one after the other")
        for worker in self.workers:
            worker.asked_to_end = True
            if worker.process is not None and worker.process.returncode is None:
                await self._end(worker.process)
            worker.ready.clear()  # after its end: it may have become ready while it was asked to go
            try:
                async with asyncio.timeout(READY_WITHIN):
                    await worker.ready.wait()
            except TimeoutError:
                log.warning("worker %d does not serve; the others stay as they are", worker.number)
                return
        log.info("all workers have begun again")

    async def stop(self) -> None:
        """End all of them at once, in good order."""
        await ended(*self._keeping)
        running = [one.process for one in self.workers if one.process is not None and one.process.returncode is None]
        await asyncio.gather(*(self._end(process) for process in running))
        self._hub.close()

    async def _keep(self, worker: Worker) -> None:
        """Replace the worker whenever it ends."""
        ends = 0
        while True:
            began = time.monotonic()
            assert worker.process is not None
            code = await worker.process.wait()
            worker.ready.clear()
            if not worker.asked_to_end:
                ends = 0 if time.monotonic() - began > STEADY else ends
                pause = PAUSES[min(ends, len(PAUSES) - 1)]
                ends += 1
                log.error("worker %d ended (%s) and is replaced in %.1f s", worker.number, code, pause)
                await asyncio.sleep(pause)
            worker.asked_to_end = False
            try:
                await self._begin(worker)
            except OSError as error:
                log.warning("worker %d cannot be started: %s", worker.number, error.strerror)
                continue
            await self._greeted(worker)

    async def _begin(self, worker: Worker) -> None:
        with self._hub.join() as line:
            order = self._order(worker.number, line.fileno())
            worker.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "config.worker", msgspec.json.encode(order).decode()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=order.files,
                start_new_session=True,  # an interrupt from the terminal comes to us alone, and we hand it down
            )

    async def _greeted(self, worker: Worker) -> bool:
        """Whether it accepts connections; one that takes too long is ended."""
        process = worker.process
        assert process is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(READY_WITHIN):
                line = await process.stdout.readline()
        except TimeoutError:
            process.kill()
            return False
        if not line:
            return False
        worker.metrics_url = json.loads(line)["metrics_url"]
        worker.ready.set()
        return True

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await process.wait()
        except TimeoutError:
            log.warning("process %d did not end and is killed", process.pid)
            process.kill()
            await process.wait()
