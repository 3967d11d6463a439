"""Formulas over series, verdicts, budgets, amounts, and signals made of them: rules M19 to M25 and M28."""

from __future__ import annotations

from fractions import Fraction

import pytest

from wsla.analysis.operations import TimeFilter
from wsla.evaluation.reference import evaluate
from wsla.evaluation.reference.bounds import (
    combine_arithmetic,
    combine_choice,
    combine_compare,
    combine_logical,
    combine_negation,
)
from wsla.evaluation.verdicts import Judgement, SeriesValue, Verdict
from wsla.plan.model import Budget, UnknownTime
from wsla.testing.plans import BOOLEAN, NUMBER, PlanBuilder, euros, observe
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

APRIL = 1_775_001_600 * SECOND  # 2026-04-01T00:00Z
EACH_HOUR = ExactWindow(HOUR)
EACH_DAY = CalendarWindow(CalendarUnit.DAY)


def series(lower: object, middle: object, upper: object, coverage: object = 1) -> SeriesValue:
    return SeriesValue(value=middle, lower=lower, upper=upper, coverage=Fraction(coverage))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("symbol", "lower", "upper"),
    [("+", 0, 7), ("-", -6, 1), ("*", -5, 10), ("/", Fraction(-1), Fraction(2))],
)
def test_interval_arithmetic(symbol: str, lower: object, upper: object) -> None:
    found = combine_arithmetic(symbol, series(-1, 0, 2), series(1, 2, 5, Fraction(1, 2)))
    assert (found.lower, found.upper, found.coverage) == (lower, upper, Fraction(1, 2))


def test_no_bounds_where_one_is_missing_or_the_divisor_may_be_zero() -> None:
    assert combine_arithmetic("/", series(1, 1, 1), series(0, 1, 2)) == series(None, 1, None)
    assert combine_arithmetic("+", series(1, 1, None), series(1, 1, 1)) == series(None, 2, None)


@pytest.mark.parametrize(
    ("symbol", "right", "lower", "upper"),
    [
        ("<=", 5, True, True),
        ("<", 5, False, True),
        ("<=", 3, False, True),
        ("<", 3, False, False),
        ("<=", Fraction(2), False, False),
        (">=", 3, True, True),
        (">", 3, False, True),
        (">", 5, False, False),
        (">=", 5, False, True),
        ("==", 4, False, True),
        ("==", 6, False, False),
        ("!=", 6, True, True),
        ("!=", 4, False, True),
    ],
)
def test_a_comparison_holds_for_every_value_or_for_none(
    symbol: str, right: object, lower: bool, upper: bool
) -> None:
    found = combine_compare(symbol, series(3, 4, 5), series(right, right, right))
    assert (found.lower, found.upper) == (lower, upper)


def test_without_bounds_a_comparison_claims_nothing() -> None:
    one = series(1, 1, 1)
    assert combine_compare("<=", series(None, 0, None), one) == series(False, True, True)
    assert combine_compare(">=", series(2, 2, None), one) == series(True, True, True)
    assert combine_compare("==", one, one) == series(True, True, True)


def test_logic_takes_bounds_one_by_one_and_not_swaps_them() -> None:
    perhaps = series(False, None, True, Fraction(1, 2))
    false, true = series(False, False, False), series(True, True, True)
    assert combine_logical("and", perhaps, false) == series(False, False, False, Fraction(1, 2))
    assert combine_logical("or", perhaps, false) == series(False, None, True, Fraction(1, 2))
    assert combine_logical("implies", perhaps, false) == combine_negation(perhaps)
    assert combine_logical("implies", false, perhaps) == series(True, True, True, Fraction(1, 2))
    assert combine_negation(true) == false
    assert combine_negation(series(False, True, True)) == series(False, False, True)


def test_a_table_is_bounded_where_its_subject_and_its_arm_are() -> None:
    ten, one = series(10, 10, 10), series(1, 1, 1)
    arms = [(">=", one, ten)]
    assert combine_choice(series(2, 2, 2), arms, one, boolean=False) == ten
    assert combine_choice(series(0, 2, 2), arms, one, boolean=False) == series(None, 10, None)
    assert combine_choice(series(0, 0, 0), arms, None, boolean=False) == series(None, None, None)
    assert combine_choice(series(None, None, None), arms, one, boolean=True) == series(False, None, True)


