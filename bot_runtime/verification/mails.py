"""The opt-in mail: composed anew at each try from the request alone, sent by the outbox, its fate kept as evidence.

It holds the bot's name, the code, the link and our own words; nothing that a visitor wrote but the address it goes to
(D-14, D-15). The link begins with the configured base URL, never with the host of a request (C-14).
"""

import asyncio
import hashlib
from pathlib import Path

import msgspec

from admin import Bots
from bot_runtime.phrases import language_of
from bot_runtime.verification import evidence as facts
from bot_runtime.verification.evidence import Evidence
from bot_runtime.verification.requests import CODE_LIFE, LINK_LIFE, RequestRecord, Secrets, link_is_live
from bot_runtime.verification.store import Requests
from bot_runtime.verification.texts import TEXTS, texts
from foundation.clock import DAY, HOUR, MINUTE, Clock
from foundation.jobs import GiveUp, Job, Jobs
from foundation.mail import Envelope, Post, PostRefused
from foundation.web import Pages
from transcripts.contacts import Contacts

JOB = "opt_in_mail"
QUIET_AFTER_REFUSAL = 30 * DAY
"""Time for which an address is left alone whose server refused the mail for good (D-20)."""
_TEMPLATES = Path(__file__).parent.parent / "templates"
_NAMES = ("opt_in_mail.txt", "opt_in_mail.html")


class MailOf(msgspec.Struct, frozen=True):
    """The job's body. No address and no secret waits in the outbox."""

    request: str


class Mails:
    """Queues, composes and sends. `sender` is the From of all mails; `base_url` has no slash at its end."""

    def __init__(
        self,
        *,
        requests: Requests,
        secrets: Secrets,
        evidence: Evidence,
        bots: Bots,
        contacts: Contacts,
        jobs: Jobs,
        post: Post,
        pages: Pages,
        clock: Clock,
        sender: str,
        base_url: str,
    ) -> None:
        self._requests = requests
        self._secrets = secrets
        self._evidence = evidence
        self._bots = bots
        self._contacts = contacts
        self._jobs = jobs
        self._post = post
        self._pages = pages
        self._clock = clock
        self._sender = sender
        self._base_url = base_url
        self._template_hash = ""
        jobs.handle(JOB, self._send, body=MailOf)

    async def template_hash(self) -> str:
        """SHA-256 over the templates and all texts: the wording that the evidence names."""
        self._template_hash = self._template_hash or await asyncio.to_thread(_hash_templates)
        return self._template_hash

    async def queue(self, record: RequestRecord) -> None:
        """Put the mail into the outbox, once however often this is called."""
        await self._jobs.put(record.account, JOB, MailOf(record.id), key=record.id)

    async def compose(self, record: RequestRecord) -> Envelope:
        """The mail of this request: the same link, code and Message-ID each time."""
        body = record.body
        bot = await self._bots.get(record.account, body.bot)
        if bot is None:
            raise GiveUp("the bot is gone")
        t = texts(body.locale)
        language = language_of(body.locale)
        data = {
            "t": t,
            "bot": bot.body.name,
            "code": await self._secrets.code(record.account, record.id),
            "link": f"{self._base_url}/v/{await self._secrets.link(record.account, record.id)}",
            "minutes": CODE_LIFE // MINUTE,
            "hours": LINK_LIFE // HOUR,
            "language": language,
            "subject": t["subject"],
        }
        return Envelope(
            sender=self._sender,
            to=body.address,
            subject=t["subject"],
            text=self._pages.text("bot_runtime/opt_in_mail.txt", **data),
            html=self._pages.text("bot_runtime/opt_in_mail.html", **data),
            message_id=body.message_id,
            language=language,
        )

    async def _send(self, job: Job) -> None:
        record = await self._requests.get(job.account, job.body.request)
        if record is None or not link_is_live(record, self._clock.now()) or record.body.mailed_at:
            return
        body = record.body
        try:
            delivery = await self._post.send(await self.compose(record))
        except PostRefused as refusal:
            if not refusal.permanent:
                raise
            refused = facts.MailRefused(at=self._clock.now(), smtp_reply=refusal.reply)
            await self._evidence.add(job.account, record.id, body.evidence_key, refused)
            quiet = self._clock.now() + QUIET_AFTER_REFUSAL
            reason = f"its server refused mail: {refusal.reply}"
            await self._contacts.suppress(job.account, body.address, reason, until=quiet)
            return
        await self._requests.mailed(record, delivery.at)
        sent = facts.MailSent(at=delivery.at, smtp_reply=delivery.reply, tls=delivery.tls)
        await self._evidence.add(job.account, record.id, body.evidence_key, sent)


def _hash_templates() -> str:
    digest = hashlib.sha256()
    for name in _NAMES:
        digest.update((_TEMPLATES / name).read_bytes())
    digest.update(msgspec.json.encode([dict(TEXTS[language]) for language in sorted(TEXTS)], order="deterministic"))
    return digest.hexdigest()
