"""The page behind the link in the mail, over HTTP (SECURITY D-2 … D-8, D-13, C-14)."""

import asyncio
import re
import secrets

import pytest

from bot_runtime.verification import evidence as facts
from foundation.clock import DAY, HOUR, MINUTE, ManualClock
from tests.bot_runtime.conftest import Chat, Desk, Site, code_in, says, token_in
from transcripts.events import EmailVerified, OptInConfirmed, VerificationLost, VerificationSent

JANE = "jane@visitors.example"

PREFETCHERS = [
    {"User-Agent": "Mozilla/5.0 (compatible; SafeLinks)"},
    {"User-Agent": "BarracudaCentral"},
    {"Purpose": "prefetch"},
    {"Sec-Purpose": "prefetch;prerender"},
    {"X-Moz": "prefetch"},
]


async def asked(desk: Desk) -> tuple[Chat, str, str]:
    """A chat that gave an address; the link's token and the code of its mail."""
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    mail = await desk.mail()
    return chat, token_in(mail), code_in(mail)


async def confirmations(desk: Desk, chat: Chat) -> list[facts.Confirmed]:
    (sent,) = await desk.events(chat, VerificationSent)
    kept = await desk.proof.evidence.of(desk.account.id, sent.verification)
    return [fact for fact in kept if isinstance(fact, facts.Confirmed)]


@pytest.mark.parametrize("headers", PREFETCHERS)
async def test_D_2_opening_the_page_changes_nothing(site: Site, headers: dict[str, str]) -> None:
    chat, token, _ = await asked(site.desk)
    before = await site.desk.state(chat)
    for _ in range(50):
        status, page, _ = await site.get(f"/v/{token}", **headers)
        assert status == 200
        assert "Confirm" in page
    async with site.http.head(f"{site.base}/v/{token}", headers=headers) as answer:
        assert answer.status == 200
    assert await site.desk.state(chat) == before
    assert await confirmations(site.desk, chat) == []
    status, page = await site.press(token)
    assert status == 200
    assert says(page, "elsewhere")


async def test_D_3_the_page_sends_nothing_by_itself_and_sets_no_cookie(site: Site) -> None:
    _, token, _ = await asked(site.desk)
    status, page, headers = await site.get(f"/v/{token}")
    assert status == 200
    assert "Set-Cookie" not in headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "http-equiv" not in page
    assert "j***@visitors.example" in page
    assert JANE not in page
    assert "Harbour Bikes" in page
    assert re.search(r"<script(?![^>]*src=)", page) is None


async def test_D_4_a_forged_form_is_refused(site: Site) -> None:
    chat, token, _ = await asked(site.desk)
    nonce = await site.form_nonce(token)
    shown_at, _, mac = nonce.partition(".")
    assert (await site.post(f"/v/{token}", own=False, nonce=nonce))[0] == 403
    for forged in ("", "1", f"{shown_at}.", f"{int(shown_at) + 1}.{mac}", f"{shown_at}.{'A' * 43}", f"-1.{mac}", "é.é"):
        assert (await site.post(f"/v/{token}", nonce=forged))[0] == 403, forged
        assert (await site.post(f"/v/{token}/deny", nonce=forged))[0] == 403, forged
    assert (await site.post(f"/v/{token}"))[0] == 422
    assert (await site.post(f"/v/{token}", nonce=nonce, conversation=chat.id))[0] == 422
    other, other_token, _ = await asked(site.desk)
    assert (await site.post(f"/v/{other_token}", nonce=nonce))[0] == 403, "a nonce belongs to its link"
    assert await confirmations(site.desk, chat) == []
    assert await confirmations(site.desk, other) == []


async def test_D_5_the_button_works_once_however_often_it_is_pressed(site: Site) -> None:
    chat, token, _ = await asked(site.desk)
    nonce = await site.form_nonce(token)
    answers = await asyncio.gather(*(site.post(f"/v/{token}", nonce=nonce) for _ in range(20)))
    assert sorted(status for status, _ in answers) == [200, *[410] * 19]
    assert (await site.post(f"/v/{token}", nonce=nonce))[0] == 410
    assert len(await confirmations(site.desk, chat)) == 1
    assert len(await site.desk.events(chat, OptInConfirmed)) == 1


async def test_D_6_every_link_that_is_over_leads_to_the_same_page(site: Site, clock: ManualClock) -> None:
    desk = site.desk
    pages = []
    _, expired, _ = await asked(desk)
    await clock.advance(24 * HOUR)
    replaced_chat, replaced, _ = await asked(desk)
    await desk.proof.verification.send(desk.account.id, replaced_chat.id, by="visitor")
    await clock.advance(2 * HOUR)
    changed_chat, changed, _ = await asked(desk)
    await desk.supply(changed_chat, "other@visitors.example")
    await clock.advance(2 * HOUR)
    erased_chat, erased, _ = await asked(desk)
    await desk.conversations.erase(desk.account.id, erased_chat.id)
    for token in (expired, replaced, changed, erased, secrets.token_urlsafe(32), "short", "a" * 500):
        status, page, _ = await site.get(f"/v/{token}")
        assert status == 410, token
        assert says(page, "gone")
        pages.append(re.sub(r'nonce="[^"]*"', "", page))
        assert (await site.post(f"/v/{token}", nonce="x"))[0] == 410
        assert (await site.post(f"/v/{token}/deny", nonce="x"))[0] == 410
    assert len(set(pages)) == 1


