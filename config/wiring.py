"""Everything, constructed in one readable order. Nothing opens at import, and `build` opens nothing.

Tests call the same function with replacements: a clock, a `Post`, stores in memory.
"""

import ipaddress
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import formataddr
from pathlib import Path

from aiohttp import web

import admin
import bot_runtime
import transcripts
from admin.bots import Bot
from admin.doors import routes as admin_routes
from admin.doors.frame import AdminFrame
from admin.doors.invitations import AcceptDoor, InvitationDoor
from admin.invitation_mails import InvitationMails
from bot_runtime import verification
from bot_runtime.answers import Answerer
from bot_runtime.bots import RunningBots
from bot_runtime.channels import widget
from bot_runtime.minds import MindHolding, Minds
from bot_runtime.site_visitors import SiteKeyPages, SiteKeys, SiteVisitors
from bot_runtime.thinking import Thinker
from bot_runtime.turns import Turns
from bot_runtime.verification.bounces import Bounces
from config import evidence
from config.background import background
from config.demo.mailbox import KIND as DEMO_MAIL
from config.demo.mailbox import Kept, Mailbox, MailboxHolding, MailboxPost, mailbox
from config.demo.page import DemoPage, home_routes
from config.demo.people import Demo
from config.settings import Settings
from config.stores import LEDGER, Stores, blobs_of
from foundation import jobs
from foundation.clock import DAY, HOUR, MINUTE, SECOND, Clock
from foundation.errors import Problem
from foundation.files import SealedFiles
from foundation.jobs import Jobs
from foundation.live import LocalSignals, Signals
from foundation.mail import Delivery, Envelope, Post, PostUnreachable, SmtpPost
from foundation.records import Collection, Kind
from foundation.relay import RedisSignals
from foundation.web import Metrics, Pages, Readiness, Route, Static, Throttle, Uploads, WebSettings, build_app
from handoff.assignment import Assigner
from handoff.desk import Desk
from handoff.file_doors import FileDoors
from handoff.presence import PRESENCE, Presence
from handoff.queue import QueueKeeper
from handoff.routes import Console
from handoff.sight import may_see
from transcripts import (
    Access,
    Consents,
    Contacts,
    Conversations,
    Guard,
    Links,
    MailRecords,
    PrivacyRequests,
    TranscriptMails,
    escrow,
    rights,
)
from transcripts import attachments as attachments_of_chats
from transcripts.attachments import AttachmentHolding, Attachments, FileBook, Limits, SharedFiles, SharedFileStock
from transcripts.erasing import MailHolding, RequestHolding
from transcripts.retaining import EndedLinks, LinkViews, TranscriptMailRecords
from transcripts.rights.pages import PrivacyDoor
from transcripts.search import Search, SearchDoors
from transcripts.state import State

HERE = Path(__file__).parent
HOUSE = HERE.parent

KINDS: Sequence[Kind] = (
    *jobs.KINDS,
    *admin.KINDS,
    *transcripts.KINDS,
    *rights.KINDS,
    *escrow.KINDS,
    *attachments_of_chats.KINDS,
    *bot_runtime.KINDS,
    PRESENCE,
    DEMO_MAIL,
)
"""Everything that is stored, for the engine."""

HEADS: Mapping[str, str] = {"conversation": transcripts.CONVERSATION.name, "audit": admin.AUDIT_BOOK.name}
"""For each kind of log with heads, the kind of these."""

PACKAGES = (
    ("admin", HOUSE / "admin"),
    ("transcripts", HOUSE / "transcripts"),
    ("bot_runtime", HOUSE / "bot_runtime"),
    ("widget", HOUSE / "bot_runtime/channels/widget"),
    ("handoff", HOUSE / "handoff"),
    ("config", HERE),
)
"""Each package with pages or files of its own, by the prefix that its templates and files have."""

STATICS = tuple(Static(f"/static/{name}", folder / "static") for name, folder in PACKAGES)

