"""The doors for staff: members of a bot make, list and revoke links; a super admin asks who may open one."""

from typing import Any

import pytest

from admin import By
from foundation.clock import DAY
from foundation.ids import is_id, is_secret, new_id, new_secret
from tests.transcripts.house import SAID, Answer, House


async def create(house: House, who: str | None, chat: str | None = None, **options: Any) -> Answer:
    path = f"/api/conversations/{chat or house.chat}/links"
    return await house.ask(path, who=who, method="POST", **{"json": {}} | options)


async def test_YA_11_a_member_makes_a_link_that_works(house: House) -> None:
    answer = await create(house, "ann")
    assert answer.status == 201
    made = answer.json()
    assert made.keys() == {"id", "url", "expires_at"}
    assert is_id(made["id"])
    assert made["expires_at"] == house.clock.now() + 180 * DAY
    origin, _, token = made["url"].rpartition("/t/")
    assert origin == house.origin
    assert is_secret(token)
    assert SAID in (await house.ask(f"/t/{token}", who="ann")).text
    last = (await house.book())[-2]
    assert (last.action, last.object, last.actor) == ("link.created", made["id"], house.cast["ann"].id)


async def test_C_14_the_link_starts_with_our_own_address_whatever_the_request_says(house: House) -> None:
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    answer = await create(house, "ann", headers=headers, source="127.0.0.9")
    assert answer.status == 403, "what a trusted proxy says about the scheme counts for the origin"
    answer = await create(house, "ann", headers=headers)
    assert answer.json()["url"].startswith(f"{house.origin}/t/")


@pytest.mark.parametrize("who", ["bob", "ida", "rita"])
async def test_M_1_who_has_no_access_to_the_bot_finds_no_conversation_and_no_link(house: House, who: str) -> None:
    unknown = await create(house, who, new_id())
    foreign = await create(house, who)
    assert (foreign.status, foreign.body) == (404, unknown.body)
    listed = await house.ask(f"/api/conversations/{house.chat}/links", who=who)
    assert (listed.status, listed.body) == (404, unknown.body)
    none = await house.ask(f"/api/links/{new_id()}/revoke", who=who, method="POST")
    revoked = await house.ask(f"/api/links/{house.link}/revoke", who=who, method="POST")
    assert (revoked.status, revoked.body) == (404, none.body)
    link = await house.links.get(house.accounts["blue"], house.link)
    assert link.revoked_at is None


async def test_nobody_without_a_session_makes_lists_or_revokes(house: House) -> None:
    for answer in (
        await create(house, None),
        await house.ask(f"/api/conversations/{house.chat}/links"),
        await house.ask(f"/api/links/{house.link}/revoke", method="POST"),
        await house.ask("/api/admin/ranges/explain?link=x&address=192.0.2.1"),
    ):
        assert answer.status == 401


async def test_C_4_another_site_makes_no_link(house: House) -> None:
    before = len(await house.links.list(house.accounts["blue"], house.chat))
    for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await create(house, "ann", own=False, headers=headers)).status == 403
        answer = await house.ask(
            f"/api/links/{house.link}/revoke", who="ann", method="POST", own=False, headers=headers
        )
        assert answer.status == 403
    assert len(await house.links.list(house.accounts["blue"], house.chat)) == before
    assert (await house.links.get(house.accounts["blue"], house.link)).revoked_at is None


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"expires_at": 1}}, 422),
        ({"json": []}, 422),
        ({"json": None, "data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": None, "data": b"{}", "headers": {"Content-Type": "text/plain"}}, 415),
        ({"json": None, "data": b"{}" + b" " * 70_000, "headers": {"Content-Type": "application/json"}}, 413),
    ],
)
async def test_M_6_a_bad_body_makes_no_link(house: House, options: dict[str, Any], status: int) -> None:
    answer = await create(house, "ann", **options)
    assert answer.status == status
    assert len(await house.links.list(house.accounts["blue"], house.chat)) == 1


@pytest.mark.parametrize("chat", ["x", "..%2F..%2Fetc", "%7B%22%24gt%22%3A%22%22%7D"])
async def test_a_malformed_id_is_an_unknown_one(house: House, chat: str) -> None:
    assert (await create(house, "ann", chat)).status == 404


