"""Conversations fetched *as* somebody. Routes come to one only through here, so no check can be forgotten (M-1, M-2).

What somebody may not see is not there for him: the answer to a foreign id is the answer to an unknown one.
"""

from admin import Match, Principal
from foundation.errors import Gone, Locked, NotFound
from transcripts.conversations import Conversations
from transcripts.links import Link
from transcripts.state import State


class Access:
    """The three ways to a conversation."""

    def __init__(self, conversations: Conversations) -> None:
        self._conversations = conversations

    async def as_member(self, person: Principal, conversation: str) -> State:
        """As a person of the house with access to the conversation's bot. Raises `NotFound`, `KeyDestroyed`,
        `Locked` while its processing is restricted."""
        state = await self._conversations.state(person.account, conversation)
        self.require_member(person, state)
        return state

    @staticmethod
    def require_member(person: Principal, state: State) -> None:
        """Raise `NotFound` unless this person has access to the conversation's bot, `Locked` while it is restricted."""
        if state.account != person.account or not person.may_open(state.bot):
            raise _nothing()
        require_usable(state)

    async def as_visitor(self, account: str, bot: str, visitor: str, conversation: str) -> State:
        """As the browser that had this conversation with this bot; `visitor` is the hash of its secret. Raises
        `NotFound`."""
        state = await self._conversations.state(account, conversation)
        if not visitor or state.visitor != visitor or state.bot != bot:
            raise _nothing()
        return state

    async def as_address(self, match: Match, link: Link) -> State:
        """As somebody whose address is in an enabled range, through a link. `match` is what the range answered for this
        link's bot; a match of another bot opens nothing. Raises `NotFound`, `KeyDestroyed`, `Locked`."""
        if match.scope not in ("account", link.bot):
            raise _nothing()
        state = await self._conversations.state(link.account, link.conversation)
        if state.bot != link.bot:
            raise _nothing()
        return require_usable(state)

    async def find(self, account: str, conversation: str) -> State | None:
        """Whether it is there at all, for explanations; nothing of it is shown."""
        try:
            return await self._conversations.state(account, conversation)
        except (NotFound, Gone):
            return None


def require_usable(state: State) -> State:
    """The state, unless its processing is restricted (Art. 18). Raises `Locked`; for whatever shows, searches, exports
    or mails a conversation."""
    if state.restricted is not None:
        raise Locked("The processing of this conversation is restricted. An admin can say more.")
    return state


def _nothing() -> NotFound:
    return NotFound("There is no such conversation.")
