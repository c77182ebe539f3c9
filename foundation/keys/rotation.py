"""Changing keys while everything goes on. Wraps change, records do not.

Both rotations can be killed at any moment and are finished by calling them again; until they are, all that was readable
stays readable.

**Wrapping key of an account.** The next number is stored: from then on it is the newest. Every data key that an older
one wraps is wrapped again (compare-and-set on its row), page by page, until a look finds none; then the older ones are
deleted. Whoever minted a data key looks, *after* storing it, whether the wrapping key that he used still is the
newest; if not, he wraps it again and looks again. Either his look came after the next number was stored, and he wraps
it himself; or it came before, and then his row was stored before too and the rotation finds it. So no data key is left
to a deleted wrapping key, and nobody has to hold a lock.

**Master key.** Each root gets a second copy, wrapped by the new key. One write then makes the new key the live one;
after it the old copies are deleted. Before that write the store opens with the old key only, after it with the new one
only.
"""

import asyncio

from foundation.errors import Unavailable
from foundation.ids import new_id
from foundation.keys.envelope import Cipher
from foundation.keys.master import MasterKeyError
from foundation.keys.roots import Roots
from foundation.keys.store import (
    DATA,
    MASTERS,
    ROOTS,
    check_proof,
    prove,
    unwrap_data,
    unwrap_root,
    wrap_data,
    wrap_root,
)
from foundation.records.port import Engine, Row, Stale, Taken, Where
from foundation.records.sealing import Damaged

_PAGE = 200
_WRAP_TRIES = 20


async def rotate_wrapping(engine: Engine, roots: Roots, account: str) -> int:
    """Give the account a new wrapping key and destroy the older ones; how many data keys were wrapped again.

    When a rotation was interrupted, this finishes it and does not begin another. Raises `Damaged` when a data key
    cannot be unwrapped; all others have the new wrap then, and the old wrapping key is kept.
    """
    rows = await roots.stored(account)
    if len(rows) < 2:
        await roots.succeed(account, 1 + max((int(row.fields["number"] or 0) for row in rows), default=0))
        rows = await roots.stored(account)
    newest = await roots.newest(account)
    assert newest is not None
    done = 0
    for row in rows[:-1]:
        old = str(row.fields["root"])
        done += await _rewrap_all(engine, roots, account, old, newest)
        await roots.destroy(account, old)
    return done


async def settle_wrap(engine: Engine, roots: Roots, row: Row, secret: bytes) -> None:
    """After storing a data key: make sure that the account's newest wrapping key wraps it."""
    for _ in range(_WRAP_TRIES):
        newest = await roots.newest(row.account)
        if newest is None or newest.key == row.fields["root"]:
            return
        try:
            changed = _rewrapped(row, secret, newest)
            await engine.replace(DATA, changed)
        except Stale:
            stored = await engine.get(DATA, row.id)
            if stored is None:
                return  # destroyed already
            changed = stored
        row = changed  # and look again: another rotation may have come in between
    raise Unavailable("The keys are being changed all the time; try again.")


async def rotate_master(engine: Engine, roots: Roots, new: Cipher) -> int:
    """Wrap every root with the new master key and retire the old one; how many roots were wrapped again."""
    old = roots.master
    if new.key == old.key:
        raise MasterKeyError("The new master key is the one in use.")
    done = 0
    async with roots.lock:
        await _forget_abandoned(engine, {old.key, new.key})
        await _announce(engine, new)
        for row in await _all(engine, Where("master", "=", old.key)):
            done += await _copy(engine, row, old, new)
        await _make_live(engine, new)
        roots.master = new
    await retire_others(engine, new)
    return done


async def check_master(engine: Engine, master: Cipher) -> None:
    """At the start: does this master key open this store? Makes the first entry of an empty one.

    Raises `MasterKeyError` with a sentence for a key of another store, a retired one, and one that a rotation which was
    interrupted had not made the live one yet.
    """
    live = await _live(engine)
    if live is None:
        row = Row(master.key, 1, "", master.key, {"number": 1, "state": "live"}, prove(master))
        try:
            await engine.insert(MASTERS, row)
        except Taken:
            raise MasterKeyError("The key store holds an unfinished entry of this master key; restore it.") from None
        return
    if live.id != master.key:
        known = await engine.get(MASTERS, master.key)
        if known is not None and known.fields["state"] == "next":
            raise MasterKeyError("The change to this master key was interrupted. Use the old one and change it again.")
        raise MasterKeyError("This master key does not open the key store: it belongs to another one or was replaced.")
    try:
        check_proof(master, live.body)
    except Damaged as error:
        raise MasterKeyError("The key store is damaged: its proof of the master key cannot be read.") from error
    await retire_others(engine, master, only_older_than=int(live.fields["number"] or 0))


