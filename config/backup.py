"""Backups of an installation, and its restore.

`backup` may run beside a server, on either engine. Records and keys go into files of their own, so that the keys' can be
kept elsewhere and for a shorter time: whoever has only one of them has nothing to read (SECURITY 3.3). The records are
taken before the keys, so that every record's key is there, unless it was erased in between. The master key is in neither.

    records-20261121T101500Z.fdb    sealed rows and logs
    files-20261121T101500Z/         sealed files (`config.file_backup`), when there are any
    keys-20261121T101500Z.fdb       wrapped keys
    backup-20261121T101500Z.json    what belongs together, counts, sums
    erasures.jsonl                  what was erased, by ids alone; one for all backups in this folder, which only grows

An older backup still holds who was erased since. So each backup brings the ledger of the folder up to date, and `restore`
takes it along, whichever backup it restores: what it names is erased again before anything is served (E-2).

`restore` fills an empty installation and looks through all of it before it may be served. One that was interrupted is
refused by `serve` and is done by restoring again.
"""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from config import file_backup
from config.file_backup import Copied
from config.installation import settings_of
from config.settings import Settings
from config.stores import LEDGER, RESTORING, Refused, blobs_of, engines, is_fresh, make_folder, master_key, open_stores
from config.wiring import HEADS, KINDS
from foundation.clock import Clock, SystemClock
from foundation.errors import Problem
from foundation.files import Blobs, DiskBlobs
from foundation.keys import Keyring, LedgerEntry, add_to_ledger, read_ledger
from foundation.records import Engine, archive
from foundation.records.checking import Report, check

LAST = "last-backup.json"
"""In the data folder: when and where the last backup was made."""

Say = Callable[[str], None]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What belongs together. File names are relative to the manifest's folder, unless the keys were sent elsewhere."""

    made_at: int
    records: str
    keys: str
    records_sha256: str
    keys_sha256: str
    rows: int
    batches: int
    files: str = ""
    copied: Copied = Copied()


async def backup(data: Path, to: Path, keys_to: Path | None = None, *, clock: Clock | None = None) -> Path:
    """Write a backup; the path of its manifest. Raises `Refused`; then nothing of it is left."""
    settings = settings_of(data)
    if await is_fresh(settings):
        raise Refused(f"There is no installation in {data}, so there is nothing to back up.")
    now = (clock or SystemClock()).now()
    stamp = f"{datetime.fromtimestamp(now / 1000, UTC):%Y%m%dT%H%M%SZ}"
    keys_to = keys_to or to
    for folder in {to, keys_to}:
        make_folder(folder)
    records_file, keys_file = to / f"records-{stamp}.fdb", keys_to / f"keys-{stamp}.fdb"
    manifest_file, files_folder = to / f"backup-{stamp}.json", to / f"files-{stamp}"
    engine, key_engine = engines(settings, KINDS)
    made: list[Path] = []
    try:
        records = await archive.write(records_file, engine.dump())
        made.append(records_file)
        copied = await file_backup.save(blobs_of(settings), files_folder)
        keys = await archive.write(keys_file, key_engine.dump())
        made.append(keys_file)
        manifest = Manifest(
            made_at=now,
            records=records_file.name,
            keys=keys_file.name if keys_to == to else str(keys_file.resolve()),
            records_sha256=records.sha256,
            keys_sha256=keys.sha256,
            rows=sum(count for kind, count in records.counts.items() if kind),
            batches=records.counts.get("", 0),
            files=files_folder.name if copied.count else "",
            copied=copied,
        )
        await _keep_ledger(settings, to / LEDGER)
        _write_json(manifest_file, msgspec.to_builtins(manifest))
    except (Problem, OSError, Refused) as error:
        for file in made:
            file.unlink(missing_ok=True)
        await file_backup.remove(files_folder)
        raise Refused(f"The backup was not made: {_why(error, to)}") from error
    (data / LAST).unlink(missing_ok=True)
    _write_json(data / LAST, {"at": now, "manifest": str(manifest_file.resolve()), "keys_apart": keys_to != to})
    return manifest_file


async def restore(
    data: Path,
    manifest_file: Path,
    keys_file: Path | None = None,
    *,
    ledger: Path | None = None,
    say: Say = print,
) -> Report:
    """Fill the empty installation of `data` from a backup and look through it. Raises `Refused`. `ledger`: the newest
    ledger of erasures there is, if it is not the one beside the backup.

    The master key must be where the settings say. What was restored is only served when all of it could be read.
    """
    settings = settings_of(data)
    unfinished = (data / RESTORING).exists()
    if not unfinished and not await is_fresh(settings):
        raise Refused(f"There is an installation in {data} already. Restore into an empty folder; nothing was changed.")
    manifest = _manifest(manifest_file)
    archives = (manifest_file.parent / manifest.records, keys_file or manifest_file.parent / manifest.keys)
    sums = [await asyncio.to_thread(_sum, file) for file in archives]
    if sums != [manifest.records_sha256, manifest.keys_sha256]:
        raise Refused("Records and keys are not those of this backup. Nothing was changed.")
    erased = await asyncio.to_thread(_erased, ledger, manifest_file.parent / LEDGER)
    files = DiskBlobs(manifest_file.parent / manifest.files) if manifest.files else None
    if files is not None and await _files_sum(files) != manifest.copied:
        raise Refused("The files are not those of this backup, or not all of them. Nothing was changed.")
    make_folder(data)
    master_key(settings, fresh=False)
    (data / RESTORING).touch(mode=0o600)
    engine, key_engine = engines(settings, KINDS)
    await _fill(key_engine, archives[1], say)
    await _fill(engine, archives[0], say)
    if files is not None:
        await _fill_files(files, blobs_of(settings), say)
    report = await look_through(settings)
    if not report.whole:
        raise Refused(
            f"The restore is not whole: {report.wrong} rows or logs cannot be read, such as "
            f"{(report.damaged + report.keyless)[0]}. It is not served; use another backup."
        )
    await asyncio.to_thread(_take_ledger, data / LEDGER, erased, manifest.made_at, say)
    (data / RESTORING).unlink()
    return report


