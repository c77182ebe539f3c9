"""What a file is, by content, extension and declared type together (PS-8, U-1 … U-6)."""

import pytest

from foundation.files.kinds import agreed, clean_name, recognise, unlisted
from tests import pictures as made

TAKEN = {
    "photo.png": ("image/png", made.png()),
    "A.JPG ": ("image/jpeg", made.jpeg()),
    "loop.gif": ("image/gif", made.gif()),
    "small.webp": ("image/webp", made.webp()),
    "letter.pdf": ("application/pdf", made.PDF),
    "letter.docx": ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", made.docx()),
    "things.zip": ("application/zip", made.archive(a="1")),
    "notes.txt": ("text/plain", "Grüße\n".encode()),
    "page as words.txt": ("text/plain", made.HTML),
    "unknown to the browser.pdf": ("application/octet-stream", made.PDF),
    "setup.exe": ("application/x-msdownload", made.PROGRAM),
    "www.example.com.png": ("image/png", made.png()),
}


@pytest.mark.parametrize("name", TAKEN)
def test_U_1_a_file_that_is_what_it_says_has_a_kind(name: str) -> None:
    declared, content = TAKEN[name]
    assert agreed(clean_name(name), declared, content) is not None


DISGUISED = {
    "a ZIP named .png": ("a.png", "image/png", made.archive(a="1")),
    "a page named .png": ("a.png", "image/png", made.HTML),
    "a drawing named .png": ("a.png", "image/png", made.SVG),
    "a program named .pdf": ("a.pdf", "application/pdf", made.PROGRAM),
    "a program named .txt": ("a.txt", "text/plain", made.PROGRAM),
    "a picture declared as a page": ("a.png", "text/html", made.png()),
    "a page declared as a picture": ("a.html", "image/png", made.HTML),
    "a picture of another format": ("a.png", "image/png", made.jpeg()),
    "magic bytes before a program": ("a.php", "image/png", made.png()),
    "two extensions, the last harmless": ("shell.php.jpg", "image/jpeg", made.jpeg()),
    "two extensions, the last a program's": ("a.jpg.php", "image/jpeg", made.jpeg()),
    "an extension nobody knows": ("a.qqq", "application/octet-stream", b"words"),
    "no extension": ("a", "text/plain", b"words"),
    "a document with macros": (
        "a.docx",
        "",
        made.archive(**{"[Content_Types]_dot_xml": "", "word__vbaProject_dot_bin": "x"}),
    ),
    "a ZIP that begins elsewhere": ("a.zip", "application/zip", b"junk" + made.archive(a="1")),
    "zeros named .txt": ("a.txt", "text/plain", bytes(100)),
}


@pytest.mark.parametrize("case", DISGUISED)
def test_U_1_U_4_what_does_not_agree_has_no_kind(case: str) -> None:
    assert agreed(*DISGUISED[case]) is None


def test_U_6_an_archive_with_too_long_a_table_of_contents_is_not_read() -> None:
    end = made.archive(a="1")
    at = end.rfind(b"PK\x05\x06")
    assert recognise(end) == "zip"
    assert recognise(end[: at + 10] + b"\xff\xff" + end[at + 12 :]) == "unknown"


def test_a_listed_extension_that_nobody_knows_is_taken_only_for_bytes_without_a_kind() -> None:
    assert unlisted("plan.dwg", b"AC1032" + bytes(range(256))) is not None
    assert unlisted("plan.dwg", made.PROGRAM) is None
    assert unlisted("plan.dwg", made.HTML) is None
    assert unlisted("plan.pdf", b"words") is None


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.txt", "passwd.txt"),
        ("C:\\Users\\Jane\\a.txt", "a.txt"),
        ("a.jpg\0.php", ""),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
        ("  .hidden. ", "hidden"),
        ("..", ""),
        ("", ""),
        ("Ｇrüße 📎.pdf", "Ｇrüße 📎.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
    ],
)
def test_names_lose_paths_and_what_cannot_be_seen(given: str, kept: str) -> None:
    assert clean_name(given) == kept
