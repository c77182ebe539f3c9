"""Thousands of ranges on a page and for programs: parts, search, overlaps, many at once, questions (YA-4, YA-5, I-16)."""

import time

import pytest
import pytest_asyncio

from admin.ranges import read_cidr, read_span
from tests.admin.conftest import Build
from tests.admin.house import House

API = "/api/admin/ranges"
MANY = 5_000
HERE = "/admin/ranges"


@pytest_asyncio.fixture
async def full(build_house: Build) -> House:
    """5,000 ranges: every second one overlaps its neighbour, every tenth ends in a minute."""
    house = await build_house()
    soon = "2027-01-15T08:01Z"
    lines = [
        f"10.{n // 250}.{n % 250}.0,10.{n // 250}.{n % 250 + n % 2}.9,Site {n:04d},{soon if n % 10 == 0 else ''},note {n}"
        for n in range(MANY)
    ]
    await house.admin.range_imports.apply(house.blue, "account", "\n".join(lines), version=0)
    return house


async def test_YA_4_a_long_list_is_leafed_through_and_searched(full: House) -> None:
    async with full.browser("olga") as browser:
        seen: list[str] = []
        offset: int | None = 0
        while offset is not None:
            part = (await browser.get(f"{API}?scope=account&limit=1000&offset={offset}")).json()
            seen += [one["label"] for one in part["ranges"]]
            offset = part["next"]
        assert seen == [f"Site {n:04d}" for n in range(MANY)]
        assert (part["total"], part["matching"], part["expired"]) == (MANY, MANY, 0)
        for query, found in (
            ("q=site+0007", ["Site 0007"]),
            ("q=NOTE+4999", ["Site 4999"]),
            ("q=10.0.3.5", ["Site 0003"]),
            ("q=10.0.4.5", ["Site 0003", "Site 0004"]),
            ("q=10.0.8.0/30", ["Site 0007", "Site 0008"]),
            ("q=2001:db8::1", []),
            ("q=no+such+thing", []),
        ):
            assert [
                one["label"] for one in (await browser.get(f"{API}?scope=account&{query}")).json()["ranges"]
            ] == found
        assert (await browser.get(f"{API}?scope=account&state=overlapping&limit=1")).json()["matching"] == 4_960
        await full.clock.advance(61_000)
        assert (await browser.get(f"{API}?scope=account&state=expired&limit=1")).json()["matching"] == MANY // 10
        assert (await browser.get(f"{API}?scope=account&state=live&limit=1")).json()["matching"] == MANY - MANY // 10
        for bad in ("limit=0", "limit=1001", "offset=-1", "state=odd", "colour=red"):
            assert (await browser.get(f"{API}?scope=account&{bad}")).status == 422
        for nowhere in (
            f"scope={'A' * 22}",
            "scope=",
            f"scope={full.bots['red'].id}",
            f"scope=account&overlaps={'A' * 22}",
        ):
            assert (await browser.get(f"{API}?{nowhere}")).status == 404


async def test_YA_4_the_page_shows_a_part_quickly(full: House) -> None:
    async with full.browser("olga") as browser:
        await browser.get(HERE)
        begun = time.process_time()
        page = await browser.get(f"{HERE}?list=account&page=50")
        spent = time.process_time() - begun
        assert page.status == 200
        assert "Site 4999" in page.words
        assert "Page 50 of 50" in page.words
        assert page.text.count('name="ids"') == 100
        assert len(page.body) < 600_000
        assert spent < 1.5, "server and client together, on a slow machine"
        first = await browser.get(HERE)
        assert "All 5,000 ranges" in first.words
        assert first.text.count('id="range-') == 20
        one = await browser.get(f"{HERE}?list=account&q=Site+0007")
        assert "1 of 5,000" in one.words
        assert "No range is like that" in (await browser.get(f"{HERE}?list=account&page=51")).words
        assert (await browser.get(f"{HERE}?list=account&page=0")).status == 422
        assert (await browser.get(f"{HERE}?list={'A' * 22}")).status == 404


async def test_YA_5_however_many_overlap_all_are_counted_and_can_be_listed(full: House) -> None:
    async with full.browser("olga") as browser:
        wide = await browser.json(
            "POST", API, {"scope": "account", "cidr": "10.0.0.0/9", "label": "All", "confirm": True}
        )
        made = wide.json()
        assert (made["overlap_count"], len(made["overlaps"])) == (MANY, 20)
        page = await browser.get(f"{HERE}?list=account&overlaps={made['id']}")
        assert "5,001 of 5,001" in page.words
        assert "and 4,997 more" in (await browser.get(f"{HERE}?list=account&q=All")).words


