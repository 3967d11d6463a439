"""Property: what is judged in columns is what the rules say, and so is what is left to the stream engine."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

import pytest
from attrs import evolve
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from wsla.analysis.operations import Aggregate
from wsla.evaluation.batch import formulas
from wsla.evaluation.batch.evaluator import BatchEvaluator
from wsla.evaluation.batch.streams import streams_of
from wsla.evaluation.reference import evaluate
from wsla.evaluation.report import Outcome, counts_of, episodes_of
from wsla.evaluation.stream import StreamEvaluator
from wsla.remedies.decider import decide
from wsla.testing.strategies import Case, cases
from wsla.values.calendars import OverlappingWindow

from .reduction_double import double

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=28)


def assert_equal(found: Outcome, expected: Outcome) -> None:
    """Equal part by part, so that a failure shows the part."""
    assert tuple(found.judgements) == tuple(expected.judgements)
    assert {name: tuple(points) for name, points in found.metrics.items()} == expected.metrics
    assert found.triggers == expected.triggers
    assert found == expected
    assert expected == found


def in_columns(case: Case, shuffled: Any = None) -> BatchEvaluator:
    """The batch evaluator, with samples in columns and records as observations."""
    evaluator = BatchEvaluator(case.plan, case.start, case.until)
    records = {source.name for source in case.plan.sources if source.records}
    evaluator.observe(one for one in case.observations if one.source in records)
    streams = streams_of(case.plan, case.observations)
    for stream in streams if shuffled is None else shuffled(streams):
        evaluator.take(stream)
    return evaluator


def one_by_one(case: Case) -> Outcome:
    evaluator = StreamEvaluator(case.plan, case.start)
    evaluator.observe_all(one for one in case.observations if one.at < case.until)
    return evaluator.outcome(case.until)


def is_long(case: Case) -> bool:
    """Whether windows of months overlap, in which the reference looks at every hour again and again."""
    nodes = (node for node in case.plan.operations if isinstance(node, Aggregate))
    return any(isinstance(node.window, OverlappingWindow) for node in nodes)


@QUICK
@given(cases())
def test_the_outcome_is_that_of_the_rules(case: Case) -> None:
    assume(not is_long(case))
    found = in_columns(case).outcome()
    assert_equal(found, evaluate(case.plan, case.observations, case.start, case.until))


@settings(QUICK, max_examples=40)
@given(cases(), st.data())
def test_the_outcome_is_that_of_the_stream_engine_in_any_order_of_streams(
    case: Case, data: st.DataObject
) -> None:
    found = in_columns(case, lambda streams: data.draw(st.permutations(streams))).outcome()
    expected = one_by_one(case)
    assert_equal(found, expected)
    assert counts_of(found.judgements) == counts_of(tuple(expected.judgements))
    assert episodes_of(found.judgements) == episodes_of(tuple(expected.judgements))


@QUICK
@given(cases())
def test_the_second_stage_gives_what_the_rules_say_with_the_first_done_by_the_reference(case: Case) -> None:
    # Aggregates over records are in columns too here, so that more formulas are.
    assume(not is_long(case))
    evaluator = BatchEvaluator(case.plan, case.start, case.until, double(case.observations))
    evaluator.observe(case.observations)
    assert_equal(evaluator.outcome(), evaluate(case.plan, case.observations, case.start, case.until))


@settings(QUICK, max_examples=40)
@given(cases())
def test_decisions_need_no_more_than_the_verdicts_that_matter(case: Case) -> None:
    # M27: of rolling windows the first of equal verdicts in a row alone is carried out.
    assume(not is_long(case))
    found = in_columns(case).outcome()
    decisions = decide(case.plan, found)
    assert decisions == decide(case.plan, evolve(found, judgements=tuple(found.judgements)))
    assert decisions == decide(case.plan, one_by_one(case))


@QUICK
@given(cases())
def test_what_is_not_kept_is_worked_out_again(case: Case) -> None:
    assume(not is_long(case))
    with patch.multiple(formulas, _ROWS_TOGETHER=3, _ROWS_REMEMBERED=5, _KEPT_ROWS=0):
        assert_equal(in_columns(case).outcome(), one_by_one(case))


@QUICK
@given(cases(), st.data())
def test_judgements_in_columns_are_a_sequence_like_the_tuple_of_them(case: Case, data: st.DataObject) -> None:
    assume(not is_long(case))
    found = in_columns(case).outcome().judgements
    every = tuple(found)
    assert len(found) == len(every)
    assert hash(found) == hash(every)
    assert repr(found) == repr(every)
    if every:
        place = data.draw(st.integers(-len(every), len(every) - 1))
        assert found[place] == every[place]
        low, high = data.draw(st.integers(-3, len(every))), data.draw(st.integers(-3, len(every)))
        assert found[low:high] == every[low:high]
        assert every[place] in found
        assert found != every[:-1]
    with pytest.raises(IndexError):
        found[len(every)]
