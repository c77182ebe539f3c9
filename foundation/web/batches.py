"""A long history in frames of bounded size: a socket that lacks everything must not be sent it in one piece."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

FRAME_BYTES = 256 * 1024
"""A frame of events ends after the one with which it reaches this: a client that limits what it takes has its limit above."""


def batches(events: Iterable[tuple[int, Any]], size: int = FRAME_BYTES) -> Iterator[tuple[int, list[msgspec.Raw]]]:
    """Events as (seq, what is shown of it or `None`) in parts: the last seq of a part, and what it shows, encoded."""
    part: list[msgspec.Raw] = []
    filled = last = told = 0
    for last, shown in events:
        if shown is None:
            continue
        encoded = msgspec.json.encode(shown)
        part.append(msgspec.Raw(encoded))
        filled += len(encoded)
        if filled >= size:
            yield last, part
            part, filled, told = [], 0, last
    if last != told:
        yield last, part
