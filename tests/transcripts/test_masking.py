"""YA-14, YA-18: what a reader by address sees of people."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.masking import Veil, mask_address, mask_personal, pseudonym


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("jane@example.org", "j***@example.org"),
        ("j@x.org", "j***@x.org"),
        ("a.very.long+tag@sub.example.co", "a***@sub.example.co"),
        ("not an address", "***"),
        ("", "***"),
    ],
)
def test_an_address_keeps_its_first_letter_and_domain(address: str, masked: str) -> None:
    assert mask_address(address) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to jane.doe@example.org.", "write to j***@example.org."),
        ("<jane@example.org>, bob@x.de", "<j***@example.org>, b***@x.de"),
        ("call +49 (0)30 1234-567 now", "call ••• now"),
        ("call 0301234567", "call •••"),
        ("555-123-4567", "•••"),
        ("my IBAN is DE89 3704 0044 0532 0130 00 ok", "my IBAN is ••• ok"),
        ("see https://shop.example/me?token=abc and www.x.org/y", "see ••• and •••"),
        ("card •••• •••• •••• 1111", "card •••• •••• •••• 1111"),
    ],
)
def test_YA_14_what_leads_to_a_person_is_masked(text: str, masked: str) -> None:
    assert mask_personal(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "a table for 4 at 19:30, please",
        "on 2026-11-21 or 21.11.2026 or 1/2/2026",
        "2026-11-21 19:30",
        "it costs 1,299.00 €",
        "room 12345",
        "it is 100 % sure",
    ],
)
def test_what_says_nothing_about_a_person_stays(text: str) -> None:
    assert mask_personal(text) == text


@given(st.text(max_size=60), st.from_regex(r"[a-z]{2,10}@[a-z]{2,10}\.org", fullmatch=True), st.text(max_size=60))
def test_YA_14_no_address_survives_wherever_it_stands(before: str, address: str, after: str) -> None:
    assert address not in mask_personal(f"{before} {address} {after}")


@given(st.text(max_size=200))
def test_masking_is_total_and_done_once(text: str) -> None:
    assert mask_personal(mask_personal(text)) == mask_personal(text)


def test_YA_18_a_pseudonym_is_stable_and_of_one_conversation() -> None:
    assert pseudonym("a") == pseudonym("a")
    assert pseudonym("a") != pseudonym("b")
    assert re.fullmatch(r"Visitor [0-9A-F]{4}", pseudonym("a"))


def test_YA_18_a_known_name_is_hidden_wherever_it_is_said() -> None:
    veil = Veil("c", ["Jane Doe"])
    assert veil.text("Hi Jane! Is JANE DOE or Mrs. doe here? Janet is not.") == (
        f"Hi {veil.visitor}! Is {veil.visitor} or Mrs. {veil.visitor} here? Janet is not."
    )


def test_a_name_full_of_signs_is_only_a_name() -> None:
    veil = Veil("c", [".*", "(", "J"])
    assert veil.text("J said: ( and ) and more") == "J said: ( and ) and more"
    assert Veil("c", [r"a\1b"]).text(r"say a\1b") == f"say {pseudonym('c')}"


def test_staff_are_numbered_in_the_order_they_spoke() -> None:
    veil = Veil("c", (), {"a-1": "Will Doe", "b-2": "Ann"})
    assert (veil.agent("a-1"), veil.agent("b-2"), veil.agent("zed")) == ("Agent 1", "Agent 2", "Agent")
    assert veil.text("Will will ask Ann") == "Agent 1 will ask Agent 2"
