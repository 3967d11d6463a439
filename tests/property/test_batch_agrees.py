"""Property: what is judged in columns is what the rules say, and so is what is left to the stream engine."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

pytest.importorskip("numpy", reason="columns need numpy")

from wsla.evaluation.batch.evaluator import BatchEvaluator
from wsla.evaluation.reference import evaluate
from wsla.evaluation.report import Outcome
from wsla.testing.strategies import Case, cases

from .reduction_double import Double

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=60)


def assert_equal(found: Outcome, expected: Outcome) -> None:
    """Equal part by part, so that a failure shows the part."""
    assert tuple(found.judgements) == tuple(expected.judgements)
    assert {name: tuple(points) for name, points in found.metrics.items()} == expected.metrics
    assert found.triggers == expected.triggers
    assert found == expected


def test_nothing():
    pass


@QUICK
@given(cases())
def test_the_second_stage_gives_what_the_rules_say(case: Case) -> None:
    evaluator = BatchEvaluator(case.plan, case.start, case.until, Double(case.observations))
    evaluator.observe(case.observations)
    assert_equal(evaluator.outcome(), evaluate(case.plan, case.observations, case.start, case.until))
