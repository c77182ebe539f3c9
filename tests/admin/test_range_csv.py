"""Ranges as CSV, and bringing them in: what is read, what is refused, and that nothing changes halfway (YA-4, YA-5)."""

import csv
import io
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin import AddressRange, By
from admin.moments import LATEST, moment_text, read_moment
from admin.range_csv import COLUMNS, MOST_BYTES, MOST_ROWS, NewRange, read, write
from admin.range_imports import plan
from admin.range_lists import RangeList
from admin.ranges import Span, read_cidr, read_span
from foundation.errors import Conflict, Invalid, NotFound
from tests.admin.house import Browser, House

API = "/api/admin/ranges"
OFFICE = read_span("203.0.113.10", "203.0.113.20")
BY = By("olga", "192.0.2.7")


def ranges_of(text: str) -> list[NewRange | None]:
    return [row.range for row in read(text)]


@pytest.mark.parametrize(
    "text",
    [
        "start,end,label,expires\n203.0.113.10,203.0.113.20,Office,2026-12-31\n",
        "\ufeffstart,end,label,expires\r\n203.0.113.10,203.0.113.20,Office,2026-12-31\r\n",
        "start;end;label;expires\r\n203.0.113.10;203.0.113.20;Office;2026-12-31\r\n",
        "203.0.113.10,203.0.113.20,Office,2026-12-31",
        "203.0.113.10;203.0.113.20;Office;2026-12-31",
        "\n\nLabel , EXPIRES, end ,Start\n Office, 2027-01-01T00:00:00Z , 203.0.113.20, 203.0.113.10 \n,,,\n",
        '"start","end","label","expires"\n"203.0.113.10","203.0.113.20","Office","2027-01-01 00:00"\n',
    ],
)
def test_YA_4_the_usual_spellings_of_one_table(text: str) -> None:
    assert ranges_of(text) == [NewRange(OFFICE, "Office", read_moment("2027-01-01T00:00Z", "expires"))]


def test_YA_5_blocks_and_single_addresses() -> None:
    block, one = read_cidr("203.0.113.0/24"), read_span("203.0.113.7", "203.0.113.7")
    assert ranges_of("cidr,label\n203.0.113.0/24,Office\n") == [NewRange(block, "Office")]
    assert ranges_of("203.0.113.0/24,Office\n203.0.113.7\n") == [NewRange(block, "Office"), NewRange(one)]
    assert ranges_of("start,end,label\n203.0.113.0/24,,Office\n") == [NewRange(block, "Office")]
    assert ranges_of("203.0.113.0/24,,Office") == [NewRange(block, "Office")]
    assert ranges_of("2001:db8::/48;Six") == [NewRange(read_cidr("2001:db8::/48"), "Six")]
    assert ranges_of("cidr,start,end\n,203.0.113.7,\n203.0.113.0/24,,\n") == [NewRange(one), NewRange(block)]


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("010.0.0.1,10.0.0.9,x,", "start"),
        ("10.0.0.1,0x0a,x,", "end"),
        ("10.0.0.9,10.0.0.1,x,", "end"),
        ("10.0.0.1/8,,x,", "cidr"),
        (",10.0.0.1,x,", "start"),
        (f"10.0.0.1,,{'x' * 81},", "label"),
        ("10.0.0.1,,a\u202eb,", "label"),
        ("10.0.0.1,,x,tomorrow", "expires"),
        ("10.0.0.1,,x,2026-02-30", "expires"),
        ("10.0.0.1,,x,2026-12-31T18:00+02:00", "expires"),
        ("10.0.0.1,,x,,too many", "csv"),
        ("10.0.0.1,2001:db8::1,x,", "end"),
        ("fe80::1%eth0,,x,", "start"),
    ],
)
def test_YA_6_a_wrong_line_is_named_and_the_others_are_read(line: str, field: str) -> None:
    rows = read(f"start,end,label,expires\n10.1.1.1,,fine,\n\n{line}\n10.1.1.2,,fine,\n")
    assert [(row.line, row.field) for row in rows] == [(2, ""), (4, field), (5, "")]
    assert rows[1].error
    assert rows[1].range is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing in it"),
        ("\ufeff \n , \n", "nothing in it"),
        ("start,end,label\n", "only a header"),
        ("start,end,colour\n10.0.0.1,,red\n", "'colour' is no column"),
        ("start,start,end\n10.0.0.1,,\n", "'start' stands there twice"),
        ("end,label\n10.0.0.1,x\n", "no column start"),
        ('10.0.0.1,,"open\n10.0.0.2,,x\n', "Line 1 is no CSV"),
        ('10.0.0.1,,x\n10.0.0.2,,"x"y\n', "Line 2 is no CSV"),
        ("10.0.0.1\n" * (MOST_ROWS + 1), "10,000 rows"),
        ("ü" * (MOST_BYTES // 2 + 1), "2048 kB"),
        (f"10.0.0.1,,{'x' * 200_000}", "Line 1 is no CSV"),
    ],
)
def test_YA_4_what_is_no_table_of_ranges_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(Invalid, match=said) as refused:
        read(text)
    assert refused.value.data["field"] == "csv"


