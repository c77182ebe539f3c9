"""Files for tests, made byte by byte: pictures with hidden parts, archives, pages, programs."""

import io
import struct
import zipfile
import zlib

GPS = b"GPSCANARY-53.5511N"


def png(*extra: tuple[bytes, bytes], width: int = 2, height: int = 2) -> bytes:
    """A picture of 2 x 2, with these chunks before its data."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + b"\x20\x80\xc0" * 2 for _ in range(2)))
    chunks = ((b"IHDR", head), *extra, (b"IDAT", data), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def exif(orientation: int = 6) -> bytes:
    """An Exif block that says where the picture was taken."""
    entries = struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0)
    entries += struct.pack(">HHII", 0x9C9B, 1, len(GPS), 100)
    return b"MM\0*" + struct.pack(">IH", 8, 2) + entries + b"\0" * 4 + b"\0" * 62 + GPS


def jpeg(*, orientation: int = 6, tail: bytes = b"") -> bytes:
    """The parts of a photograph as cameras write it; its one scan is only shaped like data."""
    return b"".join((
        b"\xff\xd8",
        _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0"),
        _segment(0xE1, b"Exif\0\0" + exif(orientation)),
        _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + GPS + b"</x:xmpmeta>"),
        _segment(0xED, b"Photoshop 3.0\x008BIM" + GPS),
        _segment(0xFE, b"<?php system($_GET['c']); ?>" + GPS),
        _segment(0xDB, b"\0" + bytes(range(1, 65))),
        _segment(0xC0, struct.pack(">BHHB", 8, 2, 2, 1) + b"\x01\x11\0"),
        _segment(0xC4, b"\0" + bytes(16)),
        _segment(0xDA, b"\x01\x01\0\0\x3f\0"),
        b"\x12\xff\x00\x34\xff\xd0\x56",
        b"\xff\xd9",
        tail,
    ))  # fmt: skip


def _segment(marker: int, body: bytes) -> bytes:
    return b"\xff" + bytes((marker,)) + struct.pack(">H", len(body) + 2) + body


def gif(tail: bytes = b"") -> bytes:
    comment = b"\x21\xfe" + bytes((len(GPS),)) + GPS + b"\0"
    image = b"\x2c\0\0\0\0\1\0\1\0\0\x02\x02\x44\x01\0"
    return b"GIF89a\1\0\1\0\x80\0\0\xff\xff\xff\0\0\0" + comment + image + b"\x3b" + tail


def webp() -> bytes:
    flags = b"VP8X" + struct.pack("<I", 10) + b"\x0c\0\0\0" + b"\x01\0\0" + b"\x01\0\0"
    picture = b"VP8L" + struct.pack("<I", 6) + b"\x2f" + struct.pack("<I", 1 | 1 << 14) + b"\0"
    hidden = b"EXIF" + struct.pack("<I", len(GPS)) + GPS + b"\0" * (len(GPS) % 2)
    body = b"WEBP" + flags + picture + hidden
    return b"RIFF" + struct.pack("<I", len(body)) + body


def archive(**entries: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name, words in entries.items():
            file.writestr(name.replace("__", "/").replace("_dot_", "."), words)
    return made.getvalue()


def docx() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("[Content_Types].xml", "<Types/>")
        file.writestr("word/document.xml", "<w:document/>")
    return made.getvalue()


PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PROGRAM = b"MZ\x90\0\x03" + bytes(60)
HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
