"""Hashing: strength, exactness, and what happens in a flood (TI-4, A-1, A-2, A-13, Z-8)."""

import asyncio

from admin.passwords import Passwords
from foundation.errors import TooMany
from tests.admin.house import cheap_passwords


async def test_A_1_the_default_strength() -> None:
    stored = await Passwords().hash("tall lamps near the harbour")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")


async def test_A_1_a_hash_of_other_strength_is_outdated() -> None:
    passwords = cheap_passwords()
    assert passwords.is_outdated(await cheap_passwords(memory_kib=128).hash("tall lamps"))
    assert not passwords.is_outdated(await passwords.hash("tall lamps"))


async def test_only_the_same_password_matches_in_any_unicode_form() -> None:
    passwords = cheap_passwords()
    stored = await passwords.hash("café mornings")
    assert await passwords.verify(stored, "cafe\u0301 mornings")
    assert not await passwords.verify(stored, "cafe mornings")


async def test_A_13_nothing_is_cut_off() -> None:
    passwords = cheap_passwords()
    long = "".join(chr(0x61 + place % 26) for place in range(127))
    stored = await passwords.hash(long + "x")
    assert await passwords.verify(stored, long + "x")
    assert not await passwords.verify(stored, long + "y")
    assert not await passwords.verify(stored, long + "x" * 20), "longer than any password"


async def test_A_2_nobody_has_no_password_but_costs_the_same_hash() -> None:
    passwords = cheap_passwords()
    assert not await passwords.verify(None, "")
    assert not await passwords.verify(None, "tall lamps")
    assert passwords._dummy.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert not await passwords.verify("not a hash", "tall lamps")


async def test_Z_8_a_flood_is_refused_before_it_costs_memory() -> None:
    passwords = cheap_passwords(at_once=1, waiting=2)
    results = await asyncio.gather(*(passwords.verify(None, "x") for _ in range(10)), return_exceptions=True)
    refused = [result for result in results if isinstance(result, TooMany)]
    assert len(refused) >= 6
    assert all(problem.data["retry_after"] > 0 for problem in refused)
    assert [result for result in results if not isinstance(result, BaseException)] == [False] * (10 - len(refused))
    assert not await passwords.verify(None, "x"), "and afterwards all is as before"
