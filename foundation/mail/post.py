"""The port through which mails leave, and the post office that keeps them in memory."""

import asyncio
import re
from collections import deque
from typing import Protocol

import msgspec

from foundation.clock import Clock, SystemClock
from foundation.mail.envelope import Envelope, compose

_NOT_PLAIN = re.compile(r"[^\x20-\x7e]+")


class Delivery(msgspec.Struct, frozen=True):
    """A server took the mail: when (milliseconds), over which TLS (`TLSv1.3 TLS_AES_256_GCM_SHA384`, `None`: in clear),
    and in which words. It says nothing about whether anybody will read it."""

    at: int
    tls: str | None
    reply: str


class PostError(Exception):
    """The mail was not taken. `reply` is what the server or the network said, in one printable line."""

    def __init__(self, reply: str) -> None:
        self.reply = _NOT_PLAIN.sub(" ", reply)[:300].strip()
        super().__init__(self.reply)


class PostRefused(PostError):  # noqa: N818 - what happened, in the words of the trade
    """The server refused this mail; `permanent` means that trying again cannot help (RFC 5321, 4.2.1)."""

    def __init__(self, reply: str, *, permanent: bool) -> None:
        super().__init__(reply)
        self.permanent = permanent


class PostUnreachable(PostError):  # noqa: N818
    """No server, no TLS, no valid certificate, no log-in, or no answer in time. Trying later may help."""


class Post(Protocol):
    """Where mails are handed over."""

    async def send(self, mail: Envelope) -> Delivery:
        """Hand over one mail; returns when the server has taken it.

        Raises `PostRefused`, `PostUnreachable`, and `Invalid` when the mail itself cannot be composed.
        """


class MemoryPost:
    """Keeps the newest mails. `refusals` holds, by address, the error with which a mail to it is answered."""

    def __init__(self, clock: Clock | None = None, *, keep: int = 500) -> None:
        self._clock = clock or SystemClock()
        self.sent: deque[Envelope] = deque(maxlen=keep)
        self.deliveries: deque[Delivery] = deque(maxlen=keep)
        self.refusals: dict[str, PostError] = {}
        self._count = 0
        self._came = asyncio.Condition()

    async def send(self, mail: Envelope) -> Delivery:
        compose(mail, at=self._clock.now())
        refusal = self.refusals.get(mail.to)
        if refusal is not None:
            raise refusal
        delivery = Delivery(self._clock.now(), None, "250 kept in memory")
        async with self._came:
            self.sent.append(mail)
            self.deliveries.append(delivery)
            self._count += 1
            self._came.notify_all()
        return delivery

    async def arrived(self, count: int) -> Envelope:
        """Wait until so many mails were sent in all, and give the newest."""
        async with self._came:
            await self._came.wait_for(lambda: self._count >= count)
            return self.sent[-1]
