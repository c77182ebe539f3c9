"""`/admin/escrow`: who may open cases, a new case, and the register. For super admins only (MS-6)."""

from collections.abc import Sequence

from aiohttp import web

from admin import Bots, Rules, by_of, principal
from admin.doors.frame import AdminFrame, iso, see_other
from foundation.clock import Clock
from foundation.errors import Conflict, Invalid, Problem
from foundation.web import Body, Route, read_form, read_query
from transcripts.escrow.cases import BASES, Cases, Part
from transcripts.escrow.recipients import Recipient, Recipients, read_recipients
from transcripts.escrow.selection import Selection, selection_of

FILES: dict[str, tuple[Part, str]] = {"case.tar.age": ("case", "tar.age"), "index.age": ("index", "index.age")}


class _Page(Body, frozen=True):
    done: str = ""
    after: str | None = None


class _Recipients(Body, frozen=True):
    recipients: str = ""


class _Case(Body, frozen=True):
    ids: str = ""
    tag: str = ""
    address: str = ""
    bot: str = ""
    since: str = ""
    until: str = ""
    basis: str = ""
    reason: str = ""
    restricted: bool = False


class _Nothing(Body, frozen=True):
    """A form without fields."""


class EscrowDoor:
    """The page and its files."""

    def __init__(self, frame: AdminFrame, cases: Cases, recipients: Recipients, *, bots: Bots, clock: Clock) -> None:
        self._frame = frame
        self._cases = cases
        self._recipients = recipients
        self._bots = bots
        self._clock = clock

    def routes(self, rules: Rules) -> list[Route]:
        at, only = "/admin/escrow", rules.super_admin
        return [
            Route("GET", at, self.show, only, "page"),
            Route("POST", f"{at}/recipients", self.choose, only, "page"),
            Route("POST", f"{at}/cases", self.request, only, "page"),
            Route("POST", f"{at}/cases/{{id}}/destroy", self.destroy, only, "page"),
            Route("POST", f"{at}/cases/{{id}}/case.tar.age", self.download, only, "file"),
            Route("POST", f"{at}/cases/{{id}}/index.age", self.download, only, "file"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """How everything stands."""
        return await self._page(request)

    async def choose(self, request: web.Request) -> web.Response:
        """Set who may open the cases that are made from now on."""
        form = await read_form(request, _Recipients)
        try:
            recipients = read_recipients(form.recipients)
        except Invalid as problem:
            return await self._page(request, problem=problem, recipients_form=form)
        await self._recipients.choose(principal(request).account, recipients, by=by_of(request))
        return see_other("/admin/escrow", "escrow_recipients")

    async def request(self, request: web.Request) -> web.Response:
        """Have a case built."""
        form, account = await read_form(request, _Case), principal(request).account
        try:
            selection = await self._selection(account, form)
            await self._cases.request(
                account,
                selection,
                reason=form.reason,
                basis=form.basis,
                restricted=form.restricted,
                by=by_of(request),
            )
        except (Invalid, Conflict) as problem:
            return await self._page(request, problem=problem, case_form=form)
        return see_other("/admin/escrow", "escrow_requested")

    async def destroy(self, request: web.Request) -> web.Response:
        """Destroy the files of a case before their time."""
        await read_form(request, _Nothing)
        await self._cases.destroy(principal(request).account, request.match_info["id"], by=by_of(request))
        return see_other("/admin/escrow", "escrow_destroyed")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """One of the two files; a form asks for it, because it is written down."""
        await read_form(request, _Nothing)
        part, ending = FILES[request.path.rpartition("/")[2]]
        account, id_ = principal(request).account, request.match_info["id"]
        case = await self._cases.get(account, id_)
        size, pieces = await self._cases.download(account, id_, part, by=by_of(request))
        name = f"case-{iso(case.at)[:10]}-{case.id}.{ending}"
        response = web.StreamResponse(
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(size),
                "Content-Disposition": f'attachment; filename="{name}"',
                "Cache-Control": "no-store",
            }
        )
        await response.prepare(request)
        async for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    async def _selection(self, account: str, form: _Case) -> Selection:
        """Raises `Invalid`."""
        if form.bot and await self._bots.get(account, form.bot) is None:
            raise Invalid("Choose one of your bots.", field="bot")
        return selection_of(
            ids=form.ids, tag=form.tag, address=form.address, bot=form.bot, since=form.since, until=form.until
        )

    async def _page(
        self,
        request: web.Request,
        *,
        problem: Problem | None = None,
        recipients_form: _Recipients | None = None,
        case_form: _Case | None = None,
    ) -> web.Response:
        account = principal(request).account
        query = read_query(request, _Page) if request.method == "GET" else _Page()
        recipients = await self._recipients.of(account)
        cases, more = await self._cases.list(account, limit=20, after=query.after)
        return await self._frame.render(
            request,
            "transcripts/escrow",
            here="escrow",
            heading="Escrow",
            problem=problem,
            recipients=recipients,
            recipients_form=recipients_form or _Recipients(_said(recipients)),
            case_form=case_form or _Case(),
            cases=cases,
            more=more,
            bases=BASES,
            bots={bot.id: bot.body.name for bot in await self._bots.list(account)},
            public_key=(await self._cases.public_key()).hex(),
        )


def _said(recipients: Sequence[Recipient]) -> str:
    return "\n".join(f"{one.key} {one.name}".strip() for one in recipients)
