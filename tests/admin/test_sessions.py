"""Sessions: what opens them, what ends them, and how soon (A-7 … A-10, C-1, C-3, C-20)."""

import asyncio

import pytest

from admin import Principal
from foundation.clock import HOUR, MINUTE, SECOND
from foundation.ids import is_secret, secret_hash
from tests.admin.house import OTHER_PASSWORD, House


async def who(house: House, secret: str | None) -> Principal | None:
    return await house.admin.sessions.principal_of(secret)


async def test_a_session_knows_its_person_and_his_rights(house: House) -> None:
    ann = await who(house, await house.admin.sessions.open(house.cast["ann"]))
    assert ann is not None
    assert (ann.account, ann.person, ann.role) == (house.blue, house.cast["ann"].id, "agent")
    assert ann.bots == {house.bots["shop"].id}
    assert ann.may_open(house.bots["shop"].id)
    assert not ann.may_open(house.bots["desk"].id)
    alma = await who(house, await house.admin.sessions.open(house.cast["alma"]))
    assert alma is not None
    assert alma.bots is None
    assert alma.may_open(house.bots["desk"].id)
    ida = await who(house, await house.admin.sessions.open(house.cast["ida"]))
    assert ida is not None
    assert ida.bots == frozenset()
    assert ida.has("auditor", "agent")
    assert not ida.has("agent")


async def test_C_1_only_the_hash_of_the_secret_is_stored(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    assert is_secret(secret)
    (row,) = house.engine._rows["session"].values()
    assert row.fields["token"] == secret_hash(secret)
    assert secret not in str(row)


@pytest.mark.parametrize("secret", [None, "", "attacker", "A" * 43, "A" * 42 + "!", "A" * 44])
async def test_A_7_what_we_did_not_draw_is_no_session(house: House, secret: str | None) -> None:
    assert await who(house, secret) is None


async def test_A_8_thirty_minutes_without_use_end_it(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    for _ in range(5):
        await house.clock.advance(30 * MINUTE - 1)
        assert await who(house, secret)
    await house.clock.advance(30 * MINUTE)
    assert await who(house, secret) is None


async def test_A_8_use_between_two_writings_counts_too(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    await house.clock.advance(59 * SECOND)
    assert await who(house, secret)
    (row,) = house.engine._rows["session"].values()
    assert row.version == 1, "not written yet"
    await house.clock.advance(30 * MINUTE - 1)
    assert await who(house, secret)


async def test_A_8_use_is_written_at_most_once_a_minute_and_read_after_a_restart(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    for _ in range(240):
        await house.clock.advance(SECOND)
        assert await who(house, secret)
    (row,) = house.engine._rows["session"].values()
    assert row.version == 5
    house.admin.sessions._seen.clear()
    await house.clock.advance(29 * MINUTE)
    assert await who(house, secret)


async def test_A_8_use_does_not_carry_it_past_twelve_hours(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    for _ in range(12 * 3 - 1):
        await house.clock.advance(20 * MINUTE)
        assert await who(house, secret)
    await house.clock.advance(20 * MINUTE)
    assert await who(house, secret) is None


async def test_sessions_whose_time_is_over_are_removed(house: House) -> None:
    for _ in range(3):
        await house.admin.sessions.open(house.cast["ann"])
    await house.clock.advance(31 * MINUTE)
    await house.admin.sessions.open(house.cast["bob"])
    assert len(house.engine._rows["session"]) == 1
    await house.clock.advance(13 * HOUR)
    assert await who(house, "A" * 43) is None


async def test_A_10_what_happens_to_the_person_ends_it_at_once(house: House) -> None:
    people, blue = house.admin.people, house.blue
    deeds = {
        "ann": people.disable(blue, house.cast["ann"].id),
        "sue": people.set_role(blue, house.cast["sue"].id, "agent"),
        "bob": people.set_password(blue, house.cast["bob"].id, OTHER_PASSWORD),
    }
    for name, deed in deeds.items():
        secrets = [await house.admin.sessions.open(house.cast[name]) for _ in range(2)]
        assert await who(house, secrets[0])
        await deed
        assert [await who(house, secret) for secret in secrets] == [None, None]


async def test_a_disabled_person_has_no_session_after_being_let_in_again(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    await house.admin.people.disable(house.blue, house.cast["ann"].id)
    await house.admin.people.enable(house.blue, house.cast["ann"].id)
    assert await who(house, secret) is None


async def test_A_10_a_right_that_was_revoked_is_gone_at_once(house: House) -> None:
    secret, shop = await house.admin.sessions.open(house.cast["ann"]), house.bots["shop"].id
    ann = await who(house, secret)
    assert ann is not None
    assert ann.may_open(shop)
    await house.admin.grants.revoke_from(house.blue, ann.person, shop)
    ann = await who(house, secret)
    assert ann is not None
    assert not ann.may_open(shop)
    await house.admin.grants.grant_to(house.blue, ann.person, house.bots["desk"].id)
    ann = await who(house, secret)
    assert ann is not None
    assert ann.bots == {house.bots["desk"].id}


async def test_A_10_another_process_hears_of_it_by_a_signal_or_within_a_second(house: House) -> None:
    import admin
    from tests.admin.house import cheap_passwords

    signals, other_signals = house.signals, type(house.signals)()
    hearing = admin.build(house.engine, house.keyring, signals, house.clock, passwords=cheap_passwords())
    deaf = admin.build(house.engine, house.keyring, other_signals, house.clock, passwords=cheap_passwords())
    secret = await house.admin.sessions.open(house.cast["ann"])
    async with hearing.changes.following():
        for services in (hearing, deaf):
            assert await services.sessions.principal_of(secret)
        await house.admin.people.disable(house.blue, house.cast["ann"].id)
        for _ in range(20):
            await asyncio.sleep(0)
        assert await hearing.sessions.principal_of(secret) is None
        assert await deaf.sessions.principal_of(secret), "nobody told it"
        await house.clock.advance(SECOND)
        assert await deaf.sessions.principal_of(secret) is None


async def test_a_right_that_ends_while_it_is_looked_up_is_not_kept(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    looking = asyncio.create_task(who(house, secret))
    await asyncio.sleep(0)
    await house.admin.people.disable(house.blue, house.cast["ann"].id)
    await looking
    assert await who(house, secret) is None


async def test_C_20_logging_out_ends_it_in_every_tab_and_no_other(house: House) -> None:
    mine, other = [await house.admin.sessions.open(house.cast["ann"]) for _ in range(2)]
    ann = await who(house, mine)
    assert ann is not None
    async with house.signals.listen(f"account/{house.blue}") as console:
        await house.admin.sessions.end(ann)
        assert (await anext(aiter(console))).topic == f"account/{house.blue}"
    assert await who(house, mine) is None
    assert await who(house, other)


async def test_end_all_ends_the_sessions_of_one_person(house: House) -> None:
    secrets = [await house.admin.sessions.open(house.cast[name]) for name in ("ann", "ann", "bob")]
    assert await house.admin.sessions.end_all(house.blue, house.cast["ann"].id) == 2
    assert [await who(house, secret) is None for secret in secrets] == [True, True, False]


async def test_a_store_that_is_full_throws_nobody_out(house: House) -> None:
    secret = await house.admin.sessions.open(house.cast["ann"])
    assert await who(house, secret)
    house.engine._max_bytes = 0
    await house.clock.advance(2 * MINUTE)
    assert await who(house, secret), "the use is noted down later"
    (row,) = house.engine._rows["session"].values()
    assert row.version == 1
