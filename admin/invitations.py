"""Invitations by mail: an address, a role and bots; a link that works once, for three days, for that address (YA-23).

- No secret is stored: the mail's link is drawn when the mail is sent, and its hash is kept. A newer link ends the older.
- Whether somebody has the address already is told to its reader only: the admin sees the same for every address (A-12).
- What an invitation gives is looked at again when it is used: who invited must still be allowed to give that role.
"""

import asyncio

import msgspec

from admin import texts
from admin.audit import SYSTEM, AuditBook, By
from admin.bots import LANGUAGES, Bots
from admin.grants import Grants
from admin.people import People, Person
from admin.roles import BY_GRANT, ROLES, Role, manages
from foundation.clock import DAY, HOUR, Clock
from foundation.errors import Conflict, Forbidden, Invalid, NotFound
from foundation.ids import is_id, is_secret, new_id, new_secret, secret_hash
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken, Where
from foundation.web import Throttle

INVITATION = Kind(
    "invitation",
    fields=("email", "token", "expires_at"),
    unique=(("token",), ("account", "email")),
    indexes=(("account", "expires_at"), ("expires_at",)),
)

LIFE = 3 * DAY
AN_HOUR = 30
"""Invitations that one person may send in an hour, again or anew."""
A_DAY = 3
"""Mails that one address gets in a day, whoever invites it."""


class InvitationBody(msgspec.Struct, frozen=True):
    """`by` is who invited, `state` what became of the mail."""

    email: str
    role: Role
    bots: tuple[str, ...]
    language: str
    by: str
    at: int
    state: str = "queued"


Invitation = Record[InvitationBody]


