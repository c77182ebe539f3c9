"""The whole story, once, over the documented doors: visitor, bot, mail, queue, agent, transcript, and the locked files.

The server is the `frontdesk` command in a process of its own; the mail server is real.
"""

import asyncio
import base64
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.mongo import everything_in, store_settings
from tests.serving import Frontdesk, MailServer, code_in, link_in, mail_settings, serving
from tests.talking import Staff, Visitor, logged_in


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "mongo"])
def house(request: pytest.FixtureRequest, tmp_path: Path, mails: MailServer) -> Iterator[Frontdesk]:
    """On each engine: the story does not know which."""
    stores = store_settings(tmp_path) if request.param == "mongo" else {}
    with serving(tmp_path, **mail_settings(mails), **stores) as running:
        yield running


async def test_the_story_from_the_first_word_to_the_locked_files(
    house: Frontdesk, mails: MailServer, tmp_path: Path
) -> None:
    """BR-1, BR-5, DD-1 … DD-6, YA-1, YA-2, MS-1, MS-7, K-10: points 3 to 7 of the first issue's story."""
    base, bot, agent = house.base_url, house.demo["bot"], house.person("agent")

    async with Visitor.at(base, bot, consent=False) as visitor:
        assert not visitor.welcome["consented"]
        refused = await visitor.ask(type="message", text="hello")
        assert refused["type"] == "error", "MS-1: nothing is taken before consent"
        await visitor.consent()
        assert (await visitor.say("/greet", payload="/greet"))["type"] == "ack"
        await visitor.says("bot", "Ahoy")
        await visitor.say("I would like to rent an e-bike")
        await visitor.says("bot", "How many")
        device, seq = visitor.device, max(event["seq"] for event in visitor.events)

    async with Visitor.at(base, bot, device=device) as visitor:
        assert visitor.welcome["consented"]
        assert ("visitor", "I would like to rent an e-bike") in [*visitor.texts(), *await _after_replay(visitor, seq)]
        await visitor.say("99")
        await visitor.says("bot", "one to eight")
        await visitor.say("two")
        await visitor.says("bot", "which day")
        await visitor.say("tomorrow")
        await visitor.says("bot", "2 e-bikes tomorrow, 58 €")
        await visitor.event(lambda event: event.get("card") == "email")

        said = await visitor.ask(type="email", address="jane.canary@visitors.example")
        assert said["outcome"] == "sent"
        mail = await asyncio.to_thread(mails.wait_for, 1)
        assert mail["To"] == "jane.canary@visitors.example"
        assert mail["Auto-Submitted"] == "auto-generated"
        token_link = link_in(mail)
        await _opening_the_link_changes_nothing(token_link)
        assert (await visitor.ask(type="code", code="000000"))["outcome"] in {"wrong", "verified"}
        assert (await visitor.ask(type="code", code=code_in(mail)))["outcome"] == "verified"

        async with Staff.logged_in(base, agent["email"], agent["password"]) as person:
            assert not [row for row in person.rows.values() if row["control"] == "bot"], "YA-24"
            assert (await visitor.ask(type="handoff"))["type"] == "done"
            row = await person.row(lambda row: row["control"] == "queue")
            assert row["verification"]["state"] == "verified"
            assert row["address"] == "jane.canary@visitors.example"
            conversation = row["id"]
            await person.send(type="watch", conversation=conversation, since=0)
            await person.says("visitor", "tomorrow")
            assert (await person.ask(type="take_over", conversation=conversation))["type"] == "ack"
            await visitor.event(lambda event: event["kind"] == "control" and event["now"] == "agent")
            await person.ask(type="message", conversation=conversation, text="Hello, this is a person.")
            await visitor.says("agent", "this is a person")
            await visitor.say("Can I bring my dog Canaryfido?")
            await person.says("visitor", "Canaryfido")
            await person.ask(type="note", conversation=conversation, text="Likes dogs. Canarynote.")
            await person.ask(type="message", conversation=conversation, text="Of course.")
            await visitor.says("agent", "Of course")
            bots_words = [text for by, text in visitor.texts() if by == "bot"]

            link = await _make_link(person, conversation)
            assert (await person.ask(type="close", conversation=conversation))["type"] == "ack"
            await visitor.event(lambda event: event["kind"] == "closed")
            assert [text for by, text in visitor.texts() if by == "bot"] == bots_words, "the bot was silent"
            assert "Canarynote" not in str(visitor.frames), "notes never reach the visitor"

    await _the_decision_table_holds(house, link)
    await asyncio.to_thread(_nothing_can_be_read_from_the_files, house, tmp_path, link, token_link, str(device))
    await _everything_is_there_again(house, link)


