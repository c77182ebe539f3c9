"""YA-25 in real browsers: a chat is offered, seen, taken; and looked at."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.browser.conftest import SHOTS
from tests.browser.test_story import log_in
from tests.browser.widget import Widget


def look(page: Page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png")


def test_YA_25_an_offered_chat_is_seen_given_back_and_taken(house, browser, faults) -> None:
    """The admin switches it on; two consoles; the first gives the chat back, the second takes it from the bar."""
    admin = faults(log_in(browser(), house, "admin", "/admin/assignment"))
    admin.get_by_label(re.compile("^Automatic")).check()
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("It counts at once.")).to_be_visible()
    look(admin, "assignment-admin")
    assert Axe().run(admin).response["violations"] == []

    anna = faults(log_in(browser(), house, "agent", "/console"))
    status = anna.get_by_role("combobox", name="Your status")
    expect(status).to_have_value("available")
    phone = browser(width=390, height=844, dark=True)
    alma = faults(log_in(phone, house, "admin", "/console"))
    expect(alma.get_by_role("combobox", name="Your status")).to_have_value("away")
    alma.get_by_role("combobox", name="Your status").select_option("available")

    widget = Widget(browser(), house)
    widget.visit().open().agree()
    widget.write("I would like to talk to a person")
    bar = anna.get_by_role("region", name="Chats for you")
    expect(bar.get_by_role("button", name="Take it")).to_be_visible()
    expect(anna).to_have_title(re.compile("A chat for you"))
    look(anna, "assignment-offer")
    assert Axe().run(anna).response["violations"] == []
    bar.get_by_role("button", name="Give back").click()
    expect(bar).to_be_hidden()

    hers = alma.get_by_role("region", name="Chats for you")
    expect(hers.get_by_role("button", name="Take it")).to_be_visible()
    look(alma, "assignment-offer-phone")
    hers.get_by_role("button", name="Take it").click()
    widget.reads("You are now talking to")
    expect(hers).to_be_hidden()
    expect(alma.get_by_role("log").get_by_text("took over.")).to_be_visible()
    look(alma, "assignment-taken-phone")
    status.select_option("busy")
    expect(status).to_have_value("busy")
    look(anna, "assignment-busy")
