"""The requests as they are stored: opened, found, answered, voided; each change at the version it was decided on."""

from collections.abc import Callable, Container

import msgspec

from bot_runtime.phrases import language_of
from bot_runtime.verification.policy import Policies, Policy
from bot_runtime.verification.requests import KIND, Answer, Asker, Request, RequestRecord, Secrets, Status, is_open
from bot_runtime.verification.texts import consent
from foundation.clock import DAY, HOUR, MINUTE, Clock
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Stale, Where
from transcripts.contacts import Outcome
from transcripts.events import Role
from transcripts.state import State


class Requests:
    """`domain` is that of the sender's address: Message-IDs are made in it (D-14). Of network addresses only those are
    stored that the account wants kept (`policies`)."""

    def __init__(
        self, engine: Engine, keyring: Keyring, clock: Clock, secrets: Secrets, *, policies: Policies, domain: str
    ) -> None:
        self._policies = policies
        self._rows: Collection[Request] = Collection(engine, keyring, KIND, Request)
        self._keyring = keyring
        self._clock = clock
        self._secrets = secrets
        self._domain = domain

    async def open(
        self,
        state: State,
        *,
        bot_name: str,
        contact: str,
        address: str,
        outcome: Outcome | None,
        by: Role,
        author: str,
        client_id: str,
        asker: Asker,
        held_back: bool,
        policy: Policy,
        why: str = "",
    ) -> RequestRecord:
        """A new request of this conversation. `outcome` is that of `Contacts.supply`, `None` for another mail to the
        address that the chat has already."""
        made, now = new_id(), self._clock.now()
        wording = policy.wordings.get(language_of(state.locale))
        body = Request(
            at=now,
            bot=state.bot,
            conversation=state.id,
            visitor=state.visitor,
            contact=contact,
            address=address,
            supplied=outcome or "",
            locale=state.locale,
            page=state.page.url,
            by=by,
            author=author,
            client_id=client_id,
            asker=_kept(asker, policy),
            consent=consent(state.locale, bot_name),
            notice_version=state.consent.notice if state.consent else "",
            notice_hash=state.consent.text_hash if state.consent else "",
            evidence_key=await self._keyring.mint(state.account, "evidence"),
            message_id=f"<{made}@{self._domain}>",
            held_back=held_back,
            link_life=policy.link_hours * HOUR,
            code_life=policy.code_minutes * MINUTE,
            proof_life=policy.proof_days * DAY,
            wording=wording.hash if wording else "",
            why=why,
        )
        token = await self._secrets.link_hash(state.account, made)
        return await self._rows.insert(
            state.account, made, body, conversation=state.id, token=token, status="live", settled=0, at=now
        )

    async def get(self, account: str, id: str) -> RequestRecord | None:
        """The request, if it is there."""
        return await self._rows.get(account, id)

    async def by_token(self, token_hash: str) -> RequestRecord | None:
        """The request of any account whose link has this hash."""
        return await self._rows.lookup(token=token_hash)

    async def newest(self, account: str, conversation: str) -> RequestRecord | None:
        """The request of a conversation that can still be answered, else the last one, else `None`."""
        records = await self.of(account, conversation)
        return next((record for record in reversed(records) if is_open(record)), records[-1] if records else None)

    async def of(self, account: str, conversation: str) -> list[RequestRecord]:
        """All requests of a conversation, the first asked first."""
        return [row async for row in self._rows.all(account, Where("conversation", "=", conversation), order="at")]

    async def naming(self, account: str, contacts: Container[str]) -> list[RequestRecord]:
        """All requests of the account that ask for the address of one of these contacts."""
        return [row async for row in self._rows.all(account, order="at") if row.body.contact in contacts]

    async def delete(self, record: RequestRecord) -> bool:
        """Remove a request; whether it was there."""
        return await self._rows.delete(record.account, record.id)

    async def unsettled(self) -> list[RequestRecord]:
        """Requests of which something is still to be done; at most 1,000 at a time."""
        found, _ = await self._rows.find_anywhere(Where("settled", "=", 0), order="at", limit=1_000)
        return found

    async def void_older(self, account: str, conversation: str, reason: str) -> list[RequestRecord]:
        """Void what is still open of a conversation, because something newer counts (D-6); what was voided."""
        voided = []
        for record in await self.of(account, conversation):
            row: RequestRecord | None = record
            while row is not None and is_open(row):
                try:
                    voided.append(await self.void(row, reason))
                    break
                except Stale:
                    row = await self._rows.get(account, record.id)
        return voided

    async def void(self, record: RequestRecord, reason: str, *, denied_by: Asker | None = None) -> RequestRecord:
        """Raises `Stale` when the request is not any more what it was."""
        now = self._clock.now()
        if denied_by is not None:
            denied_by = _kept(denied_by, await self._policies.of(record.account))
        body = msgspec.structs.replace(record.body, voided=reason, voided_at=now, denied_by=denied_by)
        return await self._rows.replace(record, body=body, status="void", settled=0)

    async def answered(
        self, record: RequestRecord, status: Status, answer: Answer, *, client_id: str = ""
    ) -> RequestRecord:
        """The request was confirmed, by this. Raises `Stale` when somebody else was faster (D-5)."""
        asker = _kept(answer.asker, await self._policies.of(record.account))
        answer = msgspec.structs.replace(answer, asker=asker)
        body = msgspec.structs.replace(
            record.body,
            answers=(*record.body.answers, answer),
            last_try=client_id or record.body.last_try,
            last_outcome="verified" if client_id else record.body.last_outcome,
        )
        return await self._rows.replace(record, body=body, status=status, settled=0)

    async def tried(self, record: RequestRecord, client_id: str, outcome: str) -> RequestRecord:
        """A wrong code was typed. Raises `Stale`."""
        body = msgspec.structs.replace(
            record.body, tries=record.body.tries + 1, last_try=client_id, last_outcome=outcome
        )
        return await self._rows.replace(record, body=body)

    async def announced(self, record: RequestRecord, seq: int) -> RequestRecord:
        """The conversation says since this seq that a mail was queued."""
        return await self._update(record, lambda body: msgspec.structs.replace(body, announced=seq))

    async def mailed(self, record: RequestRecord, at: int) -> RequestRecord:
        """A mail server took the mail: the code's ten minutes begin."""
        return await self._update(record, lambda body: msgspec.structs.replace(body, mailed_at=at))

    async def settled(self, record: RequestRecord) -> None:
        """All that follows from this version of the request was done; a newer version settles itself."""
        try:
            await self._rows.replace(record, settled=1)
        except Stale:
            return

    async def forget_unconfirmed(self, *, before: int) -> int:
        """Delete requests older than this that nobody confirmed, with the address in them; the evidence stays."""
        removed = 0
        after: str | None = None
        while True:
            rows, after = await self._rows.find_anywhere(
                Where("at", "<=", before), Where("status", "in", ("live", "void")), order="at", limit=500, after=after
            )
            for row in rows:
                removed += await self._rows.delete(row.account, row.id)
            if after is None:
                return removed

    async def _update(self, record: RequestRecord, change: Callable[[Request], Request]) -> RequestRecord:
        updated = await self._rows.update(record.account, record.id, lambda row: {"body": change(row.body)})
        return updated or record


def _kept(asker: Asker, policy: Policy) -> Asker:
    """What of it may be stored."""
    return asker if policy.addresses else msgspec.structs.replace(asker, ip="")
