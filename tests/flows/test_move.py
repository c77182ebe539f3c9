"""`frontdesk move`: an installation goes to MongoDB and back, and nothing of it is lost or changed on the way."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.mongo import store_settings
from tests.pictures import PDF
from tests.sending import Sender
from tests.serving import Frontdesk, serving
from tests.talking import Visitor


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Frontdesk]:
    with serving(tmp_path / "house") as running:
        yield running


def moved(house: Frontdesk, *arguments: str) -> str:
    """Run the command; its output."""
    done = house.command("move", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(house: Frontdesk, *arguments: str) -> str:
    """Run the command, which is refused; its sentence."""
    done = house.command("move", *arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr


async def fetched(house: Frontdesk, device: str | None, file: str) -> bytes:
    async with aiohttp.ClientSession() as session:
        sender = Sender(session, house.base_url, f"/w/{house.demo['bot']}/files", device)
        return (await sender.fetch(file))[2]


async def test_there_and_back_again(house: Frontdesk, tmp_path: Path) -> None:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.say("Canaryword on its way")
        device = visitor.device
        async with aiohttp.ClientSession() as session:
            sender = Sender(session, house.base_url, f"/w/{house.demo['bot']}/files", device)
            _, said = await sender.send("letter.pdf", "application/pdf", PDF)
            file = (await visitor.event(lambda event: event["seq"] == said["seq"]))["file"]
    urls = store_settings(tmp_path)
    records, keys = urls["FRONTDESK_STORAGE__URL"], urls["FRONTDESK_KEYS__URL"]
    there = ("--from", str(house.data), "--to", records, "--to-keys", keys)
    assert "in use" in refused(house, *there), "a store that is served is not moved"
    house.stop()
    assert "the same in both" in moved(house, *there)
    assert "the same in both" in moved(house, *there), "begun again, it changes nothing"

    house.environment |= urls
    (house.data / "frontdesk.db").rename(tmp_path / "old.db")
    house.start()
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        await visitor.says("visitor", "Canaryword on its way")
        await visitor.say("Canaryword on the other side")
        assert await fetched(house, device, file) == PDF, "files are in the database"
    house.stop()

    back = tmp_path / "back"
    back.mkdir(mode=0o700)
    shutil.copy2(house.data / "master.key", back / "master.key")
    shutil.copy2(house.data / "frontdesk.toml", back / "frontdesk.toml")
    moved(house, "--from", records, "--from-keys", keys, "--to", str(back))
    other = Frontdesk(back, demo=house.demo)
    other.start()
    async with Visitor.at(other.base_url, house.demo["bot"], device=device) as visitor:
        await visitor.says("visitor", "Canaryword on the other side")
        assert await fetched(other, device, file) == PDF, "and in a folder again"
    other.stop()
    assert '"state": "well"' in other.run("doctor", "--full", "--json").stdout


def test_what_cannot_be_meant_is_refused(house: Frontdesk, tmp_path: Path) -> None:
    """Each refusal is a sentence; nothing is written, and a password in a URL is not said again."""
    house.stop()
    url = "mongodb://me:canary-secret@127.0.0.1:1/frontdesk"
    data = str(house.data)
    assert "--to-keys" in refused(house, "--from", data, "--to", url)
    assert "two databases" in refused(house, "--from", data, "--to", url, "--to-keys", url)
    assert "the same" in refused(house, "--from", data, "--to", data)
    assert "nothing" in refused(house, "--from", str(tmp_path / "nowhere"), "--to", str(tmp_path / "new"))
    said = refused(house, "--from", data, "--to", url, "--to-keys", url + "_keys")
    assert "canary-secret" not in said
    assert "cannot be opened" in said
    assert "tls" in refused(
        house, "--from", data, "--to", "mongodb://db.example/a", "--to-keys", "mongodb://db.example/b"
    )


def test_a_target_that_holds_something_else_is_found_out(house: Frontdesk, tmp_path: Path) -> None:
    with serving(tmp_path / "second") as second:
        pass
    house.stop()
    assert "something else" in refused(house, "--from", str(house.data), "--to", str(second.data))
    with sqlite3.connect(house.data / "frontdesk.db") as db:
        assert db.execute("SELECT count(*) FROM k_account").fetchone() == (1,), "the source is as it was"
    db.close()
