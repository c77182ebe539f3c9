"""The ranges page (YA-4 … YA-8, YA-10, I-16, M-1)."""

import pytest

from admin.ranges import read_span
from tests.admin.conftest import Build
from tests.admin.house import House


async def test_YA_4_the_ranges_page_from_the_first_range_to_none(house: House) -> None:
    async with house.browser("olga") as browser:
        page = await browser.get("/admin/ranges")
        assert "Your address as we see it: 127.0.0.1 directly, without a proxy" in page.words
        assert "count together: being in one of them is enough" in page.words
        added = await browser.post(
            "/admin/ranges", {"scope": "account", "start": " 10.0.0.0/24 ", "end": "", "label": "Lab"}
        )
        assert (added.status, added.location) == (303, "/admin/ranges?done=range_added")
        (one,) = await house.admin.whitelists.ranges(house.blue)
        assert (one.span.start, one.span.end) == ("10.0.0.0", "10.0.0.255")
        page = await browser.get("/admin/ranges")
        assert "Private addresses while no trusted proxy is configured" in page.words
        assert "The list is off, so these ranges open nothing" in page.words
        await browser.post("/admin/ranges", {"scope": "account", "start": "10.0.0.7", "label": ""})
        assert "Overlaps 10.0.0.0 – 10.0.0.255 (Lab)" in (await browser.get("/admin/ranges")).words
        form = await browser.get(f"/admin/ranges?edit={one.id}")
        assert 'value="10.0.0.255"' in form.text
        edited = await browser.post(
            f"/admin/ranges/{one.id}", {"scope": "account", "start": "127.0.0.1", "end": "127.0.0.9"}
        )
        assert edited.location == "/admin/ranges?done=range_edited"
        assert "Your address is in this list" in (await browser.get("/admin/ranges")).words
        assert (await browser.post("/admin/ranges/account/enabled", {"enabled": "true"})).location.endswith("list_on")
        assert await house.admin.whitelists.enabled(house.blue) == {"account"}
        asked = await browser.post("/admin/ranges/account/enabled")
        assert asked.status == 409
        assert "Your own address would no longer be in any enabled list" in asked.words
        assert (await browser.post("/admin/ranges/account/enabled", {"confirm": "true"})).location.endswith("list_off")
        assert (await browser.post(f"/admin/ranges/{one.id}/delete")).location.endswith("range_deleted")
        assert len(await house.admin.whitelists.ranges(house.blue)) == 1
        assert (await browser.get(f"/admin/ranges?edit={one.id}")).status == 404


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"start": "010.0.0.1"}, "start"),
        ({"start": "10.0.0.9", "end": "10.0.0.1"}, "end"),
        ({"start": "10.0.0.0/8", "end": "10.0.0.1"}, "end"),
        ({"start": "10.0.0.1/8"}, "start"),
        ({"start": ""}, "start"),
        ({"start": "10.0.0.1", "label": "x" * 81}, "label"),
    ],
)
async def test_YA_5_a_form_that_is_not_valid_says_where(house: House, form: dict[str, str], field: str) -> None:
    shop = house.bots["shop"].id
    async with house.browser("olga") as browser:
        answer = await browser.post("/admin/ranges", {"scope": shop} | form)
        assert answer.status == 422
        assert f'id="add-{shop}-{field}-error"' in answer.text
        assert 'id="add-account-' + field + '-error"' not in answer.text, "only in the list that was meant"
    assert await house.admin.whitelists.ranges(house.blue) == []


async def test_I_16_the_page_asks_before_it_opens_a_large_part_of_the_internet(house: House) -> None:
    async with house.browser("olga") as browser:
        form = {"scope": "account", "start": "0.0.0.0/0", "label": "all"}
        answer = await browser.post("/admin/ranges", form)
        assert answer.status == 409
        assert "4,294,967,296 addresses" in answer.words
        assert 'name="confirm"' in answer.text
        assert (await browser.post("/admin/ranges", form | {"confirm": "true"})).status == 303
        assert "More than a /8" in (await browser.get("/admin/ranges")).words


async def test_M_1_ranges_of_another_account_are_not_there(house: House) -> None:
    theirs = await house.admin.whitelists.add(house.red, "account", read_span("203.0.113.1", "203.0.113.1"))
    async with house.browser("olga") as browser:
        assert (await browser.get(f"/admin/ranges?edit={theirs.id}")).status == 404
        assert (await browser.post(f"/admin/ranges/{theirs.id}/delete")).status == 404
        form = {"scope": "account", "start": "10.0.0.1"}
        assert (await browser.post(f"/admin/ranges/{theirs.id}", form)).status == 404
        assert (await browser.post("/admin/ranges", form | {"scope": house.bots["red"].id})).status == 404
        assert "203.0.113.1" not in (await browser.get("/admin/ranges")).text


async def test_YA_10_the_page_names_the_proxy_it_came_through(build_house: Build) -> None:
    house = await build_house(proxies=("127.0.0.9/32",))
    async with house.browser("olga", source="127.0.0.9") as browser:
        page = await browser.get("/admin/ranges", headers={"X-Forwarded-For": "203.0.113.9"})
        assert "Your address as we see it: 203.0.113.9 through the proxy 127.0.0.9" in page.words
        page = await browser.get("/admin/ranges", headers={"X-Forwarded-For": "2001:db8::1"})
        assert "It is IPv6: only IPv6 ranges can hold it" in page.words
        page = await browser.get("/admin/ranges")
        assert "We cannot see your address" in page.words
