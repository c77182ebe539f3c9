"""Transcripts by mail: to a verified address only, within 15 minutes, once, told and watched (PS-4 … PS-7, YA-17)."""

import re
from typing import Any

import pytest

from admin import By
from bot_runtime.verification.bounces import Report
from foundation.clock import MINUTE, ManualClock
from foundation.errors import Forbidden, TooMany
from foundation.mail import PostRefused, PostUnreachable
from foundation.records import MemoryEngine
from tests.bot_runtime.conftest import SENDER, Chat, Desk, Shop, code_in, make_desk
from transcripts.control import change
from transcripts.events import AnyEvent, Closed, MessageSent, NoteWritten, TranscriptMailed, TranscriptNotMailed
from transcripts.mail_records import TranscriptMail
from transcripts.state import State

JANE = "jane@visitors.example"


async def offer(desk: Desk, **details: Any) -> None:
    await desk.admin.bots.change(desk.account.id, desk.bot.id, **{"transcript_mail": "verified"} | details)


async def close(desk: Desk, chat: Chat) -> None:
    """The operator closes the chat."""

    def decide(state: State) -> list[AnyEvent]:
        now = desk.clock.now()
        return [
            NoteWritten(at=now, author="p", author_name="Ann", text="canary-note"),
            change(state, "closed", reason="resolved", actor="agent", at=now, author="p"),
            Closed(at=now, by="agent", reason="resolved", author="p"),
        ]

    await desk.conversations.update(desk.account.id, chat.id, decide)


async def talked(desk: Desk, **options: Any) -> Chat:
    chat = await desk.verified(JANE, **options)
    at = desk.clock.now()
    said = [
        MessageSent(at=at, by="visitor", text="My phone is 030 1234567 <img src=x>", client_id="c"),
        MessageSent(at=at, by="bot", text="Ahoy", image="https://pictures.example/bike.png"),
        MessageSent(at=at, by="agent", text="Hello from Ann", author="p", author_name="Ann"),
    ]
    await desk.conversations.update(desk.account.id, chat.id, lambda _: said)
    return chat


async def mail_of(desk: Desk, chat: Chat) -> TranscriptMail:
    (mail,) = await desk.transcripts.records.of(desk.account.id, chat.id)
    return mail


async def transcripts(desk: Desk) -> list[Any]:
    return [mail for mail in await desk.mails() if "/v/" not in mail.text]


async def test_PS_5_YA_17_a_closed_chat_is_mailed_to_its_verified_address_in_the_visitors_own_view(desk: Desk) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    await desk.transcripts.look()
    (mail,) = await transcripts(desk)
    assert (mail.to, mail.sender, mail.language) == (JANE, SENDER, "en")
    assert "030 1234567 <img src=x>" in mail.text, "his own words are his"
    assert "030 1234567 &lt;img src=x&gt;" in mail.html
    assert "Hello from Ann" in mail.text
    for part in (mail.text, mail.html):
        assert "canary-note" not in part, "YA-14"
        assert "pictures.example" not in part, "nothing remote, not even its address"
        assert "http" not in part
    told = (await desk.events(chat, TranscriptMailed))[0]
    assert (told.address, told.tls, told.why, told.reply) == (JANE, None, "closed", "250 kept in memory")
    assert (await mail_of(desk, chat)).status == "sent"
    assert "transcript.mailed" in [entry.action for _, entry in await desk.admin.audit.read(desk.account.id, 0, 1_000)]


async def test_PS_5_it_is_mailed_once_however_often_one_looks(desk: Desk) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    for _ in range(3):
        await desk.transcripts.ended(desk.account.id, chat.id)
        await desk.transcripts.look()
        await desk.jobs.run_due()
    assert len(await transcripts(desk)) == 1
    assert len(await desk.events(chat, TranscriptMailed)) == 1


@pytest.mark.parametrize("case", ["off", "not verified", "withdrawn", "suppressed", "not chosen", "switched off"])
async def test_YA_17_without_setting_proof_and_wish_nothing_is_mailed(desk: Desk, case: str) -> None:
    await offer(desk, transcript_mail={"off": "off", "not chosen": "asked"}.get(case, "verified"))
    chat = await talked(desk) if case != "not verified" else await desk.chat()
    account, bot = desk.account.id, desk.bot.id
    if case == "not verified":
        await desk.supply(chat, JANE)
    if case == "suppressed":
        await desk.contacts.suppress(account, JANE, "asked not to be written to")
    if case == "switched off":
        await desk.consents.refuse(
            account, bot, visitor=chat.visitor, conversation=chat.id, use="transcript_mail", locale="en"
        )
    if case == "withdrawn":
        await desk.proof.verification.withdraw(account, chat.id, via="widget")
    await close(desk, chat)
    await desk.transcripts.look()
    assert await transcripts(desk) == []
    await offer(desk)
    await desk.transcripts.look()
    assert await transcripts(desk) == [], "a setting that is switched on later mails no old chats"


