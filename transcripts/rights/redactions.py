"""Redaction: the words of a message go, for every reader at once and then from the store (YA-21).

    event `MessageRedacted`, sealed with a new key ─▶ all views are masked, open sockets hear of it
    ─▶ ledger ─▶ the older batches are written anew without the words, under the new key ─▶ the old key is destroyed

After that the words are in no file; copies of the database are sealed with a key that is gone, and a copy that is put
back with its keys is redacted again from the ledger. What follows the event is a durable job, so that a crash in
between delays it and no more.
"""

from collections.abc import Sequence

import msgspec

from admin import AuditBook, By
from foundation.clock import MINUTE, SECOND, Clock
from foundation.errors import Conflict, Gone, Invalid, NotFound
from foundation.ids import new_id
from foundation.jobs import Job, Jobs, Retry
from foundation.keys import Ledger, LedgerEntry
from foundation.live import Signals
from foundation.records import Stale
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, MessageRedacted, MessageSent, NoteWritten
from transcripts.rights.holds import Holds, required_reason
from transcripts.state import State

JOB = "redact"
TOPIC = "erasures"
_LATER = MINUTE


class RedactJob(msgspec.Struct, frozen=True):
    """The job's body."""

    conversation: str
    message: int


class Redactions:
    """Whoever calls has established that the person may redact and may see the conversation."""

    def __init__(
        self,
        conversations: Conversations,
        clock: Clock,
        *,
        holds: Holds,
        ledger: Ledger,
        audit: AuditBook,
        jobs: Jobs,
        signals: Signals,
    ) -> None:
        self._conversations = conversations
        self._clock = clock
        self._holds = holds
        self._ledger = ledger
        self._audit = audit
        self._jobs = jobs
        self._signals = signals
        jobs.handle(JOB, self._work, body=RedactJob)

    async def redact(
        self, account: str, conversation: str, message: int, *, by: By, name: str = "", reason: str = ""
    ) -> int:
        """Take the words out of the message or note with this number; the conversation's newest seq. Twice is once.

        Raises `NotFound`, `Invalid` when that number is no message, `Conflict` under a legal hold.
        """
        state = await self._checked(account, conversation, message)
        reason = required_reason(reason) if reason else ""
        edit = state.edits.get(message)
        if edit is not None and edit.text is None:
            return state.seq
        await self._require_no_hold(state)
        await self._jobs.put(
            account,
            JOB,
            self.job(conversation, message),
            due=self._clock.now() + _LATER,
            key=f"{conversation}/{message}",
        )
        async with self._audit.recording(account, by, "message.redacted", conversation, message=message, bot=state.bot):
            seq = await self.mask(account, conversation, message, by=by.person, name=name, reason=reason)
        await self._remove(account, conversation, message)
        return seq

    @staticmethod
    def job(conversation: str, message: int) -> RedactJob:
        """The second half, as the body of a job: the words leave the store."""
        return RedactJob(conversation, message)

    async def again(self, account: str, conversation: str, messages: Sequence[int]) -> None:
        """A copy of the database was put back: redact in it what was redacted since."""
        for message in messages:
            try:
                await self.mask(account, conversation, message, by="system", name="", reason="")
                await self._conversations.rewrite(account, conversation)
            except (NotFound, Gone):
                return

    async def mask(self, account: str, conversation: str, message: int, *, by: str, name: str, reason: str) -> int:
        """The first half: from now on nobody is shown the words; the newest seq."""

        def decide(state: State) -> Sequence[AnyEvent]:
            edit = state.edits.get(message)
            if edit is not None and edit.text is None:
                return ()
            return [MessageRedacted(at=self._clock.now(), message=message, author=by, author_name=name, reason=reason)]

        return (await self._conversations.seal_anew(account, conversation, decide)).state.seq

    async def _work(self, job: Job) -> None:
        body: RedactJob = job.body
        try:
            state = await self._conversations.state(job.account, body.conversation)
        except (NotFound, Gone):
            return  # erased meanwhile
        edit = state.edits.get(body.message)
        if edit is None or edit.text is not None:
            return  # it was refused, or the crash came before anything was masked
        if not await self._remove(job.account, body.conversation, body.message):
            raise Retry(30 * SECOND)

    async def _remove(self, account: str, conversation: str, message: int) -> bool:
        """Write it down and write the words out of the store; whether all of that is done."""
        entry = LedgerEntry(id=new_id(), at=self._clock.now(), account=account, redacted=((conversation, (message,)),))
        await self._ledger.write(entry)
        try:
            done = await self._conversations.rewrite(account, conversation)
        except Stale:
            return False
        self._signals.publish(TOPIC, entry.at)
        return done

    async def _checked(self, account: str, conversation: str, message: int) -> State:
        state = await self._conversations.state(account, conversation)
        events = await self._conversations.events(account, conversation, message - 1) if message >= 1 else []
        if not events or not isinstance(events[0].event, MessageSent | NoteWritten):
            raise Invalid("There is no message with this number.", field="message")
        return state

    async def _require_no_hold(self, state: State) -> None:
        hold = (await self._holds.active(state.account)).of(bot=state.bot, conversation=state.id, contact=state.contact)
        if hold is not None:
            raise Conflict("A legal hold covers this conversation. Nothing was redacted.", hold=hold.id)
