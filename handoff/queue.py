"""The ends of waiting (YA-26, BR-5): nobody waits for ever, and every end is said in the chat.

- A chat that waited in the queue for `wait_ms` goes back to the bot.
- A chat whose agent left the visitor's last message unanswered for `silent_ms` goes back into the queue.

Both are decided on the fresh state, so two nodes that sweep at the same moment change a chat once. The sweep finds its
chats by the plain fields of the conversation heads and survives restarts because it keeps nothing of its own.
"""

import logging
from collections.abc import Sequence

from admin import Accounts
from foundation.clock import SECOND, Clock
from foundation.errors import Problem
from transcripts import Conversations, State
from transcripts.control import change
from transcripts.events import AnyEvent, Control, MessageSent

log = logging.getLogger(__name__)

SWEEP_EVERY = 15 * SECOND

NOBODY_FREE = {
    "en": "Nobody was free to take over. I am still here: ask me, or say that you want to wait for a person again.",
    "de": "Gerade war niemand frei. Ich bin weiter da: Fragen Sie mich, oder sagen Sie, dass Sie weiter warten.",
}
AGENT_SILENT = {
    "en": "Your contact seems to be busy. Somebody else will take over.",
    "de": "Ihr Gegenüber ist gerade verhindert. Jemand anderes übernimmt.",
}


class QueueKeeper:
    """Sweeps the chats that wait. `run` is started once per process; `sweep` is one pass."""

    def __init__(
        self, accounts: Accounts, conversations: Conversations, clock: Clock, *, wait_ms: int, silent_ms: int
    ) -> None:
        self._accounts = accounts
        self._conversations = conversations
        self._clock = clock
        self._wait_ms = wait_ms
        self._silent_ms = silent_ms

    async def run(self) -> None:
        """Sweep until cancelled; a failing sweep is logged and tried again."""
        while True:
            await self._clock.sleep(SWEEP_EVERY)
            try:
                await self.sweep()
            except Problem:
                log.exception("the sweep of the queue failed and will be tried again")

    async def sweep(self) -> int:
        """End what has waited too long; how many chats changed hands."""
        ended = 0
        async for account in self._accounts.all():
            ended += await self._sweep_account(account.id)
        return ended

    async def _sweep_account(self, account: str) -> int:
        now = self._clock.now()
        ended = 0
        ends: tuple[tuple[Control, int], ...] = (("queue", self._wait_ms), ("agent", self._silent_ms))
        for control, patience in ends:
            async for row in self._conversations.heads.waiting(account, control, until=now - patience):
                outcome = await self._conversations.update(account, row.id, self._end)
                ended += bool(outcome.events)
        return ended

    def _end(self, state: State) -> Sequence[AnyEvent]:
        now = self._clock.now()
        waited = now - state.waiting_since if state.waiting_since else 0
        if state.control == "queue" and waited >= self._wait_ms:
            return [
                change(state, "bot", reason="timed_out", actor="system", at=now),
                MessageSent(at=now, by="system", text=_say(NOBODY_FREE, state.locale)),
            ]
        if state.control == "agent" and state.last_by == "visitor" and waited >= self._silent_ms:
            return [
                change(state, "queue", reason="agent_silent", actor="system", at=now),
                MessageSent(at=now, by="system", text=_say(AGENT_SILENT, state.locale)),
            ]
        return ()


def _say(texts: dict[str, str], locale: str) -> str:
    return texts.get(locale[:2], texts["en"])
