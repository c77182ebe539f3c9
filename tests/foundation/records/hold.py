"""A child process that opens a store and holds it until its standard input ends.

    python -m tests.foundation.records.hold <file> [<bytes that a file may have>]

With a limit it then writes until the store refuses, and says which refusal that was and what was acknowledged before.
"""

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

from foundation.errors import Problem
from foundation.records import Kind, Row, SqliteEngine, StoreInUse

THING = Kind("thing")


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


async def main() -> None:
    engine = SqliteEngine(Path(sys.argv[1]), [THING])
    try:
        await engine.open()
    except StoreInUse as refusal:
        say(str(refusal))
        sys.exit(3)
    say("open")
    if len(sys.argv) > 2:
        await fill(engine, int(sys.argv[2]))
    await asyncio.to_thread(sys.stdin.read)
    await engine.close()


async def fill(engine: SqliteEngine, limit: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    kept = 0
    try:
        while True:
            await engine.insert(THING, Row(f"t{kept:05}", 1, "", "", {}, bytes(2000)))
            kept += 1
    except Problem as refusal:
        say(f"{type(refusal).__name__} {kept}")
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await engine.insert(THING, Row("after", 1, "", "", {}, b""))
    say("again")


if __name__ == "__main__":
    asyncio.run(main())
