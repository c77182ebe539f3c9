"""Ending tasks, so that their end can be relied on."""

import asyncio
from typing import Any

AGAIN_S = 5.0
"""Seconds after which a task that has not ended is cancelled once more: longer than tidying up takes."""


async def ended(*tasks: asyncio.Future[Any], again_s: float = AGAIN_S) -> None:
    """Cancel these and wait until they have ended, however they end; what they raise is theirs alone.

    A task can lose a cancellation: `asyncio.wait_for` of Python 3.11, which database drivers wait with, drops one that
    arrives together with the answer. Who only waits then waits for ever, so it is asked again.
    """
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=again_s)
    for task in tasks:
        if not task.cancelled():
            task.exception()
