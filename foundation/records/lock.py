"""Who may open a store, and whose turn it is to write: locks that the operating system takes back when a process ends,
however it ends.

A store is one owner's. The lock is `flock` on a file beside it (`<store>.lock`). It belongs to the open file, so that a
second engine in the same process is refused too; after `kill -9` it is free at once. An owner may have workers: he gives
them the open file (`fileno`), and the lock is held until the last of them has ended. The files stay and mean nothing.

Workers of one owner write in turns (`WriteTurn`, `<store>.turn`). SQLite has a lock for that too, but who waits for it
sleeps and looks again, longer each time; here the kernel wakes him.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType


class StoreInUse(Exception):  # noqa: N818 - reads like the port's other refusals
    """Another process (or engine) has this store open. The message says which store, and which process if known."""


class StoreLock:
    """Held from `take` to `release`."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._path = store.with_name(store.name + ".lock")
        self._file: int | None = None

    def fileno(self) -> int:
        """The open file, for workers; only while it is held."""
        if self._file is None:
            raise ValueError("the lock is not held")
        return self._file

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


class WriteTurn:
    """One worker's turn to write, between `with` and its end; others wait. Open it in the thread that writes."""

    def __init__(self, store: Path) -> None:
        path = store.with_name(store.name + ".turn")
        self._file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give it up for good."""
        os.close(self._file)
