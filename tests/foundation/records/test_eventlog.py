"""Sealed logs: what is read is what was written, whole and in order, or the first bad number is named (K-2, K-3)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from foundation.keys import Keyring
from foundation.records import Collection, Damaged, EventLog, KeyDestroyed, Kind, Stale, Where
from tests.foundation.records.conftest import Store


class Said(msgspec.Struct, frozen=True, tag_field="t", tag="said"):
    text: str


class Closed(msgspec.Struct, frozen=True, tag_field="t", tag="closed"):
    by: str = ""


class Summary(msgspec.Struct, frozen=True):
    last: str


Event = Said | Closed
HEAD = Kind("talk", fields=("control", "at"), indexes=(("account", "at"),))


@pytest.fixture
def kinds() -> list[Kind]:
    return [HEAD]


@pytest.fixture
def talks(store: Store, keyring: Keyring) -> EventLog[Event]:
    return EventLog(store.engine, keyring, "talk", Event, HEAD, Summary)


@pytest.fixture
def books(store: Store, keyring: Keyring) -> EventLog[Event]:
    """A log without a head."""
    return EventLog(store.engine, keyring, "book", Event)


class Speaker:
    """Writes to one log, batch after batch."""

    def __init__(self, talks: EventLog[Event], key: str, log: str = "t1", account: str = "blue") -> None:
        self.talks, self.key, self.log, self.account, self.last = talks, key, log, account, 0

    async def say(self, *texts: str) -> None:
        events = [Said(text) for text in texts]
        head = {"head_fields": {"at": self.last}, "head_body": Summary(texts[-1])}
        self.last = await self.talks.append(self.account, self.log, self.key, events, self.last, **head)


@pytest.fixture
async def speaker(talks: EventLog[Event], keyring: Keyring) -> Speaker:
    """A log of four batches: 1-2, 3, 4-6, 7."""
    speaker = Speaker(talks, await keyring.mint("blue", "talk"))
    for texts in (["one", "two"], ["three"], ["four", "five", "six"], ["seven"]):
        await speaker.say(*texts)
    return speaker


def texts(events: Sequence[tuple[int, Any]]) -> list[tuple[int, str]]:
    return [(number, event.text) for number, event in events]


WORDS = list(enumerate(["one", "two", "three", "four", "five", "six", "seven"], 1))


async def test_events_come_back_with_their_numbers(talks: EventLog[Event], speaker: Speaker) -> None:
    assert texts(await talks.read("blue", "t1")) == WORDS
    for since in range(9):
        assert texts(await talks.read("blue", "t1", since)) == WORDS[since:]
    assert await talks.read("blue", "nobody") == []


async def test_a_bounded_read_gives_so_many_and_goes_on_where_it_stopped(
    talks: EventLog[Event], speaker: Speaker
) -> None:
    for most in (1, 2, 5, 7, 8, 100):
        found: list[tuple[int, Any]] = []
        while part := await talks.read("blue", "t1", len(found), most=most):
            assert len(part) <= most
            found += part
        assert texts(found) == WORDS, most


async def test_a_bounded_read_that_reaches_the_end_sees_that_it_was_cut(
    store: Store, talks: EventLog[Event], speaker: Speaker
) -> None:
    stored = talks._stored("blue", "t1")
    batches = await store.engine.read(stored)
    await store.engine.delete_log(stored)
    for batch in batches[:-1]:
        await store.engine.append(stored, batch)
    assert texts(await talks.read("blue", "t1", most=6)) == WORDS[:6]
    for since, most in ((0, 7), (6, 1)):
        with pytest.raises(Damaged) as damaged:
            await talks.read("blue", "t1", since, most=most)
        assert damaged.value.data["number"] == 7


async def test_a_union_of_events_is_told_apart(books: EventLog[Event], keyring: Keyring) -> None:
    key = await keyring.account_key("blue")
    assert await books.append("blue", "b", key, [Said("hi"), Closed("ann")], 0) == 2
    assert await books.read("blue", "b") == [(1, Said("hi")), (2, Closed("ann"))]


async def test_a_stale_append_writes_nothing(talks: EventLog[Event], speaker: Speaker) -> None:
    for expected in (0, 1, 6, 8, 100):
        with pytest.raises(Stale):
            await talks.append("blue", "t1", speaker.key, [Said("no")], expected, head_fields={})
    assert texts(await talks.read("blue", "t1")) == WORDS


async def test_of_fifty_appends_at_one_number_one_wins(talks: EventLog[Event], speaker: Speaker) -> None:
    outcomes = await asyncio.gather(
        *(
            talks.append("blue", "t1", speaker.key, [Said(str(n))], 7, head_fields={}, head_body=Summary(""))
            for n in range(50)
        ),
        return_exceptions=True,
    )
    assert [outcome for outcome in outcomes if not isinstance(outcome, Stale)] == [8]
    assert len(await talks.read("blue", "t1")) == 8


async def test_the_head_is_a_record_like_others(
    store: Store, keyring: Keyring, talks: EventLog[Event], speaker: Speaker
) -> None:
    heads = Collection(store.engine, keyring, HEAD, Summary)
    [head], _ = await heads.find("blue", Where("at", ">", 0), order="-at")
    assert (head.id, head.version, head.body, head.key) == ("t1", 7, Summary("seven"), speaker.key)
    assert head.fields == {"control": None, "at": 6}


async def test_an_append_must_bring_the_head_exactly_when_there_is_one(
    talks: EventLog[Event], books: EventLog[Event], keyring: Keyring
) -> None:
    key = await keyring.account_key("blue")
    with pytest.raises(ValueError, match="head"):
        await talks.append("blue", "t", key, [Said("x")], 0)
    with pytest.raises(ValueError, match="head"):
        await books.append("blue", "t", key, [Said("x")], 0, head_fields={})
    for events in ([], [Said("x")] * 1001):
        with pytest.raises(ValueError, match="1 to 1000"):
            await books.append("blue", "t", key, events, 0)


async def test_another_accounts_log_is_not_there(talks: EventLog[Event], speaker: Speaker) -> None:
    assert await talks.read("green", "t1") == []
    assert await talks.delete("green", "t1") == 0
    assert len(await talks.read("blue", "t1")) == 7


async def test_logs_of_two_kinds_and_accounts_do_not_meet(
    books: EventLog[Event], keyring: Keyring, store: Store
) -> None:
    """("a/b", "c") and ("a", "b/c") are two logs."""
    other: EventLog[Event] = EventLog(store.engine, keyring, "diary", Event)
    places = [("a/b", "c"), ("a", "b/c"), ("", "a/b/c"), ("3/a", "b")]
    for log in (books, other):
        for n, (account, name) in enumerate(places):
            await log.append(account, name, await keyring.account_key(account), [Said(str(n))], 0)
    for log in (books, other):
        assert [texts(await log.read(*place)) for place in places] == [[(1, str(n))] for n in range(4)]


async def test_delete_takes_the_log_and_its_head(store: Store, talks: EventLog[Event], speaker: Speaker) -> None:
    assert await talks.delete("blue", "t1") == 4
    assert await talks.read("blue", "t1") == []
    assert await store.engine.get(HEAD, "t1") is None
    assert await talks.delete("blue", "t1") == 0


async def test_a_log_dies_with_its_key(talks: EventLog[Event], speaker: Speaker, keyring: Keyring) -> None:
    assert await keyring.destroy("blue", speaker.key) is True
    with pytest.raises(KeyDestroyed):
        await talks.read("blue", "t1")
    with pytest.raises(KeyDestroyed):
        await speaker.say("more")
    assert await talks.delete("blue", "t1") == 4


async def test_a_log_longer_than_one_read_is_read_whole(books: EventLog[Event], keyring: Keyring) -> None:
    key = await keyring.account_key("blue")
    await asyncio.gather(*(books.append("blue", "long", key, [Said("")], last) for last in range(10_050)))
    events = await books.read("blue", "long")
    assert [number for number, _ in events] == list(range(1, 10_051))
    assert [number for number, _ in await books.read("blue", "long", 10_048)] == [10_049, 10_050]


MOVE = "UPDATE batches SET first = first + ?, last = last + ? WHERE first = ?"
TAKE_THIRD = "DELETE FROM batches WHERE first = 3"
SWAP = """
UPDATE batches SET body = (SELECT body FROM batches AS b WHERE b.first = 10 - batches.first) WHERE first IN (3, 7)
"""
CHANGE = """
UPDATE batches SET body = CAST(substr(body, 1, 60) || x'00' || substr(body, 62) AS BLOB) WHERE first = 3
"""
ATTACKS: dict[str, tuple[list[tuple[str, list[Any]]], int, str]] = {
    "first batch gone": ([("DELETE FROM batches WHERE first = 1", [])], 1, "gap"),
    "middle batch gone": ([("DELETE FROM batches WHERE first = 3", [])], 3, "gap"),
    "large batch gone": ([("DELETE FROM batches WHERE first = 4", [])], 4, "gap"),
    "last batch gone": ([("DELETE FROM batches WHERE first = 7", [])], 7, "end"),
    "last two gone": ([("DELETE FROM batches WHERE first >= 4", [])], 4, "end"),
    "all gone": ([("DELETE FROM batches", [])], 1, "end"),
    "gone and closed up": ([(TAKE_THIRD, []), (MOVE, [-1, -1, 4]), (MOVE, [-1, -1, 7])], 3, "seal"),
    "copied behind": (
        [("INSERT INTO batches SELECT log, first + 5, last + 5, key, body FROM batches WHERE first = 3", [])],
        8,
        "seal",
    ),
    "copied between": (
        [("INSERT INTO batches SELECT log, 2, 2, key, body FROM batches WHERE first = 3", [])],
        2,
        "duplicate",
    ),
    "order changed": ([(MOVE, [1000, 1000, 3]), (MOVE, [-1, -1, 4]), (MOVE, [-997, -997, 1003])], 3, "seal"),
    "bodies swapped": ([(SWAP, [])], 3, "seal"),
    "said to be shorter": ([("UPDATE batches SET last = 5 WHERE first = 4", [])], 4, "seal"),
    "said to be longer": ([("UPDATE batches SET last = 8 WHERE first = 7", [])], 7, "seal"),
    "cut body": ([("UPDATE batches SET body = substr(body, 1, 40) WHERE first = 3", [])], 3, "seal"),
    "changed byte": ([(CHANGE, [])], 3, "seal"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_K_3_the_first_bad_number_is_named(
    talks: EventLog[Event], speaker: Speaker, store: Store, attack: str
) -> None:
    statements, number, fault = ATTACKS[attack]
    await store.edit(*statements)
    with pytest.raises(Damaged) as refusal:
        await talks.read("blue", "t1")
    assert refusal.value.data["number"] == number
    assert refusal.value.data["fault"] == fault
    assert refusal.value.detail == Damaged().detail


async def test_K_3_a_log_that_lost_its_end_says_how_long_it_should_be(
    talks: EventLog[Event], speaker: Speaker, store: Store
) -> None:
    await store.edit(("DELETE FROM batches WHERE first >= 4", []))
    for since in (0, 2, 3):
        with pytest.raises(Damaged) as refusal:
            await talks.read("blue", "t1", since)
        assert refusal.value.data == {"number": 4, "fault": "end", "expected": 7}


async def test_K_3_damage_behind_since_does_not_hide(talks: EventLog[Event], speaker: Speaker, store: Store) -> None:
    await store.edit(("UPDATE batches SET body = x'00' WHERE first = 4", []))
    for since in (0, 3, 4, 5):
        with pytest.raises(Damaged) as refusal:
            await talks.read("blue", "t1", since)
        assert refusal.value.data["number"] == 4
    assert texts(await talks.read("blue", "t1", 6)) == WORDS[6:]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE k_talk SET version = 3",
        "UPDATE k_talk SET version = 3, f_at = 0",
        "UPDATE k_talk SET f_control = 'bot'",
        "UPDATE k_talk SET f_at = NULL",
        "UPDATE k_talk SET body = x'00'",
    ],
)
async def test_K_3_a_head_that_was_changed_is_damaged(
    talks: EventLog[Event], speaker: Speaker, store: Store, change: str
) -> None:
    """Else the version could be set back together with the log's end."""
    await store.edit((change, []), ("DELETE FROM batches WHERE first >= 4", []))
    with pytest.raises(Damaged):
        await talks.read("blue", "t1")


