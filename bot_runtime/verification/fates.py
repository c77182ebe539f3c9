"""What became of every opt-in mail: queued, sent (by which reply, under which TLS), refused, bounced … (PS-4, D-20).

A fate names the request it belongs to and holds no address: only its masked form for people, and its keyed token, by
which a bounce that comes back days later can still suppress it. Bounces are matched by the Message-ID, of which the
store holds a hash.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from foundation.clock import DAY, Clock
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken, Where

KIND = Kind(
    name="opt_in_mail",
    fields=("message", "conversation", "at"),
    unique=(("message",),),
    indexes=(("account", "at"), ("account", "conversation"), ("at",)),
)

KEPT = 90 * DAY
"""After this a fate is forgotten; the evidence of the opt-in keeps what it needs."""

Status = Literal["queued", "waiting", "held_back", "dropped", "sent", "refused", "bounced", "complained"]
FINAL = frozenset({"held_back", "dropped", "refused", "bounced", "complained"})


class Fate(msgspec.Struct, frozen=True):
    """`reply`: what the mail server said last; `tls`: the version under which the mail left; `changed`: since when."""

    bot: str
    conversation: str
    shown: str
    token: str
    message_id: str
    status: Status
    changed: int
    reply: str = ""
    tls: str = ""


FateRecord = Record[Fate]


class Fates:
    """The fates of all accounts; the id is that of the request."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._rows: Collection[Fate] = Collection(engine, keyring, KIND, Fate)
        self._clock = clock

    async def begin(self, account: str, request: str, fate: Fate) -> None:
        """A mail is owed, or was held back. Twice is once."""
        try:
            await self._rows.insert(
                account,
                request,
                fate,
                message=_hash(fate.message_id),
                conversation=fate.conversation,
                at=fate.changed,
            )
        except Taken:
            return

    async def became(
        self, account: str, request: str, status: Status, *, reply: str = "", tls: str = ""
    ) -> FateRecord | None:
        """The mail's new fate; the record if this was news. What has come to an end stays, but a mail that was sent
        may still bounce or be complained about."""
        news = False

        def change(record: FateRecord) -> Mapping[str, Any] | None:
            nonlocal news
            body = record.body
            news = not (
                body.status in FINAL
                or (body.status, body.reply) == (status, reply)
                or (body.status == "sent" and status not in {"bounced", "complained"})
            )
            if not news:
                return None
            now = self._clock.now()
            return {"body": msgspec.structs.replace(body, status=status, changed=now, reply=reply, tls=tls or body.tls)}

        record = await self._rows.update(account, request, change)
        return record if news else None

    async def by_message(self, message_id: str) -> FateRecord | None:
        """The mail with this Message-ID, of whatever account."""
        return await self._rows.lookup(message=_hash(message_id))

    async def list(self, account: str, *, after: str | None = None) -> tuple[list[FateRecord], str | None]:
        """The mails, newest first, and the cursor of the next page."""
        return await self._rows.find(account, order="-at", limit=100, after=after)

    async def of(self, account: str, conversation: str) -> "Sequence[Fate]":
        """The mails of a conversation, newest first."""
        rows, _ = await self._rows.find(account, Where("conversation", "=", conversation), limit=100)
        return sorted((row.body for row in rows), key=lambda body: -body.changed)

    async def forget(self, account: str, conversations: Sequence[str]) -> int:
        """Remove what became of the mails of these conversations (MS-4); how many."""
        gone = 0
        for conversation in conversations:
            async for record in self._rows.all(account, Where("conversation", "=", conversation)):
                gone += await self._rows.delete(account, record.id)
        return gone

    async def forget_address(self, account: str, conversations: Sequence[str], token: str) -> int:
        """The same in conversations that stay, of the mails to this address alone."""
        gone = 0
        for conversation in conversations:
            async for record in self._rows.all(account, Where("conversation", "=", conversation)):
                if record.body.token == token:
                    gone += await self._rows.delete(account, record.id)
        return gone

    async def forget_old(self) -> int:
        """Remove what is older than 90 days; how many went."""
        removed = 0
        while True:
            rows, more = await self._rows.find_anywhere(
                Where("at", "<=", self._clock.now() - KEPT), order="at", limit=500
            )
            for row in rows:
                removed += await self._rows.delete(row.account, row.id)
            if more is None:
                return removed


def _hash(message_id: str) -> str:
    return hashlib.sha256(message_id.strip().encode()).hexdigest()
