"""The widget as a visitor uses it: by what stands on it, never by how it is built."""

from typing import Any

from playwright.sync_api import BrowserContext, Frame, Locator, Page, expect

from tests.serving import Frontdesk

BUBBLE_FROM_CORNER = 48
"""The middle of the round button, from the right and from the bottom."""


class Widget:
    """The demo page with the widget, in one browser."""

    def __init__(self, context: BrowserContext, house: Frontdesk) -> None:
        self.page: Page = context.new_page()
        self._house = house

    def visit(self) -> "Widget":
        self.page.goto(f"{self._house.base_url}/demo")
        self.page.wait_for_function("() => document.querySelector('frontdesk-chat') !== null")
        return self

    def open(self) -> "Widget":
        """Click the bubble, which lives in a closed shadow root: at the place where people see it."""
        size = self.page.viewport_size
        assert size is not None
        self.page.mouse.click(size["width"] - BUBBLE_FROM_CORNER, size["height"] - BUBBLE_FROM_CORNER)
        return self

    @property
    def frame(self) -> Frame:
        """The widget's own page. It stands in a closed shadow root, where only the browser itself finds it."""
        frames = [frame for frame in self.page.frames if "/w/" in frame.url]
        if not frames:
            frames = [self.page.wait_for_event("framenavigated", lambda frame: "/w/" in frame.url)]
        return frames[0]

    def button(self, name: str) -> Locator:
        return self.frame.get_by_role("button", name=name, exact=True)

    def agree(self) -> "Widget":
        self.button("Agree and start").click()
        expect(self.composer).to_be_visible()
        return self

    @property
    def composer(self) -> Locator:
        return self.frame.get_by_role("textbox", name="Write a message …")

    def write(self, text: str) -> None:
        self.composer.fill(text)
        self.composer.press("Enter")

    def reads(self, text: str) -> None:
        """The visitor can read this in the conversation."""
        expect(self.frame.get_by_text(text).last).to_be_visible()

    def stored(self) -> dict[str, Any]:
        """Everything that the frame's origin keeps in this browser."""
        return self._stored_in(self.page)

    @staticmethod
    def _stored_in(page: Page) -> dict[str, Any]:
        kept: dict[str, Any] = page.evaluate(
            """async () => ({
                local: {...localStorage}, session: {...sessionStorage}, cookies: document.cookie,
                databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
            })"""
        )
        return kept
