"""From streams in columns to the values of windows: edges, numbers beyond 64 bits, several streams, what is refused."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest

from wsla.analysis.operations import TimeFilter
from wsla.evaluation.batch.columns import Column, StreamColumns
from wsla.evaluation.batch.reduction import ColumnReduction
from wsla.evaluation.batch.series import SeriesColumns
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.batch.supported import supports_aggregate, supports_signal
from wsla.evaluation.batch.values import values_of
from wsla.evaluation.reference.evaluator import Evaluator
from wsla.evaluation.verdicts import Labels, SeriesValue
from wsla.testing.plans import BOOLEAN, DURATION, NUMBER, TEXT, PlanBuilder, observe
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, RollingWindow
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND, Interval
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

FIVE = ExactWindow(5 * MINUTE)


def builder(*, staleness: int | None = 90 * SECOND, labels: tuple[str, ...] = ()) -> PlanBuilder:
    build = PlanBuilder(start=0)
    fields = {"ok": BOOLEAN, "elapsed": DURATION, "load": NUMBER, "state": TEXT}
    build.samples("probe", fields, staleness=staleness, labels=labels, every=MINUTE)
    return build


def series(
    build: PlanBuilder,
    index: int,
    observations: Iterable[Observation],
    until: int,
    labels: Labels = (),
    *,
    start: int = 0,
) -> SeriesColumns:
    plan = build.build()
    found = ColumnReduction(plan, [index], [], start, until)
    for stream in streams_of(plan, observations):
        found.take(stream)
    return found.series(index, labels)


def agrees(
    build: PlanBuilder, index: int, observations: list[Observation], until: int
) -> dict[Interval, SeriesValue]:
    """The values by columns, which have to be those of the rules."""
    plan = build.build()
    evaluator = Evaluator(plan, observations, 0, until)
    node = plan.operations[index]
    found = values_of(series(build, index, observations, until))
    windows = evaluator.windows(node.window, frozenset(), 0, until, until)  # type: ignore[union-attr]
    values = {window: evaluator.series(index, frozenset(), window, until) for window in windows}
    assert found == {window: value for window, value in values.items() if value is not None}
    return found


def minutes(**columns: list[object]) -> list[Observation]:
    rows = zip(*columns.values(), strict=True)
    return [
        observe("probe", at * MINUTE, **dict(zip(columns, row, strict=True)))  # type: ignore[arg-type]
        for at, row in enumerate(rows)
    ]


def test_a_sample_on_an_edge_belongs_to_the_window_that_it_starts() -> None:
    """M11, M13: K is half-open."""
    build = builder()
    count = build.aggregate("count", None, FIVE, source="probe")
    rows = [observe("probe", at) for at in (0, 5 * MINUTE - 1, 5 * MINUTE, 10 * MINUTE)]
    found = agrees(build, count, rows, 10 * MINUTE)
    assert [int(value.value or 0) for value in found.values()] == [2, 1]


def test_the_open_window_ends_with_the_instant_asked_about() -> None:
    """M5, M18: a sample at ``until`` does not exist, and what is to come is not covered."""
    build = builder(staleness=None)
    up = build.aggregate("availability", build.field("probe", "ok"), FIVE)
    rows = [observe("probe", 0, ok=True), observe("probe", 6 * MINUTE, ok=False)]
    found = agrees(build, up, rows, 6 * MINUTE)
    assert found[Interval(5 * MINUTE, 10 * MINUTE)] == SeriesValue(
        value=Fraction(1), lower=Fraction(1, 5), upper=Fraction(1), coverage=Fraction(1, 5)
    )


def test_a_sample_that_goes_stale_as_the_next_one_comes_leaves_no_gap() -> None:
    build = builder(staleness=MINUTE)
    up = build.aggregate("availability", build.field("probe", "ok"), FIVE)
    found = agrees(build, up, minutes(ok=[True, True, False, True, True]), 5 * MINUTE)
    assert found[Interval(0, 5 * MINUTE)].coverage == 1
    assert found[Interval(0, 5 * MINUTE)].value == Fraction(4, 5)
    late = [observe("probe", 0, ok=True), observe("probe", MINUTE + 1, ok=True)]
    assert agrees(build, up, late, 5 * MINUTE)[Interval(0, 5 * MINUTE)].coverage == Fraction(2, 5)


def test_of_doubled_samples_the_first_stands() -> None:
    """M1"""
    build = builder(staleness=None)
    total = build.aggregate("sum", build.field("probe", "load"), FIVE)
    rows = [observe("probe", 0, load=1_000_000), observe("probe", 0, load=5_000_000)]
    assert agrees(build, total, rows, 5 * MINUTE)[Interval(0, 5 * MINUTE)].value == 1


@pytest.mark.parametrize(
    "function", ["sum", "mean", "min", "max", "span", "variance", "last", "first", "mode"]
)
@pytest.mark.parametrize("size", [2**62, 2**63 - 1, 2**80])
def test_numbers_that_64_bits_do_not_hold(function: str, size: int) -> None:
    build = builder(staleness=None)
    index = build.aggregate(function, build.field("probe", "load"), FIVE)
    agrees(build, index, minutes(load=[size, size - 1, -size, size, 3, 4, size]), 10 * MINUTE)


@pytest.mark.parametrize("rank", [Fraction(1, 100), Fraction(1, 2), Fraction(99, 100), Fraction(1)])
@pytest.mark.parametrize("size", [7, 2**31, 2**62, 2**80])
def test_percentiles_of_large_numbers(rank: Fraction, size: int) -> None:
    build = builder(staleness=None)
    rolling = RollingWindow(4 * MINUTE, MINUTE)
    index = build.aggregate("percentile", build.field("probe", "load"), rolling, parameter=rank)
    agrees(build, index, minutes(load=[size, 5, -size, 0, size - 1, 2, size, 1]), 8 * MINUTE)


@pytest.mark.parametrize("size", [10**6, 2**40, 2**62, 2**80])
def test_the_mean_over_time_of_large_numbers(size: int) -> None:
    """Value times nanoseconds is more than 64 bits hold, here or in the sum."""
    build = builder(staleness=None)
    build.schedule(Schedule("night", "UTC", (WeeklyHours(ALL_WEEK, MINUTE, 2 * MINUTE + 30 * SECOND),)))
    index = build.aggregate(
        "time_mean", build.field("probe", "load"), FIVE, filter=TimeFilter(excluding=("night",))
    )
    agrees(build, index, minutes(load=[size, 5, -size, None, size - 1, 2, size, 1]), 8 * MINUTE)


@pytest.mark.parametrize("function", ["increase", "rate"])
def test_a_counter_that_stands_still_and_one_that_begins_anew(function: str) -> None:
    """M34: a step of nothing is nothing, and a counter that fell began at zero; unknown values are passed over."""
    build = builder(staleness=None)
    index = build.aggregate(function, build.field("probe", "load"), FIVE)
    found = agrees(build, index, minutes(load=[4, 4, None, 9, 2, 2, -1, 2**62, -(2**62), 5]), 10 * MINUTE)
    if function == "increase":
        assert found[Interval(0, 5 * MINUTE)].value == Fraction(0 + 5 + 2, 10**6)


def test_a_stream_takes_part_from_its_first_sample_on() -> None:
    """M13: one whose first sample is at the window's end does not."""
    build = builder(staleness=None, labels=("region",))
    index = build.aggregate("share", build.field("probe", "ok"), FIVE)
    rows = [
        observe("probe", 0, region="eu", ok=True),
        observe("probe", 5 * MINUTE, region="us", ok=True),
        observe("probe", 10 * MINUTE - 1, region="asia", ok=True),
    ]
    found = agrees(build, index, rows, 10 * MINUTE)
    assert found[Interval(0, 5 * MINUTE)].coverage == 1
    second = Fraction(10 * MINUTE + 1, 15 * MINUTE)
    assert found[Interval(5 * MINUTE, 10 * MINUTE)].coverage == second


