"""The bots that run: loaded in the background, swapped between turns, kept by a broken project (BR-1, BR-6)."""

import asyncio
from pathlib import Path

from foundation.clock import ManualClock
from tests.bot_runtime.conftest import Desk, Talk, begun, make_talk, open_gate


def edit(assistant: Path, file: str, old: str, new: str) -> None:
    text = (assistant / file).read_text()
    assert old in text
    (assistant / file).write_text(text.replace(old, new))


async def test_a_changed_project_takes_its_place_between_two_turns(talk: Talk, assistant: Path) -> None:
    chat = await talk.desk.chat()
    assert await talk.say(chat, "hello") == ["Ahoy!"]
    edit(assistant, "domain.yml", '"Ahoy!"', '"Moin!"')
    await talk.bots.look()
    await talk.bots.loaded()
    assert await talk.say(chat, "hello") == ["Moin!"], "in the same conversation"


async def test_a_turn_under_way_ends_with_the_assistant_it_began_with(talk: Talk, assistant: Path) -> None:
    chat = await talk.desk.chat()
    await talk.receive(chat, "/slow")
    await begun(assistant)
    edit(assistant, "domain.yml", '"Ahoy!"', '"Moin!"')
    open_gate(assistant)
    await talk.bots.reload(talk.desk.account.id, talk.desk.bot.id)
    await talk.turns.idle()
    assert (await talk.said(chat))[-1] == ("bot", "That took a while.")


async def test_BR_6_a_broken_change_keeps_the_assistant_and_names_the_place(talk: Talk, assistant: Path) -> None:
    edit(assistant, "data/rules.yml", "{action: utter_goodbye}", "{action: [wrong]}")
    bot = await talk.bots.reload(talk.desk.account.id, talk.desk.bot.id)
    assert bot is not None
    assert bot.errors[0].startswith("data/rules.yml:6: ")
    assert bot.status == "ready"
    assert await talk.bots.readiness() is None
    assert await talk.say(await talk.desk.chat(), "hello") == ["Ahoy!"]
    edit(assistant, "data/rules.yml", "{action: [wrong]}", "{action: utter_goodbye}")
    bot = await talk.bots.reload(talk.desk.account.id, talk.desk.bot.id)
    assert bot is not None
    assert bot.errors == ()


async def test_changed_actions_are_loaded_too(talk: Talk, assistant: Path) -> None:
    chat = await talk.desk.chat()
    edit(assistant, "actions/__init__.py", 'f"{tracker', 'f"Changed: {tracker')
    await talk.bots.look()
    await talk.bots.loaded()
    assert (await talk.say(chat, "/tell"))[0].startswith("Changed: ")


async def test_what_did_not_change_is_not_loaded_again(talk: Talk, assistant: Path) -> None:
    before = talk.bots.status()[0].assistant
    (assistant / "domain.yml").touch()
    (assistant / ".hidden").write_text("x")
    await talk.bots.look()
    await talk.bots.loaded()
    assert talk.bots.status()[0].assistant is before


async def test_the_watch_notices_a_change_by_itself(talk: Talk, assistant: Path, clock: ManualClock) -> None:
    edit(assistant, "domain.yml", '"Ahoy!"', '"Moin!"')
    before = talk.bots.status()[0].assistant
    async with asyncio.timeout(20):
        while talk.bots.status()[0].assistant is before:
            await clock.advance(100)
    assert await talk.say(await talk.desk.chat(), "hello") == ["Moin!"]


async def test_a_bot_that_is_made_later_is_loaded_when_it_is_asked_for(talk: Talk) -> None:
    bot = await talk.desk.admin.bots.create(talk.desk.account.id, "Second", "harbour")
    chat = await talk.desk.chat(bot=bot)
    await talk.receive(chat, "hello")
    await talk.bots.loaded()
    await talk.turns.idle()
    assert (await talk.said(chat))[-1] == ("bot", "Ahoy!")


async def test_M_1_another_accounts_bot_does_not_run_here(talk: Talk) -> None:
    assert talk.bots.of("another-account", talk.desk.bot.id) is None


async def test_a_folder_that_is_not_there_is_said(desk: Desk, tmp_path: Path, models: Path) -> None:
    talk = make_talk(desk, tmp_path / "nowhere", models)
    async with talk.bots.serving(talk.turns):
        await talk.bots.loaded()
        assert "There is no such folder" in str(await talk.bots.readiness())


async def test_two_bots_with_a_package_of_the_same_name_do_not_meet(
    talk: Talk, desk: Desk, assistant: Path, tmp_path: Path, models: Path
) -> None:
    other = tmp_path / "other"
    await asyncio.to_thread(_copy, assistant, other)
    edit(other, "actions/__init__.py", 'f"{tracker', 'f"Other: {tracker')
    second = make_talk(desk, other, models)
    async with second.bots.serving(second.turns):
        await second.bots.loaded()
        assert (await second.say(await desk.chat(), "/tell"))[0].startswith("Other: ")
        assert (await talk.say(await desk.chat(), "/tell"))[0].startswith("None ")


def _copy(source: Path, target: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (target / path.relative_to(source)).write_bytes(path.read_bytes())
