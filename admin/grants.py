"""Grants: which bots a person has access to. A grant is a small record with its author and time."""

import msgspec

from admin.audit import SYSTEM, AuditBook, By
from admin.changes import Changes
from foundation.clock import Clock
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Taken, Where

GRANT = Kind(
    "grant_of_bot",
    fields=("person", "bot"),
    unique=(("account", "person", "bot"),),
    indexes=(("account", "person"), ("account", "bot")),
)


class GrantBody(msgspec.Struct, frozen=True):
    """When it was granted, and by whom (an id, or `system`)."""

    at: int
    by: str


class Grants:
    """The grants of all accounts. Callers make sure that person and bot are of the account."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: AuditBook, changes: Changes) -> None:
        self._grants: Collection[GrantBody] = Collection(engine, keyring, GRANT, GrantBody)
        self._clock = clock
        self._audit = audit
        self._changes = changes

    async def grant_to(self, account: str, person: str, bot: str, *, by: By = SYSTEM) -> None:
        """Give a person access to a bot; done twice, it is done once."""
        if bot in await self.of(account, person):
            return
        body = GrantBody(self._clock.now(), by.person)
        try:
            async with self._audit.recording(account, by, "grant.given", person, before={}, after={"bot": bot}):
                await self._grants.insert(account, new_id(), body, person=person, bot=bot)
        except Taken:
            return
        await self._changes.announce(account, "people")

    async def revoke_from(self, account: str, person: str, bot: str, *, by: By = SYSTEM) -> None:
        """Take the access away; within two seconds nothing of the bot is open to the person any more (A-10)."""
        grants, _ = await self._grants.find(account, Where("person", "=", person), Where("bot", "=", bot))
        if not grants:
            return
        async with self._audit.recording(account, by, "grant.revoked", person, before={"bot": bot}, after={}):
            for grant in grants:
                await self._grants.delete(account, grant.id)
        await self._changes.announce(account, "people")

    async def of(self, account: str, person: str) -> frozenset[str]:
        """The ids of the bots granted to a person."""
        found = self._grants.all(account, Where("person", "=", person))
        return frozenset([str(grant.fields["bot"]) async for grant in found])

    async def all(self, account: str) -> dict[str, frozenset[str]]:
        """For every person with grants the ids of the bots."""
        found: dict[str, set[str]] = {}
        async for grant in self._grants.all(account):
            found.setdefault(str(grant.fields["person"]), set()).add(str(grant.fields["bot"]))
        return {person: frozenset(bots) for person, bots in found.items()}
