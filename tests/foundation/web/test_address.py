"""SECURITY 2.2: who the client is. The pure rule, then the same over real sockets."""

import ipaddress
import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from foundation.web import PUBLIC, Route, client_address, limit_key, parse_address, resolve_client

CLIENT = "10.0.0.1"
STRANGER = "203.0.113.9"
PROXY = "127.0.0.1"
TRUSTED = (ip_network("127.0.0.1/32"), ip_network("192.0.2.7/32"), ip_network("2001:db8::/64"))

addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


def test_I_1_headers_of_a_stranger_are_not_read() -> None:
    assert resolve_client(STRANGER, [CLIENT], ()) == IPv4Address(STRANGER)
    assert resolve_client(STRANGER, [CLIENT], TRUSTED) == IPv4Address(STRANGER)


def test_I_2_a_trusted_proxy_is_believed() -> None:
    assert resolve_client(PROXY, [CLIENT], TRUSTED) == IPv4Address(CLIENT)


def test_I_3_the_right_most_untrusted_hop_is_the_client() -> None:
    assert resolve_client(PROXY, [f"{CLIENT}, {STRANGER}"], TRUSTED) == IPv4Address(STRANGER)


def test_I_4_all_lines_of_the_header_count() -> None:
    assert resolve_client(PROXY, [CLIENT, STRANGER], TRUSTED) == IPv4Address(STRANGER)


def test_I_5_trusted_hops_are_walked_over() -> None:
    assert resolve_client(PROXY, [f"{CLIENT}, {STRANGER}, 192.0.2.7"], TRUSTED) == IPv4Address(STRANGER)


def test_I_8_a_long_list_is_neither_believed_nor_slow() -> None:
    began = time.perf_counter()
    assert resolve_client(PROXY, ["," * 8_000], TRUSTED) is None
    assert resolve_client(PROXY, [", ".join([CLIENT] + [PROXY] * 500)], TRUSTED) is None
    assert resolve_client(PROXY, [", ".join([CLIENT] + [PROXY] * 19)], TRUSTED) == IPv4Address(CLIENT)
    assert resolve_client(PROXY, [", ".join([CLIENT] + [PROXY] * 20)], TRUSTED) is None
    assert time.perf_counter() - began < 0.05


def test_I_9_a_mapped_peer_is_the_same_host() -> None:
    assert resolve_client(f"::ffff:{CLIENT}", [], ()) == IPv4Address(CLIENT)
    assert resolve_client("::ffff:127.0.0.1", [CLIENT], TRUSTED) == IPv4Address(CLIENT)


@pytest.mark.parametrize("hop", [
    "010.0.0.1", "012.0.0.1", "0x0a.0.0.1", "10.1", "167772161", "１０.0.0.1", "10.0.0.1%25eth0", "10.0.0.1\t",
    "10.0.0.1%eth0", "::ffff:10.0.0.1%eth0", "[::1]", "10.0.0.1:443", "10.0.0.1.", "", "unknown", "_hidden",
    "٠.0.0.1", "10.0.0.1\n", "10.0.0.0/8", "True",
])  # fmt: skip
def test_I_10_a_hop_that_is_no_plain_address_is_nobody(hop: str) -> None:
    assert resolve_client(PROXY, [hop], TRUSTED) is None
    assert resolve_client(PROXY, [f"{CLIENT}, {hop}"], TRUSTED) is None


@pytest.mark.parametrize("embedding", ["2002:a00:1::", "64:ff9b::a00:1", "::10.0.0.1", "2001:0:a00:1::"])
def test_I_10_no_other_embedding_is_unwrapped(embedding: str) -> None:
    assert resolve_client(embedding, [], ()) == IPv6Address(embedding)


@pytest.mark.parametrize("peer", [None, "", "/run/frontdesk.sock", "fe80::1%eth0"])
def test_I_20_a_peer_without_an_address_is_nobody(peer: str | None) -> None:
    assert resolve_client(peer, [CLIENT], ()) is None
    assert resolve_client(peer, [CLIENT], TRUSTED) is None


def test_a_trusted_proxy_without_the_header_is_nobody() -> None:
    """The proxy is not the client, and who is cannot be known."""
    assert resolve_client(PROXY, [], TRUSTED) is None
    assert resolve_client(PROXY, ["192.0.2.7"], TRUSTED) is None


@given(addresses)
def test_I_19_reading_what_was_written_gives_the_same(address: IPv4Address | IPv6Address) -> None:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    assert parse_address(str(address)) == (mapped or address)


@given(
    st.one_of(
        st.lists(st.integers(0, 300), min_size=2, max_size=5).map(lambda parts: ".".join(map(str, parts))),
        st.text(alphabet="0123456789.:abcdefx% /\n\0\ud800", max_size=20),
    )
)
def test_I_10_nothing_is_read_that_the_standard_library_refuses(text: str) -> None:
    try:
        address = ip_address(text)
    except ValueError:
        assert parse_address(text) is None
    else:
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        assert parse_address(text) == (None if "%" in text else mapped or address)


