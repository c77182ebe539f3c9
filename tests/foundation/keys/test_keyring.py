"""The keyring: whose keys they are, what is derived from them, and that a destroyed one is gone."""

import asyncio
from typing import Any

import pytest

from foundation.clock import ManualClock
from foundation.keys import KINDS, Cipher, Damaged, KeyDestroyed, Keyring, MasterKeyError
from foundation.keys.keyring import _CIPHERS, _WORTH_REMEMBERING
from foundation.keys.store import DATA, ROOTS
from foundation.records import Engine, MemoryEngine, Row
from tests.foundation.keys.conftest import MASTER, NEXT_MASTER, keyring_on
from tests.foundation.keys.interrupted import Gated


async def test_a_minted_key_seals_and_opens_also_after_a_restart(engine: Engine, keyring: Keyring) -> None:
    key = await keyring.mint("blue", "conversation")
    sealed = (await keyring.cipher("blue", key)).seal(b"hello", "here")
    again = await keyring_on(engine)
    assert again.cached(key) is None
    cipher = await again.cipher("blue", key)
    assert cipher.open(sealed, "here") == b"hello"
    assert again.cached(key) is cipher
    assert (cipher.key, cipher.account) == (key, "blue")


async def test_every_key_is_different(engine: Engine, keyring: Keyring) -> None:
    keys = [await keyring.mint("blue", "conversation") for _ in range(5)]
    sealed = [(await keyring.cipher("blue", key)).seal(b"same") for key in keys]
    assert len(set(keys)) == 5
    for key in keys:
        opened = []
        for one in sealed:
            try:
                opened.append((await keyring.cipher("blue", key)).open(one))
            except Damaged:
                opened.append(None)
        assert opened.count(b"same") == 1


async def test_an_account_has_one_records_key_also_when_many_ask_at_once(engine: Engine, keyring: Keyring) -> None:
    other = await keyring_on(engine)
    keys = await asyncio.gather(*(ring.account_key("blue") for ring in (keyring, other) for _ in range(20)))
    assert len(set(keys)) == 1
    assert await (await keyring_on(engine)).account_key("blue") == keys[0]
    assert await keyring.account_key("green") != keys[0]
    assert await keyring.account_key("") not in {keys[0], await keyring.account_key("green")}


async def test_another_accounts_key_is_not_there(keyring: Keyring, engine: Engine) -> None:
    key = await keyring.mint("blue", "conversation")
    for ring in (keyring, await keyring_on(engine)):
        with pytest.raises(KeyDestroyed):
            await ring.cipher("green", key)
        assert await ring.destroy("green", key) is False
    assert await keyring.cipher("blue", key)
    for unknown in ("AAAAAAAAAAAAAAAAAAAAAA", "x"):
        with pytest.raises(KeyDestroyed):
            await keyring.cipher("blue", unknown)


async def test_a_destroyed_key_is_gone_everywhere(engine: Engine, keyring: Keyring) -> None:
    key = await keyring.mint("blue", "conversation")
    held = await keyring.cipher("blue", key)
    sealed = held.seal(b"hello")
    assert await keyring.destroy("blue", key) is True
    assert await keyring.destroy("blue", key) is False
    assert keyring.cached(key) is None
    for ring in (keyring, await keyring_on(engine)):
        with pytest.raises(KeyDestroyed):
            await ring.cipher("blue", key)
    with pytest.raises(KeyDestroyed):
        held.open(sealed)
    assert await engine.get(DATA, key) is None


async def test_a_key_destroyed_while_it_is_loaded_does_not_come_back(engine: Engine, keyring: Keyring) -> None:
    key = await keyring.mint("blue", "conversation")
    for _ in range(20):
        ring = await keyring_on(engine)
        loads = [asyncio.ensure_future(ring.cipher("blue", key)) for _ in range(5)]
        gone = asyncio.ensure_future(ring.destroy("blue", key))
        outcomes = await asyncio.gather(*loads, return_exceptions=True)
        assert await gone is True
        assert ring.cached(key) is None
        for outcome in outcomes:
            if not isinstance(outcome, BaseException):
                with pytest.raises(KeyDestroyed):
                    outcome.seal(b"more")
        key = await keyring.mint("blue", "conversation")


async def test_a_key_destroyed_between_two_steps_of_a_load_does_not_come_back(engine: Engine) -> None:
    """The load has read the wrap, then the key is destroyed, then the load goes on with what it read."""
    gated = Gated(engine)
    ring = await keyring_on(gated)  # type: ignore[arg-type]
    key = await (await keyring_on(engine)).mint("blue", "conversation")
    gated.after_get = DATA
    loading = asyncio.ensure_future(ring.cipher("blue", key))
    await gated.arrived.wait()
    gated.after_get = None
    assert await ring.destroy("blue", key) is True
    gated.open.set()
    with pytest.raises(KeyDestroyed):
        await loading
    assert ring.cached(key) is None


