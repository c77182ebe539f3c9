"""Which tests prove which promise: every row has at least one test that carries its id in its name."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent

ROWS = {
    "YA": [*range(1, 19), *range(20, 28), 29],
    "DD": range(1, 10),
    "PS": range(4, 8),
    "MS": range(1, 13),
}
"""Transcript links and their surroundings, the e-mail in the chat, transcript mails, records and rights."""

OPEN: set[str] = set()
"""Promised and not built yet. A row leaves this set with its first test."""

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_ID = re.compile(r"(?<![A-Za-z])([A-Z]{2})[-_](\d{1,2})(?!\d)")


def names() -> list[str]:
    """The names of all tests, with the file that each stands in."""
    found: list[str] = []
    for file in sorted(TESTS.rglob("test_*.py")):
        functions = (node for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, _FUNCTIONS))
        found += [f"{file.relative_to(TESTS)}::{node.name}" for node in functions if node.name.startswith("test_")]
    for file in sorted(TESTS.rglob("*.test.js")):
        titles = re.findall(r'^test\("([^"]+)"', file.read_text("utf-8"), re.MULTILINE)
        found += [f"{file.relative_to(TESTS)}::{title}" for title in titles]
    return found


def test_every_promise_has_a_test_that_carries_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    proven: defaultdict[str, list[str]] = defaultdict(list)
    for name in names():
        for kind, number in _ID.findall(name.partition("::")[2]):
            proven[f"{kind}-{int(number)}"].append(name)
    rows = [f"{kind}-{number}" for kind, numbers in ROWS.items() for number in numbers]
    assert len(rows) == 52
    with capsys.disabled():
        print(
            "\n"
            + "\n".join(f"{row:<6} {len(proven[row]):>3}  {proven[row][0] if proven[row] else '-'}" for row in rows)
        )
    assert {row for row in rows if not proven[row]} == OPEN