async def test_MS_3_who_chose_it_gets_it_and_who_takes_it_back_does_not(desk: Desk) -> None:
    await offer(desk, transcript_mail="asked")
    account, bot = desk.account.id, desk.bot.id
    first, second = await talked(desk), await talked(desk)
    for chat in (first, second):
        text = await desk.consents.notice(account, bot, "en", use="transcript_mail")
        given = await desk.consents.give(
            account, bot, visitor=chat.visitor, conversation=chat.id, version=text.version, use="transcript_mail"
        )
        assert given.purposes == ("transcript_mail",), "a consent of its own, never bundled"
    await desk.consents.withdraw(account, given.id, visitor=second.visitor)
    for chat in (first, second):
        await close(desk, chat)
    await desk.transcripts.look()
    assert len(await transcripts(desk)) == 1
    assert await desk.events(second, TranscriptMailed) == []


async def test_PS_5_a_consent_taken_back_after_the_end_drops_the_mail(desk: Desk) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    assert (await desk.transcripts.ended(desk.account.id, chat.id)) is not None
    await desk.consents.refuse(
        desk.account.id, desk.bot.id, visitor=chat.visitor, conversation=chat.id, use="transcript_mail", locale="en"
    )
    assert await transcripts(desk) == []
    assert (await mail_of(desk, chat)).status == "dropped"


async def test_PS_5_a_restart_between_the_close_and_the_mail_loses_nothing(
    desk: Desk, engine: MemoryEngine, base_url: str
) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)  # and nobody looked: the process died here
    again = await make_desk(engine, desk.keyring, desk.clock, desk.pages, base_url, post=desk.post)
    await again.transcripts.look()
    assert len(await transcripts(again)) == 1


async def test_PS_5_a_server_that_is_away_is_tried_until_it_takes_it_with_the_same_message_id(
    desk: Desk, clock: ManualClock
) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    desk.post.refusals[JANE] = PostUnreachable("no answer")
    await desk.transcripts.look()
    record = (await desk.transcripts.records.owed())[0]
    state = await desk.state(chat)
    composed = await desk.transcripts.compose(record, state, desk.bot)
    tries = 0
    for _ in range(14):
        tries += await desk.jobs.run_due()
        await clock.advance(MINUTE)
    assert tries >= 14, "it is tried at least once a minute while it can still be in time"
    del desk.post.refusals[JANE]
    (mail,) = await transcripts(desk)
    assert mail.message_id == composed.message_id
    assert re.fullmatch(r"<\S+@blue\.example>", mail.message_id)
    assert (await mail_of(desk, chat)).late is False


async def test_PS_5_a_miss_is_an_alarm_and_the_mail_still_goes(desk: Desk, clock: ManualClock) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    desk.post.refusals[JANE] = PostUnreachable("no answer")
    await desk.transcripts.look()
    await desk.jobs.run_due()
    await clock.advance(15 * MINUTE - 1)
    await desk.transcripts.look()
    assert await desk.transcripts.records.unsent(desk.account.id) == 0
    await clock.advance(1)
    for _ in range(2):
        await desk.transcripts.look()
    assert await desk.transcripts.records.unsent(desk.account.id) == 1
    entries = [entry.action for _, entry in await desk.admin.audit.read(desk.account.id, 0, 1_000)]
    assert entries.count("transcript.late") == 1
    del desk.post.refusals[JANE]
    await clock.advance(MINUTE)
    assert len(await transcripts(desk)) == 1
    assert await desk.transcripts.records.unsent(desk.account.id) == 0


async def test_PS_5_a_refusal_for_good_is_told_and_not_repeated(desk: Desk) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    desk.post.refusals[JANE] = PostRefused(f"550 no such user: {JANE.upper()}", permanent=True)
    await desk.transcripts.look()
    await desk.jobs.run_due()
    assert [one.reply for one in await desk.events(chat, TranscriptNotMailed)] == [
        "550 no such user: j***@visitors.example"
    ]
    assert (await mail_of(desk, chat)).status == "refused"
    assert await desk.transcripts.records.unsent(desk.account.id) == 1, "people are told"
    del desk.post.refusals[JANE]
    await desk.transcripts.look()
    assert await transcripts(desk) == []


