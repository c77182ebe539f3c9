"""Transcripts by mail: within 15 minutes of the end of a chat, or when the visitor asks; to a verified address only.

What is owed is written down first (`mail_records`), then put into the outbox, then sent, then told in the conversation.
A crash between any two of these is made good: at the start and every minute all chats that ended lately are looked at,
and every mail that is owed is put into the outbox again, which keeps it once. The mail is composed anew at each try and
has the same Message-ID, so a mail that left twice, because the server died between the other server's "yes" and our
note of it, is one mail to its reader.

Whether an address is verified and wanted is asked twice: when the mail comes to be owed and when it leaves. A consent
that was taken back, a proof that was lost or a chat that was erased in between drops it.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable, Iterator, Sequence

import msgspec

from admin import Accounts, AuditBook, Bot, Bots
from foundation.clock import DAY, HOUR, MINUTE, SECOND, Clock
from foundation.errors import Forbidden, Gone, NotFound, Problem
from foundation.jobs import Job, Jobs, Retry
from foundation.mail import Delivery, Envelope, Post, PostError, PostRefused
from foundation.tasks import ended
from foundation.web import Pages, Throttle
from transcripts import copies
from transcripts.consent import Consents
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, TranscriptMailed, TranscriptNotMailed
from transcripts.mail_records import MailRecord, MailRecords, Status, TranscriptMail, Why, as_mail
from transcripts.masking import mask_address
from transcripts.state import State
from transcripts.words import words

log = logging.getLogger(__name__)

JOB = "transcript_mail"
LOOK_EVERY = MINUTE
LOOK_BACK = 7 * DAY
"""At the start, chats that ended since then are looked at; a server that was away for longer mails no old chats."""
PURPOSE = "transcript_mail"
_SOON = (5, 10, 20, 40)
_MOST_TRIES = 300


class MailOf(msgspec.Struct, frozen=True):
    """The job's body: neither words nor an address wait in the outbox."""

    mail: str