def test_line_numbers_count_lines_also_within_cells() -> None:
    rows = read('start,label\n10.0.0.1,"a\nb"\n10.0.0.1.1,c\n')
    assert [(row.line, row.field) for row in rows] == [(2, "label"), (4, "start")]


labels = st.text(
    st.one_of(st.sampled_from("=+-@'\"; ,\uff1d\u00e4"), st.characters(codec="utf-8", exclude_categories=["C", "Z"])),
    max_size=20,
).map(str.strip)
moments = st.one_of(st.none(), st.integers(0, LATEST))
numbers = st.one_of(st.integers(0, 2**32 - 1), st.integers(2**125, 2**126 - 1))


def span_of(one: int, other: int) -> Span:
    return Span(min(one, other), max(one, other)) if (one < 2**32) == (other < 2**32) else Span(one, one)


listed = st.lists(
    st.builds(
        lambda span, label, comment, end: AddressRange("i" * 22, "account", span, label, 0, "olga", comment, end),
        st.builds(span_of, numbers, numbers),
        labels,
        labels,
        moments,
    ),
    max_size=12,
)


@settings(max_examples=300)
@given(listed)
def test_YA_4_what_was_exported_is_imported_as_it_was(ranges: list[AddressRange]) -> None:
    text = write(ranges)
    found = [row.range for row in read(text)] if ranges else []
    import unicodedata

    expected = [
        NewRange(
            one.span, unicodedata.normalize("NFC", one.label), one.expires_at, unicodedata.normalize("NFC", one.comment)
        )
        for one in ranges
    ]
    assert found == expected
    if ranges and all(unicodedata.is_normalized("NFC", one.label + "\0" + one.comment) for one in ranges):
        again = plan(RangeList("account", 1, True, tuple(ranges)), text)
        assert {one.status for one in again.rows} == {"there"}, "into the same list it changes nothing"


@given(listed)
def test_X_2_no_cell_of_an_export_begins_like_a_formula(ranges: list[AddressRange]) -> None:
    for cells in csv.reader(io.StringIO(write(ranges), newline="")):
        assert not [cell for cell in cells if cell[:1] in {*"=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"} - {""}]


@given(st.one_of(st.none(), st.integers(0, LATEST)))
def test_moments_are_read_as_they_are_written(at: int | None) -> None:
    assert read_moment(moment_text(at), "expires") == at


def test_X_2_formulas_keep_their_words_behind_an_apostrophe() -> None:
    one = AddressRange("i" * 22, "account", OFFICE, '=HYPERLINK("x")', 0, "olga", "@cmd")
    assert write([one]).splitlines() == [
        ",".join(COLUMNS),
        '203.0.113.10,203.0.113.20,"\'=HYPERLINK(""x"")",,\'@cmd',
    ]


# The import


