"""WCAG 2.2 AA as far as a machine can tell (axe-core), light and dark, desktop and phone, on every kind of page."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.test_story import log_in
from tests.browser.widget import Widget

STANDARD = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
PAGES = [
    "/admin", "/admin/people", "/admin/bots", "/admin/ranges", "/admin/ranges?list=account",
    "/admin/ranges/account/import", "/admin/audit", "/admin/privacy", "/admin/figures", "/admin/escrow", "/console", "/search",
    "/admin/links", "/admin/requests", "/admin/email", "/admin/email/wording/en", "/admin/contacts",
    "/admin/suppressed", "/admin/opt-in-mails", "/admin/notices", "/admin/privacy-requests",
    "/admin/transcript-mails", "/admin/consents",
]  # fmt: skip


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=STANDARD).response["violations"]
    return [f"{v['id']}: {node['target']}" for v in found for node in v["nodes"]]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_pages_of_the_house(house, browser, width: int, dark: bool) -> None:
    page = log_in(browser(width=width, dark=dark), house, "super_admin", "/admin")
    found: dict[str, list[str]] = {}
    for path in PAGES:
        page.goto(house.base_url + path)
        page.wait_for_load_state("networkidle")
        found[path] = violations(page)
    assert {path: bad for path, bad in found.items() if bad} == {}


@pytest.mark.parametrize("path", ["/login", "/mailbox"])
def test_pages_without_a_login(house, browser, path: str) -> None:
    page = browser().new_page()
    page.goto(house.base_url + path)
    assert violations(page) == []


@pytest.mark.parametrize("dark", [False, True])
def test_the_widget(house, browser, dark: bool) -> None:
    """On its own page, where the whole document is the widget: the notice, then a conversation with buttons."""
    page = browser(width=390, dark=dark).new_page()
    page.goto(f"{house.base_url}/w/{house.demo['bot']}")
    page.get_by_role("button", name="Agree and start").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Agree and start").click()
    composer = page.get_by_role("textbox", name="Write a message …")
    composer.fill("hello")
    composer.press("Enter")
    page.get_by_role("button", name="Rent a bike").wait_for()
    assert violations(page) == []
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("button", name="Privacy").click()
    for part in ("Correct something", "Erase everything"):
        page.get_by_text(part, exact=True).click()
    assert violations(page) == []


def test_the_widget_fits_a_phone(house, browser) -> None:
    """UX: full screen at 390 px, nothing to scroll sideways."""
    widget = Widget(browser(width=390, height=800), house)
    widget.visit().open().agree()
    assert widget.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert widget.frame.evaluate("[innerWidth, document.documentElement.scrollWidth]") == [390, 390]
