"""Who may open a shared transcript from where, through a proxy that is believed and peers that are not (SECURITY 2.1, 2.2).

One server; `127.0.0.9` and `192.0.2.7` are its trusted proxies. The range of the bot is `10.0.0.1`-`10.0.0.9`, as in
the catalogue.
"""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.flows.knocking import Answer, knock
from tests.serving import Frontdesk, serving
from tests.talking import Staff, Visitor, logged_in

PROXY = "127.0.0.9"
STRANGER = "127.0.0.3"
CANARY = "Canarydachshund"
NOTE = "Canarynote"
CHANGING = ("date", "set-cookie")
"""Headers that differ between two answers of the same kind: the time, and the signed path to return to."""


@dataclass(frozen=True)
class House:
    """The running server, a conversation in it, and a link to that."""

    desk: Frontdesk
    conversation: str
    link: str
    range: str

    @property
    def base(self) -> str:
        return self.desk.base_url

    async def open(self, *lines: str | bytes, source: str = PROXY, path: str | None = None) -> Answer:
        return await knock(self.base, "GET", path or self.link, *lines, source=source)

    @asynccontextmanager
    async def person(self, who: str, **options: Any) -> AsyncIterator[aiohttp.ClientSession]:
        person = self.desk.person(who)
        async with logged_in(self.base, person["email"], person["password"], **options) as session:
            yield session


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("addresses")
    with serving(folder, FRONTDESK_WEB__TRUSTED_PROXIES=f'["{PROXY}", "192.0.2.7"]') as desk:
        yield asyncio.run(_prepared(desk))


async def _prepared(desk: Frontdesk) -> House:
    """A chat with a note and an address in it, its link, and the catalogue's range, switched on."""
    agent = desk.person("agent")
    async with Visitor.at(desk.base_url, desk.demo["bot"]) as visitor:
        await visitor.say(f"My dog is called {CANARY}")
        conversation = visitor.welcome["conversation"]
        await visitor.ask(type="handoff")
        async with Staff.logged_in(desk.base_url, agent["email"], agent["password"]) as person:
            await person.row(lambda row: row["id"] == conversation)
            await person.ask(type="take_over", conversation=conversation)
            await person.ask(type="note", conversation=conversation, text=NOTE)
            link = await _link(person.session, desk.base_url, conversation)
    house = House(desk, conversation, link["path"], "")
    async with house.person("super_admin") as boss:
        rule = {"scope": desk.demo["bot"], "start": "10.0.0.1", "end": "10.0.0.9", "label": "catalogue"}
        made = await _call(boss, "POST", f"{house.base}/api/admin/ranges", 201, rule)
        await _call(boss, "PUT", f"{house.base}/api/admin/ranges/{desk.demo['bot']}/enabled", 200, {"enabled": True})
    return replace(house, range=made["id"])


async def _link(session: aiohttp.ClientSession, base: str, conversation: str) -> dict[str, Any]:
    made: dict[str, Any] = await _call(session, "POST", f"{base}/api/conversations/{conversation}/links", 201, {})
    return {**made, "path": made["url"].removeprefix(base)}


async def _call(session: aiohttp.ClientSession, method: str, url: str, status: int, body: Any = None) -> Any:
    """One request to the API as one of our pages sends it; its answer, which must have this status."""
    origin = "/".join(url.split("/", 3)[:3])
    async with session.request(method, url, json=body, headers={"Origin": origin}) as answer:
        assert answer.status == status, f"{method} {url}: {answer.status} {await answer.text()}"
        return await answer.json(content_type=None) if status not in {204} else None


def assert_shown(answer: Answer) -> None:
    assert answer.status == 200, answer
    assert CANARY.encode() in answer.body


def assert_login(answer: Answer) -> None:
    """L-5: nobody in particular is led to the login, and no byte of the transcript leaves."""
    assert (answer.status, answer.header("location")) == (303, "/login"), answer
    assert CANARY.encode() not in answer.body


async def test_I_1_a_header_from_a_peer_that_is_no_proxy_is_not_believed(house: House) -> None:
    assert_shown(await house.open("X-Forwarded-For: 10.0.0.1"))
    assert_login(await house.open("X-Forwarded-For: 10.0.0.1", source=STRANGER))


