"""The keys of an installation: made, unwrapped, kept for a while, changed and destroyed.

Destroying a data key is what makes an erasure final (crypto-shredding): its wrap is deleted from a store that
overwrites what it deletes, the write-ahead log is emptied, and no cipher of it works any more. In backups of the key
store the wrap lives until the account's next `rotate`, which destroys the wrapping key above it (SECURITY 3.3).

Python cannot overwrite the memory of a key; it is let go of, and swap and core dumps are the operator's business.
"""

import asyncio
import base64
import hmac
import os
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec

from foundation.clock import Clock
from foundation.errors import Unavailable
from foundation.ids import new_id
from foundation.keys import rotation
from foundation.keys.cache import Bounded
from foundation.keys.envelope import KEY_BYTES, Cipher
from foundation.keys.ledger import Ledger
from foundation.keys.master import MasterKey, derive
from foundation.keys.roots import Roots
from foundation.keys.store import DATA, MASTERS, RECORDS, ROOTS, WRAP, unwrap_data, wrap_data
from foundation.records.port import Engine, Row, Taken, Where
from foundation.records.scrubbing import scrub
from foundation.records.sealing import Damaged, KeyDestroyed

_CIPHERS = 8_192
_DERIVED = 4_096
_DESTROYED = 65_536
_WORTH_REMEMBERING = 2**16
_TRIES = 5


class KeyStatus(msgspec.Struct, frozen=True):
    """How the keys stand, for status pages; nothing in it is secret."""

    master: str
    accounts: int
    oldest: int | None
    """When the oldest wrapping key in use was made, milliseconds UTC."""
    draining: int
    data_keys: int
    in_memory: int


