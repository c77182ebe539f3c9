"""The event loop that the commands and the workers run in."""

import asyncio
import importlib
import importlib.util
from collections.abc import Coroutine
from typing import Any


def run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run it to its end, on uvloop where that is installed."""
    if importlib.util.find_spec("uvloop") is None:
        return asyncio.run(work)
    with asyncio.Runner(loop_factory=importlib.import_module("uvloop").new_event_loop) as runner:
        return runner.run(work)
