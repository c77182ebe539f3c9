"""Grants: which bots a person has access to. A grant is a small record with its author and time, and maybe its end."""

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
    """When it was granted, by whom (an id, or `system`), and until when (`None`: until it is taken away)."""

    at: int
    by: str
    until: int | None = None

    def holds(self, now: int) -> bool:
        """Whether it gives access now."""
        return self.until is None or now < self.until


class Grants:
    """The grants of all accounts. Callers make sure that person and bot are of the account."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: AuditBook, changes: Changes) -> None:
        self._grants: Collection[GrantBody] = Collection(engine, keyring, GRANT, GrantBody)
        self._clock = clock
        self._audit = audit
        self._changes = changes

    async def grant_to(self, account: str, person: str, bot: str, *, until: int | None = None, by: By = SYSTEM) -> None:
        """Give a person access to a bot, maybe until a moment; done twice, it is done once. A grant with an end is
        replaced by a longer one, never by a shorter."""
        found, _ = await self._grants.find(account, Where("person", "=", person), Where("bot", "=", bot))
        if any(_reaches(grant.body.until, until) for grant in found):
            return
        after = {"bot": bot} if until is None else {"bot": bot, "until": until}
        body = GrantBody(self._clock.now(), by.person, until)
        try:
            async with self._audit.recording(account, by, "grant.given", person, before={}, after=after):
                if found:
                    await self._grants.replace(found[0], body=body)
                else:
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
        found, now = self._grants.all(account, Where("person", "=", person)), self._clock.now()
        return frozenset([str(grant.fields["bot"]) async for grant in found if grant.body.holds(now)])

    async def ends(self, account: str, person: str) -> dict[str, int]:
        """When the access of a person to a bot ends, for those grants that have an end."""
        found, now = self._grants.all(account, Where("person", "=", person)), self._clock.now()
        return {
            str(grant.fields["bot"]): grant.body.until
            async for grant in found
            if grant.body.until is not None and grant.body.holds(now)
        }

    async def all(self, account: str) -> dict[str, frozenset[str]]:
        """For every person with grants the ids of the bots."""
        found: dict[str, set[str]] = {}
        now = self._clock.now()
        async for grant in self._grants.all(account):
            if not grant.body.holds(now):
                continue
            found.setdefault(str(grant.fields["person"]), set()).add(str(grant.fields["bot"]))
        return {person: frozenset(bots) for person, bots in found.items()}


def _reaches(known: int | None, wanted: int | None) -> bool:
    """Whether a grant until `known` covers one until `wanted`; one that is over covers nothing that is asked now."""
    return known is None or (wanted is not None and known >= wanted)
