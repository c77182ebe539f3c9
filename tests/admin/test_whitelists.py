"""The lists: union, toggles, memory that follows the store, and the book (YA-4, YA-7, YA-8, L-9, L-16, I-16, M-1)."""

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import admin
from admin import By, Match
from admin.enabled_lists import EnabledLists
from admin.ranges import Span, read_cidr, read_span
from foundation.errors import Conflict, Invalid, NotFound
from tests.admin.house import House, cheap_passwords

BY = By("olga", "192.0.2.7")
OFFICE = read_span("203.0.113.10", "203.0.113.20")


def allowed(house: House, bot: str, address: str, account: str | None = None) -> Match | None:
    scope = house.bots[bot].id if bot in house.bots else bot
    return house.admin.whitelists.allowed(account or house.blue, scope, ip_address(address))


async def test_YA_8_off_is_the_default_and_each_list_has_its_own_toggle(house: House) -> None:
    lists, shop = house.admin.whitelists, house.bots["shop"].id
    for_bot = await lists.add(house.blue, shop, OFFICE)
    for_all = await lists.add(house.blue, "account", read_span("198.51.100.1", "198.51.100.1"))
    assert allowed(house, "shop", "203.0.113.10") is None
    await lists.toggle(house.blue, shop, enabled=True)
    assert allowed(house, "shop", "203.0.113.10") == Match(shop, for_bot.id)
    assert allowed(house, "shop", "198.51.100.1") is None
    await lists.toggle(house.blue, "account", enabled=True)
    for bot in ("shop", "desk"):
        assert allowed(house, bot, "198.51.100.1") == Match("account", for_all.id), "the union of both lists"
    assert allowed(house, "desk", "203.0.113.10") is None, "another bot's list"
    assert await lists.enabled(house.blue) == {"account", shop}
    await lists.toggle(house.blue, shop, enabled=False)
    assert allowed(house, "shop", "203.0.113.10") is None


async def test_I_13_both_ends_are_inside_and_the_neighbours_outside(house: House) -> None:
    await house.admin.whitelists.add(house.blue, "account", read_span("10.0.0.1", "10.0.0.9"))
    await house.admin.whitelists.toggle(house.blue, "account", enabled=True)
    answers = {last: allowed(house, "shop", f"10.0.0.{last}") is not None for last in (0, 1, 9, 10)}
    assert answers == {0: False, 1: True, 9: True, 10: False}


async def test_I_9_I_20_addresses_that_are_no_ipv4_are_in_no_range_but_mapped_ones(house: House) -> None:
    lists = house.admin.whitelists
    await lists.add(house.blue, "account", read_cidr("0.0.0.0/0"), confirm=True)
    await lists.toggle(house.blue, "account", enabled=True)
    shop = house.bots["shop"].id
    assert lists.allowed(house.blue, shop, IPv6Address("::ffff:10.0.0.1"))
    assert lists.allowed(house.blue, shop, IPv6Address("2001:db8::1")) is None
    assert lists.allowed(house.blue, shop, IPv6Address("::ffff:10.0.0.1%eth0")) is None
    assert lists.allowed(house.blue, shop, None) is None


async def test_L_9_another_accounts_lists_open_nothing_here(house: House) -> None:
    lists = house.admin.whitelists
    await lists.add(house.red, "account", OFFICE)
    await lists.toggle(house.red, "account", enabled=True)
    assert allowed(house, "red", "203.0.113.10", house.red)
    assert allowed(house, "shop", "203.0.113.10") is None
    assert allowed(house, "shop", "203.0.113.10", "no account") is None


async def test_L_16_a_change_counts_when_it_returns(house: House) -> None:
    lists = house.admin.whitelists
    one = await lists.add(house.blue, "account", OFFICE)
    await lists.toggle(house.blue, "account", enabled=True)
    assert allowed(house, "shop", "203.0.113.20")
    await lists.edit(house.blue, one.id, span=read_span("203.0.113.10", "203.0.113.19"))
    assert allowed(house, "shop", "203.0.113.20") is None
    await lists.edit(house.blue, one.id, scope=house.bots["desk"].id)
    assert allowed(house, "shop", "203.0.113.10") is None, "moved to a list that is off"
    await lists.edit(house.blue, one.id, scope="account")
    await lists.delete(house.blue, one.id)
    assert allowed(house, "shop", "203.0.113.10") is None


async def test_L_16_other_processes_follow_and_a_restart_remembers(house: House) -> None:
    other = admin.build(house.engine, house.keyring, house.signals, house.clock, passwords=cheap_passwords())
    shop = house.bots["shop"].id
    async with other.changes.following():
        one = await house.admin.whitelists.add(house.blue, "account", OFFICE)
        await house.admin.whitelists.toggle(house.blue, "account", enabled=True)
        assert await settles(lambda: other.whitelists.allowed(house.blue, shop, IPv4Address("203.0.113.10")))
        fresh = admin.build(house.engine, house.keyring, house.signals, house.clock, passwords=cheap_passwords())
        await fresh.whitelists.load()
        assert fresh.whitelists.allowed(house.blue, shop, IPv4Address("203.0.113.10")) == Match("account", one.id)
        await house.admin.whitelists.delete(house.blue, one.id)
        assert await settles(lambda: not other.whitelists.allowed(house.blue, shop, IPv4Address("203.0.113.10")))


async def settles(holds: Any) -> bool:
    """Whether something comes true within some turns of the loop."""
    for _ in range(200):
        if holds():
            return True
        await asyncio.sleep(0)
    return False