DEMO_ASSISTANT = HERE / "demo/assistant"
ASSISTANTS = "assistants"
"""Folder in the data folder with the Rasa projects that bots may be given, by name."""

MINDS = 4_000
"""Trackers kept ready; one takes about 5 kB a turn, and one that is not there is folded anew from the log."""

MEGABYTE = 1_000_000

OPENINGS = 120
"""Conversations that one client address may begin in an hour; an office behind one address stays well below."""


@dataclass(frozen=True, kw_only=True)
class House:
    """The product, constructed: its application, and what the commands use of it."""

    base_url: str
    app: web.Application
    metrics: Metrics
    admin: admin.Services
    demo: Demo
    bots: RunningBots
    bounces: Bounces
    consents: Consents
    privacy_requests: PrivacyRequests

    async def first_bot(self) -> Bot | None:
        """The first bot there is."""
        async for account in self.admin.accounts.all():
            for bot in await self.admin.bots.list(account.id):
                return bot
        return None


def base_url_of(settings: Settings, port: int | None = None) -> str:
    """How browsers reach us: as set, else by the address that is listened on. `port` is the one that was bound."""
    if settings.web.base_url:
        return settings.web.base_url.rstrip("/")
    scheme = "https" if settings.web.tls_certificate else "http"
    host = f"[{settings.web.host}]" if ":" in settings.web.host else settings.web.host
    return f"{scheme}://{host}:{port or settings.web.port}"


