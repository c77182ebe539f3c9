"""Forms (RASA.md 1.5): activation, questions, validation, rejection, interruption, the end."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot_runtime.assistants import ActionFailed, ActionRejected, ActResult, Tracker
from tests.bot_runtime.assistants.restaurant import candidates, says
from tests.bot_runtime.assistants.talking import Chat

Talk = Callable[..., Awaitable[Chat]]

DOMAIN = """
    intents: [book, inform, chat, stop, yes, {no: {use_entities: []}}, switch]
    entities: [city, date]
    slots:
      city:
        type: text
        influence_conversation: false
        mappings: [{type: from_entity, entity: city}]
      date:
        type: text
        influence_conversation: false
        mappings: [{type: from_entity, entity: date}]
      note:
        type: text
        influence_conversation: false
        mappings:
        - type: from_text
          conditions: [{active_loop: trip_form, requested_slot: note}]
    forms:
      trip_form: {required_slots: [city, date], ignored_intents: [chat]}
      other_form: {required_slots: [note]}
    actions: [EXTRA]
    responses:
      utter_ask_city: [{text: "where to?"}]
      utter_ask_date: [{text: "when?"}]
      utter_ask_other_form_note: [{text: "note?"}]
      utter_chat: [{text: chat}]
      utter_done: [{text: "{city} on {date}"}]
      utter_sure: [{text: "sure?"}]
      utter_default: [{text: sorry}]
      utter_bad: [{text: "no such city"}]
"""
FLOWS = """
    rules:
    - rule: begin
      steps: [{intent: book}, {action: trip_form}, {active_loop: trip_form}]
    - rule: end
      condition: [{active_loop: trip_form}]
      steps: [{action: trip_form}, {active_loop: null}, {slot_was_set: [{requested_slot: null}]}, {action: utter_done}]
    - rule: chat
      steps: [{intent: chat}, {action: utter_chat}]
    - rule: switch
      steps: [{intent: switch}, {action: other_form}, {active_loop: other_form}]
    stories:
    - story: stopped
      steps:
      - intent: book
      - action: trip_form
      - active_loop: trip_form
      - intent: stop
      - action: utter_sure
      - or: [{intent: yes}, {intent: inform}]
      - action: action_deactivate_loop
      - active_loop: null
    - story: not stopped
      steps:
      - intent: book
      - action: trip_form
      - active_loop: trip_form
      - intent: stop
      - action: utter_sure
      - intent: no
      - action: trip_form
      - active_loop: trip_form
"""


def files(extra: str = "action_x") -> dict[str, str]:
    return {"domain.yml": DOMAIN.replace("EXTRA", extra), "data/flows.yml": FLOWS}


def slot(name: str, value: Any) -> dict[str, Any]:
    return {"event": "slot", "name": name, "value": value}


async def test_a_form_asks_until_it_has_everything(talk: Talk) -> None:
    chat = await talk(files())
    assert await chat.say("/book") == ["where to?"]
    assert (chat.tracker.active_loop, chat.slot("requested_slot")) == ("trip_form", "city")
    assert await chat.say('/inform{"city":"Bonn"}') == ["when?"]
    assert await chat.say('/inform{"date":"today"}') == ["Bonn on today"]
    assert (chat.tracker.active_loop, chat.slot("requested_slot")) == (None, None)
    assert chat.kinds()[-6:] == [
        "action trip_form",
        "slot requested_slot=None",
        "active_loop",
        "action utter_done",
        "bot",
        "action action_listen",
    ]


async def test_what_is_known_is_not_asked(talk: Talk) -> None:
    chat = await talk(files())
    assert await chat.say('/book{"city":"Bonn"}') == ["when?"]
    assert await chat.say('/inform{"city":"Ulm","date":"today"}') == ["Ulm on today"]


async def test_a_form_with_everything_ends_at_once(talk: Talk) -> None:
    chat = await talk(files())
    assert await chat.say('/book{"city":"Bonn","date":"today"}') == ["Bonn on today"]
    assert chat.kinds().count("active_loop trip_form") == 1
    assert chat.tracker.active_loop is None


async def test_a_message_that_fills_nothing_is_rejected(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say("/book")
    assert await chat.say("/chat") == ["chat", "where to?"]
    kinds = chat.kinds()
    assert kinds[kinds.index("user /chat") + 1] == "action_execution_rejected trip_form"
    assert await chat.say('/inform{"city":"Bonn"}') == ["when?"]


async def test_without_an_answer_elsewhere_the_fallback_speaks(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say("/book")
    assert await chat.say("/inform") == ["sorry"]
    assert chat.tracker.active_loop == "trip_form"
    assert await chat.say('/inform{"city":"Bonn"}') == ["when?"]


async def test_an_ignored_intent_fills_nothing(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say("/book")
    assert await chat.say('/chat{"city":"Bonn"}') == ["chat", "where to?"]
    assert chat.slot("city") is None


async def test_a_story_leads_out_of_a_form_and_back(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say("/book")
    assert await chat.say("/stop") == ["sure?"]
    assert await chat.say("/no") == ["where to?"]
    assert "loop_interrupted" in chat.kinds()
    assert await chat.say('/inform{"city":"Bonn"}') == ["when?"]
    await chat.say("/restart")
    await chat.say("/book")
    await chat.say("/stop")
    assert await chat.say("/yes") == []
    assert (chat.tracker.active_loop, chat.slot("requested_slot")) == (None, None)


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ("action_ask_trip_form_city, utter_ask_trip_form_city, action_ask_city", "action_ask_trip_form_city"),
        ("utter_ask_trip_form_city, action_ask_city", "utter_ask_trip_form_city"),
        ("action_ask_city", "action_ask_city"),
    ],
)
async def test_who_asks_for_a_slot(talk: Talk, asks: str, expected: str) -> None:
    """`forms.py:483`: the form's own action, its own response, the slot's action, the slot's response."""
    made = files(asks)
    if "utter_ask_trip_form_city" in asks:
        made["domain.yml"] += '      utter_ask_trip_form_city: [{text: "utter_ask_trip_form_city"}]\n'
    speak = {name: lambda _, name=name: ActResult(responses=[{"text": name}]) for name in asks.split(", ")}
    chat = await talk(made, actions=speak)
    assert await chat.say("/book") == [expected]


