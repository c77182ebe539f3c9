"""`frontdesk serve --workers 2`: two processes over one SQLite installation behave as one (issue 3)."""

import asyncio
import os
import re
import signal
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.flows.reading import whole
from tests.serving import PATIENCE, Frontdesk, serving
from tests.talking import Json, Staff, Visitor, logged_in

QUICK = {"FRONTDESK_WEB__FRAMES_PER_SECOND": "100000", "FRONTDESK_WEB__FRAMES_BURST": "100000"}
MANY = {"FRONTDESK_WEB__SOCKETS_PER_ADDRESS": "1000"}
ROUNDS = 4


class Crew(Frontdesk):
    """An installation that two workers serve."""

    metrics: list[str]

    def start(self, port: int = 0) -> dict[str, Any]:
        ready = super().start(port)
        self.metrics = ready["metrics_urls"]
        return ready

    def workers(self) -> list[int]:
        """The process ids of the workers that live."""
        assert self.process is not None
        return [pid for pid in _children(self.process.pid) if "config.worker" in _command(pid)]


def _children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


def _two(workers: list[int]) -> list[int] | None:
    return workers if len(workers) == 2 else None


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    house = Crew(tmp_path / "data", {**QUICK, **MANY}, ("--workers", "2"))
    house.init()
    house.start()
    yield house
    house.stop()


async def _sockets(crew: Crew) -> list[int]:
    """How many visitors' sockets each worker holds."""
    found = []
    async with aiohttp.ClientSession() as session:
        for url in crew.metrics:
            async with session.get(url) as answer:
                lines = re.findall(
                    r'^frontdesk_sockets_open\{.*"/ws/visitor".*\} ([\d.]+)$', await answer.text(), re.MULTILINE
                )
                found.append(int(float(lines[0])) if lines else 0)
    return found


@asynccontextmanager
async def _one_at_each(crew: Crew, *, same_browser: bool = False) -> AsyncIterator[list[Visitor]]:
    """A visitor at each worker: sockets are opened until both have one."""
    async with AsyncExitStack() as stack:
        at: dict[int, Visitor] = {}
        before = await _sockets(crew)
        device = None
        for _ in range(200):
            bot = crew.demo["bot"]
            visitor = await stack.enter_async_context(Visitor.at(crew.base_url, bot, device=device))
            device = visitor.device if same_browser else None
            now = await _sockets(crew)
            at.setdefault([new > old for new, old in zip(now, before, strict=True)].index(True), visitor)
            before = now
            if len(at) == 2:
                break
        assert len(at) == 2, "one worker takes everything"
        yield [at[0], at[1]]


async def test_a_visitor_at_one_worker_and_an_agent_at_the_other_talk_live(crew: Crew) -> None:
    """One agent, wherever he is, and a visitor at each worker: one of the two is at another worker than he."""
    boss_of = crew.person("super_admin")
    async with (
        _one_at_each(crew) as visitors,
        Staff.logged_in(crew.base_url, boss_of["email"], boss_of["password"]) as boss,
    ):
        for visitor in visitors:
            await visitor.ask(type="handoff")
            chat = visitor.welcome["conversation"]
            await boss.row(lambda row, chat=chat: row["id"] == chat and row["control"] == "queue")
            assert (await boss.ask(type="take_over", conversation=chat))["type"] == "ack"
            await boss.ask(type="message", conversation=chat, text="Good day from the desk")
            await visitor.says("agent", "Good day from the desk")
            await boss.send(type="watch", conversation=chat, since=0)
            began = time.monotonic()
            await visitor.say(f"And good day to you {chat}")
            await boss.says("visitor", f"And good day to you {chat}")
            assert time.monotonic() - began < 2, "by a signal, not by the slow look"
            await boss.ask(type="close", conversation=chat)
            await visitor.event(lambda event: event["kind"] == "closed")


