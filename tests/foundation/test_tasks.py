"""A task that is to end, ends."""

import asyncio

import pytest

from foundation.tasks import ended


async def test_a_task_that_lost_its_cancellation_is_asked_again() -> None:
    lost = 0

    async def deaf() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost == 2:
                    raise
                lost += 1

    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    await ended(task, again_s=0.01)
    assert task.cancelled()
    assert lost == 2


async def test_what_a_task_ends_with_is_its_own_affair() -> None:
    async def fails() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("of no interest")

    async def tidies_up(done: list[str]) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("tidy")

    done: list[str] = []
    tasks = [asyncio.create_task(fails()), asyncio.create_task(tidies_up(done)), asyncio.create_task(asyncio.sleep(0))]
    await tasks[2]
    await ended(*tasks)
    assert done == ["tidy"]
    with pytest.raises(ValueError, match="of no interest"):
        tasks[0].result()
    await ended()
