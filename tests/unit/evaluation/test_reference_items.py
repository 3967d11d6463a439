"""Aggregates over samples, records and series: rules M4, M9, M13 to M18."""

from __future__ import annotations

from fractions import Fraction

import pytest

from wsla.analysis.operations import TimeFilter
from wsla.evaluation.reference import evaluate
from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import SeriesValue
from wsla.testing.plans import BOOLEAN, DURATION, INSTANT, NUMBER, TEXT, PlanBuilder, observe
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, RollingWindow
from wsla.values.instants import DAY, HOUR, MILLISECOND, MINUTE, SECOND
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

APRIL = 1_775_001_600 * SECOND  # 2026-04-01T00:00Z
EACH_HOUR = ExactWindow(HOUR)
EACH_DAY = CalendarWindow(CalendarUnit.DAY)


def probe(*, staleness: int | None = None) -> PlanBuilder:
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"ok": BOOLEAN, "elapsed": DURATION}, staleness=staleness)
    return build


def tickets(*, key: str | None = "number", at: str = "opened") -> PlanBuilder:
    build = PlanBuilder(start=APRIL)
    build.records(
        "tickets", {"opened": INSTANT, "solved": INSTANT, "state": TEXT, "size": NUMBER}, key=key, at=at
    )
    return build


def took(at: int, milliseconds: int | None) -> Observation:
    return observe("probe", at, elapsed=None if milliseconds is None else milliseconds * MILLISECOND)


def ticket(seen: int, number: str, **fields: object) -> Observation:
    return observe("tickets", seen, number=number, **fields)  # type: ignore[arg-type]


def value(lower: object, middle: object, upper: object, coverage: object = 1) -> SeriesValue:
    return SeriesValue(value=middle, lower=lower, upper=upper, coverage=Fraction(coverage))  # type: ignore[arg-type]


def only(outcome: Outcome) -> SeriesValue:
    (point,) = outcome.metrics["m"]
    return point.value


# Samples


@pytest.mark.parametrize(
    ("values", "rank", "expected"),
    [
        ([5], Fraction(0), 5),
        ([5], Fraction(1), 5),
        ([1, 2, 3, 4], Fraction(1, 2), 2),
        ([1, 2, 3, 4], Fraction(1, 2) + Fraction(1, 10**9), 3),
        ([4, 2, 2, 2], Fraction(3, 4), 2),
        ([4, 2, 2, 2], Fraction(3, 4) + Fraction(1, 10**9), 4),
        ([3, 1, 2], Fraction(0), 1),
        (list(range(1, 101)), Fraction(95, 100), 95),
    ],
)
def test_a_percentile_is_the_nearest_rank(values: list[int], rank: Fraction, expected: int) -> None:
    # M17: the value at position ceil(p·n), at least the first.
    build = probe()
    build.metrics["m"] = build.aggregate(
        "percentile", build.field("probe", "elapsed"), EACH_HOUR, source="probe", parameter=rank
    )
    seen = [took(APRIL + i * SECOND, x) for i, x in enumerate(values)]
    found = only(evaluate(build.build(), seen, APRIL, APRIL + HOUR))
    assert found == value(expected * MILLISECOND, expected * MILLISECOND, expected * MILLISECOND)


@pytest.mark.parametrize(
    ("function", "lower", "middle", "upper"),
    [
        ("count", 3, 3, None),
        ("sum", None, 6, None),
        ("mean", None, 2, None),
        ("median", None, 2, None),
        ("min", None, 1, 1),
        ("max", 3, 3, None),
        ("last", None, 2, None),
    ],
)
def test_bounds_over_samples_where_time_is_missing(
    function: str, lower: int | None, middle: int, upper: int | None
) -> None:
    build = probe(staleness=10 * MINUTE)
    build.metrics["m"] = build.aggregate(function, build.field("probe", "elapsed"), EACH_HOUR, source="probe")
    seen = [took(APRIL, 1), took(APRIL + 10 * MINUTE, 3), took(APRIL + 50 * MINUTE, 2)]
    seen.append(took(APRIL + 55 * MINUTE, None))
    found = only(evaluate(build.build(), seen, APRIL, APRIL + HOUR))
    unit = 1 if function == "count" else MILLISECOND
    scaled = [None if x is None else x * unit for x in (lower, middle, upper)]
    assert found == value(*scaled, Fraction(25, 60))


