"""The domain (RASA.md 1.2): what is accepted, what is refused and where, and what the names come to."""

from collections.abc import Callable

import pytest

from bot_runtime.assistants import Project
from bot_runtime.assistants.domain import LISTEN, SNIPPET
from bot_runtime.assistants.slots import UNSET, Slot

Loaded = Callable[..., Project]
Refused = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("domain", "error"),
    [
        ("intents:\n- greet:\n", "2: The intent `greet` has a colon but no settings; take the colon away."),
        ("intents: [greet, {greet: {use_entities: []}}]\n", "1: The intent `greet` stands here a second time."),
        ("intents: [1]\n", "1: An intent must be a name, or a name with settings."),
        ("intents: greet\n", "1: `intents` of the file must be a list."),
        ("entities:\n- city:\n", "2: The entity `city` has a colon but no settings; take the colon away."),
        ("entities: [city, city]\n", "1: The entity `city` stands here a second time."),
        ("entities:\n- city:\n    roles: from\n", "3: `roles` of the entity `city` must be a list."),
        ("actions: [action_a, action_a]\n", "1: The action `action_a` stands here a second time."),
        ("slots:\n  a: {type: text}\n", "2: The slot `a` has no `mappings` (an empty list will do)."),
        ("slots:\n  a: text\n", "2: The slot `a` needs at least `type` and `mappings`."),
        ("slots:\n  a:\n    type: str\n    mappings: []\n", "3: `type` of the slot `a` must be one of text, bool"),
        ("slots:\n  a:\n    type: text\n    auto_fill: no\n    mappings: []\n", "4: `auto_fill` is not known in"),
        (
            "slots:\n  a: {type: any, influence_conversation: true, mappings: []}\n",
            "2: The slot `a` is of type any, which cannot influence.",
        ),
        (
            "slots:\n  a: {type: float, min_value: 5, mappings: []}\n",
            "2: `min_value` of the slot `a` must be less than",
        ),
        (
            "slots:\n  a: {type: float, max_value: high, mappings: []}\n",
            "2: `max_value` of the slot `a` must be a number",
        ),
        ("slots:\n  a:\n    type: text\n    mappings:\n    - x\n", "5: A mapping of the slot `a` must be a mapping"),
        (
            "slots:\n  a:\n    type: text\n    mappings:\n    - type: from_nothing\n",
            "5: A mapping of the slot `a` has the type `from_nothing`, which is not known.",
        ),
        (
            "slots:\n  a: {type: text, mappings: [{type: from_entity}]}\n",
            "2: A `from_entity` mapping of the slot `a` needs",
        ),
        (
            "slots:\n  a: {type: text, mappings: [{type: from_intent}]}\n",
            "2: A `from_intent` mapping of the slot `a` needs",
        ),
        (
            "slots:\n  a: {type: text, mappings: [{type: from_trigger_intent}]}\n",
            "2: A `from_trigger_intent` mapping of the slot `a` needs `value`.",
        ),
        (
            "slots:\n  a: {type: text, mappings: [{type: from_text, conditions: [{loop: f}]}]}\n",
            "2: `loop` is not known in a condition of the slot `a`.",
        ),
        ("forms: [a]\n", "1: `forms` of the file must be a mapping."),
        ("forms:\n  f: [a]\n", "2: The form `f` must be a mapping with `required_slots`."),
        (
            "forms:\n  f:\n    required_slots:\n      a: [{type: from_text}]\n",
            "3: `required_slots` of the form `f` must be a",
        ),
        ("forms:\n  f:\n    a: [{type: from_text}]\n", "3: `a` is not known in the form `f`."),
        (
            "forms:\n  f:\n    ignored_intents: [chitchat]\n",
            "2: The form `f` has `ignored_intents` but no `required_slots`.",
        ),
        ("responses:\n  utter_a:\n  - image: x.png\n", "3: A variation of `utter_a` needs a `text` or a `custom`."),
        (
            "responses:\n  utter_a:\n  - text: 12\n",
            "3: `text` of the response `utter_a` must be text; put it in quotes.",
        ),
        ("responses:\n  utter_a: Hi\n", "2: The response `utter_a` must be a list of variations (`- text: …`)."),
        ("responses:\n  utter_a:\n", "2: The response `utter_a` must be a list of variations (`- text: …`)."),
        ("responses:\n  utter_a: [Hi]\n", "2: A variation of `utter_a` must be a mapping (`text: …`)."),
        (
            "responses:\n  utter_a:\n  - text: Hi\n    colour: red\n",
            "4: `colour` is not known in the response `utter_a`.",
        ),
        ("responses:\n  utter_a:\n  - text: a\n    buttons: [{title: 1}]\n", "4: `title` of a button of the response"),
        (
            "responses:\n  utter_a:\n  - text: a\n    condition:\n    - {type: slot, name: x}\n",
            "4: A condition of the response `utter_a` needs `type`, `name` and `value`.",
        ),
        ("session_config:\n  session_expiration_time: -1\n", "2: `session_expiration_time` must not be negative."),
        ("session_config:\n  carry_over_slots_to_new_session: yes\n", "2: `carry_over_slots_to_new_session` of"),
    ],
)
def test_what_is_refused(refused: Refused, domain: str, error: str) -> None:
    lines = refused({"domain.yml": domain})
    assert any(line.startswith(f"domain.yml:{error}") for line in lines), lines


