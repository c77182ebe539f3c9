"""A visitor's message and what it causes (BR-1, BR-5, DESIGN "room by room")."""

import asyncio
from pathlib import Path

import pytest

from bot_runtime.fallbacks import CALL_PERSON
from foundation.clock import HOUR, ManualClock
from foundation.errors import Conflict, Forbidden
from foundation.records import MemoryEngine
from tests.bot_runtime.conftest import Chat, Desk, Talk, begun, code_in, make_desk, make_talk, open_gate, runs
from transcripts.control import change
from transcripts.events import BotStateChanged, Closed, ControlChanged, EmailVerified, MessageSent, VerificationSent
from transcripts.state import State


async def take_over(desk: Desk, chat: Chat) -> None:
    def decide(state: State) -> list[ControlChanged]:
        return [change(state, "agent", reason="taken", actor="agent", author="anna", holder="anna", at=1)]

    await desk.conversations.update(desk.account.id, chat.id, decide)


async def again(desk: Desk, engine: MemoryEngine) -> Desk:
    """The services of a second process on the same stores."""
    return await make_desk(engine, desk.keyring, desk.clock, desk.pages, "https://chat.blue.example")


async def hand_back(desk: Desk, chat: Chat) -> None:
    def decide(state: State) -> list[ControlChanged]:
        return [change(state, "bot", reason="handed_back", actor="agent", author="anna", at=2)]

    await desk.conversations.update(desk.account.id, chat.id, decide)


# Messages


async def test_BR_1_a_message_is_stored_understood_and_answered(talk: Talk) -> None:
    chat = await talk.desk.chat()
    assert await talk.say(chat, "hi") == ["Ahoy!"]
    (message, answer) = await talk.desk.events(chat, MessageSent)
    assert (message.by, answer.by) == ("visitor", "bot")
    assert [button.payload for button in answer.buttons] == ["/ask_human", "/goodbye"]
    state = await talk.desk.state(chat)
    assert (state.unanswered, state.answered, state.waiting_since) == (None, 3, None)
    assert await talk.say(chat, "Bye", payload="/goodbye") == ["Fair winds!"]
    assert (await talk.desk.events(chat, MessageSent))[-1].image == "https://harbour.example/boat.png"


async def test_a_turn_that_needs_nobody_is_one_append_with_its_message(talk: Talk) -> None:
    chat = await talk.desk.chat()
    seq = await talk.receive(chat, "hello")
    events = await talk.desk.events(chat)
    assert [type(event).__name__ for event in events[seq - 1 :]] == ["MessageSent", "BotStateChanged", "MessageSent"]


async def test_a_message_that_is_sent_again_is_stored_and_answered_once(talk: Talk) -> None:
    chat = await talk.desk.chat()
    first = await talk.receive(chat, "hello", client_id="a")
    answers = await asyncio.gather(*(talk.receive(chat, "hello", client_id="a") for _ in range(5)))
    assert set(answers) == {first}
    assert await talk.said(chat) == [("visitor", "hello"), ("bot", "Ahoy!")]


async def test_one_message_at_the_same_moment_from_two_sockets_is_stored_once(talk: Talk) -> None:
    chat = await talk.desk.chat()
    answers = await asyncio.gather(*(talk.receive(chat, "hello", client_id="a") for _ in range(8)))
    assert len(set(answers)) == 1
    assert len(await talk.said(chat)) == 2


