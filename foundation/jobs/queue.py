"""The queue of an installation: put, take, run, retry, give up."""

import asyncio
import contextlib
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from foundation.clock import DAY, MINUTE, Clock
from foundation.errors import Problem
from foundation.ids import new_id
from foundation.jobs.job import FIRST_RETRY, JOBS, MAX_TRIES, GiveUp, Job, Retry, Stored, Work, retry_delay
from foundation.jobs.lease import Lease
from foundation.records import Collection, Engine, Keys, Record, Row, Stale, Taken, Where
from foundation.tasks import ended

log = logging.getLogger("frontdesk.jobs")

LONGEST_SLEEP = MINUTE
"""Another process may have put a job; nobody sleeps longer than this, or than a lease, without looking."""
SWEEP_EVERY = 10 * MINUTE
_MEANWHILE = 50
"""Milliseconds until what is due, and was not to be had, is looked at again: another process is just taking it."""


class TokenKeys(Keys, Protocol):
    """The keys, which also make the blind token of a job's key."""

    async def token(self, account: str, purpose: str, value: str) -> str: ...


class Jobs:
    """The jobs of an installation. Handlers are declared before `run`; jobs of other names are left alone.

    At most `parallel` run at a time in this process. `observe(name, outcome)` hears of each run: `done`, `retry`,
    `failed`. A keyed job is remembered for `remember_ms` after it was done.
    """

    def __init__(
        self,
        engine: Engine,
        keyring: TokenKeys,
        clock: Clock,
        *,
        lease_ms: int = 60_000,
        parallel: int = 8,
        remember_ms: int = DAY,
        observe: Callable[[str, str], None] | None = None,
    ) -> None:
        self._engine = engine
        self._keyring = keyring
        self._clock = clock
        self._lease_ms = lease_ms
        self._parallel = parallel
        self._remember_ms = remember_ms
        self._observe = observe or (lambda _name, _outcome: None)
        self._records = Collection(engine, keyring, JOBS, Stored)
        self._work: dict[str, Work] = {}
        self._wake = asyncio.Event()
        self._next_sweep = 0
        self._longest_sleep = min(LONGEST_SLEEP, lease_ms)

    def handle(
        self,
        name: str,
        handler: Callable[[Any], Awaitable[None]],
        *,
        body: type[msgspec.Struct],
        max_tries: int = MAX_TRIES,
    ) -> None:
        """Say who does the jobs of this name. Whatever the handler raises means: later again (`Retry` says when),
        except `GiveUp`."""
        if name in self._work:
            raise ValueError(f"jobs named {name!r} have a handler already")
        self._work[name] = Work(handler, body, max_tries)
        self._wake.set()

    async def put(
        self, account: str, name: str, body: msgspec.Struct, *, due: int | None = None, key: str | None = None
    ) -> str:
        """Store a job, to be done at `due` (milliseconds; default now); durable when this returns. Gives its id.

        With a `key` the job is put once: while it waits, runs or is kept as failed, and a day after it was done,
        putting it again changes nothing and gives the id of the first. What recurs needs its period in the key.
        """
        moment = self._clock.now() if due is None else due
        token = await self._token(account, name, key)
        stored = Stored(msgspec.msgpack.encode(body), moment)
        while True:
            with contextlib.suppress(Taken):
                record = await self._records.insert(
                    account, new_id(), stored, name=name, status="open", due=moment, lease_until=None, token=token
                )
                self._wake.set()
                return record.id
            known = await self._by_token(account, token)
            if known is not None:
                return known.id

    async def cancel(self, account: str, name: str, key: str) -> bool:
        """Take a job back that has not begun; whether that was still possible. Its key is free again."""
        record = await self._by_token(account, await self._token(account, name, key))
        if record is None or record.fields["status"] != "open" or record.fields["lease_until"] is not None:
            return False
        try:
            await self._records.replace(record, status="cancelled", token=None)
        except Stale:
            return False
        await self._records.delete(account, record.id)
        return True

    async def failed(self, account: str | None = None) -> int:
        """How many jobs were given up and are kept, in one account or in all."""
        owner = [] if account is None else [Where("account", "=", account)]
        return await self._engine.count(JOBS, [Where("status", "=", "failed"), *owner])

    async def revive(self, account: str, id: str) -> bool:
        """Try a failed job again from the start, now; whether there was one."""
        record = await self._records.get(account, id)
        if record is None or record.fields["status"] != "failed":
            return False
        body = msgspec.structs.replace(record.body, tries=0, reason="")
        await self._records.replace(record, body=body, status="open", due=self._clock.now())
        self._wake.set()
        return True

    async def run_due(self) -> int:
        """Run what is due now, once, and return how many that were. For tests and commands."""
        taken = await self._take(1_000)
        slots = asyncio.Semaphore(self._parallel)

        async def work(record: Record[Stored]) -> None:
            async with slots:
                await self._run(record)

        await asyncio.gather(*(work(record) for record in taken))
        return len(taken)

    async def run(self) -> None:
        """Run jobs as they fall due, until cancelled; what is under way then is given back."""
        working: set[asyncio.Task[None]] = set()
        try:
            while True:
                self._wake.clear()
                await self._sleep(await self._step(working))
        finally:
            await ended(*working)

    async def _step(self, working: set[asyncio.Task[None]]) -> int:
        """Begin what is due and fits; the milliseconds until there may be more."""
        try:
            for record in await self._take(self._parallel - len(working)):
                task = asyncio.create_task(self._run_or_leave(record), name=f"job {record.fields['name']}")
                working.add(task)
                task.add_done_callback(working.discard)
                task.add_done_callback(lambda _: self._wake.set())
            await self._sweep()
            return self._longest_sleep if len(working) >= self._parallel else await self._until_next()
        except Problem as problem:
            log.warning("jobs cannot be read now: %s", problem.code)
            return FIRST_RETRY

    async def _sleep(self, milliseconds: int) -> None:
        """Until then, or until somebody puts a job or finishes one."""
        timer = asyncio.create_task(self._clock.sleep(milliseconds))
        timer.add_done_callback(lambda _: self._wake.set())
        try:
            await self._wake.wait()
        finally:
            await ended(timer)

    # Taking

    async def _take(self, limit: int) -> list[Record[Stored]]:
        if limit <= 0:
            return []
        now = self._clock.now()
        rows = await self._open_rows(Where("due", "<=", now), limit=limit)
        return [record for row in rows if (record := await self._lease(row, now)) is not None]

    async def _until_next(self) -> int:
        rows = await self._open_rows(limit=1)
        if not rows:
            return self._longest_sleep
        ahead = int(rows[0].fields["due"] or 0) - self._clock.now()
        return min(self._longest_sleep, ahead if ahead > 0 else _MEANWHILE)

    async def _open_rows(self, *more: Where, limit: int) -> Sequence[Row]:
        if not self._work:
            return ()
        where = [Where("status", "=", "open"), Where("name", "in", tuple(self._work)), *more]
        return (await self._engine.find(JOBS, where, order="due", limit=limit)).rows

    async def _lease(self, row: Row, now: int) -> Record[Stored] | None:
        """The job, for `lease_ms` ours alone; `None` when somebody else was faster or it cannot be read."""
        try:
            record = await self._records.get(row.account, row.id)
        except Problem as problem:
            await self._set_aside(row, problem)
            return None
        if record is None or record.version != row.version:
            return None
        until = now + self._lease_ms
        body = msgspec.structs.replace(record.body, tries=record.body.tries + 1)
        try:
            return await self._records.replace(record, body=body, due=until, lease_until=until)
        except Stale:
            return None

    async def _set_aside(self, row: Row, problem: Problem) -> None:
        """A job whose key was destroyed, or that was tampered with, must not stop the others."""
        if problem.status == 503:
            raise problem
        log.error("job %s of kind %s cannot be read: %s", row.id, row.fields["name"], problem.code)
        fields = {**row.fields, "status": "failed", "token": None}
        with contextlib.suppress(Stale):
            await self._engine.replace(JOBS, msgspec.structs.replace(row, version=row.version + 1, fields=fields))

    async def _sweep(self) -> None:
        """Forget keyed jobs that were done long enough ago."""
        now = self._clock.now()
        if now < self._next_sweep:
            return
        self._next_sweep = now + SWEEP_EVERY
        done = [Where("status", "=", "done"), Where("due", "<=", now)]
        for row in (await self._engine.find(JOBS, done, order="due", limit=1_000)).rows:
            await self._engine.delete(JOBS, row.id)

    # Working

    async def _run_or_leave(self, record: Record[Stored]) -> None:
        try:
            await self._run(record)
        except Problem as problem:
            log.warning("job %s cannot be written now and runs again after its lease: %s", record.id, problem.code)

    async def _run(self, record: Record[Stored]) -> None:
        name, stored = str(record.fields["name"]), record.body
        work = self._work[name]
        lease = Lease(self._records, record, self._clock, self._lease_ms)
        async with lease.renewed():
            try:
                body = msgspec.msgpack.decode(stored.payload, type=work.body)
                await work.handler(Job(record.id, record.account, name, body, stored.tries, stored.due))
            except asyncio.CancelledError:
                await asyncio.shield(self._give_back(lease))
                raise
            except Exception as error:  # noqa: BLE001 - whatever a handler raises means: later again
                await self._fail(lease, error, work.max_tries)
            else:
                await self._finish(lease)

    async def _finish(self, lease: Lease) -> None:
        if lease.record.fields["token"] is None:
            await lease.end_for_good()
        else:
            body = msgspec.structs.replace(lease.record.body, payload=b"")
            await lease.end(body=body, status="done", due=self._clock.now() + self._remember_ms)
        self._observe(str(lease.record.fields["name"]), "done")

    async def _fail(self, lease: Lease, error: Exception, max_tries: int) -> None:
        name, stored = str(lease.record.fields["name"]), lease.record.body
        if isinstance(error, GiveUp | msgspec.DecodeError) or stored.tries >= max_tries:
            log.error("job %s of kind %s is given up: %s", lease.record.id, name, _place(error))
            reason = f"{type(error).__name__}: {error}"[:500]
            await lease.end(body=msgspec.structs.replace(stored, reason=reason), status="failed")
            self._observe(name, "failed")
            return
        if isinstance(error, Retry):
            delay = error.after_ms
        else:
            delay = retry_delay(stored.tries)
            log.warning("job %s of kind %s, try %d: %s", lease.record.id, name, stored.tries, _place(error))
        await lease.end(due=self._clock.now() + delay)
        self._wake.set()
        self._observe(name, "retry")

    async def _give_back(self, lease: Lease) -> None:
        """The process ends in good order: the job is due at once, and this was no try."""
        body = msgspec.structs.replace(lease.record.body, tries=lease.record.body.tries - 1)
        with contextlib.suppress(Problem):
            await lease.give_back(body=body, due=self._clock.now())

    # Keyed jobs

    async def _token(self, account: str, name: str, key: str | None) -> str | None:
        return None if key is None else await self._keyring.token(account, "job", f"{name}\0{key}")

    async def _by_token(self, account: str, token: str | None) -> Record[Stored] | None:
        found, _ = await self._records.find(account, Where("token", "=", token), limit=1)
        return found[0] if found else None


def _place(error: Exception) -> str:
    """The class of an error and where it was raised; its message may quote what is nobody's business."""
    frames = traceback.extract_tb(error.__traceback__, limit=-1)
    where = f"{frames[0].filename}:{frames[0].lineno}" if frames else "an unknown place"
    return f"{type(error).__qualname__} at {where}"
