"""Files that are deleted by rule while their conversation stays (MS-8): a `Stock` of `transcripts.rights`."""

from collections.abc import AsyncIterator, Sequence

from transcripts.attachments.attachments import Attachments
from transcripts.attachments.book import FileBook
from transcripts.conversations import Conversations
from transcripts.rights import Covered, Old, Whose


class SharedFileStock:
    """By the day on which a file was shared. Key, blob and name go, as with a sensitive one; that there was one stays."""

    data, title, per_bot, default_days, keyed = "files", "Files in chats", True, 180, True

    def __init__(self, book: FileBook, attachments: Attachments, conversations: Conversations) -> None:
        self._book = book
        self._attachments = attachments
        self._conversations = conversations

    async def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:
        async for listed in self._book.before(account, bot, before):
            head = await self._conversations.heads.get(account, listed.conversation)
            contact = head.contact if head is not None else None
            hold = covered.of(bot=listed.bot, conversation=listed.conversation, contact=contact)
            yield Old(listed.file, listed.at, hold is not None)

    def whose(self, account: str, ids: Sequence[str]) -> Whose | None:  # noqa: ARG002 - a Stock
        return None

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:  # noqa: ARG002 - a Stock
        return sum([await self._attachments.expire(account, one) for one in ids])
