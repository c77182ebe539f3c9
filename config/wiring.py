"""Everything, constructed in one readable order. `build` opens nothing but what it is given, and nothing opens at import.

Tests call the same function with replacements: a clock, a `Post`, stores in memory.
"""

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from email.utils import formataddr
from pathlib import Path
from typing import Any

from aiohttp import web

import admin
import bot_runtime
import transcripts
from bot_runtime import verification
from bot_runtime.channels import widget
from config.demo.mailbox import KIND as DEMO_MAIL
from config.demo.mailbox import Mailbox, MailboxPost, mailbox
from config.demo.page import DemoPage
from config.demo.people import Demo
from config.settings import Settings
from config.stores import Refused, Stores
from foundation import jobs
from foundation.clock import DAY, HOUR, MINUTE, Clock
from foundation.jobs import Jobs
from foundation.live import LocalSignals, Signals
from foundation.mail import Post, SmtpPost
from foundation.records import Kind
from foundation.web import Metrics, Pages, Route, Static, WebSettings, build_app
from handoff.desk import Desk
from handoff.queue import QueueKeeper
from handoff.routes import Console

HERE = Path(__file__).parent
HOUSE = HERE.parent

KINDS: Sequence[Kind] = (*jobs.KINDS, *admin.KINDS, *transcripts.KINDS, *bot_runtime.KINDS, DEMO_MAIL)
"""Everything that is stored, for the engine."""

PACKAGES = (
    ("admin", HOUSE / "admin"),
    ("transcripts", HOUSE / "transcripts"),
    ("bot_runtime", HOUSE / "bot_runtime"),
    ("widget", HOUSE / "bot_runtime/channels/widget"),
    ("handoff", HOUSE / "handoff"),
    ("config", HERE),
)
"""Each package with pages or files of its own, by the prefix that its templates and files have."""

DEMO_ASSISTANT = HERE / "demo/assistant"


@dataclass(frozen=True, kw_only=True)
class House:
    """The product, constructed: its application, and what commands use of it."""

    base_url: str
    app: web.Application
    metrics: Metrics
    admin: admin.Services
    demo: Demo
    runtime: bot_runtime.Runtime
    background: tuple[tuple[str, Coroutine[Any, Any, Any]], ...] = ()

    async def first_bot(self) -> str | None:
        """The id of the oldest bot of the first account that has one."""
        async for account in self.admin.accounts.all():
            for bot in await self.admin.bots.list(account.id):
                return bot.id
        return None


def base_url_of(settings: Settings, port: int | None = None) -> str:
    """How browsers reach us: as set, else by the address that is listened on. `port` is the one that was bound."""
    if settings.web.base_url:
        return settings.web.base_url.rstrip("/")
    scheme = "https" if settings.web.tls_certificate else "http"
    host = f"[{settings.web.host}]" if ":" in settings.web.host else settings.web.host
    return f"{scheme}://{host}:{port or settings.web.port}"
