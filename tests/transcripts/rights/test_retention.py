"""YA-20, MS-8, E-4, E-5, MS-9, E-6 and the epochs of the keys: what goes by itself, and what stays of it."""

import asyncio

import pytest

from foundation.clock import DAY, MINUTE, ManualClock
from foundation.errors import Invalid, NotFound
from foundation.keys import KeyDestroyed
from tests.transcripts.rights.conftest import OLGA, Desk, Opener
from transcripts.control import change
from transcripts.events import AnyEvent, EmailVerified
from transcripts.rights import Rule
from transcripts.rights.certificates import is_genuine
from transcripts.state import State


async def _transcripts(desk: Desk, proposed: Rule | None = None):
    plans = await desk.rights.retention.preview(desk.account, proposed)
    return next(plan for plan in plans if plan.data == "transcripts")


async def test_MS_8_by_default_a_transcript_is_deleted_after_180_days(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        await clock.advance(180 * DAY)
        fresh = await desk.chat(visitor="another")
        assert (await _transcripts(desk)).count == 0
        await clock.advance(MINUTE)
        plan = await _transcripts(desk)
        assert (plan.count, plan.rule.days, plan.bot) == (1, 180, desk.bot)
        assert await desk.rights.retention.run(desk.account) == 1
        assert not await desk.conversations.heads.exists(desk.account, chat)
        assert await desk.conversations.heads.exists(desk.account, fresh)


async def test_YA_20_the_dry_run_says_exactly_what_the_run_deletes_and_the_certificate_too(
    opened: Opener, clock: ManualClock
) -> None:
    """What none of the peers has, 7."""
    async with opened() as desk:
        began = clock.now()
        chats = [await desk.chat(visitor=f"v{n}") for n in range(3)]
        await clock.advance(31 * DAY)
        later = await desk.chat(visitor="later")
        proposed = Rule(desk.bot, "transcripts", 30)
        plan = await _transcripts(desk, proposed)
        assert (plan.count, plan.oldest, plan.held) == (3, began, 0)
        assert (await _transcripts(desk)).count == 0  # a dry run changes nothing
        await desk.rights.retention.choose(desk.account, proposed, by=OLGA)
        await desk.outbox.run_due()
        assert [await desk.conversations.heads.exists(desk.account, one) for one in (*chats, later)] == [False] * 3 + [
            True
        ]
        (certificate,), _ = await desk.rights.certificates.list(desk.account)
        facts = certificate.facts
        assert is_genuine(certificate, await desk.rights.certificates.public_key(desk.account))
        assert (facts["deleted"]["conversations"], facts["keys_destroyed"], facts["cause"]) == (3, 3, "retention")
        assert "30 days" in facts["rule"]
        assert sorted(facts["subjects"]) == sorted(
            [await desk.rights.certificates.subject(desk.account, one) for one in chats]
        )


async def test_E_4_a_hold_keeps_what_a_rule_would_delete_until_it_ends(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        held, other = await desk.chat(), await desk.chat(visitor="another")
        until = clock.now() + 200 * DAY
        await desk.rights.holds.place(desk.account, "conversation", held, until=until, reason="court", by=OLGA)
        await clock.advance(181 * DAY)
        plan = await _transcripts(desk)
        assert (plan.count, plan.held) == (1, 1)
        await desk.rights.retention.run(desk.account)
        assert [await desk.conversations.heads.exists(desk.account, one) for one in (held, other)] == [True, False]
        await clock.advance(20 * DAY)
        assert await desk.rights.retention.run(desk.account) >= 1
        assert not await desk.conversations.heads.exists(desk.account, held)


async def test_TI_3_for_ever_is_an_explicit_choice_with_a_reason_in_the_audit_book(
    opened: Opener, clock: ManualClock
) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        with pytest.raises(Invalid):
            await desk.rights.retention.choose(desk.account, Rule("", "transcripts", None), by=OLGA)
        forever = Rule("", "transcripts", None, reason="An archive by law")
        await desk.rights.retention.choose(desk.account, forever, by=OLGA)
        await clock.advance(3_000 * DAY)
        await desk.rights.retention.run(desk.account)
        assert await desk.conversations.heads.exists(desk.account, chat)
        entries = [entry for _, entry in await desk.services.audit.read(desk.account, 0, 100)]
        chosen = next(entry for entry in entries if entry.action == "retention.changed")
        assert (chosen.actor, chosen.after) == (OLGA.person, {"data": "transcripts", "days": "for ever"})
        assert await desk.rights.retention.days(desk.account, desk.bot) is None


@pytest.mark.parametrize("days", [0, -1, 3_651])
async def test_a_rule_that_cannot_be_is_refused(opened: Opener, days: int) -> None:
    async with opened() as desk:
        with pytest.raises(Invalid):
            await desk.rights.retention.choose(desk.account, Rule("", "transcripts", days), by=OLGA)
        with pytest.raises(Invalid):
            await desk.rights.retention.choose(desk.account, Rule("", "no such data", 30), by=OLGA)
        with pytest.raises(Invalid):
            await desk.rights.retention.choose(desk.account, Rule(desk.bot, "contacts", 30), by=OLGA)
        with pytest.raises(NotFound):
            await desk.rights.retention.choose(desk.account, Rule("A" * 22, "transcripts", 30), by=OLGA)


async def test_a_contact_goes_when_no_chat_names_him_and_a_consent_record_when_its_time_is_over(
    opened: Opener, clock: ManualClock
) -> None:
    async with opened() as desk:
        contact = (await desk.contacts.supply(desk.account, "canary@example.org", "visitor")).contact
        await desk.contacts.complete(desk.account, contact)
        chat = await desk.chat(contact=contact)
        await clock.advance(181 * DAY)
        await desk.rights.retention.run(desk.account)
        assert not await desk.contacts.exists(desk.account, contact)
        assert len(await desk.consents.of(desk.account, chat)) == 1
        await clock.advance(915 * DAY)
        await desk.rights.retention.run(desk.account)
        assert await desk.consents.of(desk.account, chat) == []


async def test_E_5_a_run_that_is_killed_again_and_again_converges(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        chats = [await desk.chat(visitor=f"v{n}") for n in range(8)]
        await clock.advance(200 * DAY)
        for patience in range(60):
            running = asyncio.create_task(desk.rights.retention.run(desk.account))
            for _ in range(3 * patience):
                if running.done():
                    break
                await asyncio.sleep(0)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
        await desk.rights.retention.run(desk.account)
        assert [await desk.conversations.heads.exists(desk.account, one) for one in chats] == [False] * 8
        assert await desk.rights.retention.run(desk.account) == 0


async def test_the_daily_work_runs_once_a_day_and_is_made_up_for(opened: Opener, clock: ManualClock) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        await desk.rights.begin()
        await desk.outbox.run_due()
        assert await desk.conversations.heads.exists(desk.account, chat)
    await clock.advance(190 * DAY)  # nobody was there for half a year
    async with opened() as desk:
        await desk.rights.begin()
        for _ in range(4):
            await desk.outbox.run_due()
        assert not await desk.conversations.heads.exists(desk.account, chat)


async def test_an_epoch_ends_the_old_wrapping_key_while_everything_stays_readable(
    opened: Opener, clock: ManualClock
) -> None:
    """SECURITY 3.3: after this no copy of the key store that was cut from the old key opens what was erased."""
    async with opened() as desk:
        chat, erased = await desk.chat(), await desk.chat(visitor="another")
        (key,) = await desk.conversations.keys_of(desk.account, erased)
        assert await desk.rights.epochs.renew() == 0
        await desk.rights.erasures.erase_conversation(desk.account, erased, OLGA, "She asked")
        certificate = (await desk.rights.certificates.list(desk.account))[0][0]
        ends = await desk.rights.epochs.ends_at(desk.account)
        assert certificate.facts["final_in_backups_at"] == ends + 7 * DAY
        await clock.advance(30 * DAY)

        async def writing() -> None:
            for n in range(20):
                await desk.chat(visitor=f"w{n}")

        writer = asyncio.create_task(writing())
        assert await desk.rights.epochs.renew() >= 1
        await writer
        assert (await desk.keyring.describe()).draining == 0
        assert await desk.rights.epochs.ends_at(desk.account) == clock.now() + 30 * DAY
        fresh = type(desk.conversations)(desk.engine, desk.keyring, desk.signals, clock)
        assert (await fresh.state(desk.account, chat)).name == "Canarylady"
        with pytest.raises(KeyDestroyed):
            await desk.keyring.cipher(desk.account, key)


async def _day_of(desk: Desk, chats: int, verified: int) -> None:
    """A day with chats, all handed to a person after a minute, some verified."""
    ids = [await desk.chat(visitor=f"v{n}") for n in range(chats)]

    def to(control: str, reason: str, actor: str, **more: str):
        def decide(state: State) -> list[AnyEvent]:
            return [change(state, control, reason=reason, actor=actor, at=desk.clock.now(), **more)]

        return decide

    for id in ids:
        await desk.conversations.update(desk.account, id, to("queue", "handoff_requested", "visitor"))
    await desk.clock.advance(MINUTE)
    for number, id in enumerate(ids):
        taken = to("agent", "taken", "agent", author="ann", holder="ann", holder_name="Ann")
        await desk.conversations.update(desk.account, id, taken)
        if number < verified:
            event = EmailVerified(at=desk.clock.now(), contact="c", method="code")
            await desk.conversations.update(desk.account, id, lambda _, event=event: [event])


async def test_MS_9_figures_survive_deletion_and_small_groups_are_not_even_kept(
    opened: Opener, clock: ManualClock
) -> None:
    """E-6"""
    async with opened() as desk:
        await clock.advance(DAY - clock.now() % DAY)
        await _day_of(desk, chats=7, verified=4)
        await clock.advance(DAY)
        await _day_of(desk, chats=4, verified=4)
        await clock.advance(DAY)
        assert await desk.rights.figures.settle() == 3
        assert await desk.rights.figures.settle() == 0
        await clock.advance(200 * DAY)
        await desk.rights.retention.run(desk.account)
        small, large, empty = await desk.rights.figures.since(desk.account, 0)
        assert large.counts == {
            "conversations": 7, "messages": 7, "handoffs": 7, "taken": 7, "verified": None, "closed": 0,
        }  # fmt: skip
        assert large.median_wait == MINUTE
        assert set(small.counts.values()) == set(empty.counts.values()) == {None}
        assert small.median_wait is None
