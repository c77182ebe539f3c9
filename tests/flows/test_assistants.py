"""BR-1: with another assistant, unmodified public Rasa projects talk in the widget's socket as their stories say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Frontdesk, serving
from tests.talking import Visitor

HAPPY = [("hello there!", "Hey! How are you?"), ("amazing", "Great, carry on!")]
SAD = [("hello", "Hey! How are you?"), ("not good", "Did that help you?"), ("yes", "Great, carry on!")]
NOT_HELPED = [("hi", "Hey! How are you?"), ("very terrible", "Did that help you?"), ("no", "Bye")]
CHALLENGE = [("are you a bot?", "I am a bot, powered by Rasa."), ("bye-bye!", "Bye")]


@pytest.fixture(scope="module", params=["moodbot", "initial_project"])
def house(
    request: pytest.FixtureRequest, shared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Frontdesk]:
    folder = shared / "data/assistants" / request.param
    with serving(tmp_path_factory.mktemp(request.param), "--assistant", str(folder)) as running:
        yield running


@pytest.mark.parametrize("story", [HAPPY, SAD, NOT_HELPED, CHALLENGE], ids=["happy", "sad", "not helped", "challenge"])
async def test_BR_1_public_projects_talk_as_their_stories_say(house: Frontdesk, story: list[tuple[str, str]]) -> None:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        for said, answer in story:
            heard = len(visitor.texts())
            await visitor.say(said)
            await visitor.event(
                lambda event, heard=heard, answer=answer: (
                    event["kind"] == "message"
                    and event["by"] == "bot"
                    and event["text"] == answer
                    and len(visitor.texts()) > heard
                )
            )
        answers = [text for by, text in visitor.texts() if by == "bot"]
        assert [answer for answer in answers if answer in dict.fromkeys(a for _, a in story)] == [a for _, a in story]


async def test_buttons_of_a_project_are_offered_and_answered(house: Frontdesk) -> None:
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.say("hi")
        greeting = await visitor.says("bot", "How are you?")
        buttons = greeting["buttons"]
        if house.arguments[-1].endswith("moodbot"):
            assert [button["title"] for button in buttons] == ["great", "super sad"]
            await visitor.say("super sad", payload=buttons[1]["payload"])
        else:
            await visitor.say("not so good", payload="/mood_unhappy")
        picture = await visitor.says("bot", "cheer you up")
        assert picture["image"].startswith("https://")