async def _after_replay(visitor: Visitor, seq: int) -> list[tuple[str, str]]:
    await visitor.event(lambda event: event["seq"] >= seq)
    return visitor.texts()


async def _opening_the_link_changes_nothing(link: str) -> None:
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.get(link) as page:
                assert page.status == 200


async def _make_link(person: Staff, conversation: str) -> str:
    url = f"{person.base}/api/conversations/{conversation}/links"
    async with person.session.post(url, json={}, headers={"Origin": person.base}) as answer:
        assert answer.status == 201, await answer.text()
        made = await answer.json()
    assert re.fullmatch(rf"{re.escape(person.base)}/t/[A-Za-z0-9_-]{{43}}", made["url"])
    return str(made["url"])


async def _the_decision_table_holds(house: Frontdesk, link: str) -> None:
    """YA-1 … YA-8, L-1, L-3 … L-8: by HTTP, from several loopback addresses."""
    base = house.base_url
    elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.3", 0))
    async with aiohttp.ClientSession(connector=elsewhere) as nobody:
        async with nobody.get(link, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/login")
            assert b"Canaryfido" not in await answer.read()

        agent, staff, owner = (house.person(who) for who in ("agent", "staff", "super_admin"))
        async with logged_in(base, agent["email"], agent["password"]) as member, member.get(link) as answer:
            text = await answer.text()
            assert answer.status == 200
            assert "Canaryfido" in text
            assert "Canarynote" in text, "the member view has the notes"
        async with logged_in(base, staff["email"], staff["password"]) as colleague, colleague.get(link) as answer:
            assert answer.status == 403
            assert "Canaryfido" not in await answer.text()

        async with logged_in(base, owner["email"], owner["password"]) as boss:
            headers = {"Origin": base}
            rule = {"scope": house.demo["bot"], "start": "127.0.0.3", "end": "127.0.0.3", "label": "office"}
            async with boss.post(f"{base}/api/admin/ranges", json=rule, headers=headers) as answer:
                assert answer.status == 201, await answer.text()
            async with nobody.get(link, allow_redirects=False) as answer:
                assert answer.status == 303, "a range without its toggle opens nothing"
            toggle = f"{base}/api/admin/ranges/{house.demo['bot']}/enabled"
            async with boss.put(toggle, json={"enabled": True}, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
        async with nobody.get(link, allow_redirects=False) as answer:
            text = await answer.text()
            assert answer.status == 200
            assert "Canaryfido" in text
            assert "Canarynote" not in text, "the external view has no notes"
            assert "jane.canary@" not in text, "and masks addresses"
            assert agent["email"] not in text


def _nothing_can_be_read_from_the_files(house: Frontdesk, folder: Path, *secrets: str) -> None:
    """K-10: the files of a stopped server, searched for every word that must not be in them, in several spellings."""
    assert house.stop() == 0
    copy = folder / "copy"
    shutil.copytree(house.data, copy)
    files = {path.name: path.read_bytes() for path in copy.rglob("*") if path.is_file() and path.suffix != ".key"}
    stores = [url for name, url in house.environment.items() if name.endswith("__URL")]
    for url in stores:
        files |= {f"{url} {name}": data for name, data in everything_in(url).items()}
    assert {"frontdesk.db", "keys.db"} <= set(files) or len(stores) == 2
    tokens = [secret.rpartition("/")[2] for secret in secrets]
    words = ["Canaryfido", "Canarynote", "jane.canary", "visitors.example", "e-bike tomorrow", *tokens]
    words += [house.person(who)[what] for who in ("agent", "super_admin") for what in ("email", "name", "password")]
    for word in words:
        for spelling in _spellings(word):
            found = [name for name, data in files.items() if spelling in data and name != "frontdesk.toml"]
            assert not found, f"{word!r} can be read in {found}"


def _spellings(word: str) -> list[bytes]:
    plain = word.encode()
    return [plain, word.encode("utf-16-le"), plain.hex().encode(), base64.b64encode(plain).rstrip(b"=")[:-2]]


async def _everything_is_there_again(house: Frontdesk, link: str) -> None:
    before = house.base_url
    await asyncio.to_thread(house.start)
    agent = house.person("agent")
    path = link.removeprefix(before)
    async with logged_in(house.base_url, agent["email"], agent["password"]) as member:
        async with member.get(house.base_url + path) as answer:
            assert answer.status == 200
            assert "Canaryfido" in await answer.text()
