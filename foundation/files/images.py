"""Pictures without anything that is not the picture: the place, the camera, comments, and whatever was hung on (U-7).

A picture is walked through part by part, by its format's own grammar, and put together again from the parts that are
needed to show it. Exif, XMP, IPTC, comments, maker notes and thumbnails stay behind, and so does all that follows the
end: a picture that is a ZIP or a page as well is a picture only afterwards. Of Exif one number comes along, the
orientation, written anew; without it photographs lie on their side. What does not follow the grammar is refused, and so
is a picture of more than 50 million pixels, which is a bomb to whoever opens it (U-5).
"""

import struct
from collections.abc import Callable, Iterator, Mapping

MAX_PIXELS = 50_000_000
"""The cameras of telephones make 50 million; what claims more is made to hurt."""


class NotClean(ValueError):  # noqa: N818 - it is the answer
    """No picture of this format, or one that must not be opened. The message is a sentence."""


def cleaned(media: str, content: bytes) -> bytes:
    """The picture alone. Raises `NotClean`."""
    try:
        return _CLEANERS[media](content)
    except (IndexError, struct.error):
        raise NotClean("The picture is damaged or cut.") from None


def _sized(width: int, height: int) -> None:
    if not width or not height:
        raise NotClean("The picture has no size.")
    if width * height > MAX_PIXELS:
        raise NotClean("The picture has too many pixels.")


# PNG

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"bKGD", b"pHYs",
             b"acTL", b"fcTL", b"fdAT", b"cICP"}  # fmt: skip


def _png(content: bytes) -> bytes:
    if not content.startswith(_PNG_HEAD):
        raise NotClean("This is no PNG.")
    kept, at, first = [_PNG_HEAD], len(_PNG_HEAD), True
    while True:
        (length,) = struct.unpack_from(">I", content, at)
        kind, end = content[at + 4 : at + 8], at + 12 + length
        if end > len(content):
            raise NotClean("The picture is damaged or cut.")
        if first != (kind == b"IHDR") or (first and length != 13):
            raise NotClean("This is no PNG.")
        if first:
            _sized(*struct.unpack_from(">II", content, at + 8))
        if kind in _PNG_KEPT:
            kept.append(content[at:end])
        elif not kind[0] & 0x20:
            raise NotClean("The picture has parts that nobody knows.")  # it says that it cannot be shown without them
        if kind == b"IEND":
            return b"".join(kept)
        at, first = end, False


# JPEG

_APP0, _APP1, _APP2, _APP14, _COMMENT = 0xE0, 0xE1, 0xE2, 0xEE, 0xFE
_SOS, _EOI = 0xDA, 0xD9
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_TABLES = {0xC4, 0xCC, 0xDB, 0xDD, *_FRAMES}


def _jpeg(content: bytes) -> bytes:
    if not content.startswith(b"\xff\xd8\xff"):
        raise NotClean("This is no JPEG.")
    kept, orientation, framed, at = [b""], 1, False, 2
    while True:
        marker, start = _marker(content, at)
        if marker == _EOI:
            if not framed:
                raise NotClean("This is no JPEG.")
            kept[0] = b"\xff\xd8" + _oriented(orientation)
            return b"".join((*kept, b"\xff\xd9"))
        (length,) = struct.unpack_from(">H", content, start)
        at = start + length
        if length < 2 or at > len(content):
            raise NotClean("The picture is damaged or cut.")
        body = content[start + 2 : at]
        if marker in _FRAMES:
            _sized(*struct.unpack_from(">HH", body, 1)[::-1])
            framed = True
        if marker == _APP1 and body.startswith(b"Exif\0\0") and orientation == 1:
            orientation = _orientation(body[6:])
        if marker in _TABLES or marker == _SOS or _is_needed(marker, body):
            kept.append(b"\xff" + bytes((marker,)) + content[start:at])
        elif not (0xE0 <= marker <= 0xEF or marker == _COMMENT):
            raise NotClean("The picture has parts that nobody knows.")
        if marker == _SOS:
            scan_end = _scan_end(content, at)
            kept.append(content[at:scan_end])
            at = scan_end


