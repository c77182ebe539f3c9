"""K-7: keys change while everything goes on; killed at any write, nothing is lost and the next call finishes it."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from foundation.clock import ManualClock
from foundation.keys import KINDS, Damaged, KeyDestroyed, Keyring, MasterKey, MasterKeyError
from foundation.keys.store import DATA, MASTERS, ROOTS
from foundation.records import Engine, MemoryEngine, Row, SqliteEngine
from tests.foundation.keys.conftest import MASTER, NEXT_MASTER, keyring_on
from tests.foundation.keys.interrupted import Gated, Interrupted, Killed

ROOT = Path(__file__).resolve().parents[3]


class Sealed:
    """Something sealed with each of some keys, to see later that every key still is the same."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, str], bytes] = {}

    async def add(self, keyring: Keyring, account: str) -> str:
        key = await keyring.mint(account, "conversation")
        self.texts[account, key] = (await keyring.cipher(account, key)).seal(key.encode(), account)
        return key

    async def check(self, keyring: Keyring) -> None:
        for (account, key), sealed in self.texts.items():
            assert (await keyring.cipher(account, key)).open(sealed, account) == key.encode()


@pytest.fixture
async def sealed(keyring: Keyring) -> Sealed:
    sealed = Sealed()
    for account in ("blue", "blue", "blue", "green", ""):
        await sealed.add(keyring, account)
    return sealed


async def roots_of(engine: Engine, account: str) -> set[object]:
    return {row.fields["root"] for row in (await engine.find(ROOTS)).rows if row.account == account}


async def test_a_rotation_wraps_again_and_destroys_the_old_wrapping_key(
    engine: Engine, keyring: Keyring, sealed: Sealed
) -> None:
    before = {row.id: row for row in (await engine.find(DATA)).rows}
    old = await roots_of(engine, "blue")
    assert await keyring.rotate("blue") == 3
    new = await roots_of(engine, "blue")
    assert len(new) == 1
    assert not new & old
    after = {row.id: row for row in (await engine.find(DATA)).rows}
    assert before.keys() == after.keys()
    changed = {key for key in before if before[key].body != after[key].body}
    assert changed == {key for account, key in sealed.texts if account == "blue"}
    await sealed.check(keyring)
    await sealed.check(await keyring_on(engine))
    assert await keyring.rotate("blue") == 3


async def test_an_old_backup_of_the_wraps_is_useless_after_a_rotation(
    engine: Engine, keyring: Keyring, sealed: Sealed
) -> None:
    """SECURITY 3.3: put the destroyed key's wrap back from yesterday; the wrapping key above it is gone."""
    (account, key), *_ = sealed.texts
    backup = await engine.get(DATA, key)
    assert backup is not None
    await keyring.destroy(account, key)
    await keyring.rotate(account)
    await engine.insert(DATA, Row(key, 1, backup.account, backup.key, backup.fields, backup.body))
    with pytest.raises(Damaged):
        await (await keyring_on(engine)).cipher(account, key)


async def test_a_rotation_of_an_account_without_keys_is_nothing(engine: Engine, keyring: Keyring) -> None:
    assert await keyring.rotate("new") == 0
    assert (await keyring.cipher("new", await keyring.mint("new", "conversation"))).account == "new"


@pytest.mark.parametrize("rings", [1, 3])
async def test_K_7_fifty_writers_go_on_while_the_account_key_rotates(engine: Engine, rings: int) -> None:
    """Several keyrings stand for several processes, each with a memory of its own."""
    keyrings = [await keyring_on(engine) for _ in range(rings)]
    sealed = Sealed()
    done = asyncio.Event()

    async def write(who: int) -> None:
        keyring = keyrings[who % rings]
        while not done.is_set():
            key = await sealed.add(keyring, "blue")
            await keyring.destroy("blue", await keyring.mint("blue", "short"))
            assert (await keyrings[(who + 1) % rings].cipher("blue", key)).key == key

    async def rotate() -> None:
        for n in range(6):
            await keyrings[n % rings].rotate("blue")
        done.set()

    await asyncio.gather(rotate(), *(write(who) for who in range(50)))
    assert len(sealed.texts) >= 50
    fresh = await keyring_on(engine)
    await sealed.check(fresh)
    await fresh.rotate("blue")
    await sealed.check(await keyring_on(engine))
    assert len(await roots_of(engine, "blue")) == 1
    assert await engine.count(DATA) == len(sealed.texts)


