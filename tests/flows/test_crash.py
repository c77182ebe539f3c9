"""The server is killed without a word, and what it had acknowledged is there: once, in order, without a gap.

Nothing here waits for a time to pass: visitors send as fast as they are acknowledged, and the kill comes at a number of
acknowledgements while all of them have a message under way.
"""

import asyncio
import os
import select
import textwrap
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from tests.flows.reading import whole
from tests.mongo import store_settings
from tests.serving import PATIENCE, Frontdesk, serving
from tests.talking import Json, Staff, Visitor

VISITORS = 8
ROUNDS = 25


@dataclass
class Told:
    """What one visitor knows when the line is cut: all he sent, in order, and the number of each that was acknowledged."""

    device: str = ""
    conversation: str = ""
    sent: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: dict[str, int] = field(default_factory=dict)

    def messages(self, events: list[Json]) -> list[Json]:
        return [event for event in events if event["kind"] == "message" and event["by"] == "visitor"]


class Burst:
    """Eight visitors who do not pause, and the moment at which the server dies."""

    def __init__(self, house: Frontdesk, kills: int) -> None:
        self.house = house
        self.told = [Told() for _ in range(VISITORS)]
        self._left = kills
        self._ready = asyncio.Barrier(VISITORS)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for number, told in enumerate(self.told):
                group.create_task(self._talk(f"visitor {number}", told))

    async def _talk(self, name: str, told: Told) -> None:
        try:
            async with Visitor.at(self.house.base_url, self.house.demo["bot"]) as visitor:
                told.device, told.conversation = str(visitor.device), visitor.welcome["conversation"]
                await self._ready.wait()
                for number in range(ROUNDS):
                    await self._say(visitor, told, f"{name}, message {number}")
        except (ConnectionResetError, aiohttp.ClientError):
            return

    async def _say(self, visitor: Visitor, told: Told, text: str) -> None:
        client_id = str(uuid.uuid4())
        told.sent.append((client_id, text))
        await visitor.send(type="message", client_id=client_id, text=text, payload="/greet")
        answer = await visitor.answer(client_id)
        assert answer["type"] == "ack", answer
        told.acknowledged[client_id] = answer["seq"]
        self._left -= 1
        if self._left == 0:
            self.house.kill()


@pytest.fixture(params=["sqlite", "mongo"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Frontdesk]:
    stores = store_settings(tmp_path) if request.param == "mongo" else {}
    with serving(tmp_path, **stores) as running:
        yield running


@pytest.mark.parametrize("kill_after", [1, 90])
async def test_kill_in_the_middle_of_a_burst_loses_no_acknowledged_message(house: Frontdesk, kill_after: int) -> None:
    """BR-1, issue 2: every acknowledged message is there once, in order, after a restart; a re-sent one is stored once."""
    burst = Burst(house, kill_after)
    await burst.run()
    acknowledged = [told.acknowledged for told in burst.told]
    assert sum(map(len, acknowledged)) >= kill_after, "the server died before the burst was under way"
    assert sum(len(told.sent) - len(told.acknowledged) for told in burst.told) > 0, "nobody was cut off"

    await asyncio.to_thread(house.start)
    owner = house.person("super_admin")
    async with Staff.logged_in(house.base_url, owner["email"], owner["password"]) as boss:
        for told in burst.told:
            _assert_kept(told, await whole(boss, told.conversation))
        for told in burst.told:
            await _everything_is_sent_again(house, told)
        for told in burst.told:
            events = await whole(boss, told.conversation)
            _assert_kept(told, events)
            kept = [(event["client_id"], event["text"]) for event in told.messages(events)]
            assert kept == told.sent, "each exactly once, also what was cut off and sent again"
            assert len(_replies(events)) == len(told.sent), "and each was answered once"


def _assert_kept(told: Told, events: list[Json]) -> None:
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), "no gap"
    messages = told.messages(events)
    seqs = {event["client_id"]: event["seq"] for event in messages}
    assert len(seqs) == len(messages), "none twice"
    assert told.acknowledged.items() <= seqs.items(), "each where it was acknowledged"
    order = [event["client_id"] for event in messages]
    assert order == [client_id for client_id, _ in told.sent][: len(order)], "in the order in which they were sent"
    assert {client_id: text for client_id, text in told.sent if client_id in seqs} == {
        event["client_id"]: event["text"] for event in messages
    }


def _replies(events: list[Json]) -> list[Json]:
    return [event for event in events if event["kind"] == "message" and event["by"] == "bot"]


