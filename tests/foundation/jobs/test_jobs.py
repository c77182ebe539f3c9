"""Jobs: durable, leased, at least once, retried, given up, counted."""

import asyncio
import contextlib
import logging
import sqlite3
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.clock import DAY, HOUR, MINUTE, SECOND, ManualClock
from foundation.errors import StorageFull
from foundation.jobs import GiveUp, Job, Jobs, Retry
from foundation.jobs.job import JOBS, retry_delay
from foundation.keys import Keyring
from foundation.records import Engine, MemoryEngine, SqliteEngine, Stale, Where

from .conftest import Letter

SHOP = "account-of-the-shop"


class Desk:
    """Jobs whose handler keeps what it is given, or raises what it is told to."""

    def __init__(self, engine: Engine, keyring: Keyring, clock: ManualClock, **options) -> None:
        self.clock = clock
        self.outcomes: list[tuple[str, str]] = []
        self.jobs = Jobs(engine, keyring, clock, observe=lambda name, how: self.outcomes.append((name, how)), **options)
        self.done: list[Job] = []
        self.raising: list[BaseException | None] = []
        self.jobs.handle("mail", self.work, body=Letter, max_tries=options.pop("max_tries", 12))

    async def work(self, job: Job) -> None:
        self.done.append(job)
        error = self.raising.pop(0) if self.raising else None
        if error is not None:
            raise error


