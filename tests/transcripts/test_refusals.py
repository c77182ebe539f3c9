"""Strangers at `/t/`: what they cost is bounded, everything is accounted for, and nobody who may read is locked out."""

import re

from foundation.clock import MINUTE
from foundation.ids import new_secret
from foundation.web import parse_address
from tests.transcripts.house import SAID, House
from transcripts.refusals import MOST, ROWS, Refusals

HERE = "127.0.0.1"
LISTED = "127.0.0.2"


async def test_A_3_many_guesses_are_counted_and_not_written_one_by_one(house: House) -> None:
    for _ in range(ROWS + 12):
        assert (await house.ask(f"/t/{new_secret()}")).status == 303
    await house.guard.refusals.write_counts()
    book = await house.book("")
    assert [one.action for one in book] == ["transcript.login"] * ROWS + ["transcript.refused_often"]
    assert (book[-1].address, book[-1].data["attempts"]) == (HERE, 12)
    await house.guard.refusals.write_counts()
    assert len(await house.book("")) == ROWS + 1


async def test_A_3_a_flood_is_answered_429_for_known_and_unknown_links_alike(house: House) -> None:
    await flood(house, HERE)
    unknown, known = await house.ask(f"/t/{new_secret()}"), await house.ask(house.path)
    nonce = re.compile(rb'nonce="[^"]+"')
    assert (unknown.status, nonce.sub(b"", unknown.body)) == (known.status, nonce.sub(b"", known.body))
    assert (known.status, "Retry-After" in known.headers) == (429, True)
    assert (await house.ask(house.path, source="127.0.0.3")).status == 303
    await house.clock.advance(MINUTE + 1)
    assert (await house.ask(house.path)).status == 303


async def test_A_3_who_may_read_is_never_locked_out_by_others_at_his_address(house: House) -> None:
    await house.allow("shop", LISTED)
    await flood(house, LISTED)
    assert (await house.ask(f"/t/{new_secret()}", source=LISTED)).status == 429
    assert SAID in (await house.ask(house.path, source=LISTED)).text
    assert SAID in (await house.ask(house.path, who="ann", source=LISTED)).text


async def flood(house: House, source: str) -> None:
    """As many refusals as an address has before 429; said to the counter itself, to save the time of so many requests."""
    address = parse_address(source)
    for _ in range(MOST):
        house.guard.refusals.is_written("", "", address)


async def test_one_network_of_ipv6_counts_as_one_and_the_memory_is_bounded(house: House) -> None:
    refusals = Refusals(house.admin.audit, house.clock, rows=1, most=1_000_000)
    written = [refusals.is_written("", "", parse_address(f"2001:db8::{number:x}")) for number in range(1, 50)]
    assert written == [True] + [False] * 48
    for number in range(6_000):
        address = parse_address(f"10.0.{number // 250}.{number % 250}")
        refusals.is_written("", "", address)
        refusals.is_written("", "", address)
    assert len(refusals._counted) <= 5_001
    before = await house.admin.audit.last("")
    await refusals.write_counts()
    entries = await house.admin.audit.read("", before, 10_000)
    assert sum(entry.data["attempts"] for _, entry in entries) == 48 + 6_000
