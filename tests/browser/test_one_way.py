"""A visitor whose line loses one direction, in a real browser: he is told within five seconds, and nothing is lost (issue 3)."""

import socket
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.widget import Widget
from tests.outage import Proxy, Way, before
from tests.serving import Frontdesk

LOST = "The connection is lost. What you write is kept and sent when it is back."
WITHIN_MS = 6_000
"""Five seconds, and one for a busy machine."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Frontdesk, Proxy]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    with before(port) as proxy:
        house = Frontdesk(tmp_path_factory.mktemp("one-way") / "data", {"FRONTDESK_WEB__BASE_URL": proxy.url})
        house.init()
        house.start(port)
        try:
            yield house, proxy
        finally:
            house.stop()


@pytest.mark.parametrize("way", ["up", "down"])
def test_one_way_outage_the_visitor_is_told_within_five_seconds_and_his_message_is_there_once(
    broken, browser, way: Way
) -> None:
    house, proxy = broken
    widget = Widget(browser(), house)
    widget.visit().open().agree()
    widget.write("hello")
    widget.reads("Ahoy! This is Harbour Bikes")
    proxy.lose(way)
    try:
        widget.write("Does this arrive?")
        expect(widget.frame.get_by_text(LOST)).to_be_visible(timeout=WITHIN_MS)
    finally:
        proxy.heal()
    expect(widget.frame.get_by_text(LOST)).to_be_hidden()
    expect(widget.frame.get_by_text("Does this arrive?")).to_have_count(1)
    widget.page.reload()
    widget.visit().open()
    widget.reads("Does this arrive?")
    expect(widget.frame.get_by_text("Does this arrive?")).to_have_count(1)


@pytest.mark.parametrize("way", ["up", "down"])
def test_one_way_outage_on_a_line_that_is_cut_the_widget_opens_a_new_one(broken, browser, way: Way) -> None:
    """The notice stands until the message is stored; then it is gone."""
    house, proxy = broken
    widget = Widget(browser(), house)
    widget.visit().open().agree()
    widget.write("hello")
    widget.reads("Ahoy! This is Harbour Bikes")
    proxy.lose(way)
    try:
        widget.write("And does this?")
        expect(widget.frame.get_by_text(LOST)).to_be_visible(timeout=WITHIN_MS)
        widget.button("Try now").click()
    finally:
        proxy.heal(cut=True)
    expect(widget.frame.get_by_text(LOST)).to_be_hidden()
    widget.page.reload()
    widget.visit().open()
    widget.reads("And does this?")
    expect(widget.frame.get_by_text("And does this?")).to_have_count(1)
