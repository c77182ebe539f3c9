"""A browser and a copy of its storage are told apart by a key that cannot be copied (DD-7, SECURITY F3)."""

import secrets
from typing import Any

import pytest

from foundation.clock import DAY, HOUR, ManualClock
from foundation.errors import Conflict, Invalid
from foundation.ids import secret_hash
from tests.bot_runtime.conftest import Shop, code_in
from tests.browser_key import BrowserKey
from transcripts.events import EmailSupplied, NoteWritten
from transcripts.rights import Whose

JANE = "jane@visitors.example"


async def proven(shop: Shop, key: BrowserKey | None) -> Any:
    """The device of a browser that said something and proved its address."""
    async with shop.visitor(key=key) as visitor:
        await visitor.say("my number is 4711")
        await visitor.ask(type="email", address=JANE)
        code = code_in(await shop.desk.mail())
        assert (await visitor.ask(type="code", code=code, stay=True))["outcome"] == "verified"
    return visitor


async def test_DD_7_the_browser_that_signs_goes_on_where_it_was(shop: Shop) -> None:
    key = BrowserKey()
    before = await proven(shop, key)
    async with shop.visitor(device=before.device, key=key) as again:
        assert again.welcome["conversation"] == before.welcome["conversation"]
        assert not again.welcome["other_browser"]
        await again.says("visitor", "4711")
    state = await shop.desk.state(await shop.chat_of(before))
    assert state.verification.state == "verified"


@pytest.mark.parametrize("thief", ["silent", "another key", "no signature", "old signature"])
async def test_DD_7_copied_storage_neither_opens_nor_verifies_and_the_agent_is_told_why(shop: Shop, thief: str) -> None:
    key = BrowserKey()
    before = await proven(shop, key)
    async with shop.socket() as socket:
        mine = {} if thief == "silent" else {"key": True}
        await socket.send_json({"type": "hello", "bot": shop.desk.bot.id, "device": before.device} | mine)
        first = await socket.receive_json()
        if thief != "silent":
            signatures = {
                "another key": BrowserKey().sign(shop.desk.bot.id, first["nonce"]),
                "no signature": "",
                "old signature": key.sign(shop.desk.bot.id, secrets.token_urlsafe(32)),
            }
            await socket.send_json({"type": "signed", "signature": signatures[thief]})
            first = await socket.receive_json()
        assert (first["type"], first["other_browser"], first["conversation"]) == ("welcome", True, None)
        assert (first["consented"], first["ticket"]) == (False, "")
        # The copied secret is refused for a new chat as well; one of its own is not.
        consent = {"type": "consent", "notice": first["notice"]["version"]}
        await socket.send_json(consent | {"device": before.device})
        assert (await socket.receive_json())["code"] == "conflict"
        await socket.send_json(consent | {"device": secrets.token_urlsafe(32), "key": BrowserKey().public})
        welcome = await socket.receive_json()
        assert welcome["conversation"] not in (None, before.welcome["conversation"])
    chat = before.welcome["conversation"]
    assert (await shop.desk.conversations.state(shop.desk.account.id, chat)).verification.state == "verified"
    events = await shop.desk.conversations.events(shop.desk.account.id, welcome["conversation"])
    (note,) = [one.event for one in events if isinstance(one.event, NoteWritten)]
    assert "copy of another browser's storage" in note.text
    book = [entry for _, entry in await shop.desk.admin.audit.read(shop.desk.account.id, 0, 1_000)]
    assert [one.object for one in book if one.action == "device.copy_refused"] == [chat]
    assert str(before.device) not in repr(book)


async def test_DD_7_each_copy_is_counted_and_the_audit_book_is_not_flooded(shop: Shop, clock: ManualClock) -> None:
    counted: list[int] = []
    shop.desk.proof.verification.count_copy = lambda: counted.append(1)
    before = await proven(shop, BrowserKey())

    async def come_without_key() -> None:
        async with shop.socket() as socket:
            await socket.send_json({"type": "hello", "bot": shop.desk.bot.id, "device": before.device})
            assert (await socket.receive_json())["other_browser"] is True

    async def entries() -> int:
        book = [entry for _, entry in await shop.desk.admin.audit.read(shop.desk.account.id, 0, 1_000)]
        return sum(one.action == "device.copy_refused" for one in book)

    for _ in range(5):
        await come_without_key()
    assert (len(counted), await entries()) == (5, 1)
    await clock.advance(HOUR)
    await come_without_key()
    assert (len(counted), await entries()) == (6, 2)


async def test_DD_7_a_copy_that_gives_the_address_is_another_browser(shop: Shop) -> None:
    before = await proven(shop, BrowserKey())
    async with shop.visitor(device=before.device, consent=False) as thief:
        thief.device = secrets.token_urlsafe(32)
        await thief.consent()
        await thief.ask(type="email", address=JANE)
        chat = await shop.chat_of(thief)
    (supplied,) = await shop.desk.events(chat, EmailSupplied)
    assert (supplied.outcome, supplied.why) == ("unverified", "other_browser")


