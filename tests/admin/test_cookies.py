"""Signed cookies and the paths that a login may lead to."""

import pytest

from admin.cookies import Signer, is_our_path
from foundation.clock import MINUTE
from tests.admin.house import House


@pytest.mark.parametrize(
    "path",
    ["/t/" + "A" * 43, "/t/" + "A" * 43 + "?format=txt", "/console", "/console?x=1", "/admin", "/admin/",
     "/admin/people?after=a",
     "/admin/bots/" + "A" * 22],
)  # fmt: skip
def test_YA_1_our_own_pages_may_be_returned_to(path: str) -> None:
    assert is_our_path(path)


@pytest.mark.parametrize(
    "path",
    ["", "/", "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/t", "/consolex",
     "/adminx",
     "/login", "/logout", "/api/admin/ranges", "/t/../login", "/t/..", "/t/a\r\nSet-Cookie: x=1", "/t/a b", "/t/é",
     "/t/<x>",
     "/t/" + "A" * 2000, "/admin#x", "/admin@evil.example", "/console:80"],
)  # fmt: skip
def test_nothing_else_may(path: str) -> None:
    assert not is_our_path(path)


async def test_what_is_signed_is_read_for_its_purpose_and_in_its_time(house: House) -> None:
    signer = Signer(house.keyring, house.clock)
    value = await signer.sign("return", "/t/ä?", MINUTE)
    assert await signer.read("return", value) == "/t/ä?"
    assert await signer.read("device", value) is None
    for place in range(0, len(value), 5):
        other = "A" if value[place] != "A" else "B"
        assert await signer.read("return", value[:place] + other + value[place + 1 :]) is None
    for nonsense in (None, "", ".", "..", "a.b", "é.1.x", value + "=", "x" * 5000):
        assert await signer.read("return", nonsense) is None
    await house.clock.advance(MINUTE - 1)
    assert await signer.read("return", value)
    await house.clock.advance(1)
    assert await signer.read("return", value) is None


async def test_another_installation_does_not_believe_it(build_house) -> None:
    one, other = await build_house(empty=True), await build_house(empty=True)
    value = await Signer(one.keyring, one.clock).sign("return", "/admin", MINUTE)
    assert await Signer(one.keyring, one.clock).read("return", value) == "/admin"
    assert await Signer(other.keyring, other.clock).read("return", value) is None
