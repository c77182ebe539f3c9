"""The story of the product, whole, in real browsers: a visitor chats, a person takes over, the transcript stays locked."""

import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.widget import Widget
from tests.serving import Frontdesk, code_in


def log_in(context: BrowserContext, house: Frontdesk, who: str, path: str) -> Page:
    """Go to a page as somebody who has to log in first, through the login form."""
    page, person = context.new_page(), house.person(who)
    page.goto(house.base_url + path)
    page.get_by_label("E-mail").fill(person["email"])
    page.get_by_label("Password").fill(person["password"])
    page.get_by_role("button", name=re.compile("log in", re.IGNORECASE)).click()
    page.wait_for_url(f"**{path}")
    return page


def test_a_visitor_chats_a_person_takes_over_the_transcript_stays_locked(house, browser, mails, faults) -> None:
    """BR-5, DD-4, DD-6, YA-1, YA-2, YA-3, YA-4, YA-5, YA-7, YA-8, YA-14, C-19: points 3 to 6 of the story."""
    already = len(mails.mails())
    desk = faults(log_in(browser(), house, "agent", "/console"))
    expect(desk.get_by_text("Connected")).to_be_visible()

    widget = Widget(browser(), house)
    faults(widget.page)
    widget.visit().open().agree()
    widget.write("hello")
    widget.reads("Ahoy! This is Harbour Bikes")
    widget.write("I would like to talk to a person")
    widget.reads("A person is being called")

    # The chat arrives in the console by itself; there is no address yet.
    desk.get_by_role("button", name=re.compile("No address.*Visitor")).click()
    expect(desk.get_by_role("log").get_by_text("I would like to talk to a person")).to_be_visible()
    desk.get_by_role("button", name="Take over").first.click()
    widget.reads("You are now talking to Anna Agent (person).")

    reply = desk.get_by_role("textbox", name=re.compile("Reply|Message|Write", re.IGNORECASE))
    reply.fill("Good day, Anna here.")
    reply.press("Enter")
    widget.reads("Good day, Anna here.")
    widget.write("hello, are you a bot?")
    expect(desk.get_by_role("log").get_by_text("hello, are you a bot?")).to_be_visible()
    expect(widget.frame.get_by_text("I am a bot. Say")).to_have_count(0)

    desk.get_by_role("button", name="Note", exact=True).click()
    note = desk.get_by_role("textbox", name=re.compile("note", re.IGNORECASE))
    note.fill("Likes tandems, canarynote.")
    note.press("Enter")
    expect(desk.get_by_role("log").get_by_text("canarynote")).to_be_visible()

    # The warning, then the green check, as the visitor proves the address.
    widget.frame.get_by_role("button", name="Menu").click()
    widget.frame.get_by_text("Verify my e-mail address").click()
    widget.frame.get_by_label("E-mail address").fill("kim@visitors.example")
    widget.button("Send the code").click()
    expect(desk.get_by_role("img", name=re.compile("Not verified")).first).to_be_visible()
    widget.frame.get_by_label("Code of 6 digits").fill(code_in(mails.wait_for(already + 1)))
    widget.button("Confirm").click()
    expect(desk.get_by_role("img", name=re.compile("^Verified")).first).to_be_visible()

    desk.get_by_role("button", name="Make a link").click()
    link = re.search(r"https?://\S+/t/[A-Za-z0-9_-]{43}", _texts_and_values(desk))
    assert link, "the console shows the new link once"

    desk.get_by_role("button", name="Resolve").click()
    widget.reads("This chat was closed.")
    expect(widget.frame.get_by_text("canarynote")).to_have_count(0)
    _the_transcript_is_locked(house, browser, link[0])


def _texts_and_values(page: Page) -> str:
    """All that can be read on the page, in fields too, once the link is there."""
    read = "document.body.innerText + ' ' + [...document.querySelectorAll('input')].map(i => i.value).join(' ')"
    page.wait_for_function(f"() => ({read}).includes('/t/')")
    text: str = page.evaluate(f"() => {read}")
    return text


def _the_transcript_is_locked(house: Frontdesk, browser, link: str) -> None:
    """Nobody: the login. A colleague without the bot: refused. A listed address: the external view, without the note."""
    path = link.removeprefix(house.base_url)
    stranger = browser().new_page()
    stranger.goto(link)
    expect(stranger).to_have_url(re.compile("/login"))

    colleague = browser().new_page()
    colleague.goto(link)
    person = house.person("staff")
    colleague.get_by_label("E-mail").fill(person["email"])
    colleague.get_by_label("Password").fill(person["password"])
    with colleague.expect_response(lambda answer: answer.url.endswith(path)) as refused:
        colleague.get_by_role("button", name=re.compile("log in", re.IGNORECASE)).click()
    assert refused.value.status == 403
    expect(colleague.get_by_role("button", name="Request access")).to_be_visible()

    member = browser().new_page()
    member.goto(link)
    agent = house.person("agent")
    member.get_by_label("E-mail").fill(agent["email"])
    member.get_by_label("Password").fill(agent["password"])
    member.get_by_role("button", name=re.compile("log in", re.IGNORECASE)).click()
    member.wait_for_url(f"**{path}")
    expect(member.get_by_text("canarynote")).to_be_visible()

    admin = log_in(browser(), house, "admin", "/admin")
    assert admin.goto(f"{house.base_url}/admin/ranges").status == 403, "YA-7: super admins only"
    owner = log_in(browser(), house, "super_admin", "/admin/ranges")
    expect(owner.get_by_text("127.0.0.1").first).to_be_visible()
    _list_this_address(owner)
    stranger.goto(link)
    expect(stranger.get_by_text("hello, are you a bot?")).to_be_visible()
    expect(stranger.get_by_text("canarynote")).to_have_count(0)
    expect(stranger.get_by_text("kim@visitors.example")).to_have_count(0)
    for page in (colleague, member, stranger):
        found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
        assert [violation["id"] for violation in found.response["violations"]] == []

    owner.locator("#list-account").get_by_role("switch").click()
    owner.get_by_role("checkbox", name=re.compile("Yes, this is meant")).check()  # it is our own address that goes
    owner.get_by_role("checkbox", name=re.compile("Yes, this is meant")).press("Enter")
    expect(stranger).to_have_url(re.compile("/login"), timeout=4_000)  # L-16: the open page empties itself


def _list_this_address(owner: Page) -> None:
    """Add this machine's address to the account's list by Start and End, and turn the list on."""
    account = owner.locator("#list-account")
    account.get_by_label("Start").last.fill("127.0.0.1")
    account.get_by_label("End").last.fill("127.0.0.1")
    account.get_by_role("button", name="Add range").click()
    expect(account.get_by_role("cell", name="127.0.0.1").first).to_be_visible()
    account.get_by_role("switch").check()
    save = account.get_by_role("button", name="Save", exact=True)
    if save.is_visible():
        save.click()
    expect(account.get_by_role("switch")).to_be_checked()
    owner.wait_for_load_state("networkidle")
