"""MS-8: what is kept beside the conversations goes by rules of its own, with dry run, holds and certificate (YA-20, E-4)."""

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from admin import Principal
from foundation.clock import DAY, ManualClock
from foundation.errors import NotFound
from foundation.keys import KeyDestroyed
from foundation.mail import Delivery
from tests.transcripts.rights.conftest import OLGA, Desk, Opener
from tests.transcripts.rights.test_attachments import _attachments, _blobs, _content, _share
from transcripts import Links, MailRecords
from transcripts.events import FileDestroyed
from transcripts.links import Link, Seen
from transcripts.retaining import EndedLinks, LinkViews, TranscriptMailRecords
from transcripts.rights import Planned, Rule
from transcripts.rights.certificates import is_genuine


async def plan(desk: Desk, data: str, days: int | None = None) -> Planned:
    proposed = None if days is None else Rule("", data, days)
    return next(one for one in await desk.rights.retention.preview(desk.account, proposed) if one.data == data)


async def certified(desk: Desk, data: str) -> dict[str, object]:
    """What the newest certificate says, once it is proven to be ours."""
    (newest, *_), _ = await desk.rights.certificates.list(desk.account)
    assert is_genuine(newest, await desk.rights.certificates.public_key(desk.account))
    assert newest.facts["rule"].startswith(f"retention: {data},")
    return newest.facts


async def test_MS_8_files_go_before_their_chat_with_key_blob_and_name(
    opened: Opener, folder: Path, clock: ManualClock
) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder, most=1_000_000)
        chat, other = await desk.chat(), await desk.chat("other", visitor="another")
        old = await _share(desk, attachments, chat)
        held = await _share(desk, attachments, other)
        await desk.rights.holds.place(
            desk.account, "conversation", other, until=clock.now() + 100 * DAY, reason="court", by=OLGA
        )
        await clock.advance(31 * DAY)
        fresh = await _share(desk, attachments, chat)
        shown = await plan(desk, "files", 30)
        assert (shown.count, shown.held, len(_blobs(folder))) == (1, 1, 3), "a dry run changes nothing"
        await desk.rights.retention.choose(desk.account, Rule("", "files", 30), by=OLGA)
        key = (await desk.conversations.state(desk.account, chat)).files[old].event.key
        await desk.outbox.run_due()
        with pytest.raises(KeyDestroyed):
            await desk.keyring.cipher(desk.account, key)
        state = await desk.conversations.state(desk.account, chat)
        with pytest.raises(NotFound):
            attachments.find(state, old, hidden=True)
        assert await _content(desk, attachments, chat, fresh)
        assert await _content(desk, attachments, other, held), "the hold keeps it"
        history = await desk.conversations.history(desk.account, chat)
        assert [one.event.reason for one in history if isinstance(one.event, FileDestroyed)] == ["retention"]
        assert repr(history).count("Canaryname.pdf") == 1, "the other file's"
        facts = await certified(desk, "files")
        assert (facts["deleted"], facts["keys_destroyed"]) == ({"files": 1}, 1)
        assert (await plan(desk, "files")).count == 0
        await clock.advance(100 * DAY)
        await desk.rights.retention.run(desk.account)
        assert _blobs(folder) == [], "and goes when the hold is over"
    assert key in (folder / "erasures.jsonl").read_text(), "no old copy brings it back"


async def test_E_5_a_file_whose_chat_is_gone_is_in_no_list(opened: Opener, folder: Path, clock: ManualClock) -> None:
    async with opened() as desk:
        attachments, _ = _attachments(desk, folder, most=1_000_000)
        chat = await desk.chat()
        await _share(desk, attachments, chat)
        await clock.advance(31 * DAY)
        assert (await plan(desk, "files", 30)).count == 1
        await desk.rights.erasures.erase_conversation(desk.account, chat, OLGA, "asked")
        assert (await plan(desk, "files", 30)).count == 0


async def linked(desk: Desk, links: Links, chat: str) -> Link:
    ann = Principal(desk.account, "ann", "Ann", "ann@example.org", "agent", "s", None)
    link, _ = await links.create(ann, await desk.conversations.state(desk.account, chat), life_ms=10 * DAY)
    return link


