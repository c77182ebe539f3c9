"""The database goes away and comes back: nothing that was acknowledged is lost, nothing is stored twice, and what could not
be stored is said (issue 3)."""

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mongo import Server
from tests.serving import Frontdesk, serving
from tests.talking import Visitor


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "database"
    folder.mkdir()
    server = Server(folder)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def house(tmp_path: Path, database: Server) -> Iterator[Frontdesk]:
    url = f"mongodb://127.0.0.1:{database.port}"
    stores = {"FRONTDESK_STORAGE__URL": f"{url}/records", "FRONTDESK_KEYS__URL": f"{url}/wrapped"}
    with serving(tmp_path, **stores) as running:
        yield running


async def stored_once(visitor: Visitor, client_id: str, text: str) -> None:
    """Send until it is taken, as the widget does, under one id."""
    while True:
        await visitor.send(type="message", client_id=client_id, text=text)
        answer = await visitor.answer(client_id)
        if answer["type"] == "ack":
            return
        assert answer["code"] in {"unavailable", "too_many"}, answer
        await asyncio.sleep(0)


@pytest.mark.timeout(180)
async def test_the_database_is_killed_and_started_again(house: Frontdesk, database: Server) -> None:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.say("before")
        await visitor.says("bot", "")
        await asyncio.to_thread(database.kill)
        client_id = str(uuid.uuid4())
        await visitor.send(type="message", client_id=client_id, text="meanwhile")
        refused = await visitor.answer(client_id)
        assert (refused["type"], refused["code"]) == ("error", "unavailable"), "it is not acknowledged"
        await asyncio.to_thread(database.start)
        await stored_once(visitor, client_id, "meanwhile")
        await visitor.say("after")
        device = visitor.device
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        await visitor.says("visitor", "after")
        said = [text for by, text in visitor.texts() if by == "visitor"]
    assert said == ["before", "meanwhile", "after"]
    seqs = [event["seq"] for event in visitor.events]
    assert seqs == sorted(set(seqs))
