"""What a person does with a chat: take it over, answer, note, give it back, put it in the queue, close it.

Every deed is decided on the conversation's fresh state and appended to its log at that state, so that of two people who
press the same button at the same moment one wins and the other is told (`Conflict`). Whoever may not see a conversation
gets `NotFound`. Messages and notes carry the sender's `client_id` and are stored once however often they are sent.
"""

from collections.abc import Callable, Mapping, Sequence

from admin import AuditBook, Principal
from foundation.clock import Clock
from foundation.errors import Conflict, Invalid
from handoff.sight import SEES_ALL_OF_HIS_BOTS, require_sight
from transcripts import Conversations, State
from transcripts.control import change
from transcripts.events import AnyEvent, Closed, Control, NoteWritten, OfferEnded, Tagged
from transcripts.messages import mask_cards, message
from transcripts.tags import tags_of

MAX_TEXT = 4_000
"""Characters of one message, the same for visitors and staff."""

_WHY_GIVEN_UP: Mapping[tuple[Control, Control], str] = {
    ("agent", "bot"): "handed_back",
    ("queue", "bot"): "cancelled",
    ("agent", "queue"): "returned",
    ("bot", "queue"): "handoff_requested",
}

Decide = Callable[[State], Sequence[AnyEvent]]


class Desk:
    """The deeds. Each returns the conversation's newest seq and is written to the audit book where control changes."""

    def __init__(self, conversations: Conversations, audit: AuditBook, clock: Clock) -> None:
        self._conversations = conversations
        self._audit = audit
        self._clock = clock

    async def take_over(self, person: Principal, conversation: str) -> int:
        """From queue, bot or another agent to this person; taking what one holds already changes nothing.

        Only who sees all chats of the bot may take one away from another person."""

        def decide(state: State) -> Sequence[AnyEvent]:
            require_sight(person, state)
            if state.control == "agent" and state.holder == person.person:
                return ()
            return [
                change(
                    state,
                    "agent",
                    reason="taken",
                    actor="agent",
                    author=person.person,
                    holder=person.person,
                    holder_name=person.name,
                    at=self._clock.now(),
                )
            ]

        return await self._do(person, conversation, "conversation.taken", decide)

    async def hand_back(self, person: Principal, conversation: str) -> int:
        """Back to the bot, which answers the next message."""
        return await self._give_up(person, conversation, "bot")

    async def requeue(self, person: Principal, conversation: str) -> int:
        """Back into the queue, for a colleague."""
        return await self._give_up(person, conversation, "queue")

    async def decline(self, person: Principal, conversation: str) -> int:
        """Give back a chat that is offered to this person; the next one is asked. An offer that is over stays over."""

        def decide(state: State) -> Sequence[AnyEvent]:
            require_sight(person, state)
            if state.offer is None or state.offer.person != person.person:
                return ()
            return [OfferEnded(at=self._clock.now(), person=person.person, name=person.name, reason="declined")]

        return await self._do(person, conversation, "conversation.declined", decide)

    async def close(self, person: Principal, conversation: str) -> int:
        """The end. A chat that somebody else holds is closed by its holder, or by who sees all chats of the bot."""

        def decide(state: State) -> Sequence[AnyEvent]:
            require_sight(person, state)
            if state.control == "closed":
                return ()
            self._require_holder_or_senior(person, state)
            now = self._clock.now()
            closing = change(state, "closed", reason="resolved", actor="agent", author=person.person, at=now)
            return [closing, Closed(at=now, by="agent", reason="resolved", author=person.person)]

        return await self._do(person, conversation, "conversation.closed", decide)

    async def say(self, person: Principal, conversation: str, *, client_id: str, text: str) -> int:
        """A message to the visitor; only the holder speaks. Returns its seq (the old one if it was stored before)."""
        words = _text(text)

        def decide(state: State) -> Sequence[AnyEvent]:
            require_sight(person, state)
            if client_id in state.client_ids:
                return ()
            if state.control != "agent" or state.holder != person.person:
                raise Conflict("Take the chat over before you answer in it. Your message was not sent.")
            return [
                message(
                    at=self._clock.now(),
                    by="agent",
                    text=words,
                    client_id=client_id,
                    author=person.person,
                    author_name=person.name,
                )
            ]

        return await self._once(person, conversation, client_id, decide)

    async def note(self, person: Principal, conversation: str, *, client_id: str, text: str) -> int:
        """A private note; anybody at the desk who sees the chat may write one, also after its end."""
        words = _text(text)

        def decide(state: State) -> Sequence[AnyEvent]:
            require_sight(person, state)
            if client_id in state.client_ids:
                return ()
            return [
                NoteWritten(
                    at=self._clock.now(),
                    author=person.person,
                    author_name=person.name,
                    text=mask_cards(words),
                    client_id=client_id,
                )
            ]

        return await self._once(person, conversation, client_id, decide)

    async def tag(self, person: Principal, conversation: str, tags: Sequence[str]) -> int:
        """Give the conversation exactly these tags, also after its end. Raises `Invalid` for what is no tag."""
        wanted = tags_of(tuple(tags))

        def decide(state: State) -> Sequence[AnyEvent]:
            require_sight(person, state)
            if state.tags == frozenset(wanted):
                return ()
            return [Tagged(at=self._clock.now(), tags=wanted, author=person.person, author_name=person.name)]

        return await self._do(person, conversation, "conversation.tagged", decide)

    async def _give_up(self, person: Principal, conversation: str, to: Control) -> int:
        def decide(state: State) -> Sequence[AnyEvent]:
            require_sight(person, state)
            if state.control == to:
                return ()
            self._require_holder_or_senior(person, state)
            reason = _WHY_GIVEN_UP.get((state.control, to), "returned")
            return [change(state, to, reason=reason, actor="agent", author=person.person, at=self._clock.now())]

        return await self._do(person, conversation, f"conversation.to_{to}", decide)

    async def note_opened(self, person: Principal, state: State) -> None:
        """Write down that somebody reads a conversation, before anything of it is shown (G-5). When that cannot be
        written, it is not shown (G-7)."""
        await self._audit.write(person.account, person.person, "conversation.opened", state.id, bot=state.bot)

    async def _do(self, person: Principal, conversation: str, action: str, decide: Decide) -> int:
        outcome = await self._conversations.update(person.account, conversation, decide)
        if outcome.events:
            await self._audit.write(person.account, person.person, action, conversation, bot=outcome.state.bot)
        return outcome.state.seq

    async def _once(self, person: Principal, conversation: str, client_id: str, decide: Decide) -> int:
        outcome = await self._conversations.update(person.account, conversation, decide)
        return outcome.state.client_ids[client_id]

    @staticmethod
    def _require_holder_or_senior(person: Principal, state: State) -> None:
        if state.control == "agent" and state.holder != person.person and person.role not in SEES_ALL_OF_HIS_BOTS:
            raise Conflict("Somebody else holds this chat.")


def _text(text: str) -> str:
    words = text.strip()
    if not words or len(words) > MAX_TEXT:
        raise Invalid(f"A message has 1 to {MAX_TEXT} characters. Yours was not stored.", field="text")
    return words
