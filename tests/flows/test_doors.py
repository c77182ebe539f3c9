"""Bad input at the HTTP doors: a clear problem, and nothing is changed (issue 2; SECURITY C, I, M, N, Z).

Every table starts from a request that is taken, so that what is refused is refused for its fault and nothing else. The
sockets' frames have a module of their own (`test_frames`).
"""

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.flows.knocking import Answer, knock, upgrade
from tests.serving import Frontdesk, serving
from tests.talking import Json, Staff, Visitor, logged_in

RANGES = "/api/admin/ranges"
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
VALID: Json = {"scope": "account", "start": "198.51.100.1", "end": "198.51.100.2", "label": "office"}
NOBODYS_ID = "A" * 22
NOBODYS_SECRET = "A" * 43


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    with serving(tmp_path_factory.mktemp("doors")) as running:
        yield running


@dataclass(frozen=True)
class Person:
    """Somebody who is logged in and whose requests are written by hand."""

    base: str
    cookie: str

    async def send(self, method: str, path: str, *lines: str, body: Any = b"", origin: str | None = None) -> Answer:
        """A request from a page of ours, unless `origin` says otherwise. `body`: bytes, or what becomes JSON."""
        own = (f"Origin: {self.base if origin is None else origin}",) if origin != "" else ()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        types = () if any(line.lower().startswith("content-type") for line in lines) else (JSON,)
        return await knock(self.base, method, path, self.cookie, *own, *types, *lines, body=data)

    async def ranges(self) -> Any:
        """All lists as they stand, without the numbers that count how often they were changed."""
        answer = await self.send("GET", RANGES)
        assert answer.status == 200, answer
        lists = json.loads(answer.body)
        for one in (lists["account"], *lists["bots"]):
            del one["version"]
        return lists

    async def add_and_delete_a_range(self) -> None:
        """What is refused in the tables below is this request with one fault."""
        made = await self.send("POST", RANGES, body=VALID)
        assert made.status == 201, made
        assert (await self.send("DELETE", f"{RANGES}/{json.loads(made.body)['id']}")).status == 204


@asynccontextmanager
async def person(house: Frontdesk, who: str) -> AsyncIterator[Person]:
    someone = house.person(who)
    async with logged_in(house.base_url, someone["email"], someone["password"]) as session:
        cookies = "; ".join(f"{cookie.key}={cookie.value}" for cookie in session.cookie_jar)
        yield Person(house.base_url, f"Cookie: {cookies}")


@asynccontextmanager
async def unchanged_ranges(house: Frontdesk) -> AsyncIterator[Person]:
    """The super admin, who may do it; afterwards the lists are what they were."""
    async with person(house, "super_admin") as boss:
        await boss.add_and_delete_a_range()
        before = await boss.ranges()
        yield boss
        assert await boss.ranges() == before


def assert_problem(answer: Answer, *statuses: int) -> None:
    """RFC 9457, in the form that `docs/http.md` says."""
    assert answer.status in statuses, answer
    assert answer.header("content-type") == "application/problem+json"
    problem = json.loads(answer.body)
    assert {"type", "title", "status", "detail", "code"} <= set(problem), problem
    assert problem["status"] == answer.status
    assert "reference" not in problem, "an expected refusal is no failure of ours"


# JSON bodies

_TEXT = json.dumps(VALID)
_HEAD = _TEXT[:-1]

