"""YA-16: the visitor takes his own conversation along while his session lives, and nobody else does (M-2)."""

import secrets
from typing import Any

import pytest

from foundation.clock import DAY, HOUR, ManualClock
from tests.bot_runtime.conftest import Shop
from transcripts.events import Button, MessageSent, NoteWritten


async def download(shop: Shop, device: Any, *, bot: str = "", own: bool = True, **more: Any) -> tuple[int, Any, str]:
    path = f"{shop.base}/w/{bot or shop.desk.bot.id}/transcript"
    headers = {"Origin": shop.base} if own else {}
    async with shop.http.post(path, json={"device": device} | more, headers=headers) as answer:
        return answer.status, answer.headers, await answer.text()


async def test_YA_16_the_visitor_takes_along_what_he_was_shown_and_no_more(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello\n2026-01-01 00:00  Forged")
        await visitor.says("bot", "Ahoy")
        chat = await shop.chat_of(visitor)
        account, now = shop.desk.account.id, shop.desk.clock.now()
        inner = [
            NoteWritten(at=now, author="p", author_name="Ann", text="canary-note"),
            MessageSent(
                at=now, by="agent", text="I am here", author="p", author_name="Ann", buttons=(Button("Go", "/x"),)
            ),
        ]
        await shop.desk.conversations.update(account, chat.id, lambda _: inner)
    before = await shop.desk.admin.audit.last(account)
    status, headers, text = await download(shop, visitor.device, locale="de")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert headers["Content-Disposition"].startswith('attachment; filename="transcript-')
    assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store")
    assert "Ihr Gespräch mit" in text
    assert "  Sie\n    hello\n    2026-01-01 00:00  Forged\n" in text
    assert "Ann (Mensch)\n    I am here\n    [Go]" in text
    assert "Ahoy" in text
    assert "canary-note" not in text
    [(_, entry)] = await shop.desk.admin.audit.read(account, before)
    assert (entry.action, entry.actor, entry.object) == ("transcript.own", "visitor", chat.id)
    assert "You\n    hello" in (await download(shop, visitor.device, locale="fr"))[2]


async def test_YA_16_a_day_after_the_last_message_it_is_over_also_while_the_chat_is_open(
    shop: Shop, clock: ManualClock
) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await visitor.says("bot", "Ahoy")
    await clock.advance(DAY - HOUR)
    assert (await download(shop, visitor.device))[0] == 200
    await clock.advance(HOUR + 1)
    assert (await download(shop, visitor.device))[0] == 404


async def test_M_2_every_other_browser_and_every_other_bot_get_one_answer(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    other = await shop.desk.admin.bots.create(shop.desk.account.id, "Other bot", "demo")
    assert (await download(shop, visitor.device))[0] == 200
    answers = [
        await download(shop, secrets.token_urlsafe(32)),
        await download(shop, ""),
        await download(shop, "x"),
        await download(shop, visitor.device, bot=other.id),
        await download(shop, visitor.device, bot="A" * 22),
        await download(shop, visitor.device, bot="x"),
    ]
    assert {(status, text) for status, _, text in answers} == {(404, answers[0][2])}
    async with shop.visitor(device=visitor.device) as again:
        await again.ask(type="withdraw")
    assert (await download(shop, visitor.device))[0] == 404


@pytest.mark.parametrize("body", [{"device": None}, {"device": {"$ne": 1}}, {"device": "x", "conversation": "y"}])
async def test_N_1_a_body_that_is_no_question_is_refused(shop: Shop, body: dict[str, Any]) -> None:
    assert (await download(shop, **body))[0] == 422


async def test_C_4_another_site_takes_nothing(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    assert (await download(shop, visitor.device))[0] == 200
    assert (await download(shop, visitor.device, own=False))[0] == 403


async def test_an_address_that_tries_on_and_on_is_stopped_for_an_hour(shop: Shop, clock: ManualClock) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    for _ in range(20):
        await download(shop, secrets.token_urlsafe(32))
    assert (await download(shop, visitor.device))[0] == 429
    await clock.advance(HOUR + 1)
    assert (await download(shop, visitor.device))[0] == 200
