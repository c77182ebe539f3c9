"""Bad frames at both sockets: an `error` frame or the documented close code, and nothing is stored (issue 2; C, M, N, Z).

What a conversation holds is read through the super admin's socket before and after.
"""

import asyncio
import json
import secrets
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.flows.reading import whole
from tests.serving import Frontdesk, serving
from tests.talking import PATIENCE, Json, Staff, Visitor, logged_in, told_code

NOBODYS_ID = "A" * 22
UNDERSTOOD_LATER = 8
"""Bad frames on one socket in these tests; after ten it would be closed."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    with serving(tmp_path_factory.mktemp("frames")) as running:
        yield running


@asynccontextmanager
async def staff(house: Frontdesk, who: str) -> AsyncIterator[Staff]:
    person = house.person(who)
    async with Staff.logged_in(house.base_url, person["email"], person["password"]) as talker:
        yield talker


@asynccontextmanager
async def raw(house: Frontdesk, path: str = "/ws/visitor") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A socket on which nothing was said yet."""
    options: dict[str, Any] = {"headers": {"Origin": house.base_url}, "max_msg_size": 0}
    if path == "/ws/visitor":
        async with aiohttp.ClientSession() as session, session.ws_connect(house.base_url + path, **options) as socket:
            yield socket
        return
    person = house.person("agent")
    async with logged_in(house.base_url, person["email"], person["password"]) as session:
        async with session.ws_connect(house.base_url + path, **options) as socket:
            yield socket


