"""Contacts: people with an e-mail address, one record per address and account, each under a key of its own.

An address that somebody typed makes a contact that is only *registered*: it is in no list and nobody sees it, until the
double opt-in completes (DD-2, DD-3). A suppressed address is never mailed and never added (DD-9); of it only a keyed
token and a masked form for people are kept. In the store an address is a keyed token too; the address itself is in the sealed body.

Which browser has proven which contact is not kept here: `bot_runtime.verification` asks that and tells `supply`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from foundation.clock import Clock
from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, KeyDestroyed, Kind, Record, Taken, Where
from transcripts.addresses import normal_address, same_mailbox
from transcripts.events import Role
from transcripts.masking import mask_address

CONTACT = Kind(
    name="contact",
    fields=("email", "state", "created_at"),
    unique=(("account", "email"),),
    indexes=(("account", "state", "created_at"), ("state", "created_at")),
)
SUPPRESSED = Kind(
    name="suppressed_address",
    fields=("email", "until"),
    unique=(("account", "email"),),
    indexes=(("until",),),
)

State = Literal["registered", "complete"]
Outcome = Literal["new", "unverified", "verified", "suppressed"]


class Contact(msgspec.Struct, frozen=True):
    """A person with an address. `registered`: the opt-in is not complete, so nobody may be shown him (DD-3)."""

    id: str
    address: str
    state: State
    created_at: int
    completed_at: int | None


class Mailed(msgspec.Struct, frozen=True):
    """What became of a mail to the address of a chat; `reply` is the mail server's word, `tls` how the mail left."""

    status: str
    at: int
    reply: str
    tls: str


class Earlier(msgspec.Struct, frozen=True):
    """Another conversation of the same contact."""

    id: str
    bot: str
    opened_at: int
    control: str


class About(msgspec.Struct, frozen=True):
    """What an agent may know about the address of a chat. `earlier` is `None` until it is proven in this chat (DD-4);
    `questions` are those that the account wants asked."""

    questions: tuple[str, ...]
    mails: tuple[Mailed, ...]
    earlier: tuple[Earlier, ...] | None


class Supplied(msgspec.Struct, frozen=True):
    """What became of an address that was given; `contact` is empty when the address is suppressed."""

    contact: str
    address: str
    outcome: Outcome


class _Body(msgspec.Struct, frozen=True):
    address: str
    created_by: Role
    completed_at: int | None = None


class _Suppression(msgspec.Struct, frozen=True):
    at: int
    reason: str
    shown: str = ""
    by: str = ""


class Suppression(msgspec.Struct, frozen=True):
    """A suppressed address as people see it: masked, with the reason. `until` is `None` for good."""

    id: str
    shown: str
    reason: str
    at: int
    until: int | None
    by: str


