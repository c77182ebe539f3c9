"""Stories (RASA.md 1.4, 1.5): what memoization recalls, how `or` and checkpoints fan out, what rules hide."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot_runtime import assistants
from bot_runtime.assistants import Project
from bot_runtime.assistants.errors import Findings
from bot_runtime.assistants.events import executed
from bot_runtime.assistants.states import View
from bot_runtime.assistants.story_paths import paths
from tests.bot_runtime.assistants.conftest import Writer
from tests.bot_runtime.assistants.talking import Chat

Talk = Callable[..., Awaitable[Chat]]
Refused = Callable[..., list[str]]
Loaded = Callable[..., Project]

DOMAIN = """
    intents: [greet, good, bad, yes, no, bye, faq, more]
    entities: [city]
    slots:
      topic: {type: text, mappings: []}
      city: {type: text, mappings: [{type: from_entity, entity: city}]}
      level: {type: categorical, values: [low, high], mappings: []}
    actions: [action_topic]
    responses:
      utter_greet: [{text: hi}]
      utter_happy: [{text: happy}]
      utter_help: [{text: help?}]
      utter_bye: [{text: bye}]
      utter_faq: [{text: faq}]
      utter_more: [{text: more}]
      utter_city: [{text: a city}]
      utter_default: [{text: sorry}]
"""
MOOD = """\
stories:
- story: happy
  steps: [{intent: greet}, {action: utter_greet}, {intent: good}, {action: utter_happy}]
- story: sad
  steps:
  - intent: greet
  - action: utter_greet
  - intent: bad
  - action: utter_help
  - intent: yes
  - action: utter_happy
"""
FAQ = "rules:\n- rule: f\n  steps: [{intent: faq}, {action: utter_faq}]\n"
WHOLE = "policies:\n- name: MemoizationPolicy\n- name: RulePolicy\n"
AUGMENTED = "policies:\n- name: AugmentedMemoizationPolicy\n- name: RulePolicy\n"


def files(stories: str, rules: str = "") -> dict[str, str]:
    return {"domain.yml": DOMAIN, "data/stories.yml": stories} | ({"data/rules.yml": rules} if rules else {})


async def test_a_story_is_followed(talk: Talk) -> None:
    chat = await talk(files(MOOD))
    assert await chat.say("/greet") == ["hi"]
    assert await chat.say("/bad") == ["help?"]
    assert await chat.say("/yes") == ["happy"]
    action = next(event for event in chat.events if event.get("name") == "utter_help")
    assert (action["policy"], action["confidence"], action["hide_rule_turn"]) == ("MemoizationPolicy", 1.0, False)


async def test_only_the_whole_conversation_is_recalled(talk: Talk) -> None:
    chat = await talk(files(MOOD), config=WHOLE)
    assert await chat.say("/good") == ["sorry"]
    assert await chat.say("/greet") == ["hi"], "what fell back is taken back, so the story begins here"
    assert await chat.say("/good") == ["happy"]
    assert await chat.say("/greet") == ["sorry"], "no story goes on after its end"


async def test_turns_that_only_rules_have_are_hidden(talk: Talk) -> None:
    chat = await talk(files(MOOD, FAQ))
    assert await chat.say("/faq") == ["faq"]
    assert await chat.say("/greet") == ["hi"]
    assert await chat.say("/faq") == ["faq"]
    assert await chat.say("/faq") == ["faq"]
    assert await chat.say("/bad") == ["help?"]
    assert await chat.say("/yes") == ["happy"]


async def test_a_rule_that_a_story_has_too_is_not_hidden(talk: Talk) -> None:
    story = (
        "stories:\n- story: s\n  steps: [{intent: faq}, {action: utter_faq}, {intent: more}, {action: utter_more}]\n"
    )
    chat = await talk(files(story, FAQ))
    assert await chat.say("/more") == ["sorry"]
    assert await chat.say("/faq") == ["faq"]
    assert await chat.say("/more") == ["more"]
    assert not any(event.get("hide_rule_turn") for event in chat.events)


async def test_slots_that_only_rules_have_are_hidden(talk: Talk) -> None:
    """`domain.py:1294`: a slot that a rule needs must not make stories unrecognisable."""
    rules = (
        "rules:\n- rule: f\n  condition: [{slot_was_set: [{level: high}]}]\n"
        "  steps: [{intent: faq}, {action: utter_faq}]\n"
    )
    chat = await talk(files(MOOD, rules))
    await chat.say("/greet")
    chat.tracker.apply({"event": "slot", "name": "level", "value": "high"})
    assert await chat.say("/bad") == ["help?"]
    chat.tracker.apply({"event": "slot", "name": "topic", "value": "x"})
    assert await chat.say("/yes") == ["sorry"], "a slot that rules do not know is not hidden"


async def test_contradicting_stories_are_forgotten(talk: Talk) -> None:
    story = (
        MOOD
        + "- story: other\n  steps: [{intent: greet}, {action: utter_greet}, {intent: good}, {action: utter_bye}]\n"
    )
    chat = await talk(files(story))
    assert await chat.say("/greet") == ["hi"]
    assert await chat.say("/good") == ["sorry"]


async def test_entities_and_slots_make_a_difference(talk: Talk) -> None:
    story = """\
