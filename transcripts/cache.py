"""The conversations of which something happened lately, folded and at hand, so that an append reads nothing.

An entry may be behind the log (another process wrote, or a write was cut off before its answer came), never ahead of
it: it takes up only what is durably stored. Whoever appends finds that out by `Stale` and catches up. The cache is
bounded by entries and by bytes, the oldest used go first, and it forgets old events of long conversations before new
ones.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence

from transcripts.events import AnyEvent, BotStateChanged, MessageSent, NoteWritten, Numbered
from transcripts.state import State, apply_all

_MOST_EVENTS = 128
_KEPT_EVENTS = 64

_EVENT_BYTES = 400
_TRACKER_EVENT_BYTES = 700
_ENTRY_BYTES = 4_000
_TEXTS = (MessageSent, NoteWritten)


class Entry:
    """One conversation: its state, its newest events, and what an append needs besides.

    `seen`: when it was last as long as the log (milliseconds). `sure` is False while a write may be under way whose
    outcome nobody waits for; then the log is asked on every read.
    """

    __slots__ = (
        "bot_topic",
        "conversation_topic",
        "events",
        "key",
        "lock",
        "seen",
        "state",
        "sure",
        "visitor",
        "weight",
    )

    def __init__(self, state: State, key: str, visitor: str, events: Sequence[Numbered]) -> None:
        self.state = state
        self.key = key
        self.visitor = visitor
        self.events = list(events[-_KEPT_EVENTS:])
        self.lock = asyncio.Lock()
        self.sure = True
        self.seen = 0
        self.weight = _ENTRY_BYTES + sum(_bytes_of(one.event) for one in self.events)
        self.conversation_topic = f"conversation/{state.id}"
        self.bot_topic = f"bot/{state.bot}"

    def since(self, seq: int) -> list[Numbered] | None:
        """The events above this number, `None` when some of them are not here any more."""
        behind = self.state.seq - seq
        if behind <= 0:
            return []
        return self.events[-behind:] if behind <= len(self.events) else None

    def take(self, events: Sequence[AnyEvent], after: State) -> None:
        """Take up stored events that follow the last one; `after` is the state with them."""
        first = after.seq - len(events) + 1
        self.events += [Numbered(seq, event) for seq, event in enumerate(events, first)]
        self.state = after
        self.weight += sum(map(_bytes_of, events))
        if len(self.events) > _MOST_EVENTS:
            gone = self.events[:-_KEPT_EVENTS]
            self.events = self.events[-_KEPT_EVENTS:]
            self.weight -= sum(_bytes_of(one.event) for one in gone)

    def catch_up(self, read: Sequence[Numbered]) -> None:
        """Take up what was read from the log, as far as it is new."""
        events = [one.event for one in read if one.seq > self.state.seq]
        if events:
            self.take(events, apply_all(self.state, self.state.seq + 1, events))
            self.sure = True


class Cache:
    """Entries by conversation id, the least recently used first."""

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._weighed: dict[str, int] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def bytes(self) -> int:
        """About how much memory the entries take."""
        return self._bytes

    def get(self, id: str) -> Entry | None:
        entry = self._entries.get(id)
        if entry is not None:
            self._entries.move_to_end(id)
        return entry

    def put(self, id: str, entry: Entry) -> None:
        """Keep this entry, unless one that knows more of the conversation is here; weigh it and make room."""
        known = self._entries.get(id)
        if known is not None and known is not entry and known.state.seq > entry.state.seq:
            return
        self._entries[id] = entry
        self._entries.move_to_end(id)
        self._bytes += entry.weight - self._weighed.get(id, 0)
        self._weighed[id] = entry.weight
        while len(self._entries) > 1 and (len(self._entries) > self._max_entries or self._bytes > self._max_bytes):
            self.drop(next(iter(self._entries)))

    def drop(self, id: str) -> None:
        if self._entries.pop(id, None) is not None:
            self._bytes -= self._weighed.pop(id)


def _bytes_of(event: AnyEvent) -> int:
    """A rough weight; it only has to grow with what the event holds."""
    if isinstance(event, _TEXTS):
        return _EVENT_BYTES + 2 * len(event.text)
    if isinstance(event, BotStateChanged):
        return _EVENT_BYTES + _TRACKER_EVENT_BYTES * len(event.events)
    return _EVENT_BYTES
