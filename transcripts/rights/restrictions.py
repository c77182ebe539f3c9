"""Restriction of processing: a conversation is frozen, kept, and used for nothing (Art. 18 GDPR, E-10).

A frozen conversation takes no messages, no turns and no people; it is in no list, search, export, figure or mail, and
shared links to it answer that it has ended. Admins can read it, each time with a reason that is written down. What
protects the person stays possible: corrections, redaction, withdrawal, erasure.
"""

from collections.abc import Sequence

from admin import AuditBook, By
from foundation.clock import Clock
from transcripts.control import change
from transcripts.conversations import Conversations
from transcripts.events import AnyEvent, Closed, Numbered, ProcessingRestricted, RestrictionLifted
from transcripts.rights.holds import required_reason
from transcripts.state import State


class Restrictions:
    """Whoever calls has established that the person is an admin of the account."""

    def __init__(self, conversations: Conversations, audit: AuditBook, clock: Clock) -> None:
        self._conversations = conversations
        self._audit = audit
        self._clock = clock

    async def restrict(self, account: str, conversation: str, *, by: By, reason: str) -> State:
        """Freeze it; a live chat ends first. Twice is once. Raises `NotFound`, `Invalid` for the reason."""
        reason = required_reason(reason)

        def decide(state: State) -> Sequence[AnyEvent]:
            now = self._clock.now()
            if state.restricted is not None:
                return ()
            frozen = ProcessingRestricted(at=now, author=by.person, reason=reason)
            if state.closed:
                return [frozen]
            ending = change(state, "closed", reason="restricted", actor="system", at=now)
            return [ending, Closed(at=now, by="system", reason="restricted"), frozen]

        await self._conversations.state(account, conversation)
        async with self._audit.recording(account, by, "conversation.restricted", conversation):
            return (await self._conversations.update(account, conversation, decide)).state

    async def lift(self, account: str, conversation: str, *, by: By, reason: str) -> State:
        """Let it be used again. Twice is once. Raises `NotFound`, `Invalid` for the reason."""
        reason = required_reason(reason)

        def decide(state: State) -> Sequence[AnyEvent]:
            if state.restricted is None:
                return ()
            return [RestrictionLifted(at=self._clock.now(), author=by.person, reason=reason)]

        await self._conversations.state(account, conversation)
        async with self._audit.recording(account, by, "conversation.unrestricted", conversation):
            return (await self._conversations.update(account, conversation, decide)).state

    async def read(self, account: str, conversation: str, *, by: By, reason: str) -> tuple[State, Sequence[Numbered]]:
        """The events as they are stored, with what stood there before corrections. The reason is in the audit book
        before anything is shown. Raises `NotFound`, `Invalid`."""
        state = await self._conversations.state(account, conversation)
        await self._audit.write(
            account, by.person, "conversation.read", conversation, address=by.address, why=required_reason(reason)
        )
        return state, await self._conversations.history(account, conversation)