def test_a_ratio_of_two_fields_is_exact() -> None:
    build = builder(staleness=None)
    load, elapsed = build.field("probe", "load"), build.field("probe", "elapsed")
    ratio = build.arithmetic(load, "/", elapsed)
    for function in ("mean", "max", "median", "sum"):
        index = build.aggregate(function, ratio, FIVE)
        agrees(build, index, minutes(load=[1, 2, 3, 4, 9], elapsed=[7, 11, 0, 13, -17]), 5 * MINUTE)
    share = build.aggregate("share", build.compare(ratio, "<", build.constant(Fraction(1, 10**7))), FIVE)
    agrees(build, share, minutes(load=[1, 2, 3, 4, 9], elapsed=[7, 11, 0, 13, -17]), 5 * MINUTE)


def test_a_divisor_that_few_numbers_share() -> None:
    """Where no small number is a multiple of all divisors, the parts are fractions."""
    build = builder(staleness=None)
    ratio = build.arithmetic(build.field("probe", "load"), "/", build.field("probe", "elapsed"))
    primes = [1_000_003, 1_000_033, 1_000_037, 1_000_039, 1_000_081, 1_000_099, 1_000_117, 1_000_121]
    rows = minutes(load=[1, 2, 3, 4, 5, 6, 7, 8], elapsed=list(primes))
    for function in ("mean", "min", "percentile", "variance", "time_mean"):
        parameter = Fraction(9, 10) if function == "percentile" else None
        agrees(build, build.aggregate(function, ratio, ExactWindow(HOUR), parameter=parameter), rows, HOUR)


