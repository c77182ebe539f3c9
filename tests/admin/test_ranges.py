"""Ranges as numbers: what is read, what is refused, and whether looking up is right."""

from ipaddress import IPv4Address, IPv6Address, ip_address, summarize_address_range

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.intervals import Intervals, Segments
from admin.overlaps import Overlaps
from admin.ranges import (
    WIDEST,
    WIDEST_IPV6,
    Span,
    number_of,
    number_of_text,
    read_address,
    read_cidr,
    read_span,
    size_of_union,
    warnings_of,
)
from foundation.errors import Invalid

numbers = st.integers(0, 2**32 - 1)
spans = st.tuples(numbers, numbers).map(lambda ends: Span(min(ends), max(ends)))
near = st.integers(0, 60)
close_spans = st.tuples(near, near).map(lambda ends: Span(min(ends), max(ends)))


@given(numbers)
def test_I_19_what_is_shown_is_read_again(number: int) -> None:
    assert read_address(str(IPv4Address(number))) == number
    assert Span(number, number).start == Span(number, number).end == str(IPv4Address(number))


@pytest.mark.parametrize(
    "text",
    [
        "010.0.0.1", "012.0.0.1", "10.0.0.01", "0x0a.0.0.1", "0x0a.1", "10.1", "127.1", "167772161", "１０.0.0.1",
        "١٠.0.0.1", "10.0.0.1%eth0", "10.0.0.1%25eth0", "10.0.0.1\t", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1\n",
        "10.0.0.1.", "10.0.0.256", "10.0.0.1000", "10.0.0", "", "10.0.0.1:80", "[10.0.0.1]", "::1", "::ffff:10.0.0.1",
        "10.0.0.1/32", "10.0.0.1/8", "-1.0.0.0", "+1.0.0.0", "1e1.0.0.1", "10..0.1", "localhost", "10.0.0.1,10.0.0.2",
    ],
)  # fmt: skip
def test_I_10_YA_6_every_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="IPv4 only") as refused:
        read_address(text, "start")
    assert refused.value.data["field"] == "start"


@pytest.mark.parametrize("value", [167772161, True, None, b"\n\0\0\1", ["10.0.0.1"], {"$gt": ""}, 1.5])
def test_I_15_what_is_no_text_is_no_address(value: object) -> None:
    with pytest.raises(Invalid):
        read_address(value)


def test_YA_5_both_ends_count_and_one_address_is_the_same_value_twice() -> None:
    assert read_span("10.0.0.1", "10.0.0.9").size == 9
    assert read_span("10.0.0.1", "10.0.0.1").size == 1


def test_I_14_an_end_before_the_start_is_refused() -> None:
    with pytest.raises(Invalid) as refused:
        read_span("10.0.0.9", "10.0.0.1")
    assert refused.value.data["field"] == "end"


def test_string_order_is_not_the_order_of_addresses() -> None:
    assert read_span("9.0.0.0", "10.0.0.0").size == 2**24 + 1


@given(st.integers(0, 32), numbers)
def test_YA_5_a_block_becomes_its_first_and_last_address(prefix: int, number: int) -> None:
    size = 2 ** (32 - prefix)
    first = number - number % size
    assert read_cidr(f"{IPv4Address(first)}/{prefix}") == Span(first, first + size - 1)


@pytest.mark.parametrize(
    "text",
    ["10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/255.0.0.0", "10.0.0.0/0.255.255.255",
     "10.0.0.0/-1", "10.0.0.0/8/8", "010.0.0.0/8", "10.0.0.0/8 ", "::/0", "/8", "10.0.0.0/８", None, 8, "::ffff:10.0.0.0/104",
     "::/3", "2001:db8::/129", "2001:db8::/032", "fc00::/6", "2001:db8::1/64"],
)  # fmt: skip
def test_YA_5_what_is_no_block_is_refused(text: object) -> None:
    with pytest.raises(Invalid) as refused:
        read_cidr(text)
    assert refused.value.data["field"] == "cidr"


def test_a_block_that_begins_elsewhere_is_not_guessed_at() -> None:
    with pytest.raises(Invalid, match=r"10\.0\.0\.0/8 for the block, or 10\.0\.0\.1/32"):
        read_cidr("10.0.0.1/8")


