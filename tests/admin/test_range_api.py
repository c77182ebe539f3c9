"""The ranges over HTTP (YA-4 … YA-8, YA-10, I-14 … I-18, M-1, N-1 … N-5)."""

from typing import Any

import pytest

from tests.admin.conftest import Build
from tests.admin.house import Answer, Browser, House

API = "/api/admin/ranges"
NEW = {"scope": "account", "start": "203.0.113.10", "end": "203.0.113.20", "label": "Office"}


async def add(browser: Browser, **change: Any) -> Answer:
    body = {name: value for name, value in (NEW | change).items() if value is not ...}
    return await browser.json("POST", API, body)


async def test_YA_4_YA_5_ranges_are_added_listed_edited_and_deleted(house: House) -> None:
    shop = house.bots["shop"].id
    async with house.browser("olga") as browser:
        answer = await add(browser)
        made = answer.json()
        assert answer.status == 201
        assert made == {
            "id": made["id"], "scope": "account", "start": "203.0.113.10", "end": "203.0.113.20", "label": "Office",
            "comment": "", "version": 1, "expires_at": None, "expired": False, "overlap_count": 0,
            "addresses": 11, "created_at": house.clock.now(), "created_by": house.cast["olga"].id,
            "overlaps": [], "warnings": [],
        }  # fmt: skip
        block = await add(browser, scope=shop, start=..., end=..., cidr="198.51.100.0/25")
        assert (block.json()["start"], block.json()["end"]) == ("198.51.100.0", "198.51.100.127")
        listed = (await browser.get(API)).json()
        assert (listed["address"], listed["via"]) == ("127.0.0.1", None)
        assert listed["account"] == {"enabled": False, "version": 1, "ranges": [made]}
        assert {bot["bot"]: bot["ranges"] for bot in listed["bots"]} == {
            shop: [block.json()],
            house.bots["desk"].id: [],
        }
        edited = await browser.json("PATCH", f"{API}/{made['id']}", {"end": "203.0.113.10", "start": "203.0.113.10"})
        assert (edited.status, edited.json()["addresses"], edited.json()["label"]) == (200, 1, "Office")
        renamed = await browser.json("PATCH", f"{API}/{made['id']}", {"label": ""})
        assert (renamed.json()["label"], renamed.json()["addresses"]) == ("", 1)
        gone = await browser.ask("DELETE", f"{API}/{made['id']}")
        assert (gone.status, gone.body) == (204, b"")
        assert (await browser.ask("DELETE", f"{API}/{made['id']}")).status == 404
        assert (await browser.get(API)).json()["account"]["ranges"] == []


async def test_YA_8_the_toggle(house: House) -> None:
    async with house.browser("olga") as browser:
        answer = await browser.json("PUT", f"{API}/account/enabled", {"enabled": True})
        assert answer.status == 200
        assert answer.json() == {"scope": "account", "enabled": True, "warnings": ["list_is_empty"]}
        await add(browser)
        shop = house.bots["shop"].id
        assert (await browser.json("PUT", f"{API}/{shop}/enabled", {"enabled": True})).json()["warnings"]
        listed = (await browser.get(API)).json()
        assert listed["account"]["enabled"]
        assert {bot["bot"]: bot["enabled"] for bot in listed["bots"]} == {shop: True, house.bots["desk"].id: False}
        off = await browser.json("PUT", f"{API}/account/enabled", {"enabled": False})
        assert off.json() == {"scope": "account", "enabled": False, "warnings": []}


async def test_YA_5_overlaps_are_shown_in_lists_that_count_together(house: House) -> None:
    shop, desk = house.bots["shop"].id, house.bots["desk"].id
    async with house.browser("olga") as browser:
        first = (await add(browser)).json()
        second = (await add(browser, start="203.0.113.20", end="203.0.113.30", label="Annex")).json()
        assert [one["id"] for one in second["overlaps"]] == [first["id"]]
        in_shop = (await add(browser, scope=shop, start="203.0.113.30", end="203.0.113.40")).json()
        assert [(one["id"], one["scope"]) for one in in_shop["overlaps"]] == [(second["id"], "account")]
        in_desk = (await add(browser, scope=desk, start="203.0.113.35", end="203.0.113.50")).json()
        assert in_desk["overlaps"] == [], "lists of two bots never count together"
        ranges = (await browser.get(API)).json()["account"]["ranges"]
        assert [len(one["overlaps"]) for one in ranges] in ([1, 2], [2, 1])
        await browser.ask("DELETE", f"{API}/{first['id']}")
        (left,) = (await browser.get(API)).json()["account"]["ranges"]
        assert left["id"] == second["id"], "nothing was joined, nothing is lost"