class Keyring:
    """`engine` is the key store, which holds nothing else; `master` never goes into it."""

    def __init__(self, engine: Engine, master: MasterKey, clock: Clock) -> None:
        self._engine = engine
        self._roots = Roots(engine, master.wrapping(), clock)
        self._ciphers: Bounded[str, Cipher] = Bounded(_CIPHERS, self._remember_use)
        self._held: WeakValueDictionary[str, Cipher] = WeakValueDictionary()
        self._records: Bounded[str, str] = Bounded(_DERIVED)
        self._derived: Bounded[tuple[str, str, str], bytes] = Bounded(_DERIVED)
        self._destroyed: Bounded[str, bool] = Bounded(_DESTROYED)
        self._used: dict[str, int] = {}
        self._first = asyncio.Lock()

    async def open(self) -> None:
        """Check that the master key fits the store (or begin an empty one). Raises `MasterKeyError`.

        The engine must be open. A rotation of the master key that was interrupted after its decisive write is finished.
        """
        await rotation.check_master(self._engine, self._roots.master)

    async def account_key(self, account: str) -> str:
        """The id of the key for the account's rows that have none of their own, made at its first use.

        The account "" is the installation itself.
        """
        known = self._records.get(account)
        if known is None:
            async with self._first:
                known = self._records.get(account) or await self._records_key(account)
            self._records.put(account, known)
        return known

    async def mint(self, account: str, label: str) -> str:
        """Make a data key (label: `conversation`, `contact` …) and return its id. It is durable when this returns."""
        return await self._mint(account, label, sole=None)

    def cached(self, key: str) -> Cipher | None:
        """The cipher of a data key, if it is in memory. Check its `account` before use."""
        return self._ciphers.get(key)

    async def cipher(self, account: str, key: str, *, keep: bool = True) -> Cipher:
        """The cipher of the account's data key. Raises `KeyDestroyed`, also for another account's key; `Damaged`.

        `keep=False` is for a passing look at many keys, for reading only: it drives no other key out of the memory.
        """
        known = self._ciphers.get(key)
        if known is None:
            known = await self._load(account, key, keep=keep)
        if known.account != account:
            raise KeyDestroyed
        return known

    async def destroy(self, account: str, key: str) -> bool:
        """Destroy a data key for ever; whether there was one. When this returns, no file holds its wrap any more."""
        row = await self._engine.get(DATA, key)
        if row is not None and row.account != account:
            return False
        self._destroyed.put(key, value=True)  # first: whoever is loading it now must not put it back
        try:
            gone = row is not None and await self._engine.delete(DATA, key)
        except BaseException:
            self._destroyed.pop(key)
            raise
        self._drop(account, key)
        await scrub(self._engine)
        return gone

    def forget(self, account: str, key: str) -> None:
        """Let go of a data key that another process destroyed: nothing is opened with it here any more."""
        self._destroyed.put(key, value=True)
        self._drop(account, key)

    def ledger(self, path: Path | None = None, copy: Path | None = None) -> Ledger:
        """The ledger of erasures that lies beside the keys, in the file of this name, and in a copy elsewhere."""
        return Ledger(self._engine, path, copy)

    async def final_at(self, account: str, *, epoch_ms: int) -> int:
        """When the wrapping key of this moment will have been replaced at the latest (milliseconds UTC)."""
        made = [_made_at(row) for row in await self._roots.stored(account)]
        return min(made, default=0) + epoch_ms

    async def token(self, account: str, purpose: str, value: str) -> str:
        """A keyed token of a value, for finding it by equality (SECURITY 3.2 G): 22 characters, the same each time.

        Different accounts and purposes give tokens that cannot be compared. Normalise the value first (lower case …).
        """
        key = await self._derive(account, "token", purpose)
        digest = hmac.digest(key, value.encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()

    async def secret(self, account: str, purpose: str) -> bytes:
        """32 bytes for signing (cookies, codes), the same each time; rotations do not change them."""
        return await self._derive(account, "secret", purpose)

    async def rotate(self, account: str) -> int:
        """Give the account a new wrapping key and destroy the old one; how many data keys were wrapped again.

        Readers and writers go on. After `kill -9` call it again: it finishes what was begun.
        """
        done = await rotation.rotate_wrapping(self._engine, self._roots, account)
        await scrub(self._engine)
        return done

    async def due(self, before: int) -> list[str]:
        """The accounts whose wrapping key was made before this time (milliseconds UTC): those to be rotated."""
        return sorted({row.account for row in await self._wrapping_roots() if _made_at(row) < before})

    async def rotate_master(self, new: MasterKey) -> int:
        """Let a new master key take the place of the old one; how many roots were wrapped again.

        Afterwards only the new one opens the store. After `kill -9`: start with whichever opens it; if that is the old
        one, call this again. Not while another process works on the same store.
        """
        done = await rotation.rotate_master(self._engine, self._roots, new.wrapping())
        await scrub(self._engine)
        return done

    async def describe(self) -> KeyStatus:
        """How the keys stand."""
        masters = await self._engine.count(MASTERS, (Where("state", "=", "live"),))
        roots = await self._wrapping_roots()
        accounts = len({row.account for row in roots})
        return KeyStatus(
            master=self._roots.master.key,
            accounts=accounts,
            oldest=min(map(_made_at, roots), default=None),
            draining=len(roots) - accounts + max(0, masters - 1),
            data_keys=await self._engine.count(DATA),
            in_memory=len(self._ciphers),
        )

    async def _wrapping_roots(self) -> list[Row]:
        where = (Where("use", "=", WRAP), Where("master", "=", self._roots.master.key))
        rows: list[Row] = []
        after: str | None = None
        while True:
            page = await self._engine.find(ROOTS, where, order="made_at", limit=1_000, after=after)
            rows += page.rows
            after = page.next
            if after is None:
                return rows

    async def _mint(self, account: str, label: str, *, sole: str | None) -> str:
        key, secret = new_id(), os.urandom(KEY_BYTES)
        root = await self._roots.wrapping(account)
        body = wrap_data(root, secret, account=account, key=key, label=label, sole=sole)
        row = Row(key, 1, account, root.key, {"label": label, "sole": sole, "root": root.key}, body)
        await self._engine.insert(DATA, row)
        await rotation.settle_wrap(self._engine, self._roots, row, secret)
        self._keep(Cipher(key, secret, account))
        return key

    async def _records_key(self, account: str) -> str:
        where = (Where("account", "=", account), Where("sole", "=", RECORDS))
        for _ in range(_TRIES):
            page = await self._engine.find(DATA, where, limit=1)
            if page.rows:
                return page.rows[0].id
            try:
                return await self._mint(account, RECORDS, sole=RECORDS)
            except Taken:
                continue  # another process was faster
        raise Unavailable("The account's key is being made and destroyed all the time; try again.")

    async def _load(self, account: str, key: str, *, keep: bool = True) -> Cipher:
        for _ in range(_TRIES):
            row = None if self._destroyed.get(key) else await self._engine.get(DATA, key)
            if row is None or row.account != account:
                raise KeyDestroyed
            root = await self._roots.of(account, str(row.fields["root"]))
            if root is None:
                continue  # the account's wrapping key was changed between the two reads
            secret = unwrap_data(root, row)
            if self._destroyed.get(key):
                raise KeyDestroyed
            # Somebody else may have been faster, or may still hold it though it left the memory.
            held = self._held.get(key)
            if not keep:
                return held or Cipher(key, secret, account)
            return self._keep(held or Cipher(key, secret, account, used=self._used.pop(key, 0)))
        raise Damaged

    async def _derive(self, account: str, use: str, purpose: str) -> bytes:
        known = self._derived.get((account, use, purpose))
        if known is None:
            known = derive(await self._roots.index_secret(account), use, purpose)
            self._derived.put((account, use, purpose), known)
        return known

    def _keep(self, cipher: Cipher) -> Cipher:
        self._held[cipher.key] = cipher
        self._ciphers.put(cipher.key, cipher)
        return cipher

    def _drop(self, account: str, key: str) -> None:
        self._ciphers.pop(key)
        cipher = self._held.pop(key, None)
        if cipher is not None:
            cipher.forget()
        self._used.pop(key, None)
        if self._records.get(account) == key:
            self._records.pop(account)

    def _remember_use(self, key: str, cipher: Cipher) -> None:
        """A cipher that leaves the memory leaves its count; what was used little may begin at nothing again."""
        if cipher.used >= _WORTH_REMEMBERING:
            self._used[key] = cipher.used


def _made_at(row: Row) -> int:
    return int(row.fields["made_at"] or 0)
