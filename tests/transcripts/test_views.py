"""Who sees what of an event (YA-12, YA-14, D-1, M-7)."""

from typing import Any, get_args

import msgspec
import pytest

from transcripts.events import (
    AddressErased,
    AnyEvent,
    BotStateChanged,
    Button,
    ChatOffered,
    Closed,
    ConsentGiven,
    ConsentWithdrawn,
    ControlChanged,
    DataCorrected,
    EmailSupplied,
    EmailVerified,
    FileDestroyed,
    FileHidden,
    FileShared,
    MessageRedacted,
    MessageSent,
    NameGiven,
    NoteWritten,
    Numbered,
    OfferEnded,
    Opened,
    OptInConfirmed,
    ProcessingRestricted,
    RestrictionLifted,
    SiteIdentified,
    Tagged,
    TranscriptMailed,
    TranscriptNotMailed,
    VerificationLost,
    VerificationSent,
    WebPage,
)
from transcripts.views import external_view, member_view, visitor_view

AGENT_ID = "person-id-of-ann"
CONTACT = "contact-id"
RASA = (
    {"event": "user", "message": 2, "parse_data": {"intent": {"name": "greet", "confidence": 0.9}}},
    {"event": "action", "name": "utter_greet"},
)

EVENTS: list[AnyEvent] = [
    Opened(at=1, bot="b", visitor="hash", locale="de", page=WebPage(url="https://shop.example/jane", title="Jane")),
    ConsentGiven(at=2, record="rec", notice="en-1", text_hash="h", locale="en"),
    MessageSent(at=3, by="visitor", text="I am Jane Doe, jane@x.org", client_id="c-1", payload="/greet"),
    BotStateChanged(at=4, answers=3, events=RASA),
    MessageSent(
        at=5,
        by="bot",
        text="Hello Jane",
        buttons=(Button("Call 0301234567", "/call"),),
        image="https://cdn.example/x.png",
        custom={"deep": 1},
    ),
    NameGiven(at=6, name="Jane Doe"),
    EmailSupplied(at=7, contact=CONTACT, address="jane@x.org", by="agent", outcome="unverified", author=AGENT_ID),
    VerificationSent(at=8, verification="v", contact=CONTACT, by="agent", author=AGENT_ID),
    OptInConfirmed(at=9, verification="v", contact=CONTACT, same_browser=False),
    EmailVerified(at=10, contact=CONTACT, method="manual", author=AGENT_ID, reason="knows the order"),
    VerificationLost(at=11, contact=CONTACT, reason="revoked", author=AGENT_ID),
    ControlChanged(
        at=12,
        was="bot",
        now="agent",
        reason="taken",
        actor="agent",
        author=AGENT_ID,
        holder=AGENT_ID,
        holder_name="Ann",
    ),
    MessageSent(at=13, by="agent", text="Ann here", author=AGENT_ID, author_name="Ann", client_id="c-2"),
    NoteWritten(at=14, author=AGENT_ID, author_name="Ann", text="difficult customer", client_id="c-3"),
    ControlChanged(at=15, was="agent", now="closed", reason="resolved", actor="agent", author=AGENT_ID),
    Closed(at=15, by="agent", reason="resolved", author=AGENT_ID),
    ConsentWithdrawn(at=16, record="rec-2"),
    ChatOffered(at=17, person=AGENT_ID, name="Ann", until=99),
    OfferEnded(at=17, person=AGENT_ID, name="Ann", reason="missed"),
    AddressErased(at=17, contact="contact-2"),
    SiteIdentified(at=17, sub="secret sub", name="Jane Doe", email="jane@secret.example"),
    Tagged(at=17, tags=("a secret tag",), author=AGENT_ID, author_name="Ann"),
    MessageRedacted(at=17, message=5, author=AGENT_ID, author_name="Ann", reason="difficult"),
    DataCorrected(at=18, what="message", value="I am Jane Doe", message=3, by="agent", author=AGENT_ID),
    ProcessingRestricted(at=19, author=AGENT_ID, reason="difficult"),
    RestrictionLifted(at=20, author=AGENT_ID, reason="difficult"),
    TranscriptMailed(at=17, mail="m-1", address="jane@x.org", tls="TLSv1.3 AES", reply="250 queued as unverified"),
    TranscriptNotMailed(at=18, mail="m-2", address="jane@x.org", reply="550 unverified", why="asked"),
    FileShared(
        at=21,
        file="f-1",
        key="k-1",
        by="visitor",
        name="Jane Doe.pdf",
        media="application/pdf",
        size=9,
        client_id="c-4",
    ),
    FileHidden(at=22, file="f-1", until=99, author=AGENT_ID, author_name="Ann", reason="difficult"),
    FileDestroyed(at=23, file="f-1", reason="sensitive"),
    AddressErased(at=24, contact="somebody-else"),
]
NUMBERED = [Numbered(seq, event) for seq, event in enumerate(EVENTS, 1)]


def _visitor() -> list[dict[str, Any]]:
    return [view for one in NUMBERED if (view := visitor_view(one)) is not None]