NOT_JSON = {
    "nothing": b"",
    "half": _HEAD.encode(),
    "a comma at the end": f"{_HEAD},}}".encode(),
    "two values": f"{_TEXT} {_TEXT}".encode(),
    "a byte order mark": b"\xef\xbb\xbf" + _TEXT.encode(),
    "UTF-16": _TEXT.encode("utf-16"),
    "not UTF-8": _TEXT.replace("office", "\xff").encode("latin-1"),
    "NaN": f'{_HEAD},"confirm":NaN}}'.encode(),
    "Infinity": f'{_HEAD},"confirm":-Infinity}}'.encode(),
    "a member twice": f'{_HEAD},"scope":"account"}}'.encode(),
    "a member twice, spelled differently": f'{_HEAD},"sc\\u006fpe":"account"}}'.encode(),
    "a lone surrogate": _TEXT.replace("office", "\\ud800").encode(),
    "33 levels": f'{_HEAD},"confirm":{"[" * 32}{"]" * 32}}}'.encode(),
    "10000 levels": f'{_HEAD},"confirm":{"[" * 10_000}{"]" * 10_000}}}'.encode(),
    "single quotes": _TEXT.replace('"', "'").encode(),
    "a comment": f"{_TEXT} // office".encode(),
    "a control character": _TEXT.replace("office", "a\tb").encode(),
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
async def test_C_6_what_is_no_strict_JSON_is_refused(house: Frontdesk, body: bytes) -> None:
    async with unchanged_ranges(house) as boss:
        assert_problem(await boss.send("POST", RANGES, body=body), 400)


_OPERATORS: list[Any] = [
    {"$ne": None},
    {"$gt": ""},
    {"$exists": True},
    {"$type": 2},
    {"$regex": "^a"},
    {"$in": ["account"]},
    ["account"],
]
"""N-1 … N-4: what a document database would take for a question."""

_NO_ADDRESSES: list[Any] = [
    167772161,
    True,
    None,
    ["198.51.100.1"],
    {"$gt": ""},
    "",
    "198.51.100.1/32",
    "198.51.100.01",
    "::1",
    "::ffff:198.51.100.1",
    "198.51.100.1 ",
    "198.51.100",
    "198.51.100.256",
    "１98.51.100.1",
    "' OR 1=1--",
]
"""I-15."""

WRONG_VALUES: list[Json] = [
    *({**VALID, "scope": value} for value in (*_OPERATORS, None, 1, True)),
    *({**VALID, "start": value} for value in _NO_ADDRESSES),
    *({**VALID, "end": value} for value in _NO_ADDRESSES),
    *({**VALID, "label": value} for value in (1, None, ["office"], {"$ne": None}, "x" * 10_000)),
    *({**VALID, "confirm": value} for value in ("true", 1, None)),
    *({**VALID, name: "x"} for name in ("id", "account", "created_by", "role", "$where", "__proto__", "Scope")),
    {**VALID, "start": VALID["end"], "end": VALID["start"]},
    {**VALID, "cidr": "198.51.100.0/24"},
    {name: value for name, value in VALID.items() if name != "end"},
    {name: value for name, value in VALID.items() if name != "scope"},
    *({"scope": "account", "cidr": cidr} for cidr in ("198.51.100.0/08", "198.51.100.1/24", "198.51.100.0/0.0.0.255")),
    {},
]


async def test_N_1_to_N_4_I_14_I_15_a_value_of_another_kind_is_refused_and_never_a_question(house: Frontdesk) -> None:
    """N-1 … N-4, I-14, I-15, M-6: unknown members, operators, other types, other spellings of an address."""
    async with unchanged_ranges(house) as boss:
        for body in WRONG_VALUES:
            assert_problem(await boss.send("POST", RANGES, body=body), 422)
        for whole in ([VALID], None, "account", 1, True):
            assert_problem(await boss.send("POST", RANGES, body=whole), 422)
        assert_problem(await boss.send("POST", RANGES, body={**VALID, "scope": NOBODYS_ID}), 404)


async def test_the_other_JSON_doors_are_as_strict(house: Frontdesk) -> None:
    async with unchanged_ranges(house) as boss:
        one = json.loads((await boss.send("POST", RANGES, body=VALID)).body)["id"]
        try:
            assert (await boss.send("PATCH", f"{RANGES}/{one}", body={"label": "yard"})).status == 200
            between = await boss.ranges()
            edits: list[Json] = [{"start": "198.51.100.1"}, {"label": None}, {"id": "x"}, {"end": {"$gt": ""}}]
            for edit in edits:
                assert_problem(await boss.send("PATCH", f"{RANGES}/{one}", body=edit), 422)
            for other in (NOBODYS_ID, "1", "%00", "..%2f" + one, one + "x", "' OR 1=1--".replace(" ", "%20")):
                assert_problem(await boss.send("PATCH", f"{RANGES}/{other}", body={"label": "x"}), 404)
                assert_problem(await boss.send("DELETE", f"{RANGES}/{other}"), 404)
            for toggle in ({"enabled": "true"}, {"enabled": 1}, {"enabled": None}, {}, {"enabled": True, "scope": "x"}):
                assert_problem(await boss.send("PUT", f"{RANGES}/account/enabled", body=toggle), 422)
            assert_problem(await boss.send("PUT", f"{RANGES}/{NOBODYS_ID}/enabled", body={"enabled": True}), 404)
            assert await boss.ranges() == between
        finally:
            assert (await boss.send("DELETE", f"{RANGES}/{one}")).status == 204


@pytest.mark.parametrize("wide", [{"start": "0.0.0.0", "end": "255.255.255.255"}, {"cidr": "10.0.0.0/7"}])
async def test_I_16_more_than_a_slash_8_must_be_confirmed(house: Frontdesk, wide: Json) -> None:
    async with unchanged_ranges(house) as boss:
        body = {"scope": "account", "label": "", **wide}
        assert_problem(await boss.send("POST", RANGES, body=body), 409)
        assert_problem(await boss.send("POST", RANGES, body={**body, "confirm": False}), 409)
        made = await boss.send("POST", RANGES, body={**body, "confirm": True})
        assert made.status == 201
        added = json.loads(made.body)
        assert "range_is_wide" in added["warnings"]
        assert (await boss.send("DELETE", f"{RANGES}/{added['id']}")).status == 204


async def test_N_5_N_7_a_query_is_read_as_strictly_as_a_body(house: Frontdesk) -> None:
    async with unchanged_ranges(house) as boss:
        explain = f"{RANGES}/explain"
        assert_problem(await boss.send("GET", f"{explain}?link={NOBODYS_SECRET}&address=198.51.100.1"), 404)
        for query in (
            "link[$ne]=1&address=198.51.100.1",
            "link.$ne=1&address=198.51.100.1",
            f"link={NOBODYS_SECRET}&address=198.51.100.1&sort=-password_hash",
            f"link={NOBODYS_SECRET}&address=198.51.100.1&fields=key_wrapped",
            f"link={NOBODYS_SECRET}&address=198.51.100.1&filter=%7B%22$where%22:%22sleep(5000)%22%7D",
            f"link={NOBODYS_SECRET}&address=198.51.100.1&address=198.51.100.2",
            f"link={NOBODYS_SECRET}&address=198.51.100.01",
            f"link={NOBODYS_SECRET}&address=%zz",
            f"link={NOBODYS_SECRET}",
            "",
        ):
            assert_problem(await boss.send("GET", f"{explain}?{query}"), 400, 422)


# Types, encodings and sizes of bodies

NOT_JSON_TYPES = {
    "text": ("Content-Type: text/plain",),
    "a form": (FORM,),
    "multipart": ("Content-Type: multipart/form-data; boundary=x",),
    "none": ("Content-Type:",),
    "another charset": ("Content-Type: application/json; charset=utf-7",),
    "two types": (JSON, JSON),
    "another and JSON": ("Content-Type: text/plain", JSON),
    "a list": ("Content-Type: application/json, text/plain",),
    "like JSON": ("Content-Type: application/json5",),
    "a parameter": ("Content-Type: application/json; q=1",),
}


@pytest.mark.parametrize("lines", NOT_JSON_TYPES.values(), ids=NOT_JSON_TYPES)
async def test_C_6_another_content_type_is_refused(house: Frontdesk, lines: tuple[str, ...]) -> None:
    async with unchanged_ranges(house) as boss:
        answer = await boss.send("POST", RANGES, *lines, body=VALID)
        assert_problem(answer, *((400, 415) if len(lines) > 1 else (415,)))


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "identity", "gzip, gzip", "made-up"])
async def test_Z_5_no_content_encoding_is_taken(house: Frontdesk, encoding: str) -> None:
    """Z-5, also of a body that would be valid when unpacked, and of one that would be large."""
    async with unchanged_ranges(house) as boss:
        for body in (_TEXT.encode(), gzip.compress(_TEXT.encode()), gzip.compress(b"") * 3_000):
            answer = await boss.send("POST", RANGES, f"Content-Encoding: {encoding}", body=body)
            assert answer.status == 415, answer