@pytest.mark.parametrize(
    "domain",
    [
        "slots:\n  a: {type: text, mappings: []}\n",
        "forms:\n  f:\n",
        "forms:\n  f: {}\n",
        "forms:\n  f: {required_slots: [], ignored_intents: chitchat}\n",
        "anything: else\nintents: []\n",
        "intents:\nentities:\nslots:\nforms:\nactions:\nresponses:\n",
        "actions:\n- action_a: {send_domain: true}\n",
        "responses:\n  utter_a: []\n  utter_b: [{custom: {a: 1}}]\n",
        "intents: [restart, back]\n",
    ],
)
def test_what_is_accepted(project: Loaded, domain: str) -> None:
    assert project({"domain.yml": domain}).digest


def test_names_that_always_exist(project: Loaded) -> None:
    domain = project(
        {"domain.yml": "intents: [greet]\nforms:\n  f: {required_slots: []}\nactions: [action_x]\n"}
    ).domain
    assert set(domain.used_entities) == {"greet", "restart", "back", "out_of_scope", "session_start", "nlu_fallback"}
    assert domain.action_names[0] == LISTEN
    assert {SNIPPET, "action_two_stage_fallback", "action_handoff", "f", "action_x"} <= set(domain.action_names)
    assert list(domain.slots) == ["requested_slot", "session_started_metadata"]
    assert domain.custom_actions == {"action_x", "action_handoff", "action_ask_email", "action_verify_email"}


def test_knowledge_base_slots_come_with_their_action(project: Loaded) -> None:
    domain = project({"domain.yml": "actions: [action_query_knowledge_base]\n"}).domain
    assert "knowledge_base_last_object" in domain.slots


def test_entities_that_count_for_an_intent(project: Loaded) -> None:
    """`domain.py:493`: no use_entities means all, falsy means none, ignore wins, roles and groups come along."""
    domain = project(
        {
            "domain.yml": """
                entities:
                - name
                - city: {roles: [from, to], groups: [a]}
                - secret: {influence_conversation: false}
                intents:
                - all
                - none: {use_entities: []}
                - neither: {use_entities: false}
                - one: {use_entities: [city]}
                - but: {ignore_entities: [city]}
                - both: {use_entities: [name, city], ignore_entities: [name]}
                - told: {use_entities: [secret]}
            """
        }
    ).domain
    cities = {"city", "city#from", "city#to", "city#a"}
    assert domain.used_entities["all"] == {"name", *cities}
    assert domain.used_entities["none"] == domain.used_entities["neither"] == frozenset()
    assert domain.used_entities["one"] == domain.used_entities["both"] == cities
    assert domain.used_entities["but"] == {"name"}
    assert domain.used_entities["told"] == frozenset()
    assert domain.used_entities["restart"] == {"name", *cities}