async def test_messages_of_one_conversation_are_answered_in_order(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await asyncio.gather(*(talk.receive(chat, text) for text in ("hello", "bye", "hello", "bye")))
    await talk.turns.idle()
    assert await talk.said(chat) == [
        ("visitor", "hello"), ("bot", "Ahoy!"), ("visitor", "bye"), ("bot", "Fair winds!"),
        ("visitor", "hello"), ("bot", "Ahoy!"), ("visitor", "bye"), ("bot", "Fair winds!"),
    ]  # fmt: skip


async def test_PS_13_without_consent_nothing_is_stored(talk: Talk) -> None:
    bare = await talk.desk.conversations.open(talk.desk.account.id, talk.desk.bot.id, visitor="somebody")
    with pytest.raises(Forbidden):
        await talk.receive(Chat(bare, "x"), "hello")
    assert (await talk.desk.conversations.state(talk.desk.account.id, bare)).seq == 1


async def test_a_closed_chat_takes_no_message(talk: Talk) -> None:
    chat = await talk.desk.chat()
    ended = [
        ControlChanged(at=1, was="bot", now="closed", reason="ended", actor="visitor"),
        Closed(at=1, by="visitor", reason="ended"),
    ]
    await talk.desk.conversations.append(talk.desk.account.id, chat.id, ended, 2)
    with pytest.raises(Conflict):
        await talk.receive(chat, "hello")


async def test_TI_4_a_card_number_reaches_neither_the_log_nor_the_assistant(talk: Talk, assistant: Path) -> None:
    chat = await talk.desk.chat()
    await talk.receive(chat, "hello 4111 1111 1111 1111")
    (told,) = await talk.say(chat, "/tell")
    assert "1111 1111 1111" not in told
    assert "4111" not in str(await talk.desk.events(chat))


# The tracker


async def test_the_tracker_refers_to_messages_and_holds_none(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, "hello")
    (turn,) = await talk.desk.events(chat, BotStateChanged)
    assert turn.answers == 3
    (user,) = [event for event in turn.events if event["event"] == "user"]
    (bot,) = [event for event in turn.events if event["event"] == "bot"]
    assert (user["message"], bot["reply"]) == (3, 0)
    assert "hello" not in str(turn)
    assert "Ahoy" not in str(turn)


async def test_a_restarted_process_knows_every_word(talk: Talk, assistant: Path, models: Path) -> None:
    """The tracker in memory and the one rebuilt from the log say the same."""
    chat = await talk.desk.chat()
    await talk.say(chat, "hello")
    await talk.say(chat, "Bye", payload="/goodbye")
    (told,) = await talk.say(chat, "/tell")
    assert told == "None None ['hello', 'Ahoy!', '/goodbye', 'Fair winds!', '/tell']"
    restarted = make_talk(talk.desk, assistant, models)
    async with restarted.bots.serving(restarted.turns):
        await restarted.bots.loaded()
        (retold,) = await restarted.say(chat, "/tell")
    assert retold == f"None None {['hello', 'Ahoy!', '/goodbye', 'Fair winds!', '/tell', told, '/tell']}"


async def test_the_slots_of_the_proof_reach_the_assistant(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, "hello")
    await talk.desk.supply(chat, "jane@visitors.example")
    assert (await talk.say(chat, "/tell"))[0].startswith("jane@visitors.example False")
    await talk.desk.enter(chat, code_in(await talk.desk.mail()))
    assert (await talk.say(chat, "/tell"))[0].startswith("jane@visitors.example True")


async def test_a_session_ends_after_an_hour_of_silence(talk: Talk, clock: ManualClock) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, "hello")
    await clock.advance(2 * HOUR)
    await talk.say(chat, "hello")
    started = [event for turn in await talk.desk.events(chat, BotStateChanged) for event in turn.events]
    assert [event["event"] for event in started].count("session_started") == 2


# Custom actions


async def test_a_message_is_acknowledged_before_its_slow_action_answers(talk: Talk, assistant: Path) -> None:
    chat = await talk.desk.chat()
    seq = await talk.receive(chat, "/slow")
    assert (await talk.desk.state(chat)).unanswered == seq
    await begun(assistant)
    await talk.receive(chat, "hello")
    assert await talk.said(chat) == [("visitor", "/slow"), ("visitor", "hello")], "taken while the first one runs"
    open_gate(assistant)
    await talk.turns.idle()
    assert [text for by, text in await talk.said(chat) if by == "bot"] == ["That took a while.", "Ahoy!"]
    turns = await talk.desk.events(chat, BotStateChanged)
    assert [turn.answers for turn in turns] == [3, 4]


