"""F7: mail through real servers, with TLS that is demanded and checked."""

import asyncio

import pytest

from foundation.clock import ManualClock
from foundation.errors import Invalid
from foundation.mail import Envelope, MemoryPost, PostRefused, PostUnreachable, SmtpPost

MAIL = Envelope(sender="Blue Shop <desk@shop.example>", to="mia@example.org", subject="Hello", text="Ümläut\n")


async def test_none_sends_in_clear_to_this_machine(smtp) -> None:
    server = await smtp()
    delivery = await SmtpPost("127.0.0.1", server.port, "none", clock=ManualClock(5_000)).send(MAIL)
    assert (delivery.at, delivery.tls) == (5_000, None)
    assert "4711" in delivery.reply
    assert server.mails[0]["Subject"] == "Hello"
    assert server.mails[0].get_content() == "Ümläut\r\n"
    assert server.mails[0]["Auto-Submitted"] == "auto-generated"
    assert server.readers == ["mia@example.org"]


@pytest.mark.parametrize("host", ["mail.example", "192.0.2.1", "::2", "localhost.example", "127.0.0.1.example"])
def test_none_sends_to_nobody_else(host: str) -> None:
    with pytest.raises(ValueError, match="this machine only"):
        SmtpPost(host, 25, "none")


def test_settings_that_would_send_a_password_in_clear_are_refused() -> None:
    with pytest.raises(ValueError, match="checked TLS"):
        SmtpPost("mail.example", 587, "opportunistic", "me", "secret")
    with pytest.raises(ValueError, match="together"):
        SmtpPost("mail.example", 587, "require", "me")
    with pytest.raises(ValueError, match="one of"):
        SmtpPost("mail.example", 587, "starttls")  # type: ignore[arg-type]


async def test_require_upgrades_and_says_to_what(smtp, certificate) -> None:
    server = await smtp(tls=certificate.context)
    delivery = await SmtpPost("localhost", server.port, "require", ca_file=certificate.file).send(MAIL)
    assert delivery.tls is not None
    assert delivery.tls.startswith("TLSv1.3 TLS_")
    assert server.secured == [True]


async def test_require_sends_nothing_to_a_server_without_tls(smtp, certificate) -> None:
    server = await smtp()
    with pytest.raises(PostUnreachable, match="STARTTLS"):
        await SmtpPost("localhost", server.port, "require", ca_file=certificate.file).send(MAIL)
    assert server.mails == []


@pytest.mark.parametrize("mode", ["require", "implicit"])
async def test_a_certificate_nobody_vouches_for_is_refused(smtp, certificate, mode) -> None:
    server = await smtp(**{"tls" if mode == "require" else "implicit": certificate.context})
    with pytest.raises(PostUnreachable, match=r"(?i)certificate"):
        await SmtpPost("localhost", server.port, mode).send(MAIL)
    assert server.mails == []


async def test_a_certificate_of_another_name_is_refused(smtp, certificate_of_another) -> None:
    server = await smtp(tls=certificate_of_another.context)
    with pytest.raises(PostUnreachable, match=r"(?i)certificate|hostname"):
        await SmtpPost("localhost", server.port, "require", ca_file=certificate_of_another.file).send(MAIL)
    assert server.mails == []


async def test_a_certificate_that_ended_is_refused(smtp, certificate_that_ended) -> None:
    server = await smtp(implicit=certificate_that_ended.context)
    with pytest.raises(PostUnreachable, match=r"(?i)certificate"):
        await SmtpPost("localhost", server.port, "implicit", ca_file=certificate_that_ended.file).send(MAIL)
    assert server.mails == []


async def test_implicit_speaks_tls_from_the_first_byte(smtp, certificate) -> None:
    server = await smtp(implicit=certificate.context)
    delivery = await SmtpPost("localhost", server.port, "implicit", ca_file=certificate.file).send(MAIL)
    assert delivery.tls is not None
    assert len(server.mails) == 1


async def test_implicit_to_a_server_in_clear_sends_nothing(smtp, certificate) -> None:
    server = await smtp()
    with pytest.raises(PostUnreachable):
        await SmtpPost("localhost", server.port, "implicit", ca_file=certificate.file).send(MAIL)
    assert server.mails == []


async def test_opportunistic_takes_tls_when_it_is_offered_and_clear_when_not(smtp, certificate) -> None:
    secured, plain = await smtp(tls=certificate.context), await smtp()
    first = await SmtpPost("127.0.0.1", secured.port, "opportunistic").send(MAIL)
    second = await SmtpPost("127.0.0.1", plain.port, "opportunistic").send(MAIL)
    assert first.tls is not None
    assert second.tls is None
    assert (secured.secured, plain.secured) == ([True], [False])


async def test_a_login_travels_over_tls(smtp, certificate) -> None:
    server = await smtp(tls=certificate.context)
    await SmtpPost("localhost", server.port, "require", "me", "right", ca_file=certificate.file).send(MAIL)
    assert server.logins == [(b"me", b"right")]


