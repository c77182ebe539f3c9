"""The folder that a worker process has for its home and its temporary files: made with it, removed with it.

What actions leave there may be about visitors. A server that is killed cannot remove it, so each start sweeps up what
dead servers left. A living server holds a lock on each of its folders; the system gives it back however the server ends.
"""

import fcntl
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

PREFIX = "frontdesk-actions-"
YOUNG = 60
"""Seconds in which a folder without a lock may be one that is just being made."""


class Home:
    """One folder, open to this user only."""

    def __init__(self) -> None:
        self.path = Path(tempfile.gettempdir()) / f"{PREFIX}{secrets.token_hex(8)}"
        self._lock: int | None = None

    def make(self) -> None:
        """Make it, and remove those that nobody holds any more. Blocks on the disk."""
        self.path.mkdir(mode=0o700)
        self._lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        for other in self.path.parent.glob(f"{PREFIX}*"):
            if other != self.path:
                _remove_if_left(other)

    def remove(self) -> None:
        """Remove it with all that is in it; again does no harm. Blocks on the disk."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _remove_if_left(folder: Path) -> None:
    try:
        about = folder.lstat()
        if about.st_uid != os.geteuid() or time.time() - about.st_mtime < YOUNG:
            return
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return  # gone meanwhile, or somebody else's
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    except BlockingIOError:
        pass
    finally:
        os.close(opened)