async def test_other_conversations_do_not_wait_for_a_slow_action(talk: Talk, assistant: Path) -> None:
    slow, quick = await talk.desk.chat(), await talk.desk.chat()
    await talk.receive(slow, "/slow")
    seq = await talk.receive(quick, "hello")
    assert (await talk.desk.state(quick)).seq == seq + 2
    open_gate(assistant)
    await talk.turns.idle()


async def test_BR_5_what_the_bot_thought_while_a_person_took_over_is_dropped(talk: Talk, assistant: Path) -> None:
    chat = await talk.desk.chat()
    await talk.receive(chat, "/slow")
    await begun(assistant)
    await take_over(talk.desk, chat)
    open_gate(assistant)
    await talk.turns.idle()
    assert await talk.said(chat) == [("visitor", "/slow")]
    assert await talk.desk.events(chat, BotStateChanged) == []
    await talk.receive(chat, "are you there?")
    await talk.turns.idle()
    assert len(await talk.said(chat)) == 2, "the bot is silent while a person holds the chat"
    await hand_back(talk.desk, chat)
    assert await talk.say(chat, "hello") == ["Ahoy!"], "and answers again when it is given back"


async def test_a_crash_between_message_and_answer_is_made_good_once(
    talk: Talk, assistant: Path, models: Path, engine: MemoryEngine
) -> None:
    """The process ends while an action runs; a second process on the same store answers the message, once."""
    chat = await talk.desk.chat()
    seq = await talk.receive(chat, "/slow")
    await begun(assistant)
    await talk.turns.close()
    assert (await talk.desk.state(chat)).unanswered == seq
    open_gate(assistant)
    restarted = make_talk(await again(talk.desk, engine), assistant, models)
    async with restarted.bots.serving(restarted.turns):
        await restarted.bots.loaded()
        await restarted.turns.resume(talk.desk.account.id, chat.id)
        await restarted.turns.resume(talk.desk.account.id, chat.id)
        await restarted.turns.idle()
        assert await restarted.said(chat) == [("visitor", "/slow"), ("bot", "That took a while.")]
        assert await restarted.turns.recover(talk.desk.account.id) == 0


async def test_all_messages_that_a_crash_left_are_answered_in_order(talk: Talk, assistant: Path) -> None:
    chat = await talk.desk.chat()
    await talk.receive(chat, "/slow")
    await begun(assistant)
    await talk.receive(chat, "hello")
    await talk.receive(chat, "bye")
    await talk.turns.close()
    open_gate(assistant)
    await talk.turns.resume(talk.desk.account.id, chat.id)
    await talk.turns.idle()
    answers = [text for by, text in await talk.said(chat) if by == "bot"]
    assert answers == ["That took a while.", "Ahoy!", "Fair winds!"]
    assert runs(assistant) == 2


async def test_a_message_for_people_is_not_answered_by_the_bot_later(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await take_over(talk.desk, chat)
    await talk.receive(chat, "hello")
    await hand_back(talk.desk, chat)
    await talk.turns.resume(talk.desk.account.id, chat.id)
    await talk.turns.idle()
    assert await talk.said(chat) == [("visitor", "hello")]


# When the bot has no answer


async def test_BR_5_a_failing_action_gets_an_honest_answer_and_the_second_a_person(talk: Talk) -> None:
    chat = await talk.desk.chat()
    (first,) = await talk.say(chat, "/fails")
    assert "went wrong" in first
    offer = (await talk.desk.events(chat, MessageSent))[-1]
    assert [button.payload for button in offer.buttons] == [CALL_PERSON]
    (second,) = await talk.say(chat, "/fails")
    assert "calling a person" in second
    state = await talk.desk.state(chat)
    assert state.control == "queue"
    assert (await talk.desk.events(chat, ControlChanged))[-1].reason == "bot_failed"
    assert await talk.say(chat, "hello") == [], "Z-11: the bot is out of it now"


async def test_a_success_in_between_starts_the_count_again(talk: Talk) -> None:
    chat = await talk.desk.chat()
    for _ in range(3):
        assert "went wrong" in (await talk.say(chat, "/fails"))[0]
        await talk.say(chat, "hello")
    assert (await talk.desk.state(chat)).control == "bot"


async def test_the_count_survives_a_restart(talk: Talk, assistant: Path, models: Path) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, "/fails")
    again = make_talk(talk.desk, assistant, models)
    async with again.bots.serving(again.turns):
        await again.bots.loaded()
        await again.say(chat, "/fails")
    assert (await talk.desk.state(chat)).control == "queue"