async def test_a_destroyed_records_key_is_followed_by_a_new_one(keyring: Keyring) -> None:
    first = await keyring.account_key("blue")
    await keyring.destroy("blue", first)
    second = await keyring.account_key("blue")
    assert second != first
    assert (await keyring.cipher("blue", second)).account == "blue"


async def test_tokens_are_stable_short_and_keyed_by_account_and_purpose(engine: Engine, keyring: Keyring) -> None:
    token = await keyring.token("blue", "email", "ann@example.org")
    assert len(token) == 22
    await keyring.rotate("blue")
    await keyring.rotate_master(NEXT_MASTER)
    again = await keyring_on(engine, NEXT_MASTER)
    assert await again.token("blue", "email", "ann@example.org") == token
    others = {
        await keyring.token("green", "email", "ann@example.org"),
        await keyring.token("", "email", "ann@example.org"),
        await keyring.token("blue", "phone", "ann@example.org"),
        await keyring.token("blue", "email", "bob@example.org"),
        await keyring.token("blue", "email", ""),
    }
    assert len(others | {token}) == 6


async def test_tokens_of_another_installation_are_others(keyring: Keyring) -> None:
    engine = MemoryEngine(KINDS)
    await engine.open()
    other = await keyring_on(engine)
    assert await other.token("blue", "email", "a") != await keyring.token("blue", "email", "a")
    assert await other.secret("", "cookie") != await keyring.secret("", "cookie")


async def test_secrets_are_stable_and_one_for_each_purpose(engine: Engine, keyring: Keyring) -> None:
    secret = await keyring.secret("", "cookie")
    assert len(secret) == 32
    await keyring.rotate("")
    await keyring.rotate_master(NEXT_MASTER)
    again = await keyring_on(engine, NEXT_MASTER)
    assert await again.secret("", "cookie") == secret
    assert len({secret, await again.secret("", "code"), await again.secret("blue", "cookie")}) == 3
    assert (await again.token("", "cookie", "")).encode() not in secret


async def test_many_who_need_the_index_secret_at_once_get_the_same(engine: Engine) -> None:
    rings = [await keyring_on(engine) for _ in range(10)]
    assert len(set(await asyncio.gather(*(ring.token("blue", "email", "a") for ring in rings)))) == 1


# The wrong key


async def test_K_6_another_master_key_does_not_open_the_store(engine: Engine, keyring: Keyring) -> None:
    await keyring.mint("blue", "conversation")
    with pytest.raises(MasterKeyError, match="does not open the key store"):
        await keyring_on(engine, NEXT_MASTER)
    assert await keyring_on(engine)


async def edit(engine: Engine, key: str, **change: object) -> None:
    """Change a row of the key store as somebody with its file would."""
    row = await engine.get(DATA, key)
    assert row is not None
    fields = {**row.fields, **{name: value for name, value in change.items() if name in DATA.fields}}
    await engine.delete(DATA, key)
    account, body = change.get("account", row.account), change.get("body", row.body)
    await engine.insert(DATA, Row(key, 1, account, row.key, fields, body))  # type: ignore[arg-type]


async def test_K_2_a_wrap_serves_its_own_account_key_and_label_only(engine: Engine, keyring: Keyring) -> None:
    mine = await keyring.mint("blue", "conversation")
    other = await keyring.mint("blue", "conversation")
    theirs = await keyring.mint("green", "conversation")
    rows = {key: await engine.get(DATA, key) for key in (mine, other, theirs)}
    assert all(rows.values())
    body = rows[other].body
    changes = [
        {"body": body},
        {"label": "contact"},
        {"sole": "records"},
        {"body": rows[theirs].body, "root": rows[theirs].fields["root"]},
        {"root": rows[theirs].fields["root"]},
        {"root": "AAAAAAAAAAAAAAAAAAAAAA"},
        {"body": rows[mine].body[:-1]},
        {"body": b""},
    ]
    for change in changes:
        await edit(engine, mine, **{"body": rows[mine].body, **rows[mine].fields, **change})
        with pytest.raises(Damaged) as refusal:
            await (await keyring_on(engine)).cipher("blue", mine)
        assert refusal.value.members() == Damaged().members()
    await edit(engine, theirs, account="blue")
    with pytest.raises(Damaged):
        await (await keyring_on(engine)).cipher("blue", theirs)


