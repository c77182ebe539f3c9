"""Many ranges laid out for looking up. No I/O (I-19).

`Intervals` answers whether an address is in any of them: ranges that touch or overlap are joined, and what is kept are
the numbers where inside and outside change, in flat arrays of machine words, 8 bytes for an IPv4 interval and 32 for
one of IPv6. A look-up is one bisection: after an odd number of changes one is inside. `Segments` also names a range
that holds the address, and `Overlaps` finds what shares an address with a range.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from socket import AF_INET, inet_pton
from typing import Generic, TypeVar

from admin.ranges import IPV4_END, Span, number_of_text

T = TypeVar("T")

_LOW = 2**64 - 1

_SHORT = 2_000
"""Edges of a short list."""


class _Numbers:
    """Addresses in ascending order. IPv6 ones lie in two arrays, the upper and the lower 64 bits."""

    __slots__ = ("four", "high", "low")

    def __init__(self) -> None:
        self.four = array("I")
        self.high = array("Q")
        self.low = array("Q")

    def append(self, number: int) -> None:
        if number < IPV4_END:
            self.four.append(number)
        else:
            self.high.append(number >> 64)
            self.low.append(number & _LOW)

    def rank_ipv6(self, number: int) -> int:
        """How many IPv6 numbers are not above this one."""
        high = number >> 64
        begin = bisect_left(self.high, high)
        return bisect_right(self.low, number & _LOW, begin, bisect_right(self.high, high, begin))


class Intervals:
    """Whether an address is in one of many ranges, given as pairs of first and last number, in any order.

    `holds_text` answers for an address as a socket says it; one that cannot be read is in no range.
    """

    __slots__ = ("_edges", "holds_text")

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._edges = _Numbers()
        append = self._edges.append
        begun, reached = -1, -2
        for first, last in sorted(pairs):
            if first > reached + 1:
                if begun >= 0:
                    append(begun)
                    self._append_end(reached)
                begun, reached = first, last
            elif last > reached:
                reached = last
        if begun >= 0:
            append(begun)
            self._append_end(reached)
        self.holds_text = _reader(self._edges.four, self._holds_other_text)

    def _append_end(self, last: int) -> None:
        if last != IPV4_END - 1:  # after the last IPv4 address there is nothing to leave it for
            self._edges.append(last + 1)

    def holds(self, number: int) -> bool:
        """Whether the address with this number is in a range."""
        if number < IPV4_END:
            return bisect_right(self._edges.four, number) & 1 == 1
        return self._edges.rank_ipv6(number) & 1 == 1

    def _holds_other_text(self, text: str) -> bool:
        number = number_of_text(text)
        return number is not None and self.holds(number)

    def __len__(self) -> int:
        return (len(self._edges.four) + 1) // 2 + len(self._edges.high) // 2


def _reader(edges: "array[int]", other: Callable[[str], bool]) -> Callable[[str], bool]:
    """The question for IPv4 text, with all that it needs at hand: a call or a conversion more would be a third of the
    time. Numbers of four bytes are in the order of the bytes, so a short list is kept as bytes and nothing converted;
    in a long one that would take ten times the memory."""
    family, rank = int(AF_INET), bisect_right
    if len(edges) <= _SHORT:
        texts = [number.to_bytes(4) for number in edges]

        def holds(text: str) -> bool:
            try:
                return rank(texts, inet_pton(family, text)) & 1 == 1
            except (OSError, ValueError):
                return other(text)

    else:
        read = int.from_bytes

        def holds(text: str) -> bool:
            try:
                return rank(edges, read(inet_pton(family, text))) & 1 == 1
            except (OSError, ValueError):
                return other(text)

    return holds


class Segments:
    """The same, with a name for each range: a range that holds an address can be told, so that a decision can be
    explained. Where ranges overlap, each stretch belongs to one of them."""

    __slots__ = ("_firsts", "_intervals", "_names", "_width")

    def __init__(self, ranges: Iterable[tuple[Span, str]]) -> None:
        ordered = sorted((span.first, span.last, name) for span, name in ranges)
        self._intervals = Intervals((first, last) for first, last, _ in ordered)
        self._firsts = _Numbers()
        self._width = max((len(name) for _, _, name in ordered), default=0)
        reached, names = -1, []
        for first, last, name in ordered:
            if last > reached:
                self._firsts.append(max(first, reached + 1))
                names.append(name.ljust(self._width))
                reached = last
        # One piece of text: a string object for each name would take more than all the rest.
        self._names = "".join(names).encode("ascii")

    def find(self, number: int) -> str | None:
        """The name of a range that holds the address."""
        if not self._intervals.holds(number):
            return None
        four = self._firsts.four
        place = bisect_right(four, number) if number < IPV4_END else len(four) + self._firsts.rank_ipv6(number)
        return self._names[(place - 1) * self._width : place * self._width].decode().rstrip()

    def __len__(self) -> int:
        return len(self._firsts.four) + len(self._firsts.high)


class Overlaps(Generic[T]):
    """Which of many ranges share an address with a given one. Counting takes two bisections; finding k of n takes
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
