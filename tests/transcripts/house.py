"""The transcript doors as they are served: the real frame, the real admin services, a real socket on loopback.

The cast: account *blue* with the bots *shop* and *desk*; Ann may open *shop*, Bob only *desk*, Olga is its super admin,
Alma its admin, Ida its auditor; Rita is super admin of the account *red*. One conversation of *shop* with a canary in
every place, and one link to it.
"""

import ipaddress
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

import admin
import foundation.web
from admin import Bot, Person, Services, doors
from foundation.clock import ManualClock
from foundation.keys import Keyring
from foundation.live import LocalSignals
from foundation.records import Engine
from foundation.web import Pages, Runner, Static, WebSettings, build_app, serve
from transcripts import (
    PAGES,
    STATICS,
    Access,
    Consents,
    Contacts,
    Conversations,
    Guard,
    Links,
    MailRecords,
    PrivacyRequests,
    privacy_routes,
    routes,
)
from transcripts.control import change
from transcripts.events import (
    AnyEvent,
    Button,
    Closed,
    EmailSupplied,
    EmailVerified,
    MessageSent,
    NameGiven,
    NoteWritten,
    WebPage,
)

FOUNDATION = Path(foundation.web.__file__).parent
PASSWORD = "a-long-enough-passphrase-7"
SAID = "canary-said"
PRIVATE = (
    "canary-note",
    "ann-address@staff.example",
    "jane.canary@example.org",
    "0301234567",
    "Canarylady",
    "shop.example",
)
"""What the external view must not show, in any format."""

