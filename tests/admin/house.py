"""The admin doors as they are served: the real frame, the real services, a real socket on loopback.

The cast of account *blue*: Olga (super admin), Alma (admin), Sue (supervisor), Ann (agent with the bot *shop*), Bob
(agent without a bot), Ida (auditor). Rita is super admin of the account *red*.
"""

import contextlib
import ipaddress
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Self

import aiohttp
import msgspec

import admin
from admin import Bot, Entry, Person, Role, Services
from foundation import keys
from foundation.clock import ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import Engine, MemoryEngine
from foundation.web import Pages, Runner, WebSettings, build_app, serve

PASSWORD = "tall lamps near the harbour"
OTHER_PASSWORD = "seven quiet otters swim"

CAST: dict[str, Role] = {
    "olga": "super_admin",
    "alma": "admin",
    "sue": "supervisor",
    "ann": "agent",
    "bob": "agent",
    "ida": "auditor",
}


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
    def words(self) -> str:
        """What a reader sees: no markup, blanks joined."""
        parser = _Words()
        parser.feed(self.text)
        return re.sub(r"\s+", " ", "".join(parser.parts))

    @property
    def location(self) -> str:
        return str(self.headers.get("Location", ""))

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def cheap_passwords(**more: Any) -> admin.Passwords:
    """Hashing that takes no time; the strong defaults are tested once, by name."""
    return admin.Passwords(**{"memory_kib": 64, "passes": 1, "lanes": 1} | more)


@dataclass
class House:
    engine: Engine
    store: Engine
    keyring: Keyring
    signals: LocalSignals
    clock: ManualClock
    admin: Services
    proxies: tuple[str, ...] = ()
    runner: Runner | None = None
    port: int = 0
    blue: str = ""
    red: str = ""
    cast: dict[str, Person] = field(default_factory=dict)
    bots: dict[str, Bot] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.asynccontextmanager
    async def browser(self, who: str | None = None, source: str = "127.0.0.1") -> "AsyncIterator[Browser]":
        """A browser at this address; with `who`, of somebody with an open session."""
        async with Browser(self, source) as browser:
            if who is not None:
                browser.cookies["__Host-sid"] = await self.admin.sessions.open(self.cast[who])
            yield browser

    async def book(self, account: str | None = None) -> list[Entry]:
        """The account's audit book, oldest entry first."""
        entries = await self.admin.audit.read(self.blue if account is None else account, 0, 100_000)
        return [entry for _, entry in entries]

    async def last_entry(self) -> Entry:
        return (await self.book())[-1]

    async def actions(self) -> list[str]:
        return [entry.action for entry in await self.book()]


class Browser:
    """Keeps cookies as a browser does and sends forms as its own pages would."""

    def __init__(self, house: House, source: str) -> None:
        self.house = house
        self.cookies: dict[str, str] = {}
        connector = aiohttp.TCPConnector(local_addr=(source, 0), force_close=True)
        self._client = aiohttp.ClientSession(house.origin, connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def ask(self, method: str, path: str, *, own: bool = True, headers: Any = None, **options: Any) -> Answer:
        sent = list((headers or {}).items()) if not isinstance(headers, list) else list(headers)
        if self.cookies:
            sent.append(("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items())))
        if own and method not in {"GET", "HEAD"}:
            sent.append(("Origin", self.house.origin))
        async with self._client.request(method, path, headers=sent, allow_redirects=False, **options) as answer:
            given = {name: morsel.value for name, morsel in answer.cookies.items()}
            self.cookies |= given
            self.cookies = {name: value for name, value in self.cookies.items() if value}
            return Answer(answer.status, answer.headers.copy(), await answer.read(), given)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, form: Any = None, **options: Any) -> Answer:
        """Send a form."""
        return await self.ask("POST", path, data=form or b"", **_form_type(form), **options)

    async def json(self, method: str, path: str, body: Any, **options: Any) -> Answer:
        return await self.ask(method, path, json=body, **options)

    async def log_in(self, who: str, password: str = PASSWORD) -> Answer:
        email = self.house.cast[who].body.email if who in self.house.cast else who
        return await self.post("/login", {"email": email, "password": password})


def _form_type(form: Any) -> dict[str, Any]:
    return {} if form else {"headers": {"Content-Type": "application/x-www-form-urlencoded"}}


async def build(engine: Engine | None = None, store: Engine | None = None, **services: Any) -> House:
    """The services, on stores in memory unless others are given; nothing is served yet."""
    engine, store = engine or MemoryEngine(admin.KINDS), store or MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    clock, signals = ManualClock(), LocalSignals()
    keyring = Keyring(store, MasterKey(bytes(range(32))), clock)
    await keyring.open()
    made = admin.build(engine, keyring, signals, clock, **{"passwords": cheap_passwords()} | services)
    return House(engine, store, keyring, signals, clock, made)


async def fill(house: House) -> None:
    """Accounts, bots and people."""
    services = house.admin
    house.blue = (await services.accounts.create("Blue Ltd")).id
    house.red = (await services.accounts.create("Red Ltd")).id
    for name in ("shop", "desk"):
        house.bots[name] = await services.bots.create(house.blue, f"{name.title()} bot", "demo")
    house.bots["red"] = await services.bots.create(house.red, "Red bot", "demo")
    for name, role in CAST.items():
        address = f"{name}@blue.example"
        house.cast[name] = await services.people.create(house.blue, address, f"{name.title()} Blue", role, PASSWORD)
    house.cast["rita"] = await services.people.create(
        house.red, "rita@red.example", "Rita Red", "super_admin", PASSWORD
    )
    await services.grants.grant_to(house.blue, house.cast["ann"].id, house.bots["shop"].id)


async def open_doors(house: House, listening: socket.socket) -> None:
    """Serve the doors on this socket."""
    house.port = listening.getsockname()[1]
    pages = Pages([admin.PAGES])
    settings = WebSettings(
        base_url=house.origin,
        trusted_proxies=tuple(ipaddress.ip_network(proxy) for proxy in house.proxies),
        shutdown_s=2.0,
    )
    app = build_app(
        admin.routes(house.admin, pages, assistants=("demo", "moodbot")),
        settings=settings,
        pages=pages,
        statics=admin.STATICS,
        clock=house.clock,
        cleanup_ctx=[house.admin.running],
    )
    house.runner = await serve(app, sock=listening)
