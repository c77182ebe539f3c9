"""`/admin/requests`: staff who ask for access to a bot; for supervisors of that bot and for admins (YA-23)."""

from datetime import UTC, datetime

import msgspec
from aiohttp import web

from admin.access_requests import AccessRequest, AccessRequests
from admin.bots import Bots
from admin.doors.frame import AdminFrame, see_other
from admin.people import People
from admin.principals import by_of, principal
from admin.rules import Rules
from foundation.clock import DAY
from foundation.errors import Conflict, Invalid, Problem
from foundation.web import Body, Route, read_form

HERE = "/admin/requests"


class _Approval(Body, frozen=True):
    """`until`: the last day of the access (UTC), empty for no end."""

    until: str = ""


class _Nothing(Body, frozen=True):
    """A form without fields."""


class _Shown(msgspec.Struct, frozen=True):
    id: str
    name: str
    email: str
    bot: str
    words: str
    at: int


class RequestDoor:
    """The open requests."""

    def __init__(self, frame: AdminFrame, *, requests: AccessRequests, people: People, bots: Bots) -> None:
        self._frame = frame
        self._requests = requests
        self._people = people
        self._bots = bots

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", HERE, self.show, rules.lead, "page"),
            Route("POST", f"{HERE}/{{id}}/approve", self.approve, rules.lead, "page"),
            Route("POST", f"{HERE}/{{id}}/decline", self.decline, rules.lead, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """What waits for a decision of this person."""
        return await self._page(request)

    async def approve(self, request: web.Request) -> web.Response:
        """Give the access."""
        form = await read_form(request, _Approval)
        try:
            await self._requests.approve(
                principal(request), request.match_info["id"], until=_end_of(form.until), by=by_of(request)
            )
        except (Invalid, Conflict) as problem:
            return await self._page(request, problem)
        return see_other(HERE, "approved")

    async def decline(self, request: web.Request) -> web.Response:
        """Say no."""
        await read_form(request, _Nothing)
        try:
            await self._requests.decline(principal(request), request.match_info["id"], by=by_of(request))
        except Conflict as problem:
            return await self._page(request, problem)
        return see_other(HERE, "declined")

    async def _page(self, request: web.Request, problem: Problem | None = None) -> web.Response:
        me = principal(request)
        names = {bot.id: bot.body.name for bot in await self._bots.list(me.account)}
        shown = [await self._shown(one, names) for one in await self._requests.open(me)]
        return await self._frame.render(
            request, "requests", here="requests", heading="Access requests", problem=problem, requests=shown
        )

    async def _shown(self, request: AccessRequest, names: dict[str, str]) -> _Shown:
        person = await self._people.get(request.account, str(request.fields["person"]))
        return _Shown(
            request.id,
            person.body.name if person else "Somebody who is gone",
            person.body.email if person else "",
            names.get(str(request.fields["bot"]), "a bot that is gone"),
            request.body.words,
            int(request.fields["asked_at"] or 0),
        )


def _end_of(day: str) -> int | None:
    """The end of this day, UTC; `None` for an empty field. Raises `Invalid`."""
    if not day:
        return None
    try:
        moment = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise Invalid("A day looks like 2026-12-31. Nothing was changed.", field="until") from None
    return int(moment.timestamp() * 1000) + DAY
