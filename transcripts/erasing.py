"""What the transcript mails and the visitors' own requests hold of a person, and how it goes when he is erased (MS-4)."""

from transcripts.mail_records import MailRecords
from transcripts.privacy_requests import PrivacyRequests
from transcripts.rights import Whose


class MailHolding:
    """A `Holding`: the records of transcript mails, with their addresses."""

    name = "transcript mails"

    def __init__(self, records: MailRecords) -> None:
        self._records = records

    async def erase(self, whose: Whose) -> int:
        """Remove the records of the conversations."""
        return sum([await self._records.forget(whose.account, one) for one in whose.conversations])

    def forget(self, whose: Whose) -> None:  # noqa: ARG002 - a Holding
        """Nothing of it is kept in memory."""
        return


class RequestHolding:
    """A `Holding`: what visitors wrote when they asked for something. That they asked stays, as evidence."""

    name = "the words of privacy requests"

    def __init__(self, requests: PrivacyRequests) -> None:
        self._requests = requests

    async def erase(self, whose: Whose) -> int:
        """Take their words out."""
        return await self._requests.forget(whose.account, whose.visitors, whose.contacts)

    def forget(self, whose: Whose) -> None:  # noqa: ARG002 - a Holding
        """Nothing of it is kept in memory."""
        return
