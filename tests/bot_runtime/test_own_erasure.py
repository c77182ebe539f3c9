"""A visitor erases himself: after proof at once and for good, and otherwise as a request that says why (MS-4, MS-11)."""

import json
from typing import Any

import pytest

from admin import By
from foundation.clock import DAY
from foundation.errors import NotFound
from tests.bot_runtime.conftest import Shop
from tests.bot_runtime.test_privacy_doors import JANE, ask, held, verified
from tests.talking import Visitor
from transcripts.rights.certificates import is_genuine

_BOSS = By("boss")


async def erase(shop: Shop, visitor: Visitor, confirm: str = "ERASE") -> tuple[int, Any]:
    return await ask(shop, "/request", device=visitor.device, what="erase", confirm=confirm)


async def test_MS_4_after_proof_the_erasure_is_carried_out_at_once_and_certified(shop: Shop) -> None:
    """E-1: over both browsers that proved the address; the certificate is there, the audit book names nobody."""
    desk = shop.desk
    account = desk.account.id
    async with shop.visitor() as phone:
        await phone.say("canary-on-the-phone")
        await verified(shop, phone)
        first = await shop.chat_of(phone)
    async with shop.visitor() as desktop, shop.visitor() as stranger:
        await stranger.say("words of a stranger")
        await verified(shop, desktop)
        await stranger.ask(type="email", address=JANE)
        chat = await shop.chat_of(desktop)
        data = await held(shop, desktop.device)
        assert (data["erases"], data["erases_proven"], len(data["chats"])) == ("at_once", "at_once", 2)
        for wrong in ("", "yes", "ERAS"):
            assert (await erase(shop, desktop, wrong))[0] == 422
        status, answer = await erase(shop, desktop)
        assert status == 200, answer
        with pytest.raises(ConnectionResetError, match="4404"):
            await desktop.event(lambda _: False)
        assert (await stranger.say("still here"))["type"] == "ack", "D-8"
        strangers = await shop.chat_of(stranger)
    for one in (first, chat):
        with pytest.raises(NotFound):
            await desk.state(one)
    assert await desk.contacts.by_address(account, JANE) is None
    assert JANE not in repr(await desk.events(strangers))
    assert await desk.proof.devices.newest(account, chat.visitor, chat.id) is None
    certificate = await desk.rights.certificates.get(account, answer["erased"]["certificate"])
    assert is_genuine(certificate, await desk.rights.certificates.public_key(account))
    assert (certificate.cause, certificate.facts["by"]) == ("erasure", "visitor")
    assert answer["erased"]["final_at"] >= desk.clock.now() + 7 * DAY
    assert JANE.encode() not in certificate.document
    book = [entry for _, entry in await desk.admin.audit.read(account, 0, 1_000)]
    assert {"privacy.asked", "erasure.requested", "erasure.done"} <= {entry.action for entry in book}
    assert not [entry for entry in book if JANE in repr(entry) or "canary" in repr(entry)]
    left = await held(shop, desktop.device)
    assert (left["chats"], left["address"], len(left["consents"])) == ([], "", 1), "the evidence of the consent alone"
    assert (await erase(shop, desktop))[0] == 404, "and nothing to erase twice"
    assert await desk.requests.list(account) == []


async def test_MS_4_without_proof_it_is_a_request_and_says_what_is_missing(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await visitor.ask(type="email", address=JANE)
        assert (await held(shop, visitor.device))["erases"] == "asked"
        status, data = await erase(shop, visitor, "löschen")
        assert status == 200
        assert [(one["what"], one["state"], one["why"]) for one in data["requests"]] == [("erase", "open", "unproven")]
        assert (await visitor.say("still here"))["type"] == "ack"


@pytest.mark.parametrize("what", ["hold", "restriction"])
async def test_E_10_E_14_what_is_held_or_restricted_stays_and_the_visitor_is_told(shop: Shop, what: str) -> None:
    desk = shop.desk
    account = desk.account.id
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await verified(shop, visitor)
        chat = await shop.chat_of(visitor)
        if what == "hold":
            until = desk.clock.now() + DAY
            await desk.rights.holds.place(account, "conversation", chat.id, until=until, reason="court", by=_BOSS)
        else:
            await desk.rights.restrictions.restrict(account, chat.id, by=_BOSS, reason="dispute")
        assert (await held(shop, visitor.device))["erases"] == "asked"
        status, data = await erase(shop, visitor)
        assert (status, [one["why"] for one in data["requests"]]) == (200, ["held"])
        assert "court" not in json.dumps(data)
    assert (await desk.state(chat)).seq > 0
    (request,) = await desk.requests.list(account)
    assert (request.why, request.due) == ("held", request.at + 30 * DAY)


async def test_MS_4_an_account_may_want_each_erasure_looked_at(shop: Shop) -> None:
    desk = shop.desk
    await desk.admin.accounts.confirm_erasures(desk.account.id, True)
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await verified(shop, visitor)
        data = await held(shop, visitor.device)
        assert (data["erases"], data["erases_proven"]) == ("asked", "asked")
        _, data = await erase(shop, visitor)
        assert [one["why"] for one in data["requests"]] == ["confirmed"]
        chat = await shop.chat_of(visitor)
    assert (await desk.state(chat)).seq > 0
    await desk.admin.accounts.confirm_erasures(desk.account.id, False)
    assert "erased" in (await erase(shop, visitor))[1]
    changes = [
        entry for _, entry in await desk.admin.audit.read(desk.account.id, 0, 1_000) if "erasures" in entry.action
    ]
    assert [(one.before, one.after) for one in changes] == [
        ({"confirm_erasures": False}, {"confirm_erasures": True}),
        ({"confirm_erasures": True}, {"confirm_erasures": False}),
    ]


async def test_E_8_a_persons_word_does_not_erase_anybody(shop: Shop) -> None:
    """Somebody whom an agent vouched for reaches no data, and can destroy none."""
    desk = shop.desk
    async with shop.visitor() as jane:
        await jane.say("canary-of-jane")
        await verified(shop, jane)
        hers = await shop.chat_of(jane)
    async with shop.visitor() as vouched:
        await vouched.ask(type="email", address=JANE)
        chat = await shop.chat_of(vouched)
        await desk.proof.verification.vouch(desk.account.id, chat.id, method="manual", author="ann", reason="sure")
        _, data = await erase(shop, vouched)
        assert [one["why"] for one in data["requests"]] == ["unproven"]
    assert (await desk.state(hers)).seq > 0
    assert await desk.contacts.by_address(desk.account.id, JANE) is not None
