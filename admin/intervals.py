"""Many ranges laid out for looking up. No I/O (I-19).

What is kept are edges: the numbers where a stretch of addresses begins, and where it has ended. After an odd number of
edges one is inside, so a look-up counts the edges that are not above an address. `Intervals` answers whether an address
is in any of many ranges; those that touch or overlap become one stretch. `Segments` also names a range that holds the
address, and `Overlaps` finds what shares an address with a range.

An IPv4 edge takes 4 bytes and one of IPv6 16, in flat arrays of machine words. Beside a long list of IPv4 edges lies
a directory: for each value of an address's upper bits the place of its first edge, so that only the few edges from
there to the next place are searched, however many there are. A short list is kept as the four bytes that the system's
parser makes of an address, whose order is that of the numbers, so that nothing is converted. That would take ten times
the memory in a long one.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from socket import AF_INET, inet_pton
from typing import Generic, Protocol, TypeVar

from admin.ranges import IPV4_END, Span, number_of_text
from foundation.ids import bytes_of_id, id_of_bytes

T = TypeVar("T")
Answer_co = TypeVar("Answer_co", covariant=True)

_LOW = 2**64 - 1

_SHORT = 1_000
"""Edges of a short list: where both ways take the same time."""

_MOST_BITS = 18
"""Of a directory: it stays small beside the edges that are many enough to need it."""


class _Edges:
    """The edges of stretches that are given in order and have no address in common.

    The place of an address is the number of edges not above it, those of IPv4 before all of IPv6: odd inside a stretch,
    which is then the one with the number `place // 2`.
    """

    __slots__ = ("_before_ipv6", "_high", "_low", "count", "is_short", "place_of_ipv4")

    def __init__(self, stretches: Iterable[tuple[int, int]]) -> None:
        four, self._high, self._low = array("I"), array("Q"), array("Q")
        for first, last in stretches:
            for edge in (first, last + 1):
                if first >= IPV4_END:
                    self._high.append(edge >> 64)
                    self._low.append(edge & _LOW)
                elif edge < IPV4_END:  # after the last IPv4 address there is nothing to leave it for
                    four.append(edge)
        self._before_ipv6 = len(four) + len(four) % 2
        self.count = (self._before_ipv6 + len(self._high)) // 2
        self.is_short = len(four) <= _SHORT
        self.place_of_ipv4 = _by_bytes(four) if self.is_short else _by_directory(four[:])  # a copy has no room to grow

    def place_of(self, number: int) -> int:
        """The place of any address."""
        if number < IPV4_END:
            return self.place_of_ipv4(number.to_bytes(4)) if number >= 0 else 0
        high = number >> 64
        begin = bisect_left(self._high, high)
        return self._before_ipv6 + bisect_right(self._low, number & _LOW, begin, bisect_right(self._high, high, begin))


def _by_bytes(edges: "array[int]") -> Callable[[bytes], int]:
    """The place of an IPv4 address, given as its four bytes, in a short list."""
    return partial(bisect_right, [edge.to_bytes(4) for edge in edges])


def _by_directory(edges: "array[int]") -> Callable[[bytes], int]:
    """The same in a long list. A cell of the directory has about one or two edges, if they lie evenly."""
    bits = min(_MOST_BITS, len(edges).bit_length() - 1)
    shift, read, rank = 32 - bits, int.from_bytes, bisect_right
    begins = (bisect_left(edges, cell << shift) for cell in range(2**bits + 1))
    begin = array("H" if len(edges) < 2**16 else "I", begins)

    def place_of(address: bytes) -> int:
        number = read(address)
        cell = number >> shift
        return rank(edges, number, begin[cell], begin[cell + 1])

    return place_of


class _Answers(Protocol[Answer_co]):
    """What is answered at each place."""

    def __getitem__(self, place: int, /) -> Answer_co: ...


def _reader(edges: _Edges, answers: _Answers[Answer_co]) -> Callable[[str], Answer_co]:
    """The question for an address as a socket says it, with all that it needs at hand: a look-up is so short that a
    call or a conversion more would be a good part of it."""
    family, read, place_of = int(AF_INET), inet_pton, edges.place_of_ipv4

    def find(text: str) -> Answer_co:
        try:
            place = place_of(read(family, text))
        except (OSError, ValueError):
            number = number_of_text(text)
            place = 0 if number is None else edges.place_of(number)
        return answers[place]

    return find


class _Parity:
    """Whether a place is inside."""

    __slots__ = ()

    def __getitem__(self, place: int, /) -> bool:
        return place & 1 == 1


class Intervals:
    """Whether an address is in one of many ranges, given as pairs of first and last number, in any order.

    `holds_text` answers for an address as a socket says it; one that cannot be read is in no range.
    """

    __slots__ = ("_edges", "holds_text")

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._edges = _Edges(_joined(pairs))
        inside = (False, True) * self._edges.count
        self.holds_text = _reader(self._edges, (*inside, False) if self._edges.is_short else _Parity())

    def holds(self, number: int) -> bool:
        """Whether the address with this number is in a range."""
        return self._edges.place_of(number) & 1 == 1

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


class Segments:
    """The same, with a name for each range: a range that holds an address can be told, so that a decision can be
    explained. Where ranges overlap, each stretch belongs to one of them.

    `find_text` answers for an address as a socket says it. In a long list names that are ids take 16 bytes each.
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
        self._names = _at_places(names, packed=not self._edges.is_short)
        self.find_text = _reader(self._edges, self._names)

    def find(self, number: int) -> str | None:
        """The name of a range that holds the address."""
        return self._names[self._edges.place_of(number)]

    def __len__(self) -> int:
        return self._edges.count


class _Packed:
    """Ids at the odd places, in one piece: a string object for each would take more than all the rest."""

    __slots__ = ("_ids",)

    def __init__(self, ids: bytes) -> None:
        self._ids = ids

    def __getitem__(self, place: int, /) -> str | None:
        if not place & 1:
            return None
        begin = 16 * (place // 2)
        return id_of_bytes(self._ids[begin : begin + 16])


def _at_places(names: Sequence[str], *, packed: bool) -> _Answers[str | None]:
    if packed:
        ids = [one for one in map(bytes_of_id, names) if one is not None]
        if len(ids) == len(names):
            return _Packed(b"".join(ids))
    between: list[str | None] = [None] * (2 * len(names) + 1)
    between[1::2] = names
    return tuple(between)


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
