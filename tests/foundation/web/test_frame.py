"""The frame around routes: every route has a rule, the checks come in order, readiness, cookies, limits, log lines."""

import logging

import pytest
from aiohttp import web

from foundation.clock import ManualClock
from foundation.errors import Forbidden, TooMany
from foundation.web import (
    CLOCK,
    PUBLIC,
    Route,
    Throttle,
    WebSettings,
    build_app,
    drop_cookie,
    read_cookie,
    route_table,
    set_cookie,
)
from foundation.web.logs import LineFormatter, log_access, one_line


async def fine(_: web.Request) -> web.Response:
    return web.Response(text="fine")


class Closed:
    name = "closed"

    async def admit(self, request: web.Request) -> None:
        raise Forbidden("Not for you.")


def test_M_3_a_route_without_a_rule_cannot_be_declared() -> None:
    with pytest.raises(TypeError, match="rule"):
        Route("GET", "/x", fine, kind="api")  # type: ignore[call-arg]


@pytest.mark.parametrize(("method", "path", "kind"), [
    ("TRACE", "/x", "api"), ("get", "/x", "api"), ("GET", "x", "api"), ("POST", "/ws", "socket"),
])  # fmt: skip
def test_a_route_that_cannot_be_meant_is_refused(method: str, path: str, kind: str) -> None:
    with pytest.raises(ValueError, match=r"method|slash|socket"):
        Route(method, path, fine, PUBLIC, kind)  # type: ignore[arg-type]


def test_a_route_is_declared_once() -> None:
    route = Route("GET", "/x", fine, PUBLIC, "api")
    with pytest.raises(ValueError, match="twice"):
        build_app([route, route], settings=WebSettings(base_url="http://localhost"))


def test_A_17_every_route_of_an_application_can_be_listed_with_its_rule() -> None:
    app = build_app(
        [Route("GET", "/x", fine, PUBLIC, "api"), Route("POST", "/x", fine, Closed(), "api")],
        settings=WebSettings(base_url="http://localhost"),
    )
    assert [(route.method, route.path, route.rule.name) for route in route_table(app)] == [
        ("GET", "/x", "public"),
        ("POST", "/x", "closed"),
        ("GET", "/healthz", "public"),
        ("GET", "/readyz", "public"),
        ("GET", "/static/foundation/{path:.+}", "public"),
    ]


async def test_the_rule_keeps_the_handler_from_being_called(house) -> None:
    called: list[str] = []

    async def handler(_: web.Request) -> web.Response:
        called.append("called")
        return web.Response()

    here = await house(Route("GET", "/x", handler, Closed(), "api"))
    answer = await here.ask("GET", "/x")
    assert (answer.status, answer.json()["detail"]) == (403, "Not for you.")
    assert (await here.ask("HEAD", "/x")).status == 403
    assert called == []


async def test_C_7_what_changes_things_is_not_reached_by_reading(house) -> None:
    methods = ("POST", "PUT", "PATCH", "DELETE")
    here = await house(*(Route(method, f"/{method}", fine, PUBLIC, "api") for method in methods))
    for method in methods:
        assert (await here.ask("GET", f"/{method}")).status == 405
        assert (await here.ask("HEAD", f"/{method}")).status == 405


async def test_healthz_lives_and_readyz_names_what_is_missing(house) -> None:
    missing: list[str | None] = ["keys are not there"]

    async def keys() -> str | None:
        return missing[0]

    async def store() -> str | None:
        return None

    here = await house(ready={"store": store, "keys": keys})
    assert (await here.ask("GET", "/healthz")).body == b"ok\n"
    answer = await here.ask("GET", "/readyz")
    assert (answer.status, answer.json()["part"], answer.json()["detail"]) == (503, "keys", "keys: keys are not there")
    missing[0] = None
    assert (await here.ask("GET", "/readyz")).body == b"ok\n"


async def test_a_part_that_breaks_while_asked_is_not_ready(house) -> None:
    async def broken() -> str | None:
        raise OSError

    here = await house(ready={"store": broken})
    assert (await here.ask("GET", "/readyz")).status == 503


async def test_the_clock_is_the_one_that_was_given(house) -> None:
    clock = ManualClock()
    here = await house(clock=clock)
    assert here.app[CLOCK] is clock


async def test_resources_are_opened_in_order_and_closed_in_reverse(house) -> None:
    story: list[str] = []

    def resource(name: str):
        async def open_and_close(_: web.Application):
            story.append(f"open {name}")
            yield
            story.append(f"close {name}")

        return open_and_close

    here = await house(cleanup_ctx=[resource("a"), resource("b")])
    await here.runner.cleanup()
    assert story == ["open a", "open b", "close b", "close a"]


