"""What a file is: by its content, its extension and its declared type together (PS-8, SECURITY U-1 … U-6).

`recognise` reads the content and nothing else. `agreed` wants all three to say the same: a ZIP named `.png`, a page
declared as a picture and a program named `.jpg.exe` agree on nothing. What is allowed is always a list of known kinds
from which classes are taken away, never everything but a list (SECURITY: CVE-2018-12426 → CVE-2019-11185). Archives are
looked at by their table of contents alone and never unpacked.
"""

import io
import re
import unicodedata
import zipfile
from collections.abc import Mapping
from typing import Literal

import msgspec

Class = Literal["images", "documents", "archives", "executables", "scripts", "media", "text"]

CLASSES: Mapping[Class, str] = {
    "images": "Pictures",
    "documents": "Documents",
    "archives": "Archives",
    "executables": "Programs",
    "scripts": "Scripts and web pages",
    "media": "Sound and film",
    "text": "Plain text",
}

MAX_ENTRIES = 10_000
"""Of an archive's table of contents; a longer one is refused unread."""
_MAX_NAME = 120
_TEXT_SAMPLE = 64 * 1024


class Kind(msgspec.Struct, frozen=True):
    """A kind of file. `contents` are the answers of `recognise` that it may have, `media` is how it is served."""

    group: Class
    media: str
    contents: frozenset[str]
    declared: frozenset[str] = frozenset()


def _kind(group: Class, media: str, *contents: str, declared: tuple[str, ...] = ()) -> Kind:
    return Kind(group, media, frozenset(contents), frozenset((media, *declared)))


_BINARY = "application/octet-stream"
_TEXTS = ("text", "html", "svg", "xml", "script")
_PROGRAM = ("x-msdownload", "vnd.microsoft.portable-executable", "x-executable", "x-elf", "x-mach-binary", "java-archive",
            "vnd.android.package-archive", "x-apple-diskimage", "x-msi", "x-sharedlib", "x-dosexec")  # fmt: skip
_PROGRAMS = _kind(
    "executables", _BINARY, "program", "ole", "zip", "gzip", "xz", "unknown",
    declared=tuple(f"application/{one}" for one in _PROGRAM),
)  # fmt: skip
_SCRIPTS = _kind(
    "scripts", _BINARY, *_TEXTS, "zip-macros", "unknown",
    declared=("text/html", "image/svg+xml", "text/xml", "application/xml", "application/xhtml+xml", "text/javascript",
              "application/javascript", "application/x-javascript", "application/x-sh", "text/x-sh", "text/x-python",
              "text/x-python-script", "application/x-php", "application/x-httpd-php", "text/css", "text/plain",
              "application/x-powershell", "application/x-bat", "application/x-msdos-program", "application/x-perl",
              "application/vnd.ms-word.document.macroenabled.12", "application/vnd.ms-excel.sheet.macroenabled.12"),
)  # fmt: skip
_OFFICE = "application/vnd.openxmlformats-officedocument"
_ODF = "application/vnd.oasis.opendocument"

_PROGRAM_ENDINGS = "exe dll com scr msi sys cpl bin elf so dylib app dmg pkg deb rpm apk jar class iso img"
_SCRIPT_ENDINGS = (
    "js mjs cjs jse ts vbs vbe wsf wsh hta ps1 psm1 bat cmd sh bash zsh csh ksh py pyw pl rb lua php php3 php4 php5 php7 "
    "phtml phar asp aspx jsp cgi html htm xhtml shtml mhtml svg svgz xml xsl xslt css swf lnk url reg inf docm xlsm pptm "
    "scpt command desktop htaccess"
)

