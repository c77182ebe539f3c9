"""The proof of an address between two browsers: who types it, and who reads its mail (D-8, DD-7)."""

import re

from playwright.sync_api import expect

from tests.browser.test_story import log_in
from tests.browser.widget import Widget
from tests.serving import Frontdesk, code_in

VICTIM = "victim@visitors.example"


def give(widget: Widget, address: str) -> None:
    widget.frame.get_by_role("button", name="Menu").click()
    widget.frame.get_by_text("Verify my e-mail address").click()
    widget.frame.get_by_label("E-mail address").fill(address)
    widget.button("Send the code").click()
    expect(widget.frame.get_by_label("Code of 6 digits")).to_be_visible()


def test_D_8_a_stranger_who_types_my_address_is_not_verified_by_my_click(
    house: Frontdesk, browser, mails, faults
) -> None:
    already = len(mails.mails())
    desk = faults(log_in(browser(), house, "agent", "/console"))
    attacker = Widget(browser(), house)
    faults(attacker.page)
    attacker.visit().open().agree()
    attacker.write("I would like to talk to a person")
    attacker.reads("A person is being called")
    desk.get_by_role("button", name=re.compile("No address.*Visitor")).first.click()
    desk.get_by_role("button", name="Take over").first.click()
    give(attacker, VICTIM)
    mail = mails.wait_for(already + 1)

    # The victim has a chat of his own in his browser, and presses the button of the mail there.
    victim = Widget(browser(), house)
    victim.visit().open().agree()
    link = re.search(r"https?://\S+/v/[\w-]{43}", mail.get_body(("plain",)).get_content())
    assert link
    page = faults(victim.page.context.new_page())
    page.goto(link[0])
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Your address is confirmed.")).to_be_visible()

    expect(desk.get_by_text("The address was confirmed elsewhere, not in this browser.").first).to_be_visible()
    expect(desk.get_by_role("img", name=re.compile("^Verified"))).to_have_count(0)
    expect(attacker.frame.get_by_text("is verified in this browser")).to_have_count(0)
    attacker.page.reload()
    attacker.open()
    expect(attacker.frame.get_by_text("is verified in this browser")).to_have_count(0)
    desk.get_by_role("button", name="Resolve").click()


def test_DD_7_a_private_window_or_a_cleared_storage_is_unverified_again(
    house: Frontdesk, browser, mails, faults
) -> None:
    already = len(mails.mails())
    home = Widget(browser(), house)
    faults(home.page)
    home.visit().open().agree()
    give(home, "resident@visitors.example")
    home.frame.get_by_label("Code of 6 digits").fill(code_in(mails.wait_for(already + 1)))
    home.frame.get_by_label("Stay recognised on this device").check()
    home.button("Confirm").click()
    expect(home.frame.get_by_text("Verified").first).to_be_visible()

    # Another device, or a private window: nothing of the chat is there.
    private = Widget(browser(), house)
    private.visit().open().agree()
    expect(private.frame.get_by_text("Verified")).to_have_count(0)

    # The same browser stays recognised until its storage is cleared.
    home.page.reload()
    home.open()
    expect(home.frame.get_by_text("Verified").first).to_be_visible()
    home.frame.evaluate("() => localStorage.clear()")
    home.page.reload()
    home.open()
    expect(home.button("Agree and start")).to_be_visible()
    expect(home.frame.get_by_text("Verified")).to_have_count(0)


def test_the_staffs_pages_of_the_proof_show_what_happened(house: Frontdesk, browser, faults) -> None:
    """DD-3, DD-9, D-17: after the tests above there is a contact, mails, and evidence to print."""
    page = faults(log_in(browser(), house, "admin", "/admin/contacts"))
    page.get_by_role("link", name="resident@visitors.example").click()
    expect(page.get_by_text("stays recognised")).to_be_visible()
    page.get_by_role("link", name=re.compile("Evidence of")).first.click()
    expect(page.get_by_role("heading", name="The address was confirmed")).to_be_visible()
    page.get_by_role("link", name="Suppressed addresses").click()
    page.get_by_label("Address", exact=True).fill("nobody@visitors.example")
    page.get_by_label("Why").fill("asked for it by phone")
    page.get_by_role("button", name="Suppress", exact=True).click()
    expect(page.get_by_text("n***@visitors.example")).to_be_visible()
    page.get_by_role("link", name="Opt-in mails").click()
    expect(page.get_by_text("sent", exact=True).first).to_be_visible()
    page.get_by_role("link", name="E-mail in the chat").click()
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("button", name="Send it to me")).to_be_visible()
