"""The audit page: reading and checking (YA-7, G-1)."""

import re

from foundation.records import MemoryEngine
from tests.admin.house import House


async def test_YA_7_the_audit_page_shows_who_did_what(house: House) -> None:
    async with house.browser("olga", source="127.0.0.6") as olga, house.browser("ida") as ida:
        await olga.post("/admin/ranges", {"scope": "account", "start": "10.0.0.1", "label": "Lab"})
        await olga.post("/admin/people/" + house.cast["ann"].id + "/role", {"role": "supervisor"})
        page = await ida.get("/admin/audit")
        assert re.search(r"Olga Blue changed a role : Ann Blue|Olga Blue changed a role: Ann Blue", page.words)
        assert "role agent → supervisor" in page.words
        assert "added a range" in page.words
        assert "127.0.0.6" in page.words
        assert "Olga Blue" in page.words
        for hidden in ("People and roles", "Transcript ranges", "Console"):
            assert hidden not in page.words, "an auditor's menu has only what he may open"


async def test_the_audit_page_goes_back_entry_by_entry(house: House) -> None:
    for number in range(120):
        await house.admin.audit.write(house.blue, "system", f"deed.{number}")
    async with house.browser("ida") as browser:
        seen: list[str] = []
        path: str | None = "/admin/audit"
        while path is not None:
            page = await browser.get(path)
            seen += re.findall(r"deed\.\d+", page.words)
            older = re.search(r'href="(/admin/audit\?before=\d+)"', page.text)
            path = older[1] if older else None
        assert seen == [f"deed.{number}" for number in range(119, -1, -1)]
        assert "Nothing before that" in (await browser.get("/admin/audit?before=1")).words
        assert (await browser.get("/admin/audit?before=0")).status == 422
        assert (await browser.get("/admin/audit?before=x")).status == 422
        assert (await browser.get("/admin/audit?before=99999999999999999999")).status == 200
        assert (await browser.get("/admin/audit?before=999999999")).status == 200


async def test_G_1_the_check_says_whether_the_book_is_whole(house: House) -> None:
    async with house.browser("ida") as browser:
        whole = await browser.post("/admin/audit/check")
        count = await house.admin.audit.last(house.blue)
        assert f"The book is whole: all {count} entries continue the chain" in whole.words
        assert isinstance(house.engine, MemoryEngine)
        log = next(batches for name, batches in house.engine._logs.items() if name.endswith(house.blue))
        del log[3]
        broken = await browser.post("/admin/audit/check")
        assert broken.status == 200
        assert "Entry 4 does not continue the chain" in broken.words
        assert "Entry 4 is not as it was written" in broken.words, "and the page says so without falling over"
