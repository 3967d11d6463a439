"""Many sources: hanging ones change nothing for the rest, steps of the clock make one gap, lateness is counted."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from wsla.daemon.bindings import ProbePlan
from wsla.daemon.clock import SystemClock
from wsla.daemon.config import Limits
from wsla.daemon.lateness import BOUNDS, Lateness, LatenessCounts
from wsla.daemon.scheduler import MISSED, SHUTDOWN, Alarm, Slots, SourceRunner
from wsla.daemon.shortage import ENOUGH, SHORT, Shortage
from wsla.sources.http import HttpTarget
from wsla.values.instants import HOUR, MILLISECOND, MINUTE, SECOND
from wsla.values.observations import Observation

START = 1_780_000_000 * SECOND


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time passes only where everybody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0
        selector: Any = self._selector  # type: ignore[attr-defined]
        really = selector.select

        def select(timeout: float | None = None) -> Any:
            self.passed += timeout or 0.0
            return really(0)

        selector.select = select

    def time(self) -> float:
        return self.passed


def in_virtual_time(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


@define
class VirtualClock:
    """The time of a virtual loop, with a machine's wall clock that can be set."""

    wall: int = START

    def system(self) -> SystemClock:
        return SystemClock(lambda: self.wall + self.monotonic(), self.monotonic)

    def monotonic(self) -> int:
        return round(asyncio.get_running_loop().time() * SECOND)


class Looking:
    """A prober that takes as long as it is told."""

    def __init__(self, source: str, lasting: float) -> None:
        self.source, self.lasting = source, lasting
        self.began: list[int] = []

    async def probe(self, at: int) -> Observation:
        await asyncio.sleep(self.lasting)
        return Observation(source=self.source, at=at, fields={"ok": True})

    async def close(self) -> None:
        return


def runner_of(
    name: str,
    every: int,
    lasting: float,
    clock: SystemClock,
    slots: Slots,
    alarm: Alarm,
    told: Callable[..., None],
) -> SourceRunner:
    target = HttpTarget(source=name, url=f"http://{name}.example/", timeout=every)
    plan = ProbePlan(source=name, kind="http", every=every, target=target)
    return SourceRunner("Many", plan, Looking(name, lasting), clock, slots, told, alarm)


def looks_of(count: int, hanging: bool, length: int) -> dict[str, list[tuple[int, int]]]:
    """Of the sources that do not hang: when each look counted, and how late it began."""
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)

    async def main() -> None:
        clock = VirtualClock().system()
        limits = Limits()
        slots, alarm = Slots(limits.concurrency, limits.per_host), Alarm(clock)
        runners: list[SourceRunner] = []
        for number in range(count):
            hangs = hanging and number % 10 == 9

            def told(one: Observation) -> None:
                if int(one.source[3:]) % 10 != 9 and one.failure != SHUTDOWN:
                    assert one.failure is None
                    runner = runners[int(one.source[3:])]
                    found[one.source].append((one.at, runner.lateness))

            lasting = 29.999 if hangs else 0.1
            runners.append(runner_of(f"web{number}", 30 * SECOND, lasting, clock, slots, alarm, told))
        for runner in runners:
            runner.start()
        await asyncio.sleep(length / SECOND)
        await asyncio.gather(*(runner.stop(0) for runner in runners))

    in_virtual_time(main())
    return dict(found)


def test_a_tenth_that_hangs_changes_nothing_for_the_rest() -> None:
    """N12: of a thousand sources a hundred hang for as long as they may; the others are looked at as without them."""
    alone, beside = (looks_of(1_000, hanging, 3 * MINUTE) for hanging in (False, True))
    assert len(alone) == 900
    for found in (alone, beside):
        # Looks that are due within a moment begin together, at its end.
        assert max(late for looks in found.values() for _, late in looks) <= 51 * MILLISECOND
    counted = [{name: [at for at, _ in looks] for name, looks in found.items()} for found in (alone, beside)]
    assert counted[0] == counted[1]
    assert min(len(looks) for looks in alone.values()) >= 5


@pytest.mark.parametrize(
    ("step", "missed"),
    [
        pytest.param(HOUR, 1, id="C1: an hour forward"),
        pytest.param(24 * HOUR, 1, id="C1: a day forward"),
        pytest.param(-HOUR, 0, id="C2: an hour back"),
        pytest.param(-24 * HOUR, 0, id="C2: a day back"),
    ],
)
def test_a_step_of_the_clock_is_one_gap_and_no_burst(step: int, missed: int) -> None:
    """C1, C2: one gap for each source after a step forward, none after one back; looking goes on in order."""
    found: dict[str, list[Observation]] = defaultdict(list)
    at_step: dict[str, int] = {}

    async def main() -> None:
        virtual = VirtualClock()
        clock = virtual.system()
        slots, alarm = Slots(50, 10), Alarm(clock)

        def told(one: Observation) -> None:
            found[one.source].append(one)

        runners = [
            runner_of(f"web{number}", 10 * SECOND, 0.1, clock, slots, alarm, told) for number in range(20)
        ]
        for runner in runners:
            runner.start()
        await asyncio.sleep(65)
        at_step.update({name: len(seen) for name, seen in found.items()})
        virtual.wall += step
        await asyncio.sleep(120)
        await asyncio.gather(*(runner.stop(0) for runner in runners))

    in_virtual_time(main())
    assert len(found) == 20
    for name, seen in found.items():
        assert [one.failure for one in seen].count(MISSED) == missed
        after = len(seen) - at_step[name] - missed
        # A tenth slower while the machine's clock is behind.
        assert 9 <= after <= 13
        instants = [one.at for one in seen]
        assert all(early < late for early, late in pairwise(instants))


