"""Work that runs at once as far as it can, and the rest in the task that waits for it."""

import asyncio

import pytest

from bot_runtime.beginning import Begun, waiting


async def test_work_that_needs_nobody_has_ended_when_it_was_begun() -> None:
    async def work() -> int:
        return 7

    begun = Begun(work())
    assert begun.ended
    assert await begun.rest() == 7


async def test_work_that_waits_goes_on_in_the_task_that_asks_for_the_rest() -> None:
    gate: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    tasks = []

    async def work() -> str:
        await waiting()
        tasks.append(asyncio.current_task())
        async with asyncio.timeout(5):
            return await gate

    begun = Begun(work())
    assert not begun.ended
    resumed = asyncio.create_task(begun.rest())
    await asyncio.sleep(0)
    gate.set_result("answer")
    assert await resumed == "answer"
    assert tasks == [resumed]


async def test_an_error_is_raised_by_rest_and_not_where_the_work_was_begun() -> None:
    async def fails_at_once() -> None:
        raise ValueError("at once")

    async def fails_later() -> None:
        await waiting()
        raise ValueError("later")

    first, second = Begun(fails_at_once()), Begun(fails_later())
    assert (first.ended, second.ended) == (True, False)
    with pytest.raises(ValueError, match="at once"):
        await first.rest()
    with pytest.raises(ValueError, match="later"):
        await second.rest()


async def test_a_time_out_around_the_rest_reaches_the_work() -> None:
    seen = []

    async def work() -> None:
        await waiting()
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    begun = Begun(work())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await begun.rest()
    assert seen == ["cancelled"]


async def test_a_real_wait_before_it_was_announced_still_works() -> None:
    gate: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> int:
        return await gate

    begun = Begun(work())
    gate.set_result(3)
    assert await begun.rest() == 3


async def test_abandoned_work_is_closed() -> None:
    closed = []

    async def work() -> None:
        try:
            await waiting()
        finally:
            closed.append(True)

    Begun(work()).abandon()
    assert closed == [True]
