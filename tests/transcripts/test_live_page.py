"""L-16: a page that is open has what is new, and nothing any more once a right, a range, a session or the link ended."""

from typing import Any

import pytest

from foundation.clock import DAY, MINUTE
from foundation.ids import new_secret
from tests.transcripts.house import SAID, Answer, House
from transcripts.events import AnyEvent, MessageSent, NameGiven, NoteWritten

LISTED = "127.0.0.2"
ELSEWHERE = "127.0.0.3"


async def seq_of(house: House) -> int:
    return (await house.conversations.state(house.accounts["blue"], house.chat)).seq


async def add(house: House, *events: AnyEvent) -> None:
    await house.conversations.update(house.accounts["blue"], house.chat, lambda _: events)


def said(house: House, text: str, **how: Any) -> MessageSent:
    return MessageSent(at=house.clock.now(), text=text, **({"by": "visitor"} | how))


async def since(house: House, seq: int, **who: Any) -> Answer:
    return await house.ask(f"{house.path}/since/{seq}", **who)


async def test_L_16_an_open_page_hears_what_is_new_and_only_that(house: House) -> None:
    seq = await seq_of(house)
    quiet = await since(house, seq, who="ann")
    assert (quiet.status, quiet.json()) == (200, {"seq": seq, "lines": []})
    await add(
        house, said(house, "<b>news</b>"), NoteWritten(at=house.clock.now(), author="p", author_name="Ann", text="n")
    )
    news = (await since(house, seq, who="ann")).json()
    assert [(line["side"], line["text"]) for line in news["lines"]] == [("visitor", "<b>news</b>"), ("note", "n")]
    assert (news["seq"], news["count"]) == (seq + 2, "5 messages")
    assert (await since(house, seq + 2, who="ann")).json()["lines"] == []


async def test_YA_14_the_open_page_of_an_address_hears_the_external_view(house: House) -> None:
    await house.allow("shop", LISTED)
    seq = await seq_of(house)
    await add(
        house,
        said(house, "write to jane.canary@example.org"),
        NoteWritten(at=house.clock.now(), author="p", author_name="Ann", text="canary-note"),
    )
    news = await since(house, seq, source=LISTED)
    assert [line["text"] for line in news.json()["lines"]] == ["write to j***@example.org"]
    assert "canary-note" not in news.text


async def test_what_an_open_page_shows_wrongly_is_loaded_anew(house: House) -> None:
    await house.allow("shop", LISTED)
    seq = await seq_of(house)
    await add(house, said(house, "Bob says hello"))
    assert "reload" not in (await since(house, seq, source=LISTED)).json()
    await add(house, NameGiven(at=house.clock.now(), name="Bob Latecomer"))
    assert (await since(house, seq + 1, source=LISTED)).json() == {"seq": seq + 2, "reload": True}
    for wrong in (0, seq + 99):
        assert (await since(house, wrong, who="ann")).json()["reload"] is True


@pytest.mark.parametrize("seq", ["-1", "x", "1.5", "9999999999", "%20", "٣"])
async def test_a_number_that_is_none_is_refused(house: House, seq: str) -> None:
    assert (await house.ask(f"{house.path}/since/{seq}", who="ann")).status == 422


@pytest.mark.parametrize("how", ["revoked", "expired", "erased", "grant", "grant until", "session", "disabled"])
async def test_L_16_an_open_page_of_a_member_ends_with_his_right(house: House, how: str) -> None:
    blue, ann = house.accounts["blue"], house.cast["ann"]
    if how == "grant until":
        await house.admin.grants.revoke_from(blue, ann.id, house.bots["shop"].id)
        await house.admin.grants.grant_to(blue, ann.id, house.bots["shop"].id, until=house.clock.now() + MINUTE)
    session, seq = await house.admin.sessions.open(ann), await seq_of(house)
    assert (await since(house, seq, session=session)).status == 200
    expected = 410
    if how == "revoked":
        await house.ask(f"/api/links/{house.link}/revoke", who="olga", method="POST")
    elif how == "expired":
        await house.clock.advance(180 * DAY)
        session = await house.admin.sessions.open(ann)
    elif how == "erased":
        await house.conversations.erase(blue, house.chat)
    elif how in ("grant", "grant until"):
        if how == "grant":
            await house.admin.grants.revoke_from(blue, ann.id, house.bots["shop"].id)
        else:
            await house.clock.advance(MINUTE)
        expected = 403
    elif how == "session":
        await house.admin.sessions.end_all(blue, ann.id)
        expected = 401
    else:
        await house.admin.people.disable(blue, ann.id)
        expected = 401
    await add_quietly(house, how)
    answer = await since(house, seq, session=session)
    assert answer.status == expected
    assert SAID not in answer.text


async def add_quietly(house: House, how: str) -> None:
    if how != "erased":
        await add(house, said(house, SAID))


@pytest.mark.parametrize("how", ["deleted", "switched off"])
async def test_L_16_an_open_page_of_an_address_ends_with_its_range(house: House, how: str) -> None:
    made, seq = await house.allow("shop", LISTED), await seq_of(house)
    assert (await since(house, seq, source=LISTED)).status == 200
    if how == "deleted":
        await house.admin.whitelists.delete(house.accounts["blue"], made)
    else:
        await house.admin.whitelists.toggle(house.accounts["blue"], house.bots["shop"].id, enabled=False)
    assert (await since(house, seq, source=LISTED)).status == 401


async def test_YA_3_an_open_page_tells_no_more_of_an_unknown_link_than_of_a_forbidden_one(house: House) -> None:
    for who in ("bob", None):
        forbidden = await since(house, 3, who=who)
        unknown = await house.ask(f"/t/{new_secret()}/since/3", who=who)
        assert (forbidden.status, forbidden.body) == (unknown.status, unknown.body)
        assert forbidden.status == (403 if who else 401)


async def test_a_page_that_looks_by_itself_keeps_no_session_alive(house: House) -> None:
    session, seq = await house.admin.sessions.open(house.cast["ann"]), await seq_of(house)
    for _ in range(3):
        await house.clock.advance(11 * MINUTE)
        last = await since(house, seq, session=session)
    assert last.status == 401


async def test_L_22_what_an_open_page_hears_is_written_down_and_silence_is_not(house: House) -> None:
    seq = await seq_of(house)
    for _ in range(3):
        await since(house, seq, who="ann")
    assert await house.book() == []
    await add(house, said(house, "news"))
    await since(house, seq, who="ann")
    await since(house, seq, who="bob")
    told = [(one.action, one.data["format"]) for one in await house.book()]
    assert told == [("transcript.member", "live"), ("transcript.refused", "live")]
    assert (await house.links.get(house.accounts["blue"], house.link)).views == 0
