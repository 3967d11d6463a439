"""Property: what `wsla test` shows as the reason of a value adds up to that value, for every plan and history."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import HealthCheck, given, settings

from wsla.analysis.operations import Aggregate
from wsla.evaluation.stream import StreamEvaluator
from wsla.remedies.decider import decide
from wsla.testing import evidence
from wsla.testing.coverage import reached_by
from wsla.testing.history import History
from wsla.testing.strategies import Case, cases
from wsla.values.instants import Interval

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=25)


def history_of(case: Case) -> History:
    evaluator = StreamEvaluator(case.plan, case.start)
    for observation in case.observations:
        evaluator.observe(observation)
    return History(case.plan, case.observations, evaluator.outcome(case.until))


@QUICK
@given(cases())
def test_good_and_bad_parts_make_the_share_that_was_measured(case: Case) -> None:
    history = history_of(case)
    for name, points in history.outcome.metrics.items():
        node = case.plan.operations[case.plan.metrics[name]]
        if (
            not isinstance(node, Aggregate)
            or node.function not in ("availability", "share")
            or node.idle is not None
        ):
            continue
        for point in points:
            (ground,) = evidence.of_point(history, name, point, None).grounds
            known = ground.total - ground.unknown
            expected = Fraction(known - ground.bad, known) if known else None
            assert point.value.value == expected


@QUICK
@given(cases())
def test_every_verdict_and_every_rule_can_be_explained(case: Case) -> None:
    history = history_of(case)
    for judgement in history.outcome.judgements:
        found = evidence.of_judgement(history, judgement)
        assert (found.name, found.window) == (judgement.goal, judgement.window)
        for ground in found.grounds:
            assert len(ground.items) + ground.left_out >= (ground.bad + ground.unknown > 0)
    for rule in case.plan.rules:
        stretch = Interval(case.start, case.until)
        for labels in {change.labels for change in history.outcome.triggers[rule.name]}:
            (ground,) = evidence.of_rule(history, rule, labels, stretch).grounds
            assert ground.bad + ground.unknown <= ground.total <= stretch.length


@QUICK
@given(cases())
def test_a_reached_reaction_follows_from_a_decision(case: Case) -> None:
    history = history_of(case)
    decisions = decide(case.plan, history.outcome)
    reached = reached_by(case.plan, history, decisions)
    causes = {decision.cause for decision in decisions}
    for kind, name, *_ in (place for place in reached if place[0] in ("otherwise", "rewarding")):
        assert name in causes, kind
    judged = {judgement.goal for judgement in history.outcome.judgements}
    assert {place[1] for place in reached if place[0] == "goal"} <= judged
