"""Backup beside a running server, restore, and the doctor who says whether all of it can be read (issue 3; MS-7)."""

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from config.doctor import redis_finding
from tests.redis import RedisServer
from tests.sending import Sender
from tests.serving import Frontdesk, MailServer, mail_settings, serving
from tests.talking import Staff, Visitor, logged_in

VISITORS = 20
FAST_TALKERS = {"FRONTDESK_WEB__FRAMES_PER_SECOND": "100000", "FRONTDESK_WEB__FRAMES_BURST": "100000"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Frontdesk]:
    with serving(tmp_path / "house", **FAST_TALKERS) as running:
        yield running


def backed_up(house: Frontdesk, to: Path, *more: str) -> Path:
    made = house.run("backup", "--to", str(to), "--json", *more)
    assert made.returncode == 0, made.stderr
    return Path(json.loads(made.stdout)["manifest"])


def empty_house(folder: Path, house: Frontdesk, *, key: bool = True) -> Frontdesk:
    """Another installation that begins with nothing but the master key."""
    other = Frontdesk(folder / "data", demo=house.demo)
    other.data.mkdir(parents=True, mode=0o700)
    if key:
        shutil.copy2(house.data / "master.key", other.data / "master.key")
    return other


def restored(other: Frontdesk, manifest: Path, *more: str) -> None:
    done = other.run("restore", "--from", str(manifest), *more)
    assert done.returncode == 0, done.stderr


async def test_a_backup_while_20_visitors_chat_is_whole_and_can_be_served(
    house: Frontdesk, tmp_path: Path, counted: Callable[..., None]
) -> None:
    """Every conversation of the restored installation is whole, in order, and as far as the backup's moment."""
    stop = asyncio.Event()
    said = [0] * VISITORS

    async def chat(number: int) -> None:
        async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
            while not stop.is_set() or said[number] < 2:
                await visitor.say(f"visitor {number} says {said[number]}")
                said[number] += 1

    chats = [asyncio.create_task(chat(number)) for number in range(VISITORS)]
    while min(said) < 1:
        await asyncio.sleep(0)
    before = list(said)
    manifest = await asyncio.to_thread(backed_up, house, tmp_path / "backups", "--keys-to", str(tmp_path / "keys"))
    stop.set()
    await asyncio.gather(*chats)
    assert {path.suffix for path in (tmp_path / "keys").iterdir()} == {".fdb"}

    other = await asyncio.to_thread(empty_house, tmp_path / "other", house)
    await asyncio.to_thread(restored, other, manifest)
    examined = await asyncio.to_thread(other.run, "doctor", "--full", "--json")
    everything = next(one for one in json.loads(examined.stdout) if one["check"] == "everything")
    assert everything["state"] == "well", everything
    await asyncio.to_thread(other.start)
    try:
        boss = other.person("super_admin")
        texts: dict[int, list[str]] = {}
        async with Staff.logged_in(other.base_url, boss["email"], boss["password"]) as staff:
            for conversation in staff.rows:
                await staff.send(type="watch", conversation=conversation, since=0)
            for _ in range(VISITORS):
                frame = await staff.frame(lambda frame: frame["type"] == "events")
                own = [e["text"] for e in frame["events"] if e["kind"] == "message" and e["by"] == "visitor"]
                texts[int(own[0].split()[1])] = own
        assert sorted(texts) == list(range(VISITORS))
        for number, own in texts.items():
            assert own == [f"visitor {number} says {n}" for n in range(len(own))], "whole and in order"
            assert before[number] <= len(own) <= said[number], "nothing acknowledged before the backup is missing"
        counted(before=sum(before), backed_up=sum(map(len, texts.values())), said=sum(said))
    finally:
        await asyncio.to_thread(other.stop)