async def test_C_1_a_cookie_is_ours_alone(house) -> None:
    async def login(_: web.Request) -> web.Response:
        response = web.Response()
        set_cookie(response, "sid", "secret", max_age=60)
        set_cookie(response, "return", "/t/x", same_site="Lax")
        return response

    async def logout(request: web.Request) -> web.Response:
        response = web.Response(text=read_cookie(request, "sid") or "none")
        drop_cookie(response, "sid")
        return response

    here = await house(Route("GET", "/in", login, PUBLIC, "page"), Route("GET", "/out", logout, PUBLIC, "page"))
    answer = await here.ask("GET", "/in")
    first, second = answer.headers.getall("Set-Cookie")
    assert set(first.split("; ")) == {
        "__Host-sid=secret", "Max-Age=60", "HttpOnly", "Path=/", "SameSite=Strict", "Secure",
    }  # fmt: skip
    assert set(second.split("; ")) == {'__Host-return="/t/x"', "HttpOnly", "Path=/", "SameSite=Lax", "Secure"}
    answer = await here.ask("GET", "/out", headers={"Cookie": "__Host-sid=secret; sid=other"})
    assert answer.body == b"secret"
    assert "Max-Age=0" in answer.headers["Set-Cookie"]
    assert (await here.ask("GET", "/out", headers={"Cookie": "sid=other"})).body == b"none"


async def test_G_4_the_access_log_knows_the_template_and_nothing_else(house, caplog) -> None:
    here = await house(Route("GET", "/t/{token}", fine, PUBLIC, "page"))
    caplog.set_level(logging.DEBUG)
    sent = {"User-Agent": "canary-5f1c", "Cookie": "a=canary-5f1c"}
    await here.ask("GET", "/t/canary-5f1c?x=canary-5f1c", headers=sent)
    await here.ask("GET", "/canary-5f1c/none")
    lines = [record.getMessage() for record in caplog.records if record.name == "frontdesk.access"]
    assert [line.rpartition(" ")[0] for line in lines] == ["GET /t/{token} 200", "GET - 404"]
    ours = [record for record in caplog.records if not record.name.startswith("asyncio")]
    assert "canary" not in str([record.getMessage() for record in ours])
    assert "127.0.0.1" not in str([record.getMessage() for record in ours])


async def test_G_3_a_method_with_strange_bytes_is_one_line(caplog) -> None:
    caplog.set_level(logging.INFO)
    log_access("GET\n2027 root logged in", "/x\x1b[2J\u2028y", 200, 0.0)
    assert [record.getMessage() for record in caplog.records] == [
        "GET\\x0a2027 root logged in /x\\x1b[2J\\u2028y 200 0.0ms"
    ]


@pytest.mark.parametrize("text", [
    "a\nb", "a\r\nb", "\x1b[2J", "a\u2028b", "a\u2029b", "a\x85b", "\u202eabc", "a\x00b", "\x7f",
])  # fmt: skip
def test_G_3_whatever_could_begin_a_line_is_escaped(text: str) -> None:
    safe = one_line(text)
    assert len(safe.splitlines()) == 1
    assert safe.isprintable()


def test_A_3_a_throttle_counts_exactly_and_says_when_to_come_back() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, limit=5, per_ms=600_000)
    for _ in range(5):
        throttle.check("mia")
        throttle.hit("mia")
    with pytest.raises(TooMany) as caught:
        throttle.check("mia")
    assert caught.value.data["retry_after"] == 600
    throttle.check("tom")


async def test_a_throttle_forgets_in_time() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, limit=2, per_ms=10_000)
    throttle.hit("mia")
    await clock.advance(4_000)
    throttle.hit("mia")
    with pytest.raises(TooMany) as caught:
        throttle.check("mia")
    assert caught.value.data["retry_after"] == 6
    await clock.advance(6_000)
    throttle.check("mia")
    throttle.hit("mia")
    with pytest.raises(TooMany):
        throttle.check("mia")
    throttle.reset("mia")
    throttle.check("mia")


async def test_a_throttle_has_bounded_memory() -> None:
    clock = ManualClock()
    throttle = Throttle(clock, limit=3, per_ms=1_000, max_keys=100)
    for number in range(1_000):
        throttle.hit(str(number))
    assert len(throttle) == 100
    for _ in range(50):
        throttle.hit("999")
    assert len(throttle) == 100
    await clock.advance(2_000)
    throttle.hit("new")
    assert len(throttle) == 1
    with pytest.raises(ValueError, match="limit"):
        Throttle(clock, limit=0, per_ms=1)


def test_G_4_the_formatter_keeps_other_loggers_to_one_line_without_data(caplog) -> None:
    formatter = LineFormatter("%(levelname)s %(name)s: %(message)s")
    with caplog.at_level(logging.ERROR):
        try:
            int("canary-5f1c")
        except ValueError:
            logging.getLogger("asyncio").exception("Task exception\nwas %s", "never\x1b[2J retrieved")
    line = formatter.format(caplog.records[0])
    assert line.startswith("ERROR asyncio: Task exception\\x0awas never\\x1b[2J retrieved ValueError at ")
    assert "canary" not in line
    assert len(line.splitlines()) == 1
    assert formatter.format(logging.makeLogRecord({"msg": "x", "levelname": "INFO", "name": "y"})) == "INFO y: x"
