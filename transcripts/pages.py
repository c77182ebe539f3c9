"""`/t/{token}`: a shared transcript as a page, as a file, or one of the answers that are not a transcript.

The answers to those who may not read are the same byte for byte, whether there is such a link or not (YA-3, L-13): the
pages here carry no nonce and nothing of the request. Every request is decided afresh, so a right that ended ends here
with the next request; an open page asks by itself, and is emptied when the answer is no (L-16).
"""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import msgspec
from aiohttp import web

from admin import AccessRequests, Bots, Rules, by_of, principal, principal_or_none, remember_return
from foundation.errors import Forbidden, Gone, Invalid, NotFound, Unauthenticated
from foundation.web import Body, Pages, Route, Static, client_address, read_form, set_csp
from transcripts import render
from transcripts.files import FORMATS, file_of
from transcripts.guard import Guard, Opening
from transcripts.live import facts_of, mark_of, news_of
from transcripts.render import Transcript

HERE = Path(__file__).parent
PAGES = ("transcripts", HERE)
STATICS = (Static("/static/transcripts", HERE / "static"),)

_CSP = (
    "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_LIVE = {"script_src": "'self'", "connect_src": "'self'", "require_trusted_types_for": "'script'"}
"""The page of a transcript runs one script of ours, which only asks whether it may still be shown. No nonce: a page that
is the same for everybody says the same bytes."""

_HEADERS = {"X-Robots-Tag": "noindex, nofollow, noarchive", "Cache-Control": "no-store"}
_NO_DOWNLOAD = "You may read transcripts but not download them. An admin can change that."


class _Wish(Body, frozen=True):
    words: str = ""


class TranscriptDoor:
    """The door of shared links."""

    def __init__(
        self,
        guard: Guard,
        *,
        bots: Bots,
        requests: AccessRequests,
        pages: Pages,
        residency: Mapping[str, str] | None = None,
    ) -> None:
        self._residency = residency
        self._guard = guard
        self._bots = bots
        self._requests = requests
        self._pages = pages
        pages.filter("clock", render.clock_time)
        pages.filter("iso", render.iso_time)

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/t/{token}", self.show, rules.maybe, "page"),
            Route("GET", "/t/{token}/since/{seq}", self.go_on, rules.looking, "api"),
            Route("POST", "/t/{token}", self.ask_for_access, rules.staff, "page"),
            Route("GET", "/api/conversations/{id}/transcript.{format}", self.own, rules.staff, "api"),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Decide and answer. HEAD is decided, counted and written down like GET."""
        token, form = _asked(request)
        viewer = principal_or_none(request)
        opening = await self._guard.open(token, viewer, client_address(request), form=form or "page")
        response = await self._answer(request, opening, token, form)
        response.headers.update(_HEADERS)
        return response

    async def go_on(self, request: web.Request) -> web.StreamResponse:
        """For an open page that has everything up to event `seq`: the lines after it, or that it shows too much.

        200 with `{seq, lines, count}`, or with `{seq, reload: true}` when what it shows is not as it was; 401, 403, 410
        when it may be shown no more, for an unknown link as for any other.
        """
        since = _number(request.match_info["seq"])
        viewer = principal_or_none(request)
        opening = await self._guard.go_on(request.match_info["token"], viewer, client_address(request), since=since)
        if opening.state is None:
            raise _ended(opening)
        news = news_of(opening, await self._name_of(opening), since)
        response = web.Response(body=msgspec.json.encode(news), content_type="application/json")
        response.headers.update(_HEADERS)
        return response

    async def own(self, request: web.Request) -> web.StreamResponse:
        """A member's own way to a file, without a link; the same guard, the same files."""
        form = request.match_info["format"]
        if form not in FORMATS:
            raise Invalid("A transcript comes as txt, csv, json or pdf.", field="format")
        opening = await self._guard.open_own(
            request.match_info["id"], principal(request), client_address(request), form=form
        )
        if opening.decision.rule == "no_download":
            raise Forbidden(_NO_DOWNLOAD)
        if opening.state is None:
            raise NotFound("There is no such conversation.")
        response = await file_of(await self._transcript(opening), form, stores=self._residency)
        response.headers.update(_HEADERS)
        return response

    async def ask_for_access(self, request: web.Request) -> web.StreamResponse:
        """Ask the supervisors of the link's bot for access; said of an unknown link, it looks the same (YA-23)."""
        form, person, address = await read_form(request, _Wish), principal(request), client_address(request)
        token = request.match_info["token"]
        decision, link = await self._guard.wish(token, person, address)
        if decision.outcome != "refused":
            return web.Response(status=303, headers={"Location": f"/t/{quote(token, safe='')}"})
        if person.role == "auditor":
            raise Forbidden("Auditors read the audit book and no chats. An admin can give you another role.")
        await self._requests.ask(person, link.bot if link else "", form.words, by=by_of(request))
        response = await self._page(request, "asked")
        response.headers.update(_HEADERS)
        set_csp(response, _CSP)
        return response

    async def _answer(self, request: web.Request, opening: Opening, token: str, form: str) -> web.Response:
        decision = opening.decision
        if decision.outcome == "login":
            response = web.Response(status=303, headers={"Location": "/login"})
            await remember_return(response, f"/t/{quote(token, safe='')}{f'.{form}' if form else ''}")
        elif decision.rule == "no_download":
            raise Forbidden(_NO_DOWNLOAD)
        elif decision.outcome == "gone":
            response = await self._page(request, "gone", status=410, rule=decision.rule)
        elif opening.state is None:
            return await self._refused(request)
        elif form:
            response = await file_of(await self._transcript(opening), form, stores=self._residency)
            _say_read_only(response, opening)
        else:
            return await self._read(request, opening, token)
        set_csp(response, _CSP)
        return response

    async def _refused(self, request: web.Request) -> web.Response:
        """One page for what is unknown and what is forbidden; staff who read chats may ask for access on it."""
        viewer = principal_or_none(request)
        may_ask = viewer is not None and viewer.role != "auditor"
        response = await self._page(request, "refused", status=403, may_ask=may_ask)
        set_csp(response, _CSP, form_action="'self'")
        return response

    async def _read(self, request: web.Request, opening: Opening, token: str) -> web.Response:
        transcript = await self._transcript(opening)
        viewer = principal_or_none(request)
        response = await self._page(
            request,
            "transcript",
            transcript=transcript,
            count=render.count_of(transcript),
            days=render.days(transcript),
            facts=facts_of(transcript),
            mark=mark_of(transcript),
            path=f"/t/{quote(token, safe='')}",
            seq=opening.state.seq if opening.state else 0,
            formats=FORMATS if viewer is None or viewer.may_download else (),
        )
        set_csp(response, _CSP)
        set_csp(response, **_LIVE)
        _say_read_only(response, opening)
        return response

    async def _transcript(self, opening: Opening) -> Transcript:
        return render.of(opening.decision.outcome, opening.state, opening.events, await self._name_of(opening))

    async def _name_of(self, opening: Opening) -> str:
        state = opening.state
        found = await self._bots.get(state.account, state.bot) if state is not None else None
        return found.body.name if found is not None else "Bot"

    async def _page(self, request: web.Request, template: str, *, status: int = 200, **data: object) -> web.Response:
        return await self._pages.render(request, f"transcripts/{template}.html", status=status, nonce="", **data)


def _asked(request: web.Request) -> tuple[str, str]:
    """The token and the format: `/t/{token}.pdf`, or `/t/{token}?format=pdf`; an empty format is the page. Other
    parameters are ignored: those who pass links on add their own."""
    token, dot, form = request.match_info["token"].rpartition(".")
    if dot and form in FORMATS:
        return token, form
    asked = request.query.getall("format", [])
    if asked and (len(asked) > 1 or asked[0] not in FORMATS):
        raise Invalid("A transcript is a page, or txt, csv, json or pdf.", field="format")
    return request.match_info["token"], asked[0] if asked else ""


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Invalid("This is the number of an event.", field="seq")
    return int(text)


def _ended(opening: Opening) -> Exception:
    outcome = opening.decision.outcome
    if outcome == "gone":
        return Gone("This transcript is no longer available.")
    return Unauthenticated("Please log in.") if outcome == "login" else Forbidden("This link does not open for you.")


def _say_read_only(response: web.Response, opening: Opening) -> None:
    if opening.decision.outcome == "external":
        response.headers["X-Transcript-View"] = "read-only"
