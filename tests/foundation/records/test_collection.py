"""Sealed records: whose they are, what they are bound to, and what somebody with the file cannot change unnoticed."""

import asyncio
from typing import Any

import msgspec
import pytest

from foundation.errors import Invalid
from foundation.keys import Keyring
from foundation.records import Collection, Damaged, KeyDestroyed, Kind, Stale, Taken, Where
from tests.foundation.records.conftest import PERSON, Person, Store

Ann = Person("Ann", "likes tea")


async def test_a_record_comes_back_with_its_body_and_all_fields(people: Collection[Person]) -> None:
    added = await people.insert("blue", "p1", Ann, role="agent")
    assert (added.version, added.body, added.fields) == (1, Ann, {"role": "agent", "email": None})
    assert await people.get("blue", "p1") == added
    assert await people.get("blue", "p2") is None


async def test_another_accounts_record_is_not_there(people: Collection[Person]) -> None:
    await people.insert("blue", "p1", Ann, role="agent", email="t")
    assert await people.get("green", "p1") is None
    assert await people.delete("green", "p1") is False
    assert await people.find("green") == ([], None)
    assert await people.count("green") == 0
    assert [one async for one in people.all("green")] == []
    assert await people.update("green", "p1", lambda _: {"role": "admin"}) is None
    assert await people.count("blue", Where("role", "=", "agent")) == 1


async def test_replace_changes_what_is_named_and_keeps_the_rest(people: Collection[Person]) -> None:
    first = await people.insert("blue", "p1", Ann, role="agent", email="t")
    second = await people.replace(first, role="admin")
    assert (second.version, second.body, second.fields) == (2, Ann, {"role": "admin", "email": "t"})
    third = await people.replace(second, body=Person("Anna"), email=None)
    assert await people.get("blue", "p1") == third
    assert (third.fields, third.key) == ({"role": "admin", "email": None}, first.key)


async def test_replace_of_an_old_version_is_stale(people: Collection[Person]) -> None:
    first = await people.insert("blue", "p1", Ann)
    await people.replace(first, role="admin")
    with pytest.raises(Stale):
        await people.replace(first, role="auditor")
    found = await people.get("blue", "p1")
    assert found is not None
    assert found.fields["role"] == "admin"


async def test_update_gets_in_whoever_else_is_changing_the_record(people: Collection[Person]) -> None:
    await people.insert("blue", "p1", Person("0"))

    async def count() -> None:
        changed = await people.update("blue", "p1", lambda one: {"body": Person(str(int(one.body.name) + 1))})
        assert changed is not None

    await asyncio.gather(*(count() for _ in range(30)))
    found = await people.get("blue", "p1")
    assert found is not None
    assert (found.body.name, found.version) == ("30", 31)


async def test_update_without_a_change_writes_nothing(people: Collection[Person]) -> None:
    added = await people.insert("blue", "p1", Ann)
    assert await people.update("blue", "p1", lambda _: None) == added


async def test_taken_ids_and_unique_fields(people: Collection[Person]) -> None:
    await people.insert("blue", "p1", Ann, email="t")
    with pytest.raises(Taken):
        await people.insert("blue", "p1", Ann)
    with pytest.raises(Taken):
        await people.insert("green", "p2", Ann, email="t")
    assert await people.count("green") == 0


async def test_lookup_finds_by_a_unique_value_in_any_account(people: Collection[Person]) -> None:
    added = await people.insert("blue", "p1", Ann, email="t")
    await people.insert("blue", "p2", Ann)
    assert await people.lookup(email="t") == added
    assert await people.lookup(account="blue", email="t") == added
    assert await people.lookup(account="green", email="t") is None
    assert await people.lookup(email="u") is None
    assert await people.lookup(email=None) is None
    for fields in ({"role": "agent"}, {}, {"email": "t", "role": "agent"}):
        with pytest.raises(ValueError, match="unique"):
            await people.lookup(**fields)
    hostile: Any = {"$ne": None}
    with pytest.raises(Invalid):
        await people.lookup(email=hostile)


