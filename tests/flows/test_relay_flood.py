"""Somebody floods the channel over which the nodes hint at what is new: a delay, never a loss (issue 3)."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from redis.asyncio import Redis

from foundation.relay import CHANNEL
from tests.cluster import Cluster
from tests.talking import Staff, Talker, Visitor

MESSAGES = 30
GARBAGE, FORGED, HUGE = 30_000, 20_000, 40
HUGE_BYTES = 4_000_000
MEMORY = 60_000_000
"""What a node may grow by; 160 MB of huge messages pass through it."""
LINES = 200
"""Lines that a node may write to its log meanwhile; there are fifty thousand reasons to write one."""


def memory_of(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii", "replace")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def forged(number: int) -> bytes:
    """What a node would say, sealed with a key that is not the installation's."""
    hint = msgspec.msgpack.encode(("another node", f"conversation/{number}", number, "", b""))
    nonce = os.urandom(12)
    return nonce + AESGCM(os.urandom(32)).encrypt(nonce, hint, CHANNEL.encode())


async def flood(url: str) -> int:
    """Everything that is not ours, as fast as Redis takes it; how many there were."""
    kinds = (
        (GARBAGE, lambda _: os.urandom(100)),
        (HUGE, lambda _: bytes(HUGE_BYTES)),
        (FORGED, forged),
    )
    async with Redis.from_url(url) as redis:
        for count, make in kinds:
            together = 200 if count > 200 else 1
            for start in range(0, count, together):
                async with redis.pipeline(transaction=False) as pipe:
                    for number in range(start, start + together):
                        pipe.publish(CHANNEL, make(number))
                    await pipe.execute()
    return GARBAGE + HUGE + FORGED


async def hears(talker: Talker, by: str, text: str) -> None:
    """As `says`, with the patience that a lost hint asks for: a widget looks again by itself after twenty seconds."""
    try:
        await talker.says(by, text)
    except TimeoutError:
        await talker.says(by, text)


async def refused(metrics_url: str) -> int:
    async with aiohttp.request("GET", metrics_url) as answer:
        text = await answer.text()
    return int(float(text.partition("\nfrontdesk_signals_refused_total ")[2].split("\n")[0]))


@pytest.mark.timeout(240)
async def test_the_signals_are_flooded_and_every_message_arrives(
    cluster: Cluster, counted: Callable[..., None]
) -> None:
    """Garbage, forgeries and huge messages, while a visitor on one node and an agent on the other talk."""
    bot, boss_of = cluster.nodes[0].demo["bot"], cluster.nodes[0].person("super_admin")
    pids = [node.process.pid for node in cluster.nodes if node.process]
    async with (
        Visitor.at(cluster.direct(0), bot) as visitor,
        Staff.logged_in(cluster.direct(1), boss_of["email"], boss_of["password"]) as boss,
    ):
        await visitor.ask(type="handoff")
        row = await boss.row(lambda row: row["control"] == "queue")
        assert (await boss.ask(type="take_over", conversation=row["id"]))["type"] == "ack"
        await boss.send(type="watch", conversation=row["id"], since=0)
        before, lines = [memory_of(pid) for pid in pids], [node.log().count("\n") for node in cluster.nodes]
        flooding = asyncio.create_task(flood(cluster.redis.url))
        said = 0
        while said < MESSAGES or not flooding.done():
            visitors, agents = f"visitor {said}", f"agent {said}"
            asked = (visitor.say(visitors), boss.ask(type="message", conversation=row["id"], text=agents))
            assert [answer["type"] for answer in await asyncio.gather(*asked)] == ["ack", "ack"]
            said += 1
        published = await flooding
        last = said - 1
        await asyncio.gather(hears(visitor, "agent", f"agent {last}"), hears(boss, "visitor", f"visitor {last}"))
        grown = [memory_of(pid) - was for pid, was in zip(pids, before, strict=True)]
    for talker, other in ((visitor, "agent"), (boss, "visitor")):
        heard = [text for by, text in talker.texts() if by == other and text.startswith(other)]
        assert heard == [f"{other} {number}" for number in range(said)], "each once, in order"
    written = [node.log().count("\n") - was for node, was in zip(cluster.nodes, lines, strict=True)]
    assert max(grown) < MEMORY
    assert max(written) < LINES, "a flood of signals is no flood of lines"
    left_out = [await refused(url) for url in cluster.metrics]
    assert all(0 < count <= published for count in left_out)
    assert all("were not from our nodes" in node.log() for node in cluster.nodes)
    counted(
        published=published,
        left_out_by_one=left_out[0],
        left_out_by_two=left_out[1],
        messages_each_way=said,
        grown_by_kilobytes=max(grown) // 1000,
        lines_written=max(written),
    )
