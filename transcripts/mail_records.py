"""The transcript mails as they are stored: one record for each mail that is owed, from the moment it is owed (PS-5).

A record is durable before anything is sent, and says when it is late. There is one for each occasion of a conversation
(its end, or one request of the visitor), so the same mail is owed once however often that is found out.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal, cast

import msgspec

from foundation.clock import MINUTE, Clock
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.mail import Delivery, new_message_id
from foundation.records import Collection, Engine, Kind, Record, Taken, Where

TRANSCRIPT_MAIL = Kind(
    name="transcript_mail",
    fields=("conversation", "occasion", "status", "due", "at", "late", "message"),
    unique=(("account", "conversation", "occasion"), ("message",)),
    indexes=(("account", "at"), ("status", "due"), ("account", "late", "at")),
)

IN_TIME = 15 * MINUTE
"""A transcript leaves within this time (PS-5); after it people are told that it did not."""

Why = Literal["closed", "asked"]
Status = Literal["unwanted", "owed", "sent", "refused", "dropped", "bounced", "complained"]
"""`unwanted`: the chat ended, and nobody wanted its transcript; `dropped`: the reason to send it went away; `bounced`,
`complained`: it was sent, and came back, or its reader called it unwanted."""


class MailBody(msgspec.Struct, frozen=True):
    """`sender` and `message_id` stay the same over all tries. The address is not kept here: it is the conversation's."""

    bot: str
    why: Why
    sender: str
    message_id: str
    settled: bool = False
    delivery: Delivery | None = None
    reply: str = ""


MailRecord = Record[MailBody]


class TranscriptMail(msgspec.Struct, frozen=True):
    """One transcript mail and its fate. `late`: it had not left when its time was over."""

    id: str
    account: str
    conversation: str
    bot: str
    why: Why
    status: Status
    at: int
    due: int
    late: bool
    sent_at: int | None
    tls: str | None
    reply: str


class MailRecords:
    """The records of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._rows: Collection[MailBody] = Collection(engine, keyring, TRANSCRIPT_MAIL, MailBody)
        self._clock = clock

    async def owe(
        self,
        account: str,
        conversation: str,
        *,
        bot: str,
        why: Why,
        occasion: str,
        sender: str,
        at: int,
        wanted: bool = True,
    ) -> MailRecord:
        """The record of this occasion, made if there is none: owed, or not wanted. Its time runs from `at`."""
        known = await self._of_occasion(account, conversation, occasion)
        if known is not None:
            return known
        body = MailBody(bot, why, sender, new_message_id(sender), settled=not wanted)
        try:
            return await self._rows.insert(
                account,
                new_id(),
                body,
                conversation=conversation,
                occasion=occasion,
                status="owed" if wanted else "unwanted",
                due=at + IN_TIME,
                at=at,
                late=0,
                message=_hash(body.message_id),
            )
        except Taken:
            return await self.owe(
                account, conversation, bot=bot, why=why, occasion=occasion, sender=sender, at=at, wanted=wanted
            )

    async def get(self, account: str, id: str) -> MailRecord | None:
        """The record, if it is there."""
        return await self._rows.get(account, id)

    async def by_message(self, message_id: str) -> MailRecord | None:
        """The mail with this Message-ID, of whatever account."""
        return await self._rows.lookup(message=_hash(message_id))

    async def has(self, account: str, conversation: str, occasion: str) -> bool:
        """Whether a mail is or was owed for this occasion."""
        return await self._of_occasion(account, conversation, occasion) is not None

    async def change(self, record: MailRecord, *, body: MailBody | None = None, **fields: Any) -> MailRecord:
        """Write it whoever else wrote meanwhile."""
        changes = {**fields, **({"body": body} if body is not None else {})}
        changed = await self._rows.update(record.account, record.id, lambda _: changes)
        return changed or record

    async def owed(self) -> Sequence[MailRecord]:
        """Mails of all accounts that have not left, the oldest first; at most 500."""
        found, _ = await self._rows.find_anywhere(Where("status", "=", "owed"), order="due", limit=500)
        return found

    async def overdue(self) -> Sequence[MailRecord]:
        """Those of them whose time is over and of which nobody was told yet."""
        now = self._clock.now()
        return [
            one for one in await self.owed() if int(cast("int", one.fields["due"])) <= now and not one.fields["late"]
        ]

    async def list(
        self, account: str, *, limit: int = 100, after: str | None = None
    ) -> tuple[list[TranscriptMail], str | None]:
        """The mails of an account, newest first, and the cursor of the next page."""
        shown = Where("status", "in", ("owed", "sent", "refused", "dropped", "bounced", "complained"))
        found, more = await self._rows.find(account, shown, order="-at", limit=limit, after=after)
        return [as_mail(record) for record in found], more

    async def of(self, account: str, conversation: str) -> Sequence[TranscriptMail]:
        """The mails of a conversation."""
        where = Where("conversation", "=", conversation)
        return [as_mail(record) async for record in self._rows.all(account, where, order="id")]

    async def unsent(self, account: str) -> int:
        """How many mails of the account are late or were refused and still have not left."""
        late = Where("late", "=", 1)
        return await self._rows.count(account, late, Where("status", "in", ("owed", "refused")))

    async def late_anywhere(self) -> int:
        """How many mails of all accounts are late and have not left."""
        found, _ = await self._rows.find_anywhere(Where("status", "=", "owed"), Where("late", "=", 1), limit=1_000)
        return len(found)

    async def forget(self, account: str, conversation: str) -> int:
        """Remove the records of a conversation that was erased; how many."""
        gone = 0
        async for record in self._rows.all(account, Where("conversation", "=", conversation)):
            gone += await self._rows.delete(account, record.id)
        return gone

    async def ended_before(self, account: str, before: int) -> AsyncIterator[TranscriptMail]:
        """Records of before this moment of which nothing is owed any more, the oldest first."""
        async for record in self._rows.all(account, Where("at", "<", before), order="at"):
            if record.fields["status"] != "owed":
                yield as_mail(record)

    async def remove(self, account: str, id: str) -> bool:
        """Remove a record; whether there was one."""
        return await self._rows.delete(account, id)

    async def _of_occasion(self, account: str, conversation: str, occasion: str) -> MailRecord | None:
        found, _ = await self._rows.find(
            account, Where("conversation", "=", conversation), Where("occasion", "=", occasion), limit=1
        )
        return found[0] if found else None


def _hash(message_id: str) -> str:
    return hashlib.sha256(message_id.strip().encode()).hexdigest()


def as_mail(record: MailRecord) -> TranscriptMail:
    """A record as others see it."""
    body, fields = record.body, record.fields
    delivery = body.delivery
    return TranscriptMail(
        id=record.id,
        account=record.account,
        conversation=str(fields["conversation"]),
        bot=body.bot,
        why=body.why,
        status=cast("Status", fields["status"]),
        at=int(cast("int", fields["at"])),
        due=int(cast("int", fields["due"])),
        late=bool(fields["late"]),
        sent_at=delivery.at if delivery else None,
        tls=delivery.tls if delivery else None,
        reply=body.reply or (delivery.reply if delivery else ""),
    )
