"""E-mail proof in a chat: addresses, codes, agents, devices, evidence (MISSION DD, SECURITY 2.5)."""

import asyncio
import re

import pytest

from admin import By
from bot_runtime.verification import Asker
from bot_runtime.verification import evidence as facts
from bot_runtime.verification.policy import Policy
from foundation.clock import DAY, HOUR, MINUTE, ManualClock
from foundation.errors import Conflict, Forbidden, Invalid, TooMany
from foundation.keys import Keyring
from foundation.mail import PostRefused, PostUnreachable, SmtpPost
from foundation.records import MemoryEngine
from foundation.web import Pages
from tests.bot_runtime.conftest import Chat, Desk, code_in, make_desk, token_in, wrong
from tests.serving import MailServer
from transcripts.events import (
    BotStateChanged,
    Closed,
    ConsentWithdrawn,
    ControlChanged,
    EmailSupplied,
    EmailVerified,
    MessageSent,
    NoteWritten,
    VerificationLost,
    VerificationSent,
)
from transcripts.views import visitor_view

JANE = "jane@visitors.example"


def slots_of(events: list[BotStateChanged]) -> dict[str, object]:
    return {change["name"]: change["value"] for event in events for change in event.events if change["event"] == "slot"}


async def seen_by_visitor(desk: Desk, chat: Chat) -> list[dict[str, object]]:
    numbered = await desk.conversations.events(desk.account.id, chat.id)
    views = [view for one in numbered if (view := visitor_view(one)) is not None]
    return [{name: value for name, value in view.items() if name != "at"} for view in views]


# An address is given


