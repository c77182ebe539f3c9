"""The audit book: whole, in order, chained, and written before anything is answered (G-1, G-6, G-7)."""

import asyncio
from typing import Any

import msgspec
import pytest
import pytest_asyncio

import admin
from admin.audit import SYSTEM, AuditBook, By
from admin.chain import GENESIS, Entry, entry_of, first_break, link
from foundation import keys
from foundation.clock import ManualClock
from foundation.errors import StorageFull
from foundation.keys import Keyring, MasterKey
from foundation.records import Batch, MemoryEngine


class Counting(MemoryEngine):
    """Counts appends, and can be told to be full or to make every other append come too late."""

    def __init__(self) -> None:
        super().__init__(admin.KINDS)
        self.appends = 0
        self.is_full = False

    async def append(self, log: str, batch: Batch, *, head: Any = None) -> None:
        self.appends += 1
        if self.is_full:
            raise StorageFull("The store is full; this was not kept.")
        await super().append(log, batch, head=head)


class Shop:
    """A store, its keys, and as many books on it as there are processes."""

    def __init__(self, engine: Counting, keyring: Keyring, clock: ManualClock) -> None:
        self.engine = engine
        self.keyring = keyring
        self.clock = clock

    def book(self) -> AuditBook:
        return AuditBook(self.engine, self.keyring, self.clock)


@pytest_asyncio.fixture
async def shop() -> Shop:
    engine, store, clock = Counting(), MemoryEngine(keys.KINDS), ManualClock()
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(bytes(range(32))), clock)
    await keyring.open()
    return Shop(engine, keyring, clock)


async def test_entries_are_numbered_kept_and_read_again(shop: Shop) -> None:
    book = shop.book()
    first = await book.write("blue", "olga", "range.added", "r1", address="192.0.2.7", after={"start": "10.0.0.1"})
    second = await book.write("blue", "olga", "range.deleted", "r1", before={"start": "10.0.0.1"}, severity="high")
    assert (first, second) == (1, 2)
    entries = await shop.book().read("blue")
    assert [number for number, _ in entries] == [1, 2]
    assert entries[0][1].at == shop.clock.now()
    assert entries[0][1].after == {"start": "10.0.0.1"}
    assert entries[1][1].data == {"severity": "high"}
    assert await book.verify("blue") is None
    assert await book.read("red") == [], "another account's book is another book"
    assert [number for number, _ in await book.read("blue", 1, 1)] == [2]


async def test_the_installation_has_a_book_of_its_own(shop: Shop) -> None:
    assert await shop.book().write("", "", "login.failed") == 1
    assert await shop.book().verify("") is None


async def test_writers_that_come_together_are_written_together(shop: Shop) -> None:
    book = shop.book()
    numbers = await asyncio.gather(*(book.write("blue", "olga", f"deed.{place}") for place in range(200)))
    assert sorted(numbers) == list(range(1, 201))
    assert [entry.action for _, entry in await book.read("blue", 0, 1000)] == [f"deed.{place}" for place in range(200)]
    assert shop.engine.appends < 10
    assert await book.verify("blue") is None


async def test_two_processes_write_one_chain(shop: Shop) -> None:
    one, other = shop.book(), shop.book()
    writes = [book.write("blue", name, "deed") for _ in range(30) for name, book in (("one", one), ("other", other))]
    numbers = await asyncio.gather(*writes)
    for _ in range(10):
        numbers += [await one.write("blue", "one", "deed"), await other.write("blue", "other", "deed")]
    assert sorted(numbers) == list(range(1, 81))
    assert await shop.book().verify("blue") is None


async def test_G_7_what_cannot_be_recorded_does_not_happen(shop: Shop) -> None:
    book, done = shop.book(), []
    await book.write("blue", "olga", "deed")
    shop.engine.is_full = True
    with pytest.raises(StorageFull):
        async with book.recording("blue", By("olga"), "range.added"):
            done.append("changed")
    assert done == []
    shop.engine.is_full = False
    assert await book.write("blue", "olga", "deed") == 2
    assert await book.verify("blue") is None


async def test_a_change_that_fails_is_followed_by_an_entry_that_says_so(shop: Shop) -> None:
    book = shop.book()
    with pytest.raises(StorageFull):
        async with book.recording("blue", By("olga", "192.0.2.7"), "range.added", "r1") as number:
            raise StorageFull
    entry = (await book.read("blue"))[-1][1]
    assert (entry.action, entry.object, entry.address) == ("change.failed", "r1", "192.0.2.7")
    assert entry.data == {"entry": number, "error": "StorageFull"}


