"""`/admin/privacy` and `/admin/figures` as they are served: what each role is answered, and what is typed before (YA-20)."""

import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from admin import doors
from admin.doors.frame import AdminFrame
from foundation import jobs, keys
from foundation.clock import DAY, ManualClock
from foundation.jobs import Jobs
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import MemoryEngine
from foundation.web import Pages, Static, WebSettings, build_app, serve
from tests.transcripts import house as houses
from transcripts import KINDS, PAGES, STATICS, Consents, Contacts, rights
from transcripts.rights import Rights
from transcripts.rights.pages import PrivacyDoor


@dataclass
class Served:
    """The doors with their cast, and the rights behind them."""

    house: houses.House
    rights: Rights
    outbox: Jobs
    contacts: Contacts

    @property
    def blue(self) -> str:
        return self.house.accounts["blue"]

    async def send(self, path: str, who: str = "olga", **fields: str) -> houses.Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.house.ask(path, who=who, method="POST", data=urlencode(fields), headers=headers)


@pytest_asyncio.fixture
async def served() -> AsyncIterator[Served]:
    clock, signals = ManualClock(), LocalSignals()
    engine = MemoryEngine([*jobs.KINDS, *houses.admin.KINDS, *KINDS, *rights.KINDS])
    store = MemoryEngine(keys.KINDS)
    await engine.open()
    await store.open()
    keyring = Keyring(store, MasterKey(bytes(range(32))), clock)
    await keyring.open()
    house = await houses.build(engine, keyring, clock, signals)
    outbox, contacts = Jobs(engine, keyring, clock), Contacts(engine, keyring, clock)
    built = rights.build(
        engine=engine,
        keyring=keyring,
        clock=clock,
        conversations=house.conversations,
        contacts=contacts,
        consents=Consents(engine, keyring, clock, house.admin.accounts, house.admin.bots),
        accounts=house.admin.accounts,
        bots=house.admin.bots,
        audit=house.admin.audit,
        jobs=outbox,
        signals=signals,
        residency={"database": "Frankfurt", "key store": ""},
    )
    served = Served(house, built, outbox, contacts)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    await _open(served, contacts, listening)
    yield served
    assert house.runner is not None
    await house.runner.cleanup()
    listening.close()
    await store.close()
    await engine.close()


async def _open(served: Served, contacts: Contacts, listening: socket.socket) -> None:
    house = served.house
    house.port = listening.getsockname()[1]
    pages = Pages([PAGES, doors.PAGES])
    door = PrivacyDoor(
        AdminFrame(pages, house.admin.accounts),
        served.rights,
        accounts=house.admin.accounts,
        bots=house.admin.bots,
        contacts=contacts,
        conversations=house.conversations,
        clock=house.clock,
        residency=(("database", "Frankfurt"), ("key store", "")),
    )
    app = build_app(
        [*door.routes(house.admin.rules), *doors.routes(house.admin, pages)],
        settings=WebSettings(base_url=house.origin, shutdown_s=2.0),
        pages=pages,
        statics=[*STATICS, *doors.STATICS, Static("/static/foundation", houses.FOUNDATION / "static")],
        clock=house.clock,
        cleanup_ctx=[house.admin.running],
    )
    house.runner = await serve(app, sock=listening)


RULE = {"data": "transcripts", "scope": "", "choice": "30", "own": "", "reason": ""}