async def test_an_oversize_body_is_refused(house: Frontdesk) -> None:
    """413, with a length that says so and with chunks that do not; the last byte that fits is taken."""
    limit = 64 * 1024
    chunked = "Transfer-Encoding: chunked"
    async with unchanged_ranges(house) as boss:
        fits = _TEXT.encode().ljust(limit)
        made = await boss.send("POST", RANGES, body=fits)
        assert made.status == 201
        assert (await boss.send("DELETE", f"{RANGES}/{json.loads(made.body)['id']}")).status == 204
        assert_problem(await boss.send("POST", RANGES, body=fits + b" "), 413)
        parts = b"%x\r\n%b\r\n0\r\n\r\n" % (limit + 1, fits + b" ")
        assert_problem(await boss.send("POST", RANGES, chunked, body=parts), 413)


async def test_forms_are_as_strict(house: Frontdesk) -> None:
    """The login: 303 for what is right; other types, fields twice, unknown fields, bytes that are no text: refused."""
    agent = house.person("agent")
    email = agent["email"].replace("@", "%40")
    right = f"email={email}&password={agent['password']}"
    origin = f"Origin: {house.base_url}"

    async def post(body: str | bytes, *lines: str) -> Answer:
        data = body if isinstance(body, bytes) else body.encode()
        return await knock(house.base_url, "POST", "/login", origin, *(lines or (FORM,)), body=data)

    assert (await post(right)).status == 303
    for body in (f"{right}&email={email}", f"{right}&%zz=1", f"{right}&=1&x", f"{right}%ff"):
        answer = await post(body)
        assert answer.status in {400, 422}, (body, answer)
        assert not answer.header("set-cookie")
    for body in (f"{right}&role=super_admin", f"{right}&next=https://evil.example", f"password[$ne]=1&email={email}"):
        answer = await post(body)
        assert answer.status == 422, (body, answer)
        assert not answer.header("set-cookie")
    assert (await post(json.dumps({"email": agent["email"], "password": agent["password"]}), JSON)).status == 415
    assert (await post(right, "Content-Type: text/plain")).status == 415
    assert (await post(right, FORM, "Content-Encoding: gzip")).status == 415
    assert (await post(right.ljust(65 * 1024, "x"))).status == 413