KINDS: Mapping[str, Kind] = {
    "png": _kind("images", "image/png", "png"),
    "jpg": _kind("images", "image/jpeg", "jpeg", declared=("image/jpg", "image/pjpeg")),
    "jpeg": _kind("images", "image/jpeg", "jpeg", declared=("image/jpg", "image/pjpeg")),
    "gif": _kind("images", "image/gif", "gif"),
    "webp": _kind("images", "image/webp", "webp"),
    "pdf": _kind("documents", "application/pdf", "pdf"),
    "docx": _kind("documents", f"{_OFFICE}.wordprocessingml.document", "zip-word"),
    "xlsx": _kind("documents", f"{_OFFICE}.spreadsheetml.sheet", "zip-excel"),
    "pptx": _kind("documents", f"{_OFFICE}.presentationml.presentation", "zip-powerpoint"),
    "odt": _kind("documents", f"{_ODF}.text", "zip-odf"),
    "ods": _kind("documents", f"{_ODF}.spreadsheet", "zip-odf"),
    "odp": _kind("documents", f"{_ODF}.presentation", "zip-odf"),
    "doc": _kind("documents", "application/msword", "ole"),
    "xls": _kind("documents", "application/vnd.ms-excel", "ole"),
    "ppt": _kind("documents", "application/vnd.ms-powerpoint", "ole"),
    "rtf": _kind("documents", "application/rtf", "rtf", declared=("text/rtf",)),
    "txt": _kind("text", "text/plain", *_TEXTS),
    "log": _kind("text", "text/plain", *_TEXTS, declared=("text/x-log",)),
    "md": _kind("text", "text/plain", *_TEXTS, declared=("text/markdown",)),
    "csv": _kind("text", "text/csv", "text", declared=("text/plain", "application/vnd.ms-excel", "application/csv")),
    "json": _kind("text", "application/json", "text", declared=("text/plain",)),
    "zip": _kind("archives", "application/zip", "zip", declared=("application/x-zip-compressed",)),
    "7z": _kind("archives", "application/x-7z-compressed", "7z"),
    "rar": _kind("archives", "application/vnd.rar", "rar", declared=("application/x-rar-compressed",)),
    "gz": _kind("archives", "application/gzip", "gzip", declared=("application/x-gzip",)),
    "tgz": _kind(
        "archives", "application/gzip", "gzip", declared=("application/x-gzip", "application/x-compressed-tar")
    ),
    "bz2": _kind("archives", "application/x-bzip2", "bzip2"),
    "xz": _kind("archives", "application/x-xz", "xz"),
    "tar": _kind("archives", "application/x-tar", "tar"),
    "mp3": _kind("media", "audio/mpeg", "mp3", declared=("audio/mp3",)),
    "wav": _kind("media", "audio/wav", "wav", declared=("audio/x-wav", "audio/wave")),
    "ogg": _kind("media", "audio/ogg", "ogg", declared=("video/ogg", "application/ogg")),
    "mp4": _kind("media", "video/mp4", "mp4"),
    "m4a": _kind("media", "audio/mp4", "mp4", declared=("audio/x-m4a",)),
    "webm": _kind("media", "video/webm", "webm", declared=("audio/webm",)),
    **dict.fromkeys(_PROGRAM_ENDINGS.split(), _PROGRAMS),
    **dict.fromkeys(_SCRIPT_ENDINGS.split(), _SCRIPTS),
}
"""Every extension that is known. One that is not here passes only where an admin listed it by name."""

_HARMLESS_INSIDE = frozenset(
    ("com", "app", "class", "so", "img", "iso", "bin", "sys", "inf", "url", "xml", "css", "command", "desktop")
)
"""Parts of names that people give to harmless files: `www.example.com.png`."""

_ACTIVE = frozenset((*_PROGRAM_ENDINGS.split(), *_SCRIPT_ENDINGS.split())) - _HARMLESS_INSIDE
INLINE = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""Types that may be shown in a page, once `images.cleaned` has rebuilt them."""


def clean_name(given: str) -> str:
    """The name to keep: the last part of a path, in one spelling, without control and direction characters, at most 120
    characters with its extension. Empty when nothing is left, or when a NUL tries to hide what comes after it."""
    if "\0" in given:
        return ""
    last = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    seen = "".join(one for one in last if unicodedata.category(one) not in _UNSEEN)
    name = " ".join(seen.split()).strip(" .")
    stem, dot, extension = name.rpartition(".")
    if not dot or not stem:
        return "" if not name else name[:_MAX_NAME]
    return f"{stem[: _MAX_NAME - len(extension) - 1]}.{extension}" if len(extension) <= 12 else name[:_MAX_NAME]


_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def extension_of(name: str) -> str:
    """In lower case, without the dot; empty when there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def hides_program(name: str) -> bool:
    """Whether an extension before the last one would make it run somewhere: `shell.php.jpg`, `invoice.exe.pdf`."""
    return any(part.strip().lower() in _ACTIVE for part in name.split(".")[1:-1])


def agreed(name: str, declared: str, content: bytes) -> Kind | None:
    """The kind on which name, declared type and content agree; `None` when they do not, or when it is not known.

    Browsers that do not know a type declare nothing, or `application/octet-stream`; then the other two decide.
    """
    kind = KINDS.get(extension_of(name))
    if kind is None or hides_program(name):
        return None
    media = declared.partition(";")[0].strip().lower()
    if media not in ("", _BINARY) and media not in kind.declared:
        return None
    return kind if recognise(content) in kind.contents else None


