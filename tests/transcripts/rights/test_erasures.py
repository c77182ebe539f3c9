"""MS-4, E-1 … E-4: what is erased is gone from every place, also from a copy that is put back, and it is certified."""

import asyncio
import contextlib
import shutil
from pathlib import Path

import pytest

from admin import By
from foundation.clock import DAY, SECOND, ManualClock
from foundation.errors import Gone, Invalid, NotFound
from foundation.records import Damaged
from tests.transcripts.rights.conftest import OLGA, PERSONAL, VISITOR, Opener
from transcripts.rights import Whose
from transcripts.rights.certificates import is_genuine


async def test_MS_4_an_erased_conversation_is_gone_and_its_certificate_says_when_for_good(opened: Opener) -> None:
    async with opened() as desk:
        chat, other = await desk.chat(), await desk.chat("something else", visitor="another")
        assert (await desk.conversations.state(desk.account, chat)).name == "Canarylady"
        erasure = await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "She asked by mail")
        assert (erasure.state, erasure.counts["conversations"]) == ("done", 1)
        with pytest.raises(NotFound):
            await desk.conversations.state(desk.account, chat)
        assert (await desk.conversations.state(desk.account, other)).seq == 3

        certificate = await desk.rights.certificates.get(desk.account, erasure.id)
        assert is_genuine(certificate, await desk.rights.certificates.public_key(desk.account))
        assert certificate.facts["final_in_backups_at"] >= desk.clock.now() + 7 * DAY
        assert certificate.facts["keys_destroyed"] == 1
        assert certificate.facts["subjects"] == [await desk.rights.certificates.subject(desk.account, chat)]
        assert b"She asked" not in certificate.document


async def test_E_1_no_file_holds_a_word_a_name_or_an_id_of_what_was_erased(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        contact = (await desk.contacts.supply(desk.account, "canary@example.org", "visitor")).contact
        chat = await desk.chat(contact=contact)
        await desk.rights.erasures.erase_contact(desk.account, contact, OLGA, "Canarylady asked")
        assert not await desk.contacts.exists(desk.account, contact)
        assert await desk.contacts.by_address(desk.account, "canary@example.org") is None
        with pytest.raises(NotFound):
            await desk.conversations.state(desk.account, chat)
        entries = [entry for _, entry in await desk.services.audit.read(desk.account, 0, 100)]
        assert "erasure.done" in {entry.action for entry in entries}
        assert not [entry for entry in entries for word in PERSONAL if word in repr(entry)]
        kept = await desk.consents.of(desk.account, chat)
        assert [(one.page, bool(one.text)) for one in kept] == [("", True)]
    files = b"".join(path.read_bytes() for path in folder.iterdir())
    assert not [word for word in PERSONAL if word.encode() in files]


async def test_the_ledger_names_ids_and_nothing_else(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "secret-reason")
    ledger = (folder / "erasures.jsonl").read_text()
    assert chat in ledger
    assert not [word for word in (*PERSONAL, "secret-reason", VISITOR) if word in ledger]


async def test_E_2_a_copy_put_back_after_an_erasure_shows_nothing_once_the_ledger_is_applied(
    opened: Opener, folder: Path, tmp_path: Path
) -> None:
    """What none of the peers has, 4: the drill. Database and keys are put back; the ledger's file stays."""
    async with opened() as desk:
        contact = (await desk.contacts.supply(desk.account, "canary@example.org", "visitor")).contact
        chat, kept = await desk.chat(contact=contact), await desk.chat("kept", visitor="another")
    shutil.copytree(folder, tmp_path / "backup")
    async with opened() as desk:
        await desk.rights.erasures.erase_contact(desk.account, contact, OLGA, "She asked")
    for name in ("frontdesk.db", "keys.db"):
        for left in folder.glob(f"{name}*"):
            left.unlink()
        shutil.copy(tmp_path / "backup" / name, folder / name)

    async with opened() as desk:
        assert (
            await desk.conversations.state(desk.account, chat)
        ).name == "Canarylady"  # else the drill proves nothing
        assert await desk.rights.erasures.reapply() == 1
        with pytest.raises(NotFound):
            await desk.conversations.state(desk.account, chat)
        assert not await desk.contacts.exists(desk.account, contact)
        assert await desk.rights.erasures.reapply() == 0
        assert (await desk.conversations.state(desk.account, kept)).last_text == "kept"


async def test_E_2_an_old_database_beside_todays_keys_cannot_be_read(
    opened: Opener, folder: Path, tmp_path: Path
) -> None:
    async with opened() as desk:
        chat = await desk.chat()
    shutil.copytree(folder, tmp_path / "backup")
    async with opened() as desk:
        await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "She asked")
    for left in folder.glob("frontdesk.db*"):
        left.unlink()
    shutil.copy(tmp_path / "backup/frontdesk.db", folder / "frontdesk.db")
    async with opened() as desk:
        with pytest.raises((Gone, Damaged)):
            await desk.conversations.state(desk.account, chat)
        assert await desk.rights.erasures.reapply() == 1
        assert not await desk.conversations.heads.exists(desk.account, chat)