# Other sites, other hosts, other methods


def _foreign(base: str) -> dict[str, tuple[str, ...]]:
    """C-4, C-8, C-9: what a browser, or somebody who is none, sends from elsewhere."""
    at = urlsplit(base)
    return {
        "no origin": (),
        "null": ("Origin: null",),
        "evil": ("Origin: https://evil.example",),
        "our name as a prefix": (f"Origin: {base}.evil.example",),
        "our name as a user": (f"Origin: http://{at.netloc}@evil.example",),
        "another port": (f"Origin: http://{at.hostname}:1",),
        "no port": (f"Origin: http://{at.hostname}",),
        "another scheme": (f"Origin: https://{at.netloc}",),
        "a path": (f"Origin: {base}/",),
        "another name of this machine": (f"Origin: http://localhost:{at.port}",),
        "two origins": (f"Origin: {base}", "Origin: https://evil.example"),
        "ours, but the browser says cross-site": (f"Origin: {base}", "Sec-Fetch-Site: cross-site"),
        "ours, but the browser says same-site": (f"Origin: {base}", "Sec-Fetch-Site: same-site"),
        "evil, with a browser's word": ("Origin: https://evil.example", "Sec-Fetch-Site: same-origin"),
        "only a referrer": (f"Referer: {base}/admin/ranges",),
    }


