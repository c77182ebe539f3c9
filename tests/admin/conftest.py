"""The admin's cast; every test has a house of its own."""

import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest_asyncio

from tests.admin import house as houses
from tests.admin.house import House

Build = Callable[..., Awaitable[House]]


@pytest_asyncio.fixture
async def build_house() -> AsyncIterator[Build]:
    """A function that serves a house; `proxies` are believed, `empty` has no people, the rest goes to `admin.build`."""
    async with contextlib.AsyncExitStack() as stack:

        async def build(*, proxies: tuple[str, ...] = (), empty: bool = False, **services: Any) -> House:
            house = await houses.build(**services)
            house.proxies = proxies
            stack.push_async_callback(house.engine.close)
            if not empty:
                await houses.fill(house)
            listening = socket.socket()
            stack.callback(listening.close)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(("127.0.0.1", 0))
            await houses.open_doors(house, listening)
            assert house.runner is not None
            stack.push_async_callback(house.runner.cleanup)
            return house

        yield build


@pytest_asyncio.fixture
async def house(build_house: Build) -> House:
    """The house as it usually is: no trusted proxy."""
    return await build_house()
