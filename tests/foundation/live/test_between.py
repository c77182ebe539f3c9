"""What every way of signalling promises, whether the two sides are in one process, two workers, or two nodes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from foundation.clock import SystemClock
from foundation.hub import Hub, HubSignals
from foundation.live import LocalSignals, Signal, Signals
from foundation.relay import RedisSignals
from tests.redis import RedisServer

PATIENCE = 20
Pair = tuple[Signals, Signals]


@pytest_asyncio.fixture(params=["one process", "two workers", "two nodes"])
async def pair(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Pair]:
    """One who speaks and one who listens."""
    if request.param == "one process":
        signals = LocalSignals()
        yield signals, signals
    elif request.param == "two workers":
        hub = Hub()
        async with HubSignals(hub.join()) as here, HubSignals(hub.join()) as there:
            yield here, there
        hub.close()
    else:
        server = RedisServer(tmp_path)
        server.start()
        nodes = [RedisSignals(server.url, bytes(32), SystemClock()) for _ in range(2)]
        running = [asyncio.create_task(node.run()) for node in nodes]
        await _until(lambda: all(node.connected for node in nodes))
        yield nodes[0], nodes[1]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        server.kill()


async def _until(happened) -> None:
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await asyncio.sleep(0)


async def heard(listener) -> Signal:
    async with asyncio.timeout(PATIENCE):
        return await anext(listener)


async def test_numbers_and_whispers_are_heard_on_the_topics_one_listens_to(pair: Pair) -> None:
    speaker, hearer = pair
    async with hearer.listen("conversation/a") as listener:
        speaker.publish("conversation/b", 3)
        speaker.publish("conversation/a", 7)
        assert await heard(listener) == Signal("conversation/a", 7)
        speaker.publish("conversation/a", 8, subject="x")
        assert await heard(listener) == Signal("conversation/a", 8, subject="x")
        speaker.whisper("conversation/a", b"typing")
        assert await heard(listener) == Signal("conversation/a", note=b"typing")


async def test_who_speaks_hears_himself_once(pair: Pair) -> None:
    speaker, hearer = pair
    async with speaker.listen("a") as own, hearer.listen("a") as other:
        speaker.whisper("a", b"one")
        assert await heard(other) == Signal("a", note=b"one")
        hearer.whisper("a", b"two")
        assert [(await heard(own)).note, (await heard(own)).note] == [b"one", b"two"]


async def test_a_flood_takes_no_memory_and_the_newest_number_comes(pair: Pair) -> None:
    """Publishing neither waits nor fails, and who looks late finds where things stand."""
    speaker, hearer = pair
    async with hearer.listen("a") as listener:
        for number in range(30_000):
            speaker.publish("a", number)
        while (await heard(listener)).number != 29_999:
            pass


async def test_topics_come_and_go_while_one_listens(pair: Pair) -> None:
    speaker, hearer = pair
    async with hearer.listen() as listener:
        listener.add("a")
        speaker.publish("a", 1)
        assert await heard(listener) == Signal("a", 1)
        listener.drop("a")
        listener.add("b")
        speaker.publish("a", 2)
        speaker.publish("b", 1)
        assert await heard(listener) == Signal("b", 1)


async def test_a_note_that_is_too_large_hurts_nobody(pair: Pair) -> None:
    speaker, hearer = pair
    async with hearer.listen("a") as listener:
        speaker.whisper("a", bytes(1_000_000))
        speaker.publish("a", 5)
        while (await heard(listener)).number != 5:
            pass


# What only the workers' own path has


async def test_what_is_no_hint_is_dropped_and_counted() -> None:
    hub = Hub()
    rubbish = [b"x", b"\x00" * 100, bytes(5_000), b"\x93\xa1n\xa1a\xff", b"\x93\xa1n\xa1a\xcf" + b"\xff" * 8]
    async with AsyncExitStack() as stack:
        here = await stack.enter_async_context(HubSignals(hub.join()))
        friend = await stack.enter_async_context(HubSignals(hub.join()))
        stranger = hub.join()
        async with here.listen("a") as listener:
            for one in rubbish:
                stranger.send(one)
            stranger.close()
            await _until(lambda: here.dropped == len(rubbish) - 1)
            friend.publish("a", 3)
            assert await heard(listener) == Signal("a", 3)
    hub.close()


async def test_a_worker_that_does_not_look_holds_up_nobody() -> None:
    hub = Hub()
    async with HubSignals(hub.join()) as here, HubSignals(hub.join()) as there:
        deaf = hub.join()
        async with there.listen("a") as listener:
            for number in range(20_000):
                here.publish("a", number)
            while (await heard(listener)).number != 19_999:
                pass
        deaf.close()
        await _until(lambda: len(hub) == 2)
    await _until(lambda: len(hub) == 0)


async def test_both_sides_learn_that_the_other_is_gone() -> None:
    hub = Hub()
    async with HubSignals(hub.join()) as here, HubSignals(hub.join()) as there:
        hub.close()
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(here.left.wait(), there.left.wait())
        async with here.listen("a") as own:
            here.publish("a", 1)
            assert await heard(own) == Signal("a", 1), "within the worker nothing is missed"
