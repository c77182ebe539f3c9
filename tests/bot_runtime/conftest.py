"""The house as far as this package needs it, from real pieces: stores in memory, a clock that moves only when told to, a
real SMTP server, a real listener on loopback."""

import asyncio
import json
import os
import re
import secrets
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

import admin
import bot_runtime
from admin import Bot
from bot_runtime import verification
from bot_runtime.bots import RunningBots
from bot_runtime.channels import widget
from bot_runtime.turns import Turns
from foundation import jobs as outbox
from foundation import keys
from foundation.clock import ManualClock
from foundation.jobs import Jobs
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.mail import MemoryPost, Post, SmtpPost
from foundation.records import Engine, MemoryEngine, SqliteEngine
from foundation.web import Pages, Runner, WebSettings, build_app, serve
from tests.serving import MailServer
from tests.talking import Visitor
from transcripts import KINDS as TRANSCRIPT_KINDS
from transcripts import Consents, Contacts, Conversations
from transcripts.events import AnyEvent
from transcripts.state import State

KINDS = (*admin.KINDS, *TRANSCRIPT_KINDS, *outbox.KINDS, *bot_runtime.KINDS)
SENDER = "Blue Harbour <desk@blue.example>"
