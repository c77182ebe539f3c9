"""All routes of this package, for whoever wires the house."""

from collections.abc import Mapping

import admin
from admin import AdminFrame
from foundation.clock import Clock
from foundation.web import Pages, Route
from transcripts.access import Access
from transcripts.api import LinkApi
from transcripts.consent import Consents
from transcripts.contacts import Contacts
from transcripts.explaining import Explainer
from transcripts.guard import Guard
from transcripts.life import USUAL_DAYS, Lives
from transcripts.link_pages import LinkPages
from transcripts.links import Links
from transcripts.mail_records import MailRecords
from transcripts.notice_pages import NoticePages
from transcripts.pages import TranscriptDoor
from transcripts.privacy_pages import PrivacyPages
from transcripts.privacy_requests import PrivacyRequests
from transcripts.proof import Proof


def routes(
    services: admin.Services,
    pages: Pages,
    *,
    guard: Guard,
    links: Links,
    access: Access,
    residency: Mapping[str, str] | None = None,
    usual_days: int = USUAL_DAYS,
) -> list[Route]:
    """The page of a shared transcript, the API of links, the admin's page of them. `pages` must know
    `transcripts.PAGES` and those of `admin`. `residency` says where each store lies (MS-10)."""
    s = services
    lives = Lives(s.accounts, usual_days=usual_days)
    explainer = Explainer(guard, links, people=s.people, sessions=s.sessions, audit=s.audit)
    frame = AdminFrame(pages, s.accounts, s.requests, s.alarms)
    doors = (
        TranscriptDoor(guard, bots=s.bots, requests=s.requests, pages=pages, residency=residency),
        LinkApi(links, access, lives=lives, explainer=explainer),
        LinkPages(frame, links, explainer, lives=lives, accounts=s.accounts, bots=s.bots, people=s.people),
    )
    return [route for door in doors for route in door.routes(s.rules)]


def privacy_routes(
    staff: admin.Services,
    pages: Pages,
    clock: Clock,
    *,
    consents: Consents,
    mails: MailRecords,
    requests: PrivacyRequests,
    contacts: Contacts,
) -> list[Route]:
    """The privacy pages of the admin. `pages` must know `transcripts.PAGES` and those of `admin`."""
    frame = AdminFrame(pages, staff.accounts, staff.requests, staff.alarms)
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
