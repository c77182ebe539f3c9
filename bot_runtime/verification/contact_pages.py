"""`/admin/contacts` and `/admin/suppressed`: who completed an opt-in (DD-3), which browsers are recognised (DD-7), and
which addresses are never written to (DD-9)."""

from collections.abc import Sequence

from aiohttp import web

from admin import AdminFrame, Bots, Rules, by_of, principal, see_other
from admin.audit import AuditBook
from bot_runtime.verification.devices import Devices
from bot_runtime.verification.service import Verification
from bot_runtime.verification.store import Requests
from foundation.clock import DAY, Clock
from foundation.errors import Invalid, NotFound, Problem
from foundation.ids import is_id
from foundation.web import Body, Route, read_form, read_query
from transcripts.contacts import Contact, Contacts, Suppression
from transcripts.conversations import Conversations
from transcripts.masking import mask_personal

CONTACTS, SUPPRESSED = "/admin/contacts", "/admin/suppressed"


class _Query(Body, frozen=True):
    address: str = ""
    after: str = ""
    done: str = ""


class _Suppress(Body, frozen=True):
    address: str = ""
    reason: str = ""
    days: str = ""


class _Reason(Body, frozen=True):
    reason: str = ""


class _Nothing(Body, frozen=True):
    """A form without fields."""