async def test_YA_4_many_chosen_and_all_expired_are_deleted_from_the_page(full: House) -> None:
    lists = full.admin.whitelists
    ids = [one.id for one in await lists.ranges(full.blue)]
    deed, view = f"{HERE}/account/delete-many", "list=account&q=Site&page=2"
    async with full.browser("olga") as browser:
        nothing = await browser.post(deed, {"version": "1"})
        assert (nothing.status, "Choose the ranges first" in nothing.words) == (409, True)
        form = [("version", "1"), ("view", view), *(("ids", one) for one in ids[1:100])]
        done = await browser.post(deed, form)
        assert done.location == f"{HERE}?{view}&done=ranges_deleted", "back to where one was"
        stale = await browser.post(deed, [("version", "1"), ("ids", ids[200])])
        assert (stale.status, "Somebody else changed this list" in stale.words) == (409, True)
        assert (await browser.post(deed, [("ids", ids[1])])).status == 404
        await full.clock.advance(61_000)
        assert "Delete 491 expired" in (await browser.get(HERE)).words
        assert (await browser.post(deed, {"version": "2", "expired": "true"})).status == 303
        assert len(await lists.ranges(full.blue)) == MANY - 99 - 491
        removed = await browser.json("POST", f"{API}/account/delete", {"ids": ids[101:103], "version": 3})
        assert removed.json() == {"deleted": 2}
        assert (await browser.json("POST", f"{API}/account/delete", {"ids": ids[103:104], "version": 3})).status == 409
        assert (await browser.json("POST", f"{API}/account/delete", {"ids": []})).status == 422


async def test_YA_4_expired_ranges_are_marked_and_extended_with_one_click(house: House) -> None:
    lists, now = house.admin.whitelists, house.clock.now()
    one = await lists.add(
        house.blue,
        "account",
        read_span("127.0.0.1", "127.0.0.1"),
        label="Guest",
        expires_at=now + 1_000,
        comment="Fair",
    )
    await lists.toggle(house.blue, "account", enabled=True)
    async with house.browser("olga") as browser:
        page = await browser.get(HERE)
        assert "Your address is in this list" in page.words
        assert "Olga Blue" not in page.words.partition("Guest")[2].partition("Delete")[0], "the installation added it"
        await house.clock.advance(1_000)
        page = await browser.get(HERE)
        assert "every range in it has expired" in page.words
        assert "Your address is in this list" not in page.words
        shown = (await browser.get(API)).json()["account"]["ranges"][0]
        assert (shown["expired"], shown["comment"], shown["expires_at"]) == (True, "Fair", now + 1_000)
        done = await browser.post(f"{HERE}/{one.id}/extend", {"version": "1", "view": "list=account"})
        assert done.location == f"{HERE}?list=account&done=range_extended"
        until = (await lists.get(house.blue, one.id)).expires_at
        assert until == house.clock.now() + 30 * 86_400_000
        assert (await browser.post(f"{HERE}/{one.id}/extend", {"version": "1"})).status == 409
        longer = await browser.post(f"{HERE}/{one.id}/extend", {"version": "2"})
        assert longer.status == 303
        assert (await lists.get(house.blue, one.id)).expires_at == until + 30 * 86_400_000
        lasting = await lists.add(house.blue, "account", read_span("10.0.0.1", "10.0.0.1"))
        assert (await browser.post(f"{HERE}/{lasting.id}/extend")).status == 409


async def test_YA_4_a_stale_form_comes_back_as_it_was_typed(house: House) -> None:
    one = await house.admin.whitelists.add(house.blue, "account", read_span("10.0.0.1", "10.0.0.9"), label="Lab")
    async with house.browser("olga") as browser:
        form = await browser.get(f"{HERE}?edit={one.id}")
        assert 'name="version" value="1"' in form.text
        await house.admin.whitelists.edit(house.blue, one.id, label="Theirs")
        mine = {"scope": "account", "start": "10.0.0.1", "end": "10.0.0.8", "label": "Mine", "version": "1"}
        stale = await browser.post(f"{HERE}/{one.id}", mine)
        assert stale.status == 409
        assert "Somebody else changed this range" in stale.words
        assert "It is now 10.0.0.1 – 10.0.0.9 (Theirs)" in stale.words
        for kept in ('value="Mine"', 'value="10.0.0.8"', 'name="version" value="2"'):
            assert kept in stale.text
        assert (await browser.post(f"{HERE}/{one.id}", mine | {"version": "2"})).status == 303
        api = await browser.json("PATCH", f"{API}/{one.id}", {"label": "Late", "version": 2})
        assert (api.status, api.json()["field"], api.json()["version"]) == (409, "version", 3)
        assert (await house.admin.whitelists.get(house.blue, one.id)).label == "Mine"