def test_share_over_samples_is_bounded_by_nothing_and_all_until_time_is_covered() -> None:
    build = probe()
    quick = build.compare(build.field("probe", "elapsed"), "<=", build.constant(Fraction(2 * MILLISECOND)))
    build.metrics["m"] = build.aggregate("share", quick, EACH_HOUR, source="probe")
    seen = [took(APRIL, 2), took(APRIL + 1, 3)]
    half = Fraction(1, 2)
    assert only(evaluate(build.build(), seen, APRIL, APRIL + HOUR)) == value(half, half, half)
    late = [took(APRIL + HOUR // 2, 2), took(APRIL + HOUR // 2 + 1, 3)]
    assert only(evaluate(build.build(), late, APRIL, APRIL + HOUR)) == value(0, half, 1, half)


def test_where_must_be_true_and_does_not_touch_coverage() -> None:
    build = probe()
    elapsed, good = build.field("probe", "elapsed"), build.field("probe", "ok")
    build.metrics["m"] = build.aggregate("sum", elapsed, EACH_HOUR, source="probe", where=good)
    seen = [
        observe("probe", APRIL, ok=True, elapsed=1),
        observe("probe", APRIL + 1, ok=None, elapsed=2),
        observe("probe", APRIL + 2, ok=False, elapsed=4),
    ]
    assert only(evaluate(build.build(), seen, APRIL, APRIL + HOUR)) == value(1, 1, 1)


def test_coverage_counts_every_stream_that_takes_part() -> None:
    # M2, M13: the samples of each label combination are a stream.
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"elapsed": DURATION}, labels=("region",))
    build.metrics["m"] = build.aggregate("max", build.field("probe", "elapsed"), EACH_HOUR, source="probe")
    seen = [
        observe("probe", APRIL, region="eu", elapsed=1),
        observe("probe", APRIL + HOUR // 2, region="us", elapsed=2),
        # On the window's end: not before it.
        observe("probe", APRIL + HOUR, region="asia", elapsed=3),
    ]
    first = evaluate(build.build(), seen, APRIL, APRIL + HOUR + 1).metrics["m"][0]
    assert first.value == value(2, 2, None, Fraction(3, 4))


def test_no_stream_no_coverage_unless_idle_says_so() -> None:
    build = probe()
    elapsed = build.field("probe", "elapsed")
    build.metrics["m"] = build.aggregate("mean", elapsed, EACH_HOUR, source="probe")
    assert only(evaluate(build.build(), [], APRIL, APRIL + HOUR)) == value(None, None, None, 0)
    build.metrics["m"] = build.aggregate(
        "mean", elapsed, EACH_HOUR, source="probe", idle=build.constant(Fraction(7))
    )
    assert only(evaluate(build.build(), [], APRIL, APRIL + HOUR)) == value(7, 7, 7)
    # A sample that is unknown is a sample; an open window may still get one.
    seen = [took(APRIL, None)]
    assert only(evaluate(build.build(), seen, APRIL, APRIL + HOUR)).value is None
    assert only(evaluate(build.build(), [], APRIL, APRIL + HOUR - 1)).value is None


# Records


def test_the_greatest_version_gives_the_values_and_the_instant() -> None:
    build = tickets()
    build.metrics["m"] = build.aggregate("sum", build.field("tickets", "size"), EACH_DAY, source="tickets")
    seen = [
        ticket(APRIL, "a", opened=APRIL + 1, size=1_000_000),
        ticket(APRIL + 2, "a", opened=APRIL + 1, size=4_000_000),
        # The same instant: of a record's versions the last that was accepted stands.
        ticket(APRIL + 2, "a", opened=APRIL + DAY, size=2_000_000),
        ticket(APRIL + 3, "b", opened=None, size=8_000_000),
    ]
    points = evaluate(build.build(), seen, APRIL, APRIL + 2 * DAY).metrics["m"]
    assert [point.value for point in points] == [value(0, 0, 0), value(2, 2, 2)]


def test_a_version_after_the_windows_end_changes_no_closed_window() -> None:
    build = tickets()
    build.metrics["m"] = build.aggregate("sum", build.field("tickets", "size"), EACH_DAY, source="tickets")
    late = [
        ticket(APRIL, "a", opened=APRIL, size=1_000_000),
        ticket(APRIL + DAY, "a", opened=APRIL, size=2_000_000),
    ]
    first = evaluate(build.build(), late, APRIL, APRIL + 2 * DAY).metrics["m"][0]
    assert first.value == value(1, 1, 1)
    in_time = [late[0], ticket(APRIL + DAY - 1, "a", opened=APRIL, size=2_000_000)]
    first = evaluate(build.build(), in_time, APRIL, APRIL + 2 * DAY).metrics["m"][0]
    assert first.value == value(2, 2, 2)


def test_without_a_key_every_row_is_kept_at_its_own_instant() -> None:
    build = tickets(key=None, at="at")
    build.metrics["m"] = build.aggregate("count", None, EACH_DAY, source="tickets")
    seen = [observe("tickets", APRIL, size=1), observe("tickets", APRIL, size=1)]
    assert only(evaluate(build.build(), seen, APRIL, APRIL + DAY)) == value(2, 2, 2)


def test_records_perhaps_in_widen_the_bounds() -> None:
    # M14: a record whose `where` is unknown is perhaps in.
    build = tickets()
    closed = build.compare(build.field("tickets", "state"), "==", build.constant("closed"))
    small = build.compare(build.field("tickets", "size"), "<=", build.constant(Fraction(1)))
    build.metrics["m"] = build.aggregate("share", small, EACH_DAY, source="tickets", where=closed)
    build.metrics["n"] = build.aggregate("count", None, EACH_DAY, source="tickets", where=closed)
    seen = [
        ticket(APRIL, "a", opened=APRIL, state="closed", size=1_000_000),
        ticket(APRIL, "b", opened=APRIL, state="closed", size=1_000_001),
        ticket(APRIL, "c", opened=APRIL, state="closed", size=None),
        ticket(APRIL, "d", opened=APRIL, state=None, size=1_000_000),
        ticket(APRIL, "e", opened=APRIL, state="open", size=1_000_000),
    ]
    outcome = evaluate(build.build(), seen, APRIL, APRIL + DAY)
    assert only(outcome) == value(Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), Fraction(1, 2))
    assert outcome.metrics["n"][0].value == value(3, 3, 4, Fraction(4, 5))


