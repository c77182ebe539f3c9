"""Every route with its rule: what is public is public on purpose, and the papers list what there is (A-17, M-3)."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from config.settings import load
from config.stores import Stores
from config.wiring import KINDS, House, build
from foundation import keys
from foundation.clock import ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.records import MemoryEngine
from foundation.web import Route, route_table

ROOT = Path(__file__).resolve().parents[2]
PUBLIC = {
    "/", "/demo", "/mailbox", "/login", "/setup/{token}", "/invitation/{token}", "/v/{token}", "/v/{token}/deny",
    "/w/{bot}", "/w/{bot}/transcript", "/widget.js", "/ws/visitor", "/healthz", "/readyz",
    "/hooks/mail", "/w/{bot}/files", "/w/{bot}/files/{file}",
    "/w/{bot}/terms", "/w/{bot}/privacy", "/w/{bot}/privacy/copy", "/w/{bot}/privacy/consent",
    "/w/{bot}/privacy/request", "/w/{bot}/privacy/name", "/w/{bot}/privacy/withdraw",
}  # fmt: skip


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = ManualClock()
    engine, store = MemoryEngine(KINDS), MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    stores = Stores(engine, keyring, fresh=True)
    yield await asyncio.to_thread(lambda: build(load(tmp_path, {"demo": True}), stores, clock=clock))
    await store.close()
    await engine.close()


def own_routes(house: House) -> list[Route]:
    return [route for route in route_table(house.app) if not route.path.startswith("/static/")]


async def test_what_is_public_is_on_the_list(house: House) -> None:
    assert {route.path for route in own_routes(house) if route.rule.name == "public"} == PUBLIC


async def test_whatever_changes_ranges_is_for_super_admins(house: House) -> None:
    """YA-7"""
    rules = {route.rule.name for route in own_routes(house) if "ranges" in route.path}
    assert rules == {"super_admin"}


async def test_the_papers_list_every_route_with_its_rule(house: House) -> None:
    listed = (ROOT / "docs/http.md").read_text("utf-8").partition("## All routes")[2]
    rows = {f"| {r.method} | `{r.path}` | {r.rule.name} | {r.kind} |" for r in own_routes(house)}
    written = {
        line for line in listed.splitlines() if line.startswith(("| GET", "| POST", "| PUT", "| PATCH", "| DEL"))
    }
    assert rows == written
