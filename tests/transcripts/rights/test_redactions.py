"""YA-21: the words of a message are masked everywhere at once and then gone from every file; who and when is logged."""

import shutil
from pathlib import Path

import pytest

import admin
from foundation import jobs
from foundation.clock import DAY, MINUTE, ManualClock
from foundation.errors import Conflict, Gone, Invalid, NotFound
from foundation.records import Damaged, EventLog
from foundation.records.checking import check
from tests.transcripts.rights.conftest import OLGA, Desk, Opener
from transcripts import KINDS, files, render, rights
from transcripts.events import AnyEvent, BotStateChanged, MessageSent, NoteWritten
from transcripts.heads import CONVERSATION
from transcripts.views import external_view, member_view, visitor_view

MESSAGE = 2


async def _redact(desk: Desk, chat: str, message: int = MESSAGE) -> int:
    return await desk.rights.redactions.redact(desk.account, chat, message, by=OLGA, name="Olga", reason="A diagnosis")


async def test_YA_21_every_view_and_format_is_masked_and_says_so(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        before = await desk.conversations.events(desk.account, chat)
        assert "canary-said" in repr([visitor_view(one) for one in before])  # else the masking proves nothing
        assert await _redact(desk, chat) == 4
        events, state = (
            await desk.conversations.events(desk.account, chat),
            await desk.conversations.state(desk.account, chat),
        )
        for made in (render.for_member, render.for_address):
            transcript = made(state, events, "Shop bot")
            for file in (files.as_text(transcript), files.as_csv(transcript), files.as_json(transcript)):
                assert b"canary-said" not in file
            assert render.REMOVED.encode() in files.as_text(transcript)
            assert render.REMOVED.encode() in files.as_csv(transcript)
        for view in (visitor_view, member_view):
            views = [view(one) for one in events]
            assert "canary-said" not in repr(views)
            assert {"kind": "redacted", "message": MESSAGE}.items() <= (views[-1] or {}).items()
        assert "canary-said" not in repr(external_view(chat, events))
        assert (state.last_text, state.client_ids) == ("", {})
        assert "canary-said" not in repr(await desk.conversations.history(desk.account, chat))


async def test_YA_21_who_and_when_is_in_the_audit_book_and_the_words_are_not(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        await _redact(desk, chat)
        entries = [entry for _, entry in await desk.services.audit.read(desk.account, 0, 100)]
        entry = next(entry for entry in entries if entry.action == "message.redacted")
        assert (entry.actor, entry.object, entry.data["message"]) == (OLGA.person, chat, MESSAGE)
        assert "canary-said" not in repr(entries)


async def test_YA_21_the_batch_is_sealed_anew_and_the_key_of_the_words_is_gone(
    opened: Opener, folder: Path, tmp_path: Path
) -> None:
    """The original is unreadable afterwards, also in a copy of the database from before, beside today's keys."""
    async with opened() as desk:
        chat = await desk.chat()
        (old,) = await desk.conversations.keys_of(desk.account, chat)
    shutil.copytree(folder, tmp_path / "backup")
    async with opened() as desk:
        await _redact(desk, chat)
        (new,) = await desk.conversations.keys_of(desk.account, chat)
        assert new != old
        with pytest.raises(Gone):
            await desk.keyring.cipher(desk.account, old)
        stored: EventLog[AnyEvent] = EventLog(desk.engine, desk.keyring, "conversation", AnyEvent, CONVERSATION)
        assert [number for number, _ in await stored.read(desk.account, chat)] == [1, 2, 3, 4]
    for left in folder.glob("frontdesk.db*"):
        left.unlink()
    shutil.copy(tmp_path / "backup/frontdesk.db", folder / "frontdesk.db")
    async with opened() as desk:
        with pytest.raises((Gone, Damaged)):
            await desk.conversations.state(desk.account, chat)


async def test_YA_21_a_copy_that_is_put_back_with_its_keys_is_redacted_again(
    opened: Opener, folder: Path, tmp_path: Path
) -> None:
    async with opened() as desk:
        chat = await desk.chat()
    shutil.copytree(folder, tmp_path / "backup")
    async with opened() as desk:
        await _redact(desk, chat)
    for name in ("frontdesk.db", "keys.db"):
        for left in folder.glob(f"{name}*"):
            left.unlink()
        shutil.copy(tmp_path / "backup" / name, folder / name)
    async with opened() as desk:
        assert (await desk.conversations.state(desk.account, chat)).last_text == "canary-said"
        assert await desk.rights.erasures.reapply() == 1
        assert "canary-said" not in repr(await desk.conversations.history(desk.account, chat))
        assert (await desk.conversations.state(desk.account, chat)).last_text == ""


async def test_a_chat_goes_on_after_a_redaction_and_whoever_had_the_old_key_in_memory_writes_with_the_new(
    opened: Opener, clock: ManualClock
) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        other = type(desk.conversations)(desk.engine, desk.keyring, type(desk.signals)(), clock)
        assert (await other.state(desk.account, chat)).seq == 3
        await _redact(desk, chat)
        said = MessageSent(at=clock.now(), by="visitor", text="and then")
        await other.update(desk.account, chat, lambda _: [said])
        await desk.conversations.update(desk.account, chat, lambda _: [said])
        fresh = type(desk.conversations)(desk.engine, desk.keyring, desk.signals, clock)
        assert [one.seq for one in await fresh.events(desk.account, chat)] == [1, 2, 3, 4, 5, 6]
        assert len(await desk.conversations.keys_of(desk.account, chat)) == 1


async def test_what_the_bot_took_from_the_message_goes_with_it(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        user = {
            "event": "user",
            "message": MESSAGE,
            "text": None,
            "parse_data": {"intent": {"name": "tell"}, "entities": [{"entity": "illness", "value": "canary-said"}]},
        }
        turn = BotStateChanged(
            at=1, answers=MESSAGE, events=(user, {"event": "slot", "name": "illness", "value": "canary-said"})
        )
        await desk.conversations.append(desk.account, chat, [turn], 3)
        await _redact(desk, chat)
        events = await desk.conversations.history(desk.account, chat)
        assert "canary-said" not in repr(events)
        assert events[3].event.events[0]["parse_data"]["intent"] == {"name": "tell"}


async def test_whoever_looks_through_the_store_afterwards_can_open_all_of_it(opened: Opener) -> None:
    """What a backup is checked by: nothing that erasure or redaction leaves is without its key."""
    async with opened() as desk:
        chat, erased = await desk.chat(), await desk.chat(visitor="another")
        await _redact(desk, chat)
        await desk.rights.erasures.erase_conversation(desk.account, erased, OLGA, "She asked")
        kinds = [*jobs.KINDS, *admin.KINDS, *KINDS, *rights.KINDS]
        heads = {"conversation": "conversation", "audit": "audit_book"}
        report = await check(desk.engine.dump(), desk.keyring, kinds, heads)
        assert (report.damaged, report.keyless) == ([], [])
        assert report.rows > 5


async def test_a_note_can_be_redacted_and_nothing_else_can(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        note = NoteWritten(at=1, author="p", author_name="Ann", text="canary-said")
        await desk.conversations.append(desk.account, chat, [note], 3)
        await _redact(desk, chat, 4)
        assert "Message removed" in render.as_text(
            render.for_member(
                await desk.conversations.state(desk.account, chat),
                await desk.conversations.events(desk.account, chat),
                "bot",
            )
        )
        for number in (0, 1, 3, 5, 99, -1):
            with pytest.raises(Invalid):
                await _redact(desk, chat, number)
        with pytest.raises(NotFound):
            await desk.rights.redactions.redact("another", chat, MESSAGE, by=OLGA)


async def test_twice_is_once_and_a_hold_refuses(opened: Opener) -> None:
    async with opened() as desk:
        chat, held = await desk.chat(), await desk.chat(visitor="another")
        assert await _redact(desk, chat) == await _redact(desk, chat) == 4
        until = desk.clock.now() + DAY
        await desk.rights.holds.place(desk.account, "conversation", held, until=until, reason="court", by=OLGA)
        with pytest.raises(Conflict):
            await _redact(desk, held)
        assert (await desk.conversations.state(desk.account, held)).last_text == "canary-said"


async def test_a_crash_after_the_masking_is_made_good_by_the_job(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        redactions = desk.rights.redactions
        await _redact(desk, chat)
        second = await desk.chat("canary-two", visitor="another")
        await desk.outbox.put(
            desk.account,
            "redact",
            type(redactions).job(second, MESSAGE),
            due=clock.now() + MINUTE,
        )
        await redactions.mask(desk.account, second, MESSAGE, by="olga", name="Olga", reason="")
        assert len(await desk.conversations.keys_of(desk.account, second)) == 2
        await clock.advance(2 * MINUTE)
        await desk.outbox.run_due()
        assert len(await desk.conversations.keys_of(desk.account, second)) == 1
        assert "canary-two" not in repr(await desk.conversations.history(desk.account, second))
