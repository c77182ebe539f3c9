"""YA-29 in real browsers: the host page names its visitor, who finds his chat elsewhere; a bad token shows nothing."""

import time

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.test_story import log_in
from tests.browser.widget import Widget
from tests.serving import Frontdesk
from tests.site import token


def key_of(admin: Page, name: str) -> str:
    """Make a key on the bot's page, and read it the one time that it is shown."""
    admin.get_by_role("button", name="Make a key").click()
    key = admin.locator("#site-key").inner_text()
    SHOTS.mkdir(exist_ok=True)
    admin.screenshot(path=SHOTS / f"{name}.png", full_page=True)
    assert Axe().run(admin).response["violations"] == []
    admin.reload()
    return key


def named(context, house: Frontdesk, made: str) -> Widget:
    """A page of the host site whose visitor is logged in there."""
    widget = Widget(context, house).visit()
    widget.page.evaluate("token => Frontdesk('identify', token)", made)
    return widget.open()


def test_YA_29_a_named_visitor_finds_his_chat_and_a_bad_token_shows_none(house, browser, faults) -> None:
    bot = house.demo["bot"]
    admin = faults(log_in(browser(), house, "admin", f"/admin/bots/{bot}/identity"))
    key = key_of(admin, "identity-keys")
    expect(admin.get_by_text(key)).to_have_count(0)

    first = named(browser(), house, token(key, bot, name="Kim", email="kim@visitors.example"))
    faults(first.page)
    first.agree()
    first.write("my bicycle is blue, canaryword")
    expect(first.frame.get_by_text("canaryword")).to_be_visible()
    assert first.page.evaluate("localStorage.length") == 0

    shared = browser()
    other = named(shared, house, token(key, bot))
    faults(other.page)
    other.reads("canaryword")
    other.page.evaluate("Frontdesk('forget')")
    expect(other.button("Agree and start")).to_be_visible()
    expect(other.frame.get_by_text("canaryword")).to_have_count(0)

    stale = Widget(shared, house).visit()
    stale.page.evaluate("window.told = []; Frontdesk('on', 'error', ({ code }) => told.push(code))")
    stale.page.evaluate("token => Frontdesk('identify', token)", token(key, bot, exp=int(time.time()) - 5))
    stale.open().agree()
    expect(stale.frame.get_by_text("canaryword")).to_have_count(0)
    expect(stale.frame.get_by_role("alert")).to_have_count(0)
    stale.page.screenshot(path=SHOTS / "identity-afresh.png")
    assert stale.page.evaluate("told") == ["not_identified"]

    first.write("I would like to talk to a person")
    first.reads("A person is being called")
    desk = faults(log_in(browser(), house, "agent", "/console"))
    desk.locator("button.desk-row", has_text="Kim").click()
    expect(desk.get_by_text("Kim, kim@visitors.example").first).to_be_visible()
    expect(desk.locator("desk-person").get_by_text("No address", exact=True)).to_be_visible()
    desk.screenshot(path=SHOTS / "identity-console.png")