@pytest.fixture
def desk(engine, keyring, clock) -> Desk:
    return Desk(engine, keyring, clock)


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(jobs: Jobs):
    task = asyncio.ensure_future(jobs.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def settled(engine: Engine) -> None:
    """Time for whoever waits for the engine to have his answers."""
    for _ in range(30):
        await rows(engine)
        await asyncio.sleep(0)


async def rows(engine: Engine, status: str | None = None) -> int:
    return await engine.count(JOBS, [Where("status", "=", status)] if status else [])


async def test_a_job_is_done_with_its_body_and_gone(desk, engine, clock) -> None:
    identity = await desk.jobs.put(SHOP, "mail", Letter("mia@example.org", 7))
    assert await desk.jobs.run_due() == 1
    assert desk.done == [Job(identity, SHOP, "mail", Letter("mia@example.org", 7), 1, clock.now())]
    assert await rows(engine) == 0
    assert await desk.jobs.run_due() == 0
    assert desk.outcomes == [("mail", "done")]


async def test_a_job_waits_until_it_is_due(desk, clock) -> None:
    await desk.jobs.put(SHOP, "mail", Letter("a"), due=clock.now() + HOUR)
    assert await desk.jobs.run_due() == 0
    await clock.advance(HOUR - 1)
    assert await desk.jobs.run_due() == 0
    await clock.advance(1)
    assert await desk.jobs.run_due() == 1


async def test_the_oldest_comes_first(desk, clock) -> None:
    for number, due in enumerate([3, 1, 2]):
        await desk.jobs.put(SHOP, "mail", Letter("a", number), due=clock.now() + due)
    await clock.advance(10)
    await desk.jobs.run_due()
    assert [job.body.number for job in desk.done] == [1, 2, 0]


async def test_a_job_of_a_name_without_handler_is_left_alone(desk, engine) -> None:
    await desk.jobs.put(SHOP, "later", Letter("a"))
    assert await desk.jobs.run_due() == 0
    assert await rows(engine, "open") == 1
    with pytest.raises(ValueError, match="handler already"):
        desk.jobs.handle("mail", desk.work, body=Letter)


async def test_a_keyed_job_is_put_once(desk, engine) -> None:
    first = await desk.jobs.put(SHOP, "mail", Letter("a"), key="7")
    assert await desk.jobs.put(SHOP, "mail", Letter("b"), key="7") == first
    other = await desk.jobs.put("another-account", "mail", Letter("c"), key="7")
    assert other != first
    assert await desk.jobs.put(SHOP, "mail", Letter("d"), key="8") not in {first, other}
    await desk.jobs.run_due()
    assert sorted(job.body.to for job in desk.done) == ["a", "c", "d"]
    assert await desk.jobs.put(SHOP, "mail", Letter("e"), key="7") == first
    assert await desk.jobs.run_due() == 0


async def test_many_at_once_put_a_keyed_job_once(desk) -> None:
    identities = await asyncio.gather(*(desk.jobs.put(SHOP, "mail", Letter("a"), key="k") for _ in range(20)))
    assert len(set(identities)) == 1
    await desk.jobs.run_due()
    assert len(desk.done) == 1


async def test_a_keyed_job_is_forgotten_a_day_after_it_was_done(desk, engine, clock) -> None:
    await desk.jobs.put(SHOP, "mail", Letter("a"), key="7")
    await desk.jobs.run_due()
    assert await rows(engine, "done") == 1
    await clock.advance(DAY + 1)
    async with running(desk.jobs):
        await until_count(engine, 0)
    await desk.jobs.put(SHOP, "mail", Letter("a"), key="7")
    assert await desk.jobs.run_due() == 1


async def until_count(engine: Engine, number: int) -> None:
    async with asyncio.timeout(10):
        while await rows(engine) != number:
            await asyncio.sleep(0)


async def test_a_job_can_be_taken_back_until_it_begins(desk, engine, clock) -> None:
    await desk.jobs.put(SHOP, "mail", Letter("a"), key="7", due=clock.now() + HOUR)
    assert not await desk.jobs.cancel("another-account", "mail", "7")
    assert not await desk.jobs.cancel(SHOP, "other", "7")
    assert await desk.jobs.cancel(SHOP, "mail", "7")
    assert not await desk.jobs.cancel(SHOP, "mail", "7")
    assert await rows(engine) == 0
    await desk.jobs.put(SHOP, "mail", Letter("b"), key="7")
    await desk.jobs.run_due()
    assert [job.body.to for job in desk.done] == ["b"]
    assert not await desk.jobs.cancel(SHOP, "mail", "7")


async def test_what_fails_comes_again_after_5_10_20_seconds(desk, engine, clock) -> None:
    await desk.jobs.put(SHOP, "mail", Letter("a"))
    desk.raising = [RuntimeError("x"), OSError("y"), ValueError("z")]
    waits = []
    for _ in range(4):
        waited = 0
        while await desk.jobs.run_due() == 0:
            await clock.advance(SECOND)
            waited += 1
        waits.append(waited)
    assert waits == [0, 5, 10, 20]
    assert [job.tries for job in desk.done] == [1, 2, 3, 4]
    assert len({job.due for job in desk.done}) == 1
    assert await rows(engine) == 0
    assert [how for _, how in desk.outcomes] == ["retry"] * 3 + ["done"]


@given(st.integers(1, 200))
def test_the_delay_grows_to_an_hour_without_chance(tries: int) -> None:
    assert retry_delay(tries) == retry_delay(tries) == min(5 * SECOND * 2 ** (tries - 1), HOUR)
    assert retry_delay(tries + 1) >= retry_delay(tries)


async def test_a_handler_may_say_when(desk, clock) -> None:
    await desk.jobs.put(SHOP, "mail", Letter("a"))
    desk.raising = [Retry(90 * SECOND)]
    await desk.jobs.run_due()
    await clock.advance(89 * SECOND)
    assert await desk.jobs.run_due() == 0
    await clock.advance(SECOND)
    assert await desk.jobs.run_due() == 1


async def test_what_fails_too_often_is_kept_and_counted_and_can_be_revived(engine, keyring, clock) -> None:
    desk = Desk(engine, keyring, clock)
    desk.jobs.handle("fragile", desk.work, body=Letter, max_tries=3)
    identity = await desk.jobs.put(SHOP, "fragile", Letter("a"), key="7")
    desk.raising = [RuntimeError("x")] * 3
    for _ in range(5):
        await desk.jobs.run_due()
        await clock.advance(HOUR)
    assert len(desk.done) == 3
    assert (await desk.jobs.failed(), await desk.jobs.failed(SHOP), await desk.jobs.failed("other")) == (1, 1, 0)
    assert await desk.jobs.put(SHOP, "fragile", Letter("a"), key="7") == identity
    assert not await desk.jobs.revive("other", identity)
    assert await desk.jobs.revive(SHOP, identity)
    assert not await desk.jobs.revive(SHOP, identity)
    assert await desk.jobs.run_due() == 1
    assert desk.done[-1].tries == 1
    assert await desk.jobs.failed() == 0
    assert [how for _, how in desk.outcomes] == ["retry", "retry", "failed", "done"]


async def test_a_handler_may_give_up_at_once(desk) -> None:
    await desk.jobs.put(SHOP, "mail", Letter("a"))
    desk.raising = [GiveUp("the address does not exist")]
    await desk.jobs.run_due()
    assert await desk.jobs.failed() == 1
    assert desk.outcomes == [("mail", "failed")]


async def test_a_body_that_the_handler_no_longer_understands_is_given_up(engine, keyring, clock) -> None:
    class Other(msgspec.Struct):
        size: int

    desk = Desk(engine, keyring, clock)
    jobs = Jobs(engine, keyring, clock)
    jobs.handle("mail", desk.work, body=Other)
    await jobs.put(SHOP, "mail", Letter("a"))
    await jobs.run_due()
    assert await jobs.failed() == 1
    assert desk.done == []


async def test_G_4_an_error_is_logged_without_what_it_says(desk, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    await desk.jobs.put(SHOP, "mail", Letter("canary@example.org"), key="canary@example.org")
    desk.raising = [RuntimeError("canary@example.org")]
    await desk.jobs.run_due()
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text


# Leases


async def test_two_runners_do_a_job_once(engine, keyring, clock) -> None:
    one, two = Desk(engine, keyring, clock), Desk(engine, keyring, clock)
    for number in range(40):
        await one.jobs.put(SHOP, "mail", Letter("a", number))
    await asyncio.gather(one.jobs.run_due(), two.jobs.run_due(), one.jobs.run_due(), two.jobs.run_due())
    counted = Counter(job.body.number for job in one.done + two.done)
    assert counted == dict.fromkeys(range(40), 1)


async def test_a_job_of_a_process_that_died_is_taken_when_its_lease_ends(engine, keyring, clock) -> None:
    """The first runner stops in the middle and neither writes nor renews: as after kill -9."""
    dead_clock = ManualClock(clock.now())
    dead, alive = Desk(engine, keyring, dead_clock, lease_ms=60_000), Desk(engine, keyring, clock)
    began, never = asyncio.Event(), asyncio.Event()

    async def hang(job: Job) -> None:
        began.set()
        await never.wait()

    dead.jobs.handle("slow", hang, body=Letter)
    alive.jobs.handle("slow", alive.work, body=Letter)
    await dead.jobs.put(SHOP, "slow", Letter("a"))
    working = asyncio.ensure_future(dead.jobs.run_due())
    await began.wait()
    assert await alive.jobs.run_due() == 0
    await clock.advance(59_999)
    assert await alive.jobs.run_due() == 0
    await clock.advance(1)
    assert await alive.jobs.run_due() == 1
    assert alive.done[0].tries == 2
    assert await rows(engine) == 0
    never.set()
    assert await working == 1


async def test_the_word_of_a_holder_who_lost_the_lease_does_not_count(engine, keyring, clock) -> None:
    lost, holder = Desk(engine, keyring, ManualClock(clock.now())), Desk(engine, keyring, clock)
    began, go_on, busy, finish = (asyncio.Event() for _ in range(4))

    async def late(job: Job) -> None:
        began.set()
        await go_on.wait()
        raise RuntimeError

    async def second(job: Job) -> None:
        busy.set()
        await finish.wait()

    lost.jobs.handle("slow", late, body=Letter)
    holder.jobs.handle("slow", second, body=Letter)
    await lost.jobs.put(SHOP, "slow", Letter("a"), key="7")
    first = asyncio.ensure_future(lost.jobs.run_due())
    await began.wait()
    await clock.advance(MINUTE)
    then = asyncio.ensure_future(holder.jobs.run_due())
    await busy.wait()
    go_on.set()
    await first
    assert await rows(engine, "open") == 1
    finish.set()
    await then
    assert await rows(engine, "done") == 1


class Watched(ManualClock):
    """A clock that knows how many sleep by it."""

    sleeping = 0

    async def sleep(self, milliseconds: int) -> None:
        self.sleeping += 1
        try:
            await super().sleep(milliseconds)
        finally:
            self.sleeping -= 1


async def test_a_lease_is_renewed_while_the_work_goes_on(engine, keyring) -> None:
    clock = Watched()
    slow, other = Desk(engine, keyring, clock, lease_ms=10_000), Desk(engine, keyring, clock)
    began, finish = asyncio.Event(), asyncio.Event()

    async def long(job: Job) -> None:
        began.set()
        await finish.wait()

    slow.jobs.handle("long", long, body=Letter)
    other.jobs.handle("long", other.work, body=Letter)
    await slow.jobs.put(SHOP, "long", Letter("a"))
    working = asyncio.ensure_future(slow.jobs.run_due())
    await began.wait()
    for _ in range(10):
        before = await lease_end(engine)
        await until(lambda: clock.sleeping == 1)
        await clock.advance(5_000)
        async with asyncio.timeout(10):
            while await lease_end(engine) == before:
                await asyncio.sleep(0)
        assert await other.jobs.run_due() == 0
    finish.set()
    await working
    assert (await rows(engine), other.done) == (0, [])


async def lease_end(engine: Engine) -> object:
    return (await engine.find(JOBS)).rows[0].fields["lease_until"]


async def test_an_orderly_end_gives_the_jobs_back_at_once(engine, keyring, clock) -> None:
    first, second = Desk(engine, keyring, clock), Desk(engine, keyring, clock)
    began = asyncio.Event()

    async def hang(job: Job) -> None:
        began.set()
        await asyncio.Event().wait()

    first.jobs.handle("slow", hang, body=Letter)
    second.jobs.handle("slow", second.work, body=Letter)
    await first.jobs.put(SHOP, "slow", Letter("a"))
    async with running(first.jobs):
        await began.wait()
    assert await second.jobs.run_due() == 1
    assert second.done[0].tries == 1


# The loop


async def test_the_loop_is_woken_by_put_and_by_what_falls_due(desk, clock) -> None:
    async with running(desk.jobs):
        await desk.jobs.put(SHOP, "mail", Letter("now"))
        await until(lambda: len(desk.done) == 1)
        await desk.jobs.put(SHOP, "mail", Letter("later"), due=clock.now() + 5 * MINUTE)
        while len(desk.done) < 2:
            await asyncio.sleep(0)
            await clock.advance(SECOND)
        assert clock.now() >= desk.done[1].due
    assert [job.body.to for job in desk.done] == ["now", "later"]


async def test_the_loop_rests_while_there_is_nothing_to_do(keyring, clock) -> None:
    class Counting(MemoryEngine):
        finds = 0

        async def find(self, *args, **options):
            self.finds += 1
            return await super().find(*args, **options)

    engine = Counting([JOBS])
    await engine.open()
    desk = Desk(engine, keyring, clock)
    await desk.jobs.put(SHOP, "mail", Letter("a"), due=clock.now() + HOUR)
    async with running(desk.jobs):
        for _ in range(200):
            await asyncio.sleep(0)
        looked = engine.finds
        for _ in range(500):
            await asyncio.sleep(0)
        assert engine.finds == looked <= 6
        await clock.advance(MINUTE)
        for _ in range(200):
            await asyncio.sleep(0)
        assert looked < engine.finds <= looked + 4
    await engine.close()


async def test_who_rests_finds_what_another_process_put_and_died_with(keyring, clock) -> None:
    """Nobody told him: he looks once in a lease, and takes the job over when its lease has ended."""
    engine = MemoryEngine([JOBS])
    await engine.open()
    dead = Desk(engine, keyring, ManualClock(clock.now()), lease_ms=3 * SECOND)
    alive = Desk(engine, keyring, clock, lease_ms=3 * SECOND)
    began, never = asyncio.Event(), asyncio.Event()

    async def hang(job: Job) -> None:
        began.set()
        await never.wait()

    dead.jobs.handle("slow", hang, body=Letter)
    alive.jobs.handle("slow", alive.work, body=Letter)
    async with running(alive.jobs):
        await settled(engine)
        await dead.jobs.put(SHOP, "slow", Letter("a"))
        working = asyncio.ensure_future(dead.jobs.run_due())
        await began.wait()
        put = clock.now()
        while not alive.done:
            assert clock.now() < put + 7 * SECOND
            await clock.advance(SECOND // 2)
            await settled(engine)
        assert clock.now() >= put + 3 * SECOND
    never.set()
    await working
    await engine.close()


async def test_what_is_due_and_another_holds_is_not_asked_for_without_a_pause(keyring, clock) -> None:
    """A store may say for a while that a job is due and that somebody else is just taking it."""

    class Held(MemoryEngine):
        tries = 0

        async def replace(self, kind, row):
            self.tries += 1
            raise Stale

    engine = Held([JOBS])
    await engine.open()
    desk = Desk(engine, keyring, clock)
    await desk.jobs.put(SHOP, "mail", Letter("a"))
    async with running(desk.jobs):
        for _ in range(500):
            await asyncio.sleep(0)
        assert engine.tries <= 2
        await clock.advance(50)
        for _ in range(50):
            await asyncio.sleep(0)
        assert 2 <= engine.tries <= 4
    await engine.close()


async def test_so_many_run_at_a_time_and_no_more(engine, keyring, clock) -> None:
    jobs = Jobs(engine, keyring, clock, parallel=3)
    at_work: list[str] = []
    most: list[int] = []
    gates = [asyncio.Event() for _ in range(10)]

    async def work(job: Job) -> None:
        at_work.append(job.id)
        most.append(len(at_work))
        await gates[job.body.number].wait()
        at_work.remove(job.id)

    jobs.handle("mail", work, body=Letter)
    for number in range(10):
        await jobs.put(SHOP, "mail", Letter("a", number), due=clock.now() - 10 + number)
    async with running(jobs):
        for number, gate in enumerate(gates):
            expected = min(3, 10 - number)
            await until(lambda expected=expected: len(at_work) == expected)
            gate.set()
        await until_count(engine, 0)
    assert max(most) == 3


async def test_a_job_may_put_another(desk, engine) -> None:
    async def chain(job: Job) -> None:
        if job.body.number < 3:
            await desk.jobs.put(SHOP, "chain", Letter("a", job.body.number + 1))
        desk.done.append(job)

    desk.jobs.handle("chain", chain, body=Letter)
    await desk.jobs.put(SHOP, "chain", Letter("a"))
    async with running(desk.jobs):
        await until(lambda: len(desk.done) == 4)


async def test_a_store_that_fails_stops_nothing_for_ever(keyring, clock, caplog) -> None:
    class Failing(MemoryEngine):
        broken = True

        async def find(self, *args, **options):
            if self.broken:
                raise StorageFull
            return await super().find(*args, **options)

    engine = Failing([JOBS])
    await engine.open()
    desk = Desk(engine, keyring, clock)
    await desk.jobs.put(SHOP, "mail", Letter("a"))
    async with running(desk.jobs):
        await until(lambda: "storage_full" in caplog.text)
        engine.broken = False
        while not desk.done:
            await asyncio.sleep(0)
            await clock.advance(SECOND)
    await engine.close()


class Forgetful(MemoryEngine):
    """A store that cannot be written to at times: it answers with an error, `after` or before it has written."""

    broken = False
    after = False
    refusals = 0

    async def delete(self, *args):
        return await self._written(super().delete(*args))

    async def replace(self, *args):
        return await self._written(super().replace(*args))

    async def _written(self, write):
        if not self.broken:
            return await write
        self.refusals += 1
        if self.after:
            await write
        else:
            write.close()
        raise StorageFull


async def test_what_was_done_is_noted_when_the_store_is_there_again(keyring, clock) -> None:
    """Else a mail that is out would go out again."""
    engine = Forgetful([JOBS])
    await engine.open()
    desk = Desk(engine, keyring, clock)
    work, began, finish = desk.work, asyncio.Event(), asyncio.Event()

    async def outlasting(job: Job) -> None:
        began.set()
        await finish.wait()
        await work(job)

    desk.jobs.handle("slow", outlasting, body=Letter)
    await desk.jobs.put(SHOP, "slow", Letter("a"))
    async with running(desk.jobs):
        await began.wait()
        engine.broken = True
        finish.set()
        while engine.refusals < 3:
            await asyncio.sleep(0)
            await clock.advance(SECOND)
        assert await rows(engine) == 1
        engine.broken = False
        await clock.advance(SECOND)
        await until_count(engine, 0)
        await clock.advance(2 * MINUTE)
        await settled(engine)
    assert len(desk.done) == 1
    await engine.close()


async def test_a_store_that_fails_for_longer_than_a_lease_lets_a_job_run_again(keyring, clock, caplog) -> None:
    engine = Forgetful([JOBS])
    await engine.open()
    desk = Desk(engine, keyring, clock)

    async def breaking(job: Job) -> None:
        engine.broken = not desk.done
        await desk.work(job)

    desk.jobs.handle("last", breaking, body=Letter)
    await desk.jobs.put(SHOP, "last", Letter("a"))
    async with running(desk.jobs):
        async with asyncio.timeout(10):
            while "cannot be written" not in caplog.text:
                await asyncio.sleep(0)
                await clock.advance(SECOND)
        engine.broken = False
        while len(desk.done) < 2:
            await asyncio.sleep(0)
            await clock.advance(SECOND)
        await until_count(engine, 0)
    await engine.close()


async def test_a_renewal_that_the_store_kept_and_denied_loses_no_lease(keyring) -> None:
    clock, engine = Watched(), Forgetful([JOBS])
    await engine.open()
    desk = Desk(engine, keyring, clock, lease_ms=10_000)
    began, finish = asyncio.Event(), asyncio.Event()

    async def long(job: Job) -> None:
        began.set()
        await finish.wait()

    desk.jobs.handle("long", long, body=Letter)
    await desk.jobs.put(SHOP, "long", Letter("a"), key="7")
    working = asyncio.ensure_future(desk.jobs.run_due())
    await began.wait()
    engine.broken = engine.after = True
    await until(lambda: clock.sleeping == 1)
    await clock.advance(5_000)
    await until(lambda: engine.refusals == 1 and clock.sleeping == 1)
    engine.broken = False
    finish.set()
    await working
    assert (await rows(engine, "open"), await rows(engine, "done")) == (0, 1)
    await engine.close()


async def test_a_job_whose_key_was_destroyed_stops_no_other(engine, keyring, clock, caplog) -> None:
    desk = Desk(engine, keyring, clock)
    await desk.jobs.put("gone", "mail", Letter("a"), due=clock.now() - 5)
    await desk.jobs.put(SHOP, "mail", Letter("b"))
    await keyring.destroy("gone", await keyring.account_key("gone"))
    assert await desk.jobs.run_due() == 1
    assert [job.body.to for job in desk.done] == ["b"]
    assert await desk.jobs.failed() == 1
    assert await desk.jobs.run_due() == 0
    assert "cannot be read" in caplog.text


async def test_what_is_to_be_done_survives_and_is_sealed(tmp_path, keyring, clock) -> None:
    """Put, close the store, look into the file, open it again, run."""
    file = tmp_path / "jobs.db"
    first = SqliteEngine(file, [JOBS])
    await first.open()
    await Desk(first, keyring, clock).jobs.put(SHOP, "mail", Letter("canary@example.org"), key="canary@example.org")
    await first.close()
    assert all(b"canary" not in path.read_bytes() for path in tmp_path.glob("jobs.db*"))
    with contextlib.closing(sqlite3.connect(file)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    second = SqliteEngine(file, [JOBS])
    await second.open()
    desk = Desk(second, keyring, clock)
    assert await desk.jobs.run_due() == 1
    assert desk.done[0].body == Letter("canary@example.org")
    await second.close()
