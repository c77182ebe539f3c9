"""Sharing a file, fetching it, hiding it, destroying it (PS-8, YA-22).

    upload ─▶ may he? room left? ─▶ policy, from name, type and content ─▶ job "is it in the log?" ─▶ sealed blob
    ─▶ event `FileShared`

    "sensitive" ─▶ job with its day ─▶ event `FileHidden`: nobody but admins is shown name or content from now on
    ─▶ 14 days ─▶ ledger ─▶ key and blob destroyed ─▶ event `FileDestroyed` ─▶ its name is written out of the log

    older than its rule allows ─▶ job ─▶ ledger, and so on

A crash leaves a blob without an event at most, and the first job removes it. The 14 days leave one for trouble: what is
sensitive is gone within 15.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import msgspec

from admin import AuditBook, By
from admin.file_policy import Admitted, FilePolicy
from foundation.clock import DAY, HOUR, MINUTE, SECOND, Clock
from foundation.errors import Gone, NotFound, TooLarge
from foundation.files import SealedFiles
from foundation.ids import is_id, new_id
from foundation.jobs import Job, Jobs, Retry
from foundation.keys import Ledger, LedgerEntry
from foundation.records import Stale
from transcripts.attachments.book import FileBook, Listed
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, FileDestroyed, FileHidden, FileShared, Role
from transcripts.rights import Holds
from transcripts.state import Shared, State

SETTLE, DESTROY, EXPIRE = "file_settle", "file_destroy", "file_expire"
KEPT_HIDDEN = 14 * DAY
_SETTLED_BY = HOUR
_MEGABYTE = 1_000_000

Require = Callable[[State], None]
"""Raises a `Problem` unless this file may come into the conversation as it stands."""


class Upload(msgspec.Struct, frozen=True):
    """A file as somebody sent it. `client_id` is the sender's UUID: it is stored once however often it is sent."""

    name: str
    declared: str
    content: bytes
    client_id: str


class Limits(msgspec.Struct, frozen=True):
    """Bytes of all files of one conversation."""

    conversation: int = 50 * _MEGABYTE


class Sender(msgspec.Struct, frozen=True):
    """Who sends. `author` is a person's id, empty for visitors."""

    by: Role
    author: str = ""
    name: str = ""


class FileJob(msgspec.Struct, frozen=True):
    """The body of both jobs. `day` counts how often a legal hold put the end off."""

    conversation: str
    file: str
    day: int = 0


