"""What makes a password acceptable: long enough, and not one of the first that anybody would try (A-13, A-14).

Passwords are compared in Unicode's NFKC form, so that another keyboard or phone types the same one. Nothing is cut off:
what is too long is refused. There are no rules about kinds of characters, which make passwords worse (NIST SP 800-63B).
Common ones are recognised by how they are made (a known word with digits around it, in disguise, twice; walks over the
keyboard; one short piece repeated), which catches the variants that no list has.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

from admin.common_words import COMMON_WORDS
from foundation.errors import Invalid

SHORTEST = 10
LONGEST = 128
"""Characters; more would only be work for whoever hashes them."""

_DISGUISES = str.maketrans("@4831!0$57", "aabeiiosst")

_ROWS = (
    "1234567890", "qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "azertyuiop", "qsdfghjklm",
    "abcdefghijklmnopqrstuvwxyz",
    "1qaz", "2wsx", "3edc", "4rfv", "5tgb", "6yhn", "7ujm", "8ik", "9ol", "zaq1", "xsw2", "cde3", "vfr4", "bgt5",
)  # fmt: skip
_NEIGHBOURS = frozenset(pair for row in _ROWS for one, other in pairwise(row) for pair in (one + other, other + one))
_PREDICTABLE = 0.75
"""Share of steps to a neighbouring or the same key from which a password is a walk; ordinary text has a tenth."""


def normal_password(password: str) -> str:
    """The form in which passwords are hashed and compared."""
    return unicodedata.normalize("NFKC", password)


def is_too_long(password: str) -> bool:
    """Whether this cannot be anybody's password, so that nothing long is ever normalised or hashed."""
    return len(password) > LONGEST


def require_acceptable(password: str, *, about: Sequence[str] = (), field: str = "password") -> None:
    """Raise `Invalid` unless this may become a password. `about`: words on its owner that must not make it up."""
    normal = "" if is_too_long(password) else normal_password(password)
    if is_too_long(password) or is_too_long(normal):
        raise Invalid(f"A password has at most {LONGEST} characters.", field=field)
    if len(normal) < SHORTEST:
        raise Invalid(f"Please use at least {SHORTEST} characters; a few words together are good.", field=field)
    if any(unicodedata.category(sign) == "Cc" for sign in normal):
        raise Invalid("There is a sign in it that cannot be typed.", field=field)
    if is_common(normal, about):
        raise Invalid("This is among the first passwords that anybody would try. Please choose another.", field=field)


def is_common(password: str, about: Iterable[str] = ()) -> bool:
    """Whether this is made the way common passwords are made."""
    folded = password.casefold()
    if len(set(folded)) < 5 or _is_repetition(folded) or _is_walk(folded):
        return True
    words = COMMON_WORDS | {word for text in about for word in _words_in(text)}
    return _is_made_of(_stem(folded), words)


def _is_repetition(text: str) -> bool:
    """One piece, again and again; the last one may be cut."""
    return any(text[size:] == text[:-size] for size in range(1, len(text) // 2 + 1))


def _is_walk(text: str) -> bool:
    """Steps from key to key, by one hand or by two in turn (`1q2w3e4r5t`)."""
    return any(_share_of_steps(keys) >= _PREDICTABLE for keys in (text, text[::2] + text[1::2]))


def _share_of_steps(keys: str) -> float:
    steps = [one + other for one, other in pairwise(keys)]
    return sum(step in _NEIGHBOURS or step[0] == step[1] for step in steps) / max(1, len(steps))


def _stem(text: str) -> str:
    """The letters that remain without the digits and signs around them, and without disguises within."""
    letters = [place for place, sign in enumerate(text) if sign.isalpha()]
    if not letters:
        return "" if text.isascii() else text
    within = text[letters[0] : letters[-1] + 1].translate(_DISGUISES)
    return "".join(sign for sign in within if sign.isalpha())


def _is_made_of(stem: str, words: Iterable[str]) -> bool:
    """Nothing, one known word, or two. Only digits and signs are no password either: dates, numbers of telephones."""
    known = set(words)
    return stem in known | {""} or any(stem[:cut] in known and stem[cut:] in known for cut in range(1, len(stem)))


def _words_in(text: str) -> set[str]:
    words = "".join(sign if sign.isalpha() else " " for sign in text.casefold()).split()
    return {word for word in words if len(word) > 2} | {"".join(words)} - {""}
