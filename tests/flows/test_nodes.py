"""Two nodes of one installation: MongoDB and Redis between them, nginx in front (issue 3)."""

import asyncio
import uuid
from collections.abc import Callable

import aiohttp
import pytest

from tests.cluster import Cluster, wait_until_ready
from tests.talking import Staff, Visitor


@pytest.mark.timeout(180)
async def test_the_visitor_on_one_node_and_the_agent_on_the_other_talk_live(cluster: Cluster) -> None:
    """Whichever way the two are spread, through nginx and directly; the address is the visitor's, not nginx's."""
    bot, boss_of = cluster.nodes[0].demo["bot"], cluster.nodes[0].person("super_admin")
    for base_visitor, base_boss in (
        (cluster.direct(0), cluster.direct(1)),
        (cluster.direct(1), cluster.direct(0)),
        (cluster.url, cluster.url),
    ):
        async with (
            Visitor.at(base_visitor, bot) as visitor,
            Staff.logged_in(base_boss, boss_of["email"], boss_of["password"]) as boss,
        ):
            await visitor.ask(type="handoff")
            row = await boss.row(lambda row: row["control"] == "queue")
            taken = await boss.ask(type="take_over", conversation=row["id"])
            assert taken["type"] == "ack", taken
            await boss.ask(type="message", conversation=row["id"], text="Good day from the other node")
            await visitor.says("agent", "Good day from the other node")
            await boss.send(type="watch", conversation=row["id"], since=0)
            await visitor.say("And good day to you")
            await boss.says("visitor", "And good day to you")
            await boss.ask(type="close", conversation=row["id"])
            await visitor.event(lambda event: event["kind"] == "closed")


@pytest.mark.timeout(180)
async def test_two_nodes_are_given_the_same_message_at_the_same_moment(
    cluster: Cluster, counted: Callable[..., None]
) -> None:
    """One turn, one reply: the client sends it on both nodes under one `client_id`, as after a broken line."""
    bot = cluster.nodes[0].demo["bot"]
    async with Visitor.at(cluster.direct(0), bot) as here:
        await here.say("hello")
        async with Visitor.at(cluster.direct(1), bot, device=here.device) as there:
            for number in range(10):
                frame = {"type": "message", "client_id": str(uuid.uuid4()), "text": f"hello number {number}"}
                await asyncio.gather(here.send(**frame), there.send(**frame))
                acks = await asyncio.gather(here.answer(frame["client_id"]), there.answer(frame["client_id"]))
                assert {ack["type"] for ack in acks} == {"ack"}
                assert len({ack["seq"] for ack in acks}) == 1
                await here.event(lambda event, n=acks[0]["seq"]: event["kind"] == "message" and event["seq"] > n)
        async with Visitor.at(cluster.direct(1), bot, device=here.device) as again:
            await again.says("visitor", "hello number 9")
            texts = again.texts()
    said = [text for by, text in texts if by == "visitor"]
    assert said == ["hello", *(f"hello number {n}" for n in range(10))]
    replies = [by for by, _ in texts if by == "bot"]
    assert len(replies) == len(said), "one turn for each, and one reply"
    counted(messages=len(said), replies=len(replies))


@pytest.mark.timeout(180)
async def test_redis_killed_and_started_again_costs_a_delay_and_no_message(cluster: Cluster) -> None:
    bot, boss_of = cluster.nodes[0].demo["bot"], cluster.nodes[0].person("super_admin")
    async with (
        Visitor.at(cluster.direct(0), bot) as visitor,
        Staff.logged_in(cluster.direct(1), boss_of["email"], boss_of["password"]) as boss,
    ):
        await visitor.ask(type="handoff")
        row = await boss.row(lambda row: row["control"] == "queue")
        await boss.send(type="watch", conversation=row["id"], since=0)
        cluster.redis.kill()
        await visitor.say("Said while nobody could hint at it")
        await boss.says("visitor", "Said while nobody could hint at it")
        async with Visitor.at(cluster.direct(0), bot) as another:
            await another.ask(type="handoff")
            await boss.row(lambda row: row["id"] == another.welcome["conversation"] and row["control"] == "queue")
        cluster.redis.start()
        await visitor.say("And after")
        await boss.says("visitor", "And after")


@pytest.mark.timeout(240)
async def test_a_node_is_killed_and_its_visitors_go_on_at_the_other(
    cluster: Cluster, counted: Callable[..., None]
) -> None:
    """Acknowledged is there once, in order, on whichever node one looks; what was not is sent again and comes once."""
    bot = cluster.nodes[0].demo["bot"]
    ids = [str(uuid.uuid4()) for _ in range(40)]
    acknowledged: list[str] = []
    async with Visitor.at(cluster.direct(0), bot) as visitor:
        device = visitor.device
        try:
            for number, client_id in enumerate(ids):
                if number == 20:
                    await asyncio.to_thread(cluster.nodes[0].kill)
                await visitor.send(type="message", client_id=client_id, text=f"message {number}")
                assert (await visitor.answer(client_id))["type"] == "ack"
                acknowledged.append(client_id)
        except (ConnectionResetError, TimeoutError, AssertionError):
            pass
    assert 20 <= len(acknowledged) < 40
    async with Visitor.at(cluster.url, bot, device=device) as visitor:
        for number, client_id in enumerate(ids):
            await visitor.send(type="message", client_id=client_id, text=f"message {number}")
            assert (await visitor.answer(client_id))["type"] == "ack"
    async with Visitor.at(cluster.direct(1), bot, device=device) as visitor:
        await visitor.says("visitor", "message 39")
        said = [text for by, text in visitor.texts() if by == "visitor"]
    assert said == [f"message {number}" for number in range(40)]
    counted(acknowledged_before_the_kill=len(acknowledged), sent_again=40, stored=len(said))


@pytest.mark.timeout(240)
async def test_a_rolling_restart_loses_and_doubles_nothing(cluster: Cluster, counted: Callable[..., None]) -> None:
    """One node after the other is told to end and started again, while a visitor goes on writing: his socket is told to
    come back (1001), he does, and sends again what was not acknowledged."""
    bot = cluster.nodes[0].demo["bot"]
    restarted, closes, number, device = asyncio.Event(), [], 0, None

    async def restart() -> None:
        for node, port in zip(cluster.nodes, cluster.ports, strict=True):
            assert await asyncio.to_thread(node.stop) == 0
            await asyncio.to_thread(node.start, port)
            await asyncio.to_thread(wait_until_ready, port)
        restarted.set()

    restarting = asyncio.create_task(restart())
    client_id = str(uuid.uuid4())
    while not restarted.is_set() or number < 5:
        try:
            async with Visitor.at(cluster.url, bot, device=device) as visitor:
                device = visitor.device
                while not restarted.is_set() or number < 5:
                    await visitor.send(type="message", client_id=client_id, text=f"message {number}")
                    assert (await visitor.answer(client_id))["type"] == "ack"
                    number, client_id = number + 1, str(uuid.uuid4())
        except ConnectionResetError as closed:
            closes.append(str(closed))
        except aiohttp.ClientError:
            continue  # nginx found nobody there for a moment
    await restarting
    assert closes
    assert set(closes) <= {"closed: 1001", "closed: 1006", "closed: None"}
    assert "closed: 1001" in closes
    async with Visitor.at(cluster.url, bot, device=device) as visitor:
        await visitor.says("visitor", f"message {number - 1}")
        said = [text for by, text in visitor.texts() if by == "visitor"]
    assert said == [f"message {n}" for n in range(number)]
    counted(messages=number, times_told_to_come_back=len(closes))
