"""The first super admin: a link that is printed once, works once, for an hour (A-16). There is no default password."""

import asyncio

from admin import texts
from admin.accounts import Accounts
from admin.audit import SYSTEM, AuditBook
from admin.people import People, Person
from foundation.clock import HOUR, Clock
from foundation.errors import NotFound
from foundation.ids import is_secret, new_id, new_secret, secret_hash
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record

SETUP_LINK = Kind("setup_link", fields=("token", "expires_at"), unique=(("token",),))

LIFE = HOUR


class Setup:
    """Setup links of this installation. Only the hash of one is stored."""

    def __init__(
        self, engine: Engine, keyring: Keyring, clock: Clock, *, accounts: Accounts, people: People, audit: AuditBook
    ) -> None:
        self._links: Collection[None] = Collection(engine, keyring, SETUP_LINK, type(None))
        self._clock = clock
        self._accounts = accounts
        self._people = people
        self._audit = audit
        self._one_at_a_time = asyncio.Lock()

    async def is_needed(self) -> bool:
        """Whether no account has an owner yet."""
        async for account in self._accounts.all():
            if account.body.owners:
                return False
        return True

    async def offer(self) -> str | None:
        """The secret of a new link (`/setup/{secret}`); earlier ones end. `None` when there is a super admin."""
        if not await self.is_needed():
            return None
        secret = new_secret()
        async with self._audit.recording("", SYSTEM, "setup.issued"):
            earlier, _ = await self._links.find("")
            for link in earlier:
                await self._links.delete("", link.id)
            expires_at = self._clock.now() + LIFE
            await self._links.insert("", new_id(), None, token=secret_hash(secret), expires_at=expires_at)
        return secret

    async def require_open(self, secret: str) -> None:
        """Raise `NotFound` unless the link may be used now; used, expired and unknown ones are one answer."""
        await self._require(secret)

    async def use(self, secret: str, *, account: str, name: str, email: str, password: str) -> Person:
        """Make the account and its first super admin; the link ends. Raises `Invalid` (the link lives), `NotFound`."""
        texts.line(account, "account")
        email, name = self._people.check(email, name, "super_admin", password)
        await self._people.require_free(email)
        async with self._one_at_a_time:
            link = await self._require(secret)
            async with self._audit.recording("", SYSTEM, "setup.used"):
                if not await self._links.delete("", link.id):
                    raise _closed()
                made = await self._accounts.create(account)
                return await self._people.create(made.id, email, name, "super_admin", password)

    async def _require(self, secret: str) -> Record[None]:
        link = await self._links.lookup(token=secret_hash(secret)) if is_secret(secret) else None
        if link is None or int(link.fields["expires_at"] or 0) <= self._clock.now() or not await self.is_needed():
            raise _closed()
        return link


def _closed() -> NotFound:
    return NotFound("This setup link was used or has expired. Start the server again to get a new one.")
