"""Signed heads: what was cut off or written anew after a head was noted is told from a whole book (G-1, MS-6)."""

import stat
from pathlib import Path

import msgspec
import pytest

from admin.anchors import Anchors
from admin.heads import SignedHead, is_genuine, read_heads
from foundation import jobs
from foundation.clock import DAY
from foundation.errors import Invalid
from foundation.jobs import Jobs
from foundation.mail import MemoryPost, PostRefused, PostUnreachable
from foundation.records import Batch, MemoryEngine
from tests.admin.house import House


def log_of(house: House) -> list[Batch]:
    assert isinstance(house.engine, MemoryEngine)
    return next(batches for name, batches in house.engine._logs.items() if name.endswith(f"audit/{house.blue}"))


async def cut_to(house: House, entries: int) -> None:
    """The book as somebody leaves it who has the store and all keys: shorter, with a head row that fits."""
    assert isinstance(house.engine, MemoryEngine)
    kept = [entry for _, entry in await house.admin.audit.read(house.blue, 0, entries)]
    await house.admin.audit._log.delete(house.blue, f"audit/{house.blue}")
    house.admin.audit._books.clear()
    for entry in kept:
        await house.admin.audit.write(
            house.blue, entry.actor, entry.action, entry.object, before=entry.before, after=entry.after, **entry.data
        )


async def test_G_1_a_head_is_signed_by_the_installation_and_every_member_counts(house: House) -> None:
    head = await house.admin.heads.sign(house.blue)
    assert head.entries == await house.admin.audit.last(house.blue)
    assert head.at == house.clock.now()
    assert is_genuine(head)
    for change in ({"account": house.red}, {"entries": 1}, {"hash": "x"}, {"at": 1}, {"public_key": "x"}):
        assert not is_genuine(msgspec.structs.replace(head, **change)), change
    assert not is_genuine(msgspec.structs.replace(head, signature="é"))


async def test_G_1_a_whole_book_agrees_with_its_earlier_heads(house: House) -> None:
    heads = await house.admin.heads.sign_all()
    assert {head.account for head in heads} == {"", house.blue, house.red}
    await house.admin.audit.write(house.blue, "system", "deed")
    assert await house.admin.heads.compare(heads) == []


async def test_G_1_a_tail_that_was_cut_off_with_keys_in_hand_is_caught_by_a_head(house: House) -> None:
    head = await house.admin.heads.sign(house.blue)
    await cut_to(house, head.entries - 2)
    assert await house.admin.audit.verify(house.blue) is None, "the chain alone cannot tell"
    (finding,) = await house.admin.heads.compare([head])
    assert (finding.fault, finding.entry) == ("cut", head.entries - 1)


async def test_G_1_a_book_that_was_written_anew_is_caught_by_a_head(house: House) -> None:
    head = await house.admin.heads.sign(house.blue)
    await cut_to(house, head.entries - 1)
    await house.admin.audit.write(house.blue, "system", "another.deed")
    assert await house.admin.audit.verify(house.blue) is None
    (finding,) = await house.admin.heads.compare([head])
    assert (finding.fault, finding.entry) == ("different", head.entries)


async def test_G_1_only_what_this_installation_signed_is_believed(house: House) -> None:
    head = await house.admin.heads.sign(house.blue)
    forged = msgspec.structs.replace(head, entries=head.entries + 5)
    assert [one.fault for one in await house.admin.heads.compare([forged])] == ["signature"]
    stranger = await house.admin.heads.sign("nobody")
    assert [one.fault for one in await house.admin.heads.compare([stranger])] == ["stranger"]


async def test_G_1_a_broken_entry_is_found_in_any_window_of_the_check(house: House) -> None:
    for _ in range(30):
        await house.admin.audit.write(house.blue, "system", "deed")
    log = log_of(house)
    del log[7]
    assert await house.admin.audit.verify(house.blue) == 8


@pytest.mark.parametrize("text", ["", "nothing", '{"account":""}', '[{"account":1}]', '{"a":"\ud800"}'])
def test_what_holds_no_head_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(Invalid):
        read_heads(text)


async def anchored(house: House, folder: Path, to: str = "dpo@blue.example") -> tuple[Anchors, MemoryPost, Jobs]:
    engine = MemoryEngine(jobs.KINDS)
    await engine.open()
    outbox, post = Jobs(engine, house.keyring, house.clock), MemoryPost(house.clock)
    anchors = Anchors(
        house.admin.heads, outbox, house.clock, file=folder / "heads.jsonl", post=post, sender="f@blue.example", to=to
    )
    return anchors, post, outbox


async def test_G_1_every_day_the_heads_are_noted_and_mailed_once(house: House, tmp_path: Path) -> None:
    anchors, post, outbox = await anchored(house, tmp_path)
    await anchors.periodic.begin()
    for _ in range(3):
        await outbox.run_due()
    (mail,) = post.sent
    lines = (tmp_path / "heads.jsonl").read_text()
    assert stat.S_IMODE((tmp_path / "heads.jsonl").stat().st_mode) == 0o600
    assert mail.to == "dpo@blue.example"
    for line in lines.splitlines():
        assert line in mail.text
    assert "Olga" not in mail.text
    await house.clock.advance(DAY)
    for _ in range(3):
        await outbox.run_due()
    assert len(post.sent) == 2
    heads = read_heads((tmp_path / "heads.jsonl").read_text())
    assert len(heads) == 6
    assert await house.admin.heads.compare(heads) == []


async def test_heads_are_noted_without_an_address_too(house: House, tmp_path: Path) -> None:
    anchors, post, outbox = await anchored(house, tmp_path, to="")
    assert [type(head) for head in await anchors.note()] == [SignedHead] * 3
    await outbox.run_due()
    assert (len(post.sent), (tmp_path / "heads.jsonl").exists()) == (0, True)


async def test_a_mail_that_fails_is_tried_again_and_a_refused_one_is_kept_as_failed(
    house: House, tmp_path: Path
) -> None:
    anchors, post, outbox = await anchored(house, tmp_path)
    post.refusals["dpo@blue.example"] = PostUnreachable("down")
    await anchors.note()
    await outbox.run_due()
    assert (len(post.sent), await outbox.failed()) == (0, 0)
    post.refusals["dpo@blue.example"] = PostRefused("550 no", permanent=True)
    await house.clock.advance(10_000)
    await outbox.run_due()
    assert await outbox.failed() == 1
