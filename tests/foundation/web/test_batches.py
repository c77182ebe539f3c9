"""A long history goes out in parts: nothing is left out, nothing comes twice, and no part is much larger than it may be."""

import json

import pytest

from foundation.web import batches


@pytest.mark.parametrize("size", [1, 10, 11, 12, 100, 1_000])
def test_all_events_are_in_one_part_each_in_order(size: int) -> None:
    events = [(seq, {"n": seq} if seq % 3 else None) for seq in range(1, 40)]
    parts = list(batches(events, size))
    shown = [json.loads(bytes(raw)) for _, part in parts for raw in part]
    assert shown == [view for _, view in events if view is not None]
    assert [seq for seq, _ in parts] == sorted({seq for seq, _ in parts})
    assert parts[-1][0] == 39, "also what is not shown counts as seen"
    for seq, part in parts:
        assert sum(map(len, part[:-1])) < size
        assert not part or json.loads(bytes(part[-1]))["n"] <= seq


def test_nothing_is_no_part_and_what_is_not_shown_is_an_empty_one() -> None:
    assert list(batches([])) == []
    assert list(batches([(7, None), (8, None)])) == [(8, [])]
