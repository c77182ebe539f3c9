"""Which browser proved which contact (DD-6, DD-7): a row on the server, never a flag in the browser.

A browser is known by the hash of its device secret. Another browser, a private window or a cleared storage draws
another secret, so it has no row and is unverified again. A proof ends by time, by withdrawal, or when all proofs of a
contact are revoked.
"""

from typing import Literal

import msgspec

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

Method = Literal["code", "link", "questions", "manual"]


class Proven(msgspec.Struct, frozen=True):
    """When, how and in which conversation this browser was proven to read the contact's mailbox."""

    at: int
    method: Method
    conversation: str
    address: str
    author: str = ""


class Devices:
    """The rows. `life_ms` is how long a proof holds without being renewed."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, *, life_ms: int = 180 * DAY) -> None:
        self._rows: Collection[Proven] = Collection(engine, keyring, KIND, Proven)
        self._clock = clock
        self._life_ms = life_ms

    async def remember(self, account: str, visitor: str, contact: str, proven: Proven) -> None:
        """This browser proved this contact; an older proof of the same is replaced."""
        expires = proven.at + self._life_ms
        while True:
            row = await self._row(account, visitor, contact)
            try:
                if row is None:
                    await self._rows.insert(
                        account, new_id(), proven, visitor=visitor, contact=contact, expires=expires
                    )
                else:
                    await self._rows.replace(row, body=proven, expires=expires)
            except (Stale, Taken):
                continue
            return

    async def proof(self, account: str, visitor: str, contact: str) -> Proven | None:
        """The proof that still holds, or `None`."""
        row = await self._row(account, visitor, contact)
        return row.body if row is not None and self._holds(row) else None

    async def newest(self, account: str, visitor: str) -> tuple[str, Proven] | None:
        """The contact that this browser proved last, with the proof, if it still holds."""
        rows, _ = await self._rows.find(account, Where("visitor", "=", visitor), limit=100)
        holding = [row for row in rows if self._holds(row)]
        if not holding:
            return None
        row = max(holding, key=lambda row: row.body.at)
        return str(row.fields["contact"]), row.body

    async def forget(self, account: str, visitor: str) -> int:
        """This browser is unverified again; how many proofs ended."""
        return await self._remove(account, Where("visitor", "=", visitor))

    async def revoke_all(self, account: str, contact: str) -> int:
        """Every browser that proved this contact is unverified again; how many proofs ended."""
        return await self._remove(account, Where("contact", "=", contact))

    async def forget_old(self) -> int:
        """Remove the proofs whose time is over; how many went."""
        removed = 0
        while True:
            rows, more = await self._rows.find_anywhere(
                Where("expires", "<=", self._clock.now()), order="expires", limit=500
            )
            for row in rows:
                removed += await self._rows.delete(row.account, row.id)
            if more is None:
                return removed

    async def _remove(self, account: str, where: Where) -> int:
        removed = 0
        while True:
            rows, more = await self._rows.find(account, where, limit=500)
            for row in rows:
                removed += await self._rows.delete(account, row.id)
            if more is None:
                return removed

    async def _row(self, account: str, visitor: str, contact: str) -> Record[Proven] | None:
        rows, _ = await self._rows.find(
            account, Where("visitor", "=", visitor), Where("contact", "=", contact), limit=1
        )
        return rows[0] if rows else None

    def _holds(self, row: Record[Proven]) -> bool:
        return int(row.fields["expires"] or 0) > self._clock.now()
