"""What an aggregate over samples knows of time before the first sample of a label combination (rule M13)."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import StreamEvaluator
from wsla.plan.model import Plan
from wsla.testing.plans import BOOLEAN, PlanBuilder, observe
from wsla.values.calendars import ExactWindow
from wsla.values.instants import MINUTE, SECOND

WINDOW = ExactWindow(10 * MINUTE)


def plan_of(source: str) -> Plan:
    """The share of a source's samples at which half of the hosts of their region at least are well."""
    plan = PlanBuilder()
    plan.samples("regional", {"ok": BOOLEAN}, labels=("region",))
    plan.samples("hosts", {"ok": BOOLEAN}, labels=("region", "host"))
    share = plan.across("share", plan.field("hosts", "ok"), by=("region",))
    well = plan.compare(share, ">=", plan.constant(Fraction(1, 2), plan.operations[share].type))
    series = plan.aggregate("share", well, WINDOW, source=source, by=("region",))
    limit = plan.constant(Fraction(9, 10), plan.operations[series].type)
    plan.metrics["well"] = series
    plan.goal("good", plan.compare(series, ">=", limit), WINDOW, value=series, by=("region",))
    return plan.build()


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("late", [0, SECOND, 2 * MINUTE, 10 * MINUTE, 11 * MINUTE])
@pytest.mark.parametrize("source", ["regional", "hosts"])
def test_time_counts_in_which_another_source_or_stream_made_it_known(
    source: str, late: int, restarted: bool
) -> None:
    plan = plan_of(source)
    seen = [
        observe("hosts", 0, region="eu", host="a", ok=True),
        observe("hosts", late, region="eu", host="b", ok=True),
        observe("regional", late, region="eu", ok=True),
        observe("regional", late + MINUTE, region="us", ok=True),
    ]
    if late == 0:
        seen[0] = observe("hosts", 0, region="eu", host="c", ok=True)
    evaluator = StreamEvaluator(plan, 0)
    for one in seen:
        evaluator.observe(one)
        if restarted:
            evaluator = StreamEvaluator.restore(plan, json.loads(json.dumps(evaluator.snapshot())))
    until = late + 5 * MINUTE
    assert evaluator.outcome(until) == evaluate(plan, seen, 0, until)
