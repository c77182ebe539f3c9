"""What the web frame writes to the log: an allow-list, one line an event (G-3, G-4).

A line carries the method, the route's template, the status and the time it took. Never the path as sent (it holds
tokens), never an address, a header, a body, nor the message of an exception (which may quote any of them).
"""

import logging
import traceback
from types import TracebackType

access_log = logging.getLogger("frontdesk.access")
error_log = logging.getLogger("frontdesk.error")

_ESCAPED = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_ESCAPED |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def one_line(text: str) -> str:
    """The text with control characters, line separators and direction marks escaped (G-3)."""
    return text.translate(_ESCAPED)


def log_access(method: str, template: str, status: int, seconds: float) -> None:
    """One answered request."""
    access_log.info("%s %s %d %.1fms", one_line(method), one_line(template), status, seconds * 1000)


def log_failure(reference: str, what: str, error: BaseException) -> None:
    """One unexpected error: where it happened and of what class, without its message."""
    error_log.error("%s %s %s", reference, one_line(what), describe(error))


class LineFormatter(logging.Formatter):
    """For every handler of the process, other people's loggers included: an event is one line, and of an error only its
    class and its places are told."""

    def format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        bare = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None, "stack_info": None})
        line = super().format(bare)
        return one_line(f"{line} {describe(error)}" if error is not None else line)


def describe(error: BaseException) -> str:
    """The class of an error and of its causes with the places they came through; nothing that was in the data."""
    seen: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(seen) < 5:
        seen.append(f"{type(cause).__qualname__} at {_places(cause.__traceback__)}")
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return one_line(" caused by ".join(seen))


def _places(trace: TracebackType | None) -> str:
    frames = traceback.extract_tb(trace, limit=-8)
    return " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames) or "an unknown place"
