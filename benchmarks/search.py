"""How long a search over sealed transcripts takes, beside SQLite's FTS5 over the same texts in plain. One command:

    python benchmarks/search.py [--messages 10000 100000 1000000] [--json]

A store on disk is filled with conversations of 20 messages (an event log each, sealed batch by batch, a key each), then
asked three questions through the same `Search` that the page uses: a word that stands in one message of a thousand, a
part of a word, and a word that stands nowhere, which makes it look through everything. Times are milliseconds, cold
caches: until the first finding, and until the end. FTS5 keeps every word in plain on the disk, which is what Frontdesk
refuses to do (SECURITY 3.2); its column says what that costs.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import transcripts  # noqa: E402
from admin import Principal  # noqa: E402
from foundation import keys  # noqa: E402
from foundation.clock import SystemClock  # noqa: E402
from foundation.keys import Keyring, MasterKey  # noqa: E402
from foundation.live import LocalSignals  # noqa: E402
from foundation.records import SqliteEngine  # noqa: E402
from transcripts import Access, Contacts, Conversations  # noqa: E402
from transcripts.events import MessageSent  # noqa: E402
from transcripts.search import Found, Search, parse  # noqa: E402
from transcripts.search.scan import End  # noqa: E402

LENGTH = 20
"""Messages of a conversation, two an append: what was said and what was answered."""

RARE = "zebrafinch"
QUESTIONS = (("a word, 1 of 1,000", RARE), ("a part of a word", "*brafin*"), ("nowhere", "quetzal"))
ACCOUNT = "blue"
BOSS = Principal(account=ACCOUNT, person="olga", name="Olga", email="", role="super_admin", session="", bots=None)


def words(count: int, chance: random.Random) -> list[str]:
    """Made-up words of made-up syllables; the same each time."""
    syllables = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    return ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(count)]


def texts(messages: int) -> Iterator[str]:
    """Sentences of 4 to 18 words with the frequencies of natural language; every thousandth has the rare one."""
    chance = random.Random(7)
    known = words(5_000, chance)
    weights = [1 / (rank + 1) for rank in range(len(known))]
    pool = chance.choices(known, weights, k=200_000)
    for number in range(messages):
        start = chance.randrange(len(pool) - 20)
        sentence = pool[start : start + chance.randint(4, 18)]
        if number % 1_000 == 500:
            sentence.insert(2, RARE)
        yield " ".join(sentence)


async def filled(folder: Path, messages: int, master: MasterKey) -> tuple[SqliteEngine, SqliteEngine]:
    """A store on disk and its key store."""
    engine = SqliteEngine(folder / "records.db", transcripts.KINDS)
    store = SqliteEngine(folder / "keys.db", keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, master, SystemClock())
    await keyring.open()
    conversations = Conversations(engine, keyring, LocalSignals(), SystemClock(), max_entries=100)
    sentences = texts(messages)

    async def one(said: list[str]) -> None:
        chat = await conversations.open(ACCOUNT, "shop", visitor="browser")
        now = SystemClock().now()
        for at in range(0, len(said), 2):
            pair = [
                MessageSent(at=now, by="visitor", text=said[at]),
                MessageSent(at=now, by="bot", text=said[at + 1]),
            ]
            await conversations.append(ACCOUNT, chat, pair, 1 + at)

    while batch := [said for _ in range(64) if (said := [text for _, text in zip(range(LENGTH), sentences)])]:  # noqa: B905
        await asyncio.gather(*map(one, batch))
    return engine, store


async def ask(engine: SqliteEngine, keyring: Keyring, question: str) -> tuple[float, float, int]:
    """Milliseconds to the first finding and to the end, and how many messages were found."""
    conversations = Conversations(engine, keyring, LocalSignals(), SystemClock())
    search = Search(
        engine,
        keyring,
        SystemClock(),
        conversations=conversations,
        contacts=Contacts(engine, keyring, SystemClock()),
        access=Access(conversations),
        sight=lambda *_: True,
    )
    began = time.perf_counter()
    first = 0.0
    found = 0
    after: str | None = None
    while True:
        async for one in search.run(BOSS, parse(question), after=after):
            if isinstance(one, Found):
                first = first or (time.perf_counter() - began) * 1000
                found += one.count
            elif isinstance(one, End):
                after = one.next
        if after is None:
            return first, (time.perf_counter() - began) * 1000, found


def plain(folder: Path, messages: int) -> sqlite3.Connection:
    """The same texts, in plain, under FTS5 with its trigram tokenizer, which finds parts of words too."""
    db = sqlite3.connect(folder / "plain.db")
    db.execute("CREATE VIRTUAL TABLE said USING fts5(text, tokenize='trigram')")
    with db:
        db.executemany("INSERT INTO said VALUES (?)", ((text,) for text in texts(messages)))
    return db


def ask_plain(db: sqlite3.Connection, question: str) -> tuple[float, int]:
    began = time.perf_counter()
    found = db.execute("SELECT text FROM said WHERE said MATCH ?", (question.strip("*"),)).fetchall()
    return (time.perf_counter() - began) * 1000, len(found)


async def measured(messages: int) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="frontdesk-search-") as folder:
        master = MasterKey(os.urandom(32))
        engine, store = await filled(Path(folder), messages, master)
        db = plain(Path(folder), messages)
        rows = []
        for name, question in QUESTIONS:
            keyring = Keyring(store, master, SystemClock())
            await keyring.open()
            first, whole, found = await ask(engine, keyring, question)
            fts, also = ask_plain(db, question)
            if found != also:
                raise SystemExit(f"{name}: {found} found, FTS5 {also}")
            rows.append(
                {
                    "messages": messages,
                    "question": name,
                    "found": found,
                    "first_ms": round(first, 1),
                    "whole_ms": round(whole, 1),
                    "us_a_message": round(whole * 1000 / messages, 2),
                    "fts5_plain_ms": round(fts, 2),
                }
            )
        db.close()
        await engine.close()
        await store.close()
        return rows


async def main(sizes: list[int], *, as_json: bool) -> None:
    if not as_json:
        print("| messages | question | found | first ms | whole ms | µs a message | FTS5 plain ms |")
        print("|---:|---|---:|---:|---:|---:|---:|")
    every: list[dict[str, Any]] = []
    for messages in sizes:
        for row in await measured(messages):
            every.append(row)
            if not as_json:
                print(
                    "| "
                    + " | ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values())
                    + " |"
                )
    if as_json:
        print(json.dumps(every))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--messages", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    uvloop.run(main(asked.messages, as_json=asked.json))
