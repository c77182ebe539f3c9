"""`POST /w/{bot}/transcript`: the visitor takes his own conversation along, as text, for a day after its last message
(YA-16).

Who he is follows from the secret of his browser, as on the socket; nothing in the request names a conversation (M-2). He
gets what he was shown: no notes, no inner events. A browser without one, one of another bot and a day that is over get
the same answer.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from aiohttp import web

from admin import AuditBook, Bots
from bot_runtime.channels.widget.chats import Browser, Chats
from bot_runtime.phrases import language_of
from foundation.clock import DAY, HOUR, Clock
from foundation.errors import NotFound
from foundation.ids import is_id, is_secret
from foundation.web import PUBLIC, Body, Route, Throttle, client_address, limit_key, read_json
from transcripts.conversations import Conversations
from transcripts.events import MessageSent, Numbered, WebPage
from transcripts.render import plain

LIFE = 1 * DAY
"""From the last message."""

AN_HOUR = 20
"""Downloads of one client address in an hour."""

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {"title": "Your conversation with", "you": "You", "bot": "Bot", "person": "Person", "utc": "Times are UTC."},
    "de": {"title": "Ihr Gespräch mit", "you": "Sie", "bot": "Bot", "person": "Mensch", "utc": "Zeiten in UTC."},
}


class _Asked(Body, frozen=True):
    device: Annotated[str, msgspec.Meta(max_length=64)]
    locale: Annotated[str, msgspec.Meta(max_length=35)] = "en"
    ticket: Annotated[str, msgspec.Meta(max_length=200)] = ""


class OwnTranscript:
    """The visitor's door to his own words."""

    def __init__(
        self, bots: Bots, chats: Chats, conversations: Conversations, *, audit: AuditBook, clock: Clock
    ) -> None:
        self._bots = bots
        self._chats = chats
        self._conversations = conversations
        self._audit = audit
        self._clock = clock
        self._throttle = Throttle(clock, AN_HOUR, HOUR)

    def routes(self) -> list[Route]:
        return [Route("POST", "/w/{bot}/transcript", self.download, PUBLIC, "api", max_body=1_024)]

    async def download(self, request: web.Request) -> web.Response:
        """The text as an attachment. Raises `TooMany`; `NotFound` for whoever has no conversation here any more."""
        asked = await read_json(request, _Asked)
        client = limit_key(request)
        self._throttle.check(client)
        self._throttle.hit(client)
        bot = await self._bots.public(request.match_info["bot"]) if is_id(request.match_info["bot"]) else None
        if bot is None or not is_secret(asked.device):
            raise _nothing()
        visitor = await self._chats.visitor_of(bot.account, asked.device, asked.ticket)
        browser = Browser(bot.account, bot.id, visitor, asked.locale, WebPage(), client)
        state = await self._chats.find(browser)
        if state is None:
            raise _nothing()
        events = await self._conversations.events(state.account, state.id)
        said = [one for one in events if isinstance(one.event, MessageSent)]
        if not said or said[-1].event.at <= self._clock.now() - LIFE:
            raise _nothing()
        address = client_address(request)
        await self._audit.write(
            state.account,
            "visitor",
            "transcript.own",
            state.id,
            address=None if address is None else str(address),
            rule="visitor",
            format="txt",
            conversation=state.id,
            bot=bot.id,
        )
        name = f"transcript-{datetime.fromtimestamp(state.opened_at / 1000, UTC):%Y-%m-%d}.txt"
        return web.Response(
            body=text_of(said, bot.body.name, asked.locale).encode(),
            content_type="text/plain",
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )


def text_of(said: Sequence[Numbered], bot: str, locale: str) -> str:
    """What was said, in the visitor's language; each person's words are indented, so that nothing in them can look like a
    line of ours."""
    words = _WORDS.get(language_of(locale), _WORDS["en"])
    lines = [f"{words['title']} {plain(bot)}", words["utc"]]
    for one in said:
        event = one.event
        if not isinstance(event, MessageSent):
            continue
        who = words["you"]
        if event.by == "agent":
            who = f"{plain(event.author_name)} ({words['person']})"
        elif event.by != "visitor":
            who = f"{plain(bot)} ({words['bot']})"
        lines.append(f"\n{datetime.fromtimestamp(event.at / 1000, UTC):%Y-%m-%d %H:%M}  {who}")
        lines += [f"    {plain(line)}" for line in event.text.splitlines()]
        lines += [f"    [{plain(button.title)}]" for button in event.buttons]
        lines += [f"    {plain(event.image)}"] if event.image else []
    return "\n".join((*lines, ""))


def _nothing() -> NotFound:
    return NotFound("There is no conversation of this browser here (any more).")
