"""The account's own notices, terms and consent texts: versions that are published and never changed again (MS-1, MS-5).

A text belongs to a use (the notice, the terms, a consent of its own), a language, and either one bot or all bots of the
account. Publishing adds version n + 1; there is no way to change or remove one, because consents point to it. What a
visitor reads is the newest version for his bot, else the newest for all bots, else our own words.

A text may name `{bot}`, `{controller}` and `{period}` (the retention, in words, as the settings say it); nothing else is
a placeholder, and nothing in a value is one (X-13).
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Literal, cast

import msgspec

from foundation.clock import Clock
from foundation.errors import Conflict, Invalid
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Record, Taken, Where

PUBLISHED_TEXT = Kind(
    name="published_text",
    fields=("slot", "number", "at"),
    unique=(("account", "slot", "number"),),
    indexes=(("account", "at"),),
)

Use = Literal["notice", "terms", "transcript_mail"]
USES: Mapping[Use, str] = {
    "notice": "Notice and consent before a chat",
    "terms": "Terms of the chat",
    "transcript_mail": "Consent: transcript by e-mail",
}
PLACEHOLDERS = ("bot", "controller", "period")
MOST_CHARACTERS = 12_000
FEWEST_CHARACTERS = 20

_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class Version(msgspec.Struct, frozen=True):
    """A published text as it was written, placeholders and all. `bot` is empty when it is for all bots of the account.

    `hash` is the SHA-256 of `text` in hex; what a visitor accepted has the hash of the text with the names filled in.
    """

    id: str
    use: Use
    bot: str
    language: str
    number: int
    at: int
    author: str
    author_name: str
    text: str
    hash: str


class _Body(msgspec.Struct, frozen=True):
    use: Use
    bot: str
    language: str
    author: str
    author_name: str
    text: str


class PublishedTexts:
    """The versions of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock) -> None:
        self._texts: Collection[_Body] = Collection(engine, keyring, PUBLISHED_TEXT, _Body)
        self._clock = clock

    async def publish(
        self,
        account: str,
        use: Use,
        language: str,
        text: str,
        *,
        bot: str = "",
        after: int,
        author: str,
        author_name: str = "",
    ) -> Version:
        """Publish the version that follows number `after`. It counts from now on, and stays as it is.

        Raises `Invalid` for a text that cannot stand, `Conflict` when somebody else published meanwhile.
        """
        text = readable(text)
        newest = await self.newest(account, use, language, bot=bot)
        if (newest.number if newest else 0) != after:
            raise Conflict("Somebody else published a version meanwhile. Read it first; nothing was published.")
        if newest is not None and newest.text == text:
            raise Invalid("This is the version that is published already.", field="text")
        body = _Body(use, bot, language, author, author_name, text)
        try:
            record = await self._texts.insert(
                account, new_id(), body, slot=_slot(use, language, bot), number=after + 1, at=self._clock.now()
            )
        except Taken:
            raise Conflict(
                "Somebody else published a version meanwhile. Read it first; nothing was published."
            ) from None
        return _version(record)

    async def newest(self, account: str, use: Use, language: str, *, bot: str = "") -> Version | None:
        """The newest version for exactly this bot, or for all bots."""
        found, _ = await self._texts.find(
            account, Where("slot", "=", _slot(use, language, bot)), order="-number", limit=1
        )
        return _version(found[0]) if found else None

    async def for_bot(self, account: str, use: Use, language: str, bot: str) -> Version | None:
        """What counts for this bot: its own newest version, else the newest for all bots."""
        own = await self.newest(account, use, language, bot=bot)
        return own or await self.newest(account, use, language)

    async def versions(self, account: str, use: Use, language: str, *, bot: str = "") -> Sequence[Version]:
        """All versions for exactly this bot, or for all bots, newest first."""
        where = Where("slot", "=", _slot(use, language, bot))
        return [_version(record) async for record in self._texts.all(account, where, order="-number")]

    async def all(self, account: str) -> Sequence[Version]:
        """Everything that the account ever published, oldest first: for whoever checks the consents."""
        return [_version(record) async for record in self._texts.all(account, order="at")]


def readable(text: str) -> str:
    """The text as it is kept: lines ended alike, blanks at the ends gone. Raises `Invalid`."""
    text = "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n")).strip()
    if not FEWEST_CHARACTERS <= len(text) <= MOST_CHARACTERS:
        raise Invalid(f"A text has {FEWEST_CHARACTERS} to {MOST_CHARACTERS:,} characters.", field="text")
    if _CONTROL.search(text):
        raise Invalid("The text holds characters that cannot be shown.", field="text")
    for found in _BRACES.finditer(text):
        if found.group(1) not in PLACEHOLDERS:
            known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
            raise Invalid(f"{found.group()[:40]} is no placeholder. There are: {known}.", field="text")
    return text


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its placeholders filled. What stands in a value is only a value."""
    return _BRACES.sub(lambda found: values.get(found.group(1) or "", found.group()), text)


def hash_of(text: str) -> str:
    """SHA-256 of a text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _slot(use: Use, language: str, bot: str) -> str:
    return f"{use}/{language}/{bot}"


def _version(record: Record[_Body]) -> Version:
    body = record.body
    return Version(
        id=record.id,
        use=body.use,
        bot=body.bot,
        language=body.language,
        number=int(cast("int", record.fields["number"])),
        at=int(cast("int", record.fields["at"])),
        author=body.author,
        author_name=body.author_name,
        text=body.text,
        hash=hash_of(body.text),
    )