@pytest.mark.parametrize(
    ("function", "closed", "still_open", "may_change"),
    [
        ("count", value(2, 2, 2), value(2, 2, None), value(0, 2, None)),
        ("sum", value(3, 3, 3), value(None, 3, None), value(None, 3, None)),
        ("max", value(2, 2, 2), value(2, 2, None), value(None, 2, None)),
        ("min", value(1, 1, 1), value(None, 1, 1), value(None, 1, None)),
    ],
)
def test_an_open_window_of_records_claims_little(
    function: str, closed: SeriesValue, still_open: SeriesValue, may_change: SeriesValue
) -> None:
    # M18: records with a key may have other versions yet.
    for key, claimed in ((None, still_open), ("number", may_change)):
        build = tickets(key=key)
        argument = None if function == "count" else build.field("tickets", "size")
        build.metrics["m"] = build.aggregate(function, argument, EACH_DAY, source="tickets")
        seen = [
            ticket(APRIL, "a", opened=APRIL, size=1_000_000),
            ticket(APRIL, "b", opened=APRIL, size=2_000_000),
        ]
        assert only(evaluate(build.build(), seen, APRIL, APRIL + DAY)) == closed
        assert only(evaluate(build.build(), seen, APRIL, APRIL + DAY - 1)) == claimed


def test_nothing_to_look_at_among_records() -> None:
    build = tickets()
    size = build.field("tickets", "size")
    for function in ("count", "sum", "mean", "share"):
        argument = {"count": None, "share": build.compare(size, ">", size)}.get(function, size)
        build.metrics[function] = build.aggregate(function, argument, EACH_DAY, source="tickets")
    found = evaluate(build.build(), [], APRIL, APRIL + DAY).metrics
    assert {name: points[0].value for name, points in found.items()} == {
        "count": value(0, 0, 0),
        "sum": value(0, 0, 0),
        "mean": value(None, None, None),
        "share": value(None, None, None),
    }


def elapsed_of(build: PlanBuilder, seen: list[Observation], **options: object) -> object:
    opened, solved = build.field("tickets", "opened"), build.field("tickets", "solved")
    formula = build.elapsed("tickets", opened, solved, **options)  # type: ignore[arg-type]
    build.metrics["m"] = build.aggregate("max", formula, EACH_DAY, source="tickets")
    return only(evaluate(build.build(), seen, APRIL, APRIL + DAY)).value


def test_elapsed_counts_kept_time_and_never_less_than_none() -> None:
    build = tickets()
    build.schedule(Schedule("office", "UTC", (WeeklyHours(ALL_WEEK, 8 * HOUR, 18 * HOUR),)))
    build.schedule(Schedule("lunch", "UTC", (WeeklyHours(ALL_WEEK, 12 * HOUR, 13 * HOUR),)))
    names = TimeFilter(during=("office",), excluding=("lunch",))
    overnight = [ticket(APRIL, "a", opened=APRIL + 11 * HOUR, solved=APRIL + DAY + 9 * HOUR)]
    assert elapsed_of(build, overnight, filter=names) == 7 * HOUR
    backwards = [ticket(APRIL, "a", opened=APRIL + 11 * HOUR, solved=APRIL + 10 * HOUR)]
    assert elapsed_of(build, backwards, filter=names) == 0
    assert elapsed_of(build, [ticket(APRIL, "a", opened=APRIL, solved=None)], filter=names) is None