class Contacts:
    """The contacts of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._contacts: Collection[_Body] = Collection(engine, keyring, CONTACT, _Body)
        self._suppressed: Collection[_Suppression] = Collection(engine, keyring, SUPPRESSED, _Suppression)
        self._engine = engine
        self._keyring = keyring
        self._clock = clock

    async def supply(self, account: str, address: str, by: Role, *, proven: str | None = None) -> Supplied:
        """The one way in for an address, whoever gives it (DD-1).

        `proven` is the contact that the chatting browser has proven, if any. The outcomes: `new` (registered now or
        earlier, the opt-in is not complete), `unverified` (exists, not proven in this browser), `verified` (exists,
        and this browser proved it), `suppressed` (DD-9). They are for the server and for staff; the visitor is told
        the same in every case (D-1). Raises `Invalid` for what is no address.
        """
        normal = normal_address(address)
        if await self.is_suppressed(account, normal):
            return Supplied("", normal, "suppressed")
        contact = await self.by_address(account, normal) or await self._register(account, normal, by)
        if contact.state == "registered":
            return Supplied(contact.id, normal, "new")
        return Supplied(contact.id, normal, "verified" if contact.id == proven else "unverified")

    async def complete(self, account: str, id: str) -> Contact | None:
        """The opt-in is complete: from now on the contact is there for all to see (DD-3). Twice is once."""

        def completed(record: Record[_Body]) -> Mapping[str, Any] | None:
            if record.fields["state"] == "complete":
                return None
            body = msgspec.structs.replace(record.body, completed_at=self._clock.now())
            return {"body": body, "state": "complete"}

        record = await self._contacts.update(account, id, completed)
        return None if record is None else _contact(record)

    async def get(self, account: str, id: str) -> Contact | None:
        """The contact, complete or not."""
        record = await self._contacts.get(account, id)
        return None if record is None else _contact(record)

    async def by_address(self, account: str, address: str) -> Contact | None:
        """The contact with this address, complete or not."""
        record = await self._contacts.lookup(account=account, email=await self._token(account, address))
        return None if record is None else _contact(record)

    async def list(
        self, account: str, *, limit: int = 100, after: str | None = None
    ) -> tuple[list[Contact], str | None]:
        """The complete contacts, newest first, and the cursor of the next page."""
        complete = Where("state", "=", "complete")
        records, more = await self._contacts.find(account, complete, order="-created_at", limit=limit, after=after)
        return [_contact(record) for record in records], more

    async def erase(self, account: str, id: str) -> bool:
        """Destroy the contact's key and remove the record; whether there was one. What a crash cut off is finished."""
        key = await self.key_of(account, id)
        if key is None:
            return False
        await self._keyring.destroy(account, key)
        return await self._contacts.delete(account, id)

    async def exists(self, account: str, id: str) -> bool:
        """Whether there is such a contact, readable or not."""
        return await self.key_of(account, id) is not None

    async def key_of(self, account: str, id: str) -> str | None:
        """The data key of a contact; it need not be there any more."""
        row = await self._engine.get(CONTACT, id) if is_id(id) else None
        return row.key if row is not None and row.account == account else None

    async def address_of(self, account: str, id: str) -> str | None:
        """The contact's address; `None` when there is no such contact, or its key is gone."""
        try:
            contact = await self.get(account, id)
        except KeyDestroyed:
            return None
        return None if contact is None else contact.address

    async def forget_unconfirmed(self, until: int) -> int:
        """Erase, in all accounts, what was registered before `until` and never completed (SECURITY 4.3: 7 days)."""
        forgotten = 0
        while True:
            records, more = await self._contacts.find_anywhere(
                Where("state", "=", "registered"), Where("created_at", "<", until), order="created_at", limit=200
            )
            for record in records:
                forgotten += await self.erase(record.account, record.id)
            if more is None:
                return forgotten

    async def suppress(
        self, account: str, address: str, reason: str, *, until: int | None = None, by: str = ""
    ) -> Suppression:
        """Never mail or add this address again, or not before `until`. A later end replaces an earlier one."""
        normal = normal_address(address)
        token = await self._token(account, normal)
        return await self.suppress_token(account, token, mask_address(normal), reason, until=until, by=by)

    async def suppress_token(
        self, account: str, token: str, shown: str, reason: str, *, until: int | None = None, by: str = ""
    ) -> Suppression:
        """The same for an address of which only the token (`token_of`) and the masked form are known any more."""
        body = _Suppression(self._clock.now(), reason, shown, by)
        while True:
            found = await self._suppressed.lookup(account=account, email=token)
            if found is None:
                try:
                    return _suppression(
                        await self._suppressed.insert(account, new_id(), body, email=token, until=until)
                    )
                except Taken:
                    continue
            changed = await self._suppressed.update(account, found.id, lambda record: _longer(record, body, until))
            if changed is not None:
                return _suppression(changed)

    async def suppression(self, account: str, address: str) -> Suppression | None:
        """The entry of this very address, if it counts now."""
        found = await self._suppressed.lookup(account=account, email=await self._token(account, address))
        return None if found is None or not self._counts(found) else _suppression(found)

    async def suppressions(
        self, account: str, *, limit: int = 100, after: str | None = None
    ) -> tuple[Sequence[Suppression], str | None]:
        """The entries that count now, and the cursor of the next page."""
        found, more = await self._suppressed.find(account, limit=limit, after=after)
        return [_suppression(record) for record in found if self._counts(record)], more

    async def unsuppress(self, account: str, id: str) -> Suppression | None:
        """Take an entry off the list; what it was, `None` when there is no such entry."""
        found = await self._suppressed.get(account, id) if is_id(id) else None
        if found is None or not await self._suppressed.delete(account, id):
            return None
        return _suppression(found)

    async def token_of(self, account: str, address: str) -> str:
        """The keyed token of an address: the same for all its spellings, and nothing to anybody without the key."""
        return await self._token(account, address)

    async def is_suppressed(self, account: str, address: str) -> bool:
        """Whether this address may not be written to now."""
        found = await self._suppressed.lookup(account=account, email=await self._token(account, address))
        return found is not None and self._counts(found)

    def _counts(self, record: Record[_Suppression]) -> bool:
        until = record.fields["until"]
        return until is None or int(until) > self._clock.now()

    async def _register(self, account: str, address: str, by: Role) -> Contact:
        key = await self._keyring.mint(account, "contact")
        try:
            record = await self._contacts.insert(
                account,
                new_id(),
                _Body(address, by),
                key=key,
                email=await self._token(account, address),
                state="registered",
                created_at=self._clock.now(),
            )
        except Taken:  # the same address was given in another chat at the same moment
            await self._keyring.destroy(account, key)
            return await self.by_address(account, address) or await self._register(account, address, by)
        return _contact(record)

    async def _token(self, account: str, address: str) -> str:
        return await self._keyring.token(account, "email", same_mailbox(address))


def _longer(record: Record[_Suppression], body: _Suppression, until: int | None) -> Mapping[str, Any] | None:
    known = record.fields["until"]
    if known is None or (until is not None and int(known) >= until):
        return None
    return {"body": body, "until": until}


def _suppression(record: Record[_Suppression]) -> Suppression:
    body, until = record.body, record.fields["until"]
    return Suppression(
        id=record.id,
        shown=body.shown or "(address not kept)",
        reason=body.reason,
        at=body.at,
        until=None if until is None else int(until),
        by=body.by,
    )


def _contact(record: Record[_Body]) -> Contact:
    return Contact(
        id=record.id,
        address=record.body.address,
        state="complete" if record.fields["state"] == "complete" else "registered",
        created_at=int(record.fields["created_at"] or 0),
        completed_at=record.body.completed_at,
    )
