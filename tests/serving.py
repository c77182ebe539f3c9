"""Frontdesk as its users have it: the `frontdesk` command in a process of its own, on loopback, with a mail server beside it."""

import contextlib
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any, Self

from aiosmtpd.controller import Controller

COMMAND = [sys.executable, "-m", "config.cli"]
ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60
"""Seconds until a step that must happen is given up; a limit of the test, not a promise of the product."""


class OnAnyPort(Controller):
    """Listens on a free port; the library's own look at whether it answers has to be told which."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class MailServer:
    """A real SMTP server on loopback that keeps what it is given; with a context it demands STARTTLS.

    While it is `shut` it asks everybody to come back later. `asked` counts those."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._arrived = threading.Condition()
        self._mails: list[EmailMessage] = []
        self.shut = False
        self.asked = 0
        options: dict[str, Any] = {} if tls is None else {"tls_context": tls, "require_starttls": True}
        self._controller = OnAnyPort(self, hostname="127.0.0.1", port=0, **options)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = BytesParser(policy=default).parsebytes(envelope.content)
        if self.shut:
            with self._arrived:
                self.asked += 1
                self._arrived.notify_all()
            return "451 come back later"
        with self._arrived:
            self._mails.append(mail)
            self._arrived.notify_all()
        return "250 kept"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return int(self._controller.port)

    def mails(self) -> list[EmailMessage]:
        with self._arrived:
            return list(self._mails)

    def wait_until_asked(self) -> None:
        """Until somebody tried to bring a mail while it was shut."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: self.asked > 0, PATIENCE):
                raise TimeoutError("nobody tried to bring a mail")

    def wait_for(self, number: int, *, patience: float = PATIENCE) -> EmailMessage:
        """The `number`-th mail (1 is the first); raises `TimeoutError` when it does not come."""
        with self._arrived:
            if not self._arrived.wait_for(lambda: len(self._mails) >= number, patience):
                raise TimeoutError(f"mail {number} did not arrive; there are {len(self._mails)}")
            return self._mails[number - 1]


def text_of(mail: EmailMessage) -> str:
    """The plain part."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def code_in(mail: EmailMessage) -> str:
    """The six digits that a person would type."""
    found = re.search(r"(?<!\d)(\d{3}) ?(\d{3})(?!\d)", text_of(mail))
    assert found, text_of(mail)
    return found[1] + found[2]


def link_in(mail: EmailMessage) -> str:
    found = re.search(r"https?://\S+/v/[A-Za-z0-9_-]{43}", text_of(mail))
    assert found, text_of(mail)
    return found[0]


@dataclass
class Frontdesk:
    """One installation in a folder: made by `init --demo --json`, served by `serve --json`."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    demo: dict[str, Any] = field(default_factory=dict)
    base_url: str = ""
    process: subprocess.Popen[str] | None = None

    def init(self) -> dict[str, Any]:
        made = self.run("init", "--demo", "--json")
        assert made.returncode == 0, made.stderr
        self.demo = json.loads(made.stdout)
        return self.demo

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command that does not belong to one installation."""
        command, environment = [*COMMAND, *arguments], self._environment()
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE)

    def run(self, *arguments: str, check: bool = False) -> subprocess.CompletedProcess[str]:
        """Run another command of the installation to its end."""
        command = [*COMMAND, *arguments, "--data", str(self.data)]
        return subprocess.run(
            command, cwd=ROOT, env=self._environment(), capture_output=True, text=True, timeout=PATIENCE, check=check
        )

    def start(self, port: int = 0) -> dict[str, Any]:
        """Serve, and return what `serve --json` prints when it is ready."""
        command = [*COMMAND, "serve", "--json", "--data", str(self.data), "--port", str(port), *self.arguments]
        with (self.data.parent / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment(), stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the server did not start: {self.log()}"
        ready: dict[str, Any] = json.loads(line)
        self.base_url = ready["base_url"]
        return ready

    def stop(self) -> int:
        """Ask it to end, as a service manager does; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it without a word."""
        return self._end(signal.SIGKILL)

    def log(self) -> str:
        return (self.data.parent / "server.log").read_text("utf-8", "replace")

    def person(self, who: str) -> dict[str, str]:
        person: dict[str, str] = self.demo["people"][who]
        return person

    def _end(self, how: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(how)
        try:
            code = process.wait(PATIENCE)
        finally:
            process.kill()  # one that did not end fails its test, and troubles no other
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
        return code

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FRONTDESK_")}
        return kept | self.environment


@contextlib.contextmanager
def serving(folder: Path, *arguments: str, **environment: str) -> Iterator[Frontdesk]:
    """A demo installation that serves until the block ends."""
    house = Frontdesk(folder / "data", dict(environment), arguments)
    house.init()
    house.start()
    try:
        yield house
    finally:
        house.stop()


def mail_settings(server: MailServer) -> dict[str, str]:
    """The settings with which mails leave through this server."""
    return {
        "FRONTDESK_MAIL__HOST": "127.0.0.1",
        "FRONTDESK_MAIL__PORT": str(server.port),
        "FRONTDESK_MAIL__TLS": "none",
    }
