"""Whether an installation keeps its promises, in words: what is well, what to know, what is bad and how to mend it.

It may run beside a server, and changes nothing. Each check answers with one `Finding`; a check that cannot be made is a
finding too. `--full` also opens every row, log and key (`foundation.records.checking`) and every file (`config.file_check`).
"""

import json
import os
import shutil
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from config import signal_check
from config.backup import LAST, look_through
from config.file_check import check_files
from config.installation import settings_of
from config.settings import Settings
from config.stores import DATABASE, ENVIRONMENT_KEY, KEY_STORE, Refused, names_of, open_stores
from config.wiring import KINDS, base_url_of, post_of
from foundation.clock import DAY, HOUR, SystemClock
from foundation.errors import Problem, Unavailable
from foundation.keys import MasterKeyError, load_master_key
from foundation.mail import PostRefused, PostUnreachable, SmtpPost
from foundation.records import Engine, Where
from transcripts import CONVERSATION

State = Literal["well", "note", "bad"]

_LEAST_FREE = 1024**3
_OLD_BACKUP = 2 * DAY
_SIGNS = {"well": "✓", "note": "·", "bad": "✗"}


class Finding(msgspec.Struct, frozen=True):
    """What one check found. `says` is a sentence; `mend` says what to do, when there is something to do."""

    check: str
    state: State
    says: str
    mend: str = ""


async def examine(data: Path, *, full: bool = False) -> list[Finding]:
    """All findings, in the order in which they matter. Raises `Refused` when the settings cannot be read."""
    settings = settings_of(data)
    return [finding async for finding in _examine(settings, full=full)]


def in_words(findings: list[Finding]) -> str:
    """The findings for people."""
    lines = []
    for one in findings:
        lines.append(f"{_SIGNS[one.state]} {one.says}")
        if one.mend:
            lines.append(f"  → {one.mend}")
    bad = sum(one.state == "bad" for one in findings)
    return "\n".join([*lines, "", "Everything is well." if not bad else f"{bad} to be mended."])


def as_json(findings: list[Finding]) -> str:
    """The findings for programs."""
    return json.dumps([msgspec.to_builtins(one) for one in findings], indent=2, ensure_ascii=False)


async def _examine(settings: Settings, *, full: bool) -> AsyncIterator[Finding]:
    yield _browsers(settings)
    yield _metrics(settings)
    yield await _mail(settings)
    yield _master_key(settings)
    if settings.storage.url:
        yield _database(settings)
    else:
        for file in (DATABASE, KEY_STORE):
            yield _private(settings.data / file)
    if settings.signals.redis_url:
        yield await _signals(settings.signals.redis_url)
    yield _ledger(settings)
    yield _disk(settings.data)
    yield _backups(settings)
    try:
        async with open_stores(settings, KINDS, SystemClock(), beside=True) as stores:
            status = await stores.keyring.describe()
            newest = await _newest(stores.engine)
    except Refused as refused:
        yield Finding("storage", "bad", f"The stores cannot be opened: {refused}")
        return
    yield Finding("storage", "well", f"Records and keys can be opened; {status.accounts} accounts have keys.")
    yield _clock(newest)
    yield _epoch(status.oldest)
    if full:
        yield await _everything(settings)
        yield await _files(settings)


def _browsers(settings: Settings) -> Finding:
    """PS-1, TI-1: what travels between browsers and us is encrypted."""
    url = base_url_of(settings)
    parts = urlsplit(url)
    if parts.scheme == "https":
        how = "by this server" if settings.web.tls_certificate else "by the trusted proxy"
        return Finding("browsers", "well", f"Browsers reach {url}; TLS is ended {how}.")
    if parts.hostname in {"127.0.0.1", "::1", "localhost"}:
        return Finding("browsers", "note", f"Browsers reach {url}: on this machine only, so nothing is encrypted.")
    return Finding("browsers", "bad", f"Browsers reach {url} in clear.", "Set web.base_url to https:// (PS-1).")


def _metrics(settings: Settings) -> Finding:
    if not settings.metrics.enabled:
        return Finding("metrics", "note", "Metrics are off: nobody is told when mails or jobs fail.")
    return Finding("metrics", "well", f"Metrics are served on {settings.metrics.host} only.")


