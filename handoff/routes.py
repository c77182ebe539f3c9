"""The console's two doors: the page and the agents' socket (`docs/http.md`)."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiohttp import web

from admin import Bots, Rules, Sessions, principal
from foundation.clock import Clock
from foundation.live import Signals
from foundation.web import LiveSocket, Pages, Route, Static
from handoff import frames
from handoff.connection import Connection, Proof
from handoff.desk import Desk
from handoff.presence import Presence
from handoff.sight import require_sight
from transcripts import Conversations
from transcripts.rights import Redactions

HERE = Path(__file__).parent
STATICS = (Static("/static/handoff", HERE / "static"),)


class Console:
    """The agent console of this installation."""

    def __init__(
        self,
        desk: Desk,
        proof: Proof,
        *,
        presence: Presence,
        conversations: Conversations,
        redactions: Redactions,
        bots: Bots,
        sessions: Sessions,
        signals: Signals,
        pages: Pages,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._proof = proof
        self._presence = presence
        self._conversations = conversations
        self._redactions = redactions
        self._bots = bots
        self._sessions = sessions
        self._signals = signals
        self._pages = pages
        self._clock = clock

    def routes(self, rules: Rules) -> Sequence[Route]:
        return [
            Route("GET", "/console", self.page, rules.desk, "page"),
            Route("GET", "/api/conversations/{id}/contact", self.contact, rules.desk, "api"),
            Route("GET", "/ws/agent", self.socket, rules.desk, "socket"),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The page; everything on it comes through the socket."""
        return await self._pages.render(request, "handoff/console.html", me=principal(request))

    async def contact(self, request: web.Request) -> web.Response:
        """What is known about the address of a chat: its mails, the questions to ask, and, once it is proven in this very
        chat, the contact's other conversations with bots of this person (DD-4, DD-5)."""
        person, conversation = principal(request), request.match_info["id"]
        require_sight(person, await self._conversations.state(person.account, conversation))
        about = await self._proof.about(person.account, conversation)
        if about.earlier is not None:
            mine = tuple(one for one in about.earlier if person.may_open(one.bot))
            about = msgspec.structs.replace(about, earlier=mine)
        return web.Response(body=msgspec.json.encode(about), content_type="application/json")

    async def socket(self, request: web.Request) -> web.StreamResponse:
        """Serve one open console until it goes away or its session ends."""
        person = principal(request)
        secret = self._sessions.secret_of(request)

        accepted: LiveSocket[frames.Hello, frames.AnyFrame] = LiveSocket.accept(
            request, hello_type=frames.Hello, frame_type=frames.AnyFrame, rate=20.0, burst=60
        )
        async with accepted as socket:
            connection = Connection(
                socket,
                lambda: self._sessions.principal_of(secret),
                person,
                desk=self._desk,
                proof=self._proof,
                presence=self._presence,
                conversations=self._conversations,
                redactions=self._redactions,
                bots=self._bots,
                signals=self._signals,
                clock=self._clock,
            )
            await connection.run()
        return socket.response