async def test_K_3_a_log_with_batches_and_no_head_is_damaged(
    talks: EventLog[Event], speaker: Speaker, store: Store
) -> None:
    """Else the head could be taken away together with the log's end."""
    await store.edit(("DELETE FROM k_talk", []), ("DELETE FROM batches WHERE first >= 4", []))
    with pytest.raises(Damaged) as refusal:
        await talks.read("blue", "t1")
    assert refusal.value.data["fault"] == "head"


async def test_K_2_batches_of_another_log_account_or_kind_do_not_open(
    talks: EventLog[Event], speaker: Speaker, store: Store, keyring: Keyring
) -> None:
    others = [
        Speaker(talks, speaker.key, "t2"),
        Speaker(talks, await keyring.mint("green", "talk"), "t3", "green"),
    ]
    for other in others:
        for words in (["x", "y"], ["z"]):
            await other.say(*words)
        stored = f"talk/{len(other.account)}/{other.account}/{other.log}"
        copy = "UPDATE batches SET body = (SELECT body FROM batches WHERE log = 'talk/4/blue/t1' AND first = 3) "
        await store.edit((copy + "WHERE log = ? AND first = 3", [stored]))
        with pytest.raises(Damaged) as refusal:
            await talks.read(other.account, other.log)
        assert refusal.value.data["number"] == 3
    twin: EventLog[Event] = EventLog(store.engine, keyring, "twin", Event)
    await store.edit(("UPDATE batches SET log = 'twin/4/blue/t1' WHERE log = 'talk/4/blue/t1'", []))
    with pytest.raises(Damaged) as refusal:
        await twin.read("blue", "t1")
    assert refusal.value.data["number"] == 1


