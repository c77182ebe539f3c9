"""The link in the mail: looked at as often as anybody likes, used once (D-2, D-5, D-6)."""

from hmac import compare_digest
from typing import Literal

from bot_runtime.verification.policy import Policies
from bot_runtime.verification.requests import Answer, Asker, RequestRecord, Secrets, link_is_live, may_be_denied
from bot_runtime.verification.settling import Settler
from bot_runtime.verification.store import Requests
from foundation.clock import Clock
from foundation.errors import Forbidden, Gone, NotFound
from foundation.ids import is_secret, secret_hash
from foundation.records import Stale
from transcripts.conversations import Conversations

Confirmation = Literal["here", "elsewhere"]


class OptInLinks:
    """What the page behind the link may do. Whatever a link is not good for any more is `Gone`, without a reason."""

    def __init__(
        self,
        *,
        requests: Requests,
        settler: Settler,
        secrets: Secrets,
        conversations: Conversations,
        policies: Policies,
        clock: Clock,
    ) -> None:
        self._requests = requests
        self._settler = settler
        self._secrets = secrets
        self._conversations = conversations
        self._policies = policies
        self._clock = clock

    async def look(self, token: str) -> RequestRecord:
        """The request behind a link that can still be used; changes nothing. Raises `Gone`."""
        record = await self._requests.by_token(secret_hash(token)) if is_secret(token) else None
        if record is None or not may_be_denied(record, self._clock.now()):
            raise _gone()
        await self._require_alive(record)
        return record

    async def nonce(self, record: RequestRecord) -> str:
        """What the page's forms carry, made now (D-4)."""
        return await self._secrets.form_nonce(record.account, record.id, self._clock.now())

    async def confirm(
        self, token: str, nonce: str, *, device: str = "", stay: bool = False, asker: Asker | None = None
    ) -> Confirmation:
        """The button was pressed: the address is confirmed, once (D-5).

        With the device secret of the chatting browser the chat is verified as well (`here`); without it only the code
        can do that (`elsewhere`, D-7). Raises `Gone`, and `Forbidden` for a forged form.
        """
        while True:
            record = await self.look(token)
            shown_at = await self._require_ours(record, nonce)
            now = self._clock.now()
            if not link_is_live(record, now):
                raise _gone()
            here = is_secret(device) and compare_digest(secret_hash(device), record.body.visitor)
            stays = here and stay and (await self._policies.of(record.account)).stay
            answer = Answer(
                at=now, method="button", same_browser=here, asker=asker or Asker(), shown_at=shown_at, stay=stays
            )
            try:
                record = await self._requests.answered(record, "done" if here else "confirmed", answer)
            except Stale:
                continue  # somebody pressed too, or typed a code; what is so now counts
            await self._settler.settle(record)
            return "here" if here else "elsewhere"

    async def deny(self, token: str, nonce: str, *, asker: Asker | None = None) -> None:
        """ "That was not me": the request is void, the mailbox is left alone for 30 days, the agent is told (D-13)."""
        while True:
            record = await self.look(token)
            await self._require_ours(record, nonce)
            try:
                record = await self._requests.void(record, "denied", denied_by=asker or Asker())
            except Stale:
                continue
            await self._settler.settle(record)
            return

    async def _require_ours(self, record: RequestRecord, nonce: str) -> int:
        shown_at = await self._secrets.form_shown_at(record.account, record.id, nonce)
        if shown_at is None:
            raise Forbidden("This form is not ours. Open the link from the mail again.")
        return shown_at

    async def _require_alive(self, record: RequestRecord) -> None:
        """A link dies with its conversation and with the consent."""
        try:
            state = await self._conversations.state(record.account, record.body.conversation)
        except NotFound:
            raise _gone() from None
        if state.withdrawn_at is not None:
            raise _gone()


def _gone() -> Gone:
    return Gone("This page is no longer valid.")