stories:
- story: with
  steps: [{intent: more, entities: [{city: Berlin}]}, {action: utter_city}]
- story: without
  steps: [{intent: more}, {action: utter_more}]
- story: topic
  steps:
  - intent: bye
  - action: action_topic
  - slot_was_set: [topic]
  - action: utter_bye
"""
    chat = await talk(
        files(story),
        actions={"action_topic": lambda _: assistants.ActResult([{"event": "slot", "name": "topic", "value": "x"}])},
    )
    assert await chat.say("/more") == ["more"]
    chat.tracker = chat.assistant.tracker()
    assert await chat.say('/more{"city":"Bonn"}') == ["a city"]
    chat.tracker = chat.assistant.tracker()
    assert await chat.say("/bye") == ["bye"]


async def test_stories_may_let_the_bot_say_something_word_for_word(talk: Talk) -> None:
    chat = await talk(files("stories:\n- story: e\n  steps: [{intent: greet}, {bot: How do you do?}]\n"))
    assert await chat.say("/greet") == ["How do you do?"]
    action = next(event for event in chat.events if event.get("action_text"))
    assert (action["name"], action["action_text"]) == (None, "How do you do?")


async def test_max_history_recalls_the_end_of_a_conversation(talk: Talk) -> None:
    config = "policies:\n- {name: MemoizationPolicy, max_history: 2}\n- name: RulePolicy\n"
    chat = await talk(files(MOOD), config=config)
    await chat.say("/greet")
    await chat.say("/good")
    assert await chat.say("/greet") == ["sorry"], "the key at a story's start is one state long"
    chat.tracker = chat.assistant.tracker()
    await chat.say("/greet")
    await chat.say("/bad")
    assert await chat.say("/yes") == ["happy"]
    assert await chat.say("/yes") == ["sorry"]


async def test_the_augmented_policy_forgets_the_beginning(talk: Talk) -> None:
    story = (
        MOOD + "- story: later\n  steps: [{intent: bye}, {action: utter_bye}, {intent: more}, {action: utter_more}]\n"
    )
    plain = await talk(files(story), config=WHOLE)
    await plain.say("/greet")
    assert await plain.say("/bye") == ["sorry"]
    chat = await talk(files(story), config=AUGMENTED)
    await chat.say("/greet")
    await chat.say("/good")
    assert await chat.say("/bye") == ["bye"]
    assert await chat.say("/more") == ["more"]
    assert await chat.say("/more") == ["sorry"]
    assert await chat.say("/greet") == ["hi"]


async def test_the_augmented_policy_forgets_slots_too(talk: Talk) -> None:
    chat = await talk(files(MOOD), config=AUGMENTED)
    await chat.say("/greet")
    chat.tracker.apply({"event": "slot", "name": "topic", "value": "x"})
    assert await chat.say("/bad") == ["sorry"], "set after the beginning that the story needs"
    fresh = await talk(files(MOOD), config=AUGMENTED)
    fresh.tracker.apply({"event": "slot", "name": "topic", "value": "x"})
    fresh.tracker.apply(executed("action_listen"))
    await fresh.say("/greet")
    assert await fresh.say("/bad") == ["help?"], "set before it"


@pytest.mark.parametrize("max_history", ["", ", max_history: 4"])
async def test_the_augmented_policy_after_a_long_way(talk: Talk, max_history: str) -> None:
    """Old turns cost nothing and change nothing: hidden ones, unrecognised ones, finished stories."""
    config = f"policies:\n- {{name: AugmentedMemoizationPolicy{max_history}}}\n- name: RulePolicy\n"
    chat = await talk(files(MOOD, FAQ), config=config)
    for _ in range(10):
        for text in ("/faq", "/greet", "/faq", "/more", "/bad", "/yes", "/no"):
            await chat.say(text)
    assert await chat.say("/greet") == ["hi"]
    assert await chat.say("/bad") == ["help?"]
    assert await chat.say("/yes") == ["happy"]


async def test_without_policies_the_bot_listens(talk: Talk) -> None:
    chat = await talk(files(MOOD), config="policies:\n- name: UnexpecTEDIntentPolicy\n")
    assert await chat.say("/greet") == []
    assert chat.kinds()[-1] == "action action_listen"


@pytest.mark.parametrize("config", ["policies:\n", "policies:\n- name: TEDPolicy\n- name: RulePolicy\n"])
async def test_where_ted_is_named_a_story_is_found_again_after_its_end(talk: Talk, config: str) -> None:
    """BR-1: authors rely on TED (which Rasa's default has) for going on after a story; a forgetting memory does it."""
    chat = await talk(files(MOOD), config=config)
    for _ in range(2):
        assert await chat.say("/greet") == ["hi"]
        assert await chat.say("/bad") == ["help?"]
        assert await chat.say("/yes") == ["happy"]
    assert await chat.say("/yes") == ["sorry"], "what no story has stays unknown"


async def test_priorities_decide_between_equals(talk: Talk) -> None:
    story = "stories:\n- story: s\n  steps: [{intent: faq}, {action: utter_more}]\n"
    chat = await talk(files(story, FAQ))
    assert await chat.say("/faq") == ["faq"]
    config = "policies:\n- {name: MemoizationPolicy, priority: 9}\n- name: RulePolicy\n"
    other = await talk(files(story, FAQ), config=config)
    assert (await other.say("/faq"))[0] == "more"


def told(made: Project) -> list[list[str]]:
    """The paths through a project's stories, in words."""
    findings = Findings()
    found = paths([story for story in made.stories if not story.is_rule], View(made.domain), findings)
    findings.raise_if_any()
    return [
        [
            event["parse_data"]["intent"]["name"] if event["event"] == "user" else str(event.get("name"))
            for event in path.events
            if event.get("name") != "action_listen"
        ]
        for path in found
    ]


def test_choices_fan_out(project: Loaded) -> None:
    story = """\
stories:
- story: s
  steps:
  - or: [{intent: greet}, {intent: bye}]
  - action: utter_greet
  - or:
    - slot_was_set: [{topic: a}, {level: low}]
    - intent: more
  - action: utter_more
"""
    assert told(project(files(story))) == [
        [start, "utter_greet", middle, "utter_more"]
        for start in ("greet", "bye")
        for middle in ("topic", "level", "more")
    ]


def test_checkpoints_join_stories(project: Loaded) -> None:
    story = """\
stories:
- story: ending
  steps: [{checkpoint: asked}, {intent: yes}, {action: utter_happy}]
- story: beginning
  steps: [{intent: greet}, {action: utter_greet}, {checkpoint: asked}]
- story: another beginning
  steps: [{intent: bye}, {action: utter_bye}, {checkpoint: asked}]
- story: through
  steps:
  - checkpoint: asked
  - intent: no
  - action: utter_help
  - checkpoint: again
  - intent: more
  - action: utter_more
"""
    found = told(project(files(story)))
    assert sorted(found) == sorted(
        [*start, *end]
        for start in (["greet", "utter_greet"], ["bye", "utter_bye"])
        for end in (["yes", "utter_happy"], ["no", "utter_help", "more", "utter_more"])
    )


def test_a_checkpoint_with_a_condition(project: Loaded) -> None:
    story = """\
stories:
- story: a
  steps: [{intent: greet}, {slot_was_set: [{level: high}]}, {action: utter_greet}, {checkpoint: c}]
- story: b
  steps: [{intent: bye}, {action: utter_bye}, {checkpoint: c}]
- story: end
  steps:
  - checkpoint: c
    slot_was_set: [{level: high}]
  - intent: yes
  - action: utter_happy
"""
    assert told(project(files(story))) == [["greet", "level", "utter_greet", "yes", "utter_happy"]]


def test_a_cycle_is_followed_twice(project: Loaded) -> None:
    story = """\
stories:
- story: start
  steps: [{intent: greet}, {action: utter_greet}, {checkpoint: again}]
- story: loop
  steps: [{checkpoint: again}, {intent: more}, {action: utter_more}, {checkpoint: again}]
- story: end
  steps: [{checkpoint: again}, {intent: bye}, {action: utter_bye}]
"""
    start, loop, end = ["greet", "utter_greet"], ["more", "utter_more"], ["bye", "utter_bye"]
    assert told(project(files(story))) == [start + end, start + loop + end, start + loop + loop + end]


async def test_loose_checkpoints_are_warned_of(talk: Talk) -> None:
    story = """\
stories:
- story: nowhere from
  steps: [{checkpoint: a}, {intent: yes}, {action: utter_happy}]
- story: nowhere to
  steps: [{intent: greet}, {action: utter_greet}, {checkpoint: b}]
"""
    chat = await talk(files(story))
    assert [one.message for one in chat.assistant.warnings] == [
        "Nothing leads to the checkpoint `a` with which `nowhere from` begins.",
        "Nothing goes on from the checkpoint `b` with which `nowhere to` ends.",
    ]


def test_stories_that_multiply_beyond_use_are_refused(refused: Refused) -> None:
    choices = "  - or: [{intent: yes}, {intent: no}, {intent: more}, {intent: bye}]\n  - action: utter_more\n" * 12
    lines = refused(files(f"stories:\n- story: s\n  steps:\n{choices}"))
    assert lines == ["data/stories.yml:2: With `s` the stories have more than 20000 ways through them."]


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        ("[{checkpoint: ''}]", "3: `checkpoint` needs a name."),
        ("[{checkpoint: a, slot_was_set: [b]}]", "3: A slot of a checkpoint needs a value (`name: value`)."),
        ("[{intent: greet, entities: [1]}]", "3: An entity of a step is a name, or a name with a value."),
        ("[{user: '[x]{y}'}]", "3: The annotation {y} is not valid JSON."),
        ("[{slot_was_set: topic}]", "3: `slot_was_set` needs a list (`- name: value`)."),
        ("[{slot_was_set: [[a]]}]", "3: A slot here is a name, or a name with a value."),
        ("[{action: 5}]", "3: `action` of a step must be text; put it in quotes."),
        ("[{or: greet}]", "3: `or` needs a list."),
    ],
)
def test_stories_that_are_refused(refused: Refused, steps: str, error: str) -> None:
    lines = refused(files(f"stories:\n- story: s\n  steps: {steps}\n"))
    assert any(line.startswith(f"data/stories.yml:{error}") for line in lines), lines


