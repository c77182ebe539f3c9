"""Mail over SMTP, with TLS that is demanded and checked (F7).

`require`: STARTTLS or nothing is sent; `implicit`: TLS from the first byte; both check the certificate and its name.
`opportunistic`: STARTTLS when offered, certificate unchecked, which protects from listeners only. `none`: in clear, to
this machine only. A name and password travel only over checked TLS or within this machine.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import aiosmtplib

from foundation.clock import Clock, SystemClock
from foundation.mail.envelope import Envelope, compose
from foundation.mail.post import Delivery, PostRefused, PostUnreachable

TlsMode = Literal["require", "implicit", "opportunistic", "none"]

_MODES = ("require", "implicit", "opportunistic", "none")


class SmtpPost:
    """One SMTP server. Raises `ValueError` with a sentence for settings that would send secrets in clear.

    `timeout` in seconds for the whole of one mail. `ca_file`: a PEM file with the certificates to trust instead of the
    system's.
    """

    def __init__(
        self,
        host: str,
        port: int,
        tls: TlsMode = "require",
        username: str | None = None,
        password: str | None = None,
        *,
        timeout: float = 30.0,
        ca_file: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        if tls not in _MODES:
            raise ValueError(f"mail tls must be one of {', '.join(_MODES)}, not {tls!r}")
        if tls == "none" and not _is_this_machine(host):
            raise ValueError("mail without TLS is sent to this machine only; use tls=require or tls=implicit")
        if username is not None and tls == "opportunistic":
            raise ValueError("a mail password needs checked TLS: use tls=require or tls=implicit")
        if (username is None) != (password is None):
            raise ValueError("mail username and password are given together or not at all")
        self._host = host
        self._port = port
        self._tls = tls
        self._login = (username, password) if username is not None and password is not None else None
        self._timeout = timeout
        self._ca_file = ca_file
        self._clock = clock or SystemClock()
        self._context: ssl.SSLContext | None = None

    async def send(self, mail: Envelope) -> Delivery:
        message = compose(mail, at=self._clock.now())
        sender, reader = message["From"].addresses[0], message["To"].addresses[0]
        async with self._connected(sender.domain) as client:
            tls = _tls_of(client)
            _, reply = await client.send_message(message, sender=sender.addr_spec, recipients=[reader.addr_spec])
            delivery = Delivery(self._clock.now(), tls, reply)
            await self._leave(client)
            return delivery

    async def greet(self) -> str | None:
        """Connect as for a mail, log in, and leave: the connection's TLS. Raises `PostUnreachable`, `PostRefused`."""
        async with self._connected(None) as client:
            tls = _tls_of(client)
            await self._leave(client)
            return tls

    @asynccontextmanager
    async def _connected(self, ours: str | None) -> AsyncIterator[aiosmtplib.SMTP]:
        """A server that we entered; what goes wrong with it in the block is a problem of the port."""
        client = aiosmtplib.SMTP(
            hostname=self._host,
            port=self._port,
            local_hostname=ours,
            timeout=self._timeout,
            use_tls=self._tls == "implicit",
            start_tls=False,
            tls_context=await self._tls_context(),
        )
        try:
            async with asyncio.timeout(self._timeout):
                await self._enter(client)
                yield client
        except TimeoutError as error:
            raise PostUnreachable(f"no answer within {self._timeout:g} seconds") from error
        except aiosmtplib.SMTPException as error:
            raise _refusal(error) from error
        except (ssl.SSLError, OSError, ValueError) as error:
            raise PostUnreachable(f"{type(error).__name__}: {error}") from error
        finally:
            client.close()

    async def _enter(self, client: aiosmtplib.SMTP) -> None:
        await client.connect()
        if self._tls == "require" or (self._tls == "opportunistic" and await self._offers_tls(client)):
            await client.starttls()
        if self._login is not None:
            await client.login(*self._login)

    async def _offers_tls(self, client: aiosmtplib.SMTP) -> bool:
        await client.ehlo()
        return client.supports_extension("starttls")

    async def _leave(self, client: aiosmtplib.SMTP) -> None:
        """Say goodbye; the mail is taken already, so a failure here is none."""
        try:
            await client.quit()
        except (aiosmtplib.SMTPException, OSError):
            client.close()

    async def _tls_context(self) -> ssl.SSLContext | None:
        if self._tls == "none":
            return None
        if self._context is None:
            self._context = await asyncio.to_thread(self._make_context)
        return self._context

    def _make_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=None if self._ca_file is None else str(self._ca_file))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._tls == "opportunistic":
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def _tls_of(client: aiosmtplib.SMTP) -> str | None:
    secured = client.get_transport_info("ssl_object")
    return f"{secured.version()} {secured.cipher()[0]}" if secured is not None else None


def _refusal(error: aiosmtplib.SMTPException) -> PostRefused | PostUnreachable:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        first = error.recipients[0]
        return PostRefused(f"{first.code} {first.message}", permanent=first.code >= 500)
    if isinstance(error, aiosmtplib.SMTPAuthenticationError | aiosmtplib.SMTPConnectResponseError):
        return PostUnreachable(f"{error.code} {error.message}")
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return PostRefused(f"{error.code} {error.message}", permanent=error.code >= 500)
    if isinstance(error, aiosmtplib.SMTPNotSupported):
        return PostRefused(error.message, permanent=True)
    return PostUnreachable(error.message)


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
