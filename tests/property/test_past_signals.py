"""Property: signals that rest on the past (M46 to M49) are the same in both engines, however nested."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from wsla.evaluation.reference import evaluate
from wsla.evaluation.stream import StreamEvaluator, TriggerChanged
from wsla.testing.formulas import Formulas
from wsla.testing.past_formulas import past_signal
from wsla.testing.strategies import HOURS, SECONDS, Case, observations, stretches

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=32)
REGION = ("region",)


class PastFormulas(Formulas):
    """Formulas in which nearly everything that is true or false rests on the past."""

    def truth(self, by: tuple[str, ...], *, depth: int = 2) -> int:
        if depth and self.sometimes(2):
            return past_signal(self, by, depth=depth - 1)
        return super().truth(by, depth=depth)

    def _goal(self, name: str, by: tuple[str, ...]) -> None:
        window = self.pick(*self.scale.outer)
        function = self.pick("availability", "duration", "longest", "outages")
        value = self.build.aggregate(function, self.truth(by), window, filter=self.filter(), by=by)
        self.build.metrics[f"{name}_value"] = value
        self.build.goal(name, self.condition_of(value), window, value=value, by=by)


@st.composite
def cases(draw: DrawFn) -> Case:
    plan = PastFormulas(draw, draw(st.sampled_from((HOURS, SECONDS)))).plan()
    start, until = draw(stretches(plan))
    seen = draw(observations(plan, start, until))
    return Case(plan=plan, observations=seen, start=start, until=until)


def run(case: Case, restarts: frozenset[int], steps: Any) -> object:
    evaluator = StreamEvaluator(case.plan, case.start)
    for number, observation in enumerate(case.observations):
        if number in restarts:
            evaluator = StreamEvaluator.restore(case.plan, json.loads(json.dumps(evaluator.snapshot())))
        if steps is not None and observation.at < case.until:
            evaluator.advance(min(steps(), observation.at))
        evaluator.observe(observation)
    return evaluator.outcome(case.until)


@QUICK
@given(cases(), st.data())
def test_both_engines_agree_with_restarts_and_time_moved_on_in_any_steps(
    case: Case, data: st.DataObject
) -> None:
    expected = evaluate(case.plan, case.observations, case.start, case.until)
    assert run(case, frozenset(), None) == expected
    restarts = data.draw(st.frozensets(st.integers(0, max(0, len(case.observations) - 1)), max_size=3))
    instants = [
        *(observation.at for observation in case.observations),
        case.start,
        case.until,
        case.start + 1,
    ]
    assert run(case, restarts, lambda: data.draw(st.sampled_from(instants))) == expected


@QUICK
@given(cases(), st.data())
def test_what_is_foreseen_at_an_instant_is_told_anew_once_its_observations_are_known(
    case: Case, data: st.DataObject
) -> None:
    evaluator = StreamEvaluator(case.plan, case.start)
    events = []
    for observation in case.observations:
        if observation.at < case.until:
            # As often as not the very instant of the observation is asked about before it comes.
            if data.draw(st.booleans()):
                events += evaluator.advance(observation.at)
            events += evaluator.observe(observation)
    events += evaluator.advance(case.until)
    told = {(e.rule, e.labels, e.at): e.value for e in events if isinstance(e, TriggerChanged)}
    for rule, changes in evaluator.outcome(case.until).triggers.items():
        for change in changes:
            if change.at < case.until:
                assert told[rule, change.labels, change.at] == change.value
