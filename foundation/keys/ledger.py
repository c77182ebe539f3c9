"""The erasure ledger: what was erased, by ids alone, in two places that a restore of the database leaves as they are.

It is written *before* anything is destroyed: to a file of its own that only grows (one JSON line an entry, synced), and
to the key store. Whoever puts an old copy of the database back has the entries still, and applies them again before
anything is served (SECURITY 3.3, E-2). An entry holds no name, address or word, so the ledger itself need not be erased.

The file and the key store are read as one: an entry that is in either of them counts. A last line that a crash cut off
is passed over; its erasure had not begun. A copy of the file may be kept on another disk, which is written in the same
step: whoever loses the machine and puts a backup back has what was erased since.
"""

import asyncio
import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from foundation.errors import Unavailable
from foundation.keys.store import LEDGER
from foundation.records.port import Engine, Row, Taken, Where
from foundation.records.sealing import Damaged

_PAGE = 1_000
_TAIL = 4_096


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One erasure: its id and time (milliseconds UTC), the account, the conversations and contacts that went, and the
    data keys that were destroyed. `browser`: the proofs of the browser that had these conversations went too.
    `redacted` pairs a conversation with the numbers of messages whose words went. `cleared` are conversations that stay,
    of other people, out of which the addresses of these contacts were taken."""

    id: str
    at: int
    account: str
    conversations: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    browser: bool = False
    redacted: tuple[tuple[str, tuple[int, ...]], ...] = ()
    cleared: tuple[str, ...] = ()


class Ledger:
    """`engine` is the key store; `path` the file, `None` where there is no folder of ours; `copy` the file elsewhere."""

    def __init__(self, engine: Engine, path: Path | None = None, copy: Path | None = None) -> None:
        self._engine = engine
        self._path = path
        self._copy = copy
        self._writing = asyncio.Lock()

    async def write(self, entry: Entry) -> None:
        """Add an entry; it is durable in all places when this returns. The same entry twice is one entry.

        Raises `Unavailable` when the copy cannot be written: then nothing may be destroyed yet.
        """
        async with self._writing:
            if await self._engine.get(LEDGER, entry.id) is not None:
                return
            if self._path is not None:
                await asyncio.to_thread(_append, self._path, msgspec.json.encode(entry))
            if self._copy is not None:
                await asyncio.to_thread(_append_copy, self._copy, msgspec.json.encode(entry))
            await self.adopt(entry)

    async def adopt(self, entry: Entry) -> None:
        """Put an entry that the file has into the key store, from which other processes read."""
        row = Row(entry.id, 1, entry.account, "", {"at": entry.at}, msgspec.json.encode(entry))
        try:
            await self._engine.insert(LEDGER, row)
        except Taken:
            return

    async def entries(self, since: int = 0) -> list[Entry]:
        """Every entry from this time on, of both places, oldest first. Raises `Damaged` when the file cannot be read."""
        found = {entry.id: entry for entry in await self._filed() if entry.at >= since}
        found |= {entry.id: entry for entry in await self.stored(since)}
        return sorted(found.values(), key=lambda entry: (entry.at, entry.id))

    async def stored(self, since: int = 0) -> Sequence[Entry]:
        """What the key store holds, which all nodes of an installation share."""
        entries: list[Entry] = []
        after: str | None = None
        while True:
            page = await self._engine.find(LEDGER, [Where("at", ">=", since)], order="at", limit=_PAGE, after=after)
            entries += [msgspec.json.decode(row.body, type=Entry) for row in page.rows]
            after = page.next
            if after is None:
                return entries

    async def _filed(self) -> list[Entry]:
        try:
            files = [file for file in (self._path, self._copy) if file is not None]
            return [entry for file in files for entry in await asyncio.to_thread(read_ledger, file)]
        except ValueError as error:
            raise Damaged(f"{error}. Put the file back as it was; nothing is served without it.") from error


def read_ledger(path: Path) -> list[Entry]:
    """The entries of a ledger's file, for commands too; empty when there is none. Blocks.

    Raises `ValueError` with the number of a line that is not an entry, unless it is the last one.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return []
    entries: list[Entry] = []
    for number, line in enumerate(lines, 1):
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if number == len(lines) or not line.strip():
                continue
            raise ValueError(f"{path}: line {number} is not an entry of an erasure ledger") from error
    return entries


def add_to_ledger(path: Path, entries: Iterable[Entry]) -> int:
    """Add those entries that the file has not yet; how many these were. The file is there afterwards. Blocks.

    Raises `ValueError` when the file is no ledger, `OSError`.
    """
    known = {entry.id for entry in read_ledger(path)}
    new = {entry.id: entry for entry in entries if entry.id not in known}
    path.touch(mode=0o600)
    for entry in new.values():
        _append(path, msgspec.json.encode(entry))
    return len(new)


def _append_copy(path: Path, line: bytes) -> None:
    try:
        _append(path, line)
    except OSError as error:
        why = f"The second place of the ledger of erasures cannot be written: {error.strerror}."
        raise Unavailable(f"{why} Nothing was erased; it is tried again.") from error


def _whole_lines(handle: int) -> int:
    """How many bytes end with the last whole line."""
    end = os.fstat(handle).st_size
    while end > 0:
        start = max(0, end - _TAIL)
        found = os.pread(handle, end - start, start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _append(path: Path, line: bytes) -> None:
    """Written and synced. What a crash left of a line that was never finished is cut away first; never what another
    process is about to finish, which has the file's lock then."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.ftruncate(handle, _whole_lines(handle))
        data = line + b"\n"
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)
