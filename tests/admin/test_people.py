"""People, accounts, bots and grants as services: rules, records and the audit book."""

import asyncio

import msgspec
import pytest

from admin import By
from admin.people import ONE_TIME_LIFE, new_one_time_password
from foundation.clock import DAY, MINUTE
from foundation.errors import Conflict, Invalid, NotFound
from tests.admin.house import OTHER_PASSWORD, PASSWORD, House, cheap_passwords

BY = By("someone", "192.0.2.7")


async def test_the_database_sees_neither_names_nor_addresses_nor_passwords(house: House) -> None:
    rows = [row for kind in ("person", "account", "bot") for row in house.engine._rows[kind].values()]
    assert len(rows) == 12
    for word in (b"Olga", b"olga", b"Blue", b"argon2id", b"super_admin", b"shop", b"Hello"):
        assert not [row for row in rows if word in msgspec.msgpack.encode(row)]


async def test_one_address_is_one_person_in_the_whole_installation(house: House) -> None:
    for account in (house.blue, house.red):
        with pytest.raises(Conflict, match="here already"):
            await house.admin.people.create(account, "ANN@blue.example", "Ann", "agent", PASSWORD)
    adding = [house.admin.people.create(house.red, "new@red.example", "New", "agent", PASSWORD) for _ in range(4)]
    made = await asyncio.gather(*adding, return_exceptions=True)
    assert sum(isinstance(one, Conflict) for one in made) == 3
    assert await house.admin.people.count(house.red) == 2


@pytest.mark.parametrize(
    ("email", "name", "role", "password", "field"),
    [
        ("nobody", "New", "agent", PASSWORD, "email"),
        ("new@blue.example", "", "agent", PASSWORD, "name"),
        ("new@blue.example", "New", "owner", PASSWORD, "role"),
        ("new@blue.example", "New", "agent", "short", "password"),
        ("new@blue.example", "New", "agent", "password123", "password"),
        ("featherstone@blue.example", "New", "agent", "Featherstone1!", "password"),
    ],
)
async def test_what_is_not_valid_adds_nobody(  # noqa: PLR0917 - the columns of the table above
    house: House, email: str, name: str, role: str, password: str, field: str
) -> None:
    before = await house.actions()
    with pytest.raises(Invalid) as refused:
        await house.admin.people.create(house.blue, email, name, role, password)  # type: ignore[arg-type]
    assert refused.value.data["field"] == field
    assert await house.admin.people.count(house.blue) == 6
    assert await house.actions() == before


async def test_every_change_stands_in_the_book_with_before_and_after(house: House) -> None:
    ann, people = house.cast["ann"].id, house.admin.people
    await people.set_role(house.blue, ann, "supervisor", by=BY)
    entry = await house.last_entry()
    assert (entry.actor, entry.address, entry.object) == ("someone", "192.0.2.7", ann)
    assert (entry.action, entry.before["role"], entry.after["role"]) == ("person.role_changed", "agent", "supervisor")  # type: ignore[index]
    await people.disable(house.blue, ann, by=BY)
    await people.enable(house.blue, ann, by=BY)
    await people.set_password(house.blue, ann, OTHER_PASSWORD, by=BY)
    assert (await house.actions())[-3:] == ["person.disabled", "person.enabled", "person.password_changed"]
    text = str(await house.book())
    for secret in ("argon2", OTHER_PASSWORD, "ann@blue.example", "Ann Blue"):
        assert secret not in text


async def test_what_changes_nothing_is_no_change(house: House) -> None:
    before, ann = await house.actions(), house.cast["ann"].id
    await house.admin.people.set_role(house.blue, ann, "agent")
    await house.admin.people.enable(house.blue, ann)
    await house.admin.grants.grant_to(house.blue, ann, house.bots["shop"].id)
    await house.admin.grants.revoke_from(house.blue, ann, house.bots["desk"].id)
    await house.admin.accounts.rename(house.blue, "Blue Ltd")
    await house.admin.bots.change(house.blue, house.bots["shop"].id, name="Shop bot")
    assert await house.actions() == before


async def test_A_15_the_last_super_admin_stays_one(house: House) -> None:
    olga, people = house.cast["olga"].id, house.admin.people
    for deed in (people.set_role(house.blue, olga, "admin"), people.disable(house.blue, olga)):
        with pytest.raises(Conflict, match="last active super admin"):
            await deed
    assert (await people.get(house.blue, olga)) == house.cast["olga"]
    await people.set_role(house.blue, house.cast["alma"].id, "super_admin")
    await people.disable(house.blue, olga)
    with pytest.raises(Conflict):
        await people.set_role(house.blue, house.cast["alma"].id, "agent")
    await people.enable(house.blue, olga)
    await people.set_role(house.blue, house.cast["alma"].id, "agent")


async def test_A_15_two_who_demote_each_other_at_once_do_not_leave_an_account_without(house: House) -> None:
    alma, olga = house.cast["alma"].id, house.cast["olga"].id
    await house.admin.people.set_role(house.blue, alma, "super_admin")
    deeds = [house.admin.people.set_role(house.blue, who, "agent") for who in (alma, olga)]
    done = await asyncio.gather(*deeds, return_exceptions=True)
    assert [type(one).__name__ for one in done].count("Conflict") == 1
    account = await house.admin.accounts.get(house.blue)
    assert account is not None
    (owner,) = account.body.owners
    person = await house.admin.people.get(house.blue, owner)
    assert person is not None
    assert person.body.role == "super_admin"


