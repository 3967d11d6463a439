"""The streaming evaluator at the edges of windows, staleness, late data and standings, by hand-made examples."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from wsla.evaluation.stream import (
    Event,
    JudgementFinal,
    StandingChanged,
    StreamEvaluator,
    TooLate,
    TriggerChanged,
)
from wsla.evaluation.verdicts import Verdict
from wsla.plan.model import Plan
from wsla.testing.plans import BOOLEAN, DURATION, SHARE, PlanBuilder, observe
from wsla.values.calendars import ExactWindow, RollingWindow
from wsla.values.instants import MINUTE, SECOND, Interval
from wsla.values.observations import Observation

TARGET = Fraction(9, 10)


def builder(*, staleness: int | None = 30 * SECOND, labels: tuple[str, ...] = ()) -> PlanBuilder:
    found = PlanBuilder(grace=5 * MINUTE)
    found.samples("probe", {"ok": BOOLEAN, "elapsed": DURATION}, staleness=staleness, labels=labels)
    return found


def availability_plan(*, staleness: int | None = 30 * SECOND) -> Plan:
    plan = builder(staleness=staleness)
    up = plan.field("probe", "ok")
    plan.available("available", up, TARGET, ExactWindow(10 * MINUTE))
    plan.rule("down", plan.negation(up))
    return plan.build()


def ok(at: int, value: bool | None = True) -> Observation:
    return observe("probe", at, ok=value)


def feed(evaluator: StreamEvaluator, observations: list[Observation]) -> list[Event]:
    return [event for observation in observations for event in evaluator.observe(observation)]


def test_a_window_ends_before_a_sample_at_its_end_counts() -> None:
    evaluator = StreamEvaluator(availability_plan(staleness=None), 0)
    feed(evaluator, [ok(0)])
    (final,) = [e for e in evaluator.observe(ok(10 * MINUTE, False)) if isinstance(e, JudgementFinal)]
    assert final.at == 10 * MINUTE
    assert final.judgement.window == Interval(0, 10 * MINUTE)
    assert final.judgement.verdict is Verdict.MET
    assert final.judgement.value == 1
    assert final.judgement.budget_left == MINUTE


@pytest.mark.parametrize(("bad_ns", "verdict"), [(MINUTE, Verdict.MET), (MINUTE + 1, Verdict.VIOLATED)])
def test_the_budget_is_exact_to_the_nanosecond(bad_ns: int, verdict: Verdict) -> None:
    evaluator = StreamEvaluator(availability_plan(staleness=None), 0)
    feed(evaluator, [ok(0), ok(2 * MINUTE, False), ok(2 * MINUTE + bad_ns)])
    (judgement,) = evaluator.outcome(10 * MINUTE).judgements
    assert judgement.verdict is verdict
    assert judgement.budget_left == MINUTE - bad_ns


def test_a_sample_goes_stale_at_its_instant_and_not_if_a_new_one_comes_then() -> None:
    plan = availability_plan()
    evaluator = StreamEvaluator(plan, 0)
    feed(evaluator, [ok(0)])
    assert evaluator.advance(30 * SECOND - 1) == [TriggerChanged(at=0, rule="down", labels=(), value=False)]
    assert evaluator.next_event_at() == 30 * SECOND
    assert evaluator.advance(30 * SECOND) == [
        TriggerChanged(at=30 * SECOND, rule="down", labels=(), value=None)
    ]
    feed(evaluator, [ok(30 * SECOND)])
    # What was told at that instant is taken back at the same instant; the outcome never had it.
    assert evaluator.advance(31 * SECOND) == [
        TriggerChanged(at=30 * SECOND, rule="down", labels=(), value=False)
    ]
    assert [(x.at, x.value) for x in evaluator.outcome(40 * SECOND).triggers["down"]] == [(0, False)]


def test_two_sources_at_one_instant_make_one_change() -> None:
    plan = builder()
    plan.samples("other", {"ok": BOOLEAN})
    either = plan.logical(plan.field("probe", "ok"), "or", plan.field("other", "ok"))
    plan.rule("fine", either)
    evaluator = StreamEvaluator(plan.build(), 0)
    events = feed(
        evaluator, [ok(0, False), observe("other", 0, ok=True), ok(9, True), observe("other", 9, ok=False)]
    )
    events += evaluator.advance(10)
    assert events == [TriggerChanged(at=0, rule="fine", labels=(), value=True)]


def test_the_first_of_two_samples_at_one_instant_stands() -> None:
    evaluator = StreamEvaluator(availability_plan(staleness=None), 0)
    feed(evaluator, [ok(0), ok(0, False), ok(5 * MINUTE), ok(5 * MINUTE, False)])
    assert evaluator.outcome(10 * MINUTE).judgements[0].value == 1


def test_late_data_within_the_grace_is_put_in_its_place() -> None:
    evaluator = StreamEvaluator(availability_plan(staleness=None), 0, live=True)
    events = feed(evaluator, [ok(0)])
    events += evaluator.advance(12 * MINUTE)
    assert not [event for event in events if isinstance(event, JudgementFinal)]
    feed(evaluator, [ok(8 * MINUTE, False), ok(9 * MINUTE + 30 * SECOND)])
    (waiting, _) = evaluator.judgements(12 * MINUTE)
    assert (waiting.verdict, waiting.final) == (Verdict.VIOLATED, False)
    assert evaluator.next_event_at() == 15 * MINUTE
    (final,) = [e for e in evaluator.advance(15 * MINUTE) if isinstance(e, JudgementFinal)]
    assert final.at == 15 * MINUTE
    assert final.judgement.value == Fraction(85, 100)


def test_live_data_older_than_the_grace_is_refused() -> None:
    evaluator = StreamEvaluator(availability_plan(), 0, live=True)
    feed(evaluator, [ok(0), ok(20 * MINUTE)])
    kept, refused = ok(15 * MINUTE), ok(15 * MINUTE - 1)
    assert evaluator.observe(kept) == []
    assert evaluator.observe(refused) == [TooLate(at=20 * MINUTE, observation=refused)]


def test_a_goal_is_lost_when_the_budget_is_spent_and_not_before() -> None:
    evaluator = StreamEvaluator(availability_plan(staleness=None), 0, live=True)
    feed(evaluator, [ok(0), ok(MINUTE, False)])
    events = evaluator.advance(2 * MINUTE)
    assert [e.judgement.verdict for e in events if isinstance(e, StandingChanged)] == [Verdict.AT_RISK]
    events = evaluator.advance(2 * MINUTE + 1)
    assert [e.judgement.verdict for e in events if isinstance(e, StandingChanged)] == [Verdict.LOST]
    assert not [e for e in evaluator.advance(3 * MINUTE) if isinstance(e, StandingChanged)]


def test_a_goal_is_secured_when_nothing_can_break_it_any_more() -> None:
    evaluator = StreamEvaluator(availability_plan(staleness=None), 0, live=True)
    feed(evaluator, [ok(0)])
    evaluator.advance(9 * MINUTE - 1)
    (judgement,) = evaluator.judgements(9 * MINUTE)
    assert judgement.verdict is Verdict.SECURED
    assert not judgement.final


def test_a_new_label_is_judged_from_its_first_observation_on() -> None:
    plan = builder(staleness=None, labels=("region",))
    plan.available("available", plan.field("probe", "ok"), TARGET, ExactWindow(MINUTE), by=("region",))
    evaluator = StreamEvaluator(plan.build(), 0)
    feed(
        evaluator,
        [observe("probe", 0, region="eu", ok=True), observe("probe", 130 * SECOND, region="us", ok=True)],
    )
    judgements = evaluator.outcome(3 * MINUTE).judgements
    assert [(x.labels[0][1], x.window.start // MINUTE) for x in judgements] == [
        ("eu", 0),
        ("eu", 1),
        ("eu", 2),
        ("us", 2),
    ]
    assert judgements[-1].coverage == Fraction(50, 60)


def test_a_rolling_window_forgets_what_lies_behind_it() -> None:
    plan = builder(staleness=None)
    down = plan.aggregate("downtime", plan.field("probe", "ok"), RollingWindow(2 * MINUTE, MINUTE))
    plan.metrics = {"down": down}
    evaluator = StreamEvaluator(plan.build(), 0)
    feed(evaluator, [ok(0), ok(30 * SECOND, False), ok(90 * SECOND)])
    values = [point.value.value for point in evaluator.outcome(4 * MINUTE).metrics["down"]]
    assert values == [30 * SECOND, 60 * SECOND, 30 * SECOND, 0]


def test_windows_still_to_come_keep_a_share_of_windows_open() -> None:
    plan = builder(staleness=30 * SECOND)
    p95 = plan.aggregate(
        "percentile",
        plan.field("probe", "elapsed"),
        ExactWindow(MINUTE),
        source="probe",
        parameter=Fraction(95, 100),
    )
    quick = plan.compare(p95, "<=", plan.constant(5, DURATION))
    share = plan.aggregate("share", quick, ExactWindow(4 * MINUTE))
    plan.goal(
        "quick", plan.compare(share, ">=", plan.constant(Fraction(1, 2), SHARE)), ExactWindow(4 * MINUTE)
    )
    plan.metrics = {"share": share}
    evaluator = StreamEvaluator(plan.build(), 0)
    feed(evaluator, [observe("probe", at * SECOND, elapsed=9 if at < 120 else 1) for at in range(0, 181, 30)])
    (point,) = evaluator.outcome(3 * MINUTE).metrics["share"]
    assert (point.value.value, point.value.lower, point.value.upper) == (
        Fraction(1, 3),
        Fraction(1, 4),
        Fraction(1, 2),
    )
    assert evaluator.outcome(3 * MINUTE).judgements[0].verdict is Verdict.AT_RISK


def test_the_state_of_aggregates_over_time_does_not_grow() -> None:
    evaluator = StreamEvaluator(availability_plan(), 0, live=True)

    def size_after(minutes: range) -> int:
        for minute in minutes:
            feed(
                evaluator,
                [ok(minute * MINUTE + second * SECOND, second != 20) for second in range(0, 60, 10)],
            )
            evaluator.advance((minute + 1) * MINUTE)
        return len(json.dumps(evaluator.snapshot()))

    settled = size_after(range(60))
    assert size_after(range(60, 600)) < settled * 1.2


def test_history_that_was_not_kept_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="keeps history"):
        StreamEvaluator(availability_plan(), 0, live=True).outcome(MINUTE)
