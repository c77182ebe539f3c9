"""A ZIP archive: a few files and, last, their hashes, so that whoever has it can check it with any tool.

Made in memory (`archive`), or bit by bit while it leaves (`Streamed`), when it holds what should not lie in memory whole.
"""

import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Iterator, Mapping

from aiohttp import web

_WHEN = (2020, 1, 1, 0, 0, 0)
"""The same time for all files: the same content is the same archive, byte for byte."""

SUMS = "SHA256SUMS"


def archive(files: Mapping[str, bytes]) -> bytes:
    """The archive. `SHA256SUMS` in it is in the format of `sha256sum --check`. Blocks, so call it in a thread."""
    made = io.BytesIO()
    sums = "".join(f"{hashlib.sha256(body).hexdigest()}  {name}\n" for name, body in files.items())
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, body in (*files.items(), (SUMS, sums.encode())):
            packed.writestr(_info(name, zipfile.ZIP_DEFLATED), body)
    return made.getvalue()


class Streamed:
    """An archive that leaves while it is made. Each function gives the bytes that are ready; `end` gives the last ones."""

    def __init__(self) -> None:
        self._ready: list[bytes] = []
        self._packed = zipfile.ZipFile(_Sink(self._ready), "w")  # type: ignore[call-overload]
        self._sums: list[str] = []

    async def file(self, name: str, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A file as it is, chunk by chunk. When `content` raises, what came before it is in the archive, and summed."""
        digest = hashlib.sha256()
        with self._packed.open(_info(name, zipfile.ZIP_STORED), "w") as member:
            try:
                async for chunk in content:
                    member.write(chunk)
                    digest.update(chunk)
                    for part in self._taken():
                        yield part
            finally:
                self._sums.append(f"{digest.hexdigest()}  {name}\n")
        for part in self._taken():
            yield part

    def text(self, name: str, body: bytes) -> Iterator[bytes]:
        """A small file."""
        self._sums.append(f"{hashlib.sha256(body).hexdigest()}  {name}\n")
        self._packed.writestr(_info(name, zipfile.ZIP_DEFLATED), body)
        yield from self._taken()

    def end(self) -> Iterator[bytes]:
        """The sums, and the archive's end."""
        self._packed.writestr(_info(SUMS, zipfile.ZIP_DEFLATED), "".join(self._sums).encode())
        self._packed.close()
        yield from self._taken()

    def _taken(self) -> list[bytes]:
        ready = self._ready.copy()
        self._ready.clear()
        return ready


class _Sink:
    """Where a ZIP is written to that cannot be gone back in."""

    def __init__(self, ready: list[bytes]) -> None:
        self._ready = ready

    def write(self, data: bytes) -> int:
        self._ready.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        return


def _info(name: str, how: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, _WHEN)
    info.compress_type = how
    info.external_attr = 0o600 << 16
    return info


def as_file(body: bytes, name: str) -> web.Response:
    """An archive as an answer that a browser saves."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, content_type="application/zip", headers=headers)


async def stream_file(request: web.Request, parts: AsyncIterator[bytes], name: str) -> web.StreamResponse:
    """An archive that leaves while it is made; what goes wrong before its first part is an ordinary refusal."""
    first = await anext(parts, b"")
    response = web.StreamResponse(headers={"Content-Disposition": f'attachment; filename="{name}"'})
    response.content_type = "application/zip"
    response.headers["Cache-Control"] = "no-store"
    await response.prepare(request)
    await response.write(first)
    async for part in parts:
        await response.write(part)
    await response.write_eof()
    return response
