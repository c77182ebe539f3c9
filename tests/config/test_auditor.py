"""The auditor reads the audit book and the consent log, and nothing else: every route of the house, tried (MS-6, A-17)."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from config.settings import load
from config.stores import Stores
from config.wiring import KINDS, House, build
from foundation import keys
from foundation.clock import ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.records import MemoryEngine
from foundation.web import Route, route_table, serve

OPEN_TO_AUDITORS = ("/admin/audit", "/admin/consents", "/password", "/logout", "/admin/proof")


@dataclass
class Served:
    house: House
    port: int
    session: str

    async def ask(self, route: Route) -> int:
        values = dict.fromkeys(("id", "bot", "scope", "token", "person", "locale", "version", "contact"), "A" * 22)
        path = route.path
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", value)
        origin = f"http://127.0.0.1:{self.port}"
        headers = {"Cookie": f"__Host-sid={self.session}", "Origin": origin}
        options: dict[str, Any] = {}
        if route.method != "GET":
            options = {"json": {}} if route.kind == "api" else {"data": {}}
            if route.kind != "api":
                headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with (
            aiohttp.ClientSession(origin, cookie_jar=aiohttp.DummyCookieJar()) as client,
            client.request(route.method, path, headers=headers, allow_redirects=False, **options) as answer,
        ):
            return answer.status


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    clock = ManualClock()
    engine, store = MemoryEngine(KINDS), MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    stores = Stores(engine, keyring, fresh=True)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    house = await asyncio.to_thread(lambda: build(load(tmp_path, {}), stores, clock=clock, port=port))
    account = (await house.admin.accounts.create("Blue Ltd")).id
    ida = await house.admin.people.create(account, "ida@blue.example", "Ida", "auditor", "tall lamps near the harbour")
    runner = await serve(house.app, sock=listening)
    yield Served(house, port, await house.admin.sessions.open(ida))
    await runner.cleanup()
    listening.close()
    await store.close()
    await engine.close()


async def test_MS_6_an_auditor_opens_the_book_and_nothing_else(served: Served) -> None:
    opened, refused = set(), 0
    routes = [route for route in route_table(served.house.app) if route.rule.name not in {"public"}]
    routes.sort(key=lambda route: route.path == "/logout")  # it ends the session
    for route in routes:
        status = await served.ask(route)
        assert status != 401, f"{route.path}: the session ended"
        if status in {403, 404, 426}:
            refused += 1
            continue
        opened.add(f"{route.method} {route.path} {status}")
    strange = {one for one in opened if not one.split()[1].startswith(OPEN_TO_AUDITORS)}
    assert any("/admin/audit" in one for one in opened)
    assert refused > 60
    assert strange == set()
