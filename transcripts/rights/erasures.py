"""The right to be forgotten, over everything: one way to erase, whoever asks (MS-4, Art. 17 GDPR).

    request ─▶ under a hold? ─yes─▶ queued, shown, carried out when the hold ends
                    │no
                    ▼
    stored as a durable job ─▶ ledger ─▶ live chats closed ─▶ every `Holding` ─▶ keys destroyed, logs and heads removed
    ─▶ contacts ─▶ files scrubbed ─▶ certificate ─▶ audit

Each step can be done twice and counts once, so what a crash cut off is finished by the job. The ledger is written
before the first key goes: from then on no restore of an old copy brings anything back (`reapply`). Other processes read
the ledger and let go of what they have in memory (`follow`). Nothing here writes a name, an address or a reason into
the audit book, the ledger or a certificate.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import msgspec

from admin import AuditBook, By
from foundation.clock import MINUTE, SECOND, Clock
from foundation.errors import NotFound, Problem, Unavailable
from foundation.ids import new_id
from foundation.jobs import Job, Jobs
from foundation.keys import KeyDestroyed, Keyring, Ledger, LedgerEntry
from foundation.live import Listener, Signals
from foundation.records import Collection, Damaged, Engine, Kind, Record, Stale, Taken, Where, scrub
from foundation.tasks import ended
from transcripts.consent import Consents
from transcripts.contacts import Contacts
from transcripts.control import change
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, Closed
from transcripts.rights.certificates import Certificates
from transcripts.rights.holdings import Holding, Whose
from transcripts.rights.holds import Covered, Hold, Holds, first_of, required_reason
from transcripts.rights.redactions import TOPIC, Redactions
from transcripts.state import State as StateNow

log = logging.getLogger(__name__)

ERASURE = Kind("erasure", fields=("state", "at"), indexes=(("account", "at"), ("account", "state", "at")))
APPLIED = Kind("erasure_applied", fields=("at",))
"""The ledger's entries that this database has followed; a copy from before an erasure lacks its entry."""

JOB = "erase"
LOOK_EVERY = 15 * SECOND
_OVERLAP = 10 * MINUTE
"""Clocks of nodes differ, and an entry is stored a moment after its time: so far back a look goes."""

Subject = Literal["conversation", "contact", "visitor", "self"]
State = Literal["open", "held", "done"]

KEPT = (
    "consent records, without page and under a keyed token: proof of consent (Art. 7 (1), Art. 17 (3) (b) and (e))",
    "confirmed opt-ins, as a keyed token of the address with time and text: the same",
    "audit entries: ids only",
)


class Erasure(msgspec.Struct, frozen=True):
    """A request to erase and what became of it. `subject` is an id, empty for a browser; `hold` what stops it. `self`: a
    visitor erases himself, after proof of his address; `subject` is his contact."""

    id: str
    account: str
    state: State
    at: int
    what: Subject
    subject: str
    by: str
    reason: str
    hold: str = ""
    done_at: int | None = None
    counts: dict[str, int] = {}


class _Body(msgspec.Struct, frozen=True):
    what: Subject
    subject: str
    by: str
    reason: str
    visitor: str = ""
    """The hash of the browser's secret, until it is erased."""
    conversations: tuple[str, ...] = ()
    """What a visitor saw that he erases."""
    address: str = ""
    """Where the request came from, for the audit book, until it is erased."""
    hold: str = ""
    done_at: int | None = None
    counts: dict[str, int] = {}


class _Applied(msgspec.Struct, frozen=True):
    """Nothing but that it was done."""


class EraseJob(msgspec.Struct, frozen=True):
    """The job's body."""

    erasure: str


