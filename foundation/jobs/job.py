"""What a job is: to its handler, and in the store.

`due` of a stored job is the moment to look at it again: its (next) time, the end of the lease under which it runs, or
the end of the memory of a keyed job that is done.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from foundation.clock import HOUR, SECOND
from foundation.records import Kind

FIRST_RETRY = 5 * SECOND
LONGEST_RETRY = HOUR
MAX_TRIES = 12

JOBS = Kind(
    "job",
    fields=("name", "status", "due", "lease_until", "token"),
    unique=(("account", "token"),),
    indexes=(("status", "due"),),
)
KINDS: tuple[Kind, ...] = (JOBS,)


class Job(msgspec.Struct, frozen=True):
    """What a handler is given. `body` is of the declared type; `tries` counts this one; `due` is when it was to run."""

    id: str
    account: str
    name: str
    body: Any
    tries: int
    due: int


class Retry(Exception):  # noqa: N818 - an instruction, not a fault
    """Raised by a handler: try again after so many milliseconds. It counts as a try."""

    def __init__(self, after_ms: int) -> None:
        super().__init__(f"again in {after_ms} ms")
        self.after_ms = after_ms


class GiveUp(Exception):  # noqa: N818 - an instruction, not a fault
    """Raised by a handler: no further try can help. The reason is kept, sealed, with the failed job."""


class Stored(msgspec.Struct, frozen=True):
    """The sealed part of a job."""

    payload: bytes
    due: int
    tries: int = 0
    reason: str = ""


class Work(msgspec.Struct, frozen=True):
    """Who does the jobs of one name, and how often it is tried."""

    handler: Callable[[Any], Awaitable[None]]
    body: type[msgspec.Struct]
    max_tries: int


def retry_delay(tries: int) -> int:
    """Milliseconds until the next try after so many: 5 s, doubled each time, at most an hour; no chance in it."""
    return int(min(FIRST_RETRY * 2 ** (min(tries, 30) - 1), LONGEST_RETRY))
