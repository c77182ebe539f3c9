"""The lists: union, toggles, memory that follows the store, and the book (YA-4, YA-7, YA-8, L-9, L-16, I-16, M-1)."""

import asyncio
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import admin
from admin import By, Match
from admin.enabled_lists import Counted, EnabledLists, Stand
from admin.range_lists import RANGE, RANGE_SET, OldBody, RangeLists, SetBody
from admin.ranges import Span, read_cidr, read_span
from foundation.clock import ManualClock
from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import new_id
from foundation.live import LocalSignals
from foundation.records import Collection, Stale
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


class Store:
    """What the lists are read from; `None` cannot be read. Counts how often it is asked."""

    def __init__(self, lists: dict[str, list[Counted]] | None) -> None:
        self.lists = lists
        self.looks = self.reads = 0
        self.mark = 1
        self.blind = False

    async def read(self, _: str) -> Stand:
        self.reads += 1
        if self.lists is None:
            raise OSError("the disk is gone")
        return Stand(self.mark, self.lists)

    async def look(self, _: str) -> int:
        self.looks += 1
        if self.blind:
            raise OSError("the network is gone")
        return self.mark


async def test_L_21_lists_that_cannot_be_read_open_nothing() -> None:
    store = Store({"account": [Counted(Span(1, 9), "r1")]})
    lists = EnabledLists(store.read, store.look, ManualClock())
    await lists.reload("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)) == Match("account", "r1")
    store.lists = None
    await lists.reload("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)) is None


async def test_L_21_lists_that_cannot_be_looked_at_open_nothing_until_they_can() -> None:
    store, clock = Store({"account": [Counted(Span(1, 9), "r1")]}), ManualClock()
    lists = EnabledLists(store.read, store.look, clock)
    await lists.refresh("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5))
    store.blind = True
    await clock.advance(1_000)
    await lists.refresh("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)) is None
    store.blind = False
    await lists.refresh("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)), "the very next request looks again"


async def test_L_16_a_lost_signal_costs_a_second_and_looking_costs_one_look_a_second() -> None:
    store, clock = Store({"account": [Counted(Span(1, 9), "r1")]}), ManualClock()
    lists = EnabledLists(store.read, store.look, clock)
    for _ in range(5):
        await lists.refresh("blue")
    assert (store.looks, store.reads) == (1, 1)
    store.lists, store.mark = {}, 2
    await clock.advance(999)
    await lists.refresh("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)), "not looked yet"
    await clock.advance(1)
    await lists.refresh("blue")
    assert lists.allowed("blue", "shop", IPv4Address(5)) is None
    await clock.advance(60_000)
    await lists.refresh("blue")
    assert (store.looks, store.reads) == (3, 2), "an unchanged list is not read again"


async def test_L_16_a_process_that_hears_no_signals_follows_within_two_seconds(house: House) -> None:
    deaf = admin.build(house.engine, house.keyring, LocalSignals(), house.clock, passwords=cheap_passwords())
    await deaf.whitelists.load()
    shop, office = house.bots["shop"].id, IPv4Address("203.0.113.10")

    async def opens() -> bool:
        await deaf.whitelists.refresh(house.blue)
        return deaf.whitelists.allowed(house.blue, shop, office) is not None

    assert not await opens()
    one = await house.admin.whitelists.add(house.blue, "account", OFFICE)
    await house.admin.whitelists.toggle(house.blue, "account", enabled=True)
    await house.clock.advance(1_000)
    assert await opens()
    await house.admin.whitelists.edit(house.blue, one.id, span=read_span("203.0.113.11", "203.0.113.12"))
    await house.clock.advance(1_000)
    assert not await opens()
    await house.admin.whitelists.edit(house.blue, one.id, span=OFFICE)
    await house.clock.advance(1_000)
    assert await opens()
    await house.admin.whitelists.toggle(house.blue, "account", enabled=False)
    await house.clock.advance(1_000)
    assert not await opens()


async def test_YA_4_a_range_counts_until_the_millisecond_of_its_expiry(house: House) -> None:
    lists, now = house.admin.whitelists, house.clock.now()
    await lists.add(house.blue, "account", read_span("203.0.113.10", "203.0.113.15"))
    soon = await lists.add(house.blue, "account", OFFICE, expires_at=now + 5_000)
    await lists.add(house.blue, "account", read_span("203.0.113.20", "203.0.113.20"), expires_at=now + 9_000)
    await lists.toggle(house.blue, "account", enabled=True)
    reached: list[list[int]] = []
    for step in (4_999, 1, 3_999, 1):
        await house.clock.advance(step)
        reached.append([last for last in (9, 10, 15, 16, 19, 20, 21) if allowed(house, "shop", f"203.0.113.{last}")])
    assert reached == [[10, 15, 16, 19, 20], [10, 15, 20], [10, 15, 20], [10, 15]]
    await lists.edit(house.blue, soon.id, expires_at=house.clock.now() + 1)
    assert allowed(house, "shop", "203.0.113.19"), "extended"
    await lists.edit(house.blue, soon.id, expires_at=None)
    await house.clock.advance(10**9)
    assert allowed(house, "shop", "203.0.113.19"), "for ever"


async def test_YA_4_an_expiry_lies_ahead(house: House) -> None:
    lists, now = house.admin.whitelists, house.clock.now()
    for at in (now, now - 1, 0, 253_402_300_800_000):
        with pytest.raises(Invalid) as refused:
            await lists.add(house.blue, "account", OFFICE, expires_at=at)
        assert refused.value.data["field"] == "expires"
    one = await lists.add(house.blue, "account", OFFICE, expires_at=now + 1)
    await house.clock.advance(1)
    kept = await lists.edit(house.blue, one.id, label="Old", expires_at=one.expires_at)
    assert (kept.label, kept.expires_at) == ("Old", now + 1), "what is over may be renamed"


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
    assert refused.value.data == {"field": "confirm", "reasons": ["range_is_wide"], "addresses": 2**32}
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
        scope: [Counted(span, f"{scope}{place}") for place, span in enumerate(spans)]
        for scope, spans, is_on in (("shop", bots, bot_on), ("account", accounts, account_on))
        if is_on
    }
    store = Store(enabled)
    lists = EnabledLists(store.read, store.look, ManualClock())
    asyncio.run(lists.reload("blue"))
    for number in range(32):
        by_bot = any(one.span.first <= number <= one.span.last for one in enabled.get("shop", []))
        by_account = any(one.span.first <= number <= one.span.last for one in enabled.get("account", []))
        match = lists.allowed("blue", "shop", IPv4Address(number))
        assert match == lists.allowed("blue", "shop", str(IPv4Address(number)))
        assert (match is not None) == (by_bot or by_account)
        assert match is None or match.scope == ("shop" if by_bot else "account")
        assert (lists.allowed("blue", "desk", IPv4Address(number)) is not None) == by_account


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(near, near, st.one_of(st.none(), st.integers(0, 20))), max_size=6),
    st.lists(st.integers(0, 22), min_size=1, max_size=5),
)
def test_I_19_ranges_that_end_count_exactly_until_then_whichever_way_the_clock_goes(
    rows: list[tuple[int, int, int | None]], moments: list[int]
) -> None:
    counted = [Counted(Span(min(a, b), max(a, b)), str(place), end) for place, (a, b, end) in enumerate(rows)]
    store = Store({"account": counted})
    for at in (*moments, *reversed(moments)):
        lists = EnabledLists(store.read, store.look, ManualClock(at))
        asyncio.run(lists.reload("blue"))
        for number in range(32):
            naive = any(
                one.span.first <= number <= one.span.last and (one.expires_at is None or at < one.expires_at)
                for one in counted
            )
            assert (lists.allowed("blue", "shop", IPv4Address(number)) is not None) == naive


async def test_L_16_a_clock_that_is_set_back_brings_back_what_has_not_ended() -> None:
    store = Store({"account": [Counted(Span(1, 9), "r1", 50)]})
    clocks = [ManualClock(10), ManualClock(60)]
    lists = EnabledLists(store.read, store.look, turning := Turning(clocks))
    await lists.reload("blue")
    answers = []
    for turning.place in (0, 1, 0):
        answers.append(lists.allowed("blue", "shop", IPv4Address(5)) is not None)
    assert answers == [True, False, True]


class Turning:
    """A clock that somebody sets."""

    def __init__(self, clocks: list[ManualClock]) -> None:
        self.clocks = clocks
        self.place = 0

    def now(self) -> int:
        return self.clocks[self.place].now()

    def monotonic(self) -> float:
        return self.clocks[self.place].monotonic()

    async def sleep(self, milliseconds: int) -> None:
        await self.clocks[self.place].sleep(milliseconds)


# Versions, many at once, and what has to be confirmed


async def test_YA_4_a_stale_edit_is_a_conflict_and_nothing_is_lost(house: House) -> None:
    lists = house.admin.whitelists
    one = await lists.add(house.blue, "account", OFFICE, label="Office")
    first = await lists.edit(house.blue, one.id, label="First", version=1)
    assert first.version == 2
    with pytest.raises(Conflict) as refused:
        await lists.edit(house.blue, one.id, label="Second", version=1)
    assert refused.value.data == {"field": "version", "version": 2}
    assert await lists.get(house.blue, one.id) == first
    other = await lists.add(house.blue, "account", read_span("198.51.100.1", "198.51.100.1"))
    assert (await lists.edit(house.blue, other.id, label="Other", version=1)).version == 2, "ranges have versions"
    assert (await lists.edit(house.blue, one.id, label="Third", version=2)).label == "Third"


async def test_YA_4_many_are_deleted_together_or_not_at_all(house: House) -> None:
    lists = house.admin.whitelists
    made = [await lists.add(house.blue, "account", read_span(f"10.0.{n}.1", f"10.0.{n}.9")) for n in range(4)]
    theirs = await lists.add(house.red, "account", OFFICE)
    version = (await lists.list_of(house.blue, "account")).version
    ids, before = [one.id for one in made[:3]], await house.actions()
    for bad, error in (([*ids, "A" * 22], NotFound), ([*ids, theirs.id], NotFound)):
        with pytest.raises(error):
            await lists.delete_many(house.blue, "account", bad)
    with pytest.raises(Conflict):
        await lists.delete_many(house.blue, "account", ids, version=version - 1)
    assert await house.actions() == before
    assert await lists.ranges(house.blue) == made
    assert await lists.delete_many(house.blue, "account", ids, version=version, by=BY) == 3
    assert await lists.ranges(house.blue) == made[3:]
    *_, summary, detail = await house.book()
    assert (summary.action, summary.data["ranges"], summary.actor) == ("ranges.deleted", 3, "olga")
    assert detail.before == {"scope": "account", "ranges": [f"10.0.{n}.1 – 10.0.{n}.9" for n in range(3)]}


async def test_I_16_self_lockout_is_asked_about_and_only_when_it_is_one(house: House) -> None:
    lists, shop = house.admin.whitelists, house.bots["shop"].id
    you = int(IPv4Address("203.0.113.15"))
    one = await lists.add(house.blue, "account", OFFICE)
    await lists.toggle(house.blue, "account", enabled=True)
    deeds: list[Any] = [
        lambda **more: lists.edit(house.blue, one.id, span=read_span("10.0.0.1", "10.0.0.1"), you=you, **more),
        lambda **more: lists.edit(house.blue, one.id, scope=shop, you=you, **more),
        lambda **more: lists.toggle(house.blue, "account", enabled=False, you=you, **more),
        lambda **more: lists.delete_many(house.blue, "account", [one.id], you=you, **more),
        lambda **more: lists.delete(house.blue, one.id, you=you, **more),
    ]
    before = await house.actions()
    for deed in deeds:
        with pytest.raises(Conflict) as refused:
            await deed()
        assert refused.value.data == {"field": "confirm", "reasons": ["self_lockout"]}
    assert await house.actions() == before
    await lists.edit(house.blue, one.id, label="No less open", you=you)
    await lists.delete(house.blue, (await lists.add(house.blue, "account", OFFICE)).id, you=you)
    second = await lists.add(house.blue, shop, OFFICE)
    await lists.toggle(house.blue, shop, enabled=True)
    await lists.toggle(house.blue, "account", enabled=False, you=you)
    await lists.toggle(house.blue, "account", enabled=True, you=you)
    await lists.delete(house.blue, second.id, you=you)
    await lists.delete(house.blue, one.id, you=you + 100)
    assert (await house.last_entry()).data["severity"] == "normal"


async def test_I_16_many_small_ranges_that_make_a_wide_one_are_asked_about(house: House) -> None:
    lists = house.admin.whitelists
    await lists.add(house.blue, "account", read_cidr("11.0.0.0/8"))
    with pytest.raises(Conflict) as refused:
        await lists.add(house.blue, "account", read_cidr("12.0.0.0/32"))
    assert refused.value.data["addresses"] == 2**24 + 1
    await lists.add(house.blue, "account", read_cidr("11.5.0.0/16"))
    await lists.add(house.blue, "account", read_cidr("2001:db8::/32"))
    with pytest.raises(Conflict):
        await lists.add(house.blue, "account", read_cidr("2001:db9::/32"))
    with pytest.raises(Conflict) as refused:
        await lists.add(house.blue, "account", read_cidr("2000::/3"))
    assert refused.value.data["addresses"] == str(2**125), "a number that JSON readers would round is text"
    await lists.add(house.blue, "account", read_cidr("2001:db9::/32"), confirm=True)
    assert (await house.last_entry()).data["severity"] == "high"


async def test_YA_6_ipv6_ranges_are_stored_and_decide_beside_ipv4(house: House) -> None:
    lists = house.admin.whitelists
    six = await lists.add(house.blue, "account", read_cidr("2001:db8:1::/48"), label="Six")
    four = await lists.add(house.blue, "account", OFFICE)
    await lists.toggle(house.blue, "account", enabled=True)
    answers = {
        "2001:db8:1::": six.id,
        "2001:db8:1:ffff:ffff:ffff:ffff:ffff": six.id,
        "2001:db8:0:ffff:ffff:ffff:ffff:ffff": None,
        "2001:db8:2::": None,
        "203.0.113.10": four.id,
        "::ffff:203.0.113.10": four.id,
        "64:ff9b::203.0.113.10": None,
        "2002:cb00:710a::": None,
        "::203.0.113.10": None,
    }
    for text, expected in answers.items():
        match = allowed(house, "shop", text)
        assert (match.range_id if match else None) == expected, text
    assert await lists.ranges(house.blue) == [six, four]


async def test_YA_4_a_list_holds_ten_thousand_ranges_and_not_one_more(house: House) -> None:
    lines = "".join(f"10.{n // 250}.{n % 250}.1\r\n" for n in range(10_000))
    await house.admin.range_imports.apply(house.blue, "account", lines, version=0)
    assert len(await house.admin.whitelists.ranges(house.blue, "account")) == 10_000
    before = await house.actions()
    with pytest.raises(Conflict, match="holds 10,000 ranges"):
        await house.admin.whitelists.add(house.blue, "account", OFFICE)
    assert await house.actions() == before


# How it is stored


async def test_a_change_leaves_one_set_and_no_crash_leaves_a_list_without(house: House) -> None:
    lists = house.admin.whitelists
    for n in range(3):
        await lists.add(house.blue, "account", read_span(f"10.0.0.{n}", f"10.0.0.{n}"))
    assert await house.engine.count(RANGE_SET) == 1
    stored = RangeLists(house.engine, house.keyring, house.clock)
    known = await stored.read(house.blue, "account")
    with pytest.raises(Stale):
        await stored.write(house.blue, replace(known, version=1), "olga", ranges=known.ranges[:1], enabled=True)
    assert await house.engine.count(RANGE_SET) == 1
    left = Collection(house.engine, house.keyring, RANGE_SET, SetBody)
    await left.insert(house.blue, "left behind", SetBody([]), created_at=house.clock.now())
    assert await stored.sweep() == 0, "somebody may be about to name it"
    await house.clock.advance(3_600_000)
    assert await stored.sweep() == 1
    assert await stored.read(house.blue, "account") == known


async def test_ranges_that_are_rows_of_their_own_are_taken_over(house: House) -> None:
    old = Collection(house.engine, house.keyring, RANGE, OldBody)
    ids = [new_id() for _ in range(3)]
    for place, one in enumerate(ids):
        body = OldBody(place, place + 1, f"old {place}", "olga")
        await old.insert(house.blue, one, body, scope="account", created_at=place)
    new = await house.admin.whitelists.add(house.blue, "account", OFFICE)
    await house.admin.whitelists.load()
    await house.admin.whitelists.load()
    found = await house.admin.whitelists.ranges(house.blue)
    assert [one.id for one in found] == [*ids, new.id]
    assert (found[1].span, found[1].label, found[1].created_by, found[1].created_at) == (Span(1, 2), "old 1", "olga", 1)
    assert await house.engine.count(RANGE) == 0
