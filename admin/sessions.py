"""Sessions of staff: opaque, hashed at rest, ended by time or by what happens to the person (A-7 … A-10, C-1, C-3).

The cookie holds 256 random bits that the server drew; a value that a client brings along never becomes a session. What
a session may do is looked up again at most a second after it was last looked up, and at once after a change, so a
right that ended is gone everywhere within two seconds. Use is written down at most once a minute; within this process
it counts to the millisecond.
"""

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from admin.audit import AuditBook
from admin.changes import Changes
from admin.grants import Grants
from admin.people import People, Person
from admin.principals import Principal
from admin.roles import BY_GRANT, EVERY_BOT
from foundation.clock import HOUR, MINUTE, Clock
from foundation.errors import Problem
from foundation.ids import is_secret, new_id, new_secret, secret_hash
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where
from foundation.web import drop_cookie, read_cookie, set_cookie

log = logging.getLogger(__name__)

SESSION = Kind(
    "session",
    fields=("token", "person", "expires_at"),
    unique=(("token",),),
    indexes=(("account", "person"), ("expires_at",)),
)

COOKIE = "sid"

_FRESH_S = 1.0
"""Seconds for which a look-up holds."""

_WRITE_EVERY = MINUTE
_KNOWN = 10_000
_PURGE = 50


class SessionBody(msgspec.Struct, frozen=True):
    """`epoch`: that of the person when the session was opened; the session ends when it moves on."""

    opened_at: int
    seen_at: int
    epoch: int


class _Seen(msgspec.Struct):
    """What is known of a session in this process."""

    session: Record[SessionBody]
    principal: Principal
    looked_up: float
    seen_at: int


