"""The privacy pages of the admin: who may, what they write down, and what they hand out (MS-1, MS-3, MS-5, G, M)."""

import hashlib
import io
import json
import zipfile
from urllib.parse import urlencode

import pytest

from foundation.clock import DAY, ManualClock
from foundation.errors import Conflict, Invalid
from foundation.keys import Keyring
from foundation.records import MemoryEngine
from tests.transcripts.house import Answer, House
from transcripts import Consents
from transcripts.notice_pages import differences
from transcripts.notices import OURS
from transcripts.published import PublishedTexts, fill, readable

PAGES = ("/admin/notices", "/admin/transcript-mails", "/admin/privacy-requests")
TEXT = "{bot} of {controller} keeps what you write. {period} Thank you for reading <b>this</b>."


async def post(house: House, path: str, who: str, *, own: bool = True, **fields: object) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await house.ask(path, who=who, method="POST", own=own, headers=headers, data=urlencode(fields).encode())


async def publish(house: House, who: str = "alma", **fields: object) -> Answer:
    defaults = {"use": "notice", "language": "en", "bot": "", "text": TEXT, "after": 0, "step": "publish"}
    return await post(house, "/admin/notices", who, **{**defaults, **fields})


@pytest.mark.parametrize("path", PAGES)
async def test_M_1_only_admins_open_the_pages(house: House, path: str) -> None:
    for who in ("olga", "alma"):
        assert (await house.ask(path, who=who)).status == 200, who
    for who in ("ann", "ida"):
        assert (await house.ask(path, who=who)).status == 403, who
    assert (await house.ask(path)).status == 303


async def test_G_5_the_consent_log_is_for_super_admins_and_auditors(house: House) -> None:
    for who in ("olga", "ida"):
        assert (await house.ask("/admin/consents", who=who)).status == 200
        assert (await post(house, "/admin/consents/proof", who)).status == 200
    for who in ("alma", "ann"):
        assert (await house.ask("/admin/consents", who=who)).status == 403
        assert (await post(house, "/admin/consents/proof", who)).status == 403
    assert (await post(house, "/admin/consents/proof", "olga", own=False)).status == 403, "C-4"


async def test_MS_1_MS_5_a_version_is_previewed_published_and_never_changed(house: House) -> None:
    preview = await publish(house, step="preview", bot=house.bots["shop"].id)
    assert preview.status == 200
    assert hashlib.sha256(TEXT.encode()).hexdigest() in preview.text
    assert "Shop bot of Blue Ltd keeps" in preview.text
    assert "&lt;b&gt;this&lt;/b&gt;" in preview.text, "X-1"
    assert "Publish version 1" in preview.text
    texts = house.consents.texts
    assert await texts.newest(house.accounts["blue"], "notice", "en") is None, "nothing was published by that"

    assert (await publish(house)).status == 303
    assert (await publish(house)).status == 409, "somebody was faster"
    assert (await publish(house, after=1)).status == 422, "nothing has changed"
    assert (await publish(house, after=1, text=TEXT + " Really.")).status == 303
    versions = await texts.versions(house.accounts["blue"], "notice", "en")
    assert [(one.number, one.author_name, one.text) for one in versions] == [
        (2, "Alma", TEXT + " Really."),
        (1, "Alma", TEXT),
    ]
    page = await house.ask("/admin/notices?use=notice&language=en&bot=&version=2", who="alma")
    assert "<ins> Really.</ins>" in page.text or "Really.</ins>" in page.text
    book = [entry.action for _, entry in await house.admin.audit.read(house.accounts["blue"], 0, 10_000)]
    assert book.count("text.published") >= 2


async def test_MS_5_a_text_of_the_bot_goes_before_that_of_all_bots(house: House) -> None:
    blue, shop, desk = house.accounts["blue"], house.bots["shop"].id, house.bots["desk"].id
    await publish(house)
    await publish(house, bot=shop, text="Only the shop: {bot}, {controller}, {period}")
    assert (await house.consents.notice(blue, shop, "en")).text.startswith("Only the shop: Shop bot, Blue Ltd")
    assert (await house.consents.notice(blue, desk, "en")).text.startswith("Desk bot of Blue Ltd")
    assert (await house.consents.notice(blue, desk, "de")).number == 0, "another language is another text"
    red = house.accounts["red"]
    assert await house.consents.texts.all(red) == [], "M-1"


async def test_M_1_texts_of_foreign_bots_and_unknown_kinds_are_not_there(house: House) -> None:
    assert (await publish(house, "rita", bot=house.bots["shop"].id)).status == 404
    for wrong in ({"use": "secrets"}, {"language": "fr"}, {"bot": "A" * 22}):
        assert (await publish(house, **wrong)).status == 404, wrong
    for wrong in ({"step": "delete"}, {"after": -1}, {"after": "x"}, {"author": "me"}):
        assert (await publish(house, **wrong)).status == 422, wrong
    assert (await publish(house, "ann")).status == 403
    assert await house.consents.texts.all(house.accounts["blue"]) == []


@pytest.mark.parametrize(
    "text", ["too short", "x" * 12_001, "{bot.__class__} is longer than that", "{0} is longer than that", "a { b" * 9]
)
def test_X_13_a_text_holds_only_the_placeholders_that_there_are(text: str) -> None:
    with pytest.raises(Invalid):
        readable(text)


def test_X_13_a_value_is_only_a_value() -> None:
    assert fill("{bot}: {controller}", {"bot": "{controller}", "controller": "\\1 $&"}) == "{controller}: \\1 $&"


