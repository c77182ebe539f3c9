"""Many ranges laid out for looking up. No I/O (I-19).

What is kept are edges: the numbers where a stretch of addresses begins, and where it has ended. After an odd number of
edges one is inside, so a look-up counts the edges that are not above an address. `Intervals` answers whether an address
is in any of many ranges; those that touch or overlap become one stretch. `Segments` also names a range that holds the
address.

An IPv4 edge takes 4 bytes and one of IPv6 16, in flat arrays of machine words. Beside many IPv4 edges lies a directory:
for each value of an address's upper bits the place of the first edge, so that only the few edges from there to the next
place are searched. Few edges are kept as what the system's parser makes of an address, four bytes whose order is that of
the numbers, so that nothing is converted; with many, that would take ten times the memory.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from socket import AF_INET, inet_pton
from typing import Protocol, TypeVar

from admin.ranges import IPV4_END, Span, number_of_text

T = TypeVar("T")
U = TypeVar("U")
Answer_co = TypeVar("Answer_co", covariant=True)

_LOW = 2**64 - 1

_FEW = 2_000
"""Edges up to which comparing bytes is not slower than the directory."""

_MOST_BITS = 18
"""Of a directory: a megabyte, beside edges that take eight."""

_INET = int(AF_INET)  # a member of an enumeration is slower to pass


class _Answers(Protocol[Answer_co]):
    """What is answered at each place."""

    def __getitem__(self, place: int, /) -> Answer_co: ...


class _FewEdges:
    """IPv4 edges as bytes. A place is the number of edges not above an address."""

    __slots__ = ("_edges",)

    def __init__(self, edges: "array[int]") -> None:
        self._edges = [edge.to_bytes(4) for edge in edges]

    def place_of(self, number: int) -> int:
        return bisect_right(self._edges, number.to_bytes(4))

    def reader(self, answers: _Answers[Answer_co], other: Callable[[str], int]) -> Callable[[str], Answer_co]:
        """The question for IPv4 text, with all that it needs at hand: it is so short that one more call would be a good
        part of it. `other` knows the place of any other text."""
        edges, rank, parse, inet = self._edges, bisect_right, inet_pton, _INET

        def find(text: str) -> Answer_co:
            try:
                return answers[rank(edges, parse(inet, text))]
            except (OSError, ValueError):
                return answers[other(text)]

        return find


class _ManyEdges:
    """The same with a directory, of cells that have one or two edges each if these lie evenly."""

    __slots__ = ("_begins", "_edges", "_shift")

    def __init__(self, edges: "array[int]") -> None:
        bits = min(_MOST_BITS, len(edges).bit_length() - 1)
        self._edges, self._shift = edges, 32 - bits
        begins = (bisect_left(edges, cell << self._shift) for cell in range(2**bits + 1))
        self._begins = array("H" if len(edges) < 2**16 else "I", begins)

    def place_of(self, number: int) -> int:
        cell = number >> self._shift
        return bisect_right(self._edges, number, self._begins[cell], self._begins[cell + 1])

    def reader(self, answers: _Answers[Answer_co], other: Callable[[str], int]) -> Callable[[str], Answer_co]:
        edges, begins, shift = self._edges, self._begins, self._shift
        rank, read, parse, inet = bisect_right, int.from_bytes, inet_pton, _INET

        def find(text: str) -> Answer_co:
            try:
                number = read(parse(inet, text))
            except (OSError, ValueError):
                return answers[other(text)]
            cell = number >> shift
            return answers[rank(edges, number, begins[cell], begins[cell + 1])]

        return find


class _Edges:
    """The edges of stretches that are given in order and have no address in common.

    IPv6 has its places after all those of IPv4. At an odd place one is in the stretch with the number `place // 2`.
    """

    __slots__ = ("_before_ipv6", "_four", "_high", "_low", "count")

    def __init__(self, stretches: Iterable[tuple[int, int]]) -> None:
        four, self._high, self._low = array("I"), array("Q"), array("Q")
        for first, last in stretches:
            if last < IPV4_END - 1:
                four.append(first)
                four.append(last + 1)
            elif first < IPV4_END:  # after the last IPv4 address there is nothing to leave it for
                four.append(first)
            else:
                self._high.extend((first >> 64, last + 1 >> 64))
                self._low.extend((first & _LOW, last + 1 & _LOW))
        self._four = _FewEdges(four) if len(four) <= _FEW else _ManyEdges(four[:])  # a copy has no room to grow
        self._before_ipv6 = len(four) + len(four) % 2
        self.count = (self._before_ipv6 + len(self._high)) // 2

    def place_of(self, number: int) -> int:
        """The place of an address; outside for what is below all of them."""
        if number < IPV4_END:
            return self._four.place_of(number) if number >= 0 else 0
        high = number >> 64
        begin = bisect_left(self._high, high)
        return self._before_ipv6 + bisect_right(self._low, number & _LOW, begin, bisect_right(self._high, high, begin))

    def reader(self, answers: _Answers[Answer_co]) -> Callable[[str], Answer_co]:
        """The answer for an address as a socket says it. What cannot be read is outside."""
        return self._four.reader(answers, self._place_of_text)

    def _place_of_text(self, text: str) -> int:
        number = number_of_text(text)
        return 0 if number is None else self.place_of(number)


class Intervals:
    """Whether an address is in one of many ranges, given as pairs of first and last number, in any order.

    `holds_text` answers for an address as a socket says it; one that cannot be read is in no range.
    """

    __slots__ = ("_edges", "holds_text")

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._edges = _Edges(_joined(pairs))
        few = self._edges.count <= _FEW // 2
        self.holds_text = self._edges.reader(_at_places([True] * self._edges.count, False) if few else _Inside())

    def holds(self, number: int) -> bool:
        """Whether the address with this number is in a range."""
        return self._edges.place_of(number) & 1 == 1

    def __len__(self) -> int:
        return self._edges.count


class Segments:
    """The same, with a name for each range: a range that holds an address can be told, so that a decision can be
    explained. Where ranges overlap, each stretch belongs to one of them. Names end in no space.

    `find_text` answers for an address as a socket says it.
    """

    __slots__ = ("_edges", "_names", "find_text")

    def __init__(self, ranges: Iterable[tuple[Span, str]]) -> None:
        reached, stretches, names = -1, [], []
        for first, last, name in sorted((span.first, span.last, name) for span, name in ranges):
            if last > reached:
                stretches.append((max(first, reached + 1), last))
                names.append(name)
                reached = last
        self._edges = _Edges(stretches)
        self._names = _at_places(names, None) if len(names) <= _FEW // 2 else _Names(names)
        self.find_text = self._edges.reader(self._names)

    def find(self, number: int) -> str | None:
        """The name of a range that holds the address."""
        return self._names[self._edges.place_of(number)]

    def __len__(self) -> int:
        return self._edges.count


def _joined(pairs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The stretches of addresses that are in any of the ranges, in order."""
    begun, reached = -1, -2
    for first, last in sorted(pairs):
        if first > reached + 1:
            if begun >= 0:
                yield begun, reached
            begun, reached = first, last
        elif last > reached:
            reached = last
    if begun >= 0:
        yield begun, reached


def _at_places(inside: Sequence[T], outside: U) -> tuple[T | U, ...]:
    """An answer for each place, for few."""
    answers: list[T | U] = [outside] * (2 * len(inside) + 1)
    answers[1::2] = inside
    return tuple(answers)


class _Inside:
    """Whether a place is inside."""

    __slots__ = ()

    def __getitem__(self, place: int, /) -> bool:
        return place & 1 == 1


class _Names:
    """Names at the odd places, in one piece of text: a string object for each would take more than all the rest."""

    __slots__ = ("_text", "_width")

    def __init__(self, names: Sequence[str]) -> None:
        self._width = max(map(len, names))
        self._text = "".join([name.ljust(self._width) for name in names])

    def __getitem__(self, place: int, /) -> str | None:
        if not place & 1:
            return None
        end = self._width * (place + 1) // 2
        return self._text[end - self._width : end].rstrip()
