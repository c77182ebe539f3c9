"""Does it slow down as it fills? Appending, reading what is new, and listing, at a thousand conversations and a million.

The product's own log (sealed, with its head and all its indexes) on its SQLite engine, as configured for the product.
Filler goes in through the engine's `load`, in large groups; at each size the same work is measured: durable appends of
32 callers to conversations all over the store, reading the last batch of one, the first page of the list. Beside it the
bare table of `limit.py` on the same disk. Both are measured in short turns, one after the other, and the median turn
counts: a disk that others use as well has moods that last for seconds.

    .venv/bin/python benchmarks/growth.py [--sizes 1000 100000 1000000] [--seconds 12] [--directory PATH] [--json]

A million conversations need about 1.2 GB of disk for the time of the run.
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
from foundation.records import Batch, EventLog, Row, SqliteEngine, Stored, Where
from transcripts.events import AnyEvent, MessageSent
from transcripts.heads import CONVERSATION

CALLERS = 32
TURNS = 6
"""How often appends and limit take turns."""
TALKING = 1_000
"""Conversations that are written to and read, drawn from all that there are."""
AT_ONCE = 50_000
"""Conversations that are filled in with one transaction."""
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
    """A store that grows. `seq` is the last number of each conversation that can be written to."""

    def __init__(self, path: Path) -> None:
        self.engine = SqliteEngine(path, [CONVERSATION])
        self.keys = OneKey()
        self.log: EventLog[AnyEvent] = EventLog(self.engine, self.keys, "conversation", AnyEvent, CONVERSATION)
        self.now = 1_800_000_000_000
        self.have = 0
        self.talked: list[str] = []
        self.talking: list[str] = []
        self.seq: dict[str, int] = {}
        self.heads: dict[str, dict[str, Any]] = {}

    def head(self) -> dict[str, Any]:
        self.now += 1
        plain = {"bot": "bot", "control": "bot", "visitor": new_id(), "opened_at": self.now, "updated_at": self.now}
        return {**dict.fromkeys(CONVERSATION.fields), **plain}

    async def grow_to(self, size: int) -> None:
        """The first thousand and every hundredth are real ones, which can be read and appended to; the others filler.
        Returns when all of it is in the main file and on the disk, so that what is measured next is not its tail."""
        while self.have < size:
            numbers = range(self.have, min(self.have + AT_ONCE, size))
            real = [number for number in numbers if number < TALKING or number % 100 == 0]
            await asyncio.gather(*(self._begin() for _ in real))
            filler = [stored for _ in range(len(numbers) - len(real)) for stored in self._filler()]
            if filler:
                await self.engine.load(filler)
            self.have = numbers.stop
        self.talking = random.sample(self.talked, TALKING)
        await self.engine.scrub()
        os.sync()

    async def _begin(self) -> None:
        name, head = new_id(), self.head()
        self.seq[name] = await self.log.append(
            "account", name, self.keys.cipher_of_all.key, EVENTS, 0, head_fields=head
        )
        self.heads[name] = head
        self.talked.append(name)

    def _filler(self) -> tuple[Stored, Stored]:
        name, key = new_id(), self.keys.cipher_of_all.key
        batch = Batch(1, 2, key, os.urandom(FILLER))
        row = Row(name, 2, "account", key, self.head(), os.urandom(112))
        return Stored("", f"conversation/7/account/{name}", batch=batch), Stored(CONVERSATION.name, "", row=row)

    async def append(self) -> None:
        name = random.choice(self.talking)
        while name not in self.seq:  # another caller is writing to it
            name = random.choice(self.talking)
        key, last = self.keys.cipher_of_all.key, self.seq.pop(name)
        self.now += 1
        head = self.heads[name] = {**self.heads[name], "updated_at": self.now}
        self.seq[name] = await self.log.append("account", name, key, EVENTS, last, head_fields=head)

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
    rows = []
    for size in sizes:
        started = time.perf_counter()
        await store.grow_to(size)
        row: dict[str, Any] = {"conversations": size, "filled_s": round(time.perf_counter() - started, 1)}
        row |= await measure_appends(store, folder, seconds)
        row["append_us"] = round(await median_us(store.append, seconds / 4))
        row["read_since_us"] = round(await median_us(store.read_since, seconds / 4))
        row["first_page_us"] = round(await median_us(store.first_page, seconds / 4))
        row["file_mb"] = round((folder / "growth.db").stat().st_size / 1e6)
        rows.append(row)
    await store.engine.close()
    return rows


async def measure_appends(store: Store, folder: Path, seconds: float) -> dict[str, int]:
    """Appends a second and what the bare table gives, in turns; and the processor time of one, which no disk disturbs."""
    rates, limits = [], []
    used, count = 0.0, 0.0
    for _ in range(TURNS):
        before = time.process_time()
        rates.append(await per_second(store.append, seconds / TURNS))
        used += time.process_time() - before
        count += rates[-1] * seconds / TURNS
        limits.append(await measure_append_limit(folder, CALLERS, seconds / TURNS / 2))
        (folder / "limit.db").unlink()
    return {
        "appends_per_second": round(statistics.median(rates)),
        "limit_per_second": round(statistics.median(limits)),
        "append_cpu_us": round(used / count * 1e6),
    }


def table(rows: list[dict[str, Any]]) -> str:
    names = ("conversations", "appends/s", "limit/s", "of limit", "CPU µs", "append µs", "read-since µs", "list µs")
    lines = [" ".join([f"{name:>13}" for name in (*names, "file MB", "filled s")])]
    lines += [
        f"{row['conversations']:>13,} {row['appends_per_second']:>13,} {row['limit_per_second']:>13,} "
        f"{row['appends_per_second'] / row['limit_per_second']:>13.2f} {row['append_cpu_us']:>13,} {row['append_us']:>13,} "
        f"{row['read_since_us']:>13,} {row['first_page_us']:>13,} {row['file_mb']:>13,} {row['filled_s']:>13,}"
        for row in rows
    ]
    return "\n".join(
        [*lines, f"appends/s, limit/s, CPU: {CALLERS} callers; the other µs: the median of one caller alone"]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="for appends at each size; the others take a quarter"
    )
    parser.add_argument("--directory", type=Path, help="a folder on the disk that is meant")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import uvloop

    with (
        tempfile.TemporaryDirectory(dir=options.directory) as folder,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        rows = runner.run(measure(Path(folder), sorted(options.sizes), options.seconds))
    print(json.dumps(rows, indent=2) if options.json else table(rows))


if __name__ == "__main__":
    main()
