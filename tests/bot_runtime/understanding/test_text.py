"""How texts are cut, in scripts with and without spaces."""

import pytest

from bot_runtime.assistants.understanding.text import (
    grams_of,
    pairs_of,
    shape_of,
    stems_of,
    tokens_of,
    words_of,
    words_of_name,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("what's up, doc?", ["what", "s", "up", "doc", "?"]),
        ("5 € or $6!", ["5", "€", "or", "$", "6", "!"]),
        ("größe straße", ["größe", "straße"]),
        ("cafe\u0301 olé", ["cafe\u0301", "olé"]),
        ("नमस्ते दुनिया", ["नमस्ते", "दुनिया"]),
        ("你好吗", ["你", "好", "吗"]),
        ("สวัสดี", list("สวัสดี")),
        ("ok 👍", ["ok", "👍"]),
        ("", []),
        (" \n\t ", []),
    ],
)
def test_words_are_those_that_people_see(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_tokens_keep_their_places_and_their_case() -> None:
    text = "To Rome, by 10:30!"

    tokens = tokens_of(text)

    assert [token for token, _, _ in tokens] == ["To", "Rome", ",", "by", "10", ":", "30", "!"]
    assert all(text[start:end] == token for token, start, end in tokens)


def test_character_pieces_know_the_borders_of_words() -> None:
    assert grams_of("hi") == [" h", "hi", "i ", " hi", "hi ", " hi "]
    assert len(grams_of("x" * 4_000)) < 4 * 4_002


def test_pairs_and_beginnings() -> None:
    assert list(pairs_of(["a", "b", "c"])) == ["a b", "b c"]
    assert stems_of("booking") == ("book", "boo_")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ask_opening_hours", "ask opening hours"),
        ("FindConnection", "find connection"),
        ("oos-query/other", "oos query other"),
        ("YES", "yes"),
        ("???", ""),
    ],
)
def test_names_of_intents_are_read_as_sentences(name: str, words: str) -> None:
    assert words_of_name(name) == words


def test_outlines_fold_repetitions() -> None:
    assert [shape_of(token) for token in ("Berlin", "B52", "b", "!", "你")] == ["Xx", "Xd", "x", "!", "o"]
