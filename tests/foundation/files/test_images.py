"""Pictures are put together anew: no place, no camera, no comment, nothing behind the end (U-5, U-7)."""

import random

import pytest

from foundation.files.images import NotClean, cleaned
from tests import pictures as made

HIDDEN = {
    "image/png": made.png((b"tEXt", b"Author\0" + made.GPS), (b"eXIf", made.exif())) + made.archive(a="1"),
    "image/jpeg": made.jpeg(tail=made.HTML),
    "image/gif": made.gif(tail=made.archive(a="1")),
    "image/webp": made.webp() + made.HTML,
}


@pytest.mark.parametrize("media", HIDDEN)
def test_U_7_no_place_and_no_second_file_are_left_in_a_picture(media: str) -> None:
    content = HIDDEN[media]
    assert made.GPS in content
    clean = cleaned(media, content)
    assert made.GPS not in clean
    for other in (b"PK\x03\x04", b"<script", b"<?php", b"adobe.com/xap"):
        assert other not in clean
    assert cleaned(media, clean) == clean, "and it still is a picture"


def test_a_png_without_hidden_parts_stays_as_it_is() -> None:
    assert cleaned("image/png", made.png()) == made.png()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_photograph_keeps_its_orientation_and_nothing_else_of_exif(orientation: int) -> None:
    clean = cleaned("image/jpeg", made.jpeg(orientation=orientation))
    assert (b"Exif" in clean) is (orientation != 1)
    assert (b"\x01\x12\0\x03\0\0\0\x01" + bytes((0, orientation)) in clean) is (orientation != 1)


def test_U_5_a_picture_of_too_many_pixels_is_refused() -> None:
    with pytest.raises(NotClean, match="pixels"):
        cleaned("image/png", made.png(width=30_000, height=30_000))


@pytest.mark.parametrize("media", HIDDEN)
def test_a_picture_cut_anywhere_or_changed_anyhow_ends_in_one_error(media: str) -> None:
    content = cleaned(media, HIDDEN[media])
    for end in range(len(content)):
        with pytest.raises(NotClean):
            cleaned(media, content[:end])
    chance = random.Random(7)  # noqa: S311 - the same every time
    for _ in range(2_000):
        broken = bytearray(content)
        broken[chance.randrange(len(broken))] = chance.randrange(256)
        try:
            assert len(cleaned(media, bytes(broken))) <= len(content) + 40
        except NotClean:
            continue
