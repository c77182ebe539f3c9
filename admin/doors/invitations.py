"""`/admin/invitations`: who is invited; `/invitation/{token}`: the page that the mail leads to (YA-23).

Opening the link changes nothing, because mail scanners open links too: the button makes the account.
"""

from aiohttp import web

from admin.bots import LANGUAGES, Bots
from admin.cookies import KnownDevices
from admin.doors.frame import AdminFrame, error_data, see_other
from admin.invitation_mails import InvitationMails
from admin.invitations import Invitation, Invitations
from admin.people import People
from admin.principals import by_of, principal
from admin.roles import BY_GRANT, ROLE_HINTS, ROLE_NAMES, home_of, managed_by
from admin.rules import Rules
from admin.sessions import Sessions
from foundation.clock import HOUR, Clock
from foundation.errors import Conflict, Invalid, Problem, TooMany
from foundation.web import PUBLIC, Body, Pages, Route, Throttle, limit_key, read_form

HERE = "/admin/invitations"
_TRIES = 30
"""Times in an hour that one client address may press the button."""


class _New(Body, frozen=True):
    email: str = ""
    role: str = "agent"
    language: str = "en"
    bots: tuple[str, ...] = ()


class _Accept(Body, frozen=True):
    name: str = ""
    password: str = ""


class _Nothing(Body, frozen=True):
    """A form without fields."""


class InvitationDoor:
    """The invitations of an account. `mails`: whether mails leave; else the page shows the link, this once."""

    def __init__(
        self,
        frame: AdminFrame,
        *,
        invitations: Invitations,
        mail: InvitationMails,
        mails: bool,
        people: People,
        bots: Bots,
    ) -> None:
        self._frame = frame
        self._invitations = invitations
        self._mail = mail
        self._mails = mails
        self._people = people
        self._bots = bots

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", HERE, self.show, rules.admin, "page"),
            Route("POST", HERE, self.invite, rules.admin, "page"),
            Route("POST", f"{HERE}/{{id}}/again", self.again, rules.admin, "page"),
            Route("POST", f"{HERE}/{{id}}/revoke", self.revoke, rules.admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The open invitations, and the form for another."""
        return await self._page(request, _New())

    async def invite(self, request: web.Request) -> web.Response:
        """Invite an address. The answer is the same whether somebody has it already or not."""
        me, form = principal(request), await read_form(request, _New)
        try:
            invitation = await self._invitations.invite(
                me.account,
                form.email,
                form.role,
                form.bots,
                language=form.language,
                actor=me.role,
                by=by_of(request),
            )
        except (Invalid, Conflict, TooMany) as problem:
            return await self._page(request, form, problem)
        return await self._sent(request, invitation)

    async def again(self, request: web.Request) -> web.Response:
        """Send it again: with a new link, and three more days."""
        await read_form(request, _Nothing)
        me = principal(request)
        try:
            invitation = await self._invitations.again(
                me.account, request.match_info["id"], actor=me.role, by=by_of(request)
            )
        except TooMany as problem:
            return await self._page(request, _New(), problem)
        return await self._sent(request, invitation)

    async def revoke(self, request: web.Request) -> web.Response:
        """Take it back."""
        await read_form(request, _Nothing)
        me = principal(request)
        await self._invitations.revoke(me.account, request.match_info["id"], actor=me.role, by=by_of(request))
        return see_other(HERE, "invitation_revoked")

    async def _sent(self, request: web.Request, invitation: Invitation) -> web.Response:
        if self._mails:
            await self._mail.queue(invitation)
            return see_other(HERE, "invited")
        return await self._page(request, _New(), link=await self._mail.link(invitation), email=invitation.body.email)

    async def _page(
        self, request: web.Request, form: _New, problem: Problem | None = None, *, link: str = "", email: str = ""
    ) -> web.Response:
        me = principal(request)
        found = await self._invitations.list(me.account)
        inviters = {one.body.by: await self._people.get(me.account, one.body.by) for one in found}
        return await self._frame.render(
            request,
            "invitations",
            here="invitations",
            heading="Invitations",
            problem=problem,
            invitations=found,
            inviters={by: one.body.name for by, one in inviters.items() if one is not None},
            bots={bot.id: bot.body.name for bot in await self._bots.list(me.account)},
            roles=[(role, ROLE_NAMES[role], ROLE_HINTS[role]) for role in managed_by(me.role)],
            by_grant=BY_GRANT,
            languages=LANGUAGES,
            mails=self._mails,
            form=form,
            link=link,
            email=email,
        )


class AcceptDoor:
    """The page behind the link of the mail."""

    def __init__(
        self, pages: Pages, *, invitations: Invitations, sessions: Sessions, devices: KnownDevices, clock: Clock
    ) -> None:
        self._pages = pages
        self._invitations = invitations
        self._sessions = sessions
        self._devices = devices
        self._tries = Throttle(clock, _TRIES, HOUR)

    def routes(self, rules: Rules) -> list[Route]:  # noqa: ARG002 - the shape of every door
        return [
            Route("GET", "/invitation/{token}", self.show, PUBLIC, "page"),
            Route("POST", "/invitation/{token}", self.accept, PUBLIC, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The form. Opening it uses nothing up. Raises `NotFound` for a link that opens nothing."""
        invitation = await self._invitations.by_secret(request.match_info["token"])
        return await self._page(request, invitation, _Accept())

    async def accept(self, request: web.Request) -> web.Response:
        """Make the person and log him in. What is not valid is said, and the link lives on."""
        client = limit_key(request)
        self._tries.check(client)
        self._tries.hit(client)
        token = request.match_info["token"]
        invitation = await self._invitations.by_secret(token)
        form = await read_form(request, _Accept)
        try:
            person = await self._invitations.accept(token, name=form.name, password=form.password)
        except Invalid as problem:
            return await self._page(request, invitation, form, problem)
        response = see_other(home_of(person.body.role))
        self._sessions.give(response, await self._sessions.open(person))
        await self._devices.remember(response, person.id, None)
        return response

    async def _page(
        self, request: web.Request, invitation: Invitation, form: _Accept, problem: Problem | None = None
    ) -> web.Response:
        return await self._pages.render(
            request,
            "admin/invitation.html",
            status=200 if problem is None else problem.status,
            token=request.match_info["token"],
            email=invitation.body.email,
            role=ROLE_NAMES[invitation.body.role],
            form=form,
            **error_data(problem),
        )
