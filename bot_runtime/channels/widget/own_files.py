"""The files in the copy that a visitor takes home: which of them, under which names, and what became of each (MS-11).

What fits into the limit is in the archive, the newest chats first; the rest is named in a list with the reason, so that
nobody believes to have all of it. A file that is hidden or destroyed is named without its name (YA-22).
"""

import logging
import re
import unicodedata
from collections.abc import AsyncIterator, Iterable
from typing import Any, Literal

import msgspec

from bot_runtime.channels.widget.holdings import Chat
from foundation.errors import Problem
from transcripts.archives import Streamed
from transcripts.attachments import Attachments
from transcripts.state import Shared, State

log = logging.getLogger(__name__)

Fate = Literal["here", "too_large", "hidden", "damaged"]

_UNSAFE = re.compile(r"[^\w .()+-]")
_MOST_NAME = 80


class Taken(msgspec.Struct):
    """A file of a chat. `path` is where it lies in the archive, empty when it does not; `fate` says why."""

    conversation: str
    seq: int
    at: int
    by: str
    name: str
    media: str
    size: int
    path: str
    fate: Fate

    def plain(self) -> dict[str, Any]:
        """For `data.json`."""
        members: dict[str, Any] = msgspec.structs.asdict(self)
        return members


class OwnFiles:
    """`most`: bytes of files in one copy."""

    def __init__(self, attachments: Attachments, *, most: int) -> None:
        self._attachments = attachments
        self._most = most

    def of(self, chats: Iterable[Chat]) -> list[tuple[State, Shared, Taken]]:
        """Every file that was shared in these chats, and whether there is room for it."""
        room, found = self._most, []
        for number, chat in enumerate(chats, 1):
            for shared in chat.state.files.values():
                taken = _taken(chat.state.id, number, shared)
                if taken.fate == "here" and taken.size > room:
                    taken.fate, taken.path = "too_large", ""
                elif taken.fate == "here":
                    room -= taken.size
                found.append((chat.state, shared, taken))
        return found

    async def pack(self, packed: Streamed, files: list[tuple[State, Shared, Taken]]) -> AsyncIterator[bytes]:
        """Put them into the archive; what cannot be read to its end is said to be damaged."""
        for state, shared, taken in files:
            if taken.fate != "here":
                continue
            try:
                content = await self._attachments.content(state, shared)
            except Problem:
                taken.fate, taken.path = "damaged", ""
                continue
            try:
                async for part in packed.file(taken.path, content):
                    yield part
            except Problem:
                log.exception("a file was cut in the copy of a visitor")
                taken.fate = "damaged"


def _taken(conversation: str, number: int, shared: Shared) -> Taken:
    event = shared.event
    seen = shared.hidden_at is None and not shared.destroyed
    return Taken(
        conversation=conversation,
        seq=shared.seq,
        at=event.at,
        by=event.by,
        name=event.name if seen else "",
        media=event.media,
        size=event.size,
        path=f"files/{number:03}/{shared.seq:05}-{_safe(event.name)}" if seen else "",
        fate="here" if seen else "hidden",
    )


def _safe(name: str) -> str:
    """A name that every system can store and that leads nowhere (no path, no dots in front)."""
    plain = _UNSAFE.sub("_", unicodedata.normalize("NFC", name)).strip(". ")
    stem, dot, extension = plain.rpartition(".")
    return f"{(stem or extension)[:_MOST_NAME]}{dot if stem else ''}{extension[:12] if stem else ''}" or "file"
