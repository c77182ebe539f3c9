"""Who is at the desk, and wants chats: Available, Busy or Away, kept for each person (YA-25).

- The status is the person's own and outlives the browser. Without an open console a person counts as away: a console
  says every `BEAT` that it is open, and after `GRACE` of silence it is not.
- An agent begins as available; his seniors, who open the console to look, begin as away.
- `idle_since` is the moment from which a person has been idle: he became available, or a chat came to him or left him.
- `reserved` are chats that are being offered to him right now. Whoever offers one writes it here first, at the row that
  he read, so that two nodes never give one person more than he may have.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from admin import Accounts, AuditBook, Principal
from admin.roles import Role
from foundation.clock import SECOND, Clock
from foundation.keys import Keyring
from foundation.live import Signals
from foundation.records import Collection, Engine, Kind, Record, Taken, Where

Status = Literal["available", "busy", "away"]

PRESENCE = Kind("presence", fields=("seen_at",), indexes=(("account", "seen_at"),))
"""One row for each person who ever opened the console, under the person's own id."""

BEAT = 14 * SECOND
GRACE = 45 * SECOND
"""Three beats: a lost socket comes back within that, a closed lid does not."""

IN_FLIGHT = 5 * SECOND
"""After this a reservation that did not become an offer counts no more: its node went away."""


class Reserved(msgspec.Struct, frozen=True):
    """A chat that is being offered, since `at`."""

    chat: str
    at: int


class PresenceBody(msgspec.Struct, frozen=True):
    """`status` is empty until the person chose one."""

    idle_since: int
    status: Status | Literal[""] = ""
    reserved: tuple[Reserved, ...] = ()


class Standing(msgspec.Struct, frozen=True):
    """How somebody stands at the desk: his status, and whether the account's chats are given out by the house."""

    status: Status = "away"
    automatic: bool = False


def status_of(body: PresenceBody, role: Role) -> Status:
    """The status as it counts for somebody with this role."""
    return body.status or ("available" if role == "agent" else "away")


class Presence:
    """The people at the desks of all accounts. Changes are told on the topic `presence/{account}`."""

    def __init__(
        self, engine: Engine, keyring: Keyring, signals: Signals, clock: Clock, *, accounts: Accounts, audit: AuditBook
    ) -> None:
        self._rows: Collection[PresenceBody] = Collection(engine, keyring, PRESENCE, PresenceBody)
        self._signals = signals
        self._clock = clock
        self._accounts = accounts
        self._audit = audit

    async def beat(self, person: Principal) -> None:
        """Say that this person has a console open. Who was gone for longer than the grace is idle from now on."""
        now = self._clock.now()

        def seen(record: Record[PresenceBody]) -> Mapping[str, Any]:
            if self._is_here(record):
                return {"seen_at": now}
            return {"seen_at": now, "body": msgspec.structs.replace(record.body, idle_since=now)}

        if await self._rows.update(person.account, person.person, seen) is not None:
            return
        try:
            await self._rows.insert(person.account, person.person, PresenceBody(now), seen_at=now)
        except Taken:  # another console of his was faster
            return
        self._tell(person.account, person.person)

    async def standing(self, person: Principal) -> Standing:
        """How this person stands now."""
        record = await self._rows.get(person.account, person.person)
        account = await self._accounts.get(person.account)
        body = record.body if record is not None else PresenceBody(0)
        return Standing(status_of(body, person.role), account is not None and account.body.automatic)

    async def choose(self, person: Principal, status: Status) -> None:
        """Take another status; it is in the audit book. Somebody who becomes available is idle from now on."""
        await self.beat(person)
        changed = await self._set(person.account, person.person, status)
        if changed:
            await self._audit.write(person.account, person.person, "person.status", person.person, status=status)

    async def step_back(self, account: str, person: str) -> None:
        """Set somebody away who did not answer when a chat was offered."""
        if await self._set(account, person, "away"):
            await self._audit.write(account, "system", "person.status", person, status="away")

    async def touch(self, account: str, person: str) -> None:
        """A chat came to this person, or left him."""
        now = self._clock.now()
        await self._rows.update(
            account, person, lambda record: {"body": msgspec.structs.replace(record.body, idle_since=now)}
        )
        self._tell(account, person)

    async def here(self, account: str) -> list[Record[PresenceBody]]:
        """Those with a console open, or lost for no longer than the grace."""
        since = self._clock.now() - GRACE
        return [one async for one in self._rows.all(account, Where("seen_at", ">=", since), order="seen_at")]

    async def reserve(self, read: Record[PresenceBody], chat: str) -> bool:
        """Keep a place for a chat with the person of a row that was read; whether nobody else did since, and he still
        has the status that was read."""
        now, done = self._clock.now(), False

        def keep(record: Record[PresenceBody]) -> Mapping[str, Any] | None:
            nonlocal done
            done = (record.body.reserved, record.body.status) == (read.body.reserved, read.body.status)
            if not done:
                return None
            reserved = (*in_flight(record.body, now), Reserved(chat, now))
            return {"body": msgspec.structs.replace(record.body, idle_since=now, reserved=reserved)}

        return await self._rows.update(read.account, read.id, keep) is not None and done

    async def _set(self, account: str, person: str, status: Status) -> bool:
        changed = False

        def put(record: Record[PresenceBody]) -> Mapping[str, Any] | None:
            nonlocal changed
            changed = record.body.status != status
            if not changed:
                return None
            idle_since = self._clock.now() if status == "available" else record.body.idle_since
            return {"body": msgspec.structs.replace(record.body, status=status, idle_since=idle_since)}

        await self._rows.update(account, person, put)
        self._tell(account, person)
        return changed

    def _is_here(self, record: Record[PresenceBody]) -> bool:
        return int(record.fields["seen_at"] or 0) >= self._clock.now() - GRACE

    def _tell(self, account: str, person: str) -> None:
        self._signals.publish(f"presence/{account}", self._clock.now(), subject=person)


def in_flight(body: PresenceBody, now: int) -> tuple[Reserved, ...]:
    """The reservations that may still become offers."""
    return tuple(one for one in body.reserved if now - one.at < IN_FLIGHT)
