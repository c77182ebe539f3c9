"""YA-25 through the sockets: several people, a visitor who waits, and the house that gives out the chat."""

from collections.abc import Iterator
from contextlib import AsyncExitStack

import aiohttp
import pytest

from tests.serving import Frontdesk, serving
from tests.talking import Json, Staff, Visitor, logged_in


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    with serving(tmp_path_factory.mktemp("assignment"), FRONTDESK_QUEUE__ACCEPT_SECONDS="3") as running:
        yield running


async def staff(house: Frontdesk, stack: AsyncExitStack, who: str, status: str) -> Staff:
    person = house.person(who)
    talker = await stack.enter_async_context(Staff.logged_in(house.base_url, person["email"], person["password"]))
    await talker.send(type="status", status=status)
    await talker.frame(lambda frame: frame["type"] == "me" and frame["me"]["status"] == status)
    return talker


async def post(house: Frontdesk, session: aiohttp.ClientSession, path: str, **form: str) -> int:
    origin = {"Origin": house.base_url}
    async with session.post(house.base_url + path, data=form, headers=origin, allow_redirects=False) as answer:
        return answer.status


async def switch(house: Frontdesk, mode: str) -> None:
    admin = house.person("admin")
    async with logged_in(house.base_url, admin["email"], admin["password"]) as session:
        assert await post(house, session, "/admin/assignment", mode=mode, chats_at_once="1") == 303


def offered(person: Staff, conversation: str, name: str):
    return lambda row: row["id"] == conversation and row["offer"] and row["offer"]["name"] == name


async def called(stack: AsyncExitStack, house: Frontdesk) -> Visitor:
    """A visitor who waits for a person."""
    visitor = await stack.enter_async_context(Visitor.at(house.base_url, house.demo["bot"]))
    await visitor.ask(type="handoff")
    return visitor


async def test_YA_25_a_chat_is_given_back_left_unanswered_and_taken(house: Frontdesk) -> None:
    """Anna gives it back and is not asked again; the admin does not answer and is set away; Olga takes it."""
    await switch(house, "automatic")
    async with AsyncExitStack() as stack:
        anna = await staff(house, stack, "agent", "available")
        alma = await staff(house, stack, "admin", "available")
        colleague = await staff(house, stack, "staff", "available")
        visitor = await called(stack, house)
        chat = visitor.welcome["conversation"]
        row = await anna.row(offered(anna, chat, house.person("agent")["name"]))
        assert 0 < row["offer"]["left"] <= 3_000
        assert not [event for event in visitor.events if event["kind"] == "offer"], "the visitor hears of no offer"
        assert (await anna.ask(type="decline", conversation=chat))["type"] == "ack"

        await alma.row(offered(alma, chat, house.person("admin")["name"]))
        olga = await staff(house, stack, "super_admin", "available")
        gone = await alma.frame(lambda frame: frame["type"] == "me" and frame["me"]["status"] == "away")
        assert gone["me"]["automatic"] is True
        await olga.row(offered(olga, chat, house.person("super_admin")["name"]))
        assert (await olga.ask(type="take_over", conversation=chat))["type"] == "ack"
        joined = await visitor.event(lambda e: e["kind"] == "control" and e["now"] == "agent")
        assert joined["seq"] > row["seq"]
        assert (await anna.ask(type="take_over", conversation=chat))["code"] == "not_found", "one has it"
        await olga.send(type="watch", conversation=chat, since=0)
        told = await olga.frame(lambda frame: frame["type"] == "events" and frame["conversation"] == chat)
        states = [event["state"] for event in told["events"] if event["kind"] == "offer"]
        assert states == ["offered", "declined", "offered", "missed", "offered"]
        assert chat not in colleague.rows, "he has no access to the bot"


async def test_YA_25_busy_gets_none_and_a_cap_is_kept(house: Frontdesk) -> None:
    await switch(house, "automatic")
    async with AsyncExitStack() as stack:
        anna = await staff(house, stack, "agent", "busy")
        first, second = await called(stack, house), await called(stack, house)
        one, two = first.welcome["conversation"], second.welcome["conversation"]
        await anna.row(lambda row: row["id"] == two)
        assert anna.rows[one]["offer"] is None
        await anna.send(type="status", status="available")
        row: Json = await anna.row(lambda row: row["id"] in {one, two} and row["offer"])
        other = two if row["id"] == one else one
        assert (await anna.ask(type="take_over", conversation=row["id"]))["type"] == "ack"
        await (second if other == two else first).say("I am still here")
        fresh = await anna.row(lambda now: now["id"] == other and now["last_text"] == "I am still here")
        assert fresh["offer"] is None, "one at a time"
        assert (await anna.ask(type="close", conversation=row["id"]))["type"] == "ack"
        await anna.row(lambda now: now["id"] == other and now["offer"])


async def test_YA_25_A_17_only_admins_say_how_chats_are_given_out(house: Frontdesk) -> None:
    """The allowed case first; then an agent, words that are no number, and an unknown mode."""
    admin, agent = house.person("admin"), house.person("agent")
    async with logged_in(house.base_url, admin["email"], admin["password"]) as session:
        right = {"mode": "automatic", "chats_at_once": "2"}
        assert await post(house, session, "/admin/assignment", **right) == 303
        for wrong in ({"mode": "random"}, {"chats_at_once": "0"}, {"chats_at_once": "51"}, {"chats_at_once": "x"}):
            assert await post(house, session, "/admin/assignment", **{**right, **wrong}) in {400, 422}, wrong
        async with session.get(f"{house.base_url}/admin/assignment") as page:
            assert 'value="2"' in await page.text()
    async with logged_in(house.base_url, agent["email"], agent["password"]) as session:
        assert await post(house, session, "/admin/assignment", mode="manual", chats_at_once="3") == 403
