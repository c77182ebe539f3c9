"""The people of the house: their names at the login, their roles, their passwords.

A person is found by e-mail address through a keyed token, so the database never sees the address. `epoch` counts the
moments from which older sessions are void: a new password, another role, a disabling. It is written together with what
causes it, so no crash leaves a session alive that should have ended (A-9, A-10, C-3).
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from admin import texts
from admin.accounts import MOST_CHATS, Accounts
from admin.audit import SYSTEM, AuditBook, By
from admin.changes import Changes
from admin.password_rules import require_acceptable
from admin.passwords import Passwords
from admin.roles import ROLES, Role
from foundation.clock import DAY, Clock
from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken

PERSON = Kind("person", fields=("email", "created_at"), unique=(("email",),), indexes=(("account", "created_at"),))

ONE_TIME_LIFE = 7 * DAY
"""How long a one-time password waits for its first use."""

_SIGNS = "abcdefghijkmnpqrstuvwxyz23456789"


class PersonBody(msgspec.Struct, frozen=True):
    """`password` is an argon2id hash. `one_time_until`: the password was given out and has to be changed at its first
    use, before this moment. `may_share`: make and revoke transcript links; `may_download`: transcripts as files.
    `chats_at_once`: how many chats are given to this person at a time, `None` for what the account says (YA-25)."""

    name: str
    email: str
    role: Role
    password: str
    epoch: int = 0
    disabled_at: int | None = None
    may_redact: bool = False
    one_time_until: int | None = None
    may_share: bool = True
    may_download: bool = True
    chats_at_once: int | None = None

    def may_log_in(self, now: int) -> bool:
        """Whether the right password opens a session."""
        return self.disabled_at is None and (self.one_time_until is None or now < self.one_time_until)


Person = Record[PersonBody]


def new_one_time_password() -> str:
    """Four groups of four signs that nobody confuses, 80 random bits."""
    return "-".join("".join(secrets.choice(_SIGNS) for _ in range(4)) for _ in range(4))


class People:
    """The people of all accounts."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        accounts: Accounts,
        passwords: Passwords,
        audit: AuditBook,
        changes: Changes,
    ) -> None:
        self._people: Collection[PersonBody] = Collection(engine, keyring, PERSON, PersonBody)
        self._keyring = keyring
        self._clock = clock
        self._accounts = accounts
        self._passwords = passwords
        self._audit = audit
        self._changes = changes
        self._one_at_a_time = asyncio.Lock()

    async def create(
        self,
        account: str,
        email: str,
        name: str,
        role: Role,
        password: str,
        *,
        one_time: bool = False,
        by: By = SYSTEM,
    ) -> Person:
        """Add a person. With `one_time` the password has to be changed at its first use.

        Raises `Invalid` naming the field, `Conflict` when the address is in use in any account.
        """
        email, name = self.check(email, name, role, password)
        await self.require_free(email)
        until = self._clock.now() + ONE_TIME_LIFE if one_time else None
        body = PersonBody(name, email, role, await self._passwords.hash(password), one_time_until=until)
        token, made = await self._token(email), new_id()
        try:
            async with (
                self._one_at_a_time,
                self._audit.recording(account, by, "person.added", made, after=_facts(body)),
            ):
                person = await self._people.insert(account, made, body, email=token, created_at=self._clock.now())
                await self._count_owner(person)
        except Taken:
            raise _in_use() from None
        await self._changes.announce(account, "people")
        return person

    def check(self, email: str, name: str, role: str, password: str) -> tuple[str, str]:
        """Address and name as they would be kept. Raises `Invalid` for anything that `create` would not take."""
        email, name = texts.staff_email(email), texts.line(name, "name")
        if role not in ROLES:
            raise Invalid("There is no such role.", field="role")
        require_acceptable(password, about=(email.partition("@")[0], name))
        return email, name

    async def require_free(self, email: str) -> None:
        """Raise `Conflict` when somebody, in any account, has this address."""
        if await self.by_email(email) is not None:
            raise _in_use()

    async def get(self, account: str, id: str) -> Person | None:
        """The account's person, or `None`."""
        return await self._people.get(account, id) if is_id(id) else None

    async def list(
        self, account: str, *, after: str | None = None, limit: int = 100
    ) -> tuple[list[Person], str | None]:
        """A page of the account's people, oldest first, and the cursor of the next one."""
        return await self._people.find(account, order="created_at", limit=limit, after=after)

    async def count(self, account: str) -> int:
        """How many people the account has."""
        return await self._people.count(account)

    async def by_email(self, email: str) -> Person | None:
        """The person with this address, in any account."""
        return await self._people.lookup(email=await self._token(email.strip(" ").lower()))

    async def set_role(self, account: str, id: str, role: Role, *, by: By = SYSTEM) -> Person:
        """Give a person another role; open sessions end. Raises `Conflict` for the last super admin, `NotFound`."""
        if role not in ROLES:
            raise Invalid("There is no such role.", field="role")
        return await self._change(account, id, "person.role_changed", by, {"role": role})

    async def disable(self, account: str, id: str, *, by: By = SYSTEM) -> Person:
        """Lock a person out at once. Raises `Conflict` for the last super admin, `NotFound`."""
        return await self._change(account, id, "person.disabled", by, {"disabled_at": self._clock.now()})

    async def enable(self, account: str, id: str, *, by: By = SYSTEM) -> Person:
        """Let a disabled person in again. Raises `NotFound`."""
        return await self._change(account, id, "person.enabled", by, {"disabled_at": None})

    async def allow_redaction(self, account: str, id: str, *, allowed: bool, by: By = SYSTEM) -> Person:
        """Let a person redact messages, or no more (YA-21). Sessions go on and have the new right at once. Raises
        `NotFound`."""
        async with self._one_at_a_time:
            person = await self._require(account, id)
            if person.body.may_redact == allowed:
                return person
            async with self._audit.recording(
                account, by, "person.redaction", id, before={"redact": not allowed}, after={"redact": allowed}
            ):
                changed = await self._people.update(
                    account, id, lambda old: {"body": msgspec.structs.replace(old.body, may_redact=allowed)}
                )
        if changed is None:
            raise _unknown()
        await self._changes.announce(account, "people")
        return changed

    async def permit(self, account: str, id: str, *, share: bool, download: bool, by: By = SYSTEM) -> Person:
        """Set what a person may do with transcripts (YA-13). Sessions go on and have the new rights at once. Raises
        `NotFound`."""
        async with self._one_at_a_time:
            person = await self._require(account, id)
            body = msgspec.structs.replace(person.body, may_share=share, may_download=download)
            if body == person.body:
                return person
            before, after = _permissions(person.body), _permissions(body)
            async with self._audit.recording(account, by, "person.permitted", id, before=before, after=after):
                changed = await self._people.update(
                    account,
                    id,
                    lambda old: {"body": msgspec.structs.replace(old.body, may_share=share, may_download=download)},
                )
        if changed is None:
            raise _unknown()
        await self._changes.announce(account, "people")
        return changed

    async def limit_chats(self, account: str, id: str, chats: int | None, *, by: By = SYSTEM) -> Person:
        """Say how many chats are given to this person at a time: none (0) up to many, or as the account says (`None`).
        Raises `Invalid`, `NotFound`."""
        if chats is not None and not 0 <= chats <= MOST_CHATS:
            raise Invalid(f"A number of chats from 0 to {MOST_CHATS}, or nothing.", field="chats_at_once")
        async with self._one_at_a_time:
            person = await self._require(account, id)
            if person.body.chats_at_once == chats:
                return person
            before, after = {"chats_at_once": person.body.chats_at_once}, {"chats_at_once": chats}
            async with self._audit.recording(account, by, "person.chats_limited", id, before=before, after=after):
                changed = await self._people.update(
                    account, id, lambda old: {"body": msgspec.structs.replace(old.body, chats_at_once=chats)}
                )
        if changed is None:
            raise _unknown()
        await self._changes.announce(account, "people")
        return changed

    async def set_password(
        self, account: str, id: str, password: str, *, one_time: bool = False, by: By = SYSTEM
    ) -> Person:
        """Give a person another password; all open sessions end. Raises `Invalid`, `NotFound`."""
        person = await self._require(account, id)
        require_acceptable(password, about=(person.body.email.partition("@")[0], person.body.name))
        until = self._clock.now() + ONE_TIME_LIFE if one_time else None
        changes = {"password": await self._passwords.hash(password), "one_time_until": until}
        return await self._change(account, id, "person.password_changed", by, changes)

    async def strengthen(self, person: Person, password: str) -> None:
        """Hash a password that was just proven right with today's parameters, if it was with others (A-1)."""
        if not self._passwords.is_outdated(person.body.password):
            return
        renewed, old = await self._passwords.hash(password), person.body.password

        def change(record: Person) -> Mapping[str, Any] | None:
            if record.body.password != old:
                return None
            return {"body": msgspec.structs.replace(record.body, password=renewed)}

        async with self._audit.recording(person.account, SYSTEM, "person.password_strengthened", person.id):
            await self._people.update(person.account, person.id, change)

    async def _change(self, account: str, id: str, action: str, by: By, changes: Mapping[str, Any]) -> Person:
        """Make the changes if they are any, ending the sessions opened before. The last owner stays one (A-15)."""
        async with self._one_at_a_time:
            person = await self._require(account, id)
            body = msgspec.structs.replace(person.body, **changes)
            if body == person.body or (action == "person.disabled" and person.body.disabled_at is not None):
                return person
            if _owns(person.body) and not _owns(body):
                await self._accounts.drop_owner(account, id)
            async with self._audit.recording(account, by, action, id, before=_facts(person.body), after=_facts(body)):
                changed = await self._update(account, id, lambda old: msgspec.structs.replace(old, **changes))
            await self._count_owner(changed)
        await self._changes.announce(account, "people")
        return changed

    async def _update(self, account: str, id: str, change: Callable[[PersonBody], PersonBody]) -> Person:
        def changed(record: Person) -> Mapping[str, Any]:
            body = change(record.body)
            return {"body": msgspec.structs.replace(body, epoch=record.body.epoch + 1)}

        person = await self._people.update(account, id, changed)
        if person is None:
            raise _unknown()
        return person

    async def _count_owner(self, person: Person) -> None:
        if _owns(person.body):
            await self._accounts.add_owner(person.account, person.id)

    async def _require(self, account: str, id: str) -> Person:
        person = await self.get(account, id)
        if person is None:
            raise _unknown()
        return person

    async def _token(self, email: str) -> str:
        return await self._keyring.token("", "person-email", email)


def _owns(body: PersonBody) -> bool:
    return body.role == "super_admin" and body.disabled_at is None


def _facts(body: PersonBody) -> dict[str, Any]:
    """What the audit book keeps of a person: no name, no address, no hash."""
    return {"role": body.role, "disabled": body.disabled_at is not None, "one_time": body.one_time_until is not None}


def _permissions(body: PersonBody) -> dict[str, Any]:
    return {"share": body.may_share, "download": body.may_download}


def _in_use() -> Conflict:
    return Conflict("Somebody with this e-mail address is here already. Nobody was added.", field="email")


def _unknown() -> NotFound:
    return NotFound("There is no such person.")
