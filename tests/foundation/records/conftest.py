import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from foundation.clock import ManualClock
from foundation.keys import KINDS as KEY_KINDS
from foundation.keys import Keyring, MasterKey
from foundation.records import Collection, Kind, MemoryEngine, SqliteEngine

PERSON = Kind("person", fields=("role", "email"), unique=(("account", "email"), ("email",)), indexes=(("role",),))


class Person(msgspec.Struct, frozen=True):
    name: str
    note: str = ""


class Store:
    """An SQLite store that can be closed, changed by hand as an attacker with its file would, and opened again."""

    def __init__(self, file: Path, kinds: Sequence[Kind]) -> None:
        self.file = file
        self.kinds = kinds
        self.engine = SqliteEngine(file, kinds)

    async def edit(self, *statements: tuple[str, Sequence[Any]]) -> None:
        await self.engine.close()
        with sqlite3.connect(self.file) as db:
            for statement, values in statements:
                assert db.execute(statement, values).rowcount > 0, "the attack missed"
        db.close()
        await self.engine.open()

    async def look(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        await self.engine.close()
        db = sqlite3.connect(self.file)
        found = db.execute(statement, values).fetchall()
        db.close()
        await self.engine.open()
        return found


@pytest_asyncio.fixture
async def keyring() -> AsyncIterator[Keyring]:
    engine = MemoryEngine(KEY_KINDS)
    await engine.open()
    keyring = Keyring(engine, MasterKey(bytes(range(32))), ManualClock())
    await keyring.open()
    yield keyring
    await engine.close()


@pytest.fixture
def kinds() -> list[Kind]:
    """The kinds of the store; a test module may say otherwise."""
    return [PERSON]


@pytest_asyncio.fixture
async def store(tmp_path: Path, kinds: list[Kind]) -> AsyncIterator[Store]:
    store = Store(tmp_path / "records.db", kinds)
    await store.engine.open()
    yield store
    await store.engine.close()


@pytest.fixture
def people(store: Store, keyring: Keyring) -> Collection[Person]:
    return Collection(store.engine, keyring, PERSON, Person)
