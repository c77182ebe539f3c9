"""How often a mailbox may be written to, whoever asks (SECURITY D-11, D-12, D-13)."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot_runtime.verification.mailboxes import KIND, Mailboxes, one_mailbox
from foundation import keys
from foundation.clock import DAY, HOUR, MINUTE, ManualClock
from foundation.keys import Keyring, MasterKey
from foundation.records import MemoryEngine


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest_asyncio.fixture
async def mailboxes(clock: ManualClock) -> AsyncIterator[Mailboxes]:
    engine, store = MemoryEngine((KIND,)), MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(os.urandom(32)), clock)
    await keyring.open()
    yield Mailboxes(engine, keyring, clock)
    await engine.close()
    await store.close()


async def test_D_11_three_mails_an_hour_and_ten_a_day(mailboxes: Mailboxes, clock: ManualClock) -> None:
    admitted = []
    for _ in range(24 * 4):
        admitted.append(await mailboxes.admit("jane@example.org"))
        await clock.advance(15 * MINUTE)
    assert admitted[:4] == [True, True, True, False]
    assert sum(admitted) == 10
    await clock.advance(DAY)
    assert await mailboxes.admit("jane@example.org")


async def test_D_11_a_refused_mail_is_not_counted(mailboxes: Mailboxes, clock: ManualClock) -> None:
    for _ in range(20):
        await mailboxes.admit("jane@example.org")
    await clock.advance(HOUR)
    assert await mailboxes.admit("jane@example.org")


async def test_D_11_fifty_at_the_same_moment_get_three_mails_out(mailboxes: Mailboxes) -> None:
    admitted = await asyncio.gather(*(mailboxes.admit("jane@example.org") for _ in range(50)))
    assert sum(admitted) == 3


async def test_D_12_spellings_of_one_mailbox_count_as_one(mailboxes: Mailboxes) -> None:
    spellings = ["a.b@gmail.com", "ab+1@gmail.com", "A.B+x@GoogleMail.com", "ab@gmail.com"]
    assert [await mailboxes.admit(one) for one in spellings] == [True, True, True, False]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("a.b@gmail.com", "ab@googlemail.com", True),
        ("a+x@outlook.com", "a@outlook.com", True),
        ("a.b@outlook.com", "ab@outlook.com", False),
        ("a+x@example.org", "a@example.org", False),
        ("A@Example.org", "a@example.org", True),
    ],
)
def test_D_12_only_known_providers_are_folded(one: str, other: str, same: bool) -> None:
    assert (one_mailbox(one) == one_mailbox(other)) is same


async def test_D_13_that_was_not_me_silences_the_mailbox_for_thirty_days(
    mailboxes: Mailboxes, clock: ManualClock
) -> None:
    await mailboxes.silence("jane@example.org")
    assert not await mailboxes.admit("jane@example.org")
    assert await mailboxes.admit("joe@example.org")
    await clock.advance(30 * DAY)
    assert await mailboxes.admit("jane@example.org")


async def test_counters_that_limit_nothing_any_more_are_forgotten(mailboxes: Mailboxes, clock: ManualClock) -> None:
    await mailboxes.admit("jane@example.org")
    await mailboxes.silence("joe@example.org")
    assert await mailboxes.forget_old() == 0
    await clock.advance(2 * DAY)
    assert await mailboxes.forget_old() == 1
    assert not await mailboxes.admit("joe@example.org")
