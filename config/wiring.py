"""Everything, constructed in one readable order. `build` opens nothing but what it is given, and nothing opens at import.

Tests call the same function with replacements: a clock, a `Post`, an engine.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

import admin
import bot_runtime
import handoff
import transcripts
from config.demo.mailbox import KIND as DEMO_MAIL
from config.demo.mailbox import Mailbox, MailboxPost, mailbox
from config.demo.page import DemoPage
from config.settings import Settings
from config.stores import Stores
from foundation import jobs
from foundation.clock import DAY, HOUR, MINUTE, Clock
from foundation.live import LocalSignals, Signals
from foundation.mail import Post, SmtpPost
from foundation.records import Kind
from foundation.web import Metrics, Pages, Readiness, Route, Static, WebSettings, build_app, metrics_app

HERE = Path(__file__).parent

KINDS: Sequence[Kind] = (*jobs.KINDS, *admin.KINDS, *transcripts.KINDS, *bot_runtime.KINDS, DEMO_MAIL)
"""Everything that is stored, for the engine."""