async def test_MS_8_links_that_have_ended_go_and_live_ones_stay(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        links = Links(desk.engine, desk.keyring, clock, audit=desk.services.audit)
        desk.rights.retention.add(EndedLinks(links))
        chat = await desk.chat()
        expired, revoked = await linked(desk, links, chat), await linked(desk, links, chat)
        await links.revoke(revoked, OLGA)
        await clock.advance(35 * DAY)
        live = await linked(desk, links, chat)
        shown = await plan(desk, "links", 30)
        assert (shown.count, shown.oldest) == (1, revoked.created_at), "by its end, not by its beginning"
        await clock.advance(6 * DAY)
        await desk.rights.retention.choose(desk.account, Rule("", "links", 30), by=OLGA)
        assert await desk.rights.retention.run(desk.account) == 2
        assert [link.id for link in await links.list(desk.account, chat)] == [live.id]
        facts = await certified(desk, "links")
        assert facts["deleted"] == {"links": 2}
        gone = [await desk.rights.certificates.subject(desk.account, one.id) for one in (expired, revoked)]
        assert sorted(facts["subjects"]) == sorted(gone)


async def test_MS_8_who_opened_a_link_is_forgotten_and_how_often_it_was_is_not(
    opened: Opener, clock: ManualClock
) -> None:
    async with opened() as desk:
        links = Links(desk.engine, desk.keyring, clock, audit=desk.services.audit)
        desk.rights.retention.add(LinkViews(links))
        chat = await desk.chat()
        link = await linked(desk, links, chat)
        await links.count_view(link, Seen(clock.now(), "range", "page", address="192.0.2.9"))
        await clock.advance(31 * DAY)
        await links.count_view(link, Seen(clock.now(), "member", "pdf", person="ann"))
        assert (await plan(desk, "link views", 30)).count == 1
        await desk.rights.retention.choose(desk.account, Rule("", "link views", 30), by=OLGA)
        assert await desk.rights.retention.run(desk.account) == 1
        kept = await links.get(desk.account, link.id)
        assert ([seen.person for seen in kept.seen], kept.views, kept.by_rule) == (
            ["ann"],
            2,
            {"range": 1, "member": 1},
        )
        assert (await certified(desk, "link views"))["deleted"] == {"link views": 1}
        assert await desk.rights.retention.run(desk.account) == 0


async def test_MS_8_records_of_mails_go_when_nothing_is_owed_and_no_mail_goes_twice(
    opened: Opener, clock: ManualClock
) -> None:
    async with opened() as desk:
        records = MailRecords(desk.engine, desk.keyring, clock)
        desk.rights.retention.add(TranscriptMailRecords(records, clock))
        chat, other = await desk.chat(), await desk.chat("other", visitor="another")

        async def owed(conversation: str) -> str:
            record = await records.owe(
                desk.account,
                conversation,
                bot=desk.bot,
                why="closed",
                occasion="closed",
                sender="a@x.example",
                at=clock.now(),
            )
            return record.id

        sent, waiting = await owed(chat), await owed(other)
        record = await records.get(desk.account, sent)
        assert record is not None
        delivered = Delivery(at=clock.now(), tls="TLSv1.3", reply="250")
        await records.change(record, status="sent", body=msgspec.structs.replace(record.body, delivery=delivered))
        await clock.advance(2 * DAY)
        assert (await plan(desk, "transcript mails", 1)).count == 0, "a restart would mail the chat again"
        await clock.advance(7 * DAY)
        assert (await plan(desk, "transcript mails", 1)).count == 1
        await desk.rights.retention.choose(desk.account, Rule("", "transcript mails", 1), by=OLGA)
        assert await desk.rights.retention.run(desk.account) == 1
        assert (await records.get(desk.account, sent), await records.get(desk.account, waiting) is not None) == (
            None,
            True,
        )
        assert (await certified(desk, "transcript mails"))["deleted"] == {"transcript mails": 1}


@pytest.mark.parametrize("stock", [EndedLinks, LinkViews])
async def test_E_4_a_legal_hold_keeps_links_and_their_views(
    opened: Opener, clock: ManualClock, stock: Callable[[Links], EndedLinks]
) -> None:
    async with opened() as desk:
        links = Links(desk.engine, desk.keyring, clock, audit=desk.services.audit)
        made = stock(links)
        desk.rights.retention.add(made)
        link = await linked(desk, links, await desk.chat())
        await links.count_view(link, Seen(clock.now(), "member", "page", person="ann"))
        await desk.rights.holds.place(desk.account, "bot", desk.bot, until=clock.now() + 90 * DAY, reason="x", by=OLGA)
        await clock.advance(60 * DAY)
        shown = await plan(desk, made.data, 30)
        assert (shown.count, shown.held) == (0, 1)
        await desk.rights.retention.choose(desk.account, Rule("", made.data, 30), by=OLGA)
        assert await desk.rights.retention.run(desk.account) == 0
        assert len((await links.get(desk.account, link.id)).seen) == 1
