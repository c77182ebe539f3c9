"""Once a day the signed heads of all audit books are noted outside of the store, and mailed to whoever keeps them (G-1).

The file beside the database is enough against somebody who changes rows; a mailbox, or another machine that fetches the
file, also against somebody who has the whole machine. Lines are only ever added.
"""

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from admin.heads import Heads, SignedHead
from foundation.clock import DAY, Clock
from foundation.jobs import GiveUp, Job, Jobs, Periodic
from foundation.mail import Envelope, Post, PostRefused, new_message_id

log = logging.getLogger(__name__)

FILE = "audit-heads.jsonl"
JOB = "audit_heads"
MAIL_JOB = "audit_heads_mail"


class MailHeads(msgspec.Struct, frozen=True):
    """The body of the job that mails them. The message id is the same at every try."""

    lines: tuple[str, ...]
    message_id: str


class Anchors:
    """Notes the heads every day. `to` is the address that gets them; empty: nobody."""

    def __init__(self, heads: Heads, jobs: Jobs, clock: Clock, *, file: Path, post: Post, sender: str, to: str) -> None:
        self._heads = heads
        self._jobs = jobs
        self._clock = clock
        self._file = file
        self._post = post
        self._sender = sender
        self._to = to
        self.periodic = Periodic(jobs, clock, JOB, self.note, every_ms=DAY)
        jobs.handle(MAIL_JOB, self._mail, body=MailHeads)

    async def note(self) -> Sequence[SignedHead]:
        """Sign the heads of this moment, add them to the file, and have them mailed. A day's mail is sent once."""
        heads = await self._heads.sign_all()
        lines = tuple(head.as_line() for head in heads)
        await asyncio.to_thread(_add, self._file, lines)
        if self._to:
            day = str(self._clock.now() // DAY)
            await self._jobs.put("", MAIL_JOB, MailHeads(lines, new_message_id(self._sender)), key=day)
        return heads

    async def _mail(self, job: Job) -> None:
        """Raises what the post raises, so that it is tried again; a refusal for good is kept as a failed job."""
        day = f"{datetime.fromtimestamp(job.due / 1000, UTC):%Y-%m-%d}"
        mail = Envelope(
            sender=self._sender,
            to=self._to,
            subject=f"Heads of the audit books, {day}",
            text=_TEXT + "\n".join(job.body.lines) + "\n",
            message_id=job.body.message_id,
        )
        try:
            await self._post.send(mail)
        except PostRefused as refusal:
            if refusal.permanent:
                log.warning("the heads of the audit books were not mailed: %s", refusal.reply)
                raise GiveUp(refusal.reply) from refusal
            raise


_TEXT = """\
These are the signed heads of the audit books. Keep this mail: with it, a book that was
shortened or rewritten afterwards can be told from a whole one.

Check: save the lines below as heads.jsonl and run

    frontdesk audit verify --head heads.jsonl

"""


def _add(file: Path, lines: Sequence[str]) -> None:
    """Lines at the end of the file, on the disk when this returns; nobody else may read it."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(file, flags, 0o600), "wb") as out:
        out.write("".join(f"{line}\n" for line in lines).encode())
        out.flush()
        os.fsync(out.fileno())
