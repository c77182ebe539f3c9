"""The people pages: forms, one-time passwords, who may touch whom (YA-23, A-10, A-15, A-18, M-1)."""

import re

import pytest

from admin.people import Person
from tests.admin.house import OTHER_PASSWORD, PASSWORD, Answer, House


async def person(house: House, name: str) -> Person:
    found = await house.admin.people.get(house.blue, house.cast[name].id)
    assert found is not None
    return found


def one_time(answer: Answer) -> str:
    found = re.search(r'id="one-time">([a-z0-9-]{19})<', answer.text)
    assert found, answer.words
    return found[1]


async def test_YA_23_a_person_is_added_with_a_password_shown_once(house: House) -> None:
    shop = house.bots["shop"].id
    async with house.browser("alma") as alma, house.browser() as newcomer:
        form = {"name": "Nina", "email": "nina@blue.example", "role": "agent", "bots": shop}
        added = await alma.post("/admin/people", form)
        assert added.status == 200
        password = one_time(added)
        assert password not in (await alma.get("/admin/people")).text
        assert (await newcomer.log_in("nina@blue.example", password)).location == "/password"
        changed = await newcomer.post("/password", {"current": password, "password": OTHER_PASSWORD})
        assert changed.location == "/console"
        nina = await house.admin.people.by_email("nina@blue.example")
        assert nina is not None
        assert await house.admin.grants.of(house.blue, nina.id) == {shop}
        assert password not in str(await house.book())
        again = await alma.post("/admin/people", form)
        assert (again.status, "here already" in again.words, 'value="Nina"' in again.text) == (409, True, True)


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"name": ""}, 422, "name"),
        ({"email": "nina"}, 422, "email"),
        ({"role": "owner"}, 422, "role"),
        ({"bots": "A" * 22}, 422, "bots"),
        ({"account": "red"}, 422, None),
    ],
)
async def test_a_form_that_is_not_valid_adds_nobody_and_keeps_what_was_typed(
    house: House, change: dict[str, str], status: int, field: str | None
) -> None:
    form = {"name": "Nina", "email": "nina@blue.example", "role": "agent"} | change
    async with house.browser("olga") as browser:
        answer = await browser.post("/admin/people", form)
        assert answer.status == status
        assert field is None or f'id="{field}-error"' in answer.text
        assert field is None or form["name"] in answer.text
    assert await house.admin.people.count(house.blue) == 6


@pytest.mark.parametrize("role", ["super_admin", "admin", "auditor"])
async def test_A_18_an_admin_gives_no_role_above_the_desk(house: House, role: str) -> None:
    async with house.browser("alma") as alma:
        before = await house.actions()
        added = await alma.post("/admin/people", {"name": "Eve", "email": "eve@blue.example", "role": role})
        raised = await alma.post(f"/admin/people/{house.cast['ann'].id}/role", {"role": role})
        assert (added.status, raised.status) == (403, 403)
        assert f'value="{role}"' not in (await alma.get("/admin/people")).text
        assert await house.actions() == before


@pytest.mark.parametrize("who", ["olga", "ida", "alma"])
@pytest.mark.parametrize("deed", ["role", "bots", "password", "disable", "enable"])
async def test_A_18_an_admin_does_not_touch_his_equals_and_betters(house: House, who: str, deed: str) -> None:
    async with house.browser("alma") as alma:
        before = await house.actions()
        answer = await alma.post(
            f"/admin/people/{house.cast[who].id}/{deed}", {"role": "agent"} if deed == "role" else None
        )
        assert answer.status == 403
        assert await house.actions() == before
        assert "Only a super admin changes" in (await alma.get(f"/admin/people/{house.cast[who].id}")).words


async def test_A_10_a_person_is_locked_out_and_let_in_again(house: House) -> None:
    ann = house.cast["ann"].id
    async with house.browser("alma") as alma, house.browser("ann") as browser:
        assert (await browser.get("/password")).status == 200
        assert (await alma.post(f"/admin/people/{ann}/disable")).status == 303
        assert (await browser.get("/password")).location == "/login"
        assert (await browser.log_in("ann")).status == 401
        assert "locked out" in (await alma.get(f"/admin/people/{ann}")).words
        assert (await alma.post(f"/admin/people/{ann}/enable")).status == 303
        assert (await browser.log_in("ann")).status == 303


