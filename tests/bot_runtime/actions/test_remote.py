"""Custom actions on an action server of the author's (BR-2), spoken to as Rasa speaks to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from bot_runtime.actions import ActionFailed, ActionNotFound, ActionRejected, ActionTimeout, RemoteActions
from tests.bot_runtime.actions.conftest import DOMAIN, call, tracker

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """An action server on loopback that answers as the test says and keeps what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.asked: list[tuple[web.Request, Any]] = []
        self.answer: Answer | web.Response = web.json_response({"events": [], "responses": []})

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request, await request.json()))
        return self.answer if isinstance(self.answer, web.Response) else await self.answer(request)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    serving = Server()
    app = web.Application()
    app.router.add_post("/webhook", serving.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    serving.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhook"
    yield serving
    await runner.cleanup()


@pytest_asyncio.fixture
async def remote(server: Server) -> AsyncIterator[RemoteActions]:
    actions = RemoteActions(server.url)
    yield actions
    await actions.close()


async def test_BR_2_the_call_is_rasas_and_the_result_comes_back(server: Server, remote: RemoteActions) -> None:
    result = {"events": [{"event": "slot", "name": "city", "value": "Rome"}], "responses": [{"text": "hello"}]}
    server.answer = web.json_response(result)

    assert await remote.run(call("action_hello", tracker(city="x"))) == result

    request, body = server.asked[0]
    assert request.content_type == "application/json"
    assert body == {
        "next_action": "action_hello",
        "sender_id": "visitor",
        "tracker": tracker(city="x"),
        "domain": DOMAIN,
        "version": "3.6.21",
    }


async def test_headers_token_and_login_of_the_endpoint_are_sent(server: Server) -> None:
    endpoint = {
        "url": server.url,
        "headers": {"X-Bot": "bikes"},
        "params": {"stage": "test"},
        "token": "abc",
        "basic_auth": {"username": "bot", "password": "word"},
    }
    actions = RemoteActions.of_endpoint(endpoint)
    try:
        await actions.run(call("action_hello"))
    finally:
        await actions.close()

    request, _ = server.asked[0]
    assert request.headers["X-Bot"] == "bikes"
    assert dict(request.query) == {"stage": "test", "token": "abc"}
    assert request.headers["Authorization"] == "Basic Ym90OndvcmQ="


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (400, '{"error": "not now", "action_name": "action_hello"}', (ActionRejected, "not now")),
        (400, "?", (ActionRejected, "rejected")),
        (404, '{"error": "no such", "action_name": "action_hello"}', (ActionNotFound, "no such")),
        (500, '{"error": "boom"}', (ActionFailed, "500: boom")),
        (302, "", (ActionFailed, "302")),
        (200, "not json", (ActionFailed, "no result")),
        (200, "[]", (ActionFailed, "no result")),
        (200, '{"events": {"a": 1}}', (ActionFailed, "no result")),
        (200, '{"events": [1]}', (ActionFailed, "no result")),
        (200, '{"responses": ["text"]}', (ActionFailed, "no result")),
    ],
)
async def test_other_answers_are_errors(
    server: Server, remote: RemoteActions, status: int, body: str, outcome: tuple[type[Exception], str]
) -> None:
    error, told = outcome
    assert await remote.run(call("action_hello")) == {"events": [], "responses": []}
    server.answer = web.Response(status=status, text=body, headers={"Location": "/webhook"} if status == 302 else None)

    with pytest.raises(error, match=told):
        await remote.run(call("action_hello"))
    assert len(server.asked) == 2


async def test_missing_members_are_empty(server: Server, remote: RemoteActions) -> None:
    server.answer = web.json_response({"events": None})

    assert await remote.run(call("action_hello")) == {"events": [], "responses": []}


async def test_an_answer_over_a_megabyte_is_refused(server: Server, remote: RemoteActions) -> None:
    server.answer = web.json_response({"responses": [{"text": "x" * 1_000_000}]})
    assert len((await remote.run(call("action_hello")))["responses"][0]["text"]) == 1_000_000

    server.answer = web.json_response({"responses": [{"text": "x" * 2_000_000}]})
    with pytest.raises(ActionFailed, match="more than 1048576 bytes"):
        await remote.run(call("action_hello"))


async def test_a_server_that_does_not_answer_is_given_up(server: Server) -> None:
    never = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    server.answer = wait
    actions = RemoteActions(server.url, time_limit_s=0.1)
    try:
        with pytest.raises(ActionTimeout):
            await actions.run(call("action_hello"))
    finally:
        never.set()
        await actions.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/webhook", "nonsense", "http://"])
async def test_a_server_that_is_not_there_is_a_failure(url: str) -> None:
    actions = RemoteActions(url)
    try:
        with pytest.raises(ActionFailed, match="cannot be asked"):
            await actions.run(call("action_hello"))
    finally:
        await actions.close()
