"""What the e-mail proof holds of a person, and how it goes when he is erased (MS-4).

Requests, browsers' proofs and the evidence of opt-ins that nobody confirmed are removed, the evidence with its key. Of
a confirmed opt-in a pseudonymous proof stays, because its burden is the controller's (SECURITY 4.3): the text, the
times and the method, and a keyed token in place of the address, so that it is found again by whoever names the address
and leads nobody else to it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from bot_runtime.verification.browser_keys import BrowserKeys
from bot_runtime.verification.devices import Devices
from bot_runtime.verification.evidence import AnyFact, Evidence
from bot_runtime.verification.fates import Fates
from bot_runtime.verification.requests import RequestRecord
from bot_runtime.verification.store import Requests
from foundation.errors import Gone, NotFound
from foundation.keys import Keyring
from foundation.records import Collection, Engine, Kind, Taken, Where
from transcripts.addresses import same_mailbox
from transcripts.conversations import Conversations
from transcripts.events import OptInConfirmed, VerificationSent
from transcripts.rights import Whose

KIND = Kind(name="opt_in_proof", fields=("email", "at"), indexes=(("account", "email"),))


class Proof(msgspec.Struct, frozen=True):
    """The facts of a confirmed opt-in without address, network address, browser, page and conversation."""

    facts: tuple[AnyFact, ...]


class ProofHolding:
    """A `Holding`: requests, evidence, proofs of browsers."""

    name = "opt-in requests and proofs of browsers"

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        *,
        requests: Requests,
        evidence: Evidence,
        devices: Devices,
        keys: BrowserKeys,
        fates: Fates,
        conversations: Conversations,
    ) -> None:
        self._proofs: Collection[Proof] = Collection(engine, keyring, KIND, Proof)
        self._keyring = keyring
        self._requests = requests
        self._evidence = evidence
        self._devices = devices
        self._keys = keys
        self._fates = fates
        self._conversations = conversations

    async def erase(self, whose: Whose) -> int:
        """Remove what there is; what a crash left behind is found again."""
        account, gone = whose.account, await self._fates.forget(whose.account, whose.conversations)
        for record in await self._requests_of(whose):
            await self._keep_proof(record)
            gone += await self._evidence.destroy(account, record.id)
            gone += await self._requests.delete(record)
        for request in await self._told_of(whose):
            gone += await self._evidence.destroy(account, request)
        for visitor in whose.visitors:
            gone += await self._devices.remove(account, visitor=visitor)
            gone += await self._keys.forget(account, visitor)
        for contact in whose.contacts:
            gone += await self._devices.remove(account, contact=contact)
        for address in whose.addresses:
            gone += await self._fates.forget_address(account, whose.cleared, await self._token(account, address))
        return gone

    def forget(self, whose: Whose) -> None:  # noqa: ARG002 - a Holding
        """Nothing of it is kept in memory."""
        return

    async def proofs(self, account: str, address: str) -> Sequence[Proof]:
        """The opt-ins that this address confirmed and that were erased since."""
        token = await self._token(account, address)
        found, _ = await self._proofs.find(account, Where("email", "=", token), limit=1_000)
        return [record.body for record in found]

    async def _requests_of(self, whose: Whose) -> Sequence[RequestRecord]:
        found: dict[str, RequestRecord] = {}
        for conversation in whose.conversations:
            found |= {record.id: record for record in await self._requests.of(whose.account, conversation)}
        if whose.contacts:
            found |= {record.id: record for record in await self._requests.naming(whose.account, whose.contacts)}
        return list(found.values())

    async def _told_of(self, whose: Whose) -> set[str]:
        """Requests that the conversations name and of which only the evidence is left."""
        told: set[str] = set()
        for conversation in whose.conversations:
            try:
                events = await self._conversations.events(whose.account, conversation)
            except (NotFound, Gone):
                continue
            said = [one.event for one in events]
            told |= {event.verification for event in said if isinstance(event, VerificationSent | OptInConfirmed)}
        return told

    async def _keep_proof(self, record: RequestRecord) -> None:
        if not record.body.answers:
            return
        account = record.account
        try:
            known = await self._evidence.of(account, record.id)
        except Gone:
            return
        if not known:
            return
        proof = Proof(tuple(_pseudonymous(fact) for fact in known))
        token = await self._token(account, record.body.address)
        try:
            await self._proofs.insert(account, record.id, proof, email=token, at=record.body.at)
        except Taken:
            return

    async def _token(self, account: str, address: str) -> str:
        return await self._keyring.token(account, "email", same_mailbox(address))


_PERSONAL = ("address", "typed_ip", "user_agent", "confirmed_ip", "confirmed_ua", "denied_ip", "denied_ua", "page")
_LINKS = ("conversation", "contact", "mail_message_id", "smtp_reply")


def _pseudonymous(fact: AnyFact) -> AnyFact:
    emptied: dict[str, Any] = {name: "" for name in (*_PERSONAL, *_LINKS) if name in fact.__struct_fields__}
    return msgspec.structs.replace(fact, **emptied)
