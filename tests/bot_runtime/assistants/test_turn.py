"""The turn (RASA.md 1.5): sessions, default actions, custom actions and what goes wrong in them, what a caller is given."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bot_runtime import assistants
from bot_runtime.assistants import (
    ActionFailed,
    ActionRejected,
    ActResult,
    ExactUnderstanding,
    Project,
    Tracker,
    UserMessage,
    no_actions,
)
from bot_runtime.assistants.understanding import trained
from tests.bot_runtime.assistants.talking import Action, Actions, Chat, first, short

Talk = Callable[..., Awaitable[Chat]]

DOMAIN = """
    intents: [greet, ask, bye, run, again, faq, remind]
    entities: [name]
    slots:
      name: {type: text, influence_conversation: false, mappings: [{type: from_entity, entity: name}]}
      seen: {type: any, mappings: []}
    actions: [action_x, action_y]
    responses:
      utter_greet: [{text: hi}]
      utter_bye: [{text: bye}]
      utter_x: [{text: "x {name} {extra}", buttons: [{title: a, payload: /a}]}]
      utter_faq/hours: [{text: nine}]
      utter_faq/price: [{text: five}]
      utter_remind: [{text: "remember {name}"}]
    session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: true}
"""
RULES = """
    rules:
    - rule: greet
      steps: [{intent: greet}, {action: utter_greet}]
    - rule: run
      steps: [{intent: run}, {action: action_x}]
    - rule: again
      steps: [{intent: again}, {action: action_x}, {action: action_y}]
    - rule: faq
      steps: [{intent: faq}, {action: utter_faq}]
    - rule: remind
      steps: [{intent: remind}, {action: utter_remind}]
    - rule: bye
      steps: [{intent: bye}, {action: utter_bye}]
"""
NLU = """
    nlu:
    - intent: faq/hours
      examples: |
        - when are you open
    - intent: faq/price
      examples: |
        - what does it cost
    - intent: greet
      examples: |
        - hello
