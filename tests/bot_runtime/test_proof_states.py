"""Why a browser is verified or not, and who may see a contact's past (DD-4, DD-5, DD-7, DD-8)."""

import pytest

from admin import By
from foundation.errors import Conflict, Invalid
from tests.bot_runtime.conftest import Chat, Desk, code_in
from transcripts.events import EmailVerified

JANE = "jane@visitors.example"


async def again(desk: Desk, chat: Chat) -> str:
    """A new chat in the same browser that gives the address: why it is not verified."""
    newer = await desk.chat(device=chat.device)
    await desk.supply(newer, JANE)
    state = await desk.state(newer)
    return "" if state.verification.state == "verified" else (state.verification.why)


async def why(desk: Desk, chat: Chat) -> str:
    """The agent enters a known address: no mail goes out, and the reason stays."""
    await desk.proof.verification.supply(desk.account.id, chat.id, JANE, by="agent", author="ann")
    state = await desk.state(chat)
    assert state.verification.state == "preliminary"
    return state.verification.why


async def test_DD_7_without_the_choice_to_stay_the_next_chat_is_unverified_and_says_why(desk: Desk) -> None:
    first = await desk.verified(JANE)
    next_chat = await desk.chat(device=first.device)
    await desk.proof.verification.recognise(desk.account.id, next_chat.id)
    assert (await desk.state(next_chat)).verification.state == "none"
    assert "for an earlier chat only" in await why(desk, next_chat)
    assert (await desk.state(first)).verification.state == "verified"


async def test_DD_7_with_the_choice_to_stay_the_next_chat_is_verified(desk: Desk) -> None:
    first = await desk.verified(JANE, stay=True)
    assert await again(desk, first) == ""


async def test_DD_7_an_account_may_forbid_to_stay(desk: Desk) -> None:
    await desk.proof.policies.change(desk.account.id, by=By("olga"), stay=False)
    first = await desk.verified(JANE, stay=True)
    assert await again(desk, first) != ""


async def test_DD_7_another_browser_is_told_apart(desk: Desk) -> None:
    await desk.verified(JANE)
    assert "another browser or device" in await why(desk, await desk.chat())


async def test_DD_7_an_agent_revokes_with_a_reason(desk: Desk) -> None:
    chat = await desk.verified(JANE, stay=True)
    verification = desk.proof.verification
    with pytest.raises(Invalid):
        await verification.revoke(desk.account.id, chat.id, author="ann", reason=" ")
    assert (await desk.state(chat)).verification.state == "verified"
    await verification.revoke(desk.account.id, chat.id, author="ann", reason="sounds like somebody else")
    state = await desk.state(chat)
    assert state.verification.state == "preliminary"
    assert "sounds like somebody else" in state.verification.why
    assert "revoked" in await why(desk, await desk.chat(device=chat.device))
    with pytest.raises(Conflict):
        await verification.revoke(desk.account.id, chat.id, author="ann", reason="again")


async def test_DD_5_the_accounts_own_questions_have_all_to_be_answered(desk: Desk) -> None:
    await desk.proof.policies.change(desk.account.id, by=By("olga"), questions=("Order number?", "Postcode?"))
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    vouch = desk.proof.verification.vouch
    for answered in ([], [0], [0, 2]):
        with pytest.raises(Invalid):
            await vouch(desk.account.id, chat.id, method="questions", author="ann", reason="is sure", answered=answered)
    assert (await desk.state(chat)).verification.state == "preliminary"
    await vouch(desk.account.id, chat.id, method="questions", author="ann", reason="", answered=[1, 0])
    (verified,) = await desk.events(chat, EmailVerified)
    assert (verified.method, verified.author) == ("questions", "ann")
    assert verified.reason == "Answered rightly: Order number? Postcode?"


async def test_DD_4_the_contacts_other_chats_are_told_only_after_proof_in_this_one(desk: Desk) -> None:
    first = await desk.verified(JANE)
    second = await desk.chat()
    await desk.supply(second, JANE)
    about = desk.proof.verification.about
    unproven = await about(desk.account.id, second.id)
    assert unproven.earlier is None
    code = code_in(await desk.mail())
    assert [mail.status for mail in (await about(desk.account.id, second.id)).mails] == ["sent"]
    assert await desk.enter(second, code) == "verified"
    proven = await about(desk.account.id, second.id)
    assert proven.earlier is not None
    assert [one.id for one in proven.earlier] == [first.id]