async def test_YA_20_the_rule_is_saved_after_its_dry_run_and_its_typed_words(served: Served) -> None:
    await served.house.clock.advance(31 * DAY)
    shown = await served.send("/admin/privacy/retention/preview", **RULE)
    assert shown.status == 200
    assert "A dry run: nothing was changed" in shown.text
    assert re.search(r'data-label="Goes now" class="num">1<', shown.text)
    assert "Type “30 days” to confirm" in shown.text
    for typed in ("", "yes", "60 days"):
        refused = await served.send("/admin/privacy/retention", **RULE, confirm=typed)
        assert (refused.status, "Nothing was changed" in refused.text) == (422, True)
    assert await served.rights.retention.days(served.blue, served.house.bots["shop"].id) == 180
    saved = await served.send("/admin/privacy/retention", **RULE, confirm="30 days")
    assert (saved.status, saved.location) == (303, "/admin/privacy?done=retention")
    await served.outbox.run_due()
    assert not await served.house.conversations.heads.exists(served.blue, served.house.chat)
    page = await served.house.ask("/admin/privacy", who="olga")
    (file,) = set(re.findall(r"/admin/privacy/certificates/[\w-]{22}", page.text))
    certificate = await served.house.ask(file, who="olga")
    assert certificate.headers["Content-Disposition"].startswith("attachment")
    assert {"document", "sha256", "signature", "public_key", "algorithm"} == certificate.json().keys()


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"data": "nothing"}, 422),
        ({"choice": "own", "own": "0"}, 422),
        ({"choice": "own", "own": "4000"}, 422),
        ({"choice": "own", "own": "١٢"}, 422),
        ({"choice": "forever"}, 200),
        ({"scope": "A" * 22}, 404),
        ({"choice": "own", "own": "90"}, 200),
    ],
)
async def test_a_rule_that_cannot_be_is_said_beside_its_field(
    served: Served, changes: dict[str, str], status: int
) -> None:
    assert (await served.send("/admin/privacy/retention/preview", **(RULE | changes))).status == status


async def test_TI_3_for_ever_needs_its_reason_and_its_words(served: Served) -> None:
    forever = RULE | {"choice": "forever"}
    refused = await served.send("/admin/privacy/retention", **forever, confirm="for ever")
    assert refused.status == 422
    saved = await served.send("/admin/privacy/retention", **(forever | {"reason": "By law"}), confirm="For ever")
    assert saved.status == 303
    assert await served.rights.retention.days(served.blue, served.house.bots["shop"].id) is None


async def test_MS_4_erasing_wants_the_word_typed(served: Served) -> None:
    form = {"what": "conversation", "subject": served.house.chat, "reason": "She asked"}
    refused = await served.send("/admin/privacy/erasures", **form, confirm="yes")
    assert (refused.status, await served.house.conversations.heads.exists(served.blue, served.house.chat)) == (
        422,
        True,
    )
    assert served.house.chat in refused.text  # what was typed is still there
    erased = await served.send("/admin/privacy/erasures", **form, confirm="erase")
    assert (erased.status, erased.location) == (303, "/admin/privacy?done=erased")
    assert not await served.house.conversations.heads.exists(served.blue, served.house.chat)
    again = await served.send("/admin/privacy/erasures", **form, confirm="erase")
    assert again.status == 404


async def test_a_contact_is_erased_by_his_address(served: Served) -> None:
    contact = (await served.contacts.supply(served.blue, "jane@visitors.example", "visitor")).contact
    form = {"what": "contact", "reason": "She asked", "confirm": "erase"}
    assert (await served.send("/admin/privacy/erasures", **form, subject="nobody@visitors.example")).status == 404
    assert (await served.send("/admin/privacy/erasures", **form, subject="Jane@Visitors.example")).status == 303
    assert not await served.contacts.exists(served.blue, contact)


async def test_an_erasure_under_a_hold_is_queued_shown_and_carried_out_when_it_ends(served: Served) -> None:
    hold = {"scope": "conversation", "subject": served.house.chat, "days": "10", "reason": "A lawsuit"}
    assert (await served.send("/admin/privacy/holds", **(hold | {"days": "x"}))).status == 422
    assert (await served.send("/admin/privacy/holds", **(hold | {"subject": "A" * 22}))).status == 404
    assert (await served.send("/admin/privacy/holds", **hold)).status == 303
    form = {"what": "conversation", "subject": served.house.chat, "reason": "She asked", "confirm": "erase"}
    queued = await served.send("/admin/privacy/erasures", **form)
    assert queued.location == "/admin/privacy?done=erasure_queued"
    page = (await served.house.ask("/admin/privacy", who="olga")).text
    assert "waits for a legal hold" in page
    assert "A lawsuit" in page
    (lift,) = re.findall(r"/admin/privacy/holds/[\w-]{22}/lift", page)
    assert (await served.send(lift)).status == 303
    assert not await served.house.conversations.heads.exists(served.blue, served.house.chat)