"""


def files(more: str = "", domain: str = DOMAIN) -> dict[str, str]:
    return {"domain.yml": domain + more, "data/rules.yml": RULES, "data/nlu.yml": NLU}


def gives(*events: dict[str, Any], **response: Any) -> Action:
    """An action that returns these events, and says something if there is something to say."""
    return lambda _: ActResult([dict(event) for event in events], [dict(response)] if response else [])


def slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "timestamp": None, "name": name, "value": value}


async def test_the_first_turn_in_full(talk: Talk) -> None:
    chat = await talk(files(), channel="web")
    await chat.say("/greet", page="/prices")
    metadata = {"model_id": chat.assistant.digest[:16], "assistant_id": "tester"}
    assert [event["event"] for event in chat.events] == [
        "slot",
        "action",
        "session_started",
        "slot",
        "action",
        "user",
        "user_featurization",
        "action",
        "bot",
        "action",
    ]
    assert all(event["timestamp"] == 1_000.0 for event in chat.events)
    assert chat.events[1] == {
        "event": "action",
        "timestamp": 1_000.0,
        "metadata": metadata,
        "name": "action_session_start",
        "policy": None,
        "confidence": 1.0,
        "action_text": None,
        "hide_rule_turn": False,
    }
    user = chat.events[5]
    assert user["metadata"] == {"page": "/prices", **metadata}
    assert (user["text"], user["input_channel"], user["message_id"]) == ("/greet", "web", "m0")
    assert user["parse_data"]["message_id"] == "m0"
    assert chat.events[8]["metadata"] == {"utter_action": "utter_greet", **metadata}
    assert chat.slot("session_started_metadata") == {"page": "/prices"}


async def test_a_turn_leaves_its_tracker_as_it_was(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say("/greet")
    before, events = chat.tracker, chat.tracker.events
    message = UserMessage('/greet{"name":"Ann"}', 2_000.0)
    one = await chat.assistant.turn(before, message, no_actions)
    other = await chat.assistant.turn(before, message, no_actions)
    assert before.events == events
    assert before.slots["name"] is None
    assert one.events == other.events
    assert one.tracker.events == other.tracker.events == [*events, *one.events]


@pytest.mark.parametrize(
    "texts",
    [["/greet"], ["/ask"], ["/greet", "/ask", "/back"], ['/greet{"name":"Ann"}', "/again"], ["/restart", "/greet"]],
)
async def test_a_turn_costs_the_same_in_a_long_conversation(talk: Talk, texts: list[str]) -> None:
    """Counted in function calls, so that it does not depend on the machine; both memoization policies."""
    config = "policies:\n- name: MemoizationPolicy\n- name: AugmentedMemoizationPolicy\n- name: RulePolicy\n"
    story = "stories:\n- story: s\n  steps: [{intent: bye}, {action: utter_bye}, {intent: ask}, {action: utter_bye}]\n"
    chat = await talk(files() | {"data/stories.yml": story}, actions={"action_x": gives()}, config=config)
    counts = []
    for _ in range(40):
        calls = Calls()
        for text in texts:
            message = UserMessage(text, chat.now)
            with calls:
                chat.tracker = (await chat.assistant.turn(chat.tracker, message, chat.act)).tracker
        counts.append(calls.count)
    assert max(counts[20:]) <= max(counts[5:15])


class Calls:
    """Counts the functions of the package that are called inside it."""

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> None:
        sys.setprofile(self._count)

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, frame: FrameType, event: str, _: object) -> None:
        self.count += event == "call" and "bot_runtime/assistants" in frame.f_code.co_filename


async def test_turns_at_the_same_time_do_not_meet(talk: Talk) -> None:
    chat = await talk(files())
    trackers = [chat.assistant.tracker(f"v{number}") for number in range(20)]
    messages = [UserMessage(f'/greet{{"name":"n{number}"}}', 1.0) for number in range(20)]
    results = await asyncio.gather(
        *(chat.assistant.turn(one, message, no_actions) for one, message in zip(trackers, messages, strict=True))
    )
    assert [result.tracker.slots["name"] for result in results] == [f"n{number}" for number in range(20)]


async def test_a_tracker_of_another_assistant_is_read_anew(talk: Talk, project: Callable[..., Project]) -> None:
    chat = await talk(files())
    await chat.say('/greet{"name":"Ann"}')
    made = await asyncio.to_thread(project, files(domain=DOMAIN.replace("text: hi", "text: hello")))
    other = assistants.compile(made, ExactUnderstanding(made.nlu), choose=first)
    result = await other.turn(chat.tracker, UserMessage("/greet", 1_001.0), no_actions)
    assert [reply.text for reply in result.replies] == ["hello"]
    assert result.tracker.slots["name"] == "Ann"
    assert other.digest != chat.assistant.digest


async def test_a_conversation_is_its_events(talk: Talk) -> None:
    chat = await talk(files(), actions={"action_x": gives(slot("seen", 1))})
    for text in ("/greet", '/run{"name":"Ann"}', "/nothing", "/back", "/greet"):
        await chat.say(text)
    again = chat.assistant.tracker("visitor", chat.events)
    assert again.snapshot() == chat.tracker.snapshot()
    assert again.applied_events() == chat.tracker.applied_events()


@pytest.mark.parametrize(
    ("minutes", "silence", "begins"), [(60, 3_599, False), (60, 3_601, True), (0, 10_000_000, False), (0.5, 31, True)]
)
async def test_a_session_ends_by_silence(talk: Talk, minutes: float, silence: int, begins: bool) -> None:
    domain = DOMAIN.replace("session_expiration_time: 60", f"session_expiration_time: {minutes}")
    chat = await talk(files(domain=domain))
    await chat.say('/greet{"name":"Ann"}')
    chat.now += silence
    await chat.say("/greet")
    assert chat.kinds().count("session_started") == (2 if begins else 1)
    assert chat.slot("name") == "Ann"


async def test_slots_are_carried_over_once_each(talk: Talk) -> None:
    chat = await talk(files())
    for name in ("Ann", "Bob"):
        await chat.say(f'/greet{{"name":"{name}"}}')
    chat.now += 4_000
    await chat.say("/greet")
    place = chat.kinds().index("session_started", 3)
    assert chat.kinds()[place : place + 3] == ["session_started", "slot name=Bob", "action action_listen"]


async def test_slots_are_left_behind_when_the_domain_says_so(talk: Talk) -> None:
    chat = await talk(files(domain=DOMAIN.replace("new_session: true", "new_session: false")))
    await chat.say('/greet{"name":"Ann"}')
    chat.now += 4_000
    await chat.say("/greet")
    assert chat.slot("name") is None


async def test_a_session_may_begin_before_a_message(talk: Talk) -> None:
    begin = gives(
        {"event": "session_started"},
        slot("seen", "welcome"),
        {"event": "action", "name": "action_listen"},
        text="welcome!",
    )
    domain = DOMAIN.replace("[action_x,", "[action_session_start, action_x,")
    chat = await talk(files(domain=domain), actions={"action_session_start": begin})
    result = await chat.assistant.start_session(chat.tracker, chat.act, now=5.0)
    assert [reply.text for reply in result.replies] == ["welcome!"]
    assert result.tracker.slots["seen"] == "welcome"
    again = await chat.assistant.start_session(result.tracker, chat.act, now=6.0)
    assert again.events == []


async def test_custom_actions_speak_before_their_events(talk: Talk) -> None:
    own = gives(
        slot("seen", 1), {"event": "bot", "text": "last", "data": {}}, response="utter_x", extra="more", text=""
    )
    chat = await talk(files(), actions={"action_x": own})
    assert await chat.say('/run{"name":"Ann"}') == ["x Ann more", "last"]
    kinds = chat.kinds()
    assert kinds[kinds.index("action action_x") + 1 :] == ["bot", "slot seen=1", "bot", "action action_listen"]
    assert chat.latest.replies[0].buttons == ({"title": "a", "payload": "/a"},)
    assert chat.events[-4]["metadata"]["extra"] == "more"


async def test_an_action_may_add_to_a_response(talk: Talk) -> None:
    button = {"title": "b", "payload": "/b"}
    own = gives(response="utter_x", extra="!", buttons=[button], image="b.png", custom={"deep": 1}, text="other words")
    chat = await talk(files(), actions={"action_x": own})
    assert await chat.say("/run") == ["other words"]
    reply = chat.latest.replies[0]
    assert [one["title"] for one in reply.buttons] == ["a", "b"]
    assert (reply.image, reply.custom, reply.utter_action) == ("b.png", {"deep": 1}, "utter_x")


async def test_replies_have_the_types_they_say(talk: Talk) -> None:
    odd = {"text": 5, "buttons": ["no button", {"title": "a", "payload": "/a"}], "custom": ["x"], "image": {"src": "y"}}
    chat = await talk(files(), actions={"action_x": gives(**odd)})
    assert await chat.say("/run") == ["5"]
    reply = chat.latest.replies[0]
    assert reply.buttons == ({"title": "a", "payload": "/a"},)
    assert (reply.custom, reply.image) == ({"data": ["x"]}, None)


async def test_an_unknown_response_is_left_out(talk: Talk) -> None:
    chat = await talk(files(), actions={"action_x": gives(slot("seen", 1), response="utter_unknown")})
    assert await chat.say("/run") == []
    assert chat.slot("seen") == 1


async def test_events_without_sense_are_dropped(talk: Talk) -> None:
    events: list[Any] = ["text", {}, {"event": 1}, {"event": "slot"}, slot("seen", 1), {"event": "odd"}]
    chat = await talk(files(), actions={"action_x": lambda _: ActResult(events)})
    await chat.say("/run")
    kinds = chat.kinds()
    assert kinds[kinds.index("action action_x") + 1 :] == ["slot seen=1", "odd", "action action_listen"]


async def test_a_failing_action_is_logged_without_its_events(talk: Talk) -> None:
    def fail(_: Tracker) -> ActResult:
        raise ActionFailed("the database is away")

    chat = await talk(files(), actions={"action_x": fail, "action_y": gives(text="y")})
    assert await chat.say("/again") == ["y"]
    assert chat.failed == ("action_x",)
    assert "action action_x" in chat.kinds()
    assert await chat.say("/greet") == ["hi"]
    assert chat.failed == ()


async def test_a_rejected_action_makes_room(talk: Talk) -> None:
    def reject(_: Tracker) -> ActResult:
        raise ActionRejected("action_x")

    chat = await talk(files(), actions={"action_x": reject})
    await chat.say("/run")
    kinds = chat.kinds()
    assert kinds[kinds.index("user /run") + 1 :] == [
        "action_execution_rejected action_x",
        "user_featurization",
        "action action_default_fallback",
        "rewind",
        "action action_listen",
    ]


async def test_two_actions_that_reject_each_other_end(talk: Talk) -> None:
    def reject(tracker: Tracker) -> ActResult:
        raise ActionRejected(tracker.sender_id)

    config = "policies:\n- {name: RulePolicy, core_fallback_action_name: action_y}\n"
    chat = await talk(files(), actions={"action_x": reject, "action_y": reject}, config=config)
    await chat.say("/run")
    assert chat.kinds()[-1] == "action action_listen"
    assert await chat.say("/greet") == ["hi"]


async def test_an_action_says_what_follows(talk: Talk) -> None:
    chat = await talk(files(), actions={"action_x": gives({"event": "followup", "name": "utter_bye"})})
    assert await chat.say("/run") == ["bye"]
    action = next(event for event in chat.events if short(event) == "action utter_bye")
    assert (action["policy"], action["confidence"]) == ("followup_action", 1.0)
    unknown = await talk(files(), actions={"action_x": gives({"event": "followup", "name": "action_unknown"})})
    assert await unknown.say("/run") == []
    assert unknown.kinds()[-1] == "action action_listen"


async def test_a_turn_has_its_limit(talk: Talk) -> None:
    chat = await talk(files(), actions={"action_x": gives({"event": "followup", "name": "action_x"}, text="again")})
    assert await chat.say("/run") == ["again"] * 10
    assert chat.kinds()[-1] == "action action_listen"
    assert await chat.say("/greet") == ["hi"], "Rasa would stay silent from here on"


async def test_a_paused_bot_hears_nothing_but_restart(talk: Talk) -> None:
    chat = await talk(files(), actions={"action_x": gives({"event": "pause"})})
    await chat.say("/run")
    assert await chat.say('/greet{"name":"Ann"}') == []
    assert chat.kinds()[-2:] == ['user /greet{"name":"Ann"}', "slot name=Ann"]
    await chat.say("/restart")
    assert not chat.tracker.paused
    assert await chat.say("/greet") == ["hi"]


async def test_restart_begins_a_session(talk: Talk) -> None:
    more = "      utter_restart: [{text: restarted}]\n"
    chat = await talk(files(domain=DOMAIN.replace("    session_config", more + "    session_config")))
    await chat.say('/greet{"name":"Ann"}')
    assert await chat.say("/restart") == ["restarted"]
    kinds = chat.kinds()
    assert kinds[kinds.index("action action_restart") :] == [
        "action action_restart",
        "bot",
        "restart",
        "action action_session_start",
        "session_started",
        "action action_listen",
    ]
    assert chat.slot("name") is None


async def test_back_takes_two_messages_back(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say("/greet")
    await chat.say('/greet{"name":"Ann"}')
    await chat.say("/back")
    assert chat.slot("name") is None
    assert chat.tracker.latest_action == "action_listen"


async def test_the_fallback_takes_the_message_back(talk: Talk) -> None:
    chat = await talk(files())
    assert await chat.say('/ask{"name":"Ann"}') == []
    assert chat.slot("name") is None
    assert chat.kinds()[-3:] == ["action action_default_fallback", "rewind", "action action_listen"]


async def test_session_start_as_a_message(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say('/greet{"name":"Ann"}')
    await chat.say("/session_start")
    assert chat.kinds().count("session_started") == 2
    assert chat.slot("name") == "Ann"


async def test_a_default_action_may_be_the_authors_own(talk: Talk) -> None:
    own = gives({"event": "rewind"}, text="my fallback")
    domain = DOMAIN.replace("[action_x,", "[action_default_fallback, action_x,")
    chat = await talk(files(domain=domain), actions={"action_default_fallback": own})
    assert await chat.say("/ask") == ["my fallback"]


async def test_retrieval_intents_are_answered_by_what_was_selected(talk: Talk) -> None:
    chat = await talk(files())
    assert await chat.say("when are you open") == ["nine"]
    assert await chat.say("what does it cost") == ["five"]
    assert chat.latest.replies[0].utter_action == "utter_faq/price"
    user = next(event for event in reversed(chat.events) if event["event"] == "user")
    assert user["parse_data"]["intent"]["full_retrieval_intent_name"] == "faq/price"
    assert user["parse_data"]["response_selector"]["all_retrieval_intents"] == ["faq"]
    assert await chat.say("/faq") == [], "nothing was selected"
    assert chat.failed == ("utter_faq",)


async def test_a_reminder_speaks_without_a_message(talk: Talk) -> None:
    schedule = {"event": "reminder", "name": "r", "intent": "remind", "date_time": "2030-01-01T00:00:00"}
    chat = await talk(files(), actions={"action_x": gives(schedule)}, channel="web")
    await chat.say("/run")
    assert "reminder r" in chat.kinds(), "reminders are handed to the caller"
    chat.now += 60
    assert await chat.trigger("remind", name="Ann") == ["remember Ann"]
    user = next(event for event in reversed(chat.events) if event["event"] == "user")
    assert (user["text"], user["input_channel"]) == ("EXTERNAL: remind", "web")
    assert user["metadata"]["is_external"] is True


async def test_frontdesks_own_actions_need_not_be_listed(talk: Talk) -> None:
    rules = RULES.replace("{action: action_x}]", "{action: action_handoff}]")
    chat = await talk(files() | {"data/rules.yml": rules}, actions={"action_handoff": gives(text="one moment")})
    assert await chat.say("/run") == ["one moment"]
    assert {"action_handoff", "action_ask_email", "action_verify_email"} <= chat.assistant.custom_actions


async def test_an_action_sees_the_conversation_up_to_now(talk: Talk) -> None:
    chat = await talk(files(), actions={"action_x": gives()})
    await chat.say('/run{"name":"Ann"}')
    name, seen = chat.act.asked[0]
    assert (name, seen["slots"]["name"], seen["latest_action_name"]) == ("action_x", "Ann", "action_listen")
    assert [short(event) for event in seen["events"]][-3:] == [
        'user /run{"name":"Ann"}',
        "slot name=Ann",
        "user_featurization",
    ]
    assert seen["latest_message"]["entities"][0]["value"] == "Ann"


async def test_an_assistant_says_what_it_is(talk: Talk) -> None:
    assistant = (await talk(files())).assistant
    assert (assistant.assistant_id, assistant.language) == ("tester", "en")
    assert assistant.custom_actions >= {"action_x", "action_y"}
    assert len(assistant.digest) == 64
    assert assistant.domain.digest != assistant.digest


async def test_text_is_trimmed(talk: Talk) -> None:
    chat = await talk(files())
    assert await chat.say("  hello \n") == ["hi"]
    assert chat.events[-5]["text"] == "hello"


TWO_STAGE = """
    intents: [greet, affirm, nlu_fallback, out_of_scope]
    responses:
      utter_greet: [{text: hi}]
      utter_default: [{text: I give up}]
      utter_ask_rephrase: [{text: rephrase?}]
