"""One process per store: a lock that the operating system takes back when the process ends, however it ends.

The lock is `flock` on a file beside the store (`<store>.lock`). It belongs to the open file, so that a second engine in
the same process is refused too; after `kill -9` it is free at once. The file itself stays and means nothing.
"""

import fcntl
import os
from pathlib import Path


class StoreInUse(Exception):  # noqa: N818 - reads like the port's other refusals
    """Another process (or engine) has this store open. The message says which store, and which process if known."""


class StoreLock:
    """Held from `take` to `release`."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store.with_name(store.name + ".lock")
        self._file: int | None = None

    def take(self) -> None:
        """Raises `StoreInUse`."""
        file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip()
            os.close(file)
            process = f"process {holder}" if holder.isdigit() else "another process"
            raise StoreInUse(f"{self._store} is in use by {process}. Stop it first, or use another folder.") from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Idempotent."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
