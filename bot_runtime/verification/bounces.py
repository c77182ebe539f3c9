"""Takes in what mail servers report about our mails afterwards: bounces (RFC 3464) and complaints (RFC 5965) (D-20).

A report counts only for a mail that we sent: it is found by its Message-ID, which holds 128 random bits. A report that
names none of ours changes nothing. A lasting failure or a complaint puts the address on the suppression list.
"""

from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import compat32
from typing import Literal, cast

import msgspec

from admin import AuditBook
from bot_runtime.verification.evidence import Evidence, MailBounced
from bot_runtime.verification.fates import Fates
from bot_runtime.verification.store import Requests
from foundation.clock import DAY, Clock
from foundation.errors import Invalid
from transcripts.contacts import Contacts
from transcripts.mailing import TranscriptMails
from transcripts.masking import mask_address

MOST_BYTES = 1_000_000
_MOST_WORDS = 300
QUIET_AFTER_BOUNCE = 180 * DAY
"""A mailbox that does not exist today may be given to somebody later; who complains is left alone for good."""


class Report(msgspec.Struct, frozen=True):
    """One report about one mail. `lasting`: the server will not take it later either."""

    message_id: str
    kind: Literal["bounce", "complaint"]
    lasting: bool = True
    reason: str = ""


def read_report(raw: bytes) -> Report:
    """The report in a mail, as a mail server hands it over. Raises `Invalid` for what is none."""
    if len(raw) > MOST_BYTES:
        raise Invalid("This is too long for a report about a mail. Nothing was done.")
    mail = message_from_bytes(raw, policy=compat32)
    parts = list(mail.walk())
    message_id = next(_message_ids(parts[1:]), "")
    if mail.get_content_type() != "multipart/report" or not message_id:
        raise Invalid("This is not a report about a mail (RFC 3464, RFC 5965). Nothing was done.")
    for part in parts:
        if part.get_content_type() == "message/feedback-report":
            return Report(message_id, "complaint", reason="the reader marked the mail as unwanted")
        if part.get_content_type() == "message/delivery-status":
            return _delivery(message_id, part)
    raise Invalid("The report does not say what became of the mail. Nothing was done.")


class Bounces:
    """Carries out what a report means."""

    def __init__(
        self,
        *,
        fates: Fates,
        requests: Requests,
        evidence: Evidence,
        contacts: Contacts,
        audit: AuditBook,
        clock: Clock,
    ) -> None:
        self.transcripts: TranscriptMails | None = None
        """Whose mails are matched as well; they are made later."""
        self._fates = fates
        self._requests = requests
        self._evidence = evidence
        self._contacts = contacts
        self._audit = audit
        self._clock = clock

    async def take(self, report: Report) -> Literal["unknown", "noted", "suppressed"]:
        """`unknown`: not a mail of ours. Reported again, nothing more happens."""
        found = await self._fates.by_message(report.message_id)
        if found is None:
            return await self._take_transcript(report)
        if not report.lasting and report.kind == "bounce":
            return "noted"
        await self._suppress(found.account, found.body.token, found.body.shown, report)
        status: Literal["complained", "bounced"] = "complained" if report.kind == "complaint" else "bounced"
        if await self._fates.became(found.account, found.id, status, reply=report.reason) is not None:
            await self._tell(found.account, found.id, found.body.conversation, status, report.reason)
        return "suppressed"

    async def _take_transcript(self, report: Report) -> Literal["unknown", "noted", "suppressed"]:
        """The same for a mail with a transcript."""
        if self.transcripts is None or await self.transcripts.records.by_message(report.message_id) is None:
            return "unknown"
        if not report.lasting and report.kind == "bounce":
            return "noted"
        told = await self.transcripts.came_back(
            report.message_id, complaint=report.kind == "complaint", reason=report.reason
        )
        if told is None:
            return "noted"
        account, address = told
        await self._suppress(account, await self._contacts.token_of(account, address), mask_address(address), report)
        return "suppressed"

    async def _suppress(self, account: str, token: str, shown: str, report: Report) -> None:
        until = None if report.kind == "complaint" else self._clock.now() + QUIET_AFTER_BOUNCE
        await self._contacts.suppress_token(account, token, shown, f"{report.kind}: {report.reason}", until=until)

    async def _tell(
        self, account: str, request: str, conversation: str, status: Literal["complained", "bounced"], reason: str
    ) -> None:
        now = self._clock.now()
        record = await self._requests.get(account, request)
        if record is not None:
            fact = MailBounced(at=now, complaint=status == "complained", report=reason)
            await self._evidence.add(account, request, record.body.evidence_key, fact)
        await self._audit.write(account, "system", f"email.{status}", conversation, request=request)


def _message_ids(parts: list[Message]) -> Iterator[str]:
    """The Message-IDs of the mail that is reported: its head is in the report, as a mail or as bare lines."""
    for part in parts:
        kind, content = part.get_content_type(), part.get_payload()
        if kind == "message/rfc822" and isinstance(content, list) and content:
            yield str(cast("Message", content[0]).get("Message-ID", "")).strip()
        elif kind == "text/rfc822-headers":
            decoded = part.get_payload(decode=True)
            head = message_from_bytes(decoded if isinstance(decoded, bytes) else b"", policy=compat32)
            yield str(head.get("Message-ID", "")).strip()


def _delivery(message_id: str, part: Message) -> Report:
    blocks = part.get_payload()
    for one in blocks if isinstance(blocks, list) else []:
        block = cast("Message", one)
        action, status = str(block.get("Action", "")).strip().lower(), str(block.get("Status", "")).strip()
        if action or status:
            said = str(block.get("Diagnostic-Code", "")) or f"{action} {status}"
            words = " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())
            return Report(message_id, "bounce", action == "failed" and status.startswith("5"), words[:_MOST_WORDS])
    raise Invalid("The report names no recipient. Nothing was done.")
