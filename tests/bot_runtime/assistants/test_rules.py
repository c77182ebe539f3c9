"""Rules (RASA.md 1.4, 1.5): when they apply, which one wins, and what is said about bad ones."""

from collections.abc import Awaitable, Callable

import pytest

from tests.bot_runtime.assistants.talking import Chat

Talk = Callable[..., Awaitable[Chat]]
Refused = Callable[..., list[str]]

DOMAIN = """
    intents: [greet, bye, ask, yes, no]
    entities: [city]
    slots:
      member: {type: bool, mappings: [{type: from_entity, entity: member}]}
      name: {type: text, mappings: []}
      level: {type: categorical, values: [low, high], initial_value: low, mappings: []}
    actions: [action_set]
    responses:
      utter_greet: [{text: hi}]
      utter_again: [{text: hi again}]
      utter_bye: [{text: bye}]
      utter_member: [{text: dear member}]
      utter_sure: [{text: sure?}]
      utter_good: [{text: good}]
      utter_bad: [{text: bad}]
      utter_default: [{text: sorry}]
      utter_city: [{text: a city}]
"""


def rules(text: str) -> dict[str, str]:
    return {"domain.yml": DOMAIN, "data/rules.yml": "rules:\n" + text}


async def test_a_rule_answers_whenever_its_intent_comes(talk: Talk) -> None:
    chat = await talk(rules("- rule: g\n  steps: [{intent: greet}, {action: utter_greet}, {action: utter_sure}]\n"))
    assert await chat.say("/greet") == ["hi", "sure?"]
    assert await chat.say("/greet") == ["hi", "sure?"]
    assert await chat.say("/bye") == ["sorry"]


async def test_a_rule_for_the_start_of_a_conversation(talk: Talk) -> None:
    text = """\
- rule: first
  conversation_start: true
  steps: [{intent: greet}, {action: utter_greet}]
- rule: later
  steps: [{intent: greet}, {action: utter_again}]
"""
    chat = await talk(rules(text))
    assert await chat.say("/greet") == ["hi"]
    assert await chat.say("/greet") == ["hi again"]


async def test_conditions_on_slots(talk: Talk) -> None:
    """A slot that is unset is not false, `null` means unset, and a text's content does not matter."""
    text = """\
- rule: member
  condition: [{slot_was_set: [{member: true}]}]
  steps: [{intent: greet}, {action: utter_member}]
- rule: not a member
  condition: [{slot_was_set: [{member: false}]}]
  steps: [{intent: greet}, {action: utter_bad}]
- rule: unknown
  condition: [{slot_was_set: [{member: null}]}]
  steps: [{intent: greet}, {action: utter_greet}]
- rule: named
  condition: [{slot_was_set: [{name: Ann}]}]
  steps: [{intent: ask}, {action: utter_good}]
"""
    chat = await talk(rules(text))
    assert await chat.say("/greet") == ["hi"]
    set_slot(chat, "member", True)
    assert await chat.say("/greet") == ["dear member"]
    set_slot(chat, "member", False)
    assert await chat.say("/greet") == ["bad"]
    assert await chat.say("/ask") == ["sorry"]
    set_slot(chat, "name", "Bob")
    assert await chat.say("/ask") == ["good"]


def set_slot(chat: Chat, name: str, value: object) -> None:
    chat.tracker.apply({"event": "slot", "name": name, "value": value})


async def test_the_longest_rule_wins(talk: Talk) -> None:
    text = """\
- rule: general
  steps: [{intent: ask}, {action: utter_greet}]
- rule: particular
  steps: [{intent: ask, entities: [city]}, {action: utter_city}]
"""
    chat = await talk(rules(text))
    assert await chat.say("/ask") == ["hi"]
    assert await chat.say('/ask{"city":"Berlin"}') == ["a city"]


async def test_rules_go_on_where_another_did_not_wait(talk: Talk) -> None:
    text = """\
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
  wait_for_user_input: false
- rule: after bye
  steps: [{action: utter_bye}, {action: utter_sure}, {intent: yes}, {action: utter_good}]
"""
    chat = await talk(rules(text))
    assert await chat.say("/bye") == ["bye", "sure?"]
    assert await chat.say("/yes") == ["good"]
    assert await chat.say("/yes") == ["sorry"]