def uptime(target: Fraction, policy: UnknownTime, **options: object) -> PlanBuilder:
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"ok": BOOLEAN, "load": NUMBER})
    up = build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    build.goal(
        "up",
        build.compare(up, ">=", build.constant(target)),
        EACH_HOUR,
        value=up,
        unknown_time=policy,
        budget=Budget(aggregate=up, target=target, time=True),
        otherwise=(build.credit(build.arithmetic(up, "*", build.constant(Fraction(100), euros()))),),
        **options,  # type: ignore[arg-type]
    )
    return build


def ok(minute: int, value: bool | None) -> Observation:
    return observe("probe", APRIL + minute * MINUTE, ok=value)


def judged(build: PlanBuilder, seen: list[Observation], until: int = APRIL + HOUR) -> Judgement:
    (judgement,) = evaluate(build.build(), seen, APRIL, until).judgements
    return judgement


HALF_KNOWN = [ok(0, True), ok(15, False), ok(30, None)]


@pytest.mark.parametrize(
    ("policy", "verdict", "amount", "left"),
    [
        (UnknownTime.EXCLUDED, Verdict.UNKNOWN, 50, 15),
        (UnknownTime.MET, Verdict.MET, 75, 15),
        (UnknownTime.MISSED, Verdict.VIOLATED, 25, -15),
        (UnknownTime.UNKNOWN, Verdict.UNKNOWN, 50, 15),
    ],
)
def test_between_the_bounds_the_policy_decides(
    policy: UnknownTime, verdict: Verdict, amount: int, left: int
) -> None:
    found = judged(uptime(Fraction(1, 2), policy), HALF_KNOWN)
    assert found.verdict is verdict
    assert found.budget_left == left * MINUTE
    ((_, booked),) = found.amounts
    assert booked == amount


@pytest.mark.parametrize("policy", list(UnknownTime))
def test_bounds_decide_before_any_policy(policy: UnknownTime) -> None:
    assert judged(uptime(Fraction(1, 4), policy), HALF_KNOWN).verdict is Verdict.MET
    assert judged(uptime(Fraction(4, 5), policy), HALF_KNOWN).verdict is Verdict.VIOLATED


def test_coverage_of_exactly_nine_tenths_is_enough() -> None:
    build = uptime(Fraction(95, 100), UnknownTime.EXCLUDED)
    assert judged(build, [ok(6, True)]).verdict is Verdict.MET
    late = [observe("probe", APRIL + 6 * MINUTE + 1, ok=True)]
    assert judged(build, late).verdict is Verdict.UNKNOWN


def test_an_unknown_value_falls_back_to_the_upper_bound_in_amounts() -> None:
    assert judged(uptime(Fraction(1, 2), UnknownTime.EXCLUDED), []).amounts[0][1] == 100


@pytest.mark.parametrize(
    ("loads", "verdict"), [(1, Verdict.NOT_APPLICABLE), (2, Verdict.MET), (None, Verdict.UNKNOWN)]
)
def test_provided_is_looked_at_when_the_window_closes(loads: int | None, verdict: Verdict) -> None:
    build = uptime(Fraction(1, 2), UnknownTime.EXCLUDED)
    load = build.aggregate("max", build.field("probe", "load"), EACH_HOUR, source="probe")
    provided = build.compare(load, ">=", build.constant(Fraction(2)))
    build.goals = []
    up = build.metrics.setdefault(
        "up", build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    )
    condition = build.compare(up, ">=", build.constant(Fraction(1, 2)))
    build.goal("up", condition, EACH_HOUR, value=up, provided=provided)
    raw = None if loads is None else loads * 1_000_000
    seen = [observe("probe", APRIL, ok=True, load=raw)]
    assert judged(build, seen).verdict is verdict
    assert judged(build, seen, APRIL + HOUR - 1).verdict is Verdict.SECURED


@pytest.mark.parametrize(
    ("until", "seen", "verdict"),
    [
        (30, [ok(0, True)], Verdict.SECURED),
        (29, [ok(0, True)], Verdict.ON_TRACK),
        (30, [ok(0, False)], Verdict.AT_RISK),
        (31, [ok(0, False)], Verdict.LOST),
        (31, [], Verdict.UNKNOWN),
    ],
)
def test_open_windows(until: int, seen: list[Observation], verdict: Verdict) -> None:
    found = judged(uptime(Fraction(1, 2), UnknownTime.MISSED), seen, APRIL + until * MINUTE)
    assert (found.verdict, found.final, found.amounts) == (verdict, False, ())


def test_the_budget_of_an_open_window_counts_only_what_has_passed() -> None:
    found = judged(uptime(Fraction(1, 2), UnknownTime.MISSED), [ok(10, False)], APRIL + 20 * MINUTE)
    assert (found.budget, found.budget_left) == (30 * MINUTE, 10 * MINUTE)


