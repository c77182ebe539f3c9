"""`/admin/links`: the account's links, who opened one, who could, and the end of them (YA-7, YA-11, M-1)."""

import pytest

from foundation.clock import DAY
from foundation.ids import new_id, new_secret
from tests.transcripts.house import SAID, Answer, House
from transcripts.api import listed

LISTED = "127.0.0.2"


async def post(house: House, who: str, path: str, **form: str) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    body = "&".join(f"{name}={value}" for name, value in form.items())
    return await house.ask(path, who=who, method="POST", data=body.encode(), headers=headers)


async def test_YA_11_the_list_shows_views_with_their_rules_and_no_secret(house: House) -> None:
    await house.allow("shop", LISTED)
    await house.ask(house.path, who="ann")
    await house.ask(f"{house.path}.txt", source=LISTED)
    page = await house.ask("/admin/links", who="alma")
    assert "1 with access to the bot, 1 by a range of the bot" in page.text
    assert house.token not in page.text
    answer = (await house.ask("/api/admin/links", who="alma")).json()
    [link] = answer["links"]
    assert (link["id"], link["views"], link["bot"], answer["after"]) == (house.link, 2, house.bots["shop"].id, None)
    assert (await house.ask(f"/api/admin/links?bot={house.bots['desk'].id}", who="alma")).json()["links"] == []


async def test_YA_11_who_did_open_it_is_told_with_time_rule_and_address(house: House) -> None:
    ranged = await house.allow("shop", LISTED)
    await house.ask(house.path, who="ann")
    await house.ask(f"{house.path}.txt", source=LISTED)
    seen = (await house.ask(f"/api/admin/links/{house.link}", who="alma")).json()["seen"]
    at = house.clock.now()
    assert seen == [
        {"at": at, "rule": "bot_range", "form": "txt", "address": LISTED, "range": ranged},
        {"at": at, "rule": "bot_access", "form": "page", "person": house.cast["ann"].id, "address": "127.0.0.1"},
    ]
    page = await house.ask(f"/admin/links/{house.link}", who="alma")
    for words in ("Ann", "with access to the bot", "Somebody", "by a range of the bot", LISTED):
        assert words in page.text
    assert "Who could open this" not in page.text, "that is a super admin's question"


async def test_M_1_another_accounts_admin_finds_no_link(house: House) -> None:
    assert (await house.ask(f"/admin/links/{house.link}", who="olga")).status == 200
    for path in (f"/admin/links/{house.link}", f"/api/admin/links/{house.link}"):
        foreign = await house.ask(path, who="rita", headers={"Accept": "application/json"})
        unknown = await house.ask(
            path.replace(house.link, new_id()), who="rita", headers={"Accept": "application/json"}
        )
        assert (foreign.status, foreign.body) == (404, unknown.body)
    assert (await post(house, "rita", f"/admin/links/{house.link}/revoke")).status == 404
    assert (await post(house, "rita", "/admin/links/revoke", word="revoke")).status == 303
    assert (await house.ask(house.path, who="ann")).status == 200
    assert (await house.ask("/api/admin/links", who="rita")).json()["links"] == []


@pytest.mark.parametrize("who", ["ann", "ida"])
async def test_A_17_the_links_of_the_account_are_for_admins(house: House, who: str) -> None:
    for path in ("/admin/links", f"/admin/links/{house.link}", "/api/admin/links", f"/api/admin/links/{house.link}"):
        assert (await house.ask(path, who=who)).status == 403
    assert (await post(house, who, f"/admin/links/{house.link}/revoke")).status == 403
    assert (await house.ask(house.path, who="ann")).status == 200


async def test_YA_11_an_admin_revokes_one_link(house: House) -> None:
    assert (await post(house, "alma", f"/admin/links/{house.link}/revoke")).status == 303
    assert (await house.ask(house.path, who="ann")).status == 410
    assert [entry.action for entry in await house.book()] == ["link.revoked", "transcript.gone"]
    assert "No link opens anything" in (await house.ask("/admin/links", who="alma")).text
    assert house.link in (await house.ask("/admin/links?all=true", who="alma")).text


async def test_YA_11_all_links_end_after_a_typed_word_and_of_a_bot_only_its_own(house: House) -> None:
    for word in ("", "yes", "revok"):
        assert (await post(house, "alma", "/admin/links/revoke", word=word)).status == 422
    assert (await post(house, "alma", "/admin/links/revoke", word="revoke", bot=new_id())).status == 404
    assert (await post(house, "alma", "/admin/links/revoke", word="revoke", bot=house.bots["desk"].id)).status == 303
    assert (await house.ask(house.path, who="ann")).status == 200
    assert (await post(house, "alma", "/admin/links/revoke", word=" Revoke ".strip())).status == 303
    assert (await house.ask(house.path, who="ann")).status == 410


async def test_YA_11_a_member_revokes_all_links_of_a_conversation(house: House) -> None:
    path = f"/api/conversations/{house.chat}/links"
    await house.ask(path, who="ann", method="POST", json={})
    answer = await house.ask(f"{path}/revoke", who="ann", method="POST", json={})
    assert (answer.status, answer.json()) == (200, {"revoked": 2})
    assert (await house.ask(house.path, who="ann")).status == 410
    for who in ("bob", "rita"):
        assert (await house.ask(f"{path}/revoke", who=who, method="POST", json={})).status == 404


