"""Whether an address is in a list, and by which range, from its text, beside `pytricia` and `netaddr.IPSet` on the same
ranges; and a whole decision of the guard.

    python -m benchmarks.guard            # a table
    python -m benchmarks.guard --json     # for a machine

The ranges are blocks, because the peers know nothing else; half of the addresses asked for are in one. They are drawn at
random, and no answer is remembered. `netaddr.IPSet` cannot say which range it was.

A run asks the structures in turns of some thousand look-ups, several rounds, and takes for each turn its best round: so
a busy neighbour troubles all of them alike, and each has its own data in the cache. Memory is measured in a process for
each structure, by what the process grew by with so many copies of it that they hold a million ranges.
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
from statistics import median
from typing import Any

SIZES = (10, 10_000, 1_000_000)
ASKED = 50_000
TURN = 5_000
ROUNDS = 9
RUNS = 5
SEED = 4711
MOST_COPIES = 1_000
SLOW = "netaddr.IPSet"
PEERS = {"ours": ("pytricia", SLOW), "ours, with names": ("pytricia, with names",)}
STRUCTURES = [one for ours, peers in PEERS.items() for one in (ours, *peers)]

Block = tuple[int, int]
Ask = Callable[[str], object]


def blocks_of(size: int) -> list[Block]:
    """So many /24 that do not touch: first address and prefix."""
    places = random.Random(SEED).sample(range(2**22), size)
    return [(place * 4 << 8, 24) for place in places]


def texts_of(blocks: list[Block], many: int, seed: int = SEED + 1) -> list[str]:
    """Addresses as text, every other one in a block."""
    draw = random.Random(seed)
    inside = [draw.choice(blocks)[0] + draw.randrange(256) for _ in range(many // 2)]
    return [str(IPv4Address(number)) for one in inside for number in (one, draw.randrange(2**32))]


def build(structure: str, blocks: list[Block]) -> Ask:
    """The structure, and the question asked of it. Names are as long as ids."""
    if structure.startswith("pytricia"):
        import pytricia

        tree = pytricia.PyTricia(32)
        named = structure.endswith("names")
        for place, (first, prefix) in enumerate(blocks):
            tree.insert(first.to_bytes(4, "big"), prefix, f"{place:022d}" if named else None)
        ask: Ask = tree.get if named else tree.__contains__
        return ask
    if structure == SLOW:
        import netaddr

        cidrs = netaddr.IPSet(netaddr.IPNetwork((first, prefix)) for first, prefix in blocks)
        address = netaddr.IPAddress
        return lambda text: address(text) in cidrs
    from admin.intervals import Intervals, Segments
    from admin.ranges import Span

    if structure == "ours":
        return Intervals((first, first + 255) for first, _ in blocks).holds_text
    return Segments((Span(first, first + 255), f"{place:022d}") for place, (first, _) in enumerate(blocks)).find_text


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


def weigh(structure: str, size: int) -> dict[str, float]:
    """What one of them takes and how long it is built."""
    blocks = blocks_of(size)
    build(structure, blocks[:1])  # what the library itself takes does not count
    copies = max(1, min(MOST_COPIES, max(SIZES) // size))
    trim()
    before, begun = rest_of_memory(), time.perf_counter()
    kept = [build(structure, blocks) for _ in range(copies)]
    built = time.perf_counter() - begun
    trim()
    return {"bytes": (rest_of_memory() - before) / len(kept), "built_s": built / copies}


def race(size: int) -> dict[str, list[float]]:
    """Microseconds for a look-up in each run. Ends the command when two structures do not answer alike."""
    blocks = blocks_of(size)
    asks = {structure: build(structure, blocks) for structure in STRUCTURES}
    found: dict[str, list[float]] = {structure: [] for structure in STRUCTURES}
    for run in range(RUNS):
        texts = texts_of(blocks, ASKED, SEED + 1 + run)
        turns = [texts[begin : begin + TURN] for begin in range(0, ASKED, TURN)]
        for text in turns[0]:
            if len({bool(ask(text)) for ask in asks.values()}) > 1:
                sys.exit(f"the answers to {text} differ")
        best = {structure: [float("inf")] * len(turns) for structure in STRUCTURES}
        for _ in range(ROUNDS):
            for place, turn in enumerate(turns):
                for structure, ask in asks.items():
                    if structure != SLOW or place == 0:
                        best[structure][place] = min(best[structure][place], taken(ask, turn))
        for structure, times in best.items():
            measured = [one for one in times if one < float("inf")]
            found[structure].append(sum(measured) / len(measured) / TURN * 1e6)
    return found


def taken(ask: Ask, texts: list[str]) -> float:
    """Seconds for these questions."""
    begun = time.perf_counter()
    for text in texts:
        ask(text)
    return time.perf_counter() - begun


def answer(pipe: Any, what: Callable[..., object], *asked: object) -> None:
    """In the fresh process."""
    pipe.send(what(*asked))


def in_a_process(what: Callable[..., Any], *asked: object) -> Any:
    """The answer of a fresh process."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe(duplex=False)
    child = spawn.Process(target=answer, args=(there, what, *asked))
    child.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        sys.exit("a measurement failed")
    finally:
        child.join()


