"""The log of every conversation: opened, read, appended to. It is the only truth about what was said.

- Each conversation has a data key of its own; destroying it erases the conversation wherever copies of it lie (MS-4).
- `append` is atomic and durable, or nothing happened; an append that was decided on an old state is refused (`Stale`).
- `update` decides on the fresh state and tries again when somebody else was faster. Of two who do the same thing at the
  same moment, the second sees the first one's deed.
- Signals leave after the commit only, and are hints: whoever hears one reads `events` from the number he has.
- Another account's conversation is not there (M-1).
"""

from collections.abc import Callable, Sequence

import msgspec

from foundation.clock import Clock
from foundation.errors import Locked, NotFound, Problem, Unavailable
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.live import Signals
from foundation.records import Engine, EventLog, KeyDestroyed, Stale, scrub
from transcripts.cache import Cache, Entry
from transcripts.control import check
from transcripts.edits import as_read, without_addresses, without_words
from transcripts.events import (
    AddressErased,
    AnyEvent,
    Closed,
    ConsentWithdrawn,
    ControlChanged,
    DataCorrected,
    EmailSupplied,
    EmailVerified,
    FileDestroyed,
    FileHidden,
    MessageRedacted,
    Numbered,
    Opened,
    RestrictionLifted,
    VerificationLost,
    WebPage,
)
from transcripts.heads import CONVERSATION, Heads, head_of
from transcripts.messages import storable
from transcripts.state import State, apply_all, fold

Decide = Callable[[State], Sequence[AnyEvent]]

_TRIES = 100

FRESH = 2_000
"""Milliseconds for which a conversation in memory is believed when other processes write too."""

_WHILE_RESTRICTED = (
    RestrictionLifted,
    MessageRedacted,
    DataCorrected,
    AddressErased,
    ConsentWithdrawn,
    VerificationLost,
    FileHidden,
    FileDestroyed,
)
"""What may still be written to a frozen conversation: what protects the person, and the end of the freezing."""

_BEYOND = 2**62
"""Higher than any seq: whoever hears it asks the log."""


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """What `update` did: the state afterwards, the number of the first new event, and the new events (maybe none)."""

    state: State
    first: int
    events: Sequence[AnyEvent]