async def _everything_is_sent_again(house: Frontdesk, told: Told) -> None:
    """What a browser does after a cut: it comes back and sends what it has no acknowledgement for, or is unsure of."""
    async with Visitor.at(house.base_url, house.demo["bot"], device=told.device) as visitor:
        assert visitor.welcome["conversation"] == told.conversation
        assert visitor.welcome["consented"]
        for client_id, text in told.sent[-3:]:
            await visitor.send(type="message", client_id=client_id, text=text, payload="/greet")
            answer = await visitor.answer(client_id)
            assert answer["type"] == "ack", answer
            assert answer["seq"] == told.acknowledged.get(client_id, answer["seq"]), "acknowledged as what it was"
        await visitor.event(lambda _: len(_replies(visitor.events)) >= len(told.sent))
        seqs = [event["seq"] for event in visitor.events]
        assert seqs == sorted(set(seqs)), "the visitor is told nothing twice"
        mine = [(event["client_id"], event["text"]) for event in told.messages(visitor.events)]
        assert mine == told.sent


@pytest.fixture
def slow_bot(tmp_path: Path) -> Path:
    """A project whose only answer comes from a custom action that waits until there is a file `go`."""
    bot = tmp_path / "bot"
    for name, text in SLOW_BOT.items():
        (bot / name).parent.mkdir(parents=True, exist_ok=True)
        (bot / name).write_text(textwrap.dedent(text), "utf-8")
    return bot


SLOW_BOT = {
    "config.yml": """\
        recipe: default.v1
        language: en
        pipeline:
          - name: WhitespaceTokenizer
          - name: CountVectorsFeaturizer
          - name: DIETClassifier
        policies:
          - name: RulePolicy
        """,
    "domain.yml": """\
        version: "3.1"
        intents:
          - order
          - greet
        responses:
          utter_greet:
            - text: "Hello."
        actions:
          - action_wait
        """,
    "data/nlu.yml": """\
        version: "3.1"
        nlu:
          - intent: order
            examples: |
              - a coffee please
              - I would like a coffee
          - intent: greet
            examples: |
              - hello
              - good morning
        """,
    "data/rules.yml": """\
        version: "3.1"
        rules:
          - rule: wait for the coffee
            steps:
              - intent: order
              - action: action_wait
          - rule: greet
            steps:
              - intent: greet
              - action: utter_greet
        """,
    "actions/__init__.py": "",
    "actions/waiting.py": '''\
        """An action that takes as long as the test wants, at most eight seconds."""

        import time
        from pathlib import Path

        from rasa_sdk import Action

        BEGUN = Path(__file__).parent / "begun"
        GO = Path(__file__).parent / "go"


        class ActionWait(Action):
            def name(self):
                return "action_wait"

            def run(self, dispatcher, tracker, domain):
                BEGUN.touch()
                end = time.monotonic() + 8
                while not GO.exists() and time.monotonic() < end:
                    time.sleep(0.02)
                dispatcher.utter_message(text="Your coffee." if GO.exists() else "Nobody said go.")
                return []
        ''',
}


async def test_a_message_acknowledged_without_a_reply_gets_its_reply_after_the_restart(
    tmp_path: Path, slow_bot: Path
) -> None:
    """Issue 2: an answer that was cut off is made good when the visitor comes back, once; no worker outlives its server."""
    house = Frontdesk(tmp_path / "data", arguments=("--assistant", str(slow_bot)))
    await asyncio.to_thread(house.init)
    await asyncio.to_thread(house.start)
    try:
        async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
            device, conversation = visitor.device, visitor.welcome["conversation"]
            await visitor.say("hello", payload="/greet")
            await visitor.says("bot", "Hello.")
            said = await visitor.say("a coffee please", payload="/order")
            assert said["type"] == "ack"
            while not (slow_bot / "actions/begun").exists():
                await asyncio.sleep(0.02)
            workers = _children(house)
            await asyncio.to_thread(house.kill)
            with pytest.raises(ConnectionResetError):
                await visitor.says("bot", "coffee")
        assert workers, "the action runs in a process of its own"
        for worker in workers:
            await asyncio.to_thread(_wait_for_the_end, worker)

        (slow_bot / "actions/go").touch()
        await asyncio.to_thread(house.start)
        async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
            assert visitor.welcome["conversation"] == conversation
            await visitor.says("bot", "Your coffee.")
            goodbye = await visitor.say("good morning", payload="/greet")
            await visitor.event(lambda event: event["seq"] > goodbye["seq"] and event.get("by") == "bot")
        async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
            await visitor.event(lambda event: event["seq"] > goodbye["seq"] and event.get("by") == "bot")
            said_by = {who: [text for by, text in visitor.texts() if by == who] for who in ("visitor", "bot")}
            assert said_by["visitor"] == ["hello", "a coffee please", "good morning"]
            assert said_by["bot"] == ["Hello.", "Your coffee.", "Hello."], "once, in its place"
    finally:
        await asyncio.to_thread(house.stop)


def _children(house: Frontdesk) -> list[int]:
    assert house.process is not None
    pid = house.process.pid
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _wait_for_the_end(pid: int) -> None:
    """Return when the process ends. Raises `TimeoutError` when it lives on."""
    try:
        file = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if not select.select([file], [], [], PATIENCE)[0]:
            raise TimeoutError(f"process {pid} outlives its server")
    finally:
        os.close(file)
