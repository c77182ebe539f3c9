"""The stores of this package in memory, with a clock that moves only when told to."""

import os
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

import admin
from foundation import keys
from foundation.clock import ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import MemoryEngine
from tests.transcripts import house as houses
from transcripts import KINDS, Conversations

ACCOUNT = "blue"
BOT = "bot-1"
VISITOR = "hash-of-a-device-secret"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[MemoryEngine]:
    engine = MemoryEngine([*admin.KINDS, *KINDS])
    await engine.open()
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def keyring(clock: ManualClock) -> AsyncIterator[Keyring]:
    store = MemoryEngine(keys.KINDS)
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    yield keyring
    await store.close()


@pytest.fixture
def signals() -> LocalSignals:
    return LocalSignals()


@pytest.fixture
def conversations(engine: MemoryEngine, keyring: Keyring, signals: LocalSignals, clock: ManualClock) -> Conversations:
    return Conversations(engine, keyring, signals, clock)


@pytest_asyncio.fixture
async def chat(conversations: Conversations) -> str:
    """An open conversation with nothing said yet."""
    return await conversations.open(ACCOUNT, BOT, visitor=VISITOR, locale="en")


@pytest_asyncio.fixture
async def house(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, signals: LocalSignals
) -> AsyncIterator[houses.House]:
    """The doors, served on a loopback socket, with their cast."""
    house = await houses.build(engine, keyring, clock, signals)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    await houses.open_doors(house, listening)
    yield house
    assert house.runner is not None
    await house.runner.cleanup()
    listening.close()
