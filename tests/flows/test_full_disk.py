"""A store that is full says so: what it cannot keep it does not acknowledge, and what it acknowledged it keeps."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from tests.serving import Frontdesk, serving
from tests.talking import Json, Visitor

LIMIT = "FRONTDESK_STORAGE__MAX_MEGABYTES"
VISITORS = 12
MESSAGES = 25
"""Of one visitor: 12 x 25 messages of 4000 characters are more than the one megabyte that there is."""
TEXT = "Ein Fass ohne Boden gibt es nicht. " * 114


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Frontdesk]:
    with serving(tmp_path, **{LIMIT: "1"}) as running:
        yield running


async def test_a_full_store_refuses_a_message_and_keeps_all_others(house: Frontdesk) -> None:
    """Issue 2: a full disk. The message is not acknowledged, not stored, and can be sent again when there is room."""
    kept: dict[str, dict[str, str]] = {}
    async with AsyncExitStack() as stack:
        visitors = [
            await stack.enter_async_context(Visitor.at(house.base_url, house.demo["bot"])) for _ in range(VISITORS)
        ]
        refused, client_id, text, error = await _fill(visitors, kept)
        assert (error["type"], error["code"]) == ("error", "storage_full"), error
        assert error["detail"], "it says what to do"
        assert not refused.socket.closed
        again = await refused.ask(type="message", text=text)
        assert again["type"] in {"error", "ack"}, "the socket stays open and answers"
        if again["type"] == "ack":
            kept[str(refused.device)][again["client_id"]] = text
        async with aiohttp.ClientSession() as session, session.get(f"{house.base_url}/healthz") as answer:
            assert answer.status == 200, "the server lives"
        async with Visitor.at(house.base_url, house.demo["bot"], device=refused.device) as reader:
            await _assert_there(reader, kept[str(refused.device)], client_id)
        device = str(refused.device)

    assert await asyncio.to_thread(house.stop) == 0
    house.environment[LIMIT] = "64"
    await asyncio.to_thread(house.start)
    for one, messages in kept.items():
        async with Visitor.at(house.base_url, house.demo["bot"], device=one) as visitor:
            await _assert_there(visitor, messages, client_id)
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        await visitor.send(type="message", client_id=client_id, text=text, payload="/greet")
        assert (await visitor.answer(client_id))["type"] == "ack", "with more room it is taken"


async def _fill(visitors: list[Visitor], kept: dict[str, dict[str, str]]) -> tuple[Visitor, str, str, Json]:
    """Send until a message is refused: who sent it, its id and text, and the refusal."""
    for number in range(MESSAGES):
        for visitor in visitors:
            client_id, text = str(uuid.uuid4()), f"{number}: {TEXT}"
            await visitor.send(type="message", client_id=client_id, text=text, payload="/greet")
            answer = await visitor.answer(client_id)
            if answer["type"] != "ack":
                return visitor, client_id, text, answer
            kept.setdefault(str(visitor.device), {})[client_id] = text
    raise AssertionError("the store was never full")


async def _assert_there(visitor: Visitor, kept: dict[str, str], refused: str) -> None:
    """Every acknowledged message is there once, in order, and the refused one is not."""
    last = list(kept)[-1]
    await visitor.event(lambda event: event.get("client_id") == last)
    mine = [event for event in visitor.events if event["kind"] == "message" and event["by"] == "visitor"]
    assert [event["client_id"] for event in mine] == list(kept)
    assert {event["client_id"]: event["text"] for event in mine} == kept
    assert refused not in kept
