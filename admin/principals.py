"""Who a request comes from: the person behind an active session, with the rights of this moment."""

import msgspec
from aiohttp import web

from admin.audit import By
from admin.roles import Role
from foundation.errors import Unauthenticated
from foundation.web import client_address


class Principal(msgspec.Struct, frozen=True):
    """A person of the house, logged in. `session` is the session's public id; `bots` are those granted, or `None` for
    every bot of the account. With `must_change_password` nothing is open but the page that does it. `may_share` and
    `may_download` say what the person may do with transcripts besides reading them (YA-13)."""

    account: str
    person: str
    name: str
    email: str
    role: Role
    session: str
    bots: frozenset[str] | None
    may_redact: bool = False
    must_change_password: bool = False
    may_share: bool = True
    may_download: bool = True

    def may_open(self, bot: str) -> bool:
        """Whether this person has access to a bot of his account. That the bot is of his account is for the caller to
        know."""
        return self.bots is None or bot in self.bots

    def has(self, *roles: Role) -> bool:
        """Whether this person has one of the roles."""
        return self.role in roles


PRINCIPAL = web.RequestKey("admin_principal", Principal)


def principal(request: web.Request) -> Principal:
    """The person who asks, on a route whose rule demands one. Raises `Unauthenticated`."""
    person: Principal | None = request.get(PRINCIPAL)
    if person is None:
        raise Unauthenticated("Please log in.")
    return person


def principal_or_none(request: web.Request) -> Principal | None:
    """The person who asks, if one is logged in; for routes that are open to others too."""
    return request.get(PRINCIPAL)


def by_of(request: web.Request) -> By:
    """The person who asks and the address asked from, for the audit book."""
    address = client_address(request)
    return By(principal(request).person, None if address is None else str(address))
