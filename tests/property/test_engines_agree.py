"""Property: the streaming evaluator gives what the rules say, however observations and time are dealt out to it."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.evaluation.reference import evaluate
from wsla.evaluation.report import Outcome
from wsla.evaluation.stream import JudgementFinal, StreamEvaluator, TooLate, TriggerChanged
from wsla.evaluation.verdicts import Judgement
from wsla.testing.strategies import Case, cases

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=32)


def assert_equal(found: Outcome, expected: Outcome) -> None:
    """Equal part by part, so that a failure shows the part."""
    assert found.judgements == expected.judgements
    assert found.metrics == expected.metrics
    assert found.triggers == expected.triggers
    assert found == expected


def in_one_go(case: Case) -> Outcome:
    """The outcome where everything is observed in order and time is moved on at the end alone."""
    evaluator = StreamEvaluator(case.plan, case.start)
    for observation in case.observations:
        evaluator.observe(observation)
    return evaluator.outcome(case.until)


def by_window(judgements: Iterable[Judgement]) -> dict[object, Judgement]:
    return {(x.goal, x.labels, x.window): x for x in judgements}


@QUICK
@given(cases())
def test_the_outcome_is_that_of_the_rules(case: Case) -> None:
    assert_equal(in_one_go(case), evaluate(case.plan, case.observations, case.start, case.until))


@QUICK
@given(cases(), st.data())
def test_observations_of_history_may_come_in_any_order(case: Case, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(case.observations))
    evaluator = StreamEvaluator(case.plan, case.start)
    for number, observation in enumerate(shuffled):
        evaluator.observe(observation)
        if number % 5 == 4:
            evaluator.advance(observation.at)
    assert_equal(
        evaluator.outcome(case.until),
        in_one_go(
            Case(
                plan=case.plan,
                observations=tuple(sorted(shuffled, key=lambda x: x.at)),
                start=case.start,
                until=case.until,
            )
        ),
    )


@QUICK
@given(cases(), st.data())
def test_time_may_be_moved_on_in_any_steps(case: Case, data: st.DataObject) -> None:
    evaluator = StreamEvaluator(case.plan, case.start)
    instants = [observation.at for observation in case.observations]
    steps = st.sampled_from([*instants, case.start, case.until, case.start + 1])
    events = []
    for observation in case.observations:
        if observation.at < case.until:
            step = min(data.draw(steps), observation.at)
            events += evaluator.advance(step)
            events += evaluator.observe(observation)
    events += evaluator.advance(case.until)
    outcome = evaluator.outcome(case.until)
    assert_equal(outcome, in_one_go(case))
    assert [event.at for event in events] == sorted(event.at for event in events)
    final = [event.judgement for event in events if isinstance(event, JudgementFinal)]
    assert len(final) == len(by_window(final))
    assert by_window(final) == by_window(x for x in outcome.judgements if x.final)
    # What was told last of a trigger at an instant is what the outcome says of it.
    told = {(e.rule, e.labels, e.at): e.value for e in events if isinstance(e, TriggerChanged)}
    for rule, changes in outcome.triggers.items():
        for change in changes:
            if change.at < case.until:
                assert told[rule, change.labels, change.at] == change.value


@QUICK
@given(cases(), st.integers(0, 10**6))
def test_an_outcome_may_be_asked_for_at_an_earlier_instant(case: Case, share: int) -> None:
    evaluator = StreamEvaluator(case.plan, case.start)
    for observation in case.observations:
        evaluator.observe(observation)
    evaluator.advance(case.until)
    earlier = case.start + (case.until - case.start) * share // 10**6
    if earlier > case.start:
        short = Case(plan=case.plan, observations=case.observations, start=case.start, until=earlier)
        fresh = StreamEvaluator(case.plan, case.start)
        for observation in short.observations:
            if observation.at < earlier:
                fresh.observe(observation)
        assert_equal(evaluator.outcome(earlier), fresh.outcome(earlier))


@QUICK
@given(cases(), st.data())
def test_live_data_within_the_grace_gives_the_final_judgements_of_history(
    case: Case, data: st.DataObject
) -> None:
    grace = case.plan.grace
    delays = data.draw(
        st.lists(st.integers(0, grace), min_size=len(case.observations), max_size=len(case.observations))
    )
    # Two observations of one instant keep their order, so that the same one is accepted first.
    arrivals = sorted(
        (observation.at + delays[[x.at for x in case.observations].index(observation.at)], number)
        for number, observation in enumerate(case.observations)
    )
    evaluator = StreamEvaluator(case.plan, case.start, live=True)
    events = []
    for arrival, number in arrivals:
        if arrival > case.until:
            break
        events += evaluator.advance(arrival)
        events += evaluator.observe(case.observations[number])
    events += evaluator.advance(case.until)
    assert not [event for event in events if isinstance(event, TooLate)]
    assert [event.at for event in events] == sorted(event.at for event in events)
    found = [event for event in events if isinstance(event, JudgementFinal)]
    assert all(event.at == event.judgement.window.end + grace for event in found)
    expected = [x for x in in_one_go(case).judgements if x.final and x.window.end + grace <= case.until]
    assert by_window(event.judgement for event in found) == by_window(expected)
