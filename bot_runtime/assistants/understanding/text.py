"""How a text falls into pieces: words for intents, tokens with offsets for entities, character n-grams for both.

The same functions cut the training examples and the visitor's messages, so what was learned is what is looked up. All
of them are linear in the length of the text, and callers cut a text to `MAX_CHARACTERS` first. Scripts that are written
without spaces (Chinese, Japanese, Thai, Lao, Khmer, Burmese) are cut into single characters.
"""

import re
from collections.abc import Iterator

MAX_CHARACTERS = 4_000
"""What lies behind it is not looked at: nobody asks a bot a longer question, and a parse has an upper cost."""

_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARKS = (
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed\u0900-\u0963\u0971-\u0dff"
)
"""Vowel signs and accents that are no word characters to `re`, yet belong to the word they stand in."""

_EMOJI = "\u2600-\u27bf\U0001f000-\U0001faff"
_WORD = rf"[^\W{_UNSPACED}]+(?:[{_MARKS}]+[^\W{_UNSPACED}]*)*"

_WORDS = re.compile(rf"{_WORD}|[?!$€£{_UNSPACED}{_EMOJI}]")
_TOKENS = re.compile(rf"{_WORD}|[^\w\s]|[{_UNSPACED}]")
_NAME_BREAK = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|[\W_]+")

SHORTEST, LONGEST = 2, 5
"""Lengths of character n-grams."""


def words_of(lowered: str) -> list[str]:
    """The words of a lower-cased text, with `? ! $ € £` and emoji as words of their own."""
    return _WORDS.findall(lowered)


def pairs_of(words: list[str]) -> Iterator[str]:
    """Neighbouring words, as one string each."""
    return map("{} {}".format, words, words[1:])


def stems_of(word: str) -> tuple[str, str]:
    """The beginnings of a word, which inflections mostly share."""
    return word[:4], f"{word[:3]}_"


def grams_of(chunk: str) -> list[str]:
    """Character n-grams of one blank-separated piece; its borders count as a blank."""
    padded = f" {chunk} "
    length = len(padded)
    return [
        padded[at : at + size] for size in range(SHORTEST, min(LONGEST, length) + 1) for at in range(length - size + 1)
    ]


def tokens_of(text: str) -> list[tuple[str, int, int]]:
    """Words and single punctuation marks with their start and end, as written."""
    return [(match[0], match.start(), match.end()) for match in _TOKENS.finditer(text)]


def words_of_name(name: str) -> str:
    """An intent's name as a sentence: `ask_openingHours` says `ask opening hours`."""
    return _NAME_BREAK.sub(" ", name).strip().lower()


def normalised(words: list[str]) -> str:
    """The form in which two texts are the same sentence: punctuation (but `? ! $ € £`) and spacing do not matter."""
    return " ".join(words)


_SHAPE = re.compile(r"([A-Z]+)|([a-z]+)|(\d+)|(\w+)")


def shape_of(token: str) -> str:
    """A token's outline with repetitions folded: `Berlin` is `Xx`, `B-52` is `X`, `-`, `d`."""
    return _SHAPE.sub(_outline, token)


def _outline(match: re.Match[str]) -> str:
    return "Xxdo"[(match.lastindex or 4) - 1]
