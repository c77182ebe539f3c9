"""The visitor's own page: what it shows, hands out, changes, and to whom (MS-3, MS-5, MS-11, MS-12, E-8, M-2)."""

import hashlib
import io
import json
import secrets
import zipfile
from typing import Any

import pytest

from foundation.clock import ManualClock
from tests.bot_runtime.conftest import Chat, Shop, code_in, open_shop
from tests.bot_runtime.conftest import Talk as Talking
from tests.talking import Json, Visitor
from transcripts.events import EmailSupplied, MessageSent, NameGiven, NoteWritten

JANE = "jane@visitors.example"
ANN = "person-id-of-ann"


async def ask(shop: Shop, door: str, *, own: bool = True, **body: Any) -> tuple[int, Any]:
    """One request at the door; its status, and JSON or bytes."""
    headers = {"Origin": shop.base} if own else {}
    bot = body.pop("bot", shop.desk.bot.id)
    async with shop.http.post(f"{shop.base}/w/{bot}/privacy{door}", json=body, headers=headers) as answer:
        read = await answer.read()
        return answer.status, json.loads(read) if "json" in answer.headers["Content-Type"] else read


async def verified(shop: Shop, visitor: Visitor) -> None:
    await visitor.ask(type="email", address=JANE)
    assert (await visitor.ask(type="code", code=code_in(await shop.desk.mail())))["outcome"] == "verified"


async def held(shop: Shop, device: str | None, **more: Any) -> Json:
    status, data = await ask(shop, "", device=device, **more)
    assert status == 200, data
    return dict(data)


def unpacked(body: bytes) -> dict[str, str]:
    """The files of an archive; each has the hash that stands in the list, as `sha256sum --check` would find."""
    assert zipfile.ZipFile(io.BytesIO(body)).testzip() is None
    with zipfile.ZipFile(io.BytesIO(body)) as packed:
        files = {name: packed.read(name).decode() for name in packed.namelist()}
    sums = files.pop("SHA256SUMS")
    assert sums == "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in files.items())
    return files