async def _mail(settings: Settings) -> Finding:
    """PS-4: mails leave, and over TLS."""
    mail = settings.mail
    where = f"{mail.host}:{mail.port}"
    if not mail.host:
        state: State = "note" if settings.demo else "bad"
        mend = "" if settings.demo else "Set mail.host: without it nobody can verify an address."
        return Finding("mail", state, "No mail server is set: mails wait in the outbox.", mend)
    post = post_of(settings, None, SystemClock())
    assert isinstance(post, SmtpPost)
    try:
        tls = await post.greet()
    except (PostUnreachable, PostRefused) as error:
        return Finding(
            "mail", "bad", f"The mail server {where} does not take us: {error}.", "Look at mail.* and its log."
        )
    if tls is None:
        state = "note" if mail.tls == "none" else "bad"
        return Finding(
            "mail", state, f"Mails go to {where} in clear.", "" if state == "note" else "Set mail.tls = require."
        )
    return Finding("mail", "well", f"The mail server {where} answers over {tls}.")


def _master_key(settings: Settings) -> Finding:
    """K-11: the master key is there, ours alone, and not beside a backup."""
    try:
        load_master_key(settings.master_key_file, os.environ)
    except MasterKeyError as error:
        return Finding("master_key", "bad", str(error))
    if ENVIRONMENT_KEY in os.environ:
        return Finding("master_key", "well", f"The master key comes from {ENVIRONMENT_KEY}, not from a file.")
    file = settings.master_key_file.resolve()
    if file.parent == settings.data.resolve():
        return Finding(
            "master_key",
            "note",
            f"The master key lies in {file}, beside what it opens: whoever copies the folder has both.",
            "Move it (keys.file) or give it in the environment.",
        )
    return Finding("master_key", "well", f"The master key lies in {file}, which only this user can read.")


def _database(settings: Settings) -> Finding:
    """TI-1: the hop to the database. Settings that would send it in clear off this machine are refused at the start."""
    records, keys = names_of(settings)
    tls = "tls=true" in records.lower() or records.startswith("mongodb+srv")
    how = "over TLS" if tls else "on this machine only"
    return Finding("database", "well" if tls else "note", f"Records are in {records}, keys apart in {keys}, {how}.")


async def _signals(url: str) -> Finding:
    """TI-1: the hop to Redis. What travels is sealed; who may publish could still drown the nodes in noise."""
    place = signal_check.place_of(url)
    try:
        asks = await signal_check.asks_for_password(url)
    except Unavailable as error:
        said = f"Redis {place} cannot be used: {error.detail}; each node goes on by itself."
        return Finding("redis", "bad", said, "Look at signals.redis_url and at the log of Redis.")
    return redis_finding(url, asks=asks)


def redis_finding(url: str, *, asks: bool) -> Finding:
    """What a Redis is called that answers us; `asks`: whether it refuses whoever gives no password."""
    place, here = signal_check.place_of(url), signal_check.is_here(url)
    how = "on this machine only" if here else "over TLS"
    if asks:
        return Finding("redis", "well", f"Redis {place} answers {how}, and to those only who know its password.")
    said = f"Redis {place} answers {how}, to everybody who reaches it."
    if here:
        return Finding("redis", "note", said)
    return Finding("redis", "bad", said, "Give it a password or users (requirepass, ACL), and put it into the URL.")


def _ledger(settings: Settings) -> Finding:
    """E-2: who was erased stays erased when this machine is lost and a backup is put back."""
    copy = settings.ledger_copy_file
    if copy is None:
        said = (
            "Erasures are written down on this machine and with each backup; what is erased after the last one is not."
        )
        return Finding("erasures", "note", said, "Set keys.ledger_copy to a file on another disk.")
    if not copy.parent.is_dir() or not os.access(copy if copy.exists() else copy.parent, os.W_OK):
        said = f"Erasures cannot be written down in {copy}, so none is carried out."
        return Finding("erasures", "bad", said, "Look at the mount, or at keys.ledger_copy.")
    if copy.parent.stat().st_dev == settings.data.stat().st_dev:
        return Finding("erasures", "note", f"{copy} lies on the same disk as the data: one loss takes both.")
    return Finding("erasures", "well", f"Each erasure is written down in {copy} as well.")


