"""`/admin/consents`, `/admin/transcript-mails`, `/admin/privacy-requests`: what was consented to, what was mailed, what
visitors ask for. The log of consents is for super admins and auditors; exporting it is in the audit book (G-5)."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated

import msgspec
from aiohttp import web

from admin import AdminFrame, Alarm, AuditBook, Bots, Role, Rules, by_of, principal, see_other
from foundation.clock import DAY
from foundation.errors import Invalid, NotFound, Problem
from foundation.web import CLOCK, Body, Route, read_form, read_query
from transcripts.archives import as_file
from transcripts.consent import Consent, Consents
from transcripts.contacts import Contacts
from transcripts.mail_records import MailRecords
from transcripts.privacy_requests import PrivacyRequests
from transcripts.proof import Proof

SHOWN = 100
SOON = 5 * DAY
"""So long before the month of Art. 12 (3) is over, an open request becomes an alarm."""

Day = Annotated[str, msgspec.Meta(max_length=10)]


class _Filter(Body, frozen=True):
    """Days are UTC, both included."""

    since: Day = ""
    until: Day = ""
    bot: str = ""


class _List(Body, frozen=True):
    after: str = ""
    done: str = ""


class _Answer(Body, frozen=True):
    note: str
    outcome: str


class PrivacyPages:
    """The three pages."""

    def __init__(
        self,
        frame: AdminFrame,
        *,
        consents: Consents,
        proof: Proof,
        mails: MailRecords,
        requests: PrivacyRequests,
        contacts: Contacts,
        bots: Bots,
        audit: AuditBook,
    ) -> None:
        self._frame = frame
        self._consents = consents
        self._proof = proof
        self._mails = mails
        self._requests = requests
        self._contacts = contacts
        self._bots = bots
        self._audit = audit

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/admin/consents", self.consents, rules.audit, "page"),
            Route("POST", "/admin/consents/proof", self.export, rules.audit, "page"),
            Route("GET", "/admin/transcript-mails", self.mails, rules.admin, "page"),
            Route("GET", "/admin/privacy-requests", self.requests, rules.admin, "page"),
            Route("POST", "/admin/privacy-requests/{id}", self.answer, rules.admin, "page"),
        ]

    async def consents(self, request: web.Request) -> web.Response:
        """The newest records that meet the filter."""
        return await self._consents_page(request, read_query(request, _Filter))

    async def export(self, request: web.Request) -> web.Response:
        """The proof pack. It is written down before it is made."""
        me, form = principal(request), await read_form(request, _Filter)
        try:
            since, until = _times(form)
            await self._require_bot(me.account, form.bot)
        except Invalid as problem:
            return await self._consents_page(request, form, problem)
        by = by_of(request)
        await self._audit.write(
            me.account, by.person, "consents.exported", form.bot, address=by.address, since=form.since, until=form.until
        )
        pack = await self._proof.pack(me.account, bot=form.bot, since=since, until=until)
        return as_file(await self._proof.zipped(pack), "consents.zip")

    async def mails(self, request: web.Request) -> web.Response:
        """Every transcript mail and its fate, newest first."""
        me, query = principal(request), read_query(request, _List)
        try:
            found, more = await self._mails.list(me.account, limit=SHOWN, after=query.after or None)
        except ValueError:
            raise NotFound("There is no such page.") from None
        return await self._frame.render(
            request,
            "transcripts/mails",
            here="transcript_mails",
            heading="Transcript mails",
            mails=found,
            more=more,
            now=request.config_dict[CLOCK].now(),
            bots=await self._names(me.account),
        )

    async def requests(self, request: web.Request) -> web.Response:
        """What visitors ask for, the open ones first."""
        read_query(request, _List)
        return await self._requests_page(request)

    async def answer(self, request: web.Request) -> web.Response:
        """Say what was done. The visitor reads it on his page."""
        me, form = principal(request), await read_form(request, _Answer)
        try:
            note = _note(form)
            await self._requests.require_open(me.account, request.match_info["id"])
            async with self._audit.recording(
                me.account, by_of(request), "privacy.answered", request.match_info["id"], outcome=form.outcome
            ):
                await self._requests.answer(
                    me.account, request.match_info["id"], done=form.outcome == "done", note=note, by=me.person
                )
        except Invalid as problem:
            return await self._requests_page(request, problem)
        return see_other("/admin/privacy-requests", "request_done")

    async def alarms(self, account: str) -> Sequence[Alarm]:
        """For the banner of the admin pages."""
        admins: frozenset[Role] = frozenset({"admin", "super_admin"})
        found = []
        if late := await self._mails.unsent(account):
            what = "1 transcript mail has" if late == 1 else f"{late} transcript mails have"
            found.append(
                Alarm(f"{what} not left within 15 minutes or been refused.", "/admin/transcript-mails", admins)
            )
        if waiting := await self._requests.due_within(account, SOON):
            what = "1 visitor's request is" if waiting == 1 else f"{waiting} visitors' requests are"
            found.append(Alarm(f"{what} due within five days or overdue.", "/admin/privacy-requests", admins))
        return found

    async def _consents_page(self, request: web.Request, form: _Filter, problem: Problem | None = None) -> web.Response:
        me = principal(request)
        newest: list[Consent] = []
        if problem is None:
            try:
                since, until = _times(form)
                await self._require_bot(me.account, form.bot)
                found = self._consents.log(me.account, bot=form.bot, since=since, until=until, newest_first=True)
                newest = [one async for one in _first(found, SHOWN)]
            except Invalid as refused:
                problem = refused
        return await self._frame.render(
            request,
            "transcripts/consents",
            here="consents",
            heading="Consent log",
            problem=problem,
            form=form,
            records=newest,
            shown=SHOWN,
            bots=await self._names(me.account),
        )

    async def _requests_page(self, request: web.Request, problem: Problem | None = None) -> web.Response:
        account = principal(request).account
        asked = await self._requests.list(account)
        return await self._frame.render(
            request,
            "transcripts/privacy_requests",
            here="privacy_requests",
            heading="Visitors' requests",
            problem=problem,
            wrong=request.match_info.get("id", ""),
            requests=asked,
            addresses=await self._addresses(account, {one.contact for one in asked if one.contact}),
            now=request.config_dict[CLOCK].now(),
            bots=await self._names(account),
        )

    async def _addresses(self, account: str, contacts: set[str]) -> dict[str, str]:
        found = [await self._contacts.get(account, one) for one in contacts]
        return {one.id: one.address for one in found if one is not None}

    async def _names(self, account: str) -> dict[str, str]:
        return {bot.id: bot.body.name for bot in await self._bots.list(account)}

    async def _require_bot(self, account: str, bot: str) -> None:
        if bot and await self._bots.get(account, bot) is None:
            raise NotFound("There is no such bot.")


async def _first(found: AsyncIterator[Consent], most: int) -> AsyncIterator[Consent]:
    left = most
    async for one in found:
        yield one
        left -= 1
        if not left:
            return


def _note(form: _Answer) -> str:
    if form.outcome not in {"done", "refused"}:
        raise Invalid("Choose what was done.", field="outcome")
    note = " ".join(form.note.split())
    if not 3 <= len(note) <= 500:
        raise Invalid("Say in 3 to 500 characters what was done, or why not.", field="note")
    return note


def _times(form: _Filter) -> tuple[int, int | None]:
    since, until = _day(form.since, "since"), _day(form.until, "until")
    if since and until and until < since:
        raise Invalid("The first day comes before the last.", field="until")
    return _ms(since) if since else 0, _ms(until + timedelta(days=1)) if until else None


def _day(text: str, field: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise Invalid("A day looks like 2026-11-21.", field=field) from None


def _ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
