"""The files of a conversation go with it, whoever erases it and by whatever rule (MS-4, U-15)."""

from foundation.files import SealedFiles
from transcripts.rights import Whose


class AttachmentHolding:
    """A `Holding`. It finds files by their conversation alone, so it needs no log and no key to remove them."""

    name = "files"

    def __init__(self, files: SealedFiles) -> None:
        self._files = files

    async def erase(self, whose: Whose) -> int:
        """Destroy the keys and remove the blobs; how many files went."""
        return sum([await self._files.destroy_all(whose.account, one) for one in whose.conversations])

    def forget(self, whose: Whose) -> None:  # noqa: ARG002 - a Holding
        """Nothing of them is kept in memory."""
        return
