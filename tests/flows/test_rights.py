"""YA-21, MS-4, YA-23: a message is redacted and a chat erased while both sides look at it, through the real doors."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from tests.serving import Frontdesk, MailServer, code_in, mail_settings, serving
from tests.talking import Staff, Visitor, logged_in

SECRET = "my diagnosis is canaritis"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    with serving(tmp_path_factory.mktemp("rights")) as running:
        yield running


@asynccontextmanager
async def staff(house: Frontdesk, who: str) -> AsyncIterator[Staff]:
    person = house.person(who)
    async with Staff.logged_in(house.base_url, person["email"], person["password"]) as talker:
        yield talker


async def _post(house: Frontdesk, path: str, **form: str) -> int:
    """A form of the admin pages, sent by the super admin; the status of the answer."""
    owner = house.person("super_admin")
    async with logged_in(house.base_url, owner["email"], owner["password"]) as session:
        headers = {"Origin": house.base_url}
        async with session.post(house.base_url + path, data=form, headers=headers, allow_redirects=False) as answer:
            return answer.status


async def _allow(house: Frontdesk, who: str, *, allowed: bool = True) -> None:
    owner, wanted = house.person("super_admin"), house.person(who)
    async with logged_in(house.base_url, owner["email"], owner["password"]) as session:
        async with session.get(f"{house.base_url}/admin/people") as page:
            rows = re.findall(r"(?s)<tr.*?</tr>", await page.text())
    row = next(row for row in rows if wanted["email"] in row)
    found = re.search(r"/admin/people/[\w-]{22}", row)
    assert found is not None
    form = {"redact": "true"} if allowed else {}
    assert await _post(house, f"{found[0]}/redaction", **form) == 303


async def _taken_over(visitor: Visitor, agent: Staff) -> tuple[str, int]:
    """The visitor said it, and the agent has the chat: the conversation and the message's number."""
    said = await visitor.say(SECRET)
    await visitor.ask(type="handoff")
    conversation = visitor.welcome["conversation"]
    await agent.row(lambda row: row["id"] == conversation and row["control"] == "queue")
    assert (await agent.ask(type="take_over", conversation=conversation))["type"] == "ack"
    await agent.send(type="watch", conversation=conversation, since=0)
    await agent.says("visitor", SECRET)
    return conversation, said["seq"]


async def test_YA_21_words_are_taken_out_before_the_eyes_of_both_by_who_may(house: Frontdesk) -> None:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor, staff(house, "agent") as agent:
        conversation, message = await _taken_over(visitor, agent)
        ask = {"type": "redact", "conversation": conversation, "message": message}
        refused = await agent.ask(**ask)
        assert (refused["type"], refused["code"]) == ("error", "forbidden")
        await _allow(house, "agent")
        done = await agent.ask(**ask)
        assert done["type"] == "ack", done
        for side in (visitor, agent):
            await side.event(lambda event: event["kind"] == "redacted" and event["message"] == message)
        device = visitor.device
        await _allow(house, "agent", allowed=False)
        assert (await agent.ask(**(ask | {"message": message + 1})))["code"] == "forbidden"
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as again:
        shown = await again.event(lambda event: event["seq"] == message)
        assert (shown["text"], shown["redacted"]) == ("", True)
        await again.say("still here")
        assert SECRET not in repr(again.frames)


async def test_MS_4_an_erased_chat_ends_before_the_eyes_of_both(house: Frontdesk) -> None:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor, staff(house, "agent") as agent:
        conversation, _ = await _taken_over(visitor, agent)
        form = {"what": "conversation", "subject": conversation, "reason": "She asked", "confirm": "erase"}
        assert await _post(house, "/admin/privacy/erasures", **(form | {"confirm": "no"})) == 422
        assert (await visitor.say("still here"))["type"] == "ack"
        assert await _post(house, "/admin/privacy/erasures", **form) == 303
        with pytest.raises(ConnectionResetError, match="4404"):
            await visitor.event(lambda _: False)
        assert (await agent.ask(type="note", conversation=conversation, text="gone?"))["code"] == "not_found"
    ledger = (house.data / "erasures.jsonl").read_text()
    assert conversation in ledger


async def test_MS_4_a_visitor_who_proved_his_address_is_gone_before_the_eyes_of_all(tmp_path: Path) -> None:
    """MS-11, MS-4: both of his windows end, the agent's row and thread go, and a restart finds nothing of it."""
    mails = MailServer()
    mails.start()
    try:
        with serving(tmp_path, **mail_settings(mails)) as house:
            await _erases_himself(house, mails)
    finally:
        mails.stop()


async def _erases_himself(house: Frontdesk, mails: MailServer) -> None:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor, staff(house, "agent") as agent:
        conversation, _ = await _taken_over(visitor, agent)
        await visitor.ask(type="email", address="jane@visitors.example")
        code = code_in(await asyncio.to_thread(mails.wait_for, 1))
        assert (await visitor.ask(type="code", code=code))["outcome"] == "verified"
        async with Visitor.at(house.base_url, house.demo["bot"], device=visitor.device) as tab:
            body = {"device": visitor.device, "what": "erase", "confirm": "ERASE"}
            door = f"{house.base_url}/w/{house.demo['bot']}/privacy/request"
            async with aiohttp.ClientSession() as session:
                async with session.post(door, json=body, headers={"Origin": house.base_url}) as answer:
                    assert answer.status == 200
                    assert len((await answer.json())["erased"]["certificate"]) == 22
            for window in (visitor, tab):
                with pytest.raises(ConnectionResetError, match="4404"):
                    await window.event(lambda _: False)
        gone = await agent.frame(lambda frame: frame["type"] == "gone")
        assert gone["conversation"] == conversation
        assert (await agent.ask(type="note", conversation=conversation, text="gone?"))["code"] == "not_found"
    ledger = (house.data / "erasures.jsonl").read_text()
    assert conversation in ledger
    assert "jane" not in ledger