async def test_BR_5_silence_is_answered_too_and_the_sixth_calls_a_person(talk: Talk) -> None:
    chat = await talk.desk.chat()
    for _ in range(5):
        assert "no answer to that" in (await talk.say(chat, "/silent"))[0]
    turn = (await talk.desk.events(chat, BotStateChanged))[-1]
    assert "action_silent" in [event.get("name") for event in turn.events], "the tracker goes on all the same"
    assert [button.payload for button in (await talk.desk.events(chat, MessageSent))[-1].buttons] == [CALL_PERSON]
    await talk.say(chat, "/silent")
    assert (await talk.desk.state(chat)).control == "queue"


async def test_BR_5_a_paused_assistant_does_not_leave_the_visitor_alone(talk: Talk) -> None:
    chat = await talk.desk.chat()
    heard = [(await talk.say(chat, text))[0] for text in ("/pause", "hello", "hello", "hello", "hello", "hello")]
    assert "no answer to that" in heard[1]
    assert (await talk.desk.state(chat)).control == "queue"


async def test_what_was_said_before_an_action_failed_is_said(talk: Talk) -> None:
    chat = await talk.desk.chat()
    assert await talk.say(chat, "/both") == ["First."]


async def test_an_action_that_kills_its_process_costs_that_action(talk: Talk) -> None:
    chat = await talk.desk.chat()
    assert "went wrong" in (await talk.say(chat, "/dies"))[0]
    assert (await talk.say(chat, "/tell"))[0].startswith("None None")


async def test_whatever_an_action_says_can_be_read_again(talk: Talk) -> None:
    """What is no text becomes one; what no log can hold is a failure, and the chat goes on."""
    chat = await talk.desk.chat()
    assert await talk.say(chat, "/odd") == ["12", ""]
    assert "went wrong" in (await talk.say(chat, "/endless"))[0]
    talk.desk.conversations._cache.drop(chat.id)
    (odd, order) = [event for event in await talk.desk.events(chat, MessageSent) if event.by == "bot"][:2]
    assert (odd.card, [button.title for button in odd.buttons]) == ("", ["1"])
    assert order.custom == {"order": {"lines": [1, 2]}}
    assert await talk.say(chat, "hello") == ["Ahoy!"]


async def test_a_turn_that_takes_too_long_is_given_up(desk: Desk, assistant: Path, models: Path) -> None:
    talk = make_talk(desk, assistant, models, limit_s=0.05)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        chat = await desk.chat()
        assert "went wrong" in (await talk.say(chat, "/slow"))[0]
        await talk.say(chat, "/slow")
        assert (await desk.state(chat)).control == "queue"


async def test_BR_5_three_times_not_understood_offers_a_person_and_six_times_calls_one(talk: Talk) -> None:
    chat = await talk.desk.chat()
    heard = [await talk.say(chat, "/nlu_fallback") for _ in range(6)]
    assert heard[0] == heard[1] == heard[3] == heard[4] == ["What did you say?"]
    assert "Would you like to talk to a person" in heard[2][1]
    assert "calling a person" in heard[5][1]
    assert (await talk.desk.events(chat, ControlChanged))[-1].reason == "not_understood"


async def test_BR_5_the_offered_button_calls_a_person_whatever_the_assistant_knows(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, "Talk to a person", payload=CALL_PERSON)
    (moved,) = await talk.desk.events(chat, ControlChanged)
    assert (moved.now, moved.reason, moved.actor) == ("queue", "handoff_requested", "visitor")


# Our own actions


async def test_BR_5_action_handoff_calls_a_person_and_says_so(talk: Talk) -> None:
    chat = await talk.desk.chat()
    (said,) = await talk.say(chat, "a person, please")
    assert said == "I am calling a person. Please stay here, this may take a moment."
    (moved,) = await talk.desk.events(chat, ControlChanged)
    assert (moved.was, moved.now, moved.reason, moved.actor) == ("bot", "queue", "handoff_requested", "bot")


