"""Logging in and out, and changing one's own password (A-2, A-3, A-7, A-9, C-1, C-3).

The login page is the same for everybody, byte for byte: no nonce, no echo of what was typed, no word that tells whether
a name is known. After the login only a path of our own from the signed cookie is followed.
"""

from aiohttp import web

from admin.cookies import KnownDevices, Returns
from admin.doors.frame import error_data, see_other
from admin.logins import Logins
from admin.people import People, Person
from admin.principals import by_of, principal
from admin.roles import home_of
from admin.rules import CHANGE_PASSWORD, LOGIN, Rules
from admin.sessions import Sessions
from foundation.errors import Invalid, Problem, TooMany, Unauthenticated
from foundation.web import PUBLIC, Body, Pages, Route, limit_key, read_form


class _Login(Body, frozen=True):
    email: str = ""
    password: str = ""


class _NewPassword(Body, frozen=True):
    current: str = ""
    password: str = ""


class LoginDoor:
    """The way in, and out."""

    def __init__(
        self,
        pages: Pages,
        *,
        logins: Logins,
        people: People,
        sessions: Sessions,
        returns: Returns,
        devices: KnownDevices,
    ) -> None:
        self._pages = pages
        self._logins = logins
        self._people = people
        self._sessions = sessions
        self._returns = returns
        self._devices = devices

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", LOGIN, self.show, PUBLIC, "page"),
            Route("POST", LOGIN, self.log_in, PUBLIC, "page"),
            Route("POST", "/logout", self.log_out, rules.staff, "page"),
            Route("GET", CHANGE_PASSWORD, self.show_password, rules.staff, "page"),
            Route("POST", CHANGE_PASSWORD, self.change_password, rules.staff, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The login page; whoever is logged in already is led on."""
        person = await self._sessions.principal_of(self._sessions.secret_of(request))
        if person is None:
            return await self._login_page(request)
        if person.must_change_password:
            return see_other(CHANGE_PASSWORD)
        return await self._lead_on(request, home_of(person.role))

    async def log_in(self, request: web.Request) -> web.Response:
        """Open a session for the right password; a session that the browser brought along ends."""
        form = await read_form(request, _Login)
        try:
            proven = await self._logins.prove(
                form.email,
                form.password,
                client=limit_key(request),
                device_of=lambda person: self._devices.device_of(request, person),
            )
        except (Unauthenticated, TooMany) as problem:
            return await self._login_page(request, problem)
        earlier = await self._sessions.principal_of(self._sessions.secret_of(request))
        if earlier is not None:
            await self._sessions.end(earlier)
        secret = await self._sessions.open(proven.person)
        response = await self._after_login(request, proven.person)
        self._sessions.give(response, secret)
        await self._devices.remember(response, proven.person.id, proven.device)
        return response

    async def log_out(self, request: web.Request) -> web.Response:
        """End the session, here and in every tab (C-20)."""
        await self._sessions.end(principal(request))
        response = see_other(LOGIN)
        self._sessions.take(response)
        return response

    async def show_password(self, request: web.Request) -> web.Response:
        """The page to change one's password."""
        return await self._password_page(request)

    async def change_password(self, request: web.Request) -> web.Response:
        """Take a new password for the right old one; every other session ends and this one gets a new id."""
        me, form = principal(request), await read_form(request, _NewPassword)
        person = await self._people.get(me.account, me.person)
        try:
            if person is None or not await self._logins.is_password_of(person, form.current, client=limit_key(request)):
                raise Invalid("This is not your present password.", field="current")
            if form.password == form.current:
                raise Invalid("The new password is the old one.", field="password")
            person = await self._people.set_password(me.account, me.person, form.password, by=by_of(request))
        except Problem as problem:
            return await self._password_page(request, problem)
        secret = await self._sessions.open(person)
        response = await self._lead_on(request, home_of(me.role))
        self._sessions.give(response, secret)
        return response

    async def _after_login(self, request: web.Request, person: Person) -> web.Response:
        if person.body.one_time_until is not None:
            return see_other(CHANGE_PASSWORD)
        return await self._lead_on(request, home_of(person.body.role))

    async def _lead_on(self, request: web.Request, home: str) -> web.Response:
        """To where somebody wanted to go before the login, or to the page where his role begins."""
        path = await self._returns.read(request)
        response = see_other(path or home)
        self._returns.forget(response)
        return response

    async def _login_page(self, request: web.Request, problem: Problem | None = None) -> web.Response:
        status = 200 if problem is None else problem.status
        response = await self._pages.render(
            request, "admin/login.html", status=status, nonce="", problem=problem.detail if problem else ""
        )
        if isinstance(problem, TooMany):
            response.headers["Retry-After"] = str(problem.data["retry_after"])
        if isinstance(problem, Unauthenticated):
            response.headers["WWW-Authenticate"] = "Session"
        return response

    async def _password_page(self, request: web.Request, problem: Problem | None = None) -> web.Response:
        me = principal(request)
        response = await self._pages.render(
            request,
            "admin/password.html",
            status=200 if problem is None else problem.status,
            me=me,
            home=home_of(me.role),
            **error_data(problem),
        )
        if isinstance(problem, TooMany):
            response.headers["Retry-After"] = str(problem.data["retry_after"])
        return response
