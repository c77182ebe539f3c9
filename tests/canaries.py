"""The search for canaries: words that must nowhere be readable, in whatever spelling a place may hold them (K-10).

A place is a name and its bytes. Each word is looked for as it is (in any case of letters), as UTF-16, in base64 (each of
the three alignments, both alphabets), in hex, as a URL, a JSON text or a mail would spell it, and all of that again in
whatever can be unpacked: gzip, zlib and bare deflate streams and ZIP archives, wherever in the bytes they begin.
"""

import base64
import io
import json
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

Places = Mapping[str, bytes]

_DEEP = 3
_MOST = 20_000_000
_STREAMS = re.compile(rb"\x1f\x8b\x08|\x78[\x01\x5e\x9c\xda]|PK\x03\x04")


def spellings(word: str) -> dict[str, bytes]:
    """How a word may be written down; letters outside of codes are small."""
    plain, small = word.encode(), word.lower()
    found = {
        "as it is": small.encode(),
        "utf-16-le": small.encode("utf-16-le"),
        "utf-16-be": small.encode("utf-16-be"),
        "hex": plain.hex().encode(),
        "url": quote(small, safe="").lower().encode(),
        "form": quote_plus(small, safe="").lower().encode(),
        "all escaped": "".join(f"%{byte:02x}" for byte in small.encode()).encode(),
        "json": json.dumps(small)[1:-1].encode(),
        "quoted printable": "".join(f"={byte:02x}" if byte > 126 else chr(byte) for byte in small.encode()).encode(),
    }
    for shift in range(3):
        code = _base64(plain, shift)
        found[f"base64 +{shift}"] = code
        found[f"base64url +{shift}"] = code.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def _base64(plain: bytes, shift: int) -> bytes:
    """The characters that stand for these bytes alone when `shift` others come before them."""
    code = base64.b64encode(b"\0" * shift + plain)
    return code[-(-shift * 8 // 6) : (shift + len(plain)) * 8 // 6]


def unpacked(data: bytes, deep: int = _DEEP) -> Iterator[bytes]:
    """The data, and all that can be unpacked from any place in it."""
    yield data
    if not deep:
        return
    for start in (found.start() for found in _STREAMS.finditer(data)):
        for inner in _opened(data[start : start + _MOST]):
            yield from unpacked(inner, deep - 1)


def _opened(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"PK"):
        head = 30 + int.from_bytes(data[26:28], "little") + int.from_bytes(data[28:30], "little")
        yield from _inflated(data[head:], -zlib.MAX_WBITS)
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as packed:
                yield " ".join(packed.namelist()).encode()
        except (zipfile.BadZipFile, OSError, ValueError):
            pass
        return
    yield from _inflated(data, zlib.MAX_WBITS | 32)


def _inflated(data: bytes, bits: int) -> Iterator[bytes]:
    """What comes out before the stream ends or breaks."""
    stream, out = zlib.decompressobj(bits), b""
    for at in range(0, len(data), 4_096):
        try:
            out += stream.decompress(data[at : at + 4_096], _MOST)
        except zlib.error:
            break
        if stream.eof or len(out) >= _MOST:
            break
    if out:
        yield out


def sightings(words: Mapping[str, str], places: Places) -> list[str]:
    """Every word that can be read, with its place and spelling: `the note (base64 +1) in data/frontdesk.db-wal`."""
    needles = {name: spellings(word) for name, word in words.items()}
    found: dict[str, None] = {}
    for place, data in places.items():
        for view in unpacked(data):
            small = view.lower()
            for name, forms in needles.items():
                for form, needle in forms.items():
                    if _stands(needle, view if form.startswith("base64") else small):
                        found[f"{name} ({form}) in {place}"] = None
    return list(found)


def _stands(needle: bytes, view: bytes) -> bool:
    """A number stands only where no digit is beside it: clocks and counters are full of six digits."""
    if needle.isdigit() and len(needle) < 10:
        return re.search(rb"(?<![\d.,:])" + needle + rb"(?![\d])", view) is not None
    return needle in view


def in_folders(folders: Iterable[Path]) -> dict[str, bytes]:
    """Every file below these, hidden ones too; each file's own name counts as a word in it."""
    places: dict[str, bytes] = {}
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            name = f"{folder.name}/{path.relative_to(folder)}"
            if path.is_file() and not path.is_symlink():
                places[name] = path.name.encode() + b"\0" + path.read_bytes()
    return places
