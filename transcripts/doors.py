"""All routes of this package, for whoever wires the house."""

from admin import AdminFrame, AuditBook, Bots, Rules, Services
from foundation.clock import Clock
from foundation.web import Pages, Route
from transcripts.access import Access
from transcripts.api import LinkApi
from transcripts.consent import Consents
from transcripts.contacts import Contacts
from transcripts.guard import Guard
from transcripts.links import Links
from transcripts.mail_records import MailRecords
from transcripts.notice_pages import NoticePages
from transcripts.pages import TranscriptDoor
from transcripts.privacy_pages import PrivacyPages
from transcripts.privacy_requests import PrivacyRequests
from transcripts.proof import Proof


def routes(
    rules: Rules, pages: Pages, *, guard: Guard, links: Links, access: Access, bots: Bots, audit: AuditBook
) -> list[Route]:
    """The page of a shared transcript and the API of its links. `pages` must know `transcripts.PAGES`."""
    door = TranscriptDoor(guard, bots=bots, pages=pages)
    api = LinkApi(links, access, guard, audit=audit)
    return [*door.routes(rules), *api.routes(rules)]


def privacy_routes(
    staff: Services,
    pages: Pages,
    clock: Clock,
    *,
    consents: Consents,
    mails: MailRecords,
    requests: PrivacyRequests,
    contacts: Contacts,
) -> list[Route]:
    """The privacy pages of the admin. `pages` must know `transcripts.PAGES` and those of `admin`."""
    frame = AdminFrame(pages, staff.accounts, staff.alarms)
    proof = Proof(consents, staff.accounts, staff.bots, pages, clock)
    privacy = PrivacyPages(
        frame,
        consents=consents,
        proof=proof,
        mails=mails,
        requests=requests,
        contacts=contacts,
        bots=staff.bots,
        audit=staff.audit,
    )
    staff.alarms.watch(privacy.alarms)
    notices = NoticePages(frame, consents, staff.bots, staff.audit)
    return [*notices.routes(staff.rules), *privacy.routes(staff.rules)]
