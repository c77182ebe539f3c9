"""`/setup/{token}`: the first super admin, by a link that was printed once (A-16)."""

from aiohttp import web

from admin.cookies import KnownDevices
from admin.doors.frame import error_data, see_other
from admin.rules import Rules
from admin.sessions import Sessions
from admin.setup import Setup
from foundation.errors import Conflict, Invalid, Problem
from foundation.web import PUBLIC, Body, Pages, Route, read_form


class _First(Body, frozen=True):
    account: str = ""
    name: str = ""
    email: str = ""
    password: str = ""


class SetupDoor:
    """The first door of a new installation; it closes behind the first super admin."""

    def __init__(self, pages: Pages, *, setup: Setup, sessions: Sessions, devices: KnownDevices) -> None:
        self._pages = pages
        self._setup = setup
        self._sessions = sessions
        self._devices = devices

    def routes(self, rules: Rules) -> list[Route]:  # noqa: ARG002 - the shape of every door
        return [
            Route("GET", "/setup/{token}", self.show, PUBLIC, "page"),
            Route("POST", "/setup/{token}", self.use, PUBLIC, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The form. Opening it uses nothing up. Raises `NotFound` for a link that is used, expired or unknown."""
        await self._setup.require_open(request.match_info["token"])
        return await self._page(request, _First())

    async def use(self, request: web.Request) -> web.Response:
        """Make account and super admin, and log him in. What is not valid is said, and the link lives on."""
        token = request.match_info["token"]
        await self._setup.require_open(token)
        form = await read_form(request, _First)
        try:
            person = await self._setup.use(
                token, account=form.account, name=form.name, email=form.email, password=form.password
            )
        except (Invalid, Conflict) as problem:
            return await self._page(request, form, problem)
        response = see_other("/admin", "setup")
        self._sessions.give(response, await self._sessions.open(person))
        await self._devices.remember(response, person.id, None)
        return response

    async def _page(self, request: web.Request, form: _First, problem: Problem | None = None) -> web.Response:
        return await self._pages.render(
            request,
            "admin/setup.html",
            status=200 if problem is None else problem.status,
            token=request.match_info["token"],
            form=form,
            **error_data(problem),
        )
