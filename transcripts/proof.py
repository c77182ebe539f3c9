"""What shows an auditor that consents were given: every version of every text, the log, and how to check both (MS-3).

A record holds the exact words that were accepted with their SHA-256, and so do the published versions; `SHA256SUMS`
covers the files of the pack. The subject is a keyed token: equal for one browser, and nobody's name.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from admin import Accounts, Bots
from foundation.clock import Clock
from foundation.errors import TooLarge
from foundation.web import Pages
from transcripts.archives import archive
from transcripts.consent import Consent, Consents
from transcripts.notices import OURS
from transcripts.published import Version, hash_of

MOST_RECORDS = 200_000
"""Of one pack; a longer time is asked for in parts."""


class OurText(msgspec.Struct, frozen=True):
    """Words of the program itself, which count where the account has published none."""

    use: str
    language: str
    text: str
    hash: str


class Pack(msgspec.Struct, frozen=True):
    """The content of `consents.json`."""

    account: str
    controller: str
    made_at: int
    since: int
    until: int | None
    bot: str
    bots: dict[str, str]
    texts: Sequence[Version]
    our_texts: Sequence[OurText]
    records: Sequence[Consent]
    damaged_hashes: Sequence[str]


class Proof:
    """Makes the packs."""

    def __init__(self, consents: Consents, accounts: Accounts, bots: Bots, pages: Pages, clock: Clock) -> None:
        self._consents = consents
        self._accounts = accounts
        self._bots = bots
        self._pages = pages
        self._clock = clock

    async def pack(self, account: str, *, bot: str, since: int, until: int | None) -> Pack:
        """Everything in it. `damaged_hashes` are the records whose words do not have the hash that stands with them."""
        owner = await self._accounts.get(account)
        records = []
        async for one in self._consents.log(account, bot=bot, since=since, until=until):
            records.append(one)
            if len(records) > MOST_RECORDS:
                raise TooLarge(f"These are more than {MOST_RECORDS:,} records. Please choose a shorter time.")
        return Pack(
            account=account,
            controller=owner.body.name if owner else "",
            made_at=self._clock.now(),
            since=since,
            until=until,
            bot=bot,
            bots={one.id: one.body.name for one in await self._bots.list(account)},
            texts=await self._consents.texts.all(account),
            our_texts=[
                OurText(use, language, text, hash_of(text))
                for language, texts in OURS.items()
                for use, text in texts.items()
            ],
            records=records,
            damaged_hashes=[one.id for one in records if hash_of(one.text) != one.hash],
        )

    async def zipped(self, pack: Pack) -> bytes:
        """The pack as a ZIP archive: for programs, for people, and the hashes of both."""
        return await asyncio.to_thread(self._zip, pack)

    def _zip(self, pack: Pack) -> bytes:
        page = self._pages.text("transcripts/proof.html", pack=pack, when=when, texts=_texts(pack))
        data = msgspec.json.format(msgspec.json.encode(pack), indent=2)
        return archive({"consents.json": data, "consents.html": page.encode(), "README.txt": _README.encode()})


def when(at: int | None) -> str:
    """`2026-11-21 14:02:03 UTC`."""
    return "" if at is None else f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _texts(pack: Pack) -> dict[str, Consent]:
    """Every wording that was accepted, once."""
    return {one.hash: one for one in pack.records}


_README = """\
Proof of consents

consents.json   everything, for programs
consents.html   the same, to read
SHA256SUMS      check that nothing was changed: sha256sum --check SHA256SUMS

Every record in "records" holds the exact text that was shown and accepted ("text"), its SHA-256 in hex ("hash"), the
purposes, the time in milliseconds since 1970 UTC, the language, the page and the method. A record with "withdraws" is a
withdrawal or an objection and names the record that it ends. "subject" is the same for all records of one browser and
leads to nobody. "texts" are the account's own texts in all their versions, as they were written: what visitors read has
the names and the retention filled in. "damaged_hashes" names records whose text does not have its hash; it is empty.
The audit book of the installation says who exported this and when.
"""
