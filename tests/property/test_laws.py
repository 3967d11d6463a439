"""Laws that hold whatever the agreement says: each engine is held to them, not only to its equals."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from wsla.analysis.operations import Aggregate
from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import Verdict
from wsla.plan.model import Plan
from wsla.remedies.decider import decide
from wsla.remedies.decisions import LedgerEntry
from wsla.testing.boundaries import boundary_cases
from wsla.testing.engines import ENGINES, Engine
from wsla.testing.plans import BOOLEAN, NUMBER, PlanBuilder, observe
from wsla.testing.shifted import PERIOD, shifted_case, shifted_outcome
from wsla.testing.strategies import Case, cases
from wsla.values.calendars import ExactWindow
from wsla.values.instants import DAY, MINUTE, SECOND, Interval
from wsla.values.observations import Observation
from wsla.values.schedules import ALL_WEEK, Schedule, WeeklyHours

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=18)

each_engine = pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)


def judged(engine: Engine, case: Case) -> Outcome:
    return engine(case.plan, case.observations, case.start, case.until)


# Time


def booked(case: Case, outcome: Outcome) -> list[LedgerEntry]:
    return [one for one in decide(case.plan, outcome) if isinstance(one, LedgerEntry)]


@each_engine
@QUICK
@given(case=cases())
def test_time_shifted_by_whole_periods_shifts_the_verdicts(engine: Engine, case: Case) -> None:
    later = shifted_case(case, PERIOD)
    found, expected = judged(engine, later), shifted_outcome(judged(engine, case), PERIOD)
    assert found == expected
    # What is booked for it is the same money for the same windows, later.
    assert [
        (one.kind, one.amount, one.currency, one.labels, one.window, one.at) for one in booked(later, found)
    ] == [
        (
            one.kind,
            one.amount,
            one.currency,
            one.labels,
            Interval(one.window.start + PERIOD, one.window.end + PERIOD),
            one.at + PERIOD,
        )
        for one in booked(case, judged(engine, case))
    ]


# One more good observation


@st.composite
def monotone_cases(draw: DrawFn) -> tuple[Case, Observation]:
    """Metrics that a good observation can only better, and one more of them at an instant that has none."""
    unit = draw(st.sampled_from((SECOND, MINUTE)))
    window = ExactWindow(60 * unit)
    build = PlanBuilder()
    staleness = draw(st.sampled_from((None, unit, 3 * unit, 20 * unit)))
    build.samples("probe", {"ok": BOOLEAN}, staleness=staleness, every=unit)
    build.records("orders", {"good": BOOLEAN}, every=unit)
    ok, good = build.field("probe", "ok"), build.field("orders", "good")
    target = draw(st.sampled_from((Fraction(1, 2), Fraction(9, 10), Fraction(1))))
    for function in ("availability", "duration", "downtime", "longest"):
        build.metrics[function] = build.aggregate(function, ok, window)
    build.metrics["share"] = build.aggregate("share", ok, window, source="probe")
    build.metrics["orders"] = build.aggregate("share", good, window, source="orders")
    build.metrics["number"] = build.aggregate("count", None, window, source="orders", where=good)
    for name in ("availability", "share", "orders"):
        value = build.metrics[name]
        build.goal(name, build.compare(value, ">=", build.constant(target)), window, value=value)
    instants = st.integers(-5, 180).map(lambda step: step * unit)
    truths = st.sampled_from((True, False, None))
    rows = draw(st.dictionaries(st.tuples(st.sampled_from(("probe", "orders")), instants), truths))
    field = {"probe": "ok", "orders": "good"}
    seen = [observe(source, at, **{field[source]: truth}) for (source, at), truth in rows.items()]
    source, at = draw(st.tuples(st.sampled_from(("probe", "orders")), instants))
    assume((source, at) not in rows)
    case = Case(
        plan=build.build(),
        observations=tuple(sorted(seen, key=lambda one: one.at)),
        start=0,
        until=draw(st.integers(1, 180)) * unit,
    )
    return case, observe(source, at, **{field[source]: True})


def at_least(found: object, before: object) -> bool:
    return before is None or (found is not None and cast(Fraction, found) >= cast(Fraction, before))


@each_engine
@QUICK
@given(drawn=monotone_cases())
def test_one_more_good_observation_never_lowers_attainment(
    engine: Engine, drawn: tuple[Case, Observation]
) -> None:
    """For availability, duration, longest, share and a count of what is good; downtime never rises (M12 to M14)."""
    case, more = drawn
    together = tuple(sorted((*case.observations, more), key=lambda one: one.at))
    before, after = judged(engine, case), judged(engine, evolve(case, observations=together))
    for name, points in before.metrics.items():
        values = {point.window: point.value for point in after.metrics[name]}
        for point in points:
            old, new = point.value, values[point.window]
            if name == "downtime":
                assert old.value is None or at_least(old.value, new.value), (name, point.window)
                assert at_least(old.upper, new.upper), (name, point.window)
            elif name == "share":
                # The bounds of a share of samples say nothing but 0 and 1 until all of the window is known (M13).
                assert at_least(new.value, old.value), (name, point.window)
            else:
                assert at_least(new.value, old.value), (name, point.window)
                assert at_least(new.lower, old.lower), (name, point.window)
    verdicts = {(one.goal, one.window): one.verdict for one in after.judgements}
    for one in before.judgements:
        if one.verdict in (Verdict.MET, Verdict.SECURED):
            assert verdicts[one.goal, one.window] is one.verdict, one


# Splitting and joining again

_JOINED = {"count": "sum", "sum": "sum", "min": "min", "max": "max"}


@st.composite
def split_cases(draw: DrawFn) -> tuple[Case, Case]:
    """The same rows under one source without labels, and under one that tells them apart by a region."""
    unit = MINUTE
    window = ExactWindow(20 * unit)
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 90),
                st.sampled_from((0, 1, 2, 5, None)),
                st.sampled_from((True, False, None)),
                st.sampled_from(("eu", "us", "asia")),
            ),
            unique_by=lambda row: row[0],
            max_size=20,
        )
    )

    def case(labels: tuple[str, ...], *, records: bool) -> Case:
        build = PlanBuilder()
        add = build.records if records else build.samples
        add("rows", {"size": NUMBER, "good": BOOLEAN}, labels=labels)
        size, good = build.field("rows", "size"), build.field("rows", "good")
        for function in ("count", "sum", "mean", "min", "max", "median", "mode", "span", "variance"):
            build.metrics[function] = build.aggregate(function, size, window, source="rows")
        build.metrics["share"] = build.aggregate("share", good, window, source="rows")
        build.metrics["where"] = build.aggregate("sum", size, window, source="rows", where=good)
        for function, joined in _JOINED.items():
            name = f"joined {function}"
            if labels:
                apart = build.aggregate(function, size, window, source="rows", by=labels)
                build.metrics[name] = build.across(joined, apart)
            else:
                build.metrics[name] = build.aggregate(function, size, window, source="rows")
        seen = tuple(
            observe(
                "rows",
                at * unit,
                size=None if number is None else number * 10**6,
                good=truth,
                **({"region": region} if labels else {}),
            )
            for at, number, truth, region in sorted(rows, key=lambda row: row[0])
        )
        return Case(plan=build.build(), observations=seen, start=0, until=100 * unit)

    records = draw(st.booleans())
    return case((), records=records), case(("region",), records=records)


@each_engine
@QUICK
@given(drawn=split_cases())
def test_splitting_a_source_by_a_label_and_joining_it_again_changes_nothing(
    engine: Engine, drawn: tuple[Case, Case]
) -> None:
    """Values are the same; where rows are records, bounds and coverage are too (M13, M14, M61)."""
    whole, split = judged(engine, drawn[0]), judged(engine, drawn[1])
    records = drawn[0].plan.sources[0].records
    for name, points in whole.metrics.items():
        values = {point.window: point.value for point in split.metrics[name]}
        for point in points:
            if point.window in values:
                assert values[point.window].value == point.value.value, (name, point.window)
            if not name.startswith("joined"):
                assert point.window in values
                if records:
                    assert values[point.window] == point.value, (name, point.window)


# Excluding everything


def without_time(plan: Plan) -> Plan:
    """The plan, with all time cut out of every function."""
    always = Schedule("always", "UTC", (WeeklyHours(ALL_WEEK, 0, DAY),))
    operations = tuple(
        evolve(one, filter=evolve(one.filter, excluding=(*one.filter.excluding, "always")))
        if isinstance(one, Aggregate)
        else one
        for one in plan.operations
    )
    return evolve(plan, operations=operations, schedules=(*plan.schedules, always))


@each_engine
@QUICK
@given(case=cases())
def test_excluding_everything_leaves_no_verdict(engine: Engine, case: Case) -> None:
    """M11: a window without kept time does not exist, for goals and for metrics, and nobody owes anything for it."""
    empty = evolve(case, plan=without_time(case.plan))
    outcome = judged(engine, empty)
    assert not outcome.judgements
    assert not any(outcome.metrics.values())
    goals = {goal.name for goal in case.plan.goals}
    assert not [one for one in decide(empty.plan, outcome) if one.cause in goals]


# Values on the boundary


@each_engine
@QUICK
@given(drawn=boundary_cases())
def test_a_nanosecond_decides(engine: Engine, drawn: tuple[Case, str, int]) -> None:
    """M12, M21: an outage of exactly the budget is met by ``>=`` and violates ``>``, in a window of any length."""
    case, operator, beside = drawn
    met = beside < 0 or (beside == 0 and operator == ">=")
    [judgement] = judged(engine, case).judgements
    assert judgement.verdict is (Verdict.MET if met else Verdict.VIOLATED)


# What is said of open windows


_KEPT = {Verdict.SECURED: Verdict.MET, Verdict.LOST: Verdict.VIOLATED}


@each_engine
@QUICK
@given(case=cases(), share=st.integers(0, 1000), data=st.data())
def test_secured_and_lost_are_never_taken_back(
    engine: Engine, case: Case, share: int, data: st.DataObject
) -> None:
    """M13, M16, M18, M22, M59: whatever is observed later. (`provided` is looked at only when the window closes; and of
    a window that closes with nothing to look at M21 says what it says.)
    """
    early = case.start + max(1, (case.until - case.start) * share // 1000)
    before = engine(case.plan, case.observations, case.start, early)
    # What follows is any of what might have come.
    kept = tuple(one for one in case.observations if one.at < early or data.draw(st.booleans()))
    after = engine(case.plan, kept, case.start, max(early, case.until))
    # An outage's window ends earlier than it might.
    later = {(one.goal, one.labels, one.window.start): one for one in after.judgements}
    conditional = {goal.name for goal in case.plan.goals if goal.provided is not None}
    for one in before.judgements:
        if one.verdict in _KEPT:
            closing = later[one.goal, one.labels, one.window.start]
            if closing.value is None:
                continue
            found = closing.verdict
            allowed = {one.verdict, _KEPT[one.verdict]}
            if one.goal in conditional:
                allowed |= {Verdict.NOT_APPLICABLE, Verdict.UNKNOWN}
            assert found in allowed, (one, found)
