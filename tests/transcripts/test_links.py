"""YA-11, L-14: share links are secrets of 256 bits that are stored as hashes, expire, are revoked and counted."""

import asyncio

import pytest
import pytest_asyncio

from admin import AuditBook, By, Principal
from foundation.clock import DAY, ManualClock
from foundation.errors import Invalid, NotFound
from foundation.ids import is_secret, new_secret
from foundation.keys import Keyring
from foundation.records import MemoryEngine
from tests.transcripts.conftest import ACCOUNT
from transcripts import Conversations, Links, State
from transcripts.links import KEPT_VIEWS, Seen

ANN = Principal(account=ACCOUNT, person="ann-id", name="Ann", email="ann@x.org", role="agent", session="s", bots=None)


@pytest.fixture
def links(engine: MemoryEngine, keyring: Keyring, clock: ManualClock) -> Links:
    return Links(engine, keyring, clock, audit=AuditBook(engine, keyring, clock))


@pytest_asyncio.fixture
async def state(conversations: Conversations, chat: str) -> State:
    return await conversations.state(ACCOUNT, chat)


async def test_YA_11_a_link_names_its_maker_and_lives_180_days(links: Links, state: State, clock: ManualClock) -> None:
    link, secret = await links.create(ANN, state)
    assert (link.created_by, link.created_by_name, link.bot, link.conversation) == (
        "ann-id",
        "Ann",
        state.bot,
        state.id,
    )
    assert link.expires_at == clock.now() + 180 * DAY
    assert await links.by_token(secret) == link


async def test_L_14_the_secret_is_nowhere_in_the_store(links: Links, state: State, engine: MemoryEngine) -> None:
    _, secret = await links.create(ANN, state)
    assert is_secret(secret)
    assert secret not in repr(engine._rows)


def test_L_14_secrets_have_256_bits_and_never_repeat() -> None:
    drawn = {new_secret() for _ in range(100_000)}
    assert len(drawn) == 100_000
    assert all(is_secret(secret) for secret in drawn)


@pytest.mark.parametrize("token", ["", "x", "a" * 42, "a" * 43, "a" * 44, "ä" * 43, "\udcff", "a" * 100_000])
async def test_L_13_an_unknown_or_malformed_secret_names_no_link(links: Links, state: State, token: str) -> None:
    await links.create(ANN, state)
    assert await links.by_token(token) is None


async def test_YA_11_links_are_listed_newest_first_for_their_conversation_only(
    links: Links, state: State, conversations: Conversations, clock: ManualClock
) -> None:
    made = []
    for _ in range(3):
        await clock.advance(1)
        made.append((await links.create(ANN, state))[0])
    other = await conversations.open(ACCOUNT, state.bot, visitor="w")
    await links.create(ANN, await conversations.state(ACCOUNT, other))
    assert list(await links.list(ACCOUNT, state.id)) == made[::-1]
    assert list(await links.list("red", state.id)) == []


async def test_YA_11_a_link_is_revoked_once(links: Links, state: State, clock: ManualClock) -> None:
    link, secret = await links.create(ANN, state)
    revoked = await links.revoke(link, By("ann-id"))
    assert (revoked.revoked_at, revoked.revoked_by) == (clock.now(), "ann-id")
    assert revoked.ended(clock.now()) == "revoked"
    await clock.advance(5)
    assert await links.revoke(link, By("bob-id")) == revoked
    assert await links.by_token(secret) == revoked


async def test_YA_11_no_view_is_lost_in_a_crowd(links: Links, state: State, clock: ManualClock) -> None:
    link, _ = await links.create(ANN, state)
    view = Seen(clock.now(), "bot_access", "page", "ann-id")
    for _ in range(5):
        await asyncio.gather(*(links.count_view(link, view) for _ in range(KEPT_VIEWS // 5 + 1)))
    seen = await links.get(ACCOUNT, link.id)
    assert (seen.views, seen.last_viewed_at) == (KEPT_VIEWS + 5, clock.now())
    assert seen.by_rule == {"bot_access": KEPT_VIEWS + 5}
    assert len(seen.seen) == KEPT_VIEWS


async def test_YA_11_all_links_of_a_bot_end_at_once_and_no_others(
    links: Links, state: State, conversations: Conversations, clock: ManualClock
) -> None:
    other = await conversations.open(ACCOUNT, "bot-2", visitor="w")
    kept, _ = await links.create(ANN, await conversations.state(ACCOUNT, other))
    made = [(await links.create(ANN, state))[0] for _ in range(3)]
    await links.revoke(made[0], By("ann-id"))
    assert await links.revoke_all(ACCOUNT, By("olga"), bot=state.bot) == 2
    assert {(await links.get(ACCOUNT, one.id)).ended(clock.now()) for one in made} == {"revoked"}
    live, _ = await links.page(ACCOUNT, None)
    assert [one.id for one in live] == [kept.id]
    assert len((await links.page(ACCOUNT, None, live=False))[0]) == 4
    assert (await links.page(ACCOUNT, frozenset()))[0] == []
    assert await links.revoke_all(ACCOUNT, By("olga")) == 1


async def test_YA_15_a_link_for_a_machine_is_a_link_like_any_other_and_written_down(
    links: Links, state: State, clock: ManualClock, engine: MemoryEngine, keyring: Keyring
) -> None:
    link, secret = await links.mint_for_machine(ACCOUNT, state.bot, state.id, "slot", life_ms=DAY)
    assert (link.purpose, link.created_by, link.expires_at) == ("slot", "system", clock.now() + DAY)
    assert await links.by_token(secret) == link
    [(_, entry)] = await AuditBook(engine, keyring, clock).read(ACCOUNT)
    assert (entry.action, entry.actor, entry.data["purpose"]) == ("link.created", "system", "slot")
    assert secret not in repr(entry)
    for purpose in ("", "a b", "x" * 41, "<b>", "é"):
        with pytest.raises(Invalid):
            await links.mint_for_machine(ACCOUNT, state.bot, state.id, purpose)


async def test_M_1_another_accounts_link_is_not_there(links: Links, state: State) -> None:
    link, _ = await links.create(ANN, state)
    with pytest.raises(NotFound):
        await links.get("red", link.id)
