"""`/admin/audit`: the audit book, newest first; for super admins and auditors. Nothing on it changes the book (G-6)."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from aiohttp import web

from admin.audit import AuditBook
from admin.audit_search import STRANGER, Filter, filter_of, look_back
from admin.bots import Bots
from admin.chain import Entry
from admin.doors.audit_files import AuditQuery
from admin.doors.frame import AdminFrame
from admin.heads import Heads
from admin.people import People
from admin.principals import principal
from admin.rules import Rules
from foundation.errors import Invalid
from foundation.keys import Damaged
from foundation.web import CLOCK, Body, Route, read_form, read_query

PAGE = 50

WORDS = {
    "access.approved": "approved a request for access",
    "access.declined": "declined a request for access",
    "access.requested": "asked for access to a bot",
    "account.created": "made the account",
    "account.links_limited": "limited the life of transcript links",
    "account.renamed": "renamed the account",
    "audit.exported": "exported the audit book",
    "bot.created": "added a bot",
    "bot.changed": "changed a bot",
    "change.failed": "tried a change, which failed",
    "conversation.read": "read a conversation with its history",
    "conversation.restricted": "restricted the processing of a conversation",
    "conversation.unrestricted": "lifted a restriction",
    "data.corrected": "corrected something about a visitor",
    "consent.given": "consented",
    "consent.refused": "took a consent back",
    "consents.exported": "exported the consent log",
    "email.confirmed": "confirmed an e-mail address",
    "contact.read": "looked at a contact",
    "email.bounced": "a mail came back",
    "email.complained": "a mail was reported as unwanted",
    "email.evidence_read": "read the evidence of an opt-in",
    "email.settings": "changed how addresses are proven",
    "email.suppressed": "suppressed an address",
    "email.unsuppressed": "took an address off the suppression list",
    "email.wording": "changed the words of a mail",
    "email.denied": "denied an e-mail address",
    "email.revoked": "revoked a verification",
    "email.vouched": "vouched for a visitor",
    "erasure.done": "erased",
    "erasure.queued": "queued an erasure behind a legal hold",
    "erasure.requested": "asked for an erasure",
    "conversation.exported": "exported a conversation",
    "escrow.built": "made a sealed case",
    "escrow.destroyed": "destroyed a sealed case",
    "escrow.downloaded": "downloaded a sealed case",
    "escrow.failed": "failed to make a sealed case",
    "escrow.recipients": "changed who may open sealed cases",
    "escrow.requested": "asked for a sealed case",
    "grant.given": "gave access to a bot",
    "grant.revoked": "took access to a bot",
    "hold.lifted": "lifted a legal hold",
    "hold.placed": "placed a legal hold",
    "keys.renewed": "began a new key epoch",
    "link.all_revoked": "revoked all transcript links",
    "link.created": "made a transcript link",
    "link.explained": "asked who could open a transcript link",
    "link.revoked": "revoked a transcript link",
    "list.toggled": "switched a list",
    "login.failed": "failed to log in",
    "login.succeeded": "logged in",
    "message.redacted": "redacted a message",
    "person.added": "added a person",
    "person.disabled": "locked a person out",
    "person.enabled": "let a person in again",
    "person.password_changed": "changed a password",
    "person.password_strengthened": "hashed a password anew",
    "person.redaction": "changed who may redact",
    "person.permitted": "changed what a person may do with transcripts",
    "person.role_changed": "changed a role",
    "privacy.asked": "asked for an erasure or a correction",
    "privacy.answered": "answered a visitor's request",
    "privacy.copied": "took a copy of his data",
    "privacy.renamed": "corrected the name",
    "privacy.looked": "looked at what is held",
    "range.added": "added a range",
    "range.deleted": "deleted a range",
    "range.edited": "changed a range",
    "ranges.deleted": "deleted ranges",
    "ranges.exported": "exported ranges",
    "ranges.imported": "imported ranges",
    "retention.changed": "changed for how long data is kept",
    "retention.deleted": "deleted by rule",
    "session.ended": "logged out",
    "conversation.opened": "opened a chat",
    "conversation.closed": "closed a chat",
    "account.assignment_changed": "changed how chats are given out",
    "person.chats_limited": "changed how many chats a person is given",
    "invitation.made": "invited somebody",
    "invitation.sent_again": "sent an invitation again",
    "invitation.revoked": "took an invitation back",
    "invitation.accepted": "an invitation was accepted",
    "site_key.made": "made a key for a site",
    "site_key.revoked": "revoked a key of a site",
    "person.status": "changed the status at the desk",
    "conversation.declined": "gave an offered chat back",
    "conversation.tagged": "tagged a chat",
    "conversation.taken": "took a chat over",
    "conversation.to_bot": "handed a chat back to the bot",
    "conversation.to_queue": "put a chat into the queue",
    "transcripts.searched": "searched the transcripts",
    "text.published": "published a notice, terms or consent text",
    "transcript.external": "read a transcript by address",
    "transcript.gone": "asked for a transcript that has ended",
    "transcript.late": "a transcript mail is late",
    "transcript.login": "was led from a transcript to the login",
    "transcript.mail_dropped": "a transcript mail was dropped",
    "transcript.mailed": "mailed a transcript",
    "transcript.member": "read a transcript",
    "transcript.error": "could not be shown a transcript",
    "transcript.own": "took his own conversation along",
    "transcript.not_mailed": "a transcript mail was refused",
    "transcript.refused": "was refused a transcript",
    "transcript.refused_often": "was refused many transcripts",
}
"""Actions in words; an action without any is shown by its name."""

_FIRST = ("scope", "start", "end", "label", "comment", "expires")
"""Members that read best in this order; others follow by the alphabet."""

_SAYS_NOTHING = ("", None, "normal")

_NOBODY = {"": "A stranger", "system": "The system", "visitor": "A visitor"}


class Line(NamedTuple):
    """An entry as it is shown. `what` are pairs of a name and its values before and after."""

    number: int
    at: int
    who: str
    did: str
    object: str
    address: str
    what: list[tuple[str, str | None, str | None]]
    severe: bool


class Check(NamedTuple):
    """The result of reading the whole book. `bad` is the first entry that is not as it was written."""

    at: int
    entries: int
    bad: int | None


_FILTERS = ("actor", "action", "object", "since", "until")


class _Nothing(Body, frozen=True):
    """A form without fields."""


class AuditDoor:
    """The audit book, for reading and checking."""

    def __init__(self, frame: AdminFrame, *, audit: AuditBook, heads: Heads, people: People, bots: Bots) -> None:
        self._frame = frame
        self._audit = audit
        self._heads = heads
        self._people = people
        self._bots = bots

    def routes(self, rules: Rules) -> list[Route]:
        return [
            Route("GET", "/admin/audit", self.show, rules.audit, "page"),
            Route("POST", "/admin/audit/check", self.check, rules.audit, "page"),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """The newest entries that the filters name, or those before an entry."""
        query = read_query(request, AuditQuery)
        if query.before is not None and query.before < 1:
            raise Invalid("Entries are numbered from 1.", field="before")
        asked = {name: getattr(query, name) for name in _FILTERS}
        try:
            return await self._page(request, query, filter_of(**asked))
        except Invalid as problem:
            return await self._page(request, query, Filter(), problem=problem)

    async def check(self, request: web.Request) -> web.Response:
        """Read the whole book and say whether every entry continues the chain."""
        await read_form(request, _Nothing)
        account = principal(request).account
        bad = await self._audit.verify(account)
        entries = await self._audit.last(account) if bad is None else bad - 1
        check = Check(request.config_dict[CLOCK].now(), entries, bad)
        return await self._page(request, AuditQuery(), Filter(), check=check)

    async def _page(
        self,
        request: web.Request,
        query: AuditQuery,
        wanted: Filter,
        *,
        problem: Invalid | None = None,
        check: Check | None = None,
    ) -> web.Response:
        account = principal(request).account
        asked = {name: value for name in _FILTERS if (value := getattr(query, name))}
        lines: list[Line] = []
        damaged = older = head = None
        try:
            looked = await look_back(self._audit, account, wanted, before=query.before, most=PAGE)
            lines, older = await self._lines(account, looked.entries), looked.next
            head = await self._heads.sign(account)
        except Damaged as error:
            damaged = int(error.data.get("number", 1))
        return await self._frame.render(
            request,
            "audit",
            here="audit",
            heading="Audit book",
            problem=problem,
            lines=lines,
            damaged=damaged,
            head=head,
            older=None if older is None else "/admin/audit?" + urlencode({**asked, "before": older}),
            newer=None if query.before is None else "/admin/audit" + (f"?{urlencode(asked)}" if asked else ""),
            asked=query,
            filtered=bool(asked),
            people=await self._actors(account),
            actions=sorted(WORDS.items(), key=lambda pair: pair[1]),
            check=check,
        )

    async def _actors(self, account: str) -> list[tuple[str, str]]:
        """Who may be asked for: the people of the account, and those without a name."""
        people, _ = await self._people.list(account, limit=500)
        named = sorted(((person.id, person.body.name) for person in people), key=lambda pair: pair[1])
        return [*named, ("system", "The system"), ("visitor", "Visitors"), (STRANGER, "Strangers")]

    async def _lines(self, account: str, entries: Iterable[tuple[int, Entry]]) -> list[Line]:
        names = {bot.id: bot.body.name for bot in await self._bots.list(account)}
        names |= {account: "the account", "account": "the account's list"}
        lines = []
        for number, entry in entries:
            who = _NOBODY.get(entry.actor) or await self._name(account, entry.actor, names)
            about = await self._name(account, entry.object, names) if _has_object(entry) else ""
            did = WORDS.get(entry.action, entry.action)
            lines.append(
                Line(number, entry.at, who, did, about, entry.address or "", _what(entry, names), _is_severe(entry))
            )
        return lines

    async def _name(self, account: str, id: str, names: dict[str, str]) -> str:
        """The name behind an id, or its beginning: entries hold ids, so that the book outlives what they name."""
        if id not in names:
            person = await self._people.get(account, id)
            names[id] = person.body.name if person is not None else f"{id[:8]}…"
        return names[id]


def _has_object(entry: Entry) -> bool:
    """Whether the object says more than the rest of the line; a range is known by its addresses."""
    return entry.object not in {"", entry.actor} and not entry.action.startswith("range.")


def _is_severe(entry: Entry) -> bool:
    return entry.data.get("severity") == "high" or entry.action in {"change.failed", "login.failed"}


def _what(entry: Entry, names: Mapping[str, str]) -> list[tuple[str, str | None, str | None]]:
    """What changed, then what else is known; ids of bots by their names, and nothing that says nothing."""
    before, after = entry.before or {}, entry.after or {}
    known = [name for name in _FIRST if name in before or name in after]
    changed = []
    for name in dict.fromkeys([*known, *before, *after]):
        was, now = _said(before.get(name), names), _said(after.get(name), names)
        if was != now and not (was is None and now == "no"):
            changed.append((name.replace("_", " "), was, now))
    details = [(name, None, _said(value, names)) for name, value in entry.data.items() if value not in _SAYS_NOTHING]
    return [*changed, *details]


def _said(value: Any, names: Mapping[str, str]) -> str | None:
    if value is None or value in ("", []):
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return names.get(str(value), str(value))
