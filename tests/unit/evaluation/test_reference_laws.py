"""Laws of the reference evaluator, on whatever the strategies draw."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from wsla.evaluation.reference import evaluate
from wsla.evaluation.report import Outcome
from wsla.evaluation.verdicts import CLOSED_VERDICTS, Judgement, SeriesValue, Verdict
from wsla.testing.plans import BOOLEAN, PlanBuilder, observe
from wsla.testing.strategies import Case, cases
from wsla.values.calendars import CalendarUnit, CalendarWindow, ExactWindow, RollingWindow
from wsla.values.instants import DAY, HOUR, MINUTE, SECOND, Interval

APRIL = 1_775_001_600 * SECOND
few = settings(max_examples=25, deadline=None)


def judge(case: Case) -> Outcome:
    return evaluate(case.plan, case.observations, case.start, case.until)


def in_order(value: SeriesValue) -> bool:
    return value.lower is None or value.upper is None or value.lower <= value.upper  # type: ignore[operator]


@few
@given(cases())
def test_what_is_drawn_is_judged_and_the_outcome_has_its_form(case: Case) -> None:
    outcome = judge(case)
    order = [goal.name for goal in case.plan.goals]
    keys = [(order.index(x.goal), x.labels, x.window) for x in outcome.judgements]
    assert keys == sorted(set(keys))
    for judgement in outcome.judgements:
        assert judgement.final == (judgement.window.end <= case.until)
        closed = judgement.verdict in CLOSED_VERDICTS
        assert closed == judgement.final or judgement.verdict is Verdict.UNKNOWN
        assert 0 <= judgement.coverage <= 1
    for points in outcome.metrics.values():
        assert all(0 <= point.value.coverage <= 1 and in_order(point.value) for point in points)
        assert list(points) == sorted(points, key=lambda x: (x.labels, x.window))
    for changes in outcome.triggers.values():
        assert all(case.start <= change.at <= case.until for change in changes)
        for labels in {change.labels for change in changes}:
            values = [change.value for change in changes if change.labels == labels]
            assert all(a is not b for a, b in pairwise(values))


@few
@given(cases())
def test_duplicates_and_what_comes_too_late_change_nothing(case: Case) -> None:
    keyless = {x.name for x in case.plan.sources if x.records and x.key is None}
    again = [x for x in case.observations if x.source not in keyless]
    late = [evolve(x, at=x.at + case.until) for x in case.observations if x.at >= 0]
    seen = sorted([*case.observations, *again, *late], key=lambda x: x.at)
    assert evaluate(case.plan, seen, case.start, case.until) == judge(case)


@few
@given(cases(), st.data())
def test_unknown_fields_given_as_missing_are_the_same(case: Case, data: st.DataObject) -> None:
    thinned = tuple(
        evolve(x, fields={name: value for name, value in x.fields.items() if value is not None})
        for x in case.observations
    )
    assert evaluate(case.plan, thinned, case.start, case.until) == judge(case)


@few
@given(cases(), st.data())
def test_what_is_final_never_changes(case: Case, data: st.DataObject) -> None:
    """What is judged final at an instant is judged the same later, whatever versions of records come."""
    middle = data.draw(st.integers(case.start + 1, case.until))
    early = evaluate(case.plan, case.observations, case.start, middle)
    later = {(x.goal, x.labels, x.window): x for x in judge(case).judgements}
    for judgement in early.judgements:
        if judgement.final:
            assert later[judgement.goal, judgement.labels, judgement.window] == judgement


def simple(shift: int, window: CalendarWindow | ExactWindow | RollingWindow) -> PlanBuilder:
    build = PlanBuilder(start=APRIL + shift, end=APRIL + shift + 5 * DAY)
    build.samples("probe", {"ok": BOOLEAN}, staleness=90 * MINUTE)
    build.available("up", build.field("probe", "ok"), Fraction(9, 10), window)
    return build


windows = st.sampled_from(
    [CalendarWindow(CalendarUnit.DAY), ExactWindow(8 * HOUR), RollingWindow(12 * HOUR, 6 * HOUR)]
)
looks = st.lists(
    st.tuples(st.integers(0, 120), st.sampled_from([True, True, False, None])),
    max_size=60,
    unique_by=lambda x: x[0],
)


@few
@given(looks, windows, st.integers(-40, 400))
def test_whole_days_in_utc_shift_everything(
    seen: list[tuple[int, bool | None]], window: CalendarWindow, days: int
) -> None:
    def judged(shift: int) -> list[Judgement]:
        moved = [observe("probe", APRIL + shift + hour * HOUR, ok=value) for hour, value in sorted(seen)]
        plan = simple(shift, window).build()
        return list(evaluate(plan, moved, APRIL + shift, APRIL + shift + 4 * DAY).judgements)

    shift = days * DAY
    here = [evolve(x, window=Interval(x.window.start + shift, x.window.end + shift)) for x in judged(0)]
    assert here == judged(shift)


@few
@given(looks, windows, st.integers(0, 119))
def test_one_more_good_look_where_nothing_was_known_never_hurts(
    seen: list[tuple[int, bool | None]], window: CalendarWindow, hour: int
) -> None:
    """A look that says good can only replace what was unknown or bad by good, until the next look."""
    plan = simple(0, window).build()
    base = [observe("probe", APRIL + h * HOUR, ok=value) for h, value in sorted(seen)]
    good = observe("probe", APRIL + hour * HOUR + 1, ok=True)
    more = sorted([*base, good], key=lambda x: x.at)
    before = evaluate(plan, base, APRIL, APRIL + 4 * DAY).judgements
    after = evaluate(plan, more, APRIL, APRIL + 4 * DAY).judgements
    for a, b in zip(before, after, strict=True):
        assert a.coverage <= b.coverage
        assert a.lower <= b.lower  # type: ignore[operator]
        assert a.value is None or b.value is None or a.value <= b.value  # type: ignore[operator]


@few
@given(looks, windows)
def test_what_was_unknown_lies_within_the_bounds_whatever_it_was(
    seen: list[tuple[int, bool | None]], window: CalendarWindow
) -> None:
    plan = simple(0, window).build()
    start, until = APRIL, APRIL + 4 * DAY

    def judged(unknown_as: bool | None) -> tuple[Judgement, ...]:
        filled = dict(seen)
        for hour in range(0, 121):
            held = any(h in filled for h in (hour, hour - 1))
            if unknown_as is not None and (not held or filled.get(hour, True) is None):
                filled[hour] = unknown_as
        looks = [observe("probe", start + h * HOUR, ok=value) for h, value in sorted(filled.items())]
        return evaluate(plan, looks, start, until).judgements

    for other in (True, False):
        for a, b in zip(judged(None), judged(other), strict=True):
            if not b.final:
                continue
            assert a.lower <= b.lower <= b.upper <= a.upper  # type: ignore[operator]
