"""Files as people send them: the paperclip in the widget and in the console, in a real Chromium (PS-8, YA-22)."""

import struct
import zlib
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests import pictures as made
from tests.browser.widget import Widget
from tests.serving import Frontdesk


def _picture() -> bytes:
    """320 x 200, so that it can be looked at."""
    rows = b"".join(b"\0" + bytes(v for x in range(320) for v in (x * 255 // 320, y, 160)) for y in range(200))
    head = struct.pack(">IIBBBBB", 320, 200, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    parts = [struct.pack(">I", len(b)) + k + b + struct.pack(">I", zlib.crc32(k + b)) for k, b in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _choose(widget: Widget, name: str, media: str, content: bytes) -> None:
    with widget.page.expect_file_chooser() as chooser:
        widget.button("Send a file").click()
    payload: Any = {"name": name, "mimeType": media, "buffer": content}
    chooser.value.set_files(payload)


def test_PS_8_a_visitor_sends_a_picture_and_the_agent_marks_it_sensitive(
    chromium: Browser, house: Frontdesk, tmp_path: Path
) -> None:
    context = chromium.new_context()
    widget = Widget(context, house)
    widget.visit().open().agree()
    _choose(widget, "Harbour view.png", "image/png", _picture())
    expect(widget.frame.get_by_role("img", name="Picture Harbour view.png")).to_be_visible()
    _choose(widget, "letter.pdf", "application/pdf", made.PDF)
    with widget.page.expect_download() as download:
        widget.button("Download letter.pdf").click()
    assert download.value.suggested_filename == "letter.pdf"
    assert Path(download.value.path()).read_bytes() == made.PDF
    _choose(widget, "setup.exe", "application/x-msdownload", made.PROGRAM)
    widget.reads("setup.exe was not sent")
    widget.write("I want to talk to a person")
    widget.reads("calling a person")

    agent = house.person("agent")
    desk = chromium.new_context().new_page()
    desk.goto(f"{house.base_url}/login")
    desk.fill("[name=email]", agent["email"])
    desk.fill("[name=password]", agent["password"])
    desk.keyboard.press("Enter")
    desk.wait_for_url("**/console**")
    desk.get_by_text("Bot: I am calling a person").first.click()
    desk.get_by_role("button", name="Take over").first.click()
    desk.get_by_role("button", name="Show the picture").click()
    expect(desk.get_by_role("img", name="Harbour view.png")).to_be_visible()
    with desk.expect_file_chooser() as chooser:
        desk.get_by_role("button", name="Send a file").click()
    payload: Any = {"name": "Offer.pdf", "mimeType": "application/pdf", "buffer": made.PDF}
    chooser.value.set_files(payload)
    widget.reads("Offer.pdf")
    desk.locator("summary", has_text="Sensitive").first.click()
    desk.get_by_role("button", name="Hide now, destroy within 15 days").first.click()
    expect(desk.get_by_text("[Sensitive file]")).to_be_visible()
    widget.reads("File removed")
    expect(widget.frame.get_by_text("Harbour view.png")).to_have_count(0)
    desk.context.close()
    context.close()
