"""The first super admin (A-16)."""

import asyncio

import pytest

from foundation.clock import HOUR
from foundation.ids import is_secret
from tests.admin.conftest import Build
from tests.admin.house import PASSWORD, House

FORM = {"account": "Green Ltd", "name": "Gwen", "email": "gwen@green.example", "password": PASSWORD}


async def test_A_16_the_link_makes_the_first_super_admin_once(build_house: Build) -> None:
    house = await build_house(empty=True)
    secret = await house.admin.setup.offer()
    assert is_secret(secret)
    assert secret not in str(house.engine._rows["setup_link"])
    async with house.browser() as browser:
        for _ in range(3):
            assert (await browser.get(f"/setup/{secret}")).status == 200
        answer = await browser.post(f"/setup/{secret}", FORM)
        assert (answer.status, answer.location) == (303, "/admin?done=setup")
        page = await browser.get(answer.location)
        assert page.status == 200
        assert "Green Ltd" in page.text
        again = await browser.post(f"/setup/{secret}", FORM | {"email": "eve@green.example"})
        assert (again.status, (await browser.get(f"/setup/{secret}")).status) == (404, 404)
        await browser.post("/logout")
        assert (await browser.log_in("gwen@green.example")).status == 303
    assert await house.admin.setup.offer() is None
    (account,) = [account async for account in house.admin.accounts.all()]
    house.blue = account.id
    assert await house.admin.audit.verify(account.id) is None
    assert len(account.body.owners) == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [({"account": ""}, "account"), ({"name": ""}, "name"), ({"email": "gwen"}, "email"), ({"password": "short"},
     "password"),
     ({"password": "Password123"}, "password")],
)  # fmt: skip
async def test_A_16_what_is_not_valid_uses_nothing_up(build_house: Build, change: dict[str, str], field: str) -> None:
    house = await build_house(empty=True)
    secret = await house.admin.setup.offer()
    async with house.browser() as browser:
        answer = await browser.post(f"/setup/{secret}", FORM | change)
        assert answer.status == 422
        assert f'id="{field}-error"' in answer.text
        assert (FORM | change)["password"] not in answer.text
        assert (await browser.post(f"/setup/{secret}", FORM)).status == 303


async def test_A_16_it_ends_after_an_hour_and_with_the_next_one(build_house: Build) -> None:
    house = await build_house(empty=True)
    first = await house.admin.setup.offer()
    second = await house.admin.setup.offer()
    async with house.browser() as browser:
        assert (await browser.get(f"/setup/{first}")).status == 404
        assert (await browser.get(f"/setup/{second}")).status == 200
        await house.clock.advance(HOUR)
        assert (await browser.get(f"/setup/{second}")).status == 404
        assert (await browser.post(f"/setup/{second}", FORM)).status == 404
    assert [account async for account in house.admin.accounts.all()] == []


async def test_A_16_who_comes_together_makes_one_account(build_house: Build) -> None:
    house = await build_house(empty=True)
    secret = await house.admin.setup.offer()
    async with house.browser() as browser:
        forms = [FORM | {"email": f"g{number}@green.example"} for number in range(5)]
        answers = await asyncio.gather(*(browser.post(f"/setup/{secret}", form) for form in forms))
    assert sorted(answer.status for answer in answers) == [303, 404, 404, 404, 404]
    assert len([account async for account in house.admin.accounts.all()]) == 1


@pytest.mark.parametrize("token", ["A" * 43, "A", "%00", "..%2f", "A" * 5000])
async def test_A_16_unknown_links_are_one_answer(house: House, token: str) -> None:
    async with house.browser() as browser:
        answer = await browser.get(f"/setup/{token}")
        assert answer.status == 404
        assert "used or has expired" in answer.words or "nothing at this address" in answer.words


async def test_A_16_there_is_no_link_where_there_is_an_owner(house: House) -> None:
    assert await house.admin.setup.offer() is None
    assert not await house.admin.setup.is_needed()