async def test_K_7_a_key_minted_by_a_process_that_slept_through_a_rotation_is_kept(engine: Engine) -> None:
    sleeper, other = await keyring_on(engine), await keyring_on(engine)
    sealed = Sealed()
    await sealed.add(sleeper, "blue")
    for _ in range(2):
        await other.rotate("blue")
        await sealed.add(sleeper, "blue")
        await sealed.check(await keyring_on(engine))


async def test_K_7_a_key_stored_after_the_rotation_looked_is_kept(engine: Engine) -> None:
    """The worst moment: wrapped with the old key, and stored when that is already deleted."""
    gated = Gated(engine)
    minter, other = await keyring_on(gated), await keyring_on(engine)  # type: ignore[arg-type]
    sealed = Sealed()
    await sealed.add(minter, "blue")
    gated.before_insert = DATA
    adding = asyncio.ensure_future(sealed.add(minter, "blue"))
    await gated.arrived.wait()
    await other.rotate("blue")
    gated.open.set()
    await adding
    assert len(sealed.texts) == 2
    await sealed.check(await keyring_on(engine))


async def test_K_7_a_key_that_is_wrapped_again_while_the_next_rotation_runs_is_kept(engine: Engine) -> None:
    """Its minter slept through one rotation, and while he repairs that, another one comes and goes."""
    gated = Gated(engine)
    minter, other = await keyring_on(gated), await keyring_on(engine)  # type: ignore[arg-type]
    sealed = Sealed()
    await sealed.add(minter, "blue")
    await other.rotate("blue")
    gated.before_replace = DATA
    adding = asyncio.ensure_future(sealed.add(minter, "blue"))
    await gated.arrived.wait()
    await other.rotate("blue")
    gated.open.set()
    await adding
    assert len(sealed.texts) == 2
    await sealed.check(await keyring_on(engine))


async def test_K_7_killed_at_any_write_a_rotation_loses_nothing_and_is_finished(engine: Engine) -> None:
    writes = 0
    while True:
        keyring = await keyring_on(engine)
        sealed = Sealed()
        for _ in range(4):
            await sealed.add(keyring, "blue")
        killed = await keyring_on(Interrupted(engine, writes))  # type: ignore[arg-type]
        try:
            await killed.rotate("blue")
        except Killed:
            finished = False
        else:
            finished = True
        await sealed.check(await keyring_on(engine))
        again = await keyring_on(engine)
        await sealed.add(again, "blue")
        await again.rotate("blue")
        await sealed.check(again)
        await sealed.check(await keyring_on(engine))
        assert len(await roots_of(engine, "blue")) == 1
        for account, key in sealed.texts:
            await again.destroy(account, key)
        if finished:
            break
        writes += 1
    assert writes >= 6, "one new wrapping key, four wraps, one deletion"


async def test_K_7_a_rotation_that_was_interrupted_is_finished_and_not_begun_anew(
    engine: Engine, keyring: Keyring, sealed: Sealed
) -> None:
    with pytest.raises(Killed):
        await (await keyring_on(Interrupted(engine, 2))).rotate("blue")  # type: ignore[arg-type]
    status = await keyring.describe()
    assert status.draining == 1
    assert await keyring.rotate("blue") == 2
    assert (await keyring.describe()).draining == 0


async def test_a_wrap_that_is_damaged_keeps_the_old_wrapping_key_and_is_reported(
    engine: Engine, keyring: Keyring, sealed: Sealed
) -> None:
    broken = await keyring.mint("blue", "conversation")
    row = await engine.get(DATA, broken)
    assert row is not None
    await engine.replace(DATA, Row(row.id, 2, row.account, row.key, row.fields, row.body[:-1]))
    ring = await keyring_on(engine)
    with pytest.raises(Damaged) as refusal:
        await ring.rotate("blue")
    assert refusal.value.data == {"keys": 1}
    assert len(await roots_of(engine, "blue")) == 2
    await sealed.check(await keyring_on(engine))
    await ring.destroy("blue", broken)
    await ring.rotate("blue")
    assert len(await roots_of(engine, "blue")) == 1
    await sealed.check(await keyring_on(engine))