async def test_I_2_a_trusted_proxy_is_believed_and_L_3_shows_the_external_view(house: House) -> None:
    """I-2, L-3, L-18, YA-12: read-only, without notes, and nothing may keep or embed it."""
    answer = await house.open("X-Forwarded-For: 10.0.0.1")
    assert_shown(answer)
    assert NOTE.encode() not in answer.body
    assert answer.header("x-transcript-view") == "read-only"
    assert answer.header("cache-control") == "no-store"
    assert answer.header("referrer-policy") == "no-referrer"
    assert answer.header("x-robots-tag") == "noindex, nofollow, noarchive"
    assert answer.header("x-content-type-options") == "nosniff"
    assert "frame-ancestors 'none'" in answer.header("content-security-policy")
    assert answer.header("etag") == ""
    async with house.person("agent") as member, member.get(house.base + house.link) as page:
        assert NOTE in await page.text(), "the note is there for those who may read it"


@pytest.mark.parametrize(
    ("row", "lines"),
    [
        ("I-3", ["X-Forwarded-For: 10.0.0.1, 203.0.113.9"]),
        ("I-4", ["X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 203.0.113.9"]),
        ("I-5", ["X-Forwarded-For: 10.0.0.1, 203.0.113.9, 192.0.2.7"]),
        ("I-5 with an empty hop", ["X-Forwarded-For: 10.0.0.1,, 192.0.2.7"]),
        ("I-5, only proxies", ["X-Forwarded-For: 127.0.0.9, 192.0.2.7"]),
        ("no header", []),
        ("an empty header", ["X-Forwarded-For:"]),
    ],
)
async def test_I_3_to_I_5_the_right_most_hop_that_is_no_proxy_counts(house: House, row: str, lines: list[str]) -> None:
    assert_shown(await house.open("X-Forwarded-For: 203.0.113.9, 10.0.0.1, 192.0.2.7"))
    assert_shown(await house.open("X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 10.0.0.1"))
    assert_login(await house.open(*lines))


@pytest.mark.parametrize(
    "line",
    [
        "X-Real-IP: 10.0.0.1",
        "X-Client-IP: 10.0.0.1",
        "True-Client-IP: 10.0.0.1",
        "CF-Connecting-IP: 10.0.0.1",
        "X-Originating-IP: 10.0.0.1",
        "X_Forwarded_For: 10.0.0.1",
        "X-Forwarded: 10.0.0.1",
        "Forwarded: for=10.0.0.1",
    ],
)
async def test_I_6_no_other_header_is_believed(house: House, line: str) -> None:
    for source in (PROXY, STRANGER):
        assert_login(await house.open(line, source=source))
    assert_login(await house.open(line, "X-Forwarded-For: 203.0.113.9"))


@pytest.mark.parametrize("hops", ["10.0.0.1" + "," * 7_000, ",".join(["10.0.0.1"] * 500), "," * 8_000 + "10.0.0.1"])
async def test_I_8_an_endless_list_costs_nothing_and_opens_nothing_by_its_left_end(house: House, hops: str) -> None:
    answer = await house.open(f"X-Forwarded-For: {hops}", f"X-Forwarded-For: {'192.0.2.7,' * 30}192.0.2.7")
    assert answer.status in {303, 400, 431}, answer
    assert CANARY.encode() not in answer.body


async def test_I_9_an_address_in_its_mapped_form_is_the_same_host(house: House) -> None:
    assert_shown(await house.open("X-Forwarded-For: ::ffff:10.0.0.1"))
    for other in ("::10.0.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::", "::ffff:10.0.0.1%eth0"):
        assert_login(await house.open(f"X-Forwarded-For: {other}"))


@pytest.mark.parametrize(
    "spelling",
    [
        b"010.0.0.1",
        b"012.0.0.1",
        b"0x0a.0.0.1",
        b"10.1",
        b"167772161",
        "１０.0.0.1".encode(),
        b"10.0.0.1%25eth0",
        b"10.0.0.1\t,192.0.2.7",
        b"10.0.0.1:443",
        b"[10.0.0.1]",
        b"10.0.0.1.",
        b'"10.0.0.1"',
        b"10.0.0.1/32",
        b"10.0.0.1;10.0.0.1",
    ],
)
async def test_I_10_only_one_spelling_of_an_address_is_an_address(house: House, spelling: bytes) -> None:
    assert_shown(await house.open(b"X-Forwarded-For: 10.0.0.1,192.0.2.7"))
    answer = await house.open(b"X-Forwarded-For: " + spelling)
    assert answer.status in {303, 400}, answer
    assert CANARY.encode() not in answer.body


