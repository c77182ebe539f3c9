"""The audit book from the terminal: signed heads beside a running server, and a tail that was cut off (G-1, MS-6)."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from foundation.keys import is_signed
from tests.serving import Frontdesk, serving
from tests.talking import logged_in


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Frontdesk]:
    with serving(tmp_path / "house") as running:
        yield running


async def test_G_1_heads_are_printed_beside_a_server_and_catch_a_cut_tail(house: Frontdesk, tmp_path: Path) -> None:
    owner = next(person for role, person in house.demo["people"].items() if "super" in role)
    async with logged_in(house.base_url, owner["email"], owner["password"]):
        printed = await asyncio.to_thread(house.run, "audit", "head", "--json")
    assert (printed.returncode, printed.stderr) == (0, "")
    heads = tmp_path / "heads.jsonl"
    heads.write_text(printed.stdout)
    await asyncio.to_thread(_compare, house, heads)


def _compare(house: Frontdesk, heads: Path) -> None:
    whole = house.run("audit", "verify", "--head", str(heads))
    assert (whole.returncode, "agrees with the heads" in whole.stdout) == (0, True), whole.stderr
    noted = [json.loads(line) for line in (house.data / "audit-heads.jsonl").read_text().splitlines()]
    assert noted, "the first head was noted when the server began"
    head = json.loads(heads.read_text().splitlines()[-1])
    assert head["entries"] > 1
    assert not is_signed("audit head", b"{}", b"", b"")
    assert house.stop() == 0
    forged = heads.with_name("forged.jsonl")
    forged.write_text(heads.read_text().replace(f'"entries":{head["entries"]}', f'"entries":{head["entries"] + 1}'))
    refused = house.run("audit", "verify", "--head", str(forged))
    assert (refused.returncode, "not what this installation signed" in refused.stderr) == (1, True)
    with closing(sqlite3.connect(house.data / "frontdesk.db")) as db, db:
        (last,) = db.execute(
            "SELECT max(first) FROM batches WHERE log LIKE ?", (f"audit/%{head['account']}",)
        ).fetchone()
        db.execute("DELETE FROM batches WHERE log LIKE ? AND first = ?", (f"audit/%{head['account']}", last))
    cut = house.run("audit", "verify", "--head", str(heads))
    assert cut.returncode == 1
    assert f"entry {last}" in cut.stderr
    assert "Traceback" not in cut.stderr


@pytest.mark.parametrize("text", ["", "no head", "{}"])
def test_what_is_no_head_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    house = Frontdesk(tmp_path / "data")
    house.init()
    file = tmp_path / "heads"
    file.write_text(text)
    for path in (file, tmp_path / "missing"):
        refused = house.run("audit", "verify", "--head", str(path))
        assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
        assert refused.stderr.startswith("frontdesk: ")
    assert house.run("audit", "head").returncode == 0
