"""Engines for the moments that tests need: one that is killed after so many writes, and one that waits at a gate."""

import asyncio
from collections.abc import Sequence

from foundation.records import Engine, Kind, Page, Row, Where


class Killed(BaseException):
    """The process ends here; nothing may catch this and go on."""


class Interrupted:
    """Passes everything on to a real engine until `writes` writes are done; what was written stays, the rest never
    comes."""

    def __init__(self, engine: Engine, writes: int) -> None:
        self._engine = engine
        self.left = writes

    async def insert(self, kind: Kind, row: Row) -> None:
        self._count()
        await self._engine.insert(kind, row)

    async def replace(self, kind: Kind, row: Row) -> None:
        self._count()
        await self._engine.replace(kind, row)

    async def delete(self, kind: Kind, id: str) -> bool:
        self._count()
        return await self._engine.delete(kind, id)

    async def get(self, kind: Kind, id: str) -> Row | None:
        return await self._engine.get(kind, id)

    async def find(
        self,
        kind: Kind,
        where: Sequence[Where] = (),
        *,
        order: str = "id",
        limit: int = 100,
        after: str | None = None,
    ) -> Page:
        return await self._engine.find(kind, where, order=order, limit=limit, after=after)

    async def count(self, kind: Kind, where: Sequence[Where] = ()) -> int:
        return await self._engine.count(kind, where)

    def _count(self) -> None:
        if self.left == 0:
            raise Killed
        self.left -= 1


class Gated(Interrupted):
    """Lets one operation wait: it says when somebody is at the gate, and lets him through when it is opened.

    `before_insert`, `before_replace`: nothing is stored yet while he waits. `after_get`: he has his answer, but does
    not know it yet.
    """

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, 1_000_000)
        self.before_insert: Kind | None = None
        self.before_replace: Kind | None = None
        self.after_get: Kind | None = None
        self.arrived = asyncio.Event()
        self.open = asyncio.Event()

    async def insert(self, kind: Kind, row: Row) -> None:
        await self._wait(kind is self.before_insert)
        await super().insert(kind, row)

    async def replace(self, kind: Kind, row: Row) -> None:
        await self._wait(kind is self.before_replace)
        await super().replace(kind, row)

    async def get(self, kind: Kind, id: str) -> Row | None:
        row = await super().get(kind, id)
        await self._wait(kind is self.after_get)
        return row

    async def _wait(self, here: bool) -> None:
        if here:
            self.arrived.set()
            await self.open.wait()