def test_I_9_a_mapped_address_counts_as_what_it_maps_and_nothing_else_does() -> None:
    ten = int(IPv4Address("10.0.0.1"))
    assert number_of(IPv4Address("10.0.0.1")) == number_of(IPv6Address("::ffff:10.0.0.1")) == ten
    for other in ("::ffff:10.0.0.1%eth0", "::10.0.0.1", "64:ff9b::a00:1", "::1", "fe80::1%eth0", "2001:db8::1%eth0"):
        assert number_of(IPv6Address(other)) is None
        assert number_of_text(other) is None
    for other in ("2002:a00:1::", "2001:0:a00:1::"):
        assert number_of(IPv6Address(other)) == int(IPv6Address(other)), "6to4 and Teredo are themselves only"
    assert number_of(None) is None


@given(spans, numbers)
def test_I_19_an_address_is_in_a_range_exactly_between_its_ends(span: Span, number: int) -> None:
    found = Segments([(span, "a")]).find(number)
    assert (found == "a") == (span.first <= number <= span.last)
    assert Segments([(span, "a")]).find(span.first) == Segments([(span, "a")]).find(span.last) == "a"


@given(st.lists(close_spans, max_size=12))
def test_I_19_many_ranges_answer_like_looking_through_all_of_them(listed: list[Span]) -> None:
    named = [(span, str(place)) for place, span in enumerate(listed)]
    segments = Segments(named)
    for number in range(-1, 62):
        holding = {name for span, name in named if span.first <= number <= span.last}
        found = segments.find(number)
        assert (found is None) == (not holding)
        assert found is None or found in holding
    assert len(segments) <= len(listed)


@given(st.lists(close_spans, max_size=10))
def test_YA_5_every_overlap_is_found_and_no_other(listed: list[Span]) -> None:
    named = [(span, str(place)) for place, span in enumerate(listed)]
    overlaps = Overlaps(named)
    expected = {
        (one, other)
        for span, one in named
        for other_span, other in named
        if one != other and set(range(span.first, span.last + 1)) & set(range(other_span.first, other_span.last + 1))
    }
    found = {(one, other) for span, one in named for other in overlaps.find(span, 100) if other != one}
    assert found == expected
    for span, one in named:
        assert overlaps.count(span) == 1 + sum(pair[0] == one for pair in expected)
        assert len(overlaps.find(span, 2)) == min(2, overlaps.count(span)), "no more than wanted"


@pytest.mark.parametrize(
    ("start", "end", "private"),
    [
        ("10.1.2.3", "10.1.2.3", True),
        ("172.15.0.0", "172.16.0.0", True),
        ("172.32.0.0", "172.33.0.0", False),
        ("192.168.1.1", "192.168.1.9", True),
        ("100.64.0.0", "100.64.0.1", True),
        ("100.128.0.0", "100.128.0.1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("169.254.0.1", "169.254.0.1", True),
        ("203.0.113.1", "203.0.113.9", False),
        ("9.0.0.0", "11.0.0.0", True),
        ("fd00::1", "fd00::9", True),
        ("2001:db8::1", "2001:db8::9", False),
    ],
)
def test_I_17_private_ranges_are_warned_of_only_without_trusted_proxies(start: str, end: str, private: bool) -> None:
    span = read_span(start, end)
    assert ("range_unreachable_or_shared" in warnings_of(span, trusts_proxies=False)) == private
    assert "range_unreachable_or_shared" not in warnings_of(span, trusts_proxies=True)


def test_I_16_only_more_than_a_slash_8_is_wide() -> None:
    assert read_cidr("11.0.0.0/8").size == WIDEST
    assert "range_is_wide" not in warnings_of(read_cidr("11.0.0.0/8"), trusts_proxies=True)
    assert "range_is_wide" in warnings_of(read_span("11.0.0.0", "12.0.0.0"), trusts_proxies=True)


# IPv6 beside IPv4

hosts = st.one_of(st.integers(2**125, 2**126 - 1), st.integers(0xFC << 120, (0xFE << 120) - 1))


@given(hosts)
def test_YA_6_ipv6_that_is_shown_is_read_again(number: int) -> None:
    shown = str(IPv6Address(number))
    assert read_address(shown) == read_address(shown.upper()) == number == number_of_text(shown)
    assert read_address(IPv6Address(number).exploded) == number, "padded groups mean one thing only (RFC 4291)"
    assert Span(number, number).start == shown


@pytest.mark.parametrize(
    "text",
    [
        "::", "::1", "::2", "::10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::a00:1", "fe80::1", "fe80::1%eth0", "ff02::1",
        "2001:db8::1%1", "[2001:db8::1]", "2001:db8::10.0.0.1", "2001:db8::12345", "2001:db8:::1", "2001:db8::1 ",
        "2001:db8::1/64", "2001:db8::1\n", "2001:db8::g", "1::2::3", "::ffff:10.1", "::ffff:0x0a.0.0.1", "::ffff:10.0.0.1%1",
        "２001:db8::1", "0:0:0:0:0:ffff:10.0.0.1", "4000::1", "fbff::1", "fe00::1",
    ],
)  # fmt: skip
def test_YA_6_ipv6_in_other_forms_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="IPv4 only"):
        read_address(text)