async def test_MS_11_a_browser_sees_what_is_held_of_it(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await visitor.ask(type="email", address=JANE)
    data = await held(shop, visitor.device)
    assert (data["verified"], data["address"], data["address_state"]) == (False, "j***@visitors.example", "typed")
    (chat,) = data["chats"]
    assert (chat["open"], chat["here"], chat["kept_until"]) == (True, True, None)
    (consent,) = data["consents"]
    assert (consent["given"], consent["hash"]) == (True, visitor.welcome["notice"]["hash"])
    assert data["consented"] is True


async def test_E_8_an_unverified_browser_gets_nothing_that_belongs_to_the_address(shop: Shop) -> None:
    """Identity theft by request: a stranger types Jane's address, and asks for everything."""
    async with shop.visitor() as jane:
        await jane.say("canary-of-jane")
        await verified(shop, jane)
    async with shop.visitor() as stranger:
        await stranger.say("canary-of-the-stranger")
        await stranger.ask(type="email", address=JANE)
    for device, own, foreign in (
        (jane.device, "canary-of-jane", "canary-of-the-stranger"),
        (stranger.device, "canary-of-the-stranger", "canary-of-jane"),
    ):
        data = await held(shop, device)
        assert len(data["chats"]) == 1
        _, body = await ask(shop, "/copy", device=device)
        text = "".join(unpacked(body).values())
        assert own in text
        assert foreign not in text
    assert JANE not in json.dumps(await held(shop, stranger.device))


async def test_MS_11_after_proof_every_chat_in_which_the_address_was_proven_is_there(shop: Shop) -> None:
    async with shop.visitor() as phone:
        await phone.say("canary-on-the-phone")
        await verified(shop, phone)
        await phone.ask(type="end")
    async with shop.visitor() as desktop:
        await desktop.say("canary-on-the-desktop")
        assert len((await held(shop, desktop.device))["chats"]) == 1
        await verified(shop, desktop)
        data = await held(shop, desktop.device)
        assert (data["verified"], data["address"], data["address_state"]) == (True, JANE, "complete")
        assert sorted(chat["here"] for chat in data["chats"]) == [False, True]
    _, body = await ask(shop, "/copy", device=desktop.device)
    files = unpacked(body)
    assert set(files) == {"data.json", "index.html"}
    for canary in ("canary-on-the-phone", "canary-on-the-desktop", JANE):
        assert canary in files["data.json"]
        assert canary in files["index.html"]


async def test_E_8_a_persons_word_is_not_enough_to_hand_out_data(shop: Shop) -> None:
    desk = shop.desk
    async with shop.visitor() as jane:
        await jane.say("canary-of-jane")
        await verified(shop, jane)
    async with shop.visitor() as vouched:
        await vouched.say("hello")
        await vouched.ask(type="email", address=JANE)
        chat = await shop.chat_of(vouched)
        await desk.proof.verification.vouch(desk.account.id, chat.id, method="manual", author=ANN, reason="sounds real")
    data = await held(shop, vouched.device)
    assert (data["verified"], len(data["chats"])) == (False, 1)
    assert len((await held(shop, jane.device))["chats"]) == 1, "and what he wrote is not Jane's either"


async def test_YA_14_the_copy_holds_no_note_and_nobodys_id(shop: Shop) -> None:
    desk = shop.desk
    async with shop.visitor() as visitor:
        await visitor.say("<script>alert(1)</script>")
        chat = await shop.chat_of(visitor)
    at = desk.clock.now()
    events = [
        NoteWritten(at=at, author=ANN, author_name="Ann", text="canary-note"),
        MessageSent(at=at, by="agent", text="Hello from Ann", author=ANN, author_name="Ann"),
        EmailSupplied(at=at, contact="contact-id", address=JANE, by="agent", outcome="unverified", author=ANN),
    ]
    await desk.conversations.update(desk.account.id, chat.id, lambda _: events)
    _, body = await ask(shop, "/copy", device=visitor.device, locale="de")
    files = unpacked(body)
    for secret in ("canary-note", ANN, "unverified", "contact-id", JANE, chat.visitor):
        assert secret not in "".join(files.values()), secret
    assert "Hello from Ann" in files["data.json"]
    assert "<script>" not in files["index.html"]
    assert "&lt;script&gt;" in files["index.html"]
    assert 'lang="de"' in files["index.html"]


async def test_M_2_another_secret_another_bot_or_another_site_gets_nothing(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    other = await shop.desk.admin.bots.create(shop.desk.account.id, "Other", "harbour")
    assert (await ask(shop, "", device=visitor.device))[0] == 200
    for door in ("", "/copy", "/withdraw"):
        assert (await ask(shop, door, device=secrets.token_urlsafe(32)))[0] == 404
        assert (await ask(shop, door, device=visitor.device, bot=other.id))[0] == 404, "C: bot by bot"
        assert (await ask(shop, door, device=visitor.device, bot="A" * 22))[0] == 404
        assert (await ask(shop, door, device=visitor.device, own=False))[0] == 403, "C-4"
        for wrong in (None, "", 1, {"$ne": ""}, [visitor.device], "x" * 44):
            assert (await ask(shop, door, device=wrong))[0] == 422, wrong
        assert (await ask(shop, door, device=visitor.device, conversation="x"))[0] == 422, "M-7"
    async with shop.visitor(device=visitor.device) as again:
        assert again.welcome["consented"] is True, "nothing was withdrawn by any of these"


async def test_MS_3_a_consent_of_its_own_is_given_and_taken_back_by_one_press_each(shop: Shop) -> None:
    desk = shop.desk
    await desk.admin.bots.change(desk.account.id, desk.bot.id, transcript_mail="asked")
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
    (choice,) = (await held(shop, visitor.device))["choices"]
    assert choice["on"] is False
    chosen = {"device": visitor.device, "use": "transcript_mail"}
    assert (await ask(shop, "/consent", **chosen, given=True, version="en-0000000000000000"))[0] == 409
    status, data = await ask(shop, "/consent", **chosen, given=True, version=choice["version"])
    assert (status, data["choices"][0]["on"]) == (200, True)
    status, data = await ask(shop, "/consent", **chosen, given=False)
    assert (status, data["choices"][0]["on"]) == (200, False)
    records = [one for one in await desk.consents.of(desk.account.id, chat.id) if one.purposes == ("transcript_mail",)]
    assert [(one.text, one.hash) for one in records] == [(choice["text"], records[0].hash)] * 2
    assert hashlib.sha256(choice["text"].encode()).hexdigest() == records[0].hash
    assert (await desk.state(chat)).consent is not None, "the chat goes on: the purposes are not bundled"
    assert (await ask(shop, "/consent", device=visitor.device, use="notice", given=False))[0] == 422


async def test_MS_3_what_is_on_by_itself_is_called_no_consent(shop: Shop) -> None:
    desk = shop.desk
    await desk.admin.bots.change(desk.account.id, desk.bot.id, transcript_mail="verified")
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    (choice,) = (await held(shop, visitor.device))["choices"]
    assert (choice["on"], choice["basis"]) == (True, "objection")
    chosen = {"device": visitor.device, "use": "transcript_mail"}
    for given in (False, True):
        _, data = await ask(shop, "/consent", **chosen, given=given, version=choice["version"] if given else "")
        (choice,) = data["choices"]
        assert (choice["on"], choice["basis"]) == (given, "consent")
        await desk.clock.advance(1_000)


async def test_MS_3_withdrawing_ends_the_open_chat_and_is_written_down(shop: Shop) -> None:
    desk = shop.desk
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
    assert (await ask(shop, "/withdraw", device=visitor.device)) == (200, {"withdrawn": 1})
    state = await desk.state(chat)
    assert (state.control, state.consent) == ("closed", None)
    assert [bool(one.withdraws) for one in await desk.consents.of(desk.account.id, chat.id)].count(True) == 1
    assert (await ask(shop, "/withdraw", device=visitor.device))[0] == 409
    entries = {entry.action for _, entry in await desk.admin.audit.read(desk.account.id, 0, 1_000)}
    assert "consent.refused" in entries


async def test_MS_12_a_name_is_corrected_with_its_history(shop: Shop) -> None:
    desk = shop.desk
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
    for name in ("Jane Do", "Jane Doe"):
        status, data = await ask(shop, "/name", device=visitor.device, name=name)
        assert (status, data["name"]) == (200, name)
    assert [event.name for event in await desk.events(chat, NameGiven)] == ["Jane Do", "Jane Doe"]
    for wrong in ("", "x" * 81, "\u202e\u0000"):
        assert (await ask(shop, "/name", device=visitor.device, name=wrong))[0] == 422
    assert (await desk.state(chat)).name == "Jane Doe"


async def test_MS_4_an_erasure_is_asked_for_with_the_typed_word_and_kept_once(shop: Shop) -> None:
    desk = shop.desk
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
    erase = {"device": visitor.device, "what": "erase"}
    for wrong in ("", "yes", "ERAS"):
        assert (await ask(shop, "/request", **erase, confirm=wrong))[0] == 422
    for right in ("ERASE", "löschen"):
        assert (await ask(shop, "/request", **erase, confirm=right))[0] == 200
    (kept,) = await desk.requests.list(desk.account.id)
    assert (kept.what, kept.state, kept.conversations, kept.contact) == ("erase", "open", (chat.id,), "")
    await desk.requests.answer(desk.account.id, kept.id, done=True, note="All gone.", by=ANN)
    (seen,) = (await held(shop, visitor.device))["requests"]
    assert (seen["state"], seen["note"]) == ("done", "All gone.")
    assert ANN not in json.dumps(seen)
    for words in ("one", "two", "three", "four", "five"):
        assert (await ask(shop, "/request", device=visitor.device, what="correct", words=words))[0] == 200
    assert (await ask(shop, "/request", device=visitor.device, what="correct", words="six"))[0] == 429


async def test_what_visitors_do_is_in_the_audit_book_without_names(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await verified(shop, visitor)
    await held(shop, visitor.device)
    await ask(shop, "/copy", device=visitor.device)
    book = [entry for _, entry in await shop.desk.admin.audit.read(shop.desk.account.id, 0, 1_000)]
    about = [entry for entry in book if entry.action.startswith("privacy.")]
    assert [entry.action for entry in about] == ["privacy.looked", "privacy.copied"]
    assert all(entry.actor == "visitor" for entry in about)
    for secret in (JANE, str(visitor.device)):
        assert secret not in repr(about)


async def test_copies_and_looks_are_limited(talk: Talking, clock: ManualClock) -> None:
    async with open_shop(talk) as shop:
        async with shop.visitor() as visitor:
            await visitor.say("hello")
        copies = [(await ask(shop, "/copy", device=visitor.device))[0] for _ in range(11)]
        assert copies == [200] * 10 + [429]
        looks = [(await ask(shop, "", device=secrets.token_urlsafe(32)))[0] for _ in range(240)]
        assert (looks[0], looks[-1]) == (404, 429), "guessing is counted too"


@pytest.mark.parametrize(("locale", "title"), [("en", "Terms of the chat"), ("de", "Nutzungsbedingungen")])
async def test_MS_5_the_terms_are_a_page_with_their_version(shop: Shop, locale: str, title: str) -> None:
    desk = shop.desk
    page = f"{shop.base}/w/{desk.bot.id}/terms?locale={locale}"
    async with shop.http.get(page) as answer:
        assert answer.status == 200
        ours = await answer.text()
    assert title in ours
    assert "Blue Harbour" in ours
    await desk.consents.texts.publish(
        desk.account.id, "terms", locale, "Be kind to {bot}, please & thank you.", after=0, author=ANN
    )
    async with shop.http.get(page) as answer:
        own = await answer.text()
    assert "Be kind to Harbour Bikes, please &amp; thank you." in own
    assert "Version 1" in own


async def test_MS_1_a_new_version_of_the_notice_asks_who_comes_back_and_no_door_takes_a_word_before(shop: Shop) -> None:
    """MS-1, MS-3, PS-13: also in an open chat, in each language, and by every frame."""
    desk = shop.desk
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await desk.consents.texts.publish(
            desk.account.id, "notice", "en", "We keep what you write {period} {controller}", after=0, author=ANN
        )
        assert (await visitor.say("still here"))["type"] == "ack", "nobody is cut off in the middle of a word"
    async with shop.visitor(device=visitor.device, consent=False) as again:
        assert (again.welcome["consented"], again.welcome["control"]) == (False, "bot")
        before = (await desk.state(Chat(visitor.welcome["conversation"], str(visitor.device)))).messages
        for frame in (
            {"type": "message", "text": "hello"},
            {"type": "email", "address": JANE},
            {"type": "handoff"},
            {"type": "transcript"},
        ):
            assert (await again.ask(**frame))["code"] == "forbidden", frame
        await again.consent()
        assert again.welcome["consented"] is True
        assert again.welcome["conversation"] == visitor.welcome["conversation"], "the same chat goes on"
        assert (await again.say("hello again"))["type"] == "ack"
    chat = await shop.chat_of(again)
    records = [one for one in await desk.consents.of(desk.account.id, chat.id) if not one.withdraws]
    assert len({one.version for one in records}) == 2
    assert (await desk.state(chat)).messages >= before + 1
    async with shop.visitor(device=visitor.device, consent=False) as third:
        assert third.welcome["consented"] is True


async def test_MS_1_who_accepted_in_one_language_is_not_asked_again_in_another(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    async with shop.socket() as socket:
        await socket.send_str(
            json.dumps({"type": "hello", "bot": shop.desk.bot.id, "device": visitor.device, "locale": "de"})
        )
        assert json.loads((await socket.receive(5)).data)["consented"] is True


async def test_MS_1_a_reload_of_the_second_closed_chat_shows_the_second(shop: Shop, clock: ManualClock) -> None:
    async with shop.visitor() as visitor:
        await visitor.ask(type="end")
        first = visitor.welcome["conversation"]
        await clock.advance(1_000)
        await visitor.say("again")
        second = [frame for frame in visitor.frames if frame["type"] == "welcome"][-1]
        assert second["conversation"] != first
        await visitor.ask(type="end")
    async with shop.visitor(device=visitor.device, consent=False) as again:
        assert again.welcome["conversation"] == second["conversation"]
