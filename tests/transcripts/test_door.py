"""`GET /t/{token}` through HTTP: the mission's table and the rows L-1 … L-22, I-1 … I-13 of the catalogue.

Where the catalogue says 401, the mission's 303 to the login page holds.
"""

import hashlib
import re
import time
from statistics import median

import pytest

import admin
from admin import By
from admin.ranges import read_span
from foundation.clock import DAY, HOUR, MINUTE
from foundation.ids import new_secret
from foundation.live import LocalSignals
from tests.transcripts.house import PASSWORD, PRIVATE, SAID, Answer, House

FORMATS = ("", ".txt", ".csv", ".json", "?format=txt", "?format=json")
HERE = "127.0.0.1"
LISTED = "127.0.0.2"
ELSEWHERE = "127.0.0.3"


def digest(answer: Answer) -> str:
    return hashlib.sha256(answer.body).hexdigest()


def shown(answer: Answer) -> bool:
    return answer.status == 200 and SAID in answer.text


def leads_to_login(answer: Answer) -> bool:
    return answer.status == 303 and answer.location == "/login" and answer.body == b""


# Members


@pytest.mark.parametrize("source", [HERE, ELSEWHERE])
@pytest.mark.parametrize("who", ["ann", "alma", "olga"])
async def test_YA_1_L_1_a_member_with_a_session_opens_it_from_anywhere(house: House, who: str, source: str) -> None:
    answer = await house.ask(house.path, who=who, source=source)
    assert shown(answer)
    assert "canary-note" in answer.text


async def test_L_2_a_members_address_is_not_needed(house: House) -> None:
    await house.allow("shop", LISTED)
    await house.allow("account", LISTED)
    answer = await house.ask(house.path, who="ann", source=ELSEWHERE)
    assert "canary-note" in answer.text
    assert "X-Transcript-View" not in answer.headers


async def test_YA_1_without_a_session_a_member_is_led_to_the_login_and_back(house: House) -> None:
    answer = await house.ask(house.path)
    assert leads_to_login(answer)
    assert house.token not in str(answer.location)
    assert "__Host-return" in answer.cookies

    for who, status in (("ann", 200), ("bob", 403)):
        logged_in = await house.ask(
            "/login",
            method="POST",
            data={"email": f"{who}-address@staff.example", "password": PASSWORD},
            headers={"Cookie": f"__Host-return={answer.cookies['__Host-return']}"},
        )
        assert (logged_in.status, logged_in.location) == (303, house.path)
        back = await house.ask(logged_in.location, session=logged_in.cookies["__Host-sid"])
        assert back.status == status, "access is looked at again after the login"


async def test_YA_1_a_forged_return_leads_nowhere_else(house: House) -> None:
    given = (await house.ask(house.path)).cookies["__Host-return"]
    for forged in (given[:-2], f"x{given}", "https://evil.example/", ""):
        logged_in = await house.ask(
            "/login",
            method="POST",
            data={"email": "ann-address@staff.example", "password": PASSWORD},
            headers={"Cookie": f"__Host-return={forged}"},
        )
        assert (logged_in.status, logged_in.location) == (303, "/console")


@pytest.mark.parametrize("form", FORMATS)
async def test_YA_12_every_format_goes_through_the_same_guard(house: House, form: str) -> None:
    assert shown(await house.ask(house.path + form, who="ann"))
    assert leads_to_login(await house.ask(house.path + form))
    refused = await house.ask(house.path + form, who="bob")
    assert refused.status == 403
    await house.allow("shop", LISTED)
    by_address = await house.ask(house.path + form, source=LISTED)
    assert shown(by_address)
    for secret in PRIVATE:
        assert secret not in by_address.text, secret


async def test_YA_12_files_are_attachments_of_their_kind(house: House) -> None:
    text = await house.ask(f"{house.path}?format=txt", who="ann")
    data = await house.ask(f"{house.path}?format=json", who="ann")
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert data.headers["Content-Type"].startswith("application/json")
    for answer in (text, data):
        assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert data.json()["view"] == "member"


