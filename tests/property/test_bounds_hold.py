"""Property: what is said of an open window stays true, whatever is observed later (M50, M52, M53)."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from wsla.analysis.operations import Aggregate, Value
from wsla.evaluation.report import SeriesPoint
from wsla.evaluation.stream import StreamEvaluator
from wsla.plan.model import Plan
from wsla.testing.formulas import Formulas
from wsla.testing.over_time import forgiving_outages, over_time
from wsla.testing.strategies import HOURS, SECONDS, Case, observations, stretches
from wsla.values.calendars import OverlappingWindow, RollingWindow

QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=80)


class OneMetric(Formulas):
    """Plans with one metric, over time or over the truths of windows side by side."""

    def plan(self) -> Plan:
        self._sources()
        self._schedules()
        outer = self.pick(*(window for window in self.scale.outer if not isinstance(window, RollingWindow)))
        function = self.pick("availability", "duration", "downtime", "longest", "outages", "share")
        if function == "share":
            inner = self.pick(
                *(x for x in self.scale.inner if not isinstance(x, RollingWindow | OverlappingWindow))
            )
            truth = self.condition_of(self.leaf_over_time(inner))
            where = self.condition_of(self.leaf_over_time(inner)) if self.sometimes(3) else None
            index = self.build.aggregate(
                "share", truth, outer, where=where, forgiving=forgiving_outages(self)
            )
        else:
            index = over_time(self, function, self.truth(()), outer, ())
        self.build.metrics["m"] = index
        return self._without_unused_sources()

    def leaf_over_time(self, window: object) -> int:
        return over_time(self, "availability", self.truth(()), window, ())  # type: ignore[arg-type]

    def idle(self) -> None:
        """Nothing: a value when idle is another than the one that is bounded."""


@st.composite
def cases(draw: DrawFn) -> Case:
    plan = OneMetric(draw, draw(st.sampled_from((HOURS, SECONDS)))).plan()
    start, until = draw(stretches(plan))
    return Case(plan=plan, observations=draw(observations(plan, start, until)), start=start, until=until)


def points(case: Case, until: int) -> dict[object, SeriesPoint]:
    evaluator = StreamEvaluator(case.plan, case.start)
    for observation in case.observations:
        if observation.at < until:
            evaluator.observe(observation)
    return {point.window: point for point in evaluator.outcome(until).metrics["m"]}


def at_most(left: Value, right: Value) -> bool:
    """True where both are known and in order, or one is no bound."""
    return left is None or right is None or left <= right  # type: ignore[operator]


@QUICK
@given(cases(), st.integers(0, 1000))
def test_later_bounds_lie_within_earlier_ones(case: Case, share: int) -> None:
    node = case.plan.operations[case.plan.metrics["m"]]
    assert isinstance(node, Aggregate)
    looks_at_time = node.function != "share"
    early = case.start + (case.until - case.start) * share // 1000
    before, after = points(case, early), points(case, case.until)
    for window, point in before.items():
        if window not in after:
            continue
        earlier, later = point.value, after[window].value
        if later.value is None and later.lower is None:
            # No item took part in the end.
            continue
        assert at_most(earlier.lower, later.lower), (earlier, later)
        assert at_most(later.upper, earlier.upper), (earlier, later)
        # Of windows that have not ended, bounds may say more than there are values (M15).
        if later.value is not None and looks_at_time:
            assert at_most(later.lower, later.value), later
            assert at_most(later.value, later.upper), later
