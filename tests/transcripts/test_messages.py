"""TI-4: card numbers are masked before anything is stored."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcripts.events import MessageSent, NameGiven, NoteWritten
from transcripts.messages import mask_cards, message, storable

CARDS = {
    "visa": "4111111111111111",
    "visa of 13": "4222222222222",
    "visa of 19": "4000000000000000006",
    "mastercard": "5555555555554444",
    "mastercard 2": "2223003122003222",
    "amex": "378282246310005",
    "diners": "30569309025904",
    "discover": "6011111111111117",
    "jcb": "3530111333300000",
    "unionpay": "8171999927660000",
}


@pytest.mark.parametrize("number", CARDS.values(), ids=CARDS)
def test_TI_4_a_card_number_keeps_only_its_last_four_digits(number: str) -> None:
    masked = mask_cards(f"it is {number}, thanks")

    assert masked == f"it is {'•' * (len(number) - 4)}{number[-4:]}, thanks"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111 1111 1111 1111", "•••• •••• •••• 1111"),
        ("4111-1111-1111-1111 12/27 123", "••••-••••-••••-1111 12/27 123"),
        ("3782 822463 10005", "•••• •••••• •0005"),
        ("4111.1111.1111.1111", "••••.••••.••••.1111"),
        ("4111\n1111\t1111  1111", "••••\n••••\t••••  1111"),
        ("card4111111111111111x", "card••••••••••••1111x"),
        ("４１１１１１１１１１１１１１１１", "••••••••••••１１１１"),
        ("5555555555554444 4111111111111111", "••••••••••••4444 ••••••••••••1111"),
        ("4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1", "• • • • • • • • • • • • 1 1 1 1"),
    ],
)
def test_TI_4_however_it_is_grouped(text: str, masked: str) -> None:
    assert mask_cards(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111112",
        "1800000000000",
        "+4915123456789",
        "order 411111111111",
        "123456789012345678901234567890",
        "0000000000000000",
        "2026-11-21 10:30:00",
        "",
    ],
)
def test_what_is_no_card_number_stays(text: str) -> None:
    assert mask_cards(text) == text


def _luhn_digit(body: str) -> str:
    for last in "0123456789":
        digits = [int(digit) for digit in body + last]
        doubled = [digit * 2 - 9 * (digit > 4) if place % 2 else digit for place, digit in enumerate(digits[::-1])]
        if sum(doubled) % 10 == 0:
            return last
    raise AssertionError(body)


@given(st.sampled_from("56"), st.text("0123456789", min_size=14, max_size=14), st.sampled_from(["", " ", "-"]))
def test_TI_4_every_number_that_passes_luhn_is_masked(first: str, middle: str, separator: str) -> None:
    number = first + middle + _luhn_digit(first + middle)
    written = separator.join(number[at : at + 4] for at in range(0, 16, 4))

    masked = mask_cards(f"a {written} b")

    assert written not in masked
    assert masked.endswith(f"{number[-4:]} b")
    assert mask_cards(masked) == masked


@pytest.mark.parametrize("piece", ["4 ", "4", "9 -", "4111 "])
def test_a_text_made_to_hurt_does_not(piece: str) -> None:
    began = time.thread_time()
    mask_cards(piece * (4_000 // len(piece)))
    assert time.thread_time() - began < 0.5


def test_TI_4_the_constructor_masks_text_and_payload() -> None:
    made = message(at=1, by="visitor", text="4111111111111111", payload='/pay{"card": "4111 1111 1111 1111"}')

    assert made.text == "••••••••••••1111"
    assert made.payload == '/pay{"card": "•••• •••• •••• 1111"}'


def test_TI_4_what_was_made_without_the_constructor_is_masked_when_it_is_stored() -> None:
    said = MessageSent(at=1, by="visitor", text="4111111111111111", client_id="c")
    noted = NoteWritten(at=1, author="p", author_name="Ann", text="has 4111111111111111")

    assert storable(said) == MessageSent(at=1, by="visitor", text="••••••••••••1111", client_id="c")
    assert storable(noted) == NoteWritten(at=1, author="p", author_name="Ann", text="has ••••••••••••1111")


def test_what_needs_no_masking_is_not_copied() -> None:
    for event in (MessageSent(at=1, by="visitor", text="hello"), NameGiven(at=1, name="Ann")):
        assert storable(event) is event
