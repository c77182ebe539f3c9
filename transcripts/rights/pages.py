"""`/admin/privacy` and `/admin/figures`: for how long data is kept, holds, erasures and their certificates, key epochs.

Whatever deletes wants its words typed first (YA-20), and a rule is saved only after its dry run was shown: the form that
saves it stands under what it would delete. Reasons are kept sealed with their record, never in an address of a page.
"""

from collections.abc import Sequence

import msgspec
from aiohttp import web

from admin import Accounts, Bots, Principal, Rules, by_of, principal
from admin.doors.frame import AdminFrame, see_other
from foundation.clock import DAY, Clock
from foundation.errors import Conflict, Gone, Invalid, NotFound, Problem
from foundation.web import Body, Route, read_form, read_query
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.render import iso_time
from transcripts.rights.building import Rights
from transcripts.rights.erasures import Erasure
from transcripts.rights.figures import LEAST, day_name
from transcripts.rights.holds import required_reason
from transcripts.rights.rectifications import What, corrections_of
from transcripts.rights.retention_rules import CHOICES, LONGEST, Rule
from transcripts.views import member_view

ERASE = "erase"
"""What is typed to erase."""

DAYS_SHOWN = 92

CORRECTABLE: tuple[What, ...] = ("name", "address", "message")


class _Page(Body, frozen=True):
    done: str = ""
    erasures: str | None = None
    certificates: str | None = None


class _Rule(Body, frozen=True):
    data: str = ""
    scope: str = ""
    choice: str = ""
    own: str = ""
    reason: str = ""
    confirm: str = ""


class _Erasure(Body, frozen=True):
    what: str = ""
    subject: str = ""
    reason: str = ""
    confirm: str = ""


class _SelfErasure(Body, frozen=True):
    how: str = ""


class _Hold(Body, frozen=True):
    scope: str = ""
    subject: str = ""
    days: str = ""
    reason: str = ""


class _Restriction(Body, frozen=True):
    conversation: str = ""
    deed: str = ""
    reason: str = ""


class _Correction(Body, frozen=True):
    conversation: str = ""
    what: str = ""
    message: str = ""
    value: str = ""
    reason: str = ""


class _Nothing(Body, frozen=True):
    """A form without fields."""


