"""Which files there are and since when, so that they can be deleted by rule without opening every conversation (MS-8).

A row is written before the event that shares its file and removed after the file is gone; it names ids and times only.
"""

from collections.abc import AsyncIterator

import msgspec

from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Taken, Where

SHARED_FILE = Kind(
    "shared_file",
    fields=("conversation", "bot", "at"),
    indexes=(("account", "at"), ("account", "conversation")),
)


class Listed(msgspec.Struct, frozen=True):
    """A file, by its ids and the time at which it was shared."""

    file: str
    conversation: str
    bot: str
    at: int


class _Nothing(msgspec.Struct, frozen=True):
    """The row has its fields, and nothing to hide."""


class FileBook:
    """The files of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._rows: Collection[_Nothing] = Collection(engine, keyring, SHARED_FILE, _Nothing)

    async def add(self, account: str, listed: Listed) -> None:
        """A file is about to be shared. Twice is once."""
        try:
            await self._rows.insert(
                account, listed.file, _Nothing(), conversation=listed.conversation, bot=listed.bot, at=listed.at
            )
        except Taken:
            return

    async def get(self, account: str, file: str) -> Listed | None:
        record = await self._rows.get(account, file)
        fields = None if record is None else record.fields
        if record is None or fields is None:
            return None
        return Listed(record.id, str(fields["conversation"]), str(fields["bot"]), int(fields["at"] or 0))

    async def before(self, account: str, bot: str, at: int) -> AsyncIterator[Listed]:
        """The files that were shared before this moment, with this bot, the oldest first."""
        where = [Where("at", "<", at), *([Where("bot", "=", bot)] if bot else [])]
        async for record in self._rows.all(account, *where, order="at"):
            fields = record.fields
            yield Listed(record.id, str(fields["conversation"]), str(fields["bot"]), int(fields["at"] or 0))

    async def remove(self, account: str, file: str) -> None:
        """The file is gone."""
        await self._rows.delete(account, file)

    async def forget(self, account: str, conversation: str) -> None:
        """All files of a conversation are gone."""
        async for record in self._rows.all(account, Where("conversation", "=", conversation)):
            await self._rows.delete(account, record.id)
