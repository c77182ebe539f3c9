"""Rounds of `kill -9` in the middle of bursts, on each engine (issue 3).

The number of rounds is small here and is set by `FRONTDESK_TEST_ROUNDS`; 200 take about ten minutes an engine. Bursts on
MongoDB are short, because the server of the tests reads all that is stored for each message.
"""

import asyncio
import os
import random
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.mongo import store_settings
from tests.serving import Frontdesk
from tests.talking import Visitor

ROUNDS = int(os.environ.get("FRONTDESK_TEST_ROUNDS", "4"))
LONGEST_BURST = {"sqlite": 60, "mongo": 12}
FAST_TALKERS = {"FRONTDESK_WEB__FRAMES_PER_SECOND": "100000", "FRONTDESK_WEB__FRAMES_BURST": "100000"}


@pytest.mark.timeout(60 + 20 * ROUNDS)
@pytest.mark.parametrize("engine", ["sqlite", "mongo"])
async def test_what_is_acknowledged_is_stored_once_and_in_order_however_often_the_server_is_killed(
    tmp_path: Path, engine: str, counted: Callable[..., None]
) -> None:
    """Unacknowledged messages are sent again under their ids and appear once; the log has no gap."""
    stores = store_settings(tmp_path) if engine == "mongo" else {}
    house = Frontdesk(tmp_path / "data", {**stores, **FAST_TALKERS})
    await asyncio.to_thread(house.init)
    chance = random.Random(7)  # noqa: S311 - the same bursts each time
    device: str | None = None
    waiting: list[tuple[str, str]] = []
    written = acknowledged = 0
    for _ in range(ROUNDS):
        await asyncio.to_thread(house.start)
        burst = chance.randint(1, LONGEST_BURST[engine])
        kill_at = chance.randint(0, burst)
        async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
            device = visitor.device
            waiting += [(str(uuid.uuid4()), f"message {written + n}") for n in range(burst)]
            written += burst
            for client_id, text in waiting:
                await visitor.send(type="message", client_id=client_id, text=text)
            killed = 0
            try:
                while waiting:
                    if killed == kill_at:
                        await asyncio.to_thread(house.kill)
                    assert (await visitor.answer(waiting[0][0]))["type"] == "ack"
                    waiting.pop(0)
                    killed, acknowledged = killed + 1, acknowledged + 1
            except ConnectionResetError:
                pass
        await asyncio.to_thread(house.kill)
    await asyncio.to_thread(house.start)
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        for client_id, text in waiting:
            await visitor.send(type="message", client_id=client_id, text=text)
            assert (await visitor.answer(client_id))["type"] == "ack"
    async with Visitor.at(house.base_url, house.demo["bot"], device=device) as visitor:
        await visitor.says("visitor", f"message {written - 1}")
        said = [text for by, text in visitor.texts() if by == "visitor"]
    assert said == [f"message {n}" for n in range(written)]
    await asyncio.to_thread(house.stop)
    examined = await asyncio.to_thread(house.run, "doctor", "--full", "--json")
    assert '"damaged"' not in examined.stdout
    assert "are what was written" in examined.stdout
    counted(rounds=ROUNDS, messages=written, acknowledged_before_a_kill=acknowledged, sent_again=written - acknowledged)