async def test_YA_11_a_link_lives_as_long_as_was_asked_within_what_the_account_allows(house: House) -> None:
    path, now = f"/api/conversations/{house.chat}/links", house.clock.now()
    week = await house.ask(path, who="ann", method="POST", json={"days": 7})
    assert week.json()["expires_at"] == now + 7 * DAY
    assert (await house.ask(path, who="ann", method="POST", json={"days": 181})).status == 422
    for days in (0, -1, 1.5, "7", True, 3_651):
        assert (await house.ask(path, who="ann", method="POST", json={"days": days})).status == 422, days
    assert (await post(house, "olga", "/admin/links/days", days="30")).status == 303
    assert (await house.ask(path, who="ann", method="POST", json={})).json()["expires_at"] == now + 30 * DAY
    assert (await house.ask(path, who="ann", method="POST", json={"days": 31})).status == 422
    assert (await post(house, "olga", "/admin/links/days", days="365")).status == 303
    assert (await house.ask(path, who="ann", method="POST", json={})).json()["expires_at"] == now + 180 * DAY
    assert (await house.ask(path, who="ann", method="POST", json={"days": 365})).status == 201
    assert (await post(house, "alma", "/admin/links/days", days="1")).status == 403
    assert (await post(house, "olga", "/admin/links/days", days="0")).status == 422


# Who could open this, and why?


async def test_YA_7_a_pasted_link_is_found_by_its_account_only(house: House) -> None:
    for link in (house.path, house.token, f"{house.origin}{house.path}.pdf", house.link):
        found = await post(house, "alma", "/admin/links/find", link=link.replace(":", "%3A").replace("/", "%2F"))
        assert (found.status, found.location) == (303, f"/admin/links/{house.link}"), link
    for link in (new_secret(), "x", ""):
        assert (await post(house, "alma", "/admin/links/find", link=link)).status == 404
    assert (await post(house, "rita", "/admin/links/find", link=house.token)).status == 404


@pytest.mark.parametrize(
    ("who", "address", "outcome", "rule"),
    [
        ("ann", "", "member", "bot_access"),
        ("ann", "192.0.2.1", "member", "bot_access"),
        ("alma", "", "member", "bot_access"),
        ("bob", "", "refused", "no_access"),
        ("bob", LISTED, "external", "bot_range"),
        ("ida", "192.0.2.1", "refused", "no_access"),
        ("", LISTED, "external", "bot_range"),
        ("", "192.0.2.1", "login", "no_session"),
    ],
)
async def test_YA_7_the_answer_for_a_person_and_an_address_is_what_the_link_does(
    house: House, who: str, address: str, outcome: str, rule: str
) -> None:
    await house.allow("shop", LISTED)
    person = house.cast[who].id if who else ""
    query = {"link": house.link, "address": address, "person": person}
    told = (await house.ask("/api/admin/ranges/explain", who="olga", params=query)).json()
    assert (told["outcome"], told["rule"]) == (outcome, rule)
    if address in ("", LISTED):
        done = await house.ask(house.path, who=who or None, source=address or "127.0.0.3")
        assert (done.status == 200) == (outcome in ("member", "external"))
    page = await house.ask(f"/admin/links/{house.link}", who="olga", params={"person": person, "address": address})
    assert f"Rule: {rule}" in page.text
    assert SAID not in page.text
    asked = [entry for entry in await house.book() if entry.action == "link.explained"]
    assert [(entry.data["outcome"], entry.data["about"]) for entry in asked] == [(outcome, person)] * 2


async def test_YA_7_the_answer_knows_locked_people_and_missing_permissions(house: House) -> None:
    blue, ann = house.accounts["blue"], house.cast["ann"]
    await house.admin.people.permit(blue, ann.id, share=True, download=False)
    query = {"link": house.link, "person": "ann-address@staff.example", "download": "true"}
    told = (await house.ask("/api/admin/ranges/explain", who="olga", params=query)).json()
    assert (told["outcome"], told["rule"], told["by"]) == ("refused", "no_download", "bot_access")
    await house.admin.people.disable(blue, ann.id)
    told = (await house.ask("/api/admin/ranges/explain", who="olga", params=query)).json()
    assert (told["outcome"], "cannot log in" in told["sentence"]) == ("login", True)


async def test_YA_7_the_question_is_a_super_admins_and_about_his_own_people(house: House) -> None:
    asked = {"person": house.cast["ann"].id}
    assert (await house.ask(f"/admin/links/{house.link}", who="alma", params=asked)).status == 403
    stranger = {"link": house.link, "person": house.cast["rita"].id}
    assert (await house.ask("/api/admin/ranges/explain", who="olga", params=stranger)).status == 404
    wrong = await house.ask(f"/admin/links/{house.link}", who="olga", params={"address": "010.0.0.1"})
    assert (wrong.status, "An address looks like" in wrong.text) == (422, True)


async def test_M_4_no_list_of_links_has_a_secret_in_it(house: House) -> None:
    link = await house.links.get(house.accounts["blue"], house.link)
    assert not {name for name in listed(link) if "token" in name or "secret" in name}