async def test_A_15_nor_do_two_processes(house: House) -> None:
    import admin

    other = admin.build(house.engine, house.keyring, house.signals, house.clock, passwords=cheap_passwords())
    alma, olga = house.cast["alma"].id, house.cast["olga"].id
    await house.admin.people.set_role(house.blue, alma, "super_admin")
    deeds = [services.people.disable(house.blue, who) for services, who in ((house.admin, alma), (other, olga))]
    done = await asyncio.gather(*deeds, return_exceptions=True)
    assert [type(one).__name__ for one in done].count("Conflict") == 1


async def test_M_1_people_of_another_account_are_not_there(house: House) -> None:
    rita, people = house.cast["rita"].id, house.admin.people
    assert await people.get(house.blue, rita) is None
    assert await people.get(house.blue, "not an id") is None
    for deed in (
        people.set_role(house.blue, rita, "agent"),
        people.disable(house.blue, rita),
        people.enable(house.blue, rita),
        people.set_password(house.blue, rita, OTHER_PASSWORD),
    ):
        with pytest.raises(NotFound):
            await deed
    assert (await people.get(house.red, rita)) == house.cast["rita"]


async def test_M_1_bots_of_another_account_are_not_there_but_public(house: House) -> None:
    red, bots = house.bots["red"].id, house.admin.bots
    assert await bots.get(house.blue, red) is None
    with pytest.raises(NotFound):
        await bots.change(house.blue, red, name="Mine")
    assert {bot.id for bot in await bots.list(house.blue)} == {house.bots["shop"].id, house.bots["desk"].id}
    public = await bots.public(red)
    assert public is not None
    assert public.account == house.red
    assert await bots.public("nothing") is None
    assert await bots.public("A" * 22) is None


async def test_people_are_listed_page_by_page(house: House) -> None:
    first, after = await house.admin.people.list(house.blue, limit=4)
    second, end = await house.admin.people.list(house.blue, limit=4, after=after)
    assert (len(first), len(second), end) == (4, 2, None)
    assert len({person.id for person in [*first, *second]}) == 6


async def test_a_one_time_password_waits_for_a_week(house: House) -> None:
    password = new_one_time_password()
    person = await house.admin.people.create(house.blue, "new@blue.example", "New", "agent", password, one_time=True)
    now = house.clock.now()
    assert person.body.may_log_in(now + ONE_TIME_LIFE - 1)
    assert not person.body.may_log_in(now + ONE_TIME_LIFE)
    assert len({new_one_time_password() for _ in range(1000)}) == 1000


async def test_a_bot_is_checked_member_by_member(house: House) -> None:
    shop = house.bots["shop"].id
    changed = await house.admin.bots.change(
        house.blue, shop, sites=("Example.com",), accent="#0F6674", greeting="Hi\nthere", language="de", by=BY
    )
    assert changed.body.sites == ("https://example.com",)
    assert (changed.body.accent, changed.body.language, changed.body.greeting) == ("#0f6674", "de", "Hi\nthere")
    entry = await house.last_entry()
    assert entry.before == {"accent": "#2456b8", "greeting": "Hello! How can we help?", "language": "en", "sites": []}
    for wrong in ({"accent": "red"}, {"language": "tlh"}, {"sites": ("javascript:x",)}, {"name": ""}):
        with pytest.raises(Invalid):
            await house.admin.bots.change(house.blue, shop, **wrong)  # type: ignore[arg-type]
    assert await house.admin.bots.get(house.blue, shop) == changed


async def test_accounts_are_all_found_oldest_first(house: House) -> None:
    await house.clock.advance(1)
    third = await house.admin.accounts.create("Third")
    accounts = [account.id async for account in house.admin.accounts.all()]
    assert set(accounts[:2]) == {house.blue, house.red}
    assert accounts[2] == third.id
    with pytest.raises(Invalid):
        await house.admin.accounts.create(" ")
    with pytest.raises(NotFound):
        await house.admin.accounts.rename("A" * 22, "New")


async def test_YA_23_a_grant_with_an_end_ends_is_lengthened_and_never_shortened(house: House) -> None:
    grants, ann, shop = house.admin.grants, house.cast["bob"].id, house.bots["shop"].id
    await grants.revoke_from(house.blue, ann, shop)
    now = house.clock.now()
    await grants.grant_to(house.blue, ann, shop, until=now + MINUTE)
    assert await grants.ends(house.blue, ann) == {shop: now + MINUTE}
    await grants.grant_to(house.blue, ann, shop, until=now + 1)
    assert await grants.ends(house.blue, ann) == {shop: now + MINUTE}
    await house.clock.advance(MINUTE)
    assert shop not in await grants.of(house.blue, ann)
    assert shop not in (await grants.all(house.blue)).get(ann, frozenset())
    assert await grants.ends(house.blue, ann) == {}
    await grants.grant_to(house.blue, ann, shop)
    await house.clock.advance(DAY)
    assert shop in await grants.of(house.blue, ann)