class Sessions:
    """`idle_ms` without use, or `absolute_ms` in all, end a session."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        people: People,
        grants: Grants,
        audit: AuditBook,
        changes: Changes,
        idle_ms: int = 30 * MINUTE,
        absolute_ms: int = 12 * HOUR,
    ) -> None:
        self._sessions: Collection[SessionBody] = Collection(engine, keyring, SESSION, SessionBody)
        self._clock = clock
        self._people = people
        self._grants = grants
        self._audit = audit
        self._idle_ms = idle_ms
        self._absolute_ms = absolute_ms
        self._seen: OrderedDict[str, _Seen] = OrderedDict()
        self._changed = 0
        self._changes = changes
        changes.observe(self._forget_account)

    async def open(self, person: Person) -> str:
        """Open a session for somebody who has just proven who he is; the secret for his cookie."""
        secret, now = new_secret(), self._clock.now()
        body = SessionBody(now, now, person.body.epoch)
        await self._purge()
        await self._sessions.insert(
            person.account,
            new_id(),
            body,
            token=secret_hash(secret),
            person=person.id,
            expires_at=self._purge_at(body),
        )
        return secret

    async def principal_of(self, secret: str | None, *, in_use: bool = True) -> Principal | None:
        """Who is behind a session, with the rights of this moment; `None` when it is unknown or has ended.

        Without `in_use` this is not a use of the session: a page that looks by itself keeps no session alive.
        """
        if not is_secret(secret) or secret is None:
            return None
        token, now = secret_hash(secret), self._clock.now()
        seen = self._seen.get(token)
        if seen is None or not 0 <= self._clock.monotonic() - seen.looked_up < _FRESH_S:
            seen = await self._look_up(token, seen)
        if seen is None:
            return None
        if now >= self._expiry(seen.session.body, seen.seen_at):
            self._seen.pop(token, None)
            return None
        if not in_use:
            return seen.principal
        seen.seen_at = max(seen.seen_at, now)
        if now - seen.session.body.seen_at >= _WRITE_EVERY:
            await self._write_use(token, seen)
        return seen.principal

    async def end(self, person: Principal) -> None:
        """End this person's present session; open sockets hear of it (C-20)."""
        await self._audit.write(person.account, person.person, "session.ended", person.session)
        await self._sessions.delete(person.account, person.session)
        await self._changes.announce(person.account, "people")

    async def end_all(self, account: str, person: str) -> int:
        """End every session of a person; how many there were."""
        ended = 0
        async for session in self._sessions.all(account, Where("person", "=", person)):
            ended += await self._sessions.delete(account, session.id)
        await self._changes.announce(account, "people")
        return ended

    def secret_of(self, request: web.Request) -> str | None:
        """The secret in a request's cookie, whether it is one or not."""
        return read_cookie(request, COOKIE)

    def give(self, response: web.StreamResponse, secret: str) -> None:
        """Put the session into the browser's cookie. Lax: a link in a mail opens with the session that is there."""
        set_cookie(response, COOKIE, secret, max_age=self._absolute_ms // 1000, same_site="Lax")

    def take(self, response: web.StreamResponse) -> None:
        """Let the browser forget the session."""
        drop_cookie(response, COOKIE)

    def _expiry(self, body: SessionBody, seen_at: int) -> int:
        return min(seen_at + self._idle_ms, body.opened_at + self._absolute_ms)

    def _purge_at(self, body: SessionBody) -> int:
        """When the row may go: use that was not noted down yet counts too."""
        return self._expiry(body, body.seen_at + _WRITE_EVERY)

    async def _look_up(self, token: str, known: _Seen | None) -> _Seen | None:
        changed = self._changed
        session = await self._sessions.lookup(token=token)
        principal = None if session is None else await self._principal(session)
        if session is None or principal is None:
            self._seen.pop(token, None)
            return None
        seen_at = max(session.body.seen_at, known.seen_at if known else 0)
        seen = _Seen(session, principal, self._clock.monotonic(), seen_at)
        if changed == self._changed:
            self._seen[token] = seen
            self._seen.move_to_end(token)
            while len(self._seen) > _KNOWN:
                self._seen.popitem(last=False)
        return seen

    async def _principal(self, session: Record[SessionBody]) -> Principal | None:
        person = await self._people.get(session.account, str(session.fields["person"]))
        if person is None or person.body.epoch != session.body.epoch:
            return None
        return await self.rights_of(person, session=session.id)

    async def rights_of(self, person: Person, *, session: str = "") -> Principal | None:
        """What a person may do, in a session or if he logged in now; `None` for somebody who is locked out."""
        body = person.body
        if body.disabled_at is not None:
            return None
        bots = frozenset[str]()
        if body.role in BY_GRANT:
            bots = await self._grants.of(person.account, person.id)
        return Principal(
            account=person.account,
            person=person.id,
            name=body.name,
            email=body.email,
            role=body.role,
            session=session,
            bots=None if body.role in EVERY_BOT else bots,
            may_redact=body.may_redact,
            must_change_password=body.one_time_until is not None,
            may_share=body.may_share,
            may_download=body.may_download,
        )

    async def _write_use(self, token: str, seen: _Seen) -> None:
        """Note down that the session is in use. When storage fails, use is noted down later; nobody is thrown out."""

        def used(record: Record[SessionBody]) -> Mapping[str, Any] | None:
            if record.body.seen_at >= seen.seen_at:
                return None
            body = msgspec.structs.replace(record.body, seen_at=seen.seen_at)
            return {"body": body, "expires_at": self._purge_at(body)}

        try:
            session = await self._sessions.update(seen.session.account, seen.session.id, used)
        except Problem as error:
            log.warning("the use of a session was not noted down: %s", error.code)
            return
        if session is None:
            self._seen.pop(token, None)
        else:
            seen.session = session

    async def _forget_account(self, account: str) -> None:
        """Something about the account changed: look everything up again. The times of use are kept."""
        self._changed += 1
        for seen in self._seen.values():
            if seen.principal.account == account:
                seen.looked_up = float("-inf")

    async def _purge(self) -> None:
        """Remove a few sessions whose time is over, so that they do not pile up."""
        over = Where("expires_at", "<=", self._clock.now())
        ended, _ = await self._sessions.find_anywhere(over, order="expires_at", limit=_PURGE)
        for session in ended:
            await self._sessions.delete(session.account, session.id)
