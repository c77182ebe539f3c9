"""Search in a real browser: an agent tags a chat, finds it by its words and its tag, and opens it again."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from tests.browser.test_story import log_in
from tests.browser.widget import Widget


def test_MS_6_a_chat_is_tagged_found_and_opened(house, browser, faults) -> None:
    """M-13: a colleague without the bot finds nothing; an auditor has no search. The words are in no address."""
    widget = Widget(browser(), house)
    faults(widget.page)
    widget.visit().open().agree()
    widget.write("My Zebrafinch order has not come")
    widget.write("I would like to talk to a person")
    widget.reads("A person is being called")

    desk = faults(log_in(browser(), house, "super_admin", "/console"))
    desk.get_by_role("button", name=re.compile("Visitor")).first.click()
    expect(desk.get_by_role("log").get_by_text("My Zebrafinch order")).to_be_visible()
    desk.get_by_placeholder("Add a tag").fill("Late  Birds")
    desk.get_by_placeholder("Add a tag").press("Enter")
    expect(desk.get_by_role("button", name="Take the tag late birds off")).to_be_visible()
    desk.screenshot(path=SHOTS / "console-tags.png")

    desk.get_by_role("link", name="Search").click()
    desk.get_by_role("searchbox").fill('zebrafinch tag:"late birds"')
    desk.get_by_role("searchbox").press("Enter")
    expect(desk.get_by_role("status")).to_contain_text("1 conversation found")
    expect(desk.locator("mark")).to_have_text("Zebrafinch")
    assert desk.url == f"{house.base_url}/search"
    desk.screenshot(path=SHOTS / "search.png")
    desk.get_by_role("searchbox").fill("zebrafinch")
    desk.get_by_role("button", name="Search").click()
    desk.locator(".search-hit a").click()
    expect(desk.get_by_role("log").get_by_text("My Zebrafinch order")).to_be_visible()

    colleague = log_in(browser(), house, "staff", "/search")
    colleague.get_by_role("searchbox").fill("-only")
    colleague.get_by_role("searchbox").press("Enter")
    expect(colleague.get_by_role("status")).to_contain_text("Name something that is there")
    colleague.get_by_role("searchbox").fill("zebrafinch")
    colleague.get_by_role("searchbox").press("Enter")
    expect(colleague.get_by_role("status")).to_contain_text("0 conversations found")
