"""The search page and its stream: `POST /api/search` answers with one JSON object a line, as they are found.

The words travel in a body, never in an address, and are written down nowhere: the audit book gets a keyed token of the
question, before the first line leaves (SECURITY 3.2). Whoever closes the connection ends the scan.
"""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import msgspec
from aiohttp import web

from admin import AuditBook, Bots, Principal, Rules, principal
from foundation.clock import MINUTE, Clock
from foundation.errors import Forbidden, Problem
from foundation.keys import Keyring
from foundation.web import Body, Pages, Route, Throttle, read_json
from transcripts.search.query import HELP, MAX_QUERY, parse
from transcripts.search.scan import End, Found, Progress, Search, Snippet

MOST_A_MINUTE = 60
"""Requests of one person; going on with a search is one too."""

_READS_NO_CHATS = frozenset({"auditor"})


class _Asked(Body, frozen=True):
    query: str
    after: str | None = None


class SearchDoors:
    """The page and the stream."""

    def __init__(
        self, search: Search, *, audit: AuditBook, bots: Bots, keyring: Keyring, pages: Pages, clock: Clock
    ) -> None:
        self._search = search
        self._audit = audit
        self._bots = bots
        self._keyring = keyring
        self._pages = pages
        self._throttle = Throttle(clock, MOST_A_MINUTE, MINUTE)

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/search", self.page, rules.staff, "page"),
            Route("POST", "/api/search", self.stream, rules.staff, "api"),
        ]

    async def page(self, request: web.Request) -> web.Response:
        """The page; what is found comes through the stream."""
        person = _reader(request)
        return await self._pages.render(request, "transcripts/search.html", me=person, help=HELP, most=MAX_QUERY)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Search. What is wrong with the question is an ordinary refusal; what fails later is a line."""
        person = _reader(request)
        asked = await read_json(request, _Asked)
        query = parse(asked.query)
        self._throttle.check(person.person)
        self._throttle.hit(person.person)
        token = await self._keyring.token(person.account, "search", asked.query)
        await self._audit.write(
            person.account, person.person, "transcripts.searched", query=token, continued=asked.after is not None
        )
        names = {bot.id: bot.body.name for bot in await self._bots.list(person.account)}
        async with aclosing(self._search.run(person, query, after=asked.after)) as found:
            first = await anext(found)  # a forged place to go on from is refused before anything is sent
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            async for line in _lines(first, found, names):
                await response.write(msgspec.json.encode(line) + b"\n")
        await response.write_eof()
        return response


def _reader(request: web.Request) -> Principal:
    person = principal(request)
    if person.role in _READS_NO_CHATS:
        raise Forbidden("Your role reads the audit book, not the chats.")
    return person


async def _lines(
    first: Found | Progress | End, others: AsyncIterator[Found | Progress | End], names: dict[str, str]
) -> AsyncIterator[dict[str, Any]]:
    yield _line(first, names)
    try:
        async for one in others:
            yield _line(one, names)
    except Problem as problem:
        yield {"type": "error", **problem.members()}


def _line(one: Found | Progress | End, names: dict[str, str]) -> dict[str, Any]:
    if isinstance(one, Progress):
        return {"type": "progress", "scanned": one.scanned, "reached": one.reached}
    if isinstance(one, End):
        return {"type": "end", "scanned": one.scanned, "unreadable": one.unreadable, "next": one.next}
    state = one.state
    return {
        "type": "found",
        "conversation": state.id,
        "bot": state.bot,
        "bot_name": names.get(state.bot, ""),
        "name": state.name,
        "address": state.address,
        "verified": state.verification.state == "verified",
        "control": state.control,
        "tags": sorted(state.tags),
        "opened_at": state.opened_at,
        "updated_at": state.last_at,
        "messages": state.messages,
        "count": one.count,
        "snippets": [_snippet(snippet) for snippet in one.snippets],
    }


def _snippet(snippet: Snippet) -> dict[str, Any]:
    pieces = [{"text": text, "hit": hit} for text, hit in snippet.pieces]
    return {"seq": snippet.seq, "at": snippet.at, "by": snippet.by, "name": snippet.name, "pieces": pieces}
