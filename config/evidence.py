"""What proves later what happened here: the daily anchors of the audit books."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from admin import Services
from admin.anchors import FILE, Anchors
from config.settings import Settings
from foundation.clock import Clock
from foundation.jobs import Jobs
from foundation.mail import Post


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