async def test_YA_5_a_preview_says_what_would_happen_and_changes_nothing(house: House) -> None:
    lists = house.admin.whitelists
    await lists.add(house.blue, "account", OFFICE, label="Office")
    before = await house.actions()
    text = (
        "203.0.113.10,203.0.113.20,Office\n203.0.113.20,203.0.113.30,Annex\n10.0.0.1,,New\nnonsense,,x\n10.0.0.1,,Twin"
    )
    seen = await house.admin.range_imports.preview(house.blue, "account", text)
    assert [(one.row.line, one.status) for one in seen.rows] == [
        (1, "there"), (2, "overlaps"), (3, "overlaps"), (4, "error"), (5, "overlaps"),
    ]  # fmt: skip
    assert seen.rows[1].overlaps == ("203.0.113.10 – 203.0.113.20 (Office)", "line 1")
    assert seen.rows[2].overlaps == ("line 5",)
    assert seen.counts == {"added": 0, "there": 1, "overlaps": 3, "error": 1}
    assert await house.actions() == before
    assert len(await lists.ranges(house.blue)) == 1


async def test_YA_4_an_import_is_made_wholly_or_not_at_all(house: House) -> None:
    lists, imports = house.admin.whitelists, house.admin.range_imports
    await lists.toggle(house.blue, "account", enabled=True)
    before = await house.actions()
    with pytest.raises(Invalid) as refused:
        await imports.apply(house.blue, "account", "10.0.0.1\n10.0.0.2\nnonsense\n", version=1)
    assert refused.value.data["errors"][0]["line"] == 3
    with pytest.raises(Conflict) as stale:
        await imports.apply(house.blue, "account", "10.0.0.1\n", version=0)
    assert stale.value.data["field"] == "version"
    with pytest.raises(Conflict) as wide:
        await imports.apply(house.blue, "account", "".join(f"{n}.0.0.0/8\n" for n in (11, 12)), version=1)
    assert wide.value.data == {"field": "confirm", "reasons": ["range_is_wide"], "addresses": 2**25}
    with pytest.raises(NotFound):
        await imports.apply(house.blue, house.bots["red"].id, "10.0.0.1\n", version=0)
    assert await house.actions() == before
    assert await lists.ranges(house.blue) == []
    made = await imports.apply(house.blue, "account", "10.0.0.1,,A\n10.0.0.1,,A\n10.0.0.2,,B\n", version=1, by=BY)
    assert len(made.new) == 3
    assert (await lists.list_of(house.blue, "account")).version == 2, "one change"
    assert lists.allowed(house.blue, house.bots["shop"].id, "10.0.0.2"), "it counts at once"
    *_, summary, detail = await house.book()
    assert (summary.action, summary.actor, summary.data["ranges"]) == ("ranges.imported", "olga", 3)
    assert detail.after == {"scope": "account", "ranges": ["10.0.0.1/32 A", "10.0.0.1/32 A", "10.0.0.2/32 B"]}
    again = await imports.apply(house.blue, "account", "10.0.0.1,,A\n10.0.0.2,,B\n", version=2, by=BY)
    assert (len(again.new), (await lists.list_of(house.blue, "account")).version) == (0, 2)


async def test_YA_4_a_list_is_exported_and_imported_into_another(house: House) -> None:
    lists, imports, shop = house.admin.whitelists, house.admin.range_imports, house.bots["shop"].id
    await lists.add(house.blue, "account", OFFICE, label="=Office", comment="-1", expires_at=house.clock.now() + 5)
    await lists.add(house.blue, "account", read_cidr("2001:db8::/48"), label='\'+Six; "and" more')
    await house.clock.advance(10)
    text = await imports.export(house.blue, "account", by=BY)
    assert ((await house.last_entry()).action, (await house.last_entry()).data["ranges"]) == ("ranges.exported", 2)
    await imports.apply(house.blue, shop, text, version=0)
    facts = [
        [(one.span, one.label, one.comment, one.expires_at) for one in await lists.ranges(house.blue, scope)]
        for scope in ("account", shop)
    ]
    assert facts[0] == facts[1]
    assert await imports.export(house.blue, shop) == text
    assert [one.status for one in (await imports.preview(house.blue, "account", text)).rows] == ["there", "there"]


