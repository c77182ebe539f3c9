"""YA-25: available agents only, longest idle first, a number at a time; Busy and Away get none."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin import Principal
from foundation.clock import MINUTE, SECOND
from foundation.errors import NotFound
from handoff.choosing import Free, choose, why_over
from handoff.presence import GRACE
from transcripts import State
from transcripts.events import ChatOffered, OfferEnded

BOTS = ("bot-of-the-shop", "bot-of-another")


@pytest.fixture
def automatic(house):
    async def switch(*, chats: int = 3) -> None:
        await house.staff.accounts.assign(house.account, automatic=True, chats_at_once=chats)

    return switch


async def offered_to(house, chat: str) -> str:
    offer = (await house.state(chat)).offer
    return "" if offer is None else offer.name


async def test_YA_25_a_waiting_chat_is_offered_to_who_has_been_idle_longest(house, automatic) -> None:
    await automatic()
    anna = await house.member("anna")
    await house.clock.advance(SECOND)
    await house.member("bert")
    first = await house.chat()
    await house.clock.advance(1)
    second = await house.chat()
    assert await house.assigner().sweep() == 2
    assert [await offered_to(house, chat) for chat in (first, second)] == ["Anna", "Bert"]
    await house.clock.advance(SECOND)
    await house.desk.take_over(anna, first)
    await house.presence.touch(house.account, anna.person)
    await house.clock.advance(SECOND)
    third = await house.chat()
    await house.assigner().sweep()
    assert await offered_to(house, third) == "Bert", "a chat came to Anna later than to Bert"


async def test_YA_25_by_hand_nobody_is_offered_anything(house) -> None:
    await house.member("anna")
    chat = await house.chat()
    assert await house.assigner().sweep() == 0
    assert await offered_to(house, chat) == ""


@pytest.mark.parametrize("status", ["busy", "away"])
async def test_YA_25_busy_and_away_get_none(house, automatic, status: str) -> None:
    await automatic()
    anna, chat, node = await house.member("anna"), await house.chat(), house.assigner()
    await house.presence.choose(anna, status)
    assert await node.sweep() == 0
    await house.presence.choose(anna, "available")
    assert await node.sweep() == 1
    await house.presence.choose(anna, status)
    await node.sweep()
    assert await offered_to(house, chat) == "", "the offer ends with the status"
    kept = [event.event for event in await house.conversations.events(house.account, chat)]
    assert [event.reason for event in kept if isinstance(event, OfferEnded)] == ["withdrawn"]
    assert (await house.actions()).count("person.status") == 3


async def test_YA_25_without_an_open_console_one_is_away_after_some_grace(house, automatic) -> None:
    await automatic()
    anna, node = await house.member("anna"), house.assigner()
    await house.clock.advance(GRACE)
    first = await house.chat()
    assert await node.sweep() == 1
    await house.clock.advance(1)
    await node.sweep()
    assert await offered_to(house, first) == "", "the socket did not come back"
    await house.presence.beat(anna)
    assert await node.sweep() == 1, "the status outlives the socket"


async def test_YA_25_nobody_gets_more_than_his_number_at_a_time(house, automatic) -> None:
    await automatic(chats=2)
    anna, node = await house.member("anna"), house.assigner()
    chats = []
    for _ in range(4):
        chats.append(await house.chat())
        await house.clock.advance(1)
    for chat in chats[:2]:
        assert await node.sweep() == 1, "one at a look"
        await house.desk.take_over(anna, chat)
    assert await node.sweep() == 0
    await house.staff.people.limit_chats(house.account, anna.person, 3)
    assert await node.sweep() == 1, "her own number counts"
    await house.staff.people.limit_chats(house.account, anna.person, 0)
    await house.clock.advance(31 * SECOND)
    await house.presence.choose(anna, "busy")
    await node.sweep()
    await house.presence.choose(anna, "available")
    assert await node.sweep() == 0


async def test_YA_25_two_nodes_offer_a_chat_once_and_a_person_no_more_than_he_may_have(house, automatic) -> None:
    await automatic(chats=1)
    await house.member("anna")
    chats = [await house.chat() for _ in range(3)]
    nodes = [house.assigner() for _ in range(4)]
    assert sum(await asyncio.gather(*(node.sweep() for node in nodes))) == 1
    assert [await offered_to(house, chat) for chat in chats].count("Anna") == 1
    events = [one.event for chat in chats for one in await house.conversations.events(house.account, chat)]
    assert sum(isinstance(event, ChatOffered) for event in events) == 1


async def test_YA_24_YA_25_only_who_has_access_to_the_bot(house, automatic) -> None:
    await automatic()
    await house.member("stranger", bots=("bot-of-another",))
    await house.member("eve", "auditor")
    chat, node = await house.chat(), house.assigner()
    assert await node.sweep() == 0
    anna = await house.member("anna")
    assert await node.sweep() == 1
    await house.staff.grants.revoke_from(house.account, anna.person, BOTS[0])
    await node.sweep()
    assert await offered_to(house, chat) == "", "a right that ends takes the offer along"


async def test_YA_25_seniors_get_chats_when_they_say_so(house, automatic) -> None:
    await automatic()
    boss, _, node = await house.member("boss", "supervisor"), await house.chat(), house.assigner()
    assert (await house.presence.standing(boss)).status == "away"
    assert await node.sweep() == 0
    await house.presence.choose(boss, "available")
    assert await node.sweep() == 1


async def test_YA_25_what_is_given_back_goes_to_the_next_one_and_not_back(house, automatic) -> None:
    await automatic()
    anna = await house.member("anna")
    await house.clock.advance(1)
    bert, chat, node = await house.member("bert"), await house.chat(), house.assigner()
    await node.sweep()
    before = (await house.state(chat)).seq
    await house.desk.decline(bert, chat)
    assert (await house.state(chat)).seq == before, "it is not his to give back"
    with pytest.raises(NotFound):
        await house.desk.decline(house.person("stranger", bot="bot-of-another"), chat)
    await house.desk.decline(anna, chat)
    await node.sweep()
    assert await offered_to(house, chat) == "Bert"
    await house.desk.decline(bert, chat)
    assert await node.sweep() == 0, "both gave it back: it waits to be taken by hand"
    await house.desk.take_over(anna, chat)
    assert "conversation.declined" in await house.actions()


async def test_YA_25_who_does_not_answer_is_set_away_and_the_next_one_is_asked(house, automatic) -> None:
    await automatic()
    anna = await house.member("anna")
    await house.clock.advance(1)
    bert, chat, node = await house.member("bert"), await house.chat(), house.assigner()
    await node.sweep()
    await house.clock.advance(30 * SECOND)
    await node.sweep()
    assert (await house.presence.standing(anna)).status == "away"
    await node.sweep()
    assert await offered_to(house, chat) == "Bert"
    await house.desk.take_over(bert, chat)
    assert (await house.state(chat)).holder == bert.person
    assert (await house.state(chat)).offer is None


async def test_YA_25_anybody_may_take_an_offered_chat_by_hand(house, automatic) -> None:
    await automatic()
    await house.member("anna")
    await house.clock.advance(1)
    bert, chat = await house.member("bert"), await house.chat()
    await house.assigner().sweep()
    await house.desk.take_over(bert, chat)
    assert (await house.state(chat)).holder_name == "Bert"
    await house.clock.advance(MINUTE)
    assert await house.assigner().sweep() == 0


async def test_YA_25_switching_it_off_takes_the_offers_back(house, automatic) -> None:
    await automatic()
    await house.member("anna")
    chat, node = await house.chat(), house.assigner()
    await node.sweep()
    await house.staff.accounts.assign(house.account, automatic=False, chats_at_once=3)
    await node.sweep()
    assert await offered_to(house, chat) == ""


people = st.builds(
    lambda name, bots, idle, cap, chats: Free(
        Principal("acct", name, name, "", "agent", "", bots), idle, cap, frozenset(chats)
    ),
    name=st.sampled_from([f"p{n}" for n in range(8)]),
    bots=st.frozensets(st.sampled_from(BOTS)),
    idle=st.integers(0, 20),
    cap=st.integers(0, 3),
    chats=st.frozensets(st.integers(0, 5).map(str), max_size=4),
)


@given(
    free=st.lists(people, max_size=8, unique_by=lambda one: one.person.person),
    bot=st.sampled_from(BOTS),
    declined=st.frozensets(st.sampled_from([f"p{n}" for n in range(8)])),
    order=st.randoms(use_true_random=False),
)
def test_YA_25_the_choice_is_the_longest_idle_of_those_who_may_and_can(free, bot, declined, order) -> None:
    """Against the sentence itself, in whatever order the people are named."""
    state = State(id="c", account="acct", bot=bot, control="queue", declined=declined)
    shuffled = order.sample(free, len(free))
    chosen = choose(state, shuffled)
    able = [p for p in free if bot in p.person.bots and len(p.chats) < p.cap and p.person.person not in declined]
    assert (chosen is None) == (not able)
    if chosen is not None:
        assert chosen in able
        assert all(chosen.idle_since <= other.idle_since for other in able)
        assert choose(state, free) == chosen, "all nodes choose alike"


@given(until=st.integers(0, 100), now=st.integers(0, 100), there=st.booleans())
def test_YA_25_an_offer_is_over_when_its_time_has_passed_or_its_person_is_not_free(until, now, there) -> None:
    offer = ChatOffered(at=0, person="p", name="P", until=until)
    state = State(id="c", account="acct", bot=BOTS[0], control="queue", offer=offer)
    free = [Free(Principal("acct", "p", "P", "", "agent", "", frozenset(BOTS)), 0, 0)] if there else []
    assert why_over(state, free, now) == ("missed" if now >= until else None if there else "withdrawn")