async def test_a_browser_is_erased_with_all_its_conversations(opened: Opener) -> None:
    async with opened() as desk:
        chats = [await desk.chat(), await desk.chat()]
        other = await desk.chat(visitor="another")
        erasure = await desk.rights.erasures.erase_visitor(desk.account, VISITOR, By("visitor"), "withdrawn")
        assert erasure.counts["conversations"] == 2
        assert [await desk.conversations.heads.exists(desk.account, chat) for chat in (*chats, other)] == [
            False,
            False,
            True,
        ]


async def test_what_is_not_there_is_not_erased_and_another_accounts_is_not_there(opened: Opener) -> None:
    """M-1"""
    async with opened() as desk:
        chat = await desk.chat()
        with pytest.raises(NotFound):
            await desk.rights.erasures.erase_conversation("another account", chat, OLGA, "why")
        with pytest.raises(NotFound):
            await desk.rights.erasures.erase_contact(desk.account, "A" * 22, OLGA, "why")
        for reason in ("", "   ", "x" * 501):
            with pytest.raises(Invalid):
                await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, reason)
        assert await desk.conversations.heads.exists(desk.account, chat)


async def test_E_4_an_erasure_waits_for_the_end_of_a_hold_and_is_shown_meanwhile(
    opened: Opener, clock: ManualClock
) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        hold = await desk.rights.holds.place(
            desk.account, "conversation", chat, until=clock.now() + DAY, reason="A lawsuit", by=OLGA
        )
        erasure = await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "She asked")
        assert (erasure.state, erasure.hold) == ("held", hold.id)
        assert [one.state for one in (await desk.rights.erasures.list(desk.account))[0]] == ["held"]
        assert await desk.rights.erasures.run_queued(desk.account) == 0
        assert await desk.conversations.heads.exists(desk.account, chat)
        await clock.advance(DAY)
        assert await desk.rights.erasures.run_queued(desk.account) == 1
        assert not await desk.conversations.heads.exists(desk.account, chat)


@pytest.mark.parametrize("scope", ["account", "bot", "contact"])
async def test_a_wider_hold_covers_the_conversations_in_it(opened: Opener, scope: str) -> None:
    async with opened() as desk:
        contact = (await desk.contacts.supply(desk.account, "canary@example.org", "visitor")).contact
        chat = await desk.chat(contact=contact)
        subject = {"account": "", "bot": desk.bot, "contact": contact}[scope]
        until = desk.clock.now() + DAY
        hold = await desk.rights.holds.place(desk.account, scope, subject, until=until, reason="why", by=OLGA)
        held = await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "She asked")
        assert held.state == "held"
        await desk.rights.holds.lift(desk.account, hold.id, by=OLGA)
        assert await desk.rights.erasures.run_queued(desk.account) == 1


class Fails:
    """A place that cannot be reached the first time."""

    name = "things elsewhere"

    def __init__(self) -> None:
        self.asked: list[Whose] = []
        self.forgotten: list[Whose] = []

    async def erase(self, whose: Whose) -> int:
        self.asked.append(whose)
        if len(self.asked) == 1:
            raise NotFound("not reachable")
        return 3

    def forget(self, whose: Whose) -> None:
        self.forgotten.append(whose)


async def test_E_5_an_erasure_that_was_cut_off_is_finished_by_its_job(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        chat, elsewhere = await desk.chat(), Fails()
        desk.rights.erasures.add(elsewhere)
        with pytest.raises(NotFound):
            await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "She asked")
        assert await desk.conversations.heads.exists(desk.account, chat)
        await desk.outbox.run_due()
        (erasure,) = (await desk.rights.erasures.list(desk.account))[0]
        assert (erasure.state, erasure.counts["things elsewhere"]) == ("done", 3)
        assert not await desk.conversations.heads.exists(desk.account, chat)


async def test_a_live_chat_is_closed_and_its_sockets_are_told(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        async with desk.signals.listen(f"conversation/{chat}") as listener:
            await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "She asked")
            heard = await asyncio.wait_for(anext(listener), 5)
        assert heard.number is not None
        with pytest.raises(NotFound):
            await desk.conversations.events(desk.account, chat, 4, known=heard.number)


async def test_another_process_lets_go_of_what_it_has_in_memory(opened: Opener, clock: ManualClock) -> None:
    """The caches of every node: here a second house on the same stores, told by the ledger alone."""
    async with opened() as desk:
        chat = await desk.chat()
        other = type(desk.conversations)(desk.engine, desk.keyring, type(desk.signals)(), clock)
        assert (await other.state(desk.account, chat)).name == "Canarylady"
        second = type(desk.rights.erasures)
        elsewhere = Fails()
        elsewhere.asked.append(Whose(account=""))
        follower = second(
            desk.engine,
            desk.keyring,
            clock,
            conversations=other,
            contacts=desk.contacts,
            consents=desk.consents,
            holds=desk.rights.holds,
            certificates=desk.rights.certificates,
            redactions=desk.rights.redactions,
            ledger=desk.keyring.ledger(),
            audit=desk.services.audit,
            jobs=type(desk.outbox)(desk.engine, desk.keyring, clock),
            signals=type(desk.signals)(),
            holdings=[elsewhere],
        )
        following = asyncio.create_task(follower.follow())
        await asyncio.sleep(0)
        await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "She asked")
        async with asyncio.timeout(10):
            while not elsewhere.forgotten:
                await clock.advance(15 * SECOND)
                await desk.conversations.heads.exists(desk.account, chat)
        with pytest.raises(NotFound):
            await other.state(desk.account, chat)
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
