"""The visitor's way through his own page: see, prove, take home, choose, ask, take back (MS-3, MS-11, PS-7, P-6)."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, expect

from tests.browser.test_story import log_in
from tests.browser.widget import Widget
from tests.serving import Frontdesk, MailServer, code_in

JANE = "jane@visitors.example"


def opened(widget: Widget, entry: str = "Privacy") -> None:
    """Open the page by the menu."""
    widget.button("Menu").click()
    widget.button(entry).click()


def proven(widget: Widget, mails: MailServer) -> None:
    before = len(mails.mails())
    widget.button("Prove my address").click()
    field = widget.frame.get_by_label("E-mail address")
    field.fill(JANE)
    field.press("Enter")
    code = widget.frame.get_by_label("Code of 6 digits")
    code.fill(code_in(mails.wait_for(before + 1)))
    code.press("Enter")
    expect(widget.frame.get_by_text("Verified", exact=True)).to_be_visible()


def test_MS_11_a_visitor_sees_proves_takes_home_chooses_and_asks(
    browser: Callable[..., BrowserContext], house: Frontdesk, mails: MailServer
) -> None:
    widget = Widget(browser(width=390), house).visit().open().agree()
    widget.write("canary words of mine")
    widget.reads("canary words of mine")
    opened(widget)
    page = widget.frame.locator("chat-privacy")
    expect(page.get_by_role("heading", name="What we hold about you")).to_be_focused()
    expect(page).to_contain_text("what this browser itself wrote")
    expect(page).to_contain_text("One record of your consent")
    expect(page).to_contain_text("No e-mail address")
    proven(widget, mails)
    opened(widget)
    expect(page).to_contain_text("everything of your address")
    expect(page).to_contain_text(JANE)

    with widget.page.expect_download() as download:
        widget.button("Download a copy").click()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as packed:
        assert set(packed.namelist()) == {"data.json", "index.html", "SHA256SUMS"}
        assert json.loads(packed.read("data.json"))["address"] == JANE
        assert b"canary words of mine" in packed.read("index.html")

    choice = page.get_by_role("switch")
    expect(choice).to_be_checked()
    choice.uncheck()
    expect(page).to_contain_text("Your choice counts from now on.")
    expect(choice).not_to_be_checked()

    page.get_by_text("Correct something", exact=True).click()
    page.get_by_label("Your name").fill("Jane Doe")
    page.get_by_role("button", name="Save").click()
    expect(page).to_contain_text("Your name: Jane Doe")

    page.get_by_text("Erase everything", exact=True).click()
    expect(page).to_contain_text("What stays")
    page.get_by_label("Type ERASE to confirm").fill("yes")
    page.get_by_role("button", name="Erase now").click()
    expect(page.get_by_role("alert")).to_contain_text("Type the word")
    page.get_by_label("Type ERASE to confirm").fill("ERASE")
    page.get_by_role("button", name="Erase now").click()
    expect(widget.frame.get_by_role("heading", name="This chat was deleted")).to_be_visible()
    expect(widget.frame.get_by_text("Certificate of the deletion")).to_be_visible()
    assert widget.frame.evaluate("localStorage.length") == 0
    widget.button("Start a new chat").click()
    expect(widget.button("Agree and start")).to_be_visible()


def test_MS_11_without_proof_an_erasure_is_a_request_that_says_so(
    browser: Callable[..., BrowserContext], house: Frontdesk
) -> None:
    widget = Widget(browser(width=390), house).visit().open().agree()
    widget.write("hello")
    widget.reads("hello")
    opened(widget)
    page = widget.frame.locator("chat-privacy")
    page.get_by_text("Erase everything", exact=True).click()
    expect(page).to_contain_text("Prove your address first, and it is done at once.")
    page.get_by_label("Type ERASE to confirm").fill("ERASE")
    page.get_by_role("button", name="Ask for erasure").click()
    expect(page).to_contain_text("Erasure, asked for on")
    expect(page).to_contain_text("Your address is not proven in this browser")


def test_PS_7_the_icon_asks_for_the_transcript(
    browser: Callable[..., BrowserContext], house: Frontdesk, mails: MailServer
) -> None:
    widget = Widget(browser(), house).visit().open().agree()
    widget.button("Transcript by e-mail").click()
    words = "If your address is verified here, the transcript is on its way to it."
    expect(widget.frame.get_by_text(words)).to_be_visible()
    opened(widget)
    proven(widget, mails)
    before = len(mails.mails())
    widget.button("Transcript by e-mail").click()
    mail = mails.wait_for(before + 1)
    assert mail["To"] == JANE
    expect(widget.frame.get_by_text("The transcript was mailed to j***@visitors.example.")).to_be_visible()


def test_MS_3_withdrawing_is_one_press(browser: Callable[..., BrowserContext], house: Frontdesk) -> None:
    """P-6: nothing stays in the browser."""
    widget = Widget(browser(), house).visit().open().agree()
    widget.write("hello")
    widget.reads("hello")
    opened(widget)
    widget.button("Withdraw consent").click()
    expect(widget.frame.get_by_role("heading", name="Your consent is withdrawn")).to_be_visible()
    assert widget.frame.evaluate("localStorage.length") == 0


def test_MS_1_who_comes_back_after_a_new_version_is_asked_again_and_may_withdraw_instead(
    browser: Callable[..., BrowserContext], house: Frontdesk
) -> None:
    widget = Widget(browser(), house).visit().open().agree()
    widget.write("hello")
    widget.reads("hello")

    admin = log_in(browser(), house, "super_admin", "/admin")
    admin.goto(f"{house.base_url}/admin/notices")
    text = admin.get_by_label("The next version")
    text.fill(text.input_value().replace("It is a computer program.", "It is a program, and no person."))
    admin.get_by_role("button", name="Preview").click()
    expect(admin.get_by_text("It is a program, and no person.").first).to_be_visible()
    admin.get_by_role("button", name="Publish version 1").click()
    expect(admin.get_by_role("status")).to_contain_text("The version is published")

    widget.page.reload()
    widget.open()
    expect(widget.frame.get_by_text("It is a program, and no person.")).to_be_visible()
    expect(widget.button("Agree and start")).to_be_visible()
    opened(widget)
    page = widget.frame.locator("chat-privacy")
    expect(page).to_contain_text("One chat with")
    widget.button("Withdraw consent").click()
    expect(widget.frame.get_by_role("heading", name="Your consent is withdrawn")).to_be_visible()
    assert widget.frame.evaluate("localStorage.length") == 0
