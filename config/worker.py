"""One of the workers that `frontdesk serve --workers N` starts: a fresh interpreter that serves from what it was handed.

    python -P -m config.worker ORDER

The order names open files that the process inherits: the listening socket, its line to the other workers, and the locks
of the stores, which hold as long as any worker lives. It prints one line of JSON when it accepts connections. It ends on
SIGTERM, and when the process that started it is gone.
"""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import msgspec

from config.installation import settings_of
from config.loop import run as run_in_loop
from config.server import log_to_stderr, run, signals_between
from config.stores import Refused, open_stores
from config.wiring import KINDS, build
from foundation.clock import SystemClock
from foundation.hub import HubSignals


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is told. `worker` is its number, from 0; the others are as `serve` was given them, and open files."""

    worker: int
    data: str
    overrides: dict[str, Any]
    port: int
    listening: int
    line: int
    locks: tuple[int, ...]

    @property
    def files(self) -> tuple[int, ...]:
        """What it must inherit."""
        return (self.listening, self.line, *self.locks)


async def work(order: Order) -> None:
    """Serve until told to end. Raises `Refused`."""
    log_to_stderr()
    for file in order.files:
        os.set_inheritable(file, False)
    settings = settings_of(Path(order.data), order.overrides)
    clock = SystemClock()
    listening, line = (socket.socket(fileno=file) for file in (order.listening, order.line))
    with listening:
        async with HubSignals(line) as hub, open_stores(settings, KINDS, clock, shared=True) as stores:
            signals = await signals_between(settings, stores) or hub
            house = build(settings, stores, clock=clock, port=order.port, signals=signals, shared=True)
            await run(house, settings, listening, announce=_announce, stopping=hub.left, worker=order.worker)


def _announce(metrics_url: str | None) -> None:
    sys.stdout.write(json.dumps({"metrics_url": metrics_url}) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Raises `SystemExit`: 1 with a sentence when it cannot serve."""
    try:
        run_in_loop(work(msgspec.json.decode(sys.argv[1], type=Order)))
    except Refused as refusal:
        sys.stderr.write(f"frontdesk: {refusal}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
