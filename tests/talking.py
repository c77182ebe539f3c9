"""A visitor and a member of staff as programs: they speak the documented frames and nothing else (`docs/http.md`)."""

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp

from tests.browser_key import BrowserKey

PATIENCE = 20.0
"""Seconds until something that must arrive is given up."""

Json = dict[str, Any]


def told_code(socket: aiohttp.ClientWebSocketResponse, last: aiohttp.WSMessage) -> int | None:
    """The code with which the server closed a socket whose last message this is. The client's own `close_code` says 1006
    when the connection had ended before the client could answer the close."""
    return int(last.data) if last.type is aiohttp.WSMsgType.CLOSE else socket.close_code


class Talker:
    """One socket and everything that it was told."""

    def __init__(self, base: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.base = base
        self.socket = socket
        self.frames: list[Json] = []
        self.events: list[Json] = []
        self.close_code: int | None = None
        self._looked_at = 0

    async def send(self, **frame: Any) -> None:
        await self.socket.send_str(json.dumps(frame))

    async def receive(self) -> Json:
        """The next frame; `ConnectionResetError` with the code when the socket was closed."""
        message = await self.socket.receive(PATIENCE)
        if message.type is not aiohttp.WSMsgType.TEXT:
            self.close_code = self.close_code or told_code(self.socket, message)
            raise ConnectionResetError(f"closed: {self.close_code}")
        frame: Json = json.loads(message.data)
        self.frames.append(frame)
        self.events += frame.get("events", [])
        return frame

    async def frame(self, wanted: Callable[[Json], bool]) -> Json:
        """The first frame, from where the last look ended, that is wanted."""
        while True:
            while self._looked_at < len(self.frames):
                frame = self.frames[self._looked_at]
                self._looked_at += 1
                if wanted(frame):
                    return frame
            async with asyncio.timeout(PATIENCE):
                await self.receive()

    async def of(self, kind: str) -> Json:
        return await self.frame(lambda frame: frame["type"] == kind)

    async def answer(self, client_id: str) -> Json:
        """The frame that answers this request: `ack`, `done` or `error`."""
        return await self.frame(
            lambda frame: frame.get("client_id") == client_id and frame["type"] in {"ack", "done", "error"}
        )

    async def ask(self, **frame: Any) -> Json:
        """Send a frame with a new `client_id` and wait for its answer."""
        client_id = str(uuid.uuid4())
        await self.send(**frame, client_id=client_id)
        return await self.answer(client_id)

    async def event(self, wanted: Callable[[Json], bool]) -> Json:
        """The first event so far, or to come, that is wanted."""
        looked_at = 0
        while True:
            while looked_at < len(self.events):
                event = self.events[looked_at]
                looked_at += 1
                if wanted(event):
                    return event
            async with asyncio.timeout(PATIENCE):
                await self.receive()

    async def says(self, by: str, part: str) -> Json:
        """A message by `by` that contains `part`."""
        return await self.event(lambda e: e["kind"] == "message" and e["by"] == by and part in e["text"])

    def texts(self) -> list[tuple[str, str]]:
        return [(e["by"], e["text"]) for e in self.events if e["kind"] == "message"]

    async def close(self) -> None:
        await self.socket.close()


class Visitor(Talker):
    """A browser with the widget open."""

    device: str | None
    key: BrowserKey | None
    bot: str
    welcome: Json

    @classmethod
    @asynccontextmanager
    async def at(
        cls,
        base: str,
        bot: str,
        *,
        device: str | None = None,
        key: BrowserKey | None = None,
        since: int = 0,
        consent: bool = True,
        page: Json | None = None,
        identity: str = "",
        **options: Any,
    ) -> AsyncIterator[Self]:
        """Open the widget's socket; give consent unless this device has, or is told not to. A browser with a `key` signs
        what it is asked to, and gives the key with its consent. `identity`: what the host site says of the visitor."""
        async with aiohttp.ClientSession(**options) as session:
            async with session.ws_connect(f"{base}/ws/visitor", headers={"Origin": base}) as socket:
                visitor = cls(base, socket)
                visitor.device, visitor.bot, visitor.key = device, bot, key
                page = page or {"url": "https://shop.example/bikes", "title": "Bikes", "referrer": ""}
                mine: Json = {"key": True} if key else {}
                mine |= {"identity": identity, "use": secrets.token_urlsafe(32)} if identity else {}
                await visitor.send(type="hello", bot=bot, device=device, since=since, locale="en", page=page, **mine)
                first = await visitor.frame(lambda frame: frame["type"] in {"challenge", "welcome"})
                if key and first["type"] == "challenge":
                    await visitor.send(type="signed", signature=key.sign(bot, first["nonce"]))
                    first = await visitor.of("welcome")
                visitor.welcome = first
                if consent and not visitor.welcome["consented"]:
                    await visitor.consent()
                yield visitor

    async def consent(self) -> None:
        self.device = self.device or secrets.token_urlsafe(32)
        mine = {"key": self.key.public} if self.key else {}
        await self.send(type="consent", notice=self.welcome["notice"]["version"], device=self.device, **mine)
        self.welcome = await self.of("welcome")

    async def say(self, text: str, **more: Any) -> Json:
        return await self.ask(type="message", text=text, **more)


class Staff(Talker):
    """A person of the house, logged in."""

    session: aiohttp.ClientSession
    rows: dict[str, Json]

    @classmethod
    @asynccontextmanager
    async def logged_in(cls, base: str, email: str, password: str) -> AsyncIterator[Self]:
        """Log in and open the console's socket."""
        async with logged_in(base, email, password) as session:
            async with session.ws_connect(f"{base}/ws/agent", headers={"Origin": base}) as socket:
                person = cls(base, socket)
                person.session = session
                await person.send(type="hello")
                welcome = await person.of("welcome")
                person.rows = {row["id"]: row for row in welcome["rows"]}
                yield person

    async def row(self, wanted: Callable[[Json], bool]) -> Json:
        """A row of the list, as it stands or as it comes, that is wanted."""
        for row in self.rows.values():
            if wanted(row):
                return row
        while True:
            frame = await self.frame(lambda f: f["type"] in {"row", "gone"})
            if frame["type"] == "gone":
                self.rows.pop(frame["conversation"], None)
                continue
            self.rows[frame["row"]["id"]] = frame["row"]
            if wanted(frame["row"]):
                row: Json = frame["row"]
                return row


@asynccontextmanager
async def logged_in(base: str, email: str, password: str, **options: Any) -> AsyncIterator[aiohttp.ClientSession]:
    """An HTTP session of somebody who logged in through the login page's form."""
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=[base])
    async with aiohttp.ClientSession(cookie_jar=jar, **options) as session:
        form = {"email": email, "password": password}
        async with session.post(f"{base}/login", data=form, headers={"Origin": base}, allow_redirects=False) as answer:
            assert answer.status == 303, await answer.text()
        yield session
