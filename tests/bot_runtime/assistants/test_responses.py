"""Responses (RASA.md 1.2): which variation is said, and how slots are filled in."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot_runtime.assistants.responses import LoneBraceError, Responses, fill, fill_text
from tests.bot_runtime.assistants.talking import Chat, first

Talk = Callable[..., Awaitable[Chat]]


def said(variations: list[dict[str, Any]], channel: str | None = None, **slots: Any) -> list[str]:
    """The texts among which one is drawn."""
    drawn: list[str] = []

    def choose(pool: Sequence[Any]) -> Any:
        drawn.extend(one.response["text"] for one in pool)
        return pool[0]

    message = Responses({"utter_a": tuple(variations)}).render("utter_a", slots, channel, choose)
    return drawn or ([message["text"]] if message else [])


def condition(**slots: Any) -> list[dict[str, Any]]:
    return [{"type": "slot", "name": name, "value": value} for name, value in slots.items()]


PLAIN = {"text": "plain"}
ON_WEB = {"text": "on the web", "channel": "web"}
IF_GOLD = {"text": "gold", "condition": condition(level="Gold")}
IF_GOLD_ON_WEB = {"text": "gold on the web", "channel": "web", "condition": condition(level="gold")}


@pytest.mark.parametrize(
    ("variations", "channel", "level", "texts"),
    [
        ([PLAIN, {"text": "other"}], None, None, ["plain", "other"]),
        ([PLAIN, ON_WEB, IF_GOLD, IF_GOLD_ON_WEB], "web", "GOLD", ["gold on the web"]),
        ([PLAIN, ON_WEB, IF_GOLD], "web", "gold", ["on the web"]),
        ([PLAIN, IF_GOLD, IF_GOLD_ON_WEB], "phone", "gold", ["gold"]),
        ([PLAIN, ON_WEB, IF_GOLD], "phone", "silver", ["plain"]),
        ([ON_WEB], "phone", None, []),
        ([IF_GOLD], "web", None, []),
        ([{"text": "both", "condition": condition(level="gold", age=3)}, PLAIN], None, "gold", ["plain"]),
        ([{"text": "never", "condition": []}], None, None, []),
        ([], None, None, []),
    ],
)
def test_which_variation_is_said(
    variations: list[dict[str, Any]], channel: str | None, level: str | None, texts: list[str]
) -> None:
    """`generator.py:122`: condition and channel, then channel, then condition, then the rest; conditions are AND-ed."""
    assert said(variations, channel, level=level) == texts


def test_conditions_compare_other_types_as_they_are() -> None:
    variations = [{"text": "yes", "condition": condition(ready=True)}, PLAIN]
    assert said(variations, ready=True) == ["yes"]
    assert said(variations, ready="True") == ["plain"]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hello {name}!", "Hello Ann!"),
        ("{unset}", "None"),
        ("{count} {flag} {words}", "3 True ['a']"),
        ("{name} and {unknown}", "{name} and {unknown}"),
        ("{{name}}", "{name}"),
        ("{{name}} {name}", "{name} Ann"),
        ("{name.first}", "{name.first}"),
        ("{name!r:>9}", "{name!r:>9}"),
        ("{with-dash}", "dashed"),
        ("{}", "{}"),
        ("{0.__class__}", "{0.__class__}"),
        ("no braces", "no braces"),
        ("{tricky}", "{name} 0[ {"),
    ],
)
def test_filling_in_slots(text: str, filled: str) -> None:
    """`interpolator.py:11`; a value is never read as a text to be filled in itself."""
    slots = {"name": "Ann", "unset": None, "count": 3, "flag": True, "words": ["a"], "with-dash": "dashed"}
    assert fill_text(text, {**slots, "tricky": "{name} 0[ {"}) == filled


@pytest.mark.parametrize("text", ["{", "}", "a { b", "{a}}", "{a{b}}"])
def test_a_lone_brace_is_an_error(text: str) -> None:
    with pytest.raises(LoneBraceError):
        fill_text(text, {"a": 1})


def test_all_that_a_visitor_may_read_is_filled_in() -> None:
    response = {
        "text": "{a}",
        "image": "https://x/{a}.png",
        "custom": {"deep": [{"a": "{a}"}], "number": 1},
        "buttons": [{"title": "{a}", "payload": '/x{{"a": "{a}"}}'}],
        "attachment": {"src": "{a}"},
        "quick_replies": [{"title": "{a}"}],
        "metadata": {"kept": "{a}"},
    }
    message = Responses({"utter_a": (response,)}).render("utter_a", {"a": "b"}, None, first)
    assert message == {
        "text": "b",
        "image": "https://x/b.png",
        "custom": {"deep": [{"a": "b"}], "number": 1},
        "buttons": [{"title": "b", "payload": '/x{"a": "b"}'}],
        "attachment": {"src": "b"},
        "quick_replies": [{"title": "b"}],
        "metadata": {"kept": "{a}"},
    }


def test_a_message_is_the_callers_own() -> None:
    responses = Responses({"utter_a": ({"text": "a", "buttons": [{"title": "x"}]},)})
    message = responses.render("utter_a", {}, None, first)
    assert message is not None
    message["buttons"][0]["title"] = "changed"
    assert responses.render("utter_a", {}, None, first) == {"text": "a", "buttons": [{"title": "x"}]}


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_filling_in_never_evaluates(text: str, values: dict[str, str]) -> None:
    try:
        filled = fill({"a": [text]}, values)["a"][0]
    except LoneBraceError:
        return
    if "{" not in text and "}" not in text:
        assert filled == text


DOMAIN = """
    intents: [greet, pay]
    slots:
      name: {type: text, mappings: []}
      balance: {type: any, initial_value: 5, mappings: []}
    responses:
      utter_greet:
      - text: "Hi {name}"
        buttons: [{title: Pay, payload: /pay}]
        image: a.png
      utter_broken:
      - text: "{"
    actions: [action_pay]
"""
RULES = """
    rules:
    - rule: greet
      steps: [{intent: greet}, {action: utter_greet}]
    - rule: pay
      steps: [{intent: pay}, {action: action_pay}]
"""


async def test_replies_are_ready_to_be_shown(talk: Talk) -> None:
    chat = await talk({"domain.yml": DOMAIN, "data/r.yml": RULES})
    assert await chat.say("/greet") == ["Hi None"]
    reply = chat.latest.replies[0]
    assert (reply.image, reply.attachment, reply.utter_action) == ("a.png", None, "utter_greet")
    assert reply.buttons == ({"title": "Pay", "payload": "/pay"},)
    event = chat.latest.events[reply.event_index]
    assert event["data"] == {
        "elements": None,
        "quick_replies": None,
        "buttons": [{"title": "Pay", "payload": "/pay"}],
        "attachment": "a.png",
        "image": "a.png",
        "custom": None,
    }


async def test_a_response_that_cannot_be_filled_in_fails_its_action(talk: Talk) -> None:
    chat = await talk({"domain.yml": DOMAIN, "data/r.yml": RULES.replace("utter_greet", "utter_broken")})
    assert await chat.say("/greet") == []
    assert chat.failed == ("utter_broken",)
    assert chat.kinds()[-2:] == ["action utter_broken", "action action_listen"]
    assert [str(one) for one in chat.assistant.warnings] == [
        "domain.yml:12: A text of the response `utter_broken` has a lone brace: nothing will be said."
    ]
