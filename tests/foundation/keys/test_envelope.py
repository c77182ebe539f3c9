"""The sealed envelope: nothing of it can be changed, moved or told apart; its format is fixed for ever."""

import json
import multiprocessing
import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from foundation.ids import new_id
from foundation.keys import Cipher, Damaged, KeyDestroyed, KeyWorn
from foundation.keys.envelope import MAX_SEALS, OVERHEAD, bind, id_bytes, padded_length, sealed_with

KEY = "AAECAwQFBgcICQoLDA0ODw"
SECRET = bytes(range(32))
BOUND = ("row", "person", "blue", "p1", 1, "role", "agent")
VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text("utf-8"))


@pytest.fixture
def cipher() -> Cipher:
    return Cipher(KEY, SECRET, "blue")


def test_what_is_sealed_opens_with_the_same_bound_values(cipher: Cipher) -> None:
    sealed = cipher.seal(b"hello", *BOUND)
    assert cipher.open(sealed, *BOUND) == b"hello"
    assert b"hello" not in sealed
    assert sealed_with(sealed) == KEY


def test_K_1_any_flipped_bit_is_damage(cipher: Cipher) -> None:
    """Every bit of the header, nonce, ciphertext and tag of a record of 200 bytes; nothing of the text is told."""
    sealed = cipher.seal(b"a record of two hundred bytes ".ljust(200, b"."), *BOUND)
    for bit in range(len(sealed) * 8):
        flipped = bytearray(sealed)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged) as refusal:
            cipher.open(bytes(flipped), *BOUND)
        assert refusal.value.members() == Damaged().members()


def test_K_1_any_cut_or_addition_is_damage(cipher: Cipher) -> None:
    sealed = cipher.seal(b"x" * 200, *BOUND)
    for length in range(len(sealed)):
        with pytest.raises(Damaged):
            cipher.open(sealed[:length], *BOUND)
    for more in (b"\0", sealed, os.urandom(64)):
        with pytest.raises(Damaged):
            cipher.open(sealed + more, *BOUND)
        with pytest.raises(Damaged):
            cipher.open(more + sealed, *BOUND)


OTHER_BOUNDS = [
    ("row", "person", "blue", "p1", 2, "role", "agent"),
    ("row", "person", "blue", "p1", "1", "role", "agent"),
    ("row", "person", "blue", "p2", 1, "role", "agent"),
    ("row", "person", "green", "p1", 1, "role", "agent"),
    ("row", "person", "bluep1", "", 1, "role", "agent"),
    ("row", "contact", "blue", "p1", 1, "role", "agent"),
    ("batch", "person", "blue", "p1", 1, "role", "agent"),
    ("row", "person", "blue", "p1", 1, "role", "super_admin"),
    ("row", "person", "blue", "p1", 1, "role", b"agent"),
    ("row", "person", "blue", "p1", 1, "role"),
    ("row", "person", "blue", "p1", 1),
    ("row", "person", "blue", "p1", 1, "role", None),
    ("row", "person", "blue", "p1", 1, "role", "agent", None),
    ("row", "person", "blue", "p1", 1, "agent", "role"),
    (),
]


@pytest.mark.parametrize("bound", OTHER_BOUNDS, ids=repr)
def test_K_2_it_opens_in_its_own_place_only(cipher: Cipher, bound: tuple[str | int | bytes | None, ...]) -> None:
    with pytest.raises(Damaged):
        cipher.open(cipher.seal(b"hello", *BOUND), *bound)


BOUNDS = st.lists(st.one_of(st.text(), st.integers(-(2**63), 2**63 - 1), st.binary(), st.none()), max_size=6).map(tuple)


@given(one=BOUNDS, other=BOUNDS)
def test_K_2_no_two_lists_of_bound_values_have_one_encoding(
    one: tuple[str | int | bytes | None, ...], other: tuple[str | int | bytes | None, ...]
) -> None:
    assert (bind(one) == bind(other)) == (one == other)
    assert tuple(msgspec.msgpack.decode(bind(one))) == one


def test_K_2_joined_and_split_values_differ() -> None:
    assert bind(("a|b", "c")) != bind(("a", "b|c")) != bind(("a", "b", "c"))


