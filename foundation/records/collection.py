"""Rows as records: bodies that are structs, sealed on the way in and opened on the way out.

A record belongs to an account, and is fetched as that account's: another account's record is not there. What is not a
declared field of its kind is in the sealed body, so nobody can forget to encrypt it.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Generic, TypeVar

import msgspec

from foundation.records import rules
from foundation.records.port import Engine, Kind, Row, Stale, Value, Where
from foundation.records.sealing import Cipher, Damaged, Keys, cipher_of, row_bounds

B = TypeVar("B")

_UPDATE_TRIES = 100


class Record(msgspec.Struct, Generic[B], frozen=True, gc=False):
    """A row with its body opened. `fields` has every declared field, `None` where there is no value."""

    id: str
    version: int
    account: str
    key: str
    fields: Mapping[str, Value]
    body: B


class Sealer(Generic[B]):
    """Turns records of one kind into rows and back."""

    def __init__(self, kind: Kind, body: type[B]) -> None:
        self._kind = kind
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(body).decode

    def seal(self, cipher: Cipher, record: Record[B]) -> Row:
        """The row of a record; `cipher` is the one that `record.key` names."""
        fields = rules.fields_of(self._kind, record.fields)
        bounds = row_bounds(self._kind.name, record.account, record.id, record.version, fields)
        body = cipher.seal(self._encode(record.body), *bounds)
        return Row(record.id, record.version, record.account, record.key, fields, body)

    def open(self, cipher: Cipher, row: Row) -> Record[B]:
        """Raises `Damaged` when anything of the row is not as it was written, or its body is not of this type."""
        bounds = row_bounds(self._kind.name, row.account, row.id, row.version, row.fields)
        plain = cipher.open(row.body, *bounds)
        try:
            body = self._decode(plain)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Damaged from error
        return Record(row.id, row.version, row.account, row.key, row.fields, body)


class Collection(Generic[B]):
    """The records of one kind."""

    def __init__(self, engine: Engine, keyring: Keys, kind: Kind, body: type[B]) -> None:
        self._engine = engine
        self._keys = keyring
        self._kind = kind
        self._sealer = Sealer(kind, body)
        self._groups = {frozenset(group) for group in kind.unique}

    async def insert(self, account: str, id: str, body: B, *, key: str | None = None, **fields: Value) -> Record[B]:
        """Add a record, sealed with the named data key or the account's own.

        Raises `Taken` when the id or a unique group of fields is in use, `KeyDestroyed` when the key is gone.
        """
        key = key or await self._keys.account_key(account)
        record = Record(id, 1, account, key, rules.fields_of(self._kind, fields), body)
        await self._engine.insert(self._kind, self._sealer.seal(await cipher_of(self._keys, account, key), record))
        return record

    async def get(self, account: str, id: str) -> Record[B] | None:
        """The record, or `None` when it is not there or another account's. Raises `Damaged`, `KeyDestroyed`."""
        row = await self._engine.get(self._kind, id)
        return None if row is None or row.account != account else await self._opened(row)

    async def replace(self, record: Record[B], *, body: B | None = None, **fields: Value) -> Record[B]:
        """Write the record with changes, if it still is at `record.version`; else raises `Stale`. Raises `Taken`.

        Fields that are not named stay as they are; name one with `None` to take its value away.
        """
        changed = Record(
            record.id,
            record.version + 1,
            record.account,
            record.key,
            rules.fields_of(self._kind, {**record.fields, **fields}),
            record.body if body is None else body,
        )
        cipher = await cipher_of(self._keys, record.account, record.key)
        await self._engine.replace(self._kind, self._sealer.seal(cipher, changed))
        return changed

    async def update(
        self, account: str, id: str, change: Callable[[Record[B]], Mapping[str, Any] | None]
    ) -> Record[B] | None:
        """Change a record whoever else is changing it: `change` is asked again on the fresh record after each `Stale`.

        It returns the changes (`body` and fields by name) or `None` for none. The answer is the record as it stands
        then; `None` when there is no such record. Raises `Taken`.
        """
        for _ in range(_UPDATE_TRIES):
            record = await self.get(account, id)
            changes = None if record is None else change(record)
            if record is None or changes is None:
                return record
            try:
                return await self.replace(record, **changes)
            except Stale:
                continue
        raise Stale

    async def delete(self, account: str, id: str) -> bool:
        """Remove a record of this account; whether there was one."""
        row = await self._engine.get(self._kind, id)
        return row is not None and row.account == account and await self._engine.delete(self._kind, id)

    async def find(
        self, account: str, *where: Where, order: str = "id", limit: int = 100, after: str | None = None
    ) -> tuple[list[Record[B]], str | None]:
        """A page of this account's records that meet every condition, and the cursor of the next one."""
        return await self.find_anywhere(Where("account", "=", account), *where, order=order, limit=limit, after=after)

    async def find_anywhere(
        self, *where: Where, order: str = "id", limit: int = 100, after: str | None = None
    ) -> tuple[list[Record[B]], str | None]:
        """The same over all accounts: for the installation's own work only (due jobs, retention)."""
        page = await self._engine.find(self._kind, where, order=order, limit=limit, after=after)
        return [await self._opened(row) for row in page.rows], page.next

    async def all(self, account: str, *where: Where, order: str = "id") -> AsyncIterator[Record[B]]:
        """Every record of this account that meets the conditions, page by page."""
        after: str | None = None
        while True:
            records, after = await self.find(account, *where, order=order, limit=200, after=after)
            for record in records:
                yield record
            if after is None:
                return

    async def count(self, account: str, *where: Where) -> int:
        """How many records of this account meet every condition."""
        return await self._engine.count(self._kind, (Where("account", "=", account), *where))

    async def lookup(self, **fields: Value) -> Record[B] | None:
        """The record of any account with this value in a field (or these in a group) that is declared unique.

        For what is found by a token alone: a session, a link, an address. `None` as a value finds nothing.
        """
        if frozenset(fields) not in self._groups:
            raise ValueError(f"{self._kind.name} does not declare {', '.join(sorted(fields))} as unique")
        if None in fields.values():
            return None
        where = [Where(name, "=", value) for name, value in fields.items()]
        page = await self._engine.find(self._kind, where, limit=1)
        return await self._opened(page.rows[0]) if page.rows else None

    async def _opened(self, row: Row) -> Record[B]:
        return self._sealer.open(await cipher_of(self._keys, row.account, row.key), row)
