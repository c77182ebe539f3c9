"""The mailbox of the demo: what was sent, to read in the browser, in place of a mail account.

Mails lie in it sealed like everything else. If an SMTP server is configured they leave through it as well, and the
mailbox keeps a copy with the server's answer.
"""

import re
from typing import Any

import msgspec
from aiohttp import web

from foundation.clock import Clock
from foundation.ids import new_id
from foundation.mail import Delivery, Envelope, Post
from foundation.records import Collection, Engine, Kind
from foundation.web import PUBLIC, Pages, Route
from transcripts.rights import Whose

KIND = Kind("demo_mail", fields=("at",), indexes=(("account", "at"),))
SHOWN = 50

_URL = re.compile(r"https?://[^\s<>\"]+")


class Kept(msgspec.Struct, frozen=True):
    """One mail as it was sent, and what the server said."""

    mail: Envelope
    delivery: Delivery


class MailboxPost:
    """A `Post` that keeps what it is given, and passes it on to `onward` first if there is one."""

    def __init__(self, mails: Collection[Kept], clock: Clock, onward: Post | None = None) -> None:
        self._mails = mails
        self._clock = clock
        self._onward = onward

    async def send(self, mail: Envelope) -> Delivery:
        now = self._clock.now()
        if self._onward is None:
            delivery = Delivery(at=now, tls=None, reply="kept in the demo's mailbox")
        else:
            delivery = await self._onward.send(mail)
        await self._mails.insert("", new_id(), Kept(mail=mail, delivery=delivery), at=now)
        return delivery


class MailboxHolding:
    """A `Holding`: the demo's copies of mails to somebody who is erased."""

    name = "mails in the demo's mailbox"

    def __init__(self, mails: Collection[Kept]) -> None:
        self._mails = mails

    async def erase(self, whose: Whose) -> int:
        gone = 0
        if whose.addresses:
            async for record in self._mails.all(""):
                if record.body.mail.to in whose.addresses:
                    gone += await self._mails.delete("", record.id)
        return gone

    def forget(self, whose: Whose) -> None:  # noqa: ARG002 - a Holding
        return


class Mailbox:
    """The page `/mailbox`."""

    def __init__(self, mails: Collection[Kept], pages: Pages) -> None:
        self._mails = mails
        self._pages = pages

    async def page(self, request: web.Request) -> web.Response:
        kept, _ = await self._mails.find("", order="-at", limit=SHOWN)
        mails = [
            {
                "to": record.body.mail.to,
                "sender": record.body.mail.sender,
                "subject": record.body.mail.subject,
                "at": record.fields["at"],
                "reply": record.body.delivery.reply,
                "tls": record.body.delivery.tls,
                "parts": list(parts_of(record.body.mail.text)),
            }
            for record in kept
        ]
        return await self._pages.render(request, "config/mailbox.html", mails=mails)

    def routes(self) -> list[Route]:
        return [Route("GET", "/mailbox", self.page, PUBLIC, "page")]


def mailbox(engine: Engine, keyring: Any) -> Collection[Kept]:
    """The store of the mailbox's mails."""
    return Collection(engine, keyring, KIND, Kept)


def parts_of(text: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is a web address."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for found in _URL.finditer(text):
        parts += [(text[end : found.start()], False), (found.group(), True)]
        end = found.end()
    return [*parts, (text[end:], False)]