PROXIES = ("127.0.0.9/32", "192.0.2.7/32")


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes
    cookies: dict[str, str]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        return str(self.headers.get("Location", ""))

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class House:
    engine: Engine
    clock: ManualClock
    admin: Services
    conversations: Conversations
    links: Links
    guard: Guard
    consents: Consents
    mails: MailRecords
    requests: PrivacyRequests
    contacts: Contacts
    runner: Runner | None = None
    port: int = 0
    cast: dict[str, Person] = field(default_factory=dict)
    bots: dict[str, Bot] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    chat: str = ""
    token: str = ""
    link: str = ""
    keyring: Keyring | None = None
    prepared: int = 0
    """Entries that the preparations left in the book of *blue*."""

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def path(self) -> str:
        return f"/t/{self.token}"

    async def ask(
        self,
        path: str,
        *,
        who: str | None = None,
        session: str | None = None,
        source: str = "127.0.0.1",
        method: str = "GET",
        headers: Any = None,
        own: bool = True,
        **options: Any,
    ) -> Answer:
        """One request as one of the cast (or nobody), from a loopback address of one's own."""
        if who is not None:
            session = await self.admin.sessions.open(self.cast[who])
        sent = list((headers or {}).items()) if not isinstance(headers, list) else list(headers)
        if session is not None:
            sent.append(("Cookie", f"__Host-sid={session}"))
        if own and method not in {"GET", "HEAD"}:
            sent.append(("Origin", self.origin))
        connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True)
        async with (
            aiohttp.ClientSession(self.origin, connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as client,
            client.request(method, path, headers=sent, allow_redirects=False, **options) as answer,
        ):
            cookies = {name: morsel.value for name, morsel in answer.cookies.items()}
            return Answer(answer.status, answer.headers.copy(), await answer.read(), cookies)

    async def allow(self, scope: str, start: str, end: str | None = None, *, enabled: bool = True) -> str:
        """Add a range to a list of *blue* (`account`, or the name of a bot) and switch the list; the range's id."""
        blue = self.accounts["blue"]
        named = self.bots[scope].id if scope in self.bots else scope
        span = admin.ranges.read_span(start, end or start)
        made = await self.admin.whitelists.add(blue, named, span)
        await self.admin.whitelists.toggle(blue, named, enabled=enabled)
        return made.id

    async def book(self, account: str = "blue") -> list[admin.Entry]:
        """The entries about transcripts in an account's audit book (`""`: the installation's)."""
        name = self.accounts.get(account, account)
        since = self.prepared if name == self.accounts["blue"] else 0
        return [entry for _, entry in await self.admin.audit.read(name, since, 10_000) if _about_transcripts(entry)]


def _about_transcripts(entry: admin.Entry) -> bool:
    return entry.action.startswith(("transcript.", "link.", "access."))


async def build(engine: Engine, keyring: Keyring, clock: ManualClock, signals: LocalSignals) -> House:
    """The services and the cast; nothing is served yet."""
    services = admin.build(engine, keyring, signals, clock, passwords=admin.Passwords(memory_kib=64, passes=1, lanes=1))
    conversations = Conversations(engine, keyring, signals, clock)
    links = Links(engine, keyring, clock, audit=services.audit)
    guard = Guard(
        links,
        Access(conversations),
        conversations,
        whitelists=services.whitelists,
        audit=services.audit,
        clock=clock,
    )
    house = House(
        engine,
        clock,
        services,
        conversations,
        links,
        guard,
        consents=Consents(engine, keyring, clock, services.accounts, services.bots),
        mails=MailRecords(engine, keyring, clock),
        requests=PrivacyRequests(engine, keyring, clock),
        contacts=Contacts(engine, keyring, clock),
    )
    house.keyring = keyring
    await _people(house)
    await _conversation(house)
    return house


async def _people(house: House) -> None:
    services = house.admin
    for name in ("blue", "red"):
        house.accounts[name] = (await services.accounts.create(f"{name.title()} Ltd")).id
    blue, red = house.accounts["blue"], house.accounts["red"]
    for name in ("shop", "desk"):
        house.bots[name] = await services.bots.create(blue, f"{name.title()} bot", "demo")
    roles: dict[str, tuple[str, admin.Role]] = {
        "olga": (blue, "super_admin"),
        "alma": (blue, "admin"),
        "ann": (blue, "agent"),
        "bob": (blue, "agent"),
        "ida": (blue, "auditor"),
        "rita": (red, "super_admin"),
    }
    for name, (account, role) in roles.items():
        address = f"{name}-address@staff.example"
        house.cast[name] = await services.people.create(account, address, name.title(), role, PASSWORD)
    await services.grants.grant_to(blue, house.cast["ann"].id, house.bots["shop"].id)
    await services.grants.grant_to(blue, house.cast["bob"].id, house.bots["desk"].id)


async def _conversation(house: House) -> None:
    blue, at, ann = house.accounts["blue"], house.clock.now(), house.cast["ann"].id
    page = WebPage(url="https://shop.example/canarylady", title="shop.example")
    house.chat = await house.conversations.open(blue, house.bots["shop"].id, visitor="device-hash", page=page)

    def talk(state: Any) -> list[AnyEvent]:
        taken = change(state, "agent", reason="taken", actor="agent", at=at, author=ann, holder=ann, holder_name="Ann")
        return [
            MessageSent(at=at, by="visitor", text=f"{SAID} <script>alert(1)</script>", client_id="c-1"),
            NameGiven(at=at, name="Jane Canarylady"),
            MessageSent(at=at, by="visitor", text="I am Jane Canarylady, jane.canary@example.org, 0301234567"),
            MessageSent(at=at, by="bot", text="Hello Jane", buttons=(Button("Mail jane.canary@example.org", "/x"),)),
            EmailSupplied(
                at=at, contact="contact", address="jane.canary@example.org", by="agent", outcome="new", author=ann
            ),
            EmailVerified(at=at, contact="contact", method="manual", author=ann, reason="canary-note"),
            taken,
            NoteWritten(at=at, author=ann, author_name="Ann", text="canary-note"),
            MessageSent(at=at, by="agent", text="Write to ann-address@staff.example", author=ann, author_name="Ann"),
        ]

    outcome = await house.conversations.update(blue, house.chat, talk)

    def close(state: Any) -> list[AnyEvent]:
        ended = change(state, "closed", reason="resolved", actor="agent", at=at, author=ann)
        return [ended, Closed(at=at, by="agent", reason="resolved", author=ann)]

    await house.conversations.update(blue, house.chat, close)
    session = await house.admin.sessions.open(house.cast["ann"])
    person = await house.admin.sessions.principal_of(session)
    assert person is not None
    link, house.token = await house.links.create(person, outcome.state)
    house.link = link.id
    house.prepared = await house.admin.audit.last(blue)


async def open_doors(house: House, listening: socket.socket) -> None:
    """Serve the doors on this socket, believing the `PROXIES`."""
    house.port = listening.getsockname()[1]
    pages = Pages([PAGES, doors.PAGES])
    access = Access(house.conversations)
    services = house.admin
    ours = routes(
        services,
        pages,
        guard=house.guard,
        links=house.links,
        access=access,
    )
    ours += privacy_routes(
        services,
        pages,
        house.clock,
        consents=house.consents,
        mails=house.mails,
        requests=house.requests,
        contacts=house.contacts,
    )
    settings = WebSettings(
        base_url=house.origin,
        trusted_proxies=tuple(ipaddress.ip_network(proxy) for proxy in PROXIES),
        shutdown_s=2.0,
    )
    app = build_app(
        [*ours, *doors.routes(services, pages)],
        settings=settings,
        pages=pages,
        statics=[*STATICS, *doors.STATICS, Static("/static/foundation", FOUNDATION / "static")],
        clock=house.clock,
        cleanup_ctx=[services.running],
    )
    house.runner = await serve(app, sock=listening)
