"""Those who are refused again and again: what they cost is bounded, and nothing is hidden from the audit book.

The first refusals of a stranger or of a person in a minute are written one by one. Further ones are counted, and the
count is written as one entry a minute ("40 refused attempts from …"). Far beyond that the answer is 429, whether the
link exists or not. Only refusals are counted: who may read is let in first, so nobody at a listed address can be locked
out by somebody else at it.
"""

import contextlib
import logging
from ipaddress import IPv6Address, ip_network

from admin import AuditBook
from foundation.clock import MINUTE, Clock
from foundation.errors import Problem, TooMany
from foundation.web import Address, Throttle

log = logging.getLogger(__name__)

ROWS = 30
"""Refusals of one address or person written one by one in a minute."""

MOST = 300
"""Refusals in a minute after which the answer is 429. People behind one address mistype; programs guess."""

_KNOWN = 5_000
_OTHERS = "many"

_Who = tuple[str, str, str]


class Refusals:
    """`account`, person and address together are who is counted; a network of IPv6 (/64) counts as one address."""

    def __init__(self, audit: AuditBook, clock: Clock, *, rows: int = ROWS, most: int = MOST) -> None:
        self._audit = audit
        self._clock = clock
        self._rows = Throttle(clock, rows, MINUTE, max_keys=_KNOWN)
        self._most = Throttle(clock, most, MINUTE, max_keys=_KNOWN)
        self._counted: dict[_Who, int] = {}

    def is_written(self, account: str, person: str, address: Address | None) -> bool:
        """Count one refusal; whether it gets an entry of its own. Raises `TooMany`, and counts that too."""
        source = _source(address)
        key = person or source
        if _used_up(self._rows, key):
            self._count((account, person, source))
            self._most.check(key)
            self._most.hit(key)
            return False
        self._rows.hit(key)
        self._most.hit(key)
        return True

    async def write_counts(self) -> None:
        """Write what was counted since the last time. What the book does not take stays counted; then this raises."""
        for who in list(self._counted):
            account, person, source = who
            count = self._counted[who]
            await self._audit.write(account, person, "transcript.refused_often", address=source or None, attempts=count)
            left = self._counted.pop(who) - count
            if left:
                self._counted[who] = left

    async def run(self) -> None:
        """Write the counts every minute, and once more at the end."""
        try:
            while True:
                await self._clock.sleep(MINUTE)
                try:
                    await self.write_counts()
                except Problem:
                    log.exception("the counts of refused readers are not written down yet")
        finally:
            with contextlib.suppress(Exception):
                await self.write_counts()

    def _count(self, who: _Who) -> None:
        if who not in self._counted and len(self._counted) >= _KNOWN:
            who = (who[0] if (who[0], "", _OTHERS) in self._counted else "", "", _OTHERS)
        self._counted[who] = self._counted.get(who, 0) + 1


def _source(address: Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(ip_network(f"{address}/64", strict=False))
    return "" if address is None else str(address)


def _used_up(throttle: Throttle, key: str) -> bool:
    try:
        throttle.check(key)
    except TooMany:
        return True
    return False
