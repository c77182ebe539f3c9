"""The enabled lists of all accounts, in memory: whether an address is in one is a matter of microseconds.

A link is opened by a range of its own account and bot, by nobody else's (L-9). Lists that cannot be read are empty
lists: then members only (fail closed). A range that has expired counts no more from that millisecond on, without
anybody having to announce it. What another process changed is heard by signal; and because a signal may be lost,
`refresh` looks at the stored versions whenever the last look is a second old (L-16: two seconds on every node).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

import msgspec

from admin.intervals import Segments
from admin.ranges import Span, number_of, number_of_text
from foundation.clock import Clock

log = logging.getLogger(__name__)

ACCOUNT_SCOPE = "account"
"""The scope of the account's own list; every other scope is a bot's id."""

FRESH_S = 1.0
"""Seconds for which a look at the stored versions holds."""

_MOST_LOOKS = 100_000


class Counted(msgspec.Struct, frozen=True):
    """A range of an enabled list, as far as it matters for a decision."""

    span: Span
    id: str
    expires_at: int | None = None


class Stand(msgspec.Struct, frozen=True):
    """An account's enabled lists by scope, as they were at a mark: what `Look` says while nothing changes."""

    mark: Hashable
    lists: Mapping[str, Sequence[Counted]]


Read = Callable[[str], Awaitable[Stand]]
Look = Callable[[str], Awaitable[Hashable]]


class Match(msgspec.Struct, frozen=True):
    """The range that lets an address in, and whose list it is in (`account` or a bot's id)."""

    scope: str
    range_id: str


class EnabledLists:
    """What `read` reads, laid out for looking up; `look` says cheaply whether it would read something else."""

    def __init__(self, read: Read, look: Look, clock: Clock) -> None:
        self._read = read
        self._look = look
        self._clock = clock
        self._lists: dict[str, dict[str, _List]] = {}
        self._marks: dict[str, Hashable] = {}
        self._looked: dict[str, float] = {}
        self._loading = asyncio.Lock()

    def allowed(self, account: str, bot: str, address: IPv4Address | IPv6Address | str | None) -> Match | None:
        """The range of an enabled list of this bot, or else of this account, that holds the address."""
        lists = self._lists.get(account)
        if lists is None:
            return None
        number = number_of_text(address) if isinstance(address, str) else number_of(address)
        if number is None:
            return None
        now = self._clock.now()
        for scope in (bot, ACCOUNT_SCOPE):
            found = lists[scope].find(number, now) if scope in lists else None
            if found is not None:
                return Match(scope, found)
        return None

    async def refresh(self, account: str) -> None:
        """Make sure that what `allowed` says is at most a second old. If that fails, the lists are empty."""
        now = self._clock.monotonic()
        if 0 <= now - self._looked.get(account, float("-inf")) < FRESH_S:
            return
        try:
            mark = await self._look(account)
        except Exception:
            self._forget(account)
            log.exception("the address ranges of an account cannot be looked at, so they open nothing")
            return
        if account not in self._marks or mark != self._marks[account]:
            await self.reload(account)
        if account in self._marks:
            if len(self._looked) >= _MOST_LOOKS:
                self._looked.clear()
            self._looked[account] = now

    async def reload(self, account: str) -> None:
        """Read the lists of an account again. If that fails they are taken for empty, and the failure is logged."""
        async with self._loading:  # the last to begin reading is the last to write
            try:
                stand = await self._read(account)
            except Exception:
                self._forget(account)
                log.exception("the address ranges of an account cannot be read, so they open nothing")
                return
            self._marks[account] = stand.mark
            self._lists[account] = {scope: _List(ranges) for scope, ranges in stand.lists.items()}

    def _forget(self, account: str) -> None:
        for known in (self._lists, self._marks, self._looked):
            known.pop(account, None)


class _List:
    """A list: what lasts is laid out once, what ends is laid out anew when a part of it has ended."""

    __slots__ = ("_ending", "_from", "_lasting", "_open", "_until")

    def __init__(self, ranges: Sequence[Counted]) -> None:
        self._lasting = Segments((one.span, one.id) for one in ranges if one.expires_at is None)
        self._ending = [(one.expires_at, one.span, one.id) for one in ranges if one.expires_at is not None]
        self._open = Segments(())
        self._from = self._until = 0

    def find(self, number: int, now: int) -> str | None:
        found = self._lasting.find(number)
        if found is not None or not self._ending:
            return found
        if not self._from <= now < self._until:  # a clock may also be set back
            live = [one for one in self._ending if one[0] > now]
            self._open = Segments((span, name) for _, span, name in live)
            self._from, self._until = now, min((end for end, _, _ in live), default=now + 1)
        return self._open.find(number)
