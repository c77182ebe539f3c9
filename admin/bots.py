"""The bots of an account: what they are called, which assistant drives them, how and where their widget shows."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from admin import texts
from admin.audit import SYSTEM, AuditBook, By
from admin.changes import Changes
from admin.file_policy import USUALLY_BLOCKED, FilePolicy, Mode, read_blocked, read_listed, read_mode
from admin.sites import MOST, read_site
from foundation.clock import Clock
from foundation.errors import Invalid, NotFound
from foundation.ids import is_id, new_id
from foundation.keys import Keyring
from foundation.mail import new_message_id
from foundation.records import Collection, Engine, Kind, Record

BOT = Kind("bot", fields=("public", "created_at"), unique=(("public",),), indexes=(("account", "created_at"),))

LANGUAGES: dict[str, str] = {"en": "English", "de": "Deutsch"}
"""The languages that a widget speaks by itself, with their own names."""

DEFAULT_ACCENT = "#2456b8"
DEFAULT_GREETING = "Hello! How can we help?"

TRANSCRIPT_MAILS: dict[str, str] = {
    "off": "Never",
    "asked": "Only to visitors who chose it on their privacy page",
    "verified": "To every verified address, unless the visitor switched it off",
}
"""When the transcript is mailed to the visitor after a chat has ended (YA-17)."""

_ACCENT = re.compile(r"#[0-9a-f]{6}\Z")


class BotBody(msgspec.Struct, frozen=True):
    """`assistant` names a Rasa project; `sites` may embed the widget; `accent` is the widget's colour, `#rrggbb`.

    `transcript_mail`: whether the transcript is mailed on close (`TRANSCRIPT_MAILS`); `transcript_icon`: whether visitors
    may ask for it (PS-6); `transcript_sender`: From of these mails, empty for that of the settings. Only verified
    addresses get one."""

    name: str
    assistant: str
    language: str = "en"
    sites: tuple[str, ...] = ()
    accent: str = DEFAULT_ACCENT
    greeting: str = DEFAULT_GREETING
    transcript_mail: str = "off"
    transcript_icon: bool = False
    transcript_sender: str = ""
    files: Mode = "off"
    files_blocked: tuple[str, ...] = USUALLY_BLOCKED
    files_listed: tuple[str, ...] = ()

    @property
    def file_policy(self) -> FilePolicy:
        """Which files it takes (PS-8)."""
        return FilePolicy(self.files, self.files_blocked, self.files_listed)


Bot = Record[BotBody]


class Bots:
    """The bots of all accounts."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: Clock, audit: AuditBook, changes: Changes) -> None:
        self._bots: Collection[BotBody] = Collection(engine, keyring, BOT, BotBody)
        self._clock = clock
        self._audit = audit
        self._changes = changes

    async def create(
        self, account: str, name: str, assistant: str, *, by: By = SYSTEM, **details: str | bool | Sequence[str]
    ) -> Bot:
        """Make a bot. `details` are the other members of `BotBody`. Raises `Invalid`."""
        body, made = _checked(BotBody("", ""), {"name": name, "assistant": assistant, **details}), new_id()
        async with self._audit.recording(account, by, "bot.created", made, after=msgspec.structs.asdict(body)):
            bot = await self._bots.insert(account, made, body, public=made, created_at=self._clock.now())
        await self._changes.announce(account, "bots")
        return bot

    async def get(self, account: str, id: str) -> Bot | None:
        """The account's bot, or `None`."""
        return await self._bots.get(account, id) if is_id(id) else None

    async def public(self, id: str) -> Bot | None:
        """The bot with this id, whosever it is: for the widget, which knows nothing else."""
        return await self._bots.lookup(public=id) if is_id(id) else None

    async def list(self, account: str) -> list[Bot]:
        """All bots of the account, oldest first."""
        return [bot async for bot in self._bots.all(account, order="created_at")]

    async def change(self, account: str, id: str, *, by: By = SYSTEM, **details: str | bool | Sequence[str]) -> Bot:
        """Change some members of a bot. Raises `Invalid`, `NotFound`."""
        bot = await self.get(account, id)
        if bot is None:
            raise NotFound("There is no such bot.")
        body = _checked(bot.body, details)
        before, after = _differences(bot.body, body)
        if not after:
            return bot
        async with self._audit.recording(account, by, "bot.changed", id, before=before, after=after):
            changed = await self._bots.update(account, id, lambda record: {"body": _checked(record.body, after)})
        if changed is None:
            raise NotFound("There is no such bot.")
        await self._changes.announce(account, "bots")
        return changed


def _checked(body: BotBody, details: Mapping[str, Any]) -> BotBody:
    return msgspec.structs.replace(body, **{name: _CHECKS[name](value) for name, value in details.items()})


def _language(value: str) -> str:
    if value not in LANGUAGES:
        raise Invalid(f"The widget speaks {' and '.join(LANGUAGES.values())}.", field="language")
    return value


def _sites(value: Sequence[str]) -> tuple[str, ...]:
    sites = tuple(dict.fromkeys(read_site(site) for site in value))
    if len(sites) > MOST:
        raise Invalid(f"At most {MOST} sites, please.", field="sites")
    return sites


def _accent(value: str) -> str:
    colour = value.strip().lower()
    if not _ACCENT.match(colour):
        raise Invalid("A colour looks like #2456b8.", field="accent")
    return colour


def _transcript_mail(value: str) -> str:
    if value not in TRANSCRIPT_MAILS:
        raise Invalid("Choose when transcripts are mailed.", field="transcript_mail")
    return value


def _sender(value: str) -> str:
    address = value.strip()
    if address:
        try:
            new_message_id(address)
        except Invalid as problem:
            raise Invalid(problem.detail, field="transcript_sender") from None
        if "<" in address:
            raise Invalid("Only the address, please, without a name.", field="transcript_sender")
    return address


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "name": lambda value: texts.line(value, "name"),
    "assistant": lambda value: texts.line(value, "assistant", most=500),
    "language": _language,
    "sites": _sites,
    "accent": _accent,
    "greeting": lambda value: texts.paragraph(value, "greeting", most=500),
    "transcript_mail": _transcript_mail,
    "transcript_icon": bool,
    "transcript_sender": _sender,
    "files": read_mode,
    "files_blocked": read_blocked,
    "files_listed": read_listed,
}


def _differences(before: BotBody, after: BotBody) -> tuple[dict[str, Any], dict[str, Any]]:
    old, new = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
    changed = [name for name in old if old[name] != new[name]]
    return {name: old[name] for name in changed}, {name: new[name] for name in changed}