async def test_C_4_nothing_is_changed_for_another_site(house: Frontdesk) -> None:
    """Each door takes the same request from our own page first; the last one, the logout, is asked at the very end."""
    base, form = house.base_url, (FORM,)
    async with unchanged_ranges(house) as boss:
        doors: list[tuple[str, str, tuple[str, ...], bytes, int]] = [
            ("PUT", f"{RANGES}/account/enabled", (JSON,), b'{"enabled":false}', 200),
            ("DELETE", f"{RANGES}/{NOBODYS_ID}", (JSON,), b"", 404),
            ("PATCH", f"{RANGES}/{NOBODYS_ID}", (JSON,), b"{}", 404),
            ("POST", f"/api/conversations/{NOBODYS_ID}/links", (JSON,), b"{}", 404),
            ("POST", f"/api/links/{NOBODYS_ID}/revoke", (JSON,), b"{}", 404),
            ("POST", "/login", form, b"email=x%40y.example&password=z", 401),
            ("POST", f"/setup/{NOBODYS_SECRET}", form, b"", 404),
            ("POST", f"/v/{NOBODYS_SECRET}", form, b"nonce=x", 410),
            ("POST", f"/v/{NOBODYS_SECRET}/deny", form, b"nonce=x", 410),
            ("POST", "/admin/audit/check", form, b"", 200),
            ("POST", "/logout", form, b"", 303),
        ]
        foreign = _foreign(base)
        for method, path, lines, body, status in doors:
            for name, origin in foreign.items():
                answer = await knock(base, method, path, boss.cookie, *lines, *origin, body=body)
                assert answer.status == 403, (method, path, name, answer)
            if path != "/logout":
                own = await boss.send(method, path, *lines, body=body)
                assert own.status == status, (method, path, own)
        made = [name for name, origin in foreign.items() if await _added(boss, origin)]
        assert made == []
    async with person(house, "agent") as agent:
        assert (await agent.send("POST", "/logout", FORM)).status == 303


async def _added(boss: Person, origin: tuple[str, ...]) -> bool:
    answer = await knock(boss.base, "POST", RANGES, boss.cookie, JSON, *origin, body=_TEXT.encode())
    return answer.status != 403


async def test_C_16_no_other_site_may_read_an_answer(house: Frontdesk) -> None:
    async with person(house, "super_admin") as boss:
        for path in (RANGES, "/login", "/healthz", f"/w/{house.demo['bot']}", "/widget.js"):
            for origin in ("https://evil.example", "null"):
                answer = await boss.send("GET", path, origin=origin)
                assert answer.status in {200, 303}, answer
                assert not [name for name, _ in answer.headers if name.startswith("access-control-")], answer
            preflight = await boss.send("OPTIONS", path, "Access-Control-Request-Method: POST")
            assert preflight.status == 405, preflight