def build(  # noqa: PLR0915 - everything, in one readable order
    settings: Settings,
    stores: Stores,
    *,
    clock: Clock,
    port: int | None = None,
    post: Post | None = None,
    signals: Signals | None = None,
    shared: bool = False,
) -> House:
    """The house on open stores. `port`: the one that was bound. `post` and `signals` replace those of the settings.
    `shared`: other processes write to the same stores."""
    engine, keyring = stores.engine, stores.keyring
    base_url = base_url_of(settings, port)
    signals = signals or LocalSignals()
    metrics = Metrics()
    if isinstance(signals, RedisSignals):
        signals.dropped = metrics.signals_refused.inc
    pages = Pages(PACKAGES)
    pages.filter("when", when)

    staff = admin.build(
        engine,
        keyring,
        signals,
        clock,
        idle_ms=settings.sessions.idle_minutes * MINUTE,
        absolute_ms=settings.sessions.absolute_hours * HOUR,
    )
    outbox = Jobs(
        engine,
        keyring,
        clock,
        lease_ms=settings.jobs.lease_seconds * SECOND,
        observe=lambda name, outcome: metrics.jobs.labels(name, outcome).inc(),
    )
    mails = mailbox(engine, keyring)
    post = post or post_of(settings, mails, clock)

    sender = formataddr((settings.mail.sender_name, settings.mail.sender))
    proofs = evidence.build(settings, staff, jobs=outbox, clock=clock, post=post, sender=sender)

    conversations = Conversations(engine, keyring, signals, clock, shared=shared or bool(settings.storage.url))
    contacts = Contacts(engine, keyring, clock)
    consents = Consents(engine, keyring, clock, staff.accounts, staff.bots)
    rights_ = rights.build(
        engine=engine,
        keyring=keyring,
        clock=clock,
        conversations=conversations,
        contacts=contacts,
        consents=consents,
        accounts=staff.accounts,
        bots=staff.bots,
        audit=staff.audit,
        jobs=outbox,
        signals=signals,
        ledger=settings.data / LEDGER,
        ledger_copy=settings.ledger_copy_file,
        finality=rights.Finality(epoch_ms=settings.keys.epoch_days * DAY, backup_ms=settings.keys.backup_days * DAY),
        residency=settings.residency,
    )
    consents.kept = rights_.retention.days
    links = Links(engine, keyring, clock, audit=staff.audit, life_ms=settings.links.days * DAY)
    access = Access(conversations)
    guard = Guard(
        links, access, conversations, whitelists=staff.whitelists, audit=staff.audit, clock=clock, sees=may_see
    )

    proof = verification.build(
        engine=engine,
        keyring=keyring,
        clock=clock,
        conversations=conversations,
        contacts=contacts,
        bots=staff.bots,
        audit=staff.audit,
        jobs=outbox,
        post=post,
        pages=pages,
        sender=sender,
        base_url=base_url,
    )
    late = metrics.gauge("transcripts_late", "Transcript mails that have not left within 15 minutes")
    mail_records, privacy_requests = MailRecords(engine, keyring, clock), PrivacyRequests(engine, keyring, clock)
    transcript_mails = TranscriptMails(
        records=mail_records,
        conversations=conversations,
        consents=consents,
        contacts=contacts,
        accounts=staff.accounts,
        bots=staff.bots,
        jobs=outbox,
        post=post,
        pages=pages,
        audit=staff.audit,
        clock=clock,
        sender=sender,
        observe=late.set,
        told=lambda outcome: metrics.mails.labels(f"transcript_{outcome}").inc(),
    )
    proof.bounces.transcripts = transcript_mails
    refused = metrics.counter("copied_storage", "Browsers turned away because they came with another one's storage")
    proof.verification.count_copy = refused.inc
    instead: dict[str, Path] = {}
    running = RunningBots(
        staff.accounts,
        staff.bots,
        clock,
        folder_of=lambda name: instead.get(name) or assistant_folder(settings, name),
        models=settings.data / "models",
        action_seconds=settings.bots.action_seconds,
        private=(settings.data.resolve(),),
    )
    minds = Minds(conversations, most=MINDS)
    blobs = blobs_of(settings)
    files, book = SealedFiles(blobs, keyring), FileBook(engine, keyring)
    attachments = Attachments(
        files,
        conversations,
        clock,
        jobs=outbox,
        holds=rights_.holds,
        ledger=rights_.ledger,
        audit=staff.audit,
        book=book,
        limits=Limits(conversation=settings.files.chat_megabytes * MEGABYTE),
    )
    uploads = Uploads(limit=settings.files.max_megabytes * MEGABYTE)
    rights_.erasures.add(
        proof.holding,
        MailHolding(mail_records),
        RequestHolding(privacy_requests),
        MindHolding(minds),
        MailboxHolding(mails),
        AttachmentHolding(files, book),
    )

    rights_.retention.add(
        SharedFileStock(book, attachments, conversations),
        TranscriptMailRecords(mail_records, clock),
        EndedLinks(links),
        LinkViews(links),
    )

    async def transcript_url(state: State) -> str:
        _, secret = await links.mint_for_machine(state.account, state.bot, state.id, "slot")
        return f"{base_url}/t/{secret}"

    answerer = Answerer(running, minds, Thinker(signals, minds.older, transcript_url=transcript_url), clock)
    turns = Turns(conversations, answerer, proof.verification, clock)
    site_keys = SiteKeys(engine, keyring, clock, staff.audit, signals)
    site_visitors = SiteVisitors(engine, keyring, clock, site_keys)
    openings = Throttle(clock, OPENINGS, HOUR)
    chats = widget.Chats(conversations, consents, proof.verification, site_visitors, clock, openings=openings)
    visits = widget.Services(
        chats, conversations, turns, proof.verification, transcript_mails, signals, clock, site_visitors
    )

    holdings = widget.HoldingsOf(
        conversations=conversations,
        consents=consents,
        contacts=contacts,
        links=links,
        mails=mail_records,
        devices=proof.devices,
        verification=proof.verification,
    )

    desk = Desk(conversations, staff.audit, clock)
    keeper = QueueKeeper(
        staff.accounts,
        conversations,
        clock,
        wait_ms=settings.queue.wait_minutes * MINUTE,
        silent_ms=settings.queue.silent_minutes * MINUTE,
    )
    presence = Presence(engine, keyring, signals, clock, accounts=staff.accounts, audit=staff.audit)
    assigner = Assigner(
        accounts=staff.accounts,
        bots=staff.bots,
        people=staff.people,
        grants=staff.grants,
        conversations=conversations,
        presence=presence,
        signals=signals,
        clock=clock,
        accept_ms=settings.queue.accept_seconds * SECOND,
    )
    console = Console(
        desk,
        proof.verification,
        presence=presence,
        conversations=conversations,
        redactions=rights_.redactions,
        bots=staff.bots,
        sessions=staff.sessions,
        signals=signals,
        pages=pages,
        clock=clock,
    )
    search = Search(
        engine, keyring, clock, conversations=conversations, contacts=contacts, access=access, sight=may_see
    )
    searching = SearchDoors(search, audit=staff.audit, bots=staff.bots, keyring=keyring, pages=pages, clock=clock)
    demo = Demo(staff.accounts, staff.bots, staff.people, staff.grants)

    web_settings = WebSettings(
        base_url=base_url,
        hosts=settings.web.hosts,
        trusted_proxies=tuple(ipaddress.ip_network(proxy) for proxy in settings.web.trusted_proxies),
        header_timeout_s=settings.web.header_timeout,
        body_timeout_s=settings.web.body_timeout,
        sockets_per_address=settings.web.sockets_per_address,
        sockets_total=settings.web.sockets_in_all,
    )
    invitations = InvitationMails(
        staff.invitations,
        accounts=staff.accounts,
        jobs=outbox,
        post=post,
        pages=pages,
        clock=clock,
        sender=sender,
        base_url=base_url,
    )
    rate, burst = settings.web.frames_per_second, settings.web.frames_burst
    frame = AdminFrame(pages, staff.accounts, staff.requests, staff.alarms)
    routes: list[Route] = [
        *admin_routes(staff, pages, assistants=assistant_names(settings)),
        *transcripts.routes(
            staff,
            pages,
            guard=guard,
            links=links,
            access=access,
            residency=settings.residency,
            usual_days=settings.links.days,
        ),
        *searching.routes(staff.rules),
        *evidence.escrow_of(
            settings,
            staff,
            engine=engine,
            keyring=keyring,
            clock=clock,
            jobs=outbox,
            conversations=conversations,
            contacts=contacts,
            rights=rights_,
            frame=frame,
        ).routes(staff.rules),
        *PrivacyDoor(
            frame,
            rights_,
            accounts=staff.accounts,
            bots=staff.bots,
            contacts=contacts,
            conversations=conversations,
            clock=clock,
            residency=tuple(settings.residency.items()),
        ).routes(staff.rules),
        *widget.OwnTranscript(staff.bots, chats, conversations, audit=staff.audit, clock=clock).routes(),
        *verification.routes(
            proof,
            staff,
            frame,
            contacts=contacts,
            conversations=conversations,
            post=post,
            clock=clock,
            bounce_secret=settings.mail.bounce_secret,
        ),
        *widget.WidgetDoors(staff.bots, visits, pages, rate=rate, burst=burst, policies=proof.policies).routes(),
        *transcripts.privacy_routes(
            staff, pages, clock, consents=consents, mails=mail_records, requests=privacy_requests, contacts=contacts
        ),
        *widget.PrivacyDoors(
            chats=chats,
            conversations=conversations,
            consents=consents,
            holdings=holdings,
            erasures=rights_.erasures,
            certificates=rights_.certificates,
            requests=privacy_requests,
            attachments=attachments,
            copy_bytes=settings.files.copy_megabytes * MEGABYTE,
            accounts=staff.accounts,
            bots=staff.bots,
            audit=staff.audit,
            pages=pages,
            clock=clock,
        ).routes(),
        *console.routes(staff.rules),
        *InvitationDoor(
            frame,
            invitations=staff.invitations,
            mail=invitations,
            mails=bool(settings.mail.host) or settings.demo,
            people=staff.people,
            bots=staff.bots,
        ).routes(staff.rules),
        *AcceptDoor(
            pages, invitations=staff.invitations, sessions=staff.sessions, devices=staff.devices, clock=clock
        ).routes(staff.rules),
        *SiteKeyPages(frame, keys=site_keys, bots=staff.bots, people=staff.people).routes(staff.rules),
        *SharedFiles(attachments, guard).routes(staff.rules),
        *widget.VisitorFiles(staff.bots, chats, attachments, uploads, clock, an_hour=settings.files.an_hour).routes(),
        *FileDoors(
            attachments, conversations, guard, staff.bots, uploads=uploads, clock=clock, an_hour=settings.files.an_hour
        ).routes(staff.rules),
        *(DemoPage(pages, staff.accounts, staff.bots).routes() if settings.demo else home_routes()),
        *(Mailbox(mails, pages).routes() if settings.demo else ()),
    ]

    async def erased(_: web.Application) -> AsyncIterator[None]:
        await blobs.open()
        try:
            await rights_.begin()
            yield
        finally:
            await blobs.close()

    async def working(_: web.Application) -> AsyncIterator[None]:
        async with background(
            ("erasures", rights_.erasures.follow()),
            *([("signals", signals.run())] if isinstance(signals, RedisSignals) else []),
            ("outbox", outbox.run()),
            ("queue", keeper.run()),
            ("assignment", assigner.run()),
            ("invitations", invitations.run()),
            ("visitors of sites", site_visitors.run()),
            ("refused readers", guard.refusals.run()),
            ("opt-ins", proof.verification.run()),
            ("transcript mails", transcript_mails.run()),
        ):
            yield

    async def talking(_: web.Application) -> AsyncIterator[None]:
        first = await house.first_bot()
        if settings.bots.assistant is not None and first is not None:
            instead[first.body.assistant] = settings.bots.assistant.resolve()
        async with running.serving(turns):
            yield

    app = build_app(
        routes,
        settings=web_settings,
        pages=pages,
        statics=STATICS,
        clock=clock,
        metrics=metrics,
        ready={"storage": storage_answers(stores), "bots": running.readiness},
        cleanup_ctx=(erased, proofs.begun, staff.running, talking, working),
    )
    house = House(
        base_url=base_url,
        app=app,
        metrics=metrics,
        admin=staff,
        demo=demo,
        bots=running,
        bounces=proof.bounces,
        consents=consents,
        privacy_requests=privacy_requests,
    )
    return house


