"""The second stage of batch at its boundaries: exact sums and ranks, verdicts, windows of several labels together."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from wsla.evaluation.batch.evaluator import BatchEvaluator
from wsla.evaluation.batch.grid import KeptColumns, Windows, windows_between
from wsla.evaluation.batch.judging import held, misses
from wsla.evaluation.batch.ratios import calculate, compare, ranks, values_at, whole_numbers
from wsla.evaluation.batch.series import Ratios
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.batch.sums import Ranked, Stretches, from_fractions, sums_of
from wsla.evaluation.batch.table import CODES
from wsla.evaluation.reference import evaluate
from wsla.evaluation.report import Outcome
from wsla.evaluation.stream import StreamEvaluator
from wsla.evaluation.verdicts import Verdict
from wsla.plan.model import Plan
from wsla.testing.plans import BOOLEAN, NUMBER, PlanBuilder, observe
from wsla.values.calendars import ExactWindow, RollingWindow
from wsla.values.instants import DAY, HOUR, MINUTE
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

LARGE = 2**62 + 1


def numbers(*values: Fraction | int | None) -> Ratios:
    return from_fractions(values)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (Fraction(1, 3), Fraction(333_333_333_333_333_333, 10**18), 0),
        (Fraction(LARGE, 3), Fraction(LARGE, 3), 1),
        (Fraction(LARGE, 3), Fraction(LARGE * 3 + 1, 9), 1),
        (Fraction(LARGE * 3 + 1, 9), Fraction(LARGE, 3), 0),
        (None, 1, -1),
    ],
)
def test_comparisons_are_exact_beyond_64_bits(
    left: Fraction | None, right: Fraction | int, expected: int
) -> None:
    assert compare("<=", numbers(left), numbers(right)).tolist() == [expected]


@pytest.mark.parametrize("sign", ["+", "-", "*", "/", "started", "completed", "rounded"])
def test_arithmetic_is_that_of_fractions(sign: str) -> None:
    from wsla.evaluation.stream import exact

    some = [0, 1, -1, Fraction(1, 3), Fraction(-5, 2), Fraction(3, 2), LARGE, Fraction(LARGE, 7), None]
    pairs = [(a, b) for a in some for b in some if sign != "rounded" or b]
    found = calculate(sign, numbers(*(a for a, _ in pairs)), numbers(*(b for _, b in pairs)))
    assert values_at(found, len(pairs)) == [exact.calculate(sign, a, b) for a, b in pairs]


def test_numbers_that_floating_point_cannot_tell_are_put_in_order() -> None:
    near = [Fraction(10**17 + i, 10**17 + 7) for i in (2, 0, 1, 1)]
    assert ranks(numbers(*near)).tolist() == [2, 0, 1, 1]


def test_sums_of_many_denominators_are_exact() -> None:
    values = [Fraction(1, n) for n in (3, 7, 3, 11, 5)]
    found = sums_of(
        numbers(*values), np.array([1, 1, 1, 0, 1], bool), Stretches(np.array([0, 1, 3]), np.array([5, 3, 3]))
    )
    assert values_at(found, 3) == [
        Fraction(2, 3) + Fraction(1, 7) + Fraction(1, 5),
        Fraction(1, 7) + Fraction(1, 3),
        0,
    ]


def test_bounds_that_are_missing_are_infinite() -> None:
    # M15: of lower bounds a missing one is minus infinity, of upper ones plus infinity.
    ranked, whole = Ranked(numbers(3, None, 2)), Stretches(np.array([0, 1]), np.array([3, 2]))
    assert values_at(ranked.greatest(ranked.places(None, -1), whole), 2) == [3, None]
    assert values_at(ranked.least(ranked.places(None, -1), whole), 2) == [None, None]
    assert values_at(ranked.percentile(Fraction(1), ranked.places(None, -1), None, whole), 2) == [3, None]


def test_percentiles_are_the_nearest_rank() -> None:
    # M17: position ceil(p·n), at least 1.
    ranked, whole = Ranked(numbers(40, 10, 30, 20)), Stretches(np.array([0]), np.array([4]))
    places = ranked.places(None, 1)
    for share, expected in (
        (0, 10),
        (Fraction(1, 4), 10),
        (Fraction(26, 100), 20),
        (Fraction(1, 2), 20),
        (1, 40),
    ):
        assert values_at(ranked.percentile(Fraction(share), places, None, whole), 1) == [expected]


def test_what_is_large_stays_whole() -> None:
    assert whole_numbers([2**63]).dtype == object
    assert whole_numbers([2**63 - 1]).dtype == np.int64


def test_windows_end_at_their_boundaries() -> None:
    plan = PlanBuilder(start=HOUR, end=4 * HOUR).build()
    rolling = windows_between(plan, RollingWindow(2 * HOUR, HOUR), 0, 4 * HOUR)
    # M10: ticks with start < t <= until, inside the term.
    assert rolling.ends.tolist() == [2 * HOUR, 3 * HOUR, 4 * HOUR]
    assert windows_between(plan, ExactWindow(HOUR), 0, 2 * HOUR).starts.tolist() == [HOUR]
    assert windows_between(plan, ExactWindow(HOUR), 0, 2 * HOUR + 1).starts.tolist() == [HOUR, 2 * HOUR]
    assert not len(windows_between(plan, ExactWindow(HOUR), 5 * HOUR, 6 * HOUR))


def test_kept_time_is_measured_to_the_nanosecond() -> None:
    build = PlanBuilder(start=0)
    build.schedule(Schedule("office", "UTC", (WeeklyHours(ALL_WEEK, 8 * HOUR, 18 * HOUR),)))
    from wsla.analysis.operations import TimeFilter

    kept = KeptColumns(build.build(), TimeFilter(during=("office",)), 0, 2 * DAY)
    starts = np.array([0, 8 * HOUR, 8 * HOUR - 1, 17 * HOUR, 18 * HOUR])
    windows = Windows(starts, np.array([DAY, 18 * HOUR, 9 * HOUR, 18 * HOUR + 1, 30 * HOUR]))
    assert kept.sizes(windows).tolist() == [10 * HOUR, 10 * HOUR, HOUR, HOUR, 0]
    assert kept.covers(windows).tolist() == [False, True, False, False, False]


def test_missed_verdicts_are_counted() -> None:
    # M62: the last n, or those since the last one met; M25: at least so many of the last n.
    order = [Verdict.VIOLATED, Verdict.UNKNOWN, Verdict.VIOLATED, Verdict.MET, Verdict.VIOLATED]
    codes = np.array([CODES.index(verdict) for verdict in order], dtype=np.int8)
    assert misses(codes, None).tolist() == [1, 1, 2, 0, 1]
    assert misses(codes, 2).tolist() == [1, 1, 1, 1, 1]
    assert held(codes, "violated", 2, 3).tolist() == [False, False, True, False, True]


def judged(plan: Plan, observations: list[Observation], until: int) -> Outcome:
    """The outcome in columns, which is that of the rules and of the stream engine."""
    batch = BatchEvaluator(plan, 0, until)
    for stream in streams_of(plan, observations):
        batch.take(stream)
    found = batch.outcome()
    stream_engine = StreamEvaluator(plan, 0)
    stream_engine.observe_all(observations)
    assert found == evaluate(plan, observations, 0, until)
    assert found == stream_engine.outcome(until)
    assert batch.division.rest is None
    return found


@pytest.mark.parametrize("bad", [0, 5, 6, 7])
def test_a_verdict_on_the_boundary(bad: int) -> None:
    build = PlanBuilder(start=0)
    build.samples("probe", {"ok": BOOLEAN})
    build.available("up", build.field("probe", "ok"), Fraction(9, 10), ExactWindow(HOUR))
    seen = [observe("probe", minute * MINUTE, ok=minute >= bad) for minute in range(60)]
    found = judged(build.build(), seen, HOUR)
    assert found.judgements[0].verdict is (Verdict.MET if bad <= 6 else Verdict.VIOLATED)
    assert found.judgements[0].budget_left == (6 - bad) * MINUTE


@pytest.mark.parametrize("until", [HOUR - 1, HOUR, HOUR + 1, 2 * HOUR])
def test_windows_over_windows_that_are_still_to_come(until: int) -> None:
    # M15: inner windows that had not ended are items of unknown value, whose bounds hold.
    build = PlanBuilder(start=0)
    build.samples("probe", {"ok": BOOLEAN, "load": NUMBER}, labels=("region",), staleness=10 * MINUTE)
    ok, by = build.field("probe", "ok"), ("region",)
    slices = build.aggregate("availability", ok, ExactWindow(5 * MINUTE), by=by)
    good = build.compare(slices, ">=", build.constant(Fraction(1, 2)))
    share = build.aggregate("share", good, ExactWindow(HOUR), by=by)
    build.goal("kept", build.compare(share, ">=", build.constant(Fraction(3, 4))), ExactWindow(HOUR), by=by)
    for function in ("mean", "min", "max", "median", "last", "first", "span"):
        build.metrics[function] = build.aggregate(function, slices, ExactWindow(HOUR), by=by)
    seen = [
        observe("probe", minute * MINUTE, ok=minute % 20 > 3, region=region)
        for minute in range(0, 115, 3)
        for region in ("eu", "us")
        if region == "eu" or minute > 62
    ]
    judged(build.build(), [one for one in seen if one.at < until], until)


def test_many_labels_are_judged_together() -> None:
    build = PlanBuilder(start=0)
    build.samples("probe", {"ok": BOOLEAN}, labels=("region",), staleness=20 * MINUTE)
    ok, by = build.field("probe", "ok"), ("region",)
    rolling = build.aggregate("availability", ok, RollingWindow(HOUR, 10 * MINUTE), by=by)
    before = build.previous(rolling)
    falling = build.compare(before, "<=", rolling)
    build.goal("steady", falling, RollingWindow(HOUR, 10 * MINUTE), value=rolling, by=by)
    build.rule("often", build.verdict_state("steady", 2, 3), by=by)
    seen = [
        observe("probe", (number * 7 + minute) * MINUTE, ok=(minute + number) % 9 > 1, region=f"r{number:02}")
        for number in range(12)
        for minute in range(0, 150, 4)
    ]
    found = judged(build.build(), sorted(seen, key=lambda one: one.at), 4 * HOUR)
    assert len({judgement.labels for judgement in found.judgements}) == 12
