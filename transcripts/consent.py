"""Consent: the notice that is shown, and the evidence that it was accepted or taken back (MS-1, MS-2, MS-3).

Records are only ever added. A withdrawal is a record of its own that names the one it ends; nothing is changed or
removed, and the records outlive the conversation, because the proof has to (SECURITY 4.3). The subject is a keyed token
of the browser's hash: it is found again when the same browser asks, and says nothing to anybody else.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Literal

import msgspec

from admin import Accounts, Bots
from foundation.clock import Clock
from foundation.errors import Conflict, NotFound
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Where
from transcripts.notices import LANGUAGES, Notice, compose, filled, language_of
from transcripts.published import PublishedTexts, Use

CONSENT = Kind(
    name="consent_record",
    fields=("subject", "conversation", "at"),
    indexes=(("account", "conversation"), ("account", "subject", "at"), ("account", "at")),
)

Method = Literal["button", "checkbox"]


class Consent(msgspec.Struct, frozen=True):
    """One record of evidence. `withdraws` names the record that this one ends; it is empty when consent is given.

    `subject` is the keyed token of the browser: the same browser has the same one, and it leads to nobody.
    """

    id: str
    at: int
    subject: str
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


Kept = Callable[[str, str], Awaitable[int | None]]
"""Account and bot → days of retention."""


async def _without_end(_account: str, _bot: str) -> int | None:
    return None


class Consents:
    """Notices and records of all accounts. `kept` answers for how many days conversations of a bot are kept, which
    notices name; `None` where there is no end."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        accounts: Accounts,
        bots: Bots,
        *,
        kept: Kept | None = None,
        texts: PublishedTexts | None = None,
    ) -> None:
        self._records: Collection[_Body] = Collection(engine, keyring, CONSENT, _Body)
        self._keyring = keyring
        self._clock = clock
        self._accounts = accounts
        self._bots = bots
        self.kept: Kept = kept or _without_end
        self.texts = texts or PublishedTexts(engine, keyring, clock)

    async def notice(self, account: str, bot: str, locale: str, *, use: Use = "notice") -> Notice:
        """The text that is current for this bot, in the language of the locale. Raises `NotFound`."""
        return await self._compose(account, bot, locale, use, await self._names(account, bot))

    async def as_read(self, account: str, bot: str, locale: str, text: str) -> str:
        """A text that is not published yet, with the names and the retention that visitors of this bot would read."""
        controller, name = await self._names(account, bot)
        return filled(text, controller=controller, bot=name, locale=locale, days=await self.kept(account, bot))

    async def current(self, account: str, bot: str, *, use: Use = "notice") -> dict[str, Notice]:
        """The current text in every language, by version: whoever accepted one of these need not be asked again."""
        names = await self._names(account, bot)
        shown = [await self._compose(account, bot, language, use, names) for language in LANGUAGES]
        return {one.version: one for one in shown}

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
        use: Use = "notice",
    ) -> Consent:
        """Record that this browser accepted the text of this version and use, with its exact words.

        Raises `Conflict` when the text has changed since it was shown: what was not read is not consented to.
        """
        notice = (await self.current(account, bot, use=use)).get(version)
        if notice is None or not notice.purposes:
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

    async def refuse(
        self, account: str, bot: str, *, visitor: str, conversation: str, use: Use, locale: str, page: str = ""
    ) -> Consent:
        """Record that this browser does not want this, whether it was consented to or rests on another ground (Art. 21).
        The record names the consent that it ends, or `none`."""
        notice = await self.notice(account, bot, locale, use=use)
        given = await self.standing(account, bot, visitor, notice.purposes[0])
        body = _Body(bot, notice.purposes, notice.version, notice.hash, notice.text, notice.locale, page, "button")
        body = msgspec.structs.replace(body, withdraws=given.id if given else "none")
        return await self._add(account, visitor, conversation, body)

    async def last_word(self, account: str, bot: str, visitor: str, purpose: str) -> Consent | None:
        """The newest record of this browser about this purpose: given, or (`withdraws` is not empty) refused."""
        records = await self.of_visitor(account, visitor)
        about = [one for one in records if one.bot == bot and purpose in one.purposes]
        # Of two in the same millisecond the "no" counts.
        return max(about, key=lambda one: (one.at, bool(one.withdraws)), default=None)

    async def standing(self, account: str, bot: str, visitor: str, purpose: str) -> Consent | None:
        """The consent of this browser to this purpose, if it was given and not taken back since."""
        last = await self.last_word(account, bot, visitor, purpose)
        return last if last is not None and not last.withdraws else None

    async def log(
        self,
        account: str,
        *,
        bot: str = "",
        since: int = 0,
        until: int | None = None,
        newest_first: bool = False,
    ) -> AsyncIterator[Consent]:
        """Every record of the account from `since` (included) to `until` (not included)."""
        where = [Where("at", ">=", since)]
        if until is not None:
            where.append(Where("at", "<", until))
        async for record in self._records.all(account, *where, order="-at" if newest_first else "at"):
            if not bot or record.body.bot == bot:
                yield _consent(record)

    async def _compose(self, account: str, bot: str, locale: str, use: Use, names: tuple[str, str]) -> Notice:
        controller, name = names
        published = await self.texts.for_bot(account, use, language_of(locale), bot)
        days = await self.kept(account, bot)
        return compose(controller=controller, bot=name, locale=locale, days=days, use=use, published=published)

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
        subject=str(record.fields["subject"]),
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
