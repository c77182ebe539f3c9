"""What commands do to an installation that is not being served: make it, look at its keys, check its audit books."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from admin.doors.frame import iso
from admin.heads import MAX_FILE, SignedHead, read_heads
from bot_runtime.verification.bounces import read_report
from config.record import as_markdown, record_of
from config.settings import FILE_NAME, Settings, SettingsError, load
from config.stores import Refused, Stores, is_fresh, open_stores
from config.wiring import KINDS, House, base_url_of, build
from foundation.clock import Clock, SystemClock
from foundation.errors import Invalid
from foundation.keys import Damaged, MasterKeyError, create_master_key

__all__ = [
    "Refused",
    "audit_head",
    "audit_verify",
    "describe",
    "init",
    "keys_new",
    "keys_rotate",
    "keys_status",
    "privacy_record",
    "settings_of",
]

DEMO_FILE = """\
# Settings of this installation; docs/settings.md lists them all.
# A demo: serves /demo and /mailbox, on loopback only.
demo = true
"""


def settings_of(data: Path, overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings, with what is wrong in them as a refusal."""
    try:
        return load(data, overrides)
    except SettingsError as error:
        raise Refused(str(error)) from error


@asynccontextmanager
async def opened(settings: Settings, clock: Clock | None = None) -> AsyncIterator[tuple[Stores, House]]:
    """The installation with everything constructed and nothing served."""
    clock = clock or SystemClock()
    async with open_stores(settings, KINDS, clock) as stores:
        yield stores, build(settings, stores, clock=clock)


async def init(data: Path, overrides: Mapping[str, Any], *, demo: bool) -> dict[str, Any]:
    """Make keys and database, and the demo account or a setup link. What is there already stays.

    With `demo` the passwords are made afresh each time; without it a setup link is only given while there is no super
    admin. Raises `Refused`.
    """
    settings = settings_of(data, {**overrides, "demo": True} if demo else overrides)
    async with opened(settings) as (_, house):
        await house.admin.heads.sign("")  # makes its key, so that commands beside a server need not
        made: dict[str, Any] = {"base_url": base_url_of(settings), "data": str(data)}
        if demo:
            made |= await house.demo.make()
            _remember_demo(data)
        elif (secret := await house.admin.setup.offer()) is not None:
            made["setup_url"] = f"{made['base_url']}/setup/{secret}"
    return made


def describe(made: Mapping[str, Any]) -> str:
    """What `init` made, for people."""
    lines = [f"The installation lies in {made['data']}."]
    if "people" in made:
        lines += [f"Bot {made['bot']} of account {made['account']}."]
        lines += [f"  {who:<12} {person['email']:<32} {person['password']}" for who, person in made["people"].items()]
    if "setup_url" in made:
        lines += ["Make the first super admin here, within an hour of serving:", f"  {made['setup_url']}"]
    return "\n".join([*lines, f"Serve it: frontdesk serve --data {made['data']}"])


_BOUNCES = {
    "unknown": "This is not about a mail that left from here. Nothing was done.",
    "noted": "The mail is only late. Nothing was done.",
    "suppressed": "The address is suppressed.",
}


async def keys_status(data: Path) -> dict[str, Any]:
    async with _existing(data) as (stores, _):
        status: dict[str, Any] = msgspec.to_builtins(await stores.keyring.describe())
    return status


async def keys_rotate(data: Path, account: str) -> int:
    """New account keys; how many wraps were made anew."""
    async with _existing(data) as (stores, house):
        known = ["", *[found.id async for found in house.admin.accounts.all()]]
        if account and account not in known:
            raise Refused(f"There is no account {account}. Nothing was changed.")
        accounts = [account] if account else known
        return sum([await stores.keyring.rotate(one) for one in accounts])


async def audit_verify(data: Path, heads: Path | None = None) -> list[str]:
    """What is wrong with the audit books, in sentences: the first bad entry of each, and what `heads` (a file of signed
    heads) shows. Also beside a server. Raises `Refused` for a file that holds none."""
    earlier = await asyncio.to_thread(_heads_of, heads) if heads is not None else []
    async with _beside(data) as (_, house):
        accounts = ["", *[found.id async for found in house.admin.accounts.all()]]
        checked = {account: await house.admin.audit.verify(account) for account in accounts}
        found = await house.admin.heads.compare(earlier)
    bad = [
        f"{_named(account)}: entry {entry} does not continue the chain"
        for account, entry in checked.items()
        if entry is not None
    ]
    return bad + [f"{_named(one.account)}: {one.words} (head of {iso(one.head_at)})" for one in found]


async def audit_head(data: Path) -> list[SignedHead]:
    """The signed heads of all books, of this moment. Also beside a server. Raises `Refused`."""
    async with _beside(data) as (_, house):
        try:
            return await house.admin.heads.sign_all()
        except Damaged as error:
            raise Refused("A book is damaged: frontdesk audit verify names the first bad entry.") from error


def _named(account: str) -> str:
    return f"account {account}" if account else "the installation's book"


def _heads_of(file: Path) -> list[SignedHead]:
    try:
        if file.stat().st_size > MAX_FILE:
            raise Refused(f"{file} is too large to hold signed heads.")
        return read_heads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is no text'}.") from error
    except Invalid as problem:
        raise Refused(f"{file}: {problem.detail}") from problem


async def take_bounce(data: Path, raw: bytes) -> str:
    """Take in what a mail server reports about one of our mails; what was done, in words."""
    async with _existing(data) as (_, house):
        try:
            outcome = await house.bounces.take(read_report(raw))
        except Invalid as refusal:
            raise Refused(refusal.detail) from refusal
    return _BOUNCES[outcome]


async def privacy_record(data: Path, *, as_json: bool) -> str:
    """The record of processing, as Markdown or JSON."""
    async with _existing(data) as (_, house):
        record = await record_of(house, settings_of(data))
    if as_json:
        return msgspec.json.format(msgspec.json.encode(record), indent=2).decode() + "\n"
    return as_markdown(record)


async def keys_new(path: Path) -> str:
    """A new master key in a file of its own, mode 0600; its id. An existing file is never replaced."""
    try:
        return create_master_key(path).id
    except MasterKeyError as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}.") from error


@asynccontextmanager
async def _existing(data: Path) -> AsyncIterator[tuple[Stores, House]]:
    settings = settings_of(data)
    if await is_fresh(settings):
        raise Refused(f"There is no installation in {data}. Make one: frontdesk init --data {data}")
    async with opened(settings) as both:
        yield both


@asynccontextmanager
async def _beside(data: Path) -> AsyncIterator[tuple[Stores, House]]:
    """The installation for reading, whether it is being served or not."""
    settings, clock = settings_of(data), SystemClock()
    if await is_fresh(settings):
        raise Refused(f"There is no installation in {data}. Make one: frontdesk init --data {data}")
    async with open_stores(settings, KINDS, clock, beside=True) as stores:
        yield stores, build(settings, stores, clock=clock)


def _remember_demo(data: Path) -> None:
    file = data / FILE_NAME
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(DEMO_FILE, "utf-8")
