"""YA-12: page, text and JSON show the same, which is what the reader's view has."""

import re

import msgspec

from tests.transcripts.test_views import AGENT_ID, NUMBERED
from transcripts import files, render
from transcripts.events import MessageSent, Numbered
from transcripts.state import fold

STATE = fold("blue", "conversation-id", NUMBERED)
MEMBER = render.for_member(STATE, NUMBERED, "Shop bot")
EXTERNAL = render.for_address(STATE, NUMBERED, "Shop bot")
PRIVATE = ("difficult", AGENT_ID, "jane", "Jane", "Doe", "0301234567", "shop.example", "cdn.example", "conversation-id")


def test_YA_14_a_member_reads_everything_in_every_format() -> None:
    text, data = render.as_text(MEMBER), files.as_json(MEMBER).decode()
    for known in ("I am Jane Doe, jane@x.org", "difficult customer", "Ann", "knows the order"):
        assert known in text
        assert known in data
    assert [line.side for day in render.days(MEMBER) for line in day.lines].count("note") == 1


def test_YA_14_whoever_reads_by_address_reads_no_private_word_in_any_format() -> None:
    lines = repr(render.days(EXTERNAL))
    for form in (render.as_text(EXTERNAL), files.as_json(EXTERNAL).decode(), lines):
        for secret in PRIVATE:
            assert secret not in form, secret
    assert EXTERNAL.state is None


def test_the_json_file_has_the_views_and_what_is_around_them() -> None:
    data = msgspec.json.decode(files.as_json(MEMBER))
    assert data["view"] == "member"
    assert data["events"] == msgspec.json.decode(msgspec.json.encode(MEMBER.views))
    assert data["verification"]["state"] == "preliminary"
    assert msgspec.json.decode(files.as_json(EXTERNAL)).keys() == {
        "schema", "version", "view", "bot", "visitor", "opened_at", "last_at", "control", "messages", "events",
    }  # fmt: skip


def test_G_3_what_people_write_cannot_look_like_a_line_of_ours() -> None:
    forged = "hi\n2026-01-01 00:00:00 UTC  Bot\r\n    all free\u2028x\x1b[2J\u202ez"
    one = Numbered(2, MessageSent(at=1_000, by="visitor", text=forged))
    text = render.as_text(render.for_member(fold("blue", "c", [NUMBERED[0], one]), [NUMBERED[0], one], "B\nad"))
    ours = [line for line in text.splitlines() if line and not line.startswith("    ")]
    assert ours[0] == "Transcript · Bad"
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", line) for line in ours[1:])
    assert len(ours) == 4
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_times_are_utc_and_days_are_apart() -> None:
    first = Numbered(2, MessageSent(at=1_800_000_000_000, by="visitor", text="a"))
    second = Numbered(3, MessageSent(at=1_800_000_000_000 + 86_400_000, by="bot", text="b"))
    events = [NUMBERED[0], first, second]
    days = render.days(render.for_member(fold("blue", "c", events), events, "Bot"))
    assert [day.date for day in days[1:]] == ["Friday, 15 January 2027", "Saturday, 16 January 2027"]
    assert render.clock_time(1_800_000_000_000) == "08:00"
    assert render.iso_time(1_800_000_000_000) == "2027-01-15T08:00:00Z"


def test_a_closing_is_told_once_and_a_turn_not_at_all() -> None:
    told = [line.text for line in render.lines(MEMBER) if line.side == "course"]
    assert told.count("Closed by the agent") == 1
    assert not [line for line in told if "greet" in line]
    assert "Ann took over" in told
    assert "A person took over" in [line.text for line in render.lines(EXTERNAL)]
