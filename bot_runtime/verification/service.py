"""E-mail proof in a chat: one function for every address, and no answer that tells on anybody.

There are two separate facts (SECURITY 2.5): *the address is confirmed* when somebody who reads the mailbox pressed the
button (`opt_in_link`); *this chat is verified* only when the chatting browser itself proved that it reads the mailbox,
by the code, or by the button pressed in that same browser, or when a person of the house vouched for it. A stranger who
types your address is therefore not verified by your click (D-8).

What the visitor sees of a request is the same for every address: known, unknown, suppressed or written to too often
(D-1). The events have the same numbers and arrive after the same time.

Each change is decided in the request's record first and then carried out (`Settler`); a crash in between is made good
by `recover`.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec

from admin import AuditBook, Bots
from bot_runtime.locks import Locks
from bot_runtime.phrases import say
from bot_runtime.verification.browser_keys import BrowserKeys
from bot_runtime.verification.devices import Devices, Method, Proven
from bot_runtime.verification.evidence import Evidence, Withdrawn
from bot_runtime.verification.fates import Fates
from bot_runtime.verification.mailboxes import Mailboxes
from bot_runtime.verification.policy import Policies
from bot_runtime.verification.requests import (
    MAX_TRIES,
    Answer,
    Asker,
    RequestRecord,
    Secrets,
    code_is_live,
)
from bot_runtime.verification.settling import Settler
from bot_runtime.verification.store import Requests
from bot_runtime.verification.tracker import slots
from foundation.clock import DAY, HOUR, MINUTE, SECOND, Clock
from foundation.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from foundation.records import Stale
from foundation.web import Throttle
from transcripts.addresses import normal_address
from transcripts.contacts import About, Contacts, Earlier, Mailed, Supplied
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, EmailSupplied, EmailVerified, MessageSent, Role, VerificationLost
from transcripts.heads import Row
from transcripts.masking import mask_address
from transcripts.state import State

log = logging.getLogger(__name__)

ANSWER_AFTER = 250
"""Milliseconds after which an address is answered: longer than any way takes, so that time tells nothing (D-1)."""

UNCONFIRMED_LIFE = 7 * DAY
"""After this an address that nobody confirmed is deleted (SECURITY 4.3)."""

Outcome = Literal["verified", "wrong", "expired", "too_many"]


class Limits(msgspec.Struct, frozen=True):
    """Requests of one client address in an hour, whatever mailboxes they name (D-11); addresses for one chat."""

    per_client: int = 30
    per_chat: int = 10


class Verification:
    """What the widget, the bot, the opt-in page and the desk may do about an address.

    Every function that is given a conversation takes it on trust: the caller has established who may act on it.
    """

    def __init__(
        self,
        *,
        requests: Requests,
        settler: Settler,
        secrets: Secrets,
        keys: BrowserKeys,
        devices: Devices,
        mailboxes: Mailboxes,
        evidence: Evidence,
        conversations: Conversations,
        contacts: Contacts,
        policies: Policies,
        fates: Fates,
        bots: Bots,
        audit: AuditBook,
        clock: Clock,
        answer_after: int = ANSWER_AFTER,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._requests = requests
        self._settler = settler
        self._secrets = secrets
        self.keys = keys
        self._devices = devices
        self._mailboxes = mailboxes
        self._evidence = evidence
        self._conversations = conversations
        self._contacts = contacts
        self._policies = policies
        self._fates = fates
        self._bots = bots
        self._audit = audit
        self._clock = clock
        self._answer_after = answer_after
        self._locks = Locks()
        self._per_client = Throttle(clock, limits.per_client, HOUR)
        self._per_chat = Throttle(clock, limits.per_chat, HOUR)
        self._copies = Throttle(clock, 1, HOUR)
        self.count_copy: Callable[[], None] = _nobody_counts
        """Called for each copied storage that is turned away."""

    async def turn_away_copy(self, account: str, bot: str, visitor: str) -> None:
        """A browser came with a device's secret and without its key: somebody copied its storage (DD-7). It is in the
        audit book, with the newest chat of the device, once an hour; its secret is not."""
        self.count_copy()
        try:
            self._copies.check(visitor)
        except Problem:
            return
        self._copies.hit(visitor)
        newest = next((row.id for row in await self._conversations.heads.of_visitor(account, visitor, bot)), "")
        await self._audit.write(account, "visitor", "device.copy_refused", newest, bot=bot)

    async def supply(
        self,
        account: str,
        conversation: str,
        address: str,
        *,
        by: Role,
        author: str = "",
        client_id: str = "",
        asker: Asker | None = None,
    ) -> int:
        """An address was given, by the visitor, the bot or an agent (DD-1). Returns the seq of what was stored.

        A mail goes out unless this browser has proven the address before, or an agent gave one that is known (he asks
        for the mail with `send` when he wants it, DD-5). Raises `Invalid` for what is no address, `Conflict` when the
        chat is over, `TooMany` when the chat gave too many addresses; nothing is kept then.
        """
        began = self._clock.monotonic()
        async with self._locks.of(conversation):
            state = await self._open(account, conversation)
            if client_id and client_id in state.client_ids:
                return state.client_ids[client_id]
            proven = await self._proven(state, address)
            self._count(conversation)
            found = await self._contacts.supply(account, address, by, proven=proven)
            await self._void_older(account, conversation, "another address was given")
            policy = await self._policies.of(account)
            if found.outcome == "verified" or (by == "agent" and found.outcome == "unverified"):
                await self._pause(began)
                return await self._link(state, found, by, author)
            if policy.send == "asked":
                await self._pause(began)
                return await self._link(state, found, by, author, client_id=client_id)
            record = await self._requests.open(
                state,
                bot_name=await self._bot_name(state),
                contact=found.contact,
                address=found.address,
                outcome=found.outcome,
                by=by,
                author=author,
                client_id=client_id,
                asker=asker or Asker(),
                held_back=found.outcome == "suppressed" or not await self._may_mail(found.address, asker),
                policy=policy,
                why=await self._why_not(state, found),
            )
            await self._pause(began)
            return await self._settler.settle(record)

    async def send(
        self,
        account: str,
        conversation: str,
        *,
        by: Role,
        author: str = "",
        client_id: str = "",
        asker: Asker | None = None,
    ) -> int:
        """Another mail to the address of this chat; the one before it is void (DD-5).

        Raises `Conflict` when there is no address yet, when it is verified already or when the chat is over.
        """
        began = self._clock.monotonic()
        async with self._locks.of(conversation):
            state = await self._open(account, conversation)
            if client_id and client_id in state.client_ids:
                return state.client_ids[client_id]
            _require_unproven(state)
            self._count(conversation)
            await self._void_older(account, conversation, "a newer mail was asked for")
            record = await self._requests.open(
                state,
                bot_name=await self._bot_name(state),
                contact=state.contact or "",
                address=state.address,
                outcome=None,
                by=by,
                author=author,
                client_id=client_id,
                asker=asker or Asker(),
                held_back=await self._contacts.is_suppressed(account, state.address)
                or not state.contact
                or not await self._may_mail(state.address, asker),
                policy=await self._policies.of(account),
            )
            await self._pause(began)
            return await self._settler.settle(record)

    async def enter_code(
        self,
        account: str,
        conversation: str,
        code: str,
        *,
        stay: bool = False,
        client_id: str = "",
        asker: Asker | None = None,
    ) -> Outcome:
        """The visitor typed six digits. Five wrong ones void the code; the sixth answer is `too_many` (D-9).

        `stay`: he chose that this browser stays recognised in later chats, if the account lets visitors choose.

        Only the newest request of this very conversation counts, so a code typed into another chat is wrong there.
        """
        await self._open(account, conversation)
        while True:
            record = await self._requests.newest(account, conversation)
            if record is None:
                return "expired"
            if client_id and record.body.last_try == client_id:
                return record.body.last_outcome  # type: ignore[return-value]
            try:
                return await self._try_code(record, code, client_id, asker or Asker(), stay=stay)
            except Stale:
                continue

    async def vouch(
        self,
        account: str,
        conversation: str,
        *,
        method: str,
        author: str,
        reason: str,
        answered: Sequence[int] = (),
    ) -> int:
        """A person of the house is convinced: by his own questions, or by what he knows (DD-5, DD-8).

        Where the account has planned questions, `answered` are the indexes of those that were answered rightly, and it
        takes all of them. The reason, the person and the time are kept and shown. The opt-in is not completed by this:
        only the reader of the mailbox can. Raises `Invalid` without a reason, for another method or for an answer that
        is missing, `Conflict` without an address.
        """
        if method not in {"questions", "manual"}:
            raise Invalid("The method is questions or manual.", field="method")
        policy = await self._policies.of(account)
        if method == "questions" and policy.questions:
            reason = _asked(policy.questions, answered, reason)
        reason = _reason(reason, "Say in 3 to 500 characters why you are sure. Nothing was changed.")
        state = await self._open(account, conversation)
        if not state.contact:
            raise Conflict("There is no e-mail address in this chat that could be vouched for.")
        contact, address, now = state.contact, state.address, self._clock.now()
        how: Method = "questions" if method == "questions" else "manual"

        def decide(state: State) -> Sequence[AnyEvent]:
            if state.contact != contact:
                raise Conflict("Another address was given meanwhile. Nothing was changed.")
            verified = EmailVerified(at=now, contact=contact, method=how, author=author, reason=reason)
            return [verified, slots(now, email=address, email_verified=True)]

        outcome = await self._conversations.update(account, conversation, decide)
        proven = Proven(at=now, method=how, conversation=conversation, address=address, author=author)
        life = policy.proof_days * DAY
        await self._devices.remember(account, state.visitor, contact, proven, life_ms=life)
        await self._void_older(account, conversation, "a person vouched")
        await self._audit.write(account, author, "email.vouched", conversation, method=method)
        return outcome.state.seq

    async def recognise(self, account: str, conversation: str) -> None:
        """Bring a chat's state in line with what its browser has proven: called when the browser opens the chat (DD-7).

        A new chat in a browser whose proof holds is verified at once; a chat whose proof has expired or was revoked is
        not any longer."""
        state = await self._conversations.state(account, conversation)
        if state.closed or state.withdrawn_at is not None:
            return
        if state.verification.state == "verified" and state.contact:
            if await self._devices.proof(account, state.visitor, state.contact, state.id) is None:
                why = await self._devices.why_not(account, state.visitor, state.contact, state.id)
                await self._lose(state, why or "expired")
        elif not state.address and (newest := await self._devices.newest(account, state.visitor)) is not None:
            contact, proven = newest
            await self._link(state, Supplied(contact, proven.address, "verified"), "system", "")

    async def withdraw(self, account: str, conversation: str, *, via: str) -> None:
        """The consent was taken back: this browser is unverified, its open requests are void, the evidence says so."""
        state = await self._conversations.state(account, conversation)
        await self._void_older(account, conversation, "the consent was withdrawn")
        await self._devices.forget(account, state.visitor)
        if state.verification.state == "verified" and not state.closed:
            await self._lose(state, "withdrawn")
        for record in await self._requests.of(account, conversation):
            withdrawn = Withdrawn(at=self._clock.now(), via=via)
            await self._evidence.add(account, record.id, record.body.evidence_key, withdrawn)

    async def revoke(self, account: str, conversation: str, *, author: str, reason: str) -> int:
        """An agent is not convinced any more: this browser is unverified, with his reason (DD-7). Returns the seq.

        Raises `Invalid` without a reason, `Conflict` when the chat is not verified.
        """
        reason = _reason(reason, "Say in 3 to 500 characters why. Nothing was changed.")
        state = await self._open(account, conversation)
        if state.verification.state != "verified" or not state.contact:
            raise Conflict("The e-mail address of this chat is not verified.")
        await self._devices.revoke(account, state.visitor, state.contact)
        await self._lose(state, f"revoked: {reason}", author=author)
        await self._audit.write(account, author, "email.revoked", conversation, browsers=1)
        return (await self._conversations.state(account, conversation)).seq

    async def revoke_account(self, account: str, *, author: str) -> int:
        """Every browser of the account has to prove its address again; how many (DD-7)."""
        ended = await self._devices.revoke_all(account)
        await self._audit.write(account, author, "email.revoked", account, browsers=ended)
        await self._lose_open(account)
        return ended

    async def revoke_all(self, account: str, contact: str, *, author: str) -> int:
        """Every browser that proved this contact has to prove it again; how many (DD-7). Open chats say so at once."""
        ended = await self._devices.revoke_all(account, contact)
        await self._audit.write(account, author, "email.revoked", contact, browsers=ended)
        for row in await self._conversations.heads.of_contact(account, contact, limit=500):
            await self.recognise(account, row.id)
        return ended

    async def earlier(self, account: str, conversation: str) -> list[Row] | None:
        """The other conversations of this chat's contact, the newest first; `None` as long as the address is not proven
        in this very chat: an address alone opens nobody's past (DD-4)."""
        state = await self._conversations.state(account, conversation)
        if state.verification.state != "verified" or not state.contact:
            return None
        rows = await self._conversations.heads.of_contact(account, state.contact)
        return [row for row in rows if row.id != conversation]

    async def about(self, account: str, conversation: str) -> About:
        """What is shown beside a chat; the caller has established that this person sees it."""
        rows = await self.earlier(account, conversation)
        fates = await self._fates.of(account, conversation)
        return About(
            questions=(await self._policies.of(account)).questions,
            mails=tuple(Mailed(one.status, one.changed, one.reply, one.tls) for one in fates),
            earlier=None if rows is None else tuple(Earlier(r.id, r.bot, r.opened_at, r.control) for r in rows),
        )

    async def _lose_open(self, account: str) -> None:
        async for row in self._conversations.heads.recent(account, None):
            if row.control != "closed":
                await self.recognise(account, row.id)

    async def mailed(self, account: str, conversation: str) -> list[int]:
        """When mails with a code left for the address of this conversation, as far as that is still kept."""
        return [one.body.mailed_at for one in await self._requests.of(account, conversation) if one.body.mailed_at]

    async def recover(self) -> int:
        """Finish what a crash interrupted; how many requests needed it."""
        finished = 0
        for record in await self._requests.unsettled():
            try:
                async with self._locks.of(record.body.conversation):
                    await self._settler.settle(record)
                finished += 1
            except Problem:
                log.exception("the request %s could not be finished and will be tried again", record.id)
        return finished

    async def run(self) -> None:
        """Now and every five minutes finish what was interrupted and forget what is old, until cancelled."""
        while True:
            try:
                await self.recover()
                await self.forget_old()
            except Problem:
                log.exception("the sweep of verification requests failed and will be tried again")
            await self._clock.sleep(5 * MINUTE)

    async def forget_old(self) -> int:
        """Delete addresses that nobody confirmed within 7 days, and counters and proofs that are over."""
        before = self._clock.now() - UNCONFIRMED_LIFE
        removed = await self._requests.forget_unconfirmed(before=before)
        removed += await self._contacts.forget_unconfirmed(before)
        removed += await self._mailboxes.forget_old() + await self._devices.forget_old()
        return removed + await self._fates.forget_old() + await self.keys.forget_old()

    # What the public functions have in common, in the order in which they call it

    async def _open(self, account: str, conversation: str) -> State:
        state = await self._conversations.state(account, conversation)
        if state.closed:
            raise Conflict("This chat is over. Nothing was changed.")
        if state.consent is None:
            raise Forbidden("The notice has not been accepted. Nothing was kept.")
        return state

    def _count(self, conversation: str) -> None:
        self._per_chat.check(conversation)
        self._per_chat.hit(conversation)

    async def _proven(self, state: State, address: str) -> str | None:
        """The contact of this address, if this browser has proven it."""
        contact = await self._contacts.by_address(state.account, normal_address(address))
        if contact is None or await self._devices.proof(state.account, state.visitor, contact.id, state.id) is None:
            return None
        return contact.id

    async def _why_not(self, state: State, found: Supplied) -> str:
        if found.outcome != "unverified":
            return ""
        return await self._devices.why_not(state.account, state.visitor, found.contact, state.id)

    async def _bot_name(self, state: State) -> str:
        bot = await self._bots.get(state.account, state.bot)
        if bot is None:
            raise NotFound("There is no such bot.")
        return bot.body.name

    async def _void_older(self, account: str, conversation: str, reason: str) -> None:
        for record in await self._requests.void_older(account, conversation, reason):
            await self._settler.settle(record)

    async def _may_mail(self, address: str, asker: Asker | None) -> bool:
        if asker is not None and asker.ip:
            try:
                self._per_client.check(asker.ip)
            except Problem:
                return False
            self._per_client.hit(asker.ip)
        return await self._mailboxes.admit(address)

    async def _pause(self, began: float) -> None:
        passed = int((self._clock.monotonic() - began) * SECOND)
        if passed < self._answer_after:
            await self._clock.sleep(self._answer_after - passed)

    async def _link(self, state: State, found: Supplied, by: Role, author: str, *, client_id: str = "") -> int:
        now, verified, why = self._clock.now(), found.outcome == "verified", await self._why_not(state, found)
        events: list[AnyEvent] = [
            EmailSupplied(
                at=now,
                contact=found.contact,
                address=found.address,
                by=by,
                outcome=found.outcome,
                author=author,
                why=why,
            ),
            slots(now, email=found.address, email_verified=verified),
        ]
        if client_id and not verified:
            kept = say(state.locale, "email_kept", address=mask_address(found.address))
            events.append(MessageSent(at=now, by="system", text=kept, client_id=client_id))
        outcome = await self._conversations.update(state.account, state.id, lambda _: events)
        return outcome.state.seq

    async def _try_code(self, record: RequestRecord, code: str, client_id: str, asker: Asker, *, stay: bool) -> Outcome:
        body, now = record.body, self._clock.now()
        right = not body.held_back and await self._secrets.code_is(record.account, record.id, code)
        if record.fields["status"] == "done":
            return "verified" if right else "expired"
        if not code_is_live(record, now):
            return "expired"
        if body.tries >= MAX_TRIES:
            return "too_many"
        if not right:
            await self._requests.tried(record, client_id, "wrong")
            return "wrong"
        stay = stay and (await self._policies.of(record.account)).stay
        answer = Answer(at=now, method="code", same_browser=True, asker=asker, stay=stay)
        record = await self._requests.answered(record, "done", answer, client_id=client_id)
        await self._settler.settle(record)
        return "verified"

    async def _lose(self, state: State, reason: str, *, author: str = "") -> None:
        contact, now = state.contact or "", self._clock.now()

        def decide(state: State) -> Sequence[AnyEvent]:
            if state.verification.state != "verified" or state.contact != contact:
                return ()
            lost = VerificationLost(at=now, contact=contact, reason=reason, author=author)
            return [lost, slots(now, email=state.address, email_verified=False)]

        await self._conversations.update(state.account, state.id, decide)


def _reason(typed: str, otherwise: str) -> str:
    reason = typed.strip()
    if not 3 <= len(reason) <= 500:
        raise Invalid(otherwise, field="reason")
    return reason


def _asked(questions: Sequence[str], answered: Sequence[int], reason: str) -> str:
    if set(answered) != set(range(len(questions))):
        raise Invalid("Every question of the list has to be answered rightly. Nothing was changed.", field="answered")
    return f"Answered rightly: {' '.join(questions)} {reason.strip()}".strip()[:500]


def _require_unproven(state: State) -> None:
    if not state.address:
        raise Conflict("There is no e-mail address in this chat yet.")
    if state.verification.state == "verified":
        raise Conflict("The e-mail address of this chat is verified already.")


def _nobody_counts() -> None:
    """No metrics are kept."""
