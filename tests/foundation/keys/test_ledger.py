"""E-2: the ledger of erasures is in two places, outlives either, and survives a crash in the middle of a line."""

import asyncio
from pathlib import Path

import pytest

from foundation import keys
from foundation.errors import Unavailable
from foundation.keys import Damaged, Ledger, LedgerEntry, add_to_ledger, read_ledger
from foundation.records import MemoryEngine

FIRST = LedgerEntry(id="first", at=1, account="blue", conversations=("c-1",), keys=("k-1",))
SECOND = LedgerEntry(id="second", at=2, account="blue", contacts=("p-1",), browser=True)
THIRD = LedgerEntry(id="third", at=3, account="blue", redacted=(("c-2", (4, 5)),))


async def _store() -> MemoryEngine:
    store = MemoryEngine(keys.KINDS)
    await store.open()
    return store


async def test_an_entry_that_is_in_either_place_counts_and_the_same_twice_is_one(tmp_path: Path) -> None:
    file, store = tmp_path / "erasures.jsonl", await _store()
    ledger = Ledger(store, file)
    for entry in (FIRST, SECOND, FIRST):
        await ledger.write(entry)
    assert await ledger.entries() == [FIRST, SECOND]
    assert len(file.read_bytes().splitlines()) == 2
    assert file.stat().st_mode & 0o777 == 0o600
    assert await Ledger(await _store(), file).entries() == [FIRST, SECOND]  # the key store was put back
    assert await Ledger(store).entries() == [FIRST, SECOND]  # the folder was lost
    assert await ledger.entries(2) == [SECOND]


async def test_a_line_that_a_crash_cut_off_is_passed_over_and_cut_away_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "erasures.jsonl"
    await Ledger(await _store(), file).write(FIRST)
    with file.open("ab") as cut:
        cut.write(b'{"id":"never-beg' + b"x" * 5_000)
    ledger = Ledger(await _store(), file)
    assert await ledger.entries() == [FIRST]
    await ledger.write(THIRD)
    assert await Ledger(await _store(), file).entries() == [FIRST, THIRD]


async def test_two_processes_that_write_at_once_cut_nothing_of_each_other_away(tmp_path: Path) -> None:
    """Two ledgers on one file are two open files, as far apart as those of two processes."""
    file = tmp_path / "erasures.jsonl"
    ledgers = [Ledger(await _store(), file) for _ in range(2)]
    many = [LedgerEntry(id=f"{number:03}", at=number, account="blue", keys=("k" * 500,)) for number in range(300)]
    await asyncio.gather(*(ledgers[entry.at % 2].write(entry) for entry in many))
    written = await asyncio.to_thread(read_ledger, file)
    assert sorted(written, key=lambda entry: entry.at) == many


async def test_a_damaged_file_is_said_and_not_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "erasures.jsonl"
    ledger = Ledger(await _store(), file)
    await ledger.write(FIRST)
    await ledger.write(SECOND)
    file.write_bytes(file.read_bytes().replace(b'"first"', b'"fir'))
    with pytest.raises(Damaged, match="line 1"):
        await ledger.entries()


def test_there_need_not_be_a_file(tmp_path: Path) -> None:
    assert read_ledger(tmp_path / "none") == []


async def test_E_2_a_copy_elsewhere_has_each_entry_before_anything_is_destroyed(tmp_path: Path) -> None:
    here, there = tmp_path / "erasures.jsonl", tmp_path / "mount" / "erasures.jsonl"
    store = await _store()
    ledger = Ledger(store, here, there)
    with pytest.raises(Unavailable, match="Nothing was erased"):
        await ledger.write(FIRST)
    assert await ledger.stored() == [], "whoever erases goes no further"
    there.parent.mkdir()
    for entry in (FIRST, SECOND):
        await ledger.write(entry)
    assert await asyncio.to_thread(read_ledger, there) == [FIRST, SECOND]
    assert {entry.id for entry in await Ledger(await _store(), None, there).entries()} == {"first", "second"}


def test_ledgers_are_brought_together_without_saying_anything_twice(tmp_path: Path) -> None:
    file = tmp_path / "erasures.jsonl"
    assert add_to_ledger(file, []) == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert add_to_ledger(file, [FIRST, SECOND, FIRST]) == 2
    assert add_to_ledger(file, [SECOND, THIRD]) == 1
    assert read_ledger(file) == [FIRST, SECOND, THIRD]
    (tmp_path / "other").write_text("a shopping list\nmilk\n")
    with pytest.raises(ValueError, match="line 1"):
        add_to_ledger(tmp_path / "other", [FIRST])
