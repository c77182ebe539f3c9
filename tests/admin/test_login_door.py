"""Login, logout and the own password over HTTP (A-1 … A-3, A-7, A-9, A-13, C-1, C-3, C-4, C-6, C-20, YA-1)."""

import pytest

from foundation.clock import MINUTE
from foundation.ids import is_secret
from tests.admin.conftest import Build
from tests.admin.house import OTHER_PASSWORD, PASSWORD, House, cheap_passwords


async def test_C_1_the_cookie(house: House) -> None:
    async with house.browser() as browser:
        answer = await browser.log_in("olga")
        assert (answer.status, answer.location) == (303, "/admin")
        (line,) = [one for one in answer.headers.getall("Set-Cookie") if one.startswith("__Host-sid=")]
        assert is_secret(answer.cookies["__Host-sid"])
        parts = {part.strip() for part in line.split(";")[1:]}
        assert parts == {"HttpOnly", "Secure", "Path=/", "SameSite=Lax", "Max-Age=43200"}
        assert (await browser.get("/admin")).status == 200


@pytest.mark.parametrize(
    ("who", "home"), [("alma", "/admin"), ("sue", "/console"), ("ann", "/console"), ("ida", "/admin/audit")]
)
async def test_each_role_begins_where_its_work_is(house: House, who: str, home: str) -> None:
    async with house.browser() as browser:
        assert (await browser.log_in(who)).location == home
        assert (await browser.get("/login")).location == home, "who is logged in is led on"


async def test_A_2_unknown_wrong_disabled_and_too_long_are_one_answer(house: House) -> None:
    await house.admin.people.disable(house.blue, house.cast["bob"].id)
    answers = []
    async with house.browser() as browser:
        for who, password in (
            ("nobody@blue.example", PASSWORD),
            ("ann", "wrong"),
            ("bob", PASSWORD),
            ("sue", "A" * 129),
            ("", ""),
        ):
            answer = await browser.log_in(who, password)
            answers.append(answer)
            assert not answer.cookies
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1, "byte for byte"
    assert "is not right" in answers[0].words
    for name in ("Content-Type", "Content-Length", "Cache-Control", "WWW-Authenticate"):
        assert len({answer.headers[name] for answer in answers}) == 1


async def test_A_3_the_sixth_wrong_password_waits_and_the_name_need_not_exist(house: House) -> None:
    for who in ("ann", "nobody@blue.example"):
        async with house.browser(source="127.0.0.2" if who == "ann" else "127.0.0.3") as browser:
            tries = [(await browser.log_in(who, f"wrong {number}")).status for number in range(6)]
            assert tries == [401] * 5 + [429]
            answer = await browser.log_in(who)
            assert answer.status == 429, "the right one waits too, in an unknown browser"
            assert 0 < int(answer.headers["Retry-After"]) <= 600
        async with house.browser(source="127.0.0.4") as elsewhere:
            assert (await elsewhere.log_in(who)).status == 429, "counted by name, not by address"
    await house.clock.advance(10 * MINUTE)
    async with house.browser() as browser:
        assert (await browser.log_in("ann")).status == 303


async def test_A_3_a_spray_over_many_names_ends_at_the_address(house: House) -> None:
    async with house.browser(source="127.0.0.5") as browser:
        tries = [(await browser.log_in(f"person{number}@blue.example", "Sommer2024!")).status for number in range(21)]
        assert tries == [401] * 20 + [429]
        assert (await browser.log_in("olga")).status == 429
    async with house.browser(source="127.0.0.6") as browser:
        assert (await browser.log_in("olga")).status == 303, "nobody else is locked out"


async def test_A_3_a_known_browser_is_not_locked_out_by_strangers(house: House) -> None:
    async with house.browser(source="127.0.0.2") as known, house.browser(source="127.0.0.3") as stranger:
        assert (await known.log_in("ann")).status == 303
        await known.post("/logout")
        for number in range(6):
            await stranger.log_in("ann", f"wrong {number}")
        assert (await stranger.log_in("ann")).status == 429
        assert (await known.log_in("ann")).status == 303
        await known.post("/logout")
        assert (await known.log_in("bob", "wrong")).status == 401
        assert [(await known.log_in("ann", "wrong")).status for _ in range(6)] == [401] * 5 + [429], (
            "it has its own count"
        )
        known.cookies["__Host-known"] = known.cookies["__Host-known"][:-2] + "AA"
        assert (await known.log_in("ann")).status == 429, "a cookie that we did not sign is no known browser"


