"""K-10: nothing that was said, no name, address, token's value or key is in any file, in any usual spelling."""

import base64
import shutil
from pathlib import Path

import msgspec

from foundation.clock import ManualClock
from foundation.keys import KINDS, Keyring, MasterKey
from foundation.records import Collection, EventLog, Kind, SqliteEngine

PERSON = Kind("person", fields=("role", "email"), unique=(("email",),))
TALK = Kind("talk", fields=("at",))

NAME, ADDRESS, TEXT, NOTE = "Canary-Wilhelmina", "canary.w@example.org", "kanarienvogel ist krank", "canary note é"
CANARIES = [NAME, ADDRESS, TEXT, NOTE]


class Person(msgspec.Struct, frozen=True):
    name: str
    address: str


class Said(msgspec.Struct, frozen=True, tag_field="t", tag="said"):
    text: str


class Summary(msgspec.Struct, frozen=True):
    note: str


def spellings(text: bytes) -> list[bytes]:
    """The text itself, hexadecimal, and base64 at each of its three alignments (without the ends, which depend on the
    neighbours)."""
    found = [text, text.hex().encode(), text.hex().upper().encode()]
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + text)
        found.append(encoded[4 if shift else 0 : -4])
        found.append(found[-1].replace(b"+", b"-").replace(b"/", b"_"))
    return found


def all_spellings(text: str) -> list[bytes]:
    encodings = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le")
    return [one for encoding in encodings for one in spellings(text.encode(encoding))]


def hits(folder: Path, wanted: list[bytes]) -> list[str]:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    return [f"{file.name}: {one!r}" for file in files for one in wanted if one in file.read_bytes()]


def test_the_search_finds_what_it_looks_for(tmp_path: Path) -> None:
    text = TEXT.encode()
    for spelled in (text, text.hex().encode(), base64.b64encode(b"xx" + text + b"y"), TEXT.encode("utf-16-le")):
        (tmp_path / "file").write_bytes(b"before" + spelled + b"after")
        assert hits(tmp_path, all_spellings(TEXT))


async def test_K_10_no_canary_and_no_key_is_in_any_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    master = MasterKey(bytes(range(7, 39)))
    records = SqliteEngine(folder / "records.db", [PERSON, TALK])
    keys = SqliteEngine(folder / "keys.db", KINDS)
    await records.open()
    await keys.open()
    keyring = Keyring(keys, master, ManualClock())
    await keyring.open()
    people = Collection(records, keyring, PERSON, Person)
    talks: EventLog[Said] = EventLog(records, keyring, "talk", Said, TALK, Summary)
    token = await keyring.token("blue", "email", ADDRESS)
    person = await people.insert("blue", "p1", Person(NAME, ADDRESS), email=token)
    await people.replace(person, body=Person(NAME + "!", ADDRESS), role="agent")
    key = await keyring.mint("blue", "conversation")
    last = 0
    for _ in range(50):
        last = await talks.append(
            "blue", "t1", key, [Said(TEXT)] * 3, last, head_fields={"at": 1}, head_body=Summary(NOTE)
        )
    await keyring.rotate("blue")
    cookie = await keyring.secret("", "cookie")
    wanted = [one for text in CANARIES for one in all_spellings(text)]
    wanted += [one for secret in (bytes(range(7, 39)), cookie) for one in spellings(secret)]
    shutil.copytree(folder, tmp_path / "copy")  # as after a crash: with everything in the write-ahead log
    assert (tmp_path / "copy" / "records.db-wal").stat().st_size > 100_000
    assert hits(tmp_path / "copy", wanted) == []
    assert hits(tmp_path / "copy", [token.encode()]), "the token is what may be searched for"
    assert (await people.lookup(email=token)) is not None
    assert len(await talks.read("blue", "t1")) == 150
    await records.close()
    await keys.close()
    assert hits(folder, wanted) == []


async def test_E_1_the_wrap_of_a_destroyed_key_is_in_no_file(tmp_path: Path) -> None:
    """Crypto-shredding: when `destroy` has returned, not even somebody with the master key and the disk finds it."""
    folder = tmp_path / "data"
    master = MasterKey(bytes(range(7, 39)))
    keys = SqliteEngine(folder / "keys.db", KINDS)
    await keys.open()
    keyring = Keyring(keys, master, ManualClock())
    await keyring.open()
    doomed = [await keyring.mint("blue", "conversation") for _ in range(20)]
    kept = [await keyring.mint("blue", "conversation") for _ in range(20)]
    assert hits(folder, [key.encode() for key in doomed])
    for key in doomed:
        await keyring.destroy("blue", key)
    assert hits(folder, [key.encode() for key in doomed]) == []
    assert len(hits(folder, [key.encode() for key in kept])) >= 20
    await keys.close()