async def test_DD_1_DD_2_a_new_address_gets_a_mail_with_link_and_code(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    supplied, sent, card = (
        (await desk.events(chat, EmailSupplied))[0],
        (await desk.events(chat, VerificationSent))[0],
        (await desk.events(chat, MessageSent))[0],
    )
    assert (supplied.outcome, supplied.address, supplied.by) == ("new", JANE, "visitor")
    assert sent.contact == supplied.contact
    assert card.card == "code"
    assert "j***@visitors.example" in card.text
    mail = await desk.mail()
    assert mail.to == JANE
    assert code_in(mail)
    assert f"https://chat.blue.example/v/{token_in(mail)}" in mail.text
    state = await desk.state(chat)
    assert (state.verification.state, state.address) == ("preliminary", JANE)


async def test_DD_3_until_the_opt_in_completes_the_contact_is_in_no_list(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    assert (await desk.contacts.list(desk.account.id))[0] == []
    assert await desk.enter(chat, code_in(await desk.mail())) == "verified"
    listed, _ = await desk.contacts.list(desk.account.id)
    assert [contact.address for contact in listed] == [JANE]


async def test_DD_4_a_known_address_is_linked_preliminarily_and_shows_the_visitor_nothing(desk: Desk) -> None:
    await desk.verified(JANE)
    stranger = await desk.chat()
    await desk.supply(stranger, JANE)
    state = await desk.state(stranger)
    assert (await desk.events(stranger, EmailSupplied))[0].outcome == "unverified"
    assert (state.verification.state, state.contact is not None) == ("preliminary", True)
    assert "jane@" not in str(await seen_by_visitor(desk, stranger))


async def test_DD_6_DD_7_verified_belongs_to_this_browser(desk: Desk) -> None:
    first = await desk.verified(JANE, stay=True)
    assert (await desk.state(first)).verification.state == "verified"
    other_browser = await desk.chat()
    await desk.supply(other_browser, JANE)
    assert (await desk.state(other_browser)).verification.state == "preliminary"
    mails = len(await desk.mails())
    same_browser = await desk.chat(device=first.device)
    await desk.supply(same_browser, JANE)
    assert (await desk.state(same_browser)).verification.state == "verified"
    assert len(await desk.mails()) == mails, "what is proven needs no mail"


async def test_DD_7_a_new_chat_in_a_proven_browser_is_verified_at_once(desk: Desk) -> None:
    first = await desk.verified(JANE, stay=True)
    again = await desk.chat(device=first.device)
    await desk.proof.verification.recognise(desk.account.id, again.id)
    state = await desk.state(again)
    assert (state.verification.state, state.address) == ("verified", JANE)
    assert slots_of(await desk.events(again, BotStateChanged)) == {"email": JANE, "email_verified": True}


async def test_DD_7_a_proof_expires_and_the_agent_is_told_why(desk: Desk, clock: ManualClock) -> None:
    chat = await desk.verified(JANE)
    await clock.advance(180 * DAY)
    await desk.proof.verification.recognise(desk.account.id, chat.id)
    state = await desk.state(chat)
    assert state.verification.state == "preliminary"
    assert "expired" in state.verification.why


async def test_DD_7_all_browsers_of_a_contact_can_be_revoked(desk: Desk) -> None:
    chats = [await desk.verified(JANE), await desk.verified(JANE)]
    contact = (await desk.state(chats[0])).contact
    assert contact is not None
    assert await desk.proof.verification.revoke_all(desk.account.id, contact, author="boss") == 2
    for chat in chats:
        await desk.proof.verification.recognise(desk.account.id, chat.id)
        assert (await desk.state(chat)).verification.state == "preliminary"


async def test_DD_9_a_suppressed_address_is_never_mailed_and_never_added(desk: Desk) -> None:
    await desk.contacts.suppress(desk.account.id, JANE, "asked for it")
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    assert await desk.mails() == []
    assert (await desk.state(chat)).contact is None
    assert await desk.contacts.by_address(desk.account.id, JANE) is None


@pytest.mark.parametrize(
    "address",
    ["jane", "jane@", "@x.example", "a@b@c.example", "alice@example.org]<bob@evil.example>", '"a b"@x.example',
     "x@y.example\r\nBcc: v@x.example", "x@y.example, z@y.example", "Jane <jane@x.example>", "j@[127.0.0.1]"],
)  # fmt: skip
async def test_D_15_D_16_what_is_no_plain_address_is_refused_and_nothing_kept(desk: Desk, address: str) -> None:
    chat = await desk.chat()
    before = await desk.state(chat)
    with pytest.raises(Invalid):
        await desk.supply(chat, address)
    assert (await desk.state(chat)).seq == before.seq
    assert await desk.mails() == []


async def test_an_address_without_consent_or_after_the_end_is_refused(desk: Desk) -> None:
    bare = await desk.conversations.open(desk.account.id, desk.bot.id, visitor="somebody")
    with pytest.raises(Forbidden):
        await desk.supply(Chat(bare, "x"), JANE)
    chat = await desk.chat()
    ended = [
        ControlChanged(at=1, was="bot", now="closed", reason="ended", actor="visitor"),
        Closed(at=1, by="visitor", reason="ended"),
    ]
    await desk.conversations.append(desk.account.id, chat.id, ended, 2)
    with pytest.raises(Conflict):
        await desk.supply(chat, JANE)


async def test_an_address_that_is_sent_again_is_taken_once(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE, client_id="0")
    stored = await desk.state(chat)
    assert await desk.supply(chat, JANE, client_id="0") == stored.seq
    assert await desk.state(chat) == stored
    assert len(await desk.mails()) == 1
    assert len(await desk.events(chat, EmailSupplied)) == 1


# D-1: nobody learns whether an address is known


async def test_D_1_the_visitor_sees_the_same_for_every_address(desk: Desk) -> None:
    """New, registered, complete, suppressed, limited: the same events with the same numbers."""
    await desk.verified("known@visitors.example")
    await desk.supply(await desk.chat(), "registered@visitors.example")
    await desk.contacts.suppress(desk.account.id, "gone@visitors.example", "asked for it")
    for _ in range(3):
        await desk.supply(await desk.chat(), "flood@visitors.example")
    seen = []
    for name in ("unheard", "known", "registered", "gone", "flood"):
        chat = await desk.chat()
        await desk.supply(chat, f"{name}@visitors.example")
        text = re.sub(r"\b[a-z]\*\*\*@", "*@", str(await seen_by_visitor(desk, chat)))
        record = re.sub(r"'client_id': '[^']*'", "", text)
        seen.append(record)
    assert len(set(seen)) == 1, seen


async def test_D_1_every_address_is_answered_after_the_same_time(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, pages: Pages, base_url: str
) -> None:
    """The answer waits until a moment that no way reaches before; what the store does takes no time on this clock."""
    await asyncio.to_thread(pages.load)
    desk = await make_desk(engine, keyring, clock, pages, base_url, answer_after=250)
    await desk.contacts.suppress(desk.account.id, "gone@visitors.example", "asked for it")
    for name in ("gone", "unheard"):
        chat = await desk.chat()
        answer = asyncio.create_task(desk.supply(chat, f"{name}@visitors.example"))
        await clock.advance(249)
        for _ in range(50):
            await asyncio.sleep(0)
        assert not answer.done()
        assert (await desk.state(chat)).address == "", "nothing shows before its time"
        while not answer.done():
            await clock.advance(1)
        assert (await desk.state(chat)).address != ""


async def test_D_1_a_held_back_code_cannot_be_guessed(desk: Desk) -> None:
    await desk.contacts.suppress(desk.account.id, JANE, "asked for it")
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    assert [await desk.enter(chat, f"{n:06d}") for n in range(6)] == [*["wrong"] * 5, "too_many"]


# D-11: floods


async def test_D_11_three_mails_an_hour_to_an_address_whoever_asks(desk: Desk, clock: ManualClock) -> None:
    for _ in range(50):
        await desk.supply(await desk.chat(), JANE)
    assert len(await desk.mails()) == 3
    await clock.advance(HOUR)
    await desk.supply(await desk.chat(), JANE)
    assert len(await desk.mails()) == 4


async def test_D_11_the_limit_holds_across_accounts(desk: Desk) -> None:
    for _ in range(3):
        await desk.supply(await desk.chat(), JANE)
    other = await desk.admin.accounts.create("Red Harbour")
    bot = await desk.admin.bots.create(other.id, "Red", "red")
    red = Desk(**{**vars(desk), "account": other, "bot": bot})
    await red.supply(await red.chat(), JANE)
    assert len(await desk.mails()) == 3


async def test_D_11_one_address_of_a_client_cannot_write_to_a_hundred_victims(desk: Desk) -> None:
    asker = Asker(ip="198.51.100.7")
    for number in range(100):
        await desk.supply(await desk.chat(), f"victim{number}@visitors.example", asker=asker)
    assert len(await desk.mails()) == 30


async def test_D_11_one_chat_gives_ten_addresses_an_hour(desk: Desk) -> None:
    chat = await desk.chat()
    for number in range(10):
        await desk.supply(chat, f"one{number}@visitors.example")
    with pytest.raises(TooMany):
        await desk.supply(chat, JANE)


async def test_staff_are_told_that_no_mail_went_out(desk: Desk) -> None:
    for _ in range(4):
        chat = await desk.chat()
        await desk.supply(chat, JANE)
    (note,) = await desk.events(chat, NoteWritten)
    assert "No mail was sent" in note.text
    assert await desk.events(chat, VerificationSent) == []


# The code


async def test_DD_5_the_right_code_verifies_the_chat_and_tells_the_assistant(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    code = code_in(await desk.mail())
    assert await desk.enter(chat, code) == "verified"
    (verified,) = await desk.events(chat, EmailVerified)
    assert (verified.method, verified.author) == ("code", "")
    assert slots_of(await desk.events(chat, BotStateChanged)) == {"email": JANE, "email_verified": True}
    assert await desk.enter(chat, code) == "verified", "said twice, it is still so"
    assert len(await desk.events(chat, EmailVerified)) == 1


async def test_D_9_five_wrong_codes_void_the_code(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    code = code_in(await desk.mail())
    assert [await desk.enter(chat, wrong(code)) for _ in range(5)] == ["wrong"] * 5
    assert await desk.enter(chat, code) == "too_many"
    assert (await desk.state(chat)).verification.state == "preliminary"


async def test_D_9_tries_at_the_same_moment_are_all_counted(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    code = code_in(await desk.mail())
    outcomes = await asyncio.gather(*(desk.enter(chat, wrong(code)) for _ in range(12)))
    assert sorted(outcomes) == sorted([*["wrong"] * 5, *["too_many"] * 7])


async def test_D_9_a_code_of_another_chat_is_wrong(desk: Desk) -> None:
    mine, other = await desk.chat(), await desk.chat()
    await desk.supply(mine, JANE)
    code = code_in(await desk.mail())
    await desk.supply(other, "joe@visitors.example")
    assert code_in(await desk.mail()) != code, "one in a million; run again"
    assert await desk.enter(other, code) == "wrong"
    assert (await desk.state(other)).verification.state == "preliminary"


async def test_a_code_lives_ten_minutes_from_the_moment_the_mail_left(desk: Desk, clock: ManualClock) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    await clock.advance(5 * MINUTE)
    code = code_in(await desk.mail())
    await clock.advance(10 * MINUTE - 1)
    assert await desk.enter(chat, wrong(code)) == "wrong"
    await clock.advance(1)
    assert await desk.enter(chat, code) == "expired"


async def test_a_code_before_any_mail_is_expired(desk: Desk) -> None:
    assert await desk.enter(await desk.chat(), "123456") == "expired"


async def test_a_try_that_is_sent_again_is_counted_once(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    code = code_in(await desk.mail())
    assert {await desk.enter(chat, wrong(code), client_id="1") for _ in range(9)} == {"wrong"}
    assert await desk.enter(chat, code, client_id="2") == "verified"


async def test_a_newer_mail_voids_the_older_code(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    old = code_in(await desk.mail())
    await desk.proof.verification.send(desk.account.id, chat.id, by="visitor", client_id="9")
    new = code_in(await desk.mail())
    assert old != new, "one in a million; run again"
    assert await desk.enter(chat, old) == "wrong"
    assert await desk.enter(chat, new) == "verified"


async def test_another_mail_needs_an_address_that_is_not_verified(desk: Desk) -> None:
    with pytest.raises(Conflict):
        await desk.proof.verification.send(desk.account.id, (await desk.chat()).id, by="visitor")
    chat = await desk.verified()
    with pytest.raises(Conflict):
        await desk.proof.verification.send(desk.account.id, chat.id, by="visitor")


# Agents


async def test_DD_1_an_agent_enters_an_address_through_the_same_function(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE, by="agent", author="anna")
    (supplied,) = await desk.events(chat, EmailSupplied)
    assert (supplied.outcome, supplied.by, supplied.author) == ("new", "agent", "anna")
    assert len(await desk.mails()) == 1


async def test_DD_5_for_a_known_address_the_agent_asks_for_the_mail_himself(desk: Desk) -> None:
    await desk.verified(JANE)
    chat = await desk.chat()
    await desk.supply(chat, JANE, by="agent", author="anna")
    assert len(await desk.mails()) == 1
    await desk.proof.verification.send(desk.account.id, chat.id, by="agent", author="anna")
    assert await desk.enter(chat, code_in(await desk.mail())) == "verified"


async def test_DD_5_DD_8_an_agent_vouches_with_a_reason(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    proof = desk.proof.verification
    for reason in ("", "  ", "x" * 501):
        with pytest.raises(Invalid):
            await proof.vouch(desk.account.id, chat.id, method="manual", author="anna", reason=reason)
    with pytest.raises(Invalid):
        await proof.vouch(desk.account.id, chat.id, method="code", author="anna", reason="knows the number")
    await proof.vouch(desk.account.id, chat.id, method="questions", author="anna", reason="knows the order number")
    state = await desk.state(chat)
    assert (state.verification.state, state.verification.method, state.verification.by) == (
        "verified", "questions", "anna",
    )  # fmt: skip
    assert "knows the order number" in state.verification.why
    assert (await desk.contacts.list(desk.account.id))[0] == [], "DD-3: only the reader completes the opt-in"
    entries = [entry for _, entry in await desk.admin.audit.read(desk.account.id)]
    assert [(entry.actor, entry.action) for entry in entries][-1] == ("anna", "email.vouched")


async def test_DD_8_without_an_address_nothing_can_be_vouched_for(desk: Desk) -> None:
    with pytest.raises(Conflict):
        await desk.proof.verification.vouch(
            desk.account.id, (await desk.chat()).id, method="manual", author="anna", reason="I know her"
        )


# The mail


async def test_D_14_the_mail_holds_nothing_but_our_words(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    mail = await desk.mail()
    code, token = code_in(mail), token_in(mail)
    expected = f"""\
Hello,

somebody who chats with Harbour Bikes gave this e-mail address.

If it was you, type this code into the chat:

    {code}

The code is valid for 10 minutes.

Or confirm your address on this page:

https://chat.blue.example/v/{token}

The page is valid for 24 hours, once.

If it was not you, ignore this mail; nothing happens then. On the same page you can say that it was not you, and we \
will not write to this address for 30 days.
"""
    assert mail.text.rstrip() == expected.rstrip()
    assert mail.html is not None
    assert code in mail.html
    assert token in mail.html
    assert "shop.example" not in mail.text + mail.html
    assert mail.subject == "Your code for the chat"
    assert re.fullmatch(r"<[A-Za-z0-9_-]{22}@blue\.example>", mail.message_id)


async def test_D_14_the_mail_over_smtp(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, pages: Pages, base_url: str
) -> None:
    """The headers as a mail server sees them."""
    await asyncio.to_thread(pages.load)
    server = MailServer()
    await asyncio.to_thread(server.start)
    try:
        post = SmtpPost("127.0.0.1", server.port, "none", clock=clock)
        desk = await make_desk(engine, keyring, clock, pages, base_url, post=post)
        chat = await desk.chat()
        await desk.supply(chat, JANE)
        await desk.jobs.run_due()
        mail = await asyncio.to_thread(server.wait_for, 1)
        assert await desk.enter(chat, code_in(mail)) == "verified"
    finally:
        await asyncio.to_thread(server.stop)
    assert mail["From"] == "Blue Harbour <desk@blue.example>"
    assert (mail["To"], mail["Cc"], mail["Bcc"]) == (JANE, None, None)
    assert (mail["Auto-Submitted"], mail["Content-Language"]) == ("auto-generated", "en")
    assert mail["Message-ID"].endswith("@blue.example>")
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    (_, sent, _) = await evidence_of(desk, chat)
    assert isinstance(sent, facts.MailSent)
    assert (sent.smtp_reply, sent.tls) == ("kept", None)


async def test_the_mail_speaks_the_visitors_language(desk: Desk) -> None:
    await desk.supply(await desk.chat(locale="de-AT"), JANE)
    mail = await desk.mail()
    assert (mail.language, mail.subject) == ("de", "Ihr Code für den Chat")


async def test_a_bot_name_with_markup_is_text_in_the_mail(desk: Desk) -> None:
    bot = await desk.admin.bots.create(desk.account.id, 'R&D <b>"bikes"</b>', "x")
    await desk.supply(await desk.chat(bot=bot), JANE)
    mail = await desk.mail()
    assert 'R&D <b>"bikes"</b>' in mail.text
    assert mail.html is not None
    assert "<b>" not in mail.html


async def test_a_mail_that_is_tried_again_is_the_same_mail(desk: Desk, clock: ManualClock) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    desk.post.refusals[JANE] = PostUnreachable("no server")
    assert await desk.mails() == []
    desk.post.refusals.clear()
    await clock.advance(HOUR)
    (mail,) = await desk.mails()
    assert await desk.enter(chat, code_in(mail)) == "verified"
    (requested, *_) = await evidence_of(desk, chat)
    assert requested.mail_message_id == mail.message_id


async def test_D_20_a_mail_that_is_refused_for_good_is_not_tried_again(desk: Desk, clock: ManualClock) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    desk.post.refusals[JANE] = PostRefused("550 no such user", permanent=True)
    assert await desk.mails() == []
    desk.post.refusals.clear()
    await clock.advance(2 * HOUR)
    assert await desk.mails() == []
    assert await desk.contacts.is_suppressed(desk.account.id, JANE)
    assert [fact.smtp_reply for fact in await evidence_of(desk, chat) if isinstance(fact, facts.MailRefused)] == [
        "550 no such user"
    ]


async def test_a_mail_is_not_sent_after_its_link_has_expired(desk: Desk, clock: ManualClock) -> None:
    await desk.supply(await desk.chat(), JANE)
    await clock.advance(25 * HOUR)
    assert await desk.mails() == []


async def test_no_secret_waits_in_the_store(desk: Desk, engine: MemoryEngine) -> None:
    """Links hashed at rest, codes nowhere: even with every seal open there is nothing to use."""
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    mail = await desk.mail()
    record = await desk.proof.links.look(token_in(mail))
    kept = repr(record) + repr(await evidence_of(desk, chat)) + repr(await desk.events(chat))
    assert token_in(mail) not in kept
    assert code_in(mail) not in kept


# Evidence


async def evidence_of(desk: Desk, chat: Chat) -> list[facts.AnyFact]:
    sent = [event.verification for event in await desk.events(chat, VerificationSent)]
    return [fact for request in sent for fact in await desk.proof.evidence.of(desk.account.id, request)]


async def test_D_17_D_19_the_evidence_is_complete(desk: Desk, clock: ManualClock) -> None:
    chat = await desk.chat()
    typed_at = clock.now()
    await desk.supply(chat, JANE, asker=Asker(ip="198.51.100.7", user_agent="Browser/1"))
    await clock.advance(3_000)
    mail = await desk.mail()
    await clock.advance(5_000)
    await desk.enter(chat, code_in(mail), asker=Asker(ip="198.51.100.8", user_agent="Browser/2"))
    requested, sent, confirmed = await evidence_of(desk, chat)
    assert isinstance(requested, facts.Requested)
    state = await desk.state(chat)
    assert state.consent is not None
    numbered = {one.seq: one.event for one in await desk.conversations.events(desk.account.id, chat.id)}
    assert (requested.at, requested.account, requested.bot, requested.conversation) == (
        typed_at, desk.account.id, desk.bot.id, chat.id,
    )  # fmt: skip
    assert isinstance(numbered[requested.seq], EmailSupplied)
    assert (requested.contact, requested.address, requested.by) == (state.contact, JANE, "visitor")
    assert (requested.typed_ip, requested.user_agent) == ("198.51.100.7", "Browser/1")
    assert requested.page == "https://shop.example/bikes"
    assert "Harbour Bikes" in requested.text
    assert (requested.text_version, len(requested.text_hash)) == ("opt-in-1", 64)
    assert (requested.notice_version, requested.notice_hash) == (state.consent.notice, state.consent.text_hash)
    assert (requested.purposes, requested.locale) == (("chat_contact",), "en")
    assert requested.mail_message_id == mail.message_id
    assert (requested.mail_template_version, len(requested.mail_template_hash)) == ("mail-1", 64)
    assert isinstance(sent, facts.MailSent)
    assert (sent.at, sent.smtp_reply) == (typed_at + 3_000, "250 kept in memory")
    assert isinstance(confirmed, facts.Confirmed)
    assert (confirmed.at, confirmed.method, confirmed.same_browser) == (typed_at + 8_000, "code", True)
    assert (confirmed.confirmed_ip, confirmed.confirmed_ua) == ("198.51.100.8", "Browser/2")


async def test_D_17_an_account_may_want_no_network_address_kept(desk: Desk) -> None:
    """PS-12: it is removed before it is stored; what else the evidence says stays, and limits still count by it."""
    policies = desk.proof.policies
    await policies.change(desk.account.id, by=By("boss"), addresses=False)
    here = Asker(ip="198.51.100.7", user_agent="Browser/1")
    chat = await desk.chat()
    await desk.supply(chat, JANE, asker=here)
    mail = await desk.mail()
    await desk.enter(chat, code_in(mail), asker=here)
    requested, _, confirmed = await evidence_of(desk, chat)
    assert isinstance(requested, facts.Requested)
    assert isinstance(confirmed, facts.Confirmed)
    assert (requested.typed_ip, requested.user_agent) == ("", "Browser/1")
    assert (confirmed.confirmed_ip, confirmed.confirmed_ua) == ("", "Browser/1")
    other = await desk.chat()
    await desk.supply(other, "sue@visitors.example", asker=here)
    token = token_in(await desk.mail())
    request = await desk.proof.links.look(token)
    await desk.proof.links.deny(token, await desk.proof.links.nonce(request), asker=here)
    said = [await evidence_of(desk, other), *await desk.proof.requests.of(desk.account.id, other.id)]
    assert "198.51.100.7" not in repr(said)
    await policies.change(desk.account.id, by=By("boss"), addresses=True)
    third = await desk.chat()
    await desk.supply(third, "kim@visitors.example", asker=here)
    await desk.mails()
    (again, *_) = await evidence_of(desk, third)
    assert isinstance(again, facts.Requested)
    assert again.typed_ip == "198.51.100.7"


async def test_D_17_the_evidence_outlives_contact_and_request(desk: Desk, clock: ManualClock) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    await desk.mails()
    before = await evidence_of(desk, chat)
    await clock.advance(8 * DAY)
    assert await desk.proof.verification.forget_old() > 0
    assert await desk.contacts.by_address(desk.account.id, JANE) is None, "SECURITY 4.3: unconfirmed, 7 days"
    assert await evidence_of(desk, chat) == before


async def test_a_verified_contact_is_not_forgotten_after_seven_days(desk: Desk, clock: ManualClock) -> None:
    await desk.verified(JANE)
    await clock.advance(8 * DAY)
    await desk.proof.verification.forget_old()
    assert await desk.contacts.by_address(desk.account.id, JANE) is not None


async def test_D_18_withdrawal_ends_every_proof_and_is_kept_as_evidence(desk: Desk) -> None:
    chat = await desk.verified(JANE)
    await desk.proof.verification.withdraw(desk.account.id, chat.id, via="widget")
    assert (await desk.state(chat)).verification.state == "preliminary"
    assert [lost.reason for lost in await desk.events(chat, VerificationLost)] == ["withdrawn"]
    assert (await evidence_of(desk, chat))[-1].via == "widget"  # type: ignore[union-attr]
    again = await desk.chat(device=chat.device)
    await desk.proof.verification.recognise(desk.account.id, again.id)
    assert (await desk.state(again)).address == ""


# Crashes


async def test_what_a_crash_cut_off_is_finished_at_the_next_start(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, pages: Pages, base_url: str
) -> None:
    """The request is stored, nothing else: no event, no evidence, no mail. A new process finishes it, once."""
    await asyncio.to_thread(pages.load)
    desk = await make_desk(engine, keyring, clock, pages, base_url)
    chat = await desk.chat()
    state = await desk.state(chat)
    found = await desk.contacts.supply(desk.account.id, JANE, "visitor")
    verification = desk.proof.verification
    await verification._requests.open(
        state,
        bot_name="Harbour Bikes",
        contact=found.contact,
        address=JANE,
        outcome="new",
        by="visitor",
        author="",
        client_id="7",
        asker=Asker(),
        held_back=False,
        policy=Policy(),
    )
    restarted = await make_desk(engine, keyring, clock, pages, base_url)
    assert await restarted.proof.verification.recover() == 1
    assert await restarted.proof.verification.recover() == 0
    assert len(await restarted.events(chat, VerificationSent)) == 1
    (mail,) = await restarted.mails()
    assert await restarted.enter(chat, code_in(mail)) == "verified"


async def test_settling_twice_does_everything_once(desk: Desk) -> None:
    chat = await desk.verified(JANE)
    verification = desk.proof.verification
    events, mails = await desk.events(chat), await desk.mails()
    kept = await evidence_of(desk, chat)
    (record,) = await verification._requests.of(desk.account.id, chat.id)
    for _ in range(3):
        await verification._settler.settle(record)
    assert (await desk.events(chat), await desk.mails(), await evidence_of(desk, chat)) == (events, mails, kept)


async def test_withdrawn_consent_takes_no_further_address(desk: Desk) -> None:
    chat = await desk.chat()
    state = await desk.state(chat)
    assert state.consent is not None
    await desk.conversations.append(
        desk.account.id, chat.id, [ConsentWithdrawn(at=1, record=state.consent.record)], state.seq
    )
    with pytest.raises(Forbidden):
        await desk.supply(chat, JANE)
