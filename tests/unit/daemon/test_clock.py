"""The daemon's time never goes back, jumps forward with the machine, and comes back to it slowly."""

from __future__ import annotations

from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from wsla.daemon.clock import SystemClock
from wsla.values.instants import HOUR, MINUTE, SECOND

START = 1_780_000_000 * SECOND


@define
class Machine:
    """A machine whose two clocks are set by hand."""

    wall: int = START
    monotonic: int = 5 * SECOND

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.monotonic)

    def passes(self, length: int) -> None:
        self.wall += length
        self.monotonic += length


def test_it_follows_the_machine() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.passes(MINUTE)
    assert clock.now() == START + MINUTE
    assert clock.monotonic() == 5 * SECOND + MINUTE


def test_a_jump_forward_is_taken_over_at_once() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall += HOUR
    assert clock.now() == START + HOUR


def test_after_a_step_back_time_goes_on_slower_until_it_agrees() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.wall -= HOUR
    assert clock.now() == START
    machine.passes(10 * MINUTE)
    assert clock.now() == START + 9 * MINUTE
    assert clock.stepped_back == 1
    machine.passes(10 * HOUR)
    assert clock.now() == machine.wall + 0
    machine.passes(SECOND)
    assert clock.now() == machine.wall


def test_it_can_be_held_behind_an_instant() -> None:
    clock = Machine().clock()
    assert clock.hold(START - 1) == 0
    assert clock.hold(START + MINUTE) == MINUTE + 1
    assert clock.now() > START + MINUTE


@given(st.lists(st.tuples(st.integers(-HOUR, HOUR), st.integers(0, HOUR)), max_size=30))
def test_it_never_goes_back(steps: list[tuple[int, int]]) -> None:
    machine = Machine()
    clock = machine.clock()
    last = clock.now()
    for step, passed in steps:
        machine.wall += step
        machine.passes(passed)
        now = clock.now()
        assert now >= last
        assert now >= machine.wall
        last = now
