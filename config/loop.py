"""The event loop that the commands and the workers run in."""

import asyncio
import importlib
import importlib.util
from collections.abc import Coroutine
from typing import Any


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end, on uvloop where that is installed."""
    _leave_no_core()
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop) as runner:
        return runner.run(work)


def _leave_no_core() -> None:
    """What is in memory, keys and words, is not written to the disk when this process or one that it starts breaks."""
    if importlib.util.find_spec("resource") is not None:  # not on every system
        resource = importlib.import_module("resource")
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
