"""The visitor's socket, frame by frame as `docs/http.md` says (SECURITY C, M, N, Z; MISSION MS-1, PS-13, YA-16)."""

import asyncio
import json
import secrets
import uuid
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from admin import By
from bot_runtime.channels.widget.visit import POLL_EVERY
from bot_runtime.whispers import Typing
from foundation.clock import DAY, ManualClock
from foundation.errors import StorageFull
from foundation.ids import secret_hash
from tests.bot_runtime.conftest import (
    Desk,
    Shop,
    Talk,
    begun,
    code_in,
    make_desk,
    make_talk,
    open_gate,
    open_shop,
    wrong,
)
from tests.talking import Json, Visitor, told_code
from transcripts.control import change
from transcripts.events import (
    Closed,
    ConsentGiven,
    ConsentWithdrawn,
    ControlChanged,
    EmailSupplied,
    MessageSent,
    NoteWritten,
    Opened,
)
from transcripts.state import State

JANE = "jane@visitors.example"


async def hello(socket: aiohttp.ClientWebSocketResponse, shop: Shop, **more: Any) -> Json:
    """Say hello on a bare socket; the welcome."""
    await socket.send_str(json.dumps({"type": "hello", "bot": shop.desk.bot.id} | more))
    frame: Json = json.loads((await socket.receive(5)).data)
    return frame


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """The close code, with what came before it read away."""
    while (message := await socket.receive(10)).type is aiohttp.WSMsgType.TEXT:
        pass
    return told_code(socket, message)


async def refusal(visitor: Visitor, **frame: Any) -> Json:
    """Send a frame that is refused; the error."""
    await visitor.send(**frame)
    return await visitor.of("error")


# Hello and consent


async def test_hello_is_answered_with_what_the_widget_needs(shop: Shop) -> None:
    async with shop.visitor(consent=False) as visitor:
        welcome = visitor.welcome
    bot = shop.desk.bot.body
    assert welcome["bot"] == {
        "id": shop.desk.bot.id, "name": bot.name, "language": "en", "accent": bot.accent, "greeting": bot.greeting,
        "files": False, "accepts": "",
    }  # fmt: skip
    notice = welcome["notice"]
    assert set(notice) == {"version", "text", "hash", "locale"}
    assert "Harbour Bikes" in notice["text"]
    assert (welcome["consented"], welcome["conversation"], welcome["seq"]) == (False, None, 0)
    assert (welcome["control"], welcome["holder"]) == ("bot", None)
    assert welcome["secure"] is False, "PS-3: no lock on a plain line"


async def test_PS_3_the_lock_may_be_shown_when_browsers_reach_us_by_https(talk: Talk) -> None:
    async with open_shop(talk, base_url="https://chat.blue.example") as shop:
        headers = {"Host": "chat.blue.example", "Origin": "https://chat.blue.example"}
        async with shop.socket(**headers) as socket:
            assert (await hello(socket, shop))["secure"] is True


async def test_the_notice_is_in_the_visitors_language(shop: Shop) -> None:
    async with shop.socket() as socket:
        welcome = await hello(socket, shop, locale="de-AT")
    assert welcome["notice"]["locale"] == "de"


async def test_MS_1_nothing_is_stored_before_the_notice_is_accepted(shop: Shop) -> None:
    async with shop.visitor(consent=False) as visitor:
        for frame in ({"type": "message", "text": "hello"}, {"type": "email", "address": JANE}, {"type": "handoff"}):
            refused = await visitor.ask(**frame)
            assert (refused["type"], refused["code"]) == ("error", "forbidden"), frame
        await visitor.send(type="typing", on=True)
        assert await shop.stored() == 0
        await visitor.consent()
        assert await shop.stored() == 1


