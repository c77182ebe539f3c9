"""What SQLite's failures mean to a caller of the port."""

import errno
import sqlite3

from foundation.errors import StorageFull, Unavailable

_FULL = "The store is full; this was not kept. Free some space, or raise the limit, and try again."
_BROKEN = "The store cannot be read or written at the moment; this was not kept."


def as_problem(error: BaseException) -> BaseException:
    """`StorageFull` or `Unavailable` for failures of the store; all else as it is (a mistake in our own code)."""
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", None)
        problem = StorageFull(_FULL) if code == sqlite3.SQLITE_FULL else Unavailable(_BROKEN)
    elif isinstance(error, OSError):
        full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        problem = StorageFull(_FULL) if full else Unavailable(_BROKEN)
    else:
        return error
    problem.__cause__ = error
    return problem