async def test_YA_11_links_are_listed_with_their_views_and_without_their_secrets(house: House) -> None:
    await house.ask(house.path, who="ann")
    answer = await house.ask(f"/api/conversations/{house.chat}/links", who="ann")
    assert answer.json() == {
        "links": [
            {
                "id": house.link,
                "created_at": house.clock.now(),
                "created_by": "Ann",
                "expires_at": house.clock.now() + 180 * DAY,
                "revoked_at": None,
                "views": 1,
                "purpose": "",
                "last_viewed_at": house.clock.now(),
                "by_rule": {"bot_access": 1},
            }
        ],
        "days": 180,
        "most_days": 180,
    }
    assert house.token not in answer.text


async def test_YA_11_a_revoked_link_is_over_at_once_and_revoking_twice_is_once(house: House) -> None:
    for _ in range(2):
        answer = await house.ask(f"/api/links/{house.link}/revoke", who="ann", method="POST")
        assert (answer.status, answer.body) == (204, b"")
    assert (await house.ask(house.path, who="ann")).status == 410
    assert [one.action for one in await house.book()] == ["link.revoked", "transcript.gone"]


# Who could open this, and why?


async def explain(house: House, link: str, address: str, who: str = "olga") -> Answer:
    return await house.ask("/api/admin/ranges/explain", who=who, params={"link": link, "address": address})


async def test_YA_7_the_explanation_names_outcome_rule_and_range(house: House) -> None:
    outside = (await explain(house, house.path, "127.0.0.2")).json()
    assert (outside["outcome"], outside["rule"], outside["range"]) == ("login", "no_session", None)

    made = await house.allow("shop", "127.0.0.2")
    inside = (await explain(house, f"{house.origin}{house.path}", "127.0.0.2")).json()
    assert (inside["outcome"], inside["rule"], inside["range"]) == ("external", "bot_range", made)
    assert "range of the bot" in inside["sentence"]
    assert inside["link"]["id"] == house.link

    on_account = await house.allow("account", "127.0.0.3")
    third = (await explain(house, house.token, "127.0.0.3")).json()
    assert (third["rule"], third["range"]) == ("account_range", on_account)


async def test_YA_7_the_explanation_says_what_the_door_does_and_opens_nothing(house: House) -> None:
    await house.allow("shop", "127.0.0.2")
    for source in ("127.0.0.2", "127.0.0.3"):
        told = (await explain(house, house.path, source)).json()["outcome"]
        done = (await house.ask(house.path, source=source)).status
        assert (told, done) in {("external", 200), ("login", 303)}
    assert (await house.links.get(house.accounts["blue"], house.link)).views == 1


@pytest.mark.parametrize("how", ["revoked", "erased"])
async def test_YA_7_an_ended_link_is_explained_too(house: House, how: str) -> None:
    blue = house.accounts["blue"]
    await house.allow("shop", "127.0.0.2")
    if how == "revoked":
        await house.links.revoke(await house.links.get(blue, house.link), By("ann"))
    else:
        await house.conversations.erase(blue, house.chat)
    told = (await explain(house, house.path, "127.0.0.2")).json()
    assert (told["outcome"], told["rule"]) == ("gone", how)


@pytest.mark.parametrize("who", ["alma", "ann", "ida"])
async def test_YA_7_only_a_super_admin_is_told(house: House, who: str) -> None:
    assert (await explain(house, house.path, "127.0.0.2", who)).status == 403


async def test_YA_7_another_accounts_link_is_not_explained(house: House) -> None:
    foreign = await explain(house, house.path, "127.0.0.2", "rita")
    unknown = await explain(house, new_secret(), "127.0.0.2", "rita")
    assert (foreign.status, foreign.body) == (404, unknown.body)


@pytest.mark.parametrize("address", ["", "x", "010.0.0.1", "10.1", "10.0.0.0/8", "10.0.0.1 ", "1.2.3.4%eth0"])
async def test_YA_6_what_is_no_address_is_refused(house: House, address: str) -> None:
    answer = await explain(house, house.path, address)
    assert (answer.status, answer.json()["field"]) == (422, "address")


@pytest.mark.parametrize("query", ["", "?link={link}", "?address=1.2.3.4", "?link={link}&address=1.2.3.4&also=1"])
async def test_a_question_without_both_its_parts_is_refused(house: House, query: str) -> None:
    path = f"/api/admin/ranges/explain{query.format(link=house.link)}"
    assert (await house.ask(path, who="olga")).status == 422