async def test_A_3_a_login_makes_the_earlier_slips_forgotten(house: House) -> None:
    async with house.browser() as browser:
        for _ in range(4):
            await browser.log_in("ann", "wrong")
        assert (await browser.log_in("ann")).status == 303
    async with house.browser(source="127.0.0.2") as browser:
        assert [(await browser.log_in("ann", "wrong")).status for _ in range(5)] == [401] * 5


async def test_A_7_a_value_that_was_brought_along_never_becomes_a_session(house: House) -> None:
    async with house.browser() as browser:
        planted = "A" * 43
        browser.cookies["__Host-sid"] = planted
        answer = await browser.log_in("ann")
        assert answer.cookies["__Host-sid"] != planted
        browser.cookies["__Host-sid"] = planted
        assert (await browser.get("/password")).location == "/login"


async def test_C_3_logging_in_again_ends_the_session_before(house: House) -> None:
    async with house.browser() as browser:
        first = (await browser.log_in("ann")).cookies["__Host-sid"]
        second = (await browser.log_in("ann")).cookies["__Host-sid"]
        assert first != second
        browser.cookies["__Host-sid"] = first
        assert (await browser.get("/password")).location == "/login"


async def test_C_20_logging_out_ends_the_session_everywhere(house: House) -> None:
    async with house.browser("ann") as browser:
        kept = dict(browser.cookies)
        answer = await browser.post("/logout")
        assert (answer.status, answer.location) == (303, "/login")
        assert "__Host-sid" not in browser.cookies
        browser.cookies = kept
        assert (await browser.get("/password")).location == "/login"
    assert (await house.last_entry()).action == "session.ended"