async def test_YA_17_the_sender_is_the_bots(desk: Desk) -> None:
    await offer(desk, transcript_sender="bikes@harbour.example")
    chat = await talked(desk, locale="de")
    await close(desk, chat)
    await desk.transcripts.look()
    (mail,) = await transcripts(desk)
    assert mail.sender == "bikes@harbour.example"
    assert mail.message_id.endswith("@harbour.example>")
    assert mail.subject == "Ihr Chat mit Harbour Bikes"


async def test_MS_4_of_an_erased_chat_nothing_is_mailed(desk: Desk) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    await desk.transcripts.ended(desk.account.id, chat.id)
    await desk.conversations.erase(desk.account.id, chat.id)
    assert await transcripts(desk) == []


# The visitor's request (PS-6, PS-7)


async def test_PS_6_without_the_setting_there_is_no_icon_and_a_request_is_refused(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        assert visitor.welcome["transcripts"] is False
        assert (await visitor.ask(type="transcript"))["code"] == "forbidden"
        await offer(shop.desk, transcript_icon=True)
    async with shop.visitor() as visitor:
        assert visitor.welcome["transcripts"] is True
        assert (await visitor.ask(type="transcript"))["outcome"] == "asked"


async def test_PS_7_a_request_is_answered_alike_and_only_a_verified_address_gets_a_mail(shop: Shop) -> None:
    desk = shop.desk
    await offer(desk, transcript_mail="off", transcript_icon=True)
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        answers = [await visitor.ask(type="transcript")]
        await visitor.ask(type="email", address=JANE)
        answers.append(await visitor.ask(type="transcript"))
        assert await transcripts(desk) == []
        code = code_in(await desk.mail())
        assert (await visitor.ask(type="code", code=code))["outcome"] == "verified"
        answers.append(await visitor.ask(type="transcript"))
        assert [answer["outcome"] for answer in answers] == ["asked"] * 3
        (mail,) = await transcripts(desk)
        assert "you asked for the transcript" in mail.text
        seen = await visitor.event(lambda event: event["kind"] == "transcript")
        assert (seen["sent"], seen["address"]) == (True, "j***@visitors.example")
        limited = await visitor.ask(type="transcript")
        assert limited["code"] == TooMany.code, "three in an hour"


async def test_PS_7_the_same_request_sent_twice_is_one_mail(desk: Desk) -> None:
    await offer(desk, transcript_icon=True)
    chat = await talked(desk)
    for _ in range(2):
        await desk.transcripts.asked(desk.account.id, chat.id, "one-client-id", client="192.0.2.7")
    assert len(await transcripts(desk)) == 1
    await offer(desk, transcript_icon=False)
    with pytest.raises(Forbidden):
        await desk.transcripts.asked(desk.account.id, chat.id, "another", client="192.0.2.7")


@pytest.mark.parametrize("kind", ["bounce", "complaint"])
async def test_D_20_a_transcript_that_comes_back_is_matched_like_any_other_mail(desk: Desk, kind: str) -> None:
    """PS-4, DD-9: the address is suppressed, the record and the chat say so, and a second report changes nothing."""
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    await desk.transcripts.look()
    (mail,) = await transcripts(desk)
    lasting = Report(mail.message_id, kind, reason=f"550 5.1.1 {JANE} is no user")  # type: ignore[arg-type]
    passing = Report(mail.message_id, "bounce", lasting=False)
    assert await desk.proof.bounces.take(passing) == "noted"
    assert not await desk.contacts.is_suppressed(desk.account.id, JANE)
    for _ in range(2):
        assert await desk.proof.bounces.take(lasting) == "suppressed"
    assert await desk.contacts.is_suppressed(desk.account.id, JANE)
    (entry,), _ = await desk.contacts.suppressions(desk.account.id)
    assert entry.shown == "j***@visitors.example"
    record = await mail_of(desk, chat)
    assert record.status == ("bounced" if kind == "bounce" else "complained")
    assert JANE not in record.reply
    told = await desk.events(chat, TranscriptNotMailed)
    assert [event.address for event in told] == ([JANE] if kind == "bounce" else [])
    actions = [one.action for _, one in await desk.admin.audit.read(desk.account.id, 0, 1_000)]
    assert actions.count("transcript.bounced" if kind == "bounce" else "transcript.complained") == 1
    other = Report("<someone@else.example>", "bounce")
    assert await desk.proof.bounces.take(other) == "unknown"


async def test_D_20_a_report_after_the_erasure_names_nobody(desk: Desk) -> None:
    await offer(desk)
    chat = await talked(desk)
    await close(desk, chat)
    await desk.transcripts.look()
    (mail,) = await transcripts(desk)
    await desk.rights.erasures.erase_conversation(desk.account.id, chat.id, By("boss"), "asked")
    assert await desk.proof.bounces.take(Report(mail.message_id, "bounce")) == "unknown"
