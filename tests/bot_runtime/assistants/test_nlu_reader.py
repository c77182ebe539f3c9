"""NLU files (RASA.md 1.3): examples and annotations, synonyms, regexes, look-ups, retrieval intents."""

from collections.abc import Callable

import pytest

from bot_runtime.assistants import EntitySpan, ExactUnderstanding, Example, Project, TrainingData
from bot_runtime.assistants.entity_annotations import BadAnnotationError, read_annotations

Loaded = Callable[..., Project]
Refused = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("sentence", "text", "spans"),
    [
        ("no entity", "no entity", ()),
        ("to [Berlin](city)!", "to Berlin!", (EntitySpan(3, 9, "Berlin", "city"),)),
        ("to [the capital](city:Berlin)", "to the capital", (EntitySpan(3, 14, "Berlin", "city"),)),
        (
            'from [A]{"entity": "city", "role": "from"} to [B]{"entity":"city","role":"to","group":"1","value":"b"}',
            "from A to B",
            (EntitySpan(5, 6, "A", "city", "from"), EntitySpan(10, 11, "b", "city", "to", "1")),
        ),
        (
            '[x][{"entity": "a"}, {"entity": "b", "value": "y"}] end',
            "x end",
            (EntitySpan(0, 1, "x", "a"), EntitySpan(0, 1, "y", "b")),
        ),
        ('[five]{"entity": "number", "value": 5}', "five", (EntitySpan(0, 4, "5", "number"),)),
        ("a [link] (not one)", "a [link] (not one)", ()),
    ],
)
def test_annotations(sentence: str, text: str, spans: tuple[EntitySpan, ...]) -> None:
    assert read_annotations(sentence) == (text, spans)


@pytest.mark.parametrize("sentence", ["[x]{entity: city}", '[x]{"role": "a"}', '[x]{"entity": 1}', '[x][{"entity": }]'])
def test_annotations_that_are_refused(sentence: str) -> None:
    with pytest.raises(BadAnnotationError, match="The annotation"):
        read_annotations(sentence)


NLU = """\
nlu:
- intent: travel
  metadata: {any: thing}
  examples: |
    - to [the capital](city:Berlin)
    - away
- intent: faq/hours
  examples:
  - text: |
      when are you open
    metadata: {any: thing}
  - text: opening hours
- intent: faq/price
  examples: |
    - what is it
- synonym: Berlin
  examples: |
    - Spree
- regex: zip
  examples: |
    - \\d{5}
    - [A-Z]+
- lookup: city
  examples: |
    - Berlin
    - Bonn
- lookup: city
  examples: |
    - Köln
"""
DOMAIN = "intents: [travel, faq]\nentities: [city]\nresponses:\n  utter_faq/hours: [{text: Nine}]\n"


def test_everything_that_a_file_can_teach(project: Loaded) -> None:
    made = project(
        {
            "domain.yml": DOMAIN,
            "data/nlu.yml": NLU,
            "data/r.yml": "responses: {utter_faq/price: [{text: 5}]}\n".replace("text: 5", "text: '5'"),
        }
    )
    nlu = made.nlu
    assert [(one.text, one.intent) for one in nlu.examples] == [
        ("to the capital", "travel"),
        ("away", "travel"),
        ("when are you open", "faq/hours"),
        ("opening hours", "faq/hours"),
        ("what is it", "faq/price"),
    ]
    assert nlu.examples[0].entities == (EntitySpan(3, 14, "Berlin", "city"),)
    assert nlu.synonyms == {"the capital": "Berlin", "Spree": "Berlin"}
    assert nlu.regexes == (("zip", "\\d{5}"), ("zip", "[A-Z]+"))
    assert nlu.lookups == (("city", ("Berlin", "Bonn", "Köln")),)
    assert nlu.intents == ("travel", "faq")
    assert nlu.retrieval == {"faq": ("faq/hours", "faq/price")}
    assert set(nlu.responses) == {"utter_faq/hours", "utter_faq/price"}
    assert made.domain.retrieval_intents == {"faq"}
    assert "utter_faq" in made.domain.action_names


def test_what_is_skipped_is_named(project: Loaded) -> None:
    nlu = """\
nlu:
- intent: greet
  examples: |
    - hi
    hello
      - nested
- intent: ""
  examples: |
    - x
- intent: bye
- nothing: here
- just a word
"""
    made = project({"domain.yml": "intents: [greet, bye]\n", "data/nlu.yml": nlu})
    assert [one.text for one in made.nlu.examples] == ["hi"]
    assert [str(one) for one in made.warnings] == [
        "data/nlu.yml:5: An example of the intent `greet` does not start with a dash; it is skipped.",
        "data/nlu.yml:6: An example of the intent `greet` does not start with a dash; it is skipped.",
        "data/nlu.yml:7: The intent has no name; it is skipped.",
        "data/nlu.yml:10: The intent `bye` has no examples.",
        "data/nlu.yml:11: An item under `nlu` needs one of intent, synonym, regex, lookup; this one is skipped.",
        "data/nlu.yml:12: An item under `nlu` needs one of intent, synonym, regex, lookup; this one is skipped.",
    ]


@pytest.mark.parametrize(
    ("nlu", "error"),
    [
        ("- intent: 5\n  examples: '- a'\n", "2: `intent` of an item under `nlu` must be text; put it in quotes."),
        ("- intent: a\n  examples: [b]\n", "3: An example of the intent `a` needs a `text`."),
        ("- synonym: a\n  examples: [b]\n", "3: `examples` of the synonym `a` must be a text (`examples: |`)."),
        ("- intent: a\n  words: b\n", "3: `words` is not known in the intent `a`."),
        ("- intent: a\n  examples: |\n    - b\n    - [c]{d}\n", "5: The annotation {d} is not valid JSON."),
        ("- intent: a\n  examples: >\n    - [c]{d}\n", "3: The annotation {d} is not valid JSON."),
    ],
)
def test_what_is_refused(refused: Refused, nlu: str, error: str) -> None:
    assert f"data/nlu.yml:{error}" in refused({"domain.yml": "intents: [a]\n", "data/nlu.yml": "nlu:\n" + nlu})


def test_the_digest_names_the_content() -> None:
    one = TrainingData((Example("hi", "greet"),))
    assert one.digest() == TrainingData((Example("hi", "greet"),)).digest()
    assert one.digest() != TrainingData((Example("hi", "bye"),)).digest()


def test_an_exact_understanding_knows_its_examples() -> None:
    data = TrainingData(
        (
            Example("To Berlin, please", "travel", (EntitySpan(3, 9, "Berlin", "city", "to"),)),
            Example("open?", "faq/hours"),
        ),
        intents=("travel", "faq"),
        retrieval={"faq": ("faq/hours",)},
        responses={"utter_faq/hours": ({"text": "Nine"},)},
    )
    understanding = ExactUnderstanding(data)
    parse = understanding.parse("to berlin please")
    assert (parse.intent.name, parse.intent.confidence) == ("travel", 1.0)
    entity = parse.entities[0]
    assert (entity["entity"], entity["value"], entity["role"], entity["start"]) == ("city", "Berlin", "to", 3)
    assert [one.name for one in parse.intent_ranking] == ["travel", "faq"]
    selected = understanding.parse("Open").response_selector
    assert selected["faq"]["response"]["utter_action"] == "utter_faq/hours"
    assert selected["faq"]["response"]["intent_response_key"] == "faq/hours"
    assert understanding.parse("something else").intent.name is None
