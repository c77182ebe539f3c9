"""`GET /t/{token}`: a shared transcript as a page, as text, as JSON, or one of the answers that are not a transcript.

The answers to those who may not read are the same byte for byte, whether there is such a link or not (YA-3, L-13): the
pages here carry no nonce and nothing of the request. Every request is decided afresh, so a right that ended ends here
with the next request.
"""

from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from admin import Bots, Rules, principal_or_none, remember_return
from foundation.errors import Invalid
from foundation.web import Pages, Route, Static, client_address, set_csp
from transcripts import render
from transcripts.guard import Guard, Opening
from transcripts.render import Transcript
from transcripts.state import State

HERE = Path(__file__).parent
PAGES = ("transcripts", HERE)
STATICS = (Static("/static/transcripts", HERE / "static"),)

FORMATS = ("txt", "json")

_CSP = (
    "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"X-Robots-Tag": "noindex, nofollow, noarchive", "Cache-Control": "no-store"}


class TranscriptDoor:
    """The door of shared links."""

    def __init__(self, guard: Guard, *, bots: Bots, pages: Pages) -> None:
        self._guard = guard
        self._bots = bots
        self._pages = pages
        pages.filter("clock", render.clock_time)
        pages.filter("iso", render.iso_time)

    def routes(self, rules: Rules) -> list[Route]:
        return [Route("GET", "/t/{token}", self.show, rules.maybe, "page")]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Decide and answer. HEAD is decided, counted and written down like GET."""
        form = _format(request)
        viewer = principal_or_none(request)
        token = request.match_info["token"]
        opening = await self._guard.open(token, viewer, client_address(request), form=form or "page")
        response = await self._answer(request, opening, token, form)
        response.headers.update(_HEADERS)
        set_csp(response, _CSP)
        return response

    async def _answer(self, request: web.Request, opening: Opening, token: str, form: str) -> web.Response:
        decision = opening.decision
        if decision.outcome == "login":
            response = web.Response(status=303, headers={"Location": "/login"})
            query = f"?format={form}" if form else ""
            await remember_return(response, f"/t/{quote(token, safe='')}{query}")
            return response
        if decision.outcome == "refused" or opening.state is None:
            template, status = ("gone", 410) if decision.outcome == "gone" else ("refused", 403)
            return await self._page(request, template, status=status, rule=decision.rule)
        return await self._transcript(request, opening, opening.state, form)

    async def _transcript(self, request: web.Request, opening: Opening, state: State, form: str) -> web.Response:
        found = await self._bots.get(state.account, state.bot)
        bot = found.body.name if found is not None else "Bot"
        make = render.for_member if opening.decision.outcome == "member" else render.for_address
        transcript = make(state, opening.events, bot)
        if form:
            response = _file(transcript, form)
        else:
            response = await self._page(
                request,
                "transcript",
                transcript=transcript,
                count="1 message" if transcript.messages == 1 else f"{transcript.messages} messages",
                days=render.days(transcript),
                facts=_facts(transcript),
                mark=_mark(transcript),
            )
        if transcript.reader == "external":
            response.headers["X-Transcript-View"] = "read-only"
        return response

    async def _page(self, request: web.Request, template: str, *, status: int = 200, **data: object) -> web.Response:
        return await self._pages.render(request, f"transcripts/{template}.html", status=status, nonce="", **data)


def _format(request: web.Request) -> str:
    """The format asked for; empty for the page. Other parameters are ignored: those who pass links on add their own."""
    asked = request.query.getall("format", [])
    if not asked:
        return ""
    if len(asked) > 1 or asked[0] not in FORMATS:
        raise Invalid("A transcript is a page, or format=txt, or format=json.", field="format")
    return asked[0]


def _file(transcript: Transcript, form: str) -> web.Response:
    if form == "txt":
        response = web.Response(text=render.as_text(transcript), content_type="text/plain", charset="utf-8")
    else:
        response = web.Response(body=render.as_json(transcript), content_type="application/json")
    response.headers["Content-Disposition"] = f'attachment; filename="transcript.{form}"'
    return response


def _facts(transcript: Transcript) -> list[tuple[str, str]]:
    state = transcript.state
    facts = [("State", _STATES[transcript.control])]
    if state is None:
        return facts
    if state.address:
        facts.append(("E-mail", state.address))
    if state.holder_name:
        facts.append(("With", state.holder_name))
    if state.page.title or state.page.url:
        facts.append(("Opened on", state.page.title or state.page.url))
    facts.append(("Notice", _consented(state)))
    facts.append(("Language", state.locale))
    return facts


_STATES = {
    "bot": "With the bot",
    "queue": "Waiting in the queue",
    "agent": "With a person",
    "closed": "Closed",
}


def _consented(state: State) -> str:
    if state.consent is not None:
        return f"Accepted, version {state.consent.notice}"
    return "Consent withdrawn" if state.withdrawn_at is not None else "Not accepted"


def _mark(transcript: Transcript) -> dict[str, str] | None:
    """The green check or the warning beside the name, with the reason in words (DD-4, DD-6)."""
    if transcript.state is None or transcript.state.verification.state == "none":
        return None
    verification = transcript.state.verification
    if verification.state == "verified":
        return {"tone": "ok", "sign": "✓", "words": "verified", "why": verification.why}
    return {"tone": "warn", "sign": "!", "words": "not verified", "why": verification.why}
