"""The conversation log through its own door: what is stored, who gets it, and what happens when two write at once."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from foundation.clock import ManualClock
from foundation.errors import Conflict, NotFound, StorageFull
from foundation.ids import is_id, new_id
from foundation.keys import KeyDestroyed, Keyring
from foundation.live import LocalSignals
from foundation.records import Batch, Damaged, Kind, MemoryEngine, Row, Stale
from tests.transcripts.conftest import ACCOUNT, BOT, VISITOR
from transcripts import KINDS, Conversations, State
from transcripts.control import change
from transcripts.events import AnyEvent, BotStateChanged, MessageSent, NoteWritten, Opened, WebPage
from transcripts.messages import message


def said(text: str = "hello", *, at: int = 1, client_id: str = "", by: str = "visitor") -> MessageSent:
    return message(at=at, by=by, text=text, client_id=client_id)


def texts(events: Sequence[Any]) -> list[str]:
    return [one.event.text for one in events if isinstance(one.event, MessageSent)]


async def test_a_conversation_begins_with_who_where_and_when(conversations: Conversations, clock: ManualClock) -> None:
    page = WebPage(url="https://shop.example/", title="Shop")
    made = await conversations.open(ACCOUNT, BOT, visitor=VISITOR, locale="de", page=page)

    assert is_id(made)
    [first] = await conversations.events(ACCOUNT, made)
    assert (first.seq, first.event) == (
        1, Opened(at=clock.now(), bot=BOT, visitor=VISITOR, locale="de", page=page),
    )  # fmt: skip


async def test_an_append_gives_numbers_without_a_gap(conversations: Conversations, chat: str) -> None:
    assert await conversations.append(ACCOUNT, chat, [said("a"), said("b")], 1) == 3
    assert await conversations.append(ACCOUNT, chat, [said("c")], 3) == 4
    assert [one.seq for one in await conversations.events(ACCOUNT, chat)] == [1, 2, 3, 4]
    assert texts(await conversations.events(ACCOUNT, chat, since=2)) == ["b", "c"]
    assert await conversations.events(ACCOUNT, chat, since=4) == []


@pytest.mark.parametrize("expected", [0, 2, 7])
async def test_an_append_decided_on_another_state_is_refused_whole(
    conversations: Conversations, chat: str, expected: int
) -> None:
    with pytest.raises(Stale):
        await conversations.append(ACCOUNT, chat, [said("a"), said("b")], expected)
    assert (await conversations.state(ACCOUNT, chat)).seq == 1


async def test_what_another_process_wrote_is_taken_up(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, conversations: Conversations, chat: str
) -> None:
    other = Conversations(engine, keyring, LocalSignals(), clock)
    await conversations.append(ACCOUNT, chat, [said("a")], 1)
    await other.append(ACCOUNT, chat, [said("b")], 2)

    with pytest.raises(Stale):
        await conversations.append(ACCOUNT, chat, [said("c")], 2)
    assert texts(await conversations.events(ACCOUNT, chat)) == ["a", "b"]

    await other.append(ACCOUNT, chat, [said("d")], 3)
    outcome = await conversations.update(ACCOUNT, chat, lambda state: [said(f"after {state.last_text}")])
    assert texts(await conversations.events(ACCOUNT, chat)) == ["a", "b", "d", "after d"]
    assert (outcome.first, outcome.state.seq) == (5, 5)


async def test_who_heard_of_a_number_gets_a_state_that_is_not_older(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, conversations: Conversations, chat: str
) -> None:
    await conversations.state(ACCOUNT, chat)
    await Conversations(engine, keyring, LocalSignals(), clock).append(ACCOUNT, chat, [said("new")], 1)

    assert texts(await conversations.events(ACCOUNT, chat, known=2)) == ["new"]


async def test_of_fifty_who_do_the_same_at_once_one_does_it(conversations: Conversations, chat: str) -> None:
    def once(state: State) -> Sequence[AnyEvent]:
        return () if "one" in state.client_ids else [said(client_id="one")]

    outcomes = await asyncio.gather(*(conversations.update(ACCOUNT, chat, once) for _ in range(50)))

    assert sum(len(outcome.events) for outcome in outcomes) == 1
    assert {outcome.state.client_ids["one"] for outcome in outcomes} == {2}
    assert len(await conversations.events(ACCOUNT, chat)) == 2


async def test_two_processes_lose_no_update(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, chat: str
) -> None:
    nodes = [Conversations(engine, keyring, LocalSignals(), clock) for _ in range(2)]

    async def write(node: int, number: int) -> None:
        await nodes[node].update(ACCOUNT, chat, lambda _: [said(f"{node}-{number}")])

    await asyncio.gather(*(write(number % 2, number) for number in range(40)))

    written = texts(await Conversations(engine, keyring, LocalSignals(), clock).events(ACCOUNT, chat))
    assert sorted(written) == sorted(f"{number % 2}-{number}" for number in range(40))


async def test_what_is_refused_or_left_is_decided_on_what_every_process_wrote(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, chat: str
) -> None:
    """A state that is behind another process's may neither refuse nor pass over what the fresh one allows."""
    here, there = (Conversations(engine, keyring, LocalSignals(), clock, shared=True) for _ in range(2))

    def after(text: str) -> Callable[[State], Sequence[AnyEvent]]:
        def decide(state: State) -> Sequence[AnyEvent]:
            if state.last_text == "no":
                raise Conflict("not after no")
            return [said("done")] if state.last_text == text else ()

        return decide

    await here.append(ACCOUNT, chat, [said("no")], 1)
    with pytest.raises(Conflict):
        await here.update(ACCOUNT, chat, after("yes"))
    await there.append(ACCOUNT, chat, [said("yes")], 2)
    assert (await here.update(ACCOUNT, chat, after("yes"))).first == 4

    await there.append(ACCOUNT, chat, [said("later")], 4)
    assert not (await here.update(ACCOUNT, chat, lambda _: ())).events
    await there.append(ACCOUNT, chat, [said("again")], 5)
    assert len((await here.update(ACCOUNT, chat, after("again"))).events) == 1


