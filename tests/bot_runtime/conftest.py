"""The house as far as this package needs it, from real pieces: stores in memory, a clock that moves only when told to,
a real listener on loopback."""

import asyncio
import os
import re
import secrets
import shutil
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

import admin
import bot_runtime
from admin import Account, Bot
from admin.doors.frame import iso, when
from bot_runtime import verification
from bot_runtime.answers import Answerer
from bot_runtime.bots import RunningBots
from bot_runtime.channels import widget
from bot_runtime.minds import Minds
from bot_runtime.site_visitors import SiteKeys, SiteVisitors
from bot_runtime.thinking import Thinker, TranscriptUrl
from bot_runtime.turns import Said, Turns
from bot_runtime.verification import Proof
from bot_runtime.verification.texts import texts
from foundation import jobs as outbox
from foundation import keys
from foundation.clock import HOUR, ManualClock
from foundation.files import SealedFiles
from foundation.files.memory import MemoryBlobs
from foundation.ids import secret_hash
from foundation.jobs import Jobs
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.mail import Envelope, MemoryPost
from foundation.records import MemoryEngine
from foundation.web import Pages, Runner, Static, Throttle, WebSettings, build_app, serve
from tests.browser_key import BrowserKey
from tests.talking import Visitor
from transcripts import KINDS as TRANSCRIPT_KINDS
from transcripts import PAGES as TRANSCRIPT_PAGES
from transcripts import (
    Consents,
    Contacts,
    Conversations,
    Links,
    MailRecords,
    PrivacyRequests,
    TranscriptMails,
    copies,
    rights,
)
from transcripts.attachments import KINDS as FILE_KINDS
from transcripts.attachments import AttachmentHolding, Attachments, FileBook, Limits
from transcripts.erasing import MailHolding, RequestHolding
from transcripts.events import AnyEvent, ConsentGiven, MessageSent, WebPage
from transcripts.state import State

PACKAGE = Path(bot_runtime.__file__).parent
HARBOUR = Path(__file__).parent / "harbour"
"""A small project in Rasa's format whose custom actions do what the tests need: wait, fail, die, say nothing."""
KINDS = (*admin.KINDS, *TRANSCRIPT_KINDS, *rights.KINDS, *FILE_KINDS, *outbox.KINDS, *bot_runtime.KINDS)
SENDER = "Blue Harbour <desk@blue.example>"


@dataclass
class Chat:
    """A consented conversation and the secret of its browser."""

    id: str
    device: str
    key: BrowserKey | None = None

    @property
    def visitor(self) -> str:
        return secret_hash(self.device)


@dataclass
class Desk:
    """An account with a bot, its conversations, and the proof of addresses."""

    clock: ManualClock
    keyring: Keyring
    signals: LocalSignals
    admin: admin.Services
    conversations: Conversations
    contacts: Contacts
    consents: Consents
    jobs: Jobs
    post: MemoryPost
    proof: Proof
    transcripts: TranscriptMails
    links: Links
    requests: PrivacyRequests
    rights: rights.Rights
    attachments: Attachments
    account: Account
    bot: Bot
    pages: Pages
    site_keys: SiteKeys
    site_visitors: SiteVisitors

    async def chat(self, *, device: str | None = None, locale: str = "en", bot: Bot | None = None) -> Chat:
        device, bot = device or secrets.token_urlsafe(32), bot or self.bot
        visitor = secret_hash(device)
        page = WebPage(url="https://shop.example/bikes")
        made = await self.conversations.open(self.account.id, bot.id, visitor=visitor, locale=locale, page=page)
        notice = await self.consents.notice(self.account.id, bot.id, locale)
        given = await self.consents.give(
            self.account.id, bot.id, visitor=visitor, conversation=made, version=notice.version
        )
        event = ConsentGiven(
            at=given.at, record=given.id, notice=given.version, text_hash=given.hash, locale=given.locale
        )
        await self.conversations.append(self.account.id, made, [event], 1)
        return Chat(made, device)

    async def state(self, chat: Chat) -> State:
        return await self.conversations.state(self.account.id, chat.id)

    async def events(self, chat: Chat, kind: type | None = None) -> list[Any]:
        events: list[AnyEvent] = [one.event for one in await self.conversations.events(self.account.id, chat.id)]
        return [event for event in events if kind is None or isinstance(event, kind)]

    async def supply(self, chat: Chat, address: str, **options: Any) -> int:
        options.setdefault("by", "visitor")
        return await self.proof.verification.supply(self.account.id, chat.id, address, **options)

    async def enter(self, chat: Chat, code: str, **options: Any) -> str:
        return await self.proof.verification.enter_code(self.account.id, chat.id, code, **options)

    async def mails(self) -> list[Envelope]:
        """Let the outbox run and give all mails so far."""
        await self.jobs.run_due()
        return list(self.post.sent)

    async def mail(self) -> Envelope:
        return (await self.mails())[-1]

    async def verified(self, address: str = "jane@visitors.example", **options: Any) -> Chat:
        """A chat whose address was proven by the code."""
        stay = options.pop("stay", False)
        chat = await self.chat(**options)
        if stay:
            chat.key = BrowserKey()
            await self.proof.verification.keys.register(self.account.id, chat.visitor, chat.key.public)
        await self.supply(chat, address)
        assert await self.enter(chat, code_in(await self.mail()), stay=stay) == "verified"
        return chat


