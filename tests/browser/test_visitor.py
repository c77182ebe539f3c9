"""What a visitor meets, in a real browser: nothing stored before the click, consent, chat, reload, e-mail proof."""

from playwright.sync_api import expect

from tests.browser.widget import Widget
from tests.serving import code_in, link_in


def test_P_1_before_the_click_nothing_is_stored_and_one_file_is_loaded(house, browser, faults) -> None:
    """P-1, ePrivacy: no key, no cookie, no frame, and one request to us besides the page's own."""
    context = browser()
    asked: list[str] = []
    context.on("request", lambda request: asked.append(request.url.removeprefix(house.base_url)))
    widget = Widget(context, house)
    faults(widget.page)
    widget.visit()
    widget.page.wait_for_load_state("networkidle")
    assert [url for url in asked if "/static/config/" not in url and "favicon" not in url] == ["/demo", "/widget.js"]
    assert widget.stored() == {"local": {}, "session": {}, "cookies": "", "databases": 0, "caches": 0}
    assert len(widget.page.frames) == 1
    assert context.cookies() == []


def test_P_2_consent_comes_first_and_leaves_one_key(house, browser, faults) -> None:
    """MS-1, MS-2, P-2: the notice with an explicit button; declining opens no chat and leaves nothing behind."""
    widget = Widget(browser(), house)
    faults(widget.page)
    widget.visit().open()
    widget.reads("What we collect")
    assert widget.stored()["local"] == {}
    widget.button("No, thanks").click()
    widget.reads("No chat was opened")
    assert widget.stored()["local"] == {}
    widget.button("Back to the notice").click()
    widget.agree()
    assert list(widget.stored()["local"]) == ["frontdesk"]


def test_a_visitor_chats_reloads_and_is_still_in_the_same_conversation(house, browser, faults) -> None:
    """BR-1: text, buttons, a form with validation and custom actions, before and after a reload."""
    widget = Widget(browser(), house)
    faults(widget.page)
    widget.visit().open().agree()
    widget.write("hello")
    widget.reads("Ahoy! This is Harbour Bikes")
    widget.button("Rent a bike").click()
    widget.reads("Which kind of bike would you like?")
    widget.button("E-bike").click()
    widget.reads("How many do you need?")
    widget.page.reload()
    widget.visit().open()
    widget.reads("How many do you need?")
    widget.write("12")
    widget.reads("one to eight bikes")
    widget.write("two")
    widget.reads("For which day?")
    widget.button("Tomorrow").click()
    widget.reads("2 e-bikes tomorrow, 58 €")
    expect(widget.frame.get_by_role("button", name="Agree and start")).to_have_count(0)


def test_DD_7_the_code_verifies_this_browser_and_the_link_alone_does_not(house, browser, mails, faults) -> None:
    """DD-2, D-2, D-3, D-7: opening the link changes nothing; its button elsewhere does not verify this chat."""
    already = len(mails.mails())
    widget = Widget(browser(), house)
    faults(widget.page)
    widget.visit().open().agree()
    widget.write("please mail me")
    widget.frame.get_by_label("E-mail address").fill("jo@visitors.example")
    widget.button("Send the code").click()
    widget.reads("We sent a code to j")
    mail = mails.wait_for(already + 1)

    elsewhere = faults(browser().new_page())
    elsewhere.goto(link_in(mail))
    elsewhere.wait_for_load_state("networkidle")
    expect(widget.frame.get_by_text("is verified in this browser")).to_have_count(0)
    elsewhere.get_by_role("button").first.click()
    elsewhere.wait_for_load_state("networkidle")
    expect(widget.frame.get_by_text("is verified in this browser")).to_have_count(0)

    widget.frame.get_by_label("Code of 6 digits").fill("000001" if code_in(mail) != "000001" else "000002")
    widget.button("Confirm").click()
    widget.reads("This is not the code from the mail.")
    widget.frame.get_by_label("Code of 6 digits").fill(code_in(mail))
    widget.button("Confirm").click()
    widget.reads("is verified in this browser")


def test_PS_3_the_lock_is_shown_only_when_it_is_true(house, browser) -> None:
    """The demo travels over plain HTTP on loopback: no lock."""
    widget = Widget(browser(), house)
    widget.visit().open().agree()
    expect(widget.frame.get_by_text("Encrypted connection")).to_have_count(0)
