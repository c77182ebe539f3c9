"""The house's time goes forward, whatever is done to the machine's clock (issue 3)."""

import logging
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from foundation.clock import ForwardTime

SECOND = 10**9
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
BEGIN = 1_800_000_000 * SECOND


class Machine:
    """A machine whose clock can be set."""

    def __init__(self) -> None:
        self.off = 0
        self.passed = 0
        self.time = ForwardTime(lambda: BEGIN + self.off + self.passed, lambda: self.passed)

    def pass_(self, nanoseconds: int) -> int:
        self.passed += nanoseconds
        return self.time.now_ns()


def test_it_is_the_machines_time_as_long_as_that_goes_forward() -> None:
    machine = Machine()
    assert [machine.pass_(SECOND) for _ in range(3)] == [BEGIN + SECOND * n for n in (1, 2, 3)]
    machine.off = HOUR
    assert machine.pass_(SECOND) == BEGIN + HOUR + 4 * SECOND, "a step forward is believed"


def test_an_hour_back_makes_nothing_an_hour_late_and_nothing_valid_for_an_hour_more() -> None:
    machine = Machine()
    before = machine.pass_(SECOND)
    machine.off = -HOUR
    assert machine.pass_(10 * MINUTE) - before == 9 * MINUTE
    assert machine.pass_(0) - before == 9 * MINUTE, "looking does not move it"


def test_the_machine_catches_up_and_is_followed_again(caplog: pytest.LogCaptureFixture) -> None:
    machine = Machine()
    machine.pass_(SECOND)
    machine.off = -HOUR
    with caplog.at_level(logging.WARNING):
        for _ in range(9 * 60):
            machine.pass_(MINUTE)
        assert machine.pass_(0) > BEGIN + machine.off + machine.passed
        for _ in range(70):
            machine.pass_(MINUTE)
    assert machine.pass_(0) == BEGIN + machine.off + machine.passed
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1, "it is said once"
    assert "set back by 35" in told[0]


@given(some.lists(some.tuples(some.integers(-2 * HOUR, 2 * HOUR), some.integers(0, HOUR)), max_size=30))
def test_it_never_runs_back_and_never_stands_still(steps: list[tuple[int, int]]) -> None:
    machine = Machine()
    shown = [machine.pass_(0)]
    for step, passes in steps:
        machine.off += step
        shown.append(machine.pass_(passes))
        assert shown[-1] - shown[-2] >= passes * 9 // 10
        assert shown[-1] >= BEGIN + machine.off + machine.passed
    assert all(earlier <= later for earlier, later in pairwise(shown))
