"""A child process that writes as fast as it can and says on its standard output what was acknowledged, until killed.

    python -m tests.contracts.burst <engine> <folder>

Each line is written in one piece after the write returned: `log <name> <number>`, `row <id>`, `gone <id>`.
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from tests.contracts.cast import HEAD, ITEM, KINDS, batch, row
from tests.contracts.places import place_named

WRITERS = 12


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


async def main() -> None:
    engine = place_named(sys.argv[1], Path(sys.argv[2])).engine(KINDS)
    await engine.open()

    async def talk(who: int) -> None:
        name, last = f"log{who}", 0
        for n in count():
            size = 1 + n % 3
            number = last + size
            body = b"%s from %d" % (name.encode(), last + 1)
            await engine.append(name, batch(last + 1, size, body), head=(HEAD, row(name, version=number, at=number)))
            last = number
            say(f"log {name} {last}")

    async def come_and_go(who: int) -> None:
        for n in count():
            await engine.insert(ITEM, row(f"w{who}n{n}", size=n))
            say(f"row w{who}n{n}")
            if n % 2:
                await engine.delete(ITEM, f"w{who}n{n - 1}")
                say(f"gone w{who}n{n - 1}")

    await asyncio.gather(*(talk(who) for who in range(WRITERS)), *(come_and_go(who) for who in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main())
