"""Sealed cases, from the form to the verifier in a process of its own (MS-6, SECURITY 3.4, G-5, E-14, K-10)."""

import base64
import io
import json
import socket
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pyrage
import pytest
import pytest_asyncio

from admin import By, doors
from admin.doors.frame import AdminFrame
from foundation import jobs, keys
from foundation.clock import DAY, ManualClock
from foundation.errors import StorageFull
from foundation.jobs import Jobs
from foundation.keys import Keyring, MasterKey
from foundation.live import LocalSignals
from foundation.records import SqliteEngine
from foundation.web import Pages, Static, WebSettings, build_app, serve
from tests.transcripts import house as houses
from transcripts import KINDS, PAGES, STATICS, Consents, Contacts, escrow, rights
from transcripts.escrow import Case, Cases, Recipients
from transcripts.escrow.pages import EscrowDoor
from transcripts.events import Tagged
from transcripts.rights import Rights

JANE, JOHN, STRANGER = (pyrage.x25519.Identity.generate() for _ in range(3))
OLGA = By("olga", "192.0.2.7")


@dataclass
class Served:
    """The page with its cast, on real files."""

    house: houses.House
    rights: Rights
    outbox: Jobs
    cases: Cases
    recipients: Recipients
    folder: Path

    @property
    def blue(self) -> str:
        return self.house.accounts["blue"]

    async def send(self, path: str, who: str = "olga", **fields: str) -> houses.Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return await self.house.ask(path, who=who, method="POST", data=urlencode(fields), headers=headers)

    async def turn_on(self) -> None:
        keys_ = f"{JANE.to_public()} Jane\n\n{JOHN.to_public()}"
        assert (await self.send("/admin/escrow/recipients", recipients=keys_)).status == 303

    async def make(self, **fields: str) -> Case:
        asked = {"ids": self.house.chat, "basis": "claims", "reason": "file 7/26"} | fields
        answer = await self.send("/admin/escrow/cases", **asked)
        assert (answer.status, answer.location) == (303, "/admin/escrow?done=escrow_requested"), answer.text
        await self.outbox.run_due()
        (case, *_), _ = await self.cases.list(self.blue)
        return case

    async def file(self, case: Case, name: str = "case.tar.age") -> bytes:
        answer = await self.send(f"/admin/escrow/cases/{case.id}/{name}")
        assert answer.status == 200, answer.text
        assert answer.headers["Content-Disposition"].startswith("attachment")
        return answer.body

    async def actions(self) -> list[str]:
        return [entry.action for _, entry in await self.house.admin.audit.read(self.blue, 0, 10_000)]


@pytest_asyncio.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    clock, signals, folder = ManualClock(), LocalSignals(), tmp_path / "data"
    folder.mkdir()
    kinds = [*jobs.KINDS, *houses.admin.KINDS, *KINDS, *rights.KINDS, *escrow.KINDS]
    engine, store = SqliteEngine(folder / "frontdesk.db", kinds), SqliteEngine(folder / "keys.db", keys.KINDS)
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
    )

    async def bot_names(account: str) -> dict[str, str]:
        return {bot.id: bot.body.name for bot in await house.admin.bots.list(account)}

    recipients = Recipients(engine, keyring, house.admin.audit)
    cases = Cases(
        engine,
        keyring,
        clock,
        conversations=house.conversations,
        contacts=contacts,
        recipients=recipients,
        holds=built.holds,
        retention=built.retention,
        bot_names=bot_names,
        audit=house.admin.audit,
        jobs=outbox,
    )
    built.certificates.copies = cases.copies_of
    served = Served(house, built, outbox, cases, recipients, folder)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    house.port = listening.getsockname()[1]
    pages = Pages([PAGES, doors.PAGES])
    frame = AdminFrame(pages, house.admin.accounts, house.admin.requests)
    door = EscrowDoor(frame, cases, recipients, bots=house.admin.bots, clock=clock)
    app = build_app(
        [*door.routes(house.admin.rules), *doors.routes(house.admin, pages)],
        settings=WebSettings(base_url=house.origin, shutdown_s=2.0),
        pages=pages,
        statics=[*STATICS, *doors.STATICS, Static("/static/foundation", houses.FOUNDATION / "static")],
        clock=clock,
        cleanup_ctx=[house.admin.running],
    )
    house.runner = await serve(app, sock=listening)
    yield served
    await house.runner.cleanup()
    listening.close()
    await store.close()
    await engine.close()


