"""A child process that rotates an account's wrapping key again and again and mints keys meanwhile, until killed.

    python -m tests.foundation.keys.rotate <file>

Says `key <id> <a sealed text in hexadecimal>` for every key that was minted, and `rotated` after each rotation.
"""

import asyncio
import os
import sys
from pathlib import Path

from foundation.clock import SystemClock
from foundation.keys import KINDS, Keyring
from foundation.records import SqliteEngine
from tests.foundation.keys.conftest import MASTER


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


async def main() -> None:
    engine = SqliteEngine(Path(sys.argv[1]), KINDS)
    await engine.open()
    keyring = Keyring(engine, MASTER, SystemClock())
    await keyring.open()

    async def mint() -> None:
        while True:
            key = await keyring.mint("blue", "conversation")
            say(f"key {key} {(await keyring.cipher('blue', key)).seal(key.encode()).hex()}")

    async def rotate() -> None:
        while True:
            await keyring.rotate("blue")
            say("rotated")

    await asyncio.gather(mint(), mint(), mint(), rotate())


if __name__ == "__main__":
    asyncio.run(main())
