"""What only the SQLite engine promises: its files, its lock, its settings, new fields, no trace of what was deleted."""

import asyncio
import shutil
import signal
import sqlite3
import stat
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path

import pytest

from foundation.errors import StorageFull, Unavailable
from foundation.records import Batch, Kind, Row, SqliteEngine, StoreInUse, Where, scrub
from foundation.records.setup import connect_reader
from foundation.records.writer import Writer

ROOT = Path(__file__).resolve().parents[3]
THING = Kind("thing", fields=("colour", "size"), unique=(("colour",),), indexes=(("size",),))
PLAIN = Kind("thing")


def thing(id: str, body: bytes = b"sealed", **fields: str | int | None) -> Row:
    return Row(id, 1, "blue", "", fields, body)


async def opened(file: Path, *kinds: Kind) -> SqliteEngine:
    engine = SqliteEngine(file, kinds)
    await engine.open()
    return engine


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


EXPLAIN = "EXPLAIN QUERY PLAN SELECT * FROM k_talk "
"""What SQLite will do for a query of the form that `schema` composes."""


# Files


async def test_all_files_are_for_their_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "data"
    engine = await opened(folder / "records.db", THING)
    await engine.insert(THING, thing("a"))
    await engine.get(THING, "a")
    expected = {"records.db", "records.db-wal", "records.db-shm", "records.db.lock"}
    assert modes(folder) == dict.fromkeys(expected, 0o600)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    await engine.close()
    assert modes(folder) == {"records.db": 0o600, "records.db.lock": 0o600}


async def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    await engine.close()
    (tmp_path / "records.db").chmod(0o644)
    engine = await opened(tmp_path / "records.db", THING)
    assert set(modes(tmp_path).values()) == {0o600}
    await engine.close()


def test_a_commit_is_synced_and_deleted_bytes_are_overwritten(tmp_path: Path) -> None:
    """The promises of the port rest on these settings of the writing connection."""
    writer = Writer(tmp_path / "records.db", [], max_bytes=None)
    writer.start()
    db = writer._db
    assert db is not None
    names = ("journal_mode", "synchronous", "secure_delete", "fullfsync", "temp_store")
    settings = {name: db.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
    writer.stop()
    assert settings == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "fullfsync": 1, "temp_store": 2}


# One process


