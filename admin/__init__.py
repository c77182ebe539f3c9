"""Who may: accounts and their bots, people with roles and grants, sessions, address ranges, and the audit book.

What this package promises to the others:

- A `Principal` is somebody behind an active session, with the rights of this moment; a right that was taken away is
  gone within two seconds. Routes name the rule that admits to them (`Rules`).
- `Whitelists.allowed` answers in microseconds whether an address is in an enabled range of a bot or of its account.
- Every change here is in the `AuditBook` before its answer leaves, with before and after; the book is sealed and
  chained.
- An object of another account is not there.
"""

from admin.access_requests import AccessRequests
from admin.accounts import Account, AccountBody, Accounts
from admin.alarms import Alarm, Alarms
from admin.audit import AUDIT_BOOK, SYSTEM, AuditBook, By
from admin.bots import Bot, BotBody, Bots
from admin.chain import Entry
from admin.changes import Changes
from admin.cookies import remember_return
from admin.doors import PAGES, STATICS, routes
from admin.doors.frame import AdminFrame, see_other
from admin.enabled_lists import Match
from admin.grants import Grants
from admin.passwords import Passwords
from admin.people import People, Person, PersonBody
from admin.principals import PRINCIPAL, Principal, by_of, principal, principal_or_none
from admin.range_lists import AddressRange, RangeList
from admin.roles import ROLES, Role
from admin.rules import Rules
from admin.services import KINDS, Services, build
from admin.sessions import Sessions
from admin.setup import Setup
from admin.whitelists import Whitelists

__all__ = [
    "AUDIT_BOOK",
    "KINDS",
    "PAGES",
    "PRINCIPAL",
    "ROLES",
    "STATICS",
    "SYSTEM",
    "AccessRequests",
    "Account",
    "AccountBody",
    "Accounts",
    "AddressRange",
    "AdminFrame",
    "Alarm",
    "Alarms",
    "AuditBook",
    "Bot",
    "BotBody",
    "Bots",
    "By",
    "Changes",
    "Entry",
    "Grants",
    "Match",
    "Passwords",
    "People",
    "Person",
    "PersonBody",
    "Principal",
    "RangeList",
    "Role",
    "Rules",
    "Services",
    "Sessions",
    "Setup",
    "Whitelists",
    "build",
    "by_of",
    "principal",
    "principal_or_none",
    "remember_return",
    "routes",
    "see_other",
]
