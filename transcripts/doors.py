"""All routes of this package, for whoever wires the house."""

import admin
from admin.doors.frame import AdminFrame
from foundation.web import Pages, Route
from transcripts.access import Access
from transcripts.api import LinkApi
from transcripts.explaining import Explainer
from transcripts.guard import Guard
from transcripts.life import USUAL_DAYS, Lives
from transcripts.link_pages import LinkPages
from transcripts.links import Links
from transcripts.pages import TranscriptDoor


def routes(
    services: admin.Services,
    pages: Pages,
    *,
    guard: Guard,
    links: Links,
    access: Access,
    usual_days: int = USUAL_DAYS,
) -> list[Route]:
    """The page of a shared transcript, the API of links, the admin's page of them. `pages` must know
    `transcripts.PAGES` and those of `admin`."""
    s = services
    lives = Lives(s.accounts, usual_days=usual_days)
    explainer = Explainer(guard, links, people=s.people, sessions=s.sessions, audit=s.audit)
    frame = AdminFrame(pages, s.accounts, s.requests)
    doors = (
        TranscriptDoor(guard, bots=s.bots, requests=s.requests, pages=pages),
        LinkApi(links, access, lives=lives, explainer=explainer),
        LinkPages(frame, links, explainer, lives=lives, accounts=s.accounts, bots=s.bots, people=s.people),
    )
    return [route for door in doors for route in door.routes(s.rules)]
