"""Every route with its rule, and every role at every route (A-17, M-3, C-3, C-7, C-16, C-18, G-6)."""

import itertools
from typing import Any

import pytest

import admin
from foundation.web import Pages, Route, route_table
from tests.admin.house import PASSWORD, House

ID = "A" * 22

EXPECTED = {
    "GET /login": "public",
    "POST /login": "public",
    "POST /logout": "staff",
    "GET /password": "staff",
    "POST /password": "staff",
    "GET /setup/{token}": "public",
    "POST /setup/{token}": "public",
    "GET /admin": "admin",
    "POST /admin/account": "super_admin",
    "GET /admin/people": "admin",
    "POST /admin/people": "admin",
    "GET /admin/people/{id}": "admin",
    "POST /admin/people/{id}/role": "admin",
    "POST /admin/people/{id}/bots": "admin",
    "POST /admin/people/{id}/redaction": "super_admin",
    "POST /admin/people/{id}/permissions": "admin",
    "POST /admin/people/{id}/password": "admin",
    "POST /admin/people/{id}/disable": "admin",
    "POST /admin/people/{id}/enable": "admin",
    "GET /admin/requests": "lead",
    "POST /admin/requests/{id}/approve": "lead",
    "POST /admin/requests/{id}/decline": "lead",
    "GET /admin/bots": "admin",
    "POST /admin/bots": "admin",
    "GET /admin/bots/{id}": "admin",
    "POST /admin/bots/{id}": "admin",
    "POST /admin/bots/{id}/transcripts": "admin",
    "GET /admin/assignment": "admin",
    "POST /admin/assignment": "admin",
    "POST /admin/people/{id}/chats": "admin",
    "GET /admin/ranges": "super_admin",
    "POST /admin/ranges": "super_admin",
    "POST /admin/ranges/{id}": "super_admin",
    "POST /admin/ranges/{id}/delete": "super_admin",
    "POST /admin/ranges/{id}/extend": "super_admin",
    "POST /admin/ranges/{scope}/delete-many": "super_admin",
    "POST /admin/ranges/{scope}/enabled": "super_admin",
    "GET /admin/ranges/{scope}/import": "super_admin",
    "POST /admin/ranges/{scope}/import": "super_admin",
    "GET /api/admin/ranges": "super_admin",
    "POST /api/admin/ranges": "super_admin",
    "PATCH /api/admin/ranges/{id}": "super_admin",
    "DELETE /api/admin/ranges/{id}": "super_admin",
    "PUT /api/admin/ranges/{scope}/enabled": "super_admin",
    "POST /api/admin/ranges/{scope}/delete": "super_admin",
    "GET /api/admin/ranges/{scope}/export": "super_admin",
    "POST /api/admin/ranges/{scope}/import/preview": "super_admin",
    "POST /api/admin/ranges/{scope}/import": "super_admin",
    "GET /admin/audit": "audit",
    "POST /admin/audit/check": "audit",
    "GET /admin/audit/head": "audit",
    "POST /admin/audit/export": "audit",
}

ADMITTED = {
    "public": {"nobody", "newcomer", "agent", "supervisor", "auditor", "admin", "super_admin"},
    "staff": {"agent", "supervisor", "auditor", "admin", "super_admin"},
    "lead": {"supervisor", "admin", "super_admin"},
    "admin": {"admin", "super_admin"},
    "super_admin": {"super_admin"},
    "audit": {"auditor", "super_admin"},
}

WHO = {"agent": "ann", "supervisor": "sue", "auditor": "ida", "admin": "alma", "super_admin": "olga"}


def test_A_17_M_3_every_route_declares_its_rule_and_no_route_is_unlisted(house: House) -> None:
    routes = admin.routes(house.admin, Pages([admin.PAGES]))
    assert {f"{route.method} {route.path}": route.rule.name for route in routes} == EXPECTED