async def test_YA_4_expiry_and_comment_in_forms(house: House) -> None:
    async with house.browser("olga") as browser:
        new = {"scope": "account", "start": "10.0.0.1", "label": "Guest", "expires": "2030-12-31", "comment": "Fair"}
        assert (await browser.post(HERE, new)).status == 303
        one = (await house.admin.whitelists.ranges(house.blue))[0]
        assert (one.expires_at, one.comment) == (1_924_992_000_000, "Fair")
        for typed in ("2020-01-01", "soon", "2030-13-01"):
            wrong = await browser.post(HERE, new | {"expires": typed})
            assert (wrong.status, 'id="add-account-expires-error"' in wrong.text) == (422, True)
        form = await browser.get(f"{HERE}?edit={one.id}")
        assert 'value="2031-01-01T00:00:00Z"' in form.text
        await house.clock.advance(10**12)
        async with house.browser("olga") as later:
            kept = {"scope": "account", "start": "10.0.0.1", "label": "Old", "expires": "2031-01-01T00:00:00Z"}
            assert (await later.post(f"{HERE}/{one.id}", kept)).status == 303, "what is over may be renamed"
            assert (await later.post(f"{HERE}/{one.id}", kept | {"expires": ""})).status == 303
        assert (await house.admin.whitelists.get(house.blue, one.id)).expires_at is None


@pytest.mark.parametrize("deed", ["delete", "toggle", "many", "edit"])
async def test_I_16_self_lockout_is_asked_about_on_the_page_and_over_the_api(house: House, deed: str) -> None:
    lists = house.admin.whitelists
    one = await lists.add(house.blue, "account", read_cidr("127.0.0.0/24"), label="Here")
    await lists.toggle(house.blue, "account", enabled=True)
    away = {"start": "10.0.0.1", "end": "10.0.0.1"}
    path, form = {
        "delete": (f"{HERE}/{one.id}/delete", {}),
        "toggle": (f"{HERE}/account/enabled", {}),
        "many": (f"{HERE}/account/delete-many", {"ids": one.id, "version": "2"}),
        "edit": (f"{HERE}/{one.id}", {"scope": "account", **away}),
    }[deed]
    method, door, body = {
        "delete": ("DELETE", f"{API}/{one.id}", None),
        "toggle": ("PUT", f"{API}/account/enabled", {"enabled": False}),
        "many": ("POST", f"{API}/account/delete", {"ids": [one.id]}),
        "edit": ("PATCH", f"{API}/{one.id}", away),
    }[deed]
    async with house.browser("olga", source="127.0.0.5") as browser:
        before = await house.actions()
        refused = await browser.ask(method, door, **({"json": body} if body else {}))
        assert (refused.status, refused.json()["reasons"]) == (409, ["self_lockout"])
        asked = await browser.post(path, form)
        assert asked.status == 409
        assert "Your own address would no longer be in any enabled list" in asked.words
        assert 'name="confirm"' in asked.text
        assert await house.actions() == before
        assert (await browser.post(path, form | {"confirm": "true"})).status == 303
    assert [entry.data["severity"] for entry in (await house.book())[len(before) :] if entry.data.get("severity")] == [
        "high"
    ]


@pytest.mark.parametrize("who", ["alma", "sue", "ann", "ida"])
async def test_I_18_YA_7_nobody_else_takes_the_ranges_away_or_brings_some_in(house: House, who: str) -> None:
    await house.admin.whitelists.add(house.blue, "account", read_span("203.0.113.1", "203.0.113.1"))
    async with house.browser(who) as browser:
        before = await house.actions()
        for method, path, body in (
            ("GET", f"{API}/account/export", None),
            ("POST", f"{API}/account/import/preview", {"csv": "10.0.0.1"}),
            ("POST", f"{API}/account/import", {"csv": "10.0.0.1", "version": 1}),
            ("POST", f"{API}/account/delete", {"ids": ["A" * 22]}),
            ("GET", f"{HERE}/account/import", None),
        ):
            answer = await browser.ask(method, path, **({"json": body} if body else {}))
            assert answer.status == 403
            assert "203.0.113" not in answer.text
        assert await house.actions() == before