async def test_MS_7_a_backup_without_its_master_key_opens_nothing(house: Frontdesk, tmp_path: Path) -> None:
    """Refused without the key and with another one; what was begun is not served; with the right one it is."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.say("Canaryword in a backup")
    manifest = await asyncio.to_thread(backed_up, house, tmp_path / "backups")
    archives = list((tmp_path / "backups").iterdir())
    assert len(archives) == 4, "records, keys, what belongs together, the ledger of erasures"
    assert [path.name for path in archives if b"Canaryword" in path.read_bytes()] == []
    other = await asyncio.to_thread(empty_house, tmp_path / "other", house, key=False)
    refused = await asyncio.to_thread(other.run, "restore", "--from", str(manifest))
    assert (refused.returncode, "master.key" in refused.stderr) == (1, True)
    assert await asyncio.to_thread(other.run, "keys", "new", str(other.data / "master.key"))
    await asyncio.to_thread(_new_key, other)
    refused = await asyncio.to_thread(other.run, "restore", "--from", str(manifest))
    assert refused.returncode == 1
    served = await asyncio.to_thread(other.run, "serve", "--port", "0")
    assert (served.returncode, "was not finished" in served.stderr) == (1, True)
    await asyncio.to_thread(shutil.copy2, house.data / "master.key", other.data / "master.key")
    await asyncio.to_thread(restored, other, manifest)
    await asyncio.to_thread(other.start)
    assert await asyncio.to_thread(other.stop) == 0


def _new_key(other: Frontdesk) -> None:
    from foundation.keys import create_master_key

    (other.data / "master.key").unlink(missing_ok=True)
    create_master_key(other.data / "master.key")


def test_what_is_no_whole_backup_is_refused_and_changes_nothing(house: Frontdesk, tmp_path: Path) -> None:
    manifest = backed_up(house, tmp_path / "backups")
    records = next((tmp_path / "backups").glob("records-*"))
    whole = records.read_bytes()
    other = empty_house(tmp_path / "other", house)
    for damage in (whole[:-1], whole[:40], b"", whole[:200] + b"\0" + whole[201:], b"something else" * 10):
        records.write_bytes(damage)
        refused = other.run("restore", "--from", str(manifest))
        assert (refused.returncode, str(records) in refused.stderr) == (1, True), refused.stderr
        assert sorted(path.name for path in other.data.iterdir()) == ["master.key"]
    records.write_bytes(whole)
    for broken in ("{}", "[1]", '{"made_at": 1'):
        (tmp_path / "bad.json").write_text(broken)
        assert other.run("restore", "--from", str(tmp_path / "bad.json")).returncode == 1
    assert other.run("restore", "--from", str(tmp_path / "nowhere.json")).returncode == 1
    refused = house.run("restore", "--from", str(manifest))
    assert (refused.returncode, "already" in refused.stderr) == (1, True)
    restored(other, manifest)
    assert other.run("restore", "--from", str(manifest)).returncode == 1


def test_keys_of_another_backup_are_refused(house: Frontdesk, tmp_path: Path) -> None:
    first = backed_up(house, tmp_path / "one")
    house.run("keys", "status")
    with serving(tmp_path / "second") as second:
        other_keys = backed_up(second, tmp_path / "two").parent
    keys = next(other_keys.glob("keys-*"))
    other = empty_house(tmp_path / "other", house)
    refused = other.run("restore", "--from", str(first), "--keys", str(keys))
    assert (refused.returncode, "not those of this backup" in refused.stderr) == (1, True)
    restored(other, first)


def findings(house: Frontdesk, *more: str) -> dict[str, dict[str, str]]:
    done = house.run("doctor", "--json", *more)
    found = {one["check"]: one for one in json.loads(done.stdout)}
    assert done.returncode == (1 if any(one["state"] == "bad" for one in found.values()) else 0)
    assert all(one["says"] for one in found.values())
    return found


def test_the_doctor_says_in_words_what_is_well_and_what_is_not(tmp_path: Path) -> None:
    mails = MailServer()
    mails.start()
    try:
        with serving(tmp_path / "house", **mail_settings(mails)) as house:
            assert findings(house)["backups"]["state"] == "bad", "no backup yet"
            backed_up(house, tmp_path / "b", "--keys-to", str(tmp_path / "k"))
            found = findings(house, "--full")
            assert {name for name, one in found.items() if one["state"] == "bad"} == set()
            assert found["mail"]["state"] == "note", "in clear, on loopback"
            assert "Everything is well." in house.run("doctor").stdout
            (house.data / "keys.db").chmod(0o644)
            assert findings(house)["file keys.db"]["state"] == "bad"
            (house.data / "keys.db").chmod(0o600)
            (house.data / "last-backup.json").write_text('{"at": 1, "keys_apart": true, "manifest": "x"}')
            assert findings(house)["backups"]["state"] == "bad", "years old"
            (house.data / "last-backup.json").write_text("broken")
            assert findings(house)["backups"]["state"] == "bad"
    finally:
        mails.stop()
    assert findings(house)["mail"]["state"] == "bad", "the mail server is gone"


async def test_the_doctor_finds_what_was_changed_in_the_database(house: Frontdesk) -> None:
    """K-2, G-1: a flipped byte, a row taken out of the middle, an end cut off; each is named and nothing of it is told."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        for n in range(3):
            await visitor.say(f"Canaryword {n}")
    await asyncio.to_thread(house.stop)
    assert (await asyncio.to_thread(findings, house, "--full"))["everything"]["state"] == "well"
    file = house.data / "frontdesk.db"
    whole = file.read_bytes()
    for change in (
        "UPDATE batches SET body = zeroblob(length(body)) WHERE log LIKE 'conversation/%' AND first = 2",
        "DELETE FROM batches WHERE log LIKE 'conversation/%' AND first = 2",
        "DELETE FROM batches WHERE first > 2 AND log LIKE 'conversation/%'",
        "UPDATE k_conversation SET f_control = 'closed'",
        "UPDATE k_person SET version = version + 1",
    ):
        with sqlite3.connect(file) as db:
            assert db.execute(change).rowcount > 0, change
        db.close()
        found = (await asyncio.to_thread(findings, house, "--full"))["everything"]
        assert found["state"] == "bad", change
        assert "Canaryword" not in found["says"]
        file.write_bytes(whole)
        for end in ("-wal", "-shm"):
            file.with_name(file.name + end).unlink(missing_ok=True)


