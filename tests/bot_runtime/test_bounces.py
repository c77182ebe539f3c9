"""Fates of mails, bounces, complaints, and the suppression list they feed (DD-9, D-20, PS-4)."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from bot_runtime.verification import evidence as facts
from bot_runtime.verification.bounce_door import BounceDoor
from bot_runtime.verification.bounces import Report, read_report
from foundation.clock import MINUTE, SECOND
from foundation.errors import Invalid
from foundation.web import build_app
from tests.bot_runtime.conftest import Desk, Site, serving
from transcripts.events import VerificationSent

JANE = "jane@visitors.example"
SECRET = "a secret of more than thirty-two signs"

BOUNCE = """From: MAILER-DAEMON@mx.example
To: desk@blue.example
Subject: Undelivered Mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type={kind}; boundary="b"

--b
Content-Type: text/plain

It did not work.
--b
{report}

--b
Content-Type: {copy}

Message-ID: {id}
Subject: Your code for the chat

--b--
"""

FAILED = """Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; jane@visitors.example
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 no such user"""

COMPLAINT = """Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1"""


def dsn(message_id: str, *, action: str = "failed", status: str = "5.1.1", copy: str = "text/rfc822-headers") -> bytes:
    report = FAILED.format(action=action, status=status)
    return BOUNCE.format(kind="delivery-status", report=report, id=message_id, copy=copy).encode()


async def sent_to(desk: Desk, address: str = JANE) -> str:
    """The Message-ID of a mail that left."""
    await desk.supply(await desk.chat(), address)
    return (await desk.mail()).message_id


@pytest.mark.parametrize("copy", ["text/rfc822-headers", "message/rfc822"])
async def test_D_20_a_bounce_suppresses_the_address_and_is_shown(desk: Desk, copy: str) -> None:
    message_id = await sent_to(desk)
    report = read_report(dsn(message_id, copy=copy))
    assert report == Report(message_id, "bounce", True, "smtp; 550 5.1.1 no such user")
    assert await desk.proof.bounces.take(report) == "suppressed"
    assert await desk.contacts.is_suppressed(desk.account.id, JANE)
    (mail,), _ = await desk.proof.fates.list(desk.account.id)
    assert (mail.body.status, mail.body.reply) == ("bounced", "smtp; 550 5.1.1 no such user")
    kept = await desk.proof.evidence.of(desk.account.id, mail.id)
    assert [fact.report for fact in kept if isinstance(fact, facts.MailBounced)] == ["smtp; 550 5.1.1 no such user"]


async def test_D_20_reported_twice_is_reported_once(desk: Desk) -> None:
    report = Report(await sent_to(desk), "complaint", reason="spam")
    assert [await desk.proof.bounces.take(report) for _ in range(2)] == ["suppressed"] * 2
    (mail,), _ = await desk.proof.fates.list(desk.account.id)
    kept = await desk.proof.evidence.of(desk.account.id, mail.id)
    assert sum(isinstance(fact, facts.MailBounced) for fact in kept) == 1


async def test_D_20_a_delay_is_no_bounce_and_a_foreign_mail_changes_nothing(desk: Desk) -> None:
    message_id = await sent_to(desk)
    assert await desk.proof.bounces.take(read_report(dsn(message_id, action="delayed", status="4.4.1"))) == "noted"
    assert await desk.proof.bounces.take(read_report(dsn("<somebody@else.example>"))) == "unknown"
    assert not await desk.contacts.is_suppressed(desk.account.id, JANE)


def test_D_20_a_complaint_is_read() -> None:
    raw = BOUNCE.format(kind="feedback-report", report=COMPLAINT, id="<m@blue.example>", copy="text/rfc822-headers")
    assert read_report(raw.encode()).kind == "complaint"


@pytest.mark.parametrize("raw", [b"", b"Subject: hello\n\nhi", b"\xff\x00" * 50, dsn(""), b"x" * 1_000_001])
def test_what_is_no_report_is_refused(raw: bytes) -> None:
    with pytest.raises(Invalid):
        read_report(raw)


async def test_DD_9_an_address_suppressed_meanwhile_gets_neither_the_queued_mail_nor_another(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    await desk.contacts.suppress(desk.account.id, JANE, "asked for it")
    assert await desk.mails() == []
    await desk.proof.verification.send(desk.account.id, chat.id, by="visitor")
    assert await desk.mails() == []
    mails, _ = await desk.proof.fates.list(desk.account.id)
    assert sorted(mail.body.status for mail in mails) == ["dropped", "held_back"]


async def test_PS_4_the_fate_of_a_mail_is_kept_without_its_address(desk: Desk) -> None:
    chat = await desk.chat()
    await desk.supply(chat, JANE)
    (mail,), _ = await desk.proof.fates.list(desk.account.id)
    assert mail.body.status == "queued"
    await desk.mails()
    (mail,), _ = await desk.proof.fates.list(desk.account.id)
    (announced,) = await desk.events(chat, VerificationSent)
    assert (mail.body.status, mail.id, mail.body.shown) == ("sent", announced.verification, "j***@visitors.example")
    assert JANE not in str(mail)


@pytest_asyncio.fixture
async def hook(desk: Desk) -> AsyncIterator[Site]:
    door = BounceDoor(desk.proof.bounces, desk.clock, secret=SECRET)
    runner, base = await serving(
        lambda settings: build_app(door.routes(), settings=settings, pages=desk.pages, statics=(), clock=desk.clock)
    )
    async with aiohttp.ClientSession() as http:
        yield Site(desk, base, http)
    await runner.cleanup()


async def report_to(
    hook: Site, body: bytes, *, secret: str = SECRET, shift: int = 0, signed: bytes | None = None
) -> int:
    at = (hook.desk.clock.now() + shift) // SECOND
    mac = hmac.new(secret.encode(), f"{at}.".encode() + (signed or body), hashlib.sha256).hexdigest()
    headers = {"X-Frontdesk-Signature": f"t={at},v1={mac}", "Content-Type": "application/json"}
    async with hook.http.post(hook.base + "/hooks/mail", data=body, headers=headers) as answer:
        return answer.status


async def test_D_20_a_signed_report_counts_and_no_other_does(hook: Site) -> None:
    body = json.dumps({"message_id": await sent_to(hook.desk), "kind": "complaint"}).encode()
    assert await report_to(hook, body, secret="another secret of thirty-two signs") == 403
    assert await report_to(hook, body, shift=-6 * MINUTE) == 403
    assert await report_to(hook, body, signed=b"{}") == 403
    async with hook.http.post(hook.base + "/hooks/mail", data=body) as answer:
        assert answer.status == 403
    assert not await hook.desk.contacts.is_suppressed(hook.desk.account.id, JANE)
    assert await report_to(hook, b'{"message_id": "<m@x>", "kind": {"$ne": 1}}') == 422
    assert await report_to(hook, body) == 204
    assert await hook.desk.contacts.is_suppressed(hook.desk.account.id, JANE)
    assert await report_to(hook, json.dumps({"message_id": "<m@x>", "kind": "bounce"}).encode()) == 204


async def test_without_a_secret_there_is_no_door(desk: Desk) -> None:
    door = BounceDoor(desk.proof.bounces, desk.clock, secret="")
    runner, base = await serving(
        lambda settings: build_app(door.routes(), settings=settings, pages=desk.pages, statics=(), clock=desk.clock)
    )
    async with (
        asyncio.timeout(10),
        aiohttp.ClientSession() as http,
        http.post(base + "/hooks/mail", data=b"{}") as answer,
    ):
        assert answer.status == 404
    await runner.cleanup()
