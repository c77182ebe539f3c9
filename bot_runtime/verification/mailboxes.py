"""How often one mailbox may be written to, whoever asks (SECURITY D-11, D-12, D-13).

A person who types a stranger's address into a chat must not be able to flood that stranger. So mails are counted for
the mailbox and not for the one who asks: across all bots and accounts of the installation, durably, under a keyed
token of the address. Spellings that a large provider delivers to the same mailbox count as one. "That was not me"
silences the mailbox for 30 days.

The one who asks never learns that a mail was held back.
"""

from collections.abc import Callable
from typing import TypeVar

import msgspec

from foundation.clock import DAY, HOUR, Clock
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Stale, Taken, Where

KIND = Kind(name="mailbox", fields=("expires",), indexes=(("expires",),))

QUIET_AFTER_DENIAL = 30 * DAY
_INSTALLATION = ""
_DOTS_MEAN_NOTHING = frozenset({"gmail.com", "googlemail.com"})
_PLUS_IS_A_TAG = _DOTS_MEAN_NOTHING | {
    "fastmail.com",
    "hotmail.com",
    "icloud.com",
    "live.com",
    "me.com",
    "outlook.com",
    "pm.me",
    "proton.me",
    "protonmail.com",
}


class Limits(msgspec.Struct, frozen=True):
    """Mails to one mailbox (MISSION: 3 an hour and 10 a day)."""

    an_hour: int = 3
    a_day: int = 10


class _Sent(msgspec.Struct, frozen=True):
    at: tuple[int, ...] = ()
    quiet_until: int = 0


_T = TypeVar("_T")


class Mailboxes:
    """The counters. Safe against several requests at once: each change is made at the version it was decided on."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, limits: Limits | None = None) -> None:
        self._rows: Collection[_Sent] = Collection(engine, keyring, KIND, _Sent)
        self._keyring = keyring
        self._clock = clock
        self._limits = limits or Limits()

    async def admit(self, address: str) -> bool:
        """Count one more mail to this address; False, and nothing is counted, when it may not be written to now."""

        def decide(sent: _Sent) -> tuple[_Sent | None, bool]:
            now = self._clock.now()
            at = tuple(time for time in sent.at if time > now - DAY)
            last_hour = sum(time > now - HOUR for time in at)
            if sent.quiet_until > now or len(at) >= self._limits.a_day or last_hour >= self._limits.an_hour:
                return None, False
            return _Sent(at=(*at, now), quiet_until=sent.quiet_until), True

        return await self._change(address, decide)

    async def silence(self, address: str) -> None:
        """Write nothing to this address for 30 days: its reader said that he never asked (D-13)."""

        def decide(sent: _Sent) -> tuple[_Sent | None, None]:
            return _Sent(at=sent.at, quiet_until=self._clock.now() + QUIET_AFTER_DENIAL), None

        await self._change(address, decide)

    async def forget_old(self) -> int:
        """Remove the counters that limit nothing any more; how many went."""
        removed = 0
        while True:
            over = Where("expires", "<=", self._clock.now())
            rows, more = await self._rows.find_anywhere(over, order="expires", limit=500)
            for row in rows:
                removed += await self._rows.delete(_INSTALLATION, row.id)
            if more is None:
                return removed

    async def _change(self, address: str, decide: Callable[[_Sent], tuple[_Sent | None, _T]]) -> _T:
        token = await self._keyring.token(_INSTALLATION, "mailbox", one_mailbox(address))
        while True:
            row = await self._rows.get(_INSTALLATION, token)
            changed, answer = decide(row.body if row else _Sent())
            if changed is None:
                return answer
            try:
                await self._store(token, row, changed)
            except (Stale, Taken):
                continue
            return answer

    async def _store(self, token: str, row: Record[_Sent] | None, sent: _Sent) -> None:
        expires = max(sent.quiet_until, max(sent.at, default=0) + DAY)
        if row is None:
            await self._rows.insert(_INSTALLATION, token, sent, expires=expires)
        else:
            await self._rows.replace(row, body=sent, expires=expires)


def one_mailbox(address: str) -> str:
    """One spelling for all spellings of a mailbox; for counting only, never for sending.

    Providers known to ignore dots or what follows a plus are folded; for all others every spelling counts for itself,
    but for letter case, which no provider of note tells apart.
    """
    local, _, domain = address.strip().casefold().rpartition("@")
    if domain in _PLUS_IS_A_TAG:
        local = local.partition("+")[0]
    if domain in _DOTS_MEAN_NOTHING:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"