class Attachments:
    """The files of all conversations. Whoever calls has fetched the conversation as somebody."""

    def __init__(
        self,
        files: SealedFiles,
        conversations: Conversations,
        clock: Clock,
        *,
        jobs: Jobs,
        holds: Holds,
        ledger: Ledger,
        audit: AuditBook,
        book: FileBook,
        limits: Limits,
    ) -> None:
        self._files = files
        self._book = book
        self._conversations = conversations
        self._clock = clock
        self._jobs = jobs
        self._holds = holds
        self._ledger = ledger
        self._audit = audit
        self._limits = limits
        jobs.handle(SETTLE, self._settle, body=FileJob)
        jobs.handle(DESTROY, self._end, body=FileJob)
        jobs.handle(EXPIRE, self._expired, body=FileJob)

    async def share(
        self, account: str, conversation: str, upload: Upload, *, sender: Sender, policy: FilePolicy, require: Require
    ) -> int:
        """Keep a file and say so in the log; the event's seq (the old one, if it was sent before).

        Raises what `require` and the policy raise, and `TooLarge` when the conversation has no room for it; then
        nothing of it is kept.
        """
        state = await self._conversations.state(account, conversation)
        if upload.client_id in state.client_ids:
            return state.client_ids[upload.client_id]
        policy.require_any()
        self._require(state, len(upload.content), require)
        admitted = await asyncio.to_thread(policy.admit, upload.name, upload.declared, upload.content)
        return await self._keep(state, admitted, upload.client_id, sender, require)

    async def _keep(self, before: State, admitted: Admitted, client_id: str, sender: Sender, require: Require) -> int:
        account, conversation = before.account, before.id
        file, size = new_id(), len(admitted.content)
        job = FileJob(conversation, file)
        await self._jobs.put(account, SETTLE, job, due=self._clock.now() + _SETTLED_BY, key=file)
        key = await self._files.put(account, conversation, file, admitted.content)
        await self._book.add(account, Listed(file, conversation, before.bot, self._clock.now()))

        def decide(state: State) -> Sequence[AnyEvent]:
            if client_id in state.client_ids:
                return ()
            self._require(state, size, require)
            return [
                FileShared(
                    at=self._clock.now(),
                    file=file,
                    key=key,
                    by=sender.by,
                    name=admitted.name,
                    media=admitted.media,
                    size=size,
                    client_id=client_id,
                    author=sender.author,
                    author_name=sender.name,
                )
            ]

        kept = False
        try:
            outcome = await self._conversations.update(account, conversation, decide)
            kept = bool(outcome.events)
            return outcome.state.client_ids[client_id]
        finally:
            if not kept:
                await self._never(account, conversation, file)

    def _require(self, state: State, size: int, require: Require) -> None:
        require(state)
        room = self._limits.conversation - sum(
            shared.event.size for shared in state.files.values() if not shared.destroyed
        )
        if size > room:
            raise TooLarge("The files of this chat have no room for this one. Nothing was kept.")

    def find(self, state: State, file: str, *, hidden: bool = False) -> Shared:
        """The conversation's file; `hidden` for those who may see what is sensitive. Raises `NotFound` alike for one
        that is unknown, of another conversation, hidden or gone."""
        shared = state.files.get(file) if is_id(file) else None
        if shared is None or shared.destroyed or (shared.hidden_at is not None and not hidden):
            raise NotFound("There is no such file.")
        return shared

    async def content(self, state: State, shared: Shared) -> AsyncIterator[bytes]:
        """What is in it; the first chunk was read when this returns. Raises `NotFound`, `KeyDestroyed`, `Damaged`."""
        chunks = self._files.read(state.account, state.id, shared.event.file)
        first = await anext(chunks, b"")
        return _joined(first, chunks)

    async def hide(self, account: str, conversation: str, file: str, *, by: By, name: str, reason: str = "") -> int:
        """Say that a file is sensitive; the conversation's newest seq. Twice is once (YA-22). Raises `NotFound`."""
        state = await self._conversations.state(account, conversation)
        shared = self.find(state, file, hidden=True)
        if shared.hidden_at is not None:
            return state.seq
        until = self._clock.now() + KEPT_HIDDEN
        await self._jobs.put(account, DESTROY, FileJob(conversation, file), due=until, key=file)

        def decide(fresh: State) -> Sequence[AnyEvent]:
            if self.find(fresh, file, hidden=True).hidden_at is not None:
                return ()
            at = self._clock.now()
            return [FileHidden(at=at, file=file, until=until, author=by.person, author_name=name, reason=reason)]

        async with self._audit.recording(account, by, "file.hidden", file, conversation=conversation, bot=state.bot):
            return (await self._conversations.update(account, conversation, decide)).state.seq

    async def expire(self, account: str, file: str) -> bool:
        """Destroy a file that is older than its rule allows; whether there was one. A job finishes what is cut off."""
        listed = await self._book.get(account, file)
        if listed is None:
            return False
        job = FileJob(listed.conversation, file)
        await self._jobs.put(account, EXPIRE, job, due=self._clock.now() + MINUTE, key=file)
        try:
            return await self._expire(account, job)
        except Retry:
            return True

    # Jobs

    async def _never(self, account: str, conversation: str, file: str) -> None:
        await self._files.destroy(account, conversation, file)
        await self._book.remove(account, file)

    async def _expired(self, job: Job) -> None:
        await self._expire(job.account, job.body)

    async def _expire(self, account: str, body: FileJob) -> bool:
        try:
            state = await self._conversations.state(account, body.conversation)
        except (NotFound, Gone):
            await self._never(account, body.conversation, body.file)
            return True
        shared = state.files.get(body.file)
        if shared is None:
            await self._never(account, body.conversation, body.file)
            return True
        if await self._held(state):
            return False  # placed since it was looked for; its rule finds it again
        await self._destroy(state, shared, "retention")
        return True

    async def _settle(self, job: Job) -> None:
        """What is not in the log an hour later was never shared."""
        body: FileJob = job.body
        try:
            state = await self._conversations.state(job.account, body.conversation)
        except (NotFound, Gone):
            await self._never(job.account, body.conversation, body.file)
            return
        if body.file not in state.files:
            await self._never(job.account, body.conversation, body.file)

    async def _end(self, job: Job) -> None:
        body: FileJob = job.body
        try:
            state = await self._conversations.state(job.account, body.conversation)
        except (NotFound, Gone):
            return  # erased meanwhile, with all its files
        shared = state.files.get(body.file)
        if shared is None or shared.hidden_at is None or (shared.destroyed and not shared.event.name):
            return  # nothing to do, or all of it is done
        if await self._held(state):
            again = FileJob(body.conversation, body.file, body.day + 1)
            await self._jobs.put(
                job.account, DESTROY, again, due=self._clock.now() + DAY, key=f"{body.file}/{again.day}"
            )
            return
        await self._destroy(state, shared, "sensitive")

    async def _held(self, state: State) -> bool:
        covered = await self._holds.active(state.account)
        return covered.of(bot=state.bot, conversation=state.id, contact=state.contact) is not None

    async def _destroy(self, state: State, shared: Shared, reason: str) -> None:
        """First the ledger, so that no old copy brings it back; then key, blob and name. Each step can be done twice."""
        account, event = state.account, shared.event
        entry = LedgerEntry(
            id=event.file,
            at=self._clock.now(),
            account=account,
            keys=(event.key,),
            redacted=((state.id, (shared.seq,)),),
        )
        await self._ledger.write(entry)
        await self._files.erase(account, state.id, event.file, key=event.key)

        def decide(fresh: State) -> Sequence[AnyEvent]:
            if fresh.files[event.file].destroyed:
                return ()
            return [FileDestroyed(at=self._clock.now(), file=event.file, reason=reason)]

        outcome = await self._conversations.seal_anew(account, state.id, decide)
        if outcome.events:
            await self._audit.write(
                account, "system", "file.destroyed", event.file, conversation=state.id, bot=state.bot
            )
        try:
            done = await self._conversations.rewrite(account, state.id)
        except Stale:
            done = False
        if not done:
            raise Retry(30 * SECOND)
        await self._book.remove(account, event.file)


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for chunk in rest:
        yield chunk
