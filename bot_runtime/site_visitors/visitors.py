"""Who comes with a token of the site: the same `sub` is the same visitor, in whichever browser (YA-29).

A token is used once, by one page. The page draws a secret of its own (`use`) and says it with the token: with the same
one it may come back for some hours after its line broke, with another nobody may. A visitor of the site is told from
those of browsers by a keyed token, so that no browser can draw a secret that leads to his chats.
"""

import logging

import msgspec

from bot_runtime.site_visitors.keys import SiteKeys
from bot_runtime.site_visitors.tokens import Refused, Why, require_valid, signed_claims
from foundation.clock import HOUR, SECOND, Clock
from foundation.errors import Problem
from foundation.ids import new_id, secret_hash
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken, Where

log = logging.getLogger(__name__)

SITE_TOKEN = Kind("site_token", fields=("token", "expires"), unique=(("account", "token"),), indexes=(("expires",),))
"""A token that was used: kept until nobody could use it any more."""

COMES_BACK = 24 * HOUR
"""For so long the page that used a token may come back with it."""

_WORDS: dict[str, str] = {
    "malformed": "it is not in the documented form",
    "signature": "no key of this bot signed it",
    "audience": "it is for another bot",
    "expired": "it has expired",
    "lifetime": "it is to live for 1 to 600 seconds",
    "early": "it was issued in the future",
    "name": "its name cannot be shown",
    "email": "its email is no address",
    "replayed": "it was used before",
}


class SiteVisitor(msgspec.Struct, frozen=True):
    """Whom the site says that it is, with the key (its id) that signed it. `visitor` stands where the hash of a device
    secret stands for browsers."""

    key: str
    visitor: str
    sub: str
    name: str
    email: str


class Used(msgspec.Struct, frozen=True):
    """The hash of the secret that the page drew."""

    use: str


class SiteVisitors:
    """Reads what sites say of their visitors."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, keys: SiteKeys) -> None:
        self._used: Collection[Used] = Collection(engine, keyring, SITE_TOKEN, Used)
        self._keyring = keyring
        self._clock = clock
        self._keys = keys

    async def identify(self, account: str, bot: str, token: str, use: str) -> SiteVisitor | str:
        """Whom the token names; or, in words for the site's makers, why it is not taken."""
        secrets = {key.id: key.body.secret for key in await self._keys.of(account, bot)}
        try:
            key, claims = signed_claims(token, secrets)
            taken = await self._keyring.token(account, "site_token", f"{bot}\0{claims.jti}")
            before = await self._by(account, taken)
            if before is not None and before.body.use != secret_hash(use):
                return _words("replayed")
            claims = require_valid(claims, bot=bot, now_s=self._clock.now() // SECOND, used=before is not None)
        except Refused as refused:
            return _words(refused.why)
        if before is None and not await self._take(account, taken, use):
            return _words("replayed")
        visitor = await self._keyring.token(account, "site_visitor", f"{bot}\0{claims.sub}")
        return SiteVisitor(key, visitor, claims.sub, claims.name, claims.email)

    async def lives(self, account: str, key: str) -> bool:
        """Whether the key that named a visitor has not been revoked since."""
        return await self._keys.lives(account, key)

    async def run(self) -> None:
        """Forget used tokens, until cancelled."""
        while True:
            try:
                await self.forget_old()
            except Problem:
                log.exception("used tokens of sites could not be forgotten; that is tried again")
            await self._clock.sleep(HOUR)

    async def forget_old(self) -> int:
        """Forget the tokens that nobody could use any more; how many went."""
        removed = 0
        while True:
            rows, more = await self._used.find_anywhere(
                Where("expires", "<=", self._clock.now()), order="expires", limit=500
            )
            for row in rows:
                removed += await self._used.delete(row.account, row.id)
            if more is None:
                return removed

    async def _take(self, account: str, taken: str, use: str) -> bool:
        """Use the token now; whether this page is the one."""
        expires = self._clock.now() + COMES_BACK
        try:
            await self._used.insert(account, new_id(), Used(secret_hash(use)), token=taken, expires=expires)
        except Taken:
            other = await self._by(account, taken)
            return other is not None and other.body.use == secret_hash(use)
        return True

    async def _by(self, account: str, taken: str) -> Record[Used] | None:
        found, _ = await self._used.find(account, Where("token", "=", taken), limit=1)
        row = found[0] if found else None
        return row if row is not None and int(row.fields["expires"] or 0) > self._clock.now() else None


def _words(why: Why | str) -> str:
    return f"The token of the site was not taken: {_WORDS[why]}. The chat begins afresh."
