"""Signals between nodes over a real Redis: what is heard, what is not believed, and what happens without it."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from foundation.clock import SystemClock
from foundation.hints import LARGEST
from foundation.live import Signal
from foundation.relay import CHANNEL, MOST_WAITING, RedisSignals, check_url
from tests.redis import RedisServer

SECRET = os.urandom(32)
PATIENCE = 20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.kill()


class Dropped:
    """What was heard and not believed."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@asynccontextmanager
async def node(
    server: RedisServer, secret: bytes = SECRET, dropped: Dropped | None = None, *, wait: bool = True
) -> AsyncIterator[RedisSignals]:
    signals = RedisSignals(server.url, secret, SystemClock(), dropped=dropped or Dropped())
    running = asyncio.create_task(signals.run())
    try:
        if wait:
            await until(lambda: signals.connected)
        yield signals
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(happened) -> None:
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await asyncio.sleep(0)


async def heard(listener) -> Signal:
    async with asyncio.timeout(PATIENCE):
        return await anext(listener)


async def test_what_one_node_says_the_other_hears_and_its_own_once(server: RedisServer) -> None:
    async with node(server) as here, node(server) as there:
        async with here.listen("conversation/a") as own, there.listen("conversation/a", "bot/b") as other:
            here.publish("conversation/a", 7)
            here.publish("bot/b", 0, subject="a")
            assert {await heard(other), await heard(other)} == {
                Signal("conversation/a", 7),
                Signal("bot/b", 0, subject="a"),
            }
            assert await heard(own) == Signal("conversation/a", 7)
            there.whisper("conversation/a", b"typing")
            assert await heard(own) == Signal("conversation/a", note=b"typing"), "and its own came once"


async def test_nothing_on_the_channel_says_what_it_is_about(server: RedisServer) -> None:
    """Ids, numbers and typing notices travel sealed; the same hint never looks the same."""
    from redis.asyncio import Redis

    async with node(server) as here, Redis.from_url(server.url) as spy:
        async with spy.pubsub(ignore_subscribe_messages=True) as ear:
            await ear.subscribe(CHANNEL)
            await ear.get_message(timeout=PATIENCE)
            for _ in range(2):
                here.publish("conversation/canaryid", 7)
            here.whisper("conversation/canaryid", b"canarynote")
            said = []
            async with asyncio.timeout(PATIENCE):
                async for message in ear.listen():
                    said.append(message["data"])
                    if len(said) == 3:
                        break
    assert len(set(said)) == 3
    assert not [one for one in said if b"canary" in one]


async def test_what_is_not_from_a_node_of_ours_is_dropped_and_counted(server: RedisServer) -> None:
    """A flood of rubbish, foreign keys, cut and replayed-with-changes messages: no signal, no failure, no memory."""
    from redis.asyncio import Redis

    dropped = Dropped()
    async with node(server, dropped=dropped) as here, node(server, os.urandom(32)) as stranger:
        async with here.listen("conversation/a") as listener, Redis.from_url(server.url) as spy:
            stranger.publish("conversation/a", 2**52)
            rubbish = [b"", b"x", b"\x00" * 100, os.urandom(LARGEST + 1), b'["n","conversation/a",9,"",""]']
            for _ in range(200):
                for one in rubbish:
                    await spy.publish(CHANNEL, one)
            async with node(server) as friend:
                friend.publish("conversation/a", 3)
                assert await heard(listener) == Signal("conversation/a", 3)
            await until(lambda: dropped.count == 200 * len(rubbish) + 1)
            assert here.topics() == 1


async def test_without_redis_a_node_goes_on_and_comes_back_by_itself(server: RedisServer) -> None:
    async with node(server) as here, node(server) as there, here.listen("a") as own, there.listen("a") as other:
        server.kill()
        await until(lambda: not here.connected and not there.connected)
        for number in range(MOST_WAITING + 50):
            here.publish("a", number)
        assert await heard(own) == Signal("a", MOST_WAITING + 49), "within the node nothing is missed"
        server.start()
        await until(lambda: here.connected and there.connected)
        here.publish("a", MOST_WAITING + 60)
        while (await heard(other)).number != MOST_WAITING + 60:
            pass


async def test_a_node_starts_without_redis(server: RedisServer) -> None:
    server.kill()
    async with node(server, wait=False) as here, here.listen("a") as own:
        here.publish("a", 1)
        assert await heard(own) == Signal("a", 1)
        server.start()
        await until(lambda: here.connected)


@pytest.mark.parametrize(
    "url",
    ["redis://cache.example/0", "http://127.0.0.1", "redis://", "rediss://cache.example/0?ssl_cert_reqs=none"],
)
def test_TI_1_a_redis_that_may_not_be_used_is_refused(url: str) -> None:
    check_url("redis://127.0.0.1:6379/0")
    check_url("rediss://me:secret@cache.example:6379/0")
    with pytest.raises(ValueError, match="Redis"):
        check_url(url)