def test_a_label_is_a_word_of_every_sample() -> None:
    build = builder(staleness=None, labels=("region",))
    europe = build.compare(build.field("probe", "region"), "==", build.constant("eu"))
    index = build.aggregate("count", None, FIVE, source="probe", where=europe)
    rows = [observe("probe", at, region=region) for at in range(3) for region in ("eu", "us")]
    agrees(build, index, rows, 5 * MINUTE)
    assert values_of(series(build, index, rows, 5 * MINUTE))[Interval(0, 5 * MINUTE)].value == 3


def test_streams_come_in_any_order_and_are_joined_by_instant_and_labels() -> None:
    """M13, M17: `last` of several streams is the latest, of equally late ones that with the last labels."""
    build = builder(staleness=None, labels=("region",))
    last = build.aggregate("last", build.field("probe", "load"), FIVE)
    p50 = build.aggregate("median", build.field("probe", "load"), FIVE)
    plan = build.build()
    rows = [
        observe("probe", at, region=name, load=at * 10 + i) for at in range(4) for i, name in enumerate("cab")
    ]
    streams = streams_of(plan, rows)
    forth, back = (ColumnReduction(plan, [last, p50], [], 0, 5 * MINUTE) for _ in range(2))
    for one, other in zip(streams, reversed(streams), strict=True):
        forth.take(one)
        back.take(other)
    window = Interval(0, 5 * MINUTE)
    for index in (last, p50):
        assert values_of(forth.series(index, ())) == values_of(back.series(index, ()))
    # Region c, the first of each row, comes last.
    assert values_of(forth.series(last, ()))[window].value == Fraction(30, 10**6)


def test_streams_are_reduced_in_threads() -> None:
    build = builder(labels=("region",))
    ok, load = build.field("probe", "ok"), build.field("probe", "load")
    month = CalendarWindow(CalendarUnit.MONTH)
    indexes = [
        build.aggregate("availability", ok, month, by=("region",)),
        build.aggregate("percentile", load, ExactWindow(HOUR), parameter=Fraction(99, 100), by=("region",)),
        build.aggregate("mean", load, RollingWindow(DAY, HOUR)),
    ]
    plan = build.build()
    at = np.arange(0, 3 * DAY, MINUTE, dtype=np.int64)
    chance = np.random.default_rng(1)
    streams = [
        StreamColumns(
            source="probe",
            labels=(("region", name),),
            at=at,
            fields={
                "ok": Column(chance.random(len(at)) > 0.1),
                "load": Column(chance.integers(0, 100, len(at)), chance.random(len(at)) > 0.1),
            },
        )
        for name in "abcdef"
    ]
    one, other = (ColumnReduction(plan, indexes, [], 0, 3 * DAY) for _ in range(2))
    for stream in streams:
        one.take(stream)
    with ThreadPoolExecutor(2) as pool:
        for reduced in pool.map(other.reduce, streams):
            other.add(reduced)
    for index in indexes:
        assert one.combinations(index) == other.combinations(index)
        for labels in one.combinations(index):
            assert values_of(one.series(index, labels)) == values_of(other.series(index, labels))


