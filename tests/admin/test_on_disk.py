"""The same on the embedded database: what is there after a restart, and what the files do not show (K-10, TI-4)."""

import asyncio
import socket
from pathlib import Path

import admin
from foundation import keys
from foundation.records import SqliteEngine
from tests.admin import house as houses
from tests.admin.house import PASSWORD, House

WORDS = ("Canaryoffice", "olga", "Olga", "Blue Ltd", "203.0.113", "argon2", "super_admin", "range.added", PASSWORD)


async def opened(folder: Path) -> House:
    engine, store = SqliteEngine(folder / "frontdesk.db", admin.KINDS), SqliteEngine(folder / "keys.db", keys.KINDS)
    return await houses.build(engine, store)


async def served(house: House) -> socket.socket:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    await houses.open_doors(house, listening)
    return listening


async def closed(house: House, listening: socket.socket) -> None:
    assert house.runner is not None
    await house.runner.cleanup()
    await house.engine.close()
    await house.store.close()
    listening.close()


def nothing_can_be_read(folder: Path, session: str) -> None:
    files = b"".join(path.read_bytes() for path in folder.iterdir())
    for word in (*WORDS, session):
        assert word.encode() not in files
        assert word.encode().hex().encode() not in files


async def test_K_10_everything_is_there_after_a_restart_and_nothing_can_be_read(tmp_path: Path) -> None:
    house = await opened(tmp_path)
    await houses.fill(house)
    listening = await served(house)
    blue, cast = house.blue, house.cast
    async with house.browser() as browser:
        await browser.log_in("olga")
        for form in ({"start": "203.0.113.0/24", "label": "Canaryoffice"}, {"start": "127.0.0.1", "label": ""}):
            assert (await browser.post("/admin/ranges", {"scope": "account"} | form)).status == 303
        await browser.post("/admin/ranges/account/enabled", {"enabled": "true"})
        kept = dict(browser.cookies)
    entries = await house.admin.audit.last(blue)
    await closed(house, listening)

    await asyncio.to_thread(nothing_can_be_read, tmp_path, kept["__Host-sid"])

    again = await opened(tmp_path)
    again.cast, again.blue = cast, blue
    listening = await served(again)
    try:
        async with again.browser() as browser:
            browser.cookies = kept
            page = await browser.get("/admin/ranges")
            assert (page.status, "Canaryoffice" in page.words) == (200, True), "the session lives on"
            assert "Your address is in this list" in page.words
            assert (await browser.log_in("ann")).location == "/console"
        assert await again.admin.audit.verify(blue) is None
        assert await again.admin.audit.last(blue) == entries + 2
    finally:
        await closed(again, listening)
