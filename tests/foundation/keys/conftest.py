from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from foundation.clock import ManualClock
from foundation.keys import KINDS, Keyring, MasterKey
from foundation.records import Engine, MemoryEngine, SqliteEngine

MASTER = MasterKey(bytes(range(32)))
NEXT_MASTER = MasterKey(bytes(range(100, 132)))


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    """An empty key store."""
    engine: Engine = MemoryEngine(KINDS) if request.param == "memory" else SqliteEngine(tmp_path / "keys.db", KINDS)
    await engine.open()
    yield engine
    await engine.close()


async def keyring_on(engine: Engine, master: MasterKey = MASTER) -> Keyring:
    """A keyring with nothing in its memory, as after a start."""
    keyring = Keyring(engine, master, ManualClock())
    await keyring.open()
    return keyring


@pytest_asyncio.fixture
async def keyring(engine: Engine) -> Keyring:
    return await keyring_on(engine)
