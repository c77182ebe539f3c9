"""DD-7 in real browsers: a copy of the widget's storage is another browser, the same browser after a reload is not."""

import re
from typing import Any

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_email import give
from tests.browser.test_story import log_in
from tests.browser.widget import Widget
from tests.serving import Frontdesk, code_in

ADDRESS = "owner@visitors.example"

_KEYS = """async () => {
    const opening = indexedDB.open("frontdesk");
    const database = await new Promise((resolve) => (opening.onsuccess = () => resolve(opening.result)));
    const asked = database.transaction("keys").objectStore("keys").get("frontdesk");
    const pair = await new Promise((resolve) => (asked.onsuccess = () => resolve(asked.result)));
    const taken = await crypto.subtle.exportKey("pkcs8", pair.privateKey).then(() => "taken", (error) => error.name);
    return { extractable: pair.privateKey.extractable, taken };
}"""


def proven(browser: Any, house: Frontdesk, mails: Any, address: str) -> Widget:
    already = len(mails.mails())
    home = Widget(browser(), house)
    home.visit().open()
    expect(home.button("Agree and start")).to_be_visible()
    assert home.frame.evaluate("async () => (await indexedDB.databases()).length") == 0, "P-1: nothing before the click"
    home.agree()
    home.write("my locker is 4711")
    give(home, address)
    home.frame.get_by_label("Code of 6 digits").fill(code_in(mails.wait_for(already + 1)))
    home.frame.get_by_label("Stay recognised on this device").check()
    home.button("Confirm").click()
    expect(home.frame.get_by_text("Verified").first).to_be_visible()
    return home


def with_storage(context: BrowserContext, house: Frontdesk, stored: dict[str, str]) -> Widget:
    """A browser into which somebody copied another one's local storage."""
    planting: Page = context.new_page()
    planting.goto(f"{house.base_url}/healthz")
    planting.evaluate(
        "(all) => Object.entries(all).forEach(([name, value]) => localStorage.setItem(name, value))", stored
    )
    planting.close()
    return Widget(context, house)


def test_DD_7_copied_storage_opens_nothing_and_the_agent_is_told(house: Frontdesk, browser, mails, faults) -> None:
    home = proven(browser, house, mails, ADDRESS)
    assert home.frame.evaluate(_KEYS) == {"extractable": False, "taken": "InvalidAccessError"}
    stored = home.frame.evaluate("() => ({...localStorage})")
    assert stored

    thief = with_storage(browser(), house, stored)
    faults(thief.page)
    thief.visit().open()
    expect(thief.button("Agree and start")).to_be_visible()
    expect(thief.frame.get_by_text("4711")).to_have_count(0)
    thief.agree()
    expect(thief.frame.get_by_text("4711")).to_have_count(0)
    expect(thief.frame.get_by_text("Verified")).to_have_count(0)
    thief.write("I would like to talk to a person")
    thief.reads("A person is being called")
    assert thief.frame.evaluate("() => localStorage.frontdesk") != stored["frontdesk"], "it drew a secret of its own"

    desk = faults(log_in(browser(), house, "agent", "/console"))
    desk.get_by_role("button", name=re.compile("No address.*Visitor")).first.click()
    expect(desk.get_by_text("copy of another browser's storage").first).to_be_visible()
    expect(desk.get_by_role("img", name=re.compile("^Verified"))).to_have_count(0)
    desk.get_by_role("button", name="Take over").first.click()
    desk.get_by_role("button", name="Resolve").click()

    # The owner is not disturbed: the same browser is still verified after a reload.
    home.page.reload()
    home.open()
    home.reads("my locker is 4711")
    expect(home.frame.get_by_text("Verified").first).to_be_visible()


def test_DD_7_a_browser_that_lost_its_key_is_another_browser(house: Frontdesk, browser, mails, faults) -> None:
    """Cleared databases, kept local storage: what a browser's clean-up may leave."""
    home = proven(browser, house, mails, "forgetful@visitors.example")
    faults(home.page)
    home.frame.evaluate("() => new Promise((done) => (indexedDB.deleteDatabase('frontdesk').onsuccess = done))")
    home.page.reload()
    home.open()
    home.agree()
    expect(home.frame.get_by_text("4711")).to_have_count(0)
    expect(home.frame.get_by_text("Verified")).to_have_count(0)
    home.write("a new start")
    home.page.reload()
    home.open()
    home.reads("a new start")
    left = home.frame.evaluate(
        """async () => {
            const loaded = performance.getEntriesByType("resource").find((one) => one.name.endsWith("/keys.js"));
            await (await import(loaded.name)).drop();
            return (await indexedDB.databases()).length;
        }"""
    )
    assert left == 0, "P-6: what the last withdrawal calls leaves nothing"


def test_DD_7_a_private_window_has_nothing_of_it(house: Frontdesk, browser, mails) -> None:
    proven(browser, house, mails, "private@visitors.example")
    private = Widget(browser(), house)
    private.visit().open()
    expect(private.button("Agree and start")).to_be_visible()
    expect(private.frame.get_by_text("4711")).to_have_count(0)
