"""Every mail that is due arrives, though the process that brings it is killed around the mail server's "yes" (PS-5).

Two processes serve one store: workers on SQLite, nodes on MongoDB. A real SMTP server kills, without a word, the one that
is just bringing a mail: before it has taken the mail, after it has taken it and before it says so, or right after it said
so. The dead process's lease ends and the other one brings the mail. A mail comes once; only where the crash fell between
the server's "yes" and the note of it, which nobody can tell from a "no", it comes twice, with the same Message-ID.

`FRONTDESK_TEST_ROUNDS` sets how many kills there are; with six, each way for each kind of mail.
"""

import asyncio
import contextlib
import itertools
import os
import random
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol, Self

import pytest
from aiosmtpd.smtp import SMTP

from foundation.jobs.job import JOBS
from foundation.records import Engine, MongoEngine, SqliteEngine, Where
from tests.flows.reading import whole
from tests.mongo import store_settings
from tests.serving import PATIENCE, Frontdesk, OnAnyPort, code_in
from tests.talking import Staff, Visitor

ROUNDS = int(os.environ.get("FRONTDESK_TEST_ROUNDS", "3"))
VISITORS = 4
EVERY = 1_000
LOOKS = 20
MAILS = ("opt_in_mail", "transcript_mail")
How = Literal["before", "between", "after"]
WAYS: tuple[How, ...] = ("before", "after", "between")
SETTINGS = {"FRONTDESK_JOBS__LEASE_SECONDS": "4", "FRONTDESK_WEB__TRUSTED_PROXIES": '["127.0.0.1/32"]'}
YES = "250 it is kept"
LAST_WORDS = "250 it is kept, and you are dead"
NOBODY = "451 there is nobody any more"


class Taken(NamedTuple):
    """A mail that the server took, from which process, and how often its gate had been shut before."""

    mail: EmailMessage
    pid: int
    turn: int


class Smtp(SMTP):
    """Tells its handler when the last words are on their way."""

    event_handler: "DeadlyMailServer"

    async def push(self, status: Any) -> None:
        await super().push(status)
        if status == LAST_WORDS:
            self.event_handler.kill(self.session.pid)


class _Controller(OnAnyPort):
    def factory(self) -> SMTP:
        return Smtp(self.handler, **self.SMTP_kwargs)


class DeadlyMailServer:
    """Keeps who comes at its gate, lets in one mail after the other, and kills who brings a certain one.

    `processes` are those that may bring mails.
    """

    def __init__(self) -> None:
        self.processes: Callable[[], Iterable[int]] = tuple
        self.killed: set[int] = set()
        self.taken: list[Taken] = []
        self._changed = threading.Condition()
        self._controller = _Controller(self, hostname="127.0.0.1", port=0)
        self._gate = asyncio.Semaphore(0)
        self._at_the_gate = self._turn = 0
        self._how: How | None = None

    async def handle_DATA(self, server: Smtp, session: Any, envelope: Any) -> str:
        mail = BytesParser(policy=default).parsebytes(envelope.content)
        session.pid = self._who(session.peer[1])
        with self._changed:
            self._at_the_gate += 1
            self._changed.notify_all()
        await self._gate.acquire()
        return self._answer(Taken(mail, session.pid, self._turn))

    def _answer(self, brought: Taken) -> str:
        if brought.pid in self.killed:
            return NOBODY
        how, self._how = self._how, None
        if how == "before":
            self.kill(brought.pid)
            return NOBODY
        with self._changed:
            self.taken.append(brought)
            self._changed.notify_all()
        if how == "between":
            self.kill(brought.pid)
        return LAST_WORDS if how == "after" else YES

    def kill(self, pid: int) -> None:
        """End the process without a word."""
        os.kill(pid, signal.SIGKILL)
        with self._changed:
            self.killed.add(pid)
            self._changed.notify_all()

    def shut(self) -> None:
        """From now on who comes waits at the gate."""
        self._gate = asyncio.Semaphore(0)
        self._at_the_gate = 0
        self._turn += 1

    def let_in(self, mails: int = EVERY, how: How | None = None) -> None:
        """Let so many in; kill, in this way, the process that brings the first of them."""

        def let() -> None:
            self._how = how
            for _ in range(mails):
                self._gate.release()

        self._controller.loop.call_soon_threadsafe(let)

    def wait_at_the_gate(self, number: int) -> None:
        with self._changed:
            if not self._changed.wait_for(lambda: self._at_the_gate >= number, PATIENCE):
                raise TimeoutError(f"{self._at_the_gate} mails wait, not {number}")

    def wait_for_kills(self, kills: int) -> None:
        """Until so many processes were killed in all."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.killed - {0}) == kills, PATIENCE):
                raise TimeoutError("nobody was killed")

    def wait_for(self, mails: int, addresses: Iterable[str]) -> None:
        """Until each of these addresses has got so many different mails."""
        with self._changed:
            if not self._changed.wait_for(
                lambda: all(len({one["Message-ID"] for one in self.mails_to(to)}) >= mails for to in addresses),
                PATIENCE,
            ):
                raise TimeoutError({to: len(self.mails_to(to)) for to in addresses})

    def mails_to(self, address: str) -> list[EmailMessage]:
        return [one.mail for one in self.taken if one.mail["To"] == address]

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()

    def settings(self) -> dict[str, str]:
        port = str(self._controller.port)
        return {"FRONTDESK_MAIL__HOST": "127.0.0.1", "FRONTDESK_MAIL__PORT": port, "FRONTDESK_MAIL__TLS": "none"}

    def _who(self, port: int) -> int:
        """The process at the other end of a connection; 0 when it is gone already, which is one of the killed.

        The kernel's table is not read in one piece, so that a single look may miss it."""
        for _ in range(LOOKS):
            ends = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
            sockets = {f"socket:[{end[9]}]" for end in ends if int(end[1].rpartition(":")[2], 16) == port}
            for pid in self.processes():
                with contextlib.suppress(OSError):
                    if sockets & {str(one.readlink()) for one in Path(f"/proc/{pid}/fd").iterdir()}:
                        return pid
        self.killed.add(0)
        return 0


