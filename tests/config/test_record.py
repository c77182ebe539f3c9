"""The record of processing is made from what is configured, and from nothing else (Art. 30 GDPR; issue 4)."""

import json
from pathlib import Path

from config.record import AccountRecord, Activity, ProcessingRecord, as_markdown
from tests.serving import Frontdesk


def test_the_record_says_what_is_configured(tmp_path: Path) -> None:
    house = Frontdesk(
        tmp_path / "data", {"FRONTDESK_MAIL__HOST": "mail.harbour.example", "FRONTDESK_LINKS__DAYS": "33"}
    )
    house.init()
    printed = house.run("privacy", "record", "--json")
    assert printed.returncode == 0, printed.stderr
    record = json.loads(printed.stdout)
    (account,) = record["accounts"]
    assert account["controller"] == "Harbour Bikes"
    assert account["people"] == {"super_admin": 1, "admin": 1, "agent": 2}
    (bot,) = account["bots"]
    assert (bot["id"], bot["transcript_mail"], bot["transcript_icon"]) == (house.demo["bot"], "verified", True)
    assert set(bot["notices"]) == {"en", "de"}
    names = [activity["name"] for activity in account["activities"]]
    assert "Transcripts by e-mail" in names
    assert all(activity["purpose"] and activity["basis"] and activity["period"] for activity in account["activities"])
    readable = house.run("privacy", "record")
    assert readable.returncode == 0, readable.stderr
    for words in ("# Record of processing activities", "mail.harbour.example", "33 days", "plain HTTP on loopback"):
        assert words in readable.stdout, words
    for secret in (house.person("agent")["email"], house.person("agent")["password"]):
        assert secret not in printed.stdout + readable.stdout


def test_without_an_installation_there_is_nothing_to_record(tmp_path: Path) -> None:
    refused = Frontdesk(tmp_path / "data").run("privacy", "record")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "There is no installation" in refused.stderr


def test_a_name_cannot_break_the_table() -> None:
    activity = Activity("Chat", "a | b\n# c", "Art. 6", "<script>", ("words",), ("people",), "days", {})
    account = AccountRecord("A | B\n## Canary", "id", {"agent": 1}, (), (activity,), 0, 0)
    text = as_markdown(ProcessingRecord("now", "http://x", (account,), "none", {}))
    assert "\n## Canary" not in text
    assert "\n# c" not in text
    assert "<script>" not in text
    assert "a \\| b # c" in text