def test_the_cast_has_every_kind_of_event() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(AnyEvent))


def test_every_view_has_its_number_time_and_kind_and_is_plain_json() -> None:
    for view in (*_visitor(), *map(member_view, NUMBERED), *external_view("c", NUMBERED)):
        assert view is not None
        assert {"seq", "at", "kind"} <= view.keys()
        assert msgspec.json.decode(msgspec.json.encode(view)) == view
        assert EVENTS[view["seq"] - 1].at == view["at"]


def test_the_visitor_sees_only_the_kinds_that_the_protocol_lists() -> None:
    assert {view["kind"] for view in _visitor()} == {
        "message", "consent", "email", "control", "closed", "redacted", "corrected", "transcript", "file", "file_hidden",
    }  # fmt: skip
    members = {"seq", "at", "kind"}
    assert {view["kind"]: view.keys() - members for view in _visitor()} == {
        "message": {"by", "text", "buttons", "image", "card", "author_name", "client_id"},
        "consent": {"given"},
        "email": {"address", "state"},
        "control": {"now", "reason", "holder_name"},
        "closed": {"by", "reason"},
        "redacted": {"message"},
        "corrected": {"what", "message", "value"},
        "transcript": {"sent", "address"},
        "file": {"file", "by", "name", "media", "size", "shows", "author_name", "client_id"},
        "file_hidden": {"file"},
    }
    assert {view["state"] for view in _visitor() if view["kind"] == "email"} == {"sent", "verified", "lost"}


def test_YA_14_no_note_no_staff_id_and_no_contact_reaches_the_visitor() -> None:
    told = repr(_visitor())
    for secret in (
        "difficult",
        AGENT_ID,
        CONTACT,
        "knows the order",
        "jane@x.org'",
        "/greet",
        "c-2",
        "c-3",
        "unverified",
    ):
        assert secret not in told.replace("I am Jane Doe, jane@x.org'", "")
    assert "j***@x.org" in told


@pytest.mark.parametrize("outcome", ["new", "unverified", "verified", "suppressed"])
def test_D_1_the_visitor_is_told_the_same_whatever_became_of_the_address(outcome: str) -> None:
    contact = "" if outcome == "suppressed" else CONTACT
    event = EmailSupplied(at=7, contact=contact, address="jane@x.org", by="visitor", outcome=outcome)
    assert visitor_view(Numbered(5, event)) == {
        "seq": 5, "at": 7, "kind": "email", "state": "sent", "address": "j***@x.org",
    }  # fmt: skip


def test_D_7_a_confirmation_elsewhere_tells_the_visitor_nothing() -> None:
    event = OptInConfirmed(at=9, verification="v", contact=CONTACT, same_browser=False)
    assert visitor_view(Numbered(5, event)) is None


def test_YA_14_a_member_sees_every_event() -> None:
    views = [member_view(one) for one in NUMBERED]
    assert None not in views
    told = repr(views)
    for known in (
        "difficult customer",
        "jane@x.org",
        "knows the order",
        "revoked",
        "unverified",
        "greet",
        "utter_greet",
    ):
        assert known in told


def test_a_member_sees_what_a_turn_understood_but_not_the_tracker() -> None:
    assert member_view(NUMBERED[3]) == {
        "seq": 4, "at": 4, "kind": "turn", "answers": 3,
        "intent": "greet", "confidence": 0.9, "actions": ["utter_greet"],
    }  # fmt: skip
    bare = BotStateChanged(at=4, answers=0, events=({"event": "user"}, {"event": "user", "parse_data": None}))
    view = member_view(Numbered(4, bare))
    assert view is not None
    assert view["intent"] == ""


def test_YA_14_whoever_reads_by_address_sees_no_person() -> None:
    views = external_view("c", NUMBERED)
    assert {view["kind"] for view in views} == {
        "opened",
        "message",
        "control",
        "closed",
        "redacted",
        "corrected",
        "file",
    }
    told = repr(views)
    for secret in (
        "difficult", "Ann", AGENT_ID, CONTACT, "jane", "Jane", "Doe", "0301234567", "shop.example", "cdn.example",
        "c-1", "c-2", "/greet", "/call", "hash", "deep",
    ):  # fmt: skip
        assert secret not in told, secret


def test_YA_18_visitor_and_staff_have_pseudonyms() -> None:
    names = [view["author_name"] for view in external_view("c", NUMBERED) if view["kind"] == "message"]
    assert names[0].startswith("Visitor ")
    assert names[1:] == ["Bot", "Agent 1"]


def test_a_recognised_browser_is_not_told_that_a_code_was_sent() -> None:
    """DD-7: its address is carried over by the house itself; whoever gives an address is always told the same (D-1)."""
    for by, state in (("visitor", "sent"), ("agent", "sent"), ("system", "verified")):
        event = EmailSupplied(at=1, contact="c", address="jane@visitors.example", by=by, outcome="verified")
        view = visitor_view(Numbered(1, event))
        assert view is not None
        assert (view["state"], view["address"]) == (state, "j***@visitors.example")
