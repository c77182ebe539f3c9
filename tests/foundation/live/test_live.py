"""Live signals: a test for every sentence of the module's promise."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.live import MAX_WHISPERS, LocalListener, LocalSignals, Signal, Signals


async def drained(listener: LocalListener) -> list[Signal]:
    """Everything that waits now."""
    found: list[Signal] = []
    while True:
        reading = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        if not reading.done():
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            return found
        found.append(reading.result())


async def test_a_listener_hears_its_topics_and_no_others() -> None:
    signals: Signals = LocalSignals()
    async with signals.listen("conversation/a", "bot/x") as listener:
        signals.publish("conversation/a", 1)
        signals.publish("conversation/b", 2)
        signals.publish("bot/x", 0, subject="a")
        assert await drained(listener) == [Signal("conversation/a", 1), Signal("bot/x", 0, subject="a")]


async def test_numbers_of_a_topic_and_subject_coalesce_to_the_newest() -> None:
    signals = LocalSignals()
    async with signals.listen("a", "b") as listener:
        for number in (1, 2, 5, 3):
            signals.publish("a", number)
        for subject in ("x", "y", "x"):
            signals.publish("b", 0, subject=subject)
        assert await drained(listener) == [Signal("a", 5), Signal("b", 0, subject="x"), Signal("b", 0, subject="y")]


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 50), st.sampled_from(["", "s"]))))
def test_a_listener_that_does_not_look_loses_no_signal_and_takes_no_memory(said: list) -> None:
    async def story() -> None:
        signals = LocalSignals()
        async with signals.listen("a", "b") as listener:
            for topic, number, subject in said:
                signals.publish(topic, number, subject)
            heard = await drained(listener)
        newest = {}
        for topic, number, subject in said:
            newest[topic, subject] = max(number, newest.get((topic, subject), 0))
        assert {(signal.topic, signal.subject): signal.number for signal in heard} == newest
        assert len(heard) <= 4

    asyncio.run(story())


async def test_whispers_carry_bytes_and_only_the_newest_are_kept() -> None:
    signals = LocalSignals()
    async with signals.listen("a") as listener:
        signals.publish("a", 7)
        for number in range(MAX_WHISPERS + 10):
            signals.whisper("a", b"%d" % number)
        heard = await drained(listener)
    assert heard[0] == Signal("a", 7)
    assert [signal.note for signal in heard[1:]] == [b"%d" % number for number in range(10, MAX_WHISPERS + 10)]
    assert {signal.number for signal in heard[1:]} == {None}


async def test_publishing_to_nobody_is_nothing() -> None:
    signals = LocalSignals()
    signals.publish("a", 1)
    signals.whisper("a", b"x")
    async with signals.listen("a") as listener:
        assert await drained(listener) == []


async def test_topics_may_be_added_and_dropped_while_listening() -> None:
    signals = LocalSignals()
    async with signals.listen() as listener:
        signals.publish("a", 1)
        listener.add("a")
        signals.publish("a", 2)
        assert await drained(listener) == [Signal("a", 2)]
        signals.publish("a", 3)
        signals.whisper("a", b"x")
        listener.drop("a")
        signals.publish("a", 4)
        assert await drained(listener) == []
        listener.add("a")
        signals.publish("a", 5)
        assert await drained(listener) == [Signal("a", 5)]


async def test_dropping_one_topic_keeps_what_was_said_on_others() -> None:
    signals = LocalSignals()
    async with signals.listen("a", "b") as listener:
        signals.publish("b", 1)
        signals.whisper("b", b"kept")
        signals.whisper("a", b"gone")
        listener.drop("a")
        listener.drop("never heard of")
        assert await drained(listener) == [Signal("b", 1), Signal("b", note=b"kept")]


async def test_every_listener_has_its_own_copy() -> None:
    signals = LocalSignals()
    async with signals.listen("a") as first, signals.listen("a") as second:
        signals.publish("a", 1)
        assert await drained(first) == [Signal("a", 1)]
        signals.publish("a", 2)
        assert await drained(second) == [Signal("a", 2)]
        assert await drained(first) == [Signal("a", 2)]


async def test_listeners_may_come_and_go_while_a_signal_is_given_out() -> None:
    """The fan-out works on a copy: a listener that ends because of a signal does not disturb it."""
    signals = LocalSignals()
    heard: list[int] = []

    async def once(number: int, ready: asyncio.Event) -> None:
        async with signals.listen("a") as listener:
            ready.set()
            async for _ in listener:
                heard.append(number)
                async with signals.listen("a"):
                    signals.publish("a", 2)
                break

    events = [asyncio.Event() for _ in range(5)]
    tasks = [asyncio.ensure_future(once(number, ready)) for number, ready in enumerate(events)]
    for ready in events:
        await ready.wait()
    signals.publish("a", 1)
    await asyncio.gather(*tasks)
    assert sorted(heard) == [0, 1, 2, 3, 4]


async def test_closing_ends_the_iteration_and_leaves_nothing_behind() -> None:
    signals = LocalSignals()
    async with signals.listen("a", "b") as listener:
        reading = asyncio.ensure_future(anext(listener, None))
        await asyncio.sleep(0)
    assert await reading is None
    signals.publish("a", 1)
    assert [signal async for signal in listener] == []
    assert signals.topics() == 0


async def test_a_listener_that_is_not_entered_hears_nothing() -> None:
    signals = LocalSignals()
    listener = signals.listen("a")
    signals.publish("a", 1)
    async with listener:
        assert await drained(listener) == []


async def test_waiting_may_be_cancelled_and_taken_up_again() -> None:
    signals = LocalSignals()
    async with signals.listen("a") as listener:
        waiting = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        signals.publish("a", 1)
        assert await anext(listener) == Signal("a", 1)


async def test_a_signal_wakes_the_one_who_waits() -> None:
    signals = LocalSignals()
    async with signals.listen("a") as listener:
        waiting = asyncio.ensure_future(anext(listener))
        await asyncio.sleep(0)
        signals.publish("a", 1)
        signals.publish("a", 2)
        assert (await waiting).number == 2
