"""Sockets that read too little or say too much: they are told, they come back, and nobody else waits for them (issue 3)."""

import asyncio
import contextlib
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.serving import Frontdesk, serving
from tests.talking import Json, Staff, Talker, Visitor

TOO_SLOW = 4408
TOO_MANY = 4429
SLOW_READERS = 5
MESSAGES = 900
LONG = "€" * 3_900
"""About 12 kB on the line, so that the buffers of the machine are soon full."""
MEMORY = 80_000_000
"""What the server may grow by: a queue of 4 MB for each slow reader, the conversation of 10 MB, and what is made of both."""
IN_TIME = 5.0
"""Seconds within which a bystander is acknowledged. A median beside it says how it was; this only finds who is stuck."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    fast = {"FRONTDESK_WEB__FRAMES_PER_SECOND": "100000", "FRONTDESK_WEB__FRAMES_BURST": "100000"}
    with serving(tmp_path_factory.mktemp("slow"), **fast) as running:
        yield running


@pytest.fixture(scope="module")
def strict_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    """With the limits that everybody has."""
    with serving(tmp_path_factory.mktemp("strict")) as running:
        yield running


def memory_of(house: Frontdesk) -> int:
    """Bytes that the server's process has in memory."""
    assert house.process is not None
    status = Path(f"/proc/{house.process.pid}/status").read_text("ascii", "replace")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


class Bystander:
    """Somebody else who talks meanwhile; how long each acknowledgement took."""

    def __init__(self, talker: Talker, *, pause: float = 0.0) -> None:
        self._talker = talker
        self._pause = pause
        self.took: list[float] = []
        self._task = asyncio.create_task(self._talk())

    async def _talk(self) -> None:
        while True:
            began = time.monotonic()
            answer = await self._talker.ask(type="message", text="hello", payload="/greet")
            assert answer["type"] == "ack", answer
            self.took.append(time.monotonic() - began)
            await self._talker.event(lambda event, seq=answer["seq"]: event["seq"] > seq)
            await asyncio.sleep(self._pause)

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def median_ms(self) -> int:
        return int(sorted(self.took)[len(self.took) // 2] * 1000)


def narrow(address: Any) -> socket.socket:
    """A socket into which the machine takes little that nobody reads."""
    made = socket.socket(*address[:3])
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    return made


async def say_long(talker: Talker, text: str) -> None:
    """As a browser writes it: three bytes a sign."""
    client_id = str(uuid.uuid4())
    frame = {"type": "message", "client_id": client_id, "text": text}
    await talker.socket.send_str(json.dumps(frame, ensure_ascii=False))
    answer = await talker.answer(client_id)
    assert answer["type"] == "ack", answer


async def the_end_of(talker: Talker) -> int | None:
    """Hear everything that is still said; the code with which the line is closed."""
    with contextlib.suppress(ConnectionResetError):
        while True:
            await talker.receive()
    return talker.close_code


def texts_by_visitor(events: list[Json]) -> list[str]:
    return [event["text"] for event in events if event["kind"] == "message" and event["by"] == "visitor"]


@pytest.mark.timeout(240)
async def test_a_slow_reader_is_sent_away_and_misses_nothing_and_nobody_waits_for_it(
    house: Frontdesk, counted: Callable[..., None]
) -> None:
    """Sockets that do not read while hundreds of messages come: closed with 4408, back with `since`, all there."""
    bot = house.demo["bot"]
    async with contextlib.AsyncExitStack() as stack:
        writer = await stack.enter_async_context(Visitor.at(house.base_url, bot))
        await writer.ask(type="handoff")
        slow = [
            await stack.enter_async_context(
                Visitor.at(
                    house.base_url,
                    bot,
                    device=writer.device,
                    connector=aiohttp.TCPConnector(socket_factory=narrow),
                )
            )
            for _ in range(SLOW_READERS)
        ]
        bystander = Bystander(await stack.enter_async_context(Visitor.at(house.base_url, bot)))
        before = memory_of(house)
        expected = [f"{number} {LONG}" for number in range(MESSAGES)]
        for text in expected:
            await say_long(writer, text)
        grown = memory_of(house) - before
        await bystander.stop()
        assert {await the_end_of(one) for one in slow} == {TOO_SLOW}
        for one in slow:
            heard = texts_by_visitor(one.events)
            assert heard == expected[: len(heard)], "what arrived is in order"
            assert len(heard) < MESSAGES, "it was sent away before the end"
            since = max((event["seq"] for event in one.events), default=0)
            async with Visitor.at(house.base_url, bot, device=writer.device, since=since) as again:
                await again.says("visitor", expected[-1])
                assert heard + texts_by_visitor(again.events) == expected, "it comes back and misses nothing"
    assert grown < MEMORY
    assert max(bystander.took) < IN_TIME
    counted(
        messages=MESSAGES,
        slow_readers=SLOW_READERS,
        grown_by_kilobytes=grown // 1000,
        acknowledgements_of_a_bystander=len(bystander.took),
        its_median_ms=bystander.median_ms,
        its_longest_ms=int(max(bystander.took) * 1000),
    )


async def flood(talker: Talker, **frame: str) -> int | None:
    """Frames as fast as they can be written; the code with which this ends."""
    with contextlib.suppress(ConnectionResetError, aiohttp.ClientError):
        while not talker.socket.closed:
            for _ in range(50):
                await talker.send(**frame, client_id=str(uuid.uuid4()))
            with contextlib.suppress(TimeoutError):
                while True:
                    async with asyncio.timeout(0.001):
                        await talker.receive()
    return await the_end_of(talker)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("who", ["visitor", "agent"])
async def test_Z_6_who_floods_is_told_then_sent_away_and_nobody_waits_for_him(
    strict_house: Frontdesk, who: str, counted: Callable[..., None]
) -> None:
    """Ten floods, one after the other: each is answered `too_many`, then closed with 4429; a bystander talks on."""
    house, bot, owner = strict_house, strict_house.demo["bot"], strict_house.person("super_admin")
    sent_away = refused = 0
    async with Visitor.at(house.base_url, bot) as witness:
        bystander = Bystander(witness, pause=0.15)  # everybody has ten frames a second
        for _ in range(10):
            async with contextlib.AsyncExitStack() as stack:
                if who == "visitor":
                    flooder: Talker = await stack.enter_async_context(Visitor.at(house.base_url, bot))
                    about = {"type": "message", "text": "flood", "payload": "/greet"}
                else:
                    login = Staff.logged_in(house.base_url, owner["email"], owner["password"])
                    flooder = await stack.enter_async_context(login)
                    about = {"type": "note", "conversation": witness.welcome["conversation"], "text": "flood"}
                assert await flood(flooder, **about) == TOO_MANY
                sent_away += 1
                told = [frame for frame in flooder.frames if frame.get("code") == "too_many"]
                assert told, "he is told before he is sent away"
                assert all(frame["client_id"] and frame["detail"] for frame in told)
                refused += len(told)
        await bystander.stop()
    assert bystander.took
    assert max(bystander.took) < IN_TIME
    counted(
        floods=sent_away,
        refused_and_told=refused,
        acknowledgements_of_a_bystander=len(bystander.took),
        its_median_ms=bystander.median_ms,
        its_longest_ms=int(max(bystander.took) * 1000),
    )
