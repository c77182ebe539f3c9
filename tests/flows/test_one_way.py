"""One direction of the network is gone while the other works: a delay, never a loss (issue 3)."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.flows.reading import whole
from tests.outage import Proxy, Way, before
from tests.serving import Frontdesk
from tests.talking import Staff, Talker, Visitor

MESSAGES = 5


@dataclass
class Place:
    """A server, and a way to it that can be broken."""

    house: Frontdesk
    direct: str
    proxy: Proxy


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    folder: Path = tmp_path_factory.mktemp("one-way")
    with before(port) as proxy:
        web = {"FRONTDESK_WEB__BASE_URL": proxy.url, "FRONTDESK_WEB__HOSTS": f'["127.0.0.1:{port}"]'}
        house = Frontdesk(folder / "data", web)
        house.init()
        house.start(port)
        try:
            yield Place(house, f"http://127.0.0.1:{port}", proxy)
        finally:
            house.stop()


@contextlib.asynccontextmanager
async def boss(place: Place, base: str) -> AsyncIterator[Staff]:
    owner = place.house.person("super_admin")
    async with Staff.logged_in(base, owner["email"], owner["password"]) as person:
        yield person


class Words:
    """What one side says, with the ids under which it is sent again."""

    def __init__(self, who: str) -> None:
        self.said = [(str(uuid.uuid4()), f"{who} {number}") for number in range(MESSAGES)]

    async def send(self, talker: Talker, **more: str) -> None:
        for client_id, text in self.said:
            await talker.send(type="message", client_id=client_id, text=text, **more)

    async def acknowledged(self, talker: Talker) -> None:
        seqs = [(await talker.answer(client_id))["seq"] for client_id, _ in self.said]
        assert seqs == sorted(set(seqs))


async def the_line_breaks(talker: Talker) -> None:
    with pytest.raises(ConnectionResetError):
        await talker.of("nothing that is ever sent")


async def hears_all(talker: Talker, own: Words, other: str) -> None:
    """What he said is acknowledged, and what the other said is heard, each once."""
    await own.acknowledged(talker)
    await talker.says(other, f"{other} says {MESSAGES - 1}")
    heard = [text for by, text in talker.texts() if by == other]
    assert heard == [f"{other} says {number}" for number in range(MESSAGES)]


@pytest.mark.parametrize("cut", [False, True], ids=["it heals", "it breaks"])
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("side", ["visitor", "agent"])
async def test_one_way_outage_every_message_is_there_once_and_in_order(
    place: Place, side: str, way: Way, cut: bool
) -> None:
    """Both write while one way of one of them is gone; afterwards the line goes on, or is opened anew with `since`."""
    proxy, bot = place.proxy, place.house.demo["bot"]
    hers, his = Words("visitor says"), Words("agent says")
    at = {one: proxy.url if one == side else place.direct for one in ("visitor", "agent")}
    async with Visitor.at(at["visitor"], bot) as visitor, boss(place, at["agent"]) as agent:
        await visitor.ask(type="handoff")
        device, conversation = visitor.device, visitor.welcome["conversation"]
        await agent.ask(type="take_over", conversation=conversation)
        await agent.send(type="watch", conversation=conversation, since=0)
        await agent.event(lambda event: event["kind"] == "opened")
        broken, other = (visitor, agent) if side == "visitor" else (agent, visitor)
        await asyncio.to_thread(proxy.lose, way)
        try:
            await hers.send(visitor)
            await his.send(agent, conversation=conversation)
            await (his if other is agent else hers).acknowledged(other)
            if way == "down":
                await other.says(side, f"{side} says {MESSAGES - 1}")
        finally:
            await asyncio.to_thread(proxy.heal, cut=cut)
        if not cut and side == "visitor":
            await hears_all(visitor, hers, "agent")
        elif not cut:
            await hears_all(agent, his, "visitor")
        else:
            await the_line_breaks(broken)
            since = max(event["seq"] for event in broken.events)
            if side == "visitor":
                async with Visitor.at(proxy.url, bot, device=device, since=since) as again:
                    again.events = [*visitor.events, *again.events]
                    await hers.send(again)
                    await hears_all(again, hers, "agent")
            else:
                async with boss(place, proxy.url) as again:
                    again.events = [*agent.events, *again.events]
                    await again.send(type="watch", conversation=conversation, since=since)
                    await his.send(again, conversation=conversation)
                    await hears_all(again, his, "visitor")
    async with boss(place, place.direct) as reader:
        events = await whole(reader, conversation)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "no gap"
    for by, words in (("visitor", hers), ("agent", his)):
        said = [(event["client_id"], event["text"]) for event in events if event.get("by") == by and "text" in event]
        assert said == words.said, "each once, in order"