@pytest.mark.parametrize(
    ("slot", "value", "feature"),
    [
        (Slot("s", "text", True), "anything", (1.0,)),
        (Slot("s", "text", True), "", (1.0,)),
        (Slot("s", "text", True), None, None),
        (Slot("s", "text", False), "x", None),
        (Slot("s", "list", True), [], None),
        (Slot("s", "list", True), ["a", "b"], (1.0,)),
        (Slot("s", "bool", True), False, (1.0, 0.0)),
        (Slot("s", "bool", True), True, (1.0, 1.0)),
        (Slot("s", "bool", True), " TRUE ", (1.0, 1.0)),
        (Slot("s", "bool", True), "1", (1.0, 1.0)),
        (Slot("s", "bool", True), "perhaps", None),
        (Slot("s", "bool", True), [], None),
        (Slot("s", "bool", True), "²", None),
        (Slot("s", "float", True), 10**400, None),
        (Slot("s", "float", True), 0.25, (1.0, 0.25)),
        (Slot("s", "float", True), 7, (1.0, 1.0)),
        (Slot("s", "float", True, low=10, high=20), "15", (1.0, 0.5)),
        (Slot("s", "float", True), "much", None),
        (Slot("s", "categorical", True, values=("low", "high")), "HIGH", (0.0, 1.0, 0.0)),
        (Slot("s", "categorical", True, values=("low", "high")), "odd", (0.0, 0.0, 1.0)),
        (Slot("s", "categorical", True, values=("1", "2")), 2, (0.0, 1.0, 0.0)),
        (Slot("s", "any", False), "x", None),
        (Slot("s", "text", True), UNSET, UNSET),
        (Slot("s", "bool", True), UNSET, UNSET),
    ],
)
def test_what_policies_see_of_a_slot(slot: Slot, value: object, feature: object) -> None:
    """`slots.py`: the content of a text never matters, unset is not false, unknown categories are `__other__`."""
    assert slot.feature(value) == feature


def test_a_list_slot_keeps_lists() -> None:
    assert Slot("s", "list").stored("x") == ["x"]
    assert Slot("s", "list").stored(["x"]) == ["x"]
    assert Slot("s", "list").stored(None) is None


def test_a_class_of_the_authors_own_is_kept_and_named(project: Loaded) -> None:
    made = project({"domain.yml": "slots:\n  a: {type: my.Slot, size: 3, mappings: []}\n"})
    assert made.domain.slots["a"].type == "any"
    assert [str(one) for one in made.warnings] == [
        "domain.yml:2: The slot `a` is a class of your own: it is kept, but stories cannot see it."
    ]


def test_names_that_lead_nowhere_are_warned_of(project: Loaded) -> None:
    domain = """\
slots:
  a:
    type: text
    mappings:
    - type: from_entity
      entity: city
    - type: from_intent
      intent: [greet, unheard]
      value: x
intents: [greet]
forms:
  f: {required_slots: [a, b]}
actions: [utter_silence]
"""
    assert [str(one) for one in project({"domain.yml": domain}).warnings] == [
        "domain.yml:5: The slot `a` waits for the entity `city`, which is not in the domain.",
        "domain.yml:7: The slot `a` waits for the intent `unheard`, which is not in the domain.",
        "domain.yml:12: The form `f` asks for the slot `b`, which is not in the domain.",
        "domain.yml:13: The action `utter_silence` has no response: it says nothing.",
    ]


def test_the_domain_as_an_action_server_is_given_it(project: Loaded) -> None:
    domain = project(
        {
            "domain.yml": """
                intents: [greet, bye]
                slots: {a: {type: text, mappings: []}}
                forms: {f: {required_slots: [a]}}
                actions: [action_x]
                responses: {utter_a: [{text: hi}]}
            """
        }
    ).domain
    assert domain.as_dict() == {
        "version": "3.1",
        "intents": ["bye", "greet"],
        "slots": {"a": {"type": "text", "mappings": []}},
        "forms": {"f": {"required_slots": ["a"]}},
        "actions": ["action_x"],
        "responses": {"utter_a": [{"text": "hi"}]},
        "session_config": {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
    }
    assert type(domain.as_dict()["slots"]) is dict
    assert len(domain.digest) == 64
