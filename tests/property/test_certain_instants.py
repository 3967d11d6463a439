"""Property: since when a verdict is certain is what the rules say (M99), whenever somebody looks."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsla.evaluation.reference.crossing import Certain, certain_from
from wsla.evaluation.stream import Event, StandingChanged, StreamEvaluator
from wsla.evaluation.verdicts import CERTAIN
from wsla.testing.strategies import Case, cases
from wsla.values.observations import Observation

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=10)


def certain(events: list[Event]) -> list[StandingChanged]:
    return [one for one in events if isinstance(one, StandingChanged) and one.judgement.verdict in CERTAIN]


def assert_right(case: Case, seen: list[Observation], events: list[Event]) -> None:
    """What was told to be certain was so from the instant that the rules say, as far as was known."""
    for one in (one for one in events if isinstance(one, StandingChanged)):
        if one.judgement.verdict not in CERTAIN:
            assert one.since is None
            continue
        expected = certain_from(case.plan, seen, case.start, one.at)
        key = (one.judgement.goal, one.judgement.labels, one.judgement.window)
        assert expected[key] == (one.judgement.verdict, one.since), key


def in_time(case: Case) -> list[Observation]:
    return [one for one in case.observations if one.at < case.until]


@QUICK
@given(cases(), st.data())
def test_whoever_looks_late_is_told_the_right_instant(case: Case, data: st.DataObject) -> None:
    evaluator = StreamEvaluator(case.plan, case.start, live=True)
    restart = data.draw(st.integers(0, 20))
    steps = data.draw(st.sampled_from(("at once", "now and then", "never")))
    seen: list[Observation] = []
    for number, observation in enumerate(in_time(case)):
        if number == restart:
            evaluator = StreamEvaluator.restore(case.plan, json.loads(json.dumps(evaluator.snapshot())))
        assert_right(case, seen, evaluator.observe(observation))
        seen.append(observation)
        if steps == "at once" or (steps == "now and then" and data.draw(st.integers(0, 2)) == 0):
            assert_right(case, seen, evaluator.advance(observation.at + 1))
    assert_right(case, seen, evaluator.advance(case.until))


def told_when_due(evaluator: StreamEvaluator, until: int) -> list[Event]:
    """What is told where somebody sleeps until ``next_change`` says, again and again."""
    events: list[Event] = []
    while (at := evaluator.next_change()) is not None and at <= until:
        events += evaluator.advance(at)
    return events


@QUICK
@given(cases())
def test_whoever_sleeps_until_the_next_change_misses_nothing(case: Case) -> None:
    evaluator = StreamEvaluator(case.plan, case.start, live=True)
    events: list[Event] = []
    for observation in in_time(case):
        events += told_when_due(evaluator, observation.at)
        events += evaluator.observe(observation)
    events += told_when_due(evaluator, case.until)
    found: Certain = {}
    for one in certain(events):
        # An outage's window has another end when it is over.
        key = (one.judgement.goal, one.judgement.labels, one.judgement.window.start)
        assert one.since == one.at
        assert key not in found
        found[key] = (one.judgement.verdict, one.at)  # type: ignore[index]
    expected = certain_from(case.plan, in_time(case), case.start, case.until)
    assert found == {(goal, labels, window.start): what for (goal, labels, window), what in expected.items()}


@QUICK
@given(cases(), st.data())
def test_late_data_moves_the_instant(case: Case, data: st.DataObject) -> None:
    observations = in_time(case)
    grace = case.plan.grace
    delays = data.draw(
        st.lists(st.integers(0, grace), min_size=len(observations), max_size=len(observations))
    )
    arrivals = sorted(
        (one.at + delays[[x.at for x in observations].index(one.at)], number)
        for number, one in enumerate(observations)
    )
    evaluator = StreamEvaluator(case.plan, case.start, live=True)
    seen: list[Observation] = []
    last: dict[object, StandingChanged] = {}
    restart = data.draw(st.integers(0, 20))

    def take(events: list[Event]) -> None:
        assert_right(case, seen, events)
        for one in events:
            if isinstance(one, StandingChanged):
                last[one.judgement.goal, one.judgement.labels, one.judgement.window] = one

    for position, (arrival, number) in enumerate(arrivals):
        if position == restart:
            evaluator = StreamEvaluator.restore(case.plan, json.loads(json.dumps(evaluator.snapshot())))
        if arrival > case.until:
            break
        take(evaluator.advance(arrival))
        take(evaluator.observe(observations[number]))
        seen.append(observations[number])
    take(evaluator.advance(case.until))
    # Of windows that are still open the last word counts, and its instant.
    for key, (verdict, since) in certain_from(case.plan, seen, case.start, case.until).items():
        if key in last and key[2].end > case.until:
            assert (last[key].judgement.verdict, last[key].since) == (verdict, since)