async def retire_others(engine: Engine, live: Cipher, *, only_older_than: int | None = None) -> None:
    """Delete what master keys before the live one have wrapped."""
    for row in (await engine.find(MASTERS, order="number", limit=1_000)).rows:
        older = only_older_than is None or int(row.fields["number"] or 0) < only_older_than
        if row.id != live.key and older:
            await _forget_master(engine, row.id)


async def _rewrap_all(engine: Engine, roots: Roots, account: str, old: str, newest: Cipher) -> int:
    done, damaged = 0, 0
    where = (Where("account", "=", account), Where("root", "=", old))
    while True:
        after, found, damaged = None, 0, 0
        while True:
            page = await engine.find(DATA, where, limit=_PAGE, after=after)
            outcomes = await asyncio.gather(*(_rewrap(engine, roots, row, newest) for row in page.rows))
            found += len(outcomes)
            damaged += outcomes.count(None)
            done += sum(outcome or 0 for outcome in outcomes)
            after = page.next
            if after is None:
                break
        if found == damaged:
            break
    if damaged:
        raise Damaged(keys=damaged)
    return done


async def _rewrap(engine: Engine, roots: Roots, row: Row, newest: Cipher) -> int | None:
    """1 when it was wrapped again, 0 when somebody else changed it, `None` when it cannot be unwrapped."""
    old = await roots.of(row.account, str(row.fields["root"]))
    if old is None:
        return None
    try:
        await engine.replace(DATA, _rewrapped(row, unwrap_data(old, row), newest))
    except Stale:
        return 0
    except Damaged:
        return None
    return 1


def _rewrapped(row: Row, secret: bytes, root: Cipher) -> Row:
    label, sole = str(row.fields["label"]), row.fields["sole"]
    body = wrap_data(
        root, secret, account=row.account, key=row.id, label=label, sole=None if sole is None else str(sole)
    )
    return Row(row.id, row.version + 1, row.account, root.key, {**row.fields, "root": root.key}, body)


async def _live(engine: Engine) -> Row | None:
    page = await engine.find(MASTERS, (Where("state", "=", "live"),), order="-number", limit=1)
    return page.rows[0] if page.rows else None


async def _announce(engine: Engine, new: Cipher) -> None:
    live = await _live(engine)
    number = 1 + (int(live.fields["number"] or 0) if live else 0)
    row = Row(new.key, 1, "", new.key, {"number": number, "state": "next"}, prove(new))
    try:
        await engine.insert(MASTERS, row)
    except Taken:
        return  # of the interrupted rotation that this one finishes


async def _make_live(engine: Engine, new: Cipher) -> None:
    row = await engine.get(MASTERS, new.key)
    assert row is not None
    fields = {**row.fields, "state": "live"}
    await engine.replace(MASTERS, Row(row.id, row.version + 1, "", row.key, fields, row.body))


async def _copy(engine: Engine, row: Row, old: Cipher, new: Cipher) -> int:
    body = wrap_root(new, unwrap_root(old, row), row.account, row.fields)
    copy = Row(new_id(), 1, row.account, new.key, {**row.fields, "master": new.key}, body)
    try:
        await engine.insert(ROOTS, copy)
    except Taken:
        return 0
    return 1


async def _forget_abandoned(engine: Engine, kept: set[str]) -> None:
    for row in (await engine.find(MASTERS, limit=1_000)).rows:
        if row.id not in kept:
            await _forget_master(engine, row.id)


async def _forget_master(engine: Engine, master: str) -> None:
    for row in await _all(engine, Where("master", "=", master)):
        await engine.delete(ROOTS, row.id)
    await engine.delete(MASTERS, master)


async def _all(engine: Engine, *where: Where) -> list[Row]:
    rows: list[Row] = []
    after: str | None = None
    while True:
        page = await engine.find(ROOTS, where, limit=1_000, after=after)
        rows += page.rows
        after = page.next
        if after is None:
            return rows
