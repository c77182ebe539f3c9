"""Filling slots from messages (RASA.md 1.2): every kind of mapping, conditions, order, uniqueness, validation."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot_runtime.assistants import ActionFailed, ActResult, Tracker
from tests.bot_runtime.assistants.restaurant import candidates
from tests.bot_runtime.assistants.talking import Chat

Talk = Callable[..., Awaitable[Chat]]

FLOWS = """
    rules:
    - rule: begin
      steps: [{intent: book}, {action: form}, {active_loop: form}]
    - rule: end
      condition: [{active_loop: form}]
      steps: [{action: form}, {active_loop: null}, {action: utter_ok}]
    - rule: ok
      steps: [{or: [{intent: inform}, {intent: yes}, {intent: no}, {intent: chat}]}, {action: utter_ok}]
"""


def files(slots: str, *, forms: str = "", actions: str = "") -> dict[str, str]:
    domain = f"""
intents: [inform, book, yes, no, chat]
entities:
- city: {{roles: [from, to], groups: [a, b]}}
- number
- word
slots:
{slots}
forms:
  form: {{required_slots: [{forms}], ignored_intents: [chat]}}
actions: [{actions}]
responses:
  utter_ok: [{{text: ok}}]
"""
    return {"domain.yml": domain, "data/flows.yml": FLOWS}


def slot(name: str, *mappings: str, kind: str = "text") -> str:
    lines = "".join(f"    - {{{mapping}}}\n" for mapping in mappings)
    return f"  {name}:\n    type: {kind}\n    influence_conversation: false\n    mappings:\n{lines}"


@pytest.mark.parametrize(
    ("mapping", "text", "value"),
    [
        ("type: from_entity, entity: city", '/inform{"city":"Bonn"}', "Bonn"),
        ("type: from_entity, entity: city", '/inform{"city":["Bonn","Ulm"]}', "Ulm"),
        ("type: from_entity, entity: city", '/inform{"number":1}', None),
        ("type: from_entity, entity: unknown", '/inform{"unknown":1}', None),
        ("type: from_entity, entity: city, intent: book", '/inform{"city":"Bonn"}', None),
        ("type: from_entity, entity: city, intent: [book, inform]", '/inform{"city":"Bonn"}', "Bonn"),
        ("type: from_entity, entity: city, not_intent: inform", '/inform{"city":"Bonn"}', None),
        ("type: from_intent, intent: yes, value: true", "/yes", True),
        ("type: from_intent, intent: yes, value: true", "/no", None),
        ("type: from_intent, not_intent: [yes, no], value: other", "/inform", "other"),
        ("type: from_intent, value: anything", "/inform", "anything"),
        ("type: from_intent, intent: unheard, value: x", "/inform", None),
        ("type: from_intent, intent: yes, value: false", "/yes", False),
        ("type: from_text", "/inform", "/inform"),
        ("type: from_text, intent: book", "/inform", None),
        ("type: from_trigger_intent, intent: inform, value: x", "/inform", None),
        ("type: custom", "/inform", None),
        ("type: from_text, conditions: [{active_loop: form}]", "/inform", None),
        ("type: from_text, conditions: [{active_loop: null}]", "/inform", "/inform"),
        ("type: from_text, conditions: [{active_loop: form}, {active_loop: null}]", "/inform", "/inform"),
    ],
)
async def test_a_mapping(talk: Talk, mapping: str, text: str, value: Any) -> None:
    chat = await talk(files(slot("s", mapping, kind="any")))
    await chat.say(text)
    assert chat.slot("s") == value


async def test_the_first_mapping_that_yields_something_counts(talk: Talk) -> None:
    slots = slot(
        "s", "type: from_entity, entity: city", "type: from_intent, intent: inform, value: said", "type: from_text"
    )
    chat = await talk(files(slots))
    await chat.say('/inform{"city":"Bonn"}')
    assert chat.slot("s") == "Bonn"
    await chat.say("/inform")
    assert chat.slot("s") == "said"
    assert chat.kinds().count("slot s=said") == 1


async def test_a_list_slot_takes_all_values(talk: Talk) -> None:
    chat = await talk(files(slot("s", "type: from_entity, entity: city", kind="list")))
    await chat.say('/inform{"city":["Bonn","Ulm"]}')
    assert chat.slot("s") == ["Bonn", "Ulm"]


async def test_slots_are_filled_in_the_order_of_the_domain(talk: Talk) -> None:
    slots = slot("z", "type: from_entity, entity: city") + slot("a", "type: from_entity, entity: number")
    chat = await talk(files(slots))
    await chat.say('/inform{"number":1,"city":"Bonn"}')
    assert [kind for kind in chat.kinds() if kind.startswith("slot")] == ["slot z=Bonn", "slot a=1"]


async def test_roles_and_groups_must_agree(talk: Talk) -> None:
    slots = (
        slot("start", "type: from_entity, entity: city, role: from")
        + slot("goal", "type: from_entity, entity: city, role: to, group: a")
        + slot("any", "type: from_entity, entity: city")
    )
    nlu = """\
nlu:
- intent: inform
  examples: |
    - [A]{"entity": "city", "role": "from"} [B]{"entity": "city", "role": "to", "group": "a"}
    - [C](city)
