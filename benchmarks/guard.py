"""Whether an address is in a list, from its text, beside `pytricia` and `netaddr.IPSet` on the same ranges; and a
whole decision of the guard.

    python -m benchmarks.guard            # a table
    python -m benchmarks.guard --json     # for a machine

Every structure is built in a process of its own, so that its memory is what the process grew by. The ranges are blocks,
because the peers know nothing else; half of the addresses asked for are in one. They are drawn at
random, and no answer is remembered.
"""

import argparse
import asyncio
import gc
import json
import multiprocessing
import os
import random
import sys
import time
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

SIZES = (10, 10_000, 1_000_000)
ASKED = 100_000
ROUNDS = 5
SEED = 4711
PEERS = ("ours", "ours, with names", "pytricia", "netaddr.IPSet")


def blocks_of(size: int) -> list[tuple[int, int]]:
    """So many /24 that do not touch: first address and prefix."""
    places = random.Random(SEED).sample(range(2**22), size)
    return [(place * 4 << 8, 24) for place in places]


def texts_of(blocks: list[tuple[int, int]], many: int) -> list[str]:
    """Addresses as text, every other one in a block."""
    draw = random.Random(SEED + 1)
    inside = [draw.choice(blocks)[0] + draw.randrange(256) for _ in range(many // 2)]
    return [str(IPv4Address(number)) for one in inside for number in (one, draw.randrange(2**32))]


def build(name: str, blocks: list[tuple[int, int]]) -> Callable[[str], object]:
    """The structure, and the question asked of it."""
    if name == "pytricia":
        import pytricia

        tree = pytricia.PyTricia(32)
        for first, prefix in blocks:
            tree.insert(first.to_bytes(4, "big"), prefix, None)
        return tree.__contains__
    if name == "netaddr.IPSet":
        import netaddr

        cidrs = netaddr.IPSet(netaddr.IPNetwork((first, prefix)) for first, prefix in blocks)
        address = netaddr.IPAddress
        return lambda text: address(text) in cidrs
    from admin.intervals import Intervals, Segments
    from admin.ranges import Span, number_of_text

    if name == "ours":
        return Intervals((first, first + 255) for first, _ in blocks).holds_text
    segments = Segments((Span(first, first + 255), f"{place:022d}") for place, (first, _) in enumerate(blocks))
    return lambda text: segments.find(number_of_text(text) or 0)


def rest_of_memory() -> int:
    """Bytes that this process holds and shares with nobody."""
    for line in Path("/proc/self/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Private_Dirty:"):
            return int(line.split()[1]) * 1024
    return 0


def trim() -> None:
    """Give back to the system what is free, so that building does not count as keeping."""
    import ctypes

    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def measure(name: str, size: int, pipe: Any) -> None:
    """One structure, in a process of its own."""
    blocks = blocks_of(size)
    texts = texts_of(blocks, ASKED)
    build(name, blocks[:1])  # what the library itself takes does not count
    trim()
    before, begun = rest_of_memory(), time.perf_counter()
    ask = build(name, blocks)
    built = time.perf_counter() - begun
    trim()
    memory = max(0, rest_of_memory() - before)
    rounds, hits = [], 0
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for text in texts:
            ask(text)
        rounds.append(time.perf_counter() - begun)
    hits = sum(ask(text) not in (False, None) for text in texts)
    each = min(rounds) / len(texts)
    pipe.send({"microseconds": each * 1e6, "per_second": 1 / each, "bytes": memory, "built_s": built, "hits": hits})


def in_a_process(*asked: object) -> dict[str, Any]:
    """The answer of a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    child = spawn.Process(target=measure, args=(*asked, there))
    child.start()
    there.close()
    answer: dict[str, Any] = here.recv()
    child.join()
    return answer


def compare(size: int) -> dict[str, Any]:
    """All structures with so many ranges. The peers' answers are compared with ours."""
    found = {name: in_a_process(name, size) for name in PEERS}
    if len({one["hits"] for one in found.values()}) > 1:
        sys.exit(f"the answers differ: {found}")
    faster = min(found[name]["microseconds"] for name in PEERS[2:])
    smaller = min(found[name]["bytes"] for name in PEERS[2:])
    for one in found.values():
        one["time_to_faster_peer"] = one["microseconds"] / faster
        one["memory_to_smaller_peer"] = one["bytes"] / smaller if smaller else None
    return {"ranges": size, "structures": found}


async def whole_decision(ranges: int, rounds: int = 20_000) -> dict[str, float]:
    """Session, access and ranges for a link, as the guard does it, with the real services on stores in memory."""
    import admin
    from admin.ranges import text_of
    from foundation import keys
    from foundation.clock import SystemClock
    from foundation.keys import Keyring, MasterKey
    from foundation.live import LocalSignals
    from foundation.records import MemoryEngine
    from foundation.web.address import resolve_client
    from transcripts.guard import decide
    from transcripts.links import Link

    clock = SystemClock()
    engine, store = MemoryEngine(admin.KINDS), MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    house = admin.build(engine, keyring, LocalSignals(), clock, passwords=admin.Passwords(memory_kib=64, passes=1))
    account = (await house.accounts.create("Bench")).id
    bot = (await house.bots.create(account, "Bot", "demo")).id
    ann = await house.people.create(account, "ann@bench.example", "Ann", "agent", "tall lamps near the harbour")
    secret = await house.sessions.open(ann)  # a session, but no access to the bot: every rule is asked
    blocks = blocks_of(ranges)
    lines = "\n".join(f"{text_of(first)},{text_of(first + 255)}" for first, _ in blocks)
    await house.range_imports.apply(account, "account", lines, version=0, confirm=True)
    await house.whitelists.toggle(account, "account", enabled=True)
    await house.whitelists.load()
    link = Link("l" * 22, account, bot, "c" * 22, 0, ann.id, "Ann", 2**62)
    texts, outcomes = texts_of(blocks, rounds), set()
    begun = time.perf_counter()
    for text in texts:
        viewer = await house.sessions.principal_of(secret)
        address = resolve_client(text, (), ())
        await house.whitelists.refresh(account)
        match = house.whitelists.allowed(account, bot, address)
        outcomes.add(decide(link, viewer, match, clock.now()).outcome)
    each = (time.perf_counter() - begun) / rounds
    await engine.close()
    await store.close()
    if outcomes != {"external", "refused"}:
        sys.exit(f"not every rule was asked: {outcomes}")
    return {"ranges": ranges, "microseconds": each * 1e6, "per_second": 1 / each}


def table(results: dict[str, Any]) -> str:
    """The results as a table in Markdown."""
    lines = [
        "| ranges | structure | µs | look-ups/s | × faster peer | memory | of the smaller peer | built in s |",
        "|---:|---|---:|---:|---:|---:|---:|---:|",
    ]
    for size in results["lookups"]:
        for name, one in size["structures"].items():
            ratio = one["memory_to_smaller_peer"]
            share = f"{ratio:.3f}" if ratio is not None and size["ranges"] > 1_000 else "–"
            lines.append(
                f"| {size['ranges']:,} | {name} | {one['microseconds']:.2f} | {one['per_second']:,.0f} | "
                f"{one['time_to_faster_peer']:.2f} | {one['bytes'] / 2**20:.1f} MB | {share} | {one['built_s']:.2f} |"
            )
    lines += ["", "| ranges | whole decision µs | decisions/s |", "|---:|---:|---:|"]
    lines += [
        f"| {one['ranges']:,} | {one['microseconds']:.1f} | {one['per_second']:,.0f} |" for one in results["whole"]
    ]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Look-ups of addresses beside their peers, and whole decisions.")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="how many ranges")
    options = parser.parse_args()
    results = {
        "lookups": [compare(size) for size in options.sizes],
        "whole": [asyncio.run(whole_decision(size)) for size in (10, 10_000)],
    }
    sys.stdout.write((json.dumps(results, indent=2) if options.json else table(results)) + "\n")


if __name__ == "__main__":
    main()
