"""Which browser proved which contact (DD-6, DD-7): a row on the server, never a flag in the browser.

A browser is known by the hash of its device secret. Another browser, a private window or a cleared storage draws
another secret, so it has no row and is unverified again. A proof holds in the chat it was made in; only when the visitor
chose to stay recognised on this device does it hold in later chats of the same browser. It ends by time, by withdrawal,
or by being revoked. What ended is remembered for a while, so that an agent can be told why (DD-7).
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import msgspec

from bot_runtime.verification.browser_keys import BrowserKeys
from foundation.clock import DAY, Clock
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Stale, Taken, Where

KIND = Kind(
    name="verified_device",
    fields=("visitor", "contact", "expires"),
    unique=(("account", "visitor", "contact"),),
    indexes=(("account", "visitor"), ("account", "contact"), ("expires",)),
)

REMEMBERED = 90 * DAY
"""For so long after its end it is known why a proof ended."""

Method = Literal["code", "link", "questions", "manual"]
Ended = Literal["", "expired", "revoked", "withdrawn"]
Why = Literal["", "expired", "revoked", "withdrawn", "this_chat", "other_browser"]


class Proven(msgspec.Struct, frozen=True):
    """When, how and in which conversation this browser was proven to read the contact's mailbox.

    `stay`: the visitor chose that this browser stays recognised after the conversation."""

    at: int
    method: Method
    conversation: str
    address: str
    author: str = ""
    stay: bool = False
    until: int = 0
    ended: Ended = ""


class Devices:
    """The rows. `life_ms` is how long a proof holds without being renewed, if its account does not say otherwise. Only a
    browser with a key of its own (`keys`) stays recognised after the chat."""

    def __init__(
        self, engine: Engine, keyring: Keyring, clock: Clock, keys: BrowserKeys, *, life_ms: int = 180 * DAY
    ) -> None:
        self._keys = keys
        self._rows: Collection[Proven] = Collection(engine, keyring, KIND, Proven)
        self._clock = clock
        self._life_ms = life_ms

    async def remember(
        self, account: str, visitor: str, contact: str, proven: Proven, *, life_ms: int | None = None
    ) -> None:
        """This browser proved this contact; an older proof of the same is replaced."""
        until = proven.at + (life_ms or self._life_ms)
        proven = msgspec.structs.replace(proven, until=until)
        expires = until + REMEMBERED
        while True:
            row = await self._row(account, visitor, contact)
            try:
                if row is None:
                    await self._rows.insert(
                        account, new_id(), proven, visitor=visitor, contact=contact, expires=expires
                    )
                elif row.body.at <= proven.at:
                    await self._rows.replace(row, body=proven, expires=expires)
            except (Stale, Taken):
                continue
            return

    async def proof(self, account: str, visitor: str, contact: str, conversation: str = "") -> Proven | None:
        """The proof that holds in this conversation, or `None`."""
        row = await self._row(account, visitor, contact)
        if row is None or not self._holds(row):
            return None
        if row.body.conversation == conversation:
            return row.body
        return row.body if row.body.stay and await self._keys.has(account, visitor) else None

    async def why_not(self, account: str, visitor: str, contact: str, conversation: str = "") -> Why:
        """Why this browser is not verified for the contact in this conversation; empty when nobody ever was (DD-7)."""
        row = await self._row(account, visitor, contact)
        if row is None:
            others, _ = await self._rows.find(account, Where("contact", "=", contact), limit=1)
            return "other_browser" if others else ""
        if row.body.ended:
            return row.body.ended
        return "this_chat" if self._holds(row) and row.body.conversation != conversation else "expired"

    async def newest(self, account: str, visitor: str, conversation: str = "") -> tuple[str, Proven] | None:
        """The contact that this browser proved last, with the proof, if it holds in this conversation (without one:
        where the visitor chose to stay recognised)."""
        rows, _ = await self._rows.find(account, Where("visitor", "=", visitor), limit=100)
        stays = any(row.body.stay for row in rows) and await self._keys.has(account, visitor)
        here = [
            row for row in rows if (stays and row.body.stay) or (conversation and row.body.conversation == conversation)
        ]
        holding = [row for row in here if self._holds(row)]
        if not holding:
            return None
        row = max(holding, key=lambda row: row.body.at)
        return str(row.fields["contact"]), row.body

    async def of_contact(self, account: str, contact: str) -> list[Proven]:
        """The proofs of a contact, those that ended lately too, the newest first."""
        rows = [row.body async for row in self._rows.all(account, Where("contact", "=", contact))]
        return sorted(rows, key=lambda body: -body.at)

    async def forget(self, account: str, visitor: str, *, ended: Ended = "withdrawn") -> int:
        """This browser is unverified again; how many proofs ended."""
        return await self._end(account, Where("visitor", "=", visitor), ended=ended)

    async def revoke(self, account: str, visitor: str, contact: str) -> int:
        """This browser is unverified for this contact."""
        return await self._end(account, Where("visitor", "=", visitor), Where("contact", "=", contact), ended="revoked")

    async def revoke_all(self, account: str, contact: str | None = None) -> int:
        """Every browser that proved this contact (`None`: any contact of the account) is unverified again; how many."""
        where = () if contact is None else (Where("contact", "=", contact),)
        return await self._end(account, *where, ended="revoked")

    async def remove(self, account: str, *, visitor: str = "", contact: str = "") -> int:
        """Remove the proofs of a browser or of a contact, with the address in them: one of the two is erased (MS-4)."""
        where = Where("visitor", "=", visitor) if visitor else Where("contact", "=", contact)
        removed = 0
        async for row in self._rows.all(account, where):
            removed += await self._rows.delete(account, row.id)
        return removed

    async def forget_old(self) -> int:
        """Remove the proofs whose end nobody asks about any more; how many went."""
        removed = 0
        while True:
            rows, more = await self._rows.find_anywhere(
                Where("expires", "<=", self._clock.now()), order="expires", limit=500
            )
            for row in rows:
                removed += await self._rows.delete(row.account, row.id)
            if more is None:
                return removed

    async def _end(self, account: str, *where: Where, ended: Ended) -> int:
        count = 0
        async for row in self._rows.all(account, *where):
            if self._holds(row):
                change = self._ending(ended)
                count += await self._rows.update(account, row.id, change) is not None
        return count

    def _ending(self, ended: Ended) -> Callable[[Record[Proven]], Mapping[str, Any] | None]:
        def change(row: Record[Proven]) -> Mapping[str, Any] | None:
            if not self._holds(row):
                return None
            body = msgspec.structs.replace(row.body, ended=ended)
            return {"body": body, "expires": self._clock.now() + REMEMBERED}

        return change

    async def _row(self, account: str, visitor: str, contact: str) -> Record[Proven] | None:
        rows, _ = await self._rows.find(
            account, Where("visitor", "=", visitor), Where("contact", "=", contact), limit=1
        )
        return rows[0] if rows else None

    def _holds(self, row: Record[Proven]) -> bool:
        until = row.body.until or int(row.fields["expires"] or 0)
        return not row.body.ended and until > self._clock.now()