def _marker(content: bytes, at: int) -> tuple[int, int]:
    """The marker that stands here, and where what follows it begins; fill bytes are passed over."""
    if content[at] != 0xFF:
        raise NotClean("The picture is damaged or cut.")
    while content[at] == 0xFF:
        at += 1
    return content[at], at + 1


def _is_needed(marker: int, body: bytes) -> bool:
    """What says how colours are meant: JFIF without its thumbnail, the colour profile, Adobe's transform."""
    if marker == _APP0:
        return body.startswith(b"JFIF\0") and len(body) == 14
    if marker == _APP2:
        return body.startswith(b"ICC_PROFILE\0")
    return marker == _APP14 and body.startswith(b"Adobe") and len(body) == 12


def _scan_end(content: bytes, at: int) -> int:
    """Where the compressed data ends: at the next marker that is neither a stuffed byte nor a restart."""
    while True:
        at = content.find(b"\xff", at)
        if at < 0 or at + 1 >= len(content):
            raise NotClean("The picture is damaged or cut.")
        following = content[at + 1]
        if following == 0xFF:
            at += 1
        elif following == 0 or 0xD0 <= following <= 0xD7:
            at += 2
        else:
            return at


def _orientation(tiff: bytes) -> int:
    """Tag 0x0112 of the first directory; 1 (upright) whenever anything about it is strange."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None:
        return 1
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for entry in range(min(count, 512)):
            tag, kind, many, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * entry)
            if (tag, kind, many) == (0x0112, 3, 1):
                return int(value) if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def _oriented(orientation: int) -> bytes:
    """An Exif segment that holds the orientation and nothing else; empty when the picture stands upright."""
    if orientation == 1:
        return b""
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)
    body = b"Exif\0\0" + tiff
    return b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body


# GIF


def _gif(content: bytes) -> bytes:
    if content[:6] not in (b"GIF87a", b"GIF89a"):
        raise NotClean("This is no GIF.")
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    _sized(width, height)
    at = 13 + _colours(flags)
    kept, images = [content[:at]], 0
    while True:
        start, block = at, content[at]
        if block == 0x3B:
            if not images:
                raise NotClean("The picture has no size.")
            return b"".join((*kept, b"\x3b"))
        if block == 0x2C:
            _sized(*struct.unpack_from("<HH", content, at + 5))
            at = _blocks_end(content, at + 11 + _colours(content[at + 9]))
            images += 1
            kept.append(content[start:at])
        elif block == 0x21:
            at = _blocks_end(content, at + 2)
            if content[start + 1] == 0xF9 or content[start + 3 : start + 14] in (b"NETSCAPE2.0", b"ANIMEXTS1.0"):
                kept.append(content[start:at])
        else:
            raise NotClean("The picture is damaged or cut.")


def _colours(flags: int) -> int:
    return 3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0


def _blocks_end(content: bytes, at: int) -> int:
    while length := content[at]:
        at += 1 + length
    return at + 1


# WebP

_WEBP_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_EXIF_AND_XMP = 0x0C


def _webp(content: bytes) -> bytes:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        raise NotClean("This is no WebP.")
    (size,) = struct.unpack_from("<I", content, 4)
    if 8 + size > len(content):
        raise NotClean("The picture is damaged or cut.")
    kept = []
    for kind, body in _riff(content[12 : 8 + size]):
        if kind not in _WEBP_KEPT:
            continue
        _webp_sized(kind, body)
        part = bytes((body[0] & ~_EXIF_AND_XMP,)) + body[1:] if kind == b"VP8X" else body
        kept.append(kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2))
    if not any(part[:4] in (b"VP8 ", b"VP8L", b"ANMF") for part in kept):
        raise NotClean("The picture has no size.")
    whole = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def _riff(parts: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(parts):
        (length,) = struct.unpack_from("<I", parts, at + 4)
        if at + 8 + length > len(parts):
            raise NotClean("The picture is damaged or cut.")
        yield parts[at : at + 4], parts[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def _webp_sized(kind: bytes, body: bytes) -> None:
    if kind == b"VP8X":
        _sized(int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1)
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        _sized((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    elif kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        _sized(width & 0x3FFF, height & 0x3FFF)


_CLEANERS: Mapping[str, Callable[[bytes], bytes]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
}
