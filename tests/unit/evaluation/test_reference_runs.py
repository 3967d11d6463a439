"""Outages, longest runs, counters, less common functions and idle formulas: rules M31 to M35, in both engines."""

from __future__ import annotations

from fractions import Fraction

import pytest

from wsla.analysis.operations import TimeFilter
from wsla.analysis.types import NumberType
from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.verdicts import SeriesValue
from wsla.testing.plans import BOOLEAN, NUMBER, PlanBuilder, observe
from wsla.values.calendars import ExactWindow, RollingWindow
from wsla.values.instants import HOUR, MINUTE, SECOND
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

APRIL = 1_775_001_600 * SECOND  # 2026-04-01T00:00Z
EACH_HOUR = ExactWindow(HOUR)
MILLION = 1_000_000


def probe(*, staleness: int | None = None) -> PlanBuilder:
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"ok": BOOLEAN, "total": NUMBER, "failed": NUMBER}, staleness=staleness)
    return build


def states(*changes: tuple[int, bool | None]) -> list[Observation]:
    """``(minute, is it up)``, or None for unknown."""
    return [observe("probe", APRIL + minute * MINUTE, ok=up) for minute, up in changes]


def counts(*readings: tuple[int, int | None]) -> list[Observation]:
    """``(minute, what the counter shows)``."""
    return [
        observe("probe", APRIL + minute * MINUTE, total=None if total is None else total * MILLION)
        for minute, total in readings
    ]


def judged(
    build: PlanBuilder, index: int, seen: list[Observation], hours: int = 1, *, cut: int = 0
) -> list[SeriesValue]:
    """The values of the hours, by the rules; the stream has to give the same. ``cut``: minutes off the end."""
    build.metrics["m"] = index
    plan, until = build.build(), APRIL + hours * HOUR - cut * MINUTE
    outcome = evaluate(plan, seen, APRIL, until)
    stream = StreamEvaluator(plan, APRIL)
    for observation in seen:
        stream.observe(observation)
    assert stream.outcome(until) == outcome
    return [point.value for point in outcome.metrics["m"]]


def value(lower: object, middle: object, upper: object, coverage: object = 1) -> SeriesValue:
    return SeriesValue(value=middle, lower=lower, upper=upper, coverage=Fraction(coverage))  # type: ignore[arg-type]


# Outages (M32)


def outages(build: PlanBuilder, **rest: TimeFilter) -> int:
    return build.aggregate("outages", build.field("probe", "ok"), EACH_HOUR, **rest)


def test_each_fall_is_an_outage() -> None:
    build = probe()
    seen = states((0, True), (10, False), (20, True), (30, False), (31, True))
    assert judged(build, outages(build), seen) == [value(2, 2, 2)]


def test_an_outage_counts_in_the_window_in_which_it_starts() -> None:
    build = probe()
    seen = states((0, True), (50, False), (70, True))
    assert judged(build, outages(build), seen, 2) == [value(1, 1, 1), value(0, 0, 0)]


def test_one_that_starts_on_the_edge_counts_in_the_later_window() -> None:
    build = probe()
    assert judged(build, outages(build), states((0, True), (60, False)), 2) == [
        value(0, 0, 0),
        value(1, 1, 1),
    ]


def test_unknown_time_does_not_split_an_outage() -> None:
    build = probe()
    seen = states((0, True), (10, False), (20, None), (30, False), (40, True))
    assert judged(build, outages(build), seen) == [value(1, 1, None, Fraction(5, 6))]


def test_unknown_time_before_it_does_not_hide_an_outage() -> None:
    build = probe()
    seen = states((0, True), (10, None), (30, False))
    assert judged(build, outages(build), seen) == [value(1, 1, None, Fraction(2, 3))]


def test_being_down_from_the_first_sample_is_an_outage() -> None:
    build = probe()
    assert judged(build, outages(build), states((0, False))) == [value(1, 1, 1)]


def test_nothing_known_is_unknown() -> None:
    build = probe()
    assert judged(build, outages(build), []) == [value(0, None, None, 0)]


@pytest.mark.parametrize(
    ("changes", "number"),
    [
        # 00:20 to 00:40 is cut: an outage within it does not count, one that outlives it starts at its end,
        (((0, True), (25, False), (35, True)), 0),
        (((0, True), (25, False), (50, True)), 1),
        # and one that lasts through it, or seems to, is one.
        (((0, True), (10, False), (50, True)), 1),
        (((0, True), (10, False), (25, True), (30, False), (50, True)), 1),
    ],
)
def test_cut_time_does_not_exist_for_outages(changes: tuple[tuple[int, bool], ...], number: int) -> None:
    build = probe()
    build.schedule(Schedule("works", "UTC", (WeeklyHours(ALL_WEEK, 20 * MINUTE, 40 * MINUTE),)))
    index = outages(build, filter=TimeFilter(excluding=("works",)))
    assert judged(build, index, states(*changes)) == [value(number, number, number)]


def test_outages_so_far_in_an_open_window_are_certain() -> None:
    build = probe()
    seen = states((0, True), (10, False), (20, True))
    assert judged(build, outages(build), seen, cut=30) == [value(1, 1, None, Fraction(1, 2))]


def test_outages_of_rolling_windows() -> None:
    build = probe()
    index = build.aggregate("outages", build.field("probe", "ok"), RollingWindow(30 * MINUTE, 10 * MINUTE))
    seen = states((0, True), (5, False), (6, True), (15, False), (55, True))
    assert [x.value for x in judged(build, index, seen)] == [1, 2, 2, 1, 0, 0]


# The longest run (M31)


def longest(build: PlanBuilder, **rest: TimeFilter) -> int:
    return build.aggregate("longest", build.field("probe", "ok"), EACH_HOUR, **rest)


