"""What is deleted by rule beside conversations, contacts and consents: links, their views, records of mails (MS-8).

Each is a `Stock` of `transcripts.rights`: it goes by the rules of `/admin/privacy`, after a dry run and with a certificate.
None of it has a key of its own, and what it names are ids, times and the addresses of readers.
"""

from collections.abc import AsyncIterator, Sequence

from foundation.clock import DAY, Clock
from transcripts.links import Links
from transcripts.mail_records import MailRecords
from transcripts.mailing import LOOK_BACK
from transcripts.rights import Covered, Old, Whose


class _Plain:
    """A kind whose records are simply removed."""

    per_bot, keyed = False, False

    def whose(self, account: str, ids: Sequence[str]) -> Whose | None:  # noqa: ARG002 - a Stock
        return None


class EndedLinks(_Plain):
    """Links, by the day on which they expired or were revoked; a live link stays, whatever its age."""

    data, title, default_days = "links", "Links that have ended", 180

    def __init__(self, links: Links) -> None:
        self._links = links

    async def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:  # noqa: ARG002
        async for link in self._links.ended_before(account, before):
            held = covered.of(bot=link.bot, conversation=link.conversation) is not None
            yield Old(link.id, min(link.expires_at, link.revoked_at or link.expires_at), held)

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:  # noqa: ARG002 - a Stock
        return sum([await self._links.remove(account, one) for one in ids])


class LinkViews(_Plain):
    """Who opened a link, by the time of the view. The counts stay, and the audit book's own entries."""

    data, title, default_days = "link views", "Views of links", 180

    def __init__(self, links: Links) -> None:
        self._links = links

    async def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:  # noqa: ARG002
        async for link in self._links.seen_before(account, before):
            held = covered.of(bot=link.bot, conversation=link.conversation) is not None
            yield Old(link.id, min(seen.at for seen in link.seen), held)

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:
        return sum([await self._links.forget_views(account, one, before) for one in ids])


class TranscriptMailRecords(_Plain):
    """Records of transcript mails that left, were refused or were not wanted. What is still owed stays, and so does what
    tells a restarted server that it has mailed a chat already."""

    data, title, default_days = "transcript mails", "Records of transcript mails", 180

    def __init__(self, records: MailRecords, clock: Clock) -> None:
        self._records = records
        self._clock = clock

    async def old(self, account: str, bot: str, before: int, covered: Covered) -> AsyncIterator[Old]:  # noqa: ARG002
        needed = self._clock.now() - LOOK_BACK - DAY
        async for mail in self._records.ended_before(account, min(before, needed)):
            held = covered.of(bot=mail.bot, conversation=mail.conversation) is not None
            yield Old(mail.id, mail.at, held)

    async def remove(self, account: str, ids: Sequence[str], before: int) -> int:  # noqa: ARG002 - a Stock
        return sum([await self._records.remove(account, one) for one in ids])
