"""Bringing the write-ahead log into the main file, beside the writer rather than in its way.

SQLite by itself does this in the middle of a commit: every few hundred appends one of them waited until two thousand
pages were written and synced. In a small store these are few pages, many times over. In one of a hundred thousand
conversations nearly every append has pages of its own, strewn over the file, so appends became slower as it grew. Here a
thread with a connection of its own does it while the writer goes on, and seldom, so that a page that is written again
and again goes to the main file once.

Nothing of durability hangs on it: what is acknowledged is synced in the write-ahead log. SQLite begins that log anew only
when nothing is left in it, which under load happens when the writer, at the size that `setup` says, brings in the
little that the thread has not; this also bounds the log should the thread fail.
"""

import queue
import sqlite3
import threading
from pathlib import Path

from foundation.records.setup import connect_checkpointer

EVERY = 3_000
"""Writes after which it is time; each is one to four pages."""


class Checkpointer:
    """`turn` is held during a checkpoint: SQLite refuses a second one rather than wait."""

    def __init__(self, path: Path) -> None:
        self.turn = threading.Lock()
        self._db = connect_checkpointer(path)
        self._due: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._written = 0
        self._thread = threading.Thread(target=self._work, name="store checkpointer", daemon=True)
        self._thread.start()

    def count(self, writes: int) -> None:
        """So many writes were committed. Called by the writing thread alone."""
        self._written += writes
        if self._written >= EVERY:
            self._written = 0
            self._due.put(True)

    def stop(self) -> None:
        """Do what is due and end."""
        self._due.put(False)
        self._thread.join()
        self._db.close()

    def _work(self) -> None:
        while self._due.get():
            try:
                with self.turn:
                    self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            except sqlite3.Error:
                continue  # a full or failing disk: the writer meets it too, and tells those who wait