class PrivacyDoor:
    """The pages, for super admins; the figures for admins too."""

    def __init__(
        self,
        frame: AdminFrame,
        rights: Rights,
        *,
        accounts: Accounts,
        bots: Bots,
        contacts: Contacts,
        conversations: Conversations,
        clock: Clock,
        residency: Sequence[tuple[str, str]],
    ) -> None:
        self._frame = frame
        self._rights = rights
        self._accounts = accounts
        self._bots = bots
        self._contacts = contacts
        self._conversations = conversations
        self._clock = clock
        self._residency = residency

    def routes(self, rules: Rules) -> list[Route]:
        at, only = "/admin/privacy", rules.super_admin
        return [
            Route("GET", at, self.show, only, "page"),
            Route("POST", f"{at}/retention/preview", self.preview, only, "page"),
            Route("POST", f"{at}/retention", self.choose, only, "page"),
            Route("POST", f"{at}/erasures", self.erase, only, "page"),
            Route("POST", f"{at}/self-erasure", self.choose_self_erasure, only, "page"),
            Route("POST", f"{at}/holds", self.hold, only, "page"),
            Route("POST", f"{at}/holds/{{id}}/lift", self.lift, only, "page"),
            Route("POST", f"{at}/restrictions", self.restrict, only, "page"),
            Route("POST", f"{at}/corrections", self.correct, only, "page"),
            Route("GET", f"{at}/certificates/{{id}}", self.certificate, only, "file"),
            Route("GET", "/admin/figures", self.figures, rules.admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """How everything stands."""
        return await self._page(request)

    async def preview(self, request: web.Request) -> web.Response:
        """The dry run of a rule, with the form under it that sets the rule."""
        form = await read_form(request, _Rule)
        try:
            rule = _rule_of(form)
            plans = await self._rights.retention.preview(principal(request).account, rule)
        except (Invalid, NotFound) as problem:
            return await self._page(request, problem=problem, rule_form=form)
        touched = [plan for plan in plans if plan.data == rule.data and plan.rule == rule]
        return await self._preview(request, form, rule, touched)

    async def choose(self, request: web.Request) -> web.Response:
        """Set the rule, once its days are typed."""
        form, me = await read_form(request, _Rule), principal(request)
        try:
            rule = _rule_of(form)
            _require_typed(form.confirm, said(rule.days), field="confirm")
            await self._rights.retention.choose(me.account, rule, by=by_of(request))
        except (Invalid, NotFound) as problem:
            return await self._page(request, problem=problem, rule_form=form)
        return see_other("/admin/privacy", "retention")

    async def erase(self, request: web.Request) -> web.Response:
        """Erase a conversation or a contact, once the word is typed."""
        form, me = await read_form(request, _Erasure), principal(request)
        try:
            _require_typed(form.confirm, ERASE, field="erase_confirm")
            erasure = await self._erased(request, me, form)
        except (Invalid, NotFound, Gone) as problem:
            return await self._page(request, problem=problem, erasure_form=form)
        return see_other("/admin/privacy", "erased" if erasure.state == "done" else "erasure_queued")

    async def choose_self_erasure(self, request: web.Request) -> web.Response:
        """Whether visitors who proved their address erase themselves at once, or ask people of the house."""
        form, me = await read_form(request, _SelfErasure), principal(request)
        try:
            await self._accounts.confirm_erasures(me.account, _is_confirmed(form.how), by=by_of(request))
        except Invalid as problem:
            return await self._page(request, problem=problem)
        return see_other("/admin/privacy", "self_erasure")

    async def hold(self, request: web.Request) -> web.Response:
        """Place a legal hold."""
        form, me = await read_form(request, _Hold), principal(request)
        try:
            subject = await self._subject(me, form.scope, form.subject.strip())
            until = self._clock.now() + _days(form.days, field="hold_days") * DAY
            await self._rights.holds.place(
                me.account, form.scope, subject, until=until, reason=form.reason, by=by_of(request)
            )
        except (Invalid, NotFound) as problem:
            return await self._page(request, problem=problem, hold_form=form)
        return see_other("/admin/privacy", "hold")

    async def lift(self, request: web.Request) -> web.Response:
        """End a hold; what waited for it is carried out."""
        await read_form(request, _Nothing)
        me = principal(request)
        await self._rights.holds.lift(me.account, request.match_info["id"], by=by_of(request))
        await self._rights.erasures.run_queued(me.account)
        return see_other("/admin/privacy", "hold_lifted")

    async def restrict(self, request: web.Request) -> web.Response:
        """Restrict the processing of a conversation, lift that, or read it with its history."""
        form = await read_form(request, _Restriction)
        try:
            return await self._restricted(request, form)
        except (Invalid, NotFound, Gone, Conflict) as problem:
            return await self._page(request, problem=problem, restriction_form=form)

    async def correct(self, request: web.Request) -> web.Response:
        """Put a name, an address or the text of a message right; what stood there is kept for admins (MS-12)."""
        form = await read_form(request, _Correction)
        try:
            await self._corrected(request, form)
        except (Invalid, NotFound, Gone, Conflict) as problem:
            return await self._page(request, problem=problem, correction_form=form)
        return see_other("/admin/privacy", "corrected")

    async def certificate(self, request: web.Request) -> web.Response:
        """A certificate as a file: the signed document and what is needed to check it."""
        read_query(request, _Nothing)
        found = await self._rights.certificates.get(principal(request).account, request.match_info["id"])
        return web.Response(
            body=found.as_file(),
            content_type="application/json",
            headers={
                "Content-Disposition": f'attachment; filename="deletion-{iso_time(found.at)[:10]}-{found.id}.json"',
                "Cache-Control": "no-store",
            },
        )

    async def figures(self, request: web.Request) -> web.Response:
        """The daily figures of three months."""
        account, today = principal(request).account, self._clock.now() // DAY
        rows = await self._rights.figures.since(account, today - DAYS_SHOWN)
        return await self._frame.render(
            request,
            "transcripts/figures",
            here="figures",
            heading="Figures",
            rows=[(day_name(row.day), row) for row in rows],
            bots=await self._names(account),
            least=LEAST,
        )

    async def _erased(self, request: web.Request, me: Principal, form: _Erasure) -> Erasure:
        subject, by, erasures = form.subject.strip(), by_of(request), self._rights.erasures
        if form.what == "conversation":
            return await erasures.erase_conversation(me.account, subject, by, form.reason)
        if form.what == "contact":
            contact = await self._contact(me.account, subject)
            return await erasures.erase_contact(me.account, contact, by, form.reason)
        raise Invalid("Choose a conversation or a contact.", field="what")

    async def _corrected(self, request: web.Request, form: _Correction) -> None:
        what = next((one for one in CORRECTABLE if one == form.what), None)
        if what is None:
            raise Invalid("Choose what is to be corrected.", field="correct_what")
        number = form.message.strip()
        if what == "message" and not (number.isascii() and number.isdigit() and len(number) <= 9):
            raise Invalid("Give the number of the message.", field="message")
        await self._rights.rectifications.correct(
            principal(request).account,
            form.conversation.strip(),
            what,
            form.value,
            by=by_of(request),
            role="agent",
            message=int(number) if what == "message" else 0,
            reason=required_reason(form.reason),
        )

    async def _restricted(self, request: web.Request, form: _Restriction) -> web.Response:
        me, by, conversation = principal(request), by_of(request), form.conversation.strip()
        if form.deed == "read":
            return await self._read(request, conversation, form.reason)
        if form.deed == "restrict":
            await self._rights.restrictions.restrict(me.account, conversation, by=by, reason=form.reason)
            return see_other("/admin/privacy", "restricted")
        if form.deed == "lift":
            await self._rights.restrictions.lift(me.account, conversation, by=by, reason=form.reason)
            return see_other("/admin/privacy", "unrestricted")
        raise Invalid("Choose what is to be done.", field="deed")

    async def _contact(self, account: str, subject: str) -> str:
        """The contact with this id or address. Raises `NotFound`, `Invalid`."""
        if "@" not in subject:
            return subject
        found = await self._contacts.by_address(account, subject)
        if found is None:
            raise NotFound("There is no contact with this address.")
        return found.id

    async def _subject(self, me: Principal, scope: str, subject: str) -> str:
        """What a hold covers, if it is there. Raises `NotFound`."""
        if scope == "contact":
            subject = await self._contact(me.account, subject)
            there = await self._contacts.exists(me.account, subject)
        elif scope == "conversation":
            there = await self._conversations.heads.exists(me.account, subject)
        elif scope == "bot":
            there = await self._bots.get(me.account, subject) is not None
        else:
            return ""
        if not there:
            raise NotFound(f"There is no such {scope}.")
        return subject

    async def _read(self, request: web.Request, conversation: str, reason: str) -> web.Response:
        me = principal(request)
        state, events = await self._rights.restrictions.read(me.account, conversation, by=by_of(request), reason=reason)
        views = [view for one in events if (view := member_view(one)) is not None]
        return await self._frame.render(
            request,
            "transcripts/kept",
            here="privacy",
            heading="A conversation with its history",
            state=state,
            lines=[view for view in views if view["kind"] in {"message", "note"}],
            corrections=corrections_of(events),
            redacted={number for number, edit in state.edits.items() if edit.text is None},
        )

    async def _preview(self, request: web.Request, form: _Rule, rule: Rule, plans: Sequence[object]) -> web.Response:
        account = principal(request).account
        return await self._frame.render(
            request,
            "transcripts/retention",
            here="privacy",
            heading="What would be deleted",
            form=form,
            rule=rule,
            said=said(rule.days),
            plans=plans,
            bots=await self._names(account),
        )

    async def _page(
        self,
        request: web.Request,
        *,
        problem: Problem | None = None,
        rule_form: _Rule | None = None,
        erasure_form: _Erasure | None = None,
        hold_form: _Hold | None = None,
        restriction_form: _Restriction | None = None,
        correction_form: _Correction | None = None,
    ) -> web.Response:
        account, now = principal(request).account, self._clock.now()
        query = read_query(request, _Page) if request.method == "GET" else _Page()
        rights = self._rights
        erasures, more_erasures = await rights.erasures.list(account, limit=20, after=query.erasures)
        certificates, more_certificates = await rights.certificates.list(account, limit=20, after=query.certificates)
        return await self._frame.render(
            request,
            "transcripts/privacy",
            here="privacy",
            heading="Privacy",
            problem=problem,
            now=now,
            plans=await rights.retention.preview(account),
            stocks=rights.retention.stocks,
            confirmed=await self._confirmed(account),
            bots=await self._names(account),
            choices=CHOICES,
            longest=LONGEST,
            said=said,
            holds=await rights.holds.list(account),
            erasures=erasures,
            more_erasures=more_erasures,
            certificates=[(one, one.facts) for one in certificates],
            more_certificates=more_certificates,
            public_key=(await rights.certificates.public_key(account)).hex(),
            epoch_ends=await rights.epochs.ends_at(account),
            final_at=await rights.certificates.final_at(account),
            residency=self._residency,
            erase_word=ERASE,
            rule_form=rule_form or _Rule(),
            erasure_form=erasure_form or _Erasure(),
            hold_form=hold_form or _Hold(),
            restriction_form=restriction_form or _Restriction(),
            correction_form=correction_form or _Correction(),
        )

    async def _confirmed(self, account: str) -> bool:
        found = await self._accounts.get(account)
        return found is not None and found.body.confirm_erasures

    async def _names(self, account: str) -> dict[str, str]:
        return {bot.id: bot.body.name for bot in await self._bots.list(account)}


def _require_typed(typed: str, words: str, *, field: str) -> None:
    if typed.strip().lower() != words:
        raise Invalid(f"Type “{words}” to confirm. Nothing was changed.", field=field)


def _is_confirmed(how: str) -> bool:
    if how not in {"at_once", "confirmed"}:
        raise Invalid("Choose one of the two.", field="how")
    return how == "confirmed"


def said(days: int | None) -> str:
    """How a rule's time is said, and typed."""
    return "for ever" if days is None else f"{days} days"


def _rule_of(form: _Rule) -> Rule:
    """What the form proposes. Raises `Invalid`."""
    if form.choice == "forever":
        return msgspec.structs.replace(Rule(form.scope, form.data, None), reason=form.reason)
    days = _days(form.own if form.choice == "own" else form.choice, field="days")
    return msgspec.structs.replace(Rule(form.scope, form.data, days), reason=form.reason)


def _days(text: str, *, field: str) -> int:
    words = text.strip()
    if not (words.isascii() and words.isdigit() and len(words) <= 4 and 1 <= int(words) <= LONGEST):
        raise Invalid(f"Give 1 to {LONGEST} days.", field=field)
    return int(words)
