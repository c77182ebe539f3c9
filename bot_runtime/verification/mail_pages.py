"""`/admin/opt-in-mails`: what became of every mail; `/admin/opt-ins/{id}`: the evidence of one opt-in, for printing."""

from typing import Any

import msgspec
from aiohttp import web

from admin import AdminFrame, Bots, Rules, by_of, principal
from admin.audit import AuditBook
from bot_runtime.verification.evidence import AnyFact, Evidence, Requested
from bot_runtime.verification.fates import Fates
from foundation.errors import NotFound
from foundation.ids import is_id
from foundation.web import Body, Route, read_query

MAILS = "/admin/opt-in-mails"

_TITLES = {
    "Requested": "The address was given",
    "MailSent": "The mail left",
    "MailRefused": "The mail was refused",
    "MailBounced": "The mail was reported",
    "Confirmed": "The address was confirmed",
    "Denied": "The reader said that it was not he",
    "Withdrawn": "The consent was taken back",
    "Voided": "The request lost its force",
}


class _Query(Body, frozen=True):
    after: str = ""


class MailPages:
    """Fates and evidence, for admins; who looks at evidence is in the audit book."""

    def __init__(self, frame: AdminFrame, *, fates: Fates, evidence: Evidence, bots: Bots, audit: AuditBook) -> None:
        self._frame = frame
        self._fates = fates
        self._evidence = evidence
        self._bots = bots
        self._audit = audit

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", MAILS, self.show, rules.admin, "page"),
            Route("GET", "/admin/opt-ins/{id}", self.proof, rules.admin, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The mails, newest first."""
        account, query = principal(request).account, read_query(request, _Query)
        mails, more = await self._fates.list(account, after=query.after or None)
        return await self._frame.render(
            request,
            "bot_runtime/opt_in_mails",
            here="opt_in_mails",
            heading="Opt-in mails",
            mails=mails,
            following=more,
            after=query.after,
            bots={bot.id: bot.body.name for bot in await self._bots.list(account)},
        )

    async def proof(self, request: web.Request) -> web.Response:
        """All that is kept of one opt-in, on one page (D-17)."""
        account, number, by = principal(request).account, request.match_info["id"], by_of(request)
        facts = await self._evidence.of(account, number) if is_id(number) else []
        if not facts or not isinstance(facts[0], Requested) or facts[0].account != account:
            raise NotFound("There is no such opt-in.")
        await self._audit.write(account, by.person, "email.evidence_read", number, address=by.address)
        return await self._frame.render(
            request,
            "bot_runtime/opt_in_evidence",
            here="opt_in_mails",
            heading="Evidence of an opt-in",
            number=number,
            first=facts[0],
            facts=[_shown(fact) for fact in facts],
        )


def _shown(fact: AnyFact) -> dict[str, Any]:
    members = {
        name.replace("_", " "): _words(value)
        for name, value in msgspec.structs.asdict(fact).items()
        if name not in {"at", "text"} and value not in ("", None, ())
    }
    return {"title": _TITLES[type(fact).__name__], "at": fact.at, "members": members}


def _words(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