async def test_both_workers_are_given_the_same_message_at_the_same_moment(
    crew: Crew, counted: Callable[..., None]
) -> None:
    """One turn, one reply: `append` lets one of two in, the other reads again and finds it done."""
    rounds = 20
    async with _one_at_each(crew, same_browser=True) as (here, there):
        for number in range(rounds):
            frame = {"type": "message", "client_id": str(uuid.uuid4()), "text": f"hello {number}", "payload": "/greet"}
            await asyncio.gather(here.send(**frame), there.send(**frame))
            acks = await asyncio.gather(here.answer(frame["client_id"]), there.answer(frame["client_id"]))
            assert {ack["type"] for ack in acks} == {"ack"}
            assert len({ack["seq"] for ack in acks}) == 1
            for one in (here, there):
                await one.event(
                    lambda event, n=acks[0]["seq"]: (
                        event["kind"] == "message" and event["by"] == "bot" and event["seq"] > n
                    )
                )
        events = await _log_of(crew, here.welcome["conversation"])
    said = [event["text"] for event in events if event["kind"] == "message" and event["by"] == "visitor"]
    replies = [event for event in events if event["kind"] == "message" and event["by"] == "bot"]
    assert said == [f"hello {number}" for number in range(rounds)]
    assert len(replies) == rounds
    counted(messages=len(said), replies=len(replies))


async def test_workers_killed_in_a_burst_lose_nothing_and_are_replaced(
    crew: Crew, counted: Callable[..., None]
) -> None:
    """`kill -9` of one worker after the other, while three visitors do not pause; each message is there once, in order."""
    chats = [Chat(crew) for _ in range(3)]
    async with asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(chat.talk())
        for victim in range(ROUNDS):
            await _reached(chats, 10 * (victim + 1))
            workers = await _until(lambda: _two(crew.workers()))
            os.kill(workers[victim % 2], signal.SIGKILL)
        await _until(lambda: len(crew.workers()) == 2)
        for chat in chats:
            chat.enough = True
    await _assert_kept(crew, chats)
    assert crew.log().count("is replaced in") == ROUNDS
    counted(kills=ROUNDS, messages=sum(len(chat.sent) for chat in chats), cut=sum(chat.cut for chat in chats))


async def test_the_workers_are_renewed_one_by_one_and_nothing_is_lost_or_doubled(
    crew: Crew, counted: Callable[..., None]
) -> None:
    """SIGHUP, while three visitors do not pause: their sockets are asked to come back (1001), and nobody is refused."""
    chats = [Chat(crew) for _ in range(3)]
    before = set(crew.workers())
    assert crew.process is not None
    async with asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(chat.talk())
        await _reached(chats, 10)
        crew.process.send_signal(signal.SIGHUP)
        await _until(lambda: "all workers have begun again" in crew.log())
        await _reached(chats, max(len(chat.sent) for chat in chats) + 5)
        for chat in chats:
            chat.enough = True
    assert len(crew.workers()) == 2
    assert not before & set(crew.workers())
    await _assert_kept(crew, chats)
    assert {code for chat in chats for code in chat.codes} <= {"closed: 1001"}
    assert sum(len(chat.codes) for chat in chats) >= 3, "each was asked to come back"
    assert not [chat for chat in chats if chat.refused]
    counted(messages=sum(len(chat.sent) for chat in chats), asked_to_come_back=sum(len(c.codes) for c in chats))


async def test_a_setting_that_is_wrong_leaves_the_workers_as_they_are(crew: Crew) -> None:
    before = crew.workers()
    file = crew.data / "frontdesk.toml"
    file.write_text(file.read_text() + "\n[links]\ndays = -3\n")
    assert crew.process is not None
    crew.process.send_signal(signal.SIGHUP)
    await _until(lambda: "the workers go on as they are: links.days" in crew.log())
    assert crew.workers() == before


async def test_C_20_a_session_that_ended_at_one_worker_is_over_at_the_other(crew: Crew) -> None:
    """Within two seconds, whichever worker is asked; a socket at the other one is closed."""
    boss_of = crew.person("super_admin")
    async with logged_in(crew.base_url, boss_of["email"], boss_of["password"]) as session:
        cookies = {cookie.key: cookie.value for cookie in session.cookie_jar}
        assert await _answers(crew, cookies) == {200}
        async with session.post(f"{crew.base_url}/logout", headers={"Origin": crew.base_url}) as answer:
            assert answer.status < 400
        ended = time.monotonic()
        while await _answers(crew, cookies) != {303}:
            assert time.monotonic() - ended < 2


async def _answers(crew: Crew, cookies: dict[str, str]) -> set[int]:
    """What many new connections are told, at whichever worker they end."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    told = set()
    for _ in range(12):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            async with session.get(f"{crew.base_url}/console", headers=headers, allow_redirects=False) as answer:
                told.add(answer.status)
    return told


async def test_another_process_is_refused_while_a_worker_lives(crew: Crew) -> None:
    """Alone or with workers of its own; also when only workers are left, which end by themselves."""
    for more in ((), ("--workers", "2")):
        refused = crew.run("serve", "--json", "--port", "0", *more)
        assert refused.returncode == 1
        assert "in use by process" in refused.stderr
    workers = crew.workers()
    assert len(workers) == 2
    crew.kill()
    await _until(lambda: not any("config.worker" in _command(pid) for pid in workers))
    crew.start()


async def test_the_end_is_orderly(crew: Crew) -> None:
    """SIGTERM: the socket is told to come back, no process stays, the files are whole."""
    workers = crew.workers()
    async with Visitor.at(crew.base_url, crew.demo["bot"]) as visitor:
        await visitor.say("hello")
        stopping = asyncio.create_task(asyncio.to_thread(crew.stop))
        with pytest.raises(ConnectionResetError, match="1001"):
            await visitor.event(lambda _: False)
        assert await stopping == 0
    assert not any("config.worker" in _command(pid) for pid in workers)
    assert not list(crew.data.glob("*-wal"))
    assert "can be read and are what was written" in crew.run("doctor", "--full").stdout


def test_a_crew_that_cannot_begin_says_why(tmp_path: Path) -> None:
    with serving(tmp_path, FRONTDESK_METRICS__ENABLED="false") as other:
        port = other.base_url.rpartition(":")[2]
        house = Frontdesk(tmp_path / "second" / "data", {"FRONTDESK_METRICS__PORT": port})
        house.data.parent.mkdir()
        house.init()
        refused = house.run("serve", "--json", "--port", "0", "--workers", "2")
    assert refused.returncode == 1
    assert f"metrics.port {port} cannot be listened on" in refused.stderr
    assert "Worker 0 could not begin to serve" in refused.stderr


class Chat:
    """A visitor who sends without a pause, comes back when he is cut off, and sends again what was not acknowledged."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self.sent: list[tuple[str, str]] = []
        self.acknowledged: dict[str, int] = {}
        self.conversation = ""
        self.codes: list[str] = []
        self.cut = 0
        self.refused = 0
        self.enough = False

    async def talk(self) -> None:
        device: str | None = None
        while not self.enough:
            try:
                async with Visitor.at(self._crew.base_url, self._crew.demo["bot"], device=device) as visitor:
                    device, self.conversation = visitor.device, visitor.welcome["conversation"]
                    await self._talk(visitor)
            except ConnectionResetError as error:
                if str(error).startswith("closed: ") and "None" not in str(error):
                    self.codes.append(str(error))
                self.cut += 1
            except aiohttp.ClientError:
                self.refused += 1

    async def _talk(self, visitor: Visitor) -> None:
        while not self.enough:
            if len(self.acknowledged) == len(self.sent):
                self.sent.append((str(uuid.uuid4()), f"message {len(self.sent)}"))
            client_id, text = self.sent[-1]
            await visitor.send(type="message", client_id=client_id, text=text, payload="/greet")
            answer = await visitor.answer(client_id)
            assert answer["type"] == "ack", answer
            self.acknowledged[client_id] = answer["seq"]


async def _reached(chats: list[Chat], number: int) -> None:
    await _until(lambda: all(len(chat.acknowledged) >= number for chat in chats))


async def _until(happened: Callable[[], Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        while not (found := happened()):
            await asyncio.sleep(0.01)
    return found


async def _log_of(crew: Crew, conversation: str) -> list[Json]:
    boss_of = crew.person("super_admin")
    async with Staff.logged_in(crew.base_url, boss_of["email"], boss_of["password"]) as boss:
        return await whole(boss, conversation)


async def _assert_kept(crew: Crew, chats: list[Chat]) -> None:
    for chat in chats:
        events = await _log_of(crew, chat.conversation)
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "no gap"
        mine = [event for event in events if event["kind"] == "message" and event["by"] == "visitor"]
        kept = [(event["client_id"], event["text"]) for event in mine]
        assert kept[: len(chat.acknowledged)] == chat.sent[: len(chat.acknowledged)], "each once, in order"
        assert len(kept) <= len(chat.sent)
        seqs = {event["client_id"]: event["seq"] for event in mine}
        assert chat.acknowledged.items() <= seqs.items(), "each where it was acknowledged"
