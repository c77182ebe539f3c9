"""The rules of routes: who is let in, and where the others are sent (A-17, C-3, M-3).

A page without a session leads to the login and, for a GET, back again afterwards; an API and a socket answer 401. A
person with a one-time password gets no further than the page that changes it.
"""

from collections.abc import Iterable

from aiohttp import web

from admin.cookies import RETURN_TO
from admin.principals import PRINCIPAL, Principal
from admin.roles import ROLES, Role
from admin.sessions import Sessions
from foundation.errors import Forbidden, Unauthenticated
from foundation.web import ROUTE, Rule

LOGIN = "/login"
CHANGE_PASSWORD = "/password"  # noqa: S105 - a path

_OPEN_TO_NEWCOMERS = frozenset({CHANGE_PASSWORD, "/logout"})


class Rules:
    """The rules that need a session: `staff`, `lead` (supervisors and admins), `admin`, `super_admin`, `audit`. Those that
    refuse nobody: `maybe`, and `looking` for what an open page asks by itself, which is no use of the session."""

    def __init__(self, sessions: Sessions) -> None:
        self.staff: Rule = _Members("staff", sessions, ROLES)
        self.desk: Rule = _Members("desk", sessions, [role for role in ROLES if role != "auditor"])
        self.admin: Rule = _Members("admin", sessions, ("admin", "super_admin"))
        self.super_admin: Rule = _Members("super_admin", sessions, ("super_admin",))
        self.audit: Rule = _Members("audit", sessions, ("auditor", "super_admin"))
        self.lead: Rule = _Members("lead", sessions, ("supervisor", "admin", "super_admin"))
        self.maybe: Rule = _Maybe(sessions)
        self.looking: Rule = _Maybe(sessions, "looking", in_use=False)


class _Members:
    def __init__(self, name: str, sessions: Sessions, roles: Iterable[Role]) -> None:
        self._name = name
        self._sessions = sessions
        self._roles = frozenset(roles)

    @property
    def name(self) -> str:
        return self._name

    async def admit(self, request: web.Request) -> None:
        """Leaves the principal in the request. Raises `Unauthenticated`, `Forbidden`, or leads to the login."""
        person = await self._sessions.principal_of(self._sessions.secret_of(request))
        if person is None:
            raise _log_in_first(request)
        if person.must_change_password and request[ROUTE].path not in _OPEN_TO_NEWCOMERS:
            raise _change_password_first(request)
        if person.role not in self._roles:
            raise Forbidden("Your role does not open this. Ask a super admin of your account.")
        request[PRINCIPAL] = person


class _Maybe:
    def __init__(self, sessions: Sessions, name: str = "maybe", *, in_use: bool = True) -> None:
        self._name = name
        self._sessions = sessions
        self._in_use = in_use

    @property
    def name(self) -> str:
        return self._name

    async def admit(self, request: web.Request) -> None:
        """Leaves the principal in the request if there is one; somebody who has yet to choose a password is none."""
        person: Principal | None = await self._sessions.principal_of(
            self._sessions.secret_of(request), in_use=self._in_use
        )
        if person is not None and not person.must_change_password:
            request[PRINCIPAL] = person


def _log_in_first(request: web.Request) -> Exception:
    if request[ROUTE].kind != "page":
        return Unauthenticated("Please log in. The session has ended or there was none.")
    if request.method in {"GET", "HEAD"}:
        request[RETURN_TO] = request.raw_path
    return web.HTTPSeeOther(LOGIN)


def _change_password_first(request: web.Request) -> Exception:
    if request[ROUTE].kind != "page":
        return Forbidden("Please choose a password of your own first.")
    return web.HTTPSeeOther(CHANGE_PASSWORD)
