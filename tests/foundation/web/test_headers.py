"""C-18, C-19: the headers of every answer, and the policy of pages."""

import re

import pytest
from aiohttp import web

from foundation.errors import TooLarge
from foundation.web import PUBLIC, Pages, Route, nonce_of, set_csp


async def fine(_: web.Request) -> web.Response:
    return web.json_response({})


async def fail(_: web.Request) -> web.Response:
    raise RuntimeError


async def large(_: web.Request) -> web.Response:
    raise TooLarge


FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PLAIN = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def page_with(folder, template: str, text: str = '<b>"') -> tuple[Pages, Route]:
    """Pages with one template of a shop, and the route that shows it."""
    (folder / "templates").mkdir()
    (folder / "templates/page.html").write_text(template)
    pages = Pages([("shop", folder)])

    async def show(request: web.Request) -> web.Response:
        return await pages.render(request, "shop/page.html", text=text)

    return pages, Route("GET", "/page", show, PUBLIC, "page")


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", "/fine", 200), ("HEAD", "/fine", 200), ("POST", "/change", 403), ("GET", "/fail", 500),
    ("GET", "/large", 413), ("GET", "/nothing", 404), ("PUT", "/fine", 405), ("OPTIONS", "/fine", 405),
    ("GET", "/healthz", 200), ("GET", "/readyz", 200), ("GET", "/static/foundation/none.css", 404), ("GET", "/ws", 403),
])  # fmt: skip
async def test_C_18_every_answer_carries_the_headers(house, method: str, path: str, status: int) -> None:
    routes = [Route("GET", f"/{handler.__name__}", handler, PUBLIC, "api") for handler in (fine, fail, large)]
    routes += [Route("POST", "/change", fine, PUBLIC, "api"), Route("GET", "/ws", fine, PUBLIC, "socket")]
    here = await house(*routes)
    answer = await here.ask(method, path, own=False)
    assert answer.status == status
    assert {name: answer.headers.get(name) for name in FIXED} == FIXED
    assert answer.headers["Content-Security-Policy"] == PLAIN
    assert "camera=()" in answer.headers["Permissions-Policy"]
    assert "Server" not in answer.headers
    assert "unsafe" not in str(answer.headers)
    assert answer.headers.get("Cache-Control") == (None if path.startswith("/static") else "no-store")


async def test_C_18_hsts_for_a_year_where_it_travels_over_https(house) -> None:
    here = await house(settings={"base_url": "https://127.0.0.1:{port}"})
    assert (await here.ask("GET", "/healthz")).headers["Strict-Transport-Security"] == "max-age=31536000"
    here = await house(settings={"base_url": "https://127.0.0.1:{port}", "hsts": False})
    assert "Strict-Transport-Security" not in (await here.ask("GET", "/healthz")).headers
    here = await house()
    assert "Strict-Transport-Security" not in (await here.ask("GET", "/healthz")).headers


async def test_bytes_that_are_no_http_are_answered_with_the_same_headers(house) -> None:
    here = await house()
    answer = await here.raw(b"GET / HTTP/1.1\r\nHost : x\r\n\r\n")
    assert answer.status == 400
    assert {name: answer.headers.get(name) for name in FIXED} == FIXED
    assert answer.headers["Content-Security-Policy"] == PLAIN
    assert "Server" not in answer.headers


async def test_C_19_a_page_runs_only_what_carries_its_nonce(house, tmp_path) -> None:
    pages, route = page_with(tmp_path, '<script nonce="{{ nonce }}" src="x"></script>')
    here = await house(route, pages=pages)
    first, second = await here.ask("GET", "/page"), await here.ask("GET", "/page")
    nonces = []
    for answer in (first, second):
        policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        nonce = re.search(rb'nonce="([^"]+)"', answer.body)[1].decode()
        nonces.append(nonce)
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == f"'nonce-{nonce}'"
        assert policy["style-src"] == f"'self' 'nonce-{nonce}'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["base-uri"] == "'none'"
        assert "unsafe" not in str(policy)
    assert nonces[0] != nonces[1]
    assert len(nonces[0]) == 22
    assert first.headers["Cache-Control"] == "no-store"


