"""What a visitor asks people for on his privacy page: an erasure or a correction, kept until somebody has answered it.

The law gives a month (Art. 12 (3) GDPR); `due` is that day. A request is found again by the browser that made it, by a
keyed token, and its answer is shown there. It names the conversations that it is about; the ids alone tell nothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from foundation.clock import DAY, Clock
from foundation.errors import Conflict, NotFound, TooMany
from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where

PRIVACY_REQUEST = Kind(
    name="privacy_request",
    fields=("subject", "state", "at", "due"),
    indexes=(("account", "subject"), ("account", "state", "due"), ("account", "at")),
)

ANSWER_WITHIN = 30 * DAY
MOST_OPEN = 5
"""Of one browser; what comes on top is refused in words."""

What = Literal["erase", "correct"]
Why = Literal["", "unproven", "held", "confirmed"]
"""An erasure waits for people because the address is not proven in that browser, because a legal hold or a restriction
covers part of it, or because the account wants it so."""
RequestState = Literal["open", "done", "refused"]


class PrivacyRequest(msgspec.Struct, frozen=True):
    """`contact` is empty unless the browser proved it; its address is not kept here, so it goes when the contact is erased.
    `words`: what is to be corrected, as he says. `why`: why an erasure was not carried out at once (`Why`)."""

    id: str
    account: str
    what: What
    state: RequestState
    at: int
    due: int
    bot: str
    contact: str
    conversations: tuple[str, ...]
    words: str
    answered_at: int | None
    answered_by: str
    note: str
    why: Why


class _Body(msgspec.Struct, frozen=True):
    what: What
    bot: str
    contact: str
    conversations: tuple[str, ...]
    words: str
    answered_at: int | None = None
    answered_by: str = ""
    note: str = ""
    why: Why = ""


class PrivacyRequests:
    """The requests of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._rows: Collection[_Body] = Collection(engine, keyring, PRIVACY_REQUEST, _Body)
        self._keyring = keyring
        self._clock = clock

    async def ask(
        self,
        account: str,
        bot: str,
        what: What,
        *,
        visitor: str,
        conversations: Sequence[str],
        contact: str = "",
        words: str = "",
        why: Why = "",
    ) -> PrivacyRequest:
        """Keep the request; durable when this returns. The same one that is still open is not kept twice.

        Raises `TooMany` when this browser has too many open ones.
        """
        body = _Body(what, bot, contact, tuple(conversations), words, why=why)
        mine = [one for one in await self.of_visitor(account, visitor) if one.state == "open"]
        same = next((one for one in mine if (one.what, one.words) == (what, words)), None)
        if same is not None:
            return same
        if len(mine) >= MOST_OPEN:
            raise TooMany("You have asked for several things already. Please wait for the answers.", retry_after=86_400)
        now = self._clock.now()
        subject = await self._subject(account, visitor)
        record = await self._rows.insert(
            account, new_id(), body, subject=subject, state="open", at=now, due=now + ANSWER_WITHIN
        )
        return _request(record)

    async def of_visitor(self, account: str, visitor: str) -> Sequence[PrivacyRequest]:
        """What this browser asked for, newest first."""
        where = Where("subject", "=", await self._subject(account, visitor))
        found, _ = await self._rows.find(account, where, limit=200)
        return sorted((_request(record) for record in found), key=lambda one: -one.at)

    async def list(self, account: str) -> Sequence[PrivacyRequest]:
        """All open requests, the most urgent first, and then the last 100 that were answered."""
        open_ = [record async for record in self._rows.all(account, Where("state", "=", "open"), order="due")]
        answered, _ = await self._rows.find(account, Where("state", "in", ("done", "refused")), order="-at", limit=100)
        return [_request(record) for record in (*open_, *answered)]

    async def due_within(self, account: str, ms: int) -> int:
        """How many open requests are due within this time, or are overdue."""
        until = self._clock.now() + ms
        return await self._rows.count(account, Where("state", "=", "open"), Where("due", "<=", until))

    async def forget(self, account: str, visitors: Sequence[str], contacts: Sequence[str]) -> int:
        """Take the words of erased people out of their requests; that they asked, and the answer, stay as evidence."""
        subjects = {await self._subject(account, visitor) for visitor in visitors}
        changed = 0
        async for record in self._rows.all(account):
            own = record.fields["subject"] in subjects or record.body.contact in contacts
            if own and (record.body.words or record.body.contact):
                bare = msgspec.structs.replace(record.body, words="", contact="", conversations=())
                await self._rows.replace(record, body=bare)
                changed += 1
        return changed

    async def require_open(self, account: str, id: str) -> None:
        """Raises `NotFound`, and `Conflict` when it is answered already."""
        record = await self._rows.get(account, id) if is_id(id) else None
        if record is None:
            raise NotFound("There is no such request.")
        _refuse_answered(record)

    async def answer(self, account: str, id: str, *, done: bool, note: str, by: str) -> PrivacyRequest:
        """Say what became of it. Raises `NotFound`, and `Conflict` when it is answered already."""
        now = self._clock.now()

        def answered(record: Record[_Body]) -> Mapping[str, Any]:
            _refuse_answered(record)
            body = msgspec.structs.replace(record.body, answered_at=now, answered_by=by, note=note)
            return {"body": body, "state": "done" if done else "refused"}

        record = await self._rows.update(account, id, answered) if is_id(id) else None
        if record is None:
            raise NotFound("There is no such request.")
        return _request(record)

    async def _subject(self, account: str, visitor: str) -> str:
        return await self._keyring.token(account, "privacy_request", visitor)


def _refuse_answered(record: Record[_Body]) -> None:
    if record.fields["state"] != "open":
        raise Conflict("This request is answered already. Nothing was changed.")


def _request(record: Record[_Body]) -> PrivacyRequest:
    fields = record.fields
    return PrivacyRequest(
        id=record.id,
        account=record.account,
        state=cast("RequestState", fields["state"]),
        at=int(cast("int", fields["at"])),
        due=int(cast("int", fields["due"])),
        **msgspec.structs.asdict(record.body),
    )
