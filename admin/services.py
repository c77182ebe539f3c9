"""The services of this package, put together in one readable order.

Whoever wires the house calls `build`, gives `running` to the application as a `cleanup_ctx`, and `routes` its doors.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

from admin.access_requests import ACCESS_REQUEST, AccessRequests
from admin.accounts import ACCOUNT, Accounts
from admin.alarms import Alarms
from admin.audit import AUDIT_BOOK, AuditBook
from admin.bots import BOT, Bots
from admin.changes import Changes
from admin.cookies import KnownDevices, Returns, Signer
from admin.grants import GRANT, Grants
from admin.heads import Heads
from admin.invitations import INVITATION, Invitations
from admin.logins import Logins
from admin.passwords import Passwords
from admin.people import PERSON, People
from admin.range_imports import RangeImports
from admin.range_lists import KINDS as RANGE_KINDS
from admin.rules import Rules
from admin.sessions import SESSION, Sessions
from admin.setup import SETUP_LINK, Setup
from admin.whitelists import Whitelists
from foundation.clock import HOUR, MINUTE, Clock
from foundation.keys import Keyring
from foundation.live import Signals
from foundation.records import Engine

KINDS = (ACCOUNT, BOT, PERSON, GRANT, SESSION, SETUP_LINK, INVITATION, *RANGE_KINDS, ACCESS_REQUEST, AUDIT_BOOK)
"""What this package stores, for the engine."""


@dataclass(frozen=True, kw_only=True)
class Services:
    """What this package offers to the others."""

    accounts: Accounts
    bots: Bots
    people: People
    grants: Grants
    sessions: Sessions
    whitelists: Whitelists
    range_imports: RangeImports
    requests: AccessRequests
    audit: AuditBook
    heads: Heads
    setup: Setup
    invitations: Invitations
    logins: Logins
    rules: Rules
    changes: Changes
    returns: Returns
    devices: KnownDevices
    alarms: Alarms

    async def running(self, app: web.Application) -> AsyncIterator[None]:
        """Read the ranges, follow what other processes change and count, sign return cookies (a `cleanup_ctx`)."""
        async with self.changes.following(), self.logins.tries.following():
            await self.whitelists.load()
            async for _ in self.returns.signing(app):
                yield


def build(
    engine: Engine,
    keyring: Keyring,
    signals: Signals,
    clock: Clock,
    *,
    passwords: Passwords | None = None,
    idle_ms: int = 30 * MINUTE,
    absolute_ms: int = 12 * HOUR,
) -> Services:
    """Construct the services; nothing is opened or read. `passwords` is replaced by a cheaper one in tests."""
    hashing = passwords or Passwords()
    audit = AuditBook(engine, keyring, clock)
    changes = Changes(signals)
    accounts = Accounts(engine, keyring, clock, audit, changes)
    bots = Bots(engine, keyring, clock, audit, changes)
    grants = Grants(engine, keyring, clock, audit, changes)
    people = People(engine, keyring, clock, accounts=accounts, passwords=hashing, audit=audit, changes=changes)
    sessions = Sessions(
        engine,
        keyring,
        clock,
        people=people,
        grants=grants,
        audit=audit,
        changes=changes,
        idle_ms=idle_ms,
        absolute_ms=absolute_ms,
    )
    whitelists = Whitelists(engine, keyring, clock, bots=bots, audit=audit, changes=changes)
    signer = Signer(keyring, clock)
    return Services(
        accounts=accounts,
        bots=bots,
        people=people,
        grants=grants,
        sessions=sessions,
        whitelists=whitelists,
        range_imports=RangeImports(whitelists, clock),
        requests=AccessRequests(engine, keyring, clock, grants=grants, audit=audit),
        audit=audit,
        heads=Heads(audit, accounts, keyring, clock),
        setup=Setup(engine, keyring, clock, accounts=accounts, people=people, audit=audit),
        invitations=Invitations(engine, keyring, clock, people=people, grants=grants, bots=bots, audit=audit),
        logins=Logins(people, hashing, audit, keyring, clock, signals=signals),
        rules=Rules(sessions),
        changes=changes,
        returns=Returns(signer),
        devices=KnownDevices(signer),
        alarms=Alarms(),
    )