async def test_K_7_killed_by_the_system_while_rotating_and_minting_nothing_is_lost(tmp_path: Path) -> None:
    file = tmp_path / "keys.db"
    command = [sys.executable, "-m", "tests.foundation.keys.rotate", str(file)]
    child = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    said = [await child.stdout.readline() for _ in range(400)]
    child.send_signal(signal.SIGKILL)
    said += (await child.stdout.read()).splitlines(keepends=True)
    await child.wait()
    assert b"rotated\n" in said
    engine = SqliteEngine(file, KINDS)
    await engine.open()
    for turn in range(2):
        keyring = await keyring_on(engine)
        for line in said:
            if line.startswith(b"key ") and line.endswith(b"\n"):
                _, key, text = line.decode().split()
                assert (await keyring.cipher("blue", key)).open(bytes.fromhex(text)) == key.encode()
        await keyring.rotate("blue")
        assert (await keyring.describe()).draining == 0, turn
    await engine.close()


# The master key


async def test_after_a_change_only_the_new_master_key_opens(engine: Engine, keyring: Keyring, sealed: Sealed) -> None:
    await keyring.token("blue", "email", "a")
    before = {row.id: row for row in (await engine.find(DATA)).rows}
    assert await keyring.rotate_master(NEXT_MASTER) == 4  # three wrapping keys and an index secret
    assert {row.id: row for row in (await engine.find(DATA)).rows} == before
    await sealed.check(keyring)
    await sealed.add(keyring, "red")
    await sealed.check(await keyring_on(engine, NEXT_MASTER))
    with pytest.raises(MasterKeyError):
        await keyring_on(engine, MASTER)
    assert {row.fields["master"] for row in (await engine.find(ROOTS)).rows} == {NEXT_MASTER.id}
    assert [row.id for row in (await engine.find(MASTERS)).rows] == [NEXT_MASTER.id]


async def test_the_same_master_key_is_no_change(keyring: Keyring) -> None:
    with pytest.raises(MasterKeyError, match="in use"):
        await keyring.rotate_master(MasterKey(bytes(range(32))))


async def test_K_7_killed_at_any_write_a_change_of_the_master_key_loses_nothing(engine: Engine) -> None:
    keyring = await keyring_on(engine)
    sealed = Sealed()
    for account in ("blue", "green", ""):
        await sealed.add(keyring, account)
    token = await keyring.token("blue", "email", "a")
    masters = [MasterKey(bytes(range(n, n + 32))) for n in range(100, 140)]
    current, finished, outcomes = MASTER, False, set()
    for writes, new in enumerate(masters):
        killed = Keyring(Interrupted(engine, writes), current, ManualClock())  # type: ignore[arg-type]
        await killed.open()
        try:
            await killed.rotate_master(new)
        except Killed:
            finished = False
        else:
            finished = True
        opened = [master for master in (current, new) if await opens(engine, master)]
        assert len(opened) == 1, "always exactly one of the two"
        ring = await keyring_on(engine, opened[0])
        await sealed.check(ring)
        await sealed.add(ring, "blue")
        outcomes.add(opened[0] is new)
        if opened[0] is current and not finished:
            await ring.rotate_master(new)
        ring = await keyring_on(engine, new)
        await sealed.check(ring)
        assert await ring.token("blue", "email", "a") == token
        assert [row.id for row in (await engine.find(MASTERS)).rows] == [new.id]
        assert {row.fields["master"] for row in (await engine.find(ROOTS, limit=1000)).rows} == {new.id}
        current = new
        if finished:
            break
    assert outcomes == {True, False}
    assert finished


async def opens(engine: Engine, master: MasterKey) -> bool:
    try:
        await keyring_on(engine, master)
    except MasterKeyError:
        return False
    return True


async def test_a_change_that_was_given_up_leaves_nothing_behind(
    engine: Engine, keyring: Keyring, sealed: Sealed
) -> None:
    abandoned = MasterKey(bytes(range(200, 232)))
    with pytest.raises(Killed):
        await (await keyring_on(Interrupted(engine, 3))).rotate_master(abandoned)  # type: ignore[arg-type]
    with pytest.raises(MasterKeyError, match="interrupted"):
        await keyring_on(engine, abandoned)
    await (await keyring_on(engine)).rotate_master(NEXT_MASTER)
    await sealed.check(await keyring_on(engine, NEXT_MASTER))
    assert {row.fields["master"] for row in (await engine.find(ROOTS)).rows} == {NEXT_MASTER.id}
    with pytest.raises(MasterKeyError, match="does not open"):
        await keyring_on(engine, abandoned)


