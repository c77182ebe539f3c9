"""Requests for access to a bot, from staff who met a transcript that does not open for them (YA-23).

Somebody asks, a supervisor of the bot or an admin approves (which gives the grant, for good or until a day) or declines.
Whether the link that was met exists is not told: a request that names no bot is kept and answered like any other, and
shown to nobody.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from admin.audit import AuditBook, By
from admin.grants import Grants
from admin.principals import Principal
from foundation.clock import HOUR, Clock
from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where
from foundation.web.throttle import Throttle

ACCESS_REQUEST = Kind(
    "access_request",
    fields=("person", "bot", "state", "asked_at"),
    indexes=(("account", "state", "asked_at"), ("account", "person")),
)

LONGEST_WORDS = 500
AN_HOUR = 5
"""Requests that one person may make in an hour."""

_OPEN, _VOID, _DECIDED = "open", "void", "decided"


class RequestBody(msgspec.Struct, frozen=True):
    """`words`: why, in the words of who asks."""

    words: str = ""
    decided_at: int | None = None
    decided_by: str = ""
    approved: bool = False
    until: int | None = None


AccessRequest = Record[RequestBody]


class AccessRequests:
    """The requests of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, *, grants: Grants, audit: AuditBook) -> None:
        self._requests: Collection[RequestBody] = Collection(engine, keyring, ACCESS_REQUEST, RequestBody)
        self._clock = clock
        self._grants = grants
        self._audit = audit
        self._throttle = Throttle(clock, AN_HOUR, HOUR)
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, person: Principal, bot: str, words: str, *, by: By) -> None:
        """Ask for access to this bot of the person's account; `""` when there is none, which looks the same from
        outside. Asked again, the open request has the new words. Raises `TooMany`, `Invalid`."""
        words = words.strip()
        if len(words) > LONGEST_WORDS:
            raise Invalid(f"At most {LONGEST_WORDS} characters, please. Nothing was sent.", field="words")
        self._throttle.check(person.person)
        self._throttle.hit(person.person)
        async with self._one_at_a_time:
            found, _ = await self._requests.find(
                person.account,
                Where("person", "=", person.person),
                Where("bot", "=", bot),
                Where("state", "=", _OPEN if bot else _VOID),
                limit=1,
            )
            number = found[0].id if found else new_id()
            async with self._audit.recording(person.account, by, "access.requested", number, bot=bot):
                await self._keep(person, bot, RequestBody(words), found[0] if found else None, number)

    async def open(self, me: Principal, *, limit: int = 200) -> list[AccessRequest]:
        """The open requests that this person may decide, the oldest first."""
        where = [Where("state", "=", _OPEN)]
        if me.bots is not None:
            if not me.bots or me.role != "supervisor":
                return []
            where.append(Where("bot", "in", tuple(sorted(me.bots))))
        found, _ = await self._requests.find(me.account, *where, order="asked_at", limit=limit)
        return [request for request in found if request.fields["person"] != me.person]

    async def approve(self, me: Principal, id: str, *, until: int | None, by: By) -> AccessRequest:
        """Give the access, for good or until a moment. Raises `NotFound`, `Conflict` when it is decided already."""
        if until is not None and until <= self._clock.now():
            raise Invalid("This day is over. Nothing was changed.", field="until")
        return await self._decide(me, id, approved=True, until=until, by=by)

    async def decline(self, me: Principal, id: str, *, by: By) -> AccessRequest:
        """Say no. Raises `NotFound`, `Conflict` when it is decided already."""
        return await self._decide(me, id, approved=False, until=None, by=by)

    async def _decide(self, me: Principal, id: str, *, approved: bool, until: int | None, by: By) -> AccessRequest:
        async with self._one_at_a_time:
            request = await self._require(me, id)
            person, bot = str(request.fields["person"]), str(request.fields["bot"])
            action = "access.approved" if approved else "access.declined"
            body = msgspec.structs.replace(
                request.body, decided_at=self._clock.now(), decided_by=me.person, approved=approved, until=until
            )
            async with self._audit.recording(me.account, by, action, id, person=person, bot=bot, until=until):
                if approved:
                    await self._grants.grant_to(me.account, person, bot, until=until, by=by)
                return await self._requests.replace(request, body=body, state=_DECIDED)

    async def _require(self, me: Principal, id: str) -> AccessRequest:
        request = await self._requests.get(me.account, id) if is_id(id) else None
        mine = request is not None and me.may_open(str(request.fields["bot"])) and request.fields["person"] != me.person
        if request is None or not mine or request.fields["state"] == _VOID:
            raise NotFound("There is no such request.")
        if request.fields["state"] != _OPEN:
            raise Conflict("Somebody decided this request already. Nothing was changed.")
        return request

    async def _keep(
        self, person: Principal, bot: str, body: RequestBody, known: AccessRequest | None, number: str
    ) -> None:
        if known is None:
            state = _OPEN if bot else _VOID
            await self._requests.insert(
                person.account, number, body, person=person.person, bot=bot, state=state, asked_at=self._clock.now()
            )
            return

        def renewed(_: AccessRequest) -> Mapping[str, Any]:
            return {"body": body}

        await self._requests.update(person.account, known.id, renewed)