async def test_pages_and_all(people: Collection[Person]) -> None:
    for n in range(450):
        await people.insert("blue" if n % 3 else "green", f"p{n:03}", Person(str(n)), role=f"r{n % 2}")
    page, after = await people.find("blue", Where("role", "=", "r1"), order="-role", limit=10)
    assert [one.id for one in page][:2] == ["p449", "p445"]
    page, _ = await people.find("blue", Where("role", "=", "r1"), order="-role", limit=10, after=after)
    assert page[0].id == "p419"
    assert [one.body.name async for one in people.all("green")] == [str(n) for n in range(0, 450, 3)]
    everyone, _ = await people.find_anywhere(limit=1000)
    assert len(everyone) == 450


async def test_a_field_that_is_not_declared_is_a_mistake(people: Collection[Person]) -> None:
    with pytest.raises(ValueError, match="colour"):
        await people.insert("blue", "p1", Ann, colour="red")
    record = await people.insert("blue", "p1", Ann)
    with pytest.raises(ValueError, match="colour"):
        await people.replace(record, colour="red")


async def test_a_record_may_have_a_key_of_its_own_and_dies_with_it(
    people: Collection[Person], keyring: Keyring
) -> None:
    key = await keyring.mint("blue", "contact")
    record = await people.insert("blue", "p1", Ann, key=key)
    other = await people.insert("blue", "p2", Ann)
    assert record.key == key != other.key
    await keyring.destroy("blue", key)
    with pytest.raises(KeyDestroyed):
        await people.get("blue", "p1")
    with pytest.raises(KeyDestroyed):
        await people.replace(record, role="admin")
    with pytest.raises(KeyDestroyed):
        await people.insert("blue", "p3", Ann, key=key)
    assert await people.get("blue", "p2") == other
    assert await people.delete("blue", "p1") is True


async def test_another_accounts_key_cannot_be_used(people: Collection[Person], keyring: Keyring) -> None:
    key = await keyring.mint("green", "contact")
    with pytest.raises(KeyDestroyed):
        await people.insert("blue", "p1", Ann, key=key)
    assert await people.count("blue") == 0


async def test_K_2_a_body_is_bound_to_kind_account_id_version_and_fields(
    people: Collection[Person], store: Store, keyring: Keyring
) -> None:
    record = await people.insert("blue", "p1", Ann, role="agent")
    row = await store.engine.get(PERSON, "p1")
    assert row is not None
    cipher = await keyring.cipher("blue", record.key)
    place: list[Any] = ["row", "person", "blue", "p1", 1, "role", "agent"]
    assert b"tea" in cipher.open(row.body, *place)
    for n, other in enumerate(["batch", "visitor", "green", "p2", 2, "email", "admin"]):
        with pytest.raises(Damaged):
            cipher.open(row.body, *place[:n], other, *place[n + 1 :])


