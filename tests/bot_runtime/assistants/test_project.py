"""Loading a project (RASA.md 1.1): which files are read, how YAML is read, and errors that name file and line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bot_runtime import assistants
from bot_runtime.assistants import LoadFailed, Project, load
from tests.bot_runtime.assistants.conftest import Writer

DOMAIN = 'version: "3.1"\nintents: [greet]\nresponses:\n  utter_greet:\n  - text: Hi\n'
Loaded = Callable[..., Project]
Refused = Callable[..., list[str]]


def test_yes_and_no_are_words(project: Loaded) -> None:
    """YAML 1.2: `value: yes` is a text, as in financial-demo."""
    domain = """
        slots:
          going_on:
            type: any
            mappings:
            - {type: from_intent, value: yes, intent: greet}
          number: {type: any, initial_value: 012, mappings: []}
        intents: [greet]
    """
    slots = project({"domain.yml": domain}).domain.slots
    assert slots["going_on"].mappings[0].value == "yes"
    assert slots["number"].initial_value == 12


def test_files_are_known_by_their_keys(project: Loaded) -> None:
    made = project(
        {
            "domain/a/one.yml": DOMAIN,
            "domain/b.yml": "actions: [action_x]\n",
            "data/deep/down/anything.yaml": """
                nlu:
                - intent: greet
                  examples: |
                    - hi
                stories:
                - story: s
                  steps: [{intent: greet}, {action: utter_greet}]
                rules:
                - rule: r
                  steps: [{intent: greet}, {action: action_x}]
                responses:
                  utter_faq/hours:
                  - text: Nine
            """,
            "data/other.yml": "something: else\n",
            "data/notes.txt": "stories: no\n",
        }
    )
    assert [(story.name, story.is_rule) for story in made.stories] == [("s", False), ("r", True)]
    assert [example.text for example in made.nlu.examples] == ["hi"]
    assert made.domain.actions == ("action_x",)
    assert set(made.domain.responses) == {"utter_greet", "utter_faq/hours"}


def test_test_stories_under_data_are_learned_too(project: Loaded) -> None:
    """The default importer does not leave `test_*.yml` out (`importers/rasa.py:36`)."""
    story = "stories:\n- story: t\n  steps: [{intent: greet}, {action: utter_greet}]\n"
    assert [one.name for one in project({"domain.yml": DOMAIN, "data/test_it.yml": story}).stories] == ["t"]


def test_a_newer_file_is_left_out_and_an_older_one_read(project: Loaded) -> None:
    made = project(
        {
            "domain.yml": DOMAIN,
            "domain/new.yml": 'version: "4.0"\nactions: [action_new]\n',
            "domain/old.yml": 'version: "2.0"\nactions: [action_old]\n',
        }
    )
    assert made.domain.actions == ("action_old",)
    assert [str(warning) for warning in made.warnings] == [
        "domain/new.yml:1: The file is of format 4.0, newer than 3.1: it is left out.",
        "domain/old.yml:1: The file is of format 2.0; it is read as 3.1.",
    ]


@pytest.mark.parametrize("version", ["3.1", "three"])
def test_a_version_is_a_text(refused: Refused, version: str) -> None:
    assert refused({"domain.yml": f"version: {version}\nintents: [greet]\n"})[0].startswith("domain.yml:1: ")


def test_environment_variables_in_plain_scalars(write: Writer) -> None:
    root = write(
        {
            "domain.yml": DOMAIN,
            "endpoints.yml": "action_endpoint:\n  url: http://${HOST}:5055/\n  token: '${TOKEN}'\n",
        }
    )
    assert load(root, {"HOST": "here"}).endpoints["action_endpoint"] == {
        "url": "http://here:5055/",
        "token": "${TOKEN}",
    }
    with pytest.raises(LoadFailed, match=r"endpoints.yml:2: The environment variable HOST is not set\."):
        load(root, {})


def test_an_assistant_does_not_read_the_keys_of_the_house(write: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write({"domain.yml": DOMAIN, "credentials.yml": "rest:\n  secret: ${FRONTDESK_MASTER_KEY}\n"})
    monkeypatch.setenv("FRONTDESK_MASTER_KEY", "the key")
    with pytest.raises(LoadFailed, match="FRONTDESK_MASTER_KEY is not set"):
        load(root)


def test_environment_variables_in_a_domain_are_refused(refused: Refused) -> None:
    lines = refused({"domain.yml": "responses:\n  utter_a:\n  - text: ${HOME}\n"})
    assert lines == [
        "domain.yml:3: Environment variables are not replaced in this file; put the text in quotes if it is meant."
    ]


def test_all_errors_of_all_files_at_once(refused: Refused) -> None:
    lines = refused(
        {
            "domain.yml": "intents:\n- greet\n- greet\nslots:\n  a:\n    type: text\n",
            "data/nlu.yml": 'nlu:\n- intent: greet\n  examples: |\n    - hi\n    - [x]{"entity"}\n',
            "data/bad.yml": "rules: [\n",
        }
    )
    assert lines == [
        "data/bad.yml:2: This is not valid YAML: expected the node content, but found '<stream end>'.",
        'data/nlu.yml:5: The annotation {"entity"} is not valid JSON.',
        "domain.yml:3: The intent `greet` stands here a second time.",
        "domain.yml:5: The slot `a` has no `mappings` (an empty list will do).",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("a: 1\na: 2\n", "domain.yml:2: The key `a` stands here a second time."),
        ("- a\n", "domain.yml:1: The file must hold a mapping (`key: value`) at its top."),
        ("a: !!python/name:os.system x\n", "domain.yml:1: This is not valid YAML: the tag"),
        ("a: &a [*a]\n", "domain.yml:1: This is not valid YAML: it is too large or too deep"),
        ("a: " + "[" * 5000, "domain.yml:1: This is not valid YAML:"),
        ("a: \x07\n", "domain.yml:1: This is not valid YAML: unacceptable character"),
        ("? [a]\n: b\n", "domain.yml:1: This is not valid YAML: a key must be a word"),
        ("a: !!int x\n", "domain.yml:1: This is not valid YAML: `x` is not a number"),
    ],
)
def test_yaml_that_is_refused(refused: Refused, text: str, error: str) -> None:
    assert refused({"domain.yml": text})[0].startswith(error)


def test_an_alias_bomb_is_refused(refused: Refused) -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 9))
    lines = refused({"domain.yml": f"l0: &l0 [a]\n{levels}"})
    assert "too large or too deep once its aliases are written out" in lines[0]


def test_merged_mappings_and_aliases(project: Loaded) -> None:
    domain = """
        base: &base {type: text, mappings: []}
        slots:
          a: {<<: *base, influence_conversation: false}
          b: *base
    """
    slots = project({"domain.yml": domain}).domain.slots
    assert (slots["a"].influence, slots["b"].influence) == (False, True)


def test_bytes_that_are_no_text(write: Writer) -> None:
    root = write({"domain.yml": DOMAIN})
    (root / "data").mkdir()
    (root / "data" / "nlu.yml").write_bytes(b"nlu: \xff\n")
    with pytest.raises(LoadFailed, match=r"data/nlu.yml:1: The file is not UTF-8\."):
        load(root, {})


@pytest.mark.parametrize("missing", ["config.yml", "domain.yml"])
def test_a_project_needs_its_two_files(write: Writer, missing: str) -> None:
    root = write({"domain.yml": DOMAIN})
    (root / missing).unlink()
    with pytest.raises(LoadFailed, match=rf"{missing}:1: The project has no"):
        load(root, {})


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LoadFailed, match="There is no such folder"):
        load(tmp_path / "nothing", {})


def test_sections_in_the_wrong_place_are_named(project: Loaded) -> None:
    made = project({"domain.yml": DOMAIN + "rules: []\n", "data/a.yml": "slots: {}\nnlu: []\n"})
    assert [str(warning) for warning in made.warnings] == [
        "data/a.yml:1: `slots` is read in domain.yml and under domain/ only; here it is left out.",
        "domain.yml:6: `rules` is read under data/ only; here it is left out.",
    ]


def test_merging_domains_takes_the_first(project: Loaded) -> None:
    """`domain.py:334`: lists lose repetitions, of two entries the first wins, one session counts."""
    made = project(
        {
            "domain/a.yml": """
                intents: [greet, bye]
                responses:
                  utter_greet: [{text: first}]
                session_config: {session_expiration_time: 60, carry_over_slots_to_new_session: true}
            """,
            "domain/b.yml": """
                intents: [bye, {more: {use_entities: []}}]
                responses:
                  utter_greet: [{text: second}]
                  utter_more: [{text: more}]
                session_config: {session_expiration_time: 5, carry_over_slots_to_new_session: false}
            """,
        }
    )
    domain = made.domain
    assert domain.responses["utter_greet"][0]["text"] == "first"
    assert set(domain.responses) == {"utter_greet", "utter_more"}
    assert (domain.session.expiration, domain.session.carry_over_slots) == (5, False)
    assert domain.used_entities.keys() >= {"greet", "bye", "more"}
    assert [str(warning) for warning in made.warnings] == [
        "domain/b.yml:4: `utter_greet` in `responses` is defined in another file too; the first one counts."
    ]


def test_the_digest_follows_the_content(write: Writer) -> None:
    root = write({"domain.yml": DOMAIN})
    before = load(root, {})
    (root / "domain.yml").write_text(DOMAIN + "# a comment\n")
    same = load(root, {})
    (root / "domain.yml").write_text(DOMAIN.replace("Hi", "Ho"))
    other = load(root, {})
    assert before.digest == same.digest != other.digest
    assert before.nlu.digest() == other.nlu.digest()


def test_config_accepts_every_component(write: Writer) -> None:
    config = """
        recipe: default.v1
        language: de
        pipeline:
        - name: WhitespaceTokenizer
        - name: my.module.Sentiment
          strength: 3
        policies:
        - name: RulePolicy
        - name: TEDPolicy
          epochs: 1
        - name: my.Policy
    """
    project = load(write({"domain.yml": DOMAIN}, config=config), {})
    assert project.config.language == "de"
    assert project.nlu.pipeline[1] == assistants.Component("my.module.Sentiment", {"strength": 3})
    assert [str(warning) for warning in project.warnings] == [
        "config.yml:1: `assistant_id` is missing; events will not say which assistant they come from.",
        "config.yml:6: The component `my.module.Sentiment` is not one that Frontdesk knows; it is left out.",
        "config.yml:12: The policy `my.Policy` is not one that Frontdesk knows; it is left out.",
    ]


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ("pipeline:\n- epochs: 1\n", "config.yml:2: An entry under `pipeline` needs a `name`."),
        ("language: 1\n", "config.yml:1: `language` of config.yml must be text; put it in quotes."),
        ("policies: RulePolicy\n", "config.yml:1: `policies` of the file must be a list."),
        ("policies:\n- name: RulePolicy\n  core_fallback_action_name: action_none\n", "`action_none`"),
        (
            "policies:\n- name: RulePolicy\n  core_fallback_threshold: high\n",
            "`core_fallback_threshold` of the RulePolicy",
        ),
        ("pipeline:\n- name: FallbackClassifier\n  threshold: high\n", "The thresholds of the FallbackClassifier"),
    ],
)
def test_config_that_is_refused(refused: Refused, config: str, error: str) -> None:
    lines = refused({"domain.yml": DOMAIN}, config="assistant_id: a\n" * config.startswith("x") + config)
    assert any(error in line for line in lines), lines


def test_public_projects_load(shared: Path) -> None:
    """Unmodified public assistants, from an empty environment."""
    folder = shared / "data" / "assistants"
    for name in ("moodbot", "initial_project", "formbot", "rules", "financial-demo"):
        project = load(folder / name, {})
        assistant = assistants.compile(project, assistants.ExactUnderstanding(project.nlu))
        assert assistant.name == name
