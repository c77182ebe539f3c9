"""What people may do with a chat: each deed where it is allowed, and refused where it is not."""

import asyncio

import pytest

from foundation.errors import Conflict, Invalid, NotFound
from foundation.ids import new_id
from handoff.sight import may_see
from transcripts.events import NoteWritten


async def test_an_agent_takes_a_chat_from_the_queue_and_answers(house) -> None:
    """BR-5: take over, talk, hand back; each change of control stands in the audit book."""
    anna, chat = house.person("anna"), await house.chat()
    await house.desk.take_over(anna, chat)
    state = await house.state(chat)
    assert (state.control, state.holder, state.holder_name) == ("agent", "anna", "Anna")
    seq = await house.desk.say(anna, chat, client_id="c-1", text="  Good day.  ")
    assert (await house.conversations.events(house.account, chat, seq - 1))[0].event.text == "Good day."
    await house.desk.hand_back(anna, chat)
    assert (await house.state(chat)).control == "bot"
    assert [a for a in await house.actions() if a.startswith("conversation")] == [
        "conversation.taken",
        "conversation.to_bot",
    ]


async def test_taking_what_one_holds_changes_nothing(house) -> None:
    anna, chat = house.person("anna"), await house.chat()
    first = await house.desk.take_over(anna, chat)
    assert await house.desk.take_over(anna, chat) == first


async def test_of_two_who_take_at_the_same_moment_one_wins(house) -> None:
    """The loser is told: the chat is no longer in the queue, so an agent does not see it any more (YA-24)."""
    chat = await house.chat()
    deeds = [house.desk.take_over(house.person(name), chat) for name in ("anna", "bert")]
    results = await asyncio.gather(*deeds, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["NotFound", "int"]


async def test_a_message_is_stored_once_however_often_it_is_sent(house) -> None:
    anna, chat = house.person("anna"), await house.chat()
    await house.desk.take_over(anna, chat)
    sent = [await house.desk.say(anna, chat, client_id="same", text="Once.") for _ in range(3)]
    assert len(set(sent)) == 1
    assert (await house.state(chat)).seq == sent[0]


async def test_only_the_holder_speaks(house) -> None:
    anna, boss, chat = house.person("anna"), house.person("boss", "supervisor"), await house.chat()
    with pytest.raises(Conflict, match="Take the chat over"):
        await house.desk.say(anna, chat, client_id="1", text="too early")
    await house.desk.take_over(anna, chat)
    with pytest.raises(Conflict):
        await house.desk.say(boss, chat, client_id="2", text="not mine")
    await house.desk.take_over(boss, chat)
    assert await house.desk.say(boss, chat, client_id="3", text="mine now")


@pytest.mark.parametrize("text", ["", "   ", "x" * 4_001])
async def test_a_message_without_words_or_with_too_many_is_not_stored(house, text: str) -> None:
    anna, chat = house.person("anna"), await house.chat()
    seq = await house.desk.take_over(anna, chat)
    with pytest.raises(Invalid):
        await house.desk.say(anna, chat, client_id="1", text=text)
    with pytest.raises(Invalid):
        await house.desk.note(anna, chat, client_id="2", text=text)
    assert (await house.state(chat)).seq == seq


async def test_TI_4_card_numbers_are_masked_before_they_are_stored(house) -> None:
    anna, chat = house.person("anna"), await house.chat()
    await house.desk.take_over(anna, chat)
    seq = await house.desk.note(anna, chat, client_id="1", text="pays with 4111 1111 1111 1111")
    note = (await house.conversations.events(house.account, chat, seq - 1))[0].event
    assert isinstance(note, NoteWritten)
    assert "4111 1111" not in note.text
    assert note.text.endswith("1111")


async def test_YA_24_an_agent_sees_the_queue_and_his_own_and_nothing_else(house) -> None:
    anna, bert, boss = house.person("anna"), house.person("bert"), house.person("boss", "supervisor")
    stranger = house.person("stranger", bot="bot-of-another")
    with_bot, waiting, held = await house.chat("bot"), await house.chat(), await house.chat()
    await house.desk.take_over(bert, held)
    chats = [await house.state(chat) for chat in (with_bot, waiting, held)]
    assert [may_see(anna, chat) for chat in chats] == [False, True, False]
    assert [may_see(bert, chat) for chat in chats] == [False, True, True]
    assert [may_see(boss, chat) for chat in chats] == [True, True, True]
    assert not any(may_see(stranger, chat) for chat in chats)
    assert not any(may_see(house.person("eve", "auditor"), chat) for chat in chats)


async def test_M_1_a_foreign_chat_and_an_unknown_one_give_the_same_answer(house) -> None:
    stranger, chat = house.person("stranger", bot="bot-of-another"), await house.chat()
    await house.desk.take_over(house.person("anna"), chat)
    seq = (await house.state(chat)).seq
    deeds = [
        lambda at: house.desk.take_over(stranger, at),
        lambda at: house.desk.hand_back(stranger, at),
        lambda at: house.desk.requeue(stranger, at),
        lambda at: house.desk.close(stranger, at),
        lambda at: house.desk.say(stranger, at, client_id="1", text="hello"),
        lambda at: house.desk.note(stranger, at, client_id="2", text="hello"),
    ]
    for deed in deeds:
        said = []
        for conversation in (chat, new_id()):
            with pytest.raises(NotFound) as refusal:
                await deed(conversation)
            said.append(refusal.value.members())
        assert said[0] == said[1]
    assert (await house.state(chat)).seq == seq


async def test_closing_is_the_end(house) -> None:
    anna, chat = house.person("anna"), await house.chat()
    await house.desk.take_over(anna, chat)
    await house.desk.close(anna, chat)
    assert (await house.state(chat)).closed
    assert await house.desk.note(anna, chat, client_id="n", text="afterwards"), "notes may follow"
    for deed in (house.desk.take_over, house.desk.hand_back):
        with pytest.raises(Conflict):
            await deed(anna, chat)


async def test_an_agent_cannot_take_another_ones_chat_away(house) -> None:
    anna, bert, boss = house.person("anna"), house.person("bert"), house.person("boss", "supervisor")
    chat = await house.chat()
    await house.desk.take_over(anna, chat)
    with pytest.raises(NotFound):
        await house.desk.close(bert, chat)
    await house.desk.requeue(boss, chat)
    assert (await house.state(chat)).control == "queue"


async def test_MS_6_tags_are_put_on_and_taken_off(house) -> None:
    anna, stranger, chat = house.person("anna"), house.person("carl", bot="bot-of-another"), await house.chat()
    first = await house.desk.tag(anna, chat, ("Billing ", "slow  payer", "billing"))
    assert (await house.state(chat)).tags == {"billing", "slow payer"}
    assert await house.desk.tag(anna, chat, ("slow payer", "billing")) == first, "the same again changes nothing"
    for tags in (("",), ("x" * 41,), ('say "x"',), tuple(f"t{n}" for n in range(21))):
        with pytest.raises(Invalid):
            await house.desk.tag(anna, chat, tags)
    with pytest.raises(NotFound):
        await house.desk.tag(stranger, chat, ("mine",))
    assert (await house.state(chat)).tags == {"billing", "slow payer"}
    await house.desk.tag(anna, chat, ())
    assert (await house.state(chat)).tags == frozenset()
    assert (await house.actions())[-2:] == ["conversation.tagged", "conversation.tagged"]
