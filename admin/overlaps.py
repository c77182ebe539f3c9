"""Which of many ranges share an address with a given one. No I/O (YA-5)."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from admin.ranges import Span

T = TypeVar("T")


class Overlaps(Generic[T]):
    """Ranges, each with a thing that it stands for. Counting takes two bisections; finding k of n takes
    about k·log n steps, whatever the ranges look like: a tree over the ranges in order knows how far each part
    reaches."""

    def __init__(self, ranges: Iterable[tuple[Span, T]]) -> None:
        ordered = sorted(ranges, key=lambda one: one[0])
        self._things: Sequence[T] = [thing for _, thing in ordered]
        self._firsts = [span.first for span, _ in ordered]
        self._lasts = sorted(span.last for span, _ in ordered)
        self._leaves = 1 << max(0, len(ordered) - 1).bit_length()
        self._reach = [-1] * self._leaves + [span.last for span, _ in ordered]
        self._reach += [-1] * (2 * self._leaves - len(self._reach))
        for node in range(self._leaves - 1, 0, -1):
            self._reach[node] = max(self._reach[2 * node], self._reach[2 * node + 1])

    def count(self, span: Span) -> int:
        """How many of the ranges share an address with it, itself included if it is one of them."""
        return bisect_right(self._firsts, span.last) - bisect_left(self._lasts, span.first)

    def find(self, span: Span, most: int) -> list[T]:
        """Those ranges in order, at most so many."""
        found: list[T] = []
        until, waiting = bisect_right(self._firsts, span.last), [(1, 0, self._leaves)]
        while waiting and len(found) < most:
            node, begin, size = waiting.pop()
            if begin >= until or self._reach[node] < span.first:
                continue
            if size == 1:
                found.append(self._things[begin])
                continue
            half = size // 2
            waiting += [(2 * node + 1, begin + half, half), (2 * node, begin, half)]
        return found