@given(addresses, st.lists(st.text(max_size=40), max_size=5))
def test_without_trusted_proxies_no_header_matters(peer: IPv4Address | IPv6Address, lines: list[str]) -> None:
    assert resolve_client(str(peer), lines, ()) == parse_address(str(peer))


@given(st.lists(addresses, max_size=25), st.sampled_from([", ", ",", " ,  "]), st.integers(1, 4))
def test_the_client_equals_an_independent_oracle(hops: list, comma: str, lines: int) -> None:
    """The list is split over several lines at any place; the answer does not change."""
    texts = [str(hop) for hop in hops]
    size = max(1, len(texts) // lines)
    header = [comma.join(texts[at : at + size]) for at in range(0, len(texts), size)]
    expected = None
    for text in list(reversed(texts))[:20]:
        address = ipaddress.ip_address(text)
        if address.version == 6 and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not any(address in network for network in TRUSTED):
            expected = address
            break
    assert resolve_client(PROXY, header, TRUSTED) == expected


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=4))
def test_nothing_raises_whatever_is_sent(peer: str, lines: list[str]) -> None:
    found = resolve_client(peer, lines, TRUSTED)
    assert found is None or isinstance(found, IPv4Address | IPv6Address)


async def who(request: web.Request) -> web.Response:
    return web.json_response([str(client_address(request)), limit_key(request)])


ROUTE = Route("GET", "/who", who, PUBLIC, "api")


@pytest.mark.parametrize(("lines", "client"), [
    (["X-Forwarded-For: 10.0.0.1"], "10.0.0.1"),
    (["X-Forwarded-For: 10.0.0.1, 203.0.113.9"], STRANGER),
    (["X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 203.0.113.9"], STRANGER),
    (["x-forwarded-for: 203.0.113.9", "X-FORWARDED-FOR: 10.0.0.1"], "10.0.0.1"),
    (["X-Forwarded-For: 010.0.0.1"], "None"),
    (["X-Forwarded-For: 10.0.0.1\t, 127.0.0.1"], "None"),
    ([], "None"),
])  # fmt: skip
async def test_I_4_the_rule_holds_on_the_wire(house, lines: list[str], client: str) -> None:
    here = await house(ROUTE, settings={"trusted_proxies": (ip_network("127.0.0.0/30"),)})
    found, key = (await here.raw(here.get("/who", *lines))).json()
    assert found == client
    assert key == (client if client != "None" else "127.0.0.1")


@pytest.mark.parametrize("header", [
    "X-Real-IP: 10.0.0.1", "X-Client-IP: 10.0.0.1", "True-Client-IP: 10.0.0.1", "CF-Connecting-IP: 10.0.0.1",
    "Forwarded: for=10.0.0.1", "X-Originating-IP: 10.0.0.1", "X_Forwarded_For: 10.0.0.1",
])  # fmt: skip
async def test_I_6_no_other_header_is_read(house, header: str) -> None:
    here = await house(ROUTE, settings={"trusted_proxies": (ip_network("127.0.0.1"),)})
    assert (await here.raw(here.get("/who", header))).json()[0] == "None"
    assert (await here.raw(here.get("/who", header, "X-Forwarded-For: 203.0.113.9"))).json()[0] == STRANGER


async def test_I_1_peers_are_told_apart_on_the_wire(house) -> None:
    """Only 127.0.0.1 is trusted; 127.0.0.2 says the same and is taken for itself."""
    here = await house(ROUTE, settings={"trusted_proxies": (ip_network("127.0.0.1"),)})
    request = here.get("/who", "X-Forwarded-For: 10.0.0.1")
    assert (await here.raw(request, source="127.0.0.1")).json()[0] == "10.0.0.1"
    assert (await here.raw(request, source="127.0.0.2")).json()[0] == "127.0.0.2"


async def test_I_8_a_header_of_8000_commas_is_answered_at_once(house) -> None:
    here = await house(ROUTE, settings={"trusted_proxies": (ip_network("127.0.0.1"),)})
    began = time.perf_counter()
    answer = await here.raw(here.get("/who", "X-Forwarded-For: " + "," * 8_000))
    assert answer.json()[0] == "None"
    assert time.perf_counter() - began < 0.5


async def test_another_header_can_be_named(house) -> None:
    here = await house(ROUTE, settings={"trusted_proxies": (ip_network("127.0.0.1"),), "forwarded_header": "X-Real-IP"})
    answer = await here.raw(here.get("/who", "X-Real-IP: 10.0.0.1", "X-Forwarded-For: 203.0.113.9"))
    assert answer.json()[0] == "10.0.0.1"
