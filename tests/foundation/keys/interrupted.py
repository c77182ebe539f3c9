"""An engine that stops after so many writes, as a killed process does: what it wrote stays, the rest never comes."""

from collections.abc import Sequence

from foundation.records import Engine, Kind, Page, Row, Where


class Killed(BaseException):
    """The process ends here; nothing may catch this and go on."""


class Interrupted:
    """Passes everything on to a real engine until `writes` writes are done."""

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