def test_K_6_another_key_looks_like_damage(cipher: Cipher) -> None:
    sealed = cipher.seal(b"hello", *BOUND)
    for other in (Cipher(KEY, bytes(32), "blue"), Cipher(new_id(), SECRET, "blue")):
        with pytest.raises(Damaged) as refusal:
            other.open(sealed, *BOUND)
        assert refusal.value.members() == Damaged().members()


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b"CE"), (2, b"\0"), (2, b"\2"), (3, b"\0"), (3, b"\2"), (3, b"\xff"), (4, b"\xff" * 16)],
    ids=repr,
)
def test_K_8_a_header_of_another_version_algorithm_or_key_is_refused(cipher: Cipher, place: int, value: bytes) -> None:
    sealed = cipher.seal(b"hello", *BOUND)
    with pytest.raises(Damaged):
        cipher.open(sealed[:place] + value + sealed[place + len(value) :], *BOUND)


def test_K_8_the_header_is_authenticated_and_not_only_compared(cipher: Cipher) -> None:
    """Opened by hand without the header among the associated data, the envelope does not open."""
    sealed = cipher.seal(b"hello", *BOUND)
    assert AESGCM(SECRET).decrypt(sealed[20:32], sealed[32:], sealed[:32] + bind(BOUND)).startswith(b"hello\x80")
    with pytest.raises(InvalidTag):
        AESGCM(SECRET).decrypt(sealed[20:32], sealed[32:], bind(BOUND))


def test_K_5_no_nonce_comes_twice(cipher: Cipher) -> None:
    nonces = {cipher.seal(b"")[20:32] for _ in range(200_000)}
    assert len(nonces) == 200_000


def seal_some(pipe) -> None:
    pipe.send([CIPHER_OF_FORKS.seal(b"")[20:32] for _ in range(2_000)])


CIPHER_OF_FORKS = Cipher(KEY, SECRET, "blue")


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_K_5_no_nonce_comes_twice_in_eight_processes_after_fork() -> None:
    CIPHER_OF_FORKS.seal(b"before the fork")
    context = multiprocessing.get_context("fork")
    nonces: list[bytes] = []
    for _ in range(8):
        ours, theirs = context.Pipe()
        child = context.Process(target=seal_some, args=(theirs,))
        child.start()
        nonces += ours.recv()
        child.join()
        ours.close()
        theirs.close()
    assert len(set(nonces)) == len(nonces) == 16_000


def test_K_5_no_nonce_comes_twice_in_four_threads(cipher: Cipher) -> None:
    with ThreadPoolExecutor(4) as threads:
        sealed = list(threads.map(lambda _: cipher.seal(b"a record"), range(4_000)))
    assert len({one[20:32] for one in sealed}) == 4_000


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_K_5_a_forked_child_uses_none_of_the_nonces_that_its_parent_has_drawn() -> None:
    context = multiprocessing.get_context("fork")
    nonces: list[bytes] = []
    for _ in range(4):
        nonces.append(CIPHER_OF_FORKS.seal(b"right before the fork")[20:32])
        ours, theirs = context.Pipe()
        child = context.Process(target=seal_some, args=(theirs,))
        child.start()
        nonces += [CIPHER_OF_FORKS.seal(b"right after the fork")[20:32] for _ in range(100)]
        nonces += ours.recv()
        child.join()
        ours.close()
        theirs.close()
    assert len(set(nonces)) == len(nonces) == 4 * 2_101


def test_K_5_a_key_that_was_used_too_often_seals_no_more() -> None:
    cipher = Cipher(KEY, SECRET, "blue", used=MAX_SEALS - 2)
    last = [cipher.seal(b"a"), cipher.seal(b"b")]
    with pytest.raises(KeyWorn):
        cipher.seal(b"c")
    assert [cipher.open(one) for one in last] == [b"a", b"b"]
    assert MAX_SEALS == 2**31


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_K_13_what_earlier_versions_sealed_still_opens(vector: dict[str, object]) -> None:
    """These were written once and are never changed; a new version of the format adds to them."""
    cipher = Cipher(str(vector["key"]), bytes.fromhex(str(vector["secret"])), "any")
    bound = [bytes.fromhex(one["hex"]) if isinstance(one, dict) else one for one in vector["bound"]]  # type: ignore[attr-defined]
    sealed = bytes.fromhex(str(vector["sealed"]))
    assert cipher.open(sealed, *bound).hex() == vector["plain"]