def code_in(mail: Envelope | EmailMessage) -> str:
    found = re.search(r"^\s+(\d{6})$", text_in(mail), re.MULTILINE)
    assert found, text_in(mail)
    return found[1]


def token_in(mail: Envelope | EmailMessage) -> str:
    found = re.search(r"/v/([A-Za-z0-9_-]{43})$", text_in(mail), re.MULTILINE)
    assert found, text_in(mail)
    return found[1]


def text_in(mail: Envelope | EmailMessage) -> str:
    if isinstance(mail, Envelope):
        return mail.text
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def runs(assistant: Path) -> int:
    """How often `action_slow` was run."""
    return len((assistant / "runs").read_text()) if (assistant / "runs").exists() else 0


async def begun(assistant: Path, times: int = 1) -> None:
    """Until `action_slow` has begun so many times; it notes that in a file, from a process of its own."""
    async with asyncio.timeout(20):
        while await asyncio.to_thread(runs, assistant) < times:
            continue


def open_gate(assistant: Path) -> None:
    """Let `action_slow` end, now and from now on."""
    (assistant / "gate").touch()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[MemoryEngine]:
    engine = MemoryEngine(KINDS)
    await engine.open()
    yield engine
    await engine.close()


@pytest_asyncio.fixture
async def keyring(clock: ManualClock) -> AsyncIterator[Keyring]:
    store = MemoryEngine(keys.KINDS)
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    yield keyring
    await store.close()


@pytest.fixture
def pages() -> Pages:
    pages = Pages([admin.PAGES, TRANSCRIPT_PAGES, ("bot_runtime", PACKAGE), ("widget", widget.STATIC.parent)])
    pages.filter("admin_when", when)
    pages.filter("admin_iso", iso)
    pages.filter("copy_when", copies.when)
    return pages


@pytest.fixture
def base_url() -> str:
    return "https://chat.blue.example"


async def make_desk(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, pages: Pages, base_url: str, **options: Any
) -> Desk:
    """The services on these stores; made a second time, they are those of a restarted process."""
    signals = LocalSignals()
    services = admin.build(engine, keyring, signals, clock, passwords=admin.Passwords(memory_kib=64, passes=1, lanes=1))
    account = await anext(services.accounts.all(), None) or await services.accounts.create("Blue Harbour")
    bots = await services.bots.list(account.id)
    bot = bots[0] if bots else await services.bots.create(account.id, "Harbour Bikes", "harbour")
    conversations = Conversations(engine, keyring, signals, clock)
    contacts = Contacts(engine, keyring, clock)
    jobs, post = Jobs(engine, keyring, clock), options.pop("post", None) or MemoryPost(clock)
    proof = verification.build(
        engine=engine,
        keyring=keyring,
        clock=clock,
        conversations=conversations,
        contacts=contacts,
        bots=services.bots,
        audit=services.audit,
        jobs=jobs,
        post=post,
        pages=pages,
        sender=SENDER,
        base_url=base_url,
        **{"answer_after": 0} | options,
    )
    consents = Consents(engine, keyring, clock, services.accounts, services.bots)
    transcripts = TranscriptMails(
        records=MailRecords(engine, keyring, clock),
        conversations=conversations,
        consents=consents,
        contacts=contacts,
        accounts=services.accounts,
        bots=services.bots,
        jobs=jobs,
        post=post,
        pages=pages,
        audit=services.audit,
        clock=clock,
        sender=SENDER,
    )
    proof.bounces.transcripts = transcripts
    requests = PrivacyRequests(engine, keyring, clock)
    rights_ = rights.build(
        engine=engine,
        keyring=keyring,
        clock=clock,
        conversations=conversations,
        contacts=contacts,
        consents=consents,
        accounts=services.accounts,
        bots=services.bots,
        audit=services.audit,
        jobs=jobs,
        signals=signals,
    )
    files, book = SealedFiles(MemoryBlobs(), keyring), FileBook(engine, keyring)
    attachments = Attachments(
        files,
        conversations,
        clock,
        jobs=jobs,
        holds=rights_.holds,
        ledger=rights_.ledger,
        audit=services.audit,
        book=book,
        limits=Limits(),
    )
    rights_.erasures.add(
        proof.holding, MailHolding(transcripts.records), RequestHolding(requests), AttachmentHolding(files, book)
    )
    site_keys = SiteKeys(engine, keyring, clock, services.audit, signals)
    return Desk(
        site_keys=site_keys,
        site_visitors=SiteVisitors(engine, keyring, clock, site_keys),
        clock=clock,
        keyring=keyring,
        signals=signals,
        admin=services,
        conversations=conversations,
        contacts=contacts,
        consents=consents,
        jobs=jobs,
        post=post,
        proof=proof,
        transcripts=transcripts,
        links=Links(engine, keyring, clock, audit=services.audit),
        requests=requests,
        rights=rights_,
        attachments=attachments,
        account=account,
        bot=bot,
        pages=pages,
    )