async def test_in_memory_for_two_seconds_at_most_when_others_write_too(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, chat: str
) -> None:
    here, there = (Conversations(engine, keyring, LocalSignals(), clock, shared=True) for _ in range(2))
    assert (await here.state(ACCOUNT, chat)).seq == 1
    await there.append(ACCOUNT, chat, [said("new")], 1)
    await clock.advance(2_001)
    assert (await here.state(ACCOUNT, chat)).seq == 2


async def test_nothing_to_do_writes_nothing_and_tells_nobody(
    conversations: Conversations, signals: LocalSignals, chat: str
) -> None:
    async with signals.listen(f"conversation/{chat}", f"bot/{BOT}") as listener:
        outcome = await conversations.update(ACCOUNT, chat, lambda _: ())
        assert (outcome.state.seq, tuple(outcome.events)) == (1, ())
        await conversations.append(ACCOUNT, chat, [said()], 1)
        first = await anext(listener)
        assert first.number == 2 if first.topic == f"conversation/{chat}" else first.subject == chat


async def test_signals_name_the_conversation_and_the_row_after_the_commit(
    conversations: Conversations, signals: LocalSignals, chat: str
) -> None:
    async with signals.listen(f"conversation/{chat}", f"bot/{BOT}") as listener:
        await conversations.append(ACCOUNT, chat, [said(), said()], 1)
        heard = {(one.topic, one.number, one.subject) for one in (await anext(listener), await anext(listener))}

    assert heard == {(f"conversation/{chat}", 3, ""), (f"bot/{BOT}", 3, chat)}


class _Full(MemoryEngine):
    full = False

    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        if self.full:
            raise StorageFull
        await super().append(log, batch, head=head)