async def test_C_14_another_host_is_not_served(house: Frontdesk) -> None:
    base = house.base_url
    at = urlsplit(base)
    doors = ("/healthz", "/readyz", "/login", "/console", "/admin", f"/w/{house.demo['bot']}", "/widget.js", "/t/x")
    hosts = ("evil.example", f"evil.example:{at.port}", "127.0.0.1", "127.0.0.1:1", f"{at.netloc}.evil.example")
    for path in doors:
        assert (await knock(base, "GET", path)).status in {200, 303, 401, 503}, path
        for host in hosts:
            answer = await knock(base, "GET", path, host=host)
            assert answer.status == 421, (path, host, answer)
    for path in ("/ws/visitor", "/ws/agent"):
        for host in hosts:
            assert (await upgrade(base, path, f"Origin: http://{host}", host=host)).status == 421
    assert (await knock(base, "GET", "/healthz", host="")).status == 400
    assert (await knock(base, "GET", "/healthz", "Host: evil.example")).status == 400, "one host, not two"
    for line in ("X-Forwarded-Host: evil.example", "Forwarded: host=evil.example", "X-Host: evil.example"):
        answer = await knock(base, "GET", "/login", line)
        assert answer.status == 200
        assert b"evil.example" not in answer.body


async def test_C_7_a_door_that_changes_something_is_not_opened_by_GET(house: Frontdesk) -> None:
    async with unchanged_ranges(house) as boss:
        for path in (
            "/logout",
            "/admin/audit/check",
            f"/api/links/{NOBODYS_ID}/revoke",
            f"{RANGES}/account/enabled",
            f"/v/{NOBODYS_SECRET}/deny",
        ):
            for method in ("GET", "HEAD"):
                assert (await boss.send(method, path)).status == 405, (method, path)
        for method in ("PUT", "DELETE", "PATCH", "TRACE", "MADEUP"):
            assert (await boss.send(method, f"/t/{NOBODYS_SECRET}")).status in {400, 405}, method
        assert (await boss.send("GET", RANGES)).status == 200, "the session lives"


MALFORMED_REQUESTS = {
    "a length and chunks": ["Content-Length: 3", "Transfer-Encoding: chunked"],
    "two lengths": ["Content-Length: 3", "Content-Length: 4"],
    "a negative length": ["Content-Length: -1"],
    "a length with a sign": ["Content-Length: +3"],
    "a space before the colon": ["Transfer-Encoding : chunked"],
    "a space in a name": ["X Header: 1"],
    "a folded line": ["X-Header: 1\r\n folded"],
    "a NUL": ["X-Header: a\0b"],
    "a bare CR": ["X-Header: a\rX-Other: b"],
    "a header of 16 kB": ["X-Header: " + "x" * 16_384],
    "100 headers": [f"X-Header-{number}: x" for number in range(100)],
}


@pytest.mark.parametrize("lines", MALFORMED_REQUESTS.values(), ids=MALFORMED_REQUESTS)
async def test_C_15_a_request_with_two_meanings_has_none(house: Frontdesk, lines: list[str]) -> None:
    origin = f"Origin: {house.base_url}"
    door = f"/v/{NOBODYS_SECRET}"
    right = await knock(house.base_url, "POST", door, origin, FORM, "X-Header: 1", body=b"nonce=x")
    assert right.status == 410
    answer = await knock(house.base_url, "POST", door, origin, FORM, *lines, body=b"0\r\n\r\n")
    assert answer.status in {400, 431}, answer


# Conversations and links of others


