"""Streams, signals, windows and aggregates over time: rules M1 to M3, M5, M6, M10 to M12."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from wsla.analysis.operations import TimeFilter
from wsla.evaluation.reference import evaluate
from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import Verdict
from wsla.testing.plans import BOOLEAN, DURATION, NUMBER, PlanBuilder, observe
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, RollingWindow
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND, Interval, from_local
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

APRIL = 1_775_001_600 * SECOND  # 2026-04-01T00:00Z, a month of 30 days
MAY = APRIL + 30 * DAY
EACH_MONTH = CalendarWindow(CalendarUnit.MONTH)
EACH_DAY = CalendarWindow(CalendarUnit.DAY)
EACH_HOUR = ExactWindow(HOUR)


def probe(*, staleness: int | None = None, start: int = APRIL, end: int | None = None) -> PlanBuilder:
    build = PlanBuilder(start=start, end=end)
    build.samples("probe", {"ok": BOOLEAN, "elapsed": DURATION, "load": NUMBER}, staleness=staleness)
    return build


def ok(at: int, value: bool | None) -> Observation:
    return observe("probe", at, ok=value)


def only(outcome: Outcome, metric: str = "m"):
    (point,) = outcome.metrics[metric]
    return point.value


def test_exactly_the_budget_of_downtime_in_a_month_is_met() -> None:
    build = probe()
    goal = build.available("up", build.field("probe", "ok"), Fraction(999, 1000), EACH_MONTH)
    assert goal == "up"
    down = [ok(APRIL, True), ok(APRIL + DAY, False), ok(APRIL + DAY + 2592 * SECOND, True)]
    (met,) = evaluate(build.build(), down, APRIL, MAY).judgements
    assert (met.verdict, met.value, met.budget_left, met.final) == (Verdict.MET, Fraction(999, 1000), 0, True)
    longer = [*down[:2], ok(APRIL + DAY + 2592 * SECOND + 1, True)]
    (missed,) = evaluate(build.build(), longer, APRIL, MAY).judgements
    assert (missed.verdict, missed.budget, missed.budget_left) == (Verdict.VIOLATED, 2592 * SECOND, -1)


def test_the_first_of_two_samples_of_one_instant_stands() -> None:
    build = probe()
    build.metrics["m"] = build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    count = build.aggregate("count", None, EACH_HOUR, source="probe")
    build.metrics["n"] = count
    seen = [ok(APRIL, True), ok(APRIL, False), ok(APRIL, None)]
    outcome = evaluate(build.build(), seen, APRIL, APRIL + HOUR)
    assert only(outcome).value == 1
    assert only(outcome, "n").value == 1


def test_a_sample_on_the_edge_belongs_to_the_window_that_begins() -> None:
    build = probe()
    build.metrics["m"] = build.aggregate("count", None, EACH_HOUR, source="probe")
    seen = [ok(APRIL + HOUR - 1, True), ok(APRIL + HOUR, True), ok(APRIL + HOUR + 1, True)]
    points = evaluate(build.build(), seen, APRIL, APRIL + 2 * HOUR).metrics["m"]
    assert [point.value.value for point in points] == [1, 2]
    assert [point.window.start for point in points] == [APRIL, APRIL + HOUR]


def test_a_sample_holds_until_just_before_its_staleness() -> None:
    build = probe(staleness=10 * MINUTE)
    build.metrics["m"] = build.aggregate("duration", build.field("probe", "ok"), EACH_HOUR)
    value = only(evaluate(build.build(), [ok(APRIL, True)], APRIL, APRIL + HOUR))
    assert (value.value, value.lower, value.upper) == (10 * MINUTE, 10 * MINUTE, HOUR)
    assert value.coverage == Fraction(1, 6)
    build.rule("down", build.negation(build.field("probe", "ok")))
    (changes,) = evaluate(build.build(), [ok(APRIL, True)], APRIL, APRIL + HOUR).triggers.values()
    assert [(x.at, x.value) for x in changes] == [(APRIL, False), (APRIL + 10 * MINUTE, None)]


def test_without_staleness_a_sample_holds_and_before_the_first_nothing_is_known() -> None:
    build = probe()
    build.metrics["m"] = build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    value = only(evaluate(build.build(), [ok(APRIL + 15 * MINUTE, True)], APRIL, APRIL + HOUR))
    assert (value.value, value.lower, value.upper, value.coverage) == (1, Fraction(3, 4), 1, Fraction(3, 4))


def test_an_unknown_field_ends_what_was_known() -> None:
    build = probe()
    build.metrics["m"] = build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    seen = [ok(APRIL, True), ok(APRIL + 30 * MINUTE, None)]
    assert only(evaluate(build.build(), seen, APRIL, APRIL + HOUR)).coverage == Fraction(1, 2)


def test_an_observation_at_the_instant_asked_about_does_not_exist() -> None:
    build = probe()
    build.metrics["m"] = build.aggregate("count", None, EACH_DAY, source="probe")
    seen = [ok(APRIL + HOUR - 1, True), ok(APRIL + HOUR, True)]
    assert only(evaluate(build.build(), seen, APRIL, APRIL + HOUR)).value == 1


@pytest.mark.parametrize(
    ("operator", "right", "left", "expected"),
    [
        ("and", False, None, False),
        ("and", True, None, None),
        ("or", True, None, True),
        ("or", False, None, None),
        ("implies", None, False, True),
        ("implies", True, None, True),
        ("implies", None, True, None),
        ("implies", False, None, None),
    ],
)
def test_kleene(operator: str, left: bool | None, right: bool | None, expected: bool | None) -> None:
    build = PlanBuilder(start=APRIL)
    build.samples("a", {"x": BOOLEAN})
    build.samples("b", {"x": BOOLEAN})
    build.rule("r", build.logical(build.field("a", "x"), operator, build.field("b", "x")))
    seen = [observe("a", APRIL, x=left), observe("b", APRIL, x=right)]
    (change,) = evaluate(build.build(), seen, APRIL, APRIL + HOUR).triggers["r"]
    assert change.value is expected


def test_division_by_zero_is_unknown_and_so_is_a_table_of_it() -> None:
    build = probe()
    load = build.field("probe", "load")
    quotient = build.arithmetic(build.constant(Fraction(1)), "/", load)
    table = build.choice(
        quotient,
        [(">=", build.constant(Fraction(1)), build.constant(Fraction(7)))],
        build.constant(Fraction(9)),
    )
    build.metrics["m"] = build.aggregate("time_mean", table, EACH_HOUR)
    seen = [
        observe("probe", APRIL, load=0),
        observe("probe", APRIL + 20 * MINUTE, load=1_000_000),
        observe("probe", APRIL + 40 * MINUTE, load=2_000_000),
    ]
    value = only(evaluate(build.build(), seen, APRIL, APRIL + HOUR))
    assert (value.value, value.lower, value.upper, value.coverage) == (8, None, None, Fraction(2, 3))


def test_time_mean_weighs_by_time_and_is_exact_when_all_is_known() -> None:
    build = probe()
    build.metrics["m"] = build.aggregate("time_mean", build.field("probe", "load"), EACH_HOUR)
    seen = [observe("probe", APRIL, load=1_000_000), observe("probe", APRIL + 45 * MINUTE, load=5_000_000)]
    value = only(evaluate(build.build(), seen, APRIL, APRIL + HOUR))
    assert (value.value, value.lower, value.upper, value.coverage) == (2, 2, 2, 1)


def test_downtime_is_the_duration_of_not() -> None:
    build = probe()
    condition = build.field("probe", "ok")
    build.metrics["m"] = build.aggregate("downtime", condition, EACH_HOUR)
    build.metrics["n"] = build.aggregate("duration", build.negation(condition), EACH_HOUR)
    seen = [ok(APRIL + MINUTE, False), ok(APRIL + 3 * MINUTE, True), ok(APRIL + 9 * MINUTE, None)]
    outcome = evaluate(build.build(), seen, APRIL, APRIL + HOUR)
    assert only(outcome) == only(outcome, "n")
    assert only(outcome).value == 2 * MINUTE


@pytest.mark.parametrize(
    ("month", "day", "hours"), [(3, 29, 23), (10, 25, 25), (3, 28, 24)], ids=["short", "long", "plain"]
)
def test_a_local_day_is_as_long_as_the_clocks_say(month: int, day: int, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = from_local(datetime(2026, month, day), zone)
    build = probe(start=start)
    build.metrics["m"] = build.aggregate(
        "duration", build.field("probe", "ok"), CalendarWindow(CalendarUnit.DAY, zone="Europe/Berlin")
    )
    outcome = evaluate(build.build(), [ok(start, True)], start, start + hours * HOUR)
    assert only(outcome).value == hours * HOUR
    assert only(outcome).coverage == 1


@pytest.mark.parametrize(("month", "day", "hours"), [(3, 29, 1), (10, 25, 3)])
def test_maintenance_is_cut_out_by_local_time(month: int, day: int, hours: int) -> None:
    start = from_local(datetime(2026, month, day), ZoneInfo("Europe/Berlin"))
    build = probe(start=start)
    build.schedule(Schedule("maintenance", "Europe/Berlin", (WeeklyHours(ALL_WEEK, 2 * HOUR, 4 * HOUR),)))
    window = CalendarWindow(CalendarUnit.DAY, zone="Europe/Berlin")
    build.metrics["m"] = build.aggregate(
        "duration", build.field("probe", "ok"), window, filter=TimeFilter(excluding=("maintenance",))
    )
    value = only(evaluate(build.build(), [ok(start, True)], start, start + 20 * HOUR))
    (point,) = evaluate(build.build(), [ok(start, True)], start, start + 20 * HOUR).metrics["m"]
    assert value.upper == point.window.length - hours * HOUR


def test_a_window_without_kept_time_does_not_exist() -> None:
    build = probe()
    build.schedule(Schedule("evening", "UTC", (WeeklyHours(ALL_WEEK, 18 * HOUR, 20 * HOUR),)))
    build.metrics["m"] = build.aggregate(
        "count", None, EACH_HOUR, source="probe", filter=TimeFilter(during=("evening",))
    )
    points = evaluate(build.build(), [], APRIL, APRIL + DAY).metrics["m"]
    assert [point.window.start - APRIL for point in points] == [18 * HOUR, 19 * HOUR]


def test_windows_are_cut_to_the_term() -> None:
    build = probe(start=APRIL + 6 * HOUR, end=APRIL + DAY + 6 * HOUR)
    build.metrics["m"] = build.aggregate("duration", build.field("probe", "ok"), EACH_DAY)
    points = evaluate(build.build(), [ok(APRIL, True)], APRIL + 6 * HOUR, APRIL + 5 * DAY).metrics["m"]
    assert [point.value.value for point in points] == [18 * HOUR, 6 * HOUR]
    assert [point.window.length for point in points] == [DAY, DAY]


def test_rolling_windows_end_on_ticks_after_the_start_and_inside_the_term() -> None:
    build = probe(end=APRIL + 3 * HOUR)
    build.metrics["m"] = build.aggregate("count", None, RollingWindow(2 * HOUR, HOUR), source="probe")
    points = evaluate(build.build(), [ok(APRIL, True)], APRIL, APRIL + 5 * HOUR).metrics["m"]
    assert [point.window.end - APRIL for point in points] == [HOUR, 2 * HOUR, 3 * HOUR]
    assert [point.value.value for point in points] == [1, 1, 0]
    later = evaluate(build.build(), [ok(APRIL, True)], APRIL + HOUR, APRIL + 2 * HOUR).metrics["m"]
    assert [point.window for point in later] == [Interval(APRIL, APRIL + 2 * HOUR)]


def test_each_label_combination_begins_with_its_first_observation() -> None:
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"ok": BOOLEAN}, labels=("region",))
    build.metrics["m"] = build.aggregate(
        "availability", build.field("probe", "ok"), EACH_HOUR, by=("region",)
    )
    seen = [
        observe("probe", APRIL, region="us", ok=False),
        observe("probe", APRIL + HOUR, region="eu", ok=True),
        observe("probe", APRIL + HOUR, ok=True),
    ]
    points = evaluate(build.build(), seen, APRIL, APRIL + 2 * HOUR).metrics["m"]
    assert [(dict(x.labels)["region"], x.window.start - APRIL, x.value.value) for x in points] == [
        ("eu", HOUR, 1),
        ("us", 0, 0),
        ("us", HOUR, 0),
    ]


def test_labels_combine_where_equal_and_the_unlabelled_with_all() -> None:
    # M7: equal labels meet; what has none meets every combination.
    build = PlanBuilder(start=APRIL)
    build.samples("a", {"x": BOOLEAN}, labels=("region",))
    build.samples("b", {"x": BOOLEAN}, labels=("region",))
    build.samples("c", {"x": BOOLEAN})
    both = build.logical(build.field("a", "x"), "and", build.field("b", "x"))
    build.rule("r", build.logical(both, "and", build.field("c", "x")), by=("region",))
    seen = [
        observe("a", APRIL, region="eu", x=True),
        observe("b", APRIL, region="eu", x=True),
        observe("a", APRIL, region="us", x=True),
        observe("c", APRIL, x=True),
    ]
    changes = evaluate(build.build(), seen, APRIL, APRIL + HOUR).triggers["r"]
    assert [(dict(x.labels)["region"], x.value) for x in changes] == [("eu", True), ("us", None)]