async def test_D_7_another_browser_confirms_the_address_and_not_the_chat(site: Site) -> None:
    chat, token, code = await asked(site.desk)
    status, page = await site.press(token, device=secrets.token_urlsafe(32))
    assert status == 200
    assert says(page, "elsewhere")
    state = await site.desk.state(chat)
    assert state.verification.state == "confirmed_elsewhere"
    assert "not in this browser" in state.verification.why
    assert [contact.address for contact in (await site.desk.contacts.list(site.desk.account.id))[0]] == [JANE]
    assert await site.desk.enter(chat, code) == "verified", "the code still proves the chat"


async def test_D_8_consent_phishing_leaves_the_strangers_chat_unverified(site: Site) -> None:
    """A stranger types Jane's address; Jane, who has a chat of her own in her browser, presses the button."""
    janes = await site.desk.chat()
    strangers, token, _ = await asked(site.desk)
    await site.press(token, device=janes.device)
    assert (await site.desk.state(strangers)).verification.state == "confirmed_elsewhere"
    assert await site.desk.events(strangers, EmailVerified) == []
    again = await site.desk.chat(device=strangers.device)
    await site.desk.proof.verification.recognise(site.desk.account.id, again.id)
    assert (await site.desk.state(again)).address == "", "the stranger's browser has proven nothing"
    actions = [entry.action for _, entry in await site.desk.admin.audit.read(site.desk.account.id)]
    assert "email.confirmed_elsewhere" in actions


async def test_DD_6_the_button_in_the_chats_own_browser_verifies_the_chat(site: Site) -> None:
    chat, token, _ = await asked(site.desk)
    status, page = await site.press(token, device=chat.device)
    assert status == 200
    assert says(page, "here")
    state = await site.desk.state(chat)
    assert (state.verification.state, state.verification.method) == ("verified", "link")
    (confirmed,) = await confirmations(site.desk, chat)
    assert (confirmed.method, confirmed.same_browser) == ("button", True)
    assert confirmed.landing_shown_at == site.desk.clock.now()
    assert confirmed.confirmed_ip == "127.0.0.1"
    assert confirmed.confirmed_ua.startswith("Python/")
    assert (await site.get(f"/v/{token}"))[0] == 410


@pytest.mark.parametrize("device", ["x", "é", "a" * 44, "' OR 1=1 --", '{"$ne": null}'])
async def test_a_device_that_is_none_counts_as_another_browser(site: Site, device: str) -> None:
    chat, token, _ = await asked(site.desk)
    assert (await site.press(token, device=device))[0] == 200
    assert (await site.desk.state(chat)).verification.state == "confirmed_elsewhere"


async def test_D_13_that_was_not_me(site: Site, clock: ManualClock) -> None:
    chat, token, code = await asked(site.desk)
    nonce = await site.form_nonce(token)
    status, page = await site.post(f"/v/{token}/deny", nonce=nonce)
    assert status == 200
    assert says(page, "denied")
    assert (await site.get(f"/v/{token}"))[0] == 410
    assert await site.desk.enter(chat, code) == "expired"
    assert [lost.reason for lost in await site.desk.events(chat, VerificationLost)] == ["denied"]
    assert "said that it was not he" in (await site.desk.state(chat)).verification.why
    mails = len(await site.desk.mails())
    await site.desk.supply(await site.desk.chat(), JANE)
    assert len(await site.desk.mails()) == mails
    await clock.advance(30 * DAY)
    await site.desk.supply(await site.desk.chat(), JANE)
    assert len(await site.desk.mails()) == mails + 1


async def test_D_19_the_page_shows_the_text_that_was_current_when_the_address_was_typed(site: Site) -> None:
    _, token, _ = await asked(site.desk)
    await site.desk.admin.bots.change(site.desk.account.id, site.desk.bot.id, name="Renamed Bikes")
    _, page, _ = await site.get(f"/v/{token}")
    assert "Harbour Bikes may use it to recognise me" in page


async def test_a_link_dies_with_the_consent(site: Site) -> None:
    chat, token, _ = await asked(site.desk)
    await site.desk.proof.verification.withdraw(site.desk.account.id, chat.id, via="widget")
    assert (await site.get(f"/v/{token}"))[0] == 410


async def test_C_14_the_link_in_the_mail_never_follows_a_request(site: Site) -> None:
    _, token, _ = await asked(site.desk)
    async with site.http.get(f"{site.base}/v/{token}", headers={"Host": "evil.example"}) as answer:
        assert answer.status == 421
    mail = await site.desk.mail()
    assert f"https://chat.blue.example/v/{token}" in mail.text


async def test_the_page_speaks_the_visitors_language(site: Site) -> None:
    chat = await site.desk.chat(locale="de")
    await site.desk.supply(chat, JANE)
    _, page, _ = await site.get(f"/v/{token_in(await site.desk.mail())}")
    assert '<html lang="de">' in page
    assert "Das war ich nicht" in page
    _, gone, _ = await site.get("/v/none", **{"Accept-Language": "de-DE,de;q=0.9"})
    assert "gilt nicht mehr" in gone


async def test_a_code_can_be_typed_ten_minutes_and_the_link_pressed_a_day(site: Site, clock: ManualClock) -> None:
    chat, token, code = await asked(site.desk)
    await clock.advance(11 * MINUTE)
    assert await site.desk.enter(chat, code) == "expired"
    assert (await site.press(token, device=chat.device))[0] == 200
    assert (await site.desk.state(chat)).verification.state == "verified"