ATTACKS = {
    "role": ("UPDATE k_person SET f_role = 'super_admin' WHERE id = 'p1'", []),
    "role taken away": ("UPDATE k_person SET f_role = NULL WHERE id = 'p1'", []),
    "field given": ("UPDATE k_person SET f_email = 'x' WHERE id = 'p1'", []),
    "number for text": ("UPDATE k_person SET f_role = 1 WHERE id = 'p1'", []),
    "account": ("UPDATE k_person SET account = 'green' WHERE id = 'p1'", []),
    "version": ("UPDATE k_person SET version = 5 WHERE id = 'p1'", []),
    "another's body": ("UPDATE k_person SET body = (SELECT body FROM k_person WHERE id = 'p2') WHERE id = 'p1'", []),
    "cut body": ("UPDATE k_person SET body = substr(body, 1, length(body) - 1) WHERE id = 'p1'", []),
    "empty body": ("UPDATE k_person SET body = x'' WHERE id = 'p1'", []),
    "longer body": ("UPDATE k_person SET body = CAST(body || x'00' AS BLOB) WHERE id = 'p1'", []),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_K_2_a_row_changed_in_the_file_is_damaged(people: Collection[Person], store: Store, attack: str) -> None:
    await people.insert("blue", "p1", Ann, role="agent")
    await people.insert("blue", "p2", Person("Bob"), role="agent")
    await store.edit(ATTACKS[attack])
    account = "green" if attack == "account" else "blue"
    with pytest.raises((Damaged, KeyDestroyed)) as refusal:
        await people.get(account, "p1")
    assert isinstance(refusal.value, Damaged) or attack == "account"
    assert "Ann" not in str(refusal.value)
    found = await people.get("blue", "p2")
    assert found is not None
    assert found.body.name == "Bob"


async def test_K_2_a_row_under_another_id_is_damaged(people: Collection[Person], store: Store) -> None:
    await people.insert("blue", "p1", Ann)
    await store.edit(("UPDATE k_person SET id = 'p9' WHERE id = 'p1'", []))
    with pytest.raises(Damaged):
        await people.get("blue", "p9")


async def test_K_2_a_row_of_another_kind_is_damaged(store: Store, keyring: Keyring, people: Collection[Person]) -> None:
    record = await people.insert("blue", "p1", Ann)
    row = await store.engine.get(PERSON, "p1")
    await store.engine.close()
    twin = Kind("visitor", fields=PERSON.fields)
    other = Store(store.file, [twin])
    await other.engine.open()
    assert row is not None
    await other.engine.insert(twin, row)
    with pytest.raises(Damaged):
        await Collection(other.engine, keyring, twin, Person).get("blue", record.id)
    await other.engine.close()


async def test_K_9_an_older_version_put_back_under_the_newer_number_is_damaged(
    people: Collection[Person], store: Store
) -> None:
    first = await people.insert("blue", "p1", Ann, role="agent")
    [(old,)] = await store.look("SELECT body FROM k_person")
    second = await people.replace(first, role="agent")
    await store.edit(("UPDATE k_person SET body = ?", [old]))
    with pytest.raises(Damaged):
        await people.get("blue", "p1")
    assert second.version == 2


async def test_K_8_a_row_that_names_another_key_does_not_open(
    people: Collection[Person], store: Store, keyring: Keyring
) -> None:
    await people.insert("blue", "p1", Ann)
    other = await keyring.mint("blue", "contact")
    await store.edit(("UPDATE k_person SET key = ?", [other]))
    with pytest.raises(Damaged):
        await people.get("blue", "p1")
    await store.edit(("UPDATE k_person SET key = 'nonsense'", []))
    with pytest.raises(KeyDestroyed):
        await people.get("blue", "p1")


async def test_a_body_of_another_type_is_damaged_and_not_half_read(
    people: Collection[Person], store: Store, keyring: Keyring
) -> None:
    class Address(msgspec.Struct, frozen=True):
        street: str

    await people.insert("blue", "p1", Ann)
    with pytest.raises(Damaged):
        await Collection(store.engine, keyring, PERSON, Address).get("blue", "p1")


async def test_a_field_declared_later_leaves_older_records_readable(
    people: Collection[Person], store: Store, keyring: Keyring
) -> None:
    added = await people.insert("blue", "p1", Ann, role="agent")
    await store.engine.close()
    more = Kind("person", fields=(*PERSON.fields, "team"), unique=PERSON.unique, indexes=(("team",),))
    later = Store(store.file, [more])
    await later.engine.open()
    people = Collection(later.engine, keyring, more, Person)
    found = await people.get("blue", "p1")
    assert found is not None
    assert found.fields == {"role": "agent", "email": None, "team": None}
    assert found.body == added.body
    await people.replace(found, team="day")
    assert [one.id for one in (await people.find("blue", Where("team", "=", "day")))[0]] == ["p1"]
    await later.engine.close()
