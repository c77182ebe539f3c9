"""Saying that an account's settings changed, so that nobody goes on with the old ones (A-10, L-16).

What keeps settings in memory observes: it is told in this process before the change's answer leaves, and in other
processes by a signal. Consoles hear the same on their account's own topic.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from foundation.live import Signals
from foundation.tasks import ended

log = logging.getLogger(__name__)

TOPIC = "accounts"
"""Every change of every account; the subject is the account's id."""

What = Literal["account", "bots", "people", "ranges"]

Observer = Callable[[str], Awaitable[None]]
"""Is given the account's id. Must not raise: a failing look at the new state means to forget the old one."""


class Changes:
    """Announces changes, and passes on those that others announce."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._observers: list[Observer] = []

    def observe(self, observer: Observer) -> None:
        """Be told of every change from now on."""
        self._observers.append(observer)

    async def announce(self, account: str, what: What) -> None:
        """Call when a change is durable, before its answer leaves."""
        await self._tell(account)
        self._signals.publish(TOPIC, 0, subject=account)
        self._signals.publish(f"account/{account}", 0, subject=what)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Pass on what other processes announce while the block runs."""
        async with self._signals.listen(TOPIC) as listener:

            async def follow() -> None:
                async for signal in listener:
                    await self._tell(signal.subject)

            follower = asyncio.create_task(follow(), name="changes of accounts")
            try:
                yield
            finally:
                await ended(follower)

    async def _tell(self, account: str) -> None:
        for observer in self._observers:
            await observer(account)
