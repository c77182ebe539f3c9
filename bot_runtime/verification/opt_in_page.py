"""The page behind the link in the mail. Opening it changes nothing, however often and by whomever (D-2, D-3); only its
buttons do, from the page itself (D-4), and once (D-5).

Every link that is not valid, for whatever reason, leads to the same page with 410 (D-6). No cookie is set.
"""

from datetime import UTC, datetime

from aiohttp import web

from admin import Bots
from bot_runtime.phrases import language_of
from bot_runtime.verification.opt_in_link import OptInLinks
from bot_runtime.verification.policy import Policies
from bot_runtime.verification.requests import Asker, link_is_live
from bot_runtime.verification.texts import texts
from foundation.clock import SECOND, Clock
from foundation.errors import Gone
from foundation.web import PUBLIC, Body, Pages, Route, client_address, read_form
from transcripts.masking import mask_address

_MAX_AGENT = 300


class ConfirmForm(Body, frozen=True):
    """`device`: the secret of the chat's browser, which the page's script puts in when it is there."""

    nonce: str
    device: str = ""
    stay: bool = False


class DenyForm(Body, frozen=True):
    nonce: str


def asker_of(request: web.Request) -> Asker:
    """Where a request came from, as the evidence keeps it."""
    address = client_address(request)
    return Asker(ip=str(address) if address else "", user_agent=request.headers.get("User-Agent", "")[:_MAX_AGENT])


class OptInPage:
    """`GET /v/{token}`, `POST /v/{token}`, `POST /v/{token}/deny`."""

    def __init__(self, links: OptInLinks, bots: Bots, pages: Pages, clock: Clock, policies: Policies) -> None:
        self._links = links
        self._bots = bots
        self._pages = pages
        self._clock = clock
        self._policies = policies

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v/{token}", self.show, PUBLIC, "page"),
            Route("POST", "/v/{token}", self.confirm, PUBLIC, "page", max_body=2_048),
            Route("POST", "/v/{token}/deny", self.deny, PUBLIC, "page", max_body=2_048),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """The page with its two buttons."""
        token = request.match_info["token"]
        try:
            record = await self._links.look(token)
        except Gone:
            return await self._gone(request)
        body = record.body
        if not link_is_live(record, self._clock.now()):
            return await self._gone(request)
        bot = await self._bots.get(record.account, body.bot)
        t = texts(body.locale)
        return await self._pages.render(
            request,
            "bot_runtime/opt_in.html",
            t=t,
            language=language_of(body.locale),
            title=t["page_title"],
            text="",
            asks=True,
            bot=bot.body.name if bot else "",
            address=mask_address(body.address),
            time=datetime.fromtimestamp(body.at / SECOND, UTC).strftime("%Y-%m-%d %H:%M UTC"),
            consent=body.consent.text,
            token=token,
            may_stay=(await self._policies.of(record.account)).stay,
            form_nonce=await self._links.nonce(record),
        )

    async def confirm(self, request: web.Request) -> web.StreamResponse:
        """The button."""
        form = await read_form(request, ConfirmForm)
        try:
            record = await self._links.look(request.match_info["token"])
            outcome = await self._links.confirm(
                request.match_info["token"],
                form.nonce,
                device=form.device,
                stay=form.stay,
                asker=asker_of(request),
            )
        except Gone:
            return await self._gone(request)
        return await self._say(request, record.body.locale, outcome)

    async def deny(self, request: web.Request) -> web.StreamResponse:
        """The other button: "that was not me"."""
        form = await read_form(request, DenyForm)
        try:
            record = await self._links.look(request.match_info["token"])
            await self._links.deny(request.match_info["token"], form.nonce, asker=asker_of(request))
        except Gone:
            return await self._gone(request)
        return await self._say(request, record.body.locale, "denied")

    async def _gone(self, request: web.Request) -> web.StreamResponse:
        languages = request.headers.get("Accept-Language", "")
        return await self._say(request, languages[:2], "gone", status=410)

    async def _say(self, request: web.Request, locale: str, what: str, *, status: int = 200) -> web.StreamResponse:
        t = texts(locale)
        return await self._pages.render(
            request,
            "bot_runtime/opt_in.html",
            status=status,
            t=t,
            language=language_of(locale),
            title=t[f"{what}_title"],
            text=t[what],
            asks=False,
            bot="",
        )