async def test_action_handoff_speaks_the_assistants_words_if_it_has_some(talk: Talk, assistant: Path) -> None:
    domain = assistant / "domain.yml"
    words = 'utter_handoff: [{text: "Crew is coming."}]\n  utter_both:'
    domain.write_text(domain.read_text().replace("utter_both:", words))
    await talk.bots.reload(talk.desk.account.id, talk.desk.bot.id)
    assert await talk.say(await talk.desk.chat(), "/ask_human") == ["Crew is coming."]


async def test_action_ask_email_shows_the_card(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, "/give_email")
    assert (await talk.desk.events(chat, MessageSent))[-1].card == "email"


async def test_action_verify_email_asks_sends_and_says(talk: Talk) -> None:
    chat = await talk.desk.chat()
    await talk.say(chat, "/prove_email")
    assert (await talk.desk.events(chat, MessageSent))[-1].card == "email", "without an address it asks for one"
    await talk.desk.supply(chat, "jane@visitors.example")
    await talk.say(chat, "/prove_email")
    (_, by_the_bot) = await talk.desk.events(chat, VerificationSent)
    assert by_the_bot.by == "bot"
    assert (await talk.desk.events(chat, MessageSent))[-1].card == "code"
    assert await talk.desk.enter(chat, code_in(await talk.desk.mail())) == "verified"
    assert await talk.say(chat, "/prove_email") == [
        "Your e-mail address j***@visitors.example is verified in this browser."
    ]
    assert len(await talk.desk.events(chat, EmailVerified)) == 1


# Bots that are not ready


async def test_a_bot_that_is_loading_says_so_and_answers_when_it_is_ready(
    desk: Desk, assistant: Path, models: Path
) -> None:
    talk = make_talk(desk, assistant, models)
    chat = await desk.chat()
    seq = await talk.receive(chat, "hello")
    await talk.receive(chat, "bye")
    assert [by for by, _ in await talk.said(chat)] == ["visitor", "system", "visitor"], "said once"
    assert (await desk.state(chat)).unanswered is not None
    assert "is loading" in str(await talk.bots.readiness())
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        await talk.turns.idle()
        assert await talk.bots.readiness() is None
        assert [text for by, text in await talk.said(chat) if by == "bot"] == ["Ahoy!", "Fair winds!"]
        assert (await desk.events(chat, BotStateChanged))[0].answers == seq


async def test_what_came_while_a_bot_was_loading_is_answered_before_what_comes_next(
    desk: Desk, assistant: Path, models: Path
) -> None:
    """A message that arrives before anybody told the turns that the bot is ready must not overtake, and so bury, others."""
    talk = make_talk(desk, assistant, models)
    chat = await desk.chat()
    first = await talk.receive(chat, "hello")
    await talk.bots.start()
    try:
        await talk.bots.loaded()
        second = await talk.receive(chat, "bye")
        await talk.turns.idle()
        assert [text for by, text in await talk.said(chat) if by == "bot"] == ["Ahoy!", "Fair winds!"]
        assert [turn.answers for turn in await desk.events(chat, BotStateChanged)] == [first, second]
        assert (await desk.state(chat)).unanswered is None
    finally:
        await talk.turns.close()
        await talk.bots.close()


async def test_a_broken_assistant_names_file_and_line_and_calls_people(
    desk: Desk, assistant: Path, models: Path
) -> None:
    rules = assistant / "data/rules.yml"
    rules.write_text(rules.read_text().replace("{action: utter_goodbye}", "{action: [wrong]}"))
    talk = make_talk(desk, assistant, models)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        assert "data/rules.yml:6:" in str(await talk.bots.readiness())
        chat = await desk.chat()
        assert "went wrong" in (await talk.say(chat, "hello"))[0]
        assert "calling a person" in (await talk.say(chat, "hello"))[0]
        assert (await desk.state(chat)).control == "queue"
