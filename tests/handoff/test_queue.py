"""YA-26: every wait has an end, it is said in the chat, and it comes once however many nodes sweep."""

import asyncio

from foundation.clock import MINUTE
from transcripts.events import MessageSent


async def last_message(house, chat: str) -> MessageSent:
    events = [one.event for one in await house.conversations.events(house.account, chat)]
    return [event for event in events if isinstance(event, MessageSent)][-1]


async def test_who_waits_too_long_in_the_queue_is_given_back_to_the_bot(house) -> None:
    chat = await house.chat()
    await house.clock.advance(15 * MINUTE - 1)
    assert await house.keeper.sweep() == 0
    await house.clock.advance(1)
    assert await house.keeper.sweep() == 1
    assert (await house.state(chat)).control == "bot"
    said = await last_message(house, chat)
    assert (said.by, "Nobody was free" in said.text) == ("system", True)
    assert await house.keeper.sweep() == 0


async def test_more_words_of_the_visitor_do_not_lengthen_the_wait(house) -> None:
    chat = await house.chat()
    await house.clock.advance(14 * MINUTE)
    await house.visitor_says(chat, "anybody there?")
    await house.clock.advance(MINUTE)
    assert await house.keeper.sweep() == 1


async def test_a_silent_agent_loses_the_chat_to_the_queue(house) -> None:
    anna, chat = house.person("anna"), await house.chat()
    await house.desk.take_over(anna, chat)
    await house.desk.say(anna, chat, client_id="1", text="One moment.")
    await house.clock.advance(30 * MINUTE)
    assert await house.keeper.sweep() == 0, "nobody waits for the agent"
    await house.visitor_says(chat, "And now?")
    await house.clock.advance(10 * MINUTE)
    assert await house.keeper.sweep() == 1
    assert (await house.state(chat)).control == "queue"


async def test_two_sweeps_at_the_same_moment_end_a_wait_once(house) -> None:
    chat = await house.chat()
    await house.clock.advance(15 * MINUTE)
    assert sorted(await asyncio.gather(house.keeper.sweep(), house.keeper.sweep())) == [0, 1]
    texts = [one.event for one in await house.conversations.events(house.account, chat)]
    assert sum(isinstance(event, MessageSent) and event.by == "system" for event in texts) == 1