@pytest.mark.parametrize(
    "value",
    [167772161, True, None, ["10.0.0.1"], {"$gt": ""}, "10.0.0.1/8", "010.0.0.1", "::1", "10.0.0.1 ", "::ffff:10.0.0.1",
     "0x0a.0.0.1", "10.1", "１０.0.0.1", "", "10.0.0.1\n", 10.0],
)  # fmt: skip
@pytest.mark.parametrize("field", ["start", "end"])
async def test_I_15_YA_6_what_is_no_dotted_ipv4_is_refused(house: House, field: str, value: Any) -> None:
    async with house.browser("olga") as browser:
        answer = await add(browser, **{field: value})
        assert answer.status == 422
        assert answer.json()["field"] == field
        assert not isinstance(value, str) or "IPv4 only" in answer.json()["detail"]
        assert (await browser.get(API)).json()["account"]["ranges"] == []


async def test_I_14_an_end_before_the_start(house: House) -> None:
    async with house.browser("olga") as browser:
        answer = await add(browser, start="10.0.0.9", end="10.0.0.1")
        assert (answer.status, answer.json()["field"]) == (422, "end")


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"start": ...}, 422),
        ({"end": ...}, 422),
        ({"start": ..., "end": ...}, 422),
        ({"cidr": "10.0.0.0/8"}, 422),
        ({"start": ..., "end": ..., "cidr": "10.0.0.1/8"}, 422),
        ({"start": ..., "end": ..., "cidr": None}, 422),
        ({"label": 7}, 422),
        ({"label": "x" * 81}, 422),
        ({"label": "a\u202eb"}, 422),
        ({"confirm": "yes"}, 422),
        ({"scope": ...}, 422),
        ({"scope": None}, 422),
        ({"scope": {"$ne": ""}}, 422),
        ({"role": "super_admin"}, 422),
        ({"account": "red"}, 422),
        ({"scope": "A" * 22}, 404),
        ({"scope": ""}, 404),
        ({"scope": "Account"}, 404),
        ({"scope": "' OR 1=1--"}, 404),
    ],
)
async def test_N_1_M_6_other_bad_bodies_change_nothing(house: House, change: dict[str, Any], status: int) -> None:
    async with house.browser("olga") as browser:
        before = await house.actions()
        assert (await add(browser, **change)).status == status
        assert await house.actions() == before


async def test_C_6_only_strict_json_is_read(house: House) -> None:
    async with house.browser("olga") as browser:
        good = b'{"scope":"account","start":"10.0.0.1","end":"10.0.0.1"}'
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-7"):
            assert (await browser.ask("POST", API, data=good, headers={"Content-Type": kind})).status == 415
        twice = b'{"scope":"account","start":"10.0.0.1","start":"0.0.0.0","end":"10.0.0.1"}'
        answer = await browser.ask("POST", API, data=twice, headers={"Content-Type": "application/json"})
        assert answer.status == 400


async def test_I_16_everything_needs_a_confirmation(house: House) -> None:
    async with house.browser("olga") as browser:
        wide = {"start": "0.0.0.0", "end": "255.255.255.255"}
        answer = await add(browser, **wide)
        assert answer.status == 409
        assert (answer.json()["field"], answer.json()["addresses"]) == ("confirm", 2**32)
        assert (await add(browser, start=..., end=..., cidr="0.0.0.0/7")).status == 409
        confirmed = await add(browser, **wide, confirm=True)
        assert (confirmed.status, confirmed.json()["warnings"]) == (
            201,
            ["range_unreachable_or_shared", "range_is_wide"],
        )
        assert (await house.last_entry()).data["severity"] == "high"
        one = (await add(browser)).json()
        assert (await browser.json("PATCH", f"{API}/{one['id']}", wide)).status == 409
        assert (await browser.json("PATCH", f"{API}/{one['id']}", wide | {"confirm": True})).status == 200


async def test_I_17_private_ranges_are_warned_of_while_no_proxy_is_trusted(build_house: Build) -> None:
    for proxies, warnings in (((), ["range_unreachable_or_shared"]), (("192.0.2.1/32",), [])):
        house = await build_house(proxies=proxies)
        async with house.browser("olga") as browser:
            answer = await add(browser, start="192.168.1.1", end="192.168.1.9")
            assert (answer.status, answer.json()["warnings"]) == (201, warnings)