async def test_a_slot_named_without_a_value(talk: Talk) -> None:
    story = "stories:\n- story: s\n  steps: [{intent: greet}, {slot_was_set: [level]}, {action: utter_greet}]\n"
    chat = await talk(files(story))
    assert [one.message for one in chat.assistant.warnings] == [
        "The slot `level` is of type categorical: say with which value it was set."
    ]


async def test_a_story_that_begins_with_an_action_does_not_teach_it(talk: Talk) -> None:
    story = "stories:\n- story: s\n  steps: [{action: utter_greet}, {intent: yes}, {action: utter_happy}]\n"
    chat = await talk(files(story))
    assert await chat.say("/yes") == ["sorry"]
    assert "action utter_greet" not in chat.kinds()


@pytest.mark.parametrize(
    ("bot", "file", "stories", "actions"),
    [
        ("financial-demo", "stripped_stories.yml", 46, 312),
        ("formbot", "test_stories.yml", 3, 29),
        ("initial_project", "test_stories.yml", 7, 35),
    ],
)
def test_public_test_stories_come_out_as_in_rasa(shared: Path, bot: str, file: str, stories: int, actions: int) -> None:
    """RASA.md: 312 of 312 actions over 46 distinct stories with RulePolicy and AugmentedMemoization; 29/29; 35/35."""
    folder = shared / "data" / "assistants" / bot
    project = assistants.load(folder, {})
    assistant = assistants.compile(project, assistants.ExactUnderstanding(project.nlu))
    report = assistants.run_test_stories(assistant, assistants.load_stories(folder / "tests" / file, project.domain))
    assert (report.stories, report.actions) == (stories, actions)
    assert report.mistakes == ()


