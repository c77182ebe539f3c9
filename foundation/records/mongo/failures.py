"""What a MongoDB driver's failures mean to a caller of the port."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from foundation.errors import Problem, StorageFull, Unavailable
from foundation.records.port import Taken

_log = logging.getLogger(__name__)

_FULL = frozenset({14031, 12501, 50})
"""OutOfDiskSpace, and a quota of a hosted database; 50 is a limit of time and is told from them by its name."""

_BROKEN = "The database does not answer at the moment; this was not acknowledged."


@contextmanager
def translated(place: str = "") -> Iterator[None]:
    """Turn the driver's errors in the block into `Taken`, `StorageFull` or `Unavailable`; others pass.

    `place`: the store is being opened, and the error's own words are for the operator.
    """
    try:
        yield
    except (Problem, Taken):
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("pymongo", "bson", "gridfs")):
            raise
        raise _problem(error, place) from error


def _problem(error: Exception, place: str) -> Exception:
    code = getattr(error, "code", None)
    if code == 11000:
        return Taken()
    if place:
        return Unavailable(f"The store {place} cannot be opened: {_first_line(error)}.")
    if code in _FULL and "space" in str(error).lower():
        return StorageFull("The store is full; this was not kept.")
    _log.warning("the database answered with %s (code %s)", type(error).__name__, code)
    return Unavailable(_BROKEN)


def _first_line(error: Exception) -> str:
    return str(error).split(", Timeout:")[0].split("\n")[0].rstrip(".")[:300]