class Installation(Protocol):
    """Two processes on one store."""

    demo: dict[str, Any]

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def pids(self) -> list[int]: ...

    def revive(self, killed: set[int]) -> None:
        """Two processes serve again."""

    def urls(self) -> list[str]:
        """Where they are reached, in turn."""

    def store(self) -> Engine:
        """A look at the jobs."""


class Workers:
    """Two workers on SQLite files."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._house = Frontdesk(folder / "data", settings, ("--workers", "2"))
        self._house.init()
        self.demo = self._house.demo

    def start(self) -> None:
        self._house.start()

    def stop(self) -> None:
        self._house.stop()

    def pids(self) -> list[int]:
        assert self._house.process is not None
        pid = self._house.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def revive(self, killed: set[int]) -> None:
        """They are replaced by who started them."""

    def urls(self) -> list[str]:
        return [self._house.base_url]

    def store(self) -> Engine:
        return SqliteEngine(self._house.data / "frontdesk.db", [JOBS], read_only=True)


class Nodes:
    """Two nodes on MongoDB, each with a folder of its own."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        stores = store_settings(folder)
        self._url = stores["FRONTDESK_STORAGE__URL"]
        self._nodes = [Frontdesk(folder / name / "data", stores | settings) for name in ("one", "two")]
        self._nodes[0].init()
        self.demo = self._nodes[0].demo
        key = self._nodes[0].data / "master.key"
        for node in self._nodes[1:]:
            node.data.mkdir(parents=True)
            (node.data / key.name).write_bytes(key.read_bytes())
            (node.data / key.name).chmod(0o600)

    def start(self) -> None:
        for node in self._nodes:
            node.start()

    def stop(self) -> None:
        for node in self._nodes:
            node.stop()

    def pids(self) -> list[int]:
        return [node.process.pid for node in self._nodes if node.process is not None]

    def revive(self, killed: set[int]) -> None:
        for node in self._nodes:
            if node.process is not None and node.process.pid in killed:
                node.kill()
                node.start()

    def urls(self) -> list[str]:
        return [node.base_url for node in self._nodes]

    def store(self) -> Engine:
        return MongoEngine(self._url, [JOBS])


@pytest.fixture
def mails() -> Iterator[DeadlyMailServer]:
    server = DeadlyMailServer()
    server.start()
    yield server
    server.stop()


@pytest.fixture(params=[Workers, Nodes], ids=["workers on sqlite", "nodes on mongo"])
def two(request: pytest.FixtureRequest, tmp_path: Path, mails: DeadlyMailServer) -> Iterator[Installation]:
    installation: Installation = request.param(tmp_path, SETTINGS | mails.settings())
    mails.processes = installation.pids
    installation.start()
    yield installation
    installation.stop()