async def test_one_nonce_an_answer(house) -> None:
    async def show(request: web.Request) -> web.Response:
        return web.json_response([nonce_of(request), nonce_of(request)])

    here = await house(Route("GET", "/n", show, PUBLIC, "api"))
    first, second = (await here.ask("GET", "/n")).json()
    assert first == second


async def test_a_route_may_extend_the_policy_of_its_page(house, tmp_path) -> None:
    pages, route = page_with(tmp_path, "x")

    async def show(request: web.Request) -> web.StreamResponse:
        response = await route.handler(request)
        set_csp(response, frame_ancestors="https://shop.example https://www.shop.example", connect_src=None)
        response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    here = await house(Route("GET", "/w", show, PUBLIC, "page"), pages=pages)
    answer = await here.ask("GET", "/w")
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors https://shop.example https://www.shop.example" in policy
    assert "frame-ancestors 'none'" not in policy
    assert "connect-src" not in policy
    assert "script-src 'nonce-" in policy
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_L_18_a_route_may_replace_the_policy(house) -> None:
    wanted = "default-src 'none'; img-src 'self'; style-src 'self'; frame-ancestors 'none'"

    async def show(_: web.Request) -> web.Response:
        response = web.Response(text="x")
        set_csp(response, wanted)
        return response

    here = await house(Route("GET", "/t", show, PUBLIC, "page"))
    assert (await here.ask("GET", "/t")).headers["Content-Security-Policy"] == wanted


@pytest.mark.parametrize("value", ["https://a; script-src *", "https://a\r\nX: y", "https://a, default-src *"])
def test_a_value_cannot_end_its_directive(value: str) -> None:
    with pytest.raises(ValueError, match="frame-ancestors"):
        set_csp(web.Response(), frame_ancestors=value)


async def test_the_base_page_stands_without_its_styles(house, tmp_path) -> None:
    """The product's name, a main part and a title; the missing style sheet gets a plain URL."""
    pages, route = page_with(
        tmp_path, '{% extends "foundation/base.html" %}{% block body %}<p>{{ text }}</p>{% endblock %}'
    )
    here = await house(route, pages=pages, statics=[])
    body = (await here.ask("GET", "/page")).body.decode()
    assert "<title>Frontdesk</title>" in body
    assert '<main id="main"' in body
    assert "&lt;b&gt;&#34;" in body
    assert re.search(r'href="/static/foundation/(~[\w-]{12}/)?css/tokens.css"', body)


async def test_N_10_text_is_text_in_every_template(house, tmp_path) -> None:
    pages, route = page_with(tmp_path, "{{ text }}", text="{{7*7}}${7*7}<script>{0.__class__}%s")
    here = await house(route, pages=pages)
    body = (await here.ask("GET", "/page")).body.decode()
    assert body == "{{7*7}}${7*7}&lt;script&gt;{0.__class__}%s"


async def test_a_name_that_is_not_given_is_an_error(house, tmp_path) -> None:
    pages, route = page_with(tmp_path, "{{ nothing }}")
    here = await house(route, pages=pages)
    assert (await here.ask("GET", "/page")).status == 500


async def test_a_broken_template_stops_the_start(house, tmp_path) -> None:
    pages, route = page_with(tmp_path, "{% if %}")
    with pytest.raises(Exception, match="Expected an expression"):
        await house(route, pages=pages)


def test_text_of_a_template_outside_of_an_answer(tmp_path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/mail.txt").write_text("Hello {{ name|upper }}")
    pages = Pages([("shop", tmp_path)])
    assert pages.text("shop/mail.txt", name="<mia>") == "Hello &lt;MIA&gt;"