async def test_E_10_restricting_lifting_and_reading_want_a_reason(served: Served) -> None:
    form = {"conversation": served.house.chat, "deed": "restrict", "reason": "She objects"}
    path = "/admin/privacy/restrictions"
    assert (await served.send(path, **(form | {"reason": ""}))).status == 422
    assert (await served.send(path, **(form | {"deed": "burn"}))).status == 422
    assert (await served.send(path, **(form | {"conversation": "A" * 22}))).status == 404
    assert (await served.send(path, **form)).status == 303
    assert (await served.house.conversations.state(served.blue, served.house.chat)).restricted is not None
    read = await served.send(path, **(form | {"deed": "read", "reason": "A claim"}))
    assert (read.status, houses.SAID in read.text, "<script>alert(1)" in read.text) == (200, True, False)
    assert (await served.send(path, **(form | {"deed": "lift"}))).status == 303
    assert (await served.house.conversations.state(served.blue, served.house.chat)).restricted is None


async def test_E_10_a_link_to_a_restricted_conversation_has_ended(served: Served) -> None:
    house = served.house
    await house.allow("shop", "127.0.0.1")
    person = await house.admin.sessions.principal_of(await house.admin.sessions.open(house.cast["ann"]))
    assert (await house.guard.open(house.token, person, None)).decision.outcome == "member"
    form = {"conversation": house.chat, "deed": "restrict", "reason": "She objects"}
    await served.send("/admin/privacy/restrictions", **form)
    opening = await house.guard.open(house.token, person, None)
    assert (opening.decision.outcome, opening.decision.rule, opening.state) == ("gone", "restricted", None)


async def test_MS_12_a_correction_reads_right_and_its_history_is_kept(served: Served) -> None:
    form = {"conversation": served.house.chat, "what": "name", "value": "Jane Rightly", "reason": "She said so"}
    path = "/admin/privacy/corrections"
    for wrong in ({"what": "shoe"}, {"value": " "}, {"reason": ""}, {"what": "message", "message": "one"}):
        assert (await served.send(path, **(form | wrong))).status == 422
    assert (await served.send(path, **(form | {"conversation": "A" * 22}))).status == 404
    assert (await served.send(path, **form)).status == 303
    assert (await served.house.conversations.state(served.blue, served.house.chat)).name == "Jane Rightly"
    read = {"conversation": served.house.chat, "deed": "read", "reason": "A question"}
    page = await served.send("/admin/privacy/restrictions", **read)
    assert re.search(r"<del>Jane Canarylady</del>.*<ins>Jane Rightly</ins>", page.text, re.DOTALL)


PATHS = (
    ("POST", "/admin/privacy/corrections"),
    ("GET", "/admin/privacy"),
    ("POST", "/admin/privacy/retention/preview"),
    ("POST", "/admin/privacy/retention"),
    ("POST", "/admin/privacy/erasures"),
    ("POST", "/admin/privacy/holds"),
    ("POST", f"/admin/privacy/holds/{'A' * 22}/lift"),
    ("POST", "/admin/privacy/restrictions"),
    ("GET", f"/admin/privacy/certificates/{'A' * 22}"),
)


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("who", ["alma", "ann", "ida", None])
async def test_A_17_the_page_is_for_super_admins(served: Served, method: str, path: str, who: str | None) -> None:
    answer = await (served.house.ask(path, who=who) if method == "GET" else _post(served, path, who))
    assert answer.status in ((303, 401) if who is None else (403,))
    assert await served.house.conversations.heads.exists(served.blue, served.house.chat)