def test_every_text_of_ours_could_be_published() -> None:
    assert [readable(text) for texts in OURS.values() for text in texts.values()]


def test_the_differences_are_the_whole_of_both_texts() -> None:
    pieces = list(differences("one two three", "one 2 three four"))
    assert "".join(piece.text for piece in pieces if piece.kind != "new") == "one two three"
    assert "".join(piece.text for piece in pieces if piece.kind != "gone") == "one 2 three four"


async def test_G_2_two_who_publish_at_once_publish_one(
    engine: MemoryEngine, keyring: Keyring, clock: ManualClock
) -> None:
    texts = PublishedTexts(engine, keyring, clock)
    await texts.publish("blue", "terms", "en", "The first of all of these texts", after=0, author="p")
    with pytest.raises(Conflict):
        await texts.publish("blue", "terms", "en", "Another first of all of these texts", after=0, author="p")


async def test_MS_3_the_proof_pack_holds_every_record_and_every_version_and_can_be_checked(
    house: House, clock: ManualClock
) -> None:
    blue, shop, desk = house.accounts["blue"], house.bots["shop"].id, house.bots["desk"].id
    consents: Consents = house.consents
    await publish(house)
    given = []
    for bot in (shop, desk):
        notice = await consents.notice(blue, bot, "en")
        given.append(
            await consents.give(
                blue, bot, visitor="v", conversation="c", version=notice.version, page="https://a.example/"
            )
        )
        await clock.advance(DAY)
    await consents.withdraw(blue, given[0].id, visitor="v")

    async def pack(**fields: str) -> dict[str, str]:
        answer = await post(house, "/admin/consents/proof", "ida", **fields)
        assert answer.status == 200, answer.text
        assert answer.headers["Content-Type"] == "application/zip"
        with zipfile.ZipFile(io.BytesIO(answer.body)) as packed:
            files = {name: packed.read(name).decode() for name in packed.namelist()}
        sums = dict(reversed(line.split("  ")) for line in files.pop("SHA256SUMS").splitlines())
        assert sums == {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
        return files

    files = await pack()
    data = json.loads(files["consents.json"])
    assert [one["id"] for one in data["records"]][:2] == [one.id for one in given]
    assert data["records"][2]["withdraws"] == given[0].id
    assert all(hashlib.sha256(one["text"].encode()).hexdigest() == one["hash"] for one in data["records"])
    assert data["damaged_hashes"] == []
    assert [(one["number"], one["text"]) for one in data["texts"]] == [(1, TEXT)]
    assert len(data["our_texts"]) == 6
    assert "&lt;b&gt;this" in files["consents.html"]
    only = json.loads((await pack(bot=desk))["consents.json"])["records"]
    assert [one["bot"] for one in only] == [desk]
    book = [entry for _, entry in await house.admin.audit.read(blue, 0, 10_000)]
    assert [entry.actor for entry in book if entry.action == "consents.exported"] == [house.cast["ida"].id] * 2
    for wrong in ({"since": "yesterday"}, {"until": "2026-02-30"}, {"since": "2026-02-02", "until": "2026-02-01"}):
        assert (await post(house, "/admin/consents/proof", "ida", **wrong)).status == 422, wrong
    assert (await post(house, "/admin/consents/proof", "rita", bot=desk)).status == 404, "M-1"


async def test_MS_4_a_visitors_request_is_answered_once_by_an_admin(house: House, clock: ManualClock) -> None:
    blue = house.accounts["blue"]
    asked = await house.requests.ask(blue, house.bots["shop"].id, "erase", visitor="v", conversations=["c"])
    path = f"/admin/privacy-requests/{asked.id}"
    assert "Erase" in (await house.ask("/admin/privacy-requests", who="alma")).text
    for who, status in (("ann", 403), ("ida", 403), ("rita", 404)):
        assert (await post(house, path, who, note="gone", outcome="done")).status == status
    for wrong in ({"note": "x", "outcome": "done"}, {"note": "gone", "outcome": "maybe"}):
        assert (await post(house, path, "alma", **wrong)).status == 422
    assert (await post(house, path, "alma", note="All of it is gone.", outcome="done")).status == 303
    assert (await post(house, path, "alma", note="Again.", outcome="refused")).status == 409
    (kept,) = await house.requests.of_visitor(blue, "v")
    assert (kept.state, kept.note, kept.answered_by) == ("done", "All of it is gone.", house.cast["alma"].id)
    assert await house.requests.of_visitor(blue, "somebody else") == []


async def test_PS_5_a_request_or_a_mail_that_is_overdue_stands_on_every_admin_page(
    house: House, clock: ManualClock
) -> None:
    blue = house.accounts["blue"]
    await house.requests.ask(blue, house.bots["shop"].id, "erase", visitor="v", conversations=["c"])
    mail = await house.mails.owe(
        blue, "c", bot=house.bots["shop"].id, why="closed", occasion="closed", sender="a@b.example", at=clock.now()
    )
    assert "alert" not in (await house.ask("/admin/bots", who="alma")).text
    await house.mails.change(mail, late=1)
    page = (await house.ask("/admin/bots", who="alma")).text
    assert "1 transcript mail has not left within 15 minutes" in page
    await clock.advance(26 * DAY)
    page = (await house.ask("/admin/bots", who="alma")).text
    assert "request is due within five days or overdue" in page.replace("&#39;", "'")
    assert "Late" in (await house.ask("/admin/transcript-mails", who="alma")).text