class Invitations:
    """The open invitations of all accounts."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        people: People,
        grants: Grants,
        bots: Bots,
        audit: AuditBook,
    ) -> None:
        self._open: Collection[InvitationBody] = Collection(engine, keyring, INVITATION, InvitationBody)
        self._keyring = keyring
        self._clock = clock
        self._people = people
        self._grants = grants
        self._bots = bots
        self._audit = audit
        self._by_person = Throttle(clock, AN_HOUR, HOUR)
        self._by_address = Throttle(clock, A_DAY, DAY)
        self._one_at_a_time = asyncio.Lock()

    async def invite(
        self, account: str, email: str, role: str, bots: tuple[str, ...], *, language: str, actor: Role, by: By
    ) -> Invitation:
        """Invite an address; an open invitation of the account to it is replaced. Nothing is sent yet.

        Raises `Invalid`, `Forbidden` for a role that `actor` may not give, `TooMany`.
        """
        email, given = texts.staff_email(email), _role(role, actor)
        if language not in LANGUAGES:
            raise Invalid("Choose one of the languages.", field="language")
        wanted = frozenset(bots) if given in BY_GRANT else frozenset()
        if not wanted <= {bot.id for bot in await self._bots.list(account)}:
            raise Invalid("One of these bots does not exist (any more). Nothing was changed.", field="bots")
        self._limit(by.person, email)
        body = InvitationBody(email, given, tuple(sorted(wanted)), language, by.person, self._clock.now())
        after = {"role": given, "bots": list(body.bots)}
        token, made = await self._token(email), new_id()
        async with self._one_at_a_time, self._audit.recording(account, by, "invitation.made", made, after=after):
            for old in (await self._open.find(account, Where("email", "=", token)))[0]:
                await self._open.delete(account, old.id)
            expires = self._clock.now() + LIFE
            try:
                return await self._open.insert(account, made, body, email=token, expires_at=expires)
            except Taken:  # on another node at the same moment
                raise Conflict("Somebody invited this address just now. Look at the list.") from None

    async def again(self, account: str, id: str, *, actor: Role, by: By) -> Invitation:
        """The invitation with a new life, to be sent again. Raises `NotFound`, `Forbidden`, `TooMany`."""
        invitation = await self._managed(account, id, actor)
        self._limit(by.person, invitation.body.email)
        expires = self._clock.now() + LIFE
        async with self._audit.recording(account, by, "invitation.sent_again", id):
            renewed = await self._open.update(
                account,
                id,
                lambda old: {"body": msgspec.structs.replace(old.body, state="queued"), "expires_at": expires},
            )
        if renewed is None:
            raise _unknown()
        return renewed

    async def revoke(self, account: str, id: str, *, actor: Role, by: By) -> None:
        """Take the invitation back; its link opens nothing any more. Raises `NotFound`, `Forbidden`."""
        await self._managed(account, id, actor)
        async with self._audit.recording(account, by, "invitation.revoked", id):
            await self._open.delete(account, id)

    async def list(self, account: str) -> list[Invitation]:
        """The invitations that are open, the newest first."""
        now = self._clock.now()
        found = [one async for one in self._open.all(account, Where("expires_at", ">", now), order="expires_at")]
        return found[::-1]

    async def get(self, account: str, id: str) -> Invitation | None:
        """An invitation, if it is open."""
        found = await self._open.get(account, id) if is_id(id) else None
        return found if found is not None and self._is_open(found) else None

    async def is_known(self, invitation: Invitation) -> bool:
        """Whether somebody, in any account, has the address already: for the mail to its reader, and nobody else."""
        return await self._people.by_email(invitation.body.email) is not None

    async def draw(self, account: str, id: str) -> str | None:
        """The secret of a new link to the invitation (`/invitation/{secret}`); earlier ones end. `None` when it is no
        longer open."""
        secret = new_secret()
        if await self.get(account, id) is None:
            return None
        drawn = await self._open.update(account, id, lambda _: {"token": secret_hash(secret)})
        return None if drawn is None else secret

    async def became(self, account: str, id: str, state: str) -> None:
        """Note what became of the mail."""
        await self._open.update(account, id, lambda old: {"body": msgspec.structs.replace(old.body, state=state)})

    async def by_secret(self, secret: str) -> Invitation:
        """The invitation behind a link. Raises `NotFound`: used, expired, revoked and unknown ones are one answer."""
        found = await self._open.lookup(token=secret_hash(secret)) if is_secret(secret) else None
        if found is None or not self._is_open(found) or not await self._still_given(found):
            raise _closed()
        return found

    async def accept(self, secret: str, *, name: str, password: str) -> Person:
        """Make the person, with the role and the bots; the link ends. Raises `Invalid` (the link lives), `NotFound`."""
        async with self._one_at_a_time:
            invitation = await self.by_secret(secret)
            body, account = invitation.body, invitation.account
            email, name = self._people.check(body.email, name, body.role, password)
            if await self.is_known(invitation) or not await self._open.delete(account, invitation.id):
                raise _closed()
            try:
                async with self._audit.recording(account, SYSTEM, "invitation.accepted", invitation.id):
                    person = await self._people.create(account, email, name, body.role, password, by=By(body.by))
            except Conflict as taken:  # the address, a moment ago: no more is said than of a used link
                raise _closed() from taken
        known = {bot.id for bot in await self._bots.list(account)}
        for bot in sorted(known & set(body.bots)):
            await self._grants.grant_to(account, person.id, bot, by=By(body.by))
        return person

    async def forget_old(self) -> int:
        """Remove the invitations that nobody took; how many went."""
        removed = 0
        while True:
            rows, more = await self._open.find_anywhere(
                Where("expires_at", "<=", self._clock.now()), order="expires_at", limit=500
            )
            for row in rows:
                removed += await self._open.delete(row.account, row.id)
            if more is None:
                return removed

    async def _still_given(self, invitation: Invitation) -> bool:
        inviter = await self._people.get(invitation.account, invitation.body.by)
        return (
            inviter is not None
            and inviter.body.disabled_at is None
            and manages(inviter.body.role, invitation.body.role)
        )

    async def _managed(self, account: str, id: str, actor: Role) -> Invitation:
        found = await self.get(account, id)
        if found is None:
            raise _unknown()
        if not manages(actor, found.body.role):
            raise Forbidden("Only a super admin gives this role. Nothing was changed.")
        return found

    def _limit(self, person: str, email: str) -> None:
        for throttle, key in ((self._by_person, person), (self._by_address, email)):
            throttle.check(key)
        for throttle, key in ((self._by_person, person), (self._by_address, email)):
            throttle.hit(key)

    def _is_open(self, invitation: Invitation) -> bool:
        return int(invitation.fields["expires_at"] or 0) > self._clock.now()

    async def _token(self, email: str) -> str:
        return await self._keyring.token("", "invited-email", email)


def _role(name: str, actor: Role) -> Role:
    role = next((role for role in ROLES if role == name), None)
    if role is None:
        raise Invalid("There is no such role.", field="role")
    if not manages(actor, role):
        raise Forbidden("Only a super admin gives this role. Nothing was changed.")
    return role


def _unknown() -> NotFound:
    return NotFound("There is no such invitation (any more).")


def _closed() -> NotFound:
    return NotFound("This invitation was used, was taken back or has expired. Ask for a new one.")
