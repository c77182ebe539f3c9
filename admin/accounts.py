"""Accounts (tenants), and who owns them.

An account never loses its last active super admin (A-15): `owners` lists them in the account's own record, so that two
who demote each other at the same moment meet in one place. A person is added after becoming a super admin and removed
before ceasing to be one; a crash in between leaves one owner too few in the list, never an account without any.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from admin import texts
from admin.audit import SYSTEM, AuditBook, By
from admin.changes import Changes
from foundation.clock import Clock
from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record

ACCOUNT = Kind("account", fields=("created_at",), indexes=(("created_at",),))

LONGEST_LINK_DAYS = 3_650

MOST_CHATS = 50
"""More chats at a time than this nobody is given."""


class AccountBody(msgspec.Struct, frozen=True):
    """`owners`: ids of the active super admins. `link_days`: the longest life of a transcript link, `None` for what the
    settings say (YA-11). `confirm_erasures`: a person of the house carries out what visitors ask to be erased.
    `automatic`: waiting chats are offered to who is available, up to `chats_at_once` for each; otherwise people take
    them by hand (YA-25)."""

    name: str
    owners: tuple[str, ...] = ()
    link_days: int | None = None
    confirm_erasures: bool = False
    automatic: bool = False
    chats_at_once: int = 3


Account = Record[AccountBody]


class Accounts:
    """The accounts of this installation."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: AuditBook, changes: Changes) -> None:
        self._accounts: Collection[AccountBody] = Collection(engine, keyring, ACCOUNT, AccountBody)
        self._clock = clock
        self._audit = audit
        self._changes = changes

    async def create(self, name: str, *, by: By = SYSTEM) -> Account:
        """Make an account; it has no people yet. Raises `Invalid`."""
        name, made = texts.line(name, "account"), new_id()
        async with self._audit.recording(made, by, "account.created", made, after={"name": name}):
            return await self._accounts.insert(made, made, AccountBody(name), created_at=self._clock.now())

    async def get(self, id: str) -> Account | None:
        """The account, or `None`."""
        return await self._accounts.get(id, id)

    async def all(self) -> AsyncIterator[Account]:
        """Every account, oldest first."""
        after: str | None = None
        while True:
            accounts, after = await self._accounts.find_anywhere(order="created_at", limit=200, after=after)
            for account in accounts:
                yield account
            if after is None:
                return

    async def rename(self, id: str, name: str, *, by: By = SYSTEM) -> Account:
        """Give the account another name. Raises `Invalid`, `NotFound`."""
        name, account = texts.line(name, "account"), await self._require(id)
        if account.body.name == name:
            return account
        before, after = {"name": account.body.name}, {"name": name}
        async with self._audit.recording(id, by, "account.renamed", id, before=before, after=after):
            renamed = await self._change(id, lambda body: msgspec.structs.replace(body, name=name))
        await self._changes.announce(id, "account")
        return renamed

    async def limit_links(self, id: str, days: int, *, by: By = SYSTEM) -> Account:
        """Say how long transcript links may live at most; those that were made keep their day. Raises `Invalid`."""
        if not 1 <= days <= LONGEST_LINK_DAYS:
            raise Invalid(f"A number of days from 1 to {LONGEST_LINK_DAYS}, please.", field="days")
        account = await self._require(id)
        before, after = {"link_days": account.body.link_days}, {"link_days": days}
        async with self._audit.recording(id, by, "account.links_limited", id, before=before, after=after):
            return await self._change(id, lambda body: msgspec.structs.replace(body, link_days=days))

    async def confirm_erasures(self, id: str, confirm: bool, *, by: By = SYSTEM) -> Account:
        """Say whether a visitor who proved his address erases himself at once, or a person of the house does it (Art. 17)."""
        account = await self._require(id)
        if account.body.confirm_erasures == confirm:
            return account
        before, after = {"confirm_erasures": account.body.confirm_erasures}, {"confirm_erasures": confirm}
        async with self._audit.recording(id, by, "account.erasures_changed", id, before=before, after=after):
            return await self._change(id, lambda body: msgspec.structs.replace(body, confirm_erasures=confirm))

    async def assign(self, id: str, *, automatic: bool, chats_at_once: int, by: By = SYSTEM) -> Account:
        """Say who gives out the waiting chats, and how many one person is given at a time (YA-25). Raises `Invalid`."""
        if not 1 <= chats_at_once <= MOST_CHATS:
            raise Invalid(f"A number of chats from 1 to {MOST_CHATS}, please.", field="chats_at_once")
        account = await self._require(id)
        body = msgspec.structs.replace(account.body, automatic=automatic, chats_at_once=chats_at_once)
        before, after = _assignment(account.body), _assignment(body)
        if before == after:
            return account
        async with self._audit.recording(id, by, "account.assignment_changed", id, before=before, after=after):
            changed = await self._change(
                id, lambda old: msgspec.structs.replace(old, automatic=automatic, chats_at_once=chats_at_once)
            )
        await self._changes.announce(id, "account")
        return changed

    async def add_owner(self, id: str, person: str) -> None:
        """Count a person among the active super admins, after he has become one."""
        await self._change(id, lambda body: _with_owners(body, [*body.owners, person]))

    async def drop_owner(self, id: str, person: str) -> None:
        """Count a person no more, before he ceases to be one. Raises `Conflict` for the last (A-15)."""

        def without(body: AccountBody) -> AccountBody:
            left = [owner for owner in body.owners if owner != person]
            if not left:
                raise Conflict("This is the last active super admin. Make somebody else one first; nothing changed.")
            return _with_owners(body, left)

        await self._change(id, without)

    async def _change(self, id: str, change: Any) -> Account:
        def changed(record: Account) -> Mapping[str, Any] | None:
            body = change(record.body)
            return None if body == record.body else {"body": body}

        account = await self._accounts.update(id, id, changed)
        if account is None:
            raise _unknown()
        return account

    async def _require(self, id: str) -> Account:
        account = await self.get(id)
        if account is None:
            raise _unknown()
        return account


def _with_owners(body: AccountBody, owners: list[str]) -> AccountBody:
    return msgspec.structs.replace(body, owners=tuple(dict.fromkeys(owners)))


def _assignment(body: AccountBody) -> dict[str, Any]:
    return {"automatic": body.automatic, "chats_at_once": body.chats_at_once}


def _unknown() -> NotFound:
    return NotFound("There is no such account.")
