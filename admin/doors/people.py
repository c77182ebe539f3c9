"""`/admin/people`: who works here, with which role and which bots (YA-23, A-10, A-15, A-18).

Nobody touches a person whose role he could not have given, nor gives such a role. A new person gets a one-time
password, shown once on the page that answers, which has to be changed at the first login.
"""

from aiohttp import web

from admin.bots import Bots
from admin.doors.assignment import whole_number
from admin.doors.frame import AdminFrame, see_other
from admin.grants import Grants
from admin.people import People, Person, new_one_time_password
from admin.principals import Principal, by_of, principal
from admin.roles import BY_GRANT, ROLE_HINTS, ROLE_NAMES, ROLES, Role, managed_by, manages
from admin.rules import Rules
from foundation.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from foundation.web import Body, Route, read_form, read_query


class _Page(Body, frozen=True):
    after: str | None = None
    done: str = ""


class _NewPerson(Body, frozen=True):
    name: str = ""
    email: str = ""
    role: str = "agent"
    bots: tuple[str, ...] = ()


class _Role(Body, frozen=True):
    role: str


class _Bots(Body, frozen=True):
    bots: tuple[str, ...] = ()


class _Redaction(Body, frozen=True):
    redact: bool = False


class _Permissions(Body, frozen=True):
    share: bool = False
    download: bool = False


class _Chats(Body, frozen=True):
    chats_at_once: str = ""


class _Nothing(Body, frozen=True):
    """A form without fields."""


