"""The console's two doors: the page and the agents' socket (`docs/http.md`)."""

from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from admin import Bots, Rules, Sessions, principal
from foundation.clock import Clock
from foundation.live import Signals
from foundation.web import LiveSocket, Pages, Route, Static
from handoff import frames
from handoff.connection import Connection, Proof
from handoff.desk import Desk
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
        self._conversations = conversations
        self._redactions = redactions
        self._bots = bots
        self._sessions = sessions
        self._signals = signals
        self._pages = pages
        self._clock = clock

    def routes(self, rules: Rules) -> Sequence[Route]:
        return [
            Route("GET", "/console", self.page, rules.staff, "page"),
            Route("GET", "/ws/agent", self.socket, rules.staff, "socket"),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The page; everything on it comes through the socket."""
        return await self._pages.render(request, "handoff/console.html", me=principal(request))

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
                conversations=self._conversations,
                redactions=self._redactions,
                bots=self._bots,
                signals=self._signals,
                clock=self._clock,
            )
            await connection.run()
        return socket.response
