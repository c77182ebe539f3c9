"""The state of a conversation is a fold over its events."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.events import (
    AnyEvent,
    BotStateChanged,
    Closed,
    ConsentGiven,
    ConsentWithdrawn,
    ControlChanged,
    EmailSupplied,
    EmailVerified,
    MessageSent,
    NameGiven,
    NoteWritten,
    Numbered,
    Opened,
    OptInConfirmed,
    VerificationLost,
    VerificationSent,
    WebPage,
)
from transcripts.state import ClientIds, State, apply, apply_all, fold

OPENED = Opened(at=100, bot="b", visitor="v", locale="de", page=WebPage(url="https://shop.example/", title="Shop"))


def after(*events: AnyEvent) -> State:
    return apply_all(State(id="c", account="blue"), 1, (OPENED, *events))


def said(at: int = 200, by: str = "visitor", text: str = "hello", client_id: str = "") -> MessageSent:
    return MessageSent(at=at, by=by, text=text, client_id=client_id)


def control(was: str, now: str, at: int = 300, holder: str = "", reason: str = "taken") -> ControlChanged:
    return ControlChanged(
        at=at, was=was, now=now, reason=reason, actor="agent", holder=holder, holder_name=holder.title()
    )


def supplied(contact: str = "k", address: str = "j@x.org", outcome: str = "new", by: str = "visitor") -> EmailSupplied:
    return EmailSupplied(at=400, contact=contact, address=address, by=by, outcome=outcome)


def test_the_first_event_says_whose_it_is() -> None:
    state = after()
    assert (state.id, state.account, state.bot, state.visitor, state.locale) == ("c", "blue", "b", "v", "de")
    assert (state.seq, state.control, state.holder, state.opened_at, state.last_at) == (1, "bot", None, 100, 100)
    assert state.page.title == "Shop"


def test_consent_is_there_until_it_is_withdrawn() -> None:
    given_ = ConsentGiven(at=150, record="r", notice="n", text_hash="h", locale="de")
    assert after().consent is None
    assert after(given_).consent == given_
    withdrawn = after(given_, ConsentWithdrawn(at=160, record="w"))
    assert withdrawn.consent is None
    assert withdrawn.withdrawn_at == 160
    assert after(given_, ConsentWithdrawn(at=160, record="w"), given_).withdrawn_at is None


def test_a_message_is_known_by_its_client_id_and_is_the_last_one() -> None:
    state = after(said(client_id="one"), NoteWritten(at=250, author="p", author_name="P", text="hm", client_id="two"))
    assert dict(state.client_ids) == {"one": 2, "two": 3}
    assert (state.messages, state.last_text, state.last_by) == (1, "hello", "visitor")
    assert state.last_at == 250


def test_a_message_is_unanswered_until_a_turn_or_a_person_answers_it() -> None:
    waiting = after(said(), said())
    assert (waiting.unanswered, waiting.answered, waiting.unread, waiting.waiting_since) == (3, 0, 2, 200)

    half = apply(waiting, 4, BotStateChanged(at=210, answers=2, events=()))
    assert (half.unanswered, half.answered) == (3, 2)

    whole = apply_all(half, 5, [BotStateChanged(at=220, answers=3, events=()), said(by="bot", at=220)])
    assert (whole.unanswered, whole.answered, whole.unread, whole.waiting_since) == (None, 3, 0, None)


def test_a_turn_without_words_answers_too() -> None:
    state = after(said(), BotStateChanged(at=220, answers=2, events=()))
    assert (state.unanswered, state.waiting_since) == (None, None)


def test_in_the_queue_one_waits_since_one_came_there_whatever_the_bot_says() -> None:
    state = after(said(), control("bot", "queue", 300), said(at=320), said(at=330, by="system"), said(at=340, by="bot"))
    assert (state.control, state.waiting_since, state.unread) == ("queue", 300, 2)


def test_with_an_agent_one_waits_since_he_took_over_until_he_writes() -> None:
    taken = after(control("bot", "queue"), said(at=320), control("queue", "agent", 500, holder="ann"))
    assert (taken.holder, taken.holder_name, taken.waiting_since, taken.unread) == ("ann", "Ann", 500, 1)

    answered = apply(taken, 5, said(at=510, by="agent"))
    assert (answered.waiting_since, answered.unread, answered.unanswered) == (None, 0, None)

    again = apply(answered, 6, said(at=600))
    assert (again.waiting_since, again.unread) == (600, 1)


def test_BR_5_what_was_said_to_people_is_not_the_bots_to_answer() -> None:
    state = after(control("bot", "queue"), said(at=320), control("queue", "bot", 900, reason="timed_out"))
    assert (state.control, state.unanswered, state.waiting_since, state.holder) == ("bot", None, None, None)


def test_the_end() -> None:
    state = after(said(), control("bot", "closed", 700, reason="ended"), Closed(at=700, by="visitor", reason="ended"))
    assert state.closed
    assert (state.closed_at, state.waiting_since, state.unread, state.unanswered) == (700, None, 0, None)


def test_DD_4_an_address_alone_proves_nothing_and_says_so() -> None:
    assert after().verification.state == "none"
    state = after(supplied(outcome="unverified"))
    assert (state.contact, state.address) == ("k", "j@x.org")
    assert state.verification.state == "preliminary"
    assert "not proven" in state.verification.why
    assert "Staff" in after(supplied(by="agent")).verification.why


def test_DD_5_a_mail_that_was_sent_proves_nothing() -> None:
    state = after(supplied(), VerificationSent(at=410, verification="q", contact="k"))
    assert state.verification.state == "preliminary"
    assert "mail" in state.verification.why


def test_D_8_a_confirmation_elsewhere_does_not_verify_this_chat() -> None:
    state = after(supplied(), OptInConfirmed(at=420, verification="q", contact="k", same_browser=False))
    assert state.verification.state == "confirmed_elsewhere"
    assert "not in this browser" in state.verification.why


@pytest.mark.parametrize("method", ["code", "link", "questions", "manual"])
def test_DD_6_verified_names_method_person_and_time(method: str) -> None:
    state = after(
        supplied(), EmailVerified(at=430, contact="k", method=method, author="ann", reason="Knows the order.")
    )
    verification = state.verification
    assert (verification.state, verification.method, verification.at, verification.by) == (
        "verified", method, 430, "ann",
    )  # fmt: skip
    assert verification.why.endswith("Knows the order.")


def test_DD_7_a_browser_that_proved_it_earlier_is_verified_at_once() -> None:
    assert after(supplied(outcome="verified")).verification.state == "verified"


def test_DD_7_a_lost_proof_says_why() -> None:
    verified = EmailVerified(at=430, contact="k", method="code")
    state = after(supplied(), verified, VerificationLost(at=500, contact="k", reason="expired"))
    assert state.verification.state == "preliminary"
    assert state.verification.why == "The proof has expired."
    other = after(supplied(), verified, VerificationLost(at=500, contact="another", reason="expired"))
    assert other.verification.state == "verified"


def test_DD_7_the_same_address_again_keeps_the_proof_and_another_one_loses_it() -> None:
    verified = EmailVerified(at=430, contact="k", method="code")
    assert after(supplied(), verified, supplied(outcome="unverified")).verification.method == "code"
    assert after(supplied(), verified, supplied(contact="l")).verification.state == "preliminary"


def test_DD_9_a_suppressed_address_links_no_contact() -> None:
    state = after(supplied(), supplied(contact="", outcome="suppressed"))
    assert (state.contact, state.verification.state) == (None, "none")
    assert "suppression" in state.verification.why


def test_a_name_becomes_known() -> None:
    assert after(NameGiven(at=300, name="Jane")).name == "Jane"


def test_an_event_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot follow"):
        apply(after(), 3, said())


def test_a_state_is_a_value() -> None:
    before = after(said(client_id="one"))
    copy = msgspec.structs.asdict(before)
    ids = dict(before.client_ids)

    later = apply(before, 3, said(client_id="two", text="more"))

    assert msgspec.structs.asdict(before) == copy
    assert dict(before.client_ids) == ids
    assert "two" not in before.client_ids
    assert later.client_ids["two"] == 3
    with pytest.raises(AttributeError):
        before.seq = 9  # type: ignore[misc]


def test_two_futures_of_one_state_do_not_meet() -> None:
    before = after()
    assert "left" not in apply(before, 2, said(client_id="right")).client_ids
    assert "right" not in apply(before, 2, said(client_id="left")).client_ids


def test_all_client_ids_of_a_long_conversation_are_known() -> None:
    ids = ClientIds()
    for number in range(1_000):
        ids = ids.having(f"id-{number}", number)
    assert len(ids) == 1_000
    assert dict(ids) == {f"id-{number}": number for number in range(1_000)}
    with pytest.raises(KeyError):
        ids["id-1000"]


def test_the_first_seq_of_a_client_id_stays() -> None:
    assert after(said(client_id="one"), said(client_id="one")).client_ids["one"] == 2


MESSAGES = st.builds(
    said,
    at=st.integers(0, 10**6),
    by=st.sampled_from(["visitor", "bot", "agent", "system"]),
    client_id=st.text("ab", max_size=2),
)
COURSE = st.sampled_from(
    [
        control("bot", "queue"),
        control("queue", "agent", holder="ann"),
        control("agent", "bot"),
        BotStateChanged(at=5, answers=2, events=()),
        NameGiven(at=6, name="J"),
        supplied(),
        supplied(outcome="suppressed", contact=""),
        EmailVerified(at=8, contact="k", method="code"),
        VerificationLost(at=9, contact="k", reason="revoked"),
    ]
)


@given(st.lists(MESSAGES | COURSE, max_size=30), st.integers(0, 30))
def test_folding_in_pieces_is_folding_at_once(events: list[AnyEvent], cut: int) -> None:
    numbered = [Numbered(seq, event) for seq, event in enumerate((OPENED, *events), 1)]
    at_once = fold("blue", "c", numbered)
    piece = apply_all(after(*events[:cut]), 2 + len(events[:cut]), events[cut:])
    one_by_one = State(id="c", account="blue")
    for one in numbered:
        one_by_one = apply(one_by_one, one.seq, one.event)

    for other in (piece, one_by_one):
        assert dict(other.client_ids) == dict(at_once.client_ids)
        assert msgspec.structs.replace(other, client_ids={}) == msgspec.structs.replace(at_once, client_ids={})
