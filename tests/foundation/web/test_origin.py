"""C-4, C-8, C-9, C-14, C-16: our hosts only, and only our own pages may change anything."""

from ipaddress import ip_network

import pytest
from aiohttp import web

from foundation.web import PUBLIC, Route, WebSettings, is_secure, origin_of


async def show(request: web.Request) -> web.Response:
    return web.json_response({"origin": origin_of(request), "secure": is_secure(request)})


SHOW = Route("GET", "/show", show, PUBLIC, "api")
CHANGE = [Route(method, "/x", show, PUBLIC, "api") for method in ("POST", "PUT", "PATCH", "DELETE")]
FOREIGN = [
    "https://evil.example", "null", "", "http://127.0.0.1", "https://127.0.0.1:{port}", "http://127.0.0.1.evil.example",
    "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1:{port}/", "http://localhost:{port}", "http://127.0.0.1:1",
    "http://user@127.0.0.1:{port}", "http://127.0.0.1:{port}, http://127.0.0.1:{port}",
]  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_C_4_our_own_page_may_change_things(house, method: str) -> None:
    here = await house(*CHANGE)
    assert (await here.ask(method, "/x")).status == 200
    own = {"Sec-Fetch-Site": "same-origin"}
    assert (await here.ask(method, "/x", own=False, headers=own)).status == 200
    assert (await here.ask(method, "/x", headers=own)).status == 200
    assert (await here.ask(method, "/x", own=False, headers=own | {"Origin": "null"})).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_C_4_neither_header_is_a_refusal(house, method: str) -> None:
    here = await house(*CHANGE)
    assert (await here.ask(method, "/x", own=False)).status == 403


@pytest.mark.parametrize("origin", FOREIGN)
async def test_C_4_a_foreign_origin_is_refused_whatever_else_is_said(house, origin: str) -> None:
    here = await house(*CHANGE)
    headers = {"Origin": origin.format(port=here.port)}
    assert (await here.ask("POST", "/x", headers=headers)).status == 403
    if origin != "null":
        both = headers | {"Sec-Fetch-Site": "same-origin"}
        assert (await here.ask("POST", "/x", headers=both)).status == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none", "", "same-origin, cross-site"])
async def test_C_4_a_browser_that_says_it_was_another_site_is_believed(house, site: str) -> None:
    here = await house(*CHANGE)
    assert (await here.ask("POST", "/x", headers={"Sec-Fetch-Site": site})).status == 403


async def test_C_4_two_lines_of_a_header_do_not_help(house) -> None:
    here = await house(*CHANGE)
    head = f"POST /x HTTP/1.1\r\nHost: 127.0.0.1:{here.port}\r\nConnection: close\r\nContent-Length: 0\r\n"
    twice = f"{head}Origin: {here.origin}\r\nOrigin: https://evil.example\r\n\r\n"
    assert (await here.raw(twice.encode())).status == 403
    twice = f"{head}Sec-Fetch-Site: same-origin\r\nSec-Fetch-Site: cross-site\r\n\r\n"
    assert (await here.raw(twice.encode())).status == 403


async def test_a_route_may_say_that_other_sites_are_meant(house) -> None:
    here = await house(Route("POST", "/x", show, PUBLIC, "api", cross_site=True))
    assert (await here.ask("POST", "/x", headers={"Origin": "https://elsewhere.example"})).status == 200


async def test_reading_needs_no_origin(house) -> None:
    here = await house(SHOW)
    assert (await here.ask("GET", "/show", headers={"Sec-Fetch-Site": "cross-site"})).status == 200