@pytest.mark.parametrize("query", ["?format=exe", "?format=", "?format=txt&format=json", "?format=TXT"])
async def test_an_unknown_format_is_refused_clearly_and_before_anything_is_decided(house: House, query: str) -> None:
    for path in (house.path, f"/t/{new_secret()}"):
        answer = await house.ask(path + query, who="ann", headers={"Accept": "application/json"})
        assert answer.status == 422
        assert answer.json()["field"] == "format"
    assert await house.book() == [entry for entry in await house.book() if entry.action.startswith("link.")]


async def test_parameters_that_others_add_to_a_link_do_not_break_it(house: House) -> None:
    assert shown(await house.ask(f"{house.path}?utm_source=mail&fbclid=x", who="ann"))


# Addresses


@pytest.mark.parametrize(("row", "scope"), [("L-3", "shop"), ("L-4", "account")])
async def test_YA_2_L_3_L_4_anybody_from_a_listed_address_reads_the_external_view(
    house: House, row: str, scope: str
) -> None:
    await house.allow(scope, LISTED)
    answer = await house.ask(house.path, source=LISTED)
    assert shown(answer), row
    assert answer.headers["X-Transcript-View"] == "read-only"
    for secret in PRIVATE:
        assert secret not in answer.text, secret
    assert leads_to_login(await house.ask(house.path, source=ELSEWHERE))


async def test_YA_3_L_5_elsewhere_it_does_not_open_and_shows_no_byte(house: House) -> None:
    await house.allow("shop", LISTED)
    await house.allow("account", LISTED)
    assert leads_to_login(await house.ask(house.path, source=ELSEWHERE))


async def test_YA_8_L_6_a_list_that_is_switched_off_opens_nothing(house: House) -> None:
    for scope in ("shop", "account"):
        await house.allow(scope, LISTED, enabled=False)
        assert leads_to_login(await house.ask(house.path, source=LISTED))


async def test_YA_8_off_is_the_default(house: House) -> None:
    assert leads_to_login(await house.ask(house.path, source=LISTED))


async def test_YA_8_the_enabled_lists_are_a_union(house: House) -> None:
    await house.allow("shop", LISTED)
    await house.allow("account", ELSEWHERE)
    assert shown(await house.ask(house.path, source=LISTED))
    assert shown(await house.ask(house.path, source=ELSEWHERE))
    await house.allow("account", "127.0.0.4", enabled=False)
    assert shown(await house.ask(house.path, source=LISTED))
    assert leads_to_login(await house.ask(house.path, source=ELSEWHERE))


async def test_YA_2_the_list_of_another_bot_opens_nothing(house: House) -> None:
    await house.allow("desk", LISTED)
    assert leads_to_login(await house.ask(house.path, source=LISTED))


async def test_YA_2_L_7_staff_without_access_read_it_by_address_as_anybody_does(house: House) -> None:
    await house.allow("shop", LISTED)
    answer = await house.ask(house.path, who="bob", source=LISTED)
    assert shown(answer)
    assert "canary-note" not in answer.text


@pytest.mark.parametrize("who", ["bob", "ida"])
async def test_YA_3_L_8_staff_without_access_are_refused_elsewhere(house: House, who: str) -> None:
    await house.allow("shop", LISTED)
    answer = await house.ask(house.path, who=who, source=ELSEWHERE)
    assert answer.status == 403
    assert SAID not in answer.text


async def test_L_9_the_ranges_of_another_account_open_nothing(house: House) -> None:
    red = house.accounts["red"]
    span = await house.allow("shop", "10.0.0.1")
    listed = (await house.admin.whitelists.get(house.accounts["blue"], span)).span
    here = type(listed)(0x7F000002, 0x7F000002)
    await house.admin.whitelists.add(red, "account", here)
    await house.admin.whitelists.toggle(red, "account", enabled=True)
    assert (await house.ask(house.path, who="rita", source=LISTED)).status == 403


@pytest.mark.parametrize(
    ("source", "opens"), [("127.0.1.0", False), ("127.0.1.1", True), ("127.0.1.9", True), ("127.0.1.10", False)]
)
async def test_YA_5_I_13_both_ends_of_a_range_are_in_it(house: House, source: str, opens: bool) -> None:
    await house.allow("shop", "127.0.1.1", "127.0.1.9")
    assert shown(await house.ask(house.path, source=source)) is opens


