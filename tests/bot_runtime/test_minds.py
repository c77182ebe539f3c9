"""What a bot has in mind: bounded by events, and rebuilt from the log as it was."""

import ast

from bot_runtime.assistants import Assistant
from bot_runtime.minds import Minds
from tests.bot_runtime.conftest import Chat, Desk, Talk


def assistant_of(talk: Talk) -> Assistant:
    bot = talk.bots.of(talk.desk.account.id, talk.desk.bot.id)
    assert bot is not None
    assert bot.assistant is not None
    return bot.assistant


async def talked(talk: Talk) -> Chat:
    chat = await talk.desk.chat()
    await talk.say(chat, "hi")
    await talk.say(chat, "Bye", payload="/goodbye")
    return chat


async def test_minds_that_hold_too_many_events_go_oldest_first_and_come_back_the_same(talk: Talk) -> None:
    desk: Desk = talk.desk
    assistant = assistant_of(talk)
    chats = [await talked(talk) for _ in range(3)]
    states = [await desk.state(chat) for chat in chats]
    roomy = Minds(desk.conversations)
    events = (await roomy.of(states[0], assistant)).tracker.events
    assert len(events) > 4
    minds = Minds(desk.conversations, most_events=2 * len(events))
    first, second = await minds.of(states[0], assistant), await minds.of(states[1], assistant)
    assert await minds.of(states[0], assistant) is first, "both fit"
    await minds.of(states[2], assistant)
    assert await minds.of(states[0], assistant) is first, "it was used last"
    again = await minds.of(states[1], assistant)
    assert again is not second
    assert again.tracker.events == second.tracker.events


async def test_of_a_long_conversation_the_latest_events_are_kept_and_an_action_sees_all(talk: Talk) -> None:
    """A chat of 450 messages: the events of a hundred or two stay in memory, and the author's action is told every word."""
    chat = await talk.desk.chat()
    [first] = await talk.say(chat, "first", payload="/tell")
    for number in range(448):
        await talk.receive(chat, f"Bye {number}", payload="/goodbye")
    [told] = await talk.say(chat, "last", payload="/tell")
    words = ast.literal_eval(told.removeprefix("None None "))
    goodbye = words[3]
    assert words == ["/tell", first, *["/goodbye", goodbye] * 448, "/tell"]
    state = await talk.desk.state(chat)
    mind = await talk.minds.of(state, assistant_of(talk))
    assert 500 <= len(mind.tracker) < 1_000
    again = await Minds(talk.desk.conversations).of(state, assistant_of(talk))
    whole = [*(await talk.minds.older(state, mind.tracker)), *mind.tracker.events]
    assert whole == [*(await talk.minds.older(state, again.tracker)), *again.tracker.events]
    assert len(whole) > 448 * 4


async def test_a_mind_that_is_alone_too_large_is_kept_and_its_growth_counts_once(talk: Talk) -> None:
    desk, assistant = talk.desk, assistant_of(talk)
    chats = [await talked(talk) for _ in range(2)]
    states = [await desk.state(chat) for chat in chats]
    alone = Minds(desk.conversations, most_events=1)
    mind = await alone.of(states[0], assistant)
    assert await alone.of(states[0], assistant) is mind
    size = len(mind.tracker.events)
    minds = Minds(desk.conversations, most_events=2 * size)
    kept = await minds.of(states[0], assistant)
    for _ in range(5):
        minds.keep(chats[0].id, kept, kept.tracker, kept.seq)
    await minds.of(states[1], assistant)
    assert await minds.of(states[0], assistant) is kept
    minds.forget(chats[0].id)
    assert await minds.of(states[0], assistant) is not kept
