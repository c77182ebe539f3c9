"""Whether every file that was shared can be opened, is whole and as long as its log says: for `doctor --full` (K-4).

Each conversation that has files, or should have some, is read once; what its log names and what lies in the store are held
against each other. It may run beside a server: what is missing is looked for again before it is said to be.
"""

from dataclasses import dataclass, field

from config.settings import Settings
from config.stores import Stores, blobs_of
from foundation.clock import SystemClock
from foundation.errors import Problem
from foundation.files import Blobs, SealedFiles
from foundation.live import LocalSignals
from foundation.records import Damaged, KeyDestroyed
from transcripts import CONVERSATION, Conversations
from transcripts.attachments import SHARED_FILE
from transcripts.state import Shared

_PAGE = 500
_MOST_NAMED = 50


@dataclass
class FileReport:
    """What was opened and what is wrong. Files are named by ids; no name or word of anybody is told."""

    files: int = 0
    size: int = 0
    wrong: int = 0
    named: list[str] = field(default_factory=list)
    left_over: int = 0
    """Files that no log names: an upload that was cut off, removed within an hour, or what a crash left."""

    def add(self, file: str, conversation: str, what: str) -> None:
        self.wrong += 1
        if len(self.named) < _MOST_NAMED:
            self.named.append(f"file {file} of chat {conversation}: {what}")


async def check_files(settings: Settings, stores: Stores) -> FileReport:
    """Open all of them. Raises `Problem` when the store itself cannot be used."""
    blobs, report = blobs_of(settings), FileReport()
    if settings.storage.url:
        await blobs.open()  # a folder needs no opening, and opening it would tidy it up
    try:
        look = _Look(stores, blobs, report)
        stored: dict[str, set[str]] = {}
        async for name in blobs.names():
            stored.setdefault(name.group, set()).add(name.id)
        for conversation in sorted(set(stored) | await _listed(stores)):
            await look.at(conversation, stored.get(conversation, set()))
    finally:
        await blobs.close()
    return report


async def _listed(stores: Stores) -> set[str]:
    found: set[str] = set()
    after: str | None = None
    while True:
        page = await stores.engine.find(SHARED_FILE, (), limit=_PAGE, after=after)
        found |= {str(row.fields["conversation"]) for row in page.rows}
        after = page.next
        if after is None:
            return found


class _Look:
    """One look at all files."""

    def __init__(self, stores: Stores, blobs: Blobs, report: FileReport) -> None:
        self._stores = stores
        self._files = SealedFiles(blobs, stores.keyring)
        self._conversations = Conversations(stores.engine, stores.keyring, LocalSignals(), SystemClock())
        self._report = report

    async def at(self, conversation: str, stored: set[str]) -> None:
        """The files of one conversation."""
        row = await self._stores.engine.get(CONVERSATION, conversation)
        shared = {} if row is None else await self._shared(row.account, conversation)
        self._report.left_over += len(stored - set(shared))
        for file, known in shared.items():
            if row is not None and not known.destroyed:
                await self._open(row.account, conversation, file, known)

    async def _shared(self, account: str, conversation: str) -> dict[str, Shared]:
        try:
            state, _ = await self._conversations.passing(account, conversation)
        except Problem:
            return {}  # gone meanwhile, or damaged, which the look at the records says
        return dict(state.files)

    async def _open(self, account: str, conversation: str, file: str, known: Shared) -> None:
        self._report.files += 1
        try:
            size = 0
            async for chunk in self._files.read(account, conversation, file):
                size += len(chunk)
        except Problem as problem:
            what = {Damaged: "it is not what was stored", KeyDestroyed: "its key is gone"}.get(type(problem))
            await self._say(account, conversation, file, what or "it is not there")
            return
        self._report.size += size
        if size != known.event.size:
            await self._say(account, conversation, file, f"it has {size:,} bytes of {known.event.size:,}")

    async def _say(self, account: str, conversation: str, file: str, what: str) -> None:
        """Unless it was destroyed while we looked."""
        again = (await self._shared(account, conversation)).get(file)
        if again is not None and not again.destroyed:
            self._report.add(file, conversation, what)