@pytest_asyncio.fixture
async def desk(engine: MemoryEngine, keyring: Keyring, clock: ManualClock, pages: Pages, base_url: str) -> Desk:
    await asyncio.to_thread(pages.load)
    return await make_desk(engine, keyring, clock, pages, base_url)


@dataclass
class Site:
    """The desk behind a real listener."""

    desk: Desk
    base: str
    http: aiohttp.ClientSession

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        async with self.http.get(self.base + path, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text(), answer.headers

    async def post(self, path: str, *, own: bool = True, **fields: str) -> tuple[int, str]:
        headers = {"Origin": self.base} if own else {}
        async with self.http.post(self.base + path, data=fields, headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text()

    async def form_nonce(self, token: str) -> str:
        status, page, _ = await self.get(f"/v/{token}")
        assert status == 200, page
        found = re.search(r'name="nonce" value="([^"]+)"', page)
        assert found
        return found[1]

    async def press(self, token: str, *, device: str = "") -> tuple[int, str]:
        """Open the page and press its button, in a browser with or without the chat."""
        return await self.post(f"/v/{token}", nonce=await self.form_nonce(token), device=device)


def says(page: str, phrase: str) -> bool:
    return texts("en")[phrase].replace("'", "&#39;") in page


STATICS = (Static("/static/bot_runtime", PACKAGE / "static"), Static("/static/widget", widget.STATIC))


async def serving(app_of: Callable[[WebSettings], Any]) -> tuple[Runner, str]:
    """Serve an application on a free port of loopback; its base URL."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    return await serve(app_of(WebSettings(base_url=base, shutdown_s=1.0)), sock=listening), base


@pytest_asyncio.fixture
async def site(desk: Desk) -> AsyncIterator[Site]:
    runner, base = await serving(
        lambda settings: build_app(
            desk.proof.page.routes(), settings=settings, pages=desk.pages, statics=STATICS, clock=desk.clock
        )
    )
    async with aiohttp.ClientSession() as http:
        yield Site(desk, base, http)
    await runner.cleanup()


@dataclass
class Talk:
    """A bot that runs, and what answers for it."""

    desk: Desk
    bots: RunningBots
    minds: Minds
    turns: Turns

    async def receive(self, chat: Chat, text: str, *, payload: str = "", client_id: str = "") -> int:
        said = Said(client_id=client_id or str(uuid.uuid4()), text=text, payload=payload)
        return await self.turns.receive(self.desk.account.id, chat.id, said)

    async def say(self, chat: Chat, text: str, **options: str) -> list[str]:
        """Say something and give what was answered to it."""
        before = len(await self.desk.events(chat))
        await self.receive(chat, text, **options)
        await self.turns.idle()
        events = (await self.desk.events(chat))[before:]
        return [event.text for event in events if isinstance(event, MessageSent) and event.by != "visitor"]

    async def said(self, chat: Chat) -> list[tuple[str, str]]:
        return [(event.by, event.text) for event in await self.desk.events(chat, MessageSent)]


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where models are kept: what one test trained, the next one finds."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def assistant(tmp_path: Path) -> Path:
    """A copy of the project that a test may change; `gate` in it is a file that `action_slow` waits for."""
    return Path(shutil.copytree(HARBOUR, tmp_path / "harbour", ignore=shutil.ignore_patterns("__pycache__")))


def make_talk(
    desk: Desk, assistant: Path, models: Path, *, transcript_url: TranscriptUrl | None = None, **options: Any
) -> Talk:
    bots = RunningBots(desk.admin.accounts, desk.admin.bots, desk.clock, folder_of=lambda _: assistant, models=models)
    minds = Minds(desk.conversations)
    answerer = Answerer(bots, minds, Thinker(desk.signals, minds.older, transcript_url=transcript_url), desk.clock)
    turns = Turns(desk.conversations, answerer, desk.proof.verification, desk.clock, **options)
    return Talk(desk, bots, minds, turns)


@pytest_asyncio.fixture
async def talk(desk: Desk, assistant: Path, models: Path) -> AsyncIterator[Talk]:
    """A bot that is ready."""
    talk = make_talk(desk, assistant, models)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        assert await talk.bots.readiness() is None
        yield talk


@dataclass
class Shop:
    """The widget's doors and the opt-in page on a real listener, with a bot behind them."""

    talk: Talk
    base: str
    http: aiohttp.ClientSession

    @property
    def desk(self) -> Desk:
        return self.talk.desk

    def visitor(self, **options: Any) -> Any:
        """A browser with the widget open."""
        options.setdefault("bot", self.desk.bot.id)
        return Visitor.at(self.base, **options)

    def socket(self, **headers: str) -> Any:
        """The bare socket."""
        return self.http.ws_connect(f"{self.base}/ws/visitor", headers={"Origin": self.base} | headers)

    async def chat_of(self, visitor: Visitor) -> Chat:
        assert visitor.device is not None
        return Chat(visitor.welcome["conversation"], visitor.device)

    async def stored(self) -> int:
        """How many conversations there are in all."""
        rows, _ = await self.desk.conversations.heads.rows(self.desk.account.id, None)
        return len(rows)


@asynccontextmanager
async def open_shop(
    talk: Talk, *, openings: int = 1_000, base_url: str = "", copy_bytes: int = 1_000_000, **doors: Any
) -> AsyncIterator[Shop]:
    """`base_url` is how browsers see the house when that is not the listener's own address."""
    desk = talk.desk
    chats = widget.Chats(
        desk.conversations,
        desk.consents,
        desk.proof.verification,
        desk.site_visitors,
        desk.clock,
        openings=Throttle(desk.clock, openings, HOUR),
    )
    services = widget.Services(
        chats,
        desk.conversations,
        talk.turns,
        desk.proof.verification,
        desk.transcripts,
        desk.signals,
        desk.clock,
        desk.site_visitors,
    )
    doors.setdefault("rate", 1_000.0)
    doors.setdefault("burst", 1_000)
    doors.setdefault("policies", desk.proof.policies)
    routes = widget.WidgetDoors(desk.admin.bots, services, desk.pages, **doors).routes()
    own = widget.OwnTranscript(
        desk.admin.bots, chats, desk.conversations, audit=desk.admin.audit, clock=desk.clock
    ).routes()
    privacy = widget.PrivacyDoors(
        chats=chats,
        conversations=desk.conversations,
        consents=desk.consents,
        holdings=widget.HoldingsOf(
            conversations=desk.conversations,
            consents=desk.consents,
            contacts=desk.contacts,
            links=desk.links,
            mails=desk.transcripts.records,
            devices=desk.proof.devices,
            verification=desk.proof.verification,
        ),
        erasures=desk.rights.erasures,
        certificates=desk.rights.certificates,
        requests=desk.requests,
        attachments=desk.attachments,
        copy_bytes=copy_bytes,
        accounts=desk.admin.accounts,
        bots=desk.admin.bots,
        audit=desk.admin.audit,
        pages=desk.pages,
        clock=desk.clock,
    )
    runner, base = await serving(
        lambda settings: build_app(
            [*routes, *own, *privacy.routes(), *desk.proof.page.routes()],
            settings=WebSettings(base_url=base_url, shutdown_s=1.0) if base_url else settings,
            pages=desk.pages,
            statics=STATICS,
            clock=desk.clock,
        )
    )
    async with aiohttp.ClientSession() as http:
        yield Shop(talk, base, http)
    await runner.cleanup()


@pytest_asyncio.fixture
async def shop(talk: Talk) -> AsyncIterator[Shop]:
    async with open_shop(talk) as shop:
        yield shop