async def test_a_wrong_password_is_worth_trying_later(smtp, certificate) -> None:
    """The operator can mend it; the mails must not be given up for it."""
    server = await smtp(tls=certificate.context)
    with pytest.raises(PostUnreachable, match="535"):
        await SmtpPost("localhost", server.port, "require", "me", "wrong", ca_file=certificate.file).send(MAIL)
    assert server.mails == []


@pytest.mark.parametrize(("where", "reply", "permanent"), [
    ("rcpt", "550 5.1.1 no such user", True), ("rcpt", "450 4.2.1 come back later", False),
    ("rcpt", "452 4.2.2 mailbox full", False), ("data", "554 5.7.1 not wanted", True),
    ("data", "451 4.3.0 try later", False),
])  # fmt: skip
async def test_a_refusal_is_for_good_or_for_now(smtp, where: str, reply: str, permanent: bool) -> None:
    server = await smtp()
    setattr(server, where, reply)
    with pytest.raises(PostRefused) as caught:
        await SmtpPost("127.0.0.1", server.port, "none").send(MAIL)
    assert (caught.value.permanent, caught.value.reply) == (permanent, reply)


async def test_a_server_that_says_nothing_is_given_up(smtp) -> None:
    server = await smtp()
    server.silent = True
    with pytest.raises(PostUnreachable, match="seconds"):
        await SmtpPost("127.0.0.1", server.port, "none", timeout=0.3).send(MAIL)


async def test_no_server_at_all_is_unreachable() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        with pytest.raises(PostUnreachable):
            await SmtpPost("127.0.0.1", port, "none").send(MAIL)
    with pytest.raises(PostUnreachable):
        await SmtpPost("127.0.0.1", port, "none").send(MAIL)


async def test_a_mail_that_was_taken_stays_taken_when_the_server_hangs_up() -> None:
    async def abrupt(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hi\r\n")
        while line := await reader.readline():
            word = line[:4].upper()
            if word == b"DATA":
                writer.write(b"354 go\r\n")
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 kept\r\n")
                break
            writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(abrupt, "127.0.0.1", 0)
    async with server:
        delivery = await SmtpPost("127.0.0.1", server.sockets[0].getsockname()[1], "none").send(MAIL)
    assert delivery.reply == "kept"


async def test_a_reply_is_kept_as_one_printable_line() -> None:
    assert PostRefused("550 a\r\n\x1b[2Jb\u2028c", permanent=True).reply == "550 a [2Jb c"
    assert len(PostUnreachable("x" * 1_000).reply) == 300


async def test_a_mail_that_cannot_be_composed_reaches_no_server(smtp) -> None:
    server = await smtp()
    with pytest.raises(Invalid):
        await SmtpPost("127.0.0.1", server.port, "none").send(
            Envelope(sender="desk@shop.example", to="a@b.example\r\nBcc: v@x", subject="x", text="x")
        )
    assert server.mails == []


async def test_a_domain_of_any_script_goes_out_in_ascii(smtp) -> None:
    server = await smtp()
    mail = Envelope(sender="Bücher <desk@bücher.example>", to="mia@faß.example", subject="x", text="x")
    await SmtpPost("127.0.0.1", server.port, "none").send(mail)
    assert server.readers == ["mia@xn--fa-hia.example"]
    assert server.mails[0]["From"].addresses[0].addr_spec == "desk@xn--bcher-kva.example"


async def test_a_name_of_any_script_needs_a_server_that_knows_it(smtp) -> None:
    mail = Envelope(sender="desk@shop.example", to="mía@example.org", subject="x", text="x")
    plain, knowing = await smtp(), await smtp(enable_SMTPUTF8=True)
    with pytest.raises(PostRefused) as caught:
        await SmtpPost("127.0.0.1", plain.port, "none").send(mail)
    assert caught.value.permanent
    await SmtpPost("127.0.0.1", knowing.port, "none").send(mail)
    assert knowing.readers == ["mía@example.org"]


async def test_many_mails_at_once(smtp, certificate) -> None:
    server = await smtp(tls=certificate.context)
    post = SmtpPost("localhost", server.port, "require", ca_file=certificate.file)
    deliveries = await asyncio.gather(*(post.send(MAIL) for _ in range(20)))
    assert len(deliveries) == len(server.mails) == 20
    assert len({mail["Message-ID"] for mail in server.mails}) == 20


async def test_the_post_in_memory_keeps_the_newest_and_the_same_rules() -> None:
    post = MemoryPost(ManualClock(7), keep=3)
    waiting = asyncio.ensure_future(post.arrived(2))
    for number in range(5):
        await post.send(Envelope(sender="a@b.example", to=f"u{number}@x.example", subject="s", text="t"))
    assert [mail.to for mail in post.sent] == ["u2@x.example", "u3@x.example", "u4@x.example"]
    assert post.deliveries[-1].at == 7
    assert (await waiting).to == "u4@x.example"
    with pytest.raises(Invalid):
        await post.send(Envelope(sender="a@b.example", to="u\n@x.example", subject="s", text="t"))
    post.refusals["no@x.example"] = PostRefused("550 no", permanent=True)
    with pytest.raises(PostRefused):
        await post.send(Envelope(sender="a@b.example", to="no@x.example", subject="s", text="t"))
    assert len(post.sent) == 3