def storage_answers(stores: Stores) -> Readiness:
    """For `/readyz`: the database and the key store are asked, not remembered."""

    async def ask() -> str | None:
        try:
            await stores.engine.count(admin.KINDS[0])
            await stores.keyring.describe()
        except Problem as problem:
            return problem.detail
        return None

    return ask


def post_of(settings: Settings, mails: Collection[Kept] | None, clock: Clock) -> Post:
    """How mails leave: by the SMTP server of the settings; in a demo they are kept for the mailbox page as well."""
    mail = settings.mail
    smtp: Post | None = None
    if mail.host:
        smtp = SmtpPost(
            mail.host,
            mail.port,
            tls=mail.tls,
            username=mail.username or None,
            password=mail.password or None,
            timeout=mail.timeout,
            ca_file=mail.ca_file,
        )
    if settings.demo and mails is not None:
        return MailboxPost(mails, clock, smtp)
    return smtp or NoPost()


def assistant_folder(settings: Settings, name: str) -> Path:
    """Where the assistant of this name lies: the demo's own, or a folder of `data/assistants`. Raises `ValueError`."""
    if name == "demo":
        return DEMO_ASSISTANT
    folder = (settings.data / ASSISTANTS / name).resolve()
    if folder.parent != (settings.data / ASSISTANTS).resolve():
        raise ValueError(f"{name!r} is not the name of an assistant")
    return folder


def assistant_names(settings: Settings) -> list[str]:
    """The assistants that a bot may be given."""
    folder = settings.data / ASSISTANTS
    own = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    return ["demo", *own]


def when(at: int) -> str:
    """A time for people, UTC."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


class NoPost:
    """No mail server is set: mails wait in the outbox until there is one."""

    async def send(self, mail: Envelope) -> Delivery:  # noqa: ARG002 - a Post
        raise PostUnreachable("no mail server is set (mail.host)")
