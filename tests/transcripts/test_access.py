"""M-1, M-2: a conversation is fetched as somebody, and what he may not see is not there."""

from collections.abc import Awaitable

import pytest

from admin import Match, Principal
from foundation.errors import NotFound
from foundation.ids import new_id
from tests.transcripts.house import House
from transcripts import Access, State


@pytest.fixture
def access(house: House) -> Access:
    return Access(house.conversations)


async def _person(house: House, who: str) -> Principal:
    person = await house.admin.sessions.principal_of(await house.admin.sessions.open(house.cast[who]))
    assert person is not None
    return person


async def _not_there(house: House, attempt: Awaitable[State]) -> None:
    with pytest.raises(NotFound) as refusal:
        await attempt
    with pytest.raises(NotFound) as unknown:
        await house.conversations.state(house.accounts["blue"], new_id())
    assert refusal.value.members() == unknown.value.members()


@pytest.mark.parametrize("who", ["ann", "alma", "olga"])
async def test_who_has_access_to_the_bot_gets_the_conversation(house: House, access: Access, who: str) -> None:
    assert (await access.as_member(await _person(house, who), house.chat)).id == house.chat


@pytest.mark.parametrize("who", ["bob", "ida", "rita"])
async def test_M_1_for_others_of_the_house_it_is_not_there(house: House, access: Access, who: str) -> None:
    await _not_there(house, access.as_member(await _person(house, who), house.chat))


async def test_M_2_a_browser_gets_its_own_conversation_only(house: House, access: Access) -> None:
    blue, red, shop, desk = house.accounts["blue"], house.accounts["red"], house.bots["shop"].id, house.bots["desk"].id
    assert (await access.as_visitor(blue, shop, "device-hash", house.chat)).id == house.chat
    for account, bot, visitor, chat in (
        (blue, shop, "another-hash", house.chat),
        (blue, shop, "", house.chat),
        (blue, desk, "device-hash", house.chat),
        (red, shop, "device-hash", house.chat),
        (blue, shop, "device-hash", new_id()),
        (blue, shop, "device-hash", ""),
    ):
        await _not_there(house, access.as_visitor(account, bot, visitor, chat))


async def test_YA_2_a_range_opens_only_what_its_list_covers(house: House, access: Access) -> None:
    link = await house.links.get(house.accounts["blue"], house.link)
    for scope in ("account", house.bots["shop"].id):
        assert (await access.as_address(Match(scope, "r"), link)).id == house.chat
    await _not_there(house, access.as_address(Match(house.bots["desk"].id, "r"), link))
