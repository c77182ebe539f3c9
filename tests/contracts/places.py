"""Where the contract suite keeps its stores: one entry for each engine, and nothing else knows which engines there are.

Another engine joins by a class with these members and a line in `ENGINES`. An engine without a property says so here;
the tests that need it are then not made for it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from foundation.records import Engine, Kind, MemoryEngine, MongoEngine, SqliteEngine
from tests.mongo import database_url


class Place(Protocol):
    """A place for one store: every engine made here after the one before was closed finds what that one wrote."""

    name: str
    durable: bool
    """What was acknowledged survives the end of the process."""
    limited: bool
    """`max_bytes` is kept."""
    slower: int
    """Bursts are shorter by this factor where each write is a request to a server."""

    def __init__(self, folder: Path) -> None: ...

    def engine(self, kinds: Sequence[Kind], *, max_bytes: int | None = None) -> Engine: ...


class InMemory:
    name = "memory"
    durable = False
    limited = True
    slower = 1

    def __init__(self, folder: Path) -> None:
        del folder

    def engine(self, kinds: Sequence[Kind], *, max_bytes: int | None = None) -> Engine:
        return MemoryEngine(kinds, max_bytes=max_bytes)


class InSqlite:
    name = "sqlite"
    durable = True
    limited = True
    slower = 1

    def __init__(self, folder: Path) -> None:
        self._file = folder / "records.db"

    def engine(self, kinds: Sequence[Kind], *, max_bytes: int | None = None) -> Engine:
        return SqliteEngine(self._file, kinds, max_bytes=max_bytes)


class InMongo:
    """A database of its own on a server of MongoDB's protocol (`tests.mongo`), by PyMongo."""

    name = "mongo"
    durable = True
    limited = False
    slower = 20
    scheme = "mongodb"

    def __init__(self, folder: Path) -> None:
        self._url = database_url(folder, self.scheme)

    def engine(self, kinds: Sequence[Kind], *, max_bytes: int | None = None) -> Engine:
        assert max_bytes is None
        return MongoEngine(self._url, kinds)


class InMotor(InMongo):
    """The same by Motor."""

    name = "motor"
    scheme = "mongodb+motor"


ENGINES: list[type[Place]] = [InMemory, InSqlite, InMongo, InMotor]


def place_named(name: str, folder: Path) -> Place:
    """For a child process: the place that its parent means."""
    return next(place for place in ENGINES if place.name == name)(folder)
