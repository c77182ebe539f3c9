"""Consent: the notice that is shown, and the evidence that it was accepted or taken back (MS-1, MS-2, MS-3).

Records are only ever added. A withdrawal is a record of its own that names the one it ends; nothing is changed or
removed, and the records outlive the conversation, because the proof has to (SECURITY 4.3). The subject is a keyed token
of the browser's hash: it is found again when the same browser asks, and says nothing to anybody else.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from admin import Accounts, Bots
from foundation.clock import Clock
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where
from transcripts.notices import LANGUAGES, Notice, compose

CONSENT = Kind(
    name="consent_record",
    fields=("subject", "conversation", "at"),
    indexes=(("account", "conversation"), ("account", "subject", "at")),
)

Method = Literal["button", "checkbox"]


class Consent(msgspec.Struct, frozen=True):
    """One record of evidence. `withdraws` names the record that this one ends; it is empty when consent is given."""

    id: str
    at: int
    bot: str
    conversation: str
    purposes: tuple[str, ...]
    version: str
    hash: str
    text: str
    locale: str
    page: str
    method: str
    withdraws: str = ""


class _Body(msgspec.Struct, frozen=True):
    bot: str
    purposes: tuple[str, ...]
    version: str
    hash: str
    text: str
    locale: str
    page: str
    method: str
    withdraws: str = ""


class Consents:
    """Notices and records of all accounts. `days` is the retention that notices name, `None` while none is enforced."""

    def __init__(
        self, engine: Engine, keyring: Keyring, clock: Clock, accounts: Accounts, bots: Bots, *, days: int | None = None
    ) -> None:
        self._records: Collection[_Body] = Collection(engine, keyring, CONSENT, _Body)
        self._keyring = keyring
        self._clock = clock
        self._accounts = accounts
        self._bots = bots
        self._days = days

    async def notice(self, account: str, bot: str, locale: str) -> Notice:
        """The notice that is current for this bot, in the language of the locale. Raises `NotFound`."""
        controller, name = await self._names(account, bot)
        return compose(controller=controller, bot=name, locale=locale, days=self._days)

    async def give(
        self,
        account: str,
        bot: str,
        *,
        visitor: str,
        conversation: str,
        version: str,
        page: str = "",
        method: Method = "button",
    ) -> Consent:
        """Record that this browser accepted the notice of this version, with its exact text.

        Raises `Conflict` when the notice has changed since it was shown: what was not read is not consented to.
        """
        controller, name = await self._names(account, bot)
        shown = [compose(controller=controller, bot=name, locale=one, days=self._days) for one in LANGUAGES]
        notice = next((one for one in shown if one.version == version), None)
        if notice is None:
            raise Conflict("The notice has changed since it was shown. Please read it again. Nothing was stored.")
        body = _Body(bot, notice.purposes, notice.version, notice.hash, notice.text, notice.locale, page, method)
        return await self._add(account, visitor, conversation, body)

    async def withdraw(
        self, account: str, record: str, *, visitor: str, page: str = "", method: Method = "button"
    ) -> Consent:
        """Record that the consent was taken back. Raises `NotFound` when there is no such record."""
        given = await self._records.get(account, record)
        if given is None or given.fields["subject"] != await self._subject(account, visitor):
            raise NotFound("There is no such consent.")
        body = msgspec.structs.replace(given.body, page=page, method=method, withdraws=record)
        return await self._add(account, visitor, str(given.fields["conversation"]), body)

    async def of(self, account: str, conversation: str) -> Sequence[Consent]:
        """All records of a conversation, oldest first."""
        found, _ = await self._records.find(account, Where("conversation", "=", conversation), order="at", limit=1000)
        return [_consent(record) for record in found]

    async def of_visitor(self, account: str, visitor: str) -> Sequence[Consent]:
        """All records of a browser, oldest first."""
        subject = await self._subject(account, visitor)
        found, _ = await self._records.find(account, Where("subject", "=", subject), order="at", limit=1000)
        return [_consent(record) for record in found]

    async def pseudonymise(self, account: str, conversation: str) -> int:
        """Take what could lead to a person out of the records of an erased conversation: the page. The proof stays:
        subject (a keyed token), text, time, method (Art. 17 (3) (b), (e)). How many records changed."""
        changed = 0
        async for record in self._records.all(account, Where("conversation", "=", conversation)):
            if record.body.page:
                await self._records.replace(record, body=msgspec.structs.replace(record.body, page=""))
                changed += 1
        return changed

    async def _add(self, account: str, visitor: str, conversation: str, body: _Body) -> Consent:
        subject = await self._subject(account, visitor)
        record = await self._records.insert(
            account, new_id(), body, subject=subject, conversation=conversation, at=self._clock.now()
        )
        return _consent(record)

    async def _subject(self, account: str, visitor: str) -> str:
        return await self._keyring.token(account, "consent", visitor)

    async def _names(self, account: str, bot: str) -> tuple[str, str]:
        owner, found = await self._accounts.get(account), await self._bots.get(account, bot)
        if owner is None or found is None:
            raise NotFound("There is no such bot.")
        return owner.body.name, found.body.name


def _consent(record: Record[_Body]) -> Consent:
    body = record.body
    return Consent(
        id=record.id,
        at=int(record.fields["at"] or 0),
        bot=body.bot,
        conversation=str(record.fields["conversation"]),
        purposes=body.purposes,
        version=body.version,
        hash=body.hash,
        text=body.text,
        locale=body.locale,
        page=body.page,
        method=body.method,
        withdraws=body.withdraws,
    )