async def test_I_13_both_ends_belong_to_a_range_and_their_neighbours_do_not(house: House) -> None:
    for address in ("10.0.0.1", "10.0.0.5", "10.0.0.9"):
        assert_shown(await house.open(f"X-Forwarded-For: {address}"))
    for address in ("10.0.0.0", "10.0.0.10", "9.255.255.255", "10.0.1.1", "100.0.0.5"):
        assert_login(await house.open(f"X-Forwarded-For: {address}"))


async def test_I_13_a_range_of_one_address_holds_that_address(house: House) -> None:
    """I-13, L-4, L-6, L-16: on the account's list; without its toggle it opens nothing, deleted it opens nothing more."""
    ranges = f"{house.base}/api/admin/ranges"
    inside, beside = "X-Forwarded-For: 198.51.100.7", ("X-Forwarded-For: 198.51.100.6", "X-Forwarded-For: 198.51.100.8")
    async with house.person("super_admin") as boss:
        rule = {"scope": "account", "start": "198.51.100.7", "end": "198.51.100.7", "label": "one"}
        made = await _call(boss, "POST", ranges, 201, rule)
        assert_login(await house.open(inside))
        await _call(boss, "PUT", f"{ranges}/account/enabled", 200, {"enabled": True})
        assert_shown(await house.open(inside))
        for line in beside:
            assert_login(await house.open(line))
        await _call(boss, "DELETE", f"{ranges}/{made['id']}", 204)
        assert_login(await house.open(inside))
        await _call(boss, "PUT", f"{ranges}/account/enabled", 200, {"enabled": False})


async def test_L_7_an_address_opens_for_a_stranger_who_is_logged_in_too(house: House) -> None:
    """L-7, L-8: a person without access to the bot is let in by his address, as external, or not at all."""
    async with house.person("staff", connector=aiohttp.TCPConnector(local_addr=(PROXY, 0))) as colleague:
        url, inside = house.base + house.link, {"X-Forwarded-For": "10.0.0.1"}
        async with colleague.get(url, headers=inside) as page:
            text = await page.text()
            assert (page.status, CANARY in text, NOTE in text) == (200, True, False)
        async with colleague.get(url, headers={"X-Forwarded-For": "203.0.113.9"}) as page:
            assert page.status == 403
            assert CANARY not in await page.text()


def _strange_tokens() -> list[str]:
    """Links that there are not: like real ones, too short, too long, and with characters that no token has."""
    return [secrets.token_urlsafe(32), "x", "A" * 44, "A" * 42 + "~", "%00" * 43]


async def test_L_13_nobody_learns_whether_there_is_such_a_link(house: House) -> None:
    """L-13, YA-3: for nobody in particular the answers to any token are the same, byte for byte."""
    known = await house.open(source=STRANGER)
    assert_login(known)
    for token in _strange_tokens():
        answer = await house.open(source=STRANGER, path=f"/t/{token}")
        assert answer.without(*CHANGING) == known.without(*CHANGING), token
    like = await house.open(source=STRANGER, path=f"/t/{secrets.token_urlsafe(32)}")
    cookies = [answer.header("set-cookie") for answer in (known, like)]
    assert len(cookies[0]) == len(cookies[1]), "nor by the length of the cookie"
    for part in cookies[0].split(";")[1:]:
        assert part in cookies[1]


async def test_L_13_a_stranger_with_a_session_does_not_learn_it_either(house: House) -> None:
    async with house.person("staff") as colleague:
        forbidden = await _bytes_of(colleague, house.base + house.link)
        assert forbidden[0] == 403
        assert CANARY.encode() not in forbidden[2]
        for token in _strange_tokens():
            assert await _bytes_of(colleague, f"{house.base}/t/{token}") == forbidden, token
    async with house.person("agent") as member:
        assert (await _bytes_of(member, house.base + house.link))[0] == 200
        for token in _strange_tokens():
            status, _, body = await _bytes_of(member, f"{house.base}/t/{token}")
            assert (status, body) == (403, forbidden[2]), "an unknown link is a forbidden one for members as well"


