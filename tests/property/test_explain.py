"""Property: every verdict of every plan can be explained, and what is told of it is what was judged."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from wsla.diagnostics.source import SourceText
from wsla.evaluation.stream import StreamEvaluator
from wsla.explaining.explain import Judged, explain, worst_first
from wsla.explaining.statements import Statement
from wsla.explaining.written import Written
from wsla.remedies.decider import decide
from wsla.testing.strategies import Case, cases

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=10)
NOTHING = Written(source=SourceText(name="plan.sla", text=""), title="")


def facts_of(statement: Statement, kind: str) -> dict[str, object]:
    return next(dict(one.facts) for one in statement.because if one.kind == kind)


@QUICK
@given(cases())
def test_every_verdict_can_be_explained(case: Case) -> None:
    evaluator = StreamEvaluator(case.plan, case.start)
    for observation in case.observations:
        evaluator.observe(observation)
    outcome = evaluator.outcome(case.until)
    judged = Judged(
        plan=case.plan,
        written=NOTHING,
        observations=case.observations,
        outcome=outcome,
        decisions=decide(case.plan, outcome),
    )
    chosen = worst_first(judged.judgements)[:1]
    for judgement, statement in zip(chosen, explain(judged, chosen), strict=True):
        assert facts_of(statement, "verdict")["verdict"] == judgement.verdict.value
        # What the judge said is what the reasons give: nothing has to fall back on it.
        assert facts_of(statement, "verdict")["decided_by"] != "stored"
        assert facts_of(statement, "value")["value"] == judgement.value
        assert facts_of(statement, "coverage")["coverage"] == judgement.coverage
