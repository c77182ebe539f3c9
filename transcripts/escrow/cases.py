"""Sealed cases: asked for, built once by a durable job, handed out while they live, destroyed, and never forgotten.

    queued ─▶ ready ─▶ destroyed        failed: with the reason in words; nothing was kept

The register keeps who asked, when, why, for whom, how many and until when; the reason and the names are sealed. What is
kept of a case is age ciphertext, sealed once more under a key of its own, which is destroyed with it: then no backup
holds it any more either. A conversation is in the audit book as exported before the case can be downloaded (G-5).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from admin import AuditBook, By
from foundation.clock import DAY, Clock
from foundation.errors import Conflict, Gone, Invalid, NotFound, Problem
from foundation.ids import is_id, new_id
from foundation.jobs import Job, Jobs
from foundation.keys import Keyring, Signatures
from foundation.records import Collection, Engine, EventLog, Kind, Record, Where, scrub
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.escrow import package
from transcripts.escrow.contents import BotNames, Collected, Collector
from transcripts.escrow.recipients import Recipient, Recipients
from transcripts.escrow.selection import Selection, require_there
from transcripts.rights.holds import Holds, required_reason
from transcripts.rights.retention import Retention

CASE = Kind("escrow_case", fields=("state", "at"), indexes=(("account", "at"),))
CONTENT = Kind("escrow_content", fields=("export", "subject"), indexes=(("account", "subject"), ("account", "export")))
"""Which conversations are in which case, by ids: for certificates of erasure (E-14)."""

BUILD, DESTROY = "escrow_build", "escrow_destroy"

BASES: Mapping[str, str] = {
    "obligation": "Legal obligation (Art. 6 (1) (c), Art. 17 (3) (b) GDPR)",
    "claims": "Legal claims (Art. 6 (1) (f), Art. 17 (3) (e) GDPR)",
}

State = Literal["queued", "ready", "failed", "destroyed"]
Part = Literal["case", "index"]

_CHUNK = 512 * 1024
_TRIES = 5
_TOGETHER = 200


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the register. `left_out`: restricted ones that were not asked for; `gone`: such as cannot be read."""

    id: str
    state: State
    at: int
    by: str
    reason: str
    basis: str
    recipients: tuple[Recipient, ...]
    destroy_by: int
    selection: Selection
    restricted: bool
    conversations: int = 0
    held: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    gone: int = 0
    root: str = ""
    size: int = 0
    index_size: int = 0
    downloads: int = 0
    destroyed_at: int | None = None
    fault: str = ""


class _Body(msgspec.Struct, frozen=True, kw_only=True):
    by: str
    address: str
    reason: str
    basis: str
    recipients: tuple[Recipient, ...]
    destroy_by: int
    selection: Selection
    restricted: bool
    conversations: int = 0
    held: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    gone: int = 0
    root: str = ""
    size: int = 0
    index_size: int = 0
    downloads: int = 0
    destroyed_at: int | None = None
    fault: str = ""
    key: str = ""


class CaseJob(msgspec.Struct, frozen=True):
    """The body of both jobs."""

    case: str


class _Nothing(msgspec.Struct, frozen=True):
    """The ids say it all."""