@pytest.mark.parametrize("who", ["alma", "sue", "ann", "ida"])
async def test_I_18_YA_7_only_super_admins_see_or_change_them(house: House, who: str) -> None:
    async with house.browser("olga") as browser:
        one = (await add(browser)).json()["id"]
    async with house.browser(who) as browser:
        before = await house.actions()
        for method, path, body in (
            ("GET", API, None),
            ("POST", API, NEW),
            ("PATCH", f"{API}/{one}", {"label": "mine"}),
            ("DELETE", f"{API}/{one}", None),
            ("PUT", f"{API}/account/enabled", {"enabled": True}),
        ):
            answer = await browser.ask(method, path, **({"json": body} if body else {}))
            assert (answer.status, answer.json()["code"]) == (403, "forbidden")
            assert "203.0.113" not in answer.text
        assert await house.actions() == before


async def test_M_1_another_accounts_ranges_are_not_there(house: House) -> None:
    async with house.browser("olga") as olga, house.browser("rita") as rita:
        one = (await add(olga)).json()["id"]
        unknown = await rita.json("PATCH", f"{API}/{'A' * 22}", {"label": "mine"})
        for method, path, body in (
            ("PATCH", f"{API}/{one}", {"label": "mine"}),
            ("DELETE", f"{API}/{one}", None),
            ("PUT", f"{API}/{house.bots['shop'].id}/enabled", {"enabled": True}),
        ):
            answer = await rita.ask(method, path, **({"json": body} if body else {}))
            assert answer.status == 404
            assert method != "PATCH" or answer.body == unknown.body
        assert (await add(rita, scope=house.bots["shop"].id)).status == 404
        assert (await rita.get(API)).json()["account"]["ranges"] == []
        assert (await olga.get(API)).json()["account"]["ranges"][0]["label"] == "Office"


@pytest.mark.parametrize(
    ("lines", "address", "via"),
    [
        (["203.0.113.9"], "203.0.113.9", "127.0.0.9"),
        (["10.0.0.1, 203.0.113.9"], "203.0.113.9", "127.0.0.9"),
        (["10.0.0.1", "203.0.113.9"], "203.0.113.9", "127.0.0.9"),
        (["::ffff:203.0.113.9"], "203.0.113.9", "127.0.0.9"),
        (["010.0.0.1"], None, "127.0.0.9"),
        ([], None, "127.0.0.9"),
    ],
)
async def test_YA_10_the_address_as_we_see_it(
    build_house: Build, lines: list[str], address: str | None, via: str
) -> None:
    house = await build_house(proxies=("127.0.0.9/32",))
    headers = [("X-Forwarded-For", line) for line in lines]
    async with house.browser("olga", source="127.0.0.9") as proxied:
        listed = (await proxied.get(API, headers=headers)).json()
        assert (listed["address"], listed["via"]) == (address, via)
    async with house.browser("olga", source="127.0.0.8") as direct:
        listed = (await direct.get(API, headers=headers)).json()
        assert (listed["address"], listed["via"]) == ("127.0.0.8", None), "its header is not believed"


async def test_YA_7_the_book_names_who_changed_what_from_where(house: House) -> None:
    async with house.browser("olga", source="127.0.0.6") as browser:
        one = (await add(browser)).json()["id"]
        await browser.json("PATCH", f"{API}/{one}", {"start": "203.0.113.11", "end": "203.0.113.20"})
    entry = await house.last_entry()
    assert (entry.actor, entry.address, entry.object) == (house.cast["olga"].id, "127.0.0.6", one)
    assert entry.before == {name: NEW[name] for name in ("scope", "start", "end", "label")}
    assert entry.after == entry.before | {"start": "203.0.113.11"}


async def test_G_7_a_change_that_cannot_be_recorded_is_not_made(house: House) -> None:
    async with house.browser("olga") as browser:
        await browser.get(API)
        house.engine._max_bytes = 0
        assert (await add(browser)).status == 507
        assert (await browser.json("PUT", f"{API}/account/enabled", {"enabled": True})).status == 507
        house.engine._max_bytes = None
        listed = (await browser.get(API)).json()
        assert listed["account"] == {"enabled": False, "version": 0, "ranges": []}