async def test_what_was_not_kept_is_not_told_of_and_not_shown(
    keyring: Keyring, signals: LocalSignals, clock: ManualClock
) -> None:
    engine = _Full(KINDS)
    await engine.open()
    conversations = Conversations(engine, keyring, signals, clock)
    chat = await conversations.open(ACCOUNT, BOT, visitor=VISITOR)

    engine.full = True
    with pytest.raises(StorageFull):
        await conversations.append(ACCOUNT, chat, [said("lost", client_id="one")], 1)
    assert (await conversations.state(ACCOUNT, chat)).seq == 1

    engine.full = False
    assert await conversations.append(ACCOUNT, chat, [said("kept", client_id="one")], 1) == 2
    assert texts(await conversations.events(ACCOUNT, chat)) == ["kept"]


class _Slow(MemoryEngine):
    """Answers an append only when told to, long after it was written."""

    def __init__(self, kinds: Sequence[Kind]) -> None:
        super().__init__(kinds)
        self.written = asyncio.Event()
        self.answer = asyncio.Event()
        self.answer.set()

    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        await super().append(log, batch, head=head)
        self.written.set()
        await self.answer.wait()


async def test_a_writer_that_goes_away_before_the_answer_leaves_no_old_picture_behind(
    keyring: Keyring, signals: LocalSignals, clock: ManualClock
) -> None:
    engine = _Slow(KINDS)
    await engine.open()
    conversations = Conversations(engine, keyring, signals, clock)
    chat = await conversations.open(ACCOUNT, BOT, visitor=VISITOR)

    engine.answer.clear()
    engine.written.clear()
    writer = asyncio.create_task(conversations.append(ACCOUNT, chat, [said("written")], 1))
    await engine.written.wait()
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer

    assert texts(await conversations.events(ACCOUNT, chat)) == ["written"]
    engine.answer.set()
    assert await conversations.append(ACCOUNT, chat, [said("next")], 2) == 3


async def test_a_reader_that_is_faster_than_the_writers_answer_counts_nothing_twice(
    keyring: Keyring, signals: LocalSignals, clock: ManualClock
) -> None:
    engine = _Slow(KINDS)
    await engine.open()
    conversations = Conversations(engine, keyring, signals, clock)
    chat = await conversations.open(ACCOUNT, BOT, visitor=VISITOR)

    engine.answer.clear()
    engine.written.clear()
    writer = asyncio.create_task(conversations.append(ACCOUNT, chat, [said("once")], 1))
    await engine.written.wait()
    assert texts(await conversations.events(ACCOUNT, chat, known=2)) == ["once"]
    engine.answer.set()
    assert await writer == 2
    assert texts(await conversations.events(ACCOUNT, chat)) == ["once"]
    assert (await conversations.state(ACCOUNT, chat)).messages == 1


class _Counting(MemoryEngine):
    def __init__(self, kinds: Sequence[Kind]) -> None:
        super().__init__(kinds)
        self.calls: list[str] = []

    async def get(self, kind: Kind, id: str) -> Row | None:
        self.calls.append("get")
        return await super().get(kind, id)

    async def read(self, log: str, *, since: int = 0, limit: int = 10_000) -> Sequence[Batch]:
        self.calls.append("read")
        return await super().read(log, since=since, limit=limit)

    async def append(self, log: str, batch: Batch, *, head: tuple[Kind, Row] | None = None) -> None:
        self.calls.append("append")
        await super().append(log, batch, head=head)


async def test_an_append_to_a_conversation_at_hand_reads_nothing(
    keyring: Keyring, signals: LocalSignals, clock: ManualClock
) -> None:
    engine = _Counting(KINDS)
    await engine.open()
    conversations = Conversations(engine, keyring, signals, clock)
    chat = await conversations.open(ACCOUNT, BOT, visitor=VISITOR)
    engine.calls.clear()

    await conversations.update(ACCOUNT, chat, lambda _: [said()])
    await conversations.append(ACCOUNT, chat, [said(by="bot")], 2)
    await conversations.events(ACCOUNT, chat, since=1)

    assert engine.calls == ["append", "append"]


