"""Carries out what a request's record says: in the conversation, the evidence, the contacts, the outbox.

The record is written first, so it is known what must follow; each step here can be done twice and counts once. What a
crash cut off is therefore finished by settling again. Mails leave last, when all else is durable.
"""

from collections.abc import Sequence

from admin import AuditBook
from bot_runtime.phrases import say
from bot_runtime.verification import evidence as facts
from bot_runtime.verification.devices import Devices, Method, Proven
from bot_runtime.verification.evidence import Evidence
from bot_runtime.verification.mailboxes import QUIET_AFTER_DENIAL, Mailboxes
from bot_runtime.verification.mails import Mails
from bot_runtime.verification.requests import Answer, RequestRecord
from bot_runtime.verification.store import Requests
from bot_runtime.verification.texts import MAIL_VERSION, PURPOSES
from bot_runtime.verification.tracker import slots
from transcripts.contacts import Contacts
from transcripts.conversations import Conversations
from transcripts.events import (
    AnyEvent,
    EmailSupplied,
    EmailVerified,
    MessageSent,
    NoteWritten,
    OptInConfirmed,
    VerificationLost,
    VerificationSent,
)
from transcripts.masking import mask_address
from transcripts.state import State

HELD_BACK = "No mail was sent: the address is suppressed, or it got too many mails lately."


class Settler:
    """Settles one request at a time; safe to be called for the same one by several."""

    def __init__(
        self,
        *,
        requests: Requests,
        devices: Devices,
        mailboxes: Mailboxes,
        evidence: Evidence,
        mails: Mails,
        conversations: Conversations,
        contacts: Contacts,
        audit: AuditBook,
    ) -> None:
        self._requests = requests
        self._devices = devices
        self._mailboxes = mailboxes
        self._evidence = evidence
        self._mails = mails
        self._conversations = conversations
        self._contacts = contacts
        self._audit = audit

    async def settle(self, record: RequestRecord) -> int:
        """Do everything that follows from the request as it stands; the seq of the event that announced it."""
        if record.fields["status"] == "live":
            record = await self._announce(record)
        for answer in record.body.answers:
            await self._answer(record, answer)
        if record.fields["status"] == "void" and record.body.announced:
            await self._void(record)
        await self._requests.settled(record)
        return record.body.announced

    # The request itself

    async def _announce(self, record: RequestRecord) -> RequestRecord:
        body = record.body
        if not body.announced:
            record = await self._requests.announced(record, await self._say(record))
        await self._evidence.add(record.account, record.id, body.evidence_key, await self._requested(record))
        if not body.mailed_at:
            await self._mails.queue(record)
        return record

    async def _say(self, record: RequestRecord) -> int:
        """The events of the request, of which the first one's seq is given. They are as many for every address, so that
        their numbers tell nothing (D-1)."""
        body = record.body
        for one in await self._conversations.events(record.account, body.conversation):
            if _announces(one.event, record):
                return one.seq - bool(body.supplied)
        events: list[AnyEvent] = []
        if body.supplied:
            events.append(_supplied(record))
        if body.held_back:
            events.append(NoteWritten(at=body.at, author="", author_name="Frontdesk", text=HELD_BACK))
        else:
            events.append(
                VerificationSent(
                    at=body.at, verification=record.id, contact=body.contact, by=body.by, author=body.author
                )
            )
        text = say(body.locale, "code_sent", address=mask_address(body.address))
        events += [
            slots(body.at, email=body.address, email_verified=False),
            MessageSent(at=body.at, by="system", text=text, card="code", client_id=body.client_id),
        ]
        outcome = await self._conversations.update(record.account, body.conversation, lambda _: events)
        return outcome.first

    async def _requested(self, record: RequestRecord) -> facts.Requested:
        body = record.body
        return facts.Requested(
            at=body.at,
            account=record.account,
            bot=body.bot,
            conversation=body.conversation,
            seq=record.body.announced,
            contact=body.contact,
            address=body.address,
            purposes=PURPOSES,
            text_version=body.consent.version,
            text_hash=body.consent.hash,
            text=body.consent.text,
            notice_version=body.notice_version,
            notice_hash=body.notice_hash,
            locale=body.locale,
            page=body.page,
            by=body.by,
            author=body.author,
            typed_ip=body.asker.ip,
            user_agent=body.asker.user_agent,
            mail_message_id="" if body.held_back else body.message_id,
            mail_template_version="own" if body.wording else MAIL_VERSION,
            mail_template_hash=body.wording or await self._mails.template_hash(),
            held_back=body.held_back,
        )

    # What confirmed it

    async def _answer(self, record: RequestRecord, answer: Answer) -> None:
        account, body = record.account, record.body
        confirmed = facts.Confirmed(
            at=answer.at,
            confirmed_ip=answer.asker.ip,
            confirmed_ua=answer.asker.user_agent,
            method=answer.method,
            same_browser=answer.same_browser,
            landing_shown_at=answer.shown_at,
            stay=answer.stay,
        )
        await self._evidence.add(account, record.id, body.evidence_key, confirmed)
        await self._contacts.complete(account, body.contact)
        if answer.same_browser:
            how: Method = "code" if answer.method == "code" else "link"
            proven = Proven(
                at=answer.at, method=how, conversation=body.conversation, address=body.address, stay=answer.stay
            )
            life = body.proof_life or None
            await self._devices.remember(account, body.visitor, body.contact, proven, life_ms=life)
        known = await self._conversations.events(account, body.conversation)
        if any(_says(one.event, record, answer) for one in known):
            return
        await self._conversations.update(account, body.conversation, lambda state: _proof(state, record, answer))
        action = "email.verified" if answer.same_browser else "email.confirmed_elsewhere"
        await self._audit.write(account, "visitor", action, body.conversation, method=answer.method, request=record.id)

    # What ended it

    async def _void(self, record: RequestRecord) -> None:
        account, body = record.account, record.body
        if body.denied_by is None:
            voided = facts.Voided(at=body.voided_at, reason=body.voided)
            await self._evidence.add(account, record.id, body.evidence_key, voided)
            return
        denied = facts.Denied(at=body.voided_at, denied_ip=body.denied_by.ip, denied_ua=body.denied_by.user_agent)
        await self._mailboxes.silence(body.address)
        quiet = body.voided_at + QUIET_AFTER_DENIAL
        await self._contacts.suppress(account, body.address, "its reader said that he never asked", until=quiet)
        await self._evidence.add(account, record.id, body.evidence_key, denied)
        known = await self._conversations.events(account, body.conversation)
        if any(isinstance(one.event, VerificationLost) and one.event.at == body.voided_at for one in known):
            return
        lost = VerificationLost(at=body.voided_at, contact=body.contact, reason="denied")
        await self._conversations.update(account, body.conversation, lambda _: [lost])
        await self._audit.write(account, "visitor", "email.denied", body.conversation, request=record.id)