def test_nothing_is_kept_of_a_stream_that_stands_alone() -> None:
    build = builder()
    alone = build.aggregate("availability", build.field("probe", "ok"), FIVE)
    build.samples("other", {"ok": BOOLEAN}, staleness=None, every=MINUTE)
    both = build.logical(build.field("probe", "ok"), "and", build.field("other", "ok"))
    together = build.aggregate("availability", both, FIVE)
    plan = build.build()
    (stream,) = streams_of(plan, minutes(ok=[True, False], load=[1, 2]))
    found = ColumnReduction(plan, [alone], [], 0, HOUR).reduce(stream)
    assert found is not None
    assert found.kept is None
    found = ColumnReduction(plan, [alone, together], [], 0, HOUR).reduce(stream)
    assert found is not None
    assert found.kept is not None
    assert set(found.kept.fields) == {"ok"}


def test_without_any_sample_there_are_windows_without_labels_and_none_with_them() -> None:
    """M10"""
    build = builder(labels=("region",))
    ok = build.field("probe", "ok")
    all_of_them = build.aggregate("share", ok, FIVE)
    each = build.aggregate("share", ok, FIVE, by=("region",))
    found = values_of(series(build, all_of_them, [], 10 * MINUTE))
    assert found[Interval(0, 5 * MINUTE)] == SeriesValue(
        value=None, lower=Fraction(0), upper=Fraction(1), coverage=Fraction(0)
    )
    assert len(found) == 2
    plan = build.build()
    reduction = ColumnReduction(plan, [each], [], 0, 10 * MINUTE)
    assert reduction.combinations(each) == {}
    assert values_of(reduction.series(each, (("region", "eu"),))) == {}


def test_what_rests_on_more_than_samples_is_not_for_columns() -> None:
    build = builder()
    ok = build.field("probe", "ok")
    sustained = build.sustained(ok, MINUTE)
    late = build.latest(build.aggregate("share", ok, FIVE))
    shares = [build.aggregate("availability", x, FIVE) for x in (ok, sustained)]
    over_shares = build.aggregate("mean", shares[0], ExactWindow(HOUR))
    word = build.aggregate("last", build.field("probe", "state"), FIVE)
    plan = build.build()
    assert supports_aggregate(plan, shares[0])
    assert supports_signal(plan, ok)
    for index in (shares[1], over_shares, word):
        assert not supports_aggregate(plan, index)
        with pytest.raises(ValueError, match="cannot be reduced in columns"):
            ColumnReduction(plan, [index], [], 0, HOUR)
    for index in (sustained, late):
        assert not supports_signal(plan, index)
        with pytest.raises(ValueError, match="more than what samples hold"):
            ColumnReduction(plan, [], [index], 0, HOUR)


def test_windows_over_many_days_across_a_clock_change() -> None:
    """Local days and hours in which Berlin's clocks go forward: 29 March 2026."""
    start = 1_774_569_600 * SECOND
    build = PlanBuilder(start=start, end=start + 5 * DAY)
    build.samples("probe", {"ok": BOOLEAN}, staleness=2 * HOUR, every=HOUR)
    build.schedule(Schedule("night", "Europe/Berlin", (WeeklyHours(ALL_WEEK, HOUR, 4 * HOUR),)))
    days = CalendarWindow(CalendarUnit.DAY, zone="Europe/Berlin")
    index = build.aggregate(
        "availability", build.field("probe", "ok"), days, filter=TimeFilter(excluding=("night",))
    )
    plan = build.build()
    rows = [observe("probe", start + i * HOUR, ok=i % 5 != 0) for i in range(100) if i % 7]
    evaluator = Evaluator(plan, rows, start, start + 4 * DAY)
    found = values_of(series(build, index, rows, start + 4 * DAY, start=start))
    expected = {
        window: evaluator.series(index, frozenset(), window, start + 4 * DAY)
        for window in evaluator.windows(days, frozenset(), start, start + 4 * DAY, start + 4 * DAY)
    }
    assert found == expected
    assert {window.length for window in found} == {DAY, 23 * HOUR}
