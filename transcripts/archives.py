"""A ZIP archive made in memory: a few files and, last, their hashes, so that whoever has it can check it with any tool."""

import hashlib
import io
import zipfile
from collections.abc import Mapping

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
            info = zipfile.ZipInfo(name, _WHEN)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            packed.writestr(info, body)
    return made.getvalue()


def as_file(body: bytes, name: str) -> web.Response:
    """An archive as an answer that a browser saves."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return web.Response(body=body, content_type="application/zip", headers=headers)
