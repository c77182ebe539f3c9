"""Signals between nodes, over Redis pub/sub; within a node they are `LocalSignals` as ever.

What travels is sealed whole with a key of the installation: whoever reads or writes the channel learns and forges nothing.
What does not open is dropped, counted, and told to the log once a minute. Nothing here blocks or fails a publisher: while
Redis is away, hints wait in a bounded queue, the oldest go first, and each node goes on by itself; the log is the truth, and
who reads it looks again from time to time. One channel serves all nodes of an installation.
"""

import asyncio
import importlib
import logging
import os
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from foundation.clock import SECOND, Clock
from foundation.hints import LARGEST, Hint, Relay, decoded, encoded
from foundation.tasks import ended

CHANNEL = "frontdesk/signals"
MOST_WAITING = 10_000
"""Hints that wait for Redis; a node that is cut off for longer forgets the oldest."""

_NONCE = 12
_TOGETHER = 200
_TELL_EVERY_S = 60.0
_BREATHE_EVERY = 50
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)
_log = logging.getLogger(__name__)


def check_url(url: str) -> None:
    """Raises `ValueError` with a sentence for a Redis that may not be used."""
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("a Redis URL is rediss://user:password@host:6379/0, or redis:// on this machine")
    if parts.scheme == "redis" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
        raise ValueError("a Redis on another machine is reached over TLS: rediss://")
    if "ssl_cert_reqs" in parts.query.lower() or "ssl_check_hostname" in parts.query.lower():
        raise ValueError("the certificate of Redis is always checked; leave these options out")


class RedisSignals(Relay):
    """`Signals` that other nodes hear too. `secret`: 32 bytes that all nodes of the installation share."""

    def __init__(self, url: str, secret: bytes, clock: Clock, *, dropped: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        check_url(url)
        self._url = url
        self._cipher = AESGCM(secret)
        self._clock = clock
        self.dropped = dropped
        """Called for each message on the channel that none of our nodes sent."""
        self._untold = 0
        self._told_at = -_TELL_EVERY_S
        self._waiting: deque[bytes] = deque(maxlen=MOST_WAITING)
        self._some = asyncio.Event()
        self.connected = False
        """Whether this node hears the others."""

    async def run(self) -> None:
        """Send and hear until cancelled; comes back whenever Redis does."""
        tries = 0
        while True:
            began = self._clock.monotonic()
            try:
                await self._talk()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the node goes on without
                if self.connected or not tries:
                    _log.warning("Redis is away (%s); this node goes on by itself", type(error).__name__)
            self.connected = False
            tries = 0 if self._clock.monotonic() - began > 30 else tries + 1
            await self._clock.sleep(int(_PAUSES[min(tries, len(_PAUSES) - 1)] * SECOND))

    async def _talk(self) -> None:
        driver, about = await asyncio.to_thread(_driver)
        async with (
            driver.Redis.from_url(
                self._url, socket_connect_timeout=5, socket_keepalive=True, health_check_interval=15, driver_info=about
            ) as redis,
            redis.pubsub(ignore_subscribe_messages=True) as heard,
        ):
            await heard.subscribe(CHANNEL)
            self.connected = True
            _log.info("signals go to the other nodes, and theirs come here")
            working = [asyncio.create_task(self._hear(heard)), asyncio.create_task(self._tell(redis))]
            try:
                done, _ = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            finally:
                await ended(*working)

    async def _tell(self, redis: Any) -> None:
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                async with redis.pipeline(transaction=False) as pipe:
                    for _ in range(min(_TOGETHER, len(self._waiting))):
                        pipe.publish(CHANNEL, self._waiting.popleft())
                    await pipe.execute()

    async def _hear(self, heard: Any) -> None:
        count = 0
        async for message in heard.listen():
            count += 1
            if count % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)  # what is read already comes without a pause, and a flood is always read already
            data = message.get("data")
            hint = self._opened(data) if isinstance(data, bytes) else None
            if hint is None:
                self._refuse()
            else:
                self._take(hint)

    def _refuse(self) -> None:
        self.dropped()
        self._untold += 1
        now = self._clock.monotonic()
        if now - self._told_at >= _TELL_EVERY_S:
            _log.warning(
                "%d messages on the channel of the signals were not from our nodes and were left out", self._untold
            )
            self._untold, self._told_at = 0, now

    def _send(self, hint: Hint) -> None:
        nonce = os.urandom(_NONCE)
        self._waiting.append(nonce + self._cipher.encrypt(nonce, encoded(hint), CHANNEL.encode()))
        self._some.set()

    def _opened(self, data: bytes) -> Hint | None:
        """The hint, if one of our nodes sent it and it can be meant."""
        if not _NONCE < len(data) <= LARGEST:
            return None
        try:
            return decoded(self._cipher.decrypt(data[:_NONCE], data[_NONCE:], CHANNEL.encode()))
        except InvalidTag:
            return None


def _driver() -> tuple[Any, Any]:
    """The driver, an extra, and what it says of itself; both read files."""
    return importlib.import_module("redis.asyncio"), importlib.import_module("redis.driver_info").DriverInfo()