async def test_the_cache_is_bounded_and_what_fell_out_is_read_again(
    engine: MemoryEngine, keyring: Keyring, signals: LocalSignals, clock: ManualClock
) -> None:
    small = Conversations(engine, keyring, signals, clock, max_entries=3)
    chats = [await small.open(ACCOUNT, BOT, visitor=f"v{number}") for number in range(10)]
    for number, chat in enumerate(chats):
        await small.append(ACCOUNT, chat, [said(f"in {number}")], 1)

    assert len(small._cache) == 3
    for number, chat in enumerate(chats):
        assert texts(await small.events(ACCOUNT, chat)) == [f"in {number}"]


async def test_the_cache_is_bounded_by_bytes_too(
    engine: MemoryEngine, keyring: Keyring, signals: LocalSignals, clock: ManualClock
) -> None:
    small = Conversations(engine, keyring, signals, clock, max_bytes=60_000)
    chats = [await small.open(ACCOUNT, BOT, visitor=f"v{number}") for number in range(10)]
    for chat in chats:
        await small.append(ACCOUNT, chat, [said("x" * 4_000)], 1)

    assert small._cache.bytes <= 60_000
    assert len(small._cache) < 10


async def test_a_long_conversation_is_whole_although_only_its_end_is_at_hand(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, conversations: Conversations, chat: str
) -> None:
    for number in range(700):
        await conversations.append(ACCOUNT, chat, [said(str(number), client_id=f"c{number}")], number + 1)

    wanted = [str(number) for number in range(700)]
    assert texts(await conversations.events(ACCOUNT, chat)) == wanted
    assert texts(await conversations.events(ACCOUNT, chat, since=600)) == wanted[599:]
    fresh = Conversations(engine, keyring, LocalSignals(), clock)
    assert texts(await fresh.events(ACCOUNT, chat)) == wanted
    assert dict((await fresh.state(ACCOUNT, chat)).client_ids) == {f"c{n}": n + 2 for n in range(700)}


async def test_M_1_another_accounts_conversation_is_not_there(conversations: Conversations, chat: str) -> None:
    for attempt in (
        conversations.state("red", chat),
        conversations.events("red", chat),
        conversations.append("red", chat, [said()], 1),
        conversations.update("red", chat, lambda _: [said()]),
    ):
        with pytest.raises(NotFound) as foreign:
            await attempt
        with pytest.raises(NotFound) as unknown:
            await conversations.state("red", new_id())
        assert foreign.value.members() == unknown.value.members()
    assert not await conversations.erase("red", chat)
    assert (await conversations.state(ACCOUNT, chat)).seq == 1


@pytest.mark.parametrize("id", ["", "x", "../etc", "a" * 600, "{'$gt': ''}"])
async def test_a_malformed_id_is_an_unknown_one(conversations: Conversations, id: str) -> None:
    with pytest.raises(NotFound):
        await conversations.state(ACCOUNT, id)


async def test_BR_5_control_changes_only_by_the_table(conversations: Conversations, chat: str) -> None:
    def taken(state: State) -> Sequence[AnyEvent]:
        return [
            change(state, "agent", reason="taken", actor="agent", at=5, holder="ann", holder_name="Ann"),
            said("I am Ann", by="agent"),
        ]

    assert (await conversations.update(ACCOUNT, chat, taken)).state.holder == "ann"
    with pytest.raises(Conflict):
        await conversations.update(ACCOUNT, chat, taken)
    old = change(State(id=chat, account=ACCOUNT), "queue", reason="handoff_requested", actor="visitor", at=6)
    with pytest.raises(Conflict):
        await conversations.append(ACCOUNT, chat, [old], 3)
    assert (await conversations.state(ACCOUNT, chat)).seq == 3


async def test_BR_5_a_batch_is_judged_step_by_step(conversations: Conversations, chat: str) -> None:
    start = await conversations.state(ACCOUNT, chat)
    queued = change(start, "queue", reason="handoff_requested", actor="visitor", at=5)
    closed = change(State(id=chat, account=ACCOUNT, control="queue"), "closed", reason="ended", actor="visitor", at=6)
    assert await conversations.append(ACCOUNT, chat, [queued, said("bye"), closed], 1) == 4
    assert (await conversations.state(ACCOUNT, chat)).closed