async def test_M_1_a_foreign_conversation_is_an_unknown_one(house: Frontdesk) -> None:
    """M-1, N-4: the same 404, byte for byte, and no link is made."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.ask(type="handoff")
        conversation = visitor.welcome["conversation"]
    links = f"/api/conversations/{conversation}/links"
    async with person(house, "agent") as agent, person(house, "staff") as colleague:
        made = await agent.send("POST", links, body={})
        assert made.status == 201, made
        before = (await agent.send("GET", links)).body
        assert len(json.loads(before)["links"]) == 1
        for method, body in (("GET", b""), ("POST", b"{}")):
            foreign = await colleague.send(method, links, body=body)
            assert_problem(foreign, 404)
            for other in (NOBODYS_ID, "x", "%00", conversation[:-1], "%24ne"):
                unknown = await colleague.send(method, f"/api/conversations/{other}/links", body=body)
                assert unknown.without("date") == foreign.without("date"), (method, other)
        revoke = f"/api/links/{json.loads(made.body)['id']}/revoke"
        foreign = await colleague.send("POST", revoke, body={})
        unknown = await colleague.send("POST", f"/api/links/{NOBODYS_ID}/revoke", body={})
        assert_problem(foreign, 404)
        assert unknown.without("date") == foreign.without("date")
        for body in ({"conversation": conversation}, {"expires_at": 0}, [], None):
            assert_problem(await agent.send("POST", links, body=body), 422)
        assert (await agent.send("GET", links)).body == before


async def test_nobody_in_particular_gets_nowhere(house: Frontdesk) -> None:
    """M-3: every staff door, without a session and with one that never was."""
    base, origin = house.base_url, f"Origin: {house.base_url}"
    for lines in ((), (f"Cookie: __Host-sid={NOBODYS_SECRET}",), ("Cookie: __Host-sid=",)):
        for path in (RANGES, f"/api/conversations/{NOBODYS_ID}/links", f"{RANGES}/explain?link=x&address=1"):
            assert_problem(await knock(base, "GET", path, *lines), 401)
        for path in (f"/api/conversations/{NOBODYS_ID}/links", f"/api/links/{NOBODYS_ID}/revoke", RANGES):
            assert_problem(await knock(base, "POST", path, origin, JSON, *lines, body=b"{}"), 401)
        for path in ("/console", "/admin", "/admin/people", "/admin/bots", "/admin/ranges", "/admin/audit"):
            answer = await knock(base, "GET", path, *lines)
            assert answer.status in {303, 401}, (path, answer)
            assert answer.status == 401 or answer.header("location") == "/login"


# The handshake of the sockets


@pytest.mark.parametrize("path", ["/ws/visitor", "/ws/agent"])
async def test_C_8_C_9_a_socket_is_opened_to_our_own_pages_only(house: Frontdesk, path: str) -> None:
    """C-8, C-9, C-10: 403 before the upgrade; a query is refused, whatever it holds."""
    base = house.base_url
    async with person(house, "agent") as agent:
        own = f"Origin: {base}"
        assert (await upgrade(base, path, agent.cookie, own)).status == 101
        for name, lines in _foreign(base).items():
            answer = await upgrade(base, path, agent.cookie, *lines)
            assert answer.status == 403, (name, answer)
        vouched = await upgrade(base, path, agent.cookie, "Sec-Fetch-Site: same-origin")
        assert vouched.status == 403, "a socket always has an origin"
        for query in (f"?token={NOBODYS_SECRET}", "?", "?device=x", "?%00"):
            assert (await upgrade(base, path + query, agent.cookie, own)).status == 400, query


async def test_the_agents_socket_needs_a_session(house: Frontdesk) -> None:
    base = house.base_url
    own = f"Origin: {base}"
    assert (await upgrade(base, "/ws/agent", own)).status == 401
    assert (await upgrade(base, "/ws/agent", own, f"Cookie: __Host-sid={NOBODYS_SECRET}")).status == 401
    assert (await upgrade(base, "/ws/agent", "Origin: https://evil.example")).status == 403


async def test_Z_4_no_compression_is_negotiated(house: Frontdesk) -> None:
    line = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"
    answer = await upgrade(house.base_url, "/ws/visitor", f"Origin: {house.base_url}", line)
    assert (answer.status, answer.header("sec-websocket-extensions")) == (101, "")


async def test_everything_still_works_after_all_that(house: Frontdesk) -> None:
    agent = house.person("agent")
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        assert (await visitor.say("hello", payload="/greet"))["type"] == "ack"
        await visitor.says("bot", "Ahoy")
    async with Staff.logged_in(house.base_url, agent["email"], agent["password"]) as person:
        assert person.frames[0]["me"]["role"] == "agent"
