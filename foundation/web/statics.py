"""Static files, read once and served from memory: there is no path from a URL to the disk (C-15).

A page names a file by `asset("admin/js/login.js")` and gets a URL with the hash of its whole folder in it, so that the
answer may be kept for ever and a module's relative imports stay within the same version. The same file without the hash
is served too, with an ETag.
"""

import base64
import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aiohttp import web

from foundation.errors import NotFound
from foundation.web.logs import error_log, one_line

CONTENT_TYPES: Mapping[str, str] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
    ".mp3": "audio/mpeg",
    ".ogg": "audio/ogg",
}
"""The kinds of files that are served; any other in the folder is not."""

MAX_FOLDER_BYTES = 32 * 1024 * 1024
"""All of a folder is held in memory; more than this is a mistake."""

_COMPRESSED = {".css", ".js", ".json", ".svg", ".txt"}
_MARK = "~"


@dataclass(frozen=True)
class Static:
    """A folder to be served under a prefix such as `/static/admin`."""

    prefix: str
    folder: Path

    @property
    def name(self) -> str:
        """What `asset` calls it: the last part of the prefix."""
        return self.prefix.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class _File:
    body: bytes
    packed: bytes | None
    content_type: str
    etag: str


class _Folder:
    def __init__(self, static: Static) -> None:
        self.prefix = static.prefix.rstrip("/")
        self.files = {name: _read(path) for name, path in _paths(static.folder)}
        if sum(len(file.body) for file in self.files.values()) > MAX_FOLDER_BYTES:
            raise ValueError(f"{static.folder} holds more than {MAX_FOLDER_BYTES} bytes to serve")
        names = "".join(f"{name} {file.etag}\n" for name, file in sorted(self.files.items()))
        self.version = _digest(names.encode())[:12]


class Assets:
    """All static folders. `load` reads them; before that there is nothing to serve."""

    def __init__(self, statics: Iterable[Static]) -> None:
        self._statics = tuple(statics)
        self._folders: dict[str, _Folder] = {}
        self._missing: set[str] = set()

    def load(self) -> None:
        """Read all files; blocks, so the frame calls it in a thread at start. A folder that is missing is empty."""
        self._folders = {static.name: _Folder(static) for static in self._statics}

    def url(self, name: str) -> str:
        """The URL of `admin/js/login.js` with its version.

        A file that is not there gets its plain URL, which answers 404, and a line in the log: a page without its style
        is better than no page.
        """
        folder_name, _, file_name = name.partition("/")
        folder = self._folders.get(folder_name)
        if folder is None or file_name not in folder.files:
            if name not in self._missing:
                self._missing.add(name)
                error_log.warning("there is no static file %s", one_line(name))
            return f"/static/{name}"
        return f"{folder.prefix}/{_MARK}{folder.version}/{file_name}"

    async def serve(self, request: web.Request) -> web.Response:
        """Answer `GET {prefix}/{path}`. Raises `NotFound`."""
        path = request.match_info["path"]
        folder = self._folders.get(request.match_info.route.resource.canonical.split("/")[-2])  # type: ignore[union-attr]
        version = None
        if path.startswith(_MARK):
            version, _, path = path[1:].partition("/")
        file = folder.files.get(path) if folder else None
        if folder is None or file is None or (version not in (None, folder.version)):
            raise NotFound("There is no such file.")
        return _answer(request, file, immutable=version is not None)


def _answer(request: web.Request, file: _File, *, immutable: bool) -> web.Response:
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if immutable else "no-cache",
        "ETag": f'"{file.etag}"',
        "Vary": "Accept-Encoding",
    }
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("If-None-Match", "").split(",")}
    if headers["ETag"] in known:
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = file.content_type
    if file.packed is not None and _takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=file.packed, headers=headers)
    return web.Response(body=file.body, headers=headers)


def _takes_gzip(request: web.Request) -> bool:
    for item in request.headers.get("Accept-Encoding", "").lower().split(","):
        coding, _, quality = item.replace(" ", "").partition(";q=")
        if coding in {"gzip", "*"}:
            return quality.strip("0.") != "" or not quality
    return False


def _paths(folder: Path) -> Iterable[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        hidden = any(part.startswith((".", _MARK)) for part in name.parts)
        if path.suffix in CONTENT_TYPES and not hidden and path.is_file() and not path.is_symlink():
            yield str(PurePosixPath(name)), path


def _read(path: Path) -> _File:
    body = path.read_bytes()
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSED else None
    if packed is not None and len(packed) >= len(body):
        packed = None
    return _File(body, packed, CONTENT_TYPES[path.suffix], _digest(body)[:22])


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode()
