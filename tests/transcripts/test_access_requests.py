"""YA-23: staff who are refused ask for access; nobody learns from the answer whether there is such a link."""

from datetime import UTC, datetime

import pytest

from foundation.clock import DAY, HOUR, MINUTE
from foundation.ids import new_secret
from tests.transcripts.house import SAID, Answer, House


async def ask(house: House, who: str | None, path: str = "", words: str = "I cover for Ann") -> Answer:
    return await house.ask(path or house.path, who=who, method="POST", data={"words": words})


async def open_ids(house: House, who: str = "olga") -> list[str]:
    me = await house.admin.sessions.rights_of(house.cast[who])
    assert me is not None
    return [request.id for request in await house.admin.requests.open(me)]


async def post(house: House, who: str, path: str, body: str = "") -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await house.ask(path, who=who, method="POST", data=body.encode(), headers=headers)


async def test_YA_23_the_refused_page_offers_to_ask_and_an_approval_opens_the_link(house: House) -> None:
    refused = await house.ask(house.path, who="bob")
    assert (refused.status, "Request access" in refused.text) == (403, True)
    asked = await ask(house, "bob")
    assert (asked.status, "noted" in asked.text) == (200, True)
    page = await house.ask("/admin/requests", who="alma")
    assert "I cover for Ann" in page.text
    assert "Bob asks for Shop bot" in page.text
    [request] = await open_ids(house)
    assert (await post(house, "alma", f"/admin/requests/{request}/approve", "until=")).status == 303
    assert SAID in (await house.ask(house.path, who="bob")).text
    actions = [(entry.action, entry.actor) for entry in await house.book() if entry.action.startswith("access.")]
    assert actions == [("access.requested", house.cast["bob"].id), ("access.approved", house.cast["alma"].id)]
    assert await open_ids(house) == []


async def test_YA_23_an_access_with_an_end_ends(house: House) -> None:
    await ask(house, "bob")
    [request] = await open_ids(house)
    assert (await post(house, "olga", f"/admin/requests/{request}/approve", "until=2020-01-01")).status == 422
    assert (await post(house, "olga", f"/admin/requests/{request}/approve", "until=tomorrow")).status == 422
    assert (await house.ask(house.path, who="bob")).status == 403
    assert (await post(house, "olga", f"/admin/requests/{request}/approve", f"until={_day(house)}")).status == 303
    session = await house.admin.sessions.open(house.cast["bob"])
    assert (await house.ask(house.path, session=session)).status == 200
    await house.clock.advance(2 * DAY)
    assert (await house.ask(house.path, who="bob")).status == 403


def _day(house: House) -> str:
    return f"{datetime.fromtimestamp((house.clock.now() + DAY) / 1000, UTC):%Y-%m-%d}"


async def test_YA_23_declined_is_declined_and_decided_once(house: House) -> None:
    await ask(house, "bob")
    [request] = await open_ids(house)
    assert (await post(house, "alma", f"/admin/requests/{request}/decline")).status == 303
    assert (await house.ask(house.path, who="bob")).status == 403
    for what in ("approve", "decline"):
        assert (await post(house, "olga", f"/admin/requests/{request}/{what}")).status == 409
    assert (await house.ask(house.path, who="bob")).status == 403


async def test_YA_3_YA_23_asking_tells_nothing_about_a_link(house: House) -> None:
    known = await ask(house, "bob")
    for path in (f"/t/{new_secret()}", "/t/x"):
        unknown = await ask(house, "bob", path)
        assert (unknown.status, unknown.body) == (known.status, known.body)
    foreign = await ask(house, "rita")
    assert (foreign.status, foreign.body) == (known.status, known.body)
    assert len(await open_ids(house)) == 1
    assert await open_ids(house, "rita") == []
    assert [entry.action for entry in await house.book("red")].count("access.requested") == 1


async def test_YA_23_asking_twice_is_one_request_with_the_newest_words_and_five_an_hour(house: House) -> None:
    for number in range(5):
        assert (await ask(house, "bob", words=f"words {number}")).status == 200
    assert (await ask(house, "bob")).status == 429
    assert (await ask(house, "bob", f"/t/{new_secret()}")).status == 429
    assert len(await open_ids(house)) == 1
    assert "words 4" in (await house.ask("/admin/requests", who="olga")).text
    await house.clock.advance(HOUR + MINUTE)
    assert (await ask(house, "bob")).status == 200


async def test_YA_23_who_may_open_it_is_led_there_and_auditors_and_strangers_cannot_ask(house: House) -> None:
    member = await ask(house, "ann")
    assert (member.status, member.location) == (303, house.path)
    assert "Request access" not in (await house.ask(house.path, who="ida")).text
    assert (await ask(house, "ida")).status == 403
    assert (await ask(house, None)).location == "/login"
    assert await open_ids(house) == []


@pytest.mark.parametrize("words", ["x" * 501, "x" * 70_000])
async def test_too_many_words_are_refused(house: House, words: str) -> None:
    assert (await ask(house, "bob", words=words)).status in {413, 422}
    assert await open_ids(house) == []


async def test_X_1_words_are_shown_as_words(house: House) -> None:
    await ask(house, "bob", words="<script>alert(1)</script>")
    page = (await house.ask("/admin/requests", who="olga")).text
    assert "&lt;script&gt;alert(1)" in page


async def test_YA_24_a_supervisor_decides_for_his_own_bots_only_and_nobody_for_himself(house: House) -> None:
    blue = house.accounts["blue"]
    for name in ("sue", "sam"):
        address = f"{name}-address@staff.example"
        house.cast[name] = await house.admin.people.create(blue, address, name, "supervisor", "a-long-enough-pass-9")
    await house.admin.grants.grant_to(blue, house.cast["sue"].id, house.bots["shop"].id)
    await house.admin.grants.grant_to(blue, house.cast["sam"].id, house.bots["desk"].id)
    await ask(house, "bob")
    await ask(house, "sam")
    assert len(await open_ids(house, "sue")) == 2
    assert await open_ids(house, "sam") == []
    for request in await open_ids(house, "sue"):
        for who in ("sam", "rita"):
            assert (await post(house, who, f"/admin/requests/{request}/approve")).status == 404
        assert (await post(house, "ann", f"/admin/requests/{request}/approve")).status == 403
    for request in await open_ids(house, "sue"):
        assert (await post(house, "sue", f"/admin/requests/{request}/approve")).status == 303
    assert (await house.ask(house.path, who="sam")).status == 200
