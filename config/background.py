"""Work that goes on beside the answering of requests, started with the application and ended with it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from foundation.tasks import ended

log = logging.getLogger("frontdesk")


@asynccontextmanager
async def background(*works: tuple[str, Coroutine[Any, Any, Any]]) -> AsyncIterator[None]:
    """Run these loops while the block runs. One that ends by itself is a fault: it is logged with its name, and the
    others go on."""
    tasks = [asyncio.create_task(work, name=name) for name, work in works]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        await ended(*tasks)


def _report(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        log.error("background work %r ended", task.get_name(), exc_info=task.exception())
