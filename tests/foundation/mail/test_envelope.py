"""D-14, D-15, D-16: what a mail looks like, and that no value in it can bend it."""

import re
from email import message_from_bytes
from email.policy import default

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.errors import Invalid
from foundation.mail import Envelope, compose, new_message_id

NOW = 1_800_000_000_123
MAIL = Envelope(sender="Blue Shop <desk@shop.example>", to="mia@example.org", subject="Your code", text="123 456\n")


def changed(**values: object) -> Envelope:
    return Envelope(**{name: getattr(MAIL, name) for name in MAIL.__struct_fields__} | values)


def test_D_14_the_whole_mail_is_known_to_the_letter() -> None:
    mail = changed(message_id="<abc@shop.example>", language="de", headers={"Reply-To": "help@shop.example"})
    assert compose(mail, at=NOW).as_bytes().decode() == (
        "From: Blue Shop <desk@shop.example>\r\n"
        "To: mia@example.org\r\n"
        "Subject: Your code\r\n"
        "Date: Fri, 15 Jan 2027 08:00:00 +0000\r\n"
        "Message-ID: <abc@shop.example>\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "Reply-To: help@shop.example\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\n'
        "Content-Transfer-Encoding: 7bit\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Language: de\r\n"
        "\r\n"
        "123 456\r\n"
    )


def test_D_14_a_message_id_is_of_the_senders_domain() -> None:
    first, second = new_message_id(MAIL.sender), new_message_id("desk@shop.example")
    assert re.fullmatch(r"<[\w-]{22}@shop\.example>", first)
    assert first != second
    assert compose(MAIL)["Message-ID"].endswith("@shop.example>")


def test_html_comes_beside_text_never_alone() -> None:
    message = compose(changed(html="<p>123 456</p>"), at=NOW)
    parts = [part.get_content_type() for part in message.walk()]
    assert parts == ["multipart/alternative", "text/plain", "text/html"]


def test_words_of_any_language_arrive() -> None:
    mail = changed(sender="Blaues Geschäft 🌷 <desk@shop.example>", subject="Ihr Code für Mía", text="ümläut 🌷\n")
    read = message_from_bytes(compose(mail).as_bytes(), policy=default)
    assert read["Subject"] == mail.subject
    assert read["From"].addresses[0].display_name == "Blaues Geschäft 🌷"
    assert read.get_content().replace("\r\n", "\n") == mail.text


@pytest.mark.parametrize("sender", ["desk@shop.example", "<desk@shop.example>", '"Shop, Blue" <desk@shop.example>',
                                    "frontdesk@localhost"])  # fmt: skip
def test_a_sender_may_have_a_name(sender: str) -> None:
    address = message_from_bytes(compose(changed(sender=sender)).as_bytes(), policy=default)["From"].addresses
    assert len(address) == 1
    assert address[0].addr_spec in {"desk@shop.example", "frontdesk@localhost"}
    assert address[0].display_name in {"", "Shop, Blue"}


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x00", "\x1b", "\x85", "\u2028", "\u2029", "\x7f", "\ud800"])
@pytest.mark.parametrize("field", ["sender", "to", "subject", "headers", "message_id", "language"])
def test_D_15_a_line_cannot_be_broken(field: str, break_: str) -> None:
    value: object = f"x{break_}Bcc: v@x.example"
    if field in {"sender", "to"}:
        value = f"mia@example.org{break_}Bcc: v@x.example"
    if field == "headers":
        value = {"X-A": value}
    with pytest.raises(Invalid) as caught:
        compose(changed(**{field: value}))
    assert caught.value.data["field"] == field


@pytest.mark.parametrize("address", [
    "alice@example.org]<bob@evil.example>", "alice@example.org, bob@evil.example", "<alice@example.org>", "alice", "",
    "Alice <alice@example.org>", "alice@example.org;bob@evil.example", "a b@example.org", '"a b"@example.org',
    "alice@example.org (bob@evil.example)", "alice@@example.org", "@example.org", "alice@", "a" * 65 + "@example.org",
    "alice@example.org>", "alice\\@example.org@evil.example", "alice@exa mple.org", "group:alice@example.org;",
    "alice@example.org\tbob@evil.example", ".alice@example.org", "alice..b@example.org",
])  # fmt: skip
def test_D_16_one_address_and_nothing_else(address: str) -> None:
    with pytest.raises(Invalid) as caught:
        compose(changed(to=address))
    assert caught.value.data["field"] == "to"


@pytest.mark.parametrize("name", [
    "Bcc", "bcc", "To", "From", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "MIME-Version",
    "Content-Transfer-Encoding", "Received", "Return-Path", "Sender", "Cc", "Resent-To", "DKIM-Signature", "X A", "X:",
    "", "X-\r\nA", "1X", "ÄX", "x" * 64,
])  # fmt: skip
def test_headers_that_decide_cannot_be_given(name: str) -> None:
    with pytest.raises(Invalid) as caught:
        compose(changed(headers={name: "x"}))
    assert caught.value.data["field"] == "headers"


@pytest.mark.parametrize("identity", ["abc@shop.example", "<abc>", "<a b@c>", "<a@b>\r\nX: y", "<a@b><c@d>"])
def test_a_message_id_has_one_form(identity: str) -> None:
    with pytest.raises(Invalid):
        compose(changed(message_id=identity))


def test_a_text_that_no_mail_can_carry_is_refused() -> None:
    with pytest.raises(Invalid, match="characters"):
        compose(changed(text="\ud800"))
    with pytest.raises(Invalid, match="At most"):
        compose(changed(subject="x" * 201))


@given(st.text(max_size=300), st.text(max_size=80), st.text(max_size=60))
def test_whatever_is_given_the_head_is_ours(subject: str, name: str, value: str) -> None:
    """Either it is refused, or a reader finds exactly the headers that were meant."""
    mail = changed(subject=subject, sender=f"{name} <desk@shop.example>", headers={"X-A": value})
    try:
        data = compose(mail, at=NOW).as_bytes()
    except Invalid:
        return
    read = message_from_bytes(data, policy=default)
    assert sorted(set(read.keys())) == [
        "Auto-Submitted", "Content-Language", "Content-Transfer-Encoding", "Content-Type", "Date", "From",
        "MIME-Version", "Message-ID", "Subject", "To", "X-A",
    ]  # fmt: skip
    assert len(read.keys()) == 11
    assert [address.addr_spec for address in read["From"].addresses] == ["desk@shop.example"]
    assert [address.addr_spec for address in read["To"].addresses] == ["mia@example.org"]
