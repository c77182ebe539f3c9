"""K-10, G-3, G-4, M-10: a whole story told in canary words, and then no place where one of them can be read.

The server is the `frontdesk` command in a process of its own, at debug level; on SQLite, and on MongoDB with Redis. Looked
through are: the data folder while it is served and after it was stopped (database, WAL, key store, files, ledger), the
database server's own files, every key of Redis and all that went through it, the log, the temporary folders of all
processes and their command lines, mails that wait, backup archives, what `move` makes, the audit book's export, metrics.
"""

import asyncio
import gzip
import io
import json
import re
import secrets
import shutil
import socket
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests import canaries
from tests.canaries import Places, sightings
from tests.mongo import Server, everything_in
from tests.redis import RedisServer
from tests.sending import Sender
from tests.serving import ROOT, Frontdesk, MailServer, code_in, link_in, mail_settings
from tests.talking import Json, Staff, Visitor, logged_in

ADDRESS = "127.77.88.99"
"""Where the visitor comes from."""
PLANTED = "planted canary of this very test"
FORM = ("      - day\n", "      - day\n      - companion\n")
SLOT = """
  companion:
    type: text
    influence_conversation: false
    mappings:
      - type: from_text
        conditions:
          - active_loop: booking_form
            requested_slot: companion
"""


