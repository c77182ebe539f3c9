"""`/admin/assignment`: who gives out the waiting chats, and how many one person is given at a time (YA-25)."""

from aiohttp import web

from admin.accounts import MOST_CHATS, Accounts
from admin.doors.frame import AdminFrame, see_other
from admin.people import People, Person
from admin.principals import by_of, principal
from admin.rules import Rules
from foundation.errors import Invalid, NotFound, Problem
from foundation.web import Body, Route, read_form


class _Assignment(Body, frozen=True):
    mode: str = "manual"
    chats_at_once: str = ""


class AssignmentDoor:
    """How waiting chats come to people."""

    def __init__(self, frame: AdminFrame, *, accounts: Accounts, people: People) -> None:
        self._frame = frame
        self._accounts = accounts
        self._people = people

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/admin/assignment", self.show, rules.admin, "page"),
            Route("POST", "/admin/assignment", self.change, rules.admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The setting, and who has a number of his own."""
        return await self._page(request)

    async def change(self, request: web.Request) -> web.Response:
        """By hand or automatic, and how many at a time."""
        form = await read_form(request, _Assignment)
        try:
            await self._accounts.assign(
                principal(request).account,
                automatic=_is_automatic(form.mode),
                chats_at_once=whole_number(form.chats_at_once.strip(), "chats_at_once"),
                by=by_of(request),
            )
        except Invalid as problem:
            return await self._page(request, form, problem)
        return see_other("/admin/assignment", "assignment")

    async def _page(
        self, request: web.Request, form: _Assignment | None = None, problem: Problem | None = None
    ) -> web.Response:
        me = principal(request)
        account = await self._accounts.get(me.account)
        if account is None:
            raise NotFound("There is no such account.")
        stands = _Assignment("automatic" if account.body.automatic else "manual", str(account.body.chats_at_once))
        return await self._frame.render(
            request,
            "assignment",
            here="assignment",
            heading="Assignment",
            problem=problem,
            form=form or stands,
            most=MOST_CHATS,
            limited=await self._limited(me.account),
        )

    async def _limited(self, account: str) -> list[Person]:
        """The people who have a number of their own."""
        found: list[Person] = []
        after: str | None = None
        while True:
            people, after = await self._people.list(account, after=after)
            found += [person for person in people if person.body.chats_at_once is not None]
            if after is None:
                return found


def _is_automatic(mode: str) -> bool:
    if mode not in {"manual", "automatic"}:
        raise Invalid("Choose by hand or automatic.", field="mode")
    return mode == "automatic"


def whole_number(typed: str, field: str) -> int:
    """A number as people type it into a form. Raises `Invalid`."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 4):
        raise Invalid("A whole number, please.", field=field)
    return int(typed)