async def _post(served: Served, path: str, who: str | None) -> houses.Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return await served.house.ask(path, who=who, method="POST", data="", headers=headers)


async def test_M_1_another_accounts_super_admin_finds_nothing_of_this_one(served: Served) -> None:
    form = {"what": "conversation", "subject": served.house.chat, "reason": "why", "confirm": "erase"}
    assert (await served.send("/admin/privacy/erasures", who="rita", **form)).status == 404
    restrict = {"conversation": served.house.chat, "deed": "read", "reason": "why"}
    assert (await served.send("/admin/privacy/restrictions", who="rita", **restrict)).status == 404
    erased = await served.send("/admin/privacy/erasures", **form)
    assert erased.status == 303
    (certificate,), _ = await served.rights.certificates.list(served.blue)
    path = f"/admin/privacy/certificates/{certificate.id}"
    assert (await served.house.ask(path, who="olga")).status == 200
    assert (await served.house.ask(path, who="rita")).status == 404
    assert certificate.id not in (await served.house.ask("/admin/privacy", who="rita")).text


async def test_C_4_a_form_from_elsewhere_erases_nothing(served: Served) -> None:
    form = {"what": "conversation", "subject": served.house.chat, "reason": "why", "confirm": "erase"}
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    answer = await served.house.ask(
        "/admin/privacy/erasures", who="olga", method="POST", data=urlencode(form), headers=headers, own=False
    )
    assert answer.status == 403
    assert await served.house.conversations.heads.exists(served.blue, served.house.chat)


async def test_MS_4_how_visitors_erase_themselves_is_chosen_by_super_admins_and_audited(served: Served) -> None:
    at, accounts = "/admin/privacy/self-erasure", served.house.admin.accounts

    async def confirmed() -> bool:
        account = await accounts.get(served.blue)
        assert account is not None
        return account.body.confirm_erasures

    assert not await confirmed(), "at once, unless somebody chose otherwise"
    saved = await served.send(at, how="confirmed")
    assert (saved.status, saved.location, await confirmed()) == (303, "/admin/privacy?done=self_erasure", True)
    page = (await served.house.ask("/admin/privacy", who="olga")).text
    assert re.search(r'value="confirmed" checked', page)
    for wrong in ({"how": ""}, {"how": "never"}, {"how": "at_once", "other": "x"}):
        assert (await served.send(at, **wrong)).status == 422
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    form = urlencode({"how": "at_once"})
    refused = await served.house.ask(at, who="alma", method="POST", data=form, headers=headers)
    assert refused.status == 403, "an admin is not enough"
    evil = headers | {"Origin": "https://evil.example"}
    refused = await served.house.ask(at, who="olga", method="POST", data=form, headers=evil, own=False)
    assert (refused.status, await confirmed()) == (403, True)
    actions = [entry.action for _, entry in await served.house.admin.audit.read(served.blue, 0, 1_000)]
    assert actions.count("account.erasures_changed") == 1


async def test_MS_10_the_page_says_where_each_store_lies(served: Served) -> None:
    page = (await served.house.ask("/admin/privacy", who="olga")).text
    assert re.search(r"<dt>Database</dt><dd>Frankfurt</dd>", page)
    assert re.search(r"<dt>Key store</dt><dd><span class=\"muted\">no place is set</span></dd>", page)


async def test_MS_9_figures_are_for_admins_and_hide_small_groups(served: Served) -> None:
    await served.house.clock.advance(2 * DAY)
    await served.rights.figures.settle()
    page = await served.house.ask("/admin/figures", who="alma")
    assert page.status == 200
    assert "under 5" in page.text
    assert (await served.house.ask("/admin/figures", who="ann")).status == 403
