"""MS-4, MS-12, D-8: an address goes out of the chats that are somebody else's, also where it stood only earlier."""

import asyncio
import shutil
from pathlib import Path

import pytest

from foundation.clock import DAY, ManualClock
from tests.transcripts.rights.conftest import OLGA, VISITOR, Desk, Opener
from transcripts.events import BotStateChanged, EmailSupplied, MessageSent, TranscriptMailed
from transcripts.rights import Erasure

OLD, NEW = "canary@example.org", "right@example.org"


async def rectified(desk: Desk) -> tuple[str, str]:
    """A chat that had an address, with words and slots that quote it, and has another since; chat and old contact."""
    contact = (await desk.contacts.supply(desk.account, OLD, "visitor")).contact
    chat = await desk.chat("mine is Canary@Example.org, really", contact=contact)
    at = desk.clock.now()
    quoting = [
        BotStateChanged(at=at, answers=2, events=({"event": "slot", "name": "email", "value": OLD},)),
        TranscriptMailed(at=at, mail="m", address=OLD, tls="TLSv1.3", reply="250"),
    ]
    await desk.conversations.update(desk.account, chat, lambda _: quoting)
    await desk.rights.rectifications.correct(desk.account, chat, "address", NEW, by=OLGA, role="agent", reason="typo")
    return chat, contact


async def stored(desk: Desk, chat: str) -> str:
    return repr(await desk.conversations.history(desk.account, chat))


async def erase_self(desk: Desk, contact: str, *chats: str) -> Erasure:
    return await desk.rights.erasures.erase_self(
        desk.account, visitor=VISITOR, contact=contact, conversations=chats, by=OLGA, reason="asked"
    )


async def test_MS_4_an_address_that_was_rectified_since_goes_with_its_owner(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        chat, contact = await rectified(desk)
        assert OLD in await stored(desk, chat), "the history keeps it for admins"
        assert await desk.conversations.heads.ids_of_contact(desk.account, contact) == []
        old_keys = await desk.conversations.keys_of(desk.account, chat)
        shutil.copytree(folder, folder.parent / "copy")
        erasure = await desk.rights.erasures.erase_contact(desk.account, contact, OLGA, "asked")
        assert (erasure.state, erasure.counts["addresses in chats of others"]) == ("done", 1)
        said = (await stored(desk, chat)).lower()
        assert OLD not in said
        assert "mine is (erased address), really" in said
        state = await desk.conversations.state(desk.account, chat)
        assert (state.address, state.contact is not None, state.name) == (NEW, True, "Canarylady")
        assert not set(await desk.conversations.keys_of(desk.account, chat)) & set(old_keys), "sealed anew"
    files = b"".join(path.read_bytes() for path in folder.iterdir())
    assert OLD.encode() not in files
    ledger = (folder / "erasures.jsonl").read_text()
    assert chat in ledger
    assert OLD not in ledger


async def test_E_2_a_restored_copy_loses_the_address_as_well(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        chat, contact = await rectified(desk)
    shutil.copy2(folder / "frontdesk.db", folder.parent / "old.db")
    shutil.copy2(folder / "keys.db", folder.parent / "old-keys.db")
    async with opened() as desk:
        await desk.rights.erasures.erase_contact(desk.account, contact, OLGA, "asked")
    shutil.copy2(folder.parent / "old.db", folder / "frontdesk.db")
    shutil.copy2(folder.parent / "old-keys.db", folder / "keys.db")
    async with opened() as desk:
        assert OLD in await stored(desk, chat)
        assert await desk.rights.erasures.reapply() == 1
        assert OLD not in (await stored(desk, chat)).lower()
        assert await desk.rights.erasures.reapply() == 0


async def test_D_8_who_erases_himself_takes_no_chat_in_which_a_stranger_typed_his_address(opened: Opener) -> None:
    async with opened() as desk:
        contact = (await desk.contacts.supply(desk.account, OLD, "visitor")).contact
        own = await desk.chat(contact=contact)
        stranger = await desk.chat("words of the stranger", contact=contact, visitor="stranger")
        erasure = await erase_self(desk, contact, own)
        assert erasure.state == "done"
        assert not await desk.conversations.heads.exists(desk.account, own)
        assert not await desk.contacts.exists(desk.account, contact)
        state = await desk.conversations.state(desk.account, stranger)
        assert (state.address, state.contact, state.verification.state) == ("", None, "none")
        said = await stored(desk, stranger)
        assert "words of the stranger" in said
        assert OLD not in said
        again = EmailSupplied(at=desk.clock.now(), contact="c2", address=NEW, by="visitor", outcome="new")
        await desk.conversations.update(desk.account, stranger, lambda _: [again])
        assert (await desk.conversations.state(desk.account, stranger)).address == NEW, "the chat goes on"


@pytest.mark.parametrize("what", ["hold", "restriction", "hold on a stranger's chat"])
async def test_E_10_E_14_a_hold_or_a_restriction_bars_an_erasure_by_oneself(
    opened: Opener, clock: ManualClock, what: str
) -> None:
    async with opened() as desk:
        contact = (await desk.contacts.supply(desk.account, OLD, "visitor")).contact
        own = await desk.chat(contact=contact)
        other = await desk.chat("other", contact=contact, visitor="stranger")
        erasures, account = desk.rights.erasures, desk.account
        assert not await erasures.barred(account, contact, [own])
        if what == "restriction":
            await desk.rights.restrictions.restrict(account, own, by=OLGA, reason="dispute")
        else:
            held = other if "stranger" in what else own
            until = clock.now() + DAY
            await desk.rights.holds.place(account, "conversation", held, until=until, reason="court", by=OLGA)
        assert await erasures.barred(account, contact, [own])
        if what != "restriction":
            assert (await erase_self(desk, contact, own)).state == "held", "placed between the look and the deed"
            assert await desk.conversations.heads.exists(account, own)
            await clock.advance(2 * DAY)
            assert await erasures.run_queued(account) == 1
            assert not await desk.conversations.heads.exists(account, own)


async def test_E_5_cut_off_anywhere_the_job_finishes_it(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        for patience in range(2, 60, 5):
            chat, contact = await rectified(desk)
            own = await desk.chat("own words", contact=contact)
            running = asyncio.create_task(erase_self(desk, contact, own))
            for _ in range(3 * patience):
                if running.done():
                    break
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await clock.advance(DAY)
            await desk.outbox.run_due()
            if await desk.conversations.heads.exists(desk.account, own):
                await erase_self(desk, contact, own)  # it was cut off before it was asked for
            assert OLD not in (await stored(desk, chat)).lower()
            assert not await desk.contacts.exists(desk.account, contact)


async def test_a_chat_that_is_erased_leaves_nothing_of_whom_it_named_before(opened: Opener) -> None:
    async with opened() as desk:
        chat, contact = await rectified(desk)
        assert await desk.conversations.heads.ids_once_of_contact(desk.account, contact) == [chat]
        await desk.conversations.update(
            desk.account, chat, lambda _: [MessageSent(at=desk.clock.now(), by="visitor", text="more")]
        )
        assert await desk.conversations.heads.ids_once_of_contact(desk.account, contact) == [chat], "once"
        await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "asked")
        assert await desk.conversations.heads.ids_once_of_contact(desk.account, contact) == []
