"""One agent's open console: what it is shown, and what it asks for.

The connection keeps only what it has sent: the rows that this person was shown and, per watched conversation, the last
seq. Everything else is read from the log when a signal says that something changed. A lost signal costs a delay, never
a message, because a slow poll reads as well. Rights are looked at on every frame, every signal and every poll, so that a
revoked session or grant ends within seconds what it no longer allows.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from admin import Bots, By, Principal
from foundation.clock import SECOND, Clock
from foundation.errors import Forbidden, Gone, NotFound, Problem
from foundation.live import Listener, Signals
from foundation.tasks import ended
from foundation.web import LiveSocket, batches
from handoff import frames
from handoff.desk import Desk
from handoff.presence import BEAT, Presence, Standing
from handoff.rows import row_of
from handoff.sight import SEES_ALL_OF_HIS_BOTS, may_see, require_sight
from transcripts import Conversations, Row, State
from transcripts.contacts import About
from transcripts.events import Role
from transcripts.rights import Redactions
from transcripts.views import member_view

log = logging.getLogger(__name__)

POLL_EVERY = 2 * SECOND
LIST_EVERY = 5
"""Polls from one look through the whole list to the next."""
BEAT_EVERY = BEAT // POLL_EVERY
"""Polls between two signs that this console is open."""
OPEN_ROWS = 250
CLOSED_ROWS = 50
"""Rows of the list that a console begins with; what changes later comes as it changes."""

_HANDS: Mapping[type, Callable[[Desk, Principal, str], Awaitable[int]]] = {
    frames.TakeOver: Desk.take_over,
    frames.Decline: Desk.decline,
    frames.HandBack: Desk.hand_back,
    frames.Queue: Desk.requeue,
    frames.Close: Desk.close,
}
"""The deeds by which a chat changes hands."""

Who = Callable[[], Awaitable[Principal | None]]


class Proof(Protocol):
    """What the e-mail verification offers to people of the house (DD-1, DD-5, DD-8)."""

    async def supply(
        self, account: str, conversation: str, address: str, *, by: Role, author: str = "", client_id: str = ""
    ) -> int: ...

    async def send(self, account: str, conversation: str, *, by: Role, author: str = "") -> int: ...

    async def vouch(
        self,
        account: str,
        conversation: str,
        *,
        method: str,
        author: str,
        reason: str,
        answered: Sequence[int] = (),
    ) -> int: ...

    async def revoke(self, account: str, conversation: str, *, author: str, reason: str) -> int: ...

    async def about(self, account: str, conversation: str) -> About: ...


class Connection:
    """The life of one socket, from `welcome` to its close."""

    def __init__(
        self,
        socket: LiveSocket[frames.Hello, frames.AnyFrame],
        who: Who,
        person: Principal,
        *,
        desk: Desk,
        proof: Proof,
        presence: Presence,
        conversations: Conversations,
        redactions: Redactions,
        bots: Bots,
        signals: Signals,
        clock: Clock,
    ) -> None:
        self._redactions = redactions
        self._socket = socket
        self._who = who
        self._person = person
        self._desk = desk
        self._proof = proof
        self._presence = presence
        self._standing = Standing()
        self._mine: set[str] = set()
        self._conversations = conversations
        self._bots = bots
        self._signals = signals
        self._clock = clock
        self._listener: Listener
        self._shown: dict[str, int] = {}
        self._over: set[str] = set()
        self._watched: dict[str, int] = {}
        self._opened: set[str] = set()

    async def run(self) -> None:
        """Serve until the browser goes away or the right to be here ends."""
        account = self._person.account
        async with self._signals.listen(f"account/{account}", f"presence/{account}") as listener:
            self._listener = listener
            await self._presence.beat(self._person)
            self._standing = await self._presence.standing(self._person)
            names = await self._follow_bots()
            rows = await self._rows()
            self._shown = {row["id"]: row["seq"] for row in rows}
            self._over = {row["id"] for row in rows if row["control"] == "closed"}
            self._mine = {row["id"] for row in rows if self._is_mine(row)}
            self._send(frames.welcome(self._me(), names, rows))
            async with asyncio.TaskGroup() as group:
                helpers = [group.create_task(self._follow()), group.create_task(self._poll())]
                async for frame in self._socket:
                    await self._answer(frame)
                await ended(*helpers)

    # What arrives

    async def _answer(self, frame: frames.AnyFrame) -> None:
        client_id = getattr(frame, "client_id", "")
        try:
            await self._refresh_rights()
            match frame:
                case frames.Status(status=status):
                    await self._presence.choose(self._person, status)
                    await self._refresh_standing(tell=True)
                case frames.Watch(conversation=conversation, since=since):
                    await self._watch(conversation, since)
                case frames.Unwatch(conversation=conversation):
                    self._unwatch(conversation)
                case frames.Typing(conversation=conversation, on=on):
                    await self._type(conversation, on)
                case _:
                    seq = await self._deed(frame)
                    self._send({"type": "ack", "conversation": frame.conversation, "client_id": client_id, "seq": seq})
        except Problem as problem:
            conversation = getattr(frame, "conversation", "")
            self._socket.send_problem(problem, conversation=conversation, client_id=client_id)

    async def _deed(self, frame: frames.Deed) -> int:
        if isinstance(frame, frames.Email | frames.Verify | frames.Redact):
            await self._seen(frame.conversation)
            return await (self._redact(frame) if isinstance(frame, frames.Redact) else self._prove(frame))
        person, conversation = self._person, frame.conversation
        match frame:
            case frames.Message(client_id=client_id, text=text):
                return await self._desk.say(person, conversation, client_id=client_id, text=text)
            case frames.Note(client_id=client_id, text=text):
                return await self._desk.note(person, conversation, client_id=client_id, text=text)
            case frames.Tag(tags=tags):
                return await self._desk.tag(person, conversation, tags)
            case _:
                return await _HANDS[type(frame)](self._desk, person, conversation)

    async def _redact(self, frame: frames.Redact) -> int:
        """YA-21: by those who were given the permission, in what they see."""
        person = self._person
        if not person.may_redact:
            raise Forbidden("You may not redact. A super admin can allow it. Nothing was changed.")
        return await self._redactions.redact(
            person.account,
            frame.conversation,
            frame.message,
            by=By(person.person),
            name=person.name,
            reason=frame.reason,
        )

    async def _prove(self, frame: frames.Email | frames.Verify) -> int:
        account, conversation, author = self._person.account, frame.conversation, self._person.person
        match frame:
            case frames.Email(address=address, client_id=client_id):
                return await self._proof.supply(
                    account, conversation, address, by="agent", author=author, client_id=client_id
                )
            case frames.Verify(method="mail"):
                return await self._proof.send(account, conversation, by="agent", author=author)
            case frames.Verify(method="revoke", reason=reason):
                return await self._proof.revoke(account, conversation, author=author, reason=reason)
            case frames.Verify(method=method, reason=reason, answered=answered):
                return await self._proof.vouch(
                    account, conversation, method=method, author=author, reason=reason, answered=answered
                )

    async def _watch(self, conversation: str, since: int) -> None:
        state = await self._seen(conversation)
        if conversation not in self._opened:
            await self._desk.note_opened(self._person, state)
            self._opened.add(conversation)
        if conversation not in self._shown:  # an older one, found by search or opened by its address
            await self._tell_row(conversation)
        self._listener.add(f"conversation/{conversation}")
        self._watched[conversation] = min(max(since, 0), state.seq)
        await self._catch_up(conversation, first=True)

    def _unwatch(self, conversation: str) -> None:
        self._listener.drop(f"conversation/{conversation}")
        self._watched.pop(conversation, None)

    async def _type(self, conversation: str, on: bool) -> None:
        state = await self._seen(conversation)
        if state.holder == self._person.person:
            note = msgspec.json.encode({"by": "agent", "name": self._person.name, "on": on})
            self._signals.whisper(f"conversation/{conversation}", note)

    async def _seen(self, conversation: str) -> State:
        state = await self._conversations.state(self._person.account, conversation)
        require_sight(self._person, state)
        return state

    # What is told

    async def _follow(self) -> None:
        async for signal in self._listener:
            try:
                if signal.topic.startswith("bot/") and signal.subject:
                    await self._tell_row(signal.subject, known=signal.number or 0)
                    await self._catch_up(signal.subject, known=signal.number or 0)
                elif signal.topic.startswith("conversation/") and signal.note is not None:
                    self._pass_typing(signal.topic.removeprefix("conversation/"), signal.note)
                elif signal.topic.startswith("presence/"):
                    if signal.subject == self._person.person:
                        await self._refresh_standing()
                elif signal.topic.startswith("account/"):
                    await self._refresh_rights()
                    await self._refresh_standing()
                    await self._follow_bots()
            except NotFound:
                continue
            except Problem:
                log.exception("a signal could not be followed; the poll will")

    async def _poll(self) -> None:
        for number in itertools.count(1):
            await self._clock.sleep(POLL_EVERY)
            try:
                await self._refresh_rights()
                if number % BEAT_EVERY == 0:
                    await self._presence.beat(self._person)
                await self._refresh_standing()
                for conversation in list(self._watched):
                    await self._tell_row(conversation)
                    await self._catch_up(conversation)
                if number % LIST_EVERY == 0:
                    await self._look_through_the_list()
            except Problem:
                log.exception("the poll of a console failed and will be tried again")

    async def _look_through_the_list(self) -> None:
        """Tell the rows whose signals were lost: what is new, has changed, or is no longer to be seen. What is over
        changes no more, so that a long day does not make the look longer."""
        there = {head.id: head.seq for head in await self._heads()}
        for conversation in [*there, *(self._shown.keys() - there.keys() - self._over)]:
            seq = there.get(conversation)
            if seq is None or seq > self._shown.get(conversation, 0):
                await self._tell_row(conversation, known=seq or 0, again=False)

    async def _refresh_rights(self) -> None:
        person, before = await self._who(), self._person
        if person is None:
            await self._socket.close(4401, "the session ended")
            return
        self._person = person
        if person != before:
            self._send({"type": "me", "me": self._me()})
        if (person.role, person.bots) != (before.role, before.bots):
            await self._follow_bots()
            for conversation in list(self._shown):
                await self._tell_row(conversation)

    async def _refresh_standing(self, *, tell: bool = False) -> None:
        """YA-25: what another window of mine, an admin or a missed chat changed."""
        standing, before = await self._presence.standing(self._person), self._standing
        self._standing = standing
        if tell or standing != before:
            self._send({"type": "me", "me": self._me()})

    async def _note_mine(self, row: dict[str, Any]) -> None:
        """A chat that came to me or left me, by whatever cause, begins my idle time anew."""
        if self._is_mine(row) == (row["id"] in self._mine):
            return
        self._mine ^= {row["id"]}
        await self._presence.touch(self._person.account, self._person.person)

    def _is_mine(self, row: dict[str, Any]) -> bool:
        return bool(row["control"] == "agent" and row["holder"] == self._person.person)

    async def _tell_row(self, conversation: str, *, known: int = 0, again: bool = True) -> None:
        try:
            state = await self._conversations.state(self._person.account, conversation, known=known)
        except (NotFound, Gone):  # erased
            self._tell_gone(conversation)
            return
        row = row_of(state, self._clock.now())
        await self._note_mine(row)
        if may_see(self._person, state):
            if not again and self._shown.get(conversation) == state.seq:
                return
            self._shown[conversation] = state.seq
            if state.closed:
                self._over.add(conversation)
            self._send({"type": "row", "row": row})
        else:
            self._tell_gone(conversation)

    def _tell_gone(self, conversation: str) -> None:
        if conversation in self._shown:
            del self._shown[conversation]
            self._over.discard(conversation)
            self._unwatch(conversation)
            self._send({"type": "gone", "conversation": conversation})

    async def _catch_up(self, conversation: str, *, first: bool = False, known: int = 0) -> None:
        since = self._watched.get(conversation)
        if since is None:
            return
        events = await self._conversations.events(self._person.account, conversation, since, known=known)
        if self._watched.get(conversation) != since or not (events or first):
            return
        if not events:
            self._send({"type": "events", "conversation": conversation, "events": []})
        for seq, views in batches((event.seq, member_view(event)) for event in events):
            self._watched[conversation] = seq
            self._send({"type": "events", "conversation": conversation, "events": views})
            if seq != events[-1].seq:
                await self._socket.drained()
            if self._watched.get(conversation) != seq:
                return  # somebody else went on from here, or it is not watched any more

    def _pass_typing(self, conversation: str, note: bytes) -> None:
        if conversation in self._watched:
            said = msgspec.json.decode(note)
            if said.get("by") == "visitor":
                self._send({"type": "typing", "conversation": conversation, **said})

    async def _follow_bots(self) -> list[dict[str, Any]]:
        bots = [bot for bot in await self._bots.list(self._person.account) if self._person.may_open(bot.id)]
        for bot in bots:
            self._listener.add(f"bot/{bot.id}")
        return [{"id": bot.id, "name": bot.body.name, "files": bot.body.files != "off"} for bot in bots]

    async def _rows(self) -> list[dict[str, Any]]:
        account = self._person.account
        states = [await self._conversations.state(account, head.id, known=head.seq) for head in await self._heads()]
        now = self._clock.now()
        return [row_of(state, now) for state in states if may_see(self._person, state)]

    async def _heads(self) -> list[Row]:
        """The list as it stands: for an agent the queue and his own chats, for his seniors the newest of all."""
        person, find = self._person, self._conversations.heads.rows
        if person.role in SEES_ALL_OF_HIS_BOTS:
            pages = [
                await find(person.account, person.bots, control=("queue", "agent", "bot"), limit=OPEN_ROWS),
                await find(person.account, person.bots, control="closed", limit=CLOSED_ROWS),
            ]
        else:
            pages = [
                await find(person.account, person.bots, control="queue", limit=OPEN_ROWS),
                await find(person.account, person.bots, holder=person.person, limit=CLOSED_ROWS),
            ]
        return [head for heads, _ in pages for head in heads]

    def _me(self) -> dict[str, Any]:
        person = self._person
        may = {
            "share": person.may_share and person.role != "auditor",
            "download": person.may_download,
            "redact": person.may_redact,
        }
        standing = {"status": self._standing.status, "automatic": self._standing.automatic}
        return {"person": person.person, "name": person.name, "role": person.role, "may": may, **standing}

    def _send(self, frame: dict[str, Any]) -> None:
        self._socket.send(frame)