# Over HTTP


async def send(browser: Browser, path: str, **body: Any) -> Any:
    return await browser.json("POST", f"{API}/{path}", body)


async def test_YA_4_import_and_export_for_programs(house: House) -> None:
    async with house.browser("olga") as browser:
        text = "start;end;label;expires\n203.0.113.10;203.0.113.20;Büro;2099-12-31\nbad;;;\n"
        seen = await send(browser, "account/import/preview", csv=text)
        assert (seen.status, seen.json()["counts"]) == (200, {"added": 1, "there": 0, "overlaps": 0, "error": 1})
        assert [row["line"] for row in seen.json()["rows"]] == [3, 2], "what needs a look comes first"
        refused = await send(browser, "account/import", csv=text, version=0)
        assert (refused.status, refused.json()["errors"][0]["line"]) == (422, 3)
        text = text.replace("bad;;;\n", "")
        assert (await send(browser, "account/import", csv=text)).status == 422, "the version is not optional"
        assert (await send(browser, "account/import", csv=text, version=7)).status == 409
        done = await send(browser, "account/import", csv=text, version=seen.json()["version"])
        assert done.json() == {"added": 1, "there": 0}
        file = await browser.get(f"{API}/account/export")
        assert file.headers["Content-Disposition"] == 'attachment; filename="ranges-account.csv"'
        assert file.text == f"{','.join(COLUMNS)}\r\n203.0.113.10,203.0.113.20,Büro,2100-01-01T00:00:00Z,\r\n"
        assert (await browser.get(f"{API}/{house.bots['red'].id}/export")).status == 404
        assert (await send(browser, f"{'A' * 22}/import/preview", csv=text)).status == 404


async def test_YA_4_the_import_page_shows_first_and_changes_then(house: House) -> None:
    path = "/admin/ranges/account/import"
    async with house.browser("olga") as browser:
        assert "Ranges for the account" in (await browser.get(path)).words
        empty = await browser.post(path, {"csv": ""})
        assert (empty.status, 'id="csv-error"' in empty.text) == (422, True)
        wrong = await browser.post(path, {"csv": "10.0.0.1,,</textarea><b>\nnonsense"})
        assert "1 line with an error" in wrong.words
        assert "</textarea><b>" not in wrong.text
        assert 'name="version"' not in wrong.text, "nothing to agree to"
        seen = await browser.post(path, {"csv": "10.0.0.1,,Lab\n"})
        assert (seen.status, 'name="version" value="0"' in seen.text) == (200, True)
        assert await house.admin.whitelists.ranges(house.blue) == []
        await house.admin.whitelists.toggle(house.blue, "account", enabled=True)
        stale = await browser.post(path, {"csv": "10.0.0.1,,Lab\n", "version": "0"})
        assert stale.status == 409
        assert "Somebody else changed this list" in stale.words
        assert 'name="version" value="1"' in stale.text, "the preview is shown anew"
        wide = await browser.post(path, {"csv": "0.0.0.0/0", "version": "1"})
        assert (wide.status, 'name="confirm"' in wide.text) == (409, True)
        done = await browser.post(path, {"csv": "10.0.0.1,,Lab\n", "version": "1"})
        assert done.location == "/admin/ranges?list=account&done=ranges_imported"
        assert [one.label for one in await house.admin.whitelists.ranges(house.blue)] == ["Lab"]
        assert (await browser.get(f"/admin/ranges/{house.bots['red'].id}/import")).status == 404


def test_addresses_of_the_two_kinds_are_written_as_they_are_shown() -> None:
    for text in ("10.0.0.1", "2001:db8::1"):
        address = IPv6Address(text) if ":" in text else IPv4Address(text)
        one = AddressRange("i" * 22, "account", Span(int(address), int(address)), "", 0, "olga")
        assert f"{text},{text},,,\r\n" in write([one])
