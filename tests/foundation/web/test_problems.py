"""Every error has one shape, and nothing that happened inside leaves the house."""

import contextlib
import logging

import pytest
from aiohttp import web

from foundation import errors
from foundation.errors import Problem
from foundation.records import Damaged, KeyDestroyed
from foundation.web import PUBLIC, Body, Route, problems, read_json

SECRET = "canary-5f1c token=abc mia@example.org"


def kinds_of(root: type[Problem]) -> list[type[Problem]]:
    return [kind for child in root.__subclasses__() for kind in (child, *kinds_of(child))]


def raising(error: Exception, method: str = "GET", path: str = "/x", kind: str = "api") -> Route:
    async def handler(_: web.Request) -> web.StreamResponse:
        raise error

    return Route(method, path, handler, PUBLIC, kind)


OURS = [kind for kind in kinds_of(Problem) if kind.__module__.startswith("foundation.")]


def test_the_tree_is_known() -> None:
    assert {errors.Malformed, errors.TooMany, problems.MethodNotAllowed, Damaged, KeyDestroyed} <= set(OURS)
    codes = [kind.code for kind in OURS if kind.__module__ == "foundation.errors"]
    assert len(codes) == len(set(codes))


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
async def test_every_problem_is_a_problem_document(house, kind: type[Problem]) -> None:
    here = await house(raising(kind() if kind is KeyDestroyed else kind("What happened, and what to do.")))
    answer = await here.ask("GET", "/x")
    assert answer.status == kind.status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    document = answer.json()
    assert document["type"] == f"urn:frontdesk:problem:{kind.code}"
    assert (document["status"], document["code"], document["title"]) == (kind.status, kind.code, kind.title)
    assert document["detail"]
    assert "Server" not in answer.headers


@pytest.mark.parametrize("kind", OURS, ids=lambda kind: kind.__name__)
async def test_every_problem_of_a_page_is_a_page(house, kind: type[Problem]) -> None:
    problem = kind() if kind is KeyDestroyed else kind("<b>What</b> happened.")
    here = await house(raising(problem, kind="page"))
    answer = await here.ask("GET", "/x", headers={"Accept": "text/html"})
    assert answer.status == kind.status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert kind.title in answer.body.decode()
    assert b"<b>What" not in answer.body


async def test_data_of_a_problem_reaches_the_document_and_the_headers(house) -> None:
    here = await house(raising(errors.TooMany("Wait.", retry_after=7)), raising(errors.Invalid(field="a.b"), path="/y"))
    answer = await here.ask("GET", "/x")
    assert answer.headers["Retry-After"] == "7"
    assert answer.json()["retry_after"] == 7
    assert (await here.ask("GET", "/y")).json()["field"] == "a.b"


async def test_401_names_a_scheme(house) -> None:
    here = await house(raising(errors.Unauthenticated()))
    assert (await here.ask("GET", "/x")).headers["WWW-Authenticate"] == "Session"


@pytest.mark.parametrize(
    ("kind", "accept", "page"),
    [
        ("page", "text/html,*/*;q=0.8", True),
        ("page", "*/*", True),
        ("page", "application/json", False),
        ("api", "text/html", False),
        ("file", "text/html", False),
        ("socket", "text/html", False),
    ],
)
async def test_the_route_and_accept_decide_between_page_and_json(house, kind: str, accept: str, page: bool) -> None:
    here = await house(raising(errors.NotFound(), kind=kind))
    answer = await here.ask("GET", "/x", headers={"Accept": accept, "Origin": here.origin})
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html") is page


@pytest.mark.parametrize(("accept", "page"), [("text/html", True), ("*/*", False), ("application/json", False)])
async def test_no_route_at_all_is_answered_in_the_same_shape(house, accept: str, page: bool) -> None:
    here = await house()
    answer = await here.ask("GET", "/nothing", headers={"Accept": accept})
    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html") is page


async def test_405_comes_from_the_router_too_and_says_what_is_allowed(house) -> None:
    here = await house(raising(errors.NotFound(), method="POST"))
    answer = await here.ask("GET", "/x")
    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.json()["code"] == "method_not_allowed"
    assert (await here.ask("OPTIONS", "/x")).status == 405


