"""Looks lie on a grid that never drifts; what is missed is said once; limits hold; every look ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsla.daemon.bindings import ProbePlan
from wsla.daemon.clock import SystemClock
from wsla.daemon.scheduler import MISSED, SHUTDOWN, Slots, SourceRunner, next_tick, phase_of
from wsla.ports import Clock
from wsla.sources.http import HttpTarget
from wsla.values.instants import HOUR, MILLISECOND, SECOND
from wsla.values.observations import Observation


class Look:
    """A prober that takes some time; ``lasting`` is asked for every look, in nanoseconds."""

    def __init__(self, clock: Clock, lasting: Callable[[int], int]) -> None:
        self.clock = clock
        self.lasting = lasting
        self.began: list[int] = []
        self.running = 0
        self.most = 0
        self.closed = asyncio.Event()

    async def probe(self, at: int) -> Observation:
        self.began.append(self.clock.now())
        self.running += 1
        self.most = max(self.most, self.running)
        await self.clock.sleep(self.lasting(len(self.began)))
        self.running -= 1
        return Observation(source="probe", at=at, fields={"ok": True})

    async def close(self) -> None:
        self.closed.set()


class Hanging(Look):
    """A prober that answers only once it is closed."""

    async def probe(self, at: int) -> Observation:
        self.began.append(at)
        await self.closed.wait()
        return Observation(source="probe", at=at, failure=SHUTDOWN, reason="closed")


def plan(every: int, url: str = "http://127.0.0.1:1/") -> ProbePlan:
    return ProbePlan(
        source="probe", kind="http", every=every, target=HttpTarget(source="probe", url=url, timeout=every)
    )


@given(
    st.text(max_size=5),
    st.text(max_size=5),
    st.integers(1, HOUR),
    st.integers(-(2**62), 2**62),
    st.integers(1, 50),
)
def test_ticks_lie_on_one_grid(agreement: str, source: str, every: int, after: int, count: int) -> None:
    phase = phase_of(agreement, source, every)
    assert 0 <= phase < every
    tick = next_tick(after, every, phase)
    assert after < tick <= after + every
    assert (tick - phase) % every == 0
    assert next_tick(tick + (count - 1) * every, every, phase) == tick + count * every


def test_phases_are_stable_and_spread() -> None:
    assert phase_of("Quick", "probe", 30 * SECOND) == phase_of("Quick", "probe", 30 * SECOND)
    phases = sorted(phase_of("Quick", f"probe {number}", 1_000) for number in range(1_000))
    for tenth in range(10):
        assert 50 < sum(100 * tenth <= phase < 100 * (tenth + 1) for phase in phases) < 200


def run(clock: Any, looks: int, every: int, lasting: Callable[[int], int]) -> tuple[list[Observation], Look]:
    """Observations of so many looks under a clock that moves only by sleeping."""
    found: list[Observation] = []

    async def main() -> Look:
        done = asyncio.Event()

        def ended(observation: Observation) -> None:
            found.append(observation)
            if len(found) == looks:
                done.set()

        look = Look(clock, lasting)
        runner = SourceRunner("Quick", plan(every), look, clock, Slots(5, 5), ended)
        runner.start()
        await asyncio.wait_for(done.wait(), 10)
        await runner.stop(0)
        return look

    look = asyncio.run(main())
    return found[:looks], look


def test_it_does_not_drift(clock: Any) -> None:
    observations, _ = run(clock, 50, SECOND, lambda number: 300 * MILLISECOND + number)
    instants = [one.at for one in observations]
    assert [late - early for early, late in pairwise(instants)] == [SECOND] * 49
    assert all(one.failure is None for one in observations)


def test_what_is_missed_is_one_observation_and_no_burst(clock: Any) -> None:
    observations, look = run(clock, 6, SECOND, lambda number: HOUR if number == 2 else 10 * MILLISECOND)
    assert [one.failure for one in observations] == [None, None, MISSED, None, None, None]
    missed, after = observations[2], observations[3]
    assert missed.at == observations[1].at + SECOND
    assert set(missed.fields.values()) == {None}
    assert missed.reason
    assert after.at > observations[1].at + HOUR
    assert (after.at - missed.at) % SECOND == 0
    assert len(look.began) in (5, 6)


def test_a_late_look_has_the_time_at_which_it_began(clock: Any) -> None:
    observations, look = run(
        clock, 3, SECOND, lambda number: 1500 * MILLISECOND if number == 1 else MILLISECOND
    )
    assert observations[1].at == look.began[1]
    assert observations[1].at - observations[0].at == 1500 * MILLISECOND
    assert observations[2].at - observations[0].at == 2 * SECOND


@pytest.mark.parametrize(("concurrency", "per_host", "most"), [(3, 10, 3), (10, 2, 2), (4, 4, 4)])
def test_limits_hold(concurrency: int, per_host: int, most: int) -> None:
    async def main() -> int:
        clock = SystemClock()
        slots = Slots(concurrency, per_host)
        look = Look(clock, lambda _: 30 * MILLISECOND)
        count = 0

        def ended(_: Observation) -> None:
            nonlocal count
            count += 1

        names = [f"agreement {number}" for number in range(12)]
        runners = [SourceRunner(name, plan(200 * MILLISECOND), look, clock, slots, ended) for name in names]
        for runner in runners:
            runner.start()
        while count < 30:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(runner.stop(1) for runner in runners))
        return look.most

    assert asyncio.run(main()) <= most


def test_a_slow_host_takes_no_slots_from_others() -> None:
    async def main() -> tuple[int, int]:
        clock = SystemClock()
        slots = Slots(4, 2)
        hanging = Hanging(clock, lambda _: 0)
        quick = Look(clock, lambda _: MILLISECOND)
        names = [f"agreement {number}" for number in range(8)]
        runners = [
            SourceRunner(
                name, plan(50 * MILLISECOND, "http://slow.example/"), hanging, clock, slots, lambda _: None
            )
            for name in names
        ]
        runners.append(
            SourceRunner(
                "quick", plan(50 * MILLISECOND, "http://quick.example/"), quick, clock, slots, lambda _: None
            )
        )
        for runner in runners:
            runner.start()
        while len(quick.began) < 5:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(runner.stop(0) for runner in runners))
        return len(hanging.began), len(quick.began)

    hanging, quick = asyncio.run(asyncio.wait_for(main(), 20))
    assert hanging == 2
    assert quick >= 5


def test_stopping_ends_every_look_that_was_due() -> None:
    found: list[Observation] = []

    async def main() -> None:
        clock = SystemClock()
        slots = Slots(1, 1)
        hanging = Hanging(clock, lambda _: 0)
        runners = [
            SourceRunner(name, plan(HOUR), hanging, clock, slots, found.append)
            for name in ("one", "two", "three")
        ]
        for runner in runners[:2]:
            runner.pending = clock.now()
        for runner in runners:
            runner.start()
        while not hanging.began:
            await asyncio.sleep(0.01)
        await asyncio.gather(*(runner.stop(0.05) for runner in runners))
        assert all(runner.pending is None for runner in runners)

    asyncio.run(main())
    # One was looking, one waited for its turn, one was not due: it has nothing to tell.
    assert [one.failure for one in found] == [SHUTDOWN, SHUTDOWN]


def test_a_prober_that_fails_is_the_observers_fault(clock: Any) -> None:
    def fails(_: int) -> int:
        raise RuntimeError("broken")

    observations, _ = run(clock, 2, SECOND, fails)
    assert {one.failure for one in observations} == {"observer-internal"}
