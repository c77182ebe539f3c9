"""The keys with which a site signs for its visitors: made by an admin, shown once, sealed, revoked.

A bot has a few at a time, so that a new one is there before the old one goes.
"""

import msgspec

from admin import AuditBook, By
from foundation.clock import Clock
from foundation.errors import Conflict, NotFound
from foundation.ids import is_id, new_id, new_secret
from foundation.keys import Keyring
from foundation.live import Signals
from foundation.records import Collection, Engine, Kind, Record, Where

SITE_KEY = Kind("site_key", fields=("bot", "created_at"), indexes=(("account", "bot"),))

MOST = 4
"""Keys of one bot: the one in use, the next, and some that somebody forgot."""


class SiteKeyBody(msgspec.Struct, frozen=True):
    """`secret` is what the site signs with, as text; `by` is who made it."""

    secret: str
    by: str


SiteKey = Record[SiteKeyBody]


class SiteKeys:
    """The keys of all bots. Callers make sure that the bot is of the account."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: AuditBook, signals: Signals) -> None:
        self._keys: Collection[SiteKeyBody] = Collection(engine, keyring, SITE_KEY, SiteKeyBody)
        self._clock = clock
        self._signals = signals
        self._audit = audit

    async def make(self, account: str, bot: str, *, by: By) -> SiteKey:
        """A new key; its secret is for showing this once. Raises `Conflict` when there are enough."""
        if len(await self.of(account, bot)) >= MOST:
            raise Conflict(f"A bot has at most {MOST} keys. Revoke one that is no longer used. Nothing was changed.")
        made, body = new_id(), SiteKeyBody(new_secret(), by.person)
        async with self._audit.recording(account, by, "site_key.made", made, after={"bot": bot}):
            return await self._keys.insert(account, made, body, bot=bot, created_at=self._clock.now())

    async def of(self, account: str, bot: str) -> list[SiteKey]:
        """The keys of a bot, oldest first."""
        found, _ = await self._keys.find(account, Where("bot", "=", bot), limit=2 * MOST)
        return sorted(found, key=lambda key: int(key.fields["created_at"] or 0))

    async def lives(self, account: str, id: str) -> bool:
        """Whether there is such a key, and nobody has revoked it."""
        return is_id(id) and await self._keys.get(account, id) is not None

    async def revoke(self, account: str, bot: str, id: str, *, by: By) -> None:
        """Take no more tokens that are signed with it, and let nobody go on who came with one: on every node, open
        sockets hear of it. Raises `NotFound`."""
        key = await self._keys.get(account, id) if is_id(id) else None
        if key is None or key.fields["bot"] != bot:
            raise NotFound("There is no such key.")
        async with self._audit.recording(account, by, "site_key.revoked", id, before={"bot": bot}, after={}):
            await self._keys.delete(account, id)
        self._signals.publish(topic_of(bot), self._clock.now())


def topic_of(bot: str) -> str:
    """What is signalled when a key of this bot was revoked."""
    return f"site_keys/{bot}"
