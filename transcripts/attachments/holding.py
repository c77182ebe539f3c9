"""The files of a conversation go with it, whoever erases it and by whatever rule (MS-4, U-15)."""

from foundation.files import SealedFiles
from transcripts.attachments.book import FileBook
from transcripts.rights import Whose


class AttachmentHolding:
    """A `Holding`. It finds files by their conversation alone, so it needs no log and no key to remove them."""

    name = "files"

    def __init__(self, files: SealedFiles, book: FileBook) -> None:
        self._files = files
        self._book = book

    async def erase(self, whose: Whose) -> int:
        """Destroy the keys and remove the blobs; how many files went."""
        gone = sum([await self._files.destroy_all(whose.account, one) for one in whose.conversations])
        for conversation in whose.conversations:
            await self._book.forget(whose.account, conversation)
        return gone

    def forget(self, whose: Whose) -> None:  # noqa: ARG002 - a Holding
        """Nothing of them is kept in memory."""
        return