async def test_L_21_lists_that_cannot_be_read_open_nothing() -> None:
    ranges = {"account": [(Span(1, 9), "r1")]}

    async def read(_: str) -> dict[str, list[tuple[Span, str]]]:
        if ranges is None:
            raise OSError("the disk is gone")
        return ranges

    lists = EnabledLists(read)
    await lists.reload("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)) == Match("account", "r1")
    ranges = None  # type: ignore[assignment]
    await lists.reload("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)) is None


async def test_YA_7_every_change_is_in_the_book_with_before_and_after(house: House) -> None:
    lists = house.admin.whitelists
    one = await lists.add(house.blue, "account", OFFICE, label="Office", by=BY)
    entry = await house.last_entry()
    facts = {"scope": "account", "start": "203.0.113.10", "end": "203.0.113.20", "label": "Office"}
    assert (entry.actor, entry.address, entry.action, entry.object) == ("olga", "192.0.2.7", "range.added", one.id)
    assert (entry.before, entry.after) == (None, facts)
    await lists.edit(house.blue, one.id, label="Old office", by=BY)
    entry = await house.last_entry()
    assert (entry.before, entry.after) == (facts, facts | {"label": "Old office"})
    await lists.delete(house.blue, one.id, by=BY)
    entry = await house.last_entry()
    assert (entry.before, entry.after) == (facts | {"label": "Old office"}, None)
    await lists.toggle(house.blue, "account", enabled=True, by=BY)
    entry = await house.last_entry()
    assert (entry.object, entry.before, entry.after) == ("account", {"enabled": False}, {"enabled": True})
    before = await house.actions()
    await lists.toggle(house.blue, "account", enabled=True, by=BY)
    assert await house.actions() == before, "what is on already is not switched"


async def test_I_16_more_than_a_slash_8_waits_for_a_confirmation(house: House) -> None:
    lists = house.admin.whitelists
    everything, before = read_cidr("0.0.0.0/0"), await house.actions()
    with pytest.raises(Conflict) as refused:
        await lists.add(house.blue, "account", everything)
    assert refused.value.data == {"field": "confirm", "addresses": 2**32}
    assert await lists.ranges(house.blue) == []
    assert await house.actions() == before
    one = await lists.add(house.blue, "account", read_cidr("11.0.0.0/8"))
    with pytest.raises(Conflict):
        await lists.edit(house.blue, one.id, span=everything)
    await lists.edit(house.blue, one.id, span=everything, confirm=True)
    assert (await house.last_entry()).data["severity"] == "high"
    await lists.edit(house.blue, one.id, label="all of it")


async def test_M_1_lists_and_ranges_of_another_account_are_not_there(house: House) -> None:
    lists = house.admin.whitelists
    theirs = await lists.add(house.red, "account", OFFICE)
    for deed in (
        lists.get(house.blue, theirs.id),
        lists.edit(house.blue, theirs.id, label="mine"),
        lists.delete(house.blue, theirs.id),
        lists.delete(house.blue, "no id"),
        lists.add(house.blue, house.bots["red"].id, OFFICE),
        lists.add(house.blue, "no scope", OFFICE),
        lists.toggle(house.blue, house.bots["red"].id, enabled=True),
    ):
        with pytest.raises(NotFound):
            await deed
    assert await lists.ranges(house.red) == [theirs]


async def test_two_who_edit_one_range_do_not_overwrite_each_other(house: House) -> None:
    lists = house.admin.whitelists
    one = await lists.add(house.blue, "account", OFFICE)
    edits = [lists.edit(house.blue, one.id, label=label) for label in ("a", "b")]
    done = await asyncio.gather(*edits, return_exceptions=True)
    assert sum(isinstance(result, Conflict) for result in done) == 1
    assert "change.failed" in (await house.actions())[-2:]


async def test_a_label_is_one_short_line(house: House) -> None:
    with pytest.raises(Invalid):
        await house.admin.whitelists.add(house.blue, "account", OFFICE, label="x" * 81)
    one = await house.admin.whitelists.add(house.blue, "account", OFFICE, label="  <b>{{7*7}}</b> ")
    assert one.label == "<b>{{7*7}}</b>"


near = st.integers(0, 30)
lists_of_spans = st.lists(st.tuples(near, near).map(lambda ends: Span(min(ends), max(ends))), max_size=4)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lists_of_spans, lists_of_spans, st.booleans(), st.booleans())
def test_I_19_the_union_of_enabled_lists_is_what_a_naive_reader_would_say(
    bots: list[Span], accounts: list[Span], bot_on: bool, account_on: bool
) -> None:
    enabled = {
        scope: [(span, f"{scope}{place}") for place, span in enumerate(spans)]
        for scope, spans, is_on in (("shop", bots, bot_on), ("account", accounts, account_on))
        if is_on
    }

    async def read(_: str) -> dict[str, list[tuple[Span, str]]]:
        return enabled

    lists = EnabledLists(read)
    asyncio.run(lists.reload("blue"))
    for number in range(32):
        by_bot = any(span.first <= number <= span.last for span, _ in enabled.get("shop", []))
        by_account = any(span.first <= number <= span.last for span, _ in enabled.get("account", []))
        match = lists.allowed("blue", "shop", IPv4Address(number))
        assert (match is not None) == (by_bot or by_account)
        assert match is None or match.scope == ("shop" if by_bot else "account")
        assert (lists.allowed("blue", "desk", IPv4Address(number)) is not None) == by_account
