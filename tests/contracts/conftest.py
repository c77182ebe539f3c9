from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from foundation.records import Engine
from tests.contracts.cast import KINDS
from tests.contracts.places import ENGINES, Place


@pytest.fixture(params=ENGINES, ids=lambda place: place.name)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A place for a store, once for each engine."""
    return request.param(tmp_path)


@pytest.fixture(params=[place for place in ENGINES if place.durable], ids=lambda place: place.name)
def durable_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The same for the engines whose writes survive."""
    return request.param(tmp_path)


@pytest.fixture(params=[place for place in ENGINES if place.limited], ids=lambda place: place.name)
def limited_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """The same for the engines that can be full."""
    return request.param(tmp_path)


@pytest_asyncio.fixture
async def engine(place: Place) -> AsyncIterator[Engine]:
    """An open, empty store."""
    engine = place.engine(KINDS)
    await engine.open()
    yield engine
    await engine.close()