@pytest.mark.parametrize("role", ["nobody", "newcomer", *WHO])
async def test_A_17_every_role_at_every_route(house: House, role: str) -> None:
    house.cast["newcomer"] = await house.admin.people.create(
        house.blue, "new@blue.example", "New", "super_admin", PASSWORD, one_time=True
    )
    for route in admin.routes(house.admin, Pages([admin.PAGES])):
        async with house.browser(WHO.get(role, None if role == "nobody" else role)) as browser:
            before = await house.admin.audit.last(house.blue)
            answer = await browser.ask(route.method, path_of(route), **body_of(route))
            what = f"{role} at {route.method} {route.path}: {answer.status} {answer.location}"
            may = role in ADMITTED[route.rule.name] or (role == "newcomer" and route.path in {"/password", "/logout"})
            if may:
                refusals = {403} if route.path == "/login" else {401, 403}
                assert answer.status not in refusals, what
                assert answer.location != "/login" or route.path == "/logout", what
                continue
            assert await house.admin.audit.last(house.blue) == before, what
            if role in {"nobody", "newcomer"} and route.kind == "page":
                assert (answer.status, answer.location) == (303, "/login" if role == "nobody" else "/password"), what
            else:
                assert answer.status == (401 if role == "nobody" else 403), what
                assert route.kind == "page" or answer.json()["code"] in {"unauthenticated", "forbidden"}


def path_of(route: Route) -> str:
    return route.path.format(id=ID, scope=ID, token="A" * 43)


def body_of(route: Route) -> dict[str, Any]:
    if route.method in {"GET", "DELETE"}:
        return {}
    if route.kind == "api":
        return {"json": {}}
    return {"data": b"", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}


async def test_C_7_G_6_nothing_is_changed_by_looking_and_nothing_removes_an_entry(house: House) -> None:
    routes = route_table(house.runner.app)  # type: ignore[union-attr]
    assert not [route.path for route in routes if "audit" in route.path and route.method not in {"GET", "POST"}]
    async with house.browser("olga") as browser:
        before = await house.admin.audit.last(house.blue)
        for route, method in itertools.product(admin.routes(house.admin, Pages([admin.PAGES])), ("GET", "HEAD")):
            answer = await browser.ask(method, path_of(route))
            assert answer.status in {200, 303, 404, 405}, f"{method} {route.path}"
        for method in ("DELETE", "PUT", "PATCH"):
            assert (await browser.ask(method, "/admin/audit")).status == 405
        assert await house.admin.audit.last(house.blue) == before


async def test_C_16_C_18_the_headers_of_every_page(house: House) -> None:
    async with house.browser("olga") as browser:
        for route in admin.routes(house.admin, Pages([admin.PAGES])):
            answer = await browser.ask("GET", path_of(route), headers={"Origin": "https://evil.example"})
            policy = answer.headers["Content-Security-Policy"]
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert "Access-Control-Allow-Origin" not in answer.headers


async def test_C_4_no_other_site_causes_a_change(house: House) -> None:
    async with house.browser("olga") as browser:
        before = await house.admin.audit.last(house.blue)
        for route in admin.routes(house.admin, Pages([admin.PAGES])):
            if route.method == "GET":
                continue
            for foreign in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "same-site"}):
                options = body_of(route)
                options["headers"] = options.get("headers", {}) | foreign
                answer = await browser.ask(route.method, path_of(route), own=False, **options)
                assert answer.status == 403, f"{route.method} {route.path}"
        assert await house.admin.audit.last(house.blue) == before


async def test_YA_7_who_may_not_see_the_ranges_is_not_told_of_them_on_other_pages(house: House) -> None:
    await house.admin.whitelists.toggle(house.blue, "account", enabled=True)
    async with house.browser("alma") as browser:
        page = await browser.get("/admin")
        assert page.status == 200
        for word in ("ranges", "Members only", "/admin/audit"):
            assert word not in page.text
    async with house.browser("olga") as browser:
        assert "Members only" in (await browser.get("/admin")).words


async def test_a_refusal_is_a_page_with_words(house: House) -> None:
    async with house.browser("ann") as browser:
        answer = await browser.get("/admin/ranges")
        assert answer.status == 403
        assert "Your role does not open this" in answer.words


async def test_the_explanation_of_links_has_room_beside_the_ranges(house: House) -> None:
    """`GET /api/admin/ranges/explain` belongs to another package; no route here stands in its way."""
    assert "GET /api/admin/ranges/{id}" not in EXPECTED