async def test_G_4_an_unforeseen_error_is_a_500_with_a_reference_and_no_word_of_its_own(house, caplog) -> None:
    async def fail(_: web.Request) -> web.StreamResponse:
        try:
            int(SECRET)
        except ValueError as error:
            raise RuntimeError(SECRET) from error
        raise AssertionError

    here = await house(Route("GET", "/t/{token}", fail, PUBLIC, "api"))
    with caplog.at_level(logging.DEBUG):
        answer = await here.ask("GET", "/t/canary-5f1c")
    assert answer.status == 500
    reference = answer.json()["reference"]
    line = next(record.getMessage() for record in caplog.records if reference in record.getMessage())
    assert "RuntimeError" in line
    assert "ValueError" in line
    assert "/t/{token}" in line
    assert "canary" not in answer.body.decode()
    assert "canary" not in caplog.text
    assert "mia@" not in caplog.text


async def test_an_unforeseen_error_on_a_page_shows_its_reference(house) -> None:
    here = await house(raising(RuntimeError(SECRET), kind="page"))
    answer = await here.ask("GET", "/x", headers={"Accept": "text/html"})
    assert answer.status == 500
    assert b"<code>" in answer.body
    assert b"canary" not in answer.body


async def test_a_problem_of_the_server_is_logged(house, caplog) -> None:
    """A damaged record is a problem with its own sentence; the operator must see it too."""
    here = await house(raising(Damaged(number=7)))
    with caplog.at_level(logging.WARNING, "frontdesk.error"):
        answer = await here.ask("GET", "/x")
    assert answer.json()["number"] == 7
    assert "Damaged" in caplog.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (web.HTTPNotFound(text=SECRET), 404),
        (web.HTTPBadRequest(text=SECRET), 400),
        (web.HTTPRequestEntityTooLarge(1, 2, text=SECRET), 413),
        (web.HTTPNotAcceptable(text=SECRET), 400),
        (web.HTTPBadGateway(text=SECRET), 503),
    ],
)
async def test_refusals_of_aiohttp_lose_their_own_text(house, error: web.HTTPException, status: int) -> None:
    here = await house(raising(error))
    answer = await here.ask("GET", "/x")
    assert answer.status == status
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert b"canary" not in answer.body


async def test_a_raised_redirect_stays_one(house) -> None:
    here = await house(raising(web.HTTPSeeOther("/login"), kind="page"))
    answer = await here.ask("GET", "/x")
    assert (answer.status, answer.headers["Location"], answer.body) == (303, "/login", b"")
    assert "Content-Security-Policy" in answer.headers


async def test_a_broken_error_page_does_not_hide_the_error(house, tmp_path) -> None:
    """The page cannot be rendered (its template misses a name): the problem is told in JSON."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/problem.html").write_text("{{ missing }}")
    from foundation.web import Pages

    here = await house(raising(errors.Gone(), kind="page"), pages=Pages([("foundation", tmp_path)]))
    answer = await here.ask("GET", "/x", headers={"Accept": "text/html"})
    assert answer.status == 410
    assert answer.json()["code"] == "gone"


async def test_an_expectation_that_is_not_known_is_refused_in_our_form(house) -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        await read_json(request, Body)
        return web.Response()

    here = await house(Route("POST", "/x", handler, PUBLIC, "api"))
    answer = await here.raw(
        f"POST /x HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\n"
        f"Expect: tea\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    )
    assert answer.status == 400
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "Server" not in answer.headers


async def test_an_error_in_the_middle_of_an_answer_cuts_it_visibly(house, caplog) -> None:
    """No second answer is glued to the first; the client sees that something is missing."""

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"the first half")
        raise RuntimeError(SECRET)

    here = await house(Route("GET", "/half", half, PUBLIC, "api"))
    reader, writer = await here.open()
    writer.write(here.get("/half"))
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := await reader.read(10_000):
            received += part
    writer.close()
    assert b"problem" not in received
    assert b"0\r\n\r\n" not in received
    assert "RuntimeError" in caplog.text
    assert "canary" not in caplog.text