def test_a_failing_test_story_says_what_it_wanted(write: Writer) -> None:
    root = write(
        files(MOOD)
        | {
            "data/nlu.yml": """
                nlu:
                - intent: greet
                  examples: |
                    - hello
                - intent: good
                  examples: |
                    - fine
            """,
            "tests/test_stories.yml": """
                stories:
                - story: good
                  steps: [{user: hello, intent: greet}, {action: utter_greet}]
                - story: wrong
                  steps: [{user: fine, intent: greet}, {action: utter_bye}, {intent: good}, {action: utter_happy}]
            """,
        }
    )
    project = assistants.load(root, {})
    assistant = assistants.compile(project, assistants.ExactUnderstanding(project.nlu))
    stories = assistants.load_stories(root / "tests" / "test_stories.yml", project.domain)
    report = assistants.run_test_stories(assistant, stories, understand=True)
    assert (report.stories, report.actions, report.correct, report.messages) == (2, 6, 2, 2)
    assert [(one.story, one.file, one.line, one.wanted, one.said) for one in report.mistakes] == [
        ("wrong", "test_stories.yml", 5, "utter_bye", "utter_greet"),
        ("wrong", "test_stories.yml", 5, "action_listen", "action_default_fallback"),
        ("wrong", "test_stories.yml", 5, "utter_happy", "action_default_fallback"),
        ("wrong", "test_stories.yml", 5, "action_listen", "action_default_fallback"),
    ]
    assert [(one.wanted, one.said) for one in report.misunderstood] == [("greet", "good")]