async def test_killed_at_any_write_a_change_after_one_that_was_given_up_leaves_nothing_of_it(engine: Engine) -> None:
    sealed = Sealed()
    current, finished = MASTER, False
    await sealed.add(await keyring_on(engine), "blue")
    for writes in range(40):
        abandoned, new = (MasterKey(bytes(range(n, n + 32))) for n in (writes + 40, writes + 140))
        with pytest.raises(Killed):
            await (await keyring_on(Interrupted(engine, 2), current)).rotate_master(abandoned)  # type: ignore[arg-type]
        try:
            await (await keyring_on(Interrupted(engine, writes), current)).rotate_master(new)  # type: ignore[arg-type]
        except Killed:
            if not await opens(engine, new):
                await (await keyring_on(engine, current)).rotate_master(new)
        else:
            finished = True
        await sealed.check(await keyring_on(engine, new))
        assert {row.fields["master"] for row in (await engine.find(ROOTS)).rows} == {new.id}
        assert [row.id for row in (await engine.find(MASTERS)).rows] == [new.id]
        current = new
        if finished:
            break
    assert finished


async def test_a_wrapping_key_made_at_the_last_moment_of_a_change_of_the_master_key_is_kept(engine: Engine) -> None:
    gated = Gated(engine)
    keyring = await keyring_on(gated)  # type: ignore[arg-type]
    sealed = Sealed()
    await sealed.add(keyring, "blue")
    gated.before_replace = MASTERS
    changing = asyncio.ensure_future(keyring.rotate_master(NEXT_MASTER))
    await gated.arrived.wait()
    others = [asyncio.ensure_future(one) for one in (keyring.rotate("blue"), sealed.add(keyring, "new"))]
    for _ in range(50):
        await asyncio.sleep(0)
    gated.open.set()
    await asyncio.gather(changing, *others)
    await sealed.check(await keyring_on(engine, NEXT_MASTER))


async def test_accounts_that_rotate_while_the_master_key_changes_are_not_missed(
    engine: Engine, keyring: Keyring
) -> None:
    sealed = Sealed()
    for n in range(30):
        await sealed.add(keyring, f"a{n}")
    rotations = [keyring.rotate(f"a{n}") for n in range(30)]
    await asyncio.gather(*rotations[:15], keyring.rotate_master(NEXT_MASTER), *rotations[15:])
    await sealed.check(keyring)
    await sealed.check(await keyring_on(engine, NEXT_MASTER))


async def test_accounts_that_begin_while_the_master_key_changes_are_not_missed(
    engine: Engine, keyring: Keyring
) -> None:
    sealed = Sealed()
    for n in range(30):
        await sealed.add(keyring, f"a{n}")

    async def begin() -> None:
        for n in range(30):
            await sealed.add(keyring, f"b{n}")

    await asyncio.gather(begin(), keyring.rotate_master(NEXT_MASTER), begin(), begin())
    await sealed.check(await keyring_on(engine, NEXT_MASTER))


async def test_a_destroyed_key_stays_destroyed_through_rotations(engine: Engine, keyring: Keyring) -> None:
    key = await keyring.mint("blue", "conversation")
    await keyring.mint("blue", "conversation")
    await keyring.destroy("blue", key)
    await keyring.rotate("blue")
    await keyring.rotate_master(NEXT_MASTER)
    for ring in (keyring, await keyring_on(engine, NEXT_MASTER)):
        with pytest.raises(KeyDestroyed):
            await ring.cipher("blue", key)


async def test_a_damaged_proof_of_the_master_key_is_a_sentence(engine: Engine, keyring: Keyring) -> None:
    row = await engine.get(MASTERS, MASTER.id)
    assert row is not None
    await engine.replace(MASTERS, Row(row.id, 2, "", row.key, row.fields, row.body[:-1]))
    with pytest.raises(MasterKeyError, match="damaged"):
        await keyring_on(engine)


async def test_an_empty_store_begins_with_any_master_key() -> None:
    for master in (MASTER, NEXT_MASTER):
        engine = MemoryEngine(KINDS)
        await engine.open()
        status = await (await keyring_on(engine, master)).describe()
        assert (status.accounts, status.data_keys) == (0, 0)
