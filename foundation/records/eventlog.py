"""Logs of events, sealed batch by batch, numbered 1, 2, 3 … without a gap.

What is read is what was written, whole and in order, or `Damaged` naming the first bad number (K-2, K-3):

- A batch is sealed together with the kind of log, the account, the log's name, its first number and its count. Moved to
  another place, renumbered or cut, it does not open.
- `read` counts through the numbers, so that a batch taken out of the middle or put in twice is noticed.
- The head, a row that describes the log, is sealed together with its version, which is the log's last number when it
  was written. A log that ends before its head's version lost its end; one that has batches and no head lost its head.
  A kind of log that has no heads cannot tell.

Not noticed is a whole store put back to an earlier day, keys and all; the anchor against that is outside of it (K-9).

The engine knows a log by kind, account and name together: another account's log is not there.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec

from foundation.records import rules
from foundation.records.collection import Record, Sealer
from foundation.records.port import Batch, Engine, Kind, Value
from foundation.records.sealing import Cipher, Damaged, Keys, cipher_of

E = TypeVar("E")

_MAX_EVENTS = 1_000


class EventLog(Generic[E]):
    """The logs of one kind. With `head`, every append writes the log's head row: id = the log's name."""

    def __init__(  # noqa: PLR0917 - the head and its body belong to the kind
        self,
        engine: Engine,
        keyring: Keys,
        kind_name: str,
        event_type: Any,
        head: Kind | None = None,
        head_body: type | None = None,
    ) -> None:
        self._engine = engine
        self._keys = keyring
        self._name = kind_name
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(list[event_type]).decode
        self._head = head
        self._heads: Sealer[Any] = Sealer(head or Kind(kind_name), head_body or type(None))

    async def append(
        self,
        account: str,
        log: str,
        key: str,
        events: Sequence[E],
        expected: int,
        *,
        head_fields: Mapping[str, Value] | None = None,
        head_body: Any = None,
    ) -> int:
        """Add events as one batch if the log's last number is `expected`; the new last number.

        Raises `Stale` when it is not (read and try again), `KeyDestroyed`. After any error nothing was written. A log
        with a head needs `head_fields` (and its body, if it has one) at every append.
        """
        if not 1 <= len(events) <= _MAX_EVENTS:
            raise ValueError(f"an append takes 1 to {_MAX_EVENTS} events")
        if (head_fields is None) != (self._head is None):
            raise ValueError(f"{self._name}: the head is written at every append, and only if there is one")
        cipher = await cipher_of(self._keys, account, key)
        first, count = expected + 1, len(events)
        body = cipher.seal(self._encode(events), *self._bounds(account, log, first, count))
        batch = Batch(first, count, key, body)
        head = None
        if self._head is not None and head_fields is not None:
            record = Record(log, batch.last, account, key, head_fields, head_body)
            head = (self._head, self._heads.seal(cipher, record))
        await self._engine.append(self._stored(account, log), batch, head=head)
        return batch.last

    async def read(self, account: str, log: str, since: int = 0, *, most: int | None = None) -> list[tuple[int, E]]:
        """The events with numbers above `since`, at most so many. Raises `Damaged`, with the first bad number as
        `number`. Whether the log ends too early is looked at when its end is reached."""
        head = await self._head_version(account, log)
        events: list[tuple[int, E]] = []
        last = since
        whole = False
        while not whole:
            limit = rules.MAX_BATCHES if most is None else min(rules.MAX_BATCHES, most - len(events))
            batches = await self._engine.read(self._stored(account, log), since=last, limit=limit)
            for batch in batches:
                events += await self._opened(account, log, batch, last, cut=last == since)
                last = batch.last
                if most is not None and len(events) >= most:
                    return events[:most]
            whole = len(batches) < limit
        if self._head is not None and (events if head is None else last < head):
            await self._check_end(account, log, last)
        return events

    async def newest_key(self, account: str, log: str) -> str:
        """The id of the key that seals the log's last batch: the one to append with. Empty for a log without any."""
        key, last = "", 0
        row = await self._engine.get(self._head, log) if self._head is not None else None
        if row is not None and row.account == account:
            key, last = row.key, row.version - 1
        while batches := await self._engine.read(self._stored(account, log), since=last):
            key, last = batches[-1].key, batches[-1].last
        return key

    async def rewrite(self, account: str, log: str, key: str, change: Callable[[int, E], E]) -> set[str]:
        """Seal every batch that another key seals with this one, its events as `change` says (number, event → event);
        the ids of the keys that were replaced. Numbers and counts stay, and readers go on.

        Done twice it is done once. Raises `Stale` when somebody else does the same at the same moment.
        """
        cipher = await cipher_of(self._keys, account, key)
        replaced: set[str] = set()
        last = 0
        while batches := await self._engine.read(self._stored(account, log), since=last):
            for batch in batches:
                if batch.key != key:
                    await self._reseal(account, log, batch, cipher, change)
                    replaced.add(batch.key)
            last = batches[-1].last
        return replaced

    async def _reseal(
        self, account: str, log: str, batch: Batch, cipher: Cipher, change: Callable[[int, E], E]
    ) -> None:
        events = [
            change(number, event)
            for number, event in await self._opened(account, log, batch, batch.first - 1, cut=False)
        ]
        body = cipher.seal(self._encode(events), *self._bounds(account, log, batch.first, batch.count))
        resealed = Batch(batch.first, batch.count, cipher.key, body)
        await self._engine.reseal(self._stored(account, log), resealed, was=batch.key)

    async def keys(self, account: str, log: str) -> set[str]:
        """The ids of the data keys that seal the log's batches; none of them is used for it."""
        keys: set[str] = set()
        last = 0
        while batches := await self._engine.read(self._stored(account, log), since=last):
            keys |= {batch.key for batch in batches}
            last = batches[-1].last
        return keys

    async def delete(self, account: str, log: str) -> int:
        """Remove a log and its head; how many batches went. The head goes last: until then the log can be listed, so
        that an erasure that was interrupted is found and finished."""
        went = await self._engine.delete_log(self._stored(account, log))
        if self._head is not None:
            row = await self._engine.get(self._head, log)
            if row is not None and row.account == account:
                await self._engine.delete(self._head, log)
        return went

    async def _head_version(self, account: str, log: str) -> int | None:
        row = await self._engine.get(self._head, log) if self._head is not None else None
        if row is None or row.account != account:
            return None
        self._heads.open(await cipher_of(self._keys, account, row.key), row)  # the version is sealed: now it is sure
        return row.version

    async def _check_end(self, account: str, log: str, last: int) -> None:
        """Head and log disagreed. Look once more: the log may have been begun or removed between the two reads."""
        head = await self._head_version(account, log)
        there = await self._engine.read(self._stored(account, log), limit=1)
        if head is None and there:
            raise _damaged(last, "head")
        if head is not None and last < head:
            raise _damaged(last + 1, "end", expected=head)

    async def _opened(self, account: str, log: str, batch: Batch, last: int, *, cut: bool) -> list[tuple[int, E]]:
        expected = last + 1
        if batch.first > expected:
            raise _damaged(expected, "gap")
        if batch.first < expected and not cut:
            raise _damaged(batch.first, "duplicate")
        try:
            cipher: Cipher = await cipher_of(self._keys, account, batch.key)
            plain = cipher.open(batch.body, *self._bounds(account, log, batch.first, batch.count))
            events: list[E] = self._decode(plain)
        except (Damaged, msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _damaged(batch.first, "seal") from error
        if len(events) != batch.count:
            raise _damaged(batch.first, "seal")
        return [(number, event) for number, event in enumerate(events, batch.first) if number >= expected]

    def _bounds(self, account: str, log: str, first: int, count: int) -> tuple[str | int, ...]:
        return ("batch", self._name, account, log, first, count)

    def _stored(self, account: str, log: str) -> str:
        """The engine's name of a log; the length keeps two different pairs of account and name apart."""
        return f"{self._name}/{len(account)}/{account}/{log}"


def _damaged(number: int, fault: str, **data: object) -> Damaged:
    return Damaged("", number=number, fault=fault, **data)
