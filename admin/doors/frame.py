"""What the admin pages have in common: the menu, the message of what was done, a form's errors beside its fields."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from aiohttp import web

from admin.access_requests import AccessRequests
from admin.accounts import Accounts
from admin.alarms import Alarms
from admin.principals import Principal, principal
from admin.roles import ROLE_NAMES, Role
from foundation.errors import Problem
from foundation.web import Pages

DONE: Mapping[str, str] = {
    "setup": "Your account is ready. Add your people and a bot next.",
    "account": "The account has its new name.",
    "assignment": "It is changed. It counts at once.",
    "role": "The role is changed. Open sessions of this person have ended.",
    "grants": "The access to bots is changed. It counts at once.",
    "permissions": "The permissions are changed. They count at once.",
    "disabled": "This person is locked out. Open sessions have ended.",
    "enabled": "This person may log in again.",
    "bot_added": "The bot is there. Put its snippet on your site.",
    "invited": "The invitation is on its way.",
    "invitation_revoked": "The invitation is taken back. Its link opens nothing any more.",
    "site_key_revoked": "The key is revoked. It signs nobody in any more.",
    "transcripts": "The transcripts for visitors are changed. It counts for chats that end from now on.",
    "published": "The version is published. Visitors who come back are asked again.",
    "request_done": "The request is marked as done.",
    "bot": "The bot is changed. Widgets that open from now on show it.",
    "range_added": "The range is added.",
    "range_edited": "The range is changed. It counts at once.",
    "range_deleted": "The range is deleted. It opens nothing any more.",
    "range_extended": "The range counts for another 30 days.",
    "ranges_deleted": "The ranges are deleted. They open nothing any more.",
    "ranges_imported": "The ranges are in the list.",
    "ranges_there": "All of these ranges were in the list already. Nothing was changed.",
    "approved": "The access is given. It counts at once.",
    "declined": "The request is declined. Nothing else changed.",
    "link_revoked": "The link is revoked. Open pages close within two seconds.",
    "links_revoked": "All these links are revoked. Open pages close within two seconds.",
    "link_days": "New links live no longer than that.",
    "list_on": "The list is on: its addresses can read shared transcripts.",
    "list_off": "The list is off: it opens nothing.",
    "retention": "The rule is set. What is older is being deleted now, and every day from now on.",
    "erased": "It is erased. The certificate is in the list below.",
    "self_erasure": "From now on it is done so. Requests that are open stay open.",
    "erasure_queued": "A legal hold covers it. The erasure is queued and carried out when the hold ends.",
    "hold": "The hold counts from now on.",
    "hold_lifted": "The hold has ended. What waited for it is carried out.",
    "restricted": "The processing is restricted: the conversation is kept and used for nothing.",
    "unrestricted": "The restriction is lifted.",
    "escrow_recipients": "The keys are saved. They count for cases that are made from now on.",
    "escrow_requested": "The case is being made. It is in the register below.",
    "escrow_destroyed": "The files of the case are destroyed. Its line in the register stays.",
    "corrected": "It is corrected. What stood there before is in the history.",
    "redaction": "The permission is changed. It counts at once.",
    "email": "The settings are changed. They count for addresses that are given from now on.",
    "wording": "The mail has these words from now on.",
    "test_mail": "The mail is on its way to you.",
    "revoked": "The proofs are revoked. Open chats say so.",
    "suppressed": "The address is suppressed. It gets no mail from now on.",
    "unsuppressed": "The address is off the list.",
    "password": "Your password is changed. All your other sessions have ended.",
}
"""What a page says after a form was sent; the address names only the key."""


class Place(NamedTuple):
    """An entry of the menu."""

    name: str
    title: str
    path: str
    icon: str
    roles: frozenset[Role]


_ADMINS: frozenset[Role] = frozenset({"super_admin", "admin"})
_SUPER: frozenset[Role] = frozenset({"super_admin"})
_LEADS: frozenset[Role] = _ADMINS | {"supervisor"}
_AUDIT: frozenset[Role] = frozenset({"super_admin", "auditor"})

MENU: tuple[tuple[str, tuple[Place, ...]], ...] = (
    (
        "Account",
        (
            Place("general", "General", "/admin", "gear", _ADMINS),
            Place("people", "People and roles", "/admin/people", "users", _ADMINS),
            Place("invitations", "Invitations", "/admin/invitations", "mail", _ADMINS),
            Place("requests", "Access requests", "/admin/requests", "key", _LEADS),
        ),
    ),
    ("Desk", (Place("assignment", "Assignment", "/admin/assignment", "queue", _ADMINS),)),
    ("Bots", (Place("bots", "Bots", "/admin/bots", "bot", _ADMINS),)),
    (
        "Privacy",
        (
            Place("privacy", "Privacy", "/admin/privacy", "lock", _SUPER),
            Place("notices", "Notices", "/admin/notices", "note", _ADMINS),
            Place("privacy_requests", "Visitors' requests", "/admin/privacy-requests", "user", _ADMINS),
            Place("consents", "Consent log", "/admin/consents", "check-circle", _AUDIT),
            Place("escrow", "Escrow", "/admin/escrow", "key", _SUPER),
            Place("figures", "Figures", "/admin/figures", "panel", _ADMINS),
        ),
    ),
    (
        "Security",
        (
            Place("links", "Transcript links", "/admin/links", "link", _ADMINS),
            Place("ranges", "Transcript ranges", "/admin/ranges", "shield", _SUPER),
        ),
    ),
    (
        "E-mail",
        (
            Place("email", "E-mail in the chat", "/admin/email", "mail", _ADMINS),
            Place("contacts", "Contacts", "/admin/contacts", "user", _ADMINS),
            Place("suppressed", "Suppressed addresses", "/admin/suppressed", "close", _ADMINS),
            Place("opt_in_mails", "Opt-in mails", "/admin/opt-in-mails", "send", _ADMINS),
            Place("transcript_mails", "Transcript mails", "/admin/transcript-mails", "mail", _ADMINS),
        ),
    ),
    ("Audit", (Place("audit", "Audit book", "/admin/audit", "book", _AUDIT),)),
)


class AdminFrame:
    """Renders the pages with the menu. `requests` are counted beside their entry."""

    def __init__(
        self, pages: Pages, accounts: Accounts, requests: AccessRequests | None = None, alarms: Alarms | None = None
    ) -> None:
        self._pages = pages
        self._accounts = accounts
        self._requests = requests
        self._alarms = alarms or Alarms()
        pages.filter("admin_when", when)
        pages.filter("admin_iso", iso)

    async def render(
        self,
        request: web.Request,
        template: str,
        *,
        here: str,
        heading: str,
        problem: Problem | None = None,
        status: int = 200,
        **data: object,
    ) -> web.Response:
        """A page of this package, or of another (`transcripts/links`); with a `problem` it answers with its status and
        shows it beside the field that it names."""
        me = principal(request)
        account = await self._accounts.get(me.account)
        return await self._pages.render(
            request,
            f"{template if '/' in template else f'admin/{template}'}.html",
            status=status if problem is None else problem.status,
            me=me,
            role_names=ROLE_NAMES,
            account_name=account.body.name if account is not None else "",
            menu=menu_of(me),
            waiting=await self._waiting(me),
            alarms=await self._alarms.of(me),
            here=here,
            heading=heading,
            done=DONE.get(request.query.get("done", ""), ""),
            **error_data(problem),
            **data,
        )

    async def _waiting(self, me: Principal) -> dict[str, int]:
        """What waits for this person, by entry of the menu."""
        if self._requests is None or me.role not in _LEADS:
            return {}
        return {"requests": len(await self._requests.open(me))}


def error_data(problem: Problem | None) -> dict[str, object]:
    """What templates see of a problem: the message, and the same under the name of its field."""
    if problem is None:
        return {"problem": "", "errors": {}}
    field = str(problem.data.get("field", ""))
    return {"problem": problem.detail, "errors": {field: problem.detail} if field else {}}


def menu_of(me: Principal) -> list[tuple[str, list[Place]]]:
    """The menu of somebody: only what he may open."""
    groups = [(title, [place for place in places if me.role in place.roles]) for title, places in MENU]
    return [(title, places) for title, places in groups if places]


def see_other(path: str, done: str = "") -> web.Response:
    """Lead the browser to a page of ours after a form was sent, so that a reload sends nothing again."""
    return web.Response(status=303, headers={"Location": f"{path}?done={done}" if done else path})


def when(at: int) -> str:
    """A moment in words, UTC: `21 Nov 2026, 14:03`."""
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def iso(at: int) -> str:
    """A moment for machines."""
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
