"""The search door over HTTP: what it streams, whom it refuses, and that nothing of the words stays behind."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.serving import Frontdesk, serving
from tests.talking import Json, Visitor, logged_in

ASKED = "Quetzalcanary"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Frontdesk]:
    with serving(tmp_path_factory.mktemp("search")) as running:
        yield running


@asynccontextmanager
async def person(house: Frontdesk, who: str) -> AsyncIterator[aiohttp.ClientSession]:
    someone = house.person(who)
    async with logged_in(house.base_url, someone["email"], someone["password"]) as session:
        yield session


async def search(
    house: Frontdesk, session: aiohttp.ClientSession, body: Any, *, origin: str | None = None
) -> tuple[int, list[Json]]:
    headers = {"Origin": origin or house.base_url}
    async with session.post(f"{house.base_url}/api/search", json=body, headers=headers) as answer:
        text = await answer.text()
        kind = "application/x-ndjson" if answer.status == 200 else "application/problem+json"
        assert answer.content_type == kind, text
        return answer.status, [json.loads(line) for line in text.splitlines()]


def query(text: str, after: str | None = None) -> Json:
    return {"query": text, "after": after}


async def test_M_13_a_search_streams_what_one_may_see_and_leaves_no_word_behind(house: Frontdesk) -> None:
    """Found with its words by who may see it; not by a colleague without the bot; the words asked for are kept nowhere
    (K-10, SECURITY 3.2)."""
    async with Visitor.at(house.base_url, house.demo["bot"]) as visitor:
        await visitor.say("My Heronword is late")
        await visitor.says("bot", "")
    async with person(house, "super_admin") as boss:
        status, lines = await search(house, boss, query("heronword"))
        assert status == 200
        [found] = [line for line in lines if line["type"] == "found"]
        assert found["count"] == 1
        assert [piece["text"] for piece in found["snippets"][0]["pieces"] if piece["hit"]] == ["Heronword"]
        end = lines[-1]
        assert (end["type"], end["scanned"], end["unreadable"], end["next"]) == ("end", 1, 0, None)
        status, lines = await search(house, boss, query(ASKED))
        assert (status, [line["type"] for line in lines]) == (200, ["progress", "end"])
    async with person(house, "staff") as colleague:
        status, lines = await search(house, colleague, query("heronword"))
        assert (status, lines[-1]["scanned"]) == (200, 0)
        assert [line for line in lines if line["type"] == "found"] == []
    house.stop()
    files = [path for path in Path(house.data).rglob("*") if path.is_file()]
    assert files
    for word in (ASKED, "Heronword"):
        for spelling in (word, word.lower()):
            for encoding in ("utf-8", "utf-16-le"):
                assert [p.name for p in files if spelling.encode(encoding) in p.read_bytes()] == []
    assert ASKED.lower() not in house.log().lower()
    house.start()


async def test_a_search_without_a_session_or_from_another_site_is_refused(house: Frontdesk) -> None:
    async with person(house, "super_admin") as boss:
        assert (await search(house, boss, query("word")))[0] == 200
        assert (await search(house, boss, query("word"), origin="https://evil.example"))[0] == 403
    async with aiohttp.ClientSession() as stranger:
        assert (await search(house, stranger, query("word")))[0] == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"query": "x" * 10_000, "after": None}, 422),
        ({"query": "* " * 100, "after": None}, 422),
        ({"query": "", "after": None}, 422),
        ({"query": {"$ne": ""}, "after": None}, 422),
        ({"query": "word", "after": "forged"}, 400),
        ({"query": "word", "after": 7}, 422),
        ({"query": "word", "account": "other"}, 422),
        ([], 422),
    ],
)
async def test_Z_10_a_bad_question_gets_a_clear_answer(house: Frontdesk, body: Any, status: int) -> None:
    async with person(house, "super_admin") as boss:
        assert (await search(house, boss, query("word")))[0] == 200
        answered, [problem] = await search(house, boss, body)
        assert (answered, problem["status"]) == (status, status)
        assert problem["detail"]


async def test_the_question_stands_in_the_audit_book_as_a_token(house: Frontdesk) -> None:
    async with person(house, "super_admin") as boss:
        await search(house, boss, query(ASKED))
        async with boss.get(f"{house.base_url}/admin/audit") as answer:
            page = await answer.text()
    assert "search" in page.lower()
    assert ASKED.lower() not in page.lower()