class Erasures:
    """`holdings` are all other places that hold something; more may be added before the first erasure."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        clock: Clock,
        *,
        conversations: Conversations,
        contacts: Contacts,
        consents: Consents,
        holds: Holds,
        certificates: Certificates,
        redactions: Redactions,
        ledger: Ledger,
        audit: AuditBook,
        jobs: Jobs,
        signals: Signals,
        holdings: Iterable[Holding] = (),
    ) -> None:
        self._rows: Collection[_Body] = Collection(engine, keyring, ERASURE, _Body)
        self._applied: Collection[_Applied] = Collection(engine, keyring, APPLIED, _Applied)
        self._engine = engine
        self._keyring = keyring
        self._clock = clock
        self._conversations = conversations
        self._contacts = contacts
        self._consents = consents
        self._holds = holds
        self._certificates = certificates
        self._redactions = redactions
        self._ledger = ledger
        self._audit = audit
        self._jobs = jobs
        self._signals = signals
        self._holdings = list(holdings)
        self._one_at_a_time = asyncio.Lock()
        self._followed: set[str] = set()
        jobs.handle(JOB, self._work, body=EraseJob)

    def add(self, *holdings: Holding) -> None:
        """Tell these places of every erasure, too."""
        self._holdings += holdings

    # Asking

    async def erase_conversation(self, account: str, conversation: str, by: By, reason: str) -> Erasure:
        """Erase one conversation; open sockets close with 4404. Raises `NotFound`, `Invalid` for the reason."""
        if not await self._conversations.heads.exists(account, conversation):
            raise NotFound("There is no such conversation.")
        return await self._ask(account, "conversation", conversation, by, reason)

    async def erase_contact(self, account: str, contact: str, by: By, reason: str) -> Erasure:
        """Erase a contact, every conversation that is linked to him, and every proof of his address."""
        if not await self._contacts.exists(account, contact):
            raise NotFound("There is no such contact.")
        return await self._ask(account, "contact", contact, by, reason)

    async def erase_visitor(self, account: str, visitor: str, by: By, reason: str) -> Erasure:
        """Erase all conversations and proofs of a browser; `visitor` is the hash of its device secret."""
        return await self._ask(account, "visitor", "", by, reason, visitor=visitor)

    async def erase_self(
        self, account: str, *, visitor: str, contact: str, conversations: Sequence[str], by: By, reason: str
    ) -> Erasure:
        """A visitor erases himself: his contact, and these conversations, which he was shown as his own. Whoever calls
        has established that his browser proved the address. Other people's conversations in which somebody typed it
        stay and lose it (D-8)."""
        return await self._ask(
            account, "self", contact, by, reason, visitor=visitor, conversations=tuple(conversations)
        )

    async def barred(self, account: str, contact: str, conversations: Sequence[str]) -> bool:
        """Whether a legal hold or a restriction keeps any of it, so that a person has to look at it first."""
        whose = await self._whose_self(account, contact, "", conversations)
        if await self._hold_on(whose) is not None:
            return True
        for conversation in whose.conversations:
            with contextlib.suppress(NotFound, KeyDestroyed):
                if (await self._conversations.state(account, conversation)).restricted is not None:
                    return True
        return False

    async def get(self, account: str, id: str) -> Erasure:
        """Raises `NotFound`."""
        record = await self._rows.get(account, id)
        if record is None:
            raise NotFound("There is no such erasure.")
        return _erasure(record)

    async def list(
        self, account: str, *, limit: int = 50, after: str | None = None
    ) -> tuple[Sequence[Erasure], str | None]:
        """A page of them, newest first, and the cursor of the next."""
        records, following = await self._rows.find(account, order="-at", limit=limit, after=after)
        return [_erasure(record) for record in records], following

    async def run_queued(self, account: str) -> int:
        """Carry out what waited for a hold that has ended; how many erasures that were."""
        done = 0
        async for record in self._rows.all(account, Where("state", "=", "held"), order="at"):
            done += (await self._try(record)).state == "done"
        return done

    # Restoring and following

    async def reapply(self, ledger: Sequence[LedgerEntry] | None = None) -> int:
        """Erase again whatever the ledger names and this database has not followed; how many entries that were.

        After a database was put back from a backup this must run before anything is served (E-2). What else an entry
        concerns (proofs, mails) is found in the copy itself before its keys go.
        """
        done = 0
        for entry in await self._ledger.entries() if ledger is None else ledger:
            if await self._engine.get(APPLIED, entry.id) is None:
                log.info("the erasure %s is applied to this database", entry.id)
                await self._ledger.adopt(entry)
                await self._execute(entry, await self._whose_of(entry))
                done += 1
        return done

    async def follow(self) -> None:
        """Let go of what other processes erase, within seconds, until cancelled."""
        since = self._clock.now() - _OVERLAP
        async with self._signals.listen(TOPIC) as listener:
            while True:
                await _first_of(self._clock.sleep(LOOK_EVERY), _heard(listener))
                try:
                    began = self._clock.now()
                    for entry in await self._ledger.stored(since):
                        self._let_go(entry)
                    since = began - _OVERLAP
                except Problem:
                    log.exception("the ledger of erasures could not be read and will be again")

    def _let_go(self, entry: LedgerEntry) -> None:
        if entry.id in self._followed:
            return
        self._followed.add(entry.id)
        for key in entry.keys:
            self._keyring.forget(entry.account, key)
        touched = (*entry.conversations, *entry.cleared, *(conversation for conversation, _ in entry.redacted))
        for conversation in touched:
            self._conversations.forget(conversation)
        whose = Whose(account=entry.account, conversations=touched, contacts=entry.contacts)
        for holding in self._holdings:
            holding.forget(whose)

    # Doing

    async def _ask(
        self,
        account: str,
        what: Subject,
        subject: str,
        by: By,
        reason: str,
        *,
        visitor: str = "",
        conversations: tuple[str, ...] = (),
    ) -> Erasure:
        body = _Body(what, subject, by.person, required_reason(reason), visitor, conversations, by.address or "")
        made = new_id()
        await self._audit.write(account, by.person, "erasure.requested", made, address=by.address, subject=subject)
        record = await self._rows.insert(account, made, body, state="open", at=self._clock.now())
        await self._jobs.put(account, JOB, EraseJob(made), key=made)
        return await self._try(record)

    async def _work(self, job: Job) -> None:
        record = await self._rows.get(job.account, job.body.erasure)
        if record is not None and record.fields["state"] == "open":
            await self._try(record)

    async def _try(self, record: Record[_Body]) -> Erasure:
        """Carry it out, or leave it queued while a hold covers any of it."""
        async with self._one_at_a_time:
            fresh = await self._rows.get(record.account, record.id)
            if fresh is None or fresh.fields["state"] == "done":
                return _erasure(fresh or record)
            whose = await self._whose(fresh)
            hold = await self._hold_on(whose)
            if hold is not None:
                return await self._queue(fresh, hold)
            return await self._carry_out(fresh, whose)

    async def _queue(self, record: Record[_Body], hold: Hold) -> Erasure:
        if record.fields["state"] != "held":
            await self._audit.write(record.account, record.body.by, "erasure.queued", record.id, hold=hold.id)
        body = msgspec.structs.replace(record.body, hold=hold.id)
        return _erasure(await self._rows.replace(record, body=body, state="held"))

    async def _carry_out(self, record: Record[_Body], whose: Whose) -> Erasure:
        account, body = record.account, record.body
        entry = LedgerEntry(
            id=record.id,
            at=self._clock.now(),
            account=account,
            conversations=whose.conversations,
            contacts=whose.contacts,
            keys=tuple(await self._keys(whose)),
            browser=bool(whose.visitors),
            cleared=whose.cleared,
        )
        counts = await self._execute(entry, whose)
        certificate = await self._certificates.issue(
            account,
            "erasure",
            rule=f"request: {body.what}",
            by=body.by,
            counts=counts,
            subjects=(*whose.conversations, *whose.contacts),
            keys=len(entry.keys),
            kept=KEPT,
            id=record.id,
        )
        done = _Body(body.what, body.subject, body.by, body.reason, done_at=certificate.at, counts=counts)
        try:
            record = await self._rows.replace(record, body=done, state="done")
        except Stale:  # another process finished it at the same moment
            return await self.get(account, record.id)
        await self._audit.write(
            account, body.by, "erasure.done", record.id, address=body.address or None, counts=counts
        )
        return _erasure(record)

    async def execute(self, entry: LedgerEntry, *, whose: Whose | None = None) -> dict[str, int]:
        """Erase what an entry names, without a request of its own (retention). What went, by name."""
        return await self._execute(entry, whose or await self._whose_of(entry))

    async def keys(self, whose: Whose) -> Sequence[str]:
        """The data keys that an erasure of these destroys."""
        return await self._keys(whose)

    async def _execute(self, entry: LedgerEntry, whose: Whose) -> dict[str, int]:
        await self._ledger.write(entry)
        account = entry.account
        counts = {"conversations": 0, "contacts": 0, "consent records without page": 0}
        for conversation in whose.conversations:
            await self._close(account, conversation)
        for holding in self._holdings:  # before the keys go: some find by the log what they hold
            counts[holding.name] = counts.get(holding.name, 0) + await holding.erase(whose)
        for conversation in whose.conversations:
            counts["consent records without page"] += await self._consents.pseudonymise(account, conversation)
            counts["conversations"] += await self._conversations.erase(account, conversation)
        for conversation in whose.cleared:
            counts["addresses in chats of others"] = counts.get("addresses in chats of others", 0) + await self._clear(
                account, conversation, whose
            )
        for conversation, messages in entry.redacted:
            await self._redactions.again(account, conversation, messages)
        for contact in whose.contacts:
            counts["contacts"] += await self._contacts.erase(account, contact)
        for key in entry.keys:
            await self._keyring.destroy(account, key)
        await scrub(self._engine)
        try:
            await self._applied.insert(account, entry.id, _Applied(), at=entry.at)
        except Taken:
            log.debug("the erasure %s was applied before", entry.id)
        self._followed.add(entry.id)
        self._signals.publish(TOPIC, entry.at)
        return {name: count for name, count in counts.items() if count}

    async def _clear(self, account: str, conversation: str, whose: Whose) -> int:
        """Take the addresses out of somebody else's conversation; tried again later when it is written to meanwhile."""
        with contextlib.suppress(NotFound, KeyDestroyed):
            done = await self._conversations.clear_addresses(account, conversation, whose.contacts, whose.addresses)
            if not done:
                raise Unavailable("A conversation is being written anew. The erasure is finished in a moment.")
            return 1
        return 0

    async def _close(self, account: str, conversation: str) -> None:
        """A live chat ends first, so that nothing new begins in it while the rest goes."""

        def decide(state: StateNow) -> Sequence[AnyEvent]:
            if state.closed:
                return ()
            at = state.last_at  # it stays as old as it was: cut off after this, retention finds it again
            ending = change(state, "closed", reason="erased", actor="system", at=at)
            return [ending, Closed(at=at, by="system", reason="erased")]

        with contextlib.suppress(NotFound, KeyDestroyed, Damaged):
            await self._conversations.update(account, conversation, decide)

    # Finding out what there is

    async def _whose(self, record: Record[_Body]) -> Whose:
        account, body = record.account, record.body
        if body.what == "conversation":
            return Whose(account=account, conversations=(body.subject,))
        if body.what == "visitor":
            of_browser = await self._conversations.heads.ids_of_visitor(account, body.visitor)
            return Whose(account=account, conversations=tuple(of_browser), visitors=(body.visitor,))
        if body.what == "self":
            return await self._whose_self(account, body.subject, body.visitor, body.conversations)
        linked = await self._conversations.heads.ids_of_contact(account, body.subject)
        return await self._whose_contact(account, body.subject, linked)

    async def _whose_self(self, account: str, contact: str, visitor: str, chosen: Sequence[str]) -> Whose:
        """The browser's own proofs and key go when it has no other conversation left that they protect."""
        own = [one for one in chosen if await self._conversations.heads.exists(account, one)]
        whose = await self._whose_contact(account, contact, own)
        others = set(await self._conversations.heads.ids_of_visitor(account, visitor)) - set(own) if visitor else {""}
        return whose if others else msgspec.structs.replace(whose, visitors=(visitor,))

    async def _whose_contact(self, account: str, contact: str, conversations: Sequence[str]) -> Whose:
        """A contact with these conversations; out of all others that name or named him his address is taken."""
        named = {
            *await self._conversations.heads.ids_of_contact(account, contact),
            *await self._conversations.heads.ids_once_of_contact(account, contact),
        }
        address = await self._contacts.address_of(account, contact)
        return Whose(
            account=account,
            conversations=tuple(conversations),
            contacts=(contact,),
            cleared=tuple(sorted(named - set(conversations))),
            addresses=() if address is None else (address,),
        )

    async def _whose_of(self, entry: LedgerEntry) -> Whose:
        """What an old copy knows of an entry's subjects."""
        addresses = [await self._contacts.address_of(entry.account, contact) for contact in entry.contacts]
        return Whose(
            account=entry.account,
            conversations=entry.conversations,
            contacts=entry.contacts,
            cleared=entry.cleared,
            visitors=await self._visitors(entry) if entry.browser else (),
            addresses=tuple(address for address in addresses if address is not None),
        )

    async def _visitors(self, entry: LedgerEntry) -> tuple[str, ...]:
        visitors: set[str] = set()
        for conversation in entry.conversations:
            with contextlib.suppress(NotFound, KeyDestroyed):
                visitors.add((await self._conversations.state(entry.account, conversation)).visitor)
        return tuple(sorted(visitors))

    async def _hold_on(self, whose: Whose) -> Hold | None:
        covered = await self._holds.active(whose.account)
        if not covered.holds:
            return None
        holds = [covered.of(contact=contact) for contact in whose.contacts]
        holds += [await self._covers(covered, whose.account, one) for one in (*whose.conversations, *whose.cleared)]
        return first_of([*holds, covered.of()])

    async def _covers(self, covered: Covered, account: str, conversation: str) -> Hold | None:
        head = await self._conversations.heads.get(account, conversation)
        if head is None:
            return None
        return covered.of(bot=head.bot, conversation=conversation, contact=head.contact)

    async def _keys(self, whose: Whose) -> Sequence[str]:
        keys: list[str] = []
        for conversation in whose.conversations:
            keys += await self._conversations.keys_of(whose.account, conversation)
        for contact in whose.contacts:
            key = await self._contacts.key_of(whose.account, contact)
            keys += [] if key is None else [key]
        return keys


async def _heard(listener: Listener) -> None:
    await anext(listener)


async def _first_of(*waits: Any) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await ended(*tasks)


def _erasure(record: Record[_Body]) -> Erasure:
    body, state = record.body, record.fields["state"]
    known: Any = state
    return Erasure(
        id=record.id,
        account=record.account,
        state=known,
        at=int(record.fields["at"] or 0),
        what=body.what,
        subject=body.subject,
        by=body.by,
        reason=body.reason,
        hold=body.hold,
        done_at=body.done_at,
        counts=body.counts,
    )