async def _bytes_of(session: aiohttp.ClientSession, url: str) -> tuple[int, list[tuple[str, str]], bytes]:
    async with session.get(url, allow_redirects=False) as answer:
        kept = [(name, value) for name, value in answer.headers.items() if name.lower() not in CHANGING]
        return answer.status, kept, await answer.read()


async def test_L_13_a_revoked_link_is_gone_for_those_it_opened_to_and_unknown_to_all_others(house: House) -> None:
    """YA-11, L-13: 410 for members and listed addresses; nobody else can tell it from any other."""
    async with house.person("agent") as member, house.person("staff") as colleague:
        link = await _link(member, house.base, house.conversation)
        assert (await _bytes_of(member, link["url"]))[0] == 200
        assert_shown(await house.open("X-Forwarded-For: 10.0.0.1", path=link["path"]))
        living = await house.open(source=STRANGER, path=link["path"])
        forbidden = await _bytes_of(colleague, link["url"])

        await _call(colleague, "POST", f"{house.base}/api/links/{link['id']}/revoke", 404, {})
        assert (await _bytes_of(member, link["url"]))[0] == 200, "who may not open it may not end it"
        await _call(member, "POST", f"{house.base}/api/links/{link['id']}/revoke", 204, {})

        status, _, body = await _bytes_of(member, link["url"])
        assert (status, CANARY.encode() in body) == (410, False)
        listed = await house.open("X-Forwarded-For: 10.0.0.1", path=link["path"])
        assert (listed.status, CANARY.encode() in listed.body) == (410, False)
        revoked = await house.open(source=STRANGER, path=link["path"])
        assert revoked.without(*CHANGING) == living.without(*CHANGING)
        assert await _bytes_of(colleague, link["url"]) == forbidden
        for form in ("txt", "json"):
            assert (await _bytes_of(member, f"{link['url']}?format={form}"))[0] == 410


async def test_L_10_a_session_that_ended_opens_nothing(house: House) -> None:
    async with house.person("agent") as member:
        assert (await _bytes_of(member, house.base + house.link))[0] == 200
        cookies = {cookie.key: cookie.value for cookie in member.cookie_jar}
        logout = member.post(f"{house.base}/logout", headers={"Origin": house.base}, data={}, allow_redirects=False)
        async with logout as answer:
            assert answer.status == 303, await answer.text()
        line = "Cookie: " + "; ".join(f"{name}={value}" for name, value in cookies.items())
        assert_login(await house.open(line, source=STRANGER))


@pytest.mark.parametrize("watched", [True, False])
async def test_A_10_L_11_a_right_that_was_taken_away_ends_at_once(house: House, watched: bool) -> None:
    """A-10, L-11, M-8: the very next request is refused, and the open console is cut or shows the chat no more."""
    agent, bot = house.desk.person("agent"), house.desk.demo["bot"]
    url = house.base + house.link
    async with (
        house.person("super_admin") as boss,
        Staff.logged_in(house.base, agent["email"], agent["password"]) as member,
    ):
        me = f"{house.base}/admin/people/{member.frames[0]['me']['person']}"
        assert house.conversation in member.rows
        if watched:
            await member.send(type="watch", conversation=house.conversation, since=0)
            await member.of("events")
        assert (await _bytes_of(member.session, url))[0] == 200
        assert await _submit(boss, f"{me}/bots", {}) == 303
        try:
            assert (await _bytes_of(member.session, url))[0] == 403
            refused = await member.ask(type="note", conversation=house.conversation, text="too late")
            assert refused["code"] == "not_found"
            while {"type": "gone", "conversation": house.conversation} not in member.frames:
                await member.receive()
        finally:
            assert await _submit(boss, f"{me}/bots", {"bots": bot}) == 303
        assert (await _bytes_of(member.session, url))[0] == 200
        assert await _submit(boss, f"{me}/disable", {}) == 303
        assert (await _bytes_of(member.session, url))[0] == 303
        with pytest.raises(ConnectionResetError, match="4401"):
            await member.of("nothing that is ever sent")
        assert await _submit(boss, f"{me}/enable", {}) == 303
    async with house.person("agent") as member:
        assert (await _bytes_of(member, url))[0] == 200


async def _submit(session: aiohttp.ClientSession, url: str, form: dict[str, str]) -> int:
    headers = {"Origin": "/".join(url.split("/", 3)[:3]), "Content-Type": "application/x-www-form-urlencoded"}
    async with session.post(url, data=form, headers=headers, allow_redirects=False) as answer:
        return answer.status


