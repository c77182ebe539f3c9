"""A bounded memory: what was not used for longest goes first."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """At most `size` entries; `dropped` is told of each one that had to go."""

    def __init__(self, size: int, dropped: Callable[[K, V], None] | None = None) -> None:
        self._size = size
        self._dropped = dropped
        self._entries: OrderedDict[K, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """The entry, which counts as used now."""
        value = self._entries.get(key)
        if value is not None:
            self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep an entry."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        while len(self._entries) > self._size:
            old, entry = self._entries.popitem(last=False)
            if self._dropped is not None:
                self._dropped(old, entry)

    def pop(self, key: K) -> V | None:
        """Take an entry out."""
        return self._entries.pop(key, None)

    def clear(self) -> None:
        """Take all entries out."""
        self._entries.clear()