async def test_C_4_C_6_only_our_own_page_may_send_the_form(house: House) -> None:
    form = {"email": "olga@blue.example", "password": PASSWORD}
    async with house.browser() as browser:
        for headers in ({}, {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
            answer = await browser.ask("POST", "/login", own=False, headers=headers, data=form)
            assert answer.status == 403, headers
        assert (await browser.ask("POST", "/login", json=form)).status == 415
        assert (await browser.post("/login", form | {"role": "super_admin"})).status == 422, "no field too many"
        assert not browser.cookies


async def test_YA_1_the_login_leads_back_to_where_somebody_wanted_to_go(house: House) -> None:
    async with house.browser() as browser:
        answer = await browser.get("/admin/people?after=&done=")
        assert (answer.status, answer.location) == (303, "/login")
        assert "people" not in answer.location
        answer = await browser.log_in("olga")
        assert answer.location == "/admin/people?after=&done="
        assert "__Host-return" not in browser.cookies, "once"


async def test_YA_1_a_cookie_that_we_did_not_sign_or_that_is_old_leads_nowhere(house: House) -> None:
    async with house.browser() as browser:
        await browser.get("/admin/bots")
        good = browser.cookies["__Host-return"]
        forged = f"{good.split('.')[0][:-4]}aaaa.{good.split('.', 1)[1]}"
        for value in (forged, good[:-1], good + "A", "", "a.b.c", "é", f"L2V2aWw.{house.clock.now() + 1}.AAAA"):
            browser.cookies["__Host-return"] = value.encode("ascii", "ignore").decode()
            assert (await browser.log_in("olga")).location == "/admin"
        browser.cookies["__Host-return"] = good
        await house.clock.advance(10 * MINUTE)
        assert (await browser.log_in("olga")).location == "/admin"


async def test_the_own_password_is_changed_with_the_present_one(house: House) -> None:
    """A-9, C-3: every other session ends, and this one gets a new id."""
    async with house.browser("ann") as browser, house.browser("ann") as other:
        before = browser.cookies["__Host-sid"]
        wrong = await browser.post("/password", {"current": "wrong", "password": OTHER_PASSWORD})
        assert (wrong.status, "not your present password" in wrong.words) == (422, True)
        for password in ("short", "password123", "A" * 129, PASSWORD):
            answer = await browser.post("/password", {"current": PASSWORD, "password": password})
            assert answer.status == 422
        assert (await other.get("/password")).status == 200
        answer = await browser.post("/password", {"current": PASSWORD, "password": OTHER_PASSWORD})
        assert (answer.status, answer.location) == (303, "/console")
        assert browser.cookies["__Host-sid"] != before
        assert (await browser.get("/password")).status == 200
        assert (await other.get("/password")).location == "/login"
        browser.cookies["__Host-sid"] = before
        assert (await browser.get("/password")).location == "/login"
        assert (await other.log_in("ann")).status == 401
        assert (await other.log_in("ann", OTHER_PASSWORD)).status == 303


async def test_A_4_the_present_password_cannot_be_guessed_from_a_stolen_session(house: House) -> None:
    async with house.browser("ann") as browser:
        form = {"current": "wrong", "password": OTHER_PASSWORD}
        tries = [(await browser.post("/password", form)).status for _ in range(6)]
        assert tries == [422] * 5 + [429]


async def test_a_one_time_password_opens_nothing_but_the_page_that_changes_it(house: House) -> None:
    given = "abcd-efgh-2345-mnpq"
    await house.admin.people.create(house.blue, "new@blue.example", "New", "admin", given, one_time=True)
    async with house.browser() as browser:
        await browser.get("/admin/bots")
        assert (await browser.log_in("new@blue.example", given)).location == "/password"
        assert (await browser.get("/admin")).location == "/password"
        assert (await browser.get("/api/admin/ranges")).status == 403
        assert (await browser.get("/login")).location == "/password"
        answer = await browser.post("/password", {"current": given, "password": OTHER_PASSWORD})
        assert answer.location == "/admin/bots", "and then where he wanted to go"
        assert (await browser.get("/admin/bots")).status == 200
        await browser.post("/logout")
        assert (await browser.log_in("new@blue.example", given)).status == 401
    await house.clock.advance(60 * MINUTE)


async def test_a_one_time_password_ends_unused_after_a_week(house: House) -> None:
    given = "abcd-efgh-2345-mnpq"
    await house.admin.people.create(house.blue, "new@blue.example", "New", "agent", given, one_time=True)
    await house.clock.advance(7 * 24 * 60 * MINUTE)
    async with house.browser() as browser:
        assert (await browser.log_in("new@blue.example", given)).status == 401


async def test_A_1_an_old_hash_is_made_anew_at_the_login(build_house: Build) -> None:
    house = await build_house(passwords=cheap_passwords(memory_kib=128))
    old = await cheap_passwords().hash(OTHER_PASSWORD)
    await house.admin.people._change(
        house.blue, house.cast["ann"].id, "person.password_changed", _by(), {"password": old}
    )
    async with house.browser() as browser:
        assert (await browser.log_in("ann", OTHER_PASSWORD)).status == 303
        ann = await house.admin.people.get(house.blue, house.cast["ann"].id)
        assert ann is not None
        assert "m=128" in ann.body.password
        assert (await browser.get("/password")).status == 200, "the session lives on"
        await browser.post("/logout")
        assert (await browser.log_in("ann", OTHER_PASSWORD)).status == 303


def _by():
    from admin import SYSTEM

    return SYSTEM


async def test_logins_stand_in_the_book_without_names(house: House) -> None:
    async with house.browser(source="127.0.0.7") as browser:
        await browser.log_in("ann", "wrong")
        await browser.log_in("stranger@evil.example", "wrong")
        await browser.log_in("ann")
    entries = (await house.book())[-2:]
    assert [entry.action for entry in entries] == ["login.failed", "login.succeeded"]
    assert {entry.actor for entry in entries} == {house.cast["ann"].id}
    assert {entry.address for entry in entries} == {"127.0.0.7"}
    (stranger,) = await house.book("")
    assert (stranger.action, stranger.actor) == ("login.failed", "")
    assert "evil" not in str(await house.book("")) + str(await house.book())


async def test_the_login_page_shows_nothing_of_anybody(house: House) -> None:
    async with house.browser() as one, house.browser(source="127.0.0.2") as other:
        await other.get("/admin/ranges")
        assert (await one.get("/login")).body == (await other.get("/login")).body
        answer = await one.get("/login")
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
