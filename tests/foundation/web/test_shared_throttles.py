"""Limits that processes count together."""

import asyncio
from contextlib import AsyncExitStack

import msgspec
import pytest

from foundation.clock import MINUTE, ManualClock
from foundation.errors import TooMany
from foundation.live import LocalSignals
from foundation.web import SharedThrottles, Throttle


def process(signals: LocalSignals, clock: ManualClock, topic: str = "logins") -> SharedThrottles:
    return SharedThrottles(topic, signals, {"name": Throttle(clock, 3, MINUTE), "address": Throttle(clock, 3, MINUTE)})


async def heard(shared: SharedThrottles, key: str, *, is_full: bool) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                shared.check("name", key)
            except TooMany:
                if is_full:
                    return
            else:
                if not is_full:
                    return
            await asyncio.sleep(0)


async def test_what_one_counts_counts_for_the_others() -> None:
    signals, clock = LocalSignals(), ManualClock()
    one, two = process(signals, clock), process(signals, clock)
    async with one.following(), two.following():
        one.hit("name", "ann")
        two.hit("name", "ann")
        for shared in (one, two):
            shared.check("name", "ann")
        one.hit("name", "ann")
        for shared in (one, two):
            await heard(shared, "ann", is_full=True)
            shared.check("address", "ann")
            shared.check("name", "bob")
        two.reset("name", "ann")
        await heard(one, "ann", is_full=False)


async def test_a_process_counts_its_own_once() -> None:
    signals, clock = LocalSignals(), ManualClock()
    async with AsyncExitStack() as stack:
        one, two = process(signals, clock), process(signals, clock)
        for shared in (one, two):
            await stack.enter_async_context(shared.following())
        one.hit("name", "ann")
        one.hit("name", "ann")
        two.hit("name", "bob")
        two.hit("name", "bob")
        two.hit("name", "bob")
        await heard(one, "bob", is_full=True)
        for shared in (one, two):
            shared.check("name", "ann")


@pytest.mark.parametrize("note", [b"", b"\xc1", b"\xff" * 100, msgspec.msgpack.encode(["p", "nobody's", "ann"])])
async def test_a_note_that_cannot_be_meant_counts_nothing(note: bytes) -> None:
    signals, clock = LocalSignals(), ManualClock()
    one, two = process(signals, clock), process(signals, clock)
    async with one.following(), two.following():
        for _ in range(3):
            signals.whisper("logins", note)
        two.hit("name", "bob")
        two.hit("name", "bob")
        two.hit("name", "bob")
        await heard(one, "bob", is_full=True)
        one.check("name", "ann")