async def test_D_1_the_challenge_is_new_each_time_and_asked_of_devices_with_a_key_only(shop: Shop) -> None:
    before = await proven(shop, BrowserKey())
    nonces = set()
    for device in (before.device, before.device, secrets.token_urlsafe(32)):
        async with shop.socket() as socket:
            await socket.send_json({"type": "hello", "bot": shop.desk.bot.id, "device": device, "key": True})
            first = await socket.receive_json()
            nonces.add(first.get("nonce"))
    assert len(nonces) == 3
    assert None in nonces


async def test_a_frame_before_the_signature_is_refused_and_not_lost_silently(shop: Shop) -> None:
    key = BrowserKey()
    before = await proven(shop, key)
    async with shop.socket() as socket:
        await socket.send_json({"type": "hello", "bot": shop.desk.bot.id, "device": before.device, "key": True})
        nonce = (await socket.receive_json())["nonce"]
        await socket.send_json({"type": "typing", "on": True})
        assert (await socket.receive_json())["code"] == "conflict"
        await socket.send_json({"type": "signed", "signature": key.sign(shop.desk.bot.id, nonce)})
        assert (await socket.receive_json())["conversation"] == before.welcome["conversation"]


async def test_a_device_without_a_key_resumes_its_chat_and_is_not_recognised_in_the_next(shop: Shop) -> None:
    before = await proven(shop, None)
    async with shop.visitor(device=before.device) as again:
        assert again.welcome["conversation"] == before.welcome["conversation"]
        assert (await shop.desk.state(await shop.chat_of(before))).verification.state == "verified"
        await again.ask(type="end")
        await again.say("hello")
        second = [frame["conversation"] for frame in again.frames if frame["type"] == "welcome"][-1]
    state = await shop.desk.conversations.state(shop.desk.account.id, second)
    assert (state.verification.state, state.address) == ("none", "")


async def test_M_2_the_doors_beside_the_socket_want_the_ticket(shop: Shop, clock: ManualClock) -> None:
    key = BrowserKey()
    before = await proven(shop, key)
    async with shop.visitor(device=before.device, key=key) as own:
        ticket = own.welcome["ticket"]

    async def status(door: str, told: str) -> int:
        stolen = {"device": before.device, "locale": "en", "ticket": told}
        url = f"{shop.base}/w/{shop.desk.bot.id}/{door}"
        async with shop.http.post(url, json=stolen, headers={"Origin": shop.base}) as answer:
            return answer.status

    forged = f"{clock.now() + 2 * DAY}.{ticket.partition('.')[2]}"
    for door in ("transcript", "privacy", "privacy/copy"):
        assert await status(door, ticket) == 200
        for told in ("", "x", "1.x", forged, f"{'9' * 30}.x"):
            assert await status(door, told) == 404, (door, told)
    await clock.advance(25 * HOUR)
    assert await status("privacy", ticket) == 404


@pytest.mark.parametrize(
    "key", ["", "A" * 87, "!" * 87, BrowserKey().public[:-1]], ids=["none", "no point", "no base64", "cut off"]
)
async def test_what_is_no_key_is_refused(shop: Shop, key: str) -> None:
    keys = shop.desk.proof.verification.keys
    with pytest.raises(Invalid):
        await keys.register(shop.desk.account.id, "visitor", key)
    assert not await keys.has(shop.desk.account.id, "visitor")


async def test_a_device_keeps_the_key_it_has(shop: Shop) -> None:
    keys, account, mine = shop.desk.proof.verification.keys, shop.desk.account.id, BrowserKey()
    await keys.register(account, "visitor", mine.public)
    await keys.register(account, "visitor", mine.public)
    with pytest.raises(Conflict):
        await keys.register(account, "visitor", BrowserKey().public)
    signature = mine.sign("bot", "nonce")
    assert await keys.is_signed(account, "visitor", bot="bot", nonce="nonce", signature=signature)
    assert not await keys.is_signed(account, "visitor", bot="other", nonce="nonce", signature=signature)


async def test_MS_4_keys_go_with_an_erasure_and_when_nobody_used_them_for_long(shop: Shop, clock: ManualClock) -> None:
    keys, account = shop.desk.proof.verification.keys, shop.desk.account.id
    first, second = (secret_hash(secrets.token_urlsafe(32)) for _ in range(2))
    for visitor in (first, second):
        await keys.register(account, visitor, BrowserKey().public)
    await shop.desk.proof.holding.erase(Whose(account=account, visitors=(first,)))
    assert [await keys.has(account, visitor) for visitor in (first, second)] == [False, True]
    mine = BrowserKey()
    await keys.register(account, "used", mine.public)
    await clock.advance(400 * DAY)
    assert await keys.is_signed(account, "used", bot="b", nonce="n", signature=mine.sign("b", "n"))
    await clock.advance(401 * DAY)
    assert await keys.forget_old() == 1
    assert [await keys.has(account, visitor) for visitor in (second, "used")] == [False, True]
