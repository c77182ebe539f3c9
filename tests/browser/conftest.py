"""A real Chromium before a real server with a real mail server behind it: nothing is stood in for."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.serving import Frontdesk, MailServer, mail_settings, serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
SHOTS = Path(__file__).resolve().parents[1] / "artifacts"
PATIENCE_MS = 15_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(180))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One Chromium for a module: while it runs, its library keeps a loop of its own, in which no async test can run."""
    found = shutil.which("chromium")
    if found is None:
        pytest.skip("no chromium on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, mails: MailServer) -> Iterator[Frontdesk]:
    with serving(tmp_path_factory.mktemp("house"), **mail_settings(mails)) as running:
        yield running


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Make browsers of people who do not know each other: `browser(width=390)`."""
    opened: list[BrowserContext] = []

    def open_one(*, width: int = 1280, height: int = 800, dark: bool = False) -> BrowserContext:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB"
        )
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture
def faults() -> Iterator[Callable[[Page], Page]]:
    """Watch a page: an error in its script, or a message of its policy, fails the test."""
    seen: list[str] = []

    def watch(page: Page) -> Page:
        page.on("pageerror", lambda error: seen.append(f"{page.url}: {error}"))
        page.on("console", lambda said: seen.append(f"{page.url}: {said.text}") if said.type == "error" else None)
        return page

    yield watch
    assert seen == []
