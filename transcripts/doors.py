"""All routes of this package, for whoever wires the house."""

from admin import AuditBook, Bots, Rules
from foundation.web import Pages, Route
from transcripts.access import Access
from transcripts.api import LinkApi
from transcripts.guard import Guard
from transcripts.links import Links
from transcripts.pages import TranscriptDoor


def routes(
    rules: Rules, pages: Pages, *, guard: Guard, links: Links, access: Access, bots: Bots, audit: AuditBook
) -> list[Route]:
    """The page of a shared transcript and the API of its links. `pages` must know `transcripts.PAGES`."""
    door = TranscriptDoor(guard, bots=bots, pages=pages)
    api = LinkApi(links, access, guard, audit=audit)
    return [*door.routes(rules), *api.routes(rules)]
