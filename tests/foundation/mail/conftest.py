"""Real mail servers on loopback, with a certificate made for the test."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Certificate:
    file: Path
    context: ssl.SSLContext


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


def make_certificate(folder: Path, *, name: str = "localhost", days: int = 1) -> Certificate:
    """A certificate that vouches for itself, for this name and this machine's address."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name)]
    if name == "localhost":
        names.append(x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=2))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / f"{name}{days}.pem", folder / f"{name}{days}.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return Certificate(file, context)


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
