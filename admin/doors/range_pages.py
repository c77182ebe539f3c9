"""`/admin/ranges`: the ranges on a page; super admins only (YA-4 … YA-8).

The page says which address it sees and through which proxy, how the lists combine, and what is unusual about a range.
It shows the beginning of each list; one list by itself can be searched and leafed through, however long it is. What
has to be confirmed is asked once more with everything that was typed still there.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web
from msgspec.structs import replace

from admin.bots import Bots
from admin.doors.frame import AdminFrame
from admin.doors.range_view import Ranges, ShownList, State, Wanted, number_of_client, ranges_of, your_address
from admin.moments import moment_text, read_moment
from admin.people import People
from admin.principals import by_of, principal
from admin.range_lists import AddressRange
from admin.ranges import Span, read_cidr, read_span
from admin.rules import Rules
from admin.whitelists import Whitelists
from foundation.clock import DAY
from foundation.errors import Conflict, Invalid, NotFound, Problem
from foundation.web import CLOCK, SETTINGS, Body, Route, read_form, read_query

HERE = "/admin/ranges"

FIRST = 20
"""Ranges of each list on the page of all lists."""

PAGE = 100
"""Ranges of a list on a page of its own."""

EXTENSION = 30 * DAY

_STATES: tuple[State, ...] = ("all", "live", "expired", "overlapping")


class View(Body, frozen=True):
    """What the page shows: every list, or a part of one; and one range as a form."""

    list: str = ""
    q: str = ""
    state: State = "all"
    overlaps: str = ""
    page: int = 1
    edit: str = ""
    done: str = ""

    def url(self, **change: object) -> str:
        """The address of this view, or of one like it."""
        plain = {"list": "", "q": "", "state": "all", "overlaps": "", "page": 1, "edit": "", "done": ""}
        shown = replace(self, edit="", done="", **change)
        pairs = [(name, getattr(shown, name)) for name in plain if getattr(shown, name) != plain[name]]
        return HERE + (f"?{urlencode(pairs)}" if pairs else "")

    @property
    def text(self) -> str:
        """The view for a hidden field of a form."""
        return self.url().partition("?")[2]


class _RangeForm(Body, frozen=True):
    scope: str = ""
    start: str = ""
    end: str = ""
    label: str = ""
    comment: str = ""
    expires: str = ""
    version: int | None = None
    confirm: bool = False
    view: str = ""


class _Enabled(Body, frozen=True):
    enabled: bool = False
    confirm: bool = False
    view: str = ""


class _Deed(Body, frozen=True):
    confirm: bool = False
    version: int | None = None
    view: str = ""


class _Many(Body, frozen=True):
    """The chosen ranges, or all that have expired."""

    ids: tuple[str, ...] = ()
    expired: bool = False
    version: int | None = None
    confirm: bool = False
    view: str = ""


class Question(Body, frozen=True):
    """A deed that has to be confirmed: the form that does it when it is sent again."""

    words: str
    action: str
    fields: Sequence[tuple[str, str]]
    button: str


class RangePages:
    """The ranges, for people."""

    def __init__(self, frame: AdminFrame, *, whitelists: Whitelists, bots: Bots, people: People) -> None:
        self._frame = frame
        self._whitelists = whitelists
        self._bots = bots
        self._people = people

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", HERE, self.show, rules.super_admin, "page"),
            Route("POST", HERE, self.add, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{id}}", self.edit, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{id}}/delete", self.delete, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{id}}/extend", self.extend, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{scope}}/delete-many", self.delete_many, rules.super_admin, "page"),
            Route("POST", f"{HERE}/{{scope}}/enabled", self.toggle, rules.super_admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """All lists, or with `?list=` one of them; with `?edit=` one range stands as a form."""
        view = read_query(request, View)
        if not view.edit:
            return await self._page(request, view, _RangeForm())
        one = await self._whitelists.get(principal(request).account, view.edit)
        return await self._page(request, view, _form_of(one))

    async def add(self, request: web.Request) -> web.Response:
        """Add a range to the list that the form stands under."""
        form = await read_form(request, _RangeForm)
        view = _view(form.view)
        try:
            await self._whitelists.add(
                principal(request).account,
                form.scope,
                _span(form),
                label=form.label,
                comment=form.comment,
                expires_at=read_moment(form.expires, "expires"),
                confirm=form.confirm,
                by=by_of(request),
            )
        except (Invalid, Conflict) as problem:
            return await self._page(request, view, form, problem)
        return _see(view, "range_added")

    async def edit(self, request: web.Request) -> web.Response:
        """Change a range. If somebody else did so meanwhile, the form comes back as it was typed."""
        chosen, form = request.match_info["id"], await read_form(request, _RangeForm)
        view, account = _view(form.view), principal(request).account
        try:
            stored = await self._whitelists.get(account, chosen)
            await self._whitelists.edit(
                account,
                chosen,
                span=_span(form),
                label=form.label,
                comment=form.comment,
                expires_at=_expiry(form, stored),
                scope=form.scope or None,
                version=form.version,
                confirm=form.confirm,
                you=number_of_client(request),
                by=by_of(request),
            )
        except (Invalid, Conflict) as problem:
            if problem.data.get("field") == "version":
                form = replace(form, version=problem.data.get("version"))
            return await self._page(request, replace(view, edit=chosen), form, problem)
        return _see(view, "range_edited")

    async def delete(self, request: web.Request) -> web.Response:
        """Remove a range."""
        form, chosen = await read_form(request, _Deed), request.match_info["id"]
        try:
            await self._whitelists.delete(
                principal(request).account,
                chosen,
                confirm=form.confirm,
                you=number_of_client(request),
                by=by_of(request),
            )
        except Conflict as problem:
            return await self._ask(request, form.view, problem, f"{HERE}/{chosen}/delete", (), "Delete it")
        return _see(_view(form.view), "range_deleted")

    async def extend(self, request: web.Request) -> web.Response:
        """Let a range count for 30 days more, from now on if it has expired."""
        form, chosen = await read_form(request, _Deed), request.match_info["id"]
        account, now = principal(request).account, request.config_dict[CLOCK].now()
        one = await self._whitelists.get(account, chosen)
        if one.expires_at is None:
            raise Conflict("This range does not expire. Nothing was changed.")
        until = max(one.expires_at, now) + EXTENSION
        version = one.version if form.version is None else form.version
        try:
            await self._whitelists.edit(
                account, chosen, expires_at=until, version=version, confirm=form.confirm, by=by_of(request)
            )
        except Conflict as problem:
            fields = [("version", str(version))]
            return await self._ask(request, form.view, problem, f"{HERE}/{chosen}/extend", fields, "Extend it")
        return _see(_view(form.view), "range_extended")

    async def delete_many(self, request: web.Request) -> web.Response:
        """Remove the chosen ranges of a list, or all that have expired."""
        form, scope = await read_form(request, _Many), request.match_info["scope"]
        account, now = principal(request).account, request.config_dict[CLOCK].now()
        known = await self._whitelists.list_of(account, scope)
        ids = [one.id for one in known.ranges if not one.is_live(now)] if form.expired else form.ids
        view = _view(form.view)
        if not ids:
            return await self._page(request, view, _RangeForm(), Conflict("Choose the ranges first."))
        try:
            await self._whitelists.delete_many(
                account,
                scope,
                ids,
                version=form.version,
                confirm=form.confirm,
                you=number_of_client(request),
                by=by_of(request),
            )
        except Conflict as problem:
            fields = [("version", str(known.version)), *(("ids", one) for one in ids if not form.expired)]
            fields += [("expired", "true")] if form.expired else []
            action = f"{HERE}/{scope}/delete-many"
            return await self._ask(request, form.view, problem, action, fields, f"Delete {len(ids):,} ranges")
        return _see(view, "ranges_deleted")

    async def toggle(self, request: web.Request) -> web.Response:
        """Switch a list on or off."""
        form, scope = await read_form(request, _Enabled), request.match_info["scope"]
        try:
            await self._whitelists.toggle(
                principal(request).account,
                scope,
                enabled=form.enabled,
                confirm=form.confirm,
                you=number_of_client(request),
                by=by_of(request),
            )
        except Conflict as problem:
            return await self._ask(request, form.view, problem, f"{HERE}/{scope}/enabled", (), "Switch it off")
        return _see(_view(form.view), "list_on" if form.enabled else "list_off")

    async def _ask(  # noqa: PLR0917 - the deed, and how it is done when it is confirmed
        self,
        request: web.Request,
        view: str,
        problem: Problem,
        action: str,
        fields: Iterable[tuple[str, str]],
        button: str,
    ) -> web.Response:
        """The page with the question on top; a conflict that no confirmation mends is only said."""
        question = None
        if problem.data.get("field") == "confirm":
            question = Question(problem.detail, action, [*fields, ("view", view)], button)
        return await self._page(request, _view(view), _RangeForm(), problem, question)

    async def _page(
        self,
        request: web.Request,
        view: View,
        form: _RangeForm,
        problem: Problem | None = None,
        question: Question | None = None,
    ) -> web.Response:
        ranges = await ranges_of(request, self._whitelists, self._bots)
        if problem is not None and form.scope and form.scope not in ranges.scopes:
            raise NotFound("There is no such list.")
        lists, pages = _lists(ranges, view)
        address, via = your_address(request)
        return await self._frame.render(
            request,
            "ranges",
            here="ranges",
            heading="Transcript ranges",
            problem=problem,
            question=question,
            lists=lists,
            view=view,
            pages=pages,
            states=_STATES,
            middle=ranges.get(view.overlaps) if view.overlaps else None,
            form=form,
            editing=view.edit,
            must_confirm=question is None and _asks(problem),
            names=await self._names(principal(request).account, lists),
            bot_names={one.scope: one.name for one in lists},
            address=address,
            via=via,
            you_are_shared=via is None and not request.config_dict[SETTINGS].trusted_proxies,
        )

    async def _names(self, account: str, lists: Sequence[ShownList]) -> Mapping[str, str]:
        """The names of those who added what is shown."""
        ids = {shown.range.created_by for one in lists for shown in one.ranges}
        people = [await self._people.get(account, one) for one in ids]
        return {person.id: person.body.name for person in people if person is not None}


def _lists(ranges: Ranges, view: View) -> tuple[list[ShownList], int]:
    """The lists to show, and how many pages there are."""
    if not view.list:
        shown = [ranges.part(scope, Wanted(limit=FIRST)) for scope in ranges.scopes]
        return [_with_edited(ranges, one, view.edit) for one in shown], 1
    if not 1 <= view.page <= 10_000:
        raise Invalid("Pages are numbered from 1.", field="page")
    wanted = Wanted(view.q, view.state, view.overlaps, (view.page - 1) * PAGE, PAGE)
    one = ranges.part(view.list, wanted)
    return [_with_edited(ranges, one, view.edit)], max(1, -(-one.matching // PAGE))


def _with_edited(ranges: Ranges, shown: ShownList, edit: str) -> ShownList:
    """The list with the range that is a form, wherever in it that stands."""
    if not edit or any(one.range.id == edit for one in shown.ranges):
        return shown
    edited = ranges.get(edit)
    return replace(shown, ranges=(ranges.show(edited), *shown.ranges)) if edited.scope == shown.scope else shown


def _asks(problem: Problem | None) -> bool:
    return isinstance(problem, Conflict) and problem.data.get("field") == "confirm"


def _view(text: str) -> View:
    """The view in a hidden field; what is not one is the page of all lists."""
    known: dict[str, Any] = {name: value for name, value in parse_qsl(text) if name in ("list", "q", "overlaps")}
    state = dict(parse_qsl(text)).get("state", "all")
    page = dict(parse_qsl(text)).get("page", "1")
    number = int(page) if page.isascii() and page.isdigit() and len(page) < 5 else 1
    return View(**known, state=state if state in _STATES else "all", page=max(1, number))


def _see(view: View, done: str) -> web.Response:
    """Lead the browser back to what it looked at, so that a reload sends nothing again."""
    url = view.url()
    return web.Response(status=303, headers={"Location": f"{url}{'&' if '?' in url else '?'}done={done}"})


def _form_of(one: AddressRange) -> _RangeForm:
    return _RangeForm(
        one.scope, one.span.start, one.span.end, one.label, one.comment, moment_text(one.expires_at), one.version
    )


def _expiry(form: _RangeForm, stored: AddressRange) -> int | None:
    """What a form says of the end; an untouched one stays to the millisecond, also when it is over."""
    at = read_moment(form.expires, "expires")
    return stored.expires_at if form.expires.strip() == moment_text(stored.expires_at) else at


def _span(form: _RangeForm) -> Span:
    """What a person wrote: blanks around it are forgiven, a block may stand in place of the start, and without an end
    the start is the one address. Everything else is as strict as the API."""
    start, end = form.start.strip(" \t"), form.end.strip(" \t")
    if "/" in start:
        if end:
            raise Invalid("A block needs no end. Leave it empty.", field="end")
        try:
            return read_cidr(start)
        except Invalid as problem:
            raise Invalid(problem.detail, field="start") from None
    return read_span(start, end or start)
