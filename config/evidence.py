"""What proves later what happened here: the daily anchors of the audit books, and sealed cases."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from admin import Services
from admin.anchors import FILE, Anchors
from admin.doors.frame import AdminFrame
from config.settings import Settings
from foundation.clock import DAY, Clock
from foundation.jobs import Jobs
from foundation.keys import Keyring
from foundation.mail import Post
from foundation.records import Engine
from transcripts import Contacts, Conversations
from transcripts.escrow import Cases, Recipients
from transcripts.escrow.pages import EscrowDoor
from transcripts.rights import Rights


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Its parts, and what is planned with them at every start."""

    anchors: Anchors

    async def begun(self, _: web.Application) -> AsyncIterator[None]:
        """Plan what is done every day (a `cleanup_ctx`)."""
        await self.anchors.periodic.begin()
        yield


def build(settings: Settings, staff: Services, *, jobs: Jobs, clock: Clock, post: Post, sender: str) -> Evidence:
    """Everything, constructed; nothing is opened."""
    anchors = Anchors(
        staff.heads, jobs, clock, file=settings.data / FILE, post=post, sender=sender, to=settings.audit.head_to
    )
    return Evidence(anchors=anchors)


def escrow_of(
    settings: Settings,
    staff: Services,
    *,
    engine: Engine,
    keyring: Keyring,
    clock: Clock,
    jobs: Jobs,
    conversations: Conversations,
    contacts: Contacts,
    rights: Rights,
    frame: AdminFrame,
) -> EscrowDoor:
    """The sealed cases behind their door; certificates of erasure name them from now on."""

    async def bot_names(account: str) -> Mapping[str, str]:
        return {bot.id: bot.body.name for bot in await staff.bots.list(account)}

    recipients = Recipients(engine, keyring, staff.audit)
    cases = Cases(
        engine,
        keyring,
        clock,
        conversations=conversations,
        contacts=contacts,
        recipients=recipients,
        holds=rights.holds,
        retention=rights.retention,
        bot_names=bot_names,
        audit=staff.audit,
        jobs=jobs,
        life_ms=settings.escrow.days * DAY,
    )
    rights.certificates.copies = cases.copies_of
    return EscrowDoor(frame, cases, recipients, bots=staff.bots, clock=clock)