def opened(sealed: bytes, identity: Any, folder: Path) -> Path:
    """A case, decrypted and unpacked as its reader does it."""
    with tarfile.open(fileobj=io.BytesIO(pyrage.decrypt(sealed, [identity]))) as tar:
        tar.extractall(folder, filter="data")
    return folder


def verified(folder: Path, key: str = "") -> subprocess.CompletedProcess[str]:
    """The verifier that came with the case, alone: no path, no packages."""
    command = [sys.executable, "-I", str(folder / "verify.py"), str(folder), *(("--key", key) if key else ())]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")


async def test_MS_6_escrow_is_off_until_keys_are_named(served: Served) -> None:
    page = await served.house.ask("/admin/escrow", who="olga")
    assert "Escrow is off" in page.text
    refused = await served.send("/admin/escrow/cases", ids=served.house.chat, basis="claims", reason="x")
    assert (refused.status, "Escrow is off" in refused.text) == (409, True)
    await served.turn_on()
    assert "New case" in (await served.house.ask("/admin/escrow", who="olga")).text
    assert (await served.send("/admin/escrow/recipients", recipients="")).status == 303
    assert await served.recipients.of(served.blue) == ()


async def test_MS_6_a_case_opens_with_each_key_and_with_no_other(served: Served, tmp_path: Path) -> None:
    await served.turn_on()
    case = await served.make()
    sealed, index = await served.file(case), await served.file(case, "index.age")
    assert (case.state, case.conversations, len(sealed), len(index)) == ("ready", 1, case.size, case.index_size)
    key = (await served.cases.public_key()).hex()
    for number, identity in enumerate((JANE, JOHN)):
        folder = opened(sealed, identity, tmp_path / str(number))
        result = verified(folder, key)
        assert (result.returncode, result.stderr) == (0, ""), result.stdout
        assert case.root in result.stdout
        said = json.loads((folder / f"items/{served.house.chat}.json").read_text())
        assert houses.SAID in json.dumps(said)
        assert "canary-note" in (folder / f"items/{served.house.chat}.txt").read_text(), "as a member reads it"
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed, [STRANGER])
    for place in (len(sealed) // 2, len(sealed) - 1):
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        with pytest.raises(pyrage.DecryptError):
            pyrage.decrypt(bytes(flipped), [JANE])
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(sealed[:-20], [JANE])
    seal, _, *manifest = pyrage.decrypt(index, [JOHN]).decode().splitlines()
    assert json.loads(seal)["reason"] == "file 7/26"
    assert (tmp_path / "0/manifest.jsonl").read_text().splitlines() == manifest


async def test_MS_6_the_manifest_says_of_each_item_what_it_is(served: Served, tmp_path: Path) -> None:
    await served.turn_on()
    chat, house = served.house.chat, served.house
    await house.conversations.update(
        served.blue, chat, lambda _: [Tagged(at=house.clock.now(), tags=("claim",), author="ann")]
    )
    hold = await served.rights.holds.place(
        served.blue, "conversation", chat, until=house.clock.now() + DAY, reason="court", by=OLGA
    )
    case = await served.make(ids="", tag="Claim")
    folder = opened(await served.file(case), JANE, tmp_path / "case")
    state = await house.conversations.state(served.blue, chat)
    for line in (folder / "manifest.jsonl").read_text().splitlines():
        facts = json.loads(line)
        assert facts["conversation"] == chat
        assert (facts["from"], facts["to"]) == (state.opened_at, state.last_at)
        assert (facts["tags"], facts["legal_basis"], facts["legal_hold"]) == (["claim"], "claims", hold.id)
        assert facts["retention_date"] == state.last_at + 180 * DAY
        assert facts["size"] == (folder / facts["name"]).stat().st_size
    assert case.held == (chat,)


async def test_MS_6_the_verifier_names_what_was_changed_removed_or_added(served: Served, tmp_path: Path) -> None:
    await served.turn_on()
    case = await served.make()
    sealed, key = await served.file(case), (await served.cases.public_key()).hex()
    name = f"items/{served.house.chat}.txt"

    def tampered(label: str, change: Any) -> str:
        folder = opened(sealed, JANE, tmp_path / label)
        assert verified(folder, key).returncode == 0
        change(folder)
        result = verified(folder, key)
        assert (result.returncode, result.stderr) == (1, "")
        return result.stdout

    assert tampered("changed", lambda at: (at / name).write_text("other words")) == f"{name}: changed\n"
    assert tampered("missing", lambda at: (at / name).unlink()) == f"{name}: missing\n"
    assert tampered("added", lambda at: (at / "items/new.txt").write_text("x")) == "items/new.txt: added\n"

    def forget(at: Path) -> None:
        lines = (at / "manifest.jsonl").read_bytes().splitlines(keepends=True)
        (at / "manifest.jsonl").write_bytes(b"".join(lines[:1]))

    assert "manifest.jsonl: changed" in tampered("manifest", forget)

    def rewrite(at: Path) -> None:
        seal = json.loads((at / "seal.json").read_text())
        (at / "seal.json").write_text(json.dumps(seal | {"reason": "another"}))

    assert "the signature is not that of the key" in tampered("seal", rewrite)
    assert "cannot be read" in tampered("gone", lambda at: (at / "seal.sig").unlink())
    other = opened(sealed, JANE, tmp_path / "other")
    assert "another key" in verified(other, "00" * 32).stdout


@pytest.mark.parametrize("who", ["alma", "ann", "ida"])
async def test_MS_6_nobody_but_a_super_admin(served: Served, who: str) -> None:
    await served.turn_on()
    case = await served.make()
    before = await served.house.admin.audit.last(served.blue)
    assert (await served.house.ask("/admin/escrow", who=who)).status == 403
    for path in (
        "recipients",
        "cases",
        *(f"cases/{case.id}/{name}" for name in ("case.tar.age", "index.age", "destroy")),
    ):
        assert (await served.send(f"/admin/escrow/{path}", who=who)).status == 403, path
    assert await served.house.admin.audit.last(served.blue) == before
    for name in ("case.tar.age", "destroy"):
        foreign = await served.send(f"/admin/escrow/cases/{case.id}/{name}", who="rita")
        assert foreign.status == 404, "another account's case is not there"


async def test_G_5_everything_about_a_case_is_in_the_book_and_nothing_personal(served: Served) -> None:
    await served.turn_on()
    case = await served.make()
    await served.file(case)
    await served.send(f"/admin/escrow/cases/{case.id}/destroy")
    actions = [action for action in await served.actions() if "escrow" in action or "exported" in action]
    assert actions == [
        "escrow.recipients",
        "escrow.requested",
        "conversation.exported",
        "escrow.built",
        "escrow.downloaded",
        "escrow.destroyed",
    ]
    entries = [entry for _, entry in await served.house.admin.audit.read(served.blue, 0, 10_000)]
    exported = next(entry for entry in entries if entry.action == "conversation.exported")
    assert (exported.object, exported.data["escrow"]) == (served.house.chat, case.id)
    assert "file 7/26" not in str(entries)
    assert "Jane" not in str([entry for entry in entries if entry.action == "escrow.recipients"])


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 303),
        ({"reason": " "}, 422),
        ({"basis": ""}, 422),
        ({"basis": "curiosity"}, 422),
        ({"ids": ""}, 422),
        ({"ids": "A" * 22}, 422),
        ({"ids": "../../etc"}, 422),
        ({"tag": "x"}, 422),
        ({"ids": "", "since": "tomorrow"}, 422),
        ({"ids": "", "since": "2027-02-01", "until": "2027-01-01"}, 422),
        ({"ids": "", "bot": "A" * 22}, 422),
        ({"ids": "", "address": "jane.canary@example.org"}, 303),
        ({"unknown": "1"}, 422),
    ],
)
async def test_a_case_wants_reason_basis_and_chats(served: Served, fields: dict[str, str], status: int) -> None:
    await served.turn_on()
    asked = {"ids": served.house.chat, "basis": "claims", "reason": "file 7/26"} | fields
    assert (await served.send("/admin/escrow/cases", **asked)).status == status
    assert (await served.actions()).count("escrow.requested") == (status == 303)