def _private(file: Path) -> Finding:
    name = f"file {file.name}"
    if not file.exists():
        return Finding(name, "bad", f"{file} is not there.")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        return Finding(name, "bad", f"{file} can be read by others (mode {mode:o}).", f"chmod 600 {file}")
    return Finding(name, "well", f"{file} can be read by this user only.")


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(folder).free
    said = f"{free / 1024**3:.1f} GB are free where {folder} lies."
    if free < _LEAST_FREE:
        return Finding("disk", "bad", said, "Make room: a message that cannot be stored is not taken.")
    return Finding("disk", "well", said)


def _backups(settings: Settings) -> Finding:
    try:
        last: dict[str, Any] = json.loads((settings.data / LAST).read_text("utf-8"))
        at, apart, manifest = int(last["at"]), bool(last["keys_apart"]), str(last["manifest"])
    except FileNotFoundError:
        return Finding("backups", "bad", "No backup was ever made.", "frontdesk backup --to … --keys-to …, every day.")
    except (OSError, ValueError, KeyError, TypeError):
        return Finding(
            "backups", "bad", f"{settings.data / LAST} cannot be read.", "Make a backup; it is written anew."
        )
    hours = (SystemClock().now() - at) // HOUR
    if SystemClock().now() - at > _OLD_BACKUP:
        return Finding("backups", "bad", f"The last backup is {hours // 24} days old.", "Make one every day.")
    if not apart:
        said = f"The last backup is {hours} hours old; records and keys lie in one folder."
        return Finding("backups", "note", said, "Send the keys elsewhere (--keys-to) and keep them for 7 days only.")
    return Finding("backups", "well", f"The last backup is {hours} hours old ({manifest}); its keys lie apart.")


async def _newest(engine: Engine) -> int | None:
    page = await engine.find(CONVERSATION, (Where("updated_at", ">", 0),), order="-updated_at", limit=1)
    return int(page.rows[0].fields["updated_at"] or 0) if page.rows else None


def _clock(newest: int | None) -> Finding:
    """A clock that went back makes codes live longer and days wrong."""
    now = time.time_ns() // 1_000_000
    if newest is not None and newest > now + 2_000:
        behind = (newest - now) // 1_000
        return Finding("clock", "bad", f"The clock is {behind} s behind the newest message.", "Let NTP set it.")
    return Finding("clock", "well", "The clock is not behind what is stored.")


def _epoch(oldest: int | None) -> Finding:
    """SECURITY 3.3: what was erased is readable in an old key backup until the account's key is made anew."""
    if oldest is None:
        return Finding("keys", "note", "No account has keys yet.")
    days = (SystemClock().now() - oldest) // DAY
    if days > 35:
        said = (
            f"The oldest account key is {days} days old: what was erased since then is still readable in old backups."
        )
        return Finding("keys", "bad", said, "frontdesk keys rotate")
    return Finding("keys", "well", f"The oldest account key is {days} days old.")


async def _everything(settings: Settings) -> Finding:
    report = await look_through(settings)
    said = f"{report.rows:,} rows, {report.batches:,} batches of {report.logs:,} logs"
    if report.whole:
        return Finding("everything", "well", f"All of {said} can be read and are what was written.")
    named = "; ".join((report.damaged + report.keyless)[:5])
    mend = "Damage: restore a backup. Without a key: an erasure was interrupted, or keys and records are of two days."
    return Finding("everything", "bad", f"Of {said}, {report.wrong} are not: {named}.", mend)


async def _files(settings: Settings) -> Finding:
    try:
        async with open_stores(settings, KINDS, SystemClock(), beside=True) as stores:
            report = await check_files(settings, stores)
    except Problem as problem:
        return Finding("files", "bad", f"The files cannot be looked at: {problem.detail}")
    said = f"{report.files:,} files with {report.size / 1_000_000:,.1f} MB"
    more = f"; {report.left_over:,} more belong to no chat and are removed" if report.left_over else ""
    if not report.wrong:
        return Finding("files", "well", f"All of {said} can be opened and are what was sent{more}.")
    named = "; ".join(report.named[:5])
    mend = "Restore the folder files (or GridFS) from a backup; a file without its key was erased."
    return Finding("files", "bad", f"Of {said}, {report.wrong:,} are not whole: {named}{more}.", mend)


__all__ = ["Finding", "as_json", "examine", "in_words"]