class Guest:
    """A visitor with an address of his own, who comes back in the same browser."""

    def __init__(self, two: Installation, number: int) -> None:
        self._two = two
        self._number = number
        self._device: str | None = None
        self.address = f"guest-{number}@visitors.example"
        self.chat = ""

    @contextlib.asynccontextmanager
    async def here(self) -> Any:
        urls = self._two.urls()
        seen_as = {"X-Forwarded-For": f"203.0.113.{self._number % 250}"}
        url = urls[self._number % len(urls)]
        async with Visitor.at(url, self._two.demo["bot"], device=self._device, headers=seen_as) as visitor:
            self._device, self.chat = visitor.device, visitor.welcome["conversation"]
            yield visitor

    async def gives_his_address(self) -> None:
        async with self.here() as visitor:
            assert (await visitor.ask(type="email", address=self.address))["outcome"] == "sent"
            self.chat = visitor.welcome["conversation"]

    async def proves_it(self, mail: EmailMessage) -> None:
        async with self.here() as visitor:
            assert (await visitor.ask(type="code", code=code_in(mail)))["outcome"] == "verified"

    async def ends_his_chat(self) -> None:
        async with self.here() as visitor:
            assert (await visitor.ask(type="end"))["outcome"] == "ended"


class Outbox:
    """A look at what is due."""

    def __init__(self, two: Installation) -> None:
        self._engine = two.store()

    async def __aenter__(self) -> Self:
        await self._engine.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._engine.close()

    async def holds(self, mails: int) -> None:
        """Until so many mails are due, or on their way, and not noted as sent."""
        open_ones = [Where("status", "=", "open"), Where("name", "in", MAILS)]
        async with asyncio.timeout(PATIENCE):
            while await self._engine.count(JOBS, open_ones) != mails:
                await asyncio.sleep(0.02)


@pytest.mark.timeout(60 + 20 * ROUNDS)
async def test_a_mail_that_is_due_comes_once_or_twice_as_one_whenever_its_bringer_dies(
    two: Installation, mails: DeadlyMailServer, counted: Callable[..., None]
) -> None:
    chance = random.Random(11)  # noqa: S311 - the same victims each time
    ways = [*itertools.islice(itertools.cycle(WAYS), ROUNDS)]
    guests: list[Guest] = []
    newest: list[Guest] = []

    async def killing(how: How, deeds: Iterable[Any], number: int) -> None:
        """Have mails become due by these deeds, the `number`-th of each, and kill who brings one of them."""
        kills = len(mails.killed - {0}) + 1
        mails.shut()
        await asyncio.gather(*deeds)
        await asyncio.to_thread(mails.wait_at_the_gate, VISITORS)
        spared = chance.randrange(VISITORS)
        for left in range(VISITORS, VISITORS - spared, -1):
            mails.let_in(1)
            await outbox.holds(left - 1)
        mails.let_in(1, how)
        await asyncio.to_thread(mails.wait_for_kills, kills)
        mails.let_in()
        await asyncio.to_thread(mails.wait_for, number, [guest.address for guest in newest])
        await asyncio.to_thread(two.revive, mails.killed)
        await outbox.holds(0)

    async with Outbox(two) as outbox:
        for turn, how in enumerate(ways):
            if turn % 2 == 0:
                newest = [Guest(two, len(guests) + number) for number in range(VISITORS)]
                guests += newest
                await killing(how, [guest.gives_his_address() for guest in newest], 1)
            else:
                await asyncio.gather(*(guest.proves_it(mails.mails_to(guest.address)[0]) for guest in newest))
                await killing(how, [guest.ends_his_chat() for guest in newest], 2)

    came = defaultdict(list)
    for one in mails.taken:
        came[one.mail["Message-ID"]].append(one)
    for copies in came.values():
        assert len({one.mail["To"] for one in copies}) == 1
        assert len(copies) <= 2
        assert all(one.pid in mails.killed for one in copies[:-1]), "twice, and nobody died over it"
        assert len({one.turn for one in copies}) == 1, "what was noted comes no more, though its bringer dies later"
    ended = [guest for guest in guests if len({one["Message-ID"] for one in mails.mails_to(guest.address)}) == 2]
    assert len(came) == len(guests) + len(ended), "one mail for each occasion"
    assert len(ended) == VISITORS * (ROUNDS // 2)
    assert len(mails.killed - {0}) == ROUNDS
    boss_of = two.demo["people"]["super_admin"]
    async with Staff.logged_in(two.urls()[0], boss_of["email"], boss_of["password"]) as boss:
        for guest in ended:
            told = [event for event in await whole(boss, guest.chat) if event["kind"] == "transcript"]
            assert [event["sent"] for event in told] == [True], "the chat says it once"
    twice = sum(len(copies) == 2 for copies in came.values())
    assert ways.count("between") <= twice <= ways.count("between") + ways.count("after"), "only what a kill fell upon"
    counted(kills=ROUNDS, due=len(came), came_once=len(came) - twice, came_twice=twice, lost=0)