async def test_K_2_a_batch_is_bound_to_kind_account_log_first_number_and_count(
    speaker: Speaker, store: Store, keyring: Keyring
) -> None:
    cipher = await keyring.cipher("blue", speaker.key)
    [_, _, third, _] = await store.engine.read("talk/4/blue/t1")
    place: list[Any] = ["batch", "talk", "blue", "t1", 4, 3]
    assert b"five" in cipher.open(third.body, *place)
    for n, other in enumerate(["row", "chat", "green", "t2", 5, 4]):
        with pytest.raises(Damaged):
            cipher.open(third.body, *place[:n], other, *place[n + 1 :])


async def test_K_2_a_log_under_another_name_does_not_open(
    talks: EventLog[Event], speaker: Speaker, store: Store
) -> None:
    await store.edit(
        ("UPDATE batches SET log = 'talk/4/blue/t9'", []),
        ("UPDATE k_talk SET id = 't9'", []),
    )
    with pytest.raises(Damaged):
        await talks.read("blue", "t9")


async def test_K_6_the_wrong_key_and_a_changed_byte_look_the_same(
    talks: EventLog[Event], speaker: Speaker, store: Store, keyring: Keyring
) -> None:
    other = await keyring.mint("blue", "talk")
    seen = []
    rekey = "UPDATE batches SET key = ? WHERE first = 3"
    change = "UPDATE batches SET key = ?, body = CAST(substr(body, 2) AS BLOB) WHERE first = 3"
    for statement, key in ((rekey, other), (change, speaker.key)):
        await store.edit((statement, [key]))
        with pytest.raises(Damaged) as refusal:
            await talks.read("blue", "t1")
        seen.append((refusal.value.status, refusal.value.members()))
    assert seen[0] == seen[1]