def test_K_13_the_format_is_the_documented_one() -> None:
    """The envelope built by hand from its description, byte by byte, opens."""
    nonce, plain = bytes(range(12)), b"built by hand"
    header = b"FD" + b"\x01" + b"\x01" + bytes(range(16)) + nonce
    bound = b"\x93" + b"\xa5batch" + b"\x07" + b"\xc0"  # an array of three: text of 5, the number 7, nothing
    padded = plain + b"\x80" + bytes(64 - len(plain) - 1)
    sealed = header + AESGCM(SECRET).encrypt(nonce, padded, header + bound)
    assert Cipher(KEY, SECRET, "").open(sealed, "batch", 7, None) == plain


def test_K_14_small_and_odd_inputs(cipher: Cipher) -> None:
    assert cipher.open(cipher.seal(b"")) == b""
    assert cipher.open(cipher.seal(b"", ""), "") == b""
    for plain in (b"\0", b"\x80", b"\x80\0\0", b"\0" * 64, b"\x80" * 1024, os.urandom(100_000)):
        assert cipher.open(cipher.seal(plain, 0), 0) == plain
    with pytest.raises(Damaged):
        cipher.open(cipher.seal(b"", ""), None)
    for tag in range(16):
        with pytest.raises(Damaged):
            cipher.open(cipher.seal(b"x")[: -16 + tag])


def test_K_14_a_text_without_the_end_mark_is_damage(cipher: Cipher) -> None:
    nonce = bytes(12)
    header = cipher.seal(b"")[:20] + nonce
    for padded in (b"", bytes(64), b"no mark"):
        with pytest.raises(Damaged):
            cipher.open(header + AESGCM(SECRET).encrypt(nonce, padded, header + bind(())))


def test_lengths_come_in_steps(cipher: Cipher) -> None:
    lengths = {len(cipher.seal(bytes(n))) - OVERHEAD for n in range(3000)}
    assert lengths == {*range(64, 1025, 64), *range(1280, 3073, 256)}
    assert [padded_length(n) for n in (0, 63, 64, 1023, 1024, 1279, 1280)] == [64, 64, 128, 1024, 1280, 1280, 1536]


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1])
def test_a_bound_number_beyond_64_bits_is_refused(cipher: Cipher, number: int) -> None:
    with pytest.raises(OverflowError):
        cipher.seal(b"", number)


@pytest.mark.parametrize("key", ["", "short", KEY + "A", KEY[:-1] + "x", KEY[:-1] + "+", "AAECAwQFBgcICQoLDA0OD\n"])
def test_a_key_id_has_one_spelling(key: str) -> None:
    with pytest.raises(ValueError, match="22 characters"):
        Cipher(key, SECRET, "blue")
    with pytest.raises(ValueError, match="32 bytes"):
        Cipher(KEY, SECRET[:31], "blue")


def test_every_new_id_can_name_a_key() -> None:
    assert len({id_bytes(new_id()) for _ in range(1000)}) == 1000


def test_a_key_is_not_shown_and_does_not_leave(cipher: Cipher) -> None:
    assert repr(cipher) == f"Cipher({KEY})"
    with pytest.raises(TypeError):
        pickle.dumps(cipher)
    assert SECRET not in b"".join(str(getattr(cipher, name)).encode() for name in Cipher.__slots__)


def test_a_forgotten_key_neither_seals_nor_opens(cipher: Cipher) -> None:
    sealed = cipher.seal(b"hello")
    cipher.forget()
    with pytest.raises(KeyDestroyed):
        cipher.open(sealed)
    with pytest.raises(KeyDestroyed):
        cipher.seal(b"hello")


@pytest.mark.parametrize("header", [b"", b"FD", b"XX\1\1" + bytes(60), b"FD\2\1" + bytes(60), b"FD\1\2" + bytes(60)])
def test_only_headers_of_a_known_format_name_a_key(header: bytes) -> None:
    with pytest.raises(Damaged):
        sealed_with(header)