def test_YA_6_in_a_range_the_mapped_form_is_refused_with_the_way_to_write_it() -> None:
    for text in ("::ffff:a00:1", "::FFFF:a00:1", "0:0:0:0:0:ffff:a00:1"):
        assert number_of_text(text) == read_address("10.0.0.1"), "a client with that address is IPv4"
        with pytest.raises(Invalid, match=r"Write it as 10\.0\.0\.1"):
            read_address(text)
    with pytest.raises(Invalid, match="IPv4 only"):
        read_address("::ffff:10.0.0.1")


def test_YA_5_a_range_is_of_one_kind() -> None:
    for start, end in (("10.0.0.1", "2001:db8::1"), ("2001:db8::1", "10.0.0.1"), ("2001:db8::1", "fd00::1")):
        with pytest.raises(Invalid) as refused:
            read_span(start, end)
        assert refused.value.data["field"] == "end"
    assert read_cidr("2001:db8::/32").block == "2001:db8::/32"
    assert read_span("10.0.0.1", "10.0.0.2").block == ""


@given(st.one_of(st.text(alphabet="0123456789.:abcdefx% /[]\n", max_size=20), st.text(max_size=12)))
def test_I_10_the_fast_way_from_text_refuses_what_the_library_refuses(text: str) -> None:
    """Nothing that the standard library's strict parser refuses is read, and what both read is the same."""
    try:
        address = ip_address(text)
    except ValueError:
        assert number_of_text(text) is None
        with pytest.raises(Invalid):
            read_address(text)
    else:
        assert number_of_text(text) == number_of(address)


@given(st.lists(st.integers(0, 2**32 - 1), max_size=4))
def test_I_10_dotted_text_with_zeros_before_a_number_is_never_an_address(parts: list[int]) -> None:
    for spelling in (
        ".".join(f"{part % 256:03d}" for part in parts),
        ".".join(f"{part % 256:o}" for part in parts[:3]),
    ):
        if spelling.count(".") != 3 or any(len(part) > 1 and part[0] == "0" for part in spelling.split(".")):
            assert number_of_text(spelling) is None


class Naive:
    """The oracle: asks every range, by the standard library's networks."""

    def __init__(self, spans: list[Span]) -> None:
        kind = lambda number: (IPv4Address if number < 2**32 else IPv6Address)(number)  # noqa: E731
        self.networks = [net for span in spans for net in summarize_address_range(kind(span.first), kind(span.last))]

    def holds(self, text: str) -> bool:
        address = ip_address(text)
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.networks if network.version == address.version)


near_hosts = st.integers(0, 60).map(lambda number: number + (0x20010DB8 << 96) + 2**64 - 30)
both_kinds = st.one_of(
    close_spans,
    st.tuples(near_hosts, near_hosts).map(lambda ends: Span(min(ends), max(ends))),
    st.just(Span(2**32 - 3, 2**32 - 1)),
)