"""
    chat = await talk(files(slots) | {"data/nlu.yml": nlu})
    await chat.say("A B")
    assert (chat.slot("start"), chat.slot("goal"), chat.slot("any")) == ("A", "B", None)
    await chat.say("C")
    assert chat.slot("any") == "C"


async def test_a_trigger_intent_counts_when_its_form_begins(talk: Talk) -> None:
    slots = slot("s", "type: from_trigger_intent, intent: book, value: triggered") + slot("other", "type: from_text")
    chat = await talk(files(slots, forms="s"))
    await chat.say("/book")
    assert chat.slot("s") == "triggered"
    elsewhere = slots.replace("value: triggered", "value: triggered, conditions: [{active_loop: another}]")
    chat = await talk(files(elsewhere, forms="s"))
    await chat.say("/book")
    assert chat.slot("s") is None


async def test_conditions_name_a_form_and_what_it_asks(talk: Talk) -> None:
    slots = slot("a", "type: from_text, conditions: [{active_loop: form, requested_slot: a}]") + slot(
        "b", "type: from_text, conditions: [{active_loop: form, requested_slot: b}]"
    )
    chat = await talk(files(slots, forms="a, b"))
    await chat.say("/book")
    await chat.say("first")
    assert (chat.slot("a"), chat.slot("b"), chat.slot("requested_slot")) == ("first", None, "b")
    await chat.say("second")
    assert (chat.slot("a"), chat.slot("b")) == ("first", "second")


async def test_an_entity_that_could_fill_two_slots_fills_the_one_asked_for(talk: Talk) -> None:
    """`action.py:1201`: from_entity mappings that are not unique in the form."""
    slots = slot("start", "type: from_entity, entity: city") + slot("goal", "type: from_entity, entity: city")
    chat = await talk(files(slots, forms="start, goal"))
    await chat.say("/book")
    await chat.say('/inform{"city":"Bonn"}')
    assert (chat.slot("start"), chat.slot("goal")) == ("Bonn", None)
    await chat.say('/inform{"city":"Ulm"}')
    assert (chat.slot("start"), chat.slot("goal")) == ("Bonn", "Ulm")


async def test_a_unique_entity_fills_any_slot_of_the_form(talk: Talk) -> None:
    slots = slot("start", "type: from_entity, entity: city") + slot("count", "type: from_entity, entity: number")
    chat = await talk(files(slots, forms="start, count"))
    await chat.say("/book")
    await chat.say('/inform{"number":3}')
    assert (chat.slot("start"), chat.slot("count")) == (None, 3)


async def test_what_was_answered_fills_nothing_any_more(talk: Talk) -> None:
    """A form that begins after the bot has spoken does not take the message for its answer."""
    slots = slot("s", "type: from_text, conditions: [{active_loop: form}]")
    made = files(slots, forms="s")
    made["data/flows.yml"] = FLOWS.replace(
        "{intent: book}, {action: form}", "{intent: book}, {action: utter_ok}, {action: form}"
    )
    chat = await talk(made)
    await chat.say("/book")
    assert (chat.tracker.active_loop, chat.slot("s")) == ("form", None)


async def test_custom_mappings_run_their_action_once(talk: Talk) -> None:
    slots = slot("a", "type: custom, action: action_fill") + slot("b", "type: custom, action: action_fill")

    def fill(_: Tracker) -> ActResult:
        events = [{"event": "slot", "name": name, "value": 1} for name in ("a", "b")]
        return ActResult([*events, {"event": "pause"}], [{"text": "filled"}])

    chat = await talk(files(slots, actions="action_fill"), actions={"action_fill": fill})
    assert await chat.say("/inform") == ["filled", "ok"]
    assert (chat.slot("a"), chat.slot("b")) == (1, 1)
    assert [name for name, _ in chat.act.asked] == ["action_fill"]
    assert not chat.tracker.paused, "slots and messages are all that is taken"


async def test_a_custom_mapping_that_fails_leaves_the_rest(talk: Talk) -> None:
    def fail(_: Tracker) -> ActResult:
        raise ActionFailed("away")

    slots = slot("a", "type: custom, action: action_fill") + slot("b", "type: from_text")
    chat = await talk(files(slots, actions="action_fill"), actions={"action_fill": fail})
    assert await chat.say("/inform") == ["ok"]
    assert chat.slot("b") == "/inform"


async def test_extracted_slots_are_validated(talk: Talk) -> None:
    """`action.py:1163`: with a temporary tracker; what it says nothing of is kept."""

    def validate(tracker: Tracker) -> ActResult:
        found = candidates(tracker)
        events = [{"event": "slot", "name": "a", "value": None}] if found.get("a") == "bad" else []
        return ActResult([*events, {"event": "followup", "name": "utter_ok"}], [{"text": "checked"}])

    slots = slot("a", "type: from_entity, entity: city") + slot("b", "type: from_entity, entity: number")
    chat = await talk(
        files(slots, actions="action_validate_slot_mappings"), actions={"action_validate_slot_mappings": validate}
    )
    assert await chat.say('/inform{"city":"bad","number":1}') == ["checked", "ok"]
    assert (chat.slot("a"), chat.slot("b")) == (None, 1)
    assert candidates_seen(chat) == ["a", "b"]
    assert await chat.say('/inform{"city":"good"}') == ["checked", "ok"]
    assert chat.slot("a") == "good"


def candidates_seen(chat: Chat) -> list[str]:
    events = chat.act.asked[0][1]["events"]
    return [event["name"] for event in events if event["event"] == "slot"]


async def test_entities_of_stories_set_their_slots(talk: Talk) -> None:
    """`domain.py:1396`: in stories annotated entities fill featurised slots by themselves."""
    slots = slot("s", "type: from_entity, entity: city").replace(
        "influence_conversation: false", "influence_conversation: true"
    )
    story = "stories:\n- story: s\n  steps: [{intent: yes, entities: [{city: Bonn}]}, {action: utter_ok}]\n"
    chat = await talk(files(slots) | {"data/s.yml": story})
    assert await chat.say('/yes{"city":"Ulm"}') == ["ok"]
