"""What can be shown later about an opt-in, complete and unchangeable (SECURITY 4.3, D-17).

Each request has a log of its own under a key of its own: who asked, where and when, the exact text and notice that were
shown, which mail left and what the mail server answered, and what became of it. The log only grows: an entry can be
neither changed nor cut out unnoticed, because every batch is sealed to its place. It outlives the conversation and the
contact; nothing here is read to decide anything.
"""

from typing import Literal

import msgspec

from foundation.keys import Keyring
from foundation.records import Engine, EventLog, Stale
from transcripts.events import Role


class Fact(msgspec.Struct, frozen=True, tag_field="t", omit_defaults=True, kw_only=True):
    """What all entries share: when it happened, milliseconds UTC."""

    at: int


class Requested(Fact, frozen=True, tag="requested"):
    """An address was typed. `seq` is the number of the event in the conversation that says so."""

    account: str
    bot: str
    conversation: str
    seq: int
    contact: str
    address: str
    purposes: tuple[str, ...]
    text_version: str
    text_hash: str
    text: str
    notice_version: str
    notice_hash: str
    locale: str
    page: str
    by: Role
    author: str = ""
    typed_ip: str = ""
    user_agent: str = ""
    mail_message_id: str = ""
    mail_template_version: str = ""
    mail_template_hash: str = ""
    held_back: bool = False


class MailSent(Fact, frozen=True, tag="mail_sent"):
    """A mail server took the mail: its own words, and how the line was encrypted (PS-4)."""

    smtp_reply: str
    tls: str | None
    template_hash: str = ""
    """Of the wording that left, which is that of its day."""


class MailRefused(Fact, frozen=True, tag="mail_refused"):
    """A mail server refused it for good; it is not tried again (D-20)."""

    smtp_reply: str


class MailBounced(Fact, frozen=True, tag="mail_bounced"):
    """A mail server reported later that it could not be delivered, or its reader that it was unwanted (D-20)."""

    complaint: bool
    report: str


class Confirmed(Fact, frozen=True, tag="confirmed"):
    """Somebody who reads the mailbox confirmed. `landing_shown_at`: when the page was made on which he pressed."""

    confirmed_ip: str
    confirmed_ua: str
    method: Literal["button", "code"]
    same_browser: bool
    landing_shown_at: int = 0
    stay: bool = False


class Denied(Fact, frozen=True, tag="denied"):
    """The reader of the mailbox said that it was not he (D-13)."""

    denied_ip: str
    denied_ua: str


class Withdrawn(Fact, frozen=True, tag="withdrawn"):
    """The consent was taken back, and through what."""

    via: str


class Voided(Fact, frozen=True, tag="voided"):
    """The request lost its force before anybody confirmed it."""

    reason: str


AnyFact = Requested | MailSent | MailRefused | MailBounced | Confirmed | Denied | Withdrawn | Voided


class Evidence:
    """The logs, one for each request, named by the request's id."""

    def __init__(self, engine: Engine, keyring: Keyring) -> None:
        self._log: EventLog[AnyFact] = EventLog(engine, keyring, "evidence", AnyFact)
        self._keyring = keyring

    async def add(self, account: str, request: str, key: str, fact: AnyFact) -> None:
        """Add a fact; one that is there already (same kind, same time) is not added again."""
        while True:
            known = await self.of(account, request)
            if any(type(fact) is type(old) and fact.at == old.at for old in known):
                return
            try:
                await self._log.append(account, _name(request), key, [fact], len(known))
            except Stale:
                continue
            return

    async def destroy(self, account: str, request: str) -> int:
        """Destroy the key of a request's evidence and remove it; how many batches went."""
        for key in await self._log.keys(account, _name(request)):
            await self._keyring.destroy(account, key)
        return await self._log.delete(account, _name(request))

    async def of(self, account: str, request: str) -> list[AnyFact]:
        """All facts of a request, in order; empty when there is none. Raises `Damaged` when it was tampered with."""
        return [fact for _, fact in await self._log.read(account, _name(request))]


def _name(request: str) -> str:
    return f"evidence/{request}"