def test_the_longest_run_and_its_bounds() -> None:
    build = probe()
    seen = states((0, True), (20, None), (30, True), (45, False), (55, True))
    found = value(20 * MINUTE, 20 * MINUTE, 45 * MINUTE, Fraction(5, 6))
    assert judged(build, longest(build), seen) == [found]


def test_a_run_ends_with_its_window() -> None:
    build = probe()
    seen = states((0, False), (50, True), (80, False))
    assert [x.value for x in judged(build, longest(build), seen, 2)] == [10 * MINUTE, 20 * MINUTE]


def test_cut_time_ends_a_run() -> None:
    build = probe()
    build.schedule(Schedule("works", "UTC", (WeeklyHours(ALL_WEEK, 20 * MINUTE, 25 * MINUTE),)))
    index = longest(build, filter=TimeFilter(excluding=("works",)))
    assert judged(build, index, states((0, True))) == [value(35 * MINUTE, 35 * MINUTE, 35 * MINUTE)]


# First, mode, span, variance (M33)


@pytest.mark.parametrize(
    ("function", "readings", "expected"),
    [
        ("first", (4, 1, 7), 4),
        ("mode", (4, 1, 4), 4),
        ("mode", (4, 1, 4, 1, 9), 1),
        ("span", (4, 1, 7), 6),
        ("span", (4,), 0),
        ("variance", (2, 4, 4, 4, 5, 5, 7, 9), 4),
        ("variance", (1, 2), Fraction(1, 4)),
        ("variance", (5,), 0),
        ("stddev", (2, 4, 4, 4, 5, 5, 7, 9), 2),
        # The root of 1/4 lies in the middle, that of 2/3 above it.
        ("stddev", (1, 2), 0),
        ("stddev", (1, 2, 3), 1),
    ],
)
def test_functions_of_samples(function: str, readings: tuple[int, ...], expected: Fraction) -> None:
    build = probe()
    step = Fraction(1) if function == "stddev" else None
    index = build.aggregate(
        function, build.field("probe", "total"), EACH_HOUR, source="probe", parameter=step
    )
    seen = counts(*enumerate(readings))
    assert judged(build, index, seen) == [value(expected, expected, expected)]


@pytest.mark.parametrize(
    ("function", "lower"), [("first", None), ("mode", None), ("span", 3), ("variance", None)]
)
def test_bounds_where_time_is_unknown(function: str, lower: int | None) -> None:
    build = probe()
    index = build.aggregate(function, build.field("probe", "total"), EACH_HOUR, source="probe")
    (found,) = judged(build, index, counts((0, 1), (10, 4), (30, None)))
    assert (found.lower, found.upper, found.coverage) == (lower, None, Fraction(1, 2))


# Counters (M34)


def counter(build: PlanBuilder, function: str = "increase", **rest: int) -> int:
    return build.aggregate(function, build.field("probe", "total"), EACH_HOUR, source="probe", **rest)


def test_the_step_into_a_window_counts_in_it() -> None:
    build = probe()
    seen = counts((0, 100), (30, 110), (70, 150), (119, 151))
    assert [x.value for x in judged(build, counter(build), seen, 2)] == [10, 41]


def test_a_sample_on_the_edge_belongs_to_the_later_window() -> None:
    build = probe()
    assert [x.value for x in judged(build, counter(build), counts((0, 1), (30, 2), (60, 9)), 2)] == [1, 7]


def test_a_counter_that_falls_began_anew_at_zero() -> None:
    build = probe()
    assert judged(build, counter(build), counts((0, 100), (10, 130), (20, 7), (30, 9))) == [value(39, 39, 39)]


def test_nothing_is_lost_in_a_gap() -> None:
    build = probe(staleness=5 * MINUTE)
    found = judged(build, counter(build), counts((0, 100), (40, 170)))
    assert found == [value(70, 70, None, Fraction(1, 6))]


def test_unknown_samples_are_stepped_over() -> None:
    build = probe()
    assert [x.value for x in judged(build, counter(build), counts((0, 5), (10, None), (20, 8)))] == [3]


def test_one_sample_is_no_step() -> None:
    build = probe()
    assert judged(build, counter(build), counts((0, 5))) == [value(None, None, None)]


def test_a_rate_is_by_the_whole_window() -> None:
    build = probe()
    assert [x.value for x in judged(build, counter(build, "rate"), counts((0, 0), (10, 60)))] == [
        Fraction(60, HOUR)
    ]


# Idle formulas (M35)


def test_a_formula_is_idle_where_all_of_it_is() -> None:
    build = probe()
    ratio = build.arithmetic(
        build.aggregate("increase", build.field("probe", "failed"), EACH_HOUR, source="probe"),
        "/",
        counter(build),
    )
    index = build.idle(ratio, build.constant(Fraction(1, 2), NumberType()))
    seen = [
        observe("probe", APRIL + minute * MINUTE, total=total * MILLION, failed=failed * MILLION)
        for minute, total, failed in ((0, 0, 0), (30, 100, 3), (130, 200, 4))
    ]
    assert judged(build, index, seen, 3) == [
        value(Fraction(3, 100), Fraction(3, 100), Fraction(3, 100)),
        value(Fraction(1, 2), Fraction(1, 2), Fraction(1, 2)),
        value(Fraction(1, 100), Fraction(1, 100), Fraction(1, 100)),
    ]


def test_an_open_window_is_not_idle_yet() -> None:
    build = probe()
    index = build.idle(
        build.arithmetic(counter(build), "-", counter(build)), build.constant(Fraction(1, 2), NumberType())
    )
    assert [x.value for x in judged(build, index, [], cut=30)] == [None]