class Cases:
    """The cases of all accounts. Whoever calls has established that the person is a super admin of the account."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        conversations: Conversations,
        contacts: Contacts,
        recipients: Recipients,
        holds: Holds,
        retention: Retention,
        bot_names: BotNames,
        audit: AuditBook,
        jobs: Jobs,
        life_ms: int = 7 * DAY,
    ) -> None:
        self._engine = engine
        self._rows: Collection[_Body] = Collection(engine, keyring, CASE, _Body)
        self._contents: Collection[_Nothing] = Collection(engine, keyring, CONTENT, _Nothing)
        self._files: EventLog[bytes] = EventLog(engine, keyring, "escrow", bytes)
        self._keyring = keyring
        self._signatures = Signatures(keyring, package.PURPOSE)
        self._clock = clock
        self._conversations = conversations
        self._recipients = recipients
        self._collector = Collector(conversations, contacts, holds=holds, retention=retention, bot_names=bot_names)
        self._audit = audit
        self._jobs = jobs
        self._life_ms = life_ms
        self._one_at_a_time = asyncio.Lock()
        jobs.handle(BUILD, self._build, body=CaseJob, max_tries=_TRIES)
        jobs.handle(DESTROY, self._expire, body=CaseJob)

    async def request(
        self, account: str, selection: Selection, *, reason: str, basis: str, restricted: bool, by: By
    ) -> Case:
        """Have a case built. `restricted`: also conversations whose processing is restricted. Raises `Invalid`, and
        `Conflict` while escrow is off."""
        reason = required_reason(reason)
        if basis not in BASES:
            raise Invalid("Choose the legal basis.", field="basis")
        recipients = tuple(await self._recipients.of(account))
        if not recipients:
            raise Conflict("Escrow is off. Name who may open cases first.")
        await require_there(self._conversations, account, selection)
        made, now = new_id(), self._clock.now()
        body = _Body(
            by=by.person,
            address=by.address or "",
            reason=reason,
            basis=basis,
            recipients=recipients,
            destroy_by=now + self._life_ms,
            selection=selection,
            restricted=restricted,
        )
        await self._audit.write(
            account, by.person, "escrow.requested", made, address=by.address, basis=basis, recipients=len(recipients)
        )
        record = await self._rows.insert(account, made, body, state="queued", at=now)
        await self._jobs.put(account, BUILD, CaseJob(made), key=made)
        await self._jobs.put(account, DESTROY, CaseJob(made), due=body.destroy_by, key=made)
        return _case(record)

    async def list(
        self, account: str, *, limit: int = 50, after: str | None = None
    ) -> tuple[Sequence[Case], str | None]:
        """A page of the register, newest first, and the cursor of the next."""
        records, following = await self._rows.find(account, order="-at", limit=limit, after=after)
        return [_case(record) for record in records], following

    async def get(self, account: str, id: str) -> Case:
        """Raises `NotFound`."""
        return _case(await self._require(account, id))

    async def public_key(self) -> bytes:
        """With what seals are checked."""
        return await self._signatures.public_key()

    async def download(self, account: str, id: str, part: Part, *, by: By) -> tuple[int, AsyncIterator[bytes]]:
        """The size of a file and its pieces; the download is in the audit book first. Raises `NotFound`, `Gone`."""
        record = await self._require(account, id)
        if record.fields["state"] != "ready":
            raise Gone("This case is not here any more, or not yet.")
        await self._audit.write(account, by.person, "escrow.downloaded", id, address=by.address, part=part)
        counted = await self._rows.update(
            account,
            id,
            lambda one: {"body": msgspec.structs.replace(one.body, downloads=one.body.downloads + 1)},
        )
        body = (counted or record).body
        return (body.size if part == "case" else body.index_size), self._pieces(account, f"{id}/{part}")

    async def destroy(self, account: str, id: str, *, by: By) -> None:
        """Destroy the files and their key now; the line in the register stays. Twice is once. Raises `NotFound`."""
        record = await self._require(account, id)
        if record.fields["state"] == "destroyed":
            return
        async with self._one_at_a_time, self._audit.recording(account, by, "escrow.destroyed", id):
            await self._drop_files(account, id, record.body.key)
            now = self._clock.now()
            await self._rows.update(account, id, lambda one: _changes(one, "destroyed", destroyed_at=now, key=""))

    async def copies_of(self, account: str, subjects: Sequence[str]) -> Sequence[str]:
        """What certificates say about sealed cases that hold any of these conversations (E-14)."""
        exports: set[str] = set()
        for subject in subjects:
            async for row in self._contents.all(account, Where("subject", "=", subject)):
                exports.add(str(row.fields["export"]))
        found = [await self._rows.get(account, one) for one in sorted(exports)]
        return [_copy(record) for record in found if record is not None]

    # Building

    async def _build(self, job: Job) -> None:
        async with self._one_at_a_time:
            record = await self._rows.get(job.account, job.body.case)
            if record is None or record.fields["state"] != "queued":
                return
            try:
                await self._make(record)
            except Invalid as problem:
                await self._fail(record, problem.detail)
            except Exception as error:
                if job.tries < _TRIES:
                    raise
                said = error.detail if isinstance(error, Problem) else "It could not be built."
                await self._fail(record, said)
                raise

    async def _make(self, record: Record[_Body]) -> None:
        account, body = record.account, record.body
        collected = await self._collector.collect(account, body.selection, body.basis, restricted=body.restricted)
        sealed = package.put_together(collected.items, _facts(record, collected), await self.public_key())
        signature = await self._signatures.sign(sealed.seal)
        at = int(record.fields["at"] or 0)
        case = await asyncio.to_thread(package.encrypt_case, sealed, signature, at, body.recipients)
        index = await asyncio.to_thread(package.encrypt_index, sealed, signature, body.recipients)
        record = await self._keep(record, case, index)
        await self._write_down(record, collected)
        await self._rows.update(
            account,
            record.id,
            lambda one: _changes(
                one,
                "ready",
                conversations=len(collected.conversations),
                held=collected.held,
                frozen=collected.frozen,
                left_out=collected.left_out,
                gone=collected.gone,
                root=sealed.root,
                size=len(case),
                index_size=len(index),
            ),
        )

    async def _keep(self, record: Record[_Body], case: bytes, index: bytes) -> Record[_Body]:
        """Write both files under a new key; what an earlier try left goes first."""
        account, case_id = record.account, record.id
        await self._drop_files(account, case_id, record.body.key)
        key = await self._keyring.mint(account, "escrow")
        body = msgspec.structs.replace(record.body, key=key)
        record = await self._rows.replace(record, body=body)
        for name, data in ((f"{case_id}/case", case), (f"{case_id}/index", index)):
            for number, start in enumerate(range(0, len(data), _CHUNK)):
                await self._files.append(account, name, key, [data[start : start + _CHUNK]], number)
        return record

    async def _write_down(self, record: Record[_Body], collected: Collected) -> None:
        """In the register's contents and in the audit book, before anybody can have it."""
        account, export, body = record.account, record.id, record.body
        known = {str(row.fields["subject"]) async for row in self._contents.all(account, Where("export", "=", export))}
        fresh = [one for one in collected.conversations if one not in known]
        for start in range(0, len(fresh), _TOGETHER):
            some = fresh[start : start + _TOGETHER]
            await asyncio.gather(
                *(
                    self._audit.write(
                        account, body.by, "conversation.exported", one, address=body.address or None, escrow=export
                    )
                    for one in some
                )
            )
            for one in some:
                await self._contents.insert(account, new_id(), _Nothing(), export=export, subject=one)
        await self._audit.write(account, body.by, "escrow.built", export, conversations=len(collected.conversations))

    async def _fail(self, record: Record[_Body], fault: str) -> None:
        fresh = await self._rows.get(record.account, record.id)
        await self._drop_files(record.account, record.id, fresh.body.key if fresh is not None else "")
        await self._audit.write(record.account, record.body.by, "escrow.failed", record.id)
        await self._rows.update(record.account, record.id, lambda one: _changes(one, "failed", fault=fault, key=""))

    async def _expire(self, job: Job) -> None:
        with contextlib.suppress(NotFound):
            await self.destroy(job.account, job.body.case, by=By("system"))

    async def _drop_files(self, account: str, id: str, key: str) -> None:
        if key:
            await self._keyring.destroy(account, key)
        for part in ("case", "index"):
            await self._files.delete(account, f"{id}/{part}")
        if key:
            await scrub(self._engine)

    async def _pieces(self, account: str, name: str) -> AsyncIterator[bytes]:
        since = 0
        while pieces := await self._files.read(account, name, since, most=4):
            for _, piece in pieces:
                yield piece
            since = pieces[-1][0]

    async def _require(self, account: str, id: str) -> Record[_Body]:
        record = await self._rows.get(account, id) if is_id(id) else None
        if record is None:
            raise NotFound("There is no such case.")
        return record