class ContactPages:
    """The contacts and the suppression list, for admins. Each look at a contact is in the audit book."""

    def __init__(
        self,
        frame: AdminFrame,
        *,
        contacts: Contacts,
        conversations: Conversations,
        devices: Devices,
        requests: Requests,
        verification: Verification,
        bots: Bots,
        audit: AuditBook,
        clock: Clock,
    ) -> None:
        self._frame = frame
        self._contacts = contacts
        self._conversations = conversations
        self._devices = devices
        self._requests = requests
        self._verification = verification
        self._bots = bots
        self._audit = audit
        self._clock = clock

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", CONTACTS, self.show, rules.admin, "page"),
            Route("POST", f"{CONTACTS}/revoke", self.revoke_account, rules.super_admin, "page"),
            Route("GET", f"{CONTACTS}/{{id}}", self.show_one, rules.admin, "page"),
            Route("POST", f"{CONTACTS}/{{id}}/revoke", self.revoke, rules.admin, "page"),
            Route("GET", SUPPRESSED, self.show_suppressed, rules.admin, "page"),
            Route("POST", SUPPRESSED, self.suppress, rules.admin, "page"),
            Route("POST", f"{SUPPRESSED}/{{id}}/delete", self.unsuppress, rules.admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The complete contacts, or the one with exactly this address: who is not complete is in no list (DD-3)."""
        query, account = read_query(request, _Query), principal(request).account
        found: list[Contact] = []
        more: str | None = None
        problem: Problem | None = None
        if query.address.strip():
            try:
                one = await self._contacts.by_address(account, query.address.strip())
            except Invalid as wrong:
                one, problem = None, Invalid(wrong.detail, field="address")
            found = [one] if one is not None and one.state == "complete" else []
        else:
            found, more = await self._contacts.list(account, after=query.after or None)
        return await self._frame.render(
            request,
            "bot_runtime/contacts",
            here="contacts",
            heading="Contacts",
            problem=problem,
            contacts=found,
            following=more,
            after=query.after,
            address=query.address,
        )

    async def show_one(self, request: web.Request) -> web.Response:
        """A contact: the browsers that proved the address, the conversations, the opt-ins."""
        contact, account, by = await self._contact(request), principal(request).account, by_of(request)
        await self._audit.write(account, by.person, "contact.read", contact.id, address=by.address)
        rows = await self._conversations.heads.of_contact(account, contact.id)
        requests = [
            one for row in rows for one in await self._requests.of(account, row.id) if one.body.contact == contact.id
        ]
        return await self._frame.render(
            request,
            "bot_runtime/contact",
            here="contacts",
            heading=contact.address,
            contact=contact,
            browsers=await self._devices.of_contact(account, contact.id),
            now=self._clock.now(),
            conversations=rows,
            requests=sorted(requests, key=lambda one: -one.body.at),
            bots={bot.id: bot.body.name for bot in await self._bots.list(account)},
        )

    async def revoke(self, request: web.Request) -> web.Response:
        """All browsers of a contact have to prove the address again."""
        await read_form(request, _Nothing)
        contact, me = await self._contact(request), principal(request)
        await self._verification.revoke_all(me.account, contact.id, author=me.person)
        return see_other(f"{CONTACTS}/{contact.id}", "revoked")

    async def revoke_account(self, request: web.Request) -> web.Response:
        """All browsers of the account have to."""
        await read_form(request, _Nothing)
        me = principal(request)
        await self._verification.revoke_account(me.account, author=me.person)
        return see_other(CONTACTS, "revoked")

    async def show_suppressed(self, request: web.Request) -> web.Response:
        """The list, or what it says about exactly one address."""
        return await self._suppressed(request, _Suppress())

    async def suppress(self, request: web.Request) -> web.Response:
        """Never write to this address, for good or for some days."""
        form, me = await read_form(request, _Suppress), principal(request)
        try:
            reason = _reason(form.reason)
            until = self._until(form.days)
            entry = await self._contacts.suppress(me.account, form.address.strip(), reason, until=until, by=me.name)
        except Invalid as problem:
            field = str(problem.data.get("field") or "address")
            return await self._suppressed(request, form, Invalid(problem.detail, field=field))
        by = by_of(request)
        await self._audit.write(me.account, by.person, "email.suppressed", entry.id, address=by.address, until=until)
        return see_other(SUPPRESSED, "suppressed")

    async def unsuppress(self, request: web.Request) -> web.Response:
        """Take an address off the list, with a reason."""
        form, me, by = await read_form(request, _Reason), principal(request), by_of(request)
        try:
            reason = mask_personal(_reason(form.reason))
        except Invalid as problem:
            return await self._suppressed(request, _Suppress(), Invalid(problem.detail))
        entry = request.match_info["id"]
        async with self._audit.recording(me.account, by, "email.unsuppressed", entry, reason=reason):
            if await self._contacts.unsuppress(me.account, entry) is None:
                raise NotFound("There is no such entry.")
        return see_other(SUPPRESSED, "unsuppressed")

    async def _suppressed(self, request: web.Request, form: _Suppress, problem: Problem | None = None) -> web.Response:
        account, query = principal(request).account, read_query(request, _Query)
        asked = query.address.strip()
        entries: Sequence[Suppression]
        if asked:
            one = await self._contacts.suppression(account, asked)
            entries, more = [one] if one else [], None
        else:
            entries, more = await self._contacts.suppressions(account, after=query.after or None)
        return await self._frame.render(
            request,
            "bot_runtime/suppressed",
            here="suppressed",
            heading="Suppressed addresses",
            problem=problem,
            entries=entries,
            following=more,
            after=query.after,
            asked=asked,
            form=form,
        )

    def _until(self, days: str) -> int | None:
        if not days.strip():
            return None
        if not (days.strip().isascii() and days.strip().isdigit() and 1 <= int(days) <= 3_650):
            raise Invalid("Days from 1 to 3650, or nothing for good.", field="days")
        return self._clock.now() + int(days) * DAY

    async def _contact(self, request: web.Request) -> Contact:
        wanted = request.match_info["id"]
        contact = await self._contacts.get(principal(request).account, wanted) if is_id(wanted) else None
        if contact is None or contact.state != "complete":
            raise NotFound("There is no such contact.")
        return contact


def _reason(typed: str) -> str:
    reason = typed.strip()
    if not 3 <= len(reason) <= 300:
        raise Invalid("Say in 3 to 300 characters why.", field="reason")
    return reason
