"""DD-1, DD-3, DD-9: an address has one way in, is invisible until the opt-in completes, and may be suppressed."""

import asyncio

import pytest

from foundation.clock import DAY, ManualClock
from foundation.errors import Invalid
from foundation.ids import new_id
from foundation.keys import Keyring
from foundation.records import MemoryEngine
from tests.transcripts.conftest import ACCOUNT
from transcripts import Contacts

JANE = "jane@example.org"


@pytest.fixture
def contacts(engine: MemoryEngine, keyring: Keyring, clock: ManualClock) -> Contacts:
    return Contacts(engine, keyring, clock)


async def test_DD_1_an_address_is_new_then_unverified_then_verified(contacts: Contacts) -> None:
    first = await contacts.supply(ACCOUNT, JANE, "visitor")
    assert (first.outcome, first.address) == ("new", JANE)
    assert (await contacts.supply(ACCOUNT, JANE, "agent")) == first

    await contacts.complete(ACCOUNT, first.contact)
    assert (await contacts.supply(ACCOUNT, "JANE@Example.org", "visitor")).outcome == "unverified"
    assert (await contacts.supply(ACCOUNT, JANE, "visitor", proven=new_id())).outcome == "unverified"
    verified = await contacts.supply(ACCOUNT, JANE, "visitor", proven=first.contact)
    assert (verified.outcome, verified.contact) == ("verified", first.contact)


async def test_DD_3_a_contact_is_in_no_list_until_the_opt_in_completes(contacts: Contacts, clock: ManualClock) -> None:
    supplied = await contacts.supply(ACCOUNT, JANE, "visitor")
    assert await contacts.list(ACCOUNT) == ([], None)

    await clock.advance(500)
    done = await contacts.complete(ACCOUNT, supplied.contact)
    assert done is not None
    assert (done.state, done.completed_at) == ("complete", clock.now())
    assert await contacts.list(ACCOUNT) == ([done], None)

    await clock.advance(500)
    assert await contacts.complete(ACCOUNT, supplied.contact) == done
    assert await contacts.complete(ACCOUNT, new_id()) is None


async def test_DD_9_a_suppressed_address_is_never_added(contacts: Contacts, engine: MemoryEngine) -> None:
    await contacts.suppress(ACCOUNT, JANE, "denied")

    supplied = await contacts.supply(ACCOUNT, "Jane@Example.org", "visitor")

    assert (supplied.outcome, supplied.contact) == ("suppressed", "")
    assert await contacts.by_address(ACCOUNT, JANE) is None
    assert JANE not in repr(engine._rows)
    assert (await contacts.supply("red", JANE, "visitor")).outcome == "new"


async def test_D_13_a_suppression_may_end_and_is_only_made_longer(contacts: Contacts, clock: ManualClock) -> None:
    start = clock.now()
    await contacts.suppress(ACCOUNT, JANE, "denied", until=start + 30 * DAY)
    await contacts.suppress(ACCOUNT, JANE, "denied", until=start + 10 * DAY)
    await clock.advance(29 * DAY)
    assert await contacts.is_suppressed(ACCOUNT, JANE)
    await clock.advance(1 * DAY)
    assert not await contacts.is_suppressed(ACCOUNT, JANE)
    assert (await contacts.supply(ACCOUNT, JANE, "visitor")).outcome == "new"

    await contacts.suppress(ACCOUNT, JANE, "bounced")
    await contacts.suppress(ACCOUNT, JANE, "denied", until=clock.now() + DAY)
    await clock.advance(400 * DAY)
    assert await contacts.is_suppressed(ACCOUNT, JANE)


async def test_one_address_given_in_many_chats_at_once_is_one_contact(contacts: Contacts) -> None:
    supplied = await asyncio.gather(*(contacts.supply(ACCOUNT, JANE, "visitor") for _ in range(20)))
    assert len({one.contact for one in supplied}) == 1


async def test_M_1_a_contact_belongs_to_its_account(contacts: Contacts) -> None:
    mine = await contacts.supply(ACCOUNT, JANE, "visitor")
    theirs = await contacts.supply("red", JANE, "visitor")
    assert mine.contact != theirs.contact
    assert await contacts.get("red", mine.contact) is None
    assert await contacts.complete("red", mine.contact) is None
    assert not await contacts.erase("red", mine.contact)


async def test_what_is_no_address_is_kept_nowhere(contacts: Contacts, engine: MemoryEngine) -> None:
    with pytest.raises(Invalid):
        await contacts.supply(ACCOUNT, "alice@example.org]<bob@evil.org>", "visitor")
    assert not any(engine._rows.values())


async def test_K_10_the_address_is_not_in_the_store_and_each_contact_has_its_own_key(
    contacts: Contacts, engine: MemoryEngine
) -> None:
    await contacts.supply(ACCOUNT, JANE, "visitor")
    await contacts.supply(ACCOUNT, "bob@example.org", "visitor")
    rows = list(engine._rows["contact"].values())
    assert JANE not in repr(rows)
    assert len({row.key for row in rows}) == 2


async def test_MS_4_an_erased_contact_is_gone_with_its_key(
    contacts: Contacts, keyring: Keyring, engine: MemoryEngine
) -> None:
    supplied = await contacts.supply(ACCOUNT, JANE, "visitor")
    [row] = engine._rows["contact"].values()

    assert await contacts.erase(ACCOUNT, supplied.contact)

    assert await contacts.get(ACCOUNT, supplied.contact) is None
    assert keyring.cached(row.key) is None
    assert (await contacts.supply(ACCOUNT, JANE, "visitor")).contact != supplied.contact


async def test_an_address_that_nobody_confirmed_is_forgotten(contacts: Contacts, clock: ManualClock) -> None:
    old = await contacts.supply(ACCOUNT, JANE, "visitor")
    kept = await contacts.supply("red", "bob@example.org", "visitor")
    await contacts.complete("red", kept.contact)
    await clock.advance(7 * DAY)
    young = await contacts.supply(ACCOUNT, "young@example.org", "visitor")

    assert await contacts.forget_unconfirmed(clock.now() - DAY) == 1

    assert await contacts.get(ACCOUNT, old.contact) is None
    assert await contacts.get("red", kept.contact) is not None
    assert await contacts.get(ACCOUNT, young.contact) is not None


async def test_lists_go_page_by_page_newest_first(contacts: Contacts, clock: ManualClock) -> None:
    made = []
    for number in range(5):
        await clock.advance(1)
        made.append((await contacts.supply(ACCOUNT, f"p{number}@example.org", "visitor")).contact)
        await contacts.complete(ACCOUNT, made[-1])
    first, more = await contacts.list(ACCOUNT, limit=3)
    rest, end = await contacts.list(ACCOUNT, limit=3, after=more)
    assert [one.id for one in (*first, *rest)] == made[::-1]
    assert end is None