async def test_C_16_no_answer_allows_another_origin(house) -> None:
    here = await house(SHOW, *CHANGE)
    for method, path in (("GET", "/show"), ("OPTIONS", "/show"), ("POST", "/x"), ("GET", "/nothing")):
        answer = await here.ask(method, path, headers={"Origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


@pytest.mark.parametrize("host", [
    "evil.example", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", "127.0.0.1:{port}.evil.example",
    "evil.example:{port}", "", "user@127.0.0.1:{port}", "127.0.0.1:{port}/", "127.0.0.1:{port} ", "0.0.0.0:{port}",
])  # fmt: skip
async def test_C_14_a_host_that_is_not_ours_is_misdirected(house, host: str) -> None:
    here = await house(SHOW)
    sent = host.format(port=here.port)
    answer = await here.raw(here.get("/show", host=sent) if sent else here.get("/show").replace(b"127.0.0.1", b""))
    expected = 200 if sent.strip() == f"127.0.0.1:{here.port}" else 421
    assert answer.status in ({expected} if expected == 200 else {421, 400})


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
async def test_on_loopback_all_three_names_of_this_machine_are_ours(house, name: str) -> None:
    here = await house(SHOW)
    answer = await here.raw(here.get("/show", host=f"{name}:{here.port}"))
    assert answer.json()["origin"] == f"http://{name.lower()}:{here.port}"


async def test_C_14_forwarded_host_is_never_read(house) -> None:
    here = await house(SHOW, settings={"trusted_proxies": (ip_network("127.0.0.1"),)})
    answer = await here.raw(here.get("/show", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example"))
    assert answer.json()["origin"] == here.origin


async def test_hosts_of_the_settings_are_served_with_an_origin_of_their_own(house) -> None:
    here = await house(SHOW, *CHANGE, settings={"hosts": ("widget.localhost", "files.localhost:81")})
    sent = {"Host": f"widget.localhost:{here.port}"}
    origin = f"http://widget.localhost:{here.port}"
    assert (await here.ask("GET", "/show", headers=sent)).json()["origin"] == origin
    assert (await here.ask("POST", "/x", headers=sent | {"Origin": origin})).status == 200
    assert (await here.ask("POST", "/x", headers=sent | {"Origin": here.origin})).status == 403
    assert (await here.ask("GET", "/show", headers={"Host": "files.localhost:81"})).status == 200
    assert (await here.ask("GET", "/show", headers={"Host": "files.localhost"})).status == 421


async def test_absolute_targets_are_not_proxied(house) -> None:
    here = await house(SHOW)
    assert (await here.raw(here.get(f"http://127.0.0.1:{here.port}/show"))).status == 400
    assert (await here.raw(here.get("http://evil.example/show"))).status == 400


TRUSTING = {"trusted_proxies": (ip_network("127.0.0.1"),)}


@pytest.mark.parametrize(("lines", "settings", "origin"), [
    (["X-Forwarded-Proto: https"], TRUSTING, "https"),
    (["X-Forwarded-Proto: http, https"], TRUSTING, "https"),
    (["X-Forwarded-Proto: https", "X-Forwarded-Proto: http"], TRUSTING, "http"),
    (["X-Forwarded-Proto: gopher"], TRUSTING, "http"),
    (["X-Forwarded-Proto: https"], {}, "http"),
    ([], {"base_url": "https://127.0.0.1:{port}"}, "https"),
    (["X-Forwarded-Proto: http"], {"base_url": "https://127.0.0.1:{port}"} | TRUSTING, "http"),
])  # fmt: skip
async def test_the_scheme_is_the_browsers(house, lines, settings, origin) -> None:
    """TLS ends at a trusted proxy that says so, or at one that `base_url` tells of."""
    here = await house(SHOW, settings=settings)
    answer = await here.raw(here.get("/show", *lines))
    assert answer.json() == {"origin": f"{origin}://127.0.0.1:{here.port}", "secure": origin == "https"}
    assert ("Strict-Transport-Security" in answer.headers) is (origin == "https")


async def test_C_8_behind_tls_the_plain_origin_is_foreign(house) -> None:
    here = await house(*CHANGE, settings={"base_url": "https://127.0.0.1:{port}"})
    assert (await here.ask("POST", "/x")).status == 403
    secured = {"Origin": here.origin.replace("http:", "https:")}
    assert (await here.ask("POST", "/x", headers=secured)).status == 200


@pytest.mark.parametrize("url", [
    "chat.example", "ftp://chat.example", "https://", "https://chat.example/path", "https://u@chat.example",
    "https://chat.example?x=1", "https://chat.example#x",
])  # fmt: skip
def test_a_base_url_that_cannot_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="base_url"):
        WebSettings(base_url=url)


def test_hosts_and_headers_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ValueError, match="hosts"):
        WebSettings(base_url="https://chat.example", hosts=("https://w.example",))
    with pytest.raises(ValueError, match="forwarded_header"):
        WebSettings(base_url="https://chat.example", forwarded_header="Forwarded")


def test_the_schemes_own_port_may_be_sent_or_left_out() -> None:
    plain = WebSettings(base_url="https://Chat.Example/", hosts=("w.example",))
    assert plain.base_url == "https://chat.example"
    assert plain.host_names == {"chat.example", "chat.example:443", "w.example", "w.example:443"}
    odd = WebSettings(base_url="https://chat.example:8443", hosts=("w.example:443",))
    assert odd.host_names == {"chat.example:8443", "w.example", "w.example:443"}