def _announces(event: AnyEvent, record: RequestRecord) -> bool:
    """Whether this is the event, behind that of the address if there is one, that only this request wrote."""
    if record.body.held_back:
        return isinstance(event, NoteWritten) and event.text == HELD_BACK and event.at == record.body.at
    return isinstance(event, VerificationSent) and event.verification == record.id


def _supplied(record: RequestRecord) -> EmailSupplied:
    body = record.body
    assert body.supplied
    return EmailSupplied(
        at=body.at,
        contact=body.contact,
        address=body.address,
        by=body.by,
        outcome=body.supplied,
        author=body.author,
        why=body.why,
    )


def _says(event: AnyEvent, record: RequestRecord, answer: Answer) -> bool:
    if isinstance(event, OptInConfirmed):
        return event.verification == record.id and event.at == answer.at
    return isinstance(event, EmailVerified) and event.contact == record.body.contact and event.at == answer.at


def _proof(state: State, record: RequestRecord, answer: Answer) -> Sequence[AnyEvent]:
    """The events of an answer. A chat that was given another address meanwhile stays as it is."""
    contact = record.body.contact
    events: list[AnyEvent] = []
    if answer.method == "button":
        events.append(
            OptInConfirmed(at=answer.at, verification=record.id, contact=contact, same_browser=answer.same_browser)
        )
    if answer.same_browser and state.contact == contact:
        method: Method = "code" if answer.method == "code" else "link"
        events += [
            EmailVerified(at=answer.at, contact=contact, method=method),
            slots(answer.at, email=record.body.address, email_verified=True),
        ]
    return events