async def test_TI_4_what_is_appended_is_masked_and_the_outcome_says_what_was_stored(
    conversations: Conversations, chat: str
) -> None:
    raw = MessageSent(at=1, by="visitor", text="4111 1111 1111 1111")
    outcome = await conversations.update(ACCOUNT, chat, lambda _: [raw])

    assert texts(await conversations.events(ACCOUNT, chat)) == ["•••• •••• •••• 1111"]
    assert outcome.events[0].text == "•••• •••• •••• 1111"
    assert outcome.state.last_text == "•••• •••• •••• 1111"


async def test_the_current_conversation_of_a_browser_is_the_newest_open_one(
    conversations: Conversations, clock: ManualClock
) -> None:
    assert await conversations.current_of(ACCOUNT, BOT, VISITOR) is None
    first = await conversations.open(ACCOUNT, BOT, visitor=VISITOR)
    await clock.advance(1)
    second = await conversations.open(ACCOUNT, BOT, visitor=VISITOR)
    await conversations.open(ACCOUNT, "bot-2", visitor=VISITOR)
    await conversations.open(ACCOUNT, BOT, visitor="somebody else")
    await conversations.open("red", BOT, visitor=VISITOR)

    current = await conversations.current_of(ACCOUNT, BOT, VISITOR)
    assert current is not None
    assert current.id == second

    await _close(conversations, second)
    current = await conversations.current_of(ACCOUNT, BOT, VISITOR)
    assert current is not None
    assert current.id == first
    await _close(conversations, first)
    assert await conversations.current_of(ACCOUNT, BOT, VISITOR) is None


async def _close(conversations: Conversations, chat: str) -> None:
    await conversations.update(
        ACCOUNT, chat, lambda state: [change(state, "closed", reason="ended", actor="visitor", at=9)]
    )


async def _queue(conversations: Conversations, chat: str, at: int) -> None:
    await conversations.update(
        ACCOUNT, chat, lambda state: [change(state, "queue", reason="handoff_requested", actor="visitor", at=at)]
    )


async def test_lists_show_bots_and_control_newest_first_page_by_page(
    conversations: Conversations, clock: ManualClock
) -> None:
    chats = []
    for number in range(6):
        await clock.advance(1_000)
        chats.append(await conversations.open(ACCOUNT, f"bot-{number % 2}", visitor=f"v{number}"))
    await conversations.open("red", "bot-0", visitor="v")
    await _queue(conversations, chats[1], clock.now() + 5_000)

    rows, more = await conversations.heads.rows(ACCOUNT, frozenset({"bot-1"}))
    assert [row.id for row in rows] == [chats[1], chats[5], chats[3]]
    assert more is None
    assert (rows[0].control, rows[0].seq, rows[0].waiting_since) == ("queue", 2, clock.now() + 5_000)

    assert await conversations.heads.rows(ACCOUNT, frozenset()) == ([], None)
    queued, _ = await conversations.heads.rows(ACCOUNT, None, control="queue")
    assert [row.id for row in queued] == [chats[1]]
    both, _ = await conversations.heads.rows(ACCOUNT, None, control=("queue", "bot"))
    assert len(both) == 6

    page, more = await conversations.heads.rows(ACCOUNT, None, limit=4)
    rest, end = await conversations.heads.rows(ACCOUNT, None, limit=4, after=more)
    assert [row.id for row in (*page, *rest)] == [chats[1], chats[5], chats[4], chats[3], chats[2], chats[0]]
    assert end is None
    assert [row.id async for row in conversations.heads.recent(ACCOUNT, None)] == [row.id for row in (*page, *rest)]


async def test_lists_find_what_a_person_holds(conversations: Conversations, chat: str) -> None:
    await conversations.update(
        ACCOUNT, chat, lambda state: [change(state, "agent", reason="taken", actor="agent", at=5, holder="ann")]
    )
    [row], _ = await conversations.heads.rows(ACCOUNT, None, holder="ann")
    assert (row.id, row.holder) == (chat, "ann")
    assert await conversations.heads.rows(ACCOUNT, None, holder="bob") == ([], None)