@pytest.mark.parametrize(
    "text",
    ["age1bad", "x", f"{JANE.to_public()}\n{JANE.to_public()}", str(JANE)],
    ids=["cut off", "no key", "one twice", "a private one"],
)
async def test_what_is_no_public_key_is_refused_with_its_line(served: Served, text: str) -> None:
    refused = await served.send("/admin/escrow/recipients", recipients=text)
    assert (refused.status, "Line " in refused.text) == (422, True)
    assert await served.recipients.of(served.blue) == ()


async def test_restricted_chats_are_listed_and_left_out_unless_asked_for(served: Served, tmp_path: Path) -> None:
    await served.turn_on()
    chat = served.house.chat
    other = await served.house.conversations.open(served.blue, served.house.bots["shop"].id, visitor="v2")
    await served.rights.restrictions.restrict(served.blue, chat, by=OLGA, reason="disputed")
    without = await served.make(ids=f"{chat} {other}")
    assert (without.conversations, without.left_out, without.frozen) == (1, (chat,), ())
    await served.house.clock.advance(1000)
    both = await served.make(ids=f"{chat} {other}", restricted="true")
    assert (both.conversations, both.left_out, both.frozen) == (2, (), (chat,))
    await served.house.clock.advance(1000)
    nothing = await served.make(ids=chat)
    assert (nothing.state, nothing.fault) == ("failed", "No conversation that may be exported was found.")