def _facts(record: Record[_Body], collected: Collected) -> dict[str, Any]:
    """What the seal states beside the manifest."""
    body = record.body
    return {
        "case": record.id,
        "account": record.account,
        "at": int(record.fields["at"] or 0),
        "by": body.by,
        "reason": body.reason,
        "legal_basis": BASES[body.basis],
        "recipients": [one.key for one in body.recipients],
        "conversations": len(collected.conversations),
        "held": list(collected.held),
        "restricted": list(collected.frozen),
        "left_out_restricted": list(collected.left_out),
        "unreadable": collected.gone,
        "destroy_by": body.destroy_by,
    }


def _changes(record: Record[_Body], state: State, **more: Any) -> dict[str, Any]:
    return {"body": msgspec.structs.replace(record.body, **more), "state": state}


def _copy(record: Record[_Body]) -> str:
    case = _case(record)
    here = "destroyed here" if case.state == "destroyed" else "to be destroyed here"
    when = case.destroy_by if case.destroyed_at is None else case.destroyed_at
    return (
        f"sealed export {case.id}, {case.basis}: {here} at {when} (ms UTC); downloaded {case.downloads} times, copies "
        "are with its recipients"
    )


def _case(record: Record[_Body]) -> Case:
    state: Any = record.fields["state"]
    known = {name: getattr(record.body, name) for name in Case.__struct_fields__ if hasattr(record.body, name)}
    return Case(id=record.id, state=state, at=int(record.fields["at"] or 0), **known)