@given(st.lists(both_kinds, max_size=10))
def test_I_19_merged_intervals_answer_as_the_standard_library_does(spans: list[Span]) -> None:
    oracle, intervals = Naive(spans), Intervals((span.first, span.last) for span in spans)
    segments = Segments((span, str(place)) for place, span in enumerate(spans))
    begin = (0x20010DB8 << 96) + 2**64 - 31
    asked = [str(IPv4Address(number)) for number in (*range(62), *range(2**32 - 5, 2**32))]
    asked += [str(IPv6Address(number)) for number in range(begin, begin + 63)]
    asked += ["::ffff:0.0.0.7", "64:ff9b::7", "2002:0:7::", "fd00::7"]
    for text in asked:
        assert intervals.holds_text(text) == oracle.holds(text), text
        number = number_of_text(text)
        name = None if number is None else segments.find(number)
        assert name == segments.find_text(text)
        assert (name is not None) == oracle.holds(text)
        assert name is None or Naive([spans[int(name)]]).holds(text)
    assert len(intervals) <= len(spans)


@given(st.lists(both_kinds, max_size=10))
def test_I_16_the_size_of_a_union_counts_every_address_once(spans: list[Span]) -> None:
    for ipv6 in (False, True):
        mine = [span for span in spans if span.is_ipv6 == ipv6]
        assert size_of_union(mine) == len({number for span in mine for number in range(span.first, span.last + 1)})


def test_I_16_more_than_a_slash_32_of_ipv6_is_wide() -> None:
    assert read_cidr("2001:db8::/32").size == WIDEST_IPV6
    assert "range_is_wide" not in warnings_of(read_cidr("2001:db8::/32"), trusts_proxies=True)
    assert "range_is_wide" in warnings_of(read_cidr("2001:db8::/31"), trusts_proxies=True)


def test_I_19_a_long_list_answers_as_a_short_one_does() -> None:
    spans = [(number * 1_000, number * 1_000 + 99) for number in range(4_000)]
    long, asked = Intervals(spans), [0, 99, 100, 999, 1_000, 3_999_099, 3_999_100, 2**32 - 1]
    for number in asked:
        short = Intervals([span for span in spans if abs(span[0] - number) < 10_000])
        text = str(IPv4Address(number))
        assert long.holds_text(text) == short.holds_text(text) == long.holds(number) == short.holds(number)
    assert len(long) == 4_000
    for text in ("010.0.0.1", "", "10.1", "\0", "\ud800", "2001:db8::1"):
        assert not long.holds_text(text)


_CROWD = [Span(begin, begin + 9) for begin in range(0, 2**26, 2**26 // 1_500)]
"""Too many to be kept as bytes, and crowded: most of the directory is empty."""
_AT_THE_ENDS = [Span(0, 0), Span(2**32 - 2, 2**32 - 1)]
short_spans = st.tuples(numbers, st.integers(0, 2**17)).map(lambda one: Span(one[0], min(sum(one), 2**32 - 1)))


@given(st.lists(st.one_of(short_spans, st.sampled_from(_AT_THE_ENDS)), max_size=5), st.lists(numbers, max_size=9))
def test_I_19_a_crowded_list_answers_like_looking_through_all_of_it(drawn: list[Span], asked: list[int]) -> None:
    named = [(span, f"{place:04d}") for place, span in enumerate([*drawn, *_CROWD])]
    intervals, segments = Intervals((span.first, span.last) for span, _ in named), Segments(named)
    for span in (*drawn, _CROWD[0], _CROWD[700], _CROWD[-1]):
        asked += [span.first - 1, span.first, span.last, span.last + 1]
    for number in {one for one in asked if 0 <= one < 2**32} | {0, 2**32 - 1}:
        text, holding = str(IPv4Address(number)), {name for span, name in named if span.first <= number <= span.last}
        assert intervals.holds_text(text) is intervals.holds(number) is bool(holding), text
        found = segments.find_text(text)
        assert found == segments.find(number)
        assert (found in holding) if holding else found is None, text
    for text in ("000.0.0.0", "0", "0.0", " 0.0.0.0", "0.0.0.0 ", "0.0.0.0%1", "0.0.0.0\0", "\ud800", "", "::0.0.0.0"):
        assert segments.find_text(text) is None
        assert not intervals.holds_text(text)
    assert segments.find_text("::ffff:0.0.0.1") == segments.find(1)
    assert intervals.holds_text("::ffff:0.0.0.1")