async def test_YA_26_those_who_wait_are_found_the_longest_first(conversations: Conversations) -> None:
    chats = [await conversations.open(ACCOUNT, BOT, visitor=f"v{number}") for number in range(4)]
    for chat, at in zip(chats, (400, 200, 300, 900), strict=True):
        await _queue(conversations, chat, at)

    waiting = [row.id async for row in conversations.heads.waiting(ACCOUNT, "queue", until=400)]
    assert waiting == [chats[1], chats[2], chats[0]]
    assert [row async for row in conversations.heads.waiting(ACCOUNT, "bot", until=10_000)] == []


async def test_a_message_that_no_turn_answered_is_found_after_a_crash(conversations: Conversations, chat: str) -> None:
    await conversations.append(ACCOUNT, chat, [said(at=50)], 1)
    assert [row.id async for row in conversations.heads.waiting(ACCOUNT, "bot", until=100)] == [chat]
    await conversations.append(ACCOUNT, chat, [BotStateChanged(at=60, answers=2, events=())], 2)
    assert [row.id async for row in conversations.heads.waiting(ACCOUNT, "bot", until=100)] == []


async def test_MS_4_an_erased_conversation_is_gone_and_cannot_be_brought_back(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, conversations: Conversations, chat: str
) -> None:
    await conversations.append(ACCOUNT, chat, [said("secret")], 1)
    log = f"conversation/{len(ACCOUNT)}/{ACCOUNT}/{chat}"
    saved = list(await engine.read(log))
    head = await engine.get(KINDS[0], chat)
    assert head is not None

    assert await conversations.erase(ACCOUNT, chat)

    for gone in (conversations.state(ACCOUNT, chat), conversations.update(ACCOUNT, chat, lambda _: [said()])):
        with pytest.raises(NotFound):
            await gone
    for batch in saved:  # last night's backup of the records is put back
        await engine.append(log, batch, head=(KINDS[0], head) if batch is saved[-1] else None)
    with pytest.raises(KeyDestroyed):
        await Conversations(engine, keyring, LocalSignals(), clock).state(ACCOUNT, chat)
    assert not await conversations.erase(ACCOUNT, new_id())


async def test_MS_4_a_writer_that_still_holds_it_cannot_bring_it_back(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, conversations: Conversations, chat: str
) -> None:
    other = Conversations(engine, keyring, LocalSignals(), clock)
    await other.state(ACCOUNT, chat)
    await conversations.erase(ACCOUNT, chat)

    with pytest.raises((NotFound, KeyDestroyed)):
        await other.append(ACCOUNT, chat, [said()], 1)
    with pytest.raises(NotFound):
        await other.state(ACCOUNT, chat)


def _sealed(engine: MemoryEngine) -> Mapping[str, list[Batch]]:
    return engine._logs


async def test_K_3_a_log_that_lost_or_changed_something_is_not_read(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock, conversations: Conversations, chat: str
) -> None:
    for number in range(1, 5):
        await conversations.append(ACCOUNT, chat, [said(str(number))], number)
    [batches] = _sealed(engine).values()
    whole = list(batches)

    for damage in (whole[:-1], whole[:2] + whole[3:], [whole[0], whole[2], whole[1], *whole[3:]]):
        batches[:] = damage
        with pytest.raises(Damaged):
            await Conversations(engine, keyring, LocalSignals(), clock).events(ACCOUNT, chat)
    batches[:] = whole
    assert len(await Conversations(engine, keyring, LocalSignals(), clock).events(ACCOUNT, chat)) == 5


async def test_K_10_nothing_that_was_said_is_in_the_store(
    engine: MemoryEngine, conversations: Conversations, chat: str
) -> None:
    canary = "canary-in-a-coal-mine"
    note = NoteWritten(at=1, author="p", author_name=canary, text=canary)
    await conversations.append(ACCOUNT, chat, [said(canary), note], 1)

    stored = repr(_sealed(engine)) + repr(engine._rows)
    assert canary not in stored
    assert VISITOR not in stored