class Conversations:
    """The conversations of all accounts. `max_entries` and `max_bytes` bound what is kept folded in memory. `shared`:
    other processes write to the same store, so that what is in memory is compared with the log when it was not for two
    seconds, whatever signal was lost."""

    def __init__(
        self,
        engine: Engine,
        keyring: Keyring,
        signals: Signals,
        clock: Clock,
        *,
        max_entries: int = 20_000,
        max_bytes: int = 64 * 1024 * 1024,
        shared: bool = False,
    ) -> None:
        self._engine = engine
        self._shared = shared
        self._keyring = keyring
        self._signals = signals
        self._clock = clock
        self._log: EventLog[AnyEvent] = EventLog(engine, keyring, "conversation", AnyEvent, CONVERSATION)
        self.heads = Heads(engine, keyring)
        """How they are found without being opened."""
        self._cache = Cache(max_entries=max_entries, max_bytes=max_bytes)
        self._told_of_ends: list[Callable[[str, str], None]] = []

    def tell_of_ends(self, tell: Callable[[str, str], None]) -> None:
        """Have this called with account and id, after the commit, when a conversation ends in this process. It is a
        hint like a signal: it may be lost with the process, so whoever must not miss an end looks for it as well."""
        self._told_of_ends.append(tell)

    async def open(
        self, account: str, bot: str, *, visitor: str, locale: str = "en", page: WebPage | None = None
    ) -> str:
        """Begin a conversation under a new key; its id. `visitor` is the hash of the browser's device secret."""
        made = new_id()
        key = await self._keyring.mint(account, "conversation")
        token = await self.heads.visitor_token(account, visitor)
        opened = Opened(at=self._clock.now(), bot=bot, visitor=visitor, locale=locale, page=page or WebPage())
        await self._append(Entry(State(id=made, account=account, bot=bot), key, token, ()), (opened,))
        return made

    async def state(self, account: str, id: str, *, known: int = 0) -> State:
        """The conversation as it is. `known` is a seq that the caller has heard of; the answer is not older than that.

        Raises `NotFound`, `KeyDestroyed` (erased), `Damaged`.
        """
        entry = self._at_hand(account, id, known) or await self._current(account, id, known)
        return entry.state

    async def events(self, account: str, id: str, since: int = 0, *, known: int = 0) -> list[Numbered]:
        """The events with numbers above `since`, in order. `known` and errors as for `state`."""
        entry = self._at_hand(account, id, known) or await self._current(account, id, known)
        recent = entry.since(since)
        events = await self._read(account, id, since) if recent is None else recent
        return as_read(events, entry.state.edits)

    async def history(self, account: str, id: str) -> list[Numbered]:
        """The events as they are stored, with what was corrected since: for admins with a reason. Errors as above."""
        await self._current(account, id, 0)
        return await self._read(account, id, 0)

    async def passing(self, account: str, id: str) -> tuple[State, Sequence[Numbered]]:
        """The conversation and all its events as readers get them, for one look: nothing of it is kept in memory.

        Raises `NotFound`, `KeyDestroyed` (erased), `Damaged`.
        """
        if await self.heads.stored(account, id) is None:
            raise _not_found()
        events = await self._read(account, id, 0)
        if not events:
            raise _not_found()
        state = fold(account, id, events)
        return state, as_read(events, state.edits)

    async def append(self, account: str, id: str, events: Sequence[AnyEvent], expected: int) -> int:
        """Append events if the conversation still is at `expected`; the new seq. They are durable when this returns.

        Raises `Stale` when it is not: read and decide again. Raises `Conflict` for a change of control that the table
        does not allow. After any error nothing of it counts.
        """
        entry = await self._entry(account, id)
        async with entry.lock:
            if entry.state.seq < expected:
                await self._catch_up(entry)
            if entry.state.seq != expected:
                raise Stale
            try:
                await self._append(entry, events)
            except Stale:
                await self._catch_up(entry)
                raise
            return entry.state.seq

    async def update(self, account: str, id: str, decide: Decide) -> Outcome:
        """Append what `decide` says about the fresh state; it is asked again when somebody else was faster.

        `decide` has no side effects and does not wait; no events mean that nothing is to be done. What it raises ends
        the update, unless the state was behind another process's. When this returns, the events are durable.
        """
        entry = await self._entry(account, id)
        async with entry.lock:
            if not entry.sure:
                await self._catch_up(entry)
            for _ in range(_TRIES):
                first = entry.state.seq + 1
                try:
                    events = decide(entry.state)
                except Problem:
                    if await self._was_behind(entry):
                        continue
                    raise
                if not events and await self._was_behind(entry):
                    continue
                if not events:
                    return Outcome(entry.state, first, ())
                try:
                    return await self._append(entry, events)
                except Stale:
                    await self._catch_up(entry)
        raise Unavailable("This chat is written to by too many at once. Nothing was changed; please try again.")

    async def seal_anew(self, account: str, id: str, decide: Decide) -> Outcome:
        """Like `update`, but what is appended begins a new data key, under which all that follows is sealed.

        Whoever was to append under the old one is refused by its seq, reads, and finds the new one. `rewrite` then
        brings the older batches under it.
        """
        entry, key = await self._entry(account, id), ""
        async with entry.lock:
            await self._catch_up(entry)
            for _ in range(_TRIES):
                events = decide(entry.state)
                if not events:
                    return Outcome(entry.state, entry.state.seq + 1, ())
                key = key or await self._keyring.mint(account, "conversation")
                try:
                    return await self._append(entry, events, key=key)
                except Stale:
                    await self._catch_up(entry)
        raise Unavailable("This chat is written to by too many at once. Nothing was changed; please try again.")

    async def rewrite(self, account: str, id: str) -> bool:
        """Write what readers may not see any more out of the store, and destroy the keys that sealed it; whether all is
        done. Numbers, times and senders stay. Interrupted, it is called again."""
        return await self._rewrite(account, id, lambda _, event: event)

    async def _rewrite(self, account: str, id: str, change: Callable[[int, AnyEvent], AnyEvent]) -> bool:
        state = await self.state(account, id)
        redacted = {message: edit.at for message, edit in state.edits.items() if edit.text is None}
        newest = await self._log.newest_key(account, id)
        old = await self._log.rewrite(
            account, id, newest, lambda seq, event: change(seq, without_words(seq, event, redacted))
        )
        row = await self.heads.stored(account, id)
        if row is None or row.key != newest or await self._log.keys(account, id) != {newest}:
            return False
        for key in old:
            await self._keyring.destroy(account, key)
        self._cache.drop(id)
        await scrub(self._engine)
        return True

    async def clear_addresses(self, account: str, id: str, contacts: Sequence[str], addresses: Sequence[str]) -> bool:
        """Take the addresses of these contacts out of a conversation that is somebody else's, in the store as well;
        whether all of that is done. The link to them ends. Interrupted, it is called again."""
        told = {one.event.contact for one in await self.history(account, id) if isinstance(one.event, AddressErased)}
        at = self._clock.now()
        if news := [AddressErased(at=at, contact=contact) for contact in contacts if contact not in told]:
            await self.seal_anew(account, id, lambda _: news)
        wanted = [address.lower() for address in addresses]
        done = await self._rewrite(account, id, lambda _, event: without_addresses(event, contacts, wanted))
        if done:
            await self.heads.forget_former(account, id)
            self._signals.publish(f"conversation/{id}", _BEYOND)
        return done

    async def current_of(self, account: str, bot: str, visitor: str) -> State | None:
        """The newest conversation of this browser with this bot that is not closed."""
        found = await self.heads.newest_of(account, bot, visitor, open=True)
        return await self.state(account, found) if found else None

    async def latest_of(self, account: str, bot: str, visitor: str) -> State | None:
        """The newest conversation of this browser with this bot, open or over."""
        found = await self.heads.newest_of(account, bot, visitor)
        return await self.state(account, found) if found else None

    async def erase(self, account: str, id: str) -> bool:
        """Destroy the conversation's key and remove its log and head; whether there was one (MS-4).

        The key goes first: whatever is interrupted after that, nothing of the conversation can be read any more.
        """
        row = await self.heads.stored(account, id)
        if row is None:
            return False
        for key in await self.keys_of(account, id):
            await self._keyring.destroy(account, key)
        self._cache.drop(id)
        await self.heads.forget_former(account, id)
        await self._log.delete(account, id)
        self._signals.publish(f"conversation/{id}", row.version + 1)
        self._signals.publish(f"bot/{row.fields['bot']}", row.version + 1, subject=id)
        return True

    async def keys_of(self, account: str, id: str) -> list[str]:
        """The data keys that seal anything of the conversation: one, or two while its words are being rewritten."""
        row = await self.heads.stored(account, id)
        return [] if row is None else sorted({row.key, *await self._log.keys(account, id)})

    def forget(self, id: str) -> None:
        """Keep nothing of a conversation in memory: another process erased it. Open sockets look, and close."""
        self._cache.drop(id)
        self._signals.publish(f"conversation/{id}", _BEYOND)

    # Writing

    async def _append(self, entry: Entry, events: Sequence[AnyEvent], *, key: str = "") -> Outcome:
        state, key = entry.state, key or entry.key
        events = [storable(event) for event in events]
        _require_legal(state, events)
        _require_unrestricted(state, events)
        after = apply_all(state, state.seq + 1, events)
        if former := _former_contacts(state, after, events):
            # before the log says so: whoever is erased between the two is looked for once too often, never once too little
            await self.heads.remember_former(state.account, state.id, former)
        try:
            last = await self._log.append(
                state.account, state.id, key, events, state.seq, head_fields=head_of(after, entry.visitor)
            )
        except Stale:
            raise
        except KeyDestroyed as error:
            raise Stale from error  # sealed anew by another process, or erased: the log says which
        except BaseException:
            entry.sure = False  # it may yet be written: from now on the log is asked
            self._tell(entry, after.seq)
            raise
        if entry.state.seq < last:  # else a reader took it up from the log, a moment before us
            entry.take(events, after)
        entry.key = key
        entry.sure = True
        entry.seen = self._clock.now()
        self._cache.put(state.id, entry)
        self._tell(entry, last)
        if any(type(event) is Closed for event in events):
            for tell in self._told_of_ends:
                tell(state.account, state.id)
        return Outcome(after, state.seq + 1, events)

    def _tell(self, entry: Entry, seq: int) -> None:
        self._signals.publish(entry.conversation_topic, seq)
        self._signals.publish(entry.bot_topic, seq, subject=entry.state.id)

    # Reading

    def _at_hand(self, account: str, id: str, known: int) -> Entry | None:
        """The entry that `_current` would give, when it need not wait for it."""
        entry = self._cache.get(id)
        if entry is None or entry.state.account != account or not self._is_current(entry, known):
            return None
        return entry

    async def _current(self, account: str, id: str, known: int) -> Entry:
        entry = await self._entry(account, id)
        if not self._is_current(entry, known):
            await self._catch_up(entry)
        return entry

    async def _was_behind(self, entry: Entry) -> bool:
        """Whether another process wrote what this state lacks; then it does not any more. An append finds that out by
        its number; what was refused, or decided to be nothing, has to ask."""
        if not self._shared:
            return False
        before = entry.state.seq
        await self._catch_up(entry)
        return entry.state.seq > before

    def _is_current(self, entry: Entry, known: int) -> bool:
        is_old = self._shared and self._clock.now() - entry.seen > FRESH
        return entry.sure and entry.state.seq >= known and not is_old

    async def _entry(self, account: str, id: str) -> Entry:
        entry = self._cache.get(id)
        if entry is None:
            entry = await self._load(account, id)
        if entry.state.account != account:
            raise _not_found()
        return entry

    async def _load(self, account: str, id: str) -> Entry:
        row = await self.heads.stored(account, id)
        if row is None:
            raise _not_found()
        events = await self._read(account, id, 0)
        if not events:
            raise _not_found()
        key = await self._log.newest_key(account, id)
        entry = Entry(fold(account, id, events), key, str(row.fields["visitor"]), events)
        entry.seen = self._clock.now()
        self._cache.put(id, entry)
        return self._cache.get(id) or entry

    async def _catch_up(self, entry: Entry) -> None:
        state = entry.state
        events = await self._read(state.account, state.id, state.seq)
        if await self.heads.stored(state.account, state.id) is None:
            self._cache.drop(state.id)
            raise _not_found()  # erased while it was in memory
        if events or not entry.sure:
            entry.key = await self._log.newest_key(state.account, state.id)
        entry.catch_up(events)
        entry.seen = self._clock.now()
        self._cache.put(state.id, entry)

    async def _read(self, account: str, id: str, since: int) -> list[Numbered]:
        return [Numbered(seq, event) for seq, event in await self._log.read(account, id, since)]


def _require_legal(state: State, events: Sequence[AnyEvent]) -> None:
    for number, event in enumerate(events):
        if type(event) is ControlChanged:
            check(apply_all(state, state.seq + 1, events[:number]) if number else state, event)


def _require_unrestricted(state: State, events: Sequence[AnyEvent]) -> None:
    if state.restricted is not None and not all(isinstance(event, _WHILE_RESTRICTED) for event in events):
        raise Locked("The processing of this conversation is restricted. Nothing was changed.")


def _former_contacts(state: State, after: State, events: Sequence[AnyEvent]) -> set[str]:
    """The contacts that the conversation names in its log and is not linked to any more."""
    named = {event.contact for event in events if isinstance(event, EmailSupplied | EmailVerified | DataCorrected)}
    former = {contact for contact in named | {state.contact} if contact and contact != after.contact}
    return set() if former and isinstance(events[0], AddressErased) else former


def _not_found() -> NotFound:
    return NotFound("There is no such conversation.")