def test_a_step_forward_and_back_again_loses_no_order() -> None:
    """C1: an hour forward and, a minute later, back again."""
    instants: list[int] = []

    async def main() -> None:
        virtual = VirtualClock()
        clock = virtual.system()
        runner = runner_of(
            "web", 10 * SECOND, 0.1, clock, Slots(5, 5), Alarm(clock), lambda one: instants.append(one.at)
        )
        runner.start()
        for step in (HOUR, -HOUR):
            await asyncio.sleep(60)
            virtual.wall += step
        await asyncio.sleep(600)
        await runner.stop(0)

    in_virtual_time(main())
    assert len(instants) > 55
    assert all(early < late for early, late in pairwise(instants))


def test_an_alarm_wakes_nobody_early_and_forgets_who_gave_up() -> None:
    async def main() -> list[tuple[int, int]]:
        clock = VirtualClock().system()
        alarm = Alarm(clock)
        woken: list[tuple[int, int]] = []

        async def sleep(instant: int) -> None:
            await alarm.until(instant)
            woken.append((instant, clock.now()))

        begin = clock.now()
        wanted = [begin + length * MILLISECOND for length in (90_000, 10, 11, 500, 12, 40_000, 0)]
        sleepers = [asyncio.create_task(sleep(instant)) for instant in wanted]
        given_up = asyncio.create_task(sleep(begin + SECOND))
        await asyncio.sleep(0.3)
        given_up.cancel()
        await asyncio.gather(*sleepers, given_up, return_exceptions=True)
        # Who comes later and wants to be woken sooner is.
        late = asyncio.create_task(sleep(clock.now() + HOUR))
        await asyncio.sleep(1)
        soon = clock.now() + SECOND
        await sleep(soon)
        late.cancel()
        assert len(woken) == len(wanted) + 1
        return woken

    woken = in_virtual_time(main())
    assert all(0 <= now - instant <= 60 * MILLISECOND for instant, now in woken)


@given(st.lists(st.integers(0, 20 * SECOND), max_size=30), st.integers(0, 3))
def test_lateness_is_counted_in_classes(lengths: list[int], missed: int) -> None:
    lateness = Lateness()
    for late in lengths:
        lateness.note(late)
    for _ in range(missed):
        lateness.note_missed()
    found = lateness.counts()
    assert (sum(found.counts), found.total, found.missed) == (len(lengths), sum(lengths), missed)
    for number, bound in enumerate(BOUNDS):
        assert sum(found.counts[: number + 1]) == sum(late <= bound for late in lengths)


def test_lateness_is_a_histogram_of_prometheus() -> None:
    metrics = pytest.importorskip("wsla.web.metrics", reason="the extra web is not installed")
    counts = (0,) * 3 + (2, 1) + (0,) * (len(BOUNDS) - 4)
    text = "\n".join(
        f"{sample.name}{sample.labels} {sample.value}"
        for sample in metrics._lateness(LatenessCounts(counts=counts, total=130 * MILLISECOND)).samples
    )
    assert re.search(r"_bucket\{'le': '0.025'\} 0", text)
    assert re.search(r"_bucket\{'le': '0.05'\} 2", text)
    assert re.search(r"_bucket\{'le': '\+Inf'\} 3", text)
    assert re.search(r"_sum\{\} 0.13", text)


def test_a_shortage_is_told_once_and_so_is_its_end(clock: Any) -> None:
    """N11: it is told when it begins, and when no look has failed for a minute."""
    told: list[str] = []
    shortage = Shortage(clock, told.append)
    short = Observation(source="web", at=0, failure="observer-resources", reason="no file descriptor")
    fine = Observation(source="web", at=0)
    for one in (fine, short, fine, short, short):
        shortage.note(one)
    assert told == [SHORT]
    clock.time += MINUTE - 1
    shortage.note(fine)
    assert told == [SHORT]
    clock.time += 1
    shortage.note(fine)
    shortage.note(fine)
    assert told == [SHORT, ENOUGH]
    shortage.note(short)
    assert told == [SHORT, ENOUGH, SHORT]
