"""Daily figures that survive deletion: counts by bot, without ids, and nothing where they could point to somebody (MS-9).

A day is counted once, after it is over, before any rule can delete of it. A day with fewer than `LEAST` conversations is
kept as "too few", and within a larger day every count below it too; so what is stored already says no more than the
page, and no sum over it gives a hidden count back. Frozen conversations are not counted (Art. 18).
"""

import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from admin import Accounts, Bots
from foundation.clock import DAY, SECOND, Clock
from foundation.errors import Gone, NotFound
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken, Where
from transcripts.conversations import Conversations
from transcripts.events import Closed, ControlChanged, EmailVerified, MessageSent, Numbered, Opened

FIGURE = Kind("figure", fields=("bot", "day"), unique=(("account", "bot", "day"),), indexes=(("account", "day"),))

LEAST = 5
"""Groups smaller than this are not shown, and not kept (SECURITY E-6)."""
_CATCH_UP = 31
_ROUNDED = 10 * SECOND

COUNTS = ("conversations", "messages", "handoffs", "taken", "verified", "closed")


class Figures(msgspec.Struct, frozen=True):
    """A day of a bot. `None` is "fewer than five", or none of the times; `median_wait` is in milliseconds."""

    day: int
    bot: str
    counts: Mapping[str, int | None]
    median_wait: int | None


class _Body(msgspec.Struct, frozen=True):
    counts: dict[str, int | None]
    median_wait: int | None = None


class FigureBook:
    """The figures of all accounts. A day is a number: days since 1 January 1970, UTC."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        accounts: Accounts,
        bots: Bots,
        conversations: Conversations,
    ) -> None:
        self._rows: Collection[_Body] = Collection(engine, keyring, FIGURE, _Body)
        self._clock = clock
        self._accounts = accounts
        self._bots = bots
        self._conversations = conversations

    async def settle(self) -> int:
        """Count the days that are over and not counted yet, at most a month back; how many rows were made."""
        made, today = 0, self._clock.now() // DAY
        async for account in self._accounts.all():
            for bot in await self._bots.list(account.id):
                counted = await self._last(account.id, bot.id)
                born = int(bot.fields["created_at"] or 0) // DAY
                for day in range(max(counted + 1, born, today - _CATCH_UP), today):
                    made += await self._count(account.id, bot.id, day)
        return made

    async def since(self, account: str, since: int) -> Sequence[Figures]:
        """The days from this one on, the newest first."""
        where = Where("day", ">=", since)
        return [_figures(record) async for record in self._rows.all(account, where, order="-day")]

    async def _last(self, account: str, bot: str) -> int:
        found, _ = await self._rows.find(account, Where("bot", "=", bot), order="-day", limit=1)
        return int(found[0].fields["day"] or 0) if found else 0

    async def _count(self, account: str, bot: str, day: int) -> bool:
        counts: dict[str, int] = dict.fromkeys(COUNTS, 0)
        waits: list[int] = []
        touched = self._conversations.heads.by_change(account, bot, since=day * DAY, opened_before=(day + 1) * DAY)
        async for row in touched:
            await self._add(account, row.id, day, counts, waits)
        try:
            await self._rows.insert(account, new_id(), _kept(counts, waits), bot=bot, day=day)
        except Taken:
            return False
        return True

    async def _add(self, account: str, conversation: str, day: int, counts: dict[str, int], waits: list[int]) -> None:
        try:
            state, events = await self._conversations.passing(account, conversation)
        except (NotFound, Gone):
            return
        if state.restricted is None:
            _add_events(events, day, counts, waits)


def day_name(day: int) -> str:
    """`2026-11-21`."""
    return f"{datetime.fromtimestamp(day * DAY / 1000, UTC):%Y-%m-%d}"


def _add_events(events: Sequence[Numbered], day: int, counts: dict[str, int], waits: list[int]) -> None:
    queued: int | None = None
    for one in events:
        event, today = one.event, one.event.at // DAY == day
        if isinstance(event, ControlChanged):
            if event.now == "agent" and queued is not None and today:
                counts["taken"] += 1
                waits.append(event.at - queued)
            queued = event.at if event.now == "queue" else None
            counts["handoffs"] += today and event.now == "queue"
        elif today:
            counts["conversations"] += isinstance(event, Opened)
            counts["messages"] += isinstance(event, MessageSent)
            counts["verified"] += isinstance(event, EmailVerified)
            counts["closed"] += isinstance(event, Closed)


def _kept(counts: Mapping[str, int], waits: Sequence[int]) -> _Body:
    """What may be kept of a day: small groups are not."""
    if counts["conversations"] < LEAST:
        return _Body(dict.fromkeys(COUNTS))
    shown = {name: None if 0 < count < LEAST else count for name, count in counts.items()}
    enough = len(waits) >= LEAST
    return _Body(shown, round(statistics.median(waits) / _ROUNDED) * _ROUNDED if enough else None)


def _figures(record: Record[_Body]) -> Figures:
    return Figures(
        int(record.fields["day"] or 0), str(record.fields["bot"]), record.body.counts, record.body.median_wait
    )