async def test_a_writer_that_gives_up_leaves_its_entry_and_the_others_whole(shop: Shop) -> None:
    book = shop.book()
    hasty = asyncio.create_task(book.write("blue", "hasty", "deed"))
    patient = asyncio.create_task(book.write("blue", "patient", "deed"))
    await asyncio.sleep(0)
    hasty.cancel()
    assert await patient == 2
    assert [entry.actor for _, entry in await book.read("blue")] == ["hasty", "patient"]


async def test_values_without_a_plain_form_are_refused_before_anything_is_written(shop: Shop) -> None:
    with pytest.raises(TypeError):
        await shop.book().write("blue", "olga", "deed", what=object())
    assert await shop.book().last("blue") == 0


def changed(batches: list[Batch], shop: Shop, place: int, **entry: Any) -> None:
    """What somebody does who has the keys and the store: seal another entry in an old one's place."""
    cipher = shop.keyring.cached(batches[place].key)
    assert cipher is not None
    bounds = ("batch", "audit", "blue", "audit/blue", batches[place].first, batches[place].count)
    old = msgspec.msgpack.decode(cipher.open(batches[place].body, *bounds), type=list[Entry])
    forged = [msgspec.structs.replace(old[0], **entry)]
    body = cipher.seal(msgspec.msgpack.encode(forged), *bounds)
    batches[place] = msgspec.structs.replace(batches[place], body=body)


async def written(shop: Shop, count: int = 5) -> list[Batch]:
    book = shop.book()
    for place in range(count):
        await book.write("blue", "olga", f"deed.{place}")
    (log,) = [batches for name, batches in shop.engine._logs.items() if name.endswith("audit/blue")]
    return log


@pytest.mark.parametrize(
    "column", [{"actor": "somebody"}, {"at": 1}, {"action": "nothing"}, {"after": {"a": 1}}, {"hash": GENESIS}]
)
async def test_G_1_an_entry_that_was_changed_with_the_keys_in_hand_is_named(shop: Shop, column: dict[str, Any]) -> None:
    changed(await written(shop), shop, 2, **column)
    assert await shop.book().verify("blue") == 3


async def test_G_1_an_entry_that_was_linked_anew_breaks_the_next_one(shop: Shop) -> None:
    log = await written(shop)
    entries = [entry for _, entry in await shop.book().read("blue")]
    forged = link("blue", 3, entries[1].hash, msgspec.structs.replace(entries[2], actor="somebody"))
    changed(log, shop, 2, actor="somebody", hash=forged.hash)
    assert await shop.book().verify("blue") == 4


async def test_G_1_without_the_keys_a_changed_missing_moved_or_cut_entry_is_named(shop: Shop) -> None:
    log = await written(shop)
    whole = list(log)

    def put(*batches: Batch) -> None:
        log[:] = batches

    put(
        whole[0],
        msgspec.structs.replace(whole[1], body=whole[1].body[:-1] + bytes([whole[1].body[-1] ^ 1])),
        *whole[2:],
    )
    assert await shop.book().verify("blue") == 2
    put(*whole[:2], *whole[3:])
    assert await shop.book().verify("blue") == 3
    put(whole[0], whole[1], whole[3], whole[2], whole[4])
    assert await shop.book().verify("blue") == 3
    put(*whole[:4])
    assert await shop.book().verify("blue") == 5
    put(*whole[:3], whole[2], *whole[3:])
    assert await shop.book().verify("blue") is not None
    put(*whole)
    assert await shop.book().verify("blue") is None


def test_the_chain_depends_on_account_number_and_order() -> None:
    entry = entry_of(1, "a", "b", "c", None, None, {"y": 1, "x": (2, 3)}, {})
    linked = link("blue", 1, GENESIS, entry)
    assert first_break("blue", GENESIS, [(1, linked)]) is None
    assert first_break("red", GENESIS, [(1, linked)]) == 1
    assert first_break("blue", GENESIS, [(2, linked)]) == 2
    assert first_break("blue", linked.hash, [(1, linked)]) == 1
    again = entry_of(1, "a", "b", "c", None, None, {"x": [2, 3], "y": 1}, {})
    assert link("blue", 1, GENESIS, again).hash == linked.hash, "the order of members says nothing"


def test_the_form_of_the_hash_stays() -> None:
    """The value is written down here, so that a change of the form does not pass unnoticed: old books must verify."""
    entry = entry_of(1_800_000_000_000, "olga", "range.added", "r1", "192.0.2.7", None, {"start": "10.0.0.1"}, {})
    assert link("blue", 1, GENESIS, entry).hash == "dzIv4zaZCq3yubYD3cUcgAFrzmLtUKYPtvfIi1HgSxE"


async def test_the_system_is_an_actor_too(shop: Shop) -> None:
    async with shop.book().recording("blue", SYSTEM, "account.created", "blue"):
        pass
    assert (await shop.book().read("blue"))[0][1].actor == "system"
