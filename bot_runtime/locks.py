"""One lock for each thing, for as long as somebody holds or waits for it."""

import asyncio
from weakref import WeakValueDictionary


class Locks:
    """`async with locks.of("conversation id"):` lets one in at a time; other keys do not wait."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Lock:
        """The lock of this key."""
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock
