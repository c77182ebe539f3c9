"""`frontdesk serve --workers 2`: two processes over one SQLite installation behave as one (issue 3)."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.flows.knocking import knock
from tests.flows.reading import whole
from tests.mongo import store_settings
from tests.redis import RedisServer
from tests.serving import PATIENCE, Frontdesk
from tests.site import token
from tests.talking import Json, Staff, Visitor, logged_in, told_code

QUICK = {"FRONTDESK_WEB__FRAMES_PER_SECOND": "100000", "FRONTDESK_WEB__FRAMES_BURST": "100000"}
MANY = {"FRONTDESK_WEB__SOCKETS_PER_ADDRESS": "1000"}
ROUNDS = 4
pytestmark = pytest.mark.timeout(180)
RENEWED = "all workers have begun again"


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


def _two_free_ports() -> int:
    """The first of two: a worker that is replaced measures at the port of the one before it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port + 1)):
                return port


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    settings = {**QUICK, **MANY, "FRONTDESK_METRICS__PORT": str(_two_free_ports())}
    house = Crew(tmp_path_factory.mktemp("crew") / "data", settings, ("--workers", "2"))
    house.init()
    yield house
    house.stop()


@pytest.fixture
def crew(installation: Crew) -> Crew:
    """Two workers that serve, whatever the test before did to them."""
    if installation.process is None:
        installation.start()
    until = time.monotonic() + PATIENCE
    for url in installation.metrics:
        while True:
            try:
                socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), PATIENCE).close()
                break
            except OSError:
                assert time.monotonic() < until, f"a worker was not replaced: {installation.log()}"
    return installation


@pytest.fixture
def far_crew(tmp_path: Path) -> Iterator[Crew]:
    """Two workers whose store is MongoDB and whose signals go through Redis, as on one of several machines."""
    redis = RedisServer(tmp_path)
    redis.start()
    environment = {**QUICK, **MANY, **store_settings(tmp_path), "FRONTDESK_SIGNALS__REDIS_URL": redis.url}
    house = Crew(tmp_path / "data", environment, ("--workers", "2"))
    try:
        house.init()
        house.start()
        yield house
    finally:
        house.stop()
        redis.kill()


async def _sockets(crew: Crew, door: str = "/ws/visitor") -> list[int]:
    """How many sockets each worker holds at this door."""
    found = []
    async with aiohttp.ClientSession() as session:
        for url in crew.metrics:
            async with session.get(url) as answer:
                lines = re.findall(
                    rf'^frontdesk_sockets_open\{{.*"{door}".*\}} ([\d.]+)$', await answer.text(), re.MULTILINE
                )
                found.append(int(float(lines[0])) if lines else 0)
    return found


@asynccontextmanager
async def _one_at_each(
    crew: Crew, *, same_browser: bool = False, identity: Callable[[], str] = str
) -> AsyncIterator[list[Visitor]]:
    """A visitor at each worker: sockets are opened until both have one."""
    async with AsyncExitStack() as stack:
        at: dict[int, Visitor] = {}
        before = await _sockets(crew)
        device = None
        for _ in range(200):
            bot = crew.demo["bot"]
            opening = Visitor.at(crew.base_url, bot, device=device, identity=identity())
            visitor = await stack.enter_async_context(opening)
            device = visitor.device if same_browser else None
            now = await _sockets(crew)
            for worker in [worker for worker in (0, 1) if now[worker] > before[worker]]:
                at.setdefault(worker, visitor)
            before = now
            if len(at) == 2:
                break
        assert len(at) == 2, "one worker takes everything"
        yield [at[0], at[1]]


async def test_a_visitor_at_one_worker_and_an_agent_at_the_other_talk_live(crew: Crew) -> None:
    """One agent, wherever he is, and a visitor at each worker: one of the two is at another worker than he."""
    await _talk_live(crew)


async def test_on_mongo_and_redis_they_talk_live_and_are_renewed_as_on_sqlite(far_crew: Crew) -> None:
    await _talk_live(far_crew)
    chats = await _renewed(far_crew, visitors=1)
    await _assert_kept(far_crew, chats)


async def _talk_live(crew: Crew) -> None:
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
    chats, before = [Chat(crew) for _ in range(3)], crew.log().count("is replaced in")
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
    assert crew.log().count("is replaced in") == before + ROUNDS
    counted(kills=ROUNDS, messages=sum(len(chat.sent) for chat in chats), cut=sum(chat.cut for chat in chats))


async def test_the_workers_are_renewed_one_by_one_and_nothing_is_lost_or_doubled(
    crew: Crew, counted: Callable[..., None]
) -> None:
    """SIGHUP, while three visitors do not pause: their sockets are asked to come back (1001), and nobody is refused."""
    chats = await _renewed(crew)
    await _assert_kept(crew, chats)
    assert {code for chat in chats for code in chat.codes} <= {"closed: 1001"}
    assert sum(len(chat.codes) for chat in chats) >= 3, "each was asked to come back"
    assert not [chat for chat in chats if chat.refused]
    counted(messages=sum(len(chat.sent) for chat in chats), asked_to_come_back=sum(len(c.codes) for c in chats))


async def _renewed(crew: Crew, *, visitors: int = 3) -> list[Chat]:
    """Visitors who do not pause while both workers are renewed."""
    chats, before, renewals = [Chat(crew) for _ in range(visitors)], set(crew.workers()), crew.log().count(RENEWED)
    assert crew.process is not None
    async with asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(chat.talk())
        await _reached(chats, 10)
        crew.process.send_signal(signal.SIGHUP)
        await _until(lambda: crew.log().count(RENEWED) > renewals)
        await _reached(chats, max(len(chat.sent) for chat in chats) + 5)
        for chat in chats:
            chat.enough = True
    assert len(crew.workers()) == 2
    assert not before & set(crew.workers())
    return chats


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("[links]\ndays = -3\n", "the workers go on as they are: links.days"),
        (
            '[signals]\nredis_url = "redis://127.0.0.1/1"\n',
            "the workers go on as they are: signals.redis_url is another",
        ),
    ],
)
async def test_settings_that_are_wrong_or_of_what_is_shared_leave_the_workers_as_they_are(
    crew: Crew, lines: str, said: str
) -> None:
    before = crew.workers()
    file = crew.data / "frontdesk.toml"
    was = file.read_text()
    file.write_text(f"{was}\n{lines}")
    assert crew.process is not None
    crew.process.send_signal(signal.SIGHUP)
    try:
        await _until(lambda: said in crew.log())
    finally:
        file.write_text(was)
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


async def test_A_3_wrong_passwords_are_counted_by_both_workers_together(crew: Crew) -> None:
    """Each try on a new connection, at whichever worker it ends: five are heard in all, and not five by each."""
    told = [await _try_password(crew, "nobody@shop.example") for _ in range(12)]
    assert told == [401] * 5 + [429] * 7


async def _try_password(crew: Crew, email: str) -> int:
    async with aiohttp.ClientSession() as session:
        form = {"email": email, "password": "a wrong password"}
        async with session.post(f"{crew.base_url}/login", data=form, headers={"Origin": crew.base_url}) as answer:
            return answer.status


async def _answers(crew: Crew, cookies: dict[str, str]) -> set[int]:
    """What many new connections are told, at whichever worker they end."""
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    told = set()
    for _ in range(12):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
            async with session.get(f"{crew.base_url}/console", headers=headers, allow_redirects=False) as answer:
                told.add(answer.status)
    return told


async def test_C_20_open_sockets_of_a_session_that_ended_are_closed_at_both_workers(crew: Crew) -> None:
    boss_of = crew.person("super_admin")
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(logged_in(crew.base_url, boss_of["email"], boss_of["password"]))
        before, sockets = await _sockets(crew, "/ws/agent"), []
        while not all(now > old for now, old in zip(await _sockets(crew, "/ws/agent"), before, strict=True)):
            assert len(sockets) < 100, "one worker takes everything"
            opening = session.ws_connect(f"{crew.base_url}/ws/agent", headers={"Origin": crew.base_url})
            sockets.append(await stack.enter_async_context(opening))
            await sockets[-1].send_str('{"type": "hello"}')
            assert (await sockets[-1].receive_json())["type"] == "welcome"
        async with session.post(f"{crew.base_url}/logout", headers={"Origin": crew.base_url}) as answer:
            assert answer.status < 400
        codes = set()
        async with asyncio.timeout(2):
            for socket in sockets:
                while (message := await socket.receive()).type is aiohttp.WSMsgType.TEXT:
                    pass
                codes.add(told_code(socket, message))
        assert codes == {4401}


async def test_YA_29_C_20_a_site_key_that_is_revoked_at_one_worker_ends_visits_at_both(crew: Crew) -> None:
    boss_of, bot = crew.person("super_admin"), crew.demo["bot"]
    keys = f"{crew.base_url}/admin/bots/{bot}/identity"
    form = {"Origin": crew.base_url, "Content-Type": "application/x-www-form-urlencoded"}
    async with logged_in(crew.base_url, boss_of["email"], boss_of["password"]) as boss:
        async with boss.post(keys, headers=form) as answer:
            page = await answer.text()
        secret, key = (re.findall(part, page)[0] for part in (r'id="site-key">([^<]+)<', r"/identity/([^/]+)/revoke"))
        async with _one_at_each(crew, identity=lambda: token(secret, bot)) as visitors:
            for visitor in visitors:
                assert "error" not in {frame["type"] for frame in visitor.frames}, "the token was taken"
                assert (await visitor.say("hello", payload="/greet"))["type"] == "ack"
            async with boss.post(f"{keys}/{key}/revoke", headers=form) as answer:
                assert answer.status == 200
            async with asyncio.timeout(2):
                for visitor in visitors:
                    with pytest.raises(ConnectionResetError, match="4401"):
                        await visitor.event(lambda _: False)


async def test_L_16_a_range_that_is_changed_at_one_worker_counts_at_the_other_within_two_seconds(crew: Crew) -> None:
    """Wherever a page is asked for, and wherever one that is open asks what is new."""
    boss_of = crew.person("super_admin")
    async with Visitor.at(crew.base_url, crew.demo["bot"]) as visitor:
        await visitor.say("for the readers of this address")
        chat = visitor.welcome["conversation"]
    async with logged_in(crew.base_url, boss_of["email"], boss_of["password"]) as boss:
        made = await _call(boss, "POST", crew.base_url, f"/api/conversations/{chat}/links", {})
        page = made["url"].removeprefix(crew.base_url)
        ranges = "/api/admin/ranges"
        rule = {"scope": crew.demo["bot"], "start": "127.0.0.2", "end": "127.0.0.2", "label": "readers"}
        made = await _call(boss, "POST", crew.base_url, ranges, rule)
        assert await _read(crew, page) == {303}
        for enabled, answers in ((True, {200}), (False, {303, 401}), (True, {200})):
            toggle = {"enabled": enabled, "confirm": True}
            await _call(boss, "PUT", crew.base_url, f"{ranges}/{crew.demo['bot']}/enabled", toggle)
            changed = time.monotonic()
            while not await _read(crew, page, f"{page}/since/0") <= answers:
                assert time.monotonic() - changed < 2
        await _call(boss, "DELETE", crew.base_url, f"{ranges}/{made['id']}?confirm=true")
        changed = time.monotonic()
        while await _read(crew, page, f"{page}/since/0") != {303, 401}:
            assert time.monotonic() - changed < 2


async def test_MS_4_a_chat_that_one_worker_erases_ends_at_both(crew: Crew) -> None:
    """One browser at both workers: both sockets close, and neither worker knows the chat any more."""
    boss_of = crew.person("super_admin")
    async with (
        _one_at_each(crew, same_browser=True) as visitors,
        logged_in(crew.base_url, boss_of["email"], boss_of["password"]) as boss,
    ):
        for visitor in visitors:
            assert (await visitor.say("hello", payload="/greet"))["type"] == "ack"
        chat = visitors[0].welcome["conversation"]
        form = {"what": "conversation", "subject": chat, "reason": "She asked", "confirm": "erase"}
        asked = boss.post(f"{crew.base_url}/admin/privacy/erasures", data=form, headers={"Origin": crew.base_url})
        async with asked as answer:
            assert answer.status == 200
        async with asyncio.timeout(2):
            for visitor in visitors:
                with pytest.raises(ConnectionResetError, match="4404"):
                    await visitor.event(lambda _: False)
    assert chat in (crew.data / "erasures.jsonl").read_text()
    for _ in range(8):
        async with Visitor.at(crew.base_url, crew.demo["bot"], device=visitors[0].device) as again:
            assert again.welcome["conversation"] != chat


async def _read(crew: Crew, *paths: str) -> set[int]:
    """What many new connections from 127.0.0.2 are told at the same moment, at whichever worker they end."""
    answers = await asyncio.gather(*(knock(crew.base_url, "GET", path, source="127.0.0.2") for path in paths * 12))
    return {answer.status for answer in answers}


async def _call(session: aiohttp.ClientSession, method: str, base: str, path: str, body: Json | None = None) -> Any:
    async with session.request(method, base + path, json=body, headers={"Origin": base}) as answer:
        assert answer.status < 300, f"{method} {path}: {answer.status} {await answer.text()}"
        return await answer.json(content_type=None) if answer.status != 204 else None


async def test_another_process_is_refused_while_a_worker_lives(crew: Crew) -> None:
    """Alone or with workers of its own."""
    for more in ((), ("--workers", "2")):
        refused = crew.run("serve", "--json", "--port", "0", *more)
        assert refused.returncode == 1
        assert "in use by process" in refused.stderr
    workers = crew.workers()
    assert len(workers) == 2


async def test_the_parent_is_killed_in_a_burst_and_the_store_is_whole(crew: Crew, counted: Callable[..., None]) -> None:
    """The workers end by themselves, the files open again, and what was acknowledged is there once and in order."""
    chats, workers = [Chat(crew) for _ in range(3)], crew.workers()
    async with asyncio.TaskGroup() as group:
        for chat in chats:
            group.create_task(chat.talk())
        await _reached(chats, 20)
        await asyncio.to_thread(crew.kill)
        await _until(lambda: not any("config.worker" in _command(pid) for pid in workers))
        for chat in chats:
            chat.enough = True
    assert "are what was written" in crew.run("doctor", "--full").stdout
    await asyncio.to_thread(crew.start)
    await _assert_kept(crew, chats)
    counted(messages=sum(len(chat.acknowledged) for chat in chats))


def test_a_crew_that_cannot_begin_says_why(crew: Crew, tmp_path: Path) -> None:
    port = crew.base_url.rpartition(":")[2]
    house = Frontdesk(tmp_path / "data", {"FRONTDESK_METRICS__PORT": port})
    house.init()
    refused = house.run("serve", "--json", "--port", "0", "--workers", "2")
    assert refused.returncode == 1
    assert f"metrics.port {port} cannot be listened on" in refused.stderr
    assert "Worker 0 could not begin to serve" in refused.stderr


async def test_a_worker_that_is_told_to_end_by_somebody_else_ends_in_good_order_and_is_replaced(crew: Crew) -> None:
    """A signal that was meant for the one that started it, say."""
    workers = crew.workers()
    async with Visitor.at(crew.base_url, crew.demo["bot"]) as visitor:
        for worker in workers:
            os.kill(worker, signal.SIGHUP)
        with pytest.raises(ConnectionResetError, match="1001"):
            await visitor.event(lambda _: False)
    await _until(lambda: len(crew.workers()) == 2 and not set(workers) & set(crew.workers()))


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


async def _reached(chats: list[Chat], number: int) -> None:
    await _until(lambda: all(len(chat.acknowledged) >= number for chat in chats))


async def _until(happened: Callable[[], Any]) -> Any:
    async with asyncio.timeout(2 * PATIENCE):  # a worker is a new interpreter, which takes long where others work too
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
