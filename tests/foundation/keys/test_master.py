"""K-11: no start with a master key that is missing, open to others, of the wrong length or not random."""

import base64
import os
import pickle
import stat
from pathlib import Path

import pytest

from foundation.keys import MasterKey, MasterKeyError, create_master_key, load_master_key
from foundation.keys.master import ENVIRONMENT, EXAMPLE, derive

GOOD = bytes(range(32))


def text_of(secret: bytes) -> str:
    return base64.urlsafe_b64encode(secret).rstrip(b"=").decode()


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    file = folder / "master.key"
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return key_file(tmp_path, text_of(GOOD) + "\n")


def test_a_key_from_a_file(file: Path) -> None:
    assert load_master_key(file, {}) == MasterKey(GOOD)
    file.chmod(0o400)
    assert load_master_key(file, {"OTHER": "x"}) == MasterKey(GOOD)


@pytest.mark.parametrize("ending", ["", "\n", "=", "=\n", "\r\n"])
def test_padding_and_line_ends_do_not_matter(tmp_path: Path, ending: str) -> None:
    assert load_master_key(key_file(tmp_path, text_of(GOOD) + ending), {}) == MasterKey(GOOD)


def test_the_environment_comes_first(file: Path) -> None:
    other = bytes(range(1, 33))
    assert load_master_key(file, {ENVIRONMENT: text_of(other)}) == MasterKey(other)
    assert load_master_key(file.parent / "missing", {ENVIRONMENT: text_of(other)}) == MasterKey(other)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666, 0o700, 0o601, 0o4600])
def test_K_11_a_file_that_others_may_use_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(MasterKeyError, match=f"has mode {mode:04o}.*chmod 600"):
        load_master_key(file, {})


def test_K_11_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match=r"There is no master key: the file .*nowhere\.key does not exist"):
        load_master_key(tmp_path / "nowhere.key", {})
    with pytest.raises(MasterKeyError, match="is not a file"):
        load_master_key(tmp_path, {})
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(MasterKeyError, match="is not a file"):
        load_master_key(tmp_path / "pipe", {})


BAD = {
    "31 bytes": (text_of(GOOD[:31]), "must have 32 bytes; this one has 31"),
    "33 bytes": (text_of(GOOD + b"x"), "must have 32 bytes; this one has 33"),
    "all zero": (text_of(bytes(32)), "not random"),
    "one byte again and again": (text_of(b"\xaa" * 32), "not random"),
    "a short pattern": (text_of(b"abcd" * 8), "not random"),
    "the example": (EXAMPLE, "example of the documentation"),
    "the example, padded": (EXAMPLE + "=", "example of the documentation"),
    "nothing": ("", "is empty"),
    "blanks": (" \n ", "is empty"),
    "not base64": ("this is my secret key, do not tell it!", "43 characters of base64url"),
    "hexadecimal": (GOOD.hex(), "must have 32 bytes; this one has 48"),
    "standard base64": (base64.b64encode(b"\xff" * 16 + GOOD[:16]).decode(), "43 characters of base64url"),
    "two lines": (text_of(GOOD) + "\n" + text_of(GOOD), "43 characters of base64url"),
    "one character": ("A", "43 characters of base64url"),
}


@pytest.mark.parametrize("case", BAD)
def test_K_11_what_is_no_good_key_is_refused_without_being_shown(tmp_path: Path, case: str) -> None:
    text, reason = BAD[case]
    for where, load in (
        ("The file", lambda: load_master_key(key_file(tmp_path, text), {})),
        (f"The variable {ENVIRONMENT}", lambda: load_master_key(tmp_path / "none", {ENVIRONMENT: text})),
    ):
        with pytest.raises(MasterKeyError, match=reason) as refusal:
            load()
        said = str(refusal.value)
        assert said.startswith(where)
        assert said.endswith(".")
        assert len(text.strip()) < 2 or text.strip() not in said
        assert refusal.value.__cause__ is None


def test_a_new_key_is_random_durable_and_for_its_owner_only(tmp_path: Path) -> None:
    before = os.umask(0o377)
    try:
        made = create_master_key(tmp_path / "deep" / "master.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "deep" / "master.key").stat().st_mode) == 0o600
    assert load_master_key(tmp_path / "deep" / "master.key", {}) == made
    assert create_master_key(tmp_path / "other.key") != made


def test_a_key_is_never_overwritten(file: Path) -> None:
    with pytest.raises(MasterKeyError, match="exists already"):
        create_master_key(file)
    assert load_master_key(file, {}) == MasterKey(GOOD)


def test_a_key_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MasterKeyError, match="cannot be made"):
        create_master_key(tmp_path / "file" / "master.key")


def test_a_key_is_not_shown_and_does_not_leave() -> None:
    key = MasterKey(GOOD)
    assert repr(key) == str(key) == "MasterKey(…)"
    assert f"{key!r}" == "MasterKey(…)"
    with pytest.raises(TypeError):
        pickle.dumps(key)
    assert not hasattr(key, "__dict__")


def test_its_name_tells_nothing_and_is_its_own() -> None:
    one, other = MasterKey(GOOD), MasterKey(bytes(range(1, 33)))
    assert one.id == MasterKey(GOOD).id != other.id
    assert {one, MasterKey(GOOD), other} == {one, other}
    assert one != GOOD
    assert len(one.id) == 22


def test_every_purpose_has_a_key_of_its_own() -> None:
    labels = [("a",), ("b",), ("a", "b"), ("ab",), ("a", "", "b"), ()]
    assert len({derive(GOOD, *label) for label in labels}) == len(labels)
    assert derive(GOOD, "token", "email") == derive(GOOD, "token", "email") != derive(bytes(32), "token", "email")
    assert derive(GOOD, "master wrap").hex() == DERIVED, "what was derived once must be derived for ever"


DERIVED = "e84db60bc9aaf11ced7c15a74e476e96a2b135645b9e4adde1374eabad640d43"