async def test_MS_3_the_consent_is_recorded_with_the_exact_text(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
    opened, given = (await shop.desk.events(chat))[:2]
    assert isinstance(opened, Opened)
    assert isinstance(given, ConsentGiven)
    assert opened.visitor == chat.visitor
    assert chat.device not in repr(await shop.desk.events(chat))
    (record,) = await shop.desk.consents.of(shop.desk.account.id, chat.id)
    assert (record.id, record.version, record.hash) == (given.record, given.notice, given.text_hash)
    assert record.text == visitor.welcome["notice"]["text"]


async def test_a_notice_that_is_not_current_is_not_accepted(shop: Shop) -> None:
    async with shop.visitor(consent=False) as visitor:
        old = visitor.welcome["notice"]["version"]
        await shop.desk.admin.bots.change(shop.desk.account.id, shop.desk.bot.id, name="Renamed")
        device = secrets.token_urlsafe(32)
        await visitor.send(type="consent", notice="en-0123456789abcdef", device=device)
        shown = await visitor.of("welcome")
        assert (await visitor.of("error"))["code"] == "conflict"
        assert shown["notice"]["version"] != old
        assert await shop.stored() == 0
        await visitor.send(type="consent", notice=shown["notice"]["version"], device=device)
        assert (await visitor.of("welcome"))["consented"] is True


async def test_consent_twice_opens_one_conversation(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        first = visitor.welcome["conversation"]
        await visitor.consent()
        assert visitor.welcome["conversation"] == first
    assert await shop.stored() == 1


async def test_two_tabs_that_consent_at_once_open_one_conversation(shop: Shop) -> None:
    device = secrets.token_urlsafe(32)
    async with shop.visitor(consent=False) as one, shop.visitor(consent=False) as other:
        one.device = other.device = device
        await asyncio.gather(one.consent(), other.consent())
        assert one.welcome["conversation"] == other.welcome["conversation"]
    assert await shop.stored() == 1


async def test_a_conversation_that_a_crash_left_without_consent_is_used(shop: Shop) -> None:
    device = secrets.token_urlsafe(32)
    bare = await shop.desk.conversations.open(shop.desk.account.id, shop.desk.bot.id, visitor=secret_hash(device))
    async with shop.visitor(device=device, consent=False) as visitor:
        assert (visitor.welcome["conversation"], visitor.welcome["consented"]) == (bare, False)
        assert (await visitor.ask(type="message", text="hello"))["code"] == "forbidden"
        await visitor.consent()
        assert visitor.welcome["conversation"] == bare
        assert (await visitor.say("hello"))["type"] == "ack"


# Talking


async def test_BR_1_a_whole_chat(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        ack = await visitor.say("hello")
        assert ack["type"] == "ack"
        answer = await visitor.says("bot", "Ahoy")
        assert [button["title"] for button in answer["buttons"]] == ["Talk to a person", "Bye"]
        said = await visitor.event(lambda event: event["seq"] == ack["seq"])
        assert (said["by"], said["text"], said["client_id"]) == ("visitor", "hello", ack["client_id"])
        await visitor.say("Bye", payload="/goodbye")
        await visitor.says("bot", "Fair winds")


async def test_events_come_in_order_and_never_twice(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        for _ in range(5):
            await visitor.say("hello")
        await visitor.event(lambda event: event["seq"] == 17)
    seqs = [event["seq"] for event in visitor.events]
    assert seqs == sorted(set(seqs))


async def test_a_message_that_is_sent_again_is_acknowledged_and_stored_once(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        frame = {"type": "message", "client_id": str(uuid.uuid4()), "text": "hello"}
        acks = []
        for _ in range(3):
            await visitor.send(**frame)
            acks.append((await visitor.of("ack"))["seq"])
        chat = await shop.chat_of(visitor)
    assert len(set(acks)) == 1
    assert len(await shop.desk.events(chat, MessageSent)) == 2


async def test_reconnecting_with_since_gives_what_is_missing_and_nothing_else(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await visitor.says("bot", "Ahoy")
        seen = visitor.events[-1]["seq"]
        chat = await shop.chat_of(visitor)
    await shop.talk.receive(chat, "bye")
    async with shop.visitor(device=chat.device, since=seen) as again:
        assert again.welcome["conversation"] == chat.id
        await again.says("bot", "Fair winds")
        assert min(event["seq"] for event in again.events) == seen + 1
    async with shop.visitor(device=chat.device) as from_the_start:
        await from_the_start.says("bot", "Fair winds")
        whole = [event["seq"] for event in from_the_start.events]
    assert whole == sorted({event["seq"] for event in (*visitor.events, *again.events)})


async def test_a_since_beyond_the_end_is_another_conversations_and_gives_all(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    async with shop.visitor(device=visitor.device, since=10_000) as again:
        await again.says("bot", "Ahoy")


async def test_two_tabs_of_one_browser_see_the_same(shop: Shop) -> None:
    async with shop.visitor() as one, shop.visitor(device=one.device) as other:
        await one.say("hello")
        await other.says("visitor", "hello")
        await other.says("bot", "Ahoy")


async def test_a_lost_signal_is_made_good_by_the_poll(shop: Shop, clock: ManualClock) -> None:
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
        elsewhere = await make_desk(
            shop.desk.conversations._engine, shop.desk.keyring, clock, shop.desk.pages, "https://x.example"
        )
        state = await elsewhere.state(chat)
        said = MessageSent(at=1, by="system", text="written by another process")
        await elsewhere.conversations.append(shop.desk.account.id, chat.id, [said], state.seq)
        await asyncio.sleep(0)
        assert visitor.texts() == []
        shop.desk.conversations._cache.drop(chat.id)
        await clock.advance(POLL_EVERY)
        await visitor.says("system", "another process")


async def test_an_acknowledged_message_is_in_the_store(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        ack = await visitor.say("hello")
        chat = await shop.chat_of(visitor)
    shop.desk.conversations._cache.drop(chat.id)
    stored = {one.seq: one.event for one in await shop.desk.conversations.events(shop.desk.account.id, chat.id)}
    assert stored[ack["seq"]].text == "hello"  # type: ignore[union-attr]


class FullStore:
    """A store whose disk is full: it takes no append."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.is_full = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)

    async def append(self, *args: Any, **kwargs: Any) -> None:
        if self.is_full:
            raise StorageFull("The disk is full. Nothing was kept.")
        await self._engine.append(*args, **kwargs)


async def test_what_cannot_be_stored_is_not_acknowledged(
    desk: Desk, engine: Any, assistant: Path, models: Path
) -> None:
    full: Any = FullStore(engine)
    other = await make_desk(full, desk.keyring, desk.clock, desk.pages, "https://chat.blue.example")
    talk = make_talk(other, assistant, models)
    async with talk.bots.serving(talk.turns), open_shop(talk) as shop:
        await talk.bots.loaded()
        async with shop.visitor() as visitor:
            full.is_full = True
            for text in ("hello", "/slow"):
                refused = await visitor.say(text)
                assert (refused["type"], refused["code"]) == ("error", "storage_full")
            full.is_full = False
            again = {"type": "message", "client_id": refused["client_id"], "text": "hello"}
            await visitor.send(**again)
            assert (await visitor.of("ack"))["client_id"] == refused["client_id"]
            await visitor.says("bot", "Ahoy")
            assert [text for by, text in visitor.texts() if by == "visitor"] == ["hello"]


async def test_a_crash_between_message_and_answer_is_made_good_when_the_visitor_comes_back(
    shop: Shop, assistant: Path
) -> None:
    async with shop.visitor() as visitor:
        assert (await visitor.say("/slow"))["type"] == "ack"
        await begun(assistant)
        await shop.talk.turns.close()
    open_gate(assistant)
    async with shop.visitor(device=visitor.device) as again:
        await again.says("bot", "took a while")
        assert [text for by, text in again.texts() if by == "bot"] == ["That took a while."]


# People


async def take_over(shop: Shop, conversation: str) -> None:
    def decide(state: State) -> list[ControlChanged]:
        held = {"author": "anna", "holder": "anna", "holder_name": "Anna"}
        return [change(state, "agent", reason="taken", actor="agent", at=1, **held)]

    await shop.desk.conversations.update(shop.desk.account.id, conversation, decide)


async def test_BR_5_the_button_calls_a_person_once(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        assert (await visitor.ask(type="handoff"))["type"] == "done"
        assert (await visitor.ask(type="handoff"))["type"] == "done"
        moved = await visitor.event(lambda event: event["kind"] == "control")
        assert (moved["now"], moved["reason"]) == ("queue", "handoff_requested")
        chat = await shop.chat_of(visitor)
    assert len(await shop.desk.events(chat, ControlChanged)) == 1
    assert (await shop.desk.events(chat, ControlChanged))[0].actor == "visitor"


async def test_a_visitor_sees_who_answers_and_no_note(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        conversation = visitor.welcome["conversation"]
        await visitor.ask(type="handoff")
        await take_over(shop, conversation)
        moved = await visitor.event(lambda event: event.get("now") == "agent")
        assert moved["holder_name"] == "Anna"
        state = await shop.desk.conversations.state(shop.desk.account.id, conversation)
        written = [
            NoteWritten(at=1, author="anna", author_name="Anna", text="a private note"),
            MessageSent(at=1, by="agent", text="Hello!", author="anna", author_name="Anna"),
        ]
        await shop.desk.conversations.append(shop.desk.account.id, conversation, written, state.seq)
        said = await visitor.says("agent", "Hello")
        assert said["author_name"] == "Anna"
        await visitor.say("hi")
        assert "private" not in str(visitor.frames)
        assert "anna" not in str(visitor.frames), "M-4: no person's id"
        assert not [text for by, text in visitor.texts() if by == "bot"]
    async with shop.visitor(device=visitor.device) as again:
        assert (again.welcome["control"], again.welcome["holder"]) == ("agent", "Anna")


async def test_typing_goes_both_ways_and_is_stored_nowhere(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        topic = f"conversation/{visitor.welcome['conversation']}"
        async with shop.desk.signals.listen(topic) as console:
            await visitor.send(type="typing", on=True)
            async with asyncio.timeout(5):
                heard = await anext(console)
            assert json.loads(heard.note or b"") == {"by": "visitor", "name": "", "on": True}
            shop.desk.signals.whisper(topic, Typing(by="agent", name="Anna", on=True).as_note())
            shown = await visitor.of("typing")
            assert (shown["by"], shown["name"], shown["on"]) == ("agent", "Anna", True)
            shop.desk.signals.whisper(topic, b"not a typing note")
        await visitor.say("hello")
        assert [frame["by"] for frame in visitor.frames if frame["type"] == "typing"] == ["agent"], "not his own"


async def test_the_bot_types_while_its_action_runs(shop: Shop, assistant: Path) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("/slow")
        assert (await visitor.of("typing"))["by"] == "bot"
        open_gate(assistant)
        await visitor.says("bot", "took a while")


# The end


async def test_the_visitor_ends_the_chat_and_the_next_message_begins_a_new_one(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        first = visitor.welcome["conversation"]
        assert (await visitor.ask(type="end"))["type"] == "done"
        assert (await visitor.ask(type="end"))["type"] == "done"
        ended = await visitor.event(lambda event: event["kind"] == "closed")
        assert (ended["by"], ended["reason"]) == ("visitor", "ended")
        refused = await visitor.ask(type="handoff")
        assert refused["code"] == "conflict"
        assert (await visitor.say("hello"))["type"] == "ack"
        welcome = next(f for f in visitor.frames if f["type"] == "welcome" and f["conversation"] not in (None, first))
        assert (welcome["consented"], welcome["control"]) == (True, "bot")
    second = welcome["conversation"]
    events = [one.event for one in await shop.desk.conversations.events(shop.desk.account.id, second)]
    assert [type(event) for event in events[:2]] == [Opened, ConsentGiven]
    assert len(await shop.desk.events(await shop.chat_of(visitor), Closed)) == 1
    assert len(await shop.desk.consents.of_visitor(shop.desk.account.id, (await shop.chat_of(visitor)).visitor)) == 1


async def test_a_resend_after_the_end_is_acknowledged_in_the_old_chat(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        ack = await visitor.say("hello")
        await visitor.ask(type="end")
        await visitor.send(type="message", client_id=ack["client_id"], text="hello")
        again = await visitor.frame(lambda f: f["type"] == "ack" and f["client_id"] == ack["client_id"])
        assert again["seq"] == ack["seq"]
    assert await shop.stored() == 1


async def test_a_changed_notice_is_read_again_before_a_new_chat(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await visitor.ask(type="end")
    await shop.desk.admin.bots.change(shop.desk.account.id, shop.desk.bot.id, name="Renamed")
    async with shop.visitor(device=visitor.device, consent=False) as again:
        assert again.welcome["consented"] is False
        assert (await again.ask(type="message", text="hello"))["code"] == "forbidden"
        await again.consent()
        assert (await again.say("hello"))["type"] == "ack"
        assert again.welcome["conversation"] != visitor.welcome["conversation"]


async def test_YA_16_an_ended_chat_is_shown_to_its_browser_for_a_day(shop: Shop, clock: ManualClock) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        await visitor.ask(type="end")
    async with shop.visitor(device=visitor.device, consent=False) as again:
        assert (again.welcome["control"], again.welcome["consented"]) == ("closed", True)
        await again.says("bot", "Ahoy")
    await clock.advance(DAY)
    async with shop.visitor(device=visitor.device, consent=False) as later:
        assert later.welcome["conversation"] is None


async def test_D_18_withdrawing_ends_the_chat_at_once(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        chat = await shop.chat_of(visitor)
        await visitor.ask(type="email", address=JANE)
        assert (await visitor.ask(type="withdraw"))["type"] == "done"
        assert await closed(visitor.socket) == 1000
    assert len(await shop.desk.events(chat, ConsentWithdrawn)) == 1
    assert (await shop.desk.state(chat)).control == "closed"
    records = await shop.desk.consents.of(shop.desk.account.id, chat.id)
    (given,) = [record for record in records if not record.withdraws]
    assert [record.withdraws for record in records if record.withdraws] == [given.id]
    async with shop.visitor(device=chat.device, consent=False) as again:
        assert (again.welcome["conversation"], again.welcome["consented"]) == (None, False)


async def test_MS_4_an_erased_chat_is_gone_from_an_open_socket(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        await shop.desk.conversations.erase(shop.desk.account.id, visitor.welcome["conversation"])
        assert await closed(visitor.socket) == 4404


# The e-mail address


async def test_DD_1_the_address_the_code_and_the_proof_through_the_socket(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        assert (await visitor.ask(type="email", address=JANE))["outcome"] == "sent"
        shown = await visitor.event(lambda event: event["kind"] == "email")
        assert (shown["address"], shown["state"]) == ("j***@visitors.example", "sent")
        await visitor.event(lambda event: event.get("card") == "code")
        code = code_in(await shop.desk.mail())
        assert (await visitor.ask(type="code", code=wrong(code)))["outcome"] == "wrong"
        assert (await visitor.ask(type="code", code=code))["outcome"] == "verified"
        await visitor.event(lambda event: event.get("state") == "verified")
        assert JANE not in str(visitor.frames)
        chat = await shop.chat_of(visitor)
    assert (await shop.desk.state(chat)).verification.state == "verified"
    facts = await shop.desk.proof.evidence.of(
        shop.desk.account.id, (await shop.desk.proof.verification._requests.of(shop.desk.account.id, chat.id))[0].id
    )
    assert facts[0].typed_ip == "127.0.0.1"  # type: ignore[union-attr]


async def test_D_1_the_answer_is_sent_for_every_address(shop: Shop) -> None:
    await shop.desk.verified("known@visitors.example")
    await shop.desk.contacts.suppress(shop.desk.account.id, "gone@visitors.example", "asked for it")
    answers = set()
    for name in ("unheard", "known", "gone"):
        async with shop.visitor() as visitor:
            answer = await visitor.ask(type="email", address=f"{name}@visitors.example")
            answers.add((answer["type"], answer["outcome"]))
            again = await visitor.ask(type="resend")
            answers.add((again["type"], again["outcome"]))
    assert answers == {("done", "sent")}


@pytest.mark.parametrize("address", ["jane", "a@b@c.example", "x@y.example\nBcc: v@x.example", "<b>@x.example"])
async def test_D_15_a_bad_address_is_refused_in_words(shop: Shop, address: str) -> None:
    async with shop.visitor() as visitor:
        refused = await visitor.ask(type="email", address=address)
        assert (refused["type"], refused["code"], refused["field"]) == ("error", "invalid", "address")
        chat = await shop.chat_of(visitor)
    assert await shop.desk.events(chat, EmailSupplied) == []


async def test_an_address_frame_that_is_sent_again_sends_one_mail(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        client_id = str(uuid.uuid4())
        for _ in range(3):
            await visitor.send(type="email", client_id=client_id, address=JANE)
            assert (await visitor.of("done"))["outcome"] == "sent"
    assert len(await shop.desk.mails()) == 1


async def test_resend_without_an_address_is_refused(shop: Shop) -> None:
    async with shop.visitor() as visitor:
        assert (await visitor.ask(type="resend"))["code"] == "conflict"


async def test_a_code_after_expiry_or_too_many_tries_says_so(shop: Shop, clock: ManualClock) -> None:
    async with shop.visitor() as visitor:
        assert (await visitor.ask(type="code", code="123456"))["outcome"] == "expired"
        await visitor.ask(type="email", address=JANE)
        code = code_in(await shop.desk.mail())
        outcomes = [(await visitor.ask(type="code", code=wrong(code)))["outcome"] for _ in range(6)]
        assert outcomes == [*["wrong"] * 5, "too_many"]


async def test_DD_7_a_new_chat_in_a_proven_browser_begins_verified(shop: Shop) -> None:
    proven = await shop.desk.verified(JANE, stay=True)
    async with shop.visitor(device=proven.device, key=proven.key) as visitor:
        await visitor.ask(type="end")
        await visitor.say("hello")
        second = [frame["conversation"] for frame in visitor.frames if frame["type"] == "welcome"][-1]
    state = await shop.desk.conversations.state(shop.desk.account.id, second)
    assert (state.verification.state, state.address) == ("verified", JANE)


# Identity and rights


async def test_M_2_another_device_never_sees_the_conversation(shop: Shop) -> None:
    async with shop.visitor() as victim:
        await victim.say("hello, my number is 4711")
    for device in (None, secrets.token_urlsafe(32)):
        async with shop.visitor(device=device, consent=False) as stranger:
            assert stranger.welcome["conversation"] is None
            assert "4711" not in str(stranger.frames)
        async with shop.visitor(device=device) as stranger:
            assert stranger.welcome["conversation"] != victim.welcome["conversation"]
            await stranger.say("hello")
            assert "4711" not in str(stranger.frames)


async def test_M_2_the_id_of_a_conversation_or_its_hash_opens_nothing(shop: Shop) -> None:
    async with shop.visitor() as victim:
        chat = await shop.chat_of(victim)
    async with shop.visitor(device=chat.visitor, consent=False) as thief:
        assert thief.welcome["conversation"] is None, "what the server stores is not what the browser holds"


async def test_M_1_a_device_of_one_bot_is_a_stranger_to_another(shop: Shop) -> None:
    other = await shop.desk.admin.bots.create(shop.desk.account.id, "Second", "harbour")
    async with shop.visitor() as visitor:
        await visitor.say("hello")
    async with shop.visitor(bot=other.id, device=visitor.device, consent=False) as elsewhere:
        assert elsewhere.welcome["conversation"] is None
    await shop.talk.bots.loaded()


@pytest.mark.parametrize(
    "claim",
    [
        {"sender": "agent"}, {"by": "agent"}, {"role": "agent"}, {"seq": 1}, {"at": 1}, {"ts": 1},
        {"conversation": "x"}, {"conversation_id": "x"}, {"author": "anna"}, {"card": "code"}, {"holder": "anna"},
    ],
)  # fmt: skip
async def test_M_7_a_frame_claims_nothing(shop: Shop, claim: Json) -> None:
    async with shop.visitor() as visitor:
        refused = await visitor.ask(type="message", text="I am the agent", **claim)
        assert refused["type"] == "error"
        assert (await visitor.say("hello"))["type"] == "ack", "the socket lives on"
        chat = await shop.chat_of(visitor)
    assert [(event.by, event.text) for event in await shop.desk.events(chat, MessageSent)] == [
        ("visitor", "hello"), ("bot", "Ahoy!"),
    ]  # fmt: skip


OPERATORS = [
    {"$ne": None}, {"$gt": ""}, {"$exists": True}, {"$type": 2}, {"$regex": "^a"}, {"$in": ["a", "b"]}, ["a"], 1, True,
]  # fmt: skip


@pytest.mark.parametrize("value", OPERATORS, ids=str)
async def test_N_1_to_N_4_an_operator_is_no_value(shop: Shop, value: Any) -> None:
    async with shop.visitor() as visitor:
        await visitor.say("hello")
        for frame in (
            {"type": "message", "text": value},
            {"type": "message", "text": "x", "payload": value},
            {"type": "email", "address": value},
            {"type": "code", "code": value},
            {"type": "consent", "notice": value, "device": value},
        ):
            assert (await refusal(visitor, client_id=str(uuid.uuid4()), **frame))["type"] == "error"
        assert (await refusal(visitor, type="message", client_id=value, text="x"))["type"] == "error"
    for member in ("bot", "device", "since", "locale", "page"):
        if member == "since" and value == 1:
            continue
        async with shop.socket() as socket:
            answer = await hello(socket, shop, **{member: value})
            assert (answer["type"], await closed(socket)) == ("error", 4400), member


async def test_D_9_a_code_typed_into_another_chat_is_no_proof(shop: Shop) -> None:
    async with shop.visitor() as owner, shop.visitor() as thief:
        await owner.ask(type="email", address=JANE)
        code = code_in(await shop.desk.mail())
        assert (await thief.ask(type="code", code=code))["outcome"] == "expired"
        assert (await owner.ask(type="code", code=code))["outcome"] == "verified"


# The shape of frames


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "message", "text": ""},
        {"type": "message", "text": "x" * 4_001},
        {"type": "message", "text": "x", "payload": "x" * 4_001},
        {"type": "message"},
        {"type": "code", "code": "12345"},
        {"type": "code", "code": "1234567"},
        {"type": "code", "code": "１２３４５６"},
        {"type": "code", "code": "12345\n"},
        {"type": "email", "address": "x" * 255},
        {"type": "shout", "text": "x"},
        {"text": "x"},
    ],
    ids=str,
)
async def test_a_frame_out_of_shape_changes_nothing(shop: Shop, frame: Json) -> None:
    async with shop.visitor() as visitor:
        before = await shop.desk.state(await shop.chat_of(visitor))
        error = await refusal(visitor, client_id=str(uuid.uuid4()), **frame)
        assert error["code"] in {"invalid", "malformed"}
        assert await shop.desk.state(await shop.chat_of(visitor)) == before
        assert (await visitor.say("hello"))["type"] == "ack"


@pytest.mark.parametrize("client_id", ["", "1", "not-a-uuid", "0" * 36, f"{uuid.UUID(int=1, version=4)}\n", None])
async def test_a_client_id_is_a_uuid(shop: Shop, client_id: str | None) -> None:
    async with shop.visitor() as visitor:
        assert (await refusal(visitor, type="message", client_id=client_id, text="x"))["type"] == "error"


async def test_the_longest_message_is_taken(shop: Shop) -> None:
    """4,000 characters of four bytes each, as a browser spells them, fit into a frame of 16 KiB."""
    async with shop.visitor() as visitor:
        frame = {"type": "message", "client_id": str(uuid.uuid4()), "text": "🚲" * 4_000}
        await visitor.socket.send_str(json.dumps(frame, ensure_ascii=False))
        assert (await visitor.answer(frame["client_id"]))["type"] == "ack"


async def test_an_unknown_bot_is_4404_and_a_malformed_one_4400(shop: Shop) -> None:
    for bot, code in ((secrets.token_urlsafe(16), 4404), ("nobody", 4400)):
        async with shop.socket() as socket:
            await socket.send_str(json.dumps({"type": "hello", "bot": bot}))
            assert await closed(socket) == code


async def test_C_11_hello_comes_once(shop: Shop) -> None:
    async with shop.socket() as socket:
        await hello(socket, shop)
        await socket.send_str(json.dumps({"type": "hello", "bot": shop.desk.bot.id}))
        assert await closed(socket) == 4400


async def test_C_9_only_our_own_pages_open_the_socket(shop: Shop) -> None:
    for origin in ("https://evil.example", "null", shop.base + ".evil.example", shop.base.replace("http:", "https:")):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await shop.socket(Origin=origin)
        assert refused.value.status == 403
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await shop.http.ws_connect(f"{shop.base}/ws/visitor")
    assert refused.value.status == 403


async def test_C_10_a_token_in_the_address_is_refused(shop: Shop) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await shop.http.ws_connect(f"{shop.base}/ws/visitor?token=x", headers={"Origin": shop.base})
    assert refused.value.status == 400


async def test_Z_6_a_flood_is_told_and_then_closed(talk: Talk) -> None:
    async with open_shop(talk, rate=0.001, burst=5) as shop, shop.visitor() as visitor:
        for _ in range(40):
            await visitor.send(type="typing", on=True)
        assert (await visitor.of("error"))["code"] == "too_many"
        assert await closed(visitor.socket) == 4429


async def test_Z_6_one_address_begins_a_bounded_number_of_conversations(talk: Talk) -> None:
    async with open_shop(talk, openings=3) as shop:
        for _ in range(3):
            async with shop.visitor():
                pass
        async with shop.visitor(consent=False) as visitor:
            device = secrets.token_urlsafe(32)
            await visitor.send(type="consent", notice=visitor.welcome["notice"]["version"], device=device)
            assert (await visitor.of("error"))["code"] == "too_many"
        assert await shop.stored() == 3


async def test_what_the_host_page_says_is_kept_without_secrets(shop: Shop) -> None:
    async with shop.socket() as socket:
        page = {"url": "https://shop.example/a?token=secret#x", "title": "T", "referrer": "javascript:alert(1)"}
        welcome = await hello(socket, shop, page=page)
        device = secrets.token_urlsafe(32)
        consent = {"type": "consent", "notice": welcome["notice"]["version"], "device": device}
        await socket.send_str(json.dumps(consent))
        conversation = json.loads((await socket.receive(5)).data)["conversation"]
    state = await shop.desk.conversations.state(shop.desk.account.id, conversation)
    assert (state.page.url, state.page.title, state.page.referrer) == ("https://shop.example/a", "T", "")


# Pages and files


async def test_F_1_the_page_may_be_embedded_by_the_bots_sites_only(shop: Shop) -> None:
    sites = ("https://shop.example", "https://*.blue.example")
    await shop.desk.admin.bots.change(shop.desk.account.id, shop.desk.bot.id, sites=sites)
    async with shop.http.get(f"{shop.base}/w/{shop.desk.bot.id}") as answer:
        assert answer.status == 200
        csp = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'self' https://shop.example https://*.blue.example;" in csp + ";"
        assert "unsafe" not in csp
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "X-Frame-Options" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        assert "Harbour Bikes" in await answer.text()


@pytest.mark.parametrize("bot", ["nobody", "a" * 22, "..", "%24ne"])
async def test_a_page_of_no_bot_is_404(shop: Shop, bot: str) -> None:
    async with shop.http.get(f"{shop.base}/w/{bot}") as answer:
        assert answer.status == 404
        assert "Set-Cookie" not in answer.headers


async def test_F_1_host_pages_may_load_the_loader(shop: Shop) -> None:
    async with shop.http.get(f"{shop.base}/widget.js", headers={"Origin": "https://shop.example"}) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer.headers["Cache-Control"] == "public, max-age=300"
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers
        etag = answer.headers["ETag"]
    async with shop.http.get(f"{shop.base}/widget.js", headers={"If-None-Match": etag}) as answer:
        assert answer.status == 304


async def test_the_socket_sets_no_cookie(shop: Shop) -> None:
    async with shop.socket() as socket:
        assert "Set-Cookie" not in socket._response.headers
        await hello(socket, shop)


async def test_MS_2_who_declines_is_shown_the_address_of_the_company(shop: Shop) -> None:
    async with shop.http.get(f"{shop.base}/w/{shop.desk.bot.id}") as answer:
        assert 'data-contact=""' in await answer.text()
    await shop.desk.proof.policies.change(shop.desk.account.id, by=By("olga"), contact="help@blue.example")
    async with shop.http.get(f"{shop.base}/w/{shop.desk.bot.id}") as answer:
        assert 'data-contact="help@blue.example"' in await answer.text()