async def close_code(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The code with which the server ends this socket; what it says before is skipped."""
    while True:
        message = await socket.receive(PATIENCE)
        if message.type is not aiohttp.WSMsgType.TEXT:
            return told_code(socket, message)


def hello(house: Frontdesk, **changes: Any) -> Json:
    page = {"url": "https://shop.example/", "title": "Shop", "referrer": ""}
    right = {"type": "hello", "bot": house.demo["bot"], "device": None, "since": 0, "locale": "en", "page": page}
    return {**right, **changes}


def groups(frames: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(frames), UNDERSTOOD_LATER):
        yield frames[start : start + UNDERSTOOD_LATER]


def text_of(frame: Any) -> str:
    return frame if isinstance(frame, str) else json.dumps(frame)


# The first frame

_OPERATORS: list[Any] = [{"$ne": None}, {"$gt": ""}, {"$regex": "^a"}, {"$in": ["x"]}, ["x"]]

BAD_HELLOS: list[Json] = [
    *({"bot": value} for value in (*_OPERATORS, None, 1, "", "x", "A" * 23, "../../etc/passwd")),
    *({"device": value} for value in (*_OPERATORS, 1, "", "A" * 42, "A" * 44, "A" * 42 + "~")),
    *({"since": value} for value in ("0", -1, 1.5, True, None, {"$gt": 0})),
    *({"locale": value} for value in (1, None, "", "english please", "../en", "e" * 200)),
    *({"page": value} for value in ("https://shop.example/", None, {"url": 1}, {"cookie": "x"}, {"title": "x" * 301})),
    *({member: "x"} for member in ("token", "conversation", "conversation_id", "visitor", "role")),
    *({"type": value} for value in ("message", "typing", "consent", "Hello", "", None, 1, ["hello"])),
]


async def test_a_first_frame_that_is_no_hello_is_answered_and_closed(house: Frontdesk) -> None:
    """C-11, N-1 … N-4, M-2: 4400, with an error frame that says why."""
    async with raw(house) as socket:
        await socket.send_str(json.dumps(hello(house)))
        assert json.loads((await socket.receive(PATIENCE)).data)["type"] == "welcome"
    no_json = ["", "{", "null", "[]", '"hello"', json.dumps(hello(house))[:-1] + ',"bot":"x"}', "[" * 2_000]
    for bad in [*no_json, *(hello(house, **changes) for changes in BAD_HELLOS)]:
        async with raw(house) as socket:
            await socket.send_str(text_of(bad))
            said = json.loads((await socket.receive(PATIENCE)).data)
            assert (said["type"], said["code"] in {"malformed", "invalid"}) == ("error", True), (bad, said)
            assert await close_code(socket) == 4400, bad


async def test_a_bot_that_there_is_not(house: Frontdesk) -> None:
    async with raw(house) as socket:
        await socket.send_str(json.dumps(hello(house, bot=NOBODYS_ID)))
        assert json.loads((await socket.receive(PATIENCE)).data)["code"] == "not_found"
        assert await close_code(socket) == 4404


@pytest.mark.parametrize("path", ["/ws/visitor", "/ws/agent"])
async def test_C_11_hello_comes_once_and_is_small(house: Frontdesk, path: str) -> None:
    """C-11: a second hello 4400, one over 4 KiB 1009; spaces count, and the last byte that fits is taken."""
    right = json.dumps(hello(house) if path == "/ws/visitor" else {"type": "hello"})
    async with raw(house, path) as socket:
        await socket.send_str(right.ljust(4_096))
        assert json.loads((await socket.receive(PATIENCE)).data)["type"] == "welcome"
        await socket.send_str(right)
        assert await close_code(socket) == 4400
    async with raw(house, path) as socket:
        await socket.send_str(right.ljust(4_097))
        assert await close_code(socket) == 1009


async def test_C_11_who_says_nothing_is_closed_after_five_seconds(house: Frontdesk) -> None:
    """The deadline is the product's, so this test takes as long as it."""
    started = asyncio.get_running_loop().time()
    async with raw(house) as visitor, raw(house, "/ws/agent") as agent:
        await visitor.ping()
        assert await asyncio.gather(close_code(visitor), close_code(agent)) == [4401, 4401]
    assert 4 < asyncio.get_running_loop().time() - started < 15


@pytest.mark.parametrize("path", ["/ws/visitor", "/ws/agent"])
async def test_Z_3_a_frame_over_16_KiB_is_not_read(house: Frontdesk, path: str) -> None:
    greeting = json.dumps(hello(house) if path == "/ws/visitor" else {"type": "hello"})
    typing = {"type": "typing", "on": True} | ({"conversation": NOBODYS_ID} if path == "/ws/agent" else {})
    for size, code in ((16_385, 1009), (5_000_000, 1009)):
        async with raw(house, path) as socket:
            await socket.send_str(greeting)
            assert json.loads((await socket.receive(PATIENCE)).data)["type"] == "welcome"
            await socket.send_str(json.dumps(typing).ljust(16_384))
            await socket.send_str("x")
            assert "error" in str((await socket.receive(PATIENCE)).data), "the frame that fits did no harm"
            await socket.send_str(json.dumps(typing).ljust(size))
            assert await close_code(socket) == code
    async with raw(house, path) as socket:
        await socket.send_str(greeting)
        await socket.send_bytes(greeting.encode())
        assert await close_code(socket) == 1003, "text frames only"


# The visitor's frames


async def test_PS_13_nothing_is_taken_before_the_notice_was_accepted(house: Frontdesk) -> None:
    """MS-1, PS-13: each frame is refused, no conversation is opened, and none is found for a browser that has none."""
    async with staff(house, "super_admin") as boss:
        before = set(boss.rows)
    device = secrets.token_urlsafe(32)
    async with Visitor.at(house.base_url, house.demo["bot"], consent=False, device=device) as visitor:
        assert (visitor.welcome["consented"], visitor.welcome["conversation"]) == (False, None)
        for frame in (
            {"type": "message", "text": "hello"},
            {"type": "message", "text": "hello", "payload": "/greet"},
            {"type": "email", "address": "jane@visitors.example"},
            {"type": "code", "code": "123456"},
            {"type": "resend"},
            {"type": "handoff"},
            {"type": "end"},
            {"type": "withdraw"},
        ):
            refused = await visitor.ask(**frame)
            assert (refused["type"], refused["code"]) == ("error", "forbidden"), (frame, refused)
        await visitor.send(type="consent", notice="no such version", device=device)
        assert (await visitor.of("error"))["code"] == "conflict"
        assert visitor.events == []
    async with staff(house, "super_admin") as boss:
        assert set(boss.rows) == before
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        assert (await visitor.say("hello", payload="/greet"))["type"] == "ack", "after it, it is taken"


def _message(**changes: Any) -> Json:
    return {"type": "message", "client_id": str(uuid.uuid4()), "text": "let me in", **changes}


def _visitors_bad_frames() -> list[Any]:
    right = json.dumps(_message())
    mine = {"client_id": str(uuid.uuid4())}
    return [
        *("", "{", "null", "[]", "1", '"message"', right[:-1], f"{right} {right}", f"\ufeff{right}", right[:-1] + ",}"),
        right[:-1] + ',"text":"b"}',
        right[:-1] + ',"te\\u0078t":"b"}',
        right[:-1] + ',"type":"end"}',
        right.replace("let me in", "\\ud800"),
        '{"type":"typing","on":NaN}',
        right[:-1] + f',"payload":{"[" * 40}{"]" * 40}}}',
        *({**_message(), "type": kind} for kind in ("shout", "Message", "", None, 1, ["message"], {"$ne": None})),
        *(_message(text=text) for text in (*_OPERATORS, "", None, 1, True, "x" * 4_001)),
        *(
            _message(client_id=value)
            for value in (*_OPERATORS, None, 1, "", "1", f"{uuid.uuid4()}\n", f" {uuid.uuid4()}", "x" * 200)
        ),
        *(_message(payload=value) for value in (*_OPERATORS, None, 1, "x" * 4_001)),
        # M-7: who speaks, when, with what number and where is not the visitor's to say.
        *(
            _message(**{name: value})
            for name, value in (
                ("by", "agent"),
                ("sender", "agent"),
                ("role", "agent"),
                ("author_name", "Anna Agent"),
                ("at", 0),
                ("ts", 0),
                ("seq", 1),
                ("conversation", NOBODYS_ID),
                ("conversation_id", NOBODYS_ID),
                ("holder", NOBODYS_ID),
                ("verified", True),
            )
        ),
        {"type": "message", **mine},
        {"type": "message", "text": "x"},
        *({"type": "email", **mine, "address": value} for value in (*_OPERATORS, None, "", "x" * 300)),
        *({"type": "code", **mine, "code": value} for value in (123456, "12345", " 123456", "１２３４５６", None)),
        *({"type": "code", **mine, "code": value} for value in _OPERATORS),
        *({"type": kind, **mine, "conversation": NOBODYS_ID} for kind in ("handoff", "end", "resend")),
        *({"type": kind} for kind in ("handoff", "end", "withdraw", "resend", "email", "code", "consent", "typing")),
        *({"type": "typing", "on": value} for value in ("true", 1, None)),
        {"type": "typing", "on": True, "by": "agent"},
        {"type": "consent", "notice": {"$ne": None}, "device": "A" * 43},
        *({"type": "consent", "notice": "1", "device": value} for value in (None, "A" * 42, {"$ne": None})),
        # What only staff may say is no frame of a visitor.
        *(
            {"type": kind, **mine, "conversation": NOBODYS_ID}
            for kind in ("take_over", "hand_back", "queue", "close", "watch")
        ),
        {"type": "note", **mine, "conversation": NOBODYS_ID, "text": "x"},
        {"type": "verify", **mine, "conversation": NOBODYS_ID, "method": "manual", "reason": "x"},
    ]


async def test_N_1_M_7_a_visitors_frame_with_a_fault_changes_nothing(house: Frontdesk) -> None:
    """N-1 … N-4, M-6, M-7: malformed, unknown, of another type, or claiming what is not the visitor's to say."""
    bot = house.demo["bot"]
    async with staff(house, "super_admin") as boss:
        async with Visitor.at(house.base_url, bot) as visitor:
            assert (await visitor.say("hello", payload="/greet"))["type"] == "ack"
            await visitor.says("bot", "Ahoy")
            device, conversation = visitor.device, visitor.welcome["conversation"]
        before = await whole(boss, conversation)
        for group in groups(_visitors_bad_frames()):
            async with Visitor.at(house.base_url, bot, device=device) as visitor:
                for frame in group:
                    await visitor.socket.send_str(text_of(frame))
                    error = await visitor.frame(lambda frame: frame["type"] in {"error", "ack", "done"})
                    assert error["type"] == "error", (frame, error)
                    assert error["code"] in {"malformed", "invalid"}, (frame, error)
                    assert error["title"]
                    assert error["detail"]
                assert not visitor.socket.closed
        assert await whole(boss, conversation) == before


async def test_an_address_that_cannot_be_one_is_refused(house: Frontdesk) -> None:
    """D-15, D-16: no mail, no contact, nothing in the log; one that can be is taken."""
    async with staff(house, "super_admin") as boss, Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        conversation = visitor.welcome["conversation"]
        before = await whole(boss, conversation)
        for address in (
            "x\r\nBcc: victim@visitors.example",
            "jane@visitors.example\nBcc: victim@visitors.example",
            "jane",
            "@visitors.example",
            "jane@",
            "alice@example.org]<bob@evil.example>",
            "Jane <jane@visitors.example>",
            "jane@visitors.example, bob@visitors.example",
            "jane\u0000@visitors.example",
        ):
            refused = await visitor.ask(type="email", address=address)
            assert (refused["type"], refused["code"]) == ("error", "invalid"), (address, refused)
        assert await whole(boss, conversation) == before
        assert (await visitor.ask(type="email", address="jane@visitors.example"))["outcome"] == "sent"


async def test_M_2_a_browser_gets_its_own_conversation_and_no_other(house: Frontdesk) -> None:
    """M-2, M-7: there is no frame in which a visitor could name a conversation, and the secret of another is not known."""
    bot = house.demo["bot"]
    async with Visitor.at(house.base_url, bot) as visitor:
        await visitor.say("Canaryparrot")
        device, conversation = str(visitor.device), visitor.welcome["conversation"]
    async with Visitor.at(house.base_url, bot, device=device) as visitor:
        await visitor.says("visitor", "Canaryparrot")
    for other in (secrets.token_urlsafe(32), None, device[:-1] + ("B" if device[-1] != "B" else "C")):
        async with Visitor.at(house.base_url, bot, device=other, consent=False) as visitor:
            assert visitor.welcome["conversation"] is None
            await visitor.consent()
            assert visitor.welcome["conversation"] not in {None, conversation}
            await visitor.say("hello", payload="/greet")
            await visitor.says("bot", "Ahoy")
            assert "Canaryparrot" not in str(visitor.frames)


async def test_ten_frames_that_are_not_understood_end_the_socket(house: Frontdesk) -> None:
    """Close code 4400; the conversation goes on where it was."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.say("hello", payload="/greet")
        device, conversation = visitor.device, visitor.welcome["conversation"]
        for _ in range(11):
            await visitor.socket.send_str("{")
        assert await close_code(visitor.socket) == 4400
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        assert visitor.welcome["conversation"] == conversation
        await visitor.says("visitor", "hello")


async def test_Z_6_a_flood_is_throttled_and_then_closed(house: Frontdesk) -> None:
    """Z-6: first `too_many`, which stores nothing, then 4429; what was acknowledged is there."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        device = visitor.device
        for number in range(150):
            await visitor.send(type="message", client_id=str(uuid.uuid4()), text=f"number {number}", payload="/greet")
        with pytest.raises((ConnectionResetError, aiohttp.ClientError)):
            await visitor.of("nothing that is ever sent")
        assert visitor.close_code == 4429
    acknowledged = [frame["client_id"] for frame in visitor.frames if frame["type"] == "ack"]
    assert 20 <= len(acknowledged) < 100
    assert [frame for frame in visitor.frames if frame.get("code") == "too_many"]
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        await visitor.event(lambda event: event.get("client_id") == acknowledged[-1])
        mine = [event["client_id"] for event in visitor.events if event.get("by") == "visitor"]
        assert mine == acknowledged


# The agents' frames


def _deeds(conversation: str) -> list[Json]:
    """Every frame that is about a conversation, as it is taken from somebody who may."""
    plain = ("take_over", "hand_back", "queue", "close")
    return [
        {"type": "watch", "since": 0},
        {"type": "typing", "on": True},
        {"type": "message", "text": "hello"},
        {"type": "note", "text": "mine"},
        *({"type": kind} for kind in plain),
        {"type": "email", "address": "eve@visitors.example"},
        {"type": "verify", "method": "manual", "reason": "I know her"},
        {"type": "verify", "method": "mail", "reason": ""},
    ]


async def _refusals(person: Staff, conversation: str) -> list[Json]:
    """What this person is told for each frame about this conversation, without what he said himself."""
    told = []
    for deed in _deeds(conversation):
        about = {} if deed["type"] in {"watch", "typing"} else {"client_id": str(uuid.uuid4())}
        await person.send(**deed, **about, conversation=conversation)
        frame = await person.frame(lambda frame: frame["type"] in {"error", "ack", "events"})
        assert frame.get("conversation") == conversation, frame
        assert frame.get("client_id", "") == about.get("client_id", ""), frame
        told.append({key: value for key, value in frame.items() if key not in {"conversation", "client_id"}})
    return told


async def test_M_8_what_an_agent_may_not_see_does_not_exist_for_him(house: Frontdesk) -> None:
    """M-8, YA-24: the bot of others, and a chat that the bot still holds; told apart from an unknown id by nothing."""
    async with (
        staff(house, "super_admin") as boss,
        staff(house, "agent") as agent,
        staff(house, "staff") as colleague,
        Visitor.at(house.base_url, house.demo["bot"]) as queued,
        Visitor.at(house.base_url, house.demo["bot"]) as talking,
    ):
        await queued.ask(type="handoff")
        in_queue, with_bot = queued.welcome["conversation"], talking.welcome["conversation"]
        await agent.row(lambda row: row["id"] == in_queue)
        assert (await whole(agent, in_queue))[0]["kind"] == "opened", "the agent may"
        before = [await whole(boss, one) for one in (in_queue, with_bot)]

        unknown = await _refusals(colleague, NOBODYS_ID)
        assert {told["code"] for told in unknown} == {"not_found"}
        assert await _refusals(colleague, in_queue) == unknown
        assert await _refusals(colleague, with_bot) == unknown
        assert await _refusals(agent, with_bot) == unknown, "until a person is called, or he holds it"
        assert in_queue not in colleague.rows

        refused = await agent.ask(type="message", conversation=in_queue, text="only the holder speaks")
        assert refused["type"] == "error", refused
        assert [await whole(boss, one) for one in (in_queue, with_bot)] == before

        assert (await agent.ask(type="take_over", conversation=in_queue))["type"] == "ack"
        assert (await agent.ask(type="message", conversation=in_queue, text="now I hold it"))["type"] == "ack"
        await queued.says("agent", "now I hold it")


def _agents_bad_frames(conversation: str) -> list[Any]:
    mine = {"client_id": str(uuid.uuid4())}
    right = {"type": "note", **mine, "conversation": conversation, "text": "let me in"}
    text = json.dumps(right)
    return [
        *("", "{", "null", "[]", text[:-1], f"{text}{text}", text[:-1] + ',"text":"b"}', f"\ufeff{text}"),
        *({**right, "type": kind} for kind in ("assign", "Note", "hello ", "", None, 1, ["note"])),
        *({**right, "conversation": value} for value in (*_OPERATORS, None, 1)),
        *({**right, "text": value} for value in (*_OPERATORS, None, 1)),
        *({**right, "client_id": value} for value in (*_OPERATORS, None, 1)),
        *(
            {**right, name: value}
            for name, value in (("by", "visitor"), ("author", "x"), ("seq", 1), ("at", 0), ("account", "x"))
        ),
        {**right, "type": "take_over"},
        {**right, "type": "take_over", "holder": NOBODYS_ID},
        *({"type": "watch", "conversation": conversation, "since": value} for value in ("0", 1.5, None, True)),
        {"type": "watch"},
        {"type": "watch", "conversation": conversation, "bot": "x"},
        {"type": "verify", **mine, "conversation": conversation, "method": "trust", "reason": "x"},
        {"type": "verify", **mine, "conversation": conversation, "method": ["manual"], "reason": "x"},
        {"type": "typing", "conversation": conversation, "on": "yes"},
        {"type": "consent", "notice": "1", "device": "A" * 43},
        {"type": "withdraw", **mine},
    ]


async def test_N_1_M_7_an_agents_frame_with_a_fault_changes_nothing(house: Frontdesk) -> None:
    async with staff(house, "super_admin") as boss, Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.ask(type="handoff")
        conversation = visitor.welcome["conversation"]
        async with staff(house, "agent") as agent:
            assert (await agent.ask(type="take_over", conversation=conversation))["type"] == "ack"
            assert (await agent.ask(type="note", conversation=conversation, text="taken"))["type"] == "ack"
        before = await whole(boss, conversation)
        for group in groups(_agents_bad_frames(conversation)):
            async with staff(house, "agent") as agent:
                for frame in group:
                    await agent.socket.send_str(text_of(frame))
                    error = await agent.frame(lambda frame: frame["type"] in {"error", "ack", "events"})
                    assert error["type"] == "error", (frame, error)
                    assert error["code"] in {"malformed", "invalid"}, (frame, error)
        assert await whole(boss, conversation) == before


@pytest.mark.parametrize("text", ["", "   ", "x" * 4_001, "\n"])
async def test_an_agents_words_have_the_same_limits(house: Frontdesk, text: str) -> None:
    async with (
        staff(house, "super_admin") as boss,
        staff(house, "agent") as agent,
        Visitor.at(house.base_url, house.demo["bot"]) as visitor,
    ):
        await visitor.ask(type="handoff")
        conversation = visitor.welcome["conversation"]
        assert (await agent.ask(type="take_over", conversation=conversation))["type"] == "ack"
        assert (await agent.ask(type="message", conversation=conversation, text="x" * 4_000))["type"] == "ack"
        before = await whole(boss, conversation)
        for kind in ("message", "note"):
            refused = await agent.ask(type=kind, conversation=conversation, text=text)
            assert (refused["type"], refused["code"]) == ("error", "invalid"), refused
        assert await whole(boss, conversation) == before
