"""What the ranges page shows of a pasted block is what the server makes of it (YA-5)."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from admin.ranges import read_cidr
from foundation.errors import Invalid

MODULE = Path(__file__).parents[2] / "admin/static/js/blocks.js"
PASTED = [
    "192.0.2.0/24", " 10.0.0.0/8 ", "0.0.0.0/0", "255.255.255.255/32", "10.0.0.1/8", "10.0.0.0/33", "256.0.0.0/8",
    "nonsense",
    "10.0.0.0/31", "128.0.0.0/1", "10.0.0.1", "", "::/0", "10.0.0.0/24/24", "$&",
]  # fmt: skip


@pytest.fixture(scope="module")
def ends() -> dict[str, dict[str, str] | None]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    pasted = [*PASTED, "10.0.0.1 - 10.0.0.9", "10.0.0.1–10.0.0.9"]
    program = f"import {{ ends }} from {json.dumps(MODULE.as_uri())};\nconst all = {json.dumps(pasted)};\n"
    program += "console.log(JSON.stringify(Object.fromEntries(all.map((text) => [text, ends(text)]))));"
    command = [node, "--input-type=module", "-e", program]
    return dict(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))


def test_YA_5_a_block_means_the_same_in_both_places(ends: dict[str, dict[str, str] | None]) -> None:
    for text in PASTED:
        try:
            span = read_cidr(text.strip())
        except Invalid:
            assert ends[text] is None, text
        else:
            assert ends[text] == {"start": span.start, "end": span.end}, text


def test_YA_5_two_addresses_with_a_dash_are_start_and_end(ends: dict[str, dict[str, str] | None]) -> None:
    for text in ("10.0.0.1 - 10.0.0.9", "10.0.0.1–10.0.0.9"):
        assert ends[text] == {"start": "10.0.0.1", "end": "10.0.0.9"}