async def test_YA_5_I_13_one_address_is_the_same_value_twice(house: House) -> None:
    await house.allow("shop", "127.0.1.5", "127.0.1.5")
    found = [n for n in (4, 5, 6) if shown(await house.ask(house.path, source=f"127.0.1.{n}"))]
    assert found == [5]


# Proxies

PROXY = "127.0.0.9"
IN_RANGE = "10.0.0.1"


async def _through(house: House, *lines: str, source: str = PROXY) -> Answer:
    return await house.ask(house.path, source=source, headers=[("X-Forwarded-For", line) for line in lines])


async def test_YA_10_I_1_a_header_from_a_stranger_is_ignored(house: House) -> None:
    await house.allow("shop", IN_RANGE, "10.0.0.9")
    assert leads_to_login(await _through(house, IN_RANGE, source=HERE))


@pytest.mark.parametrize(
    ("row", "lines", "opens"),
    [
        ("I-2", ["10.0.0.1"], True),
        ("I-3", ["10.0.0.1, 203.0.113.9"], False),
        ("I-4", ["10.0.0.1", "203.0.113.9"], False),
        ("I-5", ["10.0.0.1, 203.0.113.9, 192.0.2.7"], False),
        ("I-5, the other way", ["203.0.113.9, 10.0.0.1, 192.0.2.7"], True),
        ("I-9", ["::ffff:10.0.0.1"], True),
        ("nothing", [], False),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_YA_10_I_2_I_9_behind_a_trusted_proxy_the_right_most_stranger_counts(
    house: House, row: str, lines: list[str], opens: bool
) -> None:
    await house.allow("shop", IN_RANGE, "10.0.0.9")
    answer = await _through(house, *lines)
    assert shown(answer) is opens, row
    assert opens or leads_to_login(answer)


@pytest.mark.parametrize(
    "header",
    [
        "X-Real-IP",
        "X-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Originating-IP",
        "Forwarded",
        "X_Forwarded_For",
    ],
)
async def test_I_6_other_headers_say_nothing(house: House, header: str) -> None:
    await house.allow("shop", IN_RANGE)
    value = f"for={IN_RANGE}" if header == "Forwarded" else IN_RANGE
    for source in (HERE, PROXY):
        assert leads_to_login(await house.ask(house.path, source=source, headers={header: value}))


@pytest.mark.parametrize(
    "spelling",
    [
        "010.0.0.1", "012.0.0.1", "0x0a.0.0.1", "10.1", "167772161", "10.0.0.1%25eth0", "10.0.0.1\t, 192.0.2.7",
        "10.0.0.1:443", "[10.0.0.1]", "::ffff:10.0.0.1%eth0", "::10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1",
        "10.0.0.1.", "",
    ],
)  # fmt: skip
async def test_YA_6_I_10_an_address_in_another_spelling_is_nobody(house: House, spelling: str) -> None:
    await house.allow("shop", IN_RANGE, "10.0.0.9")
    assert leads_to_login(await _through(house, f"203.0.113.9, {spelling}"))


# Ends


async def test_L_10_an_expired_or_ended_session_is_no_session(house: House) -> None:
    idle = await house.admin.sessions.open(house.cast["ann"])
    assert shown(await house.ask(house.path, session=idle))
    await house.clock.advance(31 * MINUTE)
    assert leads_to_login(await house.ask(house.path, session=idle))

    ended = await house.admin.sessions.open(house.cast["ann"])
    assert shown(await house.ask(house.path, session=ended))
    await house.admin.sessions.end_all(house.accounts["blue"], house.cast["ann"].id)
    assert leads_to_login(await house.ask(house.path, session=ended))
    assert leads_to_login(await house.ask(house.path, session=new_secret()))


async def test_L_11_a_person_disabled_a_moment_ago_has_no_session(house: House) -> None:
    session = await house.admin.sessions.open(house.cast["ann"])
    assert shown(await house.ask(house.path, session=session))
    await house.admin.people.disable(house.accounts["blue"], house.cast["ann"].id)
    assert leads_to_login(await house.ask(house.path, session=session))


async def test_L_12_a_person_who_must_still_choose_a_password_has_no_session_here(house: House) -> None:
    blue = house.accounts["blue"]
    person = await house.admin.people.create(blue, "new@staff.example", "New", "admin", PASSWORD, one_time=True)
    session = await house.admin.sessions.open(person)
    assert leads_to_login(await house.ask(house.path, session=session))


async def test_L_11_a_right_that_was_taken_away_counts_with_the_next_request(house: House) -> None:
    session = await house.admin.sessions.open(house.cast["ann"])
    assert shown(await house.ask(house.path, session=session))
    await house.admin.grants.revoke_from(house.accounts["blue"], house.cast["ann"].id, house.bots["shop"].id)
    assert (await house.ask(house.path, session=session)).status == 403


async def test_L_16_a_range_that_was_removed_counts_with_the_next_request(house: House) -> None:
    made = await house.allow("shop", LISTED)
    assert shown(await house.ask(house.path, source=LISTED))
    await house.admin.whitelists.delete(house.accounts["blue"], made)
    assert leads_to_login(await house.ask(house.path, source=LISTED))


@pytest.mark.parametrize("form", ["", "?format=txt", "?format=json"])
@pytest.mark.parametrize("how", ["removed", "narrowed", "moved", "switched off", "expired"])
async def test_L_16_L_17_every_further_request_of_an_open_page_is_decided_anew(
    house: House, how: str, form: str
) -> None:
    """A shared page has no script and no socket: whatever it asks for next meets the guard, in every format."""
    made, lists, blue = await house.allow("shop", LISTED), house.admin.whitelists, house.accounts["blue"]
    other = read_span("203.0.113.9", "203.0.113.9")
    if how == "expired":
        await lists.edit(blue, made, expires_at=house.clock.now() + 1_000)
    assert (await house.ask(house.path + form, source=LISTED)).status == 200
    deeds = {
        "removed": lambda: lists.delete(blue, made),
        "narrowed": lambda: lists.edit(blue, made, span=other),
        "moved": lambda: lists.edit(blue, made, scope="account"),
        "switched off": lambda: lists.toggle(blue, house.bots["shop"].id, enabled=False),
        "expired": lambda: house.clock.advance(1_000),
    }
    await deeds[how]()
    assert leads_to_login(await house.ask(house.path + form, source=LISTED))


async def test_L_16_another_node_whose_signal_was_lost_refuses_within_a_second(house: House) -> None:
    """The change is made by services that share only the store with those that are served."""
    made = await house.allow("shop", LISTED)
    assert shown(await house.ask(house.path, source=LISTED))
    assert house.keyring is not None
    elsewhere = admin.build(house.engine, house.keyring, LocalSignals(), house.clock)
    await elsewhere.whitelists.delete(house.accounts["blue"], made)
    await house.clock.advance(1_000)
    assert leads_to_login(await house.ask(house.path, source=LISTED))


async def _end(house: House, how: str) -> None:
    blue = house.accounts["blue"]
    if how == "expired":
        await house.clock.advance(180 * DAY)
    elif how == "revoked":
        await house.links.revoke(await house.links.get(blue, house.link), By(house.cast["ann"].id))
    else:
        await house.conversations.erase(blue, house.chat)


@pytest.mark.parametrize("how", ["expired", "revoked", "erased"])
async def test_YA_11_an_ended_link_is_410_for_those_whom_it_would_have_let_in(house: House, how: str) -> None:
    await house.allow("shop", LISTED)
    await _end(house, how)
    for answer in (await house.ask(house.path, who="ann"), await house.ask(house.path, source=LISTED)):
        assert answer.status == 410
        assert SAID not in answer.text
        assert how in answer.text


TOKENS = ["unknown", "expired", "revoked", "erased", "short", "signs"]


@pytest.mark.parametrize("kind", TOKENS)
async def test_YA_3_L_13_refusals_are_the_same_byte_for_byte(house: House, kind: str) -> None:
    forbidden = await house.ask(house.path, who="bob", source=ELSEWHERE)
    anonymous = await house.ask(house.path, source=ELSEWHERE)
    path = house.path
    if kind == "unknown":
        path = f"/t/{new_secret()}"
    elif kind == "short":
        path = "/t/x"
    elif kind == "signs":
        path = "/t/%F0%9F%90%A4%22%3E%3Cscript%3E"
    else:
        await _end(house, kind)

    refused = await house.ask(path, who="bob", source=ELSEWHERE)
    assert (refused.status, digest(refused)) == (403, digest(forbidden))
    assert _comparable(refused) == _comparable(forbidden)
    stranger = await house.ask(path, source=ELSEWHERE)
    assert (stranger.status, digest(stranger)) == (303, digest(anonymous))
    assert _comparable(stranger) == _comparable(anonymous)
    assert stranger.cookies.keys() == anonymous.cookies.keys()


def _comparable(answer: Answer) -> list[tuple[str, str]]:
    return sorted((name, value) for name, value in answer.headers.items() if name not in {"Date", "Set-Cookie"})


async def test_YA_3_L_13_another_accounts_super_admin_cannot_tell_either(house: House) -> None:
    foreign = await house.ask(house.path, who="rita")
    unknown = await house.ask(f"/t/{new_secret()}", who="rita")
    assert (foreign.status, digest(foreign)) == (unknown.status, digest(unknown)) == (403, digest(foreign))


@pytest.mark.slow
async def test_YA_3_unknown_and_forbidden_links_take_the_same_time(house: House) -> None:
    session = await house.admin.sessions.open(house.cast["bob"])
    spent: dict[str, list[float]] = {"unknown": [], "forbidden": []}
    for _ in range(60):
        for kind, path in (("unknown", f"/t/{new_secret()}"), ("forbidden", house.path)):
            began = time.perf_counter()
            assert (await house.ask(path, session=session)).status == 403
            spent[kind].append(time.perf_counter() - began)
    times = sorted(median(of_kind) for of_kind in spent.values())
    assert times[1] < 1.5 * times[0], "the medians lie in the same class"


@pytest.mark.parametrize("agent", ["Slackbot-LinkExpanding 1.0", "facebookexternalhit/1.1", "Twitterbot/1.0"])
async def test_L_19_preview_bots_learn_nothing(house: House, agent: str) -> None:
    assert leads_to_login(await house.ask(house.path, headers={"User-Agent": agent}))


# What leaves

CSP = (
    "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
L_18 = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": CSP,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.mark.parametrize("form", FORMATS)
async def test_L_18_the_headers_of_a_transcript(house: House, form: str) -> None:
    for who in ("ann", "bob"):
        answer = await house.ask(house.path + form, who=who)
        expected = L_18 | {"Content-Security-Policy": _policy(who, is_file=bool(form))}
        assert {name: answer.headers.getall(name) for name in L_18} == {
            name: [value] for name, value in expected.items()
        }
        assert "ETag" not in answer.headers
        assert "Server" not in answer.headers


def _policy(who: str, *, is_file: bool) -> str:
    """The page of a transcript runs our own script, which asks whether it may still be shown (L-16), and the page of a
    refusal has the form that asks for access (YA-23). Nothing else is allowed beyond the catalogue's."""
    if who == "bob":
        return CSP.replace("form-action 'none'", "form-action 'self'")
    live = "; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'"
    return CSP if is_file else CSP + live


async def test_L_18_the_page_runs_one_script_of_ours_and_nothing_inline(house: House) -> None:
    page = (await house.ask(house.path, who="ann")).text
    assert page.count("<script") == 1
    assert re.search(r'<script type="module" src="/static/transcripts/[^"]*js/live\.js[^"]*"></script>', page)
    assert 'nonce=""' in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert " style=" not in page
    assert "<title>Transcript · Frontdesk</title>" in page


async def test_L_19_the_titles_of_refusals_are_generic(house: House) -> None:
    assert "<title>Frontdesk</title>" in (await house.ask(house.path, who="bob")).text


@pytest.mark.parametrize("who", ["ann", "bob", None])
async def test_head_is_decided_like_get(house: House, who: str | None) -> None:
    get, head = await house.ask(house.path, who=who), await house.ask(house.path, who=who, method="HEAD")
    assert (head.status, head.body) == (get.status, b"")
    sizes = {"Content-Length"}  # aiohttp leaves out a zero
    assert [one for one in _comparable(head) if one[0] not in sizes] == [
        one for one in _comparable(get) if one[0] not in sizes
    ]


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH"])
async def test_no_other_method_is_answered(house: House, method: str) -> None:
    answer = await house.ask(house.path, who="ann", method=method)
    assert answer.status == 405
    assert SAID not in answer.text


# The record


async def test_L_22_G_5_every_answer_is_in_the_audit_book_with_its_rule(house: House) -> None:
    ranged = await house.allow("shop", LISTED)
    await house.ask(house.path, who="ann")
    await house.ask(f"{house.path}?format=json", source=LISTED)
    await house.ask(house.path, source=ELSEWHERE)
    await house.ask(house.path, who="bob", source=ELSEWHERE)
    await _end(house, "revoked")
    await house.ask(house.path, who="ann")

    book = [one for one in await house.book() if one.action.startswith("transcript.")]
    ann, bob = house.cast["ann"].id, house.cast["bob"].id
    told = [(one.action, one.actor, one.object, one.address, one.data["rule"], one.data["format"]) for one in book]
    assert told == [
        ("transcript.member", ann, house.link, HERE, "bot_access", "page"),
        ("transcript.external", "", house.link, LISTED, "bot_range", "json"),
        ("transcript.login", "", house.link, ELSEWHERE, "no_session", "page"),
        ("transcript.refused", bob, house.link, ELSEWHERE, "no_access", "page"),
        ("transcript.gone", ann, house.link, HERE, "revoked", "page"),
    ]
    assert book[1].data["range"] == ranged
    assert book[4].data["by"] == "bot_access"
    assert {one.data["conversation"] for one in book} == {house.chat}
    assert await house.admin.audit.verify(house.accounts["blue"]) is None


async def test_L_22_unknown_links_are_recorded_too_where_they_belong(house: House) -> None:
    await house.ask(f"/t/{new_secret()}")
    await house.ask(f"/t/{new_secret()}", who="rita")
    assert [(one.action, one.data["rule"]) for one in await house.book("")] == [("transcript.login", "unknown_link")]
    assert [(one.action, one.data["rule"]) for one in await house.book("red")] == [
        ("transcript.refused", "unknown_link")
    ]
    assert await house.book("blue") == []


async def test_YA_11_views_are_counted_and_refusals_are_not(house: House) -> None:
    await house.allow("shop", LISTED)
    await house.ask(house.path, who="ann")
    await house.ask(house.path, source=LISTED)
    await house.ask(house.path, who="bob")
    await house.ask(house.path)
    link = await house.links.get(house.accounts["blue"], house.link)
    assert (link.views, link.last_viewed_at) == (2, house.clock.now())


async def test_YA_9_chats_with_bots_and_with_people_are_covered_alike(house: House) -> None:
    blue, shop = house.accounts["blue"], house.bots["shop"].id
    only_bot = await house.conversations.open(blue, shop, visitor="w")
    session = await house.admin.sessions.open(house.cast["ann"])
    ann = await house.admin.sessions.principal_of(session)
    assert ann is not None
    _, token = await house.links.create(ann, await house.conversations.state(blue, only_bot))
    assert (await house.ask(f"/t/{token}", who="ann")).status == 200
    assert (await house.ask(f"/t/{token}", who="bob")).status == 403
    assert leads_to_login(await house.ask(f"/t/{token}"))


async def test_a_session_of_twelve_hours_ends_in_the_middle_of_reading(house: House) -> None:
    session = await house.admin.sessions.open(house.cast["ann"])
    for _ in range(24):
        await house.clock.advance(30 * MINUTE - 1)
        assert shown(await house.ask(house.path, session=session))
    await house.clock.advance(HOUR // 2)
    assert leads_to_login(await house.ask(house.path, session=session))