def compare(size: int) -> dict[str, Any]:
    """All structures with so many ranges, each beside the faster and the smaller of its peers."""
    times = in_a_process(race, size)
    weights = {structure: in_a_process(weigh, structure, size) for structure in STRUCTURES}
    found = {}
    for ours, peers in PEERS.items():
        faster = [min(each) for each in zip(*(times[peer] for peer in peers), strict=True)]
        smaller = min(weights[peer]["bytes"] for peer in peers)
        its = weights[min(peers, key=lambda peer: median(times[peer]))]["bytes"]
        for structure in (ours, *peers):
            ratios = sorted(mine / other for mine, other in zip(times[structure], faster, strict=True))
            found[structure] = {
                "microseconds": median(times[structure]),
                "per_second": 1e6 / median(times[structure]),
                "times_faster_peer": [ratios[0], median(ratios), ratios[-1]],
                "of_faster_peer": weights[structure]["bytes"] / its,
                "of_smaller_peer": weights[structure]["bytes"] / smaller,
                **weights[structure],
            }
    return {"ranges": size, "structures": found}


async def whole_decision(ranges: int) -> dict[str, float]:
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
    texts, outcomes, turns = texts_of(blocks, ASKED), set(), []
    for begin in range(0, ASKED, TURN // 10):
        begun = time.perf_counter()
        for text in texts[begin : begin + TURN // 10]:
            viewer = await house.sessions.principal_of(secret)
            address = resolve_client(text, (), ())
            await house.whitelists.refresh(account)
            match = house.whitelists.allowed(account, bot, address)
            outcomes.add(decide(link, viewer, match, clock.now()).outcome)
        turns.append((time.perf_counter() - begun) / (TURN // 10) * 1e6)
    await engine.close()
    await store.close()
    if outcomes != {"external", "refused"}:
        sys.exit(f"not every rule was asked: {outcomes}")
    return {"ranges": ranges, "microseconds": median(turns), "best": min(turns), "per_second": 1e6 / median(turns)}


def table(results: dict[str, Any]) -> str:
    """The results as a table in Markdown."""
    lines = [
        "| ranges | structure | µs | look-ups/s | × faster: min / median / max | kB | of faster's | of smaller's | built in s |",
        "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for size in results["lookups"]:
        for name, one in size["structures"].items():
            ratios = " / ".join(f"{ratio:.2f}" for ratio in one["times_faster_peer"])
            lines.append(
                f"| {size['ranges']:,} | {name} | {one['microseconds']:.2f} | {one['per_second']:,.0f} | {ratios} | "
                f"{one['bytes'] / 1024:,.1f} | {one['of_faster_peer']:.3f} | {one['of_smaller_peer']:.3f} | {one['built_s']:.4f} |"
            )
    lines += ["", "| ranges | whole decision: best µs | median µs | decisions/s |", "|---:|---:|---:|---:|"]
    lines += [
        f"| {one['ranges']:,} | {one['best']:.1f} | {one['microseconds']:.1f} | {one['per_second']:,.0f} |"
        for one in results["whole"]
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
