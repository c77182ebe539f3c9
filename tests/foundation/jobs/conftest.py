from collections.abc import AsyncIterator

import msgspec
import pytest
import pytest_asyncio

from foundation.clock import ManualClock
from foundation.jobs import KINDS
from foundation.keys import KINDS as KEY_KINDS
from foundation.keys import Keyring, MasterKey
from foundation.records import Engine, MemoryEngine, SqliteEngine


class Letter(msgspec.Struct, frozen=True):
    to: str
    number: int = 0


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def keyring(clock: ManualClock) -> AsyncIterator[Keyring]:
    engine = MemoryEngine(KEY_KINDS)
    await engine.open()
    keyring = Keyring(engine, MasterKey(bytes(range(32))), clock)
    await keyring.open()
    yield keyring
    await engine.close()


@pytest_asyncio.fixture(params=["memory", "sqlite"])
async def engine(request: pytest.FixtureRequest, tmp_path) -> AsyncIterator[Engine]:
    engine = MemoryEngine(KINDS) if request.param == "memory" else SqliteEngine(tmp_path / "jobs.db", KINDS)
    await engine.open()
    yield engine
    await engine.close()
