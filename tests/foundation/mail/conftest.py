"""Real mail servers on loopback, with a certificate made for the test."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, AuthResult

from tests.foundation.web.certificates import Certificate, make_certificate


@dataclass
class Server:
    """What a server answers, and what it was given."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    readers: list[str] = field(default_factory=list)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    rcpt: str = "250 ok"
    data: str = "250 2.0.0 queued as 4711"
    silent: bool = False

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.silent:
            await asyncio.Event().wait()
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.append(message)
        self.readers += envelope.rcpt_tos
        self.secured.append(session.ssl is not None)
        return self.data

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, given: Any) -> AuthResult:
        self.logins.append((given.login, given.password))
        return AuthResult(success=given.password == b"right", handled=False)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def certificate_of_another(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), name="mail.example")


@pytest.fixture(scope="session")
def certificate_that_ended(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"), days=-1)


@pytest_asyncio.fixture
async def smtp() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """A function that starts a server; `tls`: STARTTLS is offered; `implicit`: TLS from the first byte."""
    running: list[asyncio.Server] = []

    async def start(
        tls: ssl.SSLContext | None = None, implicit: ssl.SSLContext | None = None, **options: Any
    ) -> Server:
        kept = Server()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: SMTP(kept, tls_context=tls, authenticator=kept.authenticate, hostname="localhost", **options),
            "127.0.0.1",
            0,
            ssl=implicit,
        )
        running.append(server)
        kept.port = server.sockets[0].getsockname()[1]
        return kept

    yield start
    for server in running:
        server.close()
        await server.wait_closed()
