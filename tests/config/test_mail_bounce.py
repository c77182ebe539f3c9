"""`frontdesk mail bounce`: what a mail server pipes in (D-20)."""

import subprocess
from pathlib import Path

import pytest

from tests.serving import COMMAND, ROOT

REPORT = """Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; jane@visitors.example
Action: failed
Status: 5.1.1

--b
Content-Type: text/rfc822-headers

Message-ID: <somebody@else.example>

--b--
"""


def frontdesk(*arguments: str | Path, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, input=said, capture_output=True, text=True, timeout=60)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    assert frontdesk("init", "--data", tmp_path / "data").returncode == 0
    return tmp_path / "data"


def test_D_20_a_report_about_a_foreign_mail_changes_nothing_and_what_is_none_is_refused(data: Path) -> None:
    taken = frontdesk("mail", "bounce", "--data", data, said=REPORT)
    assert (taken.returncode, taken.stdout) == (0, "This is not about a mail that left from here. Nothing was done.\n")
    refused = frontdesk("mail", "bounce", "--data", data, said="hello")
    assert refused.returncode == 1
    assert "not a report" in refused.stderr