async def test_a_second_engine_in_the_same_process_is_refused(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    second = SqliteEngine(tmp_path / "records.db", [THING])
    with pytest.raises(StoreInUse, match=r"records\.db is in use by process \d+\. Stop it first"):
        await second.open()
    await second.close()
    await engine.insert(THING, thing("a"))
    await engine.close()
    await second.open()
    assert await second.get(THING, "a") is not None
    await second.close()


async def test_another_name_of_the_same_file_is_the_same_store(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    (tmp_path / "alias.db").symlink_to(tmp_path / "records.db")
    with pytest.raises(StoreInUse):
        await opened(tmp_path / "alias.db", THING)
    await engine.close()


async def hold(file: Path, *more: str) -> Process:
    command = [sys.executable, "-m", "tests.foundation.records.hold", str(file), *more]
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdin=PIPE, stdout=PIPE)


async def test_a_second_process_is_refused_until_the_first_is_gone_even_by_kill_9(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    first = await hold(file)
    assert first.stdout is not None
    assert await first.stdout.readline() == b"open\n"
    with pytest.raises(StoreInUse, match=f"process {first.pid}"):
        await opened(file, PLAIN)
    second = await hold(file)
    said, _ = await second.communicate()
    assert second.returncode == 3
    assert f"is in use by process {first.pid}" in said.decode()
    first.send_signal(signal.SIGKILL)
    await first.wait()
    engine = await opened(file, PLAIN)
    await engine.insert(PLAIN, thing("a"))
    await engine.close()


async def test_a_failed_open_leaves_no_lock_behind(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"this is no database, just some text" * 100)
    with pytest.raises(Unavailable):
        await opened(tmp_path / "records.db", THING)
    (tmp_path / "records.db").unlink()
    engine = await opened(tmp_path / "records.db", THING)
    await engine.close()


# What is not ours


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    text = b"this is no database, just some text" * 100
    file.write_bytes(text)
    with pytest.raises(Unavailable, match=r"records\.db"):
        await opened(file, THING)
    assert file.read_bytes() == text


async def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    with sqlite3.connect(file) as db:
        db.execute("CREATE TABLE theirs (a)")
    db.close()
    file.chmod(0o644)
    before = file.read_bytes()
    with pytest.raises(Unavailable, match="is not a Frontdesk store"):
        await opened(file, THING)
    assert file.read_bytes() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


async def test_a_store_of_a_later_version_is_refused(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    await engine.close()
    db = sqlite3.connect(tmp_path / "records.db")
    db.execute("PRAGMA user_version = 2")
    db.close()
    with pytest.raises(Unavailable, match="later version"):
        await opened(tmp_path / "records.db", THING)


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be opened"):
        await opened(tmp_path / "file" / "records.db", THING)
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(Unavailable, match=r"folder\.db cannot be opened"):
        await opened(tmp_path / "folder.db", THING)


# New fields and indexes


async def test_a_kind_gains_fields_and_indexes_and_keeps_its_rows(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    engine = await opened(file, PLAIN)
    await engine.insert(PLAIN, thing("a"))
    await engine.close()
    engine = await opened(file, THING, Kind("other"))
    found = await engine.get(THING, "a")
    assert found is not None
    assert (found.body, found.fields) == (b"sealed", {"colour": None, "size": None})
    await engine.insert(THING, thing("b", colour="red", size=1))
    assert [row.id for row in (await engine.find(THING, [Where("size", "=", 1)])).rows] == ["b"]
    await engine.close()


async def test_a_field_and_an_index_that_are_declared_no_longer_are_let_go(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    engine = await opened(file, THING)
    await engine.insert(THING, thing("a", colour="red", size=1))
    await engine.close()
    less = Kind("thing", fields=("size",))
    engine = await opened(file, less)
    found = await engine.get(less, "a")
    assert found is not None
    assert found.fields == {"size": 1}
    await engine.close()
    assert indexes(file) == []
    engine = await opened(file, THING)
    again = await engine.get(THING, "a")
    assert again is not None
    assert again.fields == {"colour": "red", "size": 1}
    await engine.close()


async def test_rows_that_collide_in_a_new_unique_group_stop_the_start_and_stay(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    loose = Kind("thing", fields=("colour",))
    engine = await opened(file, loose)
    await engine.insert(loose, thing("a", colour="red"))
    await engine.insert(loose, thing("b", colour="red"))
    await engine.close()
    with pytest.raises(Unavailable, match="thing collide"):
        await opened(file, THING)
    engine = await opened(file, loose)
    assert await engine.count(loose) == 2
    await engine.close()


def indexes(file: Path) -> list[str]:
    db = sqlite3.connect(file)
    found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").fetchall()
    db.close()
    return [name for (name,) in found]


async def test_declared_indexes_and_unique_fields_are_used(tmp_path: Path) -> None:
    kind = Kind(
        "talk", fields=("bot", "at", "token"), unique=(("token",),), indexes=(("account", "bot", "at"), ("at",))
    )
    engine = await opened(tmp_path / "records.db", kind)
    await engine.close()
    db = await asyncio.to_thread(connect_reader, tmp_path / "records.db")

    def plan(rest: str, *values: str | int) -> str:
        return str(db.execute(EXPLAIN + rest, values).fetchall())

    listed = plan("WHERE account = ? AND f_bot = ? ORDER BY f_at DESC, id DESC LIMIT 9", "a", "b")
    following = plan(
        "WHERE account = ? AND f_bot = ? AND (f_at, id) < (?, ?) ORDER BY f_at DESC, id DESC LIMIT 9", "a", "b", 1, "i"
    )
    due = plan("WHERE f_at <= ? ORDER BY f_at ASC, id ASC LIMIT 9", 5)
    token = plan("WHERE f_token = ? ORDER BY id ASC LIMIT 1", "t")
    db.close()
    for steps in (listed, following, due, token):
        assert "USING INDEX" in steps
        assert "SCAN" not in steps
    for steps in (listed, following, due):
        assert "TEMP B-TREE" not in steps


# Trouble


async def test_a_disk_that_fails_is_unavailable_and_what_was_acknowledged_is_there(tmp_path: Path) -> None:
    """A file that may not grow (`RLIMIT_FSIZE`) fails in the middle of a commit, as a broken disk does."""
    file = tmp_path / "records.db"
    child = await hold(file, "300000")
    assert child.stdout is not None
    assert await child.stdout.readline() == b"open\n"
    refusal, kept = (await child.stdout.readline()).split()
    assert refusal in {b"Unavailable", b"StorageFull"}
    assert await child.stdout.readline() == b"again\n"
    child.kill()
    await child.wait()
    engine = await opened(file, PLAIN)
    rows = (await engine.find(PLAIN, limit=1000)).rows
    assert [row.id for row in rows] == ["after", *(f"t{n:05}" for n in range(int(kept)))]
    await engine.close()


async def test_the_limit_counts_for_the_main_file(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    engine = SqliteEngine(file, [PLAIN], max_bytes=500_000)
    await engine.open()
    with pytest.raises(StorageFull, match="not kept"):
        await asyncio.gather(*(engine.insert(PLAIN, thing(str(n), bytes(4000))) for n in range(200)))
    await engine.close()
    assert 400_000 < file.stat().st_size <= 500_000


# No trace (E-3)


CANARY = b"the canary that must be gone" * 8


def traces(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir() if CANARY[:28] in file.read_bytes())


async def test_E_3_what_was_deleted_is_in_no_file_after_scrub(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    for n in range(50):
        await engine.insert(THING, thing(f"keep{n}"))
        await engine.insert(THING, thing(f"go{n}", CANARY * 30))
        await engine.append(f"log{n}", Batch(1, 1, "", CANARY))
        await engine.append(f"log{n}", Batch(2, 1, "", CANARY * 100))
    for n in range(50):
        await engine.delete(THING, f"go{n}")
        await engine.delete_log(f"log{n}")
    assert "records.db-wal" in traces(tmp_path), "the reason for scrub: without it the log still tells"
    await scrub(engine)
    assert traces(tmp_path) == []
    assert (tmp_path / "records.db-wal").stat().st_size == 0
    assert await engine.count(THING) == 50
    await engine.close()
    assert traces(tmp_path) == []


async def test_E_3_what_was_replaced_is_in_no_file_after_scrub(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    await engine.insert(THING, thing("a", CANARY * 30))
    await engine.scrub()
    assert traces(tmp_path) == ["records.db"]
    await engine.replace(THING, Row("a", 2, "blue", "", {}, b"short"))
    await engine.scrub()
    assert traces(tmp_path) == []
    await engine.close()


async def test_E_3_scrub_works_while_others_read_and_write(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    await engine.insert(THING, thing("a", CANARY))

    async def work(who: int) -> None:
        for n in range(100):
            await engine.insert(THING, thing(f"w{who}n{n}", bytes(500)))
            await engine.find(THING, limit=50)

    others = [asyncio.ensure_future(work(who)) for who in range(4)]
    await engine.delete(THING, "a")
    await engine.scrub()
    assert traces(tmp_path) == []
    await asyncio.gather(*others)
    assert await engine.count(THING) == 400
    await engine.close()


async def test_a_copy_taken_while_it_runs_with_its_log_is_a_whole_store(tmp_path: Path) -> None:
    engine = await opened(tmp_path / "records.db", THING)
    await engine.insert(THING, thing("a"))
    (tmp_path / "copy").mkdir()
    for name in ("records.db", "records.db-wal"):
        shutil.copy(tmp_path / name, tmp_path / "copy" / name)
    copy = await opened(tmp_path / "copy" / "records.db", THING)
    assert await copy.get(THING, "a") is not None
    await copy.close()
    await engine.close()