def test_a_budget_of_items_counts_inner_windows_to_come() -> None:
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"ok": BOOLEAN})
    up = build.aggregate("availability", build.field("probe", "ok"), EACH_HOUR)
    share = build.aggregate("share", build.compare(up, ">=", build.constant(Fraction(1))), EACH_DAY)
    target = Fraction(3, 4)
    build.goal(
        "fast",
        build.compare(share, ">=", build.constant(target)),
        EACH_DAY,
        budget=Budget(aggregate=share, target=target, time=False),
    )
    seen = [ok(0, True), ok(90, False), ok(91, True)]
    found = judged(build, seen, APRIL + 5 * HOUR)
    assert (found.budget, found.budget_left, found.verdict) == (6, 5, Verdict.ON_TRACK)


def test_a_series_as_a_signal_is_known_from_the_windows_end_as_it_was_known_then() -> None:
    # M20: unknown before the first end, then as known at each end.
    build = uptime(Fraction(1, 2), UnknownTime.EXCLUDED)
    up = build.goals[0].value
    build.rule("low", build.compare(build.latest(up), "<", build.constant(Fraction(1))))
    seen = [ok(0, True), ok(90, False)]
    changes = evaluate(build.build(), seen, APRIL, APRIL + 3 * HOUR).triggers["low"]
    assert [(x.at - APRIL, x.value) for x in changes] == [(0, None), (HOUR, False), (2 * HOUR, True)]


def test_violated_in_two_of_the_last_three_changes_after_the_grace() -> None:
    # M24, M25: a verdict is final once the grace has passed.
    build = uptime(Fraction(1), UnknownTime.EXCLUDED)
    build.rule("often", build.verdict_state("up", 2, 3))
    # Hours: violated, met, violated, met, met.
    seen = [ok(0, False), ok(1, True), ok(120, False), ok(121, True)]
    plan = build.build()
    changes = evaluate(plan, seen, APRIL, APRIL + 5 * HOUR + 10 * MINUTE).triggers["often"]
    assert [(x.at - APRIL, x.value) for x in changes] == [
        (0, False),
        (3 * HOUR + 10 * MINUTE, True),
        (4 * HOUR + 10 * MINUTE, False),
    ]
    until = APRIL + 3 * HOUR + 10 * MINUTE
    assert evaluate(plan, seen, APRIL, until).triggers["often"][-1].value is True
    assert evaluate(plan, seen, APRIL, until - 1).triggers["often"][-1].value is False


def test_goals_come_in_the_order_of_the_text_then_labels_then_windows() -> None:
    build = PlanBuilder(start=APRIL)
    build.samples("probe", {"ok": BOOLEAN}, labels=("region",))
    good = build.field("probe", "ok")
    build.available("second", good, Fraction(1), EACH_DAY, by=("region",))
    build.available("first", good, Fraction(1), EACH_HOUR, by=("region",))
    seen = [observe("probe", APRIL, region=x, ok=True) for x in ("us", "eu")]
    found = evaluate(build.build(), seen, APRIL, APRIL + DAY).judgements
    keys = [(x.goal, dict(x.labels)["region"], x.window) for x in found]
    assert keys == sorted(keys, key=lambda key: (key[0] == "first", *key[1:]))
    assert len(keys) == 2 + 48


def test_one_series_without_the_window_is_unknown_but_labels_need_a_series_of_theirs() -> None:
    build = PlanBuilder(start=APRIL)
    build.schedule(Schedule("morning", "UTC", (WeeklyHours(ALL_WEEK, 0, HOUR),)))
    build.samples("probe", {"ok": BOOLEAN}, labels=("region",))
    morning, by = TimeFilter(during=("morning",)), ("region",)
    early = build.aggregate("count", None, EACH_HOUR, source="probe", filter=morning, by=by)
    always = build.aggregate("count", None, EACH_HOUR, source="probe", by=by)
    in_all = build.aggregate("count", None, EACH_HOUR, source="probe")
    build.metrics["with"] = build.arithmetic(early, "+", always)
    build.metrics["alone"] = build.arithmetic(early, "+", in_all)
    seen = [observe("probe", APRIL, region="eu", ok=True)]
    found = evaluate(build.build(), seen, APRIL, APRIL + 2 * HOUR).metrics
    assert [point.value for point in found["with"]] == [series(2, 2, 2), series(None, None, None, 0)]
    assert [point.value for point in found["alone"]] == [series(2, 2, 2)]