async def test_a_choice_of_intents_or_of_slots(talk: Talk) -> None:
    text = """\
- rule: either
  steps:
  - or: [{intent: yes}, {intent: no}]
  - action: utter_good
- rule: any level
  condition: [{slot_was_set: [{member: true}]}]
  steps:
  - intent: ask
  - action: utter_member
"""
    chat = await talk(rules(text))
    assert await chat.say("/yes") == ["good"]
    assert await chat.say("/no") == ["good"]


async def test_an_initial_value_need_not_stand_in_a_rule(talk: Talk) -> None:
    chat = await talk(rules("- rule: g\n  steps: [{intent: greet}, {action: utter_greet}]\n"))
    assert chat.tracker.slots["level"] == "low"
    assert await chat.say("/greet") == ["hi"]


@pytest.mark.parametrize(("intent", "action"), [("restart", "action_restart"), ("back", "action_back")])
async def test_default_intents_need_no_rule(talk: Talk, intent: str, action: str) -> None:
    chat = await talk(rules("- rule: g\n  steps: [{intent: greet}, {action: utter_greet}]\n"))
    await chat.say("/greet")
    await chat.say(f"/{intent}")
    assert f"action {action}" in chat.kinds()


async def test_the_fallback_can_be_changed_and_switched_off(talk: Talk) -> None:
    text = "- rule: g\n  steps: [{intent: greet}, {action: utter_greet}]\n"
    config = "policies:\n- {name: RulePolicy, core_fallback_action_name: utter_bad, core_fallback_threshold: 0.4}\n"
    chat = await talk(rules(text), config=config)
    assert (await chat.say("/bye"))[:1] == ["bad"]
    silent = await talk(rules(text), config="policies:\n- {name: RulePolicy, enable_fallback_prediction: false}\n")
    assert await silent.say("/bye") == []
    assert silent.kinds()[-1] == "action action_listen"


async def test_the_decision_is_in_the_log(talk: Talk) -> None:
    chat = await talk(rules("- rule: g\n  steps: [{intent: greet}, {action: utter_greet}]\n"))
    await chat.say("/greet")
    action = next(event for event in chat.events if event.get("name") == "utter_greet")
    assert (action["policy"], action["confidence"], action["hide_rule_turn"]) == ("RulePolicy", 1.0, True)
    await chat.say("/bye")
    action = next(event for event in chat.events if event.get("name") == "action_default_fallback")
    assert (action["policy"], action["confidence"], action["hide_rule_turn"]) == ("RulePolicy", 0.3, False)


async def test_a_rule_on_words_comes_before_one_on_intents(talk: Talk) -> None:
    text = """\
- rule: words
  steps: [{user: magic word}, {action: utter_good}]
- rule: intent
  steps: [{intent: greet}, {action: utter_greet}]
"""
    files = rules(text) | {"data/nlu.yml": "nlu:\n- intent: greet\n  examples: |\n    - magic word\n    - hello\n"}
    chat = await talk(files)
    assert await chat.say("hello") == ["hi"]
    assert await chat.say("magic word") == ["good"]
    assert chat.events[-4]["use_text_for_featurization"] is True