def test_the_clock_stands_while_a_version_says_so() -> None:
    build = tickets()
    waiting = build.compare(build.field("tickets", "state"), "==", build.constant("waiting"))
    times = {"opened": APRIL, "solved": APRIL + 10 * HOUR}
    seen = [
        ticket(APRIL + HOUR, "a", state="waiting", **times),
        ticket(APRIL + 3 * HOUR, "a", state=None, **times),
        ticket(APRIL + 5 * HOUR, "a", state="open", **times),
        ticket(APRIL + 9 * HOUR, "a", state="waiting", **times),
        ticket(APRIL + 4 * HOUR, "b", state="waiting", opened=APRIL, solved=APRIL + HOUR),
    ]
    # Before the first version, and where the state is unknown, the clock runs; the last version holds for ever.
    assert elapsed_of(build, seen, pausing=waiting) == 7 * HOUR


# Series


def nested(function: str, *, target: Fraction = Fraction(1), rank: Fraction | None = None) -> PlanBuilder:
    build = probe()
    inner = build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    if function == "share":
        inner = build.compare(inner, ">=", build.constant(target))
    build.metrics["m"] = build.aggregate(function, inner, ExactWindow(4 * HOUR), parameter=rank)
    return build


# Hours of: all good, half bad, half unknown (the rest good), nothing known.
FOUR_HOURS = [
    observe("probe", APRIL, ok=True),
    observe("probe", APRIL + HOUR, ok=False),
    observe("probe", APRIL + HOUR + 30 * MINUTE, ok=True),
    observe("probe", APRIL + 2 * HOUR + 30 * MINUTE, ok=None),
]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("mean", value(Fraction(1, 2), Fraction(5, 6), Fraction(7, 8), Fraction(5, 8))),
        ("sum", value(2, Fraction(5, 2), Fraction(7, 2), Fraction(5, 8))),
        ("min", value(0, Fraction(1, 2), Fraction(1, 2), Fraction(5, 8))),
        ("max", value(1, 1, 1, Fraction(5, 8))),
        ("median", value(Fraction(1, 2), 1, 1, Fraction(5, 8))),
        ("last", value(0, 1, 1, Fraction(5, 8))),
        ("count", value(3, 3, 4, Fraction(5, 8))),
        ("share", value(Fraction(1, 4), Fraction(2, 3), Fraction(3, 4), Fraction(5, 8))),
    ],
)
def test_a_series_of_series(function: str, expected: SeriesValue) -> None:
    assert only(evaluate(nested(function).build(), FOUR_HOURS, APRIL, APRIL + 4 * HOUR)) == expected


def test_inner_windows_to_come_are_items_of_unknown_value() -> None:
    found = only(evaluate(nested("mean").build(), FOUR_HOURS, APRIL, APRIL + 90 * MINUTE))
    assert found == value(Fraction(1, 4), 1, Fraction(7, 8), Fraction(1, 4))


def test_only_inner_windows_wholly_inside_kept_time_count() -> None:
    build = probe()
    build.schedule(Schedule("some", "UTC", (WeeklyHours(ALL_WEEK, HOUR, 3 * HOUR + 30 * MINUTE),)))
    inner = build.aggregate("count", None, EACH_HOUR, source="probe")
    build.metrics["m"] = build.aggregate(
        "count", inner, ExactWindow(4 * HOUR), filter=TimeFilter(during=("some",))
    )
    assert only(evaluate(build.build(), [], APRIL, APRIL + 4 * HOUR)).value == 2


def test_rolling_inner_windows_lie_inside_too() -> None:
    build = probe()
    inner = build.aggregate("count", None, RollingWindow(2 * HOUR, HOUR), source="probe")
    build.metrics["m"] = build.aggregate("count", inner, ExactWindow(4 * HOUR))
    # The one that began before the term lies outside the kept time.
    points = evaluate(build.build(), [], APRIL, APRIL + 8 * HOUR).metrics["m"]
    assert [point.value.value for point in points] == [3, 3]


def test_an_unknown_where_makes_the_item_unknown_and_a_false_one_removes_it() -> None:
    build = probe()
    up = build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    some = build.compare(up, ">", build.constant(Fraction(1, 2)))
    build.metrics["m"] = build.aggregate("mean", up, ExactWindow(4 * HOUR), where=some)
    # Items: 1; removed; 1 with bounds 1/2 and 1; unknown without bounds.
    assert only(evaluate(build.build(), FOUR_HOURS, APRIL, APRIL + 4 * HOUR)) == value(
        None, 1, None, Fraction(1, 2)
    )
