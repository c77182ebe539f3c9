"""Files through the documented doors: what is taken, what is refused, who gets them, and what lies on the disk (PS-8).

The server is the `frontdesk` command in a process of its own. Every refusal starts from an upload that is taken.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests import pictures as made
from tests.sending import Sender
from tests.serving import Frontdesk, serving
from tests.talking import Staff, Visitor, logged_in

NOBODYS_ID = "A" * 22
NOBODYS_SECRET = "A" * 43
LIMIT = 1_000_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    settings = {"FRONTDESK_FILES__MAX_MEGABYTES": "1", "FRONTDESK_FILES__AN_HOUR": "100"}
    with serving(tmp_path_factory.mktemp("files"), **settings) as running:
        yield running


@asynccontextmanager
async def visitor_of(house: Frontdesk) -> AsyncIterator[tuple[Visitor, Sender]]:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor, aiohttp.ClientSession() as session:
        yield visitor, Sender(session, house.base_url, f"/w/{house.demo['bot']}/files", visitor.device)


@asynccontextmanager
async def chosen(house: Frontdesk, **policy: Any) -> AsyncIterator[None]:
    """The bot takes these files, set as an admin sets it; afterwards what it took before."""
    boss = house.person("super_admin")
    async with logged_in(house.base_url, boss["email"], boss["password"]) as session:
        usual = {"files": "block", "files_blocked": ["archives", "executables", "scripts"], "files_listed": ""}
        await _choose(session, house, {**usual, **policy})
        yield
        await _choose(session, house, usual)


async def _choose(session: aiohttp.ClientSession, house: Frontdesk, policy: dict[str, Any]) -> None:
    form = {"name": "Harbour Bikes", "language": "en", "accent": "#0f6674", "greeting": "Ahoy!", "sites": ""}
    pairs = [(name, one) for name, value in (form | policy).items() for one in _several(value)]
    url, origin = f"{house.base_url}/admin/bots/{house.demo['bot']}", {"Origin": house.base_url}
    async with session.post(url, data=pairs, headers=origin, allow_redirects=False) as answer:
        assert answer.status == 303, await answer.text()


def _several(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


async def shared(visitor: Visitor, sender: Sender, name: str, media: str, content: bytes) -> dict[str, Any]:
    """Send it and see it come over the socket."""
    status, said = await sender.send(name, media, content)
    assert status == 201, said
    return await visitor.event(lambda event: event["seq"] == said["seq"])


def blobs(house: Frontdesk) -> list[Path]:
    return sorted(path for path in (house.data / "files").rglob("*") if path.is_file())


async def test_PS_8_a_photograph_is_shared_shown_and_has_lost_its_place(house: Frontdesk) -> None:
    async with visitor_of(house) as (visitor, sender):
        event = await shared(visitor, sender, "../Tür\u202e 1.jpg", "image/jpeg", made.jpeg())
        assert (event["kind"], event["name"], event["media"], event["shows"]) == (
            "file",
            "Tür 1.jpg",
            "image/jpeg",
            True,
        )
        assert "key" not in event, "the key's id is for the server"
        status, headers, content = await sender.fetch(event["file"])
        assert status == 200
        assert made.GPS not in content, "U-7"
        assert content.startswith(b"\xff\xd8\xff")
        assert len(content) == event["size"]
        assert headers["Content-Disposition"] == "attachment; filename=\"T_r 1.jpg\"; filename*=UTF-8''T%C3%BCr%201.jpg"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; sandbox")
        assert headers["Cache-Control"] == "no-store"
        _, headers, _ = await sender.fetch(event["file"], "?show=1")
        assert headers["Content-Disposition"] == "inline"


async def test_a_file_sent_twice_is_kept_once(house: Frontdesk) -> None:
    async with visitor_of(house) as (_, sender):
        client_id, before = str(uuid.uuid4()), len(blobs(house))
        first = await sender.send("a.pdf", "application/pdf", made.PDF, client_id=client_id)
        assert first[0] == 201
        assert await sender.send("a.pdf", "application/pdf", made.PDF, client_id=client_id) == first
        assert len(blobs(house)) == before + 1


async def test_X_6_X_11_a_page_sent_as_text_is_never_served_as_a_page(house: Frontdesk) -> None:
    async with visitor_of(house) as (visitor, sender):
        event = await shared(visitor, sender, "page.txt", "text/plain", made.HTML)
        assert event["shows"] is False
        for query in ("", "?show=1"):
            status, headers, content = await sender.fetch(event["file"], query)
            assert (status, content) == (200, made.HTML)
            assert headers["Content-Type"] == "text/plain; charset=utf-8"
            assert headers["Content-Disposition"].startswith("attachment")


REFUSED: dict[str, tuple[int, str, str, bytes]] = {
    "a ZIP named .png": (415, "a.png", "image/png", made.archive(a="1")),
    "a ZIP": (415, "a.zip", "application/zip", made.archive(a="1")),
    "a program": (415, "a.exe", "application/x-msdownload", made.PROGRAM),
    "a program named .pdf": (415, "a.pdf", "application/pdf", made.PROGRAM),
    "a page": (415, "a.html", "text/html", made.HTML),
    "a drawing": (415, "a.svg", "image/svg+xml", made.SVG),
    "a drawing named .png": (415, "a.png", "image/png", made.SVG),
    "a picture declared as a page": (415, "a.png", "text/html", made.png()),
    "a name that ends at NUL": (415, "a.jpg\0.php", "image/jpeg", made.jpeg()),
    "a program's extension inside": (415, "shell.php.jpg", "image/jpeg", made.jpeg()),
    "an unknown extension": (415, "a.qqq", "application/octet-stream", b"words"),
    "nothing in it": (415, "a.txt", "text/plain", b""),
    "a picture of 900 million pixels": (422, "a.png", "image/png", made.png(width=30_000, height=30_000)),
    "a picture that was cut": (422, "a.png", "image/png", made.png()[:-8]),
    "more than may be": (413, "a.txt", "text/plain", b"x" * (LIMIT + 1)),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_U_1_U_4_what_is_refused_leaves_nothing(house: Frontdesk, case: str) -> None:
    async with visitor_of(house) as (visitor, sender):
        await shared(visitor, sender, "first.png", "image/png", made.png())
        before = blobs(house)
        wanted, name, media, content = REFUSED[case]
        status, said = await sender.send(name, media, content)
        assert status == wanted, said
        assert said["code"] in {"unsupported_media", "invalid", "too_large"}
        assert blobs(house) == before
        await visitor.say("/greet", payload="/greet")
        await visitor.says("bot", "Ahoy")
        assert [event["kind"] for event in visitor.events].count("file") == 1


async def test_PS_8_the_bots_policy_decides_on_the_server(house: Frontdesk) -> None:
    async with visitor_of(house) as (_, sender):
        picture, pdf = ("a.png", "image/png", made.png()), ("a.pdf", "application/pdf", made.PDF)
        assert (await sender.send(*picture))[0] == 201
        async with chosen(house, files="off"):
            status, said = await sender.send(*picture)
            assert (status, said["code"]) == (403, "forbidden")
        async with chosen(house, files="images"):
            assert ((await sender.send(*picture))[0], (await sender.send(*pdf))[0]) == (201, 415)
        async with chosen(house, files="block", files_blocked=["documents"]):
            assert ((await sender.send(*picture))[0], (await sender.send(*pdf))[0]) == (201, 415)
            assert (await sender.send("a.zip", "application/zip", made.archive(a="1")))[0] == 201
        async with chosen(house, files="list", files_listed="pdf, .dwg"):
            assert ((await sender.send(*picture))[0], (await sender.send(*pdf))[0]) == (415, 201)
            assert (await sender.send("a.dwg", "", b"AC1032" + bytes(range(256))))[0] == 201
            assert (await sender.send("a.dwg", "", made.PROGRAM))[0] == 415


async def test_the_admins_form_refuses_what_is_no_extension(house: Frontdesk) -> None:
    boss = house.person("super_admin")
    async with logged_in(house.base_url, boss["email"], boss["password"]) as session:
        url, origin = f"{house.base_url}/admin/bots/{house.demo['bot']}", {"Origin": house.base_url}
        form = {"name": "Harbour Bikes", "language": "en", "accent": "#0f6674", "greeting": "Ahoy!", "sites": ""}
        for bad in (
            {"files": "all"},
            {"files": "list", "files_listed": "../x"},
            {"files": "block", "files_blocked": "x"},
        ):
            async with session.post(url, data=form | bad, headers=origin, allow_redirects=False) as answer:
                assert answer.status == 422, bad


async def test_MS_1_M_2_without_consent_and_without_the_browsers_secret_nothing_is_taken(house: Frontdesk) -> None:
    before = blobs(house)
    async with Visitor.at(house.base_url, house.demo["bot"], consent=False) as visitor:
        async with aiohttp.ClientSession() as session:
            url = f"/w/{house.demo['bot']}/files"
            picture = ("a.png", "image/png", made.png())
            stranger = Sender(session, house.base_url, url, NOBODYS_SECRET)
            assert (await stranger.send(*picture))[0] == 403
            assert (await Sender(session, house.base_url, url).send(*picture))[0] == 404
            assert (await Sender(session, house.base_url, url, "x").send(*picture))[0] == 404
            nowhere = Sender(session, house.base_url, f"/w/{NOBODYS_ID}/files", NOBODYS_SECRET)
            assert (await nowhere.send(*picture))[0] == 404
            assert blobs(house) == before
            await visitor.consent()
            assert (await Sender(session, house.base_url, url, visitor.device).send(*picture))[0] == 201


async def test_malformed_uploads_and_other_sites_are_refused(house: Frontdesk) -> None:
    """C-4, U-10: headers that are missing, doubled or wrong; a length that is not said; an encoding."""
    async with visitor_of(house) as (_, sender):
        picture = ("a.png", "image/png", made.png())
        assert (await sender.send(*picture))[0] == 201
        before = blobs(house)
        assert (await sender.send(*picture, client_id="1"))[0] == 400
        assert (await sender.send(*picture, **{"X-File-Name": "%ff.png"}))[0] == 400
        assert (await sender.send(*picture, **{"X-File-Name": "a" * 2_001}))[0] == 400
        assert (await sender.send(*picture, **{"Content-Encoding": "gzip"}))[0] in {400, 415}
        assert (await sender.send(*picture, Origin="https://evil.example"))[0] == 403

        async def pieces() -> AsyncIterator[bytes]:
            yield made.png()

        assert (await sender.send("a.png", "image/png", pieces()))[0] == 400
        assert blobs(house) == before


async def test_a_cut_upload_leaves_nothing(house: Frontdesk) -> None:
    async with visitor_of(house) as (visitor, sender):
        event = await shared(visitor, sender, "a.png", "image/png", made.png())
        before = blobs(house)
        at = urlsplit(house.base_url)
        reader, writer = await asyncio.open_connection(at.hostname, at.port)
        head = (
            f"POST {sender.url} HTTP/1.1\r\nHost: {at.netloc}\r\nOrigin: {house.base_url}\r\nContent-Type: text/plain\r\n"
            f"X-Device: {visitor.device}\r\nX-File-Name: cut.txt\r\nX-Client-Id: {uuid.uuid4()}\r\n"
            "Content-Length: 900000\r\n\r\n"
        )
        writer.write(head.encode() + b"x" * 400_000)
        await writer.drain()
        writer.write_eof()
        answer = await asyncio.wait_for(reader.read(), 20)
        assert b" 201 " not in answer[:20]
        writer.close()
        assert (await sender.send("b.png", "image/png", made.png()))[0] == 201
        assert len(blobs(house)) == len(before) + 1
        names = [event["name"] for event in visitor.events if event["kind"] == "file"]
        assert "cut.txt" not in names
        assert event["name"] in names


async def test_U_13_M_1_files_of_others_are_not_there(house: Frontdesk) -> None:
    """No answer tells a foreign file from an unknown one."""
    agent, stranger = house.person("agent"), house.person("staff")
    async with visitor_of(house) as (visitor, sender), visitor_of(house) as (other, thief):
        event = await shared(visitor, sender, "a.pdf", "application/pdf", made.PDF)
        await shared(other, thief, "b.pdf", "application/pdf", made.PDF)
        assert (await sender.fetch(event["file"]))[0] == 200
        foreign, unknown = await thief.fetch(event["file"]), await thief.fetch(NOBODYS_ID)
        assert (foreign[0], foreign[2]) == (unknown[0], unknown[2])
        assert foreign[0] == 404
        await visitor.ask(type="handoff")
        async with Staff.logged_in(house.base_url, agent["email"], agent["password"]) as person:
            row = await person.row(lambda row: row["control"] == "queue")
            conversation = visitor.welcome["conversation"] or row["id"]
            path = f"{house.base_url}/api/conversations/{conversation}/files"
            async with person.session.get(f"{path}/{event['file']}") as answer:
                assert (answer.status, await answer.read()) == (200, made.PDF)
                assert answer.headers["Content-Disposition"].startswith("attachment")
            foreign_file = next(e["file"] for e in other.events if e["kind"] == "file")
            bodies = set()
            for file in (foreign_file, NOBODYS_ID, "..%2F..%2Fkeys.db"):
                async with person.session.get(f"{path}/{file}") as answer:
                    assert answer.status == 404
                    bodies.add(await answer.read())
            assert len(bodies) == 1
        async with logged_in(house.base_url, stranger["email"], stranger["password"]) as session:
            async with session.get(f"{path}/{event['file']}") as answer:
                assert answer.status == 404
        async with aiohttp.ClientSession() as session, session.get(f"{path}/{event['file']}") as answer:
            assert answer.status == 401


async def test_YA_22_a_sensitive_file_is_hidden_at_once_for_all_but_admins(house: Frontdesk) -> None:
    """And the holder sends files, nobody else; L-17 through a shared link."""
    agent, boss = house.person("agent"), house.person("super_admin")
    base = house.base_url
    async with visitor_of(house) as (visitor, sender):
        event = await shared(visitor, sender, "Passport Canary.png", "image/png", made.png())
        await visitor.ask(type="handoff")
        async with Staff.logged_in(base, agent["email"], agent["password"]) as person:
            row = await person.row(lambda row: row["id"] == visitor.welcome["conversation"])
            conversation = row["id"]
            desk = Sender(person.session, base, f"/api/conversations/{conversation}/files")
            assert (await desk.send("a.pdf", "application/pdf", made.PDF))[0] == 409, "only the holder sends"
            await person.ask(type="take_over", conversation=conversation)
            status, said = await desk.send("Offer.pdf", "application/pdf", made.PDF)
            assert status == 201
            got = await visitor.event(lambda event: event["seq"] == said["seq"])
            assert (got["by"], got["name"], got["author_name"]) == ("agent", "Offer.pdf", agent["name"])
            assert (await sender.fetch(got["file"]))[2] == made.PDF

            origin = {"Origin": base}
            async with person.session.post(
                f"{base}/api/conversations/{conversation}/links", json={}, headers=origin
            ) as answer:
                link = (await answer.json())["url"]
            async with person.session.get(f"{link}/files/{event['file']}") as answer:
                assert answer.status == 200
            async with aiohttp.ClientSession() as nobody, nobody.get(f"{link}/files/{event['file']}") as answer:
                assert answer.status == 404

            path = f"{base}{desk.url}/{event['file']}"
            for bad in ({"reason": 1}, {"other": ""}):
                async with person.session.post(f"{path}/sensitive", json=bad, headers=origin) as answer:
                    assert answer.status in {400, 422}
            async with person.session.post(
                f"{path}/sensitive", json={"reason": "A passport"}, headers=origin
            ) as answer:
                assert answer.status == 200
            await visitor.event(lambda e: e["kind"] == "file_hidden" and e["file"] == event["file"])
            assert (await sender.fetch(event["file"]))[0] == 404
            for url in (path, f"{link}/files/{event['file']}"):
                async with person.session.get(url) as answer:
                    assert answer.status == 404
            async with person.session.get(link) as answer:
                assert "Passport Canary" not in await answer.text()
            async with person.session.get(f"{path}") as answer:
                assert answer.status == 404
        async with Visitor.at(base, house.demo["bot"], device=visitor.device) as again:
            hidden = await again.event(lambda e: e["kind"] == "file" and e["file"] == event["file"])
            assert (hidden["name"], hidden["redacted"], hidden["shows"]) == ("", True, False)
        async with logged_in(base, boss["email"], boss["password"]) as session:
            async with session.get(path) as answer:
                assert (answer.status, await answer.read()) == (200, made.png())


async def test_K_10_neither_name_nor_content_of_a_file_lies_on_the_disk(house: Frontdesk) -> None:
    words = b"Canaryletter to the harbour master\n" * 3_000
    async with visitor_of(house) as (visitor, sender):
        event = await shared(visitor, sender, "Canaryname Müller.txt", "text/plain", words)
        assert (await sender.fetch(event["file"]))[2] == words
    found = await asyncio.to_thread(_grep, house)
    assert found == []
    assert "Canary" not in house.log()


def _grep(house: Frontdesk) -> list[str]:
    needles = [form for word in ("Canaryletter", "Canaryname") for form in (word.encode(), word.encode("utf-16-le"))]
    files = [path for path in house.data.rglob("*") if path.is_file()]
    assert any("files" in path.parts for path in files)
    return [str(path) for path in files if any(needle in path.read_bytes() for needle in needles)] + [
        str(path) for path in house.data.rglob("*Canary*")
    ]


async def test_MS_4_U_15_an_erasure_takes_the_files_along(house: Frontdesk) -> None:
    boss = house.person("super_admin")
    async with visitor_of(house) as (visitor, sender):
        before = blobs(house)
        await shared(visitor, sender, "a.png", "image/png", made.png())
        assert len(blobs(house)) == len(before) + 1
        conversation = visitor.welcome["conversation"]
        async with logged_in(house.base_url, boss["email"], boss["password"]) as session:
            form = {"what": "conversation", "subject": conversation, "reason": "Asked by letter", "confirm": "erase"}
            url = f"{house.base_url}/admin/privacy/erasures"
            async with session.post(url, data=form, headers={"Origin": house.base_url}) as answer:
                assert answer.status < 400, await answer.text()
        assert blobs(house) == before


async def test_E_2_files_are_in_the_backup_and_can_be_read_after_the_restore(house: Frontdesk, tmp_path: Path) -> None:
    async with visitor_of(house) as (visitor, sender):
        event = await shared(visitor, sender, "kept.pdf", "application/pdf", made.PDF)
        device = visitor.device
    saved = await asyncio.to_thread(house.run, "backup", "--to", str(tmp_path / "backup"), "--json")
    assert saved.returncode == 0, saved.stderr
    manifest = json.loads(saved.stdout)["manifest"]
    other = Frontdesk(tmp_path / "other/data", demo=house.demo)
    other.data.mkdir(parents=True, mode=0o700)
    (other.data / "master.key").touch(0o600)
    (other.data / "master.key").write_bytes((house.data / "master.key").read_bytes())
    done = await asyncio.to_thread(other.run, "restore", "--from", manifest)
    assert done.returncode == 0, done.stderr
    assert len(blobs(other)) == len(blobs(house))
    await asyncio.to_thread(other.start)
    try:
        async with aiohttp.ClientSession() as session:
            again = Sender(session, other.base_url, f"/w/{other.demo['bot']}/files", device)
            assert (await again.fetch(event["file"]))[2] == made.PDF
    finally:
        await asyncio.to_thread(other.stop)