async def test_a_score_from_the_understanding(talk: Talk) -> None:
    text = "- rule: g\n  steps: [{intent: greet}, {action: utter_greet}]\n"
    config = "policies:\n- {name: RulePolicy, use_nlu_confidence_as_score: true}\n"
    chat = await talk(rules(text), config=config)
    await chat.say("/greet@0.6")
    assert next(event for event in chat.events if event.get("name") == "utter_greet")["confidence"] == 0.6
    assert await chat.say("/greet@0.2") == ["sorry"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "- rule: r\n  steps: [{intent: a}, {action: utter_none}]\n",
            "3: The action `utter_none` is not in the domain.",
        ),
        ("- rule: r\n  steps: [{action: ...}]\n", "3: `...` is not an action to be written."),
        ("- rule: r\n  steps: [intent]\n", "3: This step is not known; a step is"),
        (
            "- rule: r\n  steps: [{intent: greet, action: utter_bye}]\n",
            "3: `action` is not known in a step with `intent`.",
        ),
        ("- rule: r\n  steps: [{bot: hi}]\n", "3: `bot` is for stories only."),
        ("- rule: r\n  steps: [{checkpoint: c}]\n", "3: `checkpoint` is for stories only."),
        ("- rule: r\n  condition: [{intent: a}]\n  steps: [{action: utter_bye}]\n", "3: A condition of a rule is an"),
        ("- rule: r\n  colour: red\n  steps: [{action: utter_bye}]\n", "3: `colour` is not known in a rule."),
        (
            "- story: r\n  steps: [{action: utter_bye}]\n",
            "2: An item here must be a mapping that begins with `rule: …`.",
        ),
        ("- rule: 5\n  steps: [{action: utter_bye}]\n", "2: `rule` of a rule must be text; put it in quotes."),
        (
            "- rule: r\n  wait_for_user_input: 5\n  steps: [{action: utter_bye}]\n",
            "3: `wait_for_user_input` of the rule",
        ),
        (
            "- rule: r\n  steps: [{slot_was_set: [nothing]}, {action: utter_bye}]\n",
            "3: The slot `nothing` is not in the",
        ),
        (
            "- rule: r\n  steps: [{or: [{action: utter_bye}]}]\n",
            "3: A choice of `or` is an intent or a `slot_was_set`.",
        ),
        ("- rule: r\n  steps: [{intent: ''}]\n", "3: `intent` of a step needs a text."),
        (
            "- rule: r\n  steps: [{intent: greet}, {action: utter_greet}, {intent: bye}, {action: utter_bye}]\n",
            "2: The rule `r` has more than one message of the visitor; write a story for that.",
        ),
    ],
)
def test_rules_that_are_refused(refused: Refused, text: str, error: str) -> None:
    lines = refused(rules(text))
    assert any(line.startswith(f"data/rules.yml:{error}") for line in lines), lines


async def test_names_that_do_not_exist_are_warned_of(talk: Talk) -> None:
    text = """\
- rule: r
  steps:
  - intent: unheard
  - action: utter_bye
  - slot_was_set: [{nothing: 1}]
  - active_loop: no_form
- rule: empty
  steps: []
"""
    chat = await talk(rules(text))
    assert [str(one) for one in chat.assistant.warnings] == [
        "data/rules.yml:4: The intent `unheard` is not in the domain.",
        "data/rules.yml:6: The slot `nothing` is not in the domain.",
        "data/rules.yml:7: The loop `no_form` is not in the domain.",
        "data/rules.yml:8: The rule `empty` has no steps; it is skipped.",
        "domain.yml:5: The slot `member` waits for the entity `member`, which is not in the domain.",
    ]


async def test_contradictions_are_warned_of(talk: Talk) -> None:
    text = """\
- rule: one
  steps: [{intent: greet}, {action: utter_greet}]
- rule: other
  steps: [{intent: greet}, {action: utter_again}]
- rule: bye
  steps: [{intent: bye}, {action: utter_bye}]
"""
    story = "stories:\n- story: s\n  steps: [{intent: bye}, {action: utter_greet}]\n"
    chat = await talk(rules(text) | {"data/s.yml": story})
    said = [str(one) for one in chat.assistant.warnings]
    assert (
        "data/rules.yml:2: `one` goes on with `utter_greet`, but other with `action_default_fallback`: a contradiction."
    ) in said
    assert "data/s.yml:2: `s` goes on with `utter_greet`, but bye with `utter_bye`: a contradiction." in said
    assert await chat.say("/greet") == ["sorry"], "two rules that contradict each other are both forgotten"


async def test_a_rule_that_only_listens_gives_way_to_a_story(talk: Talk) -> None:
    """`rule_policy.py:640`, after Rasa's test_remove_action_listen_prediction_if_contradicts_with_story."""
    text = "- rule: after greeting\n  steps: [{action: utter_greet}, {intent: yes}, {action: utter_good}]\n"
    story = """\
stories:
- story: s
  steps: [{intent: greet}, {action: utter_greet}, {action: utter_sure}]
"""
    chat = await talk(rules(text) | {"data/s.yml": story})
    assert not [one for one in chat.assistant.warnings if "contradiction" in one.message]
    assert await chat.say("/greet") == ["hi", "sure?"]


async def test_incomplete_rules_are_warned_of(talk: Talk) -> None:
    text = """\
- rule: complete
  steps: [{intent: ask}, {action: action_set}, {slot_was_set: [name]}, {action: utter_good}]
- rule: incomplete
  steps: [{intent: bye}, {action: action_set}, {action: utter_bye}]
"""
    chat = await talk(rules(text))
    message = "The rule `incomplete` does not say that `action_set` sets name, as another rule does."
    assert f"data/rules.yml:4: {message}" in [str(one) for one in chat.assistant.warnings]
