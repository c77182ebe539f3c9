"""A server of MongoDB's protocol for the tests: the one that `FRONTDESK_TEST_MONGODB_URL` names, or a FerretDB of our own.

FerretDB (1.24, SQLite backend) is built from `tests/ferretdb` once and kept in the user's cache; it listens on loopback and
ends with the test run. It shows whether what we ask of the protocol is right; it shows nothing about speed, replication,
sharding or majorities.
"""

import atexit
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

SOURCE = Path(__file__).parent / "ferretdb"
VARIABLE = "FRONTDESK_TEST_MONGODB_URL"
_PATIENCE = 60
_BUILD_PATIENCE = 900


def database_url(folder: Path, scheme: str = "mongodb") -> str:
    """The URL of a database that belongs to this folder: the same folder, the same database. Skips without a server."""
    parts = urlsplit(server_url())
    name = f"fd_{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]}"
    return urlunsplit((scheme, parts.netloc, f"/{name}", parts.query, ""))


def store_settings(folder: Path, scheme: str = "mongodb") -> dict[str, str]:
    """The settings of an installation whose records and keys are in databases of this folder's own."""
    return {
        "FRONTDESK_STORAGE__URL": database_url(folder / "records", scheme),
        "FRONTDESK_KEYS__URL": database_url(folder / "keys", scheme),
    }


def everything_in(url: str) -> dict[str, bytes]:
    """All documents of a database, by collection, as they are stored."""
    import bson
    from pymongo import MongoClient

    with MongoClient(url.replace("+motor", "")) as client:
        database = client.get_default_database()
        names = database.list_collection_names()
        return {name: b"".join(bson.encode(one) for one in database[name].find()) for name in names}


@cache
def server_url() -> str:
    """The URL of the server, which is started if need be; child processes find it in the environment."""
    if VARIABLE not in os.environ:
        os.environ[VARIABLE] = Server(Path(tempfile.mkdtemp(prefix="frontdesk-mongo-")), remove=True).start()
    return os.environ[VARIABLE]


class Server:
    """A FerretDB over a folder; it may be killed and started again on the same port."""

    def __init__(self, folder: Path, *, remove: bool = False) -> None:
        self._folder = folder
        self._remove = remove
        self._process: subprocess.Popen[bytes] | None = None
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = int(free.getsockname()[1])

    def start(self) -> str:
        """Start and wait until it takes connections; its URL."""
        program = _built()
        address = f"127.0.0.1:{self.port}"
        with (self._folder / "ferretdb.log").open("ab") as log:
            self._process = subprocess.Popen([program, str(self._folder), address], stdout=log, stderr=log)
        atexit.register(self.stop)
        until = time.monotonic() + _PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return f"mongodb://{address}/"
            except OSError:
                if self._process.poll() is not None or time.monotonic() > until:
                    log = (self._folder / "ferretdb.log").read_text("utf-8", "replace")[-2000:]
                    raise RuntimeError(f"FerretDB did not start: {log}") from None

    def kill(self) -> None:
        """End it without a word."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it, and its folder with it if that is its own."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
            self._process = None
        if self._remove:
            shutil.rmtree(self._folder, ignore_errors=True)


@cache
def _built() -> str:
    """The program, built if this source was not built before. Skips the test where there is no Go."""
    version = hashlib.sha256(b"".join(file.read_bytes() for file in sorted(SOURCE.iterdir()))).hexdigest()[:16]
    program = Path.home() / ".cache" / "frontdesk-tests" / f"ferretdb-{version}"
    if program.exists():
        return str(program)
    go = shutil.which("go")
    if go is None:
        pytest.skip(f"no Go to build a MongoDB server with (or set {VARIABLE})")
    program.parent.mkdir(parents=True, exist_ok=True)
    made = program.with_suffix(f".{os.getpid()}")
    build = subprocess.run(
        [go, "build", "-trimpath", "-o", str(made), "."],
        cwd=SOURCE,
        capture_output=True,
        text=True,
        timeout=_BUILD_PATIENCE,
    )
    if build.returncode != 0:
        raise RuntimeError(f"FerretDB could not be built: {build.stderr[-2000:]}")
    made.replace(program)
    return str(program)


if __name__ == "__main__":
    sys.stdout.write(_built() + "\n")
