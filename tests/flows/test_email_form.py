"""The example assistant of docs/assistants.md in the widget's socket, with a real mail server (DD-1, DD-5)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Frontdesk, MailServer, code_in, mail_settings, serving
from tests.talking import Visitor, logged_in

EXAMPLE = Path(__file__).parents[1] / "assistants/membership"
ADDRESS = "kim@visitors.example"


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def house(mails: MailServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    folder = tmp_path_factory.mktemp("membership")
    with serving(folder, "--assistant", str(EXAMPLE), **mail_settings(mails)) as running:
        yield running


async def test_DD_5_a_form_asks_for_an_address_has_it_proven_and_goes_on(house: Frontdesk, mails: MailServer) -> None:
    """BR-1, DD-1: by the card, the mail and its code; no message is needed between the proof and the next question."""
    already = len(mails.mails())
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.say("I want to become a member")
        question = await visitor.says("bot", "Which e-mail address")
        assert question["card"] == "email"
        assert (await visitor.ask(type="email", address=ADDRESS))["outcome"] == "sent"
        await visitor.event(lambda event: event["kind"] == "message" and event["card"] == "code")
        await visitor.say("when are you open")
        await visitor.says("bot", "from nine to six")
        code = code_in(mails.wait_for(already + 1))
        assert (await visitor.ask(type="code", code=code))["outcome"] == "verified"
        plans = await visitor.says("bot", "Monthly or yearly?")
        await visitor.say("Yearly", payload=plans["buttons"][1]["payload"])
        await visitor.says("bot", f"Done: {ADDRESS} has a yearly membership.")
    assert len(mails.mails()) == already + 1, "the question in between cost no second mail"
    person = house.person("admin")
    async with logged_in(house.base_url, person["email"], person["password"]) as session:
        async with session.get(f"{house.base_url}/admin/links") as answer:
            page = await answer.text()
    assert page.count("by the bot, for slot") == 1, "made once, and in the list of links like any"