def unlisted(name: str, content: bytes) -> Kind | None:
    """The kind of a file with an extension that only an admin knows: bytes, if they are nothing that has a kind."""
    if extension_of(name) in KINDS or hides_program(name):
        return None
    return Kind("documents", _BINARY, frozenset()) if recognise(content) in ("unknown", "text") else None


def recognise(content: bytes) -> str:
    """What the content is: `png`, `zip-word`, `program`, `html`, `text` …; `unknown` when nothing fits."""
    for start, found in _STARTS:
        if content.startswith(start):
            return found
    if content[:4] == b"RIFF":
        return {b"WEBP": "webp", b"WAVE": "wav"}.get(content[8:12], "unknown")
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _zip(content)
    if content[4:8] == b"ftyp":
        return "mp4" if content[8:12] in _MP4 else "unknown"
    if content[257:262] == b"ustar":
        return "tar"
    if len(content) > 2 and content[0] == 0xFF and content[1] & 0xE6 == 0xE2:
        return "mp3"
    return _text(content)


_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"%PDF-", "pdf"),
    (b"{\\rtf", "rtf"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"MZ", "program"),
    (b"\x7fELF", "program"),
    (b"\xca\xfe\xba\xbe", "program"),
    (b"\xfe\xed\xfa\xce", "program"),
    (b"\xfe\xed\xfa\xcf", "program"),
    (b"\xce\xfa\xed\xfe", "program"),
    (b"\xcf\xfa\xed\xfe", "program"),
    (b"!<arch>\n", "program"),
    (b"\xed\xab\xee\xdb", "program"),
    (b"L\0\0\0\x01\x14\x02\0", "program"),
    (b"OggS", "ogg"),
    (b"ID3", "mp3"),
    (b"\x1aE\xdf\xa3", "webm"),
)
_MP4 = (
    b"isom",
    b"iso2",
    b"iso4",
    b"iso5",
    b"iso6",
    b"mp41",
    b"mp42",
    b"avc1",
    b"M4A ",
    b"M4V ",
    b"dash",
    b"3gp4",
    b"3gp5",
)
_HTML = re.compile(
    r"<(?:!doctype\s+html|html|head|body|script|iframe|object|embed|meta|link|style|base|form|a|img|div|p|table|title|h1)\b",
    re.IGNORECASE,
)
_SVG = re.compile(r"<(?:\w+:)?svg\b", re.IGNORECASE)


def _zip(content: bytes) -> str:
    """Which family of ZIP, by its table of contents; `unknown` when that cannot be read or is too long."""
    if _entries(content) > MAX_ENTRIES:
        return "unknown"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = {info.filename for info in archive.infolist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        return "unknown"
    if any(name.rpartition("/")[2].lower() == "vbaproject.bin" for name in names):
        return "zip-macros"
    if "META-INF/MANIFEST.MF" in names or "AndroidManifest.xml" in names:
        return "zip"
    if "[Content_Types].xml" in names:
        for folder, found in (("word/", "zip-word"), ("xl/", "zip-excel"), ("ppt/", "zip-powerpoint")):
            if any(name.startswith(folder) for name in names):
                return found
    if "mimetype" in names and "content.xml" in names:
        return "zip-odf"
    return "zip"


def _entries(content: bytes) -> int:
    """How many entries the end of the directory claims; the library would read them all first."""
    end = content.rfind(b"PK\x05\x06", max(0, len(content) - 66_000))
    return 0 if end < 0 else int.from_bytes(content[end + 10 : end + 12], "little")


def _text(content: bytes) -> str:
    text = _decoded(content)
    if text is None:
        return "unknown"
    head = text[:_TEXT_SAMPLE].lstrip("\ufeff \t\r\n")
    if head.startswith("#!") or head[:5].lower() == "<?php":
        return "script"
    if _SVG.search(head):
        return "svg"
    if _HTML.search(head):
        return "html"
    return "xml" if head.startswith("<?xml") else "text"


def _decoded(content: bytes) -> str | None:
    """The text, if it is one: UTF-8, UTF-16 with its mark, or an eight-bit code; no control characters but the usual."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError:
            return None
    else:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = content.decode("latin-1")
    return None if _CONTROL.search(text) else text


_CONTROL = re.compile("[\0-\x08\x0e-\x1a\x1c-\x1f]")