class TranscriptMails:
    """Owes, sends and watches the mails of all accounts. `sender` is the From of bots that name none.

    `observe` hears the number of late mails after each look, and `told` each mail's outcome.
    """

    def __init__(
        self,
        *,
        records: MailRecords,
        conversations: Conversations,
        consents: Consents,
        contacts: Contacts,
        accounts: Accounts,
        bots: Bots,
        jobs: Jobs,
        post: Post,
        pages: Pages,
        audit: AuditBook,
        clock: Clock,
        sender: str,
        observe: Callable[[int], None] | None = None,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self.records = records
        self._conversations = conversations
        self._consents = consents
        self._contacts = contacts
        self._accounts = accounts
        self._bots = bots
        self._jobs = jobs
        self._post = post
        self._pages = pages
        self._audit = audit
        self._clock = clock
        self._sender = sender
        self._observe = observe or (lambda _: None)
        self._told = told or (lambda _: None)
        self._ended: asyncio.Queue[tuple[str, str]] = asyncio.Queue(maxsize=10_000)
        self._looked_until = 0
        self._per_browser = Throttle(clock, 3, HOUR)
        self._per_client = Throttle(clock, 20, HOUR)
        pages.filter("copy_when", copies.when)
        jobs.handle(JOB, self._send, body=MailOf, max_tries=_MOST_TRIES)
        conversations.tell_of_ends(self._hear)

    async def ended(self, account: str, conversation: str) -> TranscriptMail | None:
        """The conversation has ended: owe its transcript if the bot's setting, the proof and the visitor's word say so.

        That it is not owed is written down too: a setting that is switched on later mails no old chats. Called again it
        changes nothing."""
        if await self.records.has(account, conversation, "closed"):
            return None
        state = await self._state(account, conversation)
        if state is None or state.closed_at is None or not state.contact:
            return None
        bot = await self._bots.get(account, state.bot)
        if bot is None:
            return None
        wanted = await self._wanted_at_end(state, bot)
        return await self._owe(state, bot, "closed", occasion="closed", at=state.closed_at, wanted=wanted)

    async def asked(self, account: str, conversation: str, client_id: str, *, client: str) -> None:
        """The visitor asks for the transcript by the icon (PS-7). What he is told is the same whether there is a verified
        address or not. Raises `Forbidden` when the bot does not offer it, `TooMany`."""
        state = await self._conversations.state(account, conversation)
        bot = await self._bots.get(account, state.bot)
        if bot is None or not bot.body.transcript_icon:
            raise Forbidden("This chat does not send transcripts. Nothing was sent.")
        if await self.records.has(account, conversation, f"asked/{client_id}"):
            return
        for throttle, key in ((self._per_browser, f"{account}/{state.visitor}"), (self._per_client, client)):
            throttle.check(key)
            throttle.hit(key)
        if await self._may_go(state):
            await self._owe(state, bot, "asked", occasion=f"asked/{client_id}", at=self._clock.now())

    async def look(self) -> None:
        """Find ends that nobody heard of, mails that are not in the outbox, and mails that are late."""
        await self._find_ends()
        for record in await self.records.owed():
            await self._queue(record)
        for record in await self.records.overdue():
            await self._alarm(record)
        self._observe(await self.records.late_anywhere())

    async def run(self) -> None:
        """Do all this until cancelled: at once for what is heard, every minute for what was not."""
        looking = asyncio.create_task(self._look_always(), name="transcript mails")
        try:
            while True:
                account, conversation = await self._ended.get()
                with _logged("the end of a chat could not be looked at; the next look will"):
                    await self.ended(account, conversation)
        finally:
            await ended(looking)

    async def _look_always(self) -> None:
        while True:
            with _logged("the look for transcript mails failed and will be tried again"):
                await self.look()
            await self._clock.sleep(LOOK_EVERY)

    def _hear(self, account: str, conversation: str) -> None:
        with contextlib.suppress(asyncio.QueueFull):  # the next look finds it
            self._ended.put_nowait((account, conversation))

    async def _find_ends(self) -> None:
        began = self._clock.now()
        since = self._looked_until - 2 * MINUTE if self._looked_until else began - LOOK_BACK
        async for account in self._accounts.all():
            async for row in self._conversations.heads.closed_with_contact(account.id, since=since):
                await self.ended(account.id, row.id)
        self._looked_until = began

    # Whether

    async def _wanted_at_end(self, state: State, bot: Bot) -> bool:
        when = bot.body.transcript_mail
        if when == "off" or not await self._may_go(state):
            return False
        word = await self._consents.last_word(state.account, state.bot, state.visitor, PURPOSE)
        if word is None:
            return when == "verified"
        return not word.withdraws

    async def _may_go(self, state: State) -> bool:
        """Only to an address that is verified in this chat, under a consent that stands, and not suppressed (YA-17)."""
        if state.verification.state != "verified" or not state.address or state.consent is None:
            return False
        return not await self._contacts.is_suppressed(state.account, state.address)

    async def _owe(
        self, state: State, bot: Bot, why: Why, *, occasion: str, at: int, wanted: bool = True
    ) -> TranscriptMail:
        record = await self.records.owe(
            state.account,
            state.id,
            bot=bot.id,
            why=why,
            occasion=occasion,
            sender=bot.body.transcript_sender or self._sender,
            at=at,
            wanted=wanted,
        )
        if record.fields["status"] == "owed":
            await self._queue(record)
        return as_mail(record)

    async def _queue(self, record: MailRecord) -> None:
        await self._jobs.put(record.account, JOB, MailOf(record.id), key=record.id)

    async def _state(self, account: str, conversation: str) -> State | None:
        try:
            return await self._conversations.state(account, conversation)
        except (NotFound, Gone):
            return None

    # Sending

    async def _send(self, job: Job) -> None:
        record = await self.records.get(job.account, job.body.mail)
        if record is None or record.body.settled:
            return
        if record.fields["status"] == "owed":
            record = await self._sent(record, job.tries)
        await self._settle(record)

    async def _sent(self, record: MailRecord, tries: int) -> MailRecord:
        """Hand the mail over, and note at once what the server said."""
        state = await self._state(record.account, str(record.fields["conversation"]))
        bot = await self._bots.get(record.account, record.body.bot)
        if state is None or bot is None or not await self._may_go(state):
            return await self._noted(record, "dropped")
        if record.body.why == "closed" and not await self._wanted_at_end(state, bot):
            return await self._noted(record, "dropped")
        try:
            delivery = await self._post.send(await self.compose(record, state, bot))
        except PostRefused as refusal:
            if refusal.permanent:
                return await self._noted(record, "refused", reply=_without(refusal.reply, state.address))
            raise Retry(self._pause(record, tries)) from refusal
        except PostError as error:
            raise Retry(self._pause(record, tries)) from error
        reply = _without(delivery.reply, state.address)
        return await self._noted(record, "sent", msgspec.structs.replace(delivery, reply=reply))

    def _pause(self, record: MailRecord, tries: int) -> int:
        """Soon at first, every minute while it can still be in time, every ten minutes after that."""
        if tries <= len(_SOON):
            return _SOON[tries - 1] * SECOND
        return MINUTE if self._clock.now() < int(record.fields["due"] or 0) else 10 * MINUTE

    async def compose(self, record: MailRecord, state: State, bot: Bot) -> Envelope:
        """The mail: the visitor's own view of the chat, in his language, as text and as HTML without anything remote."""
        events = await self._conversations.events(state.account, state.id)
        copy = copies.copy_of(state, events, bot.body.name)
        t = words(state.locale)
        subject = t["mail_subject"].format(bot=bot.body.name)
        why = t[f"mail_why_{record.body.why}"].format(bot=bot.body.name)
        data = {"t": t, "subject": subject, "why": why, "language": copy.language}
        return Envelope(
            sender=record.body.sender,
            to=state.address,
            subject=subject,
            text=self._pages.text("transcripts/transcript_mail.txt", text=copies.as_text(copy), **data).strip() + "\n",
            html=self._pages.text("transcripts/transcript_mail.html", lines=copy.lines, **data),
            message_id=record.body.message_id,
            language=copy.language,
        )

    async def _noted(
        self, record: MailRecord, status: Status, delivery: Delivery | None = None, *, reply: str = ""
    ) -> MailRecord:
        body = msgspec.structs.replace(record.body, delivery=delivery, reply=reply)
        late = {"late": 1} if status == "refused" else {}
        return await self.records.change(record, body=body, status=status, **late)

    async def _settle(self, record: MailRecord) -> None:
        """Tell in the conversation and in the audit book what became of it; once."""
        body, mail, status = record.body, as_mail(record), str(record.fields["status"])
        state = await self._state(record.account, mail.conversation)
        if state is not None and status in {"sent", "refused"}:
            await self._conversations.update(record.account, state.id, lambda now: self._event(now, mail))
        await self._audit.write(
            record.account,
            "system",
            {"sent": "transcript.mailed", "refused": "transcript.not_mailed"}.get(status, "transcript.mail_dropped"),
            record.id,
            conversation=mail.conversation,
            bot=mail.bot,
            why=mail.why,
            tls=mail.tls or "",
        )
        if status == "refused":
            log.error("the transcript mail %s was refused for good", record.id)
        await self.records.change(record, body=msgspec.structs.replace(body, settled=True))
        self._told(status)

    async def came_back(self, message_id: str, *, complaint: bool, reason: str) -> tuple[str, str] | None:
        """A mail server reports that a transcript mail came back for good, or that its reader called it unwanted: it is
        noted, and told in the conversation and the audit book, once. The account and the address, which is written to no
        more; `None` when it is no mail of ours, or nobody knows any more to whom it went."""
        record = await self.records.by_message(message_id)
        state = None if record is None else await self._state(record.account, str(record.fields["conversation"]))
        if record is None or state is None:
            return None
        events = await self._conversations.events(record.account, state.id)
        sent = [one.event for one in events if isinstance(one.event, TranscriptMailed) and one.event.mail == record.id]
        if not sent or not sent[0].address:
            return None
        address = sent[0].address
        if record.fields["status"] == "sent":
            await self._tell_back(record, state, address, complaint=complaint, reason=_without(reason, address))
        return record.account, address

    async def _tell_back(self, record: MailRecord, state: State, address: str, *, complaint: bool, reason: str) -> None:
        body = msgspec.structs.replace(record.body, reply=reason)
        record = await self.records.change(record, body=body, status="complained" if complaint else "bounced")
        mail = as_mail(record)
        back = TranscriptNotMailed(at=self._clock.now(), mail=mail.id, address=address, reply=reason, why=mail.why)
        if not complaint and state.restricted is None:
            await self._conversations.update(record.account, state.id, lambda _: [back])
        action = "transcript.complained" if complaint else "transcript.bounced"
        await self._audit.write(
            record.account, "system", action, record.id, conversation=mail.conversation, bot=mail.bot
        )

    def _event(self, state: State, mail: TranscriptMail) -> Sequence[AnyEvent]:
        if mail.id in state.mails:
            return ()
        at = self._clock.now()
        if mail.status == "sent":
            sent = TranscriptMailed(
                at=at, mail=mail.id, address=state.address, tls=mail.tls, reply=mail.reply, why=mail.why
            )
            return [sent]
        return [TranscriptNotMailed(at=at, mail=mail.id, address=state.address, reply=mail.reply, why=mail.why)]

    async def _alarm(self, record: MailRecord) -> None:
        """The 15 minutes are over and it has not left: in the audit book, in the log, on the admin pages."""
        mail = as_mail(record)
        await self._audit.write(
            record.account, "system", "transcript.late", record.id, conversation=mail.conversation, bot=mail.bot
        )
        await self.records.change(record, late=1)
        log.error("the transcript mail %s has not left within 15 minutes", record.id)


def _without(reply: str, address: str) -> str:
    """What the server said, without the address: the record outlives an erasure of the chat."""
    return re.sub(re.escape(address), mask_address(address), reply, flags=re.IGNORECASE)


@contextlib.contextmanager
def _logged(words: str) -> Iterator[None]:
    """What storage refuses now is no end of the work."""
    try:
        yield
    except Problem:
        log.exception(words)
