"""L-21: whatever goes wrong while a transcript is decided, nothing of it is shown."""

import os
import socket
from collections.abc import AsyncIterator, Sequence

import pytest
import pytest_asyncio

import admin
from foundation import keys
from foundation.clock import ManualClock
from foundation.errors import Unavailable
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import Batch, Kind, MemoryEngine, Page, Row, Where
from tests.transcripts import house as houses
from tests.transcripts.house import SAID, House
from transcripts import KINDS


class Breaking(MemoryEngine):
    """A store of which parts stop answering when told to."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        super().__init__(kinds)
        self.broken: set[str] = set()

    def _look(self, *parts: str) -> None:
        if self.broken & set(parts):
            raise Unavailable("The store cannot be read or written at the moment.")

    async def find(self, kind: Kind, where: Sequence[Where] = (), **how: object) -> Page:
        self._look(f"find {kind.name}")
        return await super().find(kind, where, **how)  # type: ignore[arg-type]

    async def get(self, kind: Kind, id: str) -> Row | None:
        self._look(f"get {kind.name}")
        return await super().get(kind, id)

    async def replace(self, kind: Kind, row: Row) -> None:
        self._look(f"replace {kind.name}")
        await super().replace(kind, row)

    async def read(self, log: str, *, since: int = 0, limit: int = 10_000) -> Sequence[Batch]:
        self._look(f"read {log.partition('/')[0]}")
        return await super().read(log, since=since, limit=limit)

    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        self._look(f"append {log.partition('/')[0]}")
        await super().append(log, batch, head=head)


@pytest_asyncio.fixture
async def breaking(clock: ManualClock, signals: LocalSignals) -> AsyncIterator[tuple[House, Breaking]]:
    """The doors over a store that can break; conversations are read anew on every request."""
    engine, store = Breaking([*admin.KINDS, *KINDS]), MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    house = await houses.build(engine, keyring, clock, signals)
    house.conversations._cache._max_entries = 0
    house.conversations._cache.drop(house.chat)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    await houses.open_doors(house, listening)
    yield house, engine
    assert house.runner is not None
    await house.runner.cleanup()
    listening.close()


PARTS = [
    "find share_link",
    "get conversation",
    "read conversation",
    "append audit",
    "replace share_link",
    "get bot",
]


@pytest.mark.parametrize("part", PARTS)
async def test_L_21_a_broken_part_means_no_transcript(breaking: tuple[House, Breaking], part: str) -> None:
    house, engine = breaking
    session = await house.admin.sessions.open(house.cast["ann"])
    await house.allow("shop", "127.0.0.2")
    warm = await house.ask(house.path, session=session)
    assert warm.status == 200
    house.conversations._cache.drop(house.chat)

    engine.broken = {part}
    for form in ("", ".txt", ".csv", ".json", ".pdf"):
        for answer in (
            await house.ask(house.path + form, session=session),
            await house.ask(house.path + form, source="127.0.0.2"),
        ):
            house.conversations._cache.drop(house.chat)
            assert answer.status == 503, part
            assert SAID not in answer.text

    engine.broken = set()
    assert (await house.ask(house.path, session=session)).status == 200


async def test_L_21_a_failure_is_written_down_where_that_is_possible(breaking: tuple[House, Breaking]) -> None:
    house, engine = breaking
    session = await house.admin.sessions.open(house.cast["ann"])
    await house.ask("/t/x", session=session)
    engine.broken = {"find share_link"}
    assert (await house.ask(house.path, session=session)).status == 503
    engine.broken = set()

    last = (await house.book())[-1]
    assert (last.action, last.data["rule"], last.actor) == ("transcript.error", "error", house.cast["ann"].id)


async def test_L_21_a_damaged_conversation_is_not_shown_in_part(breaking: tuple[House, Breaking]) -> None:
    house, engine = breaking
    [log] = [name for name in engine._logs if name.startswith("conversation/")]
    del engine._logs[log][-1]
    house.conversations._cache.drop(house.chat)

    answer = await house.ask(house.path, who="ann")

    assert answer.status == 503
    assert SAID not in answer.text


async def test_L_22_nothing_is_shown_that_was_not_written_down_first(breaking: tuple[House, Breaking]) -> None:
    house, engine = breaking
    session = await house.admin.sessions.open(house.cast["bob"])
    await house.ask(house.path, session=session)
    engine.broken = {"append audit"}
    for answer in (await house.ask(house.path), await house.ask(house.path, session=session)):
        assert answer.status == 503
