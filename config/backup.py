"""Backups of an installation, and its restore.

`backup` may run beside a server, on either engine. Records and keys go into files of their own, so that the keys' can be
kept elsewhere and for a shorter time: whoever has only one of them has nothing to read (SECURITY 3.3). The records are
taken before the keys, so that every record's key is there, unless it was erased in between. The master key is in neither.

    records-20261121T101500Z.fdb    sealed rows and logs
    files-20261121T101500Z/         sealed files (`config.file_backup`), when there are any
    keys-20261121T101500Z.fdb       wrapped keys
    backup-20261121T101500Z.json    what belongs together, counts, sums

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
from config.stores import RESTORING, Refused, blobs_of, engines, is_fresh, make_folder, master_key, open_stores
from config.wiring import HEADS, KINDS
from foundation.clock import Clock, SystemClock
from foundation.errors import Problem
from foundation.files import Blobs, DiskBlobs
from foundation.keys import Keyring
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
        _write_json(manifest_file, msgspec.to_builtins(manifest))
    except (Problem, OSError) as error:
        for file in made:
            file.unlink(missing_ok=True)
        await file_backup.remove(files_folder)
        why = error.detail if isinstance(error, Problem) else f"{error.filename or to}: {error.strerror}."
        raise Refused(f"The backup was not made: {why}") from error
    (data / LAST).unlink(missing_ok=True)
    _write_json(data / LAST, {"at": now, "manifest": str(manifest_file.resolve()), "keys_apart": keys_to != to})
    return manifest_file


async def restore(data: Path, manifest_file: Path, keys_file: Path | None = None, *, say: Say = print) -> Report:
    """Fill the empty installation of `data` from a backup and look through it. Raises `Refused`.

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
    (data / RESTORING).unlink()
    return report


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
