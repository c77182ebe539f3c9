"""The transcript mail as it leaves a real server: over TLS, and also when that server is killed on the way (PS-4, PS-5)."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.reading import whole
from tests.foundation.web.certificates import make_certificate
from tests.serving import Frontdesk, MailServer, code_in, mail_settings, serving, text_of
from tests.talking import Json, Staff, Visitor

JANE = "jane@visitors.example"


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, mails: MailServer) -> Iterator[Frontdesk]:
    with serving(tmp_path, **mail_settings(mails), FRONTDESK_JOBS__LEASE_SECONDS="3") as running:
        yield running


async def talk(house: Frontdesk, mails: MailServer) -> str:
    """A visitor proves his address and says something; the conversation."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.ask(type="email", address=JANE)
        mail = await asyncio.to_thread(mails.wait_for, 1)
        assert (await visitor.ask(type="code", code=code_in(mail)))["outcome"] == "verified"
        await visitor.say("canary-said")
        await visitor.ask(type="handoff")
        return str(visitor.welcome["conversation"])


async def close(house: Frontdesk, chat: str) -> None:
    """The operator takes the chat and closes it."""
    agent = house.person("agent")
    async with Staff.logged_in(house.base_url, agent["email"], agent["password"]) as ann:
        await ann.ask(type="take_over", conversation=chat)
        await ann.ask(type="note", conversation=chat, text="canary-note")
        assert (await ann.ask(type="close", conversation=chat))["type"] == "ack"


async def told(house: Frontdesk, chat: str) -> list[Json]:
    """What the conversation says of its transcript mails."""
    owner = house.person("super_admin")
    async with Staff.logged_in(house.base_url, owner["email"], owner["password"]) as boss:
        events = await whole(boss, chat)
        found = [event for event in events if event["kind"] == "transcript"]
        if not found:
            await boss.send(type="watch", conversation=chat, since=events[-1]["seq"])
            found = [await boss.event(lambda event: event["kind"] == "transcript")]
    return found


async def test_PS_4_PS_5_YA_17_a_closed_chat_is_mailed_over_TLS_and_the_conversation_says_so(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    mails = MailServer(certificate.context)
    mails.start()
    settings = mail_settings(mails) | {
        "FRONTDESK_MAIL__TLS": "require",
        "FRONTDESK_MAIL__CA_FILE": str(certificate.file),
    }
    try:
        with serving(tmp_path, **settings) as house:
            chat = await talk(house, mails)
            await close(house, chat)
            mail = await asyncio.to_thread(mails.wait_for, 2)
            (event,) = await told(house, chat)
    finally:
        mails.stop()
    assert mail["To"] == JANE
    assert mail["Auto-Submitted"] == "auto-generated"
    assert "canary-said" in text_of(mail)
    assert "canary-note" not in mail.as_string()
    assert (event["sent"], event["address"]) == (True, JANE)
    assert event["tls"].startswith("TLSv1.")


@pytest.mark.timeout(120)
async def test_PS_5_killed_between_the_close_and_the_mail_it_goes_after_the_start(
    house: Frontdesk, mails: MailServer
) -> None:
    """`kill -9` while the mail server says "later": nothing is lost, and nothing is sent twice."""
    chat = await talk(house, mails)
    mails.shut = True
    await close(house, chat)
    await asyncio.to_thread(mails.wait_until_asked)
    house.kill()
    mails.shut = False
    await asyncio.to_thread(house.start)
    # The dead process may have held the job; its lease ends after three seconds here.
    mail = await asyncio.to_thread(mails.wait_for, 2)
    assert "canary-said" in text_of(mail)
    assert len(await told(house, chat)) == 1
    assert len(mails.mails()) == 2


@pytest.mark.timeout(120)
async def test_PS_5_killed_at_the_moment_of_the_close_it_goes_after_the_start(
    house: Frontdesk, mails: MailServer
) -> None:
    """The close was acknowledged and the process is gone at once; whatever was not written down is found again."""
    chat = await talk(house, mails)
    mails.shut = True
    agent = house.person("agent")
    async with Staff.logged_in(house.base_url, agent["email"], agent["password"]) as ann:
        await ann.ask(type="take_over", conversation=chat)
        assert (await ann.ask(type="close", conversation=chat))["type"] == "ack"
        house.kill()
    mails.shut = False
    await asyncio.to_thread(house.start)
    await asyncio.to_thread(mails.wait_for, 2)
    assert len(await told(house, chat)) == 1