class Monitor:
    """What a Redis does, as its MONITOR tells it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.sendall(b"MONITOR\r\n")
        self.seen = b""
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while data := self._socket.recv(65_536):
            self.seen += data

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._socket.close()

    @property
    def plain(self) -> bytes:
        """With its escapes undone."""
        return re.sub(rb"\\x([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), self.seen)


@dataclass
class Scene:
    """One installation with everything around it in folders of its own."""

    folder: Path
    house: Frontdesk
    mails: MailServer
    mongo: Server | None = None
    redis: RedisServer | None = None
    monitor: Monitor | None = None
    ready: Json = field(default_factory=dict)

    @property
    def stores(self) -> list[str]:
        return [url for name, url in self.house.environment.items() if name.endswith(("STORAGE__URL", "KEYS__URL"))]

    def places(self) -> Places:
        """Everything that somebody could look into who has the machines but no key."""
        places: dict[str, bytes] = {}
        if self.redis is not None and self.monitor is not None:
            places |= self._in_redis(self.redis.port)
            places |= {"MONITOR": self.monitor.seen, "MONITOR, escapes undone": self.monitor.plain}
        places |= canaries.in_folders(sorted(path for path in self.folder.iterdir() if path.is_dir()))
        places |= {f"{path.name}": path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        for url in self.stores:
            places |= {f"{url} {name}": data for name, data in everything_in(url).items()}
        for process in self._processes():
            places[f"command line of {process}"] = Path(f"/proc/{process}/cmdline").read_bytes()
        return {name: data for name, data in places.items() if not name.endswith(("/master.key", "/demo.json"))}

    def _in_redis(self, port: int) -> Places:
        import redis

        with closing(redis.Redis(port=port)) as client:
            client.config_set("rdbcompression", "no")  # else a word could hide from us
            client.save()
            kept = {f"Redis key {key!r}": key + b"\0" + (client.dump(key) or b"") for key in client.scan_iter()}
            return kept | {"Redis channels": b"\0".join(client.pubsub_channels())}

    def _processes(self) -> list[int]:
        """The server and all that it started."""
        if self.house.process is None:
            return []
        found = [self.house.process.pid]
        for process in found:
            for task in Path(f"/proc/{process}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def core_limits(self) -> set[str]:
        """What each of the processes may leave behind when it breaks."""
        limits = [Path(f"/proc/{process}/limits").read_text() for process in self._processes()]
        assert len(limits) >= 2, "the server and the worker of its actions"
        cores = [line.split() for limit in limits for line in limit.splitlines() if line.startswith("Max core")]
        return {number for core in cores for number in core[4:6]}


@pytest.fixture(params=["sqlite", "mongo and redis"])
def scene(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Scene]:
    folder = tmp_path / "scene"
    for name in ("house", "mongo", "redis", "temporary", "assistant"):
        (folder / name).mkdir(parents=True)
    mails = MailServer()
    mails.start()
    environment = mail_settings(mails) | {"FRONTDESK_LOGS__LEVEL": "debug", "TMPDIR": str(folder / "temporary")}
    arguments = ("--assistant", str(assistant(folder / "assistant")))
    made = Scene(folder, Frontdesk(folder / "house/data", environment, arguments), mails)
    try:
        if request.param != "sqlite":
            made.mongo, made.redis = Server(folder / "mongo"), RedisServer(folder / "redis")
            url = made.mongo.start()
            made.redis.start()
            made.monitor = Monitor(made.redis.port)
            environment |= {"FRONTDESK_STORAGE__URL": f"{url}records", "FRONTDESK_KEYS__URL": f"{url}keys"}
            made.house.environment |= environment | {"FRONTDESK_SIGNALS__REDIS_URL": made.redis.url}
        made.house.init()
        made.ready = made.house.start()
        yield made
    finally:
        made.house.stop()
        mails.stop()
        if made.monitor is not None:
            made.monitor.close()
        for server in (made.mongo, made.redis):
            if server is not None:
                server.kill()


def assistant(folder: Path) -> Path:
    """The demo's, which also asks in its form who comes along: a slot that is filled with whatever was said."""
    shutil.copytree(ROOT / "config/demo/assistant", folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__py*"))
    domain = (folder / "domain.yml").read_text()
    assert FORM[0] in domain
    domain = domain.replace(*FORM).replace("\nslots:", f"\nslots:{SLOT.rstrip()}").replace(
        "\nresponses:", '\nresponses:\n  utter_ask_companion:\n    - text: "Who comes along?"'
    )  # fmt: skip
    (folder / "domain.yml").write_text(domain)
    return folder


class Words(dict[str, str]):
    """The canaries: which word it is, by what it is. Those that are not given come out during the story."""

    def __init__(self, house: Frontdesk) -> None:
        tail = secrets.token_hex(4)
        super().__init__(
            (what, f"canary-{what.replace(' ', '-')}-{tail}")
            for what in ("message", "reply", "note", "tag", "slot", "attachment", "page", "title", "mistake", "reason")
        )
        self["name"] = f"Käthe Kanarienfink {tail}"
        self["file"] = f"canary-file-{tail}.txt"
        self["address"] = f"canary.jane.{tail}@canaries.example"
        self["domain"] = "canaries.example"
        self["network address"] = ADDRESS
        for who in ("agent", "super_admin"):
            self |= {f"{what} of {who}": house.person(who)[what] for what in ("email", "password")}


@pytest.mark.timeout(300)
async def test_K_10_a_story_in_canary_words_leaves_none_of_them_anywhere(scene: Scene, tmp_path: Path) -> None:
    """K-10, G-4, M-10, U-15: and what would be found if one lay there is found in each kind of place."""
    words = Words(scene.house)
    chat = await _story(scene, words)
    exports = await _exports(scene)
    assert await asyncio.to_thread(scene.core_limits) == {"0"}, "no process leaves its memory in a file"
    await asyncio.to_thread(_backup, scene)
    await asyncio.to_thread(_search, scene, words, exports)
    await _erase(scene, chat, words["reason"])
    await asyncio.to_thread(_search, scene, words, await _exports(scene))
    assert await asyncio.to_thread(scene.house.stop) == 0
    await asyncio.to_thread(_move, scene)
    await asyncio.to_thread(_search, scene, words, {})
    await asyncio.to_thread(_plant_everywhere, scene)


@pytest.mark.parametrize("spelling", list(canaries.spellings("Käthe Kanarienfink")))
@pytest.mark.parametrize("packed", ["", "gzip", "zlib", "zip", "gzip in zip"])
def test_K_10_the_search_finds_a_word_in_each_spelling(spelling: str, packed: str) -> None:
    """A search that finds nothing proves nothing until it has found something."""
    word = "Käthe Kanarienfink"
    hidden = canaries.spellings(word)[spelling]
    noise = secrets.token_bytes(5_000)
    places = {"here": noise + _packed(b"before " + hidden + b" after", packed) + noise}
    assert f"it ({spelling}) in here" in sightings({"it": word}, places)
    assert sightings({"it": "Kanarienfinks"}, places) == []


def test_K_10_a_code_is_found_and_a_clock_is_not() -> None:
    assert sightings({"code": "123456"}, {"x": b"Your code: 123456."})
    assert not sightings({"code": "123456"}, {"x": b"at 1763123456 and 12:00:00.123456 and 1123456"})


def _packed(data: bytes, how: str) -> bytes:
    if how == "gzip":
        return gzip.compress(data)
    if how == "zlib":
        return zlib.compress(data)
    if how:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("member", gzip.compress(data) if "gzip" in how else data)
        return archive.getvalue()
    return data


# The story


async def _story(scene: Scene, words: Words) -> str:
    """Everybody says, sends, types and is told what is his; the conversation."""
    house, base, bot = scene.house, scene.house.base_url, scene.house.demo["bot"]
    from_there: dict[str, Any] = {"connector": aiohttp.TCPConnector(local_addr=(ADDRESS, 0))}
    agent = house.person("agent")
    page = {"url": f"https://shop.example/{words['page']}", "title": words["title"], "referrer": ""}
    async with Visitor.at(base, bot, consent=False, page=page, **from_there) as visitor:
        await visitor.consent()
        words["device secret"] = str(visitor.device)
        await _books(visitor, words)
        await visitor.ask(type="email", address=words["address"])
        mail = await asyncio.to_thread(scene.mails.wait_for, 1)
        words["code"], words["opt-in link"] = code_in(mail), link_in(mail).rpartition("/")[2]
        async with aiohttp.ClientSession() as session, session.get(link_in(mail)) as opened:
            assert opened.status == 200
        assert (await visitor.ask(type="code", code=words["code"]))["outcome"] == "verified"
        await visitor.say(words["message"])
        await _gives_his_name(visitor, words)
        async with aiohttp.ClientSession() as session:
            sender = Sender(session, base, f"/w/{bot}/files", visitor.device)
            status, _ = await sender.send(words["file"], "text/plain", (words["attachment"] + "\n") * 50)
            assert status == 201
        await visitor.ask(type="handoff")
        async with Staff.logged_in(base, agent["email"], agent["password"]) as person:
            cookies = {cookie.key: cookie.value for cookie in person.session.cookie_jar}
            words["session cookie"] = cookies["__Host-sid"]
            chat = await _agents_part(person, visitor, words)
            await _mistakes(scene, visitor, words)
            scene.mails.shut = True
            assert (await person.ask(type="close", conversation=chat))["type"] == "ack"
            await visitor.event(lambda event: event["kind"] == "closed")
        await asyncio.to_thread(scene.mails.wait_until_asked)
        _everybody_read_it(visitor, person, words)
    return chat


async def _books(visitor: Visitor, words: Words) -> None:
    """The form, with a slot that takes whatever is said."""
    for said, answer in (
        ("I would like to rent an e-bike", "How many"),
        ("two", "which day"),
        ("tomorrow", "comes along"),
        (words["slot"], "2 e-bikes tomorrow"),
    ):
        await visitor.say(said)
        await visitor.says("bot", answer)


async def _gives_his_name(visitor: Visitor, words: Words) -> None:
    async with aiohttp.ClientSession() as session:
        door, body = f"{visitor.base}/w/{visitor.bot}/privacy/name", {"device": visitor.device, "name": words["name"]}
        async with session.post(door, json=body, headers={"Origin": visitor.base}) as answer:
            assert answer.status == 200, await answer.text()
        copy = {"device": visitor.device}
        door = f"{visitor.base}/w/{visitor.bot}/privacy/copy"
        async with session.post(door, json=copy, headers={"Origin": visitor.base}) as answer:
            assert answer.status == 200
            found = sightings({"message": words["message"]}, {"copy": await answer.read()})
            assert found, "the search reads what a visitor takes home"


async def _agents_part(person: Staff, visitor: Visitor, words: Words) -> str:
    row = await person.row(lambda row: row["control"] == "queue")
    chat = str(row["id"])
    await person.send(type="watch", conversation=chat, since=0)
    await person.ask(type="take_over", conversation=chat)
    await person.ask(type="message", conversation=chat, text=words["reply"])
    await visitor.says("agent", words["reply"])
    await person.ask(type="note", conversation=chat, text=words["note"])
    await person.ask(type="tag", conversation=chat, tags=[words["tag"]])
    headers = {"Origin": person.base}
    async with person.session.post(f"{person.base}/api/conversations/{chat}/links", json={}, headers=headers) as made:
        words["share link"] = (await made.json())["url"].rpartition("/")[2]
    for form in ("", ".txt", ".csv", ".json", ".pdf"):
        async with person.session.get(f"{person.base}/t/{words['share link']}{form}") as shown:
            assert shown.status == 200
    query = {"query": words["message"], "after": None}
    async with person.session.post(f"{person.base}/api/search", json=query, headers=headers) as answer:
        assert words["message"] in await answer.text()
    return chat


async def _mistakes(scene: Scene, visitor: Visitor, words: Words) -> None:
    """What is refused must not end up in a log either."""
    base, wrong = scene.house.base_url, words["mistake"]
    async with aiohttp.ClientSession() as session:
        headers = {"Origin": base, "Content-Type": "application/json", "User-Agent": wrong, "X-Other": wrong}
        async with session.post(
            f"{base}/w/{visitor.bot}/privacy", data=f'{{"device": "{wrong}', headers=headers
        ) as bad:
            assert bad.status == 400
        async with session.get(f"{base}/{wrong}?{wrong}={wrong}", headers=headers) as bad:
            assert bad.status == 404
        async with session.get(f"{base}/t/{words['share link']}", allow_redirects=False) as login:
            assert login.status == 303
        form = {"email": words["address"], "password": wrong}
        async with session.post(f"{base}/login", data=form, headers={"Origin": base}) as bad:
            assert bad.status == 401
    await visitor.send(type="message", text=wrong, nothing_that_is_known=wrong)
    assert (await visitor.of("error"))["code"]


def _everybody_read_it(visitor: Visitor, person: Staff, words: Words) -> None:
    """The other half of the proof: each word did go through, and who may read it has read it."""
    seen = json.dumps(person.frames, ensure_ascii=False) + json.dumps(list(person.rows.values()), ensure_ascii=False)
    for what in ("message", "reply", "note", "tag", "slot", "name", "file", "address"):
        assert words[what] in seen, what
    assert words["reply"] in json.dumps(visitor.frames)
    assert words["note"] not in json.dumps(visitor.frames)


# The places


async def _exports(scene: Scene) -> Places:
    """What is handed to people and machines that need no words."""
    owner, base = scene.house.person("super_admin"), scene.house.base_url
    places: dict[str, bytes] = {}
    async with logged_in(base, owner["email"], owner["password"]) as session:
        for form in ("csv", "json"):
            door, asked = f"{base}/admin/audit/export", {"format": form}
            async with session.post(door, data=asked, headers={"Origin": base}) as answer:
                assert answer.status == 200
                places[f"audit.{form}"] = await answer.read()
        async with session.get(f"{base}/admin/figures") as answer:
            places["figures"] = (await answer.read()).replace(owner["email"].encode(), b"")
        async with session.get(scene.ready["metrics_url"]) as answer:
            places["metrics"] = await answer.read()
    assert b"conversation" in places["audit.csv"]
    return places


async def _erase(scene: Scene, chat: str, reason: str) -> None:
    """The ledger and the certificate name nobody."""
    owner, base = scene.house.person("super_admin"), scene.house.base_url
    async with logged_in(base, owner["email"], owner["password"]) as session:
        form = {"what": "conversation", "subject": chat, "reason": reason, "confirm": "erase"}
        headers = {"Origin": base}
        async with session.post(f"{base}/admin/privacy/erasures", data=form, headers=headers) as answer:
            assert answer.status == 200
            page = await answer.text()
        certificate = re.search(r"/admin/privacy/certificates/[\w-]{22}", page)
        assert certificate
        async with session.get(base + certificate[0]) as answer:
            (scene.folder / "house/certificate.json").write_bytes(await answer.read())
    assert chat in (scene.house.data / "erasures.jsonl").read_text()


def _backup(scene: Scene) -> None:
    made = scene.house.run("backup", "--to", str(scene.folder / "backup"), "--json")
    assert made.returncode == 0, made.stderr
    assert list((scene.folder / "backup").glob("files-*/*/*")), "the file is in it"


def _move(scene: Scene) -> None:
    target = scene.folder / "moved"
    target.mkdir(mode=0o700)
    stores = scene.stores
    source = ("--from", stores[0], "--from-keys", stores[1]) if stores else ("--from", str(scene.house.data))
    done = scene.house.command("move", *source, "--to", str(target))
    assert done.returncode == 0, done.stderr
    (scene.folder / "move.out").write_text(done.stdout + done.stderr)


def _search(scene: Scene, words: Words, more: Places) -> None:
    places = {**scene.places(), **more}
    expected = {"server.log", "frontdesk.db"} if scene.mongo is None else {"server.log", "MONITOR", "dump.rdb"}
    assert all(any(name.endswith(one) for name in places) for one in expected), sorted(places)
    assert any(name.endswith("server.log") and b" DEBUG " in data for name, data in places.items())
    assert scene.monitor is None or b'"PUBLISH"' in scene.monitor.seen, "something was told to the other nodes"
    assert sightings(words, places) == []


def _plant_everywhere(scene: Scene) -> None:
    """One word in each kind of place: were it there, it would have been found."""
    for place in ("house/data/x", "house/server.log", "temporary/x", "backup/x", "moved/x", "mongo/x", "redis/x"):
        with (scene.folder / place).open("ab") as file:
            file.write(PLANTED.encode())
    if scene.redis is not None:
        import redis
        from pymongo import MongoClient

        with closing(redis.Redis(port=scene.redis.port)) as client:
            client.set("some key", PLANTED.encode("utf-16-le"))
            client.publish("frontdesk/signals", PLANTED.encode("utf-16-le"))
            client.ping()
        with MongoClient(scene.stores[0]) as client:  # type: ignore[var-annotated]
            client.get_default_database()["planted"].insert_one({"word": PLANTED})
    found = " ".join(sightings({"it": PLANTED}, scene.places()))
    kinds = ["data/x", "server.log", "temporary/x", "backup/x", "moved/x", "mongo/x", "redis/x"]
    if scene.redis is not None:
        kinds += ["Redis key", "MONITOR, escapes undone", "records planted", "redis/dump.rdb", ".sqlite"]
    assert [kind for kind in kinds if kind not in found] == []
