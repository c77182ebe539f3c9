"""YA-23 in real browsers: invite, open the mail's link, choose a password; looked at."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from tests.browser.conftest import SHOTS
from tests.browser.test_story import log_in
from tests.serving import text_of


def test_YA_23_somebody_is_invited_and_comes_in(house, browser, mails, faults) -> None:
    already = len(mails.mails())
    admin = faults(log_in(browser(), house, "admin", "/admin/invitations"))
    admin.get_by_label("E-mail address").fill("nina@harbour-bikes.example")
    admin.get_by_label(re.compile("^Agent")).check()
    admin.get_by_role("checkbox", name="Harbour Bikes").check()
    admin.get_by_role("button", name="Invite").click()
    expect(admin.get_by_text("The invitation is on its way.")).to_be_visible()
    SHOTS.mkdir(exist_ok=True)
    admin.screenshot(path=SHOTS / "invitations-admin.png", full_page=True)
    assert Axe().run(admin).response["violations"] == []

    link = re.search(r"https?://\S+/invitation/\S+", text_of(mails.wait_for(already + 1)))
    assert link
    newcomer = faults(browser(width=390, height=844).new_page())
    newcomer.goto(link[0])
    newcomer.screenshot(path=SHOTS / "invitation-phone.png")
    assert Axe().run(newcomer).response["violations"] == []
    newcomer.get_by_label("Your name").fill("Nina New")
    newcomer.get_by_label("Password", exact=True).fill("seven quiet lighthouses")
    newcomer.get_by_role("button", name="Make my account").click()
    newcomer.wait_for_url("**/console")
    expect(newcomer.get_by_role("combobox", name="Your status")).to_have_value("available")
    newcomer.screenshot(path=SHOTS / "invitation-console-phone.png")