async def _keep_ledger(settings: Settings, into: Path) -> None:
    """Bring the ledger beside the backups up to date with all that this installation has erased."""
    async with open_stores(settings, KINDS, SystemClock(), beside=True) as stores:
        entries = await stores.keyring.ledger(settings.data / LEDGER, settings.ledger_copy_file).entries()
    try:
        await asyncio.to_thread(add_to_ledger, into, entries)
    except ValueError as error:
        raise Refused(f"{error}. Put it back as it was, or name another folder.") from error


def _why(error: Problem | OSError | Refused, to: Path) -> str:
    if isinstance(error, Problem):
        return error.detail
    return str(error) if isinstance(error, Refused) else f"{error.filename or to}: {error.strerror}."


def _erased(named: Path | None, beside: Path) -> list[LedgerEntry] | None:
    """The entries of the ledgers there are; `None` when there is none. Raises `Refused`."""
    if named is not None and not named.is_file():
        raise Refused(f"{named} is not there. Nothing was changed.")
    there = [file for file in (named, beside) if file is not None and file.is_file()]
    try:
        return [entry for file in there for entry in read_ledger(file)] if there else None
    except (ValueError, OSError) as error:
        raise Refused(f"{error}. Nothing was changed.") from error


def _take_ledger(into: Path, erased: list[LedgerEntry] | None, made_at: int, say: Say) -> None:
    if erased is None and not into.exists():
        say(
            "There is no ledger of erasures (erasures.jsonl) beside this backup. Who was erased since it was made is not "
            "known here: put the newest erasures.jsonl into the data folder before you serve it."
        )
        return
    try:
        add_to_ledger(into, erased or [])
        since = len({entry.id for entry in read_ledger(into) if entry.at >= made_at})
    except (ValueError, OSError) as error:
        raise Refused(f"{into}: {error}. Restore again when that is mended.") from error
    say(f"erasures: {since:,} since this backup was made; they are carried out again before it is served")


async def look_through(settings: Settings) -> Report:
    """Open everything that is stored; see `foundation.records.checking`. Beside a server too. Raises `Refused`."""
    async with open_stores(settings, KINDS, SystemClock(), beside=True) as stores:
        return await check(stores.engine.dump(), Passing(stores.keyring), KINDS, HEADS)


class Passing:
    """The keys for looking through everything: the last one is kept, as what lies together is sealed together."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._last: Any = None
        self.account_key = keyring.account_key

    def cached(self, key: str) -> Any:
        return self._last if self._last is not None and self._last.key == key else self._keyring.cached(key)

    async def cipher(self, account: str, key: str) -> Any:
        self._last = await self._keyring.cipher(account, key, keep=False)
        return self._last


async def _fill(engine: Engine, file: Path, say: Say) -> None:
    try:
        await engine.open()
        parts = archive.read(file)
        done = 0
        while (part := await asyncio.to_thread(next, parts, None)) is not None:
            await engine.load(part)
            done += len(part)
        say(f"{file.name}: {done:,} rows and batches")
    except archive.NoArchive as error:
        raise Refused(str(error)) from error
    except (Problem, OSError, ValueError) as error:
        raise Refused(f"{file} could not be restored: {error}. Restore again when that is mended.") from error
    finally:
        await engine.close()


async def _files_sum(files: DiskBlobs) -> Copied | None:
    try:
        return await file_backup.sum_of(files)
    except Problem:
        return None


async def _fill_files(files: DiskBlobs, into: Blobs, say: Say) -> None:
    try:
        await into.open()
        copied = await file_backup.copy(files, into)
    except Problem as problem:
        raise Refused(
            f"The files could not be restored: {problem.detail} Restore again when that is mended."
        ) from problem
    finally:
        await into.close()
    say(f"{copied.count:,} files")


def _manifest(file: Path) -> Manifest:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Manifest)
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise Refused(f"{file} is not the manifest of a backup: {error}.") from error


def _sum(file: Path) -> str:
    try:
        return archive.check(file)
    except archive.NoArchive as error:
        raise Refused(str(error)) from error
    except OSError as error:
        raise Refused(f"{file}: {error.strerror}.") from error


def _write_json(file: Path, members: Any) -> None:
    file.touch(mode=0o600, exist_ok=False)
    file.write_text(json.dumps(members, indent=2) + "\n", "utf-8")
