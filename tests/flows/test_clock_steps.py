"""The machine's clock is set back and forward under a running server (issue 3): nothing is late by the step, nothing is valid
for longer, nothing changes its order. The server's process reads a clock that libfaketime moves; its monotonic one is true."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from tests.flows.reading import whole
from tests.serving import PATIENCE, Frontdesk, MailServer, code_in, mail_settings
from tests.talking import Json, Staff, Visitor

HOUR = 3_600
SECOND = 1_000
ENDED = 4401


@dataclass
class Place:
    """A server whose clock can be set."""

    house: Frontdesk
    mails: MailServer
    offset: Path
    metrics: str

    def set_clock(self, seconds: int) -> None:
        """So many seconds off the truth, from the next reading on."""
        new = self.offset.with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.replace(self.offset)

    async def a_job_waits_for_its_next_try(self) -> None:
        """Return when a try has failed and the next one is written down."""
        async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
            while True:
                async with session.get(self.metrics) as answer:
                    if 'outcome="retry"' in await answer.text():
                        return

    @contextlib.asynccontextmanager
    async def boss(self) -> AsyncIterator[Staff]:
        owner = self.house.person("super_admin")
        async with Staff.logged_in(self.house.base_url, owner["email"], owner["password"]) as person:
            yield person


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        pytest.skip("no libfaketime (Debian: apt-get install libfaketime)")
    offset = tmp_path / "offset"
    offset.write_text("+0\n")
    mails = MailServer()
    mails.start()
    moved = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(offset),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    house = Frontdesk(tmp_path / "data", {**mail_settings(mails), **moved})
    try:
        house.init()
        yield Place(house, mails, offset, house.start()["metrics_url"])
    finally:
        house.stop()
        mails.stop()


def assert_in_order(events: list[Json], said: list[str]) -> None:
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    times = [event["at"] for event in events]
    latest = itertools.accumulate(times, max)
    assert all(before - at < SECOND for before, at in zip(latest, times, strict=True)), "later is not shown as earlier"
    assert [e["text"] for e in events if e["kind"] == "message" and e["by"] == "visitor"] == said


@pytest.mark.timeout(180)
async def test_the_clock_is_set_back_an_hour_and_nothing_is_an_hour_late(place: Place) -> None:
    """A mail that waits for its next try goes out in time and once; what is said comes at once, in order."""
    house, mails = place.house, place.mails
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor, place.boss() as boss:
        conversation = visitor.welcome["conversation"]
        await visitor.say("before")
        mails.shut = True
        assert (await visitor.ask(type="email", address="jo@visitors.example"))["outcome"] == "sent"
        await place.a_job_waits_for_its_next_try()

        await asyncio.to_thread(place.set_clock, -HOUR)
        mails.shut = False
        for number in range(10):
            assert (await visitor.say(f"after {number}"))["type"] == "ack"
        mail = await asyncio.to_thread(mails.wait_for, 1)
        assert (await visitor.ask(type="code", code=code_in(mail)))["outcome"] == "verified"
        await boss.send(type="watch", conversation=conversation, since=1)
        await boss.says("visitor", "after 9")
        assert_in_order(await whole(boss, conversation), ["before", *(f"after {number}" for number in range(10))])
    assert house.stop() == 0
    assert len(mails.mails()) == 1, "the mail came once"
    assert "was set back by" in house.log()


@pytest.mark.timeout(180)
async def test_what_ended_while_the_clock_was_ahead_does_not_come_to_life_when_it_is_set_back(place: Place) -> None:
    """Codes and sessions end by the clock that is ahead, and stay ended; what began then goes on."""
    house, mails, bot = place.house, place.mails, place.house.demo["bot"]
    async with Visitor.at(house.base_url, bot) as visitor, place.boss() as boss:
        await visitor.say("before")
        await visitor.ask(type="email", address="jo@visitors.example")
        first = code_in(await asyncio.to_thread(mails.wait_for, 1))

        await asyncio.to_thread(place.set_clock, 25 * HOUR)
        assert (await visitor.ask(type="code", code=first))["outcome"] == "expired"
        with pytest.raises(ConnectionResetError, match=str(ENDED)):
            await boss.of("nothing that is ever sent")
        await visitor.ask(type="resend")
        second = code_in(await asyncio.to_thread(mails.wait_for, 2))

        async with place.boss() as again:
            await asyncio.to_thread(place.set_clock, 0)
            assert (await visitor.ask(type="code", code=first))["outcome"] != "verified"
            assert (await visitor.ask(type="code", code=second))["outcome"] == "verified"
            async with boss.session.get(f"{house.base_url}/console", allow_redirects=False) as answer:
                assert answer.status in {303, 401}, "the session that ended stays ended"
            await visitor.say("after")
            assert (await again.ask(type="take_over", conversation=visitor.welcome["conversation"]))["type"] == "ack"
            assert_in_order(await whole(again, visitor.welcome["conversation"]), ["before", "after"])
    assert house.stop() == 0
    assert len(mails.mails()) == 2