async def test_K_2_a_root_serves_its_own_account_and_number_only(engine: Engine, keyring: Keyring) -> None:
    key = await keyring.mint("blue", "conversation")
    [row] = (await engine.find(ROOTS)).rows
    for change in ({"number": 2}, {"account": "green"}, {"made_at": 2**40}):
        account = change.pop("account", row.account)
        fields = {**row.fields, **change}
        await engine.delete(ROOTS, row.id)
        await engine.insert(ROOTS, Row(row.id, 1, str(account), row.key, fields, row.body))
        with pytest.raises(Damaged):
            await (await keyring_on(engine)).cipher("blue", key)


async def test_K_2_wraps_are_bound_to_use_account_key_number_and_label(engine: Engine, keyring: Keyring) -> None:
    key = await keyring.mint("blue", "conversation")
    data = await engine.get(DATA, key)
    [root] = (await engine.find(ROOTS)).rows
    assert data is not None
    name = str(root.fields["root"])
    places: list[tuple[Cipher, bytes, list[Any], list[Any]]] = []
    master = MASTER.wrapping()
    place = ["root", "blue", name, "wrap", 1, ManualClock().now()]
    places.append((master, root.body, place, ["data", "green", key, "index", 2, 0]))
    wrapping = Cipher(name, master.open(root.body, *place), "blue")
    others = ["root", "green", name, "contact", "records"]
    places.append((wrapping, data.body, ["data", "blue", key, "conversation", None], others))
    for cipher, body, place, others in places:
        assert len(cipher.open(body, *place)) == 32
        for n, other in enumerate(others):
            with pytest.raises(Damaged):
                cipher.open(body, *place[:n], other, *place[n + 1 :])


# In memory


async def test_the_memory_of_ciphers_is_bounded(keyring: Keyring) -> None:
    keys = await asyncio.gather(*(keyring.mint("blue", "conversation") for _ in range(_CIPHERS + 10)))
    held = [key for key in keys if keyring.cached(key) is not None]
    assert len(held) == _CIPHERS == (await keyring.describe()).in_memory
    assert (await keyring.cipher("blue", keys[0])).key == keys[0]


async def test_K_5_a_key_that_leaves_the_memory_takes_its_count_along(keyring: Keyring) -> None:
    worn, fresh = await keyring.mint("blue", "a"), await keyring.mint("blue", "b")
    (await keyring.cipher("blue", worn)).used = _WORTH_REMEMBERING
    await asyncio.gather(*(keyring.mint("blue", "conversation") for _ in range(_CIPHERS)))
    assert keyring.cached(worn) is None
    assert (await keyring.cipher("blue", worn)).used == _WORTH_REMEMBERING
    assert (await keyring.cipher("blue", fresh)).used == 0


async def test_a_cipher_that_somebody_holds_is_one_with_the_one_in_memory(keyring: Keyring) -> None:
    key = await keyring.mint("blue", "conversation")
    held = await keyring.cipher("blue", key)
    await asyncio.gather(*(keyring.mint("blue", "conversation") for _ in range(_CIPHERS)))
    assert keyring.cached(key) is None
    assert await keyring.cipher("blue", key) is held
    await asyncio.gather(*(keyring.mint("blue", "conversation") for _ in range(_CIPHERS)))
    await keyring.destroy("blue", key)
    with pytest.raises(KeyDestroyed):
        held.seal(b"more")


async def test_the_accounts_whose_keys_are_old_are_known(engine: Engine) -> None:
    clock = ManualClock(1_000)
    keyring = Keyring(engine, MASTER, clock)
    await keyring.open()
    await keyring.mint("blue", "conversation")
    await clock.advance(500)
    await keyring.mint("green", "conversation")
    await keyring.token("red", "email", "an index secret does not age")
    assert [await keyring.due(before) for before in (1_000, 1_001, 1_501)] == [[], ["blue"], ["blue", "green"]]
    assert (await keyring.describe()).oldest == 1_000
    await clock.advance(500)
    await keyring.rotate("blue")
    await keyring.rotate_master(NEXT_MASTER)
    assert await keyring.due(2_000) == ["green"]
    assert (await keyring.describe()).oldest == 1_500


async def test_status_tells_how_the_keys_stand(keyring: Keyring) -> None:
    for account in ("blue", "blue", "green", ""):
        await keyring.mint(account, "conversation")
    status = await keyring.describe()
    assert (status.accounts, status.data_keys, status.draining, status.master) == (3, 4, 0, MASTER.id)