"""
TWO_STAGE_RULES = """
    rules:
    - rule: fallback
      steps: [{intent: nlu_fallback}, {action: action_two_stage_fallback}, {active_loop: action_two_stage_fallback}]
    - rule: greet
      steps: [{intent: greet}, {action: utter_greet}]
"""


@pytest.mark.parametrize(
    ("texts", "replies"),
    [
        (["what", "/greet"], ["Did you mean 'greet'?", "hi"]),
        (["what", "/out_of_scope", "/greet"], ["Did you mean 'greet'?", "rephrase?", "hi"]),
        (["what", "what"], ["Did you mean 'greet'?", "I give up"]),
        (
            ["what", "/out_of_scope", "what", "/out_of_scope"],
            ["Did you mean 'greet'?", "rephrase?", "Did you mean 'greet'?", "I give up"],
        ),
    ],
)
async def test_the_two_stage_fallback(talk: Talk, texts: list[str], replies: list[str]) -> None:
    """`two_stage_fallback.py`: affirm, rephrase, affirm again, give up; the affirmation names what was found second."""
    nlu = "nlu:\n- intent: greet\n  examples: |\n    - hello\n    - what\n- intent: affirm\n  examples: |\n    - what\n"
    made = {"domain.yml": TWO_STAGE, "data/r.yml": TWO_STAGE_RULES, "data/nlu.yml": nlu}
    config = "pipeline:\n- {name: FallbackClassifier, threshold: 1.1}\n"
    chat = await talk(made, config=config)
    said = []
    for text in texts:
        said += await chat.say(text)
    assert said == replies
    if replies[-1] in ("hi", "I give up"):
        assert chat.tracker.active_loop is None


async def test_an_affirmation_offers_both_answers(talk: Talk) -> None:
    chat = await talk({"domain.yml": TWO_STAGE, "data/r.yml": TWO_STAGE_RULES})
    await chat.say("/nlu_fallback")
    assert [one["payload"] for one in chat.latest.replies[0].buttons] == ["/nlu_fallback", "/out_of_scope"]
    assert chat.latest.replies[0].utter_action == "action_default_ask_affirmation"


async def test_other_default_actions(talk: Talk) -> None:
    steps = "{action: action_unlikely_intent}, {action: action_send_text}, {action: action_deactivate_loop}"
    rules = f"rules:\n- rule: a\n  steps: [{{intent: greet}}, {steps}, {{action: action_revert_fallback_events}}]\n"
    chat = await talk({"domain.yml": TWO_STAGE, "data/r.yml": rules})
    assert await chat.say("/greet") == [""]
    assert chat.failed == ()


async def test_no_actions_fails_every_one() -> None:
    with pytest.raises(ActionFailed, match="nothing that could run the action action_x"):
        await no_actions("action_x", object(), object())  # type: ignore[arg-type]


async def test_a_trained_understanding_takes_part(project: Callable[..., Project], tmp_path: Path) -> None:
    """The turn takes whatever follows the port: here the model that is trained from the same project."""
    made = await asyncio.to_thread(project, files())
    model = await trained(made.nlu, tmp_path / "models")
    chat = Chat(assistants.compile(made, model, choose=first), Actions())
    assert await chat.say("hello!") == ["hi"]
    assert await chat.say("what does this cost?") == ["five"]
