"""Finding entries, paging through them and taking them away as a file (YA-7, X-8, G-3, G-5)."""

import csv
import io
import json
import re

import pytest

from admin.heads import is_genuine, read_heads
from foundation.clock import DAY
from foundation.records import Batch, MemoryEngine
from tests.admin.house import House


async def numbers(house: House, query: str, who: str = "ida") -> list[str]:
    async with house.browser(who) as browser:
        page = await browser.get(f"/admin/audit?{query}")
        assert page.status == 200, page.words
        return re.findall(r"deed\.(\w+)", page.words.partition("Find entries")[2])


async def test_YA_7_entries_are_found_by_person_action_object_and_days(house: House) -> None:
    ann, day = house.cast["ann"].id, "2027-01-1"
    book = house.admin.audit
    await book.write(house.blue, ann, "deed.one", "thing-1")
    await house.clock.advance(DAY)
    await book.write(house.blue, "system", "deed.two", "thing-2", conversation="thing-1")
    await house.clock.advance(DAY)
    await book.write(house.blue, "", "deed.three")
    first = int(house.clock.now() // DAY) - 2
    assert first == 20_833, "the clock begins at 2027-01-15"
    assert await numbers(house, f"actor={ann}") == ["one"]
    assert await numbers(house, "actor=nobody") == ["three"]
    assert await numbers(house, "action=deed.two") == ["two"]
    assert await numbers(house, "action=deed.") == ["three", "two", "one"]
    assert await numbers(house, "object=thing-1") == ["two", "one"]
    assert await numbers(house, f"action=deed.&since={day}6&until={day}6") == ["two"]
    assert await numbers(house, f"action=deed.&until={day}5") == ["one"]
    assert await numbers(house, f"since={day}9") == []
    assert await numbers(house, f"actor={ann}&action=deed.two") == []


async def test_filters_are_kept_from_page_to_page_and_bad_ones_say_so(house: House) -> None:
    for number in range(70):
        await house.admin.audit.write(house.blue, "system", "deed.x", f"t{number}")
        await house.admin.audit.write(house.blue, "visitor", "other")
    async with house.browser("ida") as browser:
        page = await browser.get("/admin/audit?actor=system&action=deed.x")
        older = re.search(r'href="(/admin/audit\?[^"]*before=\d+)"', page.text)
        assert older is not None
        second = await browser.get(older[1].replace("&amp;", "&"))
        found = re.findall(r"deed\.x", page.words) + re.findall(r"deed\.x", second.words)
        assert len(found) == 70
        for bad in ("since=yesterday", "since=2027-02-01&until=2027-01-01", "object=" + "x" * 101, "before=0"):
            assert (await browser.get(f"/admin/audit?{bad}")).status == 422, bad
        assert (await browser.get("/admin/audit?unknown=1")).status == 422
        assert "Nothing fits" not in page.words
        assert "No entry fits" in (await browser.get("/admin/audit?object=none")).words


class Counted(MemoryEngine):
    """Counts the batches that are read."""

    batches = 0

    async def read(self, log: str, *, since: int = 0, limit: int = 10_000) -> "list[Batch]":
        found = list(await super().read(log, since=since, limit=limit))
        self.batches += len(found)
        return found


async def test_one_page_opens_no_more_than_it_shows(house: House) -> None:
    for _ in range(400):
        await house.admin.audit.write(house.blue, "system", "deed")
    engine = house.engine
    assert isinstance(engine, MemoryEngine)
    engine.__class__ = Counted
    assert isinstance(engine, Counted)
    entries = await house.admin.audit.read(house.blue, 100, 20)
    assert ([number for number, _ in entries], engine.batches) == (list(range(101, 121)), 20)
    assert await house.admin.audit.read(house.blue, 0, 0) == []


async def test_X_8_G_3_the_csv_runs_nowhere_and_has_one_line_an_entry(house: House) -> None:
    evil = '=HYPERLINK("x")\n\x1b[2J\u2028{"fake":1}'
    await house.admin.audit.write(house.blue, "system", "deed.evil", evil, after={"name": evil})
    async with house.browser("ida") as browser:
        answer = await browser.post("/admin/audit/export", {"format": "csv", "action": "deed."})
        assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'
        header, row = csv.reader(io.StringIO(answer.text, newline=""))
        cells = dict(zip(header, row, strict=True))
        assert cells["object"].startswith("'=")
        assert json.loads(cells["after"]) == {"name": evil}
        assert "\x1b" not in cells["after"]
        entry = (await house.book())[-1]
        assert (entry.action, entry.actor, entry.data["format"]) == ("audit.exported", house.cast["ida"].id, "csv")


async def test_the_json_has_every_entry_up_to_the_export_itself(house: House) -> None:
    for number in range(1_200):
        await house.admin.audit.write(house.blue, "system", "deed", f"\u2028{number}")
    async with house.browser("olga") as browser:
        answer = await browser.post("/admin/audit/export", {"format": "json"})
        lines = answer.text.split("\n")[:-1]
        assert answer.text.isascii()
        assert len(answer.text.splitlines()) == len(lines)
        entries = [json.loads(line) for line in lines]
        assert [entry["number"] for entry in entries] == list(range(1, len(entries) + 1))
        assert entries[-1]["action"] == "audit.exported"
        assert len(entries) == await house.admin.audit.last(house.blue)


async def test_a_damaged_book_ends_its_export_with_a_sentence(house: House) -> None:
    assert isinstance(house.engine, MemoryEngine)
    log = next(batches for name, batches in house.engine._logs.items() if name.endswith(house.blue))
    del log[3]
    async with house.browser("ida") as browser:
        answer = await browser.post("/admin/audit/export", {"format": "json"})
        assert json.loads(answer.text.splitlines()[-1])["error"].startswith("Entry 4 is not as it was written")


@pytest.mark.parametrize("who", ["ann", "sue", "alma"])
async def test_the_book_leaves_with_nobody_else(house: House, who: str) -> None:
    async with house.browser("ida") as browser:
        assert (await browser.post("/admin/audit/export", {"format": "csv"})).status == 200
        assert (await browser.post("/admin/audit/export", {"format": "xlsx"})).status == 422
    before = await house.admin.audit.last(house.blue)
    async with house.browser(who) as browser:
        assert (await browser.post("/admin/audit/export", {"format": "csv"})).status == 403
        assert (await browser.get("/admin/audit/head")).status == 403
    assert await house.admin.audit.last(house.blue) == before


async def test_G_1_the_page_shows_the_newest_head_and_hands_it_out(house: House) -> None:
    async with house.browser("ida") as browser:
        page = await browser.get("/admin/audit")
        answer = await browser.get("/admin/audit/head")
        (head,) = read_heads(answer.text)
        assert (head.account, head.entries) == (house.blue, await house.admin.audit.last(house.blue))
        assert is_genuine(head)
        assert head.public_key in page.words
        assert await house.admin.heads.compare([head]) == []
        assert answer.headers["Content-Disposition"].startswith("attachment")