@pytest.mark.timeout(240)
async def test_E_2_an_older_backup_brings_nobody_back_who_was_erased_since(tmp_path: Path) -> None:
    """The machine is lost with all its disks but those of the backups: the first backup is restored, and the ledger beside
    it, which a later one brought up to date, is enough. So is the copy that each erasure wrote elsewhere."""
    first = Frontdesk(tmp_path / "first/data", {"FRONTDESK_KEYS__LEDGER_COPY": str(tmp_path / "elsewhere.jsonl")})
    first.data.parent.mkdir()
    first.init()
    await asyncio.to_thread(first.start)
    base, bot = first.base_url, first.demo["bot"]
    async with Visitor.at(base, bot) as one, Visitor.at(base, bot) as two, Visitor.at(base, bot) as kept:
        for visitor in (one, two, kept):
            await visitor.say(SECRET)
        manifest = await _backed_up(first, tmp_path / "backup")
        form = {"what": "conversation", "reason": "x", "confirm": "erase"}
        assert await _post(first, "/admin/privacy/erasures", subject=one.welcome["conversation"], **form) == 303
        await _backed_up(first, tmp_path / "backup")
        assert await _post(first, "/admin/privacy/erasures", subject=two.welcome["conversation"], **form) == 303
        devices = {"one": one.device, "two": two.device, "kept": kept.device}
    await asyncio.to_thread(first.stop)

    async def there(folder: str, *more: str) -> dict[str, bool]:
        """Restore the first backup there, and look whose chats are back."""
        house = Frontdesk(tmp_path / folder / "data", demo=first.demo)
        house.data.mkdir(parents=True)
        shutil.copy(first.data / "master.key", house.data / "master.key")
        done = await asyncio.to_thread(house.run, "restore", "--from", manifest, *more)
        assert done.returncode == 0, done.stderr
        assert f"erasures: {1 + bool(more)} since" in done.stdout
        await asyncio.to_thread(house.start)
        try:
            found = {}
            for name, device in devices.items():
                async with Visitor.at(house.base_url, bot, device=device, consent=False) as visitor:
                    found[name] = visitor.welcome["conversation"] is not None
            return found
        finally:
            await asyncio.to_thread(house.stop)

    assert await there("second") == {"one": False, "two": True, "kept": True}, "as far as the last backup knew"
    copy = str(tmp_path / "elsewhere.jsonl")
    assert await there("third", "--erasures", copy) == {"one": False, "two": False, "kept": True}

    fourth = Frontdesk(tmp_path / "fourth/data", demo=first.demo)
    fourth.data.mkdir(parents=True)
    shutil.copy(first.data / "master.key", fourth.data / "master.key")
    (tmp_path / "notes.txt").write_text("a shopping list\nmilk\n")
    for wrong in ("nowhere.jsonl", "notes.txt"):
        refused = await asyncio.to_thread(
            fourth.run, "restore", "--from", manifest, "--erasures", str(tmp_path / wrong)
        )
        assert (refused.returncode, "Nothing was changed" in refused.stderr) == (1, True), refused.stderr
    (tmp_path / "backup/erasures.jsonl").unlink()
    done = await asyncio.to_thread(fourth.run, "restore", "--from", manifest)
    assert (done.returncode, "There is no ledger of erasures" in done.stdout) == (0, True)


async def _backed_up(house: Frontdesk, to: Path) -> str:
    made = await asyncio.to_thread(house.run, "backup", "--to", str(to), "--json")
    assert made.returncode == 0, made.stderr
    manifest: str = json.loads(made.stdout)["manifest"]
    return manifest


async def test_E_2_the_drill_backup_erase_restore_and_nothing_comes_back(tmp_path: Path) -> None:
    """What none of the peers has, 4: with the commands that an operator has, and the ledger's file kept."""
    first = Frontdesk(tmp_path / "first/data")
    first.data.parent.mkdir()
    first.init()
    await asyncio.to_thread(first.start)
    async with (
        Visitor.at(first.base_url, first.demo["bot"]) as erased,
        Visitor.at(first.base_url, first.demo["bot"]) as kept,
    ):
        await erased.say(SECRET)
        await kept.say("this one stays")
        made = await asyncio.to_thread(first.run, "backup", "--to", str(tmp_path / "backup"), "--json")
        manifest = json.loads(made.stdout)["manifest"]
        form = {"what": "conversation", "subject": erased.welcome["conversation"], "reason": "x", "confirm": "erase"}
        assert await _post(first, "/admin/privacy/erasures", **form) == 303
        devices = (erased.device, kept.device)
    await asyncio.to_thread(first.stop)

    second = Frontdesk(tmp_path / "second/data", demo=first.demo)
    second.data.mkdir(parents=True)
    for name in ("master.key", "erasures.jsonl"):
        shutil.copy(first.data / name, second.data / name)
    restored = await asyncio.to_thread(second.run, "restore", "--from", manifest)
    assert restored.returncode == 0, restored.stderr
    await asyncio.to_thread(second.start)
    try:
        async with Visitor.at(second.base_url, first.demo["bot"], device=devices[1], consent=False) as again:
            await again.says("visitor", "this one stays")  # else the restore proves nothing
        async with Visitor.at(second.base_url, first.demo["bot"], device=devices[0], consent=False) as gone:
            assert gone.welcome["conversation"] is None
    finally:
        await asyncio.to_thread(second.stop)
    assert "is applied to this database" in second.log()
