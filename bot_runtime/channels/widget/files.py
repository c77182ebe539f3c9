"""The visitor's files: `POST /w/{bot}/files` takes one, `POST /w/{bot}/files/{file}` gives one of his own chat back (PS-8).

Who he is follows from the secret of his browser (`X-Device`), as on the socket; no request names a conversation (M-2).
It stands in a header and not in the address, so that no log and no history has it; that is why fetching is a POST. An
unknown browser, a foreign file and a hidden one get the same answer.
"""

import msgspec
from aiohttp import web

from admin import Bot, Bots
from bot_runtime.channels.widget.chats import Browser, Chats
from foundation.clock import HOUR, Clock
from foundation.errors import Conflict, Forbidden, NotFound
from foundation.ids import is_id, is_secret
from foundation.web import PUBLIC, Route, Throttle, Uploads, limit_key
from transcripts.access import require_usable
from transcripts.attachments import Attachments, Sender, serve, upload_of, wants_picture
from transcripts.events import WebPage
from transcripts.state import State

_OF_ONE_ADDRESS = 10
"""An office behind one address may send as much as so many visitors."""
_FETCHES = 600
"""Files that one client address may fetch in an hour; a page of pictures is opened again and again."""


class VisitorFiles:
    """The doors. `an_hour`: how many files one browser may send in an hour (U-12)."""

    def __init__(
        self, bots: Bots, chats: Chats, attachments: Attachments, uploads: Uploads, clock: Clock, *, an_hour: int
    ) -> None:
        self._bots = bots
        self._chats = chats
        self._attachments = attachments
        self._uploads = uploads
        self._of_browser = Throttle(clock, an_hour, HOUR)
        self._of_address = Throttle(clock, an_hour * _OF_ONE_ADDRESS, HOUR)
        self._fetches = Throttle(clock, _FETCHES, HOUR)

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/w/{bot}/files", self.take, PUBLIC, "api", max_body=self._uploads.limit),
            Route("POST", "/w/{bot}/files/{file}", self.give, PUBLIC, "api", max_body=1_024),
        ]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Keep a file of the visitor's open chat. Raises `Forbidden` without an accepted notice; then nothing is read."""
        bot, browser = await self._browser(request)
        client = limit_key(request)
        for throttle, key in ((self._of_address, client), (self._of_browser, browser.visitor)):
            throttle.check(key)
        state = await self._chats.current(browser)
        if state is None or state.consent is None:
            raise Forbidden("Please accept the notice first. Nothing was stored.")
        _require_open(state)
        bot.body.file_policy.require_any()
        for throttle, key in ((self._of_address, client), (self._of_browser, browser.visitor)):
            throttle.hit(key)
        async with self._uploads.taken(request) as content:
            upload = upload_of(request, content)
            seq = await self._attachments.share(
                state.account,
                state.id,
                upload,
                sender=Sender("visitor"),
                policy=bot.body.file_policy,
                require=_require_open,
            )
        return _json({"client_id": upload.client_id, "seq": seq}, status=201)

    async def give(self, request: web.Request) -> web.StreamResponse:
        """A file of the chat that this browser is shown."""
        client = limit_key(request)
        self._fetches.check(client)
        self._fetches.hit(client)
        _, browser = await self._browser(request)
        state = await self._chats.find(browser)
        if state is None:
            raise _nothing()
        shared = self._attachments.find(require_usable(state), request.match_info["file"])
        return await serve(request, self._attachments, state, shared, show=wants_picture(request))

    async def _browser(self, request: web.Request) -> tuple[Bot, Browser]:
        secrets = request.headers.getall("X-Device", [])
        asked = request.match_info["bot"]
        bot = await self._bots.public(asked) if is_id(asked) else None
        if bot is None or len(secrets) != 1 or not is_secret(secrets[0]):
            raise _nothing()
        visitor = await self._chats.visitor_of(bot.account, secrets[0], request.headers.get("X-Ticket", ""))
        return bot, Browser(bot.account, bot.id, visitor, "en", WebPage(), limit_key(request))


def _require_open(state: State) -> None:
    require_usable(state)
    if state.closed:
        raise Conflict("This chat is over. Write a message to begin a new one.")
    if state.consent is None:
        raise Forbidden("Please accept the notice first. Nothing was stored.")


def _nothing() -> NotFound:
    return NotFound("There is no such file.")


def _json(members: object, *, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(members), status=status, content_type="application/json")