async def test_a_role_and_the_bots_are_changed(house: House) -> None:
    ann, shop, desk = house.cast["ann"].id, house.bots["shop"].id, house.bots["desk"].id
    async with house.browser("olga") as olga:
        assert (await olga.post(f"/admin/people/{ann}/bots", {"bots": desk})).status == 303
        assert await house.admin.grants.of(house.blue, ann) == {desk}
        await olga.ask("POST", f"/admin/people/{ann}/bots", data=[("bots", shop), ("bots", desk)])
        assert await house.admin.grants.of(house.blue, ann) == {shop, desk}
        assert (await olga.post(f"/admin/people/{ann}/bots", {"bots": house.bots["red"].id})).status == 422
        assert await house.admin.grants.of(house.blue, ann) == {shop, desk}
        await olga.post(f"/admin/people/{ann}/bots")
        assert await house.admin.grants.of(house.blue, ann) == frozenset()
        assert (await olga.post(f"/admin/people/{ann}/role", {"role": "auditor"})).status == 303
        assert (await person(house, "ann")).body.role == "auditor"
        assert (await olga.post(f"/admin/people/{ann}/bots", {"bots": shop})).status == 409


async def test_A_15_the_last_super_admin_is_told_why(house: House) -> None:
    olga = house.cast["olga"].id
    async with house.browser("olga") as browser:
        for deed, form in (("role", {"role": "agent"}), ("disable", None)):
            answer = await browser.post(f"/admin/people/{olga}/{deed}", form)
            assert (answer.status, "last active super admin" in answer.words) == (409, True)
        assert (await person(house, "olga")).body == house.cast["olga"].body
        assert (await browser.post(f"/admin/people/{olga}/password")).status == 409


async def test_a_forgotten_password_is_replaced_by_one_that_works_once(house: House) -> None:
    async with house.browser("alma") as alma, house.browser("ann") as ann:
        answer = await alma.post(f"/admin/people/{house.cast['ann'].id}/password")
        password = one_time(answer)
        assert (await ann.get("/password")).location == "/login"
        assert (await ann.log_in("ann", PASSWORD)).status == 401
        assert (await ann.log_in("ann", password)).location == "/password"


async def test_M_1_people_and_bots_of_another_account_are_not_there(house: House) -> None:
    rita, red = house.cast["rita"].id, house.bots["red"].id
    async with house.browser("olga") as olga:
        unknown = (await olga.get(f"/admin/people/{'A' * 22}")).words
        assert (await olga.get(f"/admin/people/{rita}")).words == unknown
        for path in (f"/admin/people/{rita}/disable", f"/admin/people/{rita}/password", f"/admin/people/{rita}/enable"):
            assert (await olga.post(path)).status == 404
        assert (await olga.get(f"/admin/bots/{red}")).status == 404
        assert (await olga.post(f"/admin/bots/{red}", {"name": "Mine"})).status == 404
        assert "Red" not in (await olga.get("/admin/people")).words + (await olga.get("/admin/bots")).words


async def test_the_list_of_people_goes_on_page_by_page(house: House) -> None:
    for number in range(100):
        await house.clock.advance(1)
        await house.admin.people.create(house.blue, f"p{number}@blue.example", f"Person {number}", "agent", PASSWORD)
    async with house.browser("olga") as browser:
        first = await browser.get("/admin/people")
        following = re.search(r'href="(/admin/people\?after=[^"]+)"', first.text)
        assert following
        second = await browser.get(following[1].replace("&amp;", "&"))
        assert "Person 99" in second.words
        assert "Person 99" not in first.words
        assert (await browser.get("/admin/people?after=forged")).status == 400


async def test_YA_13_permissions_are_set_on_the_persons_page_and_sessions_go_on(house: House) -> None:
    path = f"/admin/people/{house.cast['ann'].id}"
    async with house.browser("alma") as alma, house.browser("ann") as ann:
        assert (await ann.get("/password")).status == 200
        assert 'name="share" value="true" checked' in (await alma.get(path)).text
        changed = await alma.post(f"{path}/permissions", {"download": "true"})
        assert changed.location == f"{path}?done=permissions"
        body = (await person(house, "ann")).body
        assert (body.may_share, body.may_download) == (False, True)
        assert (await ann.get("/password")).status == 200, "nobody is thrown out"
    entry = (await house.book())[-1]
    assert (entry.action, entry.before, entry.after) == (
        "person.permitted",
        {"share": True, "download": True},
        {"share": False, "download": True},
    )


async def test_A_18_an_admin_sets_no_permissions_of_his_betters(house: House) -> None:
    path = f"/admin/people/{house.cast['olga'].id}/permissions"
    async with house.browser("alma") as alma, house.browser("ann") as ann:
        assert (await alma.post(path, {})).status == 403
        assert (await ann.post(path, {})).status == 403
    assert (await person(house, "olga")).body.may_share
