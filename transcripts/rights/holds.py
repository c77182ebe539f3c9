"""Legal holds: while one lasts, nothing it covers is erased, redacted or deleted by rule (Art. 17 (3) (e) GDPR).

A hold covers one conversation, one contact with his conversations, all of a bot, or all of the account. It has a
reason, an author and an end, at most ten years away; it is set and lifted by super admins, and both are audited. A
request for erasure that meets a hold is kept, shown, and carried out when the hold ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from admin import AuditBook, By
from foundation.clock import DAY, Clock
from foundation.errors import Invalid, NotFound
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where

HOLD = Kind("legal_hold", fields=("scope", "subject", "until"), indexes=(("account", "until"),))

Scope = Literal["account", "bot", "conversation", "contact"]
SCOPES: tuple[Scope, ...] = ("conversation", "contact", "bot", "account")

LONGEST = 3_650 * DAY
MAX_REASON = 500


class Hold(msgspec.Struct, frozen=True):
    """A hold. `subject` is the id of what it covers, empty for the account."""

    id: str
    scope: Scope
    subject: str
    since: int
    until: int
    author: str
    reason: str
    lifted_at: int | None = None
    lifted_by: str = ""


class _Body(msgspec.Struct, frozen=True):
    since: int
    author: str
    reason: str
    lifted_at: int | None = None
    lifted_by: str = ""


class Covered(msgspec.Struct, frozen=True):
    """The holds of an account at one moment, ready to be asked about many records."""

    holds: Sequence[Hold]

    def of(self, *, bot: str = "", conversation: str = "", contact: str | None = None) -> Hold | None:
        """The hold that covers a record with these ids, if any."""
        ids: Mapping[str, str | None] = {
            "account": "",
            "bot": bot or None,
            "conversation": conversation or None,
            "contact": contact or None,
        }
        return next((hold for hold in self.holds if ids[hold.scope] == hold.subject), None)


class Holds:
    """The legal holds of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: AuditBook) -> None:
        self._rows: Collection[_Body] = Collection(engine, keyring, HOLD, _Body)
        self._clock = clock
        self._audit = audit

    async def place(self, account: str, scope: str, subject: str, *, until: int, reason: str, by: By) -> Hold:
        """Hold these records until then. Raises `Invalid`. That the subject is there is for the caller to know."""
        now, reason = self._clock.now(), required_reason(reason)
        known = next((one for one in SCOPES if one == scope), None)
        if known is None:
            raise Invalid("A hold covers a conversation, a contact, a bot or the account.", field="scope")
        if not now < until <= now + LONGEST:
            raise Invalid("A hold ends in the future, at most ten years from now.", field="until")
        subject, made = ("" if known == "account" else subject), new_id()
        async with self._audit.recording(account, by, "hold.placed", made, scope=known, subject=subject, until=until):
            record = await self._rows.insert(
                account, made, _Body(now, by.person, reason), scope=known, subject=subject, until=until
            )
        return _hold(record)

    async def lift(self, account: str, id: str, *, by: By) -> Hold:
        """End a hold now. Twice is once. Raises `NotFound`."""
        now = self._clock.now()

        def lifted(record: Record[_Body]) -> Mapping[str, Any] | None:
            if record.body.lifted_at is not None or int(record.fields["until"] or 0) <= now:
                return None
            body = msgspec.structs.replace(record.body, lifted_at=now, lifted_by=by.person)
            return {"body": body, "until": now}

        if await self._rows.get(account, id) is None:
            raise NotFound("There is no such hold.")
        async with self._audit.recording(account, by, "hold.lifted", id):
            record = await self._rows.update(account, id, lifted)
        if record is None:
            raise NotFound("There is no such hold.")
        return _hold(record)

    async def active(self, account: str) -> Covered:
        """The holds that count now."""
        where = Where("until", ">", self._clock.now())
        return Covered([_hold(record) async for record in self._rows.all(account, where, order="until")])

    async def list(self, account: str, *, limit: int = 100) -> Sequence[Hold]:
        """Active and ended ones, those that end last first."""
        records, _ = await self._rows.find(account, order="-until", limit=limit)
        return [_hold(record) for record in records]


def required_reason(reason: str) -> str:
    """A reason that may be kept: one line of 1 … 500 characters. Raises `Invalid`."""
    words = " ".join(reason.split())
    if not 1 <= len(words) <= MAX_REASON or not words.isprintable():
        raise Invalid(f"Give a reason of 1 to {MAX_REASON} characters.", field="reason")
    return words


def first_of(holds: Iterable[Hold | None]) -> Hold | None:
    """The first that is one."""
    return next((hold for hold in holds if hold is not None), None)


def _hold(record: Record[_Body]) -> Hold:
    body, scope = record.body, record.fields["scope"]
    return Hold(
        id=record.id,
        scope=next(one for one in SCOPES if one == scope),
        subject=str(record.fields["subject"] or ""),
        since=body.since,
        until=int(record.fields["until"] or 0),
        author=body.author,
        reason=body.reason,
        lifted_at=body.lifted_at,
        lifted_by=body.lifted_by,
    )
