"""Does it slow down as it fills? Appending, reading what is new, and listing, at a thousand conversations and a million.

The product's own log (sealed, with its head and all its indexes) on its SQLite engine, as configured for the product.
The store is filled through the engine's port in groups of thousands; at each size the same work is measured: durable
appends of 32 callers to conversations all over the store, reading the last batch of one, the first page of the list. The
limit beside it is the bare table of `limit.py`, on the same disk at the same moment.

    .venv/bin/python benchmarks/growth.py [--sizes 1000 100000 1000000] [--seconds 3] [--json]
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.limit import measure_append_limit
from foundation.ids import new_id
from foundation.keys.envelope import Cipher
from foundation.records import Batch, EventLog, Row, SqliteEngine, Where
from transcripts.conversations import CONVERSATION
from transcripts.events import AnyEvent, MessageSent

CALLERS = 32
TALKING = 1_000
"""Conversations that are written to and read, drawn from all that there are."""
AT_ONCE = 2_000
FILLER = 320
"""Bytes of a sealed batch of one message and its answer."""
EVENTS: list[AnyEvent] = [
    MessageSent(at=1_800_000_000_000, by="visitor", text="Where is my order?", client_id=new_id()),
    MessageSent(at=1_800_000_000_001, by="bot", text="It left the harbour this morning."),
]


class OneKey:
    """One data key for all conversations: the keys have a store and a cache of their own."""

    def __init__(self) -> None:
        self.cipher_of_all = Cipher(new_id(), os.urandom(32), "account")

    def cached(self, _key: str) -> Cipher:
        return self.cipher_of_all

    async def cipher(self, _account: str, _key: str) -> Cipher:
        return self.cipher_of_all

    async def account_key(self, _account: str) -> str:
        return self.cipher_of_all.key


class Store:
    """A store that grows. `seq` is the last number of each conversation."""

    def __init__(self, path: Path) -> None:
        self.engine = SqliteEngine(path, [CONVERSATION])
        self.keys = OneKey()
        self.log: EventLog[AnyEvent] = EventLog(self.engine, self.keys, "conversation", AnyEvent, CONVERSATION)
        self.talked: list[str] = []
        self.talking: list[str] = []
        self.seq: dict[str, int] = {}

    def head(self, at: int) -> dict[str, Any]:
        plain = {"bot": "bot", "control": "bot", "visitor": new_id(), "opened_at": at, "updated_at": at}
        return {**dict.fromkeys(CONVERSATION.fields), **plain}

    async def grow_to(self, size: int, have: int) -> None:
        """The first thousand and every hundredth are real ones, which can be read and appended to; the others filler.
        Returns when all of it is in the main file and on the disk, so that what is measured next is not its tail."""
        for first in range(have, size, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, size))
            await asyncio.gather(
                *(self._begin(number, real=number < TALKING or number % 100 == 0) for number in numbers)
            )
        self.talking = random.sample(self.talked, TALKING)
        await self.engine.scrub()
        os.sync()

    async def _begin(self, number: int, *, real: bool) -> None:
        name, key, head = new_id(), self.keys.cipher_of_all.key, self.head(number)
        if real:
            self.seq[name] = await self.log.append("account", name, key, EVENTS, 0, head_fields=head)
            self.talked.append(name)
            return
        batch = Batch(1, 2, key, os.urandom(FILLER))
        row = Row(name, 2, "account", key, head, os.urandom(112))
        await self.engine.append(f"conversation/7/account/{name}", batch, head=(CONVERSATION, row))

    async def append(self) -> None:
        name = random.choice(self.talking)
        while name not in self.seq:  # another caller is writing to it
            name = random.choice(self.talking)
        key, last = self.keys.cipher_of_all.key, self.seq.pop(name)
        self.seq[name] = await self.log.append("account", name, key, EVENTS, last, head_fields=self.head(last))

    async def read_since(self) -> None:
        name = random.choice(self.talking)
        assert len(await self.log.read("account", name, self.seq[name] - 2)) == 2

    async def first_page(self) -> None:
        page = await self.engine.find(CONVERSATION, (Where("account", "=", "account"),), order="-updated_at", limit=50)
        assert len(page.rows) == 50


async def per_second(work: Callable[[], Awaitable[None]], seconds: float) -> float:
    """How often so many callers get it done, each waiting for its own."""
    started = time.perf_counter()

    async def caller() -> int:
        count = 0
        while time.perf_counter() - started < seconds:
            await work()
            count += 1
        return count

    total = sum(await asyncio.gather(*(caller() for _ in range(CALLERS))))
    return total / (time.perf_counter() - started)


async def median_us(work: Callable[[], Awaitable[None]], seconds: float) -> float:
    """What one caller waits for it."""
    spent: list[float] = []
    started = time.perf_counter()
    while time.perf_counter() - started < seconds:
        before = time.perf_counter()
        await work()
        spent.append(time.perf_counter() - before)
    return statistics.median(spent) * 1e6


async def measure(folder: Path, sizes: list[int], seconds: float) -> list[dict[str, Any]]:
    store = Store(folder / "growth.db")
    await store.engine.open()
    rows, have = [], 0
    for size in sizes:
        started = time.perf_counter()
        await store.grow_to(size, have)
        filled = time.perf_counter() - started
        have = size
        row: dict[str, Any] = {"conversations": size, "filled_s": round(filled, 1)}
        row["appends_per_second"] = round(await per_second(store.append, seconds))
        row["limit_per_second"] = round(await measure_append_limit(folder, CALLERS, seconds))
        (folder / "limit.db").unlink()
        row["append_us"] = round(await median_us(store.append, seconds))
        row["read_since_us"] = round(await median_us(store.read_since, seconds))
        row["first_page_us"] = round(await median_us(store.first_page, seconds))
        row["file_mb"] = round((folder / "growth.db").stat().st_size / 1e6)
        rows.append(row)
    await store.engine.close()
    return rows


def table(rows: list[dict[str, Any]]) -> str:
    lines = [
        f"{'conversations':>13}{'appends/s':>11}{'limit/s':>9}{'append µs':>11}{'read-since µs':>15}{'list µs':>9}{'file MB':>9}"
    ]
    lines += [
        f"{row['conversations']:>13,}{row['appends_per_second']:>11,}{row['limit_per_second']:>9,}{row['append_us']:>11,}"
        f"{row['read_since_us']:>15,}{row['first_page_us']:>9,}{row['file_mb']:>9,}"
        for row in rows
    ]
    return "\n".join([*lines, f"appends/s, limit/s: {CALLERS} callers; µs: the median of one caller alone"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import uvloop

    with (
        tempfile.TemporaryDirectory() as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        rows = runner.run(measure(Path(folder), sorted(options.sizes), options.seconds))
    print(json.dumps(rows, indent=2) if options.json else table(rows))


if __name__ == "__main__":
    main()
