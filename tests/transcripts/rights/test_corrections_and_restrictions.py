"""MS-12, E-9: corrected with history. E-10: frozen, kept, read by admins with a reason and by nobody else."""

import pytest

from foundation.errors import Conflict, Invalid, Locked, NotFound
from tests.transcripts.rights.conftest import OLGA, Opener
from transcripts import render
from transcripts.events import MessageSent
from transcripts.views import External, visitor_view


async def test_E_9_a_corrected_message_reads_right_everywhere_and_admins_see_what_it_was(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat("I live in Hamburk")
        state = await desk.rights.rectifications.correct(
            desk.account, chat, "message", "I live in Hamburg", by=OLGA, role="agent", message=2, reason="typed wrong"
        )
        assert state.last_text == "I live in Hamburg"
        events = await desk.conversations.events(desk.account, chat)
        seen = repr([visitor_view(one) for one in events]) + render.as_text(
            render.for_member(state, events, "Shop bot")
        )
        assert "Hamburk" not in seen
        assert "Hamburg" in seen
        (change,) = await desk.rights.rectifications.history(desk.account, chat)
        assert (change.old, change.new, change.author, change.reason) == (
            "I live in Hamburk",
            "I live in Hamburg",
            OLGA.person,
            "typed wrong",
        )
        assert "Hambur" not in repr([entry for _, entry in await desk.services.audit.read(desk.account, 0, 100)])


async def test_E_9_a_corrected_name_is_hidden_from_readers_by_address_like_the_first(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat("I am Jane Rightly, not Canarylady")
        state = await desk.rights.rectifications.correct(
            desk.account, chat, "name", "Jane Rightly", by=OLGA, role="agent"
        )
        assert state.name == "Jane Rightly"
        events = await desk.conversations.events(desk.account, chat)
        external = External(chat, events)
        shown = repr([external.view(one) for one in events])
        assert not [name for name in ("Rightly", "Canarylady") if name in shown]
        assert [one.old for one in await desk.rights.rectifications.history(desk.account, chat)] == ["Canarylady"]


async def test_E_9_a_corrected_address_is_another_mailbox_and_not_proven(opened: Opener) -> None:
    async with opened() as desk:
        contact = (await desk.contacts.supply(desk.account, "canary@example.org", "visitor")).contact
        chat = await desk.chat(contact=contact)
        state = await desk.rights.rectifications.correct(
            desk.account, chat, "address", "Jane@Example.org", by=OLGA, role="agent"
        )
        assert (state.address, state.verification.state) == ("Jane@example.org", "preliminary")
        assert state.contact not in (None, contact)


async def test_a_visitor_corrects_his_own_words_and_nobody_what_is_not_there(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        await desk.conversations.append(desk.account, chat, [MessageSent(at=1, by="bot", text="Hello")], 3)
        correct = desk.rights.rectifications.correct
        assert (await correct(desk.account, chat, "message", "mine", by=OLGA, role="visitor", message=2)).seq == 5
        assert (await correct(desk.account, chat, "message", "mine", by=OLGA, role="visitor", message=2)).seq == 5
        for number in (0, 1, 3, 4, 99):
            with pytest.raises(Invalid):
                await correct(desk.account, chat, "message", "x", by=OLGA, role="visitor", message=number)
        for value in ("", " ", "x" * 4_001):
            with pytest.raises(Invalid):
                await correct(desk.account, chat, "message", value, by=OLGA, role="visitor", message=2)
        with pytest.raises(NotFound):
            await correct("another", chat, "name", "x", by=OLGA, role="visitor")
        await desk.rights.redactions.redact(desk.account, chat, 2, by=OLGA)
        with pytest.raises(Conflict):
            await correct(desk.account, chat, "message", "again", by=OLGA, role="visitor", message=2)
        assert "mine" not in repr(await desk.conversations.history(desk.account, chat))


async def test_E_10_a_frozen_chat_takes_nothing_until_it_is_freed(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        said = MessageSent(at=1, by="bot", text="Hello")
        state = await desk.rights.restrictions.restrict(desk.account, chat, by=OLGA, reason="She objects")
        assert (state.control, state.restricted is not None) == ("closed", True)
        with pytest.raises(Locked):
            await desk.conversations.update(desk.account, chat, lambda _: [said])
        assert (await desk.rights.restrictions.restrict(desk.account, chat, by=OLGA, reason="again")).seq == state.seq
        freed = await desk.rights.restrictions.lift(desk.account, chat, by=OLGA, reason="Settled")
        assert freed.restricted is None
        await desk.conversations.update(desk.account, chat, lambda _: [said])


async def test_E_10_it_is_read_with_a_reason_that_is_written_down_first(opened: Opener) -> None:
    async with opened() as desk:
        chat = await desk.chat()
        await desk.rights.restrictions.restrict(desk.account, chat, by=OLGA, reason="She objects")
        with pytest.raises(Invalid):
            await desk.rights.restrictions.read(desk.account, chat, by=OLGA, reason=" ")
        _, events = await desk.rights.restrictions.read(desk.account, chat, by=OLGA, reason="A claim")
        assert "canary-said" in repr(events)
        entries = [entry for _, entry in await desk.services.audit.read(desk.account, 0, 100)]
        assert [(one.object, one.data["why"]) for one in entries if one.action == "conversation.read"] == [
            (chat, "A claim")
        ]
