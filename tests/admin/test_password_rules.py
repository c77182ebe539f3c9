"""Which passwords are acceptable (A-13, A-14)."""

import hashlib
import time

import pytest

from admin.password_rules import is_common, normal_password, require_acceptable
from foundation.errors import Invalid


@pytest.mark.parametrize(
    "password",
    [
        "password12", "Password123!", "P@ssw0rd2024", "pa55word!!", "1234567890", "0987654321", "qwertyuiop",
        "QWERTZUIOP",
        "qwerty12345", "1q2w3e4r5t", "q1w2e3r4t5", "1qaz2wsx3edc", "zaq12wsxcde3", "asdfghjkl123", "aaaaaaaaaaaa",
        "abcabcabcabc", "abcdefghijk", "iloveyou123", "letmein2024!", "welcome12345", "Willkommen1!", "administrator",
        "admin123456", "basketball", "football2010", "passwordpassword", "monkeydragon1", "!!!changeme!!!",
        "1212121212",
        "20101224200", "+43 664 1234567", "unbelievable", "superman1234", "Sommer2024!", "trustno1trustno1",
        "frontdesk2026",
    ],
)  # fmt: skip
def test_A_14_what_anybody_would_try_first_is_refused(password: str) -> None:
    with pytest.raises(Invalid, match="first passwords"):
        require_acceptable(password)


@pytest.mark.parametrize("password", ["jane.doe.1987", "JaneDoe2024!", "d0e-jane-123", "Jane-Jane-77", "doe!doe!doe"])
def test_A_14_a_password_is_not_made_of_its_owners_name(password: str) -> None:
    with pytest.raises(Invalid, match="first passwords"):
        require_acceptable(password, about=("jane.doe", "Jane Doe"))


@pytest.mark.parametrize(
    "password",
    ["tall lamps near the harbour", "k7mw-3qxt-9hfd-v2rz", "correct horse battery", "Zwölf Boxkämpfer jagen",
    "пароль из слов",
     "🐙🐳🦑🐡🦀🐠🐟🦐🐚🐋", "x7!Gq2#Lw9", "welcome to my humble shed", "Dq8-_wZ31xYtR0aa"],
)  # fmt: skip
def test_A_14_other_passwords_are_taken(password: str) -> None:
    require_acceptable(password, about=("jane.doe", "Jane Doe"))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "at least 10"),
        ("short pw!", "at least 10"),
        ("A" * 129, "at most 128"),
        ("ﷺ" * 20, "at most 128"),
        ("x" * 1_000_000, "at most 128"),
        ("tall lamps\0near", "cannot be typed"),
        ("tall lamps\nnear", "cannot be typed"),
    ],
)
def test_A_13_length_and_signs(password: str, why: str) -> None:
    with pytest.raises(Invalid, match=why) as refused:
        require_acceptable(password)
    assert refused.value.data["field"] == "password"


def test_A_13_128_signs_are_taken_whole() -> None:
    require_acceptable(hashlib.sha512(b"128 signs").hexdigest())


def test_A_13_another_keyboard_types_the_same_password() -> None:
    assert normal_password("Ａmelie ﬁnds cafe\u0301") == "Amelie finds café"


def test_Z_9_the_rules_take_no_time_for_anything_that_is_sent() -> None:
    started = time.thread_time()
    for sign in ("a", "1", "!", "\u0301", "\U0001f600"):
        is_common(sign * 127 + "x")
        with pytest.raises(Invalid):
            require_acceptable(sign * 60_000)
    assert time.thread_time() - started < 0.25