async def test_a_slot_that_nobody_asks_for_is_waited_for(talk: Talk) -> None:
    made = files()
    made["domain.yml"] = made["domain.yml"].replace("utter_ask_city", "utter_something_else")
    chat = await talk(made)
    assert await chat.say("/book") == []
    assert chat.slot("requested_slot") == "city"
    assert await chat.say('/inform{"city":"Bonn"}') == ["when?"]


def validate(tracker: Tracker) -> ActResult:
    """Accepts Bonn and Ulm."""
    events, responses = [], []
    for name, value in candidates(tracker).items():
        good = name != "city" or value in ("Bonn", "Ulm")
        events.append(slot(name, value if good else None))
        responses += [] if good else [says("utter_bad")]
    return ActResult(events, responses)


async def test_a_validation_sees_the_candidates_last(talk: Talk) -> None:
    """`forms.py:283`: requested slot, form, candidates, as rasa-sdk looks for them."""
    chat = await talk(files("validate_trip_form"), actions={"validate_trip_form": validate})
    await chat.say("/book")
    assert await chat.say('/inform{"city":"Atlantis","date":"today"}') == ["no such city", "where to?"]
    seen = chat.act.asked[-1][1]
    assert [(one["event"], one.get("name"), one.get("value")) for one in seen["events"][-4:]] == [
        ("slot", "requested_slot", "city"),
        ("action", "trip_form", None),
        ("slot", "city", "Atlantis"),
        ("slot", "date", "today"),
    ]
    assert seen["slots"]["city"] == "Atlantis"
    assert all(event["timestamp"] == chat.now for event in seen["events"])
    assert (chat.slot("city"), chat.slot("date")) == (None, "today")
    assert await chat.say('/inform{"city":"Ulm"}') == ["Ulm on today"]


async def test_what_is_filled_before_a_form_is_validated_too(talk: Talk) -> None:
    chat = await talk(files("validate_trip_form"), actions={"validate_trip_form": validate})
    assert await chat.say('/book{"city":"Atlantis"}') == ["no such city", "where to?"]
    assert await chat.say('/inform{"city":"Bonn"}') == ["when?"]


async def test_a_validation_may_ask_for_another_slot(talk: Talk) -> None:
    """The SDK's `required_slots` answers with a `requested_slot`; core then does not choose."""

    def dynamic(tracker: Tracker) -> ActResult:
        filled = tracker.slots["city"] is not None
        return ActResult([*validate(tracker).events, slot("requested_slot", "note" if filled else "city")])

    made = files("validate_trip_form")
    made["domain.yml"] += '      utter_ask_note: [{text: "a note?"}]\n'
    chat = await talk(made, actions={"validate_trip_form": dynamic})
    assert await chat.say("/book") == ["where to?"]
    assert await chat.say('/inform{"city":"Bonn"}') == ["a note?"]
    assert chat.slot("requested_slot") == "note"
    await chat.say("by train")
    assert chat.slot("note") == "by train"


