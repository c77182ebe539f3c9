"""Short texts of people, and sites."""

import pytest

from admin.sites import MOST, read_site, read_sites
from admin.texts import line, paragraph, staff_email
from foundation.errors import Invalid


def test_a_line_is_kept_as_typed_without_the_blanks_around_it() -> None:
    assert line("  Ca\u0301fe <b>{{7*7}}</b> ${x} 👩‍💻 ", "name") == "Cáfe <b>{{7*7}}</b> ${x} 👩‍💻"
    assert line("", "label", least=0) == ""


@pytest.mark.parametrize(
    "text", ["", "   ", "x" * 81, "two\nlines", "esc\x1b[2J", "rtl\u202e", "zero\u200bwidth", "a\u2028b"]
)
def test_G_3_X_4_what_cannot_be_seen_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        line(text, "name")
    assert refused.value.data["field"] == "name"


def test_a_paragraph_keeps_its_lines() -> None:
    assert paragraph("one\r\ntwo\n", "greeting", most=20) == "one\ntwo"
    with pytest.raises(Invalid):
        paragraph("x" * 21, "greeting", most=20)


@pytest.mark.parametrize("text", ["olga@blue.example", " Olga@Blue.Example "])
def test_an_address_of_staff_is_one_name_in_any_spelling(text: str) -> None:
    assert staff_email(text) == "olga@blue.example"


@pytest.mark.parametrize(
    "text",
    ["", "olga", "olga@", "@blue.example", "Olga <olga@blue.example>", "alice@example.org]<bob@evil>",
    "a@b@c.example",
     "x\r\nBcc: v@x.example", "a" * 250 + "@b.example", "olga@[127.0.0.1]"],
)  # fmt: skip
def test_D_16_what_is_no_plain_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        staff_email(text)
    assert refused.value.data["field"] == "email"


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("https://www.example.com", "https://www.example.com"),
        ("WWW.Example.com/", "https://www.example.com"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://example.com:8443", "https://example.com:8443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://127.0.0.1:8800", "http://127.0.0.1:8800"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
    ],
)
def test_PS_10_YA_27_sites_are_kept_in_one_form(text: str, site: str) -> None:
    assert read_site(text) == site


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "http://example.com", "https://", "https://*", "https://*.com", "https://a.*.com",
    "ftp://a.example",
     "https://user@a.example", "https://a.example/path", "https://a.example?x", "https://a.example#x",
     "https://a.example;x",
     "'unsafe-inline'", "https://a_b.example", "https://a.example:99999", "https://-a.example", "data:text/html,x",
     "*"],
)  # fmt: skip
def test_C_13_what_could_be_more_than_a_site_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_site(text)
    assert refused.value.data["field"] == "sites"


def test_a_list_of_sites_may_be_written_in_any_way() -> None:
    assert read_sites("a.example\nhttps://b.example, a.example\r\n") == ("https://a.example", "https://b.example")
    with pytest.raises(Invalid):
        read_sites(" ".join(f"s{number}.example" for number in range(MOST + 1)))
