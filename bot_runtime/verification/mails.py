"""The opt-in mail: composed anew at each try from the request alone, sent by the outbox, its fate kept as evidence.

It holds the bot's name, the code, the link and our own words; nothing that a visitor wrote but the address it goes to
(D-14, D-15). The link begins with the configured base URL, never with the host of a request (C-14).
"""

import asyncio
import hashlib
from pathlib import Path

import msgspec

from admin import Bots
from admin.bots import Bot
from bot_runtime.phrases import language_of
from bot_runtime.verification import evidence as facts
from bot_runtime.verification.evidence import Evidence
from bot_runtime.verification.fates import Fate, Fates, Status
from bot_runtime.verification.policy import Policies, Policy
from bot_runtime.verification.requests import RequestRecord, Secrets, link_is_live
from bot_runtime.verification.store import Requests
from bot_runtime.verification.texts import TEXTS, texts
from bot_runtime.verification.wording import fill
from foundation.clock import DAY, HOUR, MINUTE, Clock
from foundation.jobs import GiveUp, Job, Jobs
from foundation.mail import Envelope, Post, PostRefused, PostUnreachable
from foundation.web import Pages
from transcripts.contacts import Contacts
from transcripts.masking import mask_address

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
        fates: Fates,
        policies: Policies,
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
        self._fates = fates
        self._policies = policies
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
        """Put the mail into the outbox, once however often this is called; one that is held back is only noted."""
        body = record.body
        fate = Fate(
            bot=body.bot,
            conversation=body.conversation,
            shown=mask_address(body.address),
            token=await self._contacts.token_of(record.account, body.address),
            message_id=body.message_id,
            status="held_back" if body.held_back else "queued",
            changed=body.at,
        )
        await self._fates.begin(record.account, record.id, fate)
        if not body.held_back:
            await self._jobs.put(record.account, JOB, MailOf(record.id), key=record.id)

    async def compose(self, record: RequestRecord) -> Envelope:
        """The mail of this request: the same link, code and Message-ID each time."""
        body = record.body
        bot = await self._bots.get(record.account, body.bot)
        if bot is None:
            raise GiveUp("the bot is gone")
        return await self._envelope(record, bot, await self._policies.of(record.account))

    async def sample(self, bot: Bot, language: str, to: str) -> Envelope:
        """The mail as a visitor would get it, with a code and a link that open nothing: for a look, or a test."""
        policy = await self._policies.of(bot.account)
        values = self._values(policy.code_minutes, policy.link_hours, bot.body.name, "123456", "example" * 6 + "0")
        return self._filled(policy, language, values, to=to, message_id="")

    async def _envelope(self, record: RequestRecord, bot: Bot, policy: Policy) -> Envelope:
        body = record.body
        code = await self._secrets.code(record.account, record.id)
        token = await self._secrets.link(record.account, record.id)
        values = self._values(body.code_life // MINUTE, body.link_life // HOUR, bot.body.name, code, token)
        language = language_of(body.locale)
        return self._filled(policy, language, values, to=body.address, message_id=body.message_id)

    def _values(self, minutes: int, hours: int, bot: str, code: str, token: str) -> dict[str, str]:
        link = f"{self._base_url}/v/{token}"
        return {"bot": bot, "code": code, "link": link, "minutes": str(minutes), "hours": str(hours)}

    def _filled(self, policy: Policy, language: str, values: dict[str, str], *, to: str, message_id: str) -> Envelope:
        """In the account's own words if it has some in this language. The subject is ours: it never holds the code."""
        t = texts(language)
        own = policy.wordings.get(language)
        if own is not None:
            text, html = fill(own, values)
        else:
            data = {"t": t, "language": language, "subject": t["subject"], **values}
            text = self._pages.text("bot_runtime/opt_in_mail.txt", **data)
            html = self._pages.text("bot_runtime/opt_in_mail.html", **data)
        return Envelope(
            sender=_named(self._sender, policy.sender_name),
            to=to,
            subject=t["subject"],
            text=text,
            html=html,
            headers={"Reply-To": policy.reply_to} if policy.reply_to else {},
            message_id=message_id,
            language=language,
        )

    async def _send(self, job: Job) -> None:
        record = await self._requests.get(job.account, job.body.request)
        if record is None or record.body.mailed_at:
            return
        body = record.body
        if not link_is_live(record, self._clock.now()):
            await self._tell(record, "dropped", "the request is void or too old")
            return
        if await self._contacts.is_suppressed(job.account, body.address):
            await self._tell(record, "dropped", "the address is suppressed")
            return
        try:
            delivery = await self._post.send(await self.compose(record))
        except PostUnreachable as failure:
            await self._tell(record, "waiting", str(failure))
            raise
        except PostRefused as refusal:
            if not refusal.permanent:
                await self._tell(record, "waiting", refusal.reply)
                raise
            await self._refused(record, refusal.reply)
            return
        await self._requests.mailed(record, delivery.at)
        own = (await self._policies.of(job.account)).wordings.get(language_of(body.locale))
        sent = facts.MailSent(
            at=delivery.at,
            smtp_reply=delivery.reply,
            tls=delivery.tls,
            template_hash=own.hash if own else await self.template_hash(),
        )
        await self._evidence.add(job.account, record.id, body.evidence_key, sent)
        await self._tell(record, "sent", delivery.reply, delivery.tls or "")

    async def _refused(self, record: RequestRecord, reply: str) -> None:
        refused = facts.MailRefused(at=self._clock.now(), smtp_reply=reply)
        await self._evidence.add(record.account, record.id, record.body.evidence_key, refused)
        quiet = self._clock.now() + QUIET_AFTER_REFUSAL
        reason = f"its server refused mail: {reply}"
        await self._contacts.suppress(record.account, record.body.address, reason, until=quiet)
        await self._tell(record, "refused", reply)

    async def _tell(self, record: RequestRecord, status: Status, reply: str, tls: str = "") -> None:
        await self._fates.became(record.account, record.id, status, reply=reply, tls=tls)


def _named(sender: str, name: str) -> str:
    """The installation's address under the account's own name."""
    return f"{name} <{sender.rpartition('<')[2].rstrip('>').strip()}>" if name else sender


def _hash_templates() -> str:
    digest = hashlib.sha256()
    for name in _NAMES:
        digest.update((_TEMPLATES / name).read_bytes())
    digest.update(msgspec.json.encode([dict(TEXTS[language]) for language in sorted(TEXTS)], order="deterministic"))
    return digest.hexdigest()