@pytest.mark.timeout(120)
async def test_K_4_the_doctor_opens_every_file_and_names_the_damaged_one(house: Frontdesk) -> None:
    """A byte that is changed, an end that is cut off, a file that is gone, one that nobody sent; and what is whole is well."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor, aiohttp.ClientSession() as session:
        sender = Sender(session, house.base_url, f"/w/{house.demo['bot']}/files", visitor.device)
        for name in ("one", "two"):
            status, _ = await sender.send(f"canary-{name}.txt", "text/plain", f"canary-content {name}\n" * 10_000)
            assert status == 201
    await asyncio.to_thread(house.stop)
    found = await asyncio.to_thread(findings, house, "--full")
    assert (found["files"]["state"], found["files"]["says"].startswith("All of 2 files")) == ("well", True), found
    await asyncio.to_thread(_each_damage_is_found, house)


def _each_damage_is_found(house: Frontdesk) -> None:
    blob, other = sorted(path for path in (house.data / "files").rglob("*") if path.is_file())
    whole = blob.read_bytes()
    half = len(whole) // 2
    for damage in (whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :], whole[:half], other.read_bytes(), None):
        if damage is None:
            blob.unlink()
        else:
            blob.write_bytes(damage)
        said = findings(house, "--full")["files"]
        assert (said["state"], "1 are not whole: file " in said["says"]) == ("bad", True), said
        assert "canary" not in str(said)
        blob.write_bytes(whole)
    left = blob.with_name("0" * 32)
    left.write_bytes(whole)
    said = findings(house, "--full")["files"]
    assert (said["state"], "1 more belong to no chat" in said["says"]) == ("well", True), said


@pytest.mark.timeout(120)
def test_TI_1_the_doctor_asks_redis_with_and_without_its_password(tmp_path: Path) -> None:
    house = Frontdesk(tmp_path / "data")
    house.init()
    assert "redis" not in findings(house)
    redis = RedisServer(tmp_path, password="canary-of-redis")
    redis.start()
    try:
        house.environment["FRONTDESK_SIGNALS__REDIS_URL"] = redis.url.replace("//", "//:canary-of-redis@")
        found = findings(house)["redis"]
        assert (found["state"], "who know its password" in found["says"]) == ("well", True)
        assert "canary-of-redis" not in str(found)
        house.environment["FRONTDESK_SIGNALS__REDIS_URL"] = redis.url
        found = findings(house)["redis"]
        assert (found["state"], "does not take us" in found["says"]) == ("bad", True), "the wrong password, or none"
    finally:
        redis.kill()
    assert findings(house)["redis"]["state"] == "bad", "it is gone"
    redis = RedisServer(tmp_path)
    redis.start()
    try:
        house.environment["FRONTDESK_SIGNALS__REDIS_URL"] = redis.url
        assert findings(house)["redis"]["state"] == "note", "open to everybody on this machine"
    finally:
        redis.kill()


@pytest.mark.parametrize(
    ("url", "asks", "state"),
    [
        ("rediss://:secret@redis.example:6379/0", True, "well"),
        ("rediss://redis.example:6379/0", False, "bad"),
        ("redis://127.0.0.1:6379/0", False, "note"),
    ],
)
def test_TI_1_a_redis_elsewhere_that_asks_nobody_is_bad(url: str, asks: bool, state: str) -> None:
    found = redis_finding(url, asks=asks)
    assert (found.state, "secret" in found.says) == (state, False)


def test_E_2_the_doctor_looks_at_the_second_place_of_the_ledger(tmp_path: Path) -> None:
    house = Frontdesk(tmp_path / "data")
    house.init()
    assert findings(house)["erasures"]["state"] == "note"
    house.environment["FRONTDESK_KEYS__LEDGER_COPY"] = str(tmp_path / "beside.jsonl")
    assert "same disk" in findings(house)["erasures"]["says"]
    house.environment["FRONTDESK_KEYS__LEDGER_COPY"] = str(tmp_path / "no-mount" / "erasures.jsonl")
    assert findings(house)["erasures"]["state"] == "bad"


async def test_a_member_of_the_restored_house_logs_in_again(house: Frontdesk, tmp_path: Path) -> None:
    manifest = await asyncio.to_thread(backed_up, house, tmp_path / "b")
    other = await asyncio.to_thread(empty_house, tmp_path / "other", house)
    await asyncio.to_thread(restored, other, manifest)
    await asyncio.to_thread(other.start)
    agent = house.person("agent")
    async with logged_in(other.base_url, agent["email"], agent["password"]) as session:
        async with session.get(f"{other.base_url}/console") as answer:
            assert answer.status == 200
    await asyncio.to_thread(other.stop)
