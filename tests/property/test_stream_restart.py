"""Property: an evaluator that was stored and restored goes on as if nothing had happened."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.evaluation.stream import Event, StreamEvaluator
from wsla.testing.strategies import Case, cases

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=28)


def restarted(case: Case, evaluator: StreamEvaluator) -> StreamEvaluator:
    """The same evaluator after its snapshot has been text."""
    return StreamEvaluator.restore(case.plan, json.loads(json.dumps(evaluator.snapshot())))


def run(
    case: Case, restarts: frozenset[int], *, live: bool, shuffled: tuple[int, ...]
) -> tuple[list[Event], object]:
    evaluator = StreamEvaluator(case.plan, case.start, live=live)
    events: list[Event] = []
    for number, position in enumerate(shuffled):
        if number in restarts:
            evaluator = restarted(case, evaluator)
        observation = case.observations[position]
        events += evaluator.observe(observation)
        if number % 4 == 3:
            events += evaluator.advance(observation.at)
            assert restarted(case, evaluator).next_event_at() == evaluator.next_event_at()
    if live:
        events += evaluator.advance(case.until)
        return events, evaluator.judgements(case.until)
    return events, evaluator.outcome(case.until)


@QUICK
@given(cases(), st.data(), st.booleans(), st.booleans())
def test_a_restart_changes_nothing(case: Case, data: st.DataObject, live: bool, disorder: bool) -> None:
    count = len(case.observations)
    order = tuple(range(count))
    if disorder:
        order = tuple(data.draw(st.permutations(order)))
    restarts = data.draw(st.frozensets(st.integers(0, max(0, count - 1)), max_size=3))
    assert run(case, restarts, live=live, shuffled=order) == run(case, frozenset(), live=live, shuffled=order)


@QUICK
@given(cases(), st.booleans())
def test_a_snapshot_of_a_restored_evaluator_is_the_same(case: Case, live: bool) -> None:
    evaluator = StreamEvaluator(case.plan, case.start, live=live)
    for observation in case.observations:
        evaluator.observe(observation)
    text = json.dumps(evaluator.snapshot(), sort_keys=True)
    assert json.dumps(restarted(case, evaluator).snapshot(), sort_keys=True) == text