class PeopleDoor:
    """The people and their rights."""

    def __init__(self, frame: AdminFrame, *, people: People, bots: Bots, grants: Grants) -> None:
        self._frame = frame
        self._people = people
        self._bots = bots
        self._grants = grants

    def routes(self, rules: Rules) -> list[Route]:
        one = "/admin/people/{id}"
        return [
            Route("GET", "/admin/people", self.list, rules.admin, "page"),
            Route("POST", "/admin/people", self.add, rules.admin, "page"),
            Route("GET", one, self.show, rules.admin, "page"),
            Route("POST", f"{one}/role", self.change_role, rules.admin, "page"),
            Route("POST", f"{one}/bots", self.change_bots, rules.admin, "page"),
            Route("POST", f"{one}/redaction", self.change_redaction, rules.super_admin, "page"),
            Route("POST", f"{one}/permissions", self.change_permissions, rules.admin, "page"),
            Route("POST", f"{one}/chats", self.change_chats, rules.admin, "page"),
            Route("POST", f"{one}/password", self.reset_password, rules.admin, "page"),
            Route("POST", f"{one}/disable", self.disable, rules.admin, "page"),
            Route("POST", f"{one}/enable", self.enable, rules.admin, "page"),
        ]

    async def list(self, request: web.Request) -> web.Response:
        """The people, oldest first, a page at a time, and the form to add one."""
        return await self._list(request, _NewPerson())

    async def add(self, request: web.Request) -> web.Response:
        """Add a person and show the one-time password, this once."""
        me, form = principal(request), await read_form(request, _NewPerson)
        try:
            role = _role_given_by(me, form.role)
            granted = await self._checked_bots(me, form.bots) if role in BY_GRANT else frozenset()
            password = new_one_time_password()
            person = await self._people.create(
                me.account, form.email, form.name, role, password, one_time=True, by=by_of(request)
            )
        except (Invalid, Conflict) as problem:
            return await self._list(request, form, problem)
        for bot in sorted(granted):
            await self._grants.grant_to(me.account, person.id, bot, by=by_of(request))
        return await self._one(request, person, password=password)

    async def show(self, request: web.Request) -> web.Response:
        """One person."""
        return await self._one(request, await self._person(request))

    async def change_role(self, request: web.Request) -> web.Response:
        """Another role; the person's sessions end."""
        form = await read_form(request, _Role)
        person = await self._managed(request)
        try:
            role = _role_given_by(principal(request), form.role)
            await self._people.set_role(person.account, person.id, role, by=by_of(request))
        except (Invalid, Conflict) as problem:
            return await self._one(request, person, problem)
        return see_other(f"/admin/people/{person.id}", "role")

    async def change_bots(self, request: web.Request) -> web.Response:
        """Exactly these bots, from now on."""
        form = await read_form(request, _Bots)
        person = await self._managed(request)
        try:
            _require_role_with_grants(person)
            wanted = await self._checked_bots(principal(request), form.bots)
        except (Invalid, Conflict) as problem:
            return await self._one(request, person, problem)
        granted = await self._grants.of(person.account, person.id)
        for bot in sorted(granted - wanted):
            await self._grants.revoke_from(person.account, person.id, bot, by=by_of(request))
        for bot in sorted(wanted - granted):
            await self._grants.grant_to(person.account, person.id, bot, by=by_of(request))
        return see_other(f"/admin/people/{person.id}", "grants")

    async def change_redaction(self, request: web.Request) -> web.Response:
        """Whether the person may take words out of conversations for good (YA-21); super admins say so."""
        form = await read_form(request, _Redaction)
        person = await self._managed(request)
        await self._people.allow_redaction(person.account, person.id, allowed=form.redact, by=by_of(request))
        return see_other(f"/admin/people/{person.id}", "redaction")

    async def change_permissions(self, request: web.Request) -> web.Response:
        """What the person may do with transcripts besides reading them (YA-13)."""
        form = await read_form(request, _Permissions)
        person = await self._managed(request)
        await self._people.permit(
            person.account, person.id, share=form.share, download=form.download, by=by_of(request)
        )
        return see_other(f"/admin/people/{person.id}", "permissions")

    async def change_chats(self, request: web.Request) -> web.Response:
        """How many chats the person is given at a time; empty for as many as the account says (YA-25)."""
        form = await read_form(request, _Chats)
        person = await self._managed(request)
        typed = form.chats_at_once.strip()
        try:
            await self._people.limit_chats(
                person.account, person.id, whole_number(typed, "chats_at_once") if typed else None, by=by_of(request)
            )
        except Invalid as problem:
            return await self._one(request, person, problem)
        return see_other(f"/admin/people/{person.id}", "assignment")

    async def reset_password(self, request: web.Request) -> web.Response:
        """A new one-time password, shown this once; the person's sessions end."""
        await read_form(request, _Nothing)
        person = await self._managed(request)
        if person.id == principal(request).person:
            problem = Conflict("Change your own password under your name, top right. Nothing was changed.")
            return await self._one(request, person, problem)
        password = new_one_time_password()
        person = await self._people.set_password(person.account, person.id, password, one_time=True, by=by_of(request))
        return await self._one(request, person, password=password)

    async def disable(self, request: web.Request) -> web.Response:
        """Lock somebody out; not oneself, not the last super admin."""
        await read_form(request, _Nothing)
        person = await self._managed(request)
        try:
            await self._people.disable(person.account, person.id, by=by_of(request))
        except Conflict as problem:
            return await self._one(request, person, problem)
        return see_other(f"/admin/people/{person.id}", "disabled")

    async def enable(self, request: web.Request) -> web.Response:
        """Let somebody in again."""
        await read_form(request, _Nothing)
        person = await self._managed(request)
        await self._people.enable(person.account, person.id, by=by_of(request))
        return see_other(f"/admin/people/{person.id}", "enabled")

    async def _list(self, request: web.Request, form: _NewPerson, problem: Problem | None = None) -> web.Response:
        me = principal(request)
        after = read_query(request, _Page).after if request.method == "GET" else None
        people, following = await self._people.list(me.account, after=after)
        return await self._frame.render(
            request,
            "people",
            here="people",
            heading="People and roles",
            problem=problem,
            people=people,
            after=after,
            following=following,
            grants=await self._grants.all(me.account),
            bots={bot.id: bot.body.name for bot in await self._bots.list(me.account)},
            by_grant=BY_GRANT,
            roles=[(role, ROLE_NAMES[role], ROLE_HINTS[role]) for role in managed_by(me.role)],
            form=form,
        )

    async def _one(
        self, request: web.Request, person: Person, problem: Problem | None = None, *, password: str = ""
    ) -> web.Response:
        me = principal(request)
        return await self._frame.render(
            request,
            "person",
            here="people",
            heading=person.body.name,
            problem=problem,
            person=person,
            password=password,
            managed=manages(me.role, person.body.role),
            is_me=person.id == me.person,
            grants=await self._grants.of(me.account, person.id),
            ends=await self._grants.ends(me.account, person.id),
            bots=await self._bots.list(me.account),
            by_grant=BY_GRANT,
            roles=[(role, ROLE_NAMES[role], ROLE_HINTS[role]) for role in managed_by(me.role)],
        )

    async def _person(self, request: web.Request) -> Person:
        person = await self._people.get(principal(request).account, request.match_info["id"])
        if person is None:
            raise NotFound("There is no such person.")
        return person

    async def _managed(self, request: web.Request) -> Person:
        """The person, if his role is one that the asking person may manage. Raises `Forbidden`, `NotFound`."""
        person = await self._person(request)
        if not manages(principal(request).role, person.body.role):
            raise Forbidden("Only a super admin changes people with this role. Nothing was changed.")
        return person

    async def _checked_bots(self, me: Principal, bots: tuple[str, ...]) -> frozenset[str]:
        known = {bot.id for bot in await self._bots.list(me.account)}
        wanted = frozenset(bots)
        if not wanted <= known:
            raise Invalid("One of these bots does not exist (any more). Nothing was changed.", field="bots")
        return wanted


def _require_role_with_grants(person: Person) -> None:
    if person.body.role not in BY_GRANT:
        raise Conflict("This role has its bots without grants, or none at all. Nothing was changed.")


def _role_given_by(me: Principal, name: str) -> Role:
    """The role of this name, if `me` may give it. Raises `Invalid`, `Forbidden` (A-18)."""
    role = next((role for role in ROLES if role == name), None)
    if role is None:
        raise Invalid("There is no such role.", field="role")
    if not manages(me.role, role):
        raise Forbidden("Only a super admin gives this role. Nothing was changed.")
    return role