@pytest.mark.parametrize("event", [slot("requested_slot", None), {"event": "active_loop", "name": None}])
async def test_a_validation_may_end_the_form(talk: Talk, event: dict[str, Any]) -> None:
    def ends(tracker: Tracker) -> ActResult:
        return ActResult([*validate(tracker).events, *([event] if tracker.slots["city"] else [])])

    chat = await talk(files("validate_trip_form"), actions={"validate_trip_form": ends})
    await chat.say("/book")
    assert await chat.say('/inform{"city":"Bonn"}') == ["Bonn on None"]
    assert chat.tracker.active_loop is None


async def test_a_validation_may_reject_the_message(talk: Talk) -> None:
    """By an event (`_user_rejected_manually`) or by raising: either way somebody else answers."""

    def rejects(tracker: Tracker) -> ActResult:
        if tracker.latest_message["intent"]["name"] == "chat":
            return ActResult([{"event": "action_execution_rejected", "name": "trip_form"}])
        return validate(tracker)

    def raises(tracker: Tracker) -> ActResult:
        if tracker.latest_message["intent"]["name"] == "chat":
            raise ActionRejected("trip_form")
        return validate(tracker)

    for action in (rejects, raises):
        chat = await talk(files("validate_trip_form"), actions={"validate_trip_form": action})
        await chat.say("/book")
        assert (await chat.say("/chat"))[0] == "chat"
        assert chat.tracker.active_loop == "trip_form"
        kinds = chat.kinds()
        assert kinds[kinds.index("user /chat") + 1].startswith("action_execution_rejected")


async def test_a_validation_that_fails_costs_its_turn(talk: Talk) -> None:
    def fails(tracker: Tracker) -> ActResult:
        if tracker.slots["city"]:
            raise ActionFailed("the database is away")
        return ActResult()

    chat = await talk(files("validate_trip_form"), actions={"validate_trip_form": fails})
    await chat.say("/book")
    assert await chat.say('/inform{"city":"Bonn"}') == []
    assert chat.failed == ("trip_form",)
    assert chat.kinds()[-2:] == ["action trip_form", "action action_listen"]
    assert chat.tracker.active_loop == "trip_form"


async def test_back_from_elsewhere_nothing_is_validated(talk: Talk) -> None:
    chat = await talk(files("validate_trip_form"), actions={"validate_trip_form": validate})
    await chat.say("/book")
    await chat.say("/stop")
    before = len(chat.act.asked)
    assert await chat.say('/no{"city":"Atlantis"}') == ["when?"]
    events = [one for _, asked in chat.act.asked[before:] for one in asked["events"][-1:]]
    assert [one["name"] for one in events] == ["trip_form"], "asked with no candidates"


async def test_one_form_may_follow_another(talk: Talk) -> None:
    chat = await talk(files())
    await chat.say("/book")
    assert await chat.say("/switch") == ["note?"]
    assert (chat.tracker.active_loop, chat.slot("requested_slot")) == ("other_form", "note")


async def test_back_inside_a_form_takes_it_back(talk: Talk) -> None:
    """As recorded: after the first slot, /back also removes the activation."""
    chat = await talk(files())
    await chat.say("/book")
    await chat.say('/inform{"city":"Bonn"}')
    assert await chat.say("/back") == []
    assert (chat.tracker.active_loop, chat.slot("city")) == (None, None)
    assert await chat.say('/inform{"city":"Bonn"}') == ["sorry"]


async def test_an_action_of_the_same_name_takes_the_forms_place(talk: Talk) -> None:
    own = {"trip_form": lambda _: ActResult([{"event": "active_loop", "name": "trip_form"}], [{"text": "my own form"}])}
    chat = await talk(files("trip_form"), actions=own)
    assert await chat.say("/book") == ["my own form"]
    assert "trip_form" in chat.assistant.custom_actions


def test_forms_need_the_rule_policy(refused: Callable[..., list[str]]) -> None:
    made = {"domain.yml": "forms:\n  f: {required_slots: []}\n"}
    assert refused_lines(refused, made) == ["config.yml:1: The domain has forms, which need the RulePolicy."]


def refused_lines(refused: Callable[..., list[str]], made: dict[str, str]) -> list[str]:
    return refused(made, config="assistant_id: a\npolicies:\n- name: MemoizationPolicy\n")
