"""YA-22: a sensitive file is gone within 15 days, whatever happens in between, and no old copy brings it back."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest

from admin.file_policy import FilePolicy
from foundation.clock import DAY, HOUR
from foundation.errors import Conflict, NotFound, TooLarge
from foundation.files import DiskBlobs, SealedFiles
from foundation.ids import new_id
from tests.pictures import PDF
from tests.transcripts.rights.conftest import OLGA, Desk, Opener
from transcripts.attachments import AttachmentHolding, Attachments, FileBook, Limits, Sender, SharedFileStock, Upload
from transcripts.attachments.attachments import SETTLE, FileJob
from transcripts.events import FileDestroyed, FileShared
from transcripts.state import State

DOCUMENTS = FilePolicy("block", ("executables",))


def _attachments(desk: Desk, folder: Path, *, most: int = 10_000) -> tuple[Attachments, SealedFiles]:
    files = SealedFiles(DiskBlobs(folder / "files"), desk.keyring)
    book = FileBook(desk.engine, desk.keyring)
    made = Attachments(
        files,
        desk.conversations,
        desk.clock,
        jobs=desk.outbox,
        holds=desk.rights.holds,
        ledger=desk.rights.ledger,
        audit=desk.services.audit,
        book=book,
        limits=Limits(conversation=most),
    )
    desk.rights.erasures.add(AttachmentHolding(files, book))
    desk.rights.retention.add(SharedFileStock(book, made, desk.conversations))
    return made, files


def _anybody(_: State) -> None:
    """No further demand."""


async def _share(desk: Desk, attachments: Attachments, chat: str, content: bytes = PDF) -> str:
    upload = Upload("Canaryname.pdf", "application/pdf", content, str(uuid4()))
    await attachments.share(desk.account, chat, upload, sender=Sender("visitor"), policy=DOCUMENTS, require=_anybody)
    return list((await desk.conversations.state(desk.account, chat)).files)[-1]


async def _content(desk: Desk, attachments: Attachments, chat: str, file: str, *, hidden: bool = False) -> bytes:
    state = await desk.conversations.state(desk.account, chat)
    shared = attachments.find(state, file, hidden=hidden)
    return b"".join([chunk async for chunk in await attachments.content(state, shared)])


def _blobs(folder: Path) -> list[Path]:
    return [path for path in (folder / "files").rglob("*") if path.is_file()]


async def _work(desk: Desk) -> None:
    while await desk.outbox.run_due():
        pass


async def test_YA_22_hidden_at_once_and_destroyed_within_15_days(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder)
        chat = await desk.chat()
        file = await _share(desk, attachments, chat)
        other = await _share(desk, attachments, chat)
        assert await _content(desk, attachments, chat, file) == PDF
        await attachments.hide(desk.account, chat, file, by=OLGA, name="Olga", reason="A passport")
        assert await attachments.hide(desk.account, chat, file, by=OLGA, name="Olga") == 6, "twice is once"
        with pytest.raises(NotFound):
            await _content(desk, attachments, chat, file)
        assert await _content(desk, attachments, chat, file, hidden=True) == PDF, "admins see what it was"
        await desk.clock.advance(13 * DAY)
        await _work(desk)
        assert await _content(desk, attachments, chat, file, hidden=True) == PDF
        await desk.clock.advance(2 * DAY)
        await _work(desk)
        with pytest.raises(NotFound):
            await _content(desk, attachments, chat, file, hidden=True)
        assert await _content(desk, attachments, chat, other) == PDF, "only the one"
        assert len(_blobs(folder)) == 1
        stored = [one.event for one in await desk.conversations.history(desk.account, chat)]
        names = {event.file: event.name for event in stored if isinstance(event, FileShared)}
        assert names == {file: "", other: "Canaryname.pdf"}, "the name is written out of the log"
        assert sum(isinstance(event, FileDestroyed) for event in stored) == 1
        actions = [entry.action for _, entry in await desk.services.audit.read(desk.account, 0, 100)]
        assert {"file.hidden", "file.destroyed"} <= set(actions)


async def test_YA_22_E_2_an_old_copy_of_everything_but_the_ledger_brings_nothing_back(
    opened: Opener, folder: Path, tmp_path: Path
) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder)
        chat = await desk.chat()
        file = await _share(desk, attachments, chat)
    shutil.copytree(folder, tmp_path / "copy")
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder)
        await attachments.hide(desk.account, chat, file, by=OLGA, name="Olga")
        await desk.clock.advance(15 * DAY)
        await _work(desk)
    ledger = (folder / "erasures.jsonl").read_bytes()
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "copy", folder)
    (folder / "erasures.jsonl").write_bytes(ledger)
    async with opened() as desk:
        attachments, files = _attachments(desk, folder)
        assert len(_blobs(folder)) == 1, "the copy has it"
        await desk.rights.begin()
        with pytest.raises(NotFound):
            await _content(desk, attachments, chat, file, hidden=True)
        assert await files.key_of(desk.account, chat, file) == "", "its key is gone"
        stored = await desk.conversations.history(desk.account, chat)
        assert "Canaryname" not in repr(stored)


async def test_YA_22_a_legal_hold_keeps_it_hidden_until_the_hold_ends(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder)
        chat = await desk.chat()
        file = await _share(desk, attachments, chat)
        hold = await desk.rights.holds.place(
            desk.account, "conversation", chat, until=desk.clock.now() + 300 * DAY, reason="A case", by=OLGA
        )
        await attachments.hide(desk.account, chat, file, by=OLGA, name="Olga")
        for _ in range(20):
            await desk.clock.advance(DAY)
            await _work(desk)
        assert await _content(desk, attachments, chat, file, hidden=True) == PDF
        with pytest.raises(NotFound):
            await _content(desk, attachments, chat, file)
        await desk.rights.holds.lift(desk.account, hold.id, by=OLGA)
        await desk.clock.advance(DAY)
        await _work(desk)
        assert _blobs(folder) == []


async def test_a_file_that_no_log_names_is_removed_after_an_hour(opened: Opener, folder: Path) -> None:
    """What a crash between the blob and the event leaves."""
    async with opened() as desk:
        attachments, files = _attachments(desk, folder)
        chat, lost = await desk.chat(), new_id()
        file = await _share(desk, attachments, chat)
        await desk.outbox.put(desk.account, SETTLE, FileJob(chat, lost), due=desk.clock.now() + HOUR, key=lost)
        await files.put(desk.account, chat, lost, PDF)
        assert len(_blobs(folder)) == 2
        await desk.clock.advance(2 * HOUR)
        await _work(desk)
        assert len(_blobs(folder)) == 1
        assert await _content(desk, attachments, chat, file) == PDF, "what was shared stays"


async def test_nothing_is_left_of_a_file_that_the_fresh_state_refuses(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder)
        chat, asked = await desk.chat(), []

        def closed_meanwhile(state: State) -> None:
            asked.append(state.seq)
            if len(asked) == 2:
                raise Conflict("This chat is over.")

        upload = Upload("a.pdf", "application/pdf", PDF, str(uuid4()))
        with pytest.raises(Conflict):
            await attachments.share(
                desk.account, chat, upload, sender=Sender("visitor"), policy=DOCUMENTS, require=closed_meanwhile
            )
        assert _blobs(folder) == []
        assert (await desk.conversations.state(desk.account, chat)).files == {}


async def test_U_12_the_files_of_a_chat_have_a_limit_and_erasing_it_takes_them(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder, most=len(PDF) * 2)
        chat = await desk.chat()
        await _share(desk, attachments, chat)
        await _share(desk, attachments, chat)
        with pytest.raises(TooLarge):
            await _share(desk, attachments, chat)
        assert len(_blobs(folder)) == 2
        erasure = await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "By letter")
        assert erasure.counts["files"] == 2
        assert _blobs(folder) == []


async def test_MS_8_retention_takes_the_files_along(opened: Opener, folder: Path) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder)
        chat = await desk.chat()
        await _share(desk, attachments, chat)
        await desk.clock.advance(200 * DAY)
        await desk.rights.retention.run(desk.account)
        assert _blobs(folder) == []