async def test_E_14_certificates_name_the_cases_that_still_hold_what_was_erased(served: Served) -> None:
    await served.turn_on()
    case = await served.make()
    await served.file(case)
    erasure = await served.rights.erasures.erase_conversation(served.blue, served.house.chat, OLGA, "asked")
    certificate = await served.rights.certificates.get(served.blue, erasure.id)
    (said,) = [line for line in certificate.facts["kept"] if "sealed export" in line]
    assert case.id in said
    assert str(case.destroy_by) in said
    assert "downloaded 1 times" in said


async def test_a_case_is_destroyed_in_time_with_its_key_and_stays_in_the_register(served: Served) -> None:
    await served.turn_on()
    case = await served.make()
    await served.file(case)
    await served.house.clock.advance(7 * DAY)
    await served.outbox.run_due()
    gone = await served.cases.get(served.blue, case.id)
    assert (gone.state, gone.destroyed_at, gone.downloads) == ("destroyed", served.house.clock.now(), 1)
    assert (await served.send(f"/admin/escrow/cases/{case.id}/case.tar.age")).status == 410
    page = await served.house.ask("/admin/escrow", who="olga")
    assert "file 7/26" in page.text
    assert (await served.send(f"/admin/escrow/cases/{case.id}/destroy")).status == 303, "twice is once"
    assert (await served.actions()).count("escrow.destroyed") == 1


async def test_K_10_no_word_of_a_case_lies_anywhere(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    await served.turn_on()
    case = await served.make(reason="canary-reason")
    sealed = await served.file(case)
    canaries = [houses.SAID, *houses.PRIVATE, "canary-reason"]
    needles = [
        form
        for word in canaries
        for form in (
            word.encode(),
            word.encode("utf-16-le"),
            base64.b64encode(word.encode())[:-3],
            word.encode().hex().encode(),
        )
    ]
    for _ in range(2):
        stored = [path for path in served.folder.rglob("*") if path.is_file()]
        assert len(stored) >= 2
        assert list(temporary.rglob("*")) == []
        for data in (sealed, *(path.read_bytes() for path in stored)):
            assert not [needle for needle in needles if needle in data]
        assert pyrage.decrypt(sealed, [JANE]).count(houses.SAID.encode()) >= 2, "it is in there"
        await served.cases.destroy(served.blue, case.id, by=OLGA)


class Full(SqliteEngine):
    """Takes no batch any more."""

    async def append(self, log: str, batch: Any, *, head: Any = None) -> None:
        if log.startswith("escrow/"):
            raise StorageFull("The store is full; this was not kept.")
        await super().append(log, batch, head=head)


async def test_what_cannot_be_kept_is_tried_again_and_then_failed_in_words(served: Served) -> None:
    await served.turn_on()
    engine = served.house.engine
    engine.__class__ = Full
    case = await served.make()
    assert case.state == "queued"
    for _ in range(6):
        await served.house.clock.advance(3_600_000)
        await served.outbox.run_due()
    failed = await served.cases.get(served.blue, case.id)
    assert (failed.state, failed.fault) == ("failed", "The store is full; this was not kept.")
    assert (await served.send(f"/admin/escrow/cases/{case.id}/case.tar.age")).status == 410