@pytest.mark.parametrize("form", ["txt", "json"])
async def test_files_and_HEAD_go_through_the_same_decision(house: House, form: str) -> None:
    """YA-2, SECURITY 2.1 (HEAD = GET)."""
    path = f"{house.link}?format={form}"
    shown = await house.open("X-Forwarded-For: 10.0.0.1", path=path)
    assert_shown(shown)
    assert NOTE.encode() not in shown.body
    assert_login(await house.open("X-Forwarded-For: 203.0.113.9", path=path))
    head = await knock(house.base, "HEAD", path, "X-Forwarded-For: 10.0.0.1", source=PROXY)
    assert head.status == 200
    assert int(head.header("content-length")) == len(shown.body)
    assert (await knock(house.base, "HEAD", path, "X-Forwarded-For: 203.0.113.9", source=PROXY)).status == 303


@pytest.mark.parametrize("who", ["admin", "agent", "staff"])
async def test_YA_7_only_the_super_admin_changes_ranges(house: House, who: str) -> None:
    """YA-7, I-18: 403 for everybody else at every door, and the lists stay as they were."""
    ranges, bot = f"{house.base}/api/admin/ranges", house.desk.demo["bot"]
    rule = {"scope": bot, "start": STRANGER, "end": STRANGER, "label": "mine"}
    async with house.person("super_admin") as boss, house.person(who) as other:
        made = await _call(boss, "POST", ranges, 201, rule)
        await _call(boss, "PATCH", f"{ranges}/{made['id']}", 200, {"label": "yours"})
        await _call(boss, "DELETE", f"{ranges}/{made['id']}", 204)
        before = await _call(boss, "GET", ranges, 200)

        await _call(other, "GET", ranges, 403)
        await _call(other, "POST", ranges, 403, rule)
        await _call(other, "PATCH", f"{ranges}/{house.range}", 403, {"end": "10.0.0.255"})
        await _call(other, "DELETE", f"{ranges}/{house.range}", 403)
        for scope in ("account", bot):
            await _call(other, "PUT", f"{ranges}/{scope}/enabled", 403, {"enabled": scope == "account"})
        await _call(other, "GET", f"{ranges}/explain?link=x&address=10.0.0.1", 403)
        async with other.get(f"{house.base}/admin/ranges", allow_redirects=False) as page:
            assert page.status == 403

        assert await _call(boss, "GET", ranges, 200) == before
    assert_login(await house.open(source=STRANGER))


async def test_ranges_are_changed_by_nobody_who_is_not_logged_in(house: House) -> None:
    origin = f"Origin: {house.base}"
    body = b'{"scope":"account","start":"127.0.0.3","end":"127.0.0.3"}'
    json = "Content-Type: application/json"
    answer = await knock(house.base, "POST", "/api/admin/ranges", origin, json, body=body, source=STRANGER)
    assert answer.status == 401
    answer = await knock(house.base, "DELETE", f"/api/admin/ranges/{house.range}", origin, source=STRANGER)
    assert answer.status == 401
    assert_shown(await house.open("X-Forwarded-For: 10.0.0.1"))


async def test_the_super_admin_sees_his_address_as_the_server_sees_it(house: House) -> None:
    """YA-8, I-2: `address` and `via` follow the same rule as the guard."""
    async with house.person("super_admin", connector=aiohttp.TCPConnector(local_addr=(PROXY, 0))) as boss:
        url = f"{house.base}/api/admin/ranges"
        async with boss.get(url, headers={"X-Forwarded-For": "203.0.113.9, 10.0.0.4"}) as answer:
            assert (await answer.json())["address"] == "10.0.0.4"
        explain = f"{url}/explain?link={house.link}&address=10.0.0.4"
        async with boss.get(explain) as answer:
            assert (await answer.json())["outcome"] == "external"


def test_a_proxy_that_is_no_address_is_refused_by_name(tmp_path: Path) -> None:
    desk = Frontdesk(tmp_path / "data", {"FRONTDESK_WEB__TRUSTED_PROXIES": '["proxy.example"]'})
    refused = desk.run("init", "--demo", "--json")
    assert refused.returncode == 1
    assert re.match(r"frontdesk: web(\.trusted_proxies)?:", refused.stderr)
    assert "'proxy.example'" in refused.stderr
    assert "Traceback" not in refused.stderr
