"""The accounts' roots: numbered wrapping keys, of which the newest wraps, and the index secret, which never changes.

A root is stored once for each master key that wraps it: one copy, or two while a rotation of the master key runs. A new
root is made under `lock`, which that rotation holds too, so that none is missed.
"""

import asyncio
import os

from foundation.clock import Clock
from foundation.ids import new_id
from foundation.keys.cache import Bounded
from foundation.keys.envelope import KEY_BYTES, Cipher
from foundation.keys.store import INDEX, ROOTS, WRAP, unwrap_root, wrap_root
from foundation.records.port import Engine, Row, Taken, Value, Where

_CACHED = 1_024


class Roots:
    """The roots of all accounts, unwrapped as they are needed."""

    def __init__(self, engine: Engine, master: Cipher, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self.master = master
        self.lock = asyncio.Lock()
        self._ciphers: Bounded[str, Cipher] = Bounded(_CACHED)
        self._newest: Bounded[str, str] = Bounded(_CACHED)
        self._indexes: Bounded[str, bytes] = Bounded(_CACHED)

    async def wrapping(self, account: str) -> Cipher:
        """The account's newest wrapping key, made at its first use."""
        cipher = self._known(account)
        if cipher is None:
            async with self.lock:
                cipher = self._known(account) or await self.newest(account) or await self._make(account, 1)
        return cipher

    async def newest(self, account: str) -> Cipher | None:
        """The same as the store knows it at this moment; `None` when the account has none yet."""
        rows = await self.stored(account)
        return self._keep(rows[-1]) if rows else None

    async def of(self, account: str, root: str) -> Cipher | None:
        """A wrapping key by its id; `None` when it was destroyed (its data keys were wrapped again before)."""
        known = self._ciphers.get(root)
        if known is not None:
            return known if known.account == account else None
        where = (Where("root", "=", root), Where("master", "=", self.master.key), Where("account", "=", account))
        page = await self._engine.find(ROOTS, where, limit=1)
        return self._open(page.rows[0]) if page.rows else None

    async def index_secret(self, account: str) -> bytes:
        """The secret from which tokens and signing secrets are derived, made at its first use."""
        known = self._indexes.get(account)
        if known is None:
            async with self.lock:
                known = self._indexes.get(account) or await self._load_index(account)
            self._indexes.put(account, known)
        return known

    async def stored(self, account: str) -> list[Row]:
        """The account's wrapping keys, oldest first. More than one: a rotation is under way."""
        where = (
            Where("account", "=", account),
            Where("use", "=", WRAP),
            Where("master", "=", self.master.key),
        )
        page = await self._engine.find(ROOTS, where, order="number", limit=1_000)
        return list(page.rows)

    async def succeed(self, account: str, number: int) -> Cipher:
        """Make the wrapping key of this number, or take the one that somebody else has just made."""
        async with self.lock:
            return await self._make(account, number)

    async def destroy(self, account: str, root: str) -> None:
        """Delete a wrapping key under every master key, and forget it."""
        for row in (await self._engine.find(ROOTS, (Where("root", "=", root),), limit=1_000)).rows:
            await self._engine.delete(ROOTS, row.id)
        cipher = self._ciphers.pop(root)
        if cipher is not None:
            cipher.forget()
        if self._newest.get(account) == root:
            self._newest.pop(account)

    def _known(self, account: str) -> Cipher | None:
        known = self._newest.get(account)
        return None if known is None else self._ciphers.get(known)

    async def _load_index(self, account: str) -> bytes:
        row = await self._stored_index(account) or await self._add(account, INDEX, 1)
        row = row or await self._stored_index(account)
        assert row is not None
        return unwrap_root(self.master, row)

    async def _make(self, account: str, number: int) -> Cipher:
        row = await self._add(account, WRAP, number)
        cipher = self._keep(row) if row is not None else await self.newest(account)
        assert cipher is not None
        return cipher

    async def _add(self, account: str, use: str, number: int) -> Row | None:
        """Store a new root; `None` when somebody else has stored it. Under `lock`."""
        root, secret = new_id(), os.urandom(KEY_BYTES)
        fields: dict[str, Value] = {"root": root, "use": use, "number": number, "made_at": self._clock.now()}
        fields["master"] = self.master.key
        body = wrap_root(self.master, secret, account, fields)
        row = Row(new_id(), 1, account, self.master.key, fields, body)
        try:
            await self._engine.insert(ROOTS, row)
        except Taken:
            return None
        return row

    async def _stored_index(self, account: str) -> Row | None:
        where = (
            Where("account", "=", account),
            Where("use", "=", INDEX),
            Where("master", "=", self.master.key),
        )
        page = await self._engine.find(ROOTS, where, limit=1)
        return page.rows[0] if page.rows else None

    def _keep(self, row: Row) -> Cipher:
        cipher = self._open(row)
        self._newest.put(row.account, cipher.key)
        return cipher

    def _open(self, row: Row) -> Cipher:
        root = str(row.fields["root"])
        known = self._ciphers.get(root)
        if known is None:
            known = Cipher(root, unwrap_root(self.master, row), row.account)
            self._ciphers.put(root, known)
        return known
